/* Fits on a model that can be told exactly: its features follow a linear
 * recurrence, plus how far the latent has drifted from the uncached run. */

#include <math.h>
#include <stdlib.h>

#include "core/base/rng.h"
#include "core/cache/steps.h"
#include "core/train/fit.h"
#include "core/train/gram_fit.h"
#include "core/train/kan.h"
#include "core/train/kan_fit.h"
#include "tests/unit/faults.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

#define STEPS   20
#define COUNT   128
#define PROMPTS 6
#define ORDER   3

static zc_schedule schedule;

/* The model, and one run of it. */
struct sim {
    double angle;             /* of the recurrence: small is smooth */
    double drift;             /* feature error for each unit of latent error */
    bool late;                /* divided by the noise level */
    double curve;             /* share of a part that no recurrence of this order has */
    int lanes;

    const zc_predictor *p;
    int prompt;
    double error[2][COUNT];   /* of the latent */
    double past[2][STEPS][COUNT];
};

/* Roots 0.985 e^(+- i angle) and 0.97, and a constant. */
static void recurrence_of(const struct sim *s, double a[ORDER])
{
    const double two = 2 * 0.985 * cos(s->angle), square = 0.985 * 0.985, third = 0.97;

    a[0] = two + third;
    a[1] = -square - third * two;
    a[2] = third * square;
}

static const double constant = 0.05;

static void true_features(const struct sim *s, int prompt, int lane, double h[STEPS][COUNT])
{
    float first[ORDER * COUNT];
    double a[ORDER];

    recurrence_of(s, a);
    zc_randn(first, 0, ORDER * COUNT, 100 + (uint64_t)prompt, (uint64_t)lane);
    for (int e = 0; e < COUNT; e++) {
        for (int i = 0; i < STEPS; i++) {
            h[i][e] = i < ORDER ? (double)first[i * COUNT + e] : constant;
            for (int k = 0; k < ORDER && i >= ORDER; k++)
                h[i][e] += a[k] * h[i - 1 - k][e];
        }
    }
    for (int e = 0; e < COUNT; e++) {
        for (int i = 0; i < STEPS; i++)
            h[i][e] += s->curve * sin(0.9 * i + e) * (1 + 0.1 * i);
    }
}

static zc_status sim_truth(void *user, int prompt, zc_trajectory *t)
{
    const struct sim *s = user;
    static double h[STEPS][COUNT];

    for (int lane = 0; lane < s->lanes; lane++) {
        true_features(s, prompt, lane, h);
        for (int i = 0; i < STEPS; i++) {
            for (int e = 0; e < COUNT; e++)
                zc_trajectory_at(t, lane, i)[e] = (float)h[i][e];
        }
    }
    return ZC_OK;
}

static zc_status sim_start(void *user, int prompt, const zc_predictor *p)
{
    struct sim *s = user;

    s->p = p;
    s->prompt = prompt;
    memset(s->error, 0, sizeof(s->error));
    return ZC_OK;
}

/* What a cache would remember then, newest first. */
static zc_cache_past past_at(const zc_predictor *p, int step)
{
    zc_cache_past past = { .count = 0 };

    for (int i = step - 1; i >= 0; i--) {
        if (p->full[i] || !p->computed)
            past.step[past.count++] = i;
    }
    return past;
}

static zc_status sim_step(void *user, int step, zc_trajectory *t)
{
    struct sim *s = user;
    static double h[STEPS][COUNT];
    const zc_cache_past past = past_at(s->p, step);
    float coef[ZC_CACHE_DEPTH], bias = 0;
    const double way = (double)schedule.sigma[step] - (double)schedule.sigma[step + 1];

    for (int lane = 0; lane < s->lanes; lane++) {
        const int members = zc_predictor_mix(s->p, lane, step, &past, coef, &bias);

        true_features(s, s->prompt, lane, h);
        for (int e = 0; e < COUNT; e++) {
            const double drift = s->drift / (s->late ? (double)schedule.sigma[step] : 1);
            double v = h[step][e] + drift * s->error[lane][e];

            if (!s->p->full[step]) {
                v = (double)bias;
                for (int k = 0; k < members; k++)
                    v += (double)coef[k] * s->past[lane][past.step[k]][e];
            }
            s->past[lane][step][e] = v;
            s->error[lane][e] += way * (v - h[step][e]);
            zc_trajectory_at(t, lane, step)[e] = (float)v;
        }
    }
    return ZC_OK;
}

static zc_status sim_run(void *user, int prompt, const zc_predictor *p, zc_trajectory *t,
                         void (*after)(void *fit, int step), void *fit)
{
    zc_status st = sim_start(user, prompt, p);

    for (int i = 0; i < STEPS && st == ZC_OK; i++) {
        st = sim_step(user, i, t);
        if (after)
            after(fit, i);
    }
    return st;
}

static zc_train_source source_of(struct sim *s)
{
    return (zc_train_source){ .user = s, .prompts = PROMPTS, .truth = sim_truth, .run = sim_run };
}

static zc_train_job job_of(const struct sim *s)
{
    return (zc_train_job){ .schedule = &schedule, .tap = ZC_TAP_OUTPUT, .lanes = s->lanes,
                           .count = COUNT, .model = "sim", .licence = "none" };
}

/* Mean absolute error of predicted features, and of the latent at the end, over
 * prompts that nothing was trained on. */
static void judge(struct sim *s, const zc_predictor *p, double *feature, double *latent)
{
    static double h[STEPS][COUNT];
    zc_trajectory t;
    int predicted = STEPS - zc_steps_count(p->full, STEPS);

    *feature = *latent = 0;
    REQUIRE_INT(zc_trajectory_init(&t, NULL, s->lanes, STEPS, COUNT), ZC_OK);
    for (int prompt = PROMPTS; prompt < 2 * PROMPTS; prompt++) {
        REQUIRE_INT(sim_start(s, prompt, p), ZC_OK);
        for (int i = 0; i < STEPS; i++)
            REQUIRE_INT(sim_step(s, i, &t), ZC_OK);
        true_features(s, prompt, 0, h);
        for (int e = 0; e < COUNT; e++) {
            for (int i = 0; i < STEPS; i++)
                *feature += p->full[i] ? 0 : fabs(s->past[0][i][e] - h[i][e]) / predicted;
            *latent += fabs(s->error[0][e]);
        }
    }
    *feature /= PROMPTS * COUNT;
    *latent /= PROMPTS * COUNT;
    zc_trajectory_fini(&t);
}

/* TaylorSeer's rows, for steps that remember predictions too: its features are the
 * computed ones, at their places in the history. */
static zc_predictor *taylorseer(const uint8_t *full)
{
    const zc_cache_method *m = zc_cache_method_find("taylorseer");
    const zc_cache_env env = { .schedule = &schedule };
    void *state = calloc(1, m->state_size);
    zc_predictor *p = NULL;
    zc_cache_past past = { .count = 0 };
    int depth = 0;

    REQUIRE_INT(zc_predictor_create(&p, NULL, STEPS, 1, STEPS - 1), ZC_OK);
    zc_opt_defaults(m->opts, state);
    REQUIRE_INT(m->open(state, &env, &depth), ZC_OK);
    for (int i = 0; i < STEPS; i++) {
        const zc_step step = zc_schedule_at(&schedule, i);
        float coef[ZC_CACHE_DEPTH], bias;

        p->full[i] = full[i];
        if (!full[i]) {
            const int n = m->mix(state, &step, &past, coef, &bias);

            p->counts[i] = i;
            for (int k = 0; k < n; k++)
                zc_predictor_row(p, 0, i)[i - 1 - past.step[k]] = coef[k];
            continue;
        }
        memmove(past.step + 1, past.step, sizeof(past.step) - sizeof(past.step[0]));
        past.step[0] = i;
        past.count = past.count < depth ? past.count + 1 : depth;
    }
    free(state);
    return p;
}

/* All of a fit; the mean loss of its last time through the prompts. */
static zc_predictor *fit_gram(struct sim *s, const zc_gram_options *o)
{
    const zc_train_job job = job_of(s);
    const zc_train_source source = source_of(s);
    zc_gram_fit *f = NULL;
    zc_predictor *p = NULL;

    REQUIRE_INT(zc_gram_fit_open(&f, &job, o, PROMPTS), ZC_OK);
    while (f && !zc_gram_fit_done(f))
        REQUIRE_INT(zc_gram_fit_next(f, &source, NULL), ZC_OK);
    REQUIRE_INT(zc_gram_fit_predictor(f, &p), ZC_OK);
    zc_gram_fit_close(&f);
    return p;
}

static zc_predictor *fit_kan(struct sim *s, const zc_kan_options *o)
{
    const zc_train_job job = job_of(s);
    const zc_train_source source = source_of(s);
    zc_kan_fit *f = NULL;
    zc_predictor *p = NULL;

    REQUIRE_INT(zc_kan_fit_open(&f, &job, o, PROMPTS), ZC_OK);
    while (f && !zc_kan_fit_done(f))
        REQUIRE_INT(zc_kan_fit_next(f, &source, NULL), ZC_OK);
    REQUIRE_INT(zc_kan_fit_predictor(f, &p), ZC_OK);
    zc_kan_fit_close(&f);
    return p;
}

static zc_gram_options gram_options(void)
{
    zc_gram_options o;

    zc_opt_defaults(zc_gram_opts, &o);
    o.interval = 5;
    return o;
}

static zc_kan_options kan_options(void)
{
    zc_kan_options o;

    zc_opt_defaults(zc_kan_opts, &o);
    o.interval = 5;
    return o;
}

static void gram_recovers_a_recurrence(void)
{
    struct sim s = { .lanes = 2, .angle = 1.3 };
    zc_gram_options o = gram_options();
    zc_predictor *p;
    double feature, latent, recurrence[ORDER];

    recurrence_of(&s, recurrence);
    o.past = 1;
    o.folds = 0;
    o.window = ORDER;
    o.ridge = 0;
    o.path = 0;
    p = fit_gram(&s, &o);
    for (int lane = 0; lane < 2; lane++) {
        for (int i = ORDER; i < STEPS; i++) {
            REQUIRE_INT(p->counts[i], ORDER);
            for (int k = 0; k < ORDER; k++)
                REQUIRE_NEAR((double)zc_predictor_row(p, lane, i)[k], recurrence[k], 1e-6);
            REQUIRE_NEAR((double)zc_predictor_row(p, lane, i)[ORDER], constant, 1e-6);
        }
    }
    judge(&s, p, &feature, &latent);
    REQUIRE(feature < 1e-5);
    zc_predictor_destroy(&p);
}

static void the_default_fit_is_as_good_as_exact_there(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3 };
    const zc_gram_options o = gram_options();
    zc_predictor *p = fit_gram(&s, &o);
    double feature, latent;

    judge(&s, p, &feature, &latent);
    REQUIRE(feature < 1e-2);
    REQUIRE_STR(p->method, "lesa");
    REQUIRE_STR(p->fit, "gram");
    REQUIRE_INT(p->prompts, PROMPTS);
    zc_predictor_destroy(&p);
}

static void closed_loops_and_the_path_help_a_model_that_drifts(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3, .drift = -1.5, .curve = 0.2 };
    zc_gram_options o = gram_options();
    zc_predictor *open_loop, *closed, *taylor;
    double feature[3], latent[3];

    o.window = 4;
    o.rounds = 0;
    o.path = 0;
    open_loop = fit_gram(&s, &o);
    o.rounds = 2;
    o.path = 0.5f;
    closed = fit_gram(&s, &o);
    taylor = taylorseer(closed->full);
    judge(&s, open_loop, &feature[0], &latent[0]);
    judge(&s, closed, &feature[1], &latent[1]);
    judge(&s, taylor, &feature[2], &latent[2]);
    REQUIRE(latent[1] < latent[0]);
    REQUIRE(feature[1] < feature[2]);
    REQUIRE(latent[1] < latent[2]);
    zc_predictor_destroy(&open_loop);
    zc_predictor_destroy(&closed);
    zc_predictor_destroy(&taylor);
}

static void the_search_finds_a_cheaper_schedule(void)
{
    struct sim s = { .lanes = 2, .angle = 0.3, .curve = 0.2 };
    zc_gram_options o = gram_options();
    zc_predictor *fixed, *searched;
    double feature[2], latent[2];

    o.window = 4;
    o.rounds = 0;
    fixed = fit_gram(&s, &o);
    o.budget = zc_steps_count(fixed->full, STEPS);
    searched = fit_gram(&s, &o);
    REQUIRE_INT(zc_steps_count(searched->full, STEPS), o.budget);
    REQUIRE(searched->full[0]);
    judge(&s, fixed, &feature[0], &latent[0]);
    judge(&s, searched, &feature[1], &latent[1]);
    REQUIRE(latent[1] < latent[0]);
    zc_predictor_destroy(&fixed);
    zc_predictor_destroy(&searched);
}

/* A model that takes back what the latent is off by, the more the later: late steps are worth
 * more than their features tell. */
static void the_search_learns_how_the_model_answers(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3, .drift = -0.9, .curve = 0.2, .late = true };
    zc_gram_options o = gram_options();
    zc_predictor *blind, *taught;
    double feature[2], latent[2];

    o.window = 4;
    o.budget = 7;
    o.rounds = 0;
    blind = fit_gram(&s, &o);
    o.rounds = 3;
    o.rehearsed = PROMPTS;
    taught = fit_gram(&s, &o);
    REQUIRE_INT(zc_steps_count(taught->full, STEPS), o.budget);
    judge(&s, blind, &feature[0], &latent[0]);
    judge(&s, taught, &feature[1], &latent[1]);
    REQUIRE(latent[1] < 0.9 * latent[0]);
    zc_predictor_destroy(&blind);
    zc_predictor_destroy(&taught);
}

static void l2p_weighs_all_features_before(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3 };
    zc_gram_options o = gram_options();
    zc_predictor *p;

    o.window = 0;
    o.history = ZC_GRAM_TEACHER;
    o.method = 1;
    o.rounds = 0;
    p = fit_gram(&s, &o);
    REQUIRE_STR(p->method, "l2p");
    REQUIRE_INT(p->depth, STEPS - 1);
    for (int i = 0; i < STEPS; i++)
        REQUIRE_INT(p->counts[i], i);
    zc_predictor_destroy(&p);
}

static void the_cost_of_a_schedule_is_what_it_leaves(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3, .curve = 0.2 };
    const zc_gram_options o = gram_options();
    zc_predictor *p = fit_gram(&s, &o);
    zc_trajectory t;
    zc_gram g;
    double cost = 0, want = 0, square = 0, path[COUNT] = { 0 };
    const zc_gram_problem problem = { .sigma = schedule.sigma, .full = p->full, .window = 4,
                                      .ridge = 1e-6, .velocity = true };
    zc_predictor *q = NULL;

    REQUIRE_INT(zc_trajectory_init(&t, NULL, 1, STEPS, COUNT), ZC_OK);
    REQUIRE_INT(zc_gram_init(&g, NULL, STEPS), ZC_OK);
    REQUIRE_INT(zc_predictor_create(&q, NULL, STEPS, 1, 4), ZC_OK);
    REQUIRE_INT(sim_truth(&s, 0, &t), ZC_OK);
    zc_gram_add(&g, t.value, NULL, COUNT);
    memcpy(q->full, p->full, STEPS);
    REQUIRE_INT(zc_gram_solve(&g, NULL, &problem, q->rows, q->counts, &cost), ZC_OK);

    /* The same by running it. */
    REQUIRE_INT(sim_start(&s, 0, q), ZC_OK);
    for (int i = 0; i < STEPS; i++) {
        static double h[STEPS][COUNT];
        const double way = (double)schedule.sigma[i] - (double)schedule.sigma[i + 1];

        REQUIRE_INT(sim_step(&s, i, &t), ZC_OK);
        true_features(&s, 0, 0, h);
        for (int e = 0; e < COUNT; e++) {
            const double d = s.past[0][i][e] - h[i][e];

            want += way * way * d * d;
            path[e] += way * d;
            square += h[i][e] * h[i][e] / STEPS;
        }
    }
    for (int e = 0; e < COUNT; e++)
        want += path[e] * path[e];
    REQUIRE_NEAR(cost, want / square, 1e-6 + 1e-4 * want / square);
    zc_trajectory_fini(&t);
    zc_gram_fini(&g);
    zc_predictor_destroy(&p);
    zc_predictor_destroy(&q);
}

static void kan_gets_below_taylorseer(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3, .drift = -0.5 };
    zc_kan_options o = kan_options();
    zc_predictor *p, *taylor;
    double feature[2], latent[2];

    /* Few prompts, so more times through them, in larger steps. */
    o.guided = 3;
    o.closed = 5;
    o.guided_rate = o.closed_rate = 3e-3f;
    p = fit_kan(&s, &o);
    taylor = taylorseer(p->full);
    judge(&s, p, &feature[0], &latent[0]);
    judge(&s, taylor, &feature[1], &latent[1]);
    REQUIRE(feature[0] < feature[1]);
    zc_predictor_destroy(&p);
    zc_predictor_destroy(&taylor);
}

/* The network's own formula, on features that mean nothing, against the row. */
static void the_network_and_its_rows_agree(void)
{
    struct sim s = { .lanes = 2, .angle = 0.3 };
    zc_kan_options o = kan_options();
    const int inputs = STEPS + 1, window[3] = { 4, 8, 8 };
    void *memory = calloc(1, zc_kan_work_bytes(inputs));
    zc_kan_work work;
    zc_predictor *p;

    o.faithful = true;
    o.closed = 0;
    p = fit_kan(&s, &o);
    zc_kan_work_init(&work, memory, inputs);
    REQUIRE_INT(p->network_size, 3 * zc_kan_parameters(inputs) + 5 + 9 + 9);
    for (int lane = 0; lane < 2; lane++) {
        for (int i = 1; i < STEPS; i++) {
            const int e = p->sigma[i] > 0.9f ? 0 : p->sigma[i] > 0.5f ? 1 : 2;
            const int count = window[e] < i ? window[e] : i;
            const float *at = p->network + (size_t)lane * p->network_size, *row;
            float x[STEPS + 1], feature[8];
            double z, sum;

            for (int k = 0; k < e; k++)
                at += (size_t)window[k] + 1 + zc_kan_parameters(inputs);
            for (int j = 0; j <= STEPS; j++)
                x[j] = p->sigma[i] - p->sigma[j];
            zc_randn(feature, 0, 8, 5, (uint64_t)i);
            z = (double)at[window[e]];
            for (int k = 0; k < count; k++)
                z += (double)at[window[e] - 1 - k] * (double)feature[k];
            z = (double)feature[0] + zc_kan_forward(&work, at + window[e] + 1, x) * z;
            row = zc_predictor_row(p, lane, i);
            sum = (double)row[p->depth];
            for (int k = 0; k < p->counts[i]; k++)
                sum += (double)row[k] * (double)feature[k];
            REQUIRE_INT(p->counts[i], count);
            if (count == window[e])
                REQUIRE_NEAR(sum, z, 1e-6);
        }
    }
    zc_predictor_destroy(&p);
    free(memory);
}

/* To the bit. */
static bool same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static void require_equal(const zc_predictor *a, const zc_predictor *b)
{
    const size_t rows = (size_t)a->lanes * STEPS * (size_t)(a->depth + 1);

    REQUIRE(same(a->rows, b->rows, rows * sizeof(float)));
    REQUIRE(same(a->full, b->full, STEPS));
    if (a->network)
        REQUIRE(same(a->network, b->network,
                       (size_t)a->lanes * a->network_size * sizeof(float)));
}

static void coefficients_do_without_the_networks(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3 };
    zc_kan_options o = kan_options();
    zc_predictor *whole, *bare;

    o.closed = 0;
    whole = fit_kan(&s, &o);
    o.whole = false;
    bare = fit_kan(&s, &o);
    REQUIRE(whole->network && !bare->network);
    REQUIRE_INT(bare->network_size, 0);
    REQUIRE_INT(memcmp(whole->rows, bare->rows,
                       sizeof(float) * STEPS * ((size_t)whole->depth + 1)), 0);
    zc_predictor_destroy(&whole);
    zc_predictor_destroy(&bare);
}

static void an_interrupted_kan_fit_ends_the_same(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3, .drift = -0.5 };
    const zc_train_job job = job_of(&s);
    const zc_train_source source = source_of(&s);
    zc_kan_options o = kan_options(), other;
    zc_predictor *whole, *parts = NULL;
    zc_kan_fit *f = NULL;

    o.closed = 1;
    other = o;
    whole = fit_kan(&s, &o);
    REQUIRE_INT(zc_kan_fit_open(&f, &job, &o, PROMPTS), ZC_OK);
    while (!zc_kan_fit_done(f)) {
        REQUIRE_INT(zc_kan_fit_next(f, &source, NULL), ZC_OK);
        if (zc_kan_fit_at(f) % 5 != 0)
            continue;
        REQUIRE_INT(zc_kan_fit_save(f, "state"), ZC_OK);
        zc_kan_fit_close(&f);
        REQUIRE_INT(zc_kan_fit_open(&f, &job, &o, PROMPTS), ZC_OK);
        REQUIRE_INT(zc_kan_fit_load(f, "state"), ZC_OK);
    }
    REQUIRE_INT(zc_kan_fit_at(f), 2 * PROMPTS);
    REQUIRE_INT(zc_kan_fit_predictor(f, &parts), ZC_OK);
    require_equal(whole, parts);
    zc_kan_fit_close(&f);

    other.seed++;
    REQUIRE_INT(zc_kan_fit_open(&f, &job, &other, PROMPTS), ZC_OK);
    REQUIRE_INT(zc_kan_fit_load(f, "state"), ZC_E_MISMATCH);
    REQUIRE_INT(zc_kan_fit_at(f), 0);
    zc_kan_fit_close(&f);
    zc_predictor_destroy(&whole);
    zc_predictor_destroy(&parts);
}

static void an_interrupted_gram_fit_ends_the_same(void)
{
    struct sim s = { .lanes = 2, .angle = 0.3, .drift = -0.5 };
    const zc_train_job job = job_of(&s);
    const zc_train_source source = source_of(&s);
    zc_gram_options o = gram_options();
    zc_predictor *whole, *parts = NULL;
    zc_gram_fit *f = NULL;
    double loss = -1;

    o.budget = 7;
    whole = fit_gram(&s, &o);
    REQUIRE_INT(zc_gram_fit_open(&f, &job, &o, PROMPTS), ZC_OK);
    REQUIRE_INT(zc_gram_fit_predictor(f, &parts), ZC_E_ARGUMENT);
    while (!zc_gram_fit_done(f)) {
        REQUIRE_INT(zc_gram_fit_next(f, &source, &loss), ZC_OK);
        REQUIRE(zc_gram_fit_at(f) > PROMPTS ? loss > 0 : loss == 0);
        REQUIRE_INT(zc_gram_fit_save(f, "state"), ZC_OK);
        zc_gram_fit_close(&f);
        REQUIRE_INT(zc_gram_fit_open(&f, &job, &o, PROMPTS), ZC_OK);
        REQUIRE_INT(zc_gram_fit_load(f, "state"), ZC_OK);
    }
    REQUIRE_INT(zc_gram_fit_predictor(f, &parts), ZC_OK);
    require_equal(whole, parts);
    zc_gram_fit_close(&f);
    zc_predictor_destroy(&whole);
    zc_predictor_destroy(&parts);
}

static void cancelling_stops_between_prompts(void)
{
    struct sim s = { .lanes = 1, .angle = 0.3 };
    zc_cancel cancel = { 0 };
    zc_train_job job = job_of(&s);
    const zc_train_source source = source_of(&s);
    const zc_gram_options o = gram_options();
    zc_gram_fit *f = NULL;

    job.cancel = &cancel;
    REQUIRE_INT(zc_gram_fit_open(&f, &job, &o, PROMPTS), ZC_OK);
    REQUIRE_INT(zc_gram_fit_next(f, &source, NULL), ZC_OK);
    zc_cancel_request(&cancel);
    REQUIRE_INT(zc_gram_fit_next(f, &source, NULL), ZC_E_CANCELLED);
    REQUIRE_INT(zc_gram_fit_at(f), 1);
    zc_gram_fit_close(&f);
}

/* What a fit says it takes, against what it takes. */
static void memory_is_bounded_as_told(void)
{
    struct sim s = { .lanes = 2, .angle = 0.3 };
    const zc_train_job job = job_of(&s);
    const zc_train_source source = source_of(&s);
    const zc_gram_options gram = gram_options();
    zc_kan_options kan = kan_options();
    const void *const options[] = { &gram, &kan };

    kan.closed = 0;

    for (int i = 0; zc_fit_names[i]; i++) {
        const zc_fit_kind *kind = &zc_fit_kinds[i];
        size_t told = 0, peak;
        void *f = NULL;

        faults_alloc(0, FAULT_ONCE);
        REQUIRE_INT(kind->open(&f, &job, options[i], PROMPTS), ZC_OK);
        while (f && kind->at(f) < kind->total(f))
            REQUIRE_INT(kind->next(f, &source, NULL), ZC_OK);
        told = kind->bytes(f);
        kind->close(&f);
        peak = faults_peak_bytes();
        faults_alloc_end();
        /* Solving takes a few vectors more, and opening some pages. */
        REQUIRE(peak <= told + told / 10 + 65536);
        REQUIRE(told <= peak);
    }
}

/* Opening, one prompt, the state there and back, the predictor. */
static zc_status everything_once(struct sim *s)
{
    const zc_train_job job = job_of(s);
    const zc_train_source source = source_of(s);
    zc_gram_options o = gram_options();
    zc_gram_fit *f = NULL;
    zc_predictor *p = NULL;
    zc_status st = ZC_OK;

    o.budget = 7;
    o.rounds = 0;
    ZC_TRY(zc_gram_fit_open(&f, &job, &o, 1));
    ZC_TRY(zc_gram_fit_next(f, &source, NULL));
    ZC_TRY(zc_gram_fit_save(f, "state"));
    ZC_TRY(zc_gram_fit_load(f, "state"));
    ZC_TRY(zc_gram_fit_predictor(f, &p));
done:
    zc_predictor_destroy(&p);
    zc_gram_fit_close(&f);
    return st;
}

static void running_out_of_memory_leaves_nothing(void)
{
    struct sim s = { .lanes = 2, .angle = 0.3 };

    /* The search asks for memory hundreds of times in the same place. */
    for (int n = 1, calls = n; calls >= n - 1; n += n < 40 || calls - n < 40 ? 1 : 151) {
        zc_status st;

        faults_alloc(n, FAULT_ONCE);
        st = everything_once(&s);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

static void picks_are_spread_and_repeatable(void)
{
    zc_picks a, b, all;
    float feature[1000], some[50];

    REQUIRE_INT(zc_picks_init(&a, NULL, 1000, 50, 3), ZC_OK);
    REQUIRE_INT(zc_picks_init(&b, NULL, 1000, 50, 3), ZC_OK);
    REQUIRE_INT(zc_picks_init(&all, NULL, 10, 50, 3), ZC_OK);
    REQUIRE_INT(a.count, 50);
    REQUIRE_INT(all.count, 10);
    for (int i = 0; i < 1000; i++)
        feature[i] = (float)i;
    zc_picks_gather(&a, some, feature);
    for (int i = 0; i < 50; i++) {
        REQUIRE(a.index[i] == b.index[i]);
        REQUIRE(some[i] >= 20 * (float)i && some[i] < 20 * (float)(i + 1));
        REQUIRE_INT(all.index[i % 10], i % 10);
    }
    zc_picks_fini(&b);
    REQUIRE_INT(zc_picks_init(&b, NULL, 0, 50, 3), ZC_E_ARGUMENT);
    zc_picks_fini(&a);
    zc_picks_fini(&b);
    zc_picks_fini(&all);
}

static void trajectories_are_kept_and_not_confused(void)
{
    zc_trajectory t, u, narrow;

    REQUIRE_INT(zc_trajectory_init(&t, NULL, 2, 3, 4), ZC_OK);
    REQUIRE_INT(zc_trajectory_init(&u, NULL, 2, 3, 4), ZC_OK);
    REQUIRE_INT(zc_trajectory_init(&narrow, NULL, 2, 3, 5), ZC_OK);
    for (int i = 0; i < 24; i++)
        t.value[i] = (float)i / 3;
    REQUIRE(zc_trajectory_at(&t, 1, 2) == t.value + 20);
    REQUIRE_INT(zc_trajectory_save(&t, NULL, "t", "model a, prompt 1"), ZC_OK);
    REQUIRE_INT(zc_trajectory_load(&u, NULL, "t", "model a, prompt 1"), ZC_OK);
    REQUIRE(same(t.value, u.value, 24 * sizeof(float)));
    REQUIRE_INT(zc_trajectory_load(&u, NULL, "t", "model a, prompt 2"), ZC_E_MISMATCH);
    REQUIRE_INT(zc_trajectory_load(&narrow, NULL, "t", "model a, prompt 1"), ZC_E_MISMATCH);
    REQUIRE_INT(zc_trajectory_load(&u, NULL, "none", "x"), ZC_E_NOT_FOUND);
    zc_trajectory_fini(&t);
    zc_trajectory_fini(&u);
    zc_trajectory_fini(&narrow);
}

int main(void)
{
    memfiles_begin();
    REQUIRE_INT(zc_schedule_flow(&schedule, NULL, STEPS, 3), ZC_OK);
    TEST(gram_recovers_a_recurrence);
    TEST(the_default_fit_is_as_good_as_exact_there);
    TEST(closed_loops_and_the_path_help_a_model_that_drifts);
    TEST(the_search_finds_a_cheaper_schedule);
    TEST(the_search_learns_how_the_model_answers);
    TEST(l2p_weighs_all_features_before);
    TEST(the_cost_of_a_schedule_is_what_it_leaves);
    TEST(kan_gets_below_taylorseer);
    TEST(the_network_and_its_rows_agree);
    TEST(coefficients_do_without_the_networks);
    TEST(an_interrupted_kan_fit_ends_the_same);
    TEST(an_interrupted_gram_fit_ends_the_same);
    TEST(cancelling_stops_between_prompts);
    TEST(memory_is_bounded_as_told);
    TEST(running_out_of_memory_leaves_nothing);
    TEST(picks_are_spread_and_repeatable);
    TEST(trajectories_are_kept_and_not_confused);
    memfiles_end();
    return test_end();
}
