/* The worker and its queue, and the model that it keeps. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/engine.h"
#include "core/task.h"

/* ---- What is kept from job to job ---- */

void zc_engine_forget(zc_engine *e)
{
    for (int i = 0; i < ZC_COMPONENTS; i++)
        zc_engine_drop(e, (enum zc_component_kind)i);
    e->checkpoint = NULL;
    zc_shared_close(&e->shared, e->dev->queue);
}

/* Bytes that weights may stay in, 0 for no limit. A device with memory of its own sets one
 * where all of a job would not fit; what is wrong with the job is told when it is done. */
static uint64_t budget_of(zc_engine *e, const zc_request *q)
{
    zc_plan plan;

    if (q->max_memory || e->max_memory || !e->dev->memory)
        return q->max_memory ? (uint64_t)q->max_memory : e->max_memory;
    return zc_plan_of(e, &e->log, q, &plan) == ZC_OK ? plan.limit : 0;
}

zc_status zc_engine_checkpoint(zc_engine *e, const zc_request *q, zc_cancel *cancel)
{
    zc_status st = ZC_OK;
    const uint64_t budget = budget_of(e, q);
    const zc_shared_key key = zc_shared_key_of(q, e->dev->be, budget);

    if (e->shared && zc_shared_is(e->shared, &key))
        return ZC_OK;
    zc_engine_forget(e);
    ZC_TRY(zc_shared_open(&e->shared, &e->log, &key, q, cancel));
    e->checkpoint = zc_shared_checkpoint(e->shared);
    e->kept_act = q->precision == ZC_PRECISION_F32 ? ZK_F32 : ZK_BF16;
    e->kept_f8 = q->precision == ZC_PRECISION_F8;
    e->kept_budget = budget;
done:
    return st;
}

zc_status zc_engine_component(zc_engine *e, enum zc_component_kind kind, zc_cancel *cancel)
{
    const zc_loaded_desc desc = { .log = &e->log, .be = e->dev->be, .queue = e->dev->queue,
                                  .act = e->kept_act, .f8 = e->kept_f8,
                                  .budget = e->kept_budget, .pool = e->dev->pool,
                                  .cancel = cancel };

    return e->part[kind].bound ? ZC_OK : zc_shared_take(e->shared, &desc, kind, &e->part[kind]);
}

void zc_engine_drop(zc_engine *e, enum zc_component_kind kind)
{
    zc_shared_give(e->shared, kind, &e->part[kind], e->dev->queue,
                   e->kept_budget ? ZC_FORGET : ZC_KEEP);
}

/* ---- The worker ---- */

static void work(void *arg)
{
    zc_engine *e = arg;

    zc_mutex_lock(&e->mutex);
    for (;;) {
        while (!e->first && !e->quit)
            zc_cond_wait(&e->changed, &e->mutex);
        zc_job *job = e->first;
        if (!job)
            break;
        zc_mutex_unlock(&e->mutex);
        zc_log_forget(&e->log);
        zc_job_run(job);
        for (int i = 0; i < ZC_COMPONENTS; i++)
            zc_engine_drop(e, (enum zc_component_kind)i);
        zc_mutex_lock(&e->mutex);
        e->first = zc_job_next(job);
        zc_cond_broadcast(&e->changed);
    }
    zc_mutex_unlock(&e->mutex);
}

static void say(void *user, zc_level level, const char *text)
{
    zc_engine *e = user;

    zc_mutex_lock(&e->saying);
    e->say(e->say_user, (int32_t)level, text);
    zc_mutex_unlock(&e->saying);
}

/* The mutexes, of which the logs' are two; `ready` counts how far it came. */
static zc_status open_locks(zc_engine *e, const zc_engine_desc *desc, int *ready)
{
    zc_status st = ZC_OK;

    for (*ready = 0; *ready < 2; ++*ready)
        ZC_TRY(zc_log_init(*ready ? &e->calls : &e->log, desc->level, desc->log ? say : NULL, e));
    for (; *ready < 4; ++*ready)
        ZC_TRY(zc_mutex_init(*ready == 2 ? &e->saying : &e->mutex));
    ZC_TRY(zc_cond_init(&e->changed));
    ++*ready;
done:
    return st;
}

static void close_locks(zc_engine *e, int ready)
{
    if (ready > 4)
        zc_cond_fini(&e->changed);
    if (ready > 3)
        zc_mutex_fini(&e->mutex);
    if (ready > 2)
        zc_mutex_fini(&e->saying);
    if (ready > 1)
        zc_log_fini(&e->calls);
    if (ready > 0)
        zc_log_fini(&e->log);
}

zc_status zc_engine_open(zc_engine **out, const zc_engine_desc *desc)
{
    zc_status st = ZC_OK;
    zc_engine *e = zc_new(zc_engine);
    int ready = 0;

    *out = NULL;
    if (!e)
        return ZC_E_NOMEM;
    zc_log *log = &e->log;
    e->max_memory = desc->max_memory;
    e->say = desc->log;
    e->say_user = desc->log_user;
    ZC_TRY(open_locks(e, desc, &ready));
    const char *presets = desc->presets ? desc->presets : "";
    ZC_CHECK(e->presets = zc_copy_text(presets, strlen(presets)), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_device_open(&e->dev, &(zc_device_desc){ .log = log, .backend = desc->device,
                                                      .threads = desc->threads }));
    st = zc_thread_start(&e->worker, "zt-engine", work, e);
    ZC_CHECK(st == ZC_OK, st, "the engine's thread cannot be started");
    *out = e;
    return ZC_OK;
done:
    zc_device_close(&e->dev);
    zc_free(e->presets);
    close_locks(e, ready);
    zc_free(e);
    return st;
}

void zc_engine_close(zc_engine **out)
{
    zc_engine *e = *out;

    if (!e)
        return;
    zc_mutex_lock(&e->mutex);
    for (zc_job *job = e->first; job; job = zc_job_next(job))
        zc_cancel_request(zc_job_cancelling(job));
    e->quit = true;
    zc_cond_broadcast(&e->changed);
    zc_mutex_unlock(&e->mutex);
    zc_thread_join(&e->worker);
    zc_engine_forget(e);
    zc_device_close(&e->dev);
    zc_free(e->presets);
    close_locks(e, 5);
    zc_free(e);
    *out = NULL;
}

zc_log *zc_engine_log(zc_engine *e)
{
    return &e->calls;
}

const char *zc_engine_presets(const zc_engine *e)
{
    return e->presets;
}

/* ---- Lists ---- */

const char *zc_list_samplers(int index, const char **summary)
{
    for (int i = 0; i <= index; i++) {
        if (!zc_samplers[i])
            return NULL;
    }
    *summary = zc_samplers[index]->summary;
    return zc_samplers[index]->name;
}

const char *zc_list_backends(int index, const char **summary)
{
    for (int i = 0; i <= index; i++) {
        if (!zk_backends[i])
            return NULL;
    }
    *summary = zk_backends[index]->summary;
    return zk_backends[index]->name;
}

const char *zc_list_models(int index, const char **summary)
{
    if (index != 0)
        return NULL;
    *summary = zc_model_hunyuan.summary;
    return zc_model_hunyuan.name;
}
