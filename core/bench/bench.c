/* Methods of caching at equal numbers of computed steps, each against the uncached
 * run from the same noise: one prompt after another, all methods on each, so that
 * one uncached result at a time is kept. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/num.h"
#include "core/bench/bench.h"
#include "core/bench/part.h"
#include "core/caching.h"
#include "core/lines.h"
#include "core/measure/psnr.h"
#include "core/measure/ssim.h"

#define HALVINGS 9                    /* of a threshold's range, on a logarithmic scale */
#define LEAST    1e-4                 /* threshold */
#define MOST     1e2

typedef struct bench_options {
    char    counts[256], methods[1024], plot[1024];
    int32_t tuned;
    bool    pixels, keep;
} bench_options;

const zc_opt zc_bench_opts[] = {
    ZC_OPT_STR(bench_options, counts, "13 10 9 8", "computed steps"),
    ZC_OPT_STR(bench_options, methods, "",
               "file of lines NAME = METHOD KEY=VALUE ...; empty: all that need no predictor"),
    ZC_OPT_STR(bench_options, plot, "", "file for a plot, SVG"),
    ZC_OPT_INT(bench_options, tuned, 2, 1, 1000, "prompts that thresholds are found on"),
    ZC_OPT_BOOL(bench_options, pixels, true, "compare pictures, not latents alone"),
    ZC_OPT_BOOL(bench_options, keep, false, "OUTPUT.bench stays when all is done"),
    { 0 }
};

/* Steps as they pass, by the moments at which features come. */
struct ticks {
    int64_t last;
    double  predicted;                /* seconds */
    int     count, lanes;             /* predicted steps */
    const zc_cache *cache;
};

typedef struct bench {
    char *prompts, *output, *folder;
    bench_options options;

    zc_study         study;
    zc_bench_journal journal;
    zc_bench_method  method[ZC_BENCH_METHODS];
    int              methods, counts, full[ZC_BENCH_COUNTS];
    zc_bench_case   *of;              /* [methods][counts] */
    zc_request      *q;               /* the request with a case's caching */
    int              done, total;     /* runs */

    /* The uncached run of the present prompt. */
    int      prompt;                  /* -1: none */
    float   *latent;
    float   *pixels;                  /* [frames][h][w][3], from -1 to 1 */
    int32_t  video[3];
    double   seconds, work, flops;
    double   step;                    /* seconds of one */

    /* One frame of it and the same of the run that is compared. */
    float   *frame;                   /* of the latter alone */
    uint8_t *bytes[2], *grey[2];
    zc_bench_run sums;
} bench;

static void bench_free(void *user)
{
    bench *b = user;

    zc_free(b->prompts);
    zc_free(b->output);
    zc_free(b->folder);
    zc_free(b);
}

/* ---- Runs ---- */

static void tick(void *user, zc_run *r, const zc_step *step, int lane, zk_tensor feature)
{
    struct ticks *c = user;
    const int64_t now = zc_clock_ns();

    (void)feature;
    if (!zc_run_is_real(r) || lane != c->lanes - 1)
        return;
    if (c->last && zc_cache_trace_at(c->cache, step->index)->kind == ZC_CACHE_PREDICTED) {
        c->predicted += (double)(now - c->last) * 1e-9;
        c->count++;
    }
    c->last = now;
}

/* Sets the request's caching to the case's. */
static void use_case(bench *b, const char *method, const char *options)
{
    zc_format(b->q->cache, sizeof(b->q->cache), "%s", method);
    zc_format(b->q->cache_options, sizeof(b->q->cache_options), "%s", options);
}

/* One run of the present prompt; r gets computed, flops, seconds, work, predicted. The time of a
 * computed step goes to *step, if that is not NULL. */
static zc_status run_once(bench *b, int prompt, const zc_bench_case *c, zc_bench_run *r,
                          float **latent, double *step)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    zc_caching caching = { .method = NULL };
    zc_schedule fewer;
    struct ticks ticks = { .lanes = b->study.lanes };
    zc_denoising d = { .feature = tick, .feature_user = &ticks, .flops = &r->flops };
    const bool steps = c && zc_str_equal(c->method->method, "steps");
    int64_t began, worked;

    use_case(b, c && !steps ? c->method->method : "none", c && !steps ? c->options : "");
    if (steps) {
        ZC_TRY(zc_schedule_flow(&fewer, log, c->full, b->study.q->shift));
        d.schedule = &fewer;
    }
    ZC_TRY(zc_caching_open(&caching, log, b->q, &b->study.schedule, b->study.fingerprint));
    for (int i = 0; i < b->study.lanes; i++)
        d.cache[i] = caching.lane[i];
    if (!caching.method)
        d.feature = NULL;
    ticks.cache = caching.lane[0];
    began = zc_clock_ns();
    worked = zc_clock_work_ns();
    ZC_TRY(zc_study_run(&b->study, prompt, &d, latent));
    r->seconds = (double)(zc_clock_ns() - began) * 1e-9;
    r->work = (double)(zc_clock_work_ns() - worked) * 1e-9;
    r->computed = steps ? c->full : b->study.schedule.steps;
    if (caching.method)
        r->computed = zc_cache_computed(caching.lane[0]);
    if (step)
        *step = r->seconds / b->study.schedule.steps;
    r->predicted = ticks.count > 0 ? ticks.predicted / ticks.count : 0;
done:
    zc_caching_close(&caching);
    return st;
}

/* ---- Pictures ---- */

static size_t frame_values(const bench *b)
{
    return (size_t)b->video[1] * (size_t)b->video[2] * 3;
}

/* What a picture can hold of them. */
static void clip(float *dst, const float *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = pixels[i] > -1 ? pixels[i] < 1 ? pixels[i] : 1 : -1;
}

static void to_bytes(uint8_t *dst, const float *clipped, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = (uint8_t)((clipped[i] + 1) * 127.5f + 0.5f);
}

static void keep_frame(void *user, int index, const float *pixels)
{
    const bench *b = user;

    clip(b->pixels + (size_t)index * frame_values(b), pixels, frame_values(b));
}

static void compare_frame(void *user, int index, const float *pixels)
{
    bench *b = user;
    const size_t count = frame_values(b), grey = count / 3;
    const float *const truth = b->pixels + (size_t)index * count;
    double ssim = 0;

    clip(b->frame, pixels, count);
    for (int i = 0; i < 2; i++) {
        to_bytes(b->bytes[i], i ? b->frame : truth, count);
        zc_grey_from_rgb(b->grey[i], b->bytes[i], grey);
    }
    b->sums.psnr += zc_psnr(b->bytes[0], b->bytes[1], count) / b->video[0];
    b->sums.psnr_u8wrap += zc_psnr_u8wrap(b->bytes[0], b->bytes[1], count) / b->video[0];
    b->sums.psnr_f32 += zc_psnr_f32(truth, b->frame, count, 2) / b->video[0];
    if (zc_ssim(&ssim, &b->study.engine->log, b->grey[0], b->grey[1], b->video[2],
                b->video[1]) == ZC_OK)
        b->sums.ssim += ssim / b->video[0];
}

static zc_status decode(bench *b, const float *latent, zc_frame_fn frame)
{
    const zc_decoding d = zc_pieces_decoding(b->study.engine, b->study.q, b->study.size);

    return zc_decode(&b->study.phase, &d, latent, frame, b);
}

static double latent_psnr(const bench *b, const float *latent)
{
    const size_t count = zc_pieces_count(b->study.engine, b->study.size);
    float least = b->latent[0], most = b->latent[0];

    for (size_t i = 0; i < count; i++) {
        least = fminf(least, b->latent[i]);
        most = fmaxf(most, b->latent[i]);
    }
    return zc_psnr_f32(b->latent, latent, count, (double)most - (double)least);
}

/* ---- One prompt ---- */

/* Makes the uncached run of a prompt, unless it is there. */
static zc_status make_truth(bench *b, int prompt)
{
    zc_status st = ZC_OK;
    zc_bench_run r = { .prompt = prompt };

    if (b->prompt == prompt)
        return ZC_OK;
    b->prompt = -1;
    zc_free(b->latent);
    b->latent = NULL;
    ZC_TRY(run_once(b, prompt, NULL, &r, &b->latent, &b->step));
    if (b->options.pixels)
        ZC_TRY(decode(b, b->latent, keep_frame));
    b->seconds = r.seconds;
    b->work = r.work;
    b->flops = r.flops;
    b->prompt = prompt;
done:
    return st;
}

static zc_status measure(bench *b, int prompt, const zc_bench_case *c)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    float *latent = NULL;
    zc_bench_run r = { .key = c->key, .prompt = prompt };

    ZC_TRY(make_truth(b, prompt));
    ZC_TRY(run_once(b, prompt, c, &r, &latent, NULL));
    r.seconds_whole = b->seconds;
    r.work_whole = b->work;
    r.flops_whole = b->flops;
    r.predicted /= b->step;
    r.psnr_latent = latent_psnr(b, latent);
    b->sums = r;
    if (b->options.pixels)
        ZC_TRY(decode(b, latent, compare_frame));
    ZC_TRY(zc_bench_journal_add(&b->journal, log, &b->sums));
done:
    zc_free(latent);
    return st;
}

static void progress(bench *b)
{
    b->done++;
    zc_job_progress(b->study.job, b->done, b->total);
}

/* ---- Cases ---- */

static uint64_t key_of(const bench *b, const zc_bench_method *m, int full, const char *options)
{
    zc_str text = { 0 };
    zc_file_info info = { .size = 0 };
    const char *path = strstr(options, "predictor = ");
    char predictor[1024] = "";
    uint64_t key;

    if (path)
        zc_format(predictor, sizeof(predictor), "%.*s", (int)strcspn(path + 12, "\n"), path + 12);
    if (*predictor)
        zc_path_info(&info, predictor);
    zc_str_add_format(&text, "%s %s %d %d %s %llu %lld", b->study.recipe, m->method, full,
                      b->options.pixels, options, (unsigned long long)info.size,
                      (long long)info.mtime_ns);
    key = zc_hash64(zc_str_get(&text), text.length);
    zc_str_fini(&text);
    return key;
}

/* Mean number of steps computed with that threshold. What was run is kept for the next start. */
static zc_status count_with(bench *b, const zc_bench_case *c, double *mean)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    const int prompts = b->options.tuned < b->study.prompts ? b->options.tuned : b->study.prompts;

    *mean = 0;
    for (int i = 0; i < prompts; i++) {
        const zc_bench_run *known = zc_bench_journal_find(&b->journal, ~c->key, i);
        zc_bench_run r = { .key = ~c->key, .prompt = i };

        if (known) {
            r = *known;
        } else {
            ZC_TRY(run_once(b, i, c, &r, NULL, NULL));
            ZC_TRY(zc_bench_journal_add(&b->journal, log, &r));
        }
        *mean += r.computed / prompts;
    }
done:
    return st;
}

/* Halves the range of a threshold; higher ones compute less. */
static zc_status fit_threshold(bench *b, const zc_bench_method *m, int full, char value[32])
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    double low = log10(LEAST), high = log10(MOST), best = DBL_MAX;
    zc_bench_case c = { .method = m, .full = full };
    char text[32];

    for (int i = 0; i < HALVINGS && best > 0; i++) {
        const double middle = (low + high) / 2;
        double mean = 0;

        zc_format(text, sizeof(text), "%.5f", pow(10, middle));
        ZC_TRY(zc_bench_fill(c.options, sizeof(c.options), log, m, full, text));
        c.key = key_of(b, m, full, c.options);
        ZC_TRY(count_with(b, &c, &mean));
        if (fabs(mean - full) < best) {
            best = fabs(mean - full);
            memcpy(value, text, sizeof(text));
        }
        *(mean > full ? &low : &high) = middle;
    }
done:
    return st;
}

static zc_status make_case(bench *b, zc_bench_case *c, const zc_bench_method *m, int full)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    const zc_opt *open = zc_bench_open_option(m);
    zc_caching caching = { .method = NULL };
    char value[32] = "";
    const int32_t *size = b->study.size;
    const int tokens = size[0] * (size[1] / 2) * (size[2] / 2);

    *c = (zc_bench_case){ .method = m, .full = full };
    ZC_CHECK(open || !strstr(m->options, "= ?\n"), ZC_E_ARGUMENT,
             "%s: '?' stands for an option that %s does not have", m->name, m->method);
    if (open && open->kind == ZC_OPT_KIND_INT)
        ZC_TRY(zc_bench_fit_interval(value, log, m, full, &b->study.schedule, b->q));
    else if (open)
        ZC_TRY(fit_threshold(b, m, full, value));
    ZC_TRY(zc_bench_fill(c->options, sizeof(c->options), log, m, full, value));
    c->key = key_of(b, m, full, c->options);
    if (zc_str_equal(m->method, "steps"))
        goto done;
    use_case(b, m->method, c->options);
    ZC_TRY(zc_caching_open(&caching, log, b->q, &b->study.schedule, b->study.fingerprint));
    c->bytes = zc_caching_bytes(&caching, &zc_model_hunyuan,
                                b->study.engine->checkpoint->configs.dims, tokens);
done:
    zc_caching_close(&caching);
    return st;
}

/* ---- The whole ---- */

static zc_status read_counts(bench *b)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;

    for (const char *at = b->options.counts; *(at += strspn(at, " ,")); ) {
        const size_t bytes = strcspn(at, " ,");
        int64_t value = 0;
        const char *why = zc_num_read_i64(&value, at, bytes);

        ZC_CHECK(!why && value >= 1 && value <= b->study.schedule.steps, ZC_E_ARGUMENT,
                 "counts: '%s', expected a number from 1 to %d", zc_quote(at, bytes).text,
                 b->study.schedule.steps);
        ZC_CHECK(b->counts < ZC_BENCH_COUNTS, ZC_E_LIMIT, "counts: more than %d", ZC_BENCH_COUNTS);
        b->full[b->counts++] = (int)value;
        at += bytes;
    }
    ZC_CHECK(b->counts > 0, ZC_E_ARGUMENT, "counts: expected numbers of computed steps");
done:
    return st;
}

static zc_status make_cases(bench *b)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;

    ZC_TRY(read_counts(b));
    ZC_TRY(zc_bench_methods_read(b->method, &b->methods, log, b->options.methods));
    b->of = zc_new_array(zc_bench_case, (size_t)b->methods * (size_t)b->counts);
    b->q = zc_request_new();
    ZC_CHECK(b->of && b->q, ZC_E_NOMEM, "out of memory");
    *b->q = *b->study.q;
    for (int i = 0; i < b->methods * b->counts; i++)
        ZC_TRY(make_case(b, &b->of[i], &b->method[i / b->counts], b->full[i % b->counts]));
done:
    return st;
}

static zc_status take_memory(bench *b)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    const zc_decoding d = zc_pieces_decoding(b->study.engine, b->study.q, b->study.size);

    zc_decode_size(&d, b->video);
    if (!b->options.pixels)
        return ZC_OK;
    ZC_CHECK(b->video[1] >= ZC_SSIM_WINDOW && b->video[2] >= ZC_SSIM_WINDOW, ZC_E_ARGUMENT,
             "pictures of %d by %d are too small to compare", b->video[2], b->video[1]);
    ZC_TRY(zc_engine_component(b->study.engine, ZC_COMPONENT_VAE, b->study.phase.cancel));
    b->pixels = zc_new_array(float, (size_t)b->video[0] * frame_values(b));
    b->frame = zc_new_array(float, frame_values(b));
    for (int i = 0; i < 2; i++) {
        b->bytes[i] = zc_new_array(uint8_t, frame_values(b));
        b->grey[i] = zc_new_array(uint8_t, frame_values(b) / 3);
    }
    ZC_CHECK(b->pixels && b->frame && b->bytes[0] && b->bytes[1] && b->grey[0] && b->grey[1],
             ZC_E_NOMEM, "no memory for %d frames", b->video[0]);
done:
    return st;
}

static zc_status measure_all(bench *b)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    const int cases = b->methods * b->counts;

    b->total = cases * b->study.prompts;
    zc_job_enter(b->study.job, ZC_PHASE_MEASURE, b->total);
    for (int prompt = 0; prompt < b->study.prompts; prompt++) {
        for (int i = 0; i < cases; i++) {
            ZC_CHECK(!zc_cancel_requested(b->study.phase.cancel), ZC_E_CANCELLED, "cancelled");
            if (!zc_bench_journal_find(&b->journal, b->of[i].key, prompt))
                ZC_TRY(measure(b, prompt, &b->of[i]));
            progress(b);
        }
    }
done:
    return st;
}

static void report(bench *b, const zc_bench_row *rows)
{
    zc_json_writer w = { .to = zc_job_result(b->study.job) };

    zc_json_begin_array(&w);
    for (int i = 0; i < b->methods * b->counts; i++) {
        const zc_bench_row *r = &rows[i];
        const struct { const char *key; double value; } fields[] = {
            { "full_steps", r->full }, { "runs", r->runs }, { "flops_gain", r->flops_gain },
            { "wall_gain", r->seconds_gain }, { "work_gain", r->work_gain },
            { "predicted_step", r->predicted }, { "psnr", r->psnr },
            { "psnr_u8wrap", r->psnr_u8wrap }, { "psnr_f32", r->psnr_f32 }, { "ssim", r->ssim },
            { "psnr_latent", r->psnr_latent }, { "cache_bytes", (double)r->of->bytes },
        };

        zc_json_begin_object(&w);
        zc_json_add_key(&w, "method");
        zc_json_add_string(&w, r->of->method->name);
        zc_json_add_key(&w, "options");
        zc_json_add_string(&w, r->of->options);
        for (size_t k = 0; k < ZC_COUNT(fields); k++) {
            zc_json_add_key(&w, fields[k].key);
            if (isfinite(fields[k].value))
                zc_json_add_f64(&w, fields[k].value);
            else
                zc_json_add_string(&w, isnan(fields[k].value) ? "nan" : "inf");
        }
        zc_json_end_object(&w);
    }
    zc_json_end_array(&w);
}

static zc_status write_results(bench *b)
{
    zc_log *log = &b->study.engine->log;
    zc_status st = ZC_OK;
    const int cases = b->methods * b->counts;
    zc_bench_row *rows = zc_new_array(zc_bench_row, (size_t)cases);

    ZC_CHECK(rows, ZC_E_NOMEM, "out of memory");
    for (int i = 0; i < cases; i++)
        zc_bench_row_make(&rows[i], &b->journal, &b->of[i], b->study.prompts);
    ZC_TRY(zc_bench_write_csv(rows, cases, log, b->output));
    if (*b->options.plot)
        ZC_TRY(zc_bench_write_plot(rows, cases, log, b->options.plot));
    report(b, rows);
done:
    zc_free(rows);
    return st;
}

static zc_status bench_run(void *user, zc_job *job)
{
    bench *b = user;
    zc_log *log = &zc_job_engine(job)->log;
    zc_status st = ZC_OK;
    char *path = NULL;

    b->prompt = -1;
    ZC_TRY(zc_study_open(&b->study, job, b->prompts, b->folder));
    ZC_CHECK(path = zc_study_path(&b->study, "runs", -1), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_bench_journal_open(&b->journal, log, path));
    ZC_TRY(take_memory(b));
    ZC_TRY(make_cases(b));
    ZC_TRY(measure_all(b));
    ZC_TRY(write_results(b));
    zc_bench_journal_close(&b->journal);
    if (!b->options.keep)
        ZC_TRY(zc_study_discard(&b->study));
done:
    zc_free(path);
    zc_bench_journal_close(&b->journal);
    zc_free(b->of);
    zc_request_free(b->q);
    zc_free(b->latent);
    zc_free(b->pixels);
    zc_free(b->frame);
    for (int i = 0; i < 2; i++) {
        zc_free(b->bytes[i]);
        zc_free(b->grey[i]);
    }
    zc_study_close(&b->study);
    return st;
}

struct setter {
    bench  *b;
    zc_log *log;
};

static zc_status set(void *user, const char *where, const char *key, const char *value)
{
    const struct setter *s = user;

    return zc_opt_set(zc_bench_opts, &s->b->options, s->log, where, key, value);
}

zc_status zc_bench_start(zc_engine *e, zc_job **out, const zc_task_desc *desc)
{
    zc_log *log = zc_engine_log(e);
    zc_status st = ZC_OK;
    zc_str folder = { 0 };
    bench *b = zc_new(bench);

    *out = NULL;
    ZC_CHECK(b, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(desc->prompts && *desc->prompts && desc->output && *desc->output, ZC_E_ARGUMENT,
             "a benchmark needs a file of prompts and an output");
    zc_str_add_format(&folder, "%s.bench", desc->output);
    b->folder = zc_str_release(&folder);
    b->prompts = zc_copy_text(desc->prompts, strlen(desc->prompts));
    b->output = zc_copy_text(desc->output, strlen(desc->output));
    ZC_CHECK(b->folder && b->prompts && b->output, ZC_E_NOMEM, "out of memory");
    zc_opt_defaults(zc_bench_opts, &b->options);
    ZC_TRY(zc_lines_parse(log, "benchmark", desc->options ? desc->options : "", set,
                          &(struct setter){ b, log }));
    bench *taken = b;
    b = NULL;
    ZC_TRY(zc_task_start(e, out, desc->request, &(zc_task){ .run = bench_run, .free = bench_free,
                                                            .user = taken }));
done:
    if (b)
        bench_free(b);
    return st;
}
