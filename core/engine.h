/* An engine: one device, one worker thread that runs jobs in order, one log.
 *
 * Thread safety: open and close belong to the owner; the rest as core.h says. */
#ifndef ZC_ENGINE_H
#define ZC_ENGINE_H

#include "core/core.h"
#include "core/generate.h"
#include "core/shared.h"

struct zc_engine {
    zc_log      log;              /* the worker's: its last error is the running job's */
    zc_log      calls;            /* of everybody else who calls */
    zc_mutex    saying;           /* around say: two logs have one listener */
    void      (*say)(void *user, int32_t level, const char *text);
    void       *say_user;
    zc_device  *dev;
    char       *presets;          /* folders that are searched for them */
    uint64_t    max_memory;
    zc_thread   worker;
    zc_mutex    mutex;
    zc_cond     changed;          /* a job was queued, has ended, or quit was set */
    bool        quit;
    zc_job     *first;            /* the job at work, then those that wait */

    /* The last job's model, kept for the next one that wants the same; the worker's. */
    zc_shared           *shared;
    const zc_checkpoint *checkpoint;          /* borrowed from it, as are loaded parts */
    zc_loaded            part[ZC_COMPONENTS];
    zk_dtype             kept_act;
    bool                 kept_f8;
    uint64_t             kept_budget;
};

/* The checkpoint that a request names, kept or opened anew. */
zc_status zc_engine_checkpoint(zc_engine *e, const zc_request *q, zc_cancel *cancel);

/* A component of it, in memory, until it is dropped: then others may have it, and if memory is
 * limited it is freed. What a job has not dropped is dropped at its end. */
zc_status zc_engine_component(zc_engine *e, enum zc_component_kind kind, zc_cancel *cancel);
void      zc_engine_drop(zc_engine *e, enum zc_component_kind kind);

/* A plan, told to that log. */
zc_status zc_plan_of(zc_engine *e, zc_log *log, const zc_request *q, zc_plan *plan);

/* All that is kept is given back. */
void      zc_engine_forget(zc_engine *e);

/* job.c: the worker's part. */
zc_job *zc_job_next(zc_job *job);
void    zc_job_run(zc_job *job);

#endif
