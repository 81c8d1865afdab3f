/* The state of a fit as a file, to go on with after an interruption.
 *
 * It carries a hash of all that the result depends on: options, job, number of
 * prompts. A state with another hash is refused.
 *
 * Thread safety: pure but for the arrays. */
#ifndef ZC_TRAIN_STATE_H
#define ZC_TRAIN_STATE_H

#include "core/base/opt.h"
#include "core/train/train.h"
#include "kernels/dtype.h"

#define ZC_STATE_ARRAYS   32
#define ZC_STATE_COUNTERS 8

typedef struct zc_state_array {
    const char *name;
    zk_dtype    type;
    void       *data;
    uint64_t    count;        /* elements */
} zc_state_array;

typedef struct zc_state {
    const zc_train_job   *job;
    const zc_opt         *options;
    const void           *values;     /* of the options */
    int                   prompts;
    const zc_state_array *arrays;
    int                   count;      /* ZC_STATE_ARRAYS at most */
    int                   total;      /* load: counters[0] is 0 to this */
} zc_state;

zc_status zc_state_save(const zc_state *s, const char *path,
                        const int64_t counters[ZC_STATE_COUNTERS]);

/* Nothing has changed if the file is not this fit's; after any other failure the
 * arrays may be filled in part. */
zc_status zc_state_load(const zc_state *s, const char *path, int64_t counters[ZC_STATE_COUNTERS]);

#endif
