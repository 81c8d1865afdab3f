/* Cases of linear and embed. */

#include <math.h>
#include <string.h>

#include "tests/checkkernels/ck.h"

/* What a backend may round before it multiplies, by type of the weight. */
static const struct rounding {
    zk_dtype type;
    bool src_bf16, src_8bit;          /* the activations */
    bool weight_8bit;
    bool src_f8;                      /* where a weight is packed for that */
    double rms;                       /* of the error in a long product of ordinary numbers */
    const char *why;
} roundings[] = {
    { ZK_F32, false, false, false, false, 2e-5, "f32 throughout" },
    { ZK_F16, false, false, false, false, 2e-5, "f16 weights are exact in f32" },
    { ZK_BF16, true, false, false, false, 4e-3, "activations in bf16" },
    { ZK_F8_E4M3, true, false, false, false, 4e-3, "activations in bf16" },
    { ZK_F8_E5M2, true, false, false, false, 4e-3, "activations in bf16" },
    { ZK_F8_E4M3, true, false, false, true, 4e-2, "activations in f8" },
    { ZK_F8_E5M2, true, false, false, true, 4e-2, "activations in f8" },
    { ZK_I8, false, true, false, false, 2e-2, "activations in 8 bits" },
    { ZK_Q8_0, false, true, false, false, 2e-2, "activations in 8 bits" },
    { ZK_Q4_0, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q4_1, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q5_0, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q5_1, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q2_K, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q3_K, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q4_K, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q5_K, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
    { ZK_Q6_K, false, true, true, false, 3e-2, "activations and weights in 8 bits" },
};

static const zk_dtype acts[] = { ZK_F32, ZK_BF16, ZK_F16 };

static double largest(const float *x, size_t count)
{
    float most = 0;

    for (size_t i = 0; i < count; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return (double)most;
}

/* The largest rounding of each element of x: none, to bf16, to F8 with one scale for all, or
 * to 8 bits with a scale for 32 neighbours. Numbers below the normal ones may become 0. */
static double *rounding_of(struct ck *ck, const float *x, int rows, int cols, bool bf16, bool bits8,
                           bool f8)
{
    double *d = ck_memory(ck, (size_t)rows * (size_t)cols * sizeof(double));
    const double most = f8 ? largest(x, (size_t)rows * (size_t)cols) : 0;

    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < cols; c++) {
            const float *row = x + (size_t)r * (size_t)cols;
            double size = 0;
            for (int b = c / 32 * 32; bits8 && b < cols && b < c / 32 * 32 + 32; b++)
                size = fmax(size, fabs(row[b]));
            d[(size_t)r * (size_t)cols + (size_t)c] = 0x1p-126 + (bits8 ? size / 250 : 0) +
                                                      (bf16 ? fabs(row[c]) * 0x1p-9 : 0) +
                                                      (f8 ? fmax(fabs(row[c]) * 0x1p-4,
                                                                 most / 448 * 0x1p-10) : 0);
        }
    }
    return d;
}

/* The bias may be rounded to the type of the result. */
static double rounding_of_type(zk_dtype type)
{
    return type == ZK_BF16 ? 0x1p-8 : type == ZK_F16 ? 0x1p-11 : 0;
}

/* How far the result may be off: roundings of inputs add up like independent
 * errors (8 sigma), but never to more than their sum; adding K products in f32 in
 * any order, likewise. */
static double *allowances(struct ck *ck, const struct zk_linear *a, const struct rounding *rule)
{
    const int m = a->dst.dim[2], n = a->dst.dim[3], k = a->src.dim[3];
    const float *x = ck_floats(ck, &a->src), *w = ck_floats(ck, &a->weight);
    const double *dx = rounding_of(ck, x, m, k, rule->src_bf16 && a->src.type != ZK_BF16,
                                   rule->src_8bit, rule->src_f8);
    const double *dw = rounding_of(ck, w, n, k, false, rule->weight_8bit, false);
    double *each = ck_memory(ck, (size_t)m * (size_t)n * sizeof(double));

    for (int i = 0; i < m; i++) {
        for (int o = 0; o < n; o++) {
            double sum = zk_present(a->bias) ? ck_get(&a->bias, o) : 0;
            double size = fabs(sum), worst = 0, square = 0;
            const double bias = size * rounding_of_type(a->dst.type);
            for (int j = 0; j < k; j++) {
                const double xj = x[(size_t)i * k + j], wj = w[(size_t)o * k + j];
                const double e = dx[(size_t)i * k + j] * (fabs(wj) + dw[(size_t)o * k + j]) +
                                 dw[(size_t)o * k + j] * fabs(xj);
                sum += xj * wj;
                size += fabs(xj * wj);
                worst += e;
                square += e * e;
            }
            const double inputs = fmin(worst, 8 * sqrt(square));
            const double adding = 4 * (sqrt(k) + 2) * CK_ULP / 2 * size;
            each[(size_t)i * n + o] = 1.2 * (inputs + adding) + bias + fabs(sum) * 8 * CK_ULP;
        }
    }
    return each;
}

/* One case. Its number turns types, distributions, activation, bias and scale. */
static void linear_case(struct ck *ck, const struct rounding *rule, int m, int n, int k, int turn)
{
    static const ck_dist dists[] = { CK_UNIT, CK_MIXED, CK_UNIT, CK_ZERO, CK_UNIT, CK_HUGE,
                                     CK_UNIT, CK_TINY };
    const bool f8 = rule->src_f8 && turn % 4 != 1;        /* what products of F8 are for */
    const zk_dtype src = f8 ? ZK_BF16 : acts[turn % 3];
    const zk_dtype dst = f8 ? ZK_BF16 : acts[turn % 4 == 3 ? (turn + 1) % 3 : turn % 3];
    const zk_act act = turn % 5 == 4 ? (zk_act)(turn % ZK_ACT_COUNT) : ZK_ACT_NONE;
    const ck_dist dist = dists[turn % CK_COUNT(dists)];

    if (!ck_case(ck, "linear %s%s m%d n%d k%d %s to %s, act %d, fill %d",
                 zk_dtype_get(rule->type)->name, rule->src_f8 ? " by f8" : "", m, n, k,
                 zk_dtype_get(src)->name,
                 zk_dtype_get(dst)->name, act, dist))
        return;
    /* The results must fit into f16. */
    const bool narrow = src == ZK_F16 || dst == ZK_F16;
    const ck_dist fill = narrow && (dist == CK_HUGE || dist == CK_MIXED) ? CK_UNIT : dist;
    struct zk_linear a = {
        .src = f8 ? ck_dense(ck, src, 1, 1, m, k, fill) : ck_tensor(ck, src, m, k, fill),
        .weight = ck_tensor(ck, rule->type, n, k, dist == CK_TINY ? CK_UNIT : fill),
        .act = act,
    };
    if (turn % 2)
        a.bias = ck_vector(ck, n, CK_UNIT);
    a.weight.scale = rule->type == ZK_I8 ? 0.01f : turn % 3 == 2 ? 0.37f : 0;
    a.dst = f8 ? ck_dense_out(ck, dst, 1, 1, m, n) : ck_out(ck, dst, m, n);
    const struct ck_tol tol = {
        .why = rule->why,
        .each = { allowances(ck, &a, rule) },
        .f8 = rule->src_f8,
        .rms = fill == CK_UNIT && act == ZK_ACT_NONE && k >= 64 && m * n >= 64 ? rule->rms : 0,
    };
    ck_check_weight(ck, ZK_OP_linear, &a, &tol);
}

static void check_linear(struct ck *ck)
{
    /* A tile and one more or less of everything, long rows, tall and wide. */
    static const int shapes[][3] = {
        { 1, 1, 1 }, { 1, 7, 15 }, { 2, 16, 17 }, { 3, 15, 31 }, { 5, 17, 64 }, { 7, 33, 65 },
        { 8, 64, 63 }, { 16, 48, 33 }, { 17, 31, 100 }, { 1, 70, 3073 }, { 4, 66, 3072 },
        { 6, 130, 257 }, { 8, 40, 1025 }, { 33, 65, 129 }, { 63, 63, 96 }, { 70, 129, 192 },
        { 130, 50, 64 }, { 12, 300, 48 }, { 0, 5, 7 },
    };
    static const int quantised[][3] = {
        { 1, 1, 32 }, { 2, 16, 64 }, { 3, 17, 96 }, { 7, 31, 256 }, { 16, 48, 288 },
        { 1, 70, 3072 }, { 8, 33, 1024 }, { 33, 65, 512 }, { 70, 50, 256 }, { 5, 130, 544 },
    };
    int turn = 0;

    for (int r = 0; r < CK_COUNT(roundings); r++) {
        const struct rounding *rule = &roundings[r];
        const int block = zk_dtype_get(rule->type)->block;
        const bool any = block == 1 && !rule->src_f8;
        const int count = any ? CK_COUNT(shapes) : CK_COUNT(quantised);
        for (int i = 0; i < count; i++) {
            const int *s = any ? shapes[i] : quantised[i];
            const int k = (s[2] + block - 1) / block * block;
            const int n = rule->src_f8 && i % 3 ? (s[1] + 15) / 16 * 16 : s[1];
            for (int t = 0; t < 3; t++)
                linear_case(ck, rule, s[0], n, k, turn++);
            turn++;
        }
    }
}

static void check_refusals(struct ck *ck)
{
    if (!ck_case(ck, "linear refuses what does not fit"))
        return;
    const struct zk_linear good = {
        .dst = ck_out(ck, ZK_F32, 3, 5),
        .src = ck_tensor(ck, ZK_F32, 3, 32, CK_UNIT),
        .weight = ck_tensor(ck, ZK_F32, 5, 32, CK_UNIT),
        .bias = ck_vector(ck, 5, CK_UNIT),
    };
    struct zk_linear a = good;
    a.src.dim[3] = 31;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_SHAPE);
    a = good;
    a.dst.dim[2] = 2;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_SHAPE);
    a = good;
    a.bias.dim[3] = 4;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_SHAPE);
    a = good;
    a.weight.dim[1] = 2;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_SHAPE);
    a = good;
    a.weight.dim[3] = a.src.dim[3] = -32;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_SHAPE);
    a = good;
    a.weight.type = ZK_Q8_0;
    a.weight.dim[3] = a.src.dim[3] = 31;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_SHAPE);
    a = good;
    a.weight.type = ZK_I32;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_UNSUPPORTED);
    a = good;
    a.weight.packing = UINT16_MAX;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_UNSUPPORTED);
    a = good;
    a.bias.type = ZK_BF16;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_UNSUPPORTED);
    a = good;
    a.dst.type = ZK_Q8_0;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_UNSUPPORTED);
    a = good;
    a.act = ZK_ACT_COUNT;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_ARGUMENT);
    a = good;
    a.src.data = NULL;
    ck_refuses(ck, ZK_OP_linear, &a, ZK_E_ARGUMENT);
}

static void check_embed(struct ck *ck)
{
    static const int widths[] = { 1, 7, 16, 17, 65, 256, 3073 };

    for (int type = ZK_F32; type <= ZK_Q6_K; type++) {
        const int block = zk_dtype_get(type)->block;
        for (int i = 0; i < CK_COUNT(widths); i++) {
            const int cols = (widths[i] + block - 1) / block * block, n = 1 + i * 3;
            const zk_dtype dst = acts[i % 3];
            if (!ck_case(ck, "embed %s n%d c%d", zk_dtype_get(type)->name, n, cols))
                continue;
            struct zk_embed a = {
                .dst = ck_out(ck, dst, n, cols),
                .table = ck_tensor(ck, type, 11, cols, dst == ZK_F16 ? CK_UNIT : CK_MIXED),
                .ids = ck_ids(ck, n, 11),
            };
            a.table.scale = i % 2 ? 0.25f : 0;
            ck_check(ck, ZK_OP_embed, &a, &ck_exact);
        }
    }
    if (!ck_case(ck, "embed refuses ids outside the table"))
        return;
    struct zk_embed a = {
        .dst = ck_out(ck, ZK_F32, 2, 9),
        .table = ck_tensor(ck, ZK_F32, 4, 9, CK_UNIT),
        .ids = ck_ids(ck, 2, 4),
    };
    ((int32_t *)a.ids.data)[1] = 4;
    ck_refuses(ck, ZK_OP_embed, &a, ZK_E_ARGUMENT);
    ((int32_t *)a.ids.data)[1] = -1;
    ck_refuses(ck, ZK_OP_embed, &a, ZK_E_ARGUMENT);
    ((int32_t *)a.ids.data)[1] = 3;
    a.ids.dim[3] = 3;
    ck_refuses(ck, ZK_OP_embed, &a, ZK_E_SHAPE);
}

static void check(struct ck *ck)
{
    check_linear(ck);
    check_refusals(ck);
    check_embed(ck);
}

static void bench_one(struct ck *ck, zk_dtype weight, int m, int n, int k, const char *name)
{
    const zk_dtype act = weight == ZK_F32 ? ZK_F32 : ZK_BF16;
    uint64_t bytes = 0;

    if (!ck_case(ck, "%s %s %dx%dx%d", name, zk_dtype_get(weight)->name, m, n, k))
        return;
    zk_dtype_size(weight, (uint64_t)n * (uint64_t)k, &bytes);
    const struct zk_linear a = {
        .dst = ck_out(ck, act, m, n),
        .src = ck_tensor(ck, act, m, k, CK_UNIT),
        .weight = ck_tensor(ck, weight, n, k, CK_UNIT),
        .bias = ck_vector(ck, n, CK_UNIT),
    };
    const bool few = m <= 8;
    const struct ck_load load = {
        .flops = 2.0 * m * n * k,
        .bytes = (double)bytes + (double)zk_dtype_get(act)->bytes * ((double)m * k + (double)m * n),
        .peak = few ? CK_PEAK_READ : weight == ZK_F32 ? CK_PEAK_F32 : CK_PEAK_BF16,
        .copies = few ? (int)((320u << 20) / bytes) : 1,
    };
    ck_bench_weight(ck, ZK_OP_linear, &a, &load);
}

static void bench(struct ck *ck)
{
    static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_Q8_0 };
    static const int rows[] = { 256, 1024, 4352 }, few[] = { 1, 2, 4, 8 };
    static const int shapes[][2] = {
        { 3072, 3072 }, { 9216, 3072 }, { 12288, 3072 }, { 3072, 12288 },
    };

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int m = 0; m < CK_COUNT(rows); m++) {
            for (int s = 0; s < CK_COUNT(shapes); s++)
                bench_one(ck, types[t], rows[m], shapes[s][0], shapes[s][1], "linear");
        }
        for (int m = 0; m < CK_COUNT(few); m++)
            bench_one(ck, types[t], few[m], 3072, 3072, "linear few rows");
    }
}

const struct ck_family ck_linear = { "linear", check, bench };
