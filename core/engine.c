/* The worker and its queue, and the model that it keeps. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/engine.h"

/* ---- What is kept from job to job ---- */

void zc_engine_forget(zc_engine *e)
{
    for (int i = 0; i < ZC_COMPONENTS; i++)
        zc_loaded_close(&e->part[i]);
    zc_checkpoint_close(&e->checkpoint);
    zc_free(e->kept_key);
    e->kept_key = NULL;
}

/* Everything of a request that decides which weights are loaded, and how. */
static zc_status key_of(char **out, zc_log *log, const zc_request *q)
{
    const char *const parts[] = { q->model, q->transformer, q->text_encoder, q->clip, q->vae,
                                  q->tokenizer, q->clip_tokenizer };
    zc_status st = ZC_OK;
    zc_str key = { 0 };

    for (size_t i = 0; i < ZC_COUNT(parts); i++)
        zc_str_add_format(&key, "%s\n", parts[i]);
    zc_str_add_format(&key, "%d %lld", q->precision, (long long)q->max_memory);
    *out = zc_str_release(&key);
    ZC_CHECK(*out, ZC_E_NOMEM, "out of memory");
done:
    return st;
}

zc_status zc_engine_checkpoint(zc_engine *e, const zc_request *q)
{
    zc_status st = ZC_OK;
    char *key = NULL;

    ZC_TRY(key_of(&key, &e->log, q));
    if (e->kept_key && strcmp(e->kept_key, key) == 0)
        goto done;
    zc_engine_forget(e);
    ZC_TRY(zc_checkpoint_open(&e->checkpoint, &e->log, q));
    e->kept_act = q->precision == ZC_PRECISION_F32 ? ZK_F32 : ZK_BF16;
    e->kept_key = key;
    key = NULL;
done:
    zc_free(key);
    return st;
}

static uint64_t budget_of(const zc_engine *e, const zc_request *q)
{
    return q->max_memory ? (uint64_t)q->max_memory : e->max_memory;
}

zc_status zc_engine_component(zc_engine *e, const zc_request *q, enum zc_component_kind kind,
                              zc_cancel *cancel)
{
    zc_loaded *part = &e->part[kind];
    const zc_loaded_desc desc = { .log = &e->log, .be = e->dev->be, .queue = e->dev->queue,
                                  .act = e->kept_act, .budget = budget_of(e, q),
                                  .pool = e->dev->pool, .cancel = cancel,
                                  .source = zc_checkpoint_source(e->checkpoint->part[kind]) };
    zc_weights_plan plan = { .tensors = 0 };
    zc_status st = ZC_OK;

    if (part->bound)
        return ZC_OK;
    ZC_TRY(zc_loaded_open(part, &desc, kind, &e->checkpoint->configs, &plan));
    ZC_TRY(zc_checkpoint_complete(e->checkpoint->part[kind], &e->log));
    zc_info(&e->log, "%s: %d tensors, %.2f GB, of which %.2f GB stay in memory",
            zc_component_names[kind], plan.tensors, (double)plan.bytes * 1e-9,
            (double)plan.resident * 1e-9);
done:
    if (st != ZC_OK)
        zc_loaded_close(part);
    return st;
}

void zc_engine_drop(zc_engine *e, enum zc_component_kind kind)
{
    /* The request's own limit is part of the key, so "limited" does not change while kept. */
    const char *limit = e->kept_key ? strrchr(e->kept_key, ' ') : NULL;

    if (e->max_memory || (limit && strcmp(limit, " 0") != 0))
        zc_loaded_close(&e->part[kind]);
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
        zc_job_run(job);
        zc_mutex_lock(&e->mutex);
        e->first = zc_job_next(job);
        zc_cond_broadcast(&e->changed);
    }
    zc_mutex_unlock(&e->mutex);
}

static void say(void *user, zc_level level, const char *text)
{
    const zc_engine *e = user;

    e->say(e->say_user, (int32_t)level, text);
}

zc_status zc_engine_open(zc_engine **out, const zc_engine_desc *desc)
{
    zc_status st = ZC_OK;
    zc_engine *e = zc_new(zc_engine);
    int ready = 0;                        /* how far opening has come */

    *out = NULL;
    if (!e)
        return ZC_E_NOMEM;
    zc_log *log = &e->log;
    e->max_memory = desc->max_memory;
    e->say = desc->log;
    e->say_user = desc->log_user;
    st = zc_log_init(&e->log, desc->level, desc->log ? say : NULL, e);
    if (st != ZC_OK) {
        zc_free(e);
        return st;
    }
    ZC_TRY(zc_device_open(&e->dev, &(zc_device_desc){ .log = log, .backend = desc->device,
                                                      .threads = desc->threads }));
    ZC_TRY(zc_mutex_init(&e->mutex));
    ready = 1;
    ZC_TRY(zc_cond_init(&e->changed));
    ready = 2;
    st = zc_thread_start(&e->worker, "zt-engine", work, e);
    ZC_CHECK(st == ZC_OK, st, "the engine's thread cannot be started");
    *out = e;
    return ZC_OK;
done:
    if (ready > 1)
        zc_cond_fini(&e->changed);
    if (ready > 0)
        zc_mutex_fini(&e->mutex);
    zc_device_close(&e->dev);
    zc_log_fini(&e->log);
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
        zc_job_cancel(job);
    e->quit = true;
    zc_cond_broadcast(&e->changed);
    zc_mutex_unlock(&e->mutex);
    zc_thread_join(&e->worker);
    zc_engine_forget(e);
    zc_cond_fini(&e->changed);
    zc_mutex_fini(&e->mutex);
    zc_device_close(&e->dev);
    zc_log_fini(&e->log);
    zc_free(e);
    *out = NULL;
}

zc_log *zc_engine_log(zc_engine *e)
{
    return &e->log;
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
