/* What every fit of a predictor has in common: the job it is for, and where its
 * trajectories come from.
 *
 * A fit sees one prompt at a time. It asks for the features of the uncached run
 * (truth), which the caller makes or has stored, and where it works in a closed loop
 * it lets the caller run the model again with the predictor as it is at that moment.
 *
 * Thread safety: callbacks arrive on the thread that fits. */
#ifndef ZC_TRAIN_H
#define ZC_TRAIN_H

#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/cache/predictor.h"
#include "core/sample/schedule.h"
#include "core/train/trajectory.h"

typedef struct zc_train_job {
    zc_log            *log;
    zc_cancel         *cancel;        /* NULL: nobody will; polled once a prompt */
    const zc_schedule *schedule;      /* borrowed for as long as the fit */
    zc_tap             tap;
    int                lanes;
    size_t             count;         /* elements of a feature that are looked at */
    const char        *model;         /* fingerprint; copied into the predictor, as is the next */
    const char        *licence;
    const char        *recipe;        /* what else runs depend on, for states; NULL: nothing */
} zc_train_job;

typedef struct zc_train_source {
    void *user;
    int   prompts;

    /* Fills t, which has its sizes, with the features of the uncached run. */
    zc_status (*truth)(void *user, int prompt, zc_trajectory *t);

    /* Closed loop: runs the model from the noise of that uncached run with p's full steps and
     * rows, which are read when their step comes: a cache that is opened with p as its predictor
     * does so. Writes the features that were used into t, and calls `after` once all lanes of a
     * step are there; `after` may be NULL. */
    zc_status (*run)(void *user, int prompt, const zc_predictor *p, zc_trajectory *t,
                     void (*after)(void *fit, int step), void *fit);
} zc_train_source;

/* An empty predictor for the job: everything but full, rows, counts and network. */
zc_status zc_train_predictor(zc_predictor **out, const zc_train_job *job, const char *method,
                             const char *fit, int depth, int prompts);

#endif
