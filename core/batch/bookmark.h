/* Where a generation stands, in its job's folder: two checkpoints of the denoising,
 * of which one is always whole, and the finished latent, from which frames are made.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_BATCH_BOOKMARK_H
#define ZC_BATCH_BOOKMARK_H

#include "core/base/str.h"
#include "core/keeping.h"

#define ZC_BOOKMARK_AUTO (-1.0)       /* as often as it costs less than 1 %, or each minute */

typedef struct zc_bookmark zc_bookmark;

/* `owner`: 64 hex digits that no other job has; a checkpoint of another owner, or a damaged one, is
 * not used. `seconds` between two; 0: after each step. The log is borrowed until close. */
zc_status zc_bookmark_open(zc_bookmark **out, zc_log *log, const char *folder, const char *owner,
                           double seconds);
void      zc_bookmark_close(zc_bookmark **b);

/* Borrowed from the bookmark. */
const zc_keeping *zc_bookmark_keeping(const zc_bookmark *b);

/* True, and filled in, if the denoising was over already; `result` gets what was kept with it. */
bool      zc_bookmark_finished(zc_bookmark *b, float *latent, size_t count, zc_str *result);
zc_status zc_bookmark_finish(zc_bookmark *b, const float *latent, size_t count,
                             const char *result);

#endif
