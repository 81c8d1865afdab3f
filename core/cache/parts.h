/* What several caching methods share.
 *
 * Thread safety: pure functions. */
#ifndef ZC_CACHE_PARTS_H
#define ZC_CACHE_PARTS_H

#include "core/cache/method.h"

/* The mix of methods that repeat: the newest feature as it is. */
int zc_cache_repeat(const void *state, const zc_step *step, const zc_cache_past *past, float *coef,
                    float *bias);

/* Numbers with blanks or commas between them, at most `most`; `key` is for messages. */
zc_status zc_cache_numbers(double *out, int most, int *count, zc_log *log, const char *key,
                           const char *text);

#endif
