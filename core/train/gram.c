/* Gram matrices, and least squares on them step by step. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/cache/method.h"
#include "core/train/gram.h"
#include "core/train/gram_part.h"
#include "core/train/sums.h"

#define SINGULAR 1e-13       /* what is left of a feature's unit length once the others are out */

zc_status zc_gram_init(zc_gram *g, zc_log *log, int steps)
{
    zc_status st = ZC_OK;
    const int size = 2 * steps + 1;

    *g = (zc_gram){ .steps = steps, .size = size };
    g->sum = zc_new_array(double, (size_t)size * (size_t)size);
    ZC_CHECK(g->sum, ZC_E_NOMEM, "no memory for a Gram matrix of %d rows", size);
done:
    return st;
}

void zc_gram_fini(zc_gram *g)
{
    zc_free(g->sum);
    *g = (zc_gram){ 0 };
}

/* ---- Adding ---- */

/* Adds to an entry and its mirror image. */
static void add_entry(zc_gram *g, int row, int col, double value)
{
    g->sum[(size_t)row * (size_t)g->size + (size_t)col] += value;
    if (row != col)
        g->sum[(size_t)col * (size_t)g->size + (size_t)row] += value;
}

/* The products of one row of features with another of the same run, wherever they belong. */
static void add_same(zc_gram *g, int i, int j, double value)
{
    const int S = g->steps;

    add_entry(g, i, j, value);
    add_entry(g, S + i, S + j, value);
    add_entry(g, i, S + j, value);
    if (i != j)
        add_entry(g, j, S + i, value);
}

void zc_gram_add(zc_gram *g, const float *truth, const float *visited, size_t count)
{
    const int S = g->steps, one = 2 * S;
    double square = 0, w;

    for (int i = 0; i < S; i++)
        square += zc_dot(truth + (size_t)i * count, truth + (size_t)i * count, count);
    w = square > 0 ? S / square : 0;
    add_entry(g, one, one, w * (double)count);
    for (int i = 0; i < S; i++) {
        const float *h = truth + (size_t)i * count;

        add_entry(g, S + i, one, w * zc_total(h, count));
        if (!visited)
            add_entry(g, i, one, w * zc_total(h, count));
        for (int j = 0; j <= i && !visited; j++)
            add_same(g, i, j, w * zc_dot(h, truth + (size_t)j * count, count));
    }
    for (int i = 0; i < S && visited; i++) {
        const float *v = visited + (size_t)i * count;

        add_entry(g, i, one, w * zc_total(v, count));
        for (int j = 0; j < S; j++)
            add_entry(g, i, S + j, w * zc_dot(v, truth + (size_t)j * count, count));
        for (int j = 0; j <= i; j++) {
            add_entry(g, i, j, w * zc_dot(v, visited + (size_t)j * count, count));
            add_entry(g, S + i, S + j, w * zc_dot(truth + (size_t)i * count,
                                                  truth + (size_t)j * count, count));
        }
    }
}

void zc_gram_join(zc_gram *to, const zc_gram *from)
{
    const size_t count = (size_t)to->size * (size_t)to->size;

    for (size_t i = 0; i < count; i++)
        to->sum[i] += from->sum[i];
}

/* ---- Solving ---- */

bool zc_gram_least(double *a, double *b, int n, double ridge, double *unit)
{
    for (int i = 0; i < n; i++) {
        const double d = a[i * n + i];

        unit[i] = d > 0 ? 1 / sqrt(d) : 0;
    }
    for (int i = 0; i < n; i++) {
        b[i] *= unit[i];
        for (int j = 0; j < n; j++)
            a[i * n + j] *= unit[i] * unit[j];
    }
    /* Cholesky's factors in the lower half. What the others explain already is left alone. */
    for (int i = 0; i < n; i++) {
        double d = a[i * n + i] + ridge;

        for (int k = 0; k < i; k++)
            d -= a[i * n + k] * a[i * n + k];
        a[i * n + i] = d > SINGULAR ? sqrt(d) : 0;
        for (int r = i + 1; r < n; r++) {
            double s = a[r * n + i];

            for (int k = 0; k < i; k++)
                s -= a[r * n + k] * a[i * n + k];
            a[r * n + i] = a[i * n + i] > 0 ? s / a[i * n + i] : 0;
        }
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= a[i * n + k] * b[k];
        b[i] = a[i * n + i] > 0 ? b[i] / a[i * n + i] : 0;
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            b[i] -= a[k * n + i] * b[k];
        b[i] = a[i * n + i] > 0 ? b[i] / a[i * n + i] : 0;
    }
    for (int i = 0; i < n; i++) {
        b[i] *= unit[i];
        if (!isfinite(b[i]))
            return false;
    }
    return true;
}

/* Vectors over the basis of the matrix, each with its product with the matrix. */
struct state {
    const zc_gram *g;
    double *u, *gu;           /* [steps][size]: what is remembered of each step */
    double *path, *gpath;     /* [size]: sum of the sampler's ways times errors so far */
    double *a, *b, *unit;     /* least squares: window + 1 */
    int *member;              /* [window]: steps in the window, newest first */
    int count;                /* of them */
};

static const double *column(const zc_gram *g, int i)
{
    return g->sum + (size_t)i * (size_t)g->size;
}

static double product(const double *x, const double *y, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void add_scaled(double *x, const double *y, double f, int n)
{
    for (int i = 0; i < n; i++)
        x[i] += f * y[i];
}

/* What the prediction of step i is made from. */
static void fill_window(struct state *s, const zc_gram_problem *p, int i)
{
    s->count = 0;
    for (int k = i - 1; k >= 0 && s->count < p->window; k--) {
        if (!p->computed || p->full[k])
            s->member[s->count++] = k;
    }
}

/* Member k of the window, and its product with the matrix; the constant is last. */
static const double *member(const struct state *s, int k)
{
    return s->u + (size_t)s->member[k] * (size_t)s->g->size;
}

static const double *member_times(const struct state *s, int k)
{
    const size_t n = (size_t)s->g->size;

    return k < s->count ? s->gu + (size_t)s->member[k] * n : column(s->g, s->g->size - 1);
}

/* Coefficients of step i: the newest feature as it is, plus what least squares adds of all in the
 * window and of the constant. Left in s->b, constant last. */
static bool solve_step(struct state *s, const zc_gram_problem *p, int i, double share)
{
    const zc_gram *g = s->g;
    const int n = g->size, count = s->count, m = count + 1, one = n - 1;
    const double *newest = member(s, 0);

    for (int k = 0; k < m; k++) {
        const double *times = member_times(s, k);

        for (int l = 0; l <= k; l++) {
            const double value = l < count ? product(member(s, l), times, n) : times[one];

            s->a[k * m + l] = s->a[l * m + k] = value;
        }
        /* The target less the newest, times this member. */
        s->b[k] = times[g->steps + i] - share * product(s->path, times, n) -
            product(newest, times, n);
    }
    return zc_gram_least(s->a, s->b, m, p->ridge, s->unit);
}

/* Puts what is remembered of step i in its place. */
static void place(struct state *s, const zc_gram_problem *p, int i, const float *row)
{
    const zc_gram *g = s->g;
    const int n = g->size;
    double *u = s->u + (size_t)i * (size_t)n, *gu = s->gu + (size_t)i * (size_t)n;

    memset(u, 0, (size_t)n * sizeof(*u));
    if (p->full[i] || p->history == ZC_GRAM_TEACHER) {
        const bool truth = p->history == ZC_GRAM_TEACHER || p->response;
        const int at = truth ? g->steps + i : i;

        u[at] = 1;
        memcpy(gu, column(g, at), (size_t)n * sizeof(*gu));
        if (p->response && p->full[i]) {
            add_scaled(u, s->path, p->response[i], n);
            add_scaled(gu, s->gpath, p->response[i], n);
        }
        return;
    }
    memset(gu, 0, (size_t)n * sizeof(*gu));
    for (int k = 0; k < s->count; k++) {
        add_scaled(u, member(s, k), (double)row[k], n);
        add_scaled(gu, member_times(s, k), (double)row[k], n);
    }
    u[n - 1] += (double)row[p->window];
    add_scaled(gu, column(g, n - 1), (double)row[p->window], n);
}

/* |u - h|^2 of step i. */
static double error_of(const struct state *s, int i)
{
    const zc_gram *g = s->g;
    const int n = g->size, h = g->steps + i;
    const double *u = s->u + (size_t)i * (size_t)n, *gu = s->gu + (size_t)i * (size_t)n;

    return fmax(product(u, gu, n) - 2 * gu[h] + column(g, h)[h], 0);
}

/* Rows that are given are used as they are. */
static zc_status solve_all(struct state *s, zc_log *log, const zc_gram_problem *p, bool given,
                           float *rows, int32_t *counts, double *cost)
{
    zc_status st = ZC_OK;
    const zc_gram *g = s->g;
    const int n = g->size, S = g->steps;
    double runs = 0;

    *cost = 0;
    for (int i = 0; i < S; i++)
        runs += column(g, S + i)[S + i] / S;
    for (int i = 0; i < S; i++) {
        const double way = (double)p->sigma[i] - (double)p->sigma[i + 1];
        float *row = rows + (size_t)i * (size_t)(p->window + 1);

        fill_window(s, p, i);
        if (!given) {
            memset(row, 0, ((size_t)p->window + 1) * sizeof(*row));
            counts[i] = s->count;
        }
        if (i > 0 && !given) {
            const double share = p->velocity && way != 0 ? p->path / way : 0;

            ZC_CHECK(solve_step(s, p, i, share), ZC_E_FORMAT,
                     "training: features of step %d are not finite", i);
            for (int k = 0; k < s->count; k++)
                row[k] = (float)(s->b[k] + (k == 0));
            row[p->window] = (float)s->b[s->count];
        }
        place(s, p, i, row);
        *cost += p->response ? 0 : way * way * error_of(s, i);
        add_scaled(s->path, s->u + (size_t)i * (size_t)n, way, n);
        s->path[S + i] -= way;
        add_scaled(s->gpath, s->gu + (size_t)i * (size_t)n, way, n);
        add_scaled(s->gpath, column(g, S + i), -way, n);
    }
    if (p->velocity)
        *cost += fmax(product(s->path, s->gpath, n), 0);
    *cost /= runs > 0 ? runs : 1;
done:
    return st;
}

static zc_status solve(const zc_gram *g, zc_log *log, const zc_gram_problem *p, bool given,
                       float *rows, int32_t *counts, double *cost)
{
    zc_status st = ZC_OK;
    const size_t n = (size_t)g->size, S = (size_t)g->steps, m = (size_t)p->window + 1;
    double *memory = zc_new_array(double, 2 * S * n + 2 * n + m * m + 2 * m);
    float *own_rows = rows ? NULL : zc_new_array(float, S * m);
    int32_t *own_counts = counts ? NULL : zc_new_array(int32_t, S);
    int *members = zc_new_array(int, m);
    double own_cost;
    struct state s = { .g = g, .member = members };

    ZC_CHECK(memory && members && (rows || own_rows) && (counts || own_counts), ZC_E_NOMEM,
             "no memory for least squares over %d steps", g->steps);
    s.u = memory;
    s.gu = s.u + S * n;
    s.path = s.gu + S * n;
    s.gpath = s.path + n;
    s.a = s.gpath + n;
    s.b = s.a + m * m;
    s.unit = s.b + m;
    ZC_TRY(solve_all(&s, log, p, given, rows ? rows : own_rows, counts ? counts : own_counts,
                     cost ? cost : &own_cost));
done:
    zc_free(memory);
    zc_free(members);
    zc_free(own_rows);
    zc_free(own_counts);
    return st;
}

zc_status zc_gram_solve(const zc_gram *g, zc_log *log, const zc_gram_problem *p, float *rows,
                        int32_t *counts, double *cost)
{
    return solve(g, log, p, false, rows, counts, cost);
}

zc_status zc_gram_cost(const zc_gram *g, zc_log *log, const zc_gram_problem *p, const float *rows,
                       double *cost)
{
    return solve(g, log, p, true, (float *)(uintptr_t)rows, NULL, cost);
}
