/* Which steps to compute: dynamic programming, then moves of single steps. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/cache/steps.h"
#include "core/train/gram.h"
#include "core/train/gram_part.h"

#define SWEEPS 20             /* over all steps, at most */
#define REACH  3              /* steps that one move goes */

/* The work of one search. Arrays are indexed by steps; S is one past the last. */
struct search {
    const zc_gram *lanes;
    int     lane_count, S, count;
    const zc_gram_problem *problem;
    double *miss;             /* [S][S][S]: cost of steps a + 1 .. i from computed p and a */
    double *best;             /* [count + 1][S][S]: cost of all before a, for a and p before it */
    int16_t *from;            /* the p before that one */
    zc_log *log;
};

static double *miss_at(const struct search *s, int p, int a, int i)
{
    return &s->miss[((size_t)p * (size_t)s->S + (size_t)a) * (size_t)s->S + (size_t)i];
}

static size_t state_at(const struct search *s, int k, int a, int p)
{
    return ((size_t)k * (size_t)s->S + (size_t)a) * (size_t)s->S + (size_t)p;
}

/* |h_i - best combination of h_a, h_p and 1|^2; only h_a and 1 if p is a. */
static double residual(const zc_gram *g, int p, int a, int i, double ridge)
{
    const int S = g->steps, n = g->size, member[3] = { S + a, n - 1, S + p };
    const int m = p == a ? 2 : 3;
    const double *target = g->sum + (size_t)(S + i) * (size_t)n;
    double matrix[9], before[9] = { 0 }, x[3], b[3], unit[3], sum = target[S + i];

    for (int k = 0; k < m; k++) {
        for (int l = 0; l < m; l++)
            before[k * m + l] = g->sum[(size_t)member[k] * (size_t)n + (size_t)member[l]];
        x[k] = b[k] = target[member[k]];
    }
    memcpy(matrix, before, sizeof(matrix));
    if (!zc_gram_least(matrix, x, m, ridge, unit))
        return sum;
    for (int k = 0; k < m; k++) {
        sum -= 2 * x[k] * b[k];
        for (int l = 0; l < m; l++)
            sum += x[k] * before[k * m + l] * x[l];
    }
    return fmax(sum, 0);
}

static void fill_misses(struct search *s)
{
    const float *sigma = s->problem->sigma;

    for (int a = 0; a < s->S; a++) {
        /* p is a only for the first step, which has none before it. */
        for (int p = 0; p <= a; p++) {
            double sum = 0;

            *miss_at(s, p, a, a) = 0;
            for (int i = a + 1; i < s->S && (p < a || a == 0); i++) {
                const double way = (double)sigma[i] - (double)sigma[i + 1];

                for (int lane = 0; lane < s->lane_count; lane++)
                    sum += way * way * residual(&s->lanes[lane], p, a, i, s->problem->ridge);
                *miss_at(s, p, a, i) = sum;
            }
        }
    }
}

static void fill_best(struct search *s)
{
    for (size_t i = 0; i < state_at(s, s->count + 1, 0, 0); i++)
        s->best[i] = DBL_MAX;
    s->best[state_at(s, 1, 0, 0)] = 0;
    for (int k = 1; k < s->count; k++) {
        for (int a = 0; a < s->S; a++) {
            for (int p = 0; p <= a; p++) {
                const double so_far = s->best[state_at(s, k, a, p)];

                for (int b = a + 1; b < s->S && so_far < DBL_MAX; b++) {
                    const double cost = so_far + *miss_at(s, p, a, b - 1);
                    const size_t to = state_at(s, k + 1, b, a);

                    if (cost < s->best[to]) {
                        s->best[to] = cost;
                        s->from[to] = (int16_t)p;
                    }
                }
            }
        }
    }
}

/* Walks back from the cheapest end. */
static void trace_back(const struct search *s, uint8_t *full)
{
    double least = DBL_MAX;
    int last = 0, before = 0;

    for (int a = 0; a < s->S; a++) {
        for (int p = 0; p <= a; p++) {
            const double so_far = s->best[state_at(s, s->count, a, p)];
            const double cost = so_far < DBL_MAX ? so_far + *miss_at(s, p, a, s->S - 1) : DBL_MAX;

            if (cost < least) {
                least = cost;
                last = a;
                before = p;
            }
        }
    }
    memset(full, 0, (size_t)s->S);
    for (int k = s->count, a = last, p = before; k >= 1; k--) {
        const int next = s->from[state_at(s, k, a, p)];

        full[a] = 1;
        a = p;
        p = next;
    }
}

static zc_status cost_of(const struct search *s, const uint8_t *full, double *cost)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    zc_gram_problem problem = *s->problem;

    problem.full = full;
    *cost = 0;
    for (int lane = 0; lane < s->lane_count; lane++) {
        double one = 0;

        ZC_TRY(zc_gram_solve(&s->lanes[lane], log, &problem, NULL, NULL, &one));
        *cost += one;
    }
done:
    return st;
}

/* Moves single steps as long as that helps. */
static zc_status polish(const struct search *s, uint8_t *full)
{
    zc_status st = ZC_OK;
    double least = 0;
    bool moved = true;

    ZC_TRY(cost_of(s, full, &least));
    for (int sweep = 0; sweep < SWEEPS && moved; sweep++) {
        moved = false;
        for (int i = 1; i < s->S; i++) {
            for (int by = -REACH; by <= REACH && full[i]; by++) {
                const int to = i + by;
                double cost = 0;

                if (to < 1 || to >= s->S || full[to])
                    continue;
                full[i] = 0;
                full[to] = 1;
                ZC_TRY(cost_of(s, full, &cost));
                if (cost < least) {
                    least = cost;
                    moved = true;
                } else {
                    full[i] = 1;
                    full[to] = 0;
                }
            }
        }
    }
done:
    return st;
}

zc_status zc_gram_search(const zc_gram *lanes, int lane_count, zc_log *log,
                         const zc_gram_problem *p, int count, uint8_t *full)
{
    zc_status st = ZC_OK;
    const size_t S = (size_t)lanes[0].steps;
    struct search s = { .lanes = lanes, .lane_count = lane_count, .S = lanes[0].steps,
                        .count = count, .problem = p, .log = log };

    ZC_CHECK(s.S <= ZC_GRAM_SEARCH, ZC_E_LIMIT, "no search over %d steps, at most %d", s.S,
             ZC_GRAM_SEARCH);
    ZC_CHECK(count >= 1 && count <= s.S, ZC_E_ARGUMENT, "%d steps to compute, expected 1 to %d",
             count, s.S);
    s.miss = zc_new_array(double, S * S * S);
    s.best = zc_new_array(double, ((size_t)count + 1) * S * S);
    s.from = zc_new_array(int16_t, ((size_t)count + 1) * S * S);
    ZC_CHECK(s.miss && s.best && s.from, ZC_E_NOMEM, "no memory to search over %d steps", s.S);
    fill_misses(&s);
    fill_best(&s);
    trace_back(&s, full);
    ZC_TRY(polish(&s, full));
done:
    zc_free(s.miss);
    zc_free(s.best);
    zc_free(s.from);
    return st;
}
