/* One job from request to last frame: text, noise, steps, frames. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/batch/bookmark.h"
#include "core/batch/texts.h"
#include "core/caching.h"
#include "core/engine.h"
#include "core/pieces.h"
#include "core/task.h"

struct zc_job {
    zc_engine  *engine;
    zc_job     *next;             /* in the engine's queue; guarded by its mutex */
    zc_request *q;
    zc_task     task;             /* run NULL: a film */
    zc_reel    *reel;
    zc_input   *input;            /* NULL: none */
    zc_lasting  keep;
    zc_cancel   cancel;

    zc_mutex    mutex;            /* around what follows */
    zc_job_info info;
    int64_t     began_ns, phase_ns;           /* clock when work, and this phase, began */
    int         from;             /* step that this phase began at: above 0 if it goes on */
    bool        ended;
    char        error[ZC_LOG_TEXT];
    zc_str      report, result;   /* the second is the worker's until the end */

    zc_states   states[ZC_LANES];             /* the worker's */
    float      *latent;
    double      seconds[ZC_PHASE_MEASURE + 1];
};

/* ---- Progress ---- */

/* With the mutex locked. */
static void enter(zc_job *job, zc_phase_kind phase, int steps)
{
    const int64_t now = zc_clock_ns();

    job->seconds[job->info.phase] = (double)(now - job->phase_ns) * 1e-9;
    job->phase_ns = now;
    job->info.phase = phase;
    job->info.step = 0;
    job->info.steps = steps;
    job->from = -1;
}

void zc_job_enter(zc_job *job, zc_phase_kind phase, int steps)
{
    zc_mutex_lock(&job->mutex);
    enter(job, phase, steps);
    zc_mutex_unlock(&job->mutex);
}

void zc_job_progress(void *user, int done, int total)
{
    zc_job *job = user;

    zc_mutex_lock(&job->mutex);
    if (job->from < 0)
        job->from = done - 1;
    job->info.step = done;
    job->info.steps = total;
    zc_mutex_unlock(&job->mutex);
}

void zc_job_info_get(zc_job *job, zc_job_info *info)
{
    const int64_t now = zc_clock_ns();

    zc_mutex_lock(&job->mutex);
    *info = job->info;
    if (job->began_ns && !job->ended)
        info->seconds = (float)((double)(now - job->began_ns) * 1e-9);
    info->seconds_left = -1.0f;
    if (job->ended)
        info->seconds_left = 0.0f;
    else if (info->phase != ZC_PHASE_DECODE && info->steps > 0 && job->from >= 0)
        info->seconds_left = (float)((double)(now - job->phase_ns) * 1e-9 *
                                     (info->steps - info->step) / (info->step - job->from));
    zc_mutex_unlock(&job->mutex);
    info->frames_done = zc_reel_count(job->reel);
}

/* ---- Phases ---- */

static void add_frame(void *user, int index, const float *pixels)
{
    zc_job *job = user;

    (void)index;
    zc_reel_add(job->reel, pixels);
}

/* Lanes that were encoded before, by this job or any other. True if no encoder is needed. */
static zc_status find_texts(zc_job *job, char keys[ZC_LANES][65], int lanes, bool *all)
{
    const zc_request *q = job->q;
    zc_engine *e = job->engine;
    const zc_configs *c = &e->checkpoint->configs;
    zc_status st = ZC_OK;

    *all = job->keep.texts != NULL;
    for (int i = 0; job->keep.texts && i < lanes; i++) {
        ZC_TRY(zc_states_key(keys[i], e, q, i ? q->negative : q->prompt));
        *all = zc_texts_find(&e->log, job->keep.texts, keys[i], &job->states[i], c->text.hidden,
                             c->clip.hidden) && *all;
    }
done:
    return st;
}

static zc_status encode_lane(zc_job *job, const zc_phase *phase, int lane, const char *key)
{
    const zc_request *q = job->q;
    zc_engine *e = job->engine;
    const zc_configs *c = &e->checkpoint->configs;
    zc_status st = ZC_OK;

    if (job->states[lane].text)
        return ZC_OK;
    ZC_TRY(zc_states_encode(&job->states[lane], e, q, phase, lane ? q->negative : q->prompt));
    if (job->keep.texts)
        zc_texts_add(&e->log, job->keep.texts, job->keep.texts_bytes, key, &job->states[lane],
                     c->text.hidden, c->clip.hidden);
done:
    return st;
}

static zc_status run_text(zc_job *job, const zc_phase *phase)
{
    zc_engine *e = job->engine;
    const int lanes = job->q->cfg != 1.0f ? 2 : 1;
    char keys[ZC_LANES][65] = { "" };
    zc_status st = ZC_OK;
    bool all = false;

    zc_job_enter(job, ZC_PHASE_LOADING, 0);
    ZC_TRY(find_texts(job, keys, lanes, &all));
    if (all)
        goto done;
    ZC_TRY(zc_engine_component(e, ZC_COMPONENT_TEXT, &job->cancel));
    ZC_TRY(zc_engine_component(e, ZC_COMPONENT_CLIP, &job->cancel));
    zc_job_enter(job, ZC_PHASE_TEXT, 0);
    for (int i = 0; i < lanes; i++)
        ZC_TRY(encode_lane(job, phase, i, keys[i]));
    zc_engine_drop(e, ZC_COMPONENT_TEXT);
    zc_engine_drop(e, ZC_COMPONENT_CLIP);
done:
    return st;
}

static zc_status run_denoise(zc_job *job, const zc_phase *phase, const int32_t size[3])
{
    zc_engine *e = job->engine;
    const zc_request *q = job->q;
    const zc_checkpoint_part *part = e->checkpoint->part[ZC_COMPONENT_MODEL];
    zc_schedule schedule;
    zc_caching caching = { .method = NULL };
    char fingerprint[65] = "";
    zc_status st = ZC_OK;

    zc_job_enter(job, ZC_PHASE_LOADING, 0);
    ZC_TRY(zc_schedule_flow(&schedule, &e->log, q->steps, q->shift));
    ZC_TRY(zc_checkpoint_fingerprint(part, &e->log, fingerprint));
    ZC_TRY(zc_caching_open(&caching, &e->log, q, &schedule, fingerprint));
    ZC_TRY(zc_engine_component(e, ZC_COMPONENT_MODEL, &job->cancel));
    zc_job_enter(job, ZC_PHASE_DENOISE, q->steps);
    zc_denoising d = zc_pieces_denoising(e, q, &schedule, size);
    for (int i = 0; i < ZC_LANES; i++) {
        d.lane[i] = (zc_lane){ job->states[i].text, job->states[i].rows, job->states[i].pooled };
        d.cache[i] = caching.lane[i];
    }
    if (job->keep.bookmark)
        d.keeping = zc_bookmark_keeping(job->keep.bookmark);
    ZC_TRY(zc_denoise(phase, &d, job->latent));
    if (caching.method) {
        zc_cache_say(caching.lane[0], &e->log);
        zc_cache_report(caching.lane[0], &(zc_json_writer){ .to = &job->result });
    }
    if (job->keep.bookmark)
        ZC_TRY(zc_bookmark_finish(job->keep.bookmark, job->latent, zc_pieces_count(e, size),
                                  zc_str_get(&job->result)));
    zc_engine_drop(e, ZC_COMPONENT_MODEL);
done:
    zc_caching_close(&caching);
    return st;
}

static zc_status run_decode(zc_job *job, const zc_phase *phase, const int32_t size[3])
{
    zc_engine *e = job->engine;
    zc_status st = ZC_OK;

    zc_job_enter(job, ZC_PHASE_LOADING, 0);
    ZC_TRY(zc_engine_component(e, ZC_COMPONENT_VAE, &job->cancel));
    zc_job_enter(job, ZC_PHASE_DECODE, 0);
    const zc_decoding d = zc_pieces_decoding(e, job->q, size);
    ZC_TRY(zc_decode(phase, &d, job->latent, add_frame, job));
    zc_engine_drop(e, ZC_COMPONENT_VAE);
done:
    return st;
}

static zc_status generate(zc_job *job)
{
    zc_engine *e = job->engine;
    const zc_request *q = job->q;
    zc_status st = ZC_OK;
    int32_t size[3];

    zc_job_enter(job, ZC_PHASE_LOADING, 0);
    ZC_TRY(zc_engine_checkpoint(e, q, &job->cancel));
    ZC_TRY(zc_pieces_size(e, q, size));
    const zc_phase phase = { .dev = e->dev, .act = e->kept_act, .cancel = &job->cancel,
                             .progress = zc_job_progress, .user = job };
    ZC_TRY(zc_pieces_noise(&job->latent, e, q, q->seed, size));
    if (!job->keep.bookmark || !zc_bookmark_finished(job->keep.bookmark, job->latent,
                                                     zc_pieces_count(e, size), &job->result)) {
        ZC_TRY(run_text(job, &phase));
        ZC_TRY(run_denoise(job, &phase, size));
    }
    ZC_TRY(run_decode(job, &phase, size));
done:
    return st;
}

/* ---- The job ---- */

static void text_field(zc_json_writer *w, const char *key, const char *text)
{
    zc_json_add_key(w, key);
    zc_json_add_string(w, text);
}

static void int_field(zc_json_writer *w, const char *key, int64_t value)
{
    zc_json_add_key(w, key);
    zc_json_add_i64(w, value);
}

static void float_field(zc_json_writer *w, const char *key, double value)
{
    zc_json_add_key(w, key);
    zc_json_add_f64(w, value);
}

static void write_report(zc_job *job)
{
    zc_json_writer w = { .to = &job->report };
    const zc_request *q = job->q;

    zc_json_begin_object(&w);
    text_field(&w, "status", zc_status_name(job->info.status));
    text_field(&w, "error", job->error);
    text_field(&w, "model", q->model);
    if (!q->private)
        text_field(&w, "prompt", q->prompt);
    int_field(&w, "seed", q->seed);
    int_field(&w, "width", q->width);
    int_field(&w, "height", q->height);
    int_field(&w, "frames", q->frames);
    int_field(&w, "steps", q->steps);
    int_field(&w, "input_frames", job->input ? job->input->frames : 0);
    int_field(&w, "tokens_cut", (int64_t)job->states[0].cut);
    text_field(&w, "cache", q->cache);
    if (job->result.length) {
        zc_json_add_key(&w, job->task.run ? "result" : "cache_trace");
        zc_json_add_json(&w, zc_str_get(&job->result));
    }
    float_field(&w, "seconds_text", job->seconds[ZC_PHASE_TEXT]);
    float_field(&w, "seconds_denoise", job->seconds[ZC_PHASE_DENOISE]);
    float_field(&w, "seconds_decode", job->seconds[ZC_PHASE_DECODE]);
    zc_json_end_object(&w);
}

/* log has the reason, if st is a failure. */
static void end(zc_job *job, zc_log *log, zc_status st)
{
    zc_mutex_lock(&job->mutex);
    enter(job, ZC_PHASE_DONE, 0);
    job->info.status = st;
    if (job->began_ns)
        job->info.seconds = (float)((double)(zc_clock_ns() - job->began_ns) * 1e-9);
    if (st == ZC_E_CANCELLED)
        zc_format(job->error, sizeof(job->error), "cancelled");
    else if (st != ZC_OK)
        zc_log_last_error(log, job->error, sizeof(job->error));
    write_report(job);
    job->ended = true;
    zc_mutex_unlock(&job->mutex);
    zc_reel_end(job->reel, st);
}

void zc_job_run(zc_job *job)
{
    zc_status st = ZC_E_CANCELLED;

    zc_mutex_lock(&job->mutex);
    job->began_ns = job->phase_ns = zc_clock_ns();
    zc_mutex_unlock(&job->mutex);
    if (!zc_cancel_requested(&job->cancel))
        st = job->task.run ? job->task.run(job->task.user, job) : generate(job);
    end(job, &job->engine->log, st);
}

zc_job *zc_job_next(zc_job *job)
{
    return job->next;
}

static void job_free(zc_job *job)
{
    for (int i = 0; i < ZC_LANES; i++)
        zc_states_fini(&job->states[i]);
    zc_free(job->latent);
    zc_str_fini(&job->report);
    zc_str_fini(&job->result);
    zc_reel_close(&job->reel);
    zc_free(job->input);
    zc_free(job->q);
    if (job->task.free)
        job->task.free(job->task.user);
    zc_free(job);
}

zc_status zc_job_check(zc_log *log, const zc_request *q)
{
    zc_status st = ZC_OK;

    ZC_TRY(zc_request_check(q, log));
    ZC_CHECK(zc_sampler_find(q->sampler), ZC_E_MISSING, "there is no sampler '%s'; there is %s",
             zc_quote_text(q->sampler).text, zc_samplers[0]->name);
    ZC_TRY(zc_caching_check(q, log));
    ZC_CHECK(*q->model || *q->transformer, ZC_E_MISSING,
             "no model: set 'model' to the folder of a checkpoint");
done:
    return st;
}

static zc_status start(zc_engine *e, zc_job **out, const zc_request *q, const zc_task *task,
                       const zc_input_desc *input, const zc_lasting *keep)
{
    const int frames = task->run ? 0 : q->frames;
    zc_log *log = zc_engine_log(e);
    zc_status st = ZC_OK;
    zc_job *job = zc_new(zc_job);

    *out = NULL;
    if (!job && task->free)
        task->free(task->user);
    ZC_CHECK(job, ZC_E_NOMEM, "job: out of memory");
    job->engine = e;
    job->task = *task;
    if (keep)
        job->keep = *keep;
    job->phase_ns = zc_clock_ns();
    job->info = (zc_job_info){ .width = q->width, .height = q->height, .frames = frames };
    ZC_CHECK(job->q = zc_new(zc_request), ZC_E_NOMEM, "job: out of memory");
    *job->q = *q;
    ZC_TRY(zc_job_check(log, q));
    if (input) {
        ZC_TRY(zc_input_copy(&job->input, log, input, q->width, q->height, q->frames));
        zc_warning(log, "input: %d frames are kept, but %s starts from noise alone",
                   job->input->frames, zc_model_hunyuan.name);
    }
    ZC_TRY(zc_reel_open(&job->reel, log, q->width, q->height, frames));
    ZC_TRY(zc_mutex_init(&job->mutex));

    zc_mutex_lock(&e->mutex);
    zc_job **tail = &e->first;
    while (*tail)
        tail = &(*tail)->next;
    *tail = job;
    zc_cond_broadcast(&e->changed);
    zc_mutex_unlock(&e->mutex);
    *out = job;
    job = NULL;
done:
    if (job)
        job_free(job);
    return st;
}

zc_status zc_job_start(zc_engine *e, zc_job **out, const zc_request *q)
{
    return zc_job_start_from(e, out, q, NULL);
}

zc_status zc_job_start_kept(zc_engine *e, zc_job **out, const zc_request *q, const zc_lasting *keep)
{
    return start(e, out, q, &(zc_task){ .run = NULL }, NULL, keep);
}

zc_status zc_job_start_from(zc_engine *e, zc_job **out, const zc_request *q,
                            const zc_input_desc *input)
{
    return start(e, out, q, &(zc_task){ .run = NULL }, input, NULL);
}

const zc_input *zc_job_input(const zc_job *job)
{
    return job->input;
}

zc_status zc_task_start(zc_engine *e, zc_job **out, const zc_request *q, const zc_task *task)
{
    return start(e, out, q, task, NULL, NULL);
}

zc_engine *zc_job_engine(zc_job *job)
{
    return job->engine;
}

const zc_request *zc_job_request(zc_job *job)
{
    return job->q;
}

zc_cancel *zc_job_cancelling(zc_job *job)
{
    return &job->cancel;
}

zc_str *zc_job_result(zc_job *job)
{
    return &job->result;
}

zc_reel *zc_job_reel(zc_job *job)
{
    return job->reel;
}

/* Takes a job out of the queue; false if it is at work, or has left. With the engine's mutex. */
static bool leave_queue(zc_engine *e, zc_job *job)
{
    zc_job **at = &e->first;

    while (*at && *at != job)
        at = &(*at)->next;
    if (!*at || at == &e->first)
        return false;
    *at = job->next;
    return true;
}

void zc_job_cancel(zc_job *job)
{
    zc_engine *e = job->engine;

    zc_cancel_request(&job->cancel);
    zc_mutex_lock(&e->mutex);
    const bool waited = leave_queue(e, job);
    zc_mutex_unlock(&e->mutex);
    if (waited)
        end(job, &e->calls, ZC_E_CANCELLED);
}

const char *zc_job_error(zc_job *job)
{
    zc_mutex_lock(&job->mutex);
    const char *text = job->ended ? job->error : "";
    zc_mutex_unlock(&job->mutex);
    return text;
}

const char *zc_job_trace(zc_job *job)
{
    /* The worker leaves it alone from the first frame on. */
    return zc_reel_count(job->reel) > 0 ? zc_str_get(&job->result) : NULL;
}

const char *zc_job_report(zc_job *job)
{
    zc_mutex_lock(&job->mutex);
    const char *text = job->ended ? zc_str_get(&job->report) : "";
    zc_mutex_unlock(&job->mutex);
    return text;
}

void zc_job_close(zc_job **out)
{
    zc_job *job = *out;

    if (!job)
        return;
    zc_job_cancel(job);
    zc_engine *e = job->engine;
    zc_mutex_lock(&e->mutex);
    while (e->first == job)
        zc_cond_wait(&e->changed, &e->mutex);
    zc_mutex_unlock(&e->mutex);
    zc_mutex_fini(&job->mutex);
    job_free(job);
    *out = NULL;
}

zc_status zc_job_frame(zc_job *job, int index, const zc_picture *into)
{
    const float *pixels = zc_reel_frame(job->reel, index);
    const zk_backend *ref = zk_backend_find("ref");
    zc_status st = ZC_E_ARGUMENT;

    if (pixels) {
        const zk_tensor src = zk_dense4((void *)(uintptr_t)pixels, ZK_F32, 1, job->q->height,
                                        job->q->width, 3);
        st = (zc_status)ref->pixels(NULL, &(struct zk_pixels){ .src = src, .dst = into->data,
                                                               .pitch = into->pitch,
                                                               .format = (zk_pixel)into->format });
    }
    return st;
}
