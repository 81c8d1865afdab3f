/* Cases of conv, upsample and permute. */

#include <math.h>
#include <string.h>

#include "tests/checkkernels/ck.h"

static const zk_dtype acts[] = { ZK_F32, ZK_BF16, ZK_F16 };

struct shape {
    int t, h, w, in, out;
    int kernel[3], stride[3], before[3], after[3];
    zk_pad pad;
};

static int size_of(const struct shape *s, int axis)
{
    const int sizes[] = { s->t, s->h, s->w };

    return (sizes[axis] + s->before[axis] + s->after[axis] - s->kernel[axis]) / s->stride[axis] + 1;
}

/* The convolution of |x| and |w| (power 1), or of their squares (power 2). */
static float *sums_of(struct ck *ck, const struct zk_conv *a, int power)
{
    struct zk_conv c = *a;
    zk_tensor *from[] = { &c.src, &c.weight, &c.bias };
    const int64_t outputs = (int64_t)a->dst.dim[0] * a->dst.dim[1] * a->dst.dim[2] * a->dst.dim[3];
    float *dst = ck_memory(ck, (size_t)outputs * sizeof(*dst));

    for (int i = 0; i < 3; i++) {
        zk_tensor *t = from[i];
        if (!zk_present(*t))
            continue;
        float *f = ck_floats(ck, t);
        const int64_t n = (int64_t)t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
        for (int64_t j = 0; j < n; j++)
            f[j] = power == 1 ? fabsf(f[j]) : f[j] * f[j];
        *t = zk_dense4(f, ZK_F32, t->dim[0], t->dim[1], t->dim[2], t->dim[3]);
    }
    c.dst = zk_dense4(dst, ZK_F32, a->dst.dim[0], a->dst.dim[1], a->dst.dim[2], a->dst.dim[3]);
    c.act = ZK_ACT_NONE;
    ck_reference(ck, ZK_OP_conv, &c);
    return dst;
}

/* As for linear: roundings of inputs add up like independent errors, but never
 * to more than their sum; so do those of adding. */
static double *allowances(struct ck *ck, const struct zk_conv *a)
{
    const zk_dtype w = a->weight.type;
    const int64_t outputs = (int64_t)a->dst.dim[0] * a->dst.dim[1] * a->dst.dim[2] * a->dst.dim[3];
    const float *size = sums_of(ck, a, 1), *square = sums_of(ck, a, 2);
    double *each = ck_memory(ck, (size_t)outputs * sizeof(*each));
    const double src = w != ZK_F32 && w != ZK_F16 && a->src.type != ZK_BF16 ? 0x1p-9 : 0;
    const double weight = w > ZK_Q8_0 ? 0x1p-8 : w >= ZK_I8 ? 0x1p-9 : 0;

    for (int64_t i = 0; i < outputs; i++) {
        const double inputs = (src + weight) * fmin(size[i], 8 * sqrt(square[i]));
        const double adding = 4 * (sqrt(a->weight.dim[3]) + 2) * CK_ULP / 2 * size[i];
        each[i] = 1.2 * (inputs + adding) + 8 * CK_ULP * size[i] + 0x1p-100;
    }
    return each;
}

static void conv_case(struct ck *ck, const struct shape *s, zk_dtype weight, int turn)
{
    static const ck_dist dists[] = { CK_UNIT, CK_MIXED, CK_UNIT, CK_ZERO, CK_UNIT, CK_TINY };
    const zk_dtype src = acts[turn % 3], dst = turn % 4 == 3 ? ZK_F32 : src;
    const ck_dist d = dists[turn % CK_COUNT(dists)], dist = src == ZK_F16 ? CK_UNIT : d;
    const zk_act act = turn % 5 == 4 ? ZK_ACT_SILU : ZK_ACT_NONE;
    const int k = s->in * s->kernel[0] * s->kernel[1] * s->kernel[2];

    if (k % zk_dtype_get(weight)->block != 0)
        return;
    if (!ck_case(ck, "conv %s, %s to %s, %dx%dx%d c%d to %d, kernel %d%d%d stride %d%d%d pad "
                 "%d%d%d/%d%d%d kind %d, act %d, fill %d", zk_dtype_get(weight)->name,
                 zk_dtype_get(src)->name, zk_dtype_get(dst)->name, s->t, s->h, s->w, s->in, s->out,
                 s->kernel[0], s->kernel[1], s->kernel[2], s->stride[0], s->stride[1],
                 s->stride[2], s->before[0], s->before[1], s->before[2], s->after[0], s->after[1],
                 s->after[2], s->pad, act, dist))
        return;
    struct zk_conv a = {
        .src = ck_dense(ck, src, s->t, s->h, s->w, s->in, dist),
        .weight = ck_tensor(ck, weight, s->out, k, CK_UNIT),
        .pad = s->pad, .act = act,
    };
    memcpy(a.kernel, s->kernel, sizeof(a.kernel));
    memcpy(a.stride, s->stride, sizeof(a.stride));
    memcpy(a.before, s->before, sizeof(a.before));
    memcpy(a.after, s->after, sizeof(a.after));
    if (turn % 3)
        a.bias = ck_vector(ck, s->out, CK_UNIT);
    a.weight.scale = weight == ZK_I8 ? 0.01f : turn % 7 == 6 ? 0.5f : 0;
    a.dst = ck_dense_out(ck, dst, size_of(s, 0), size_of(s, 1), size_of(s, 2), s->out);
    const bool exact = weight == ZK_F32 || weight == ZK_F16;
    const struct ck_tol tol = {
        .why = exact ? "sums in f32" : "activations in bf16",
        .each = { allowances(ck, &a) },
        .rms = dist == CK_UNIT && act == ZK_ACT_NONE && k >= 64 ? exact ? 2e-5 : 1e-2 : 0,
    };
    ck_check_weight(ck, ZK_OP_conv, &a, &tol);
}

#define SAME3 { 1, 1, 1 }
#define ONE { 1, 1, 1 }
#define NONE { 0, 0, 0 }

static void check_conv(struct ck *ck)
{
    static const struct shape shapes[] = {
        { 1, 1, 1, 1, 1, ONE, ONE, NONE, NONE, ZK_PAD_ZERO },
        { 2, 3, 5, 4, 7, ONE, ONE, NONE, NONE, ZK_PAD_ZERO },
        { 1, 6, 7, 3, 8, { 1, 3, 3 }, ONE, { 0, 1, 1 }, { 0, 1, 1 }, ZK_PAD_ZERO },
        { 2, 5, 9, 16, 17, { 1, 3, 3 }, ONE, { 0, 1, 1 }, { 0, 1, 1 }, ZK_PAD_EDGE },
        { 1, 9, 11, 32, 33, { 1, 3, 3 }, { 1, 2, 2 }, NONE, { 0, 1, 1 }, ZK_PAD_ZERO },
        { 1, 12, 12, 64, 48, { 1, 3, 3 }, ONE, { 0, 1, 1 }, { 0, 1, 1 }, ZK_PAD_ZERO },
        { 3, 4, 5, 8, 12, { 3, 3, 3 }, ONE, { 2, 1, 1 }, { 0, 1, 1 }, ZK_PAD_EDGE },
        { 1, 4, 4, 16, 16, { 3, 3, 3 }, ONE, { 2, 1, 1 }, { 0, 1, 1 }, ZK_PAD_EDGE },
        { 5, 6, 3, 32, 20, { 3, 3, 3 }, { 2, 2, 2 }, { 2, 1, 1 }, { 0, 1, 1 }, ZK_PAD_EDGE },
        { 4, 3, 3, 15, 31, { 3, 1, 1 }, ONE, { 2, 0, 0 }, NONE, ZK_PAD_ZERO },
        { 2, 8, 8, 16, 24, { 1, 2, 2 }, { 1, 2, 2 }, NONE, NONE, ZK_PAD_ZERO },
        { 1, 7, 17, 65, 66, { 1, 3, 3 }, ONE, { 0, 1, 1 }, { 0, 1, 1 }, ZK_PAD_EDGE },
        { 1, 5, 5, 2, 3, { 1, 5, 4 }, { 1, 3, 2 }, { 0, 2, 3 }, { 0, 4, 1 }, ZK_PAD_EDGE },
        { 2, 2, 2, 3, 4, { 3, 3, 3 }, ONE, SAME3, SAME3, ZK_PAD_ZERO },
        { 2, 3, 3, 130, 64, { 1, 3, 3 }, ONE, { 0, 1, 1 }, { 0, 1, 1 }, ZK_PAD_ZERO },
    };
    static const zk_dtype weights[] = { ZK_F32, ZK_BF16, ZK_F16, ZK_F8_E4M3, ZK_I8, ZK_Q8_0,
                                        ZK_Q4_0 };
    int turn = 0;

    for (int w = 0; w < CK_COUNT(weights); w++) {
        for (int s = 0; s < CK_COUNT(shapes); s++) {
            conv_case(ck, &shapes[s], weights[w], turn++);
            if (weights[w] <= ZK_BF16)
                conv_case(ck, &shapes[s], weights[w], turn++);
        }
    }
    if (!ck_case(ck, "conv refuses what does not fit"))
        return;
    const struct zk_conv good = {
        .dst = ck_dense_out(ck, ZK_F32, 1, 3, 4, 5),
        .src = ck_dense(ck, ZK_F32, 1, 3, 4, 2, CK_UNIT),
        .weight = ck_tensor(ck, ZK_F32, 5, 18, CK_UNIT),
        .kernel = { 1, 3, 3 }, .stride = ONE, .before = { 0, 1, 1 }, .after = { 0, 1, 1 },
    };
    struct zk_conv a = good;
    a.after[2] = 0;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_SHAPE);
    a = good;
    a.kernel[1] = 2;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_SHAPE);
    a = good;
    a.weight.dim[3] = 17;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_SHAPE);
    a = good;
    a.src.step[1]++;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_SHAPE);
    a = good;
    a.stride[0] = 0;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_ARGUMENT);
    a = good;
    a.before[1] = -1;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_ARGUMENT);
    a = good;
    a.weight.type = ZK_BOOL;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_UNSUPPORTED);
    a = good;
    a.weight.packing = UINT16_MAX;
    ck_refuses(ck, ZK_OP_conv, &a, ZK_E_UNSUPPORTED);
}

static void check_upsample(struct ck *ck)
{
    static const int shapes[][8] = {      /* t, h, w, c, by, single */
        { 1, 1, 1, 1, 1, 1, 1, 0 }, { 1, 3, 5, 7, 1, 2, 2, 0 }, { 3, 4, 5, 16, 2, 2, 2, 1 },
        { 2, 2, 3, 33, 2, 1, 2, 0 }, { 5, 2, 2, 64, 2, 2, 2, 1 }, { 2, 3, 3, 17, 3, 1, 4, 2 },
        { 1, 2, 7, 65, 2, 2, 2, 1 }, { 2, 1, 2, 512, 1, 2, 2, 0 }, { 0, 2, 2, 4, 1, 2, 2, 0 },
    };
    static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_F16, ZK_U8 };

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; i < CK_COUNT(shapes); i++) {
            const int *s = shapes[i];
            if (!ck_case(ck, "upsample %s %dx%dx%dx%d by %d%d%d single %d",
                         zk_dtype_get(types[t])->name, s[0], s[1], s[2], s[3], s[4], s[5], s[6],
                         s[7]))
                continue;
            const struct zk_upsample a = {
                .dst = ck_dense_out(ck, types[t], s[7] + (s[0] - s[7]) * s[4], s[1] * s[5],
                                    s[2] * s[6], s[3]),
                .src = ck_dense(ck, types[t], s[0], s[1], s[2], s[3], CK_SPECIAL),
                .by = { s[4], s[5], s[6] }, .single = s[7],
            };
            ck_check(ck, ZK_OP_upsample, &a, &ck_exact);
        }
    }
    if (!ck_case(ck, "upsample refuses what does not fit"))
        return;
    struct zk_upsample a = {
        .dst = ck_dense_out(ck, ZK_F32, 3, 4, 4, 2),
        .src = ck_dense(ck, ZK_F32, 2, 2, 2, 2, CK_UNIT),
        .by = { 2, 2, 2 }, .single = 0,
    };
    ck_refuses(ck, ZK_OP_upsample, &a, ZK_E_SHAPE);
    a.single = -1;
    ck_refuses(ck, ZK_OP_upsample, &a, ZK_E_ARGUMENT);
    a.single = 1;
    a.by[1] = 0;
    ck_refuses(ck, ZK_OP_upsample, &a, ZK_E_ARGUMENT);
    a.by[1] = 2;
    a.dst.type = ZK_BF16;
    ck_refuses(ck, ZK_OP_upsample, &a, ZK_E_UNSUPPORTED);
}

static void check_permute(struct ck *ck)
{
    /* Sizes of a dense source, and which of its axes each axis of the result is. */
    static const struct {
        int dim[6], axis[6];
    } rows[] = {
        { { 1, 1, 1, 1, 1, 1 }, { 0, 1, 2, 3, 4, 5 } },
        { { 1, 1, 1, 1, 7, 9 }, { 0, 1, 2, 3, 5, 4 } },       /* transpose */
        { { 1, 1, 1, 1, 65, 130 }, { 0, 1, 2, 3, 5, 4 } },
        { { 1, 1, 1, 16, 17, 64 }, { 0, 1, 2, 5, 3, 4 } },    /* channels first */
        { { 1, 1, 1, 33, 5, 31 }, { 0, 1, 2, 4, 5, 3 } },
        { { 3, 4, 2, 5, 2, 16 }, { 0, 1, 3, 5, 2, 4 } },      /* patches */
        { { 2, 3, 5, 16, 2, 2 }, { 0, 1, 4, 2, 5, 3 } },      /* and back */
        { { 3, 2, 4, 5, 1, 6 }, { 5, 4, 3, 2, 1, 0 } },
        { { 1, 4, 3, 2, 5, 128 }, { 0, 3, 1, 4, 2, 5 } },     /* the last axis stays */
        { { 2, 0, 3, 1, 1, 4 }, { 5, 4, 3, 2, 1, 0 } },
    };
    static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_U8, ZK_F64 };

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int i = 0; i < CK_COUNT(rows); i++) {
            const int *dim = rows[i].dim;
            int64_t step[6], n = 1;
            if (!ck_case(ck, "permute %s number %d", zk_dtype_get(types[t])->name, i))
                continue;
            for (int x = 5; x >= 0; x--) {
                step[x] = n;
                n *= dim[x];
            }
            struct zk_permute a = {
                .dst = ck_dense_out(ck, types[t], 1, 1, 1, (int)n),
                .src = ck_dense(ck, types[t], 1, 1, 1, (int)n, CK_SPECIAL),
            };
            for (int x = 0; x < 6; x++) {
                a.dim[x] = dim[rows[i].axis[x]];
                a.step[x] = step[rows[i].axis[x]];
            }
            ck_check(ck, ZK_OP_permute, &a, &ck_exact);
        }
    }
    if (!ck_case(ck, "permute refuses what does not fit"))
        return;
    const struct zk_permute good = {
        .dst = ck_dense_out(ck, ZK_F32, 1, 1, 4, 5),
        .src = ck_dense(ck, ZK_F32, 1, 1, 5, 4, CK_UNIT),
        .dim = { 1, 1, 1, 1, 4, 5 }, .step = { 0, 0, 0, 0, 1, 4 },
    };
    struct zk_permute a = good;
    a.step[5] = 5;
    ck_refuses(ck, ZK_OP_permute, &a, ZK_E_SHAPE);
    a = good;
    a.step[4] = -1;
    ck_refuses(ck, ZK_OP_permute, &a, ZK_E_SHAPE);
    a = good;
    a.dim[3] = 2;
    ck_refuses(ck, ZK_OP_permute, &a, ZK_E_SHAPE);
    a = good;
    a.step[5] = INT64_MAX;
    ck_refuses(ck, ZK_OP_permute, &a, ZK_E_SHAPE);
    a = good;
    a.dst.type = ZK_BF16;
    ck_refuses(ck, ZK_OP_permute, &a, ZK_E_UNSUPPORTED);
}

static void check(struct ck *ck)
{
    check_conv(ck);
    check_upsample(ck);
    check_permute(ck);
}

static void bench_conv(struct ck *ck, zk_dtype type, int t, int side, int channels)
{
    const int kt = t > 1 ? 3 : 1;

    if (!ck_case(ck, "conv %s %s %dx%dx%dx%d", t > 1 ? "3x3x3" : "3x3", zk_dtype_get(type)->name,
                 t, side, side, channels))
        return;
    const struct zk_conv a = {
        .dst = ck_dense_out(ck, type, t, side, side, channels),
        .src = ck_dense(ck, type, t, side, side, channels, CK_UNIT),
        .weight = ck_tensor(ck, type, channels, channels * 9 * kt, CK_UNIT),
        .bias = ck_vector(ck, channels, CK_UNIT),
        .kernel = { kt, 3, 3 }, .stride = ONE, .before = { kt - 1, 1, 1 }, .after = { 0, 1, 1 },
        .pad = t > 1 ? ZK_PAD_EDGE : ZK_PAD_ZERO,
    };
    const double pixels = (double)t * side * side;
    const struct ck_load load = {
        .flops = 2 * pixels * channels * channels * 9 * kt,
        .bytes = 2 * pixels * channels * zk_dtype_get(type)->bytes,
        .peak = type == ZK_F32 ? CK_PEAK_F32 : CK_PEAK_BF16,
    };
    ck_bench_weight(ck, ZK_OP_conv, &a, &load);
}

static void bench(struct ck *ck)
{
    static const zk_dtype types[] = { ZK_F32, ZK_BF16 };

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int c = 128, side = 256; c <= 512; c *= 2, side /= 2)
            bench_conv(ck, types[t], 1, side, c);
        for (int c = 128, side = 128; c <= 512; c *= 2, side /= 2)
            bench_conv(ck, types[t], 5, side, c);
    }
    for (int t = 0; t < CK_COUNT(types); t++) {
        const int side = 128, c = 256, bytes = zk_dtype_get(types[t])->bytes;
        if (ck_case(ck, "upsample %s 4x%dx%dx%d", zk_dtype_get(types[t])->name, side, side, c)) {
            const struct zk_upsample a = {
                .dst = ck_dense_out(ck, types[t], 4, 2 * side, 2 * side, c),
                .src = ck_dense(ck, types[t], 4, side, side, c, CK_UNIT),
                .by = { 1, 2, 2 },
            };
            const struct ck_load load = { .bytes = 5.0 * 4 * side * side * c * bytes,
                                          .peak = CK_PEAK_TRIAD };
            ck_bench(ck, ZK_OP_upsample, &a, &load);
        }
        if (ck_case(ck, "permute channels last %s %dx%d", zk_dtype_get(types[t])->name, c, 65536)) {
            const struct zk_permute a = {
                .dst = ck_dense_out(ck, types[t], 1, 1, 65536, c),
                .src = ck_dense(ck, types[t], 1, 1, c, 65536, CK_UNIT),
                .dim = { 1, 1, 1, 1, 65536, c }, .step = { 0, 0, 0, 0, 1, 65536 },
            };
            const struct ck_load load = { .bytes = 2.0 * 65536 * c * bytes,
                                          .peak = CK_PEAK_TRIAD };
            ck_bench(ck, ZK_OP_permute, &a, &load);
        }
    }
}

const struct ck_family ck_conv = { "conv", check, bench };
