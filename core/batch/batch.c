/* The thread that goes through the list. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/batch/make.h"
#include "core/batch/pattern.h"
#include "core/batch/sheet.h"
#include "core/preset.h"

#define BEAT_MS 5000
#define TEXTS_BYTES ((uint64_t)1 << 30)

struct zc_batch {
    zc_engine    *engine;
    zc_log        log;            /* passes everything on to the engine's */
    zc_batch_desc desc;           /* its texts are in `texts` */
    char         *texts[16];
    size_t        text_count;
    zc_list      *list;
    zc_shard      shard;
    size_t        folder;         /* bytes of desc.output that are its folder */
    zc_thread     thread;
    zc_cancel     cancel;

    zc_mutex      mutex;          /* around what follows */
    zc_cond       changed;
    zc_batch_info info;
    zc_job       *job;            /* the current one, while it is at work */
    int64_t       began_ns;
    zc_str        jobs, run;      /* for the report: an array so far, and of the current job */
    char          error[ZC_LOG_TEXT];
    zc_str        report;
};

/* ---- What the making of a job tells ---- */

static void set_job(void *user, zc_job *job)
{
    zc_batch *b = user;

    zc_mutex_lock(&b->mutex);
    if (b->job) {
        zc_job_info_get(b->job, &b->info.job);
        zc_str_clear(&b->run);
        zc_str_add(&b->run, zc_job_report(b->job));
    }
    b->job = job;
    zc_mutex_unlock(&b->mutex);
}

static void set_written(void *user, int frames)
{
    zc_batch *b = user;

    zc_mutex_lock(&b->mutex);
    b->info.written = frames;
    zc_cond_broadcast(&b->changed);
    zc_mutex_unlock(&b->mutex);
}

/* ---- The thread ---- */

static bool is_mine(const zc_batch *b, int32_t index)
{
    return b->desc.task >= 0 ? index == b->desc.task : zc_shard_has(b->shard, index);
}

/* The preset, with the caller's options and the row's over it. */
static zc_status request_of(zc_batch *b, const zc_list_job *job, zc_request **out)
{
    zc_log *log = &b->log;
    zc_status st = ZC_OK;
    zc_request *q = zc_request_new();
    zc_preset *preset = NULL;
    zc_str options = { 0 };
    const char *prompt = job && job->prompt ? job->prompt : b->desc.prompt;

    zc_str_add(&options, b->desc.options ? b->desc.options : "");
    zc_str_add(&options, "\n");
    zc_str_add(&options, job ? job->options : "");
    ZC_CHECK(q && !options.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_preset_open(&preset, log, &(zc_preset_desc){
        .preset = b->desc.preset, .options = zc_str_get(&options),
        .folders = b->desc.folders }, q));
    if (prompt)
        ZC_TRY(zc_preset_set(preset, log, "the call", "prompt", prompt));
    *out = q;
    q = NULL;
done:
    zc_preset_close(&preset);
    zc_request_free(q);
    zc_str_fini(&options);
    return st;
}

static zc_status run_job(zc_batch *b, const zc_list_job *job, bool *skipped)
{
    zc_log *log = &b->log;
    zc_status st = ZC_OK;
    zc_request *q = NULL;
    zc_str output = { 0 };

    zc_str_add_format(&output, "%.*s%s", (int)b->folder, b->desc.output, job->output);
    ZC_CHECK(!output.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(request_of(b, job, &q));
    ZC_TRY(zc_make(&(zc_make_desc){
        .log = log, .engine = b->engine, .batch = &b->desc, .q = q,
        .output = zc_str_get(&output), .folder = b->folder, .cancel = &b->cancel,
        .job = set_job, .written = set_written, .user = b }, skipped));
done:
    zc_request_free(q);
    zc_str_fini(&output);
    return st;
}

static void begin_job(zc_batch *b, const zc_list_job *job)
{
    zc_mutex_lock(&b->mutex);
    b->info.current = job->index;
    b->info.written = 0;
    b->info.job = (zc_job_info){ .frames = job->frames, .seconds_left = -1 };
    zc_format(b->info.name, sizeof(b->info.name), "%s", job->name);
    zc_cond_broadcast(&b->changed);
    zc_mutex_unlock(&b->mutex);
}

static bool is_failure(zc_status st)
{
    return st != ZC_OK && st != ZC_E_BUSY && st != ZC_E_CANCELLED;
}

/* Whether the next job may do better: what failed was this one's description or input. */
static bool next_may_do(zc_status st)
{
    static const zc_status own[] = {
        ZC_OK, ZC_E_BUSY, ZC_E_SHAPE, ZC_E_MISSING, ZC_E_FORMAT, ZC_E_UNSUPPORTED, ZC_E_ARGUMENT,
        ZC_E_TRUNCATED, ZC_E_LIMIT, ZC_E_MISMATCH, ZC_E_UNSAFE, ZC_E_NOT_OURS, ZC_E_NOT_FOUND,
    };

    for (size_t i = 0; i < ZC_COUNT(own); i++) {
        if (own[i] == st)
            return true;
    }
    return false;
}

static void end_job(zc_batch *b, const zc_list_job *job, zc_status st, bool skipped)
{
    zc_json_writer w = { .to = &b->jobs, .comma = b->jobs.length > 1 };
    char error[ZC_LOG_TEXT] = "";

    zc_mutex_lock(&b->mutex);
    b->info.done += st == ZC_OK;
    b->info.skipped += skipped;
    b->info.busy += st == ZC_E_BUSY;
    if (is_failure(st)) {
        zc_log_last_error(&b->log, error, sizeof(error));
        if (b->info.failed++ == 0 || !next_may_do(st)) {
            b->info.status = st;
            zc_format(b->error, sizeof(b->error), "%s", error);
        }
    }
    zc_json_begin_object(&w);
    zc_json_add_key(&w, "name");
    zc_json_add_string(&w, job->name);
    zc_json_add_key(&w, "seed");
    zc_json_add_i64(&w, job->seed);
    zc_json_add_key(&w, "output");
    zc_json_add_string(&w, job->output);
    zc_json_add_key(&w, "status");
    zc_json_add_string(&w, skipped ? "was done" : zc_status_name(st));
    if (*error) {
        zc_json_add_key(&w, "error");
        zc_json_add_string(&w, error);
    }
    if (b->run.length) {
        zc_json_add_key(&w, "run");
        zc_json_add_json(&w, zc_str_get(&b->run));
    }
    zc_str_clear(&b->run);
    zc_json_end_object(&w);
    zc_mutex_unlock(&b->mutex);
}

static void write_report(zc_batch *b)
{
    zc_json_writer w = { .to = &b->report };

    zc_json_begin_object(&w);
    zc_json_add_key(&w, "status");
    zc_json_add_string(&w, zc_status_name(b->info.status));
    zc_json_add_key(&w, "error");
    zc_json_add_string(&w, b->error);
    zc_json_add_key(&w, "done");
    zc_json_add_i64(&w, b->info.done);
    zc_json_add_key(&w, "skipped");
    zc_json_add_i64(&w, b->info.skipped);
    zc_json_add_key(&w, "busy");
    zc_json_add_i64(&w, b->info.busy);
    zc_json_add_key(&w, "failed");
    zc_json_add_i64(&w, b->info.failed);
    zc_json_add_key(&w, "seconds");
    zc_json_add_f64(&w, (double)b->info.seconds);
    zc_json_add_key(&w, "jobs");
    zc_str_add(&b->jobs, "]");
    zc_json_add_json(&w, zc_str_get(&b->jobs));
    zc_json_end_object(&w);
}

/* Of all jobs of this share, also of those that were done before. */
static zc_status write_sheet(zc_batch *b)
{
    zc_log *log = &b->log;
    zc_status st = ZC_OK;
    zc_request *q = NULL;
    zc_sheet_cell *cells = zc_new_array(zc_sheet_cell, (size_t)b->info.jobs + 1);
    char **paths = zc_new_array(char *, (size_t)b->info.jobs + 1);
    int count = 0;

    ZC_CHECK(cells && paths, ZC_E_NOMEM, "out of memory");
    ZC_TRY(request_of(b, NULL, &q));
    for (int32_t i = 0; i < zc_list_count(b->list); i++) {
        const zc_list_job *job = zc_list_at(b->list, i);
        zc_str path = { 0 };

        if (!is_mine(b, i))
            continue;
        zc_str_add_format(&path, "%.*s%s", (int)b->folder, b->desc.output, job->output);
        ZC_CHECK(paths[count] = zc_str_release(&path), ZC_E_NOMEM, "out of memory");
        cells[count] = (zc_sheet_cell){ .path = paths[count], .name = job->name,
                                        .prompt = q->private ? "" : job->prompt ? job->prompt
                                                                                : q->prompt,
                                        .seed = job->seed, .frames = job->frames };
        count++;
    }
    ZC_TRY(zc_sheet_write(log, &(zc_sheet_desc){ .path = b->desc.sheet, .cells = cells,
                                                 .count = count }));
done:
    for (int i = 0; paths && i < count; i++)
        zc_free(paths[i]);
    zc_free(paths);
    zc_free(cells);
    zc_request_free(q);
    return st;
}

static void end_batch(zc_batch *b, zc_status st)
{
    zc_mutex_lock(&b->mutex);
    b->info.current = -1;
    b->info.status = st;
    b->info.seconds = (float)((double)(zc_clock_ns() - b->began_ns) * 1e-9);
    if (st == ZC_E_CANCELLED)
        zc_format(b->error, sizeof(b->error), "cancelled");
    else if (st != ZC_OK && !*b->error)
        zc_log_last_error(&b->log, b->error, sizeof(b->error));
    write_report(b);
    b->info.ended = true;
    zc_cond_broadcast(&b->changed);
    zc_mutex_unlock(&b->mutex);
}

static void work(void *arg)
{
    zc_batch *b = arg;
    zc_status st = ZC_OK;

    for (int32_t i = 0; i < zc_list_count(b->list) && next_may_do(st) && !b->desc.listing; i++) {
        const zc_list_job *job = zc_list_at(b->list, i);
        bool skipped = false;

        if (!is_mine(b, i))
            continue;
        begin_job(b, job);
        st = zc_cancel_requested(&b->cancel) ? ZC_E_CANCELLED : run_job(b, job, &skipped);
        end_job(b, job, st, skipped);
    }
    if (next_may_do(st))
        st = b->info.status;              /* of the first job that failed */
    if (st == ZC_OK && b->desc.sheet && !b->desc.listing)
        st = write_sheet(b);
    if (st == ZC_OK && b->info.busy > 0)
        st = ZC_E_BUSY;
    end_batch(b, st);
}

/* ---- Opening ---- */

static void pass_on(void *user, zc_level level, const char *text)
{
    zc_batch *b = user;

    zc_log_write(zc_engine_log(b->engine), level, "%s", text);
}

/* Copies a text of the description in its place. */
static zc_status keep(zc_batch *b, const char **text)
{
    zc_log *log = &b->log;
    zc_status st = ZC_OK;

    if (!*text)
        return ZC_OK;
    char *copy = zc_copy_text(*text, strlen(*text));
    ZC_CHECK(copy, ZC_E_NOMEM, "out of memory");
    b->texts[b->text_count++] = copy;
    *text = copy;
done:
    return st;
}

static zc_status keep_desc(zc_batch *b)
{
    zc_batch_desc *d = &b->desc;
    const char **const texts[] = { &d->preset, &d->options, &d->folders, &d->prompt, &d->rows,
                                   &d->seeds, &d->output, &d->jobs, &d->texts, &d->shard,
                                   &d->sheet, &d->version };
    zc_status st = ZC_OK;

    for (size_t i = 0; i < ZC_COUNT(texts); i++)
        ZC_TRY(keep(b, texts[i]));
    d->beat_ms = d->beat_ms ? d->beat_ms : BEAT_MS;
    d->texts_bytes = d->texts_bytes ? d->texts_bytes : TEXTS_BYTES;
done:
    return st;
}

/* One sink is opened and closed again, so that what is wrong with it is said at once. */
static zc_status open_list(zc_batch *b)
{
    const zc_batch_desc *d = &b->desc;
    zc_log *log = &b->log;
    zc_status st = ZC_OK;
    zc_request *q = NULL;
    zc_sink *sink = NULL;
    const bool stream = strcmp(d->output, "-") == 0;

    ZC_TRY(request_of(b, NULL, &q));
    ZC_TRY(zc_job_check(log, q));
    ZC_TRY(zc_make_sink(&sink, log, q, d->output, d->fd));
    b->folder = stream ? 0 : zc_pattern_folder(d->output);
    ZC_TRY(zc_list_open(&b->list, log, &(zc_list_desc){
        .base = q, .rows = d->rows, .seeds = d->seeds, .pattern = d->output + b->folder,
        .stills = zc_sink_kind_get(sink) == ZC_SINK_FRAMES }));
    if (d->shard)
        ZC_TRY(zc_shard_read(&b->shard, log, d->shard));
    ZC_CHECK(d->task < zc_list_count(b->list), ZC_E_ARGUMENT,
             "there is no job %d: the list has %d, counted from 1", d->task + 1,
             zc_list_count(b->list));
    ZC_CHECK(!stream || zc_list_count(b->list) == 1, ZC_E_ARGUMENT,
             "%d films cannot go to one stream", zc_list_count(b->list));
    for (int32_t i = 0; i < zc_list_count(b->list); i++)
        b->info.jobs += is_mine(b, i);
done:
    zc_sink_close(&sink);
    zc_request_free(q);
    return st;
}

static void batch_free(zc_batch *b)
{
    zc_list_close(&b->list);
    for (size_t i = 0; i < b->text_count; i++)
        zc_free(b->texts[i]);
    zc_str_fini(&b->jobs);
    zc_str_fini(&b->run);
    zc_str_fini(&b->report);
    zc_log_fini(&b->log);
    zc_free(b);
}

zc_status zc_batch_start(zc_engine *engine, zc_batch **out, const zc_batch_desc *desc)
{
    zc_log *log = zc_engine_log(engine);
    zc_status st = ZC_OK;
    zc_batch *b = zc_new(zc_batch);
    int ready = 0;                        /* how far opening has come */

    *out = NULL;
    ZC_CHECK(b, ZC_E_NOMEM, "batch: out of memory");
    b->engine = engine;
    b->desc = *desc;
    b->shard = (zc_shard){ 0, 1 };
    b->info.current = -1;
    st = zc_log_init(&b->log, ZC_LEVEL_TRACE, pass_on, b);
    if (st != ZC_OK) {
        zc_free(b);
        return st;
    }
    log = &b->log;
    zc_str_add(&b->jobs, "[");
    ZC_CHECK(desc->output && *desc->output, ZC_E_ARGUMENT, "batch: there is no output");
    ZC_TRY(keep_desc(b));
    ZC_TRY(open_list(b));
    ZC_TRY(zc_mutex_init(&b->mutex));
    ready = 1;
    ZC_TRY(zc_cond_init(&b->changed));
    ready = 2;
    b->began_ns = zc_clock_ns();
    st = zc_thread_start(&b->thread, "zt-batch", work, b);
    ZC_CHECK(st == ZC_OK, st, "the batch's thread cannot be started");
    *out = b;
    return ZC_OK;
done:
    if (ready > 1)
        zc_cond_fini(&b->changed);
    if (ready > 0)
        zc_mutex_fini(&b->mutex);
    if (b)
        batch_free(b);
    return st;
}

/* ---- Watching ---- */

void zc_batch_info_get(zc_batch *b, zc_batch_info *info)
{
    zc_mutex_lock(&b->mutex);
    if (b->job)
        zc_job_info_get(b->job, &b->info.job);
    *info = b->info;
    zc_mutex_unlock(&b->mutex);
    info->seconds_left = info->ended ? 0 : -1;
    if (!info->ended)
        info->seconds = (float)((double)(zc_clock_ns() - b->began_ns) * 1e-9);
    const int32_t worked = info->done - info->skipped;
    const int32_t seen = info->done + info->busy + info->failed;
    if (!info->ended && worked > 0) {
        const float each = (info->seconds - info->job.seconds) / (float)worked;
        const float now = each > info->job.seconds ? each - info->job.seconds : 0;
        info->seconds_left = now + each * (float)(info->jobs - seen - 1);
    } else if (!info->ended && info->jobs == 1) {
        info->seconds_left = info->job.seconds_left;
    }
}

zc_status zc_batch_wait(zc_batch *b, int timeout_ms)
{
    const int64_t until = zc_clock_ns() + (int64_t)timeout_ms * 1000000;
    zc_status st;

    zc_mutex_lock(&b->mutex);
    while (!b->info.ended) {
        if (timeout_ms < 0)
            zc_cond_wait(&b->changed, &b->mutex);
        else if (!zc_cond_wait_until(&b->changed, &b->mutex, until))
            break;
    }
    st = b->info.ended ? b->info.status : ZC_E_TIMEOUT;
    zc_mutex_unlock(&b->mutex);
    return st;
}

void zc_batch_cancel(zc_batch *b)
{
    zc_cancel_request(&b->cancel);
}

static const char *text_at_end(zc_batch *b, const char *text)
{
    zc_mutex_lock(&b->mutex);
    const bool ended = b->info.ended;
    zc_mutex_unlock(&b->mutex);
    return ended ? text : "";
}

const char *zc_batch_error(zc_batch *b)
{
    return text_at_end(b, b->error);
}

const char *zc_batch_report(zc_batch *b)
{
    return *text_at_end(b, "y") ? zc_str_get(&b->report) : "";
}

void zc_batch_close(zc_batch **out)
{
    zc_batch *b = *out;

    *out = NULL;
    if (!b)
        return;
    zc_batch_cancel(b);
    zc_thread_join(&b->thread);
    zc_cond_fini(&b->changed);
    zc_mutex_fini(&b->mutex);
    batch_free(b);
}
