/* Runs, fits, and the file that comes out. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/bench/bench.h"
#include "core/cache/cache.h"
#include "core/cache/steps.h"
#include "core/lines.h"
#include "core/study.h"
#include "core/training.h"

#define PIECE     (1u << 18)          /* elements of a feature that are in host memory at once */
#define SAVE_NS   5000000000          /* between states, unless the fit's are small */
#define SMALL     (4u << 20)
#define SEED      1                   /* of the picked elements */

const zc_opt zc_training_opts[] = {
    ZC_OPT_ENUM(zc_training_options, fit, 0, zc_fit_names, "how; fit.KEY sets an option of it"),
    ZC_OPT_ENUM(zc_training_options, tap, 0, zc_cache_taps,
                "where in the model features are taken"),
    ZC_OPT_INT(zc_training_options, elements, 65536, 256, 1 << 28,
               "elements of each feature that are looked at"),
    ZC_OPT_BOOL(zc_training_options, keep, false, "OUTPUT.train stays when all is done"),
    ZC_OPT_STR(zc_training_options, licence, "as the model's", "note in the predictor"),
    { 0 }
};

const zc_opt *zc_task_options(const char *table)
{
    static const char fits[] = "train.";
    const zc_opt *found = NULL;
    size_t bytes = 0;

    if (zc_str_equal(table, "train"))
        return zc_training_opts;
    if (zc_str_equal(table, "bench"))
        return zc_bench_opts;
    for (const zc_request_row *row = zc_request_rows; row->key && !found; row++) {
        if (zc_str_starts(table, row->prefix))
            found = row->opts(table + strlen(row->prefix), &bytes);
    }
    for (int i = 0; zc_fit_names[i] && zc_str_starts(table, fits); i++) {
        if (zc_str_equal(zc_fit_names[i], table + sizeof(fits) - 1))
            return zc_fit_kinds[i].opts;
    }
    return found;
}

typedef struct training {
    char               *prompts, *output, *folder;
    zc_training_options options;
    const zc_fit_kind  *kind;
    void               *fit_options;

    /* While it runs. */
    zc_study       study;
    zc_tap         tap;
    int            cols;              /* of a feature at the tap */
    zc_picks       picks;
    float         *piece;
    void          *fit;
    zc_trajectory *into;              /* what the present run fills */
    void         (*after)(void *fit, int step);
    void          *after_user;
    int            runs, total;       /* uncached runs; calls of the fit, in steps */
    int64_t        uncached_ns, closed_ns, all_ns;    /* of processors */
} training;

static void training_free(void *user)
{
    training *t = user;

    zc_free(t->prompts);
    zc_free(t->output);
    zc_free(t->folder);
    zc_free(t->fit_options);
    zc_free(t);
}

/* ---- Runs ---- */

/* Copies the picked elements of a feature to the host, some rows at a time. */
static void look(void *user, zc_run *r, const zc_step *step, int lane, zk_tensor feature)
{
    training *t = user;
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor f = zc_cast(r, feature, ZK_F32);
    const int rows = zk_rows(f), some = t->cols < (int)PIECE ? (int)PIECE / t->cols : 1;
    size_t at = 0;

    for (int from = 0; from < rows && zc_run_is_real(r); from += some) {
        const int to = from + some < rows ? from + some : rows;
        const size_t first = (size_t)from * (size_t)t->cols;
        const size_t count = (size_t)(to - from) * (size_t)t->cols;

        zc_download(r, t->piece, zc_rows(f, from, to));
        at = zc_picks_gather_part(&t->picks, zc_trajectory_at(t->into, lane, step->index), at,
                                  t->piece, first, count);
    }
    zc_arena_release(r->scratch, mark);
    if (zc_run_is_real(r) && lane == t->study.lanes - 1) {
        zc_job_progress(t->study.job, t->kind->at(t->fit) * t->study.schedule.steps + step->index,
                        t->total);
        if (t->after && r->status == ZC_OK)
            t->after(t->after_user, step->index);
    }
}

/* One run with that method, whose features go into t->into. */
static zc_status run_with(training *t, int prompt, const char *method, const zc_predictor *p)
{
    zc_log *log = &t->study.engine->log;
    zc_status st = ZC_OK;
    const zc_cache_method *m = zc_cache_method_find(method);
    zc_denoising d = { .feature = look, .feature_user = t };
    void *options = zc_alloc_zeroed(1, m->options_size);

    ZC_CHECK(options, ZC_E_NOMEM, "out of memory");
    zc_opt_defaults(m->opts, options);
    ((zc_cache_common *)options)->tap = 1 + (int32_t)t->tap;
    for (int i = 0; i < t->study.lanes; i++)
        ZC_TRY(zc_cache_open(&d.cache[i], &(zc_cache_desc){
            .log = log, .method = m, .options = options, .schedule = &t->study.schedule,
            .predictor = p, .family = "hunyuan-video", .model = t->study.fingerprint,
            .tap = t->tap, .lane = i, .lanes = t->study.lanes,
            .lead = i ? d.cache[0] : NULL }));
    ZC_TRY(zc_study_run(&t->study, prompt, &d, NULL));
done:
    for (int i = ZC_LANES - 1; i >= 0; i--)
        zc_cache_close(&d.cache[i]);
    zc_free(options);
    return st;
}

/* A source's truth: from the folder, or a run of the model. */
static zc_status truth(void *user, int prompt, zc_trajectory *into)
{
    training *t = user;
    zc_log *log = &t->study.engine->log;
    zc_status st = ZC_OK;
    const int64_t began = zc_clock_work_ns();
    zc_file_info info;
    char key[65], what[64];
    char *path = zc_study_path(&t->study, "run", prompt);

    ZC_CHECK(path, ZC_E_NOMEM, "out of memory");
    zc_format(what, sizeof(what), "%s %zu of %zu", zc_tap_name(t->tap), t->picks.count,
              t->picks.total);
    zc_study_key(&t->study, prompt, what, key);
    if (zc_path_info(&info, path)) {
        ZC_TRY(zc_trajectory_load(into, log, path, key));
        goto done;
    }
    t->into = into;
    t->after = NULL;
    ZC_TRY(run_with(t, prompt, "none", NULL));
    t->runs++;
    t->uncached_ns += zc_clock_work_ns() - began;
    if (t->kind->again(t->fit, prompt))
        ZC_TRY(zc_trajectory_save(into, log, path, key));
done:
    zc_free(path);
    return st;
}

/* A source's run: with the predictor as it is. */
static zc_status closed_loop(void *user, int prompt, const zc_predictor *p, zc_trajectory *into,
                             void (*after)(void *fit, int step), void *fit)
{
    training *t = user;
    const int64_t began = zc_clock_work_ns();
    zc_status st;

    t->into = into;
    t->after = after;
    t->after_user = fit;
    st = run_with(t, prompt, p->method, p);
    t->closed_ns += zc_clock_work_ns() - began;
    return st;
}

/* ---- The whole ---- */

static zc_status open_fit(training *t)
{
    zc_log *log = &t->study.engine->log;
    zc_status st = ZC_OK;
    const int32_t *dims = t->study.engine->checkpoint->configs.dims;
    const int32_t *size = t->study.size;
    const size_t rows = (size_t)size[0] * (size_t)(size[1] / 2) * (size_t)(size[2] / 2);
    zc_train_job job = { .log = log, .cancel = t->study.phase.cancel,
                         .schedule = &t->study.schedule, .lanes = t->study.lanes,
                         .model = t->study.fingerprint, .licence = t->options.licence,
                         .recipe = t->study.recipe };

    t->tap = t->options.tap ? (zc_tap)(t->options.tap - 1) : ZC_TAP_OUTPUT;
    t->cols = zc_model_hunyuan.cols(dims, zc_stage_of(t->tap));
    ZC_TRY(zc_picks_init(&t->picks, log, rows * (size_t)t->cols, (size_t)t->options.elements,
                         SEED));
    t->piece = zc_new_array(float, t->cols < (int)PIECE ? PIECE : (size_t)t->cols);
    ZC_CHECK(t->piece, ZC_E_NOMEM, "out of memory");
    job.tap = t->tap;
    job.count = t->picks.count;
    ZC_TRY(t->kind->open(&t->fit, &job, t->fit_options, t->study.prompts));
done:
    return st;
}

static size_t memory_of(const training *t)
{
    return t->kind->bytes(t->fit) + t->picks.count * sizeof(size_t) + PIECE * sizeof(float);
}

static zc_status fit_all(training *t)
{
    zc_log *log = &t->study.engine->log;
    zc_status st = ZC_OK;
    const zc_train_source source = { .user = t, .prompts = t->study.prompts, .truth = truth,
                                     .run = closed_loop };
    const int total = t->kind->total(t->fit);
    int64_t saved = zc_clock_ns();
    zc_file_info info;
    double loss = 0;
    char *state = zc_study_path(&t->study, "state", -1);

    ZC_CHECK(state, ZC_E_NOMEM, "out of memory");
    if (zc_path_info(&info, state)) {
        ZC_TRY(t->kind->load(t->fit, state));
        zc_info(log, "training goes on at %d of %d", t->kind->at(t->fit), total);
    }
    t->total = total * t->study.schedule.steps;
    zc_job_enter(t->study.job, ZC_PHASE_FIT, t->total);
    while (t->kind->at(t->fit) < total) {
        ZC_TRY(t->kind->next(t->fit, &source, &loss));
        const int at = t->kind->at(t->fit);

        zc_job_progress(t->study.job, at * t->study.schedule.steps, t->total);
        zc_info(log, "training %d of %d: error %g", at, total, loss);
        if (t->kind->bytes(t->fit) < SMALL || zc_clock_ns() - saved > SAVE_NS || at == total) {
            ZC_TRY(t->kind->save(t->fit, state));
            saved = zc_clock_ns();
        }
    }
done:
    zc_free(state);
    return st;
}

static void field(zc_json_writer *w, const char *key, double value)
{
    zc_json_add_key(w, key);
    zc_json_add_f64(w, value);
}

static void report(training *t, const zc_predictor *p)
{
    zc_json_writer w = { .to = zc_job_result(t->study.job) };

    zc_json_begin_object(&w);
    zc_json_add_key(&w, "predictor");
    zc_json_add_string(&w, t->output);
    zc_json_add_key(&w, "fit");
    zc_json_add_string(&w, p->fit);
    zc_json_add_key(&w, "tap");
    zc_json_add_string(&w, zc_tap_name(p->tap));
    field(&w, "prompts", p->prompts);
    field(&w, "elements", (double)t->picks.count);
    zc_json_add_key(&w, "full");
    zc_json_begin_array(&w);
    for (int i = 0; i < p->steps; i++) {
        if (p->full[i])
            zc_json_add_i64(&w, i);
    }
    zc_json_end_array(&w);
    field(&w, "uncached_runs", t->runs);
    field(&w, "memory_bytes", (double)memory_of(t));
    field(&w, "work_uncached", (double)t->uncached_ns * 1e-9);
    field(&w, "work_closed_loop", (double)t->closed_ns * 1e-9);
    field(&w, "work_fit", (double)(t->all_ns - t->uncached_ns - t->closed_ns) * 1e-9);
    zc_json_end_object(&w);
}

static zc_status training_run(void *user, zc_job *job)
{
    training *t = user;
    zc_log *log = &zc_job_engine(job)->log;
    zc_status st = ZC_OK;
    zc_predictor *p = NULL;
    int64_t began;

    ZC_TRY(zc_study_open(&t->study, job, t->prompts, t->folder));
    ZC_TRY(open_fit(t));
    zc_info(log, "training: %d prompts, %zu of %zu elements, %.1f MB beyond the model's memory",
            t->study.prompts, t->picks.count, t->picks.total, (double)memory_of(t) * 1e-6);
    began = zc_clock_work_ns();
    ZC_TRY(fit_all(t));
    t->all_ns = zc_clock_work_ns() - began;
    ZC_TRY(t->kind->predictor(t->fit, &p));
    ZC_TRY(zc_predictor_save(p, log, t->output));
    report(t, p);
    if (!t->options.keep)
        ZC_TRY(zc_study_discard(&t->study));
done:
    zc_predictor_destroy(&p);
    if (t->fit)
        t->kind->close(&t->fit);
    zc_picks_fini(&t->picks);
    zc_free(t->piece);
    t->piece = NULL;
    zc_study_close(&t->study);
    return st;
}

/* ---- Starting ---- */

/* Lines of `options`, in two rounds: first which fit it is, then the fit's own keys. */
struct setter {
    training *t;
    zc_log   *log;
    bool      own;                /* keys fit.KEY */
};

static zc_status set(void *user, const char *where, const char *key, const char *value)
{
    const struct setter *s = user;
    const bool own = zc_str_starts(key, "fit.");

    if (own != s->own)
        return ZC_OK;
    if (own)
        return zc_opt_set(s->t->kind->opts, s->t->fit_options, s->log, where,
                          key + strlen("fit."), value);
    return zc_opt_set(zc_training_opts, &s->t->options, s->log, where, key, value);
}

static zc_status set_options(training *t, zc_log *log, const char *options)
{
    zc_status st = ZC_OK;
    struct setter s = { .t = t, .log = log };

    zc_opt_defaults(zc_training_opts, &t->options);
    ZC_TRY(zc_lines_parse(log, "training", options, set, &s));
    t->kind = &zc_fit_kinds[t->options.fit];
    t->fit_options = zc_alloc_zeroed(1, t->kind->options_size);
    ZC_CHECK(t->fit_options, ZC_E_NOMEM, "out of memory");
    zc_opt_defaults(t->kind->opts, t->fit_options);
    s.own = true;
    ZC_TRY(zc_lines_parse(log, "training", options, set, &s));
done:
    return st;
}

zc_status zc_training_start(zc_engine *e, zc_job **out, const zc_task_desc *desc)
{
    zc_log *log = zc_engine_log(e);
    zc_status st = ZC_OK;
    zc_str folder = { 0 };
    training *t = zc_new(training);

    *out = NULL;
    ZC_CHECK(t, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(desc->prompts && *desc->prompts && desc->output && *desc->output, ZC_E_ARGUMENT,
             "training needs a file of prompts and an output");
    zc_str_add_format(&folder, "%s.train", desc->output);
    t->folder = zc_str_release(&folder);
    t->prompts = zc_copy_text(desc->prompts, strlen(desc->prompts));
    t->output = zc_copy_text(desc->output, strlen(desc->output));
    ZC_CHECK(t->folder && t->prompts && t->output, ZC_E_NOMEM, "out of memory");
    ZC_TRY(set_options(t, log, desc->options ? desc->options : ""));
    training *taken = t;
    t = NULL;
    ZC_TRY(zc_task_start(e, out, desc->request, &(zc_task){ .run = training_run,
                                                            .free = training_free,
                                                            .user = taken }));
done:
    if (t)
        training_free(t);
    return st;
}
