/* LESA's network: splines, forward, backward, and its first numbers. */

#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/train/kan.h"

#define GRID_START (-6.6)     /* of the extended grid */
#define GRID_STEP  1.2
#define GRID_CELLS 11
#define KNOTS      6          /* inside: -3, -1.8 ... 3 */
#define NOISE      0.02       /* of the first splines, over the intervals */

/* A layer's numbers inside the array of all. */
struct layer {
    int in, out;
    size_t base, scale, spline;
};

static struct layer layer_at(int inputs, int index)
{
    const int width[ZC_KAN_LAYERS + 1] = { inputs, ZC_KAN_HIDDEN, ZC_KAN_HIDDEN, 1 };
    struct layer l = { 0 };
    size_t at = 0;

    for (int i = 0; i <= index; i++) {
        const size_t edges = (size_t)width[i] * (size_t)width[i + 1];

        l = (struct layer){ width[i], width[i + 1], at, at + edges, at + 2 * edges };
        at += edges * (2 + ZC_KAN_BASES);
    }
    return l;
}

size_t zc_kan_parameters(int inputs)
{
    const struct layer last = layer_at(inputs, ZC_KAN_LAYERS - 1);

    return last.spline + (size_t)last.in * (size_t)last.out * ZC_KAN_BASES;
}

void zc_kan_basis_at(zc_kan_basis *b, double x)
{
    const double u = (x - GRID_START) / GRID_STEP, cell = floor(u), f = u - cell, g = 1 - f;
    const double value[4] = { g * g * g / 6, (3 * f * f * f - 6 * f * f + 4) / 6,
                              (-3 * f * f * f + 3 * f * f + 3 * f + 1) / 6, f * f * f / 6 };
    const double slope[4] = { -g * g / 2, (9 * f * f - 12 * f) / 6, (-9 * f * f + 6 * f + 3) / 6,
                              f * f / 2 };

    *b = (zc_kan_basis){ .first = 0 };
    if (!(cell >= 0 && cell < GRID_CELLS))
        return;
    b->first = (int)cell - 3;
    for (int k = 0; k < 4; k++) {
        const int index = b->first + k;

        b->value[k] = index >= 0 && index < ZC_KAN_BASES ? value[k] : 0;
        b->slope[k] = index >= 0 && index < ZC_KAN_BASES ? slope[k] / GRID_STEP : 0;
    }
}

size_t zc_kan_work_bytes(int inputs)
{
    const size_t widest = (size_t)(inputs > ZC_KAN_HIDDEN ? inputs : ZC_KAN_HIDDEN);

    return ((size_t)inputs + 2 * ZC_KAN_HIDDEN) * sizeof(struct zc_kan_node) +
        2 * widest * sizeof(double);
}

void zc_kan_work_init(zc_kan_work *w, void *memory, int inputs)
{
    w->inputs = inputs;
    w->node[0] = memory;
    w->node[1] = w->node[0] + inputs;
    w->node[2] = w->node[1] + ZC_KAN_HIDDEN;
    w->gradient = (double *)(void *)(w->node[2] + ZC_KAN_HIDDEN);
}

static void fill_node(struct zc_kan_node *n, double x)
{
    const double sigmoid = 1 / (1 + exp(-x));

    n->x = x;
    n->silu = x * sigmoid;
    n->slope = sigmoid * (1 + x * (1 - sigmoid));
    zc_kan_basis_at(&n->basis, x);
}

/* sum over g of spline[g] f_g, f being the basis or its derivative. */
static double spline_sum(const float *spline, int first, const double f[4])
{
    double sum = 0;

    for (int k = 0; k < 4; k++) {
        if (first + k >= 0 && first + k < ZC_KAN_BASES)
            sum += (double)spline[first + k] * f[k];
    }
    return sum;
}

static double output_of(const struct layer *l, const float *p, const struct zc_kan_node *node,
                        int o)
{
    const size_t row = (size_t)o * (size_t)l->in;
    double sum = 0;

    for (int j = 0; j < l->in; j++) {
        const size_t edge = row + (size_t)j;
        const float *spline = p + l->spline + edge * ZC_KAN_BASES;

        sum += (double)p[l->base + edge] * node[j].silu +
            (double)p[l->scale + edge] * spline_sum(spline, node[j].basis.first,
                                                    node[j].basis.value);
    }
    return sum;
}

double zc_kan_forward(zc_kan_work *w, const float *p, const float *x)
{
    struct layer l;

    for (int j = 0; j < w->inputs; j++)
        fill_node(&w->node[0][j], (double)x[j]);
    for (int i = 0; i + 1 < ZC_KAN_LAYERS; i++) {
        l = layer_at(w->inputs, i);
        for (int o = 0; o < l.out; o++)
            fill_node(&w->node[i + 1][o], output_of(&l, p, w->node[i], o));
    }
    l = layer_at(w->inputs, ZC_KAN_LAYERS - 1);
    return output_of(&l, p, w->node[ZC_KAN_LAYERS - 1], 0);
}

/* One output's share: its row of the gradient, and what it adds to its inputs'. */
static void backward_row(const struct layer *l, const float *p, const struct zc_kan_node *node,
                         int o, double gy, float *grad, double *gx)
{
    const size_t row = (size_t)o * (size_t)l->in;

    for (int j = 0; j < l->in; j++) {
        const size_t edge = row + (size_t)j;
        const float *spline = p + l->spline + edge * ZC_KAN_BASES;
        float *gs = grad + l->spline + edge * ZC_KAN_BASES;
        const zc_kan_basis *b = &node[j].basis;
        const double scale = (double)p[l->scale + edge];

        grad[l->base + edge] = (float)(gy * node[j].silu);
        grad[l->scale + edge] = (float)(gy * spline_sum(spline, b->first, b->value));
        memset(gs, 0, ZC_KAN_BASES * sizeof(*gs));
        for (int k = 0; k < 4; k++) {
            if (b->first + k >= 0 && b->first + k < ZC_KAN_BASES)
                gs[b->first + k] = (float)(gy * scale * b->value[k]);
        }
        gx[j] += gy * ((double)p[l->base + edge] * node[j].slope +
                       scale * spline_sum(spline, b->first, b->slope));
    }
}

void zc_kan_backward(zc_kan_work *w, const float *p, double factor, float *grad)
{
    const size_t widest = (size_t)(w->inputs > ZC_KAN_HIDDEN ? w->inputs : ZC_KAN_HIDDEN);
    double *gy = w->gradient, *gx = w->gradient + widest;

    gy[0] = factor;
    for (int i = ZC_KAN_LAYERS - 1; i >= 0; i--) {
        const struct layer l = layer_at(w->inputs, i);
        double *spare = gy;

        memset(gx, 0, (size_t)l.in * sizeof(*gx));
        for (int o = 0; o < l.out; o++)
            backward_row(&l, p, w->node[i], o, gy[o], grad, gx);
        gy = gx;
        gx = spare;
    }
}

/* ---- First numbers ---- */

/* m x = y for a symmetric positive m, which is used up; the answer in y. */
static void solve_small(double m[KNOTS][KNOTS], double y[KNOTS])
{
    for (int i = 0; i < KNOTS; i++) {
        for (int r = i + 1; r < KNOTS; r++) {
            const double f = m[r][i] / m[i][i];

            for (int c = i; c < KNOTS; c++)
                m[r][c] -= f * m[i][c];
            y[r] -= f * y[i];
        }
    }
    for (int i = KNOTS - 1; i >= 0; i--) {
        for (int c = i + 1; c < KNOTS; c++)
            y[i] -= m[i][c] * y[c];
        y[i] /= m[i][i];
    }
}

/* The least splines that pass through given values at the knots: fit[g][k] for each value k. */
static void fit_splines(double fit[ZC_KAN_BASES][KNOTS])
{
    double at[KNOTS][ZC_KAN_BASES] = { { 0 } };

    for (int k = 0; k < KNOTS; k++) {
        zc_kan_basis b;

        /* From the cell to the right of the knot, whatever rounding makes of its place. */
        zc_kan_basis_at(&b, GRID_START + GRID_STEP * (3 + k + 1e-9));
        for (int i = 0; i < 4; i++) {
            if (b.first + i >= 0 && b.first + i < ZC_KAN_BASES)
                at[k][b.first + i] = b.value[i];
        }
    }
    for (int k = 0; k < KNOTS; k++) {
        double m[KNOTS][KNOTS], y[KNOTS] = { 0 };

        for (int r = 0; r < KNOTS; r++) {
            for (int c = 0; c < KNOTS; c++) {
                m[r][c] = 0;
                for (int g = 0; g < ZC_KAN_BASES; g++)
                    m[r][c] += at[r][g] * at[c][g];
            }
        }
        y[k] = 1;
        solve_small(m, y);
        for (int g = 0; g < ZC_KAN_BASES; g++) {
            fit[g][k] = 0;
            for (int r = 0; r < KNOTS; r++)
                fit[g][k] += at[r][g] * y[r];
        }
    }
}

/* Uniform in -half .. half. */
static void fill_uniform(float *dst, size_t count, double half, uint64_t seed, uint64_t stream)
{
    zc_randu(dst, 0, count, seed, stream);
    for (size_t i = 0; i < count; i++)
        dst[i] = (float)((2 * (double)dst[i] - 1) * half);
}

void zc_kan_init(float *parameters, int inputs, uint64_t seed, uint64_t stream)
{
    double fit[ZC_KAN_BASES][KNOTS];

    fit_splines(fit);
    for (int i = 0; i < ZC_KAN_LAYERS; i++) {
        const struct layer l = layer_at(inputs, i);
        const size_t edges = (size_t)l.in * (size_t)l.out;
        const uint64_t own = (stream * ZC_KAN_LAYERS + (uint64_t)i) * 3;

        fill_uniform(parameters + l.base, edges, 1 / sqrt(l.in), seed, own);
        fill_uniform(parameters + l.scale, edges, sqrt(5.0 / l.in), seed, own + 1);
        for (size_t e = 0; e < edges; e++) {
            float noise[KNOTS];

            zc_randu(noise, e * KNOTS, KNOTS, seed, own + 2);
            for (int g = 0; g < ZC_KAN_BASES; g++) {
                double sum = 0;

                for (int k = 0; k < KNOTS; k++)
                    sum += fit[g][k] * ((double)noise[k] - 0.5) * NOISE / (KNOTS - 1);
                parameters[l.spline + e * ZC_KAN_BASES + (size_t)g] = (float)sum;
            }
        }
    }
}

void zc_kan_lift(float *parameters, int inputs)
{
    const struct layer l = layer_at(inputs, ZC_KAN_LAYERS - 1);
    double total = 0;

    /* All splines of an edge together are 1; the signs of the scales make the shares add up. */
    for (int j = 0; j < l.in; j++)
        total += fabs((double)parameters[l.scale + (size_t)j]);
    for (int j = 0; j < l.in; j++) {
        float *spline = parameters + l.spline + (size_t)j * ZC_KAN_BASES;
        const double share = parameters[l.scale + (size_t)j] < 0 ? -1 / total : 1 / total;

        parameters[l.base + (size_t)j] = 0;
        for (int g = 0; g < ZC_KAN_BASES; g++)
            spline[g] = (float)share;
    }
}
