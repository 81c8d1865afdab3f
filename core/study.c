/* Prompts, what is kept of them, and runs over them. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/io/container.h"
#include "core/io/safetensors.h"
#include "core/study.h"

#define PROMPTS_BYTES (64u << 20)     /* of the file */

/* ---- Prompts ---- */

/* Splits s->text where lines end. */
static zc_status split(zc_study *s, const char *path)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;
    size_t room = 0;
    int number = 1;

    for (char *line = s->text; *line; number++) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;

        while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
            end--;
        *end = '\0';
        line += strspn(line, " \t");
        ZC_CHECK(strlen(line) < sizeof(s->q->prompt), ZC_E_LIMIT,
                 "%s:%d: a prompt of %zu bytes, expected at most %zu", zc_quote_path(path).text,
                 number, strlen(line), sizeof(s->q->prompt) - 1);
        ZC_CHECK(zc_utf8_valid(line, strlen(line)) == strlen(line), ZC_E_FORMAT,
                 "%s:%d: the prompt is not UTF-8: %s", zc_quote_path(path).text, number,
                 zc_quote_text(line).text);
        if (*line) {
            ZC_CHECK(s->prompts < ZC_STUDY_PROMPTS, ZC_E_LIMIT, "%s: more than %d prompts",
                     zc_quote_path(path).text, ZC_STUDY_PROMPTS);
            ZC_CHECK(zc_grow(&s->prompt, &room, (size_t)s->prompts + 1, sizeof(*s->prompt)),
                     ZC_E_NOMEM, "out of memory");
            s->prompt[s->prompts++] = line;
        }
        line = next;
    }
    ZC_CHECK(s->prompts > 0, ZC_E_FORMAT, "%s has no prompts: expected one in each line",
             zc_quote_path(path).text);
done:
    return st;
}

static zc_status read_prompts(zc_study *s, const char *path)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;
    size_t bytes = 0;

    ZC_TRY(zc_file_load(&s->text, &bytes, log, path, PROMPTS_BYTES));
    ZC_CHECK(strlen(s->text) == bytes, ZC_E_FORMAT, "%s: a NUL at byte %zu, expected text",
             zc_quote_path(path).text, strlen(s->text));
    ZC_TRY(split(s, path));
done:
    return st;
}

/* ---- Names and keys ---- */

char *zc_study_path(const zc_study *s, const char *kind, int number)
{
    zc_str path = { 0 };

    if (number < 0)
        zc_str_add_format(&path, "%s/%s.safetensors", s->folder, kind);
    else
        zc_str_add_format(&path, "%s/%s-%04d.safetensors", s->folder, kind, number);
    return zc_str_release(&path);
}

static void hash_text(char text[65], const char *const *parts, int count)
{
    uint8_t digest[32];
    zc_sha256 h;

    zc_sha256_init(&h);
    for (int i = 0; i < count; i++)
        zc_sha256_add(&h, parts[i], strlen(parts[i]) + 1);
    zc_sha256_finish(&h, digest);
    zc_sha256_text(text, digest);
}

void zc_study_key(const zc_study *s, int prompt, const char *also, char key[65])
{
    char number[24];
    const char *const parts[] = { s->recipe, prompt < 0 ? s->q->negative : s->prompt[prompt],
                                  number, also };

    zc_format(number, sizeof(number), "%d", prompt);
    hash_text(key, parts, (int)ZC_COUNT(parts));
}

static zc_status make_recipe(zc_study *s)
{
    zc_log *log = &s->engine->log;
    const zc_request *q = s->q;
    zc_status st = ZC_OK;
    zc_str text = { 0 };
    char print[ZC_COMPONENTS][65] = { "" };

    for (int i = 0; i < ZC_COMPONENTS; i++) {
        if (i != ZC_COMPONENT_VAE)
            ZC_TRY(zc_checkpoint_fingerprint(s->engine->checkpoint->part[i], log, print[i]));
        zc_str_add_format(&text, "%s\n", print[i]);
    }
    memcpy(s->fingerprint, print[ZC_COMPONENT_MODEL], sizeof(s->fingerprint));
    zc_str_add_format(&text, "%d %d %d %d %lld %g %g %g %d %d\n%s\n%s", q->width, q->height,
                      q->frames, q->steps, (long long)q->seed, (double)q->guidance,
                      (double)q->cfg, (double)q->shift, q->precision, q->guidance_rounding,
                      q->sampler, q->negative);
    ZC_CHECK(!text.failed, ZC_E_NOMEM, "out of memory");
    hash_text(s->recipe, (const char *[]){ zc_str_get(&text) }, 1);
done:
    zc_str_fini(&text);
    return st;
}

/* ---- Conditioning ---- */

static zc_status save_states(const zc_study *s, const char *path, const char *key,
                             const zc_states *states)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;
    zc_safetensors *out = NULL;
    const zc_configs *c = &s->engine->checkpoint->configs;
    const zc_tensor_desc tensors[] = {
        { "text", ZK_F32, 2, { states->rows, c->text.hidden } },
        { "pooled", ZK_F32, 1, { c->clip.hidden } },
    };
    const zc_note note = { "key", key };

    ZC_TRY(zc_safetensors_create(&out, log, path, ZC_OUT_REPLACE, &(zc_safetensors_desc){
        .tensors = tensors, .count = ZC_COUNT(tensors), .notes = &note, .note_count = 1 }));
    ZC_TRY(zc_safetensors_write(out, log, 0, states->text, (uint64_t)states->rows *
                                (uint64_t)c->text.hidden * sizeof(float)));
    ZC_TRY(zc_safetensors_write(out, log, 1, states->pooled,
                                (uint64_t)c->clip.hidden * sizeof(float)));
    ZC_TRY(zc_safetensors_commit(&out, log));
done:
    zc_safetensors_abort(&out);
    return st;
}

static zc_status read_states(const zc_study *s, const char *path, const char *key,
                             zc_states *states)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;
    zc_container *c = NULL;
    const zc_entry *text, *pooled;
    const zc_configs *configs = &s->engine->checkpoint->configs;
    const char *found = "";
    size_t bytes = 0;

    ZC_TRY(zc_container_open(&c, log, path));
    text = zc_container_find(c, "text");
    pooled = zc_container_find(c, "pooled");
    zc_container_text(c, "key", &found, &bytes);
    ZC_CHECK(bytes == strlen(key) && memcmp(found, key, bytes) == 0, ZC_E_MISMATCH,
             "%s was made from '%s', expected '%s': remove the folder to begin anew",
             zc_quote_path(path).text, zc_quote(found, bytes).text, key);
    ZC_CHECK(text && text->type == ZK_F32 && text->rank == 2 && text->dim[0] > 0 &&
             text->dim[1] == configs->text.hidden && pooled && pooled->type == ZK_F32 &&
             pooled->rank == 1 && pooled->dim[0] == configs->clip.hidden, ZC_E_FORMAT,
             "%s does not hold the conditioning of a prompt", zc_quote_path(path).text);
    states->rows = (int)text->dim[0];
    states->text = zc_alloc((size_t)text->bytes);
    states->pooled = zc_alloc((size_t)pooled->bytes);
    ZC_CHECK(states->text && states->pooled, ZC_E_NOMEM, "no memory for %d rows of conditioning",
             states->rows);
    ZC_TRY(zc_entry_read(c, log, text, states->text));
    ZC_TRY(zc_entry_read(c, log, pooled, states->pooled));
done:
    if (st != ZC_OK)
        zc_states_fini(states);
    zc_container_close(&c);
    return st;
}

/* Prompt -1 is the negative one. Encodes it if the folder does not have it. */
static zc_status encode(zc_study *s, int prompt)
{
    zc_engine *e = s->engine;
    zc_log *log = &e->log;
    zc_status st = ZC_OK;
    zc_states states = { .rows = 0 };
    zc_file_info info;
    char key[65];
    char *path = zc_study_path(s, prompt < 0 ? "negative" : "text", prompt);

    ZC_CHECK(path, ZC_E_NOMEM, "out of memory");
    if (zc_path_info(&info, path))
        goto done;
    zc_study_key(s, prompt, "text", key);
    ZC_TRY(zc_engine_component(e, ZC_COMPONENT_TEXT, s->phase.cancel));
    ZC_TRY(zc_engine_component(e, ZC_COMPONENT_CLIP, s->phase.cancel));
    ZC_TRY(zc_states_encode(&states, e, s->q, &s->phase, prompt < 0 ? s->q->negative
                                                                     : s->prompt[prompt]));
    ZC_TRY(save_states(s, path, key, &states));
done:
    zc_states_fini(&states);
    zc_free(path);
    return st;
}

static zc_status load(zc_study *s, int prompt, zc_states *states)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;
    char key[65];
    char *path = zc_study_path(s, prompt < 0 ? "negative" : "text", prompt);

    ZC_CHECK(path, ZC_E_NOMEM, "out of memory");
    zc_study_key(s, prompt, "text", key);
    zc_states_fini(states);
    ZC_TRY(read_states(s, path, key, states));
done:
    zc_free(path);
    return st;
}

static zc_status encode_all(zc_study *s)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;

    zc_job_enter(s->job, ZC_PHASE_TEXT, s->prompts);
    for (int i = 0; i < s->prompts; i++) {
        ZC_CHECK(!zc_cancel_requested(s->phase.cancel), ZC_E_CANCELLED, "cancelled");
        ZC_TRY(encode(s, i));
        zc_job_progress(s->job, i + 1, s->prompts);
    }
    if (s->lanes > 1) {
        ZC_TRY(encode(s, -1));
        ZC_TRY(load(s, -1, &s->states[1]));
    }
    zc_engine_drop(s->engine, ZC_COMPONENT_TEXT);
    zc_engine_drop(s->engine, ZC_COMPONENT_CLIP);
done:
    return st;
}

/* ---- Opening ---- */

static zc_status take_folder(zc_study *s, const char *folder)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;
    char *path = NULL;

    s->folder = zc_copy_text(folder, strlen(folder));
    ZC_CHECK(s->folder, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_path_mkdir(log, folder));
    ZC_CHECK(path = zc_study_path(s, "lock", -1), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_own_open(&s->lock, log, path));
done:
    zc_free(path);
    return st;
}

zc_status zc_study_open(zc_study *s, zc_job *job, const char *prompts, const char *folder)
{
    zc_engine *e = zc_job_engine(job);
    zc_log *log = &e->log;
    zc_status st = ZC_OK;
    const zc_request *q = zc_job_request(job);

    *s = (zc_study){ .job = job, .engine = e, .q = q, .loaded = -1,
                     .lanes = q->cfg != 1.0f ? 2 : 1 };
    ZC_CHECK(!*q->noise, ZC_E_ARGUMENT, "noise = %s, but each prompt has a noise of its own here",
             zc_quote_path(q->noise).text);
    ZC_TRY(read_prompts(s, prompts));
    zc_job_enter(job, ZC_PHASE_LOADING, 0);
    ZC_TRY(zc_engine_checkpoint(e, q, zc_job_cancelling(job)));
    ZC_TRY(zc_pieces_size(e, q, s->size));
    ZC_TRY(zc_schedule_flow(&s->schedule, log, q->steps, q->shift));
    ZC_TRY(make_recipe(s));
    ZC_TRY(take_folder(s, folder));
    s->phase = (zc_phase){ .dev = e->dev, .act = e->kept_act, .cancel = zc_job_cancelling(job) };
    ZC_TRY(encode_all(s));
    zc_job_enter(job, ZC_PHASE_LOADING, 0);
    ZC_TRY(zc_engine_component(e, ZC_COMPONENT_MODEL, s->phase.cancel));
done:
    return st;
}

void zc_study_close(zc_study *s)
{
    for (int i = 0; i < ZC_LANES; i++)
        zc_states_fini(&s->states[i]);
    zc_own_close(&s->lock);
    zc_free(s->folder);
    zc_free(s->prompt);
    zc_free(s->text);
    *s = (zc_study){ .loaded = -1 };
}

zc_status zc_study_discard(zc_study *s)
{
    zc_log *log = &s->engine->log;
    zc_status st = ZC_OK;
    zc_dir *d = NULL;
    zc_str path = { 0 };

    zc_own_close(&s->lock);
    ZC_TRY(zc_dir_open(&d, log, s->folder));
    for (const char *name; (name = zc_dir_next(d));) {
        zc_str_clear(&path);
        zc_str_add_format(&path, "%s/%s", s->folder, name);
        ZC_CHECK(!path.failed, ZC_E_NOMEM, "out of memory");
        if (zc_str_ends(name, ".safetensors"))
            ZC_TRY(zc_path_unlink(log, zc_str_get(&path)));
    }
    ZC_TRY(zc_path_rmdir(log, s->folder));
done:
    zc_str_fini(&path);
    zc_dir_close(&d);
    return st;
}

/* ---- Running ---- */

zc_status zc_study_run(zc_study *s, int prompt, zc_denoising *set, float **out)
{
    zc_status st = ZC_OK;
    float *latent = NULL;
    zc_denoising d = zc_pieces_denoising(s->engine, s->q, &s->schedule, s->size);

    if (s->loaded != prompt) {
        s->loaded = -1;
        ZC_TRY(load(s, prompt, &s->states[0]));
        s->loaded = prompt;
    }
    for (int i = 0; i < s->lanes; i++) {
        const zc_states *c = &s->states[i];

        d.lane[i] = (zc_lane){ .text = c->text, .rows = c->rows, .pooled = c->pooled };
        d.cache[i] = set->cache[i];
    }
    d.feature = set->feature;
    d.feature_user = set->feature_user;
    d.flops = set->flops;
    if (set->schedule)
        d.schedule = set->schedule;
    ZC_TRY(zc_pieces_noise(&latent, s->engine, s->q, s->q->seed + prompt, s->size));
    ZC_TRY(zc_denoise(&s->phase, &d, latent));
    if (out) {
        *out = latent;
        latent = NULL;
    }
done:
    zc_free(latent);
    return st;
}
