/* Caching methods on plain floats: schedules, polynomials, coefficients, refusals. */

#include <math.h>
#include <stdlib.h>

#include "core/cache/differences.h"
#include "core/cache/method.h"
#include "core/cache/predictor.h"
#include "core/cache/steps.h"
#include "core/cache/teacache.h"
#include "tests/unit/test.h"

/* "0 1 2 9 ..." */
static const char *text_of(const uint8_t *full, int steps)
{
    static char text[4096];
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < steps; i++) {
        if (full[i])
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d", n ? " " : "", i);
    }
    return text;
}

static void lesa_schedules_are_the_published_ones(void)
{
    static const struct {
        int interval, count;
        const char *steps;
    } rows[] = {
        { 3, 19, "0 1 2 3 5 8 11 14 17 20 23 26 29 32 35 38 41 44 47" },
        { 4, 15, "0 1 2 3 6 10 14 18 22 26 30 34 38 42 46" },
        { 5, 13, "0 1 2 3 7 12 17 22 27 32 37 42 47" },
        { 6, 11, "0 1 2 3 8 14 20 26 32 38 44" },
        { 7, 10, "0 1 2 3 9 16 23 30 37 44" },
        { 8, 9, "0 1 2 3 10 18 26 34 42" },
        { 9, 9, "0 1 2 3 11 20 29 38 47" },
        { 10, 8, "0 1 2 3 12 22 32 42" },
    };
    uint8_t full[50];

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_steps_lesa(full, 50, 3, rows[i].interval);
        REQUIRE_STR(text_of(full, 50), rows[i].steps);
        REQUIRE_INT(zc_steps_count(full, 50), rows[i].count);
    }
}

static void periodic_schedules_are_the_published_ones(void)
{
    static const struct {
        int first, interval, steps, count;
        const char *text;
    } rows[] = {
        { 1, 3, 50, 17, NULL },
        { 1, 4, 50, 13, NULL },
        { 1, 5, 50, 10, "0 5 10 15 20 25 30 35 40 45" },
        { 2, 5, 50, 11, "0 1 6 11 16 21 26 31 36 41 46" },
        { 1, 6, 50, 9, NULL },
        { 1, 7, 50, 8, "0 7 14 21 28 35 42 49" },
        { 3, 4, 50, 14, "0 1 2 6 10 14 18 22 26 30 34 38 42 46" },
        { 3, 5, 50, 12, "0 1 2 7 12 17 22 27 32 37 42 47" },
        { 3, 6, 50, 10, "0 1 2 8 14 20 26 32 38 44" },
        { 3, 8, 50, 8, "0 1 2 10 18 26 34 42" },
        { 3, 9, 50, 8, "0 1 2 11 20 29 38 47" },
        { 3, 12, 50, 6, "0 1 2 14 26 38" },
        { 2, 2, 8, 5, "0 1 3 5 7" },
        { 2, 3, 8, 4, "0 1 4 7" },
        { 1, 4, 8, 2, "0 4" },
        { 1, 3, 4, 2, "0 3" },
        { 1, 4, 4, 1, "0" },
    };
    uint8_t full[50];

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_steps_periodic(full, rows[i].steps, rows[i].first, rows[i].interval, -1);
        REQUIRE_INT(zc_steps_count(full, rows[i].steps), rows[i].count);
        if (rows[i].text)
            REQUIRE_STR(text_of(full, rows[i].steps), rows[i].text);
    }
}

static void l2p_schedules_are_the_published_ones(void)
{
    static const struct {
        int interval;
        const char *text;
    } rows[] = {
        { 5, "0 1 2 4 6 9 14 23 30 37 44" },
        { 6, "0 1 2 4 7 14 23 31 38 45" },
        { 7, "0 1 2 4 9 17 26 35 43" },
        { 8, "0 1 2 4 10 20 31 41" },
        { 10, "0 1 2 4 12 24 38" },
        { 16, "0 1 2 4 16 32" },
    };
    uint8_t full[50];

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        REQUIRE(zc_steps_l2p(full, 50, rows[i].interval));
        REQUIRE_STR(text_of(full, 50), rows[i].text);
    }
    REQUIRE(!zc_steps_l2p(full, 50, 9));
    REQUIRE(!zc_steps_l2p(full, 28, 5));
}

static void a_list_of_steps_is_read_or_explained(void)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        { "1 2", "cache.full: '1 2' lacks step 0, which can't be predicted" },
        { "0 50", "cache.full: step 50, expected a whole number from 0 to 49" },
        { "0 -1", "cache.full: step -1, expected a whole number from 0 to 49" },
        { "0 1.5", "cache.full: step 1.5, expected a whole number from 0 to 49" },
        { "0 x", "cache.full: 'x' is not a number" },
        { "", "cache.full: '' lacks step 0, which can't be predicted" },
    };
    uint8_t full[50];
    char text[ZC_LOG_TEXT];
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    REQUIRE_INT(zc_steps_parse(full, 50, &log, " 0, 1 2,9  49"), ZC_OK);
    REQUIRE_STR(text_of(full, 50), "0 1 2 9 49");
    for (size_t i = 0; i < ZC_COUNT(bad); i++) {
        REQUIRE_INT(zc_steps_parse(full, 50, &log, bad[i].text), ZC_E_ARGUMENT);
        zc_log_last_error(&log, text, sizeof(text));
        REQUIRE_STR(text, bad[i].message);
    }
    zc_log_fini(&log);
}

static void teacache_polynomials_have_their_values(void)
{
    static const struct {
        const char *name;
        double at[3];
    } rows[] = {
        { "flux", { 0.180503, 0.206847, 0.261995 } },
        { "hunyuan-video", { 0.062038, 0.129196, 0.133731 } },
    };
    static const double x[3] = { 0.05, 0.1, 0.2 };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        const double *coef = zc_teacache_find(rows[i].name);

        REQUIRE(coef);
        for (int k = 0; coef && k < 3; k++)
            REQUIRE_NEAR(zc_teacache_at(coef, x[k]), rows[i].at[k], 5e-7);
    }
    REQUIRE(!zc_teacache_find("no-such-model"));
}

/* A method opened with some options, on a schedule of that many steps. */
struct opened {
    const zc_cache_method *m;
    void *state;
    zc_schedule schedule;
    int depth;
};

static struct opened *open_method(const char *name, int steps, const char *const *options)
{
    struct opened *o = calloc(1, sizeof(*o));
    const zc_cache_env env = { .schedule = &o->schedule, .family = "hunyuan-video" };

    o->m = zc_cache_method_find(name);
    REQUIRE_INT(zc_schedule_flow(&o->schedule, NULL, steps, 7), ZC_OK);
    o->state = calloc(1, o->m->state_size);
    zc_opt_defaults(o->m->opts, o->state);
    for (; options && *options; options += 2)
        REQUIRE_INT(zc_opt_set(o->m->opts, o->state, NULL, "", options[0], options[1]), ZC_OK);
    REQUIRE_INT(o->m->open(o->state, &env, &o->depth), ZC_OK);
    return o;
}

static void close_method(struct opened *o)
{
    free(o->state);
    free(o);
}

static double predict(const struct opened *o, int step, const zc_cache_past *past,
                      const double *feature)
{
    const zc_step s = zc_schedule_at(&o->schedule, step);
    float coef[ZC_CACHE_DEPTH], bias = 0;
    const int n = o->m->mix(o->state, &s, past, coef, &bias);
    double sum = (double)bias;

    for (int k = 0; k < n && k < past->count; k++)
        sum += (double)coef[k] * feature[k];
    return sum;
}

/* With computed steps d apart, a quadratic falls short by d x D_2 / 2. */
static void taylorseer_misses_a_quadratic_by_a_known_amount(void)
{
    static const char *const options[] = { "order", "2", "first", "1", "interval", "5", NULL };
    struct opened *o = open_method("taylorseer", 50, options);
    const zc_cache_past past = { .count = 3, .step = { 20, 15, 10 } };
    const double second = 0.06, d = 5;
    double f[3];

    for (int k = 0; k < 3; k++)
        f[k] = 1 + 0.5 * past.step[k] + second / 2 * past.step[k] * past.step[k];
    for (int x = 1; x < 5; x++) {
        const double at = 20 + x, truth = 1 + 0.5 * at + second / 2 * at * at;

        REQUIRE_NEAR(truth - predict(o, 20 + x, &past, f), d * x * second / 2, 1e-5);
    }
    close_method(o);
}

/* The formulas for order 1 and 2 on unequal distances. */
static void taylorseer_follows_its_recurrence(void)
{
    static const char *const first[] = { "order", "1", NULL };
    struct opened *one = open_method("taylorseer", 50, first), *two = open_method("taylorseer", 50,
                                                                                  NULL);
    const zc_cache_past past = { .count = 3, .step = { 8, 2, 1 } };
    const double f[3] = { 3, 1, 2 }, d1 = (f[0] - f[1]) / 6, d2 = (d1 - (f[1] - f[2]) / 1) / 6;

    REQUIRE_INT(one->depth, 2);
    REQUIRE_INT(two->depth, 3);
    REQUIRE_NEAR(predict(one, 11, &past, f), f[0] + 3 * d1, 1e-6);
    REQUIRE_NEAR(predict(two, 11, &past, f), f[0] + 3 * d1 + 4.5 * d2, 1e-6);
    close_method(one);
    close_method(two);
}

/* With three first steps, differences start from the second of them. */
static void differences_start_behind_the_warm_up(void)
{
    const int warm[] = { 2, 1, 0 }, later[] = { 8, 2, 1 }, first[] = { 0 };

    REQUIRE_INT(zc_differences_usable(warm, 3, 2, 3), 2);
    REQUIRE_INT(zc_differences_usable(later, 3, 2, 3), 3);
    REQUIRE_INT(zc_differences_usable(first, 1, 2, 3), 1);
    REQUIRE_INT(zc_differences_usable(warm, 3, 2, 1), 3);
    REQUIRE_INT(zc_differences_usable(warm, 3, 0, 1), 1);
}

/* sigma^o H_o(sigma x) / o! for o = 0, 1, 2, on equal distances. */
static void hicache_uses_hermite_polynomials(void)
{
    static const char *const options[] = { "sigma", "0.6", "first", "1", NULL };
    struct opened *o = open_method("hicache", 50, options);
    const zc_cache_past past = { .count = 3, .step = { 20, 15, 10 } };
    const double f[3] = { 3, 1, 2 }, d1 = (f[0] - f[1]) / 5, d2 = (d1 - (f[1] - f[2]) / 5) / 5;
    const double s = 0.6, y = s * 3;

    REQUIRE_NEAR(predict(o, 23, &past, f),
                 f[0] + s * 2 * y * d1 + s * s * (4 * y * y - 2) / 2 * d2, 1e-5);
    close_method(o);
}

/* Runs a method that sees the same thing in every step. */
static const char *steps_seen(struct opened *o, const zc_cache_seen *seen)
{
    uint8_t full[ZC_STEPS_MAX];

    for (int i = 0; i < o->schedule.steps; i++) {
        const zc_step s = zc_schedule_at(&o->schedule, i);

        full[i] = o->m->computes(o->state, &s, seen);
        if (full[i] && o->m->computed)
            o->m->computed(o->state, &s);
    }
    return text_of(full, o->schedule.steps);
}

static void teacache_adds_up_until_the_threshold(void)
{
    static const char *const options[] = { "threshold", "0.25", NULL };
    static const char *const own[] = { "polynomial", "0 0 0 1 0", "threshold", "0.35", NULL };
    struct opened *o = open_method("teacache", 10, options);

    /* P(0.05) = 0.062: the fifth step after a computed one passes 0.25. */
    REQUIRE_STR(steps_seen(o, &(zc_cache_seen){ .drift = 0.05f }), "0 5 9");
    REQUIRE_STR(steps_seen(o, &(zc_cache_seen){ .drift = 0.1f }), "0 2 4 6 8 9");
    close_method(o);
    o = open_method("teacache", 10, own);
    REQUIRE_STR(steps_seen(o, &(zc_cache_seen){ .drift = 0.1f }), "0 4 8 9");
    close_method(o);
}

static void easycache_adds_up_until_the_threshold(void)
{
    static const char *const options[] = { "threshold", "0.05", NULL };
    struct opened *o = open_method("easycache", 16, options);

    REQUIRE_STR(steps_seen(o, &(zc_cache_seen){ .gain = 2, .travel = 0.01f }),
                "0 1 2 3 4 7 10 13 15");
    close_method(o);
}

static void magcache_follows_its_table(void)
{
    static const char *const options[] = {
        "ratios", "1 1 1.1 0.9 1 1 1 1 1.5 1", "retain", "0.2", "threshold", "0.24", "run", "3",
        NULL
    };
    struct opened *o = open_method("magcache", 10, options);

    /* 2: error 0.1; 3: product 0.99, error 0.11; 4: 0.12, the third in a row; 5 computed;
     * 6, 7: no error; 8: 0.5, computed; 9: no error. */
    REQUIRE_STR(steps_seen(o, &(zc_cache_seen){ 0 }), "0 1 5 8");
    close_method(o);
    o = open_method("magcache", 50, NULL);
    REQUIRE_HAS(steps_seen(o, &(zc_cache_seen){ 0 }), "0 1 2 3 4 5 6 7 8 9 ");
    close_method(o);
}

static void fora_may_compute_the_last_step(void)
{
    static const char *const options[] = { "last", "yes", NULL };
    struct opened *o = open_method("fora", 12, options);

    REQUIRE_STR(steps_seen(o, &(zc_cache_seen){ 0 }), "0 5 10 11");
    close_method(o);
}

static void a_predictor_refuses_what_it_was_not_made_for(void)
{
    static const char *const messages[] = {
        "the predictor is for the method lesa, the job uses l2p",
        "the predictor was trained on the model abc, the job runs def",
        "the predictor was trained for 50 steps, the job has 30",
        "the predictor was trained on features of the tap output, the job takes trunk",
        "the predictor was trained for 2 lanes of guidance, the job has 1",
        "the predictor was trained with noise level 0.997",
    };
    static zc_schedule own, shorter, shifted;
    const zc_predictor_use good = { "lesa", "abc", &own, ZC_TAP_OUTPUT, 2 };
    zc_predictor_use bad[ZC_COUNT(messages)];
    zc_predictor *p = NULL;
    char text[ZC_LOG_TEXT];
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    REQUIRE_INT(zc_schedule_flow(&own, NULL, 50, 7), ZC_OK);
    REQUIRE_INT(zc_schedule_flow(&shorter, NULL, 30, 7), ZC_OK);
    REQUIRE_INT(zc_schedule_flow(&shifted, NULL, 50, 5), ZC_OK);
    REQUIRE_INT(zc_predictor_create(&p, &log, 50, 2, 8), ZC_OK);
    p->tap = ZC_TAP_OUTPUT;
    memcpy(p->method, "lesa", 5);
    memcpy(p->model, "abc", 4);
    memcpy(p->sigma, own.sigma, 51 * sizeof(float));
    for (size_t i = 0; i < ZC_COUNT(bad); i++)
        bad[i] = good;
    bad[0].method = "l2p";
    bad[1].model = "def";
    bad[2].schedule = &shorter;
    bad[3].tap = ZC_TAP_TRUNK;
    bad[4].lanes = 1;
    bad[5].schedule = &shifted;
    REQUIRE_INT(zc_predictor_check(p, &log, &good), ZC_OK);
    for (size_t i = 0; i < ZC_COUNT(bad); i++) {
        REQUIRE_INT(zc_predictor_check(p, &log, &bad[i]), ZC_E_MISMATCH);
        zc_log_last_error(&log, text, sizeof(text));
        REQUIRE_HAS(text, messages[i]);
    }
    zc_predictor_destroy(&p);
    REQUIRE_INT(zc_predictor_create(&p, &log, 0, 1, 8), ZC_E_LIMIT);
    REQUIRE_INT(zc_predictor_create(&p, &log, 50, 1, 65), ZC_E_LIMIT);
    zc_log_fini(&log);
}

static void an_unknown_model_is_explained(void)
{
    static const char *const names[] = { "teacache", "magcache" };
    zc_schedule s;
    char text[ZC_LOG_TEXT];
    zc_log log;
    const zc_cache_env env = { .log = &log, .schedule = &s, .family = "other" };

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    REQUIRE_INT(zc_schedule_flow(&s, NULL, 10, 1), ZC_OK);
    for (size_t i = 0; i < ZC_COUNT(names); i++) {
        const zc_cache_method *m = zc_cache_method_find(names[i]);
        void *state = calloc(1, m->state_size);
        int depth;

        zc_opt_defaults(m->opts, state);
        REQUIRE_INT(m->open(state, &env, &depth), ZC_E_MISSING);
        zc_log_last_error(&log, text, sizeof(text));
        REQUIRE_HAS(text, "'other'");
        free(state);
    }
    zc_log_fini(&log);
}

int main(void)
{
    TEST(lesa_schedules_are_the_published_ones);
    TEST(periodic_schedules_are_the_published_ones);
    TEST(l2p_schedules_are_the_published_ones);
    TEST(a_list_of_steps_is_read_or_explained);
    TEST(teacache_polynomials_have_their_values);
    TEST(taylorseer_misses_a_quadratic_by_a_known_amount);
    TEST(taylorseer_follows_its_recurrence);
    TEST(differences_start_behind_the_warm_up);
    TEST(hicache_uses_hermite_polynomials);
    TEST(teacache_adds_up_until_the_threshold);
    TEST(easycache_adds_up_until_the_threshold);
    TEST(magcache_follows_its_table);
    TEST(fora_may_compute_the_last_step);
    TEST(a_predictor_refuses_what_it_was_not_made_for);
    TEST(an_unknown_model_is_explained);
    return test_end();
}
