/* An engine: one device, one worker thread that runs jobs in order, one log.
 *
 * Thread safety: open and close belong to the owner; the rest as core.h says. */
#ifndef ZC_ENGINE_H
#define ZC_ENGINE_H

#include "core/checkpoint.h"
#include "core/core.h"
#include "core/generate.h"

struct zc_engine {
    zc_log      log;
    void      (*say)(void *user, int32_t level, const char *text);
    void       *say_user;
    zc_device  *dev;
    uint64_t    max_memory;
    zc_thread   worker;
    zc_mutex    mutex;
    zc_cond     changed;          /* a job was queued, has ended, or quit was set */
    bool        quit;
    zc_job     *first;            /* the job at work, then those that wait */

    /* The last job's model, kept for the next one that wants the same; the worker's. */
    char          *kept_key;
    zc_checkpoint *checkpoint;
    zc_loaded   part[ZC_COMPONENTS];
    zk_dtype       kept_act;
};

/* The checkpoint that a request names, kept or opened anew. */
zc_status zc_engine_checkpoint(zc_engine *e, const zc_request *q);

/* A component of it, in memory. drop gives it back, and does nothing unless memory is limited. */
zc_status zc_engine_component(zc_engine *e, const zc_request *q, enum zc_component_kind kind,
                              zc_cancel *cancel);
void      zc_engine_drop(zc_engine *e, enum zc_component_kind kind);

/* All that is kept is given back. */
void      zc_engine_forget(zc_engine *e);

/* job.c: the worker's part. */
zc_job *zc_job_next(zc_job *job);
void    zc_job_run(zc_job *job);

#endif
