/* What a job is, and nothing about where or when: equal jobs have equal manifests
 * on every node. Models are told by their fingerprints, files by their digests. */

#include <string.h>

#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/batch/make.h"
#include "core/engine.h"
#include "core/pieces.h"
#include "core/task.h"

/* Options that say where something is, or how much memory it may take, but not what is made. */
static const char *const places[] = { "model", "transformer", "text_encoder", "clip", "vae",
                                      "tokenizer", "clip_tokenizer", "noise", "max_memory" };

typedef struct fingerprints {
    char text[ZC_COMPONENTS][65];
    char backend[32];
} fingerprints;

/* On the engine's worker, which has the checkpoint. */
static zc_status take_fingerprints(void *user, zc_job *job)
{
    fingerprints *f = user;
    zc_engine *e = zc_job_engine(job);
    zc_status st = ZC_OK;

    zc_job_enter(job, ZC_PHASE_LOADING, 0);
    ZC_TRY(zc_engine_checkpoint(e, zc_job_request(job), zc_job_cancelling(job)));
    for (int i = 0; i < ZC_COMPONENTS; i++)
        ZC_TRY(zc_checkpoint_fingerprint(e->checkpoint->part[i], &e->log, f->text[i]));
    zc_format(f->backend, sizeof(f->backend), "%s", e->dev->be->name);
done:
    return st;
}

static zc_status fingerprints_of(fingerprints *f, const zc_make_desc *d)
{
    zc_log *log = d->log;
    zc_status st = ZC_OK;
    zc_job *job = NULL;
    int end = ZC_REEL_LATE;

    ZC_TRY(zc_task_start(d->engine, &job, d->q, &(zc_task){ .run = take_fingerprints,
                                                            .user = f }));
    while (end == ZC_REEL_LATE) {
        end = zc_reel_wait(zc_job_reel(job), 0, 100);
        if (zc_cancel_requested(d->cancel))
            zc_job_cancel(job);
    }
    zc_job_info info;
    zc_job_info_get(job, &info);
    ZC_CHECK(info.status == ZC_OK, info.status, "%s", zc_job_error(job));
done:
    zc_job_close(&job);
    return st;
}

static void text_field(zc_json_writer *w, const char *key, const char *text)
{
    zc_json_add_key(w, key);
    zc_json_add_string(w, text);
}

static bool is_place(const char *key)
{
    for (size_t i = 0; i < ZC_COUNT(places); i++) {
        if (strcmp(places[i], key) == 0)
            return true;
    }
    return false;
}

static bool is_prompt(const char *key)
{
    return strcmp(key, "prompt") == 0 || strcmp(key, "negative") == 0;
}

/* A private text's digest in its place. */
static void hide(zc_str *value)
{
    zc_sha256 hash;
    uint8_t digest[32];
    char text[65];

    zc_sha256_init(&hash);
    zc_sha256_add(&hash, zc_str_get(value), value->length);
    zc_sha256_finish(&hash, digest);
    zc_sha256_text(text, digest);
    zc_str_clear(value);
    zc_str_add(value, text);
}

static void add_options(zc_json_writer *w, const zc_request *q)
{
    zc_str value = { 0 };

    zc_json_add_key(w, "options");
    zc_json_begin_object(w);
    for (const zc_opt *o = zc_request_opts; o->key; o++) {
        if (is_place(o->key))
            continue;
        zc_str_clear(&value);
        zc_opt_print(o, q, &value);
        if (q->private && is_prompt(o->key))
            hide(&value);
        text_field(w, o->key, zc_str_get(&value));
    }
    text_field(w, "cache.", q->cache_options);
    text_field(w, "sink.", q->sink_options);
    zc_json_end_object(w);
    w->to->failed = w->to->failed || value.failed;
    zc_str_fini(&value);
}

/* Digests of files that decide what is made: the first latent, a predictor. */
static zc_status add_files(zc_json_writer *w, const zc_make_desc *d)
{
    zc_status st = ZC_OK;
    zc_log *log = d->log;
    zc_stored s;
    char digest[65], predictor[1024] = "";
    const char *line = strstr(d->q->cache_options, "predictor = ");

    if (line)
        zc_format(predictor, sizeof(predictor), "%.*s", (int)strcspn(line + 12, "\n"), line + 12);
    const char *const files[] = { d->q->noise, predictor };
    zc_json_add_key(w, "files");
    zc_json_begin_array(w);
    for (size_t i = 0; i < ZC_COUNT(files); i++) {
        if (!*files[i])
            continue;
        ZC_TRY(zc_stored_of(&s, log, files[i]));
        zc_sha256_text(digest, s.digest);
        zc_json_add_string(w, digest);
    }
    zc_json_end_array(w);
done:
    return st;
}

zc_status zc_manifest_of(zc_str *to, const zc_make_desc *d, int frames_per_segment)
{
    zc_log *log = d->log;
    const zc_batch_desc *b = d->batch;
    const char *slash = strrchr(d->output, '/');
    zc_json_writer w = { .to = to };
    zc_status st = ZC_OK;
    fingerprints f;

    memset(&f, 0, sizeof(f));
    ZC_TRY(fingerprints_of(&f, d));
    zc_json_begin_object(&w);
    text_field(&w, "kind", "zoetrope job 1");
    text_field(&w, "version", b->version ? b->version : "");
    text_field(&w, "backend", f.backend);
    zc_json_add_key(&w, "models");
    zc_json_begin_object(&w);
    for (int i = 0; i < ZC_COMPONENTS; i++)
        text_field(&w, zc_component_names[i], f.text[i]);
    zc_json_end_object(&w);
    ZC_TRY(add_files(&w, d));
    add_options(&w, d->q);
    text_field(&w, "output", b->jobs ? d->output : slash ? slash + 1 : d->output);
    zc_json_add_key(&w, "frames_per_segment");
    zc_json_add_i64(&w, frames_per_segment);
    zc_json_end_object(&w);
    zc_str_add(to, "\n");
    ZC_CHECK(!to->failed, ZC_E_NOMEM, "out of memory");
done:
    return st;
}
