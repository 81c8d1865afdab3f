/* Cases of add_gated, add, mul, act, glu, mean, mix, drift and guide. */

#include <math.h>

#include "tests/checkkernels/ck.h"

static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_F16 };
static const int widths[] = { 1, 7, 15, 16, 17, 31, 63, 64, 65, 257, 3073 };
static const ck_dist dists[] = { CK_UNIT, CK_MIXED, CK_ZERO, CK_TINY, CK_HUGE };

/* Halves overflow where the others do not. */
static ck_dist dist_for(zk_dtype type, int turn)
{
    const ck_dist d = dists[turn % CK_COUNT(dists)];

    return type == ZK_F16 && (d == CK_HUGE || d == CK_MIXED) ? CK_UNIT : d;
}

struct shape {
    int rows, cols, turn;
    zk_dtype type, other;
    ck_dist dist;
};

/* Shape number i of a type; false when there are no more. */
static bool shape_at(int t, int i, struct shape *s)
{
    if (i > CK_COUNT(widths))
        return false;
    *s = (struct shape){
        .rows = i == CK_COUNT(widths) ? 0 : 1 + (i + t) % 5,
        .cols = i == CK_COUNT(widths) ? 9 : widths[i],
        .turn = i + t,
        .type = types[t],
        .other = types[(t + i / 2) % 3],
    };
    s->dist = s->type == ZK_F16 || s->other == ZK_F16 ? dist_for(ZK_F16, s->turn)
                                                      : dist_for(s->type, s->turn);
    return true;
}

static bool shape_case(struct ck *ck, const char *op, const struct shape *s, int number)
{
    return ck_case(ck, "%s %s/%s %dx%d kind %d fill %d", op, zk_dtype_get(s->type)->name,
                   zk_dtype_get(s->other)->name, s->rows, s->cols, number, s->dist);
}

static double *numbers(struct ck *ck, const struct shape *s)
{
    return ck_memory(ck, (size_t)s->rows * (size_t)s->cols * sizeof(double));
}

static void check_add_gated(struct ck *ck)
{
    struct shape s;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; shape_at(t, i, &s); i++) {
            if (!shape_case(ck, "add_gated", &s, s.turn % 3))
                continue;
            struct zk_add_gated a = {
                .dst = ck_inout(ck, s.type, s.rows, s.cols, s.dist),
                .src = ck_tensor(ck, s.other, s.rows, s.cols, s.dist),
            };
            if (s.turn % 3)
                a.gate = ck_vector(ck, s.cols, CK_UNIT);
            const float *x = ck_floats(ck, &a.dst), *y = ck_floats(ck, &a.src);
            double *each = numbers(ck, &s);
            for (int n = 0; n < s.rows * s.cols; n++)
                each[n] = CK_ULP * (fabs(x[n]) + fabs(y[n]) * (s.turn % 3
                              ? fabs(ck_get(&a.gate, n % s.cols)) : 1)) + 0x1p-126;
            const struct ck_tol tol = { .why = "product and sum may be fused", .each = { each } };
            ck_check(ck, ZK_OP_add_gated, &a, &tol);
        }
    }
    if (ck_case(ck, "add_gated refuses what does not fit")) {
        struct zk_add_gated a = { .dst = ck_inout(ck, ZK_F32, 3, 5, CK_UNIT),
                                  .src = ck_tensor(ck, ZK_F32, 2, 5, CK_UNIT) };
        ck_refuses(ck, ZK_OP_add_gated, &a, ZK_E_SHAPE);
        a.dst.type = ZK_I8;
        ck_refuses(ck, ZK_OP_add_gated, &a, ZK_E_UNSUPPORTED);
    }
}

/* One rounding in f32, one to the type of dst: nothing to be lenient about. */
static void check_binary(struct ck *ck, zk_op op)
{
    struct shape s;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; shape_at(t, i, &s); i++) {
            for (int kind = 0; kind < 3; kind++) {
                if (!shape_case(ck, zk_op_name(op), &s, kind))
                    continue;
                const ck_dist dist = s.turn % 4 == 3 ? CK_SPECIAL : s.dist;
                struct zk_binary a = {
                    .a = ck_inout(ck, s.type, s.rows, s.cols, dist),
                    .b = ck_tensor(ck, s.other, kind == 1 ? 1 : s.rows, s.cols, dist),
                };
                a.dst = kind == 2 ? a.a : ck_out(ck, types[s.turn % 3], s.rows, s.cols);
                ck_check(ck, op, &a, &ck_exact);
            }
        }
    }
    if (ck_case(ck, "%s refuses what does not fit", zk_op_name(op))) {
        struct zk_binary a = { .dst = ck_out(ck, ZK_F32, 3, 5),
                               .a = ck_tensor(ck, ZK_F32, 3, 5, CK_UNIT),
                               .b = ck_tensor(ck, ZK_F32, 2, 5, CK_UNIT) };
        ck_refuses(ck, op, &a, ZK_E_SHAPE);
        a.b = a.a;
        a.a.type = ZK_BOOL;
        ck_refuses(ck, op, &a, ZK_E_UNSUPPORTED);
    }
}

/* Activations are off by a few roundings of their argument, which is what counts
 * where they are near zero; the exponent loses one more for every doubling. */
static double act_error(double x)
{
    return fabs(x) * (16 + fmin(fabs(x), 100) / 4) * CK_ULP;
}

static void check_act(struct ck *ck)
{
    struct shape s;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; shape_at(t, i, &s); i++) {
            for (int act = 0; act < ZK_ACT_COUNT; act++) {
                if (!shape_case(ck, "act", &s, act))
                    continue;
                const ck_dist dist = s.turn % 4 == 3 ? CK_NANS : s.dist;
                struct zk_unary a = {
                    .src = ck_inout(ck, s.type, s.rows, s.cols, dist),
                    .act = (zk_act)act,
                };
                a.dst = s.turn % 3 == 2 ? a.src : ck_out(ck, s.other, s.rows, s.cols);
                const float *x = ck_floats(ck, &a.src);
                double *each = numbers(ck, &s);
                for (int n = 0; n < s.rows * s.cols; n++)
                    each[n] = isnan(x[n]) ? 0 : act_error(x[n]) + 0x1p-126;
                const struct ck_tol tol = { .why = "polynomials in f32", .each = { each } };
                ck_check(ck, ZK_OP_act, &a, &tol);
            }
        }
    }
    if (ck_case(ck, "act refuses what does not fit")) {
        struct zk_unary a = { .dst = ck_out(ck, ZK_F32, 3, 5),
                              .src = ck_tensor(ck, ZK_F32, 3, 4, CK_UNIT), .act = ZK_ACT_SILU };
        ck_refuses(ck, ZK_OP_act, &a, ZK_E_SHAPE);
        a.dst.dim[3] = 4;
        a.act = (zk_act)-1;
        ck_refuses(ck, ZK_OP_act, &a, ZK_E_ARGUMENT);
    }
}

static void check_glu(struct ck *ck)
{
    struct shape s;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; shape_at(t, i, &s); i++) {
            for (int act = 0; act < ZK_ACT_COUNT; act++) {
                if (!shape_case(ck, "glu", &s, act))
                    continue;
                const ck_dist dist = s.turn % 4 == 3 ? CK_NANS : s.dist;
                struct zk_glu a = {
                    .gate = ck_inout(ck, s.type, s.rows, s.cols, dist),
                    .up = ck_inout(ck, s.other, s.rows, s.cols, dist),
                    .act = (zk_act)act,
                };
                a.dst = s.turn % 4 == 2 ? a.gate : s.turn % 4 == 1 ? a.up
                                        : ck_out(ck, s.type, s.rows, s.cols);
                const float *g = ck_floats(ck, &a.gate), *u = ck_floats(ck, &a.up);
                double *each = numbers(ck, &s);
                for (int n = 0; n < s.rows * s.cols; n++)
                    each[n] = isnan(g[n]) || isnan(u[n]) ? 0
                                  : (act_error(g[n]) + 0x1p-126) * fabs(u[n]) + 0x1p-126;
                const struct ck_tol tol = { .why = "polynomials in f32", .of_result = CK_ULP,
                                            .each = { each } };
                ck_check(ck, ZK_OP_glu, &a, &tol);
            }
        }
    }
    if (ck_case(ck, "glu refuses what does not fit")) {
        struct zk_glu a = { .dst = ck_out(ck, ZK_F32, 3, 5),
                            .gate = ck_tensor(ck, ZK_F32, 3, 5, CK_UNIT),
                            .up = ck_tensor(ck, ZK_F32, 3, 6, CK_UNIT) };
        ck_refuses(ck, ZK_OP_glu, &a, ZK_E_SHAPE);
    }
}

static void check_mean(struct ck *ck)
{
    static const int rows[] = { 1, 2, 3, 17, 64, 300, 1027 };

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; i < CK_COUNT(widths); i++) {
            const int n = rows[(i + t) % CK_COUNT(rows)], cols = widths[i] > 1000 ? 600 : widths[i];
            const ck_dist dist = i % 4 == 3 ? CK_OFFSET : dist_for(types[t], i + t);
            if (!ck_case(ck, "mean %s %dx%d fill %d", zk_dtype_get(types[t])->name, n, cols, dist))
                continue;
            const struct zk_mean a = {
                .dst = ck_out(ck, types[(t + i) % 3 == 2 && dist != CK_UNIT ? t : (t + i) % 3],
                              1, cols),
                .src = ck_tensor(ck, types[t], n, cols, dist),
            };
            const float *x = ck_floats(ck, &a.src);
            double *each = ck_memory(ck, (size_t)cols * sizeof(*each));
            for (int r = 0; r < n; r++) {
                for (int c = 0; c < cols; c++)
                    each[c] += fabs(x[(size_t)r * (size_t)cols + (size_t)c]) / n * CK_ULP *
                               (2 + 2 * sqrt(n));
            }
            for (int c = 0; c < cols; c++)
                each[c] += 0x1p-126;
            const struct ck_tol tol = { .why = "a sum of rows in f32", .each = { each } };
            ck_check(ck, ZK_OP_mean, &a, &tol);
        }
    }
    if (ck_case(ck, "mean refuses what does not fit")) {
        struct zk_mean a = { .dst = ck_out(ck, ZK_F32, 1, 5),
                             .src = ck_tensor(ck, ZK_F32, 3, 4, CK_UNIT) };
        ck_refuses(ck, ZK_OP_mean, &a, ZK_E_SHAPE);
        a.src.dim[3] = 5;
        a.src.dim[2] = 0;
        ck_refuses(ck, ZK_OP_mean, &a, ZK_E_SHAPE);
    }
}

static void check_mix(struct ck *ck)
{
    static const zk_dtype sources[] = { ZK_F32, ZK_BF16, ZK_F16, ZK_F8_E4M3, ZK_F8_E5M2 };
    struct shape s;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; shape_at(t, i, &s); i++) {
            for (int count = 1 + i % 2; count <= ZK_MIX_MAX; count += 2) {
                if (!shape_case(ck, "mix", &s, count))
                    continue;
                struct zk_mix a = { .count = count, .bias = count % 3 ? 0.25f : 0 };
                double *each = numbers(ck, &s);
                for (int n = 0; n < count; n++) {
                    const zk_dtype type = n == 0 ? s.type
                                          : sources[(s.turn + n) % CK_COUNT(sources)];
                    const ck_dist dist = types[t] == ZK_F16 || s.turn % 2 ? CK_UNIT : s.dist;
                    a.src[n] = ck_inout(ck, type, s.rows, s.cols, dist);
                    a.coef[n] = ck_normal(ck);
                    const float *x = ck_floats(ck, &a.src[n]);
                    for (int e = 0; e < s.rows * s.cols; e++)
                        each[e] += CK_ULP * (count + 1) * fabs((double)a.coef[n] * x[e]);
                }
                for (int e = 0; e < s.rows * s.cols; e++)
                    each[e] += CK_ULP * fabs(a.bias) + 0x1p-125;
                a.dst = s.turn % 3 == 1 ? a.src[0] : ck_out(ck, s.type, s.rows, s.cols);
                const struct ck_tol tol = { .why = "products and sums may be fused",
                                            .each = { each } };
                ck_check(ck, ZK_OP_mix, &a, &tol);
            }
        }
    }
    if (ck_case(ck, "mix refuses what does not fit")) {
        struct zk_mix a = { .dst = ck_out(ck, ZK_F32, 3, 5), .count = 2,
                            .src = { ck_tensor(ck, ZK_F32, 3, 5, CK_UNIT) } };
        ck_refuses(ck, ZK_OP_mix, &a, ZK_E_SHAPE);
        a.src[1] = a.src[0];
        a.count = ZK_MIX_MAX + 1;
        ck_refuses(ck, ZK_OP_mix, &a, ZK_E_ARGUMENT);
        a.count = 0;
        ck_refuses(ck, ZK_OP_mix, &a, ZK_E_ARGUMENT);
        a.count = 2;
        a.src[1].type = ZK_Q8_0;
        ck_refuses(ck, ZK_OP_mix, &a, ZK_E_UNSUPPORTED);
    }
}

static void check_drift(struct ck *ck)
{
    struct shape s;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; shape_at(t, i, &s); i++) {
            for (int kind = 0; kind < 3; kind++) {
                const int rows = kind == 2 && s.rows > 0 && s.cols < 300 ? 400 : s.rows;
                if (!ck_case(ck, "drift %s/%s %dx%d kind %d", zk_dtype_get(s.type)->name,
                             zk_dtype_get(s.other)->name, rows, s.cols, kind))
                    continue;
                struct zk_drift a = {
                    .a = ck_tensor(ck, s.type, rows, s.cols, kind == 2 ? CK_UNIT : s.dist),
                    .b = ck_tensor(ck, s.other, rows, s.cols, kind == 2 ? CK_UNIT : s.dist),
                    .result = ck_result(ck),
                };
                if (kind == 1)
                    a.b = a.a;
                /* Below the normal numbers a sum may be lost. */
                const struct ck_tol tol = { .why = "two long sums", .of_result = 2e-5,
                                            .fixed = s.dist == CK_TINY && kind == 0 ? 1e30 : 0 };
                ck_check(ck, ZK_OP_drift, &a, &tol);
            }
        }
    }
    if (ck_case(ck, "drift refuses what does not fit")) {
        struct zk_drift a = { .a = ck_tensor(ck, ZK_F32, 3, 5, CK_UNIT),
                              .b = ck_tensor(ck, ZK_F32, 3, 6, CK_UNIT),
                              .result = ck_result(ck) };
        ck_refuses(ck, ZK_OP_drift, &a, ZK_E_SHAPE);
        a.b = a.a;
        a.result = NULL;
        ck_refuses(ck, ZK_OP_drift, &a, ZK_E_ARGUMENT);
    }
}

static void check_guide(struct ck *ck)
{
    struct shape s;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; shape_at(t, i, &s); i++) {
            for (int kind = 0; kind < 2; kind++) {
                if (!shape_case(ck, "guide", &s, kind))
                    continue;
                struct zk_guide a = {
                    .cond = ck_inout(ck, s.type, s.rows, s.cols, s.dist),
                    .uncond = ck_inout(ck, s.other, s.rows, s.cols, s.dist),
                    .strength = 3.5f, .keep_norm = kind,
                };
                a.dst = s.turn % 4 == 3 ? a.cond : s.turn % 4 == 1 ? a.uncond
                                        : ck_out(ck, s.type, s.rows, s.cols);
                const float *c = ck_floats(ck, &a.cond), *u = ck_floats(ck, &a.uncond);
                double *each = numbers(ck, &s);
                for (int r = 0; r < s.rows; r++) {
                    double want = 0, have = 0;
                    for (int n = r * s.cols; n < (r + 1) * s.cols; n++) {
                        const double g = u[n] + 3.5 * ((double)c[n] - u[n]);
                        want += (double)c[n] * c[n];
                        have += g * g;
                    }
                    const double factor = kind && have > 0 ? sqrt(want / have) : 1;
                    for (int n = r * s.cols; n < (r + 1) * s.cols; n++)
                        each[n] = factor * 0x1p-125 +
                                  factor * CK_ULP * (6 + (kind ? sqrt(s.cols) / 4 : 0)) *
                                  (4.5 * fabs(u[n]) + 3.5 * fabs(c[n]));
                }
                const struct ck_tol tol = { .why = "a difference, a sum, two lengths",
                                            .each = { each },
                                            .fixed = kind && s.dist == CK_TINY ? 1e-25 : 0 };
                ck_check(ck, ZK_OP_guide, &a, &tol);
            }
        }
    }
    if (ck_case(ck, "guide refuses what does not fit")) {
        struct zk_guide a = { .dst = ck_out(ck, ZK_F32, 3, 5),
                              .cond = ck_tensor(ck, ZK_F32, 3, 5, CK_UNIT),
                              .uncond = ck_tensor(ck, ZK_F32, 3, 6, CK_UNIT) };
        ck_refuses(ck, ZK_OP_guide, &a, ZK_E_SHAPE);
        a.uncond = a.cond;
        a.keep_norm = 2;
        ck_refuses(ck, ZK_OP_guide, &a, ZK_E_ARGUMENT);
    }
}

static void check(struct ck *ck)
{
    check_add_gated(ck);
    check_binary(ck, ZK_OP_add);
    check_binary(ck, ZK_OP_mul);
    check_act(ck);
    check_glu(ck);
    check_mean(ck);
    check_mix(ck);
    check_drift(ck);
    check_guide(ck);
}

/* `moved` tensors of [rows, cols] are read or written. */
static struct ck_load load_of(zk_dtype type, int rows, int cols, int moved, int flops)
{
    return (struct ck_load){
        .flops = (double)flops * rows * cols,
        .bytes = (double)moved * rows * cols * zk_dtype_get(type)->bytes,
        .peak = CK_PEAK_TRIAD,
    };
}

static void bench_acts(struct ck *ck, zk_dtype type, int rows, int cols)
{
    static const char *const names[] = { "none", "silu", "gelu_tanh", "gelu_erf", "quick_gelu" };
    const char *name = zk_dtype_get(type)->name;

    for (int act = ZK_ACT_SILU; act < ZK_ACT_COUNT; act++) {
        if (!ck_case(ck, "act %s %s %dx%d", names[act], name, rows, cols))
            continue;
        const struct zk_unary a = { .dst = ck_out(ck, type, rows, cols),
                                    .src = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                    .act = (zk_act)act };
        const struct ck_load load = load_of(type, rows, cols, 2, 1);
        ck_bench(ck, ZK_OP_act, &a, &load);
    }
    for (int act = ZK_ACT_SILU; act <= ZK_ACT_GELU_TANH; act++) {
        if (!ck_case(ck, "glu %s %s %dx%d", names[act], name, rows, cols))
            continue;
        const struct zk_glu a = { .dst = ck_out(ck, type, rows, cols),
                                  .gate = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                  .up = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                  .act = (zk_act)act };
        const struct ck_load load = load_of(type, rows, cols, 3, 2);
        ck_bench(ck, ZK_OP_glu, &a, &load);
    }
}

static void bench_sums(struct ck *ck, zk_dtype type, int rows, int cols)
{
    const char *name = zk_dtype_get(type)->name;

    if (ck_case(ck, "add_gated %s %dx%d", name, rows, cols)) {
        const struct zk_add_gated a = { .dst = ck_inout(ck, type, rows, cols, CK_UNIT),
                                        .src = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                        .gate = ck_vector(ck, cols, CK_UNIT) };
        const struct ck_load load = load_of(type, rows, cols, 3, 2);
        ck_bench(ck, ZK_OP_add_gated, &a, &load);
    }
    if (ck_case(ck, "add %s %dx%d", name, rows, cols)) {
        const struct zk_binary a = { .dst = ck_out(ck, type, rows, cols),
                                     .a = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                     .b = ck_tensor(ck, type, rows, cols, CK_UNIT) };
        const struct ck_load load = load_of(type, rows, cols, 3, 1);
        ck_bench(ck, ZK_OP_add, &a, &load);
    }
    for (int count = 2; count <= 5; count += 3) {
        if (!ck_case(ck, "mix of %d %s %dx%d", count, name, rows, cols))
            continue;
        struct zk_mix a = { .dst = ck_out(ck, type, rows, cols), .count = count };
        for (int n = 0; n < count; n++) {
            a.src[n] = ck_tensor(ck, type, rows, cols, CK_UNIT);
            a.coef[n] = ck_normal(ck);
        }
        const struct ck_load load = load_of(type, rows, cols, count + 1, 2 * count);
        ck_bench(ck, ZK_OP_mix, &a, &load);
    }
    if (ck_case(ck, "drift %s %dx%d", name, rows, cols)) {
        const struct zk_drift a = { .a = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                    .b = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                    .result = ck_result(ck) };
        struct ck_load load = load_of(type, rows, cols, 2, 4);
        load.peak = CK_PEAK_READ;
        ck_bench(ck, ZK_OP_drift, &a, &load);
    }
    if (ck_case(ck, "guide %s %dx%d", name, rows, cols)) {
        const struct zk_guide a = { .dst = ck_out(ck, type, rows, cols),
                                    .cond = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                    .uncond = ck_tensor(ck, type, rows, cols, CK_UNIT),
                                    .strength = 4 };
        const struct ck_load load = load_of(type, rows, cols, 3, 3);
        ck_bench(ck, ZK_OP_guide, &a, &load);
    }
}

static void bench(struct ck *ck)
{
    static const zk_dtype timed[] = { ZK_F32, ZK_BF16 };

    for (int t = 0; t < CK_COUNT(timed); t++) {
        bench_acts(ck, timed[t], 4352, 3072);
        bench_sums(ck, timed[t], 4352, 3072);
    }
}

const struct ck_family ck_elementwise = { "elementwise", check, bench };
