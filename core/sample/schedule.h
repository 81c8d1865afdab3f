/* The noise levels that a generation passes through.
 *
 * Thread safety: pure functions. */
#ifndef ZC_SCHEDULE_H
#define ZC_SCHEDULE_H

#include "core/base/log.h"
#include "core/base/status.h"

#define ZC_STEPS_MAX 1000

typedef struct zc_schedule {
    int   steps;
    float sigma[ZC_STEPS_MAX + 1];    /* 1 first, 0 last */
} zc_schedule;

typedef struct zc_step {
    int   index;          /* from 0, the noisiest */
    float sigma;          /* 1 is noise, 0 is data */
    float time;           /* as models count it: 1000 * sigma */
    float next;           /* sigma after this step */
} zc_step;

/* Flow matching: evenly spaced levels u, moved to shift u / (1 + (shift - 1) u).
 * ZC_E_ARGUMENT if steps is not in 1 .. ZC_STEPS_MAX or shift not above 0. */
zc_status zc_schedule_flow(zc_schedule *s, zc_log *log, int steps, float shift);

zc_step zc_schedule_at(const zc_schedule *s, int index);

#endif
