/* The ring: what is remembered, predicted, measured and told, on the reference backend. */

#include <math.h>
#include <stdlib.h>

#include "core/cache/cache.h"
#include "core/device.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

#define ROWS  3
#define COLS  5
#define COUNT (ROWS * COLS)
#define STEPS 20

/* The feature and the input of each step, and what the run is to be. */
struct game {
    const char *method;
    const char *options[12];
    const zc_predictor *predictor;
    zc_tap tap;
    zk_dtype type;                /* that the model writes */
    int lanes;
    float *follow;                /* results of lane 1 */
    double (*feature)(int step, int e), (*input)(int step, int e);

    zc_cache *cache[2];
    float result[STEPS][COUNT];   /* of lane 0 */
    zc_cache_trace trace[STEPS];
    size_t measured, real;        /* bytes that start took */
    uint64_t said;
    bool told;                    /* wanted: the next two */
    char report[4096], line[ZC_LOG_TEXT];
};

static double smooth(int step, int e)
{
    return 2 + sin(0.3 * step + e);
}

static double moving(int step, int e)
{
    return cos(0.1 * step + 0.7 * e);
}

static void one_step(struct game *g, zc_run *r, int lane, const zc_step *step)
{
    zc_cache *c = g->cache[lane];
    float host[COUNT];
    zc_cache_inputs in = { .base = { .type = ZK_NONE } };

    for (int e = 0; e < COUNT; e++)
        host[e] = (float)g->input(step->index, e);
    in.base = in.probe = zc_floats(r, host, ROWS, COLS);
    for (int e = 0; e < COUNT; e++)
        host[e] = (float)g->feature(step->index, e);
    if (zc_cache_computes(c, r, step, &in))
        zc_copy_to(r, zc_cache_slot(c), zc_floats(r, host, ROWS, COLS));
    else
        zc_cache_predict(c, r, step, &in);
    zc_cache_commit(c, r, step, &in);
    zc_download(r, lane == 0 ? g->result[step->index] : g->follow + step->index * COUNT,
                zc_cast(r, zc_cache_feature(c), ZK_F32));
}

static zc_schedule schedule;

static void play(zc_run *r, void *user)
{
    struct game *g = user;

    for (int lane = 0; lane < g->lanes; lane++) {
        const size_t before = r->scratch->used;

        zc_cache_start(g->cache[lane], r, ROWS, COLS, g->type);
        *(zc_run_is_real(r) ? &g->real : &g->measured) = r->scratch->used - before;
    }
    for (int i = 0; i < STEPS; i++) {
        const zc_step step = zc_schedule_at(&schedule, i);
        const size_t mark = zc_arena_mark(r->scratch);

        for (int lane = 0; lane < g->lanes; lane++)
            one_step(g, r, lane, &step);
        zc_arena_release(r->scratch, mark);
    }
}

static void keep_line(void *user, zc_level level, const char *text)
{
    struct game *g = user;

    REQUIRE_INT(level, ZC_LEVEL_INFO);
    snprintf(g->line, sizeof(g->line), "%s", text);
}

static void listen(struct game *g)
{
    zc_str text = { 0 };
    zc_json_writer w = { .to = &text };
    zc_log log;

    zc_cache_report(g->cache[0], &w);
    snprintf(g->report, sizeof(g->report), "%s", zc_str_get(&text));
    zc_str_fini(&text);
    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_INFO, keep_line, g), ZC_OK);
    zc_cache_say(g->cache[0], &log);
    zc_log_fini(&log);
}

static void run_game(struct game *g)
{
    const zc_cache_method *m = zc_cache_method_find(g->method);
    const zc_device_desc desc = { .backend = "ref", .threads = 1 };
    const zc_work work = { .fn = play, .user = g, .act = ZK_F32 };
    zc_device *dev = NULL;
    void *options = calloc(1, m->options_size);

    g->lanes = g->lanes ? g->lanes : 1;
    g->type = g->type ? g->type : ZK_F32;
    g->feature = g->feature ? g->feature : smooth;
    g->input = g->input ? g->input : moving;
    zc_opt_defaults(m->opts, options);
    for (int i = 0; g->options[i]; i += 2)
        REQUIRE_INT(zc_opt_set(m->opts, options, NULL, "", g->options[i], g->options[i + 1]),
                    ZC_OK);
    for (int lane = 0; lane < g->lanes; lane++) {
        const zc_cache_desc d = { .method = m, .options = options, .schedule = &schedule,
                                  .predictor = g->predictor, .family = "flux", .tap = g->tap,
                                  .lane = lane, .lanes = g->lanes,
                                  .lead = lane ? g->cache[0] : NULL };

        REQUIRE_INT(zc_cache_open(&g->cache[lane], &d), ZC_OK);
    }
    REQUIRE_INT(zc_device_open(&dev, &desc), ZC_OK);
    REQUIRE_INT(zc_device_run(dev, &work), ZC_OK);
    g->said = zc_cache_bytes(g->cache[0], ROWS, COLS, g->type);
    REQUIRE_INT(zc_cache_steps(g->cache[0]), STEPS);
    for (int i = 0; i < STEPS; i++)
        g->trace[i] = *zc_cache_trace_at(g->cache[0], i);
    zc_device_close(&dev);
    if (g->told)
        listen(g);
    for (int lane = g->lanes - 1; lane >= 0; lane--)
        zc_cache_close(&g->cache[lane]);
    free(options);
}

static int computed(const struct game *g)
{
    int n = 0;

    for (int i = 0; i < STEPS; i++)
        n += g->trace[i].kind != ZC_CACHE_PREDICTED;
    return n;
}

static void every_step_is_computed_without_a_method(void)
{
    static struct game g = { .method = "none" };

    run_game(&g);
    REQUIRE_INT(computed(&g), STEPS);
    for (int e = 0; e < COUNT; e++)
        REQUIRE_NEAR((double)g.result[13][e], smooth(13, e), 1e-2);
}

static void reuse_repeats_the_last_computed_feature(void)
{
    static struct game g = { .method = "fora", .options = { "interval", "4", "type", "f32" } };

    run_game(&g);
    for (int i = 0; i < STEPS; i++) {
        REQUIRE_INT(g.trace[i].kind, i % 4 ? ZC_CACHE_PREDICTED : ZC_CACHE_COMPUTED);
        for (int e = 0; e < COUNT; e++)
            REQUIRE_NEAR((double)g.result[i][e], smooth(i - i % 4, e), 1e-6);
    }
}

static void taylor_sees_computed_features_only(void)
{
    static struct game g = { .method = "taylorseer", .tap = ZC_TAP_OUTPUT,
                             .options = { "order", "1", "interval", "3", "first", "1" } };

    run_game(&g);
    for (int i = 4; i < STEPS; i++) {
        const int a = i - i % 3, x = i - a;

        for (int e = 0; e < COUNT; e++)
            REQUIRE_NEAR((double)g.result[i][e],
                         smooth(a, e) + x * (smooth(a, e) - smooth(a - 3, e)) / 3, 1e-5);
    }
}

/* A predictor with a window of `depth` in which every prediction adds `by` to the newest. */
static zc_predictor *adder(const char *method, int depth, double by)
{
    zc_predictor *p = NULL;

    REQUIRE_INT(zc_predictor_create(&p, NULL, STEPS, 1, depth), ZC_OK);
    snprintf(p->method, sizeof(p->method), "%s", method);
    p->tap = ZC_TAP_OUTPUT;
    memcpy(p->sigma, schedule.sigma, (STEPS + 1) * sizeof(float));
    for (int i = 0; i < STEPS; i++) {
        const int count = i < depth ? i : depth;
        float *row = zc_predictor_row(p, 0, i);

        p->full[i] = i < 2 || i == 12;
        p->counts[i] = count;
        for (int k = 0; k < count; k++)
            row[k] = (k == 0 ? 1.0f : 0.0f) + (k % 2 ? -0.25f : 0.25f);
        row[depth] = (float)by;
    }
    return p;
}

/* The same on the host. */
static void expect_rows(const struct game *g, const zc_predictor *p, double most)
{
    double h[STEPS] = { 0 };

    for (int e = 0; e < COUNT; e++) {
        for (int i = 0; i < STEPS; i++) {
            const float *row = zc_predictor_row(p, 0, i);

            h[i] = p->full[i] ? smooth(i, e) : (double)row[p->depth];
            for (int k = 0; k < p->counts[i] && k < i && !p->full[i]; k++)
                h[i] += (double)row[k] * h[i - 1 - k];
            REQUIRE_NEAR((double)g->result[i][e], h[i], most * (1 + fabs(h[i])));
        }
    }
}

static void learned_methods_remember_predictions_too(void)
{
    static struct game lesa = { .method = "lesa" }, l2p = { .method = "l2p" };
    zc_predictor *narrow = adder("lesa", 8, 0.01), *wide = adder("l2p", STEPS - 1, 0.01);

    lesa.predictor = narrow;
    l2p.predictor = wide;
    run_game(&lesa);
    expect_rows(&lesa, narrow, 1e-5);
    run_game(&l2p);
    expect_rows(&l2p, wide, 1e-5);
    zc_predictor_destroy(&narrow);
    zc_predictor_destroy(&wide);
}

static void what_is_remembered_has_the_type_asked_for(void)
{
    static const struct {
        const char *name;
        double most;
        int bytes;
    } rows[] = { { "f32", 1e-6, 4 }, { "bf16", 4e-3, 2 }, { "f16", 5e-4, 2 },
                 { "f8_e4m3", 6.3e-2, 1 } };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        static struct game g;

        g = (struct game){ .method = "fora", .options = { "interval", "2", "type", rows[i].name } };
        run_game(&g);
        for (int e = 0; e < COUNT; e++)
            REQUIRE_NEAR((double)g.result[5][e] / smooth(4, e), 1, rows[i].most);
        /* Two in the ring, and what the model writes if it can't write there. */
        REQUIRE_INT(g.said, 2 * 256 + (rows[i].bytes < 4 ? 256 : 0));
        REQUIRE_INT(g.said, g.real);
        REQUIRE_INT(g.said, g.measured);
    }
}

/* Far from 1, where 8 bits without a scale would be lost. */
static double large(int step, int e)
{
    return 3e5 * smooth(step, e);
}

static void eight_bits_keep_features_of_any_size(void)
{
    static struct game g = { .method = "fora", .feature = large,
                             .options = { "interval", "2", "type", "f8_e4m3" } };

    run_game(&g);
    for (int e = 0; e < COUNT; e++)
        REQUIRE_NEAR((double)g.result[5][e] / large(4, e), 1, 6.3e-2);
}

static void residuals_are_added_to_the_present_input(void)
{
    static struct game g = { .method = "magcache", .options = { "retain", "0.1", "type", "f32" } };
    int source = 0;

    run_game(&g);
    REQUIRE(computed(&g) < STEPS);
    for (int i = 0; i < STEPS; i++) {
        source = g.trace[i].kind == ZC_CACHE_PREDICTED ? source : i;
        for (int e = 0; e < COUNT; e++)
            REQUIRE_NEAR((double)g.result[i][e],
                         smooth(source, e) - moving(source, e) + moving(i, e), 1e-5);
    }
}

static double drift_of(double (*f)(int, int), int i)
{
    double change = 0, size = 0;

    for (int e = 0; e < COUNT; e++) {
        change += fabs((double)(float)f(i, e) - (double)(float)f(i - 1, e));
        size += fabs((double)(float)f(i - 1, e));
    }
    return change / size;
}

static void the_input_is_watched(void)
{
    static struct game g = { .method = "teacache",
                             .options = { "polynomial", "0 0 0 1 0", "threshold", "0.3" } };
    double sum = 0;

    run_game(&g);
    for (int i = 1; i < STEPS; i++) {
        bool full;

        sum += drift_of(moving, i);
        full = !(sum < 0.3) || i == STEPS - 1;
        REQUIRE_INT(g.trace[i].kind, full ? ZC_CACHE_COMPUTED : ZC_CACHE_PREDICTED);
        if (i < STEPS - 1)
            REQUIRE_NEAR((double)g.trace[i].drift, drift_of(moving, i), 1e-5);
        sum = full ? 0 : sum;
    }
}

static double travel_between(double (*f)(int, int), int a, int b)
{
    double sum = 0;

    for (int e = 0; e < COUNT; e++)
        sum += fabs(f(a, e) - f(b, e));
    return sum;
}

/* EasyCache's sum, made here from the definitions. */
static void the_gain_of_the_model_is_watched(void)
{
    static struct game g = { .method = "easycache", .options = { "threshold", "0.3" } };
    double gain = 0, sum = 0, out[COUNT] = { 0 }, was;
    int last = 0;

    run_game(&g);
    for (int i = 0; i < STEPS; i++) {
        bool full = i < 5 || i == STEPS - 1;

        if (!full) {
            was = 0;
            for (int e = 0; e < COUNT; e++)
                was += fabs(out[e]);
            sum += gain * travel_between(moving, i, i - 1) / was;
            full = !(sum < 0.3);
        }
        REQUIRE_INT(g.trace[i].kind, full ? ZC_CACHE_COMPUTED : ZC_CACHE_PREDICTED);
        if (full && i > 0)
            gain = travel_between(smooth, i, last) / travel_between(moving, i, last);
        last = full ? i : last;
        sum = full ? 0 : sum;
        for (int e = 0; e < COUNT; e++)
            out[e] = (double)g.result[i][e];
    }
    REQUIRE(computed(&g) > 6 && computed(&g) < STEPS);
}

static void the_users_list_is_kept(void)
{
    static struct game g = { .method = "taylorseer",
                             .options = { "full", "0 3 7 8", "order", "0" } };

    run_game(&g);
    for (int i = 0; i < STEPS; i++)
        REQUIRE_INT(g.trace[i].kind, i == 0 || i == 3 || i == 7 || i == 8 ? ZC_CACHE_COMPUTED
                                                                          : ZC_CACHE_PREDICTED);
}

/* Calm at first, then each step is far from the one before. */
static double stormy(int step, int e)
{
    return step < 10 ? 2 + 0.001 * step * e : 2 + sin(2.4 * step + e);
}

static void a_budget_of_error_inserts_steps(void)
{
    static struct game free_run = { .method = "fora", .feature = stormy,
                                    .options = { "interval", "5", "max_error", "1e9" } };
    static struct game bound = { .method = "fora", .feature = stormy,
                                 .options = { "interval", "5", "max_error", "0.05" },
                                 .told = true };
    double size = 0;
    int inserted = 0;

    run_game(&free_run);
    run_game(&bound);
    REQUIRE_INT(computed(&free_run), 4);
    for (int i = 0; i < STEPS; i++) {
        inserted += bound.trace[i].kind == ZC_CACHE_INSERTED;
        REQUIRE(bound.trace[i].kind != ZC_CACHE_INSERTED || i > 10);
        REQUIRE_INT(bound.trace[i].error >= 0, i > 0 && bound.trace[i].kind != ZC_CACHE_PREDICTED);
    }
    REQUIRE(inserted >= 3);
    REQUIRE_HAS(bound.line, " steps computed: 0 5 (0.0");
    REQUIRE_HAS(bound.line, "+ (");
    REQUIRE_HAS(bound.report, "{\"kind\":\"inserted\",\"error\":");
    for (int e = 0; e < COUNT; e++)
        size += fabs(stormy(15, e));
    /* The ring is bf16 here. */
    REQUIRE_NEAR((double)free_run.trace[15].error, travel_between(stormy, 15, 10) / size, 1e-2);
}

static void only_learned_methods_have_a_path(void)
{
    for (int i = 0; zc_cache_methods[i]; i++) {
        const zc_cache_method *m = zc_cache_methods[i];
        void *options = calloc(1, m->options_size);
        const char *path;

        zc_opt_defaults(m->opts, options);
        if (m->predictor)
            REQUIRE_INT(zc_opt_set(m->opts, options, NULL, "", "predictor", "a/b"), ZC_OK);
        path = zc_cache_predictor_path(m, options);
        REQUIRE_STR(path, m->predictor ? "a/b" : NULL);
        free(options);
    }
}

static void the_second_lane_follows_the_first(void)
{
    static float follow[STEPS * COUNT];
    static struct game g = { .method = "teacache", .lanes = 2, .follow = follow,
                             .options = { "polynomial", "0 0 0 1 0", "threshold", "0.3" } };

    run_game(&g);
    REQUIRE(computed(&g) < STEPS);
    for (int i = 0; i < STEPS; i++) {
        for (int e = 0; e < COUNT; e++)
            REQUIRE_F64((double)follow[i * COUNT + e], (double)g.result[i][e]);
    }
}

static void what_does_not_fit_is_refused(void)
{
    static const struct {
        const char *method, *key, *value, *message;
        zc_status st;
    } rows[] = {
        { "lesa", NULL, NULL, "cache = lesa needs cache.predictor", ZC_E_MISSING },
        { "easycache", "tap", "trunk", "cache.tap = trunk, but easycache works on output",
          ZC_E_ARGUMENT },
        { "fora", "full", "3", "lacks step 0", ZC_E_ARGUMENT },
    };
    char text[ZC_LOG_TEXT];
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        const zc_cache_method *m = zc_cache_method_find(rows[i].method);
        void *options = calloc(1, m->options_size);
        zc_cache *c = NULL;
        const zc_cache_desc d = { .log = &log, .method = m, .options = options,
                                  .schedule = &schedule, .family = "flux", .lanes = 1 };

        zc_opt_defaults(m->opts, options);
        if (rows[i].key)
            REQUIRE_INT(zc_opt_set(m->opts, options, &log, "", rows[i].key, rows[i].value), ZC_OK);
        REQUIRE_INT(zc_cache_open(&c, &d), rows[i].st);
        REQUIRE(!c);
        zc_log_last_error(&log, text, sizeof(text));
        REQUIRE_HAS(text, rows[i].message);
        free(options);
    }
    zc_log_fini(&log);
}

static void opening_without_memory_leaves_nothing(void)
{
    zc_predictor *p = adder("lesa", 8, 0.01);
    const zc_cache_desc d = { .method = zc_cache_method_find("lesa"), .schedule = &schedule,
                              .predictor = p, .family = "flux", .lanes = 1 };

    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_cache *c = NULL;
        zc_status st;

        faults_alloc(n, FAULT_ONCE);
        st = zc_cache_open(&c, &d);
        zc_cache_close(&c);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
    zc_predictor_destroy(&p);
}

static void the_trace_is_told(void)
{
    static const char begin[] = "{\"method\":\"fora\",\"tap\":\"trunk\",\"lane\":0,"
        "\"computed\":4,\"steps\":[{\"kind\":\"computed\"},{\"kind\":\"predicted\"}";
    static struct game g = { .method = "fora", .options = { "interval", "5" }, .told = true };

    run_game(&g);
    REQUIRE(strncmp(g.report, begin, sizeof(begin) - 1) == 0);
    REQUIRE_STR(g.line, "fora: 4 of 20 steps computed: 0 5 10 15");
}

int main(void)
{
    REQUIRE_INT(zc_schedule_flow(&schedule, NULL, STEPS, 7), ZC_OK);
    TEST(every_step_is_computed_without_a_method);
    TEST(reuse_repeats_the_last_computed_feature);
    TEST(taylor_sees_computed_features_only);
    TEST(learned_methods_remember_predictions_too);
    TEST(what_is_remembered_has_the_type_asked_for);
    TEST(eight_bits_keep_features_of_any_size);
    TEST(residuals_are_added_to_the_present_input);
    TEST(the_input_is_watched);
    TEST(the_gain_of_the_model_is_watched);
    TEST(the_users_list_is_kept);
    TEST(a_budget_of_error_inserts_steps);
    TEST(only_learned_methods_have_a_path);
    TEST(the_second_lane_follows_the_first);
    TEST(what_does_not_fit_is_refused);
    TEST(opening_without_memory_leaves_nothing);
    TEST(the_trace_is_told);
    return test_end();
}
