/* Cases of norm, norm_mod and qk_norm. */

#include <math.h>

#include "tests/checkkernels/ck.h"

static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_F16 };
static const ck_dist dists[] = { CK_UNIT, CK_MIXED, CK_OFFSET, CK_ZERO, CK_TINY, CK_HUGE };

static ck_dist dist_for(zk_dtype type, int turn)
{
    const ck_dist d = dists[turn % CK_COUNT(dists)];

    return type == ZK_F16 && (d == CK_HUGE || d == CK_MIXED) ? CK_UNIT : d;
}

/* What the elements of one normalised part may be off by, before weight and bias:
 * subtracting a mean that is off by a few roundings of the largest element, then
 * a factor that is off by a few roundings. */
struct part {
    double mean, factor, absolute, relative;
};

/* Rows [r0, r1) and columns [c0, c1) of x, which has `cols` columns. */
static struct part part_of(const float *x, int cols, int r0, int r1, int c0, int c1, bool centred,
                           float eps)
{
    const double n = (double)(r1 - r0) * (c1 - c0);
    double sum = 0, most = 0, square = 0;

    for (int r = r0; r < r1; r++) {
        for (int c = c0; c < c1; c++) {
            const double v = x[(size_t)r * (size_t)cols + (size_t)c];
            sum += v;
            most = fmax(most, fabs(v));
        }
    }
    const double mean = centred ? sum / n : 0;
    for (int r = r0; r < r1; r++) {
        for (int c = c0; c < c1; c++) {
            const double v = x[(size_t)r * (size_t)cols + (size_t)c] - mean;
            square += v * v;
        }
    }
    const double factor = 1 / sqrt(square / n + eps);
    return (struct part){
        .mean = mean,
        .factor = factor,
        .absolute = centred ? 4 * CK_ULP * most * factor : 0,
        .relative = (16 + sqrt(n) / 4) * CK_ULP,
    };
}

/* each = (error of the normalised x) * |weight| + a rounding of the sum with bias */
static void allow(double *each, const float *x, int cols, int r0, int r1, int c0, int c1,
                  struct part p, const float *weight, const float *bias)
{
    for (int r = r0; r < r1; r++) {
        for (int c = c0; c < c1; c++) {
            const size_t i = (size_t)r * (size_t)cols + (size_t)c;
            const double y = fabs((x[i] - p.mean) * p.factor);
            const double w = weight ? fabs(weight[c]) : 1, b = bias ? fabs(bias[c]) : 0;
            each[i] = 1.2 * ((y * p.relative + p.absolute) * w + 2 * CK_ULP * (y * w + b)) +
                      0x1p-126 * (1 + w);
        }
    }
}

static double *norm_allowances(struct ck *ck, const struct zk_norm *a)
{
    const int rows = a->src.dim[2], cols = a->src.dim[3];
    const int width = a->kind == ZK_NORM_GROUP ? cols / a->groups : cols;
    const int height = a->kind == ZK_NORM_GROUP ? rows : 1;
    const float *x = ck_floats(ck, &a->src);
    const float *weight = zk_present(a->weight) ? ck_floats(ck, &a->weight) : NULL;
    const float *bias = zk_present(a->bias) ? ck_floats(ck, &a->bias) : NULL;
    double *each = ck_memory(ck, (size_t)rows * (size_t)cols * sizeof(*each));
    const bool centred = a->kind == ZK_NORM_LAYER || a->kind == ZK_NORM_GROUP;

    for (int r = 0; r < rows; r += height) {
        for (int c = 0; c < cols; c += width) {
            struct part p = part_of(x, cols, r, r + height, c, c + width, centred, a->eps);
            if (a->kind == ZK_NORM_L2) {
                const double length = sqrt(fmax(0, 1 / (p.factor * p.factor) - a->eps) * cols);
                p.factor = sqrt(cols) / fmax(length, a->eps);
            }
            allow(each, x, cols, r, r + height, c, c + width, p, weight, bias);
        }
    }
    return each;
}

struct shape {
    int rows, cols, groups;
};

static void norm_case(struct ck *ck, zk_norm_kind kind, const struct shape *s, zk_dtype type,
                      int turn)
{
    static const char *const kinds[] = { "layer", "rms", "l2", "group" };
    const zk_act act = turn % 4 == 3 ? ZK_ACT_SILU : ZK_ACT_NONE;
    const ck_dist dist = dist_for(type, turn);
    const zk_dtype dst = turn % 5 == 4 ? types[turn % 3] : type;
    /* Sums of squares and eps meet only where eps matters. */
    const float eps = kind == ZK_NORM_L2 ? 1e-12f : turn % 2 ? 1e-6f : 1e-5f;

    if (!ck_case(ck, "norm %s %s to %s %dx%d groups %d act %d vectors %d fill %d", kinds[kind],
                 zk_dtype_get(type)->name, zk_dtype_get(dst)->name, s->rows, s->cols, s->groups,
                 act, turn % 4, dist))
        return;
    struct zk_norm a = {
        .src = ck_inout(ck, type, s->rows, s->cols, dist),
        .kind = kind, .groups = s->groups, .eps = eps, .act = act,
    };
    if (turn % 4 & 1)
        a.weight = ck_vector(ck, s->cols, CK_UNIT);
    if (turn % 4 & 2)
        a.bias = ck_vector(ck, s->cols, CK_UNIT);
    a.dst = turn % 7 == 6 && dst == type ? a.src : ck_out(ck, dst, s->rows, s->cols);
    const struct ck_tol tol = {
        .why = "mean and factor in f32",
        .of_result = 8 * CK_ULP,
        .each = { norm_allowances(ck, &a) },
    };
    ck_check(ck, ZK_OP_norm, &a, &tol);
}

static void check_norm(struct ck *ck)
{
    static const struct shape rows[] = {
        { 1, 1, 0 }, { 2, 7, 0 }, { 3, 15, 0 }, { 5, 16, 0 }, { 1, 17, 0 }, { 4, 63, 0 },
        { 3, 64, 0 }, { 17, 65, 0 }, { 5, 768, 0 }, { 3, 3072, 0 }, { 2, 3073, 0 }, { 0, 5, 0 },
    };
    static const struct shape groups[] = {
        { 1, 4, 4 }, { 6, 32, 4 }, { 9, 15, 5 }, { 35, 96, 32 }, { 100, 64, 32 }, { 257, 128, 32 },
        { 70, 34, 2 }, { 1, 512, 32 }, { 33, 17, 1 }, { 1000, 12, 3 }, { 0, 8, 2 },
    };
    int turn = 0;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int kind = ZK_NORM_LAYER; kind <= ZK_NORM_L2; kind++) {
            for (int i = 0; i < CK_COUNT(rows); i++, turn++) {
                norm_case(ck, (zk_norm_kind)kind, &rows[i], types[t], turn);
                norm_case(ck, (zk_norm_kind)kind, &rows[i], types[t], turn + 3);
            }
            turn++;
        }
        for (int i = 0; i < CK_COUNT(groups); i++, turn++) {
            norm_case(ck, ZK_NORM_GROUP, &groups[i], types[t], turn);
            norm_case(ck, ZK_NORM_GROUP, &groups[i], types[t], turn + 3);
        }
    }
    if (!ck_case(ck, "norm refuses what does not fit"))
        return;
    const struct zk_norm good = {
        .dst = ck_out(ck, ZK_F32, 3, 12),
        .src = ck_tensor(ck, ZK_F32, 3, 12, CK_UNIT),
        .weight = ck_vector(ck, 12, CK_UNIT),
        .kind = ZK_NORM_GROUP, .groups = 3, .eps = 1e-6f,
    };
    struct zk_norm a = good;
    a.groups = 5;
    ck_refuses(ck, ZK_OP_norm, &a, ZK_E_SHAPE);
    a = good;
    a.groups = 0;
    ck_refuses(ck, ZK_OP_norm, &a, ZK_E_ARGUMENT);
    a = good;
    a.eps = -1;
    ck_refuses(ck, ZK_OP_norm, &a, ZK_E_ARGUMENT);
    a = good;
    a.src.dim[2] = 2;
    ck_refuses(ck, ZK_OP_norm, &a, ZK_E_SHAPE);
    a = good;
    a.weight.type = ZK_F16;
    ck_refuses(ck, ZK_OP_norm, &a, ZK_E_UNSUPPORTED);
}

static void check_norm_mod(struct ck *ck)
{
    static const int widths[] = { 1, 7, 15, 16, 17, 63, 64, 65, 1024, 3072, 3073 };
    int turn = 0;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; i < CK_COUNT(widths); i++, turn++) {
            const int rows = 1 + turn % 6, cols = widths[i];
            const ck_dist dist = dist_for(types[t], turn);
            if (!ck_case(ck, "norm_mod %s %dx%d fill %d", zk_dtype_get(types[t])->name, rows, cols,
                         dist))
                continue;
            struct zk_norm_mod a = {
                .src = ck_inout(ck, types[t], rows, cols, dist),
                .shift = ck_vector(ck, cols, CK_UNIT),
                .scale = ck_vector(ck, cols, CK_UNIT),
                .eps = 1e-6f,
            };
            a.dst = turn % 4 == 3 ? a.src : ck_out(ck, types[(turn % 4 + t) % 3], rows, cols);
            const float *x = ck_floats(ck, &a.src), *shift = ck_floats(ck, &a.shift);
            float *factor = ck_floats(ck, &a.scale);
            double *each = ck_memory(ck, (size_t)rows * (size_t)cols * sizeof(*each));
            for (int c = 0; c < cols; c++)
                factor[c] += 1;
            for (int r = 0; r < rows; r++)
                allow(each, x, cols, r, r + 1, 0, cols,
                      part_of(x, cols, r, r + 1, 0, cols, true, a.eps), factor, shift);
            const struct ck_tol tol = { .why = "mean and factor in f32", .each = { each } };
            ck_check(ck, ZK_OP_norm_mod, &a, &tol);
        }
    }
    if (!ck_case(ck, "norm_mod refuses what does not fit"))
        return;
    struct zk_norm_mod a = {
        .dst = ck_out(ck, ZK_F32, 3, 12),
        .src = ck_tensor(ck, ZK_F32, 3, 12, CK_UNIT),
        .shift = ck_vector(ck, 12, CK_UNIT),
        .scale = ck_vector(ck, 11, CK_UNIT),
    };
    ck_refuses(ck, ZK_OP_norm_mod, &a, ZK_E_SHAPE);
    a.scale = (zk_tensor){ 0 };
    ck_refuses(ck, ZK_OP_norm_mod, &a, ZK_E_SHAPE);
}

/* Each head is a part of its own. */
static double *head_allowances(struct ck *ck, const zk_tensor *t, int heads,
                               const zk_tensor *weight, float eps)
{
    const int rows = t->dim[2], cols = t->dim[3], d = weight->dim[3];
    const float *x = ck_floats(ck, t), *w = ck_floats(ck, weight);
    double *each = ck_memory(ck, (size_t)rows * (size_t)cols * sizeof(*each));

    for (int r = 0; r < rows; r++) {
        for (int h = 0; h < heads; h++) {
            const struct part p = part_of(x, cols, r, r + 1, h * d, h * d + d, false, eps);
            allow(each, x, cols, r, r + 1, h * d, h * d + d, p, w - h * d, NULL);
        }
    }
    return each;
}

static void check_qk_norm(struct ck *ck)
{
    static const int shapes[][4] = {      /* rows, heads, kv_heads, d */
        { 1, 1, 1, 1 }, { 3, 2, 1, 7 }, { 5, 4, 2, 16 }, { 7, 3, 3, 64 }, { 2, 5, 1, 80 },
        { 4, 24, 24, 128 }, { 33, 2, 2, 128 }, { 3, 2, 1, 130 }, { 2, 1, 1, 513 }, { 0, 1, 1, 8 },
    };
    int turn = 0;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; i < CK_COUNT(shapes); i++, turn++) {
            const int *s = shapes[i];
            const ck_dist dist = dist_for(types[t], turn);
            if (!ck_case(ck, "qk_norm %s rows %d heads %d/%d d%d fill %d",
                         zk_dtype_get(types[t])->name, s[0], s[1], s[2], s[3], dist))
                continue;
            const struct zk_qk_norm a = {
                .q = ck_inout(ck, types[t], s[0], s[1] * s[3], dist),
                .k = ck_inout(ck, types[(t + turn) % 3], s[0], s[2] * s[3], CK_UNIT),
                .q_weight = ck_vector(ck, s[3], CK_UNIT),
                .k_weight = ck_vector(ck, s[3], CK_UNIT),
                .heads = s[1], .kv_heads = s[2], .eps = 1e-6f,
            };
            const struct ck_tol tol = {
                .why = "factor in f32",
                .each = { head_allowances(ck, &a.q, s[1], &a.q_weight, a.eps),
                          head_allowances(ck, &a.k, s[2], &a.k_weight, a.eps) },
            };
            ck_check(ck, ZK_OP_qk_norm, &a, &tol);
        }
    }
    if (!ck_case(ck, "qk_norm refuses what does not fit"))
        return;
    const struct zk_qk_norm good = {
        .q = ck_inout(ck, ZK_F32, 3, 16, CK_UNIT),
        .k = ck_inout(ck, ZK_F32, 3, 8, CK_UNIT),
        .q_weight = ck_vector(ck, 8, CK_UNIT),
        .k_weight = ck_vector(ck, 8, CK_UNIT),
        .heads = 2, .kv_heads = 1,
    };
    struct zk_qk_norm a = good;
    a.k.dim[2] = 2;
    ck_refuses(ck, ZK_OP_qk_norm, &a, ZK_E_SHAPE);
    a = good;
    a.kv_heads = 2;
    ck_refuses(ck, ZK_OP_qk_norm, &a, ZK_E_SHAPE);
    a = good;
    a.heads = 0;
    ck_refuses(ck, ZK_OP_qk_norm, &a, ZK_E_ARGUMENT);
    a = good;
    a.q.type = ZK_Q8_0;
    ck_refuses(ck, ZK_OP_qk_norm, &a, ZK_E_UNSUPPORTED);
}

static void check(struct ck *ck)
{
    check_norm(ck);
    check_norm_mod(ck);
    check_qk_norm(ck);
}

static void bench(struct ck *ck)
{
    static const char *const kinds[] = { "layer", "rms", "l2", "group" };
    static const zk_dtype timed[] = { ZK_F32, ZK_BF16 };
    const int rows = 4352, cols = 3072, heads = 24;

    for (int t = 0; t < CK_COUNT(timed); t++) {
        const char *name = zk_dtype_get(timed[t])->name;
        const double bytes = 2.0 * rows * cols * zk_dtype_get(timed[t])->bytes;
        const struct ck_load load = { .flops = 8.0 * rows * cols, .bytes = bytes,
                                      .peak = CK_PEAK_TRIAD };
        for (int kind = 0; kind < CK_COUNT(kinds); kind++) {
            if (!ck_case(ck, "norm %s %s %dx%d", kinds[kind], name, rows, cols))
                continue;
            const struct zk_norm a = {
                .dst = ck_out(ck, timed[t], rows, cols),
                .src = ck_tensor(ck, timed[t], rows, cols, CK_UNIT),
                .weight = ck_vector(ck, cols, CK_UNIT), .bias = ck_vector(ck, cols, CK_UNIT),
                .kind = (zk_norm_kind)kind, .groups = 32, .eps = 1e-6f,
            };
            ck_bench(ck, ZK_OP_norm, &a, &load);
        }
        if (ck_case(ck, "norm_mod %s %dx%d", name, rows, cols)) {
            const struct zk_norm_mod a = {
                .dst = ck_out(ck, timed[t], rows, cols),
                .src = ck_tensor(ck, timed[t], rows, cols, CK_UNIT),
                .shift = ck_vector(ck, cols, CK_UNIT), .scale = ck_vector(ck, cols, CK_UNIT),
                .eps = 1e-6f,
            };
            ck_bench(ck, ZK_OP_norm_mod, &a, &load);
        }
        if (ck_case(ck, "qk_norm %s %dx%d", name, rows, cols)) {
            const struct zk_qk_norm a = {
                .q = ck_inout(ck, timed[t], rows, cols, CK_UNIT),
                .k = ck_inout(ck, timed[t], rows, cols, CK_UNIT),
                .q_weight = ck_vector(ck, cols / heads, CK_UNIT),
                .k_weight = ck_vector(ck, cols / heads, CK_UNIT),
                .heads = heads, .kv_heads = heads, .eps = 1e-6f,
            };
            const struct ck_load both = { .flops = 2 * load.flops, .bytes = 2 * bytes,
                                          .peak = CK_PEAK_TRIAD };
            ck_bench(ck, ZK_OP_qk_norm, &a, &both);
        }
    }
}

const struct ck_family ck_norm = { "norm", check, bench };
