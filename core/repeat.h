/* Work that is the same in every step, on backends that can note what is enqueued: run
 * as it is the first time, when backends make up their minds, noted the second, and
 * done again from the notes from then on.
 *
 * Thread safety: as a run's. */
#ifndef ZC_REPEAT_H
#define ZC_REPEAT_H

#include "core/device.h"

/* Starts as { 0 }. */
typedef struct zc_repeat {
    int         times;            /* how often it was run as it is now */
    bool        refused;          /* by the backend */
    size_t      at;               /* what it depends on: where scratch begins, and two tensors */
    const void *in, *out;
    double      flops;
} zc_repeat;

/* Runs fn, or what it enqueued before. It may only use ops, with scratch that it gives back, and
 * tensors whose place depends on nothing but those given; `which` is below ZK_RECORDS, and
 * nobody else's during the run. */
void zc_repeat_run(zc_repeat *p, zc_run *r, int which, const zk_tensor io[2], zc_work_fn fn,
                   void *user);

#endif
