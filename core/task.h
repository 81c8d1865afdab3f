/* Work of other kinds than films: queued, watched, cancelled and reported like
 * one. A task has no frames; waiting for frame 0 is waiting for its end.
 *
 * Thread safety: run is called on the engine's worker; so are the functions below it that take
 * a job. */
#ifndef ZC_TASK_H
#define ZC_TASK_H

#include "core/engine.h"

typedef struct zc_task {
    zc_status (*run)(void *user, zc_job *job);
    void      (*free)(void *user);    /* when the job is closed */
    void       *user;
} zc_task;

/* The request is checked and copied. task->user is taken, on failure too. */
zc_status zc_task_start(zc_engine *e, zc_job **out, const zc_request *q, const zc_task *task);

zc_engine        *zc_job_engine(zc_job *job);
const zc_request *zc_job_request(zc_job *job);
zc_cancel        *zc_job_cancelling(zc_job *job);
zc_str           *zc_job_result(zc_job *job);     /* JSON of a value, for the report */
void              zc_job_enter(zc_job *job, zc_phase_kind phase, int steps);
void              zc_job_progress(void *job, int done, int total);

#endif
