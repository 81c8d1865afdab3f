/* Cases of attend. */

#include <math.h>

#include "tests/checkkernels/ck.h"

static double largest_row(const float *x, int rows, int heads, int d)
{
    double most = 0;

    for (int64_t h = 0; h < (int64_t)rows * heads; h++) {
        double sum = 0;
        for (int c = 0; c < d; c++)
            sum += (double)x[h * d + c] * x[h * d + c];
        most = fmax(most, sqrt(sum));
    }
    return most;
}

/* Weights of the average are off by the rounding of scores (f32 sums of d
 * products) and of the weights themselves (to the type of v at most), so the
 * average is by as much of the average of |v|. Weights below the normal numbers
 * may become 0. */
static double *allowances(struct ck *ck, const struct zk_attend *a)
{
    const int rows = a->q.dim[2], cols = a->q.dim[3], d = cols / a->heads;
    float *v = ck_floats(ck, &a->v);
    float *dst = ck_memory(ck, (size_t)rows * (size_t)cols * sizeof(*dst));
    double *each = ck_memory(ck, (size_t)rows * (size_t)cols * sizeof(*each));
    struct zk_attend sizes = *a;
    double most = 1;

    for (int64_t i = 0; i < (int64_t)a->v.dim[2] * a->v.dim[3]; i++) {
        v[i] = fabsf(v[i]);
        if (v[i] > most)
            most = v[i];
    }
    sizes.v = zk_dense(v, ZK_F32, a->v.dim[2], a->v.dim[3]);
    sizes.dst = zk_dense(dst, ZK_F32, rows, cols);
    ck_reference(ck, ZK_OP_attend, &sizes);

    const double q_norm = largest_row(ck_floats(ck, &a->q), rows, a->heads, d);
    const double k_norm = largest_row(ck_floats(ck, &a->k), a->k.dim[2], a->kv_heads, d);
    const double score = 4 * (sqrt(d) + 2) * CK_ULP / 2 * q_norm * k_norm * fabs(a->scale);
    const double weight = a->v.type == ZK_BF16 ? 0x1p-8 : a->v.type == ZK_F16 ? 0x1p-11 : 0;
    for (int64_t i = 0; i < (int64_t)rows * cols; i++)
        each[i] = (2 * score + weight + 16 * CK_ULP) * dst[i] + 0x1p-125 * most * a->v.dim[2];
    return each;
}

struct shape {
    int queries, keys, heads, kv_heads, d;
    zk_mask mask;
    int block;
};

static void attend_case(struct ck *ck, const struct shape *s, zk_dtype type, int turn)
{
    static const struct {
        ck_dist q, k, v;
    } fills[] = {
        { CK_UNIT, CK_UNIT, CK_UNIT },
        { CK_UNIT, CK_UNIT, CK_MIXED },
        { CK_ZERO, CK_UNIT, CK_UNIT },
        { CK_UNIT, CK_OFFSET, CK_UNIT },
        { CK_UNIT, CK_TINY, CK_TINY },
    };
    const int fill = turn % CK_COUNT(fills);
    /* Scores of a few, and of a few dozen, where one key takes all. */
    const float scale = turn % 2 ? 1.0f : 1 / sqrtf((float)s->d);

    if (!ck_case(ck, "attend %s %dx%d heads %d/%d d%d mask %d/%d scale %g fill %d",
                 zk_dtype_get(type)->name, s->queries, s->keys, s->heads, s->kv_heads, s->d,
                 s->mask, s->block, (double)scale, fill))
        return;
    const ck_dist v = type == ZK_F16 && fills[fill].v == CK_MIXED ? CK_UNIT : fills[fill].v;
    struct zk_attend a = {
        .q = ck_tensor(ck, type, s->queries, s->heads * s->d, fills[fill].q),
        .k = ck_tensor(ck, type, s->keys, s->kv_heads * s->d, fills[fill].k),
        .v = ck_tensor(ck, type, s->keys, s->kv_heads * s->d, v),
        .dst = ck_out(ck, turn % 3 == 2 ? ZK_F32 : type, s->queries, s->heads * s->d),
        .heads = s->heads, .kv_heads = s->kv_heads, .scale = scale,
        .mask = s->mask, .block = s->block,
    };
    const struct ck_tol tol = {
        .why = "roundings of scores and weights",
        .each = { allowances(ck, &a) },
    };
    ck_check(ck, ZK_OP_attend, &a, &tol);
}

static void check_refusals(struct ck *ck)
{
    if (!ck_case(ck, "attend refuses what does not fit"))
        return;
    const struct zk_attend good = {
        .q = ck_tensor(ck, ZK_F32, 3, 32, CK_UNIT),
        .k = ck_tensor(ck, ZK_F32, 5, 16, CK_UNIT),
        .v = ck_tensor(ck, ZK_F32, 5, 16, CK_UNIT),
        .dst = ck_out(ck, ZK_F32, 3, 32),
        .heads = 4, .kv_heads = 2, .scale = 1,
    };
    struct zk_attend a = good;
    a.v.dim[2] = 4;
    ck_refuses(ck, ZK_OP_attend, &a, ZK_E_SHAPE);
    a = good;
    a.k.dim[3] = 15;
    ck_refuses(ck, ZK_OP_attend, &a, ZK_E_SHAPE);
    a = good;
    a.q.dim[3] = a.dst.dim[3] = 31;
    ck_refuses(ck, ZK_OP_attend, &a, ZK_E_SHAPE);
    a = good;
    a.heads = 3;
    ck_refuses(ck, ZK_OP_attend, &a, ZK_E_ARGUMENT);
    a = good;
    a.kv_heads = 0;
    ck_refuses(ck, ZK_OP_attend, &a, ZK_E_ARGUMENT);
    a = good;
    a.mask = ZK_MASK_BLOCKS;
    ck_refuses(ck, ZK_OP_attend, &a, ZK_E_ARGUMENT);
    a = good;
    a.k.type = ZK_I64;
    ck_refuses(ck, ZK_OP_attend, &a, ZK_E_UNSUPPORTED);
}

static void check(struct ck *ck)
{
    static const struct shape shapes[] = {
        { 1, 1, 1, 1, 1, ZK_MASK_NONE, 0 },
        { 7, 9, 2, 2, 7, ZK_MASK_NONE, 0 },
        { 5, 64, 2, 2, 40, ZK_MASK_NONE, 0 },
        { 17, 33, 4, 2, 64, ZK_MASK_CAUSAL, 0 },
        { 65, 65, 3, 1, 128, ZK_MASK_CAUSAL, 0 },
        { 16, 15, 2, 1, 8, ZK_MASK_CAUSAL, 0 },
        { 1, 77, 4, 4, 64, ZK_MASK_CAUSAL, 0 },
        { 64, 64, 4, 4, 72, ZK_MASK_BLOCKS, 16 },
        { 45, 45, 1, 1, 33, ZK_MASK_BLOCKS, 7 },
        { 33, 33, 2, 1, 512, ZK_MASK_NONE, 0 },
        { 48, 130, 2, 2, 128, ZK_MASK_NONE, 0 },
        { 63, 257, 1, 1, 256, ZK_MASK_NONE, 0 },
        { 130, 300, 3, 3, 128, ZK_MASK_NONE, 0 },
        { 9, 1100, 2, 1, 128, ZK_MASK_NONE, 0 },
        { 3, 0, 1, 1, 16, ZK_MASK_NONE, 0 },
        { 0, 4, 1, 1, 16, ZK_MASK_NONE, 0 },
    };
    static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_F16 };
    int turn = 0;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int s = 0; s < CK_COUNT(shapes); s++) {
            for (int i = 0; i < 2; i++)
                attend_case(ck, &shapes[s], types[t], turn++);
        }
    }
    check_refusals(ck);
}

static void bench(struct ck *ck)
{
    static const zk_dtype types[] = { ZK_BF16, ZK_F32 };
    static const int tokens[] = { 1280, 4352 };
    const int heads = 24, d = 128;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; i < CK_COUNT(tokens); i++) {
            const int n = tokens[i];
            if (!ck_case(ck, "attend %s %dx%dx%d", zk_dtype_get(types[t])->name, n, heads, d))
                continue;
            const struct zk_attend a = {
                .q = ck_tensor(ck, types[t], n, heads * d, CK_UNIT),
                .k = ck_tensor(ck, types[t], n, heads * d, CK_UNIT),
                .v = ck_tensor(ck, types[t], n, heads * d, CK_UNIT),
                .dst = ck_out(ck, types[t], n, heads * d),
                .heads = heads, .kv_heads = heads, .scale = 1 / sqrtf((float)d),
            };
            const struct ck_load load = {
                .flops = 4.0 * n * n * heads * d,
                .bytes = 4.0 * n * heads * d * zk_dtype_get(types[t])->bytes,
                .peak = types[t] == ZK_F32 ? CK_PEAK_F32 : CK_PEAK_BF16,
            };
            ck_bench(ck, ZK_OP_attend, &a, &load);
        }
    }
}

const struct ck_family ck_attention = { "attention", check, bench };
