/* zoetrope.h in terms of the core: versioned structs in, core structs out. */

#include <fenv.h>
#include <string.h>

#include "core/batch/batch.h"
#include "core/core.h"
#include "host-abi/zoetrope.h"

/* Copies a versioned struct from the caller. False if it asks for something that
 * this library is too old to know, or is no struct of ours at all. */
static bool take(void *dst, size_t known, const void *src)
{
    uint32_t given = 0;

    if (!src)
        return false;
    memcpy(&given, src, sizeof(given));
    if (given < sizeof(given) || given > 65536)
        return false;
    for (size_t i = known; i < given; i++) {
        if (((const uint8_t *)src)[i] != 0)
            return false;
    }
    memset(dst, 0, known);
    memcpy(dst, src, given < known ? given : known);
    return true;
}

/* Copies to a versioned struct of the caller, as much as it knows; its size stays. */
static int32_t give(void *dst, const void *src, size_t known)
{
    uint32_t given = 0;

    if (!dst)
        return ZT_E_ARGUMENT;
    memcpy(&given, dst, sizeof(given));
    if (given < sizeof(given))
        return ZT_E_ARGUMENT;
    memcpy((uint8_t *)dst + sizeof(given), (const uint8_t *)src + sizeof(given),
           (given < known ? given : known) - sizeof(given));
    return ZT_OK;
}

/* The host's thread may round or flush denormals in its own way: whatever computes is
 * between these two. Our own threads begin with the default. */
static fenv_t calm(void)
{
    fenv_t host;

    fegetenv(&host);
    fesetenv(FE_DFL_ENV);
    return host;
}

static void as_before(const fenv_t *host)
{
    fesetenv(host);
}

/* zt_engine and zt_job are the core's, under names of the ABI. */
static zc_engine *engine_of(zt_engine *engine)
{
    return (zc_engine *)(void *)engine;
}

static zc_job *job_of(zt_job *job)
{
    return (zc_job *)(void *)job;
}

static const char *version(void)
{
    return ZT_VERSION;
}

static const char *status_name(int32_t status)
{
    return zc_status_name((zc_status)status);
}

/* The caller's folders with presets, then the installed one. */
static zc_status preset_folders(zc_str *to, const char *given)
{
    zc_str installed = { 0 };

    zc_preset_installed(&installed, ZT_PRESETS);
    zc_str_add_format(to, "%s%s%s", given ? given : "",
                      given && *given && installed.length > 0 ? ":" : "",
                      zc_str_get(&installed));
    zc_str_fini(&installed);
    return to->failed ? ZC_E_NOMEM : ZC_OK;
}

static int32_t engine_open(zt_engine **out, const zt_engine_desc *desc)
{
    zt_engine_desc d;
    zc_engine *engine = NULL;
    zc_str presets = { 0 };

    if (!out)
        return ZT_E_ARGUMENT;
    *out = NULL;
    if (!take(&d, sizeof(d), desc))
        return ZT_E_UNSUPPORTED;
    if (d.threads < 0 || d.threads > 256 || d.log_level < 0 || d.log_level > ZT_LEVEL_TRACE)
        return ZT_E_ARGUMENT;
    zc_status st = preset_folders(&presets, d.presets);
    const zc_engine_desc desc_of_core = {
        .threads = d.threads,
        .max_memory = d.max_memory,
        .device = d.device && *d.device && strcmp(d.device, "auto") != 0 ? d.device : NULL,
        .log = d.log, .log_user = d.log_user,
        .level = d.log_level ? (zc_level)d.log_level : ZC_LEVEL_INFO,
        .presets = zc_str_get(&presets),
    };
    if (st == ZC_OK)
        st = zc_engine_open(&engine, &desc_of_core);
    zc_str_fini(&presets);
    *out = (zt_engine *)(void *)engine;
    return st;
}

static void engine_close(zt_engine **engine)
{
    if (!engine || !*engine)
        return;
    zc_engine *e = engine_of(*engine);
    zc_engine_close(&e);
    *engine = NULL;
}

typedef struct preset_at {
    int      index;
    zt_item *item;
    bool     found;
} preset_at;

static bool take_preset(void *user, const zc_preset_item *p)
{
    preset_at *at = user;

    if (at->index-- > 0)
        return true;
    zt_item *to = at->item;
    const size_t name = strlen(p->name) + 1;
    memcpy(to->text, p->name, name);
    memcpy(to->text + name, p->summary, strlen(p->summary) + 1);
    to->name = to->text;
    to->summary = to->text + name;
    at->found = true;
    return false;
}

/* The item holds the texts itself. */
static int32_t list_preset(int32_t index, zt_item *item)
{
    preset_at at = { .index = index, .item = item };
    zc_str folders = { 0 };

    _Static_assert(sizeof(item->text) >= sizeof(((zc_preset_item *)0)->name) +
                       sizeof(((zc_preset_item *)0)->summary), "both texts fit");
    if (!item || item->size < sizeof(*item))
        return ZT_E_UNSUPPORTED;
    zc_status st = preset_folders(&folders, NULL);
    if (st == ZC_OK)
        st = zc_preset_list(NULL, zc_str_get(&folders), take_preset, &at);
    zc_str_fini(&folders);
    return st != ZC_OK ? (int32_t)st : at.found ? ZT_OK : ZT_E_MISSING;
}

static int32_t list(int32_t which, int32_t index, zt_item *item)
{
    static const char *(*const lists[])(int, const char **) = {
        [ZT_LIST_MODELS] = zc_list_models,
        [ZT_LIST_SAMPLERS] = zc_list_samplers,
        [ZT_LIST_BACKENDS] = zc_list_backends,
        [ZT_LIST_CACHES] = zc_list_caches,
        [ZT_LIST_SINKS] = zc_list_sinks,
    };
    zt_item found = { .size = sizeof(found) };

    if (index < 0)
        return ZT_E_ARGUMENT;
    if (which == ZT_LIST_PRESETS)
        return list_preset(index, item);
    if (which < 0 || which >= (int32_t)ZC_COUNT(lists))
        return ZT_E_ARGUMENT;
    found.name = lists[which](index, &found.summary);
    return found.name ? give(item, &found, sizeof(found)) : ZT_E_MISSING;
}

static int32_t param_of(const zc_opt *opt, int32_t index, zt_param *out)
{
    static const int32_t kinds[] = {
        [ZC_OPT_KIND_INT] = ZT_PARAM_INT, [ZC_OPT_KIND_FLOAT] = ZT_PARAM_FLOAT,
        [ZC_OPT_KIND_BOOL] = ZT_PARAM_BOOL, [ZC_OPT_KIND_STR] = ZT_PARAM_TEXT,
        [ZC_OPT_KIND_ENUM] = ZT_PARAM_CHOICE, [ZC_OPT_KIND_PATH] = ZT_PARAM_TEXT,
    };

    if (index < 0)
        return ZT_E_ARGUMENT;
    for (int32_t i = 0; i < index && opt->key; i++)
        opt++;
    if (!opt->key)
        return ZT_E_MISSING;
    const bool is_float = opt->kind == ZC_OPT_KIND_FLOAT;
    const fenv_t host = calm();
    const zt_param p = {
        .size = sizeof(p), .kind = kinds[opt->kind], .key = opt->key, .help = opt->help,
        .text = opt->s, .choices = opt->names,
        .value = is_float ? opt->f : (double)opt->i,
        .least = is_float ? opt->f_min : (double)opt->i_min,
        .most = is_float ? opt->f_max : (double)opt->i_max,
    };
    as_before(&host);
    return give(out, &p, sizeof(p));
}

static int32_t param(int32_t index, zt_param *out)
{
    return param_of(zc_request_opts, index, out);
}

static int32_t task_param(const char *table, int32_t index, zt_param *out)
{
    const zc_opt *opts = table ? zc_task_options(table) : NULL;

    return opts ? param_of(opts, index, out) : ZT_E_ARGUMENT;
}

/* The preset, then the options over it, then what the struct itself says. */
static zc_status read_preset(zc_preset **out, zc_request *q, zc_engine *engine,
                             const zt_job_desc *desc)
{
    zc_log *log = zc_engine_log(engine);
    zc_status st = ZC_OK;
    zc_preset *p = NULL;
    zt_job_desc d;

    *out = NULL;
    ZC_CHECK(take(&d, sizeof(d), desc), ZC_E_UNSUPPORTED,
             "the job's description is of a newer version than this library");
    ZC_TRY(zc_preset_open(&p, log, &(zc_preset_desc){ .preset = d.preset, .options = d.options,
                                                      .folders = zc_engine_presets(engine) }, q));
    if (d.prompt)
        ZC_TRY(zc_preset_set(p, log, "the call", "prompt", d.prompt));
    ZC_TRY(zc_preset_set_number(p, log, "the call", "width", d.width));
    ZC_TRY(zc_preset_set_number(p, log, "the call", "height", d.height));
    ZC_TRY(zc_preset_set_number(p, log, "the call", "frames", d.frames));
    ZC_TRY(zc_preset_set_number(p, log, "the call", "seed", (int64_t)d.seed));
    ZC_TRY(zc_preset_check(p, log));
    *out = p;
    p = NULL;
done:
    zc_preset_close(&p);
    return st;
}

static zc_status request(zc_request *q, zc_engine *engine, const zt_job_desc *desc)
{
    zc_preset *p = NULL;
    const zc_status st = read_preset(&p, q, engine, desc);

    zc_preset_close(&p);
    return st;
}

/* The frames that a job starts from, if its description has any. */
static zc_status input(zc_input_desc *to, bool *any, zc_log *log, const zc_request *q,
                       const zt_job_desc *desc)
{
    zc_status st = ZC_OK;
    zt_job_desc d;
    zt_input in;

    *any = take(&d, sizeof(d), desc) && d.input;
    if (!*any)
        return ZC_OK;
    ZC_CHECK(take(&in, sizeof(in), d.input), ZC_E_UNSUPPORTED,
             "the input's description is of a newer version than this library");
    *to = (zc_input_desc){ .width = in.width ? in.width : q->width,
                           .height = in.height ? in.height : q->height, .frames = in.frames,
                           .format = in.format, .pitch = in.pitch, .data = in.data };
done:
    return st;
}

static int32_t job_start(zt_engine *engine, zt_job **out, const zt_job_desc *desc)
{
    zc_job *job = NULL;
    zc_input_desc frames;
    bool any = false;

    if (!out)
        return ZT_E_ARGUMENT;
    *out = NULL;
    if (!engine)
        return ZT_E_ARGUMENT;
    zc_request *q = zc_request_new();
    if (!q)
        return ZT_E_NOMEM;
    const fenv_t host = calm();
    zc_status st = request(q, engine_of(engine), desc);
    if (st == ZC_OK)
        st = input(&frames, &any, zc_engine_log(engine_of(engine)), q, desc);
    if (st == ZC_OK)
        st = zc_job_start_from(engine_of(engine), &job, q, any ? &frames : NULL);
    as_before(&host);
    zc_request_free(q);
    *out = (zt_job *)(void *)job;
    return st;
}

static int32_t task_start(zt_engine *engine, zt_job **out, const zt_task_desc *desc,
                          zc_status (*start)(zc_engine *, zc_job **, const zc_task_desc *))
{
    zc_job *job = NULL;
    zt_task_desc d;

    if (!out)
        return ZT_E_ARGUMENT;
    *out = NULL;
    if (!take(&d, sizeof(d), desc))
        return ZT_E_UNSUPPORTED;
    if (!engine || !d.job)
        return ZT_E_ARGUMENT;
    zc_request *q = zc_request_new();
    if (!q)
        return ZT_E_NOMEM;
    const fenv_t host = calm();
    zc_status st = request(q, engine_of(engine), d.job);
    if (st == ZC_OK)
        st = start(engine_of(engine), &job, &(zc_task_desc){
            .request = q, .prompts = d.prompts, .output = d.output, .options = d.options });
    as_before(&host);
    zc_request_free(q);
    *out = (zt_job *)(void *)job;
    return st;
}

static int32_t train_start(zt_engine *engine, zt_job **out, const zt_task_desc *desc)
{
    return task_start(engine, out, desc, zc_training_start);
}

static int32_t bench_start(zt_engine *engine, zt_job **out, const zt_task_desc *desc)
{
    return task_start(engine, out, desc, zc_bench_start);
}

static int32_t job_info(zt_job *job, zt_job_info *out)
{
    zc_job_info info;

    if (!job)
        return ZT_E_ARGUMENT;
    zc_job_info_get(job_of(job), &info);
    const zt_job_info i = {
        .size = sizeof(i), .width = info.width, .height = info.height, .frames = info.frames,
        .phase = (int32_t)info.phase, .step = info.step, .steps = info.steps,
        .frames_done = info.frames_done, .status = info.status, .seconds = info.seconds,
        .seconds_left = info.seconds_left,
    };
    return give(out, &i, sizeof(i));
}

static int32_t job_wait(zt_job *job, int32_t frame, int32_t timeout_ms)
{
    if (!job || frame < 0)
        return ZT_E_ARGUMENT;
    const int st = zc_reel_wait(zc_job_reel(job_of(job)), frame, timeout_ms);
    return st == ZC_REEL_LATE ? ZT_E_TIMEOUT : st;
}

static int32_t job_frame(zt_job *job, int32_t frame, const zt_frame *into)
{
    zt_frame f;

    if (!job || frame < 0)
        return ZT_E_ARGUMENT;
    if (!take(&f, sizeof(f), into))
        return ZT_E_UNSUPPORTED;
    if (!f.data || f.format < ZT_RGBA8 || f.format > ZT_RGBAF)
        return ZT_E_ARGUMENT;
    if (frame >= zc_reel_count(zc_job_reel(job_of(job)))) {
        const int st = zc_reel_wait(zc_job_reel(job_of(job)), frame, 0);
        if (st != ZC_OK)
            return st == ZC_REEL_LATE ? ZT_E_TIMEOUT : st;
    }
    const fenv_t host = calm();
    const zc_status st = zc_job_frame(job_of(job), frame,
                                      &(zc_picture){ .data = f.data, .pitch = f.pitch,
                                                     .format = f.format });
    as_before(&host);
    return st;
}

static void job_cancel(zt_job *job)
{
    if (job)
        zc_job_cancel(job_of(job));
}

static const char *job_error(zt_job *job)
{
    return job ? zc_job_error(job_of(job)) : "";
}

static const char *job_report(zt_job *job)
{
    return job ? zc_job_report(job_of(job)) : "";
}

static void job_close(zt_job **job)
{
    if (!job || !*job)
        return;
    zc_job *j = job_of(*job);
    zc_job_close(&j);
    *job = NULL;
}

/* Two texts to the caller: words, then JSON. */
static zc_status tell(zc_str *words, zc_str *json, zt_text_fn text, void *user)
{
    if (words->failed || json->failed)
        return ZC_E_NOMEM;
    if (text) {
        text(user, zc_str_get(words));
        text(user, zc_str_get(json));
    }
    return ZC_OK;
}

static int32_t plan(zt_engine *engine, const zt_job_desc *desc, zt_plan *out, zt_text_fn text,
                    void *user)
{
    zc_plan p;
    zc_str words = { 0 }, json = { 0 };

    if (!engine)
        return ZT_E_ARGUMENT;
    zc_request *q = zc_request_new();
    if (!q)
        return ZT_E_NOMEM;
    const fenv_t host = calm();
    zc_status st = request(q, engine_of(engine), desc);
    if (st == ZC_OK)
        st = zc_plan_make(engine_of(engine), q, &p);
    zc_request_free(q);
    if (st == ZC_OK) {
        zc_plan_words(&p, &words);
        zc_plan_json(&p, &json);
    }
    as_before(&host);
    if (st == ZC_OK)
        st = tell(&words, &json, text, user);
    zc_str_fini(&words);
    zc_str_fini(&json);
    if (st != ZC_OK || !out)
        return st;
    const zt_plan told = {
        .size = sizeof(told), .width = p.width, .height = p.height, .frames = p.frames,
        .steps = p.steps, .image_tokens = p.image_tokens, .text_tokens = p.text_tokens,
        .flops_step = p.flops_step, .flops = p.flops,
        .weights = p.weights[0] + p.weights[1] + p.weights[2] + p.weights[3],
        .resident = p.resident,
        .scratch = p.scratch_denoise > p.scratch_decode ? p.scratch_denoise : p.scratch_decode,
        .cache = p.cache,
    };
    return give(out, &told, sizeof(told));
}

static int32_t inspect(zt_engine *engine, const char *path, zt_text_fn text, void *user)
{
    zc_str words = { 0 }, json = { 0 };

    if (!engine || !path)
        return ZT_E_ARGUMENT;
    const fenv_t host = calm();
    zc_status st = zc_inspect(zc_engine_log(engine_of(engine)), path, &words, &json);
    as_before(&host);
    if (st == ZC_OK)
        st = tell(&words, &json, text, user);
    zc_str_fini(&words);
    zc_str_fini(&json);
    return st;
}

static int32_t preset(zt_engine *engine, const zt_job_desc *desc, zt_text_fn text, void *user)
{
    zc_str words = { 0 }, json = { 0 };
    zc_preset *p = NULL;

    if (!engine)
        return ZT_E_ARGUMENT;
    zc_request *q = zc_request_new();
    if (!q)
        return ZT_E_NOMEM;
    zc_status st = read_preset(&p, q, engine_of(engine), desc);
    if (st == ZC_OK) {
        zc_preset_words(p, &words);
        zc_preset_json(p, &json);
        st = tell(&words, &json, text, user);
    }
    zc_preset_close(&p);
    zc_request_free(q);
    zc_str_fini(&words);
    zc_str_fini(&json);
    return st;
}

static int32_t presets(zt_engine *engine, zt_text_fn text, void *user)
{
    zc_str words = { 0 }, json = { 0 };

    if (!engine)
        return ZT_E_ARGUMENT;
    zc_status st = zc_presets_tell(zc_engine_log(engine_of(engine)),
                                   zc_engine_presets(engine_of(engine)), &words, &json);
    if (st == ZC_OK)
        st = tell(&words, &json, text, user);
    zc_str_fini(&words);
    zc_str_fini(&json);
    return st;
}

static int32_t compare(zt_engine *engine, const char *a, const char *b, zt_text_fn text,
                       void *user)
{
    zc_str words = { 0 }, json = { 0 };

    if (!engine || !a || !b)
        return ZT_E_ARGUMENT;
    zc_status st = zc_compare_films(zc_engine_log(engine_of(engine)), a, b, &words, &json);
    if (st == ZC_OK)
        st = tell(&words, &json, text, user);
    zc_str_fini(&words);
    zc_str_fini(&json);
    return st;
}

/* ---- Batches ---- */

static zc_batch *batch_of(zt_batch *batch)
{
    return (zc_batch *)(void *)batch;
}

/* What the struct itself says about a job, as lines behind its options. */
static zc_status batch_options(zc_str *lines, const zt_job_desc *job)
{
    const struct { const char *key; int64_t value; } fields[] = {
        { "width", job->width }, { "height", job->height }, { "frames", job->frames },
        { "seed", (int64_t)job->seed },
    };

    zc_str_add(lines, job->options ? job->options : "");
    zc_str_add(lines, "\n");
    for (size_t i = 0; i < ZC_COUNT(fields); i++) {
        if (fields[i].value)
            zc_str_add_format(lines, "%s = %lld\n", fields[i].key, (long long)fields[i].value);
    }
    return lines->failed ? ZC_E_NOMEM : ZC_OK;
}

static int32_t batch_start(zt_engine *engine, zt_batch **out, const zt_batch_desc *desc)
{
    static const enum zc_existing existing[] = {
        [ZT_EXISTING_RESUME] = ZC_EXISTING_RESUME, [ZT_EXISTING_FAIL] = ZC_EXISTING_FAIL,
        [ZT_EXISTING_REPLACE] = ZC_EXISTING_REPLACE,
    };
    zc_batch *batch = NULL;
    zc_str lines = { 0 };
    zt_batch_desc d;
    zt_job_desc job;

    if (!out)
        return ZT_E_ARGUMENT;
    *out = NULL;
    if (!take(&d, sizeof(d), desc) || (d.job && !take(&job, sizeof(job), d.job)))
        return ZT_E_UNSUPPORTED;
    if (!engine || !d.job || d.existing < 0 || d.existing >= (int32_t)ZC_COUNT(existing) ||
        d.task < 0 || d.fd < 0)
        return ZT_E_ARGUMENT;
    zc_status st = batch_options(&lines, &job);
    if (st == ZC_OK)
        st = zc_batch_start(engine_of(engine), &batch, &(zc_batch_desc){
            .preset = job.preset, .options = zc_str_get(&lines), .prompt = job.prompt,
            .folders = zc_engine_presets(engine_of(engine)),
            .rows = d.rows, .seeds = d.seeds, .output = d.output, .fd = d.fd ? d.fd : 1,
            .existing = existing[d.existing], .jobs = d.jobs, .texts = d.texts,
            .texts_bytes = d.texts_bytes, .shard = d.shard, .task = d.task - 1,
            .checkpoint_seconds = d.checkpoint_seconds < 0 ? 0 :
                d.checkpoint_seconds > 0 ? d.checkpoint_seconds : -1,
            .sheet = d.sheet, .listing = d.listing != 0, .version = ZT_VERSION });
    zc_str_fini(&lines);
    *out = (zt_batch *)(void *)batch;
    return st;
}

static int32_t batch_info(zt_batch *batch, zt_batch_info *out)
{
    zc_batch_info info;

    if (!batch)
        return ZT_E_ARGUMENT;
    zc_batch_info_get(batch_of(batch), &info);
    zt_batch_info i = {
        .size = sizeof(i), .jobs = info.jobs, .done = info.done, .skipped = info.skipped,
        .busy = info.busy, .failed = info.failed, .current = info.current,
        .frames = info.job.frames, .written = info.written, .phase = (int32_t)info.job.phase,
        .step = info.job.step, .steps = info.job.steps, .ended = info.ended,
        .status = info.status, .seconds = info.seconds, .seconds_left = info.seconds_left,
    };
    memcpy(i.name, info.name, sizeof(i.name));
    return give(out, &i, sizeof(i));
}

static int32_t batch_wait(zt_batch *batch, int32_t timeout_ms)
{
    return batch ? zc_batch_wait(batch_of(batch), timeout_ms) : ZT_E_ARGUMENT;
}

static void batch_cancel(zt_batch *batch)
{
    if (batch)
        zc_batch_cancel(batch_of(batch));
}

static const char *batch_error(zt_batch *batch)
{
    return batch ? zc_batch_error(batch_of(batch)) : "";
}

static const char *batch_report(zt_batch *batch)
{
    return batch ? zc_batch_report(batch_of(batch)) : "";
}

static void batch_close(zt_batch **batch)
{
    if (!batch || !*batch)
        return;
    zc_batch *b = batch_of(*batch);
    zc_batch_close(&b);
    *batch = NULL;
}

static const zt_api api = {
    .size = sizeof(api),
    .abi = ZT_ABI,
    .version = version,
    .status_name = status_name,
    .engine_open = engine_open,
    .engine_close = engine_close,
    .list = list,
    .param = param,
    .job_start = job_start,
    .job_info = job_info,
    .job_wait = job_wait,
    .job_frame = job_frame,
    .job_cancel = job_cancel,
    .job_error = job_error,
    .job_report = job_report,
    .job_close = job_close,
    .plan = plan,
    .inspect = inspect,
    .train_start = train_start,
    .bench_start = bench_start,
    .compare = compare,
    .task_param = task_param,
    .preset = preset,
    .presets = presets,
    .batch_start = batch_start,
    .batch_info = batch_info,
    .batch_wait = batch_wait,
    .batch_cancel = batch_cancel,
    .batch_error = batch_error,
    .batch_report = batch_report,
    .batch_close = batch_close,
};

const zt_api *zt_get_api(uint32_t abi)
{
    return abi == ZT_ABI ? &api : NULL;
}
