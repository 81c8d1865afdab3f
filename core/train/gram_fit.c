/* fit = gram: prompts in, rows out. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/cache/steps.h"
#include "core/train/gram_fit.h"
#include "core/train/state.h"

#define REHEARSED 6           /* one prompt of so many is run again in each round */
#define LEAST 1e-20           /* square error that is as good as none */

static const char *const histories[] = { "closed", "teacher", NULL };
static const char *const methods[] = { "lesa", "l2p", NULL };
static const char *const pasts[] = { "computed", "all", NULL };

const zc_opt zc_gram_opts[] = {
    ZC_OPT_INT(zc_gram_options, interval, 7, 1, ZC_STEPS_MAX,
               "steps from one computed to the next"),
    ZC_OPT_INT(zc_gram_options, first, 3, 1, ZC_STEPS_MAX, "steps computed at the start"),
    ZC_OPT_STR(zc_gram_options, full, "", "steps to compute, such as 0 1 2 9"),
    ZC_OPT_INT(zc_gram_options, budget, 0, 0, ZC_GRAM_SEARCH,
               "how many steps to compute, the best ones are searched; 0: by interval"),
    ZC_OPT_INT(zc_gram_options, window, 4, 0, ZC_CACHE_DEPTH,
               "features that a prediction is made from; 0: all before it"),
    ZC_OPT_ENUM(zc_gram_options, past, 0, pasts, "features that predictions are made from"),
    ZC_OPT_INT(zc_gram_options, rounds, 2, 0, 100, "closed-loop rounds"),
    ZC_OPT_INT(zc_gram_options, rehearsed, 0, 0, 1000000, "prompts in each round; 0: a sixth"),
    ZC_OPT_INT(zc_gram_options, folds, 4, 0, ZC_GRAM_FOLDS,
               "parts of the prompts, to find the ridge by; 0: it is as given"),
    ZC_OPT_FLOAT(zc_gram_options, ridge, 1e-5, 0, 1, "pull towards repeating the newest feature"),
    ZC_OPT_FLOAT(zc_gram_options, path, 0.5, 0, 1,
                 "share of the latent's error that a prediction makes up for"),
    ZC_OPT_ENUM(zc_gram_options, history, ZC_GRAM_CLOSED, histories,
                "what predictions are made from while fitting"),
    ZC_OPT_ENUM(zc_gram_options, method, 0, methods, "what the predictor is for"),
    { 0 }
};

struct zc_gram_fit {
    zc_train_job    job;
    zc_gram_options options;
    int             prompts, rehearsed, steps;
    int             folds;            /* of prompts, in turn */
    zc_gram         fold[ZC_PREDICTOR_LANES][ZC_GRAM_FOLDS];  /* of uncached runs */
    zc_gram         gram[ZC_PREDICTOR_LANES], others;         /* sums of them */
    double          ridge;
    double         *answer;           /* [2][steps]: of computed steps, see add_answer */
    double         *response;         /* [steps] */
    double          cost;
    zc_trajectory   truth, visited;
    zc_predictor   *present, *best;   /* best: of the rows that a round has tried */
    double          score[2];         /* of the best, and of this round so far: less is better */
    double         *path;             /* [count]: of one prompt */
    int             at;
};

/* Smallest window that all predictions have; of L2P as many as there are. */
static int depth_of(const zc_gram_options *o, int steps)
{
    const int all = steps - 1 < ZC_CACHE_DEPTH ? steps - 1 : ZC_CACHE_DEPTH;
    const int wanted = o->window > 0 && o->window < all ? o->window : all;

    return wanted > 1 ? wanted : 1;
}

zc_status zc_gram_fit_open(zc_gram_fit **out, const zc_train_job *job, const zc_gram_options *o,
                           int prompts)
{
    zc_log *log = job->log;
    zc_status st = ZC_OK;
    zc_gram_fit *f = zc_new(zc_gram_fit);

    *out = NULL;
    ZC_CHECK(f, ZC_E_NOMEM, "out of memory");
    f->job = *job;
    f->options = *o;
    f->prompts = prompts;
    f->rehearsed = o->rehearsed > 0 ? o->rehearsed : prompts / REHEARSED;
    f->rehearsed = f->rehearsed > prompts ? prompts : f->rehearsed < 1 ? 1 : f->rehearsed;
    f->steps = job->schedule->steps;
    ZC_CHECK(o->budget <= f->steps, ZC_E_ARGUMENT, "a budget of %d steps to compute, expected at "
             "most %d", o->budget, f->steps);
    f->folds = o->folds < prompts ? o->folds : prompts;
    f->folds = f->folds > 1 ? f->folds : 1;
    f->ridge = (double)o->ridge;
    for (int lane = 0; lane < job->lanes; lane++) {
        ZC_TRY(zc_gram_init(&f->gram[lane], log, f->steps));
        for (int k = 0; k < f->folds; k++)
            ZC_TRY(zc_gram_init(&f->fold[lane][k], log, f->steps));
    }
    ZC_TRY(zc_gram_init(&f->others, log, f->steps));
    ZC_TRY(zc_trajectory_init(&f->truth, log, job->lanes, f->steps, job->count));
    ZC_TRY(zc_trajectory_init(&f->visited, log, job->lanes, f->steps, job->count));
    ZC_TRY(zc_train_predictor(&f->present, job, methods[o->method], "gram",
                              depth_of(o, f->steps), prompts));
    ZC_TRY(zc_train_predictor(&f->best, job, methods[o->method], "gram", depth_of(o, f->steps),
                              prompts));
    f->present->computed = f->best->computed = o->past == 0 && o->method == 0;
    f->path = zc_new_array(double, job->count);
    f->answer = zc_new_array(double, 2 * (size_t)f->steps);
    f->response = zc_new_array(double, (size_t)f->steps);
    ZC_CHECK(f->path && f->answer && f->response, ZC_E_NOMEM, "out of memory");
    f->score[0] = DBL_MAX;
    if (o->full[0])
        ZC_TRY(zc_steps_parse(f->present->full, f->steps, log, o->full));
    else
        zc_steps_lesa(f->present->full, f->steps, o->first, o->interval);
    *out = f;
    f = NULL;
done:
    zc_gram_fit_close(&f);
    return st;
}

void zc_gram_fit_close(zc_gram_fit **fit)
{
    zc_gram_fit *f = *fit;

    if (!f)
        return;
    for (int lane = 0; lane < ZC_PREDICTOR_LANES; lane++) {
        zc_gram_fini(&f->gram[lane]);
        for (int k = 0; k < ZC_GRAM_FOLDS; k++)
            zc_gram_fini(&f->fold[lane][k]);
    }
    zc_gram_fini(&f->others);
    zc_trajectory_fini(&f->truth);
    zc_trajectory_fini(&f->visited);
    zc_predictor_destroy(&f->present);
    zc_predictor_destroy(&f->best);
    zc_free(f->path);
    zc_free(f->answer);
    zc_free(f->response);
    zc_free(f);
    *fit = NULL;
}

int zc_gram_fit_total(const zc_gram_fit *f)
{
    return f->prompts + f->options.rounds * f->rehearsed;
}

int zc_gram_fit_at(const zc_gram_fit *f)
{
    return f->at;
}

bool zc_gram_fit_done(const zc_gram_fit *f)
{
    return f->at >= zc_gram_fit_total(f);
}

bool zc_gram_fit_again(const zc_gram_fit *f, int prompt)
{
    return f->options.rounds > 0 && prompt < f->rehearsed;
}

size_t zc_gram_fit_bytes(const zc_gram_fit *f)
{
    const size_t lanes = (size_t)f->job.lanes, S = (size_t)f->steps, size = 2 * S + 1;
    const size_t search = f->options.budget > 0 ? S * S * (S + (size_t)f->options.budget + 1) : 0;

    return (lanes * ((size_t)f->folds + 1) + 1) * size * size * sizeof(double) +
        lanes * 2 * S * f->job.count * sizeof(float) + f->job.count * sizeof(double) +
        search * sizeof(double);
}

double zc_gram_fit_cost(const zc_gram_fit *f)
{
    return f->cost;
}

/* Closed loops tell how the model answers to errors of the latent, and the matrices stay those of
 * uncached runs; but where features don't move the latent, what was visited is added to them. */
static bool answers(const zc_gram_fit *f)
{
    return f->job.tap == ZC_TAP_OUTPUT;
}

/* Of a computed step: how much of the latent's error is in its feature's. */
static void add_answer(zc_gram_fit *f, int step, double both, double square)
{
    f->answer[step] += both;
    f->answer[f->steps + step] += square;
}

/* The response of every step from those that were seen. With the noise level in front it changes
 * little from step to step. False if none was. */
static bool make_response(zc_gram_fit *f)
{
    const float *sigma = f->job.schedule->sigma;
    const double *both = f->answer, *square = f->answer + f->steps;
    int last = -1;

    for (int i = 0; i < f->steps; i++) {
        const double at = square[i] > 0 ? both[i] / square[i] * (double)sigma[i] : 0;

        if (!(square[i] > 0))
            continue;
        for (int k = last + 1; k <= i; k++) {
            const double t = last < 0 ? 1 : (double)(k - last) / (i - last);

            f->response[k] = t * at + (1 - t) * (last < 0 ? at : f->response[last]);
        }
        last = i;
    }
    for (int k = last + 1; k < f->steps && last >= 0; k++)
        f->response[k] = f->response[last];
    for (int i = 0; i < f->steps; i++)
        f->response[i] /= sigma[i] > 0 ? (double)sigma[i] : 1;
    return last >= 0;
}

/* The sum of all parts but one; of all with -1. */
static void join(zc_gram *to, const zc_gram *parts, int count, int but)
{
    memset(to->sum, 0, (size_t)to->size * (size_t)to->size * sizeof(*to->sum));
    for (int k = 0; k < count; k++) {
        if (k != but)
            zc_gram_join(to, &parts[k]);
    }
}

/* What a problem costs on prompts that its rows do not come from: the mean of the logarithm. */
static zc_status try_out(zc_gram_fit *f, const zc_gram_problem *problem, double *score)
{
    zc_log *log = f->job.log;
    zc_status st = ZC_OK;

    *score = 0;
    for (int k = 0; k < f->folds; k++) {
        double sum = 0;

        for (int lane = 0; lane < f->job.lanes; lane++) {
            float *rows = zc_predictor_row(f->present, lane, 0);
            double cost = 0;

            join(&f->others, f->fold[lane], f->folds, k);
            ZC_TRY(zc_gram_solve(&f->others, log, problem, rows, f->present->counts, NULL));
            ZC_TRY(zc_gram_cost(&f->fold[lane][k], log, problem, rows, &cost));
            sum += cost;
        }
        *score += log2(fmax(sum, LEAST)) / f->folds;
    }
done:
    return st;
}

/* The ridge that does best in that. */
static zc_status find_ridge(zc_gram_fit *f, const zc_gram_problem *with)
{
    static const double ridges[] = { 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2 };
    zc_log *log = f->job.log;
    zc_status st = ZC_OK;
    zc_gram_problem problem = *with;
    double least = DBL_MAX;

    for (size_t i = 0; i < sizeof(ridges) / sizeof(ridges[0]); i++) {
        double score = 0;

        problem.ridge = ridges[i];
        ZC_TRY(try_out(f, &problem, &score));
        if (score < least) {
            least = score;
            f->ridge = ridges[i];
        }
    }
    zc_info(log, "training: ridge %g, error 2^%.2f expected of other prompts", f->ridge, least);
done:
    return st;
}

/* Rows from what has been added so far; the schedule too, if that is open. */
static zc_status solve(zc_gram_fit *f)
{
    zc_log *log = f->job.log;
    zc_status st = ZC_OK;
    zc_predictor *p = f->present;
    zc_gram_problem problem = {
        .sigma = f->job.schedule->sigma, .full = p->full, .window = p->depth,
        .computed = p->computed, .ridge = f->ridge, .velocity = answers(f),
        .path = (double)f->options.path, .history = (enum zc_gram_history)f->options.history,
        .response = answers(f) && make_response(f) ? f->response : NULL,
    };

    for (int lane = 0; lane < f->job.lanes; lane++)
        join(&f->gram[lane], f->fold[lane], f->folds, -1);
    /* The ridge depends on the steps, and these on the ridge. */
    for (int pass = 0; pass < (f->folds > 1 ? 2 : 1); pass++) {
        if (f->options.budget > 0 && (answers(f) || f->at == f->prompts))
            ZC_TRY(zc_gram_search(f->gram, f->job.lanes, log, &problem, f->options.budget,
                                  p->full));
        if (f->folds > 1)
            ZC_TRY(find_ridge(f, &problem));
        problem.ridge = f->ridge;
    }
    f->cost = 0;
    for (int lane = 0; lane < f->job.lanes; lane++) {
        double cost = 0;

        ZC_TRY(zc_gram_solve(&f->gram[lane], log, &problem, zc_predictor_row(p, lane, 0),
                             p->counts, &cost));
        f->cost += cost;
    }
done:
    return st;
}

/* How far the visited run was from the uncached one: the logarithm, for results are judged in dB
 * and no prompt shall outweigh the others, of the square error of the latent at the end, or of all
 * features where these don't move it. Adds the mean absolute error of predicted features. */
static double score_of_run(zc_gram_fit *f, int lane, double *error)
{
    const float *sigma = f->job.schedule->sigma;
    double cost = 0, square = 0, sum = 0, predicted = 0;

    memset(f->path, 0, f->job.count * sizeof(*f->path));
    for (int i = 0; i < f->steps; i++) {
        const float *h = zc_trajectory_at(&f->truth, lane, i);
        const float *v = zc_trajectory_at(&f->visited, lane, i);
        const double way = (double)sigma[i] - (double)sigma[i + 1];
        double step = 0, absolute = 0, both = 0, before = 0;

        for (size_t e = 0; e < f->job.count; e++) {
            const double d = (double)v[e] - (double)h[e];

            step += d * d;
            both += d * f->path[e];
            before += f->path[e] * f->path[e];
            absolute += fabs(d);
            square += (double)h[e] * (double)h[e] / f->steps;
            f->path[e] += way * d;
        }
        cost += way * way * step;
        if (f->present->full[i])
            add_answer(f, i, both, before);
        sum += f->present->full[i] ? 0 : absolute / (double)f->job.count;
        predicted += !f->present->full[i];
    }
    if (f->job.tap == ZC_TAP_OUTPUT)
        cost = 0;
    for (size_t e = 0; e < f->job.count && f->job.tap == ZC_TAP_OUTPUT; e++)
        cost += f->path[e] * f->path[e];
    *error += predicted > 0 ? sum / predicted / f->job.lanes : 0;
    return log(fmax(square > 0 ? cost / square : 0, LEAST));
}

static void copy_rows(zc_predictor *to, const zc_predictor *from)
{
    const size_t S = (size_t)to->steps;

    memcpy(to->full, from->full, S);
    memcpy(to->counts, from->counts, S * sizeof(*to->counts));
    memcpy(to->rows, from->rows, (size_t)to->lanes * S * (size_t)(to->depth + 1) *
           sizeof(*to->rows));
}

/* After the last prompt of a round: keeps its rows if they did best. */
static void end_round(zc_gram_fit *f)
{
    if (f->score[1] < f->score[0]) {
        f->score[0] = f->score[1];
        copy_rows(f->best, f->present);
    }
    f->score[1] = 0;
}

zc_status zc_gram_fit_next(zc_gram_fit *f, const zc_train_source *source, double *loss)
{
    zc_log *log = f->job.log;
    zc_status st = ZC_OK;
    const bool closed = f->at >= f->prompts;
    const int prompt = closed ? (f->at - f->prompts) % f->rehearsed : f->at;
    double error = 0;

    ZC_CHECK(!f->job.cancel || !zc_cancel_requested(f->job.cancel), ZC_E_CANCELLED,
             "training was cancelled");
    ZC_TRY(source->truth(source->user, prompt, &f->truth));
    if (closed) {
        ZC_TRY(source->run(source->user, prompt, f->present, &f->visited, NULL, NULL));
        for (int lane = 0; lane < f->job.lanes; lane++)
            f->score[1] += score_of_run(f, lane, &error);
    }
    for (int lane = 0; lane < f->job.lanes && (!closed || !answers(f)); lane++)
        zc_gram_add(&f->fold[lane][prompt % f->folds], zc_trajectory_at(&f->truth, lane, 0),
                    closed ? zc_trajectory_at(&f->visited, lane, 0) : NULL, f->job.count);
    f->at++;
    if (f->at >= f->prompts && (f->at - f->prompts) % f->rehearsed == 0) {
        if (closed)
            end_round(f);
        ZC_TRY(solve(f));
    }
    if (loss)
        *loss = error;
done:
    return st;
}

zc_status zc_gram_fit_predictor(const zc_gram_fit *f, zc_predictor **out)
{
    zc_log *log = f->job.log;
    zc_status st = ZC_OK;
    zc_predictor *p = NULL;
    const zc_predictor *from = f->score[0] < DBL_MAX ? f->best : f->present;

    ZC_CHECK(f->at >= f->prompts, ZC_E_ARGUMENT, "only %d of %d prompts have been added", f->at,
             f->prompts);
    ZC_TRY(zc_train_predictor(&p, &f->job, from->method, "gram", from->depth, f->prompts));
    p->computed = from->computed;
    copy_rows(p, from);
    *out = p;
    p = NULL;
done:
    zc_predictor_destroy(&p);
    return st;
}

/* ---- State ---- */

/* The arrays of a state, in the file's order. */
static int arrays_of(zc_gram_fit *f, zc_state_array arrays[ZC_STATE_ARRAYS])
{
    static const char *const grams[ZC_PREDICTOR_LANES][ZC_GRAM_FOLDS] = {
        { "gram0.0", "gram0.1", "gram0.2", "gram0.3", "gram0.4", "gram0.5", "gram0.6", "gram0.7" },
        { "gram1.0", "gram1.1", "gram1.2", "gram1.3", "gram1.4", "gram1.5", "gram1.6", "gram1.7" },
    };
    static const char *const names[2][3] = { { "full", "counts", "rows" },
                                             { "best_full", "best_counts", "best_rows" } };
    zc_predictor *const two[2] = { f->present, f->best };
    const uint64_t S = (uint64_t)f->steps;
    int n = 0;

    for (int i = 0; i < 2; i++) {
        const zc_predictor *p = two[i];
        const uint64_t rows = (uint64_t)p->lanes * S * (uint64_t)(p->depth + 1);

        arrays[n++] = (zc_state_array){ names[i][0], ZK_U8, p->full, S };
        arrays[n++] = (zc_state_array){ names[i][1], ZK_I32, p->counts, S };
        arrays[n++] = (zc_state_array){ names[i][2], ZK_F32, p->rows, rows };
    }
    arrays[n++] = (zc_state_array){ "score", ZK_F64, f->score, 2 };
    arrays[n++] = (zc_state_array){ "answer", ZK_F64, f->answer, 2 * S };
    arrays[n++] = (zc_state_array){ "ridge", ZK_F64, &f->ridge, 1 };
    for (int lane = 0; lane < f->job.lanes; lane++) {
        for (int k = 0; k < f->folds; k++) {
            const zc_gram *g = &f->fold[lane][k];

            arrays[n++] = (zc_state_array){ grams[lane][k], ZK_F64, g->sum,
                                            (uint64_t)g->size * (uint64_t)g->size };
        }
    }
    return n;
}

zc_status zc_gram_fit_save(zc_gram_fit *f, const char *path)
{
    zc_state_array arrays[ZC_STATE_ARRAYS];
    const int64_t counters[ZC_STATE_COUNTERS] = { f->at };
    const zc_state s = { .job = &f->job, .options = zc_gram_opts, .values = &f->options,
                         .prompts = f->prompts, .arrays = arrays, .count = arrays_of(f, arrays) };

    return zc_state_save(&s, path, counters);
}

zc_status zc_gram_fit_load(zc_gram_fit *f, const char *path)
{
    zc_status st = ZC_OK;
    zc_state_array arrays[ZC_STATE_ARRAYS];
    int64_t counters[ZC_STATE_COUNTERS];
    const zc_state s = { .job = &f->job, .options = zc_gram_opts, .values = &f->options,
                         .prompts = f->prompts, .arrays = arrays, .count = arrays_of(f, arrays),
                         .total = zc_gram_fit_total(f) };

    ZC_TRY(zc_state_load(&s, path, counters));
    f->at = (int)counters[0];
done:
    return st;
}
