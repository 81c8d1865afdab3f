/* Cases of rope. */

#include <math.h>

#include "tests/checkkernels/ck.h"

/* A rounding or two of each of the two products. */
static double *allowances(struct ck *ck, const zk_tensor *t, int heads, const struct zk_rope *a)
{
    const int rows = t->dim[2], cols = t->dim[3], half = a->cos.dim[3];
    const float *x = ck_floats(ck, t), *cos = ck_floats(ck, &a->cos), *sin = ck_floats(ck, &a->sin);
    double *each = ck_memory(ck, (size_t)rows * (size_t)cols * sizeof(*each));

    for (int r = 0; r < rows; r++) {
        for (int h = 0; h < heads; h++) {
            for (int c = 0; c < 2 * half; c++) {
                const bool adjacent = a->pairs == ZK_ROPE_ADJACENT;
                const int pair = adjacent ? c / 2 : c % half;
                const int other = adjacent ? c ^ 1 : c < half ? c + half : c - half;
                const float *head = x + (size_t)r * cols + (size_t)h * 2 * half;
                each[(size_t)r * cols + (size_t)h * 2 * half + c] = 2 * CK_ULP *
                    (fabs((double)head[c] * cos[(size_t)r * half + pair]) +
                     fabs((double)head[other] * sin[(size_t)r * half + pair]));
            }
        }
    }
    return each;
}

static void check(struct ck *ck)
{
    static const int shapes[][4] = {      /* rows, heads, kv_heads (0: no k), d */
        { 1, 1, 1, 2 }, { 5, 3, 0, 6 }, { 7, 2, 1, 14 }, { 3, 4, 2, 32 }, { 17, 2, 2, 64 },
        { 9, 3, 3, 66 }, { 33, 5, 5, 128 }, { 2, 24, 24, 128 }, { 4, 1, 1, 256 }, { 0, 1, 1, 8 },
    };
    static const zk_dtype types[] = { ZK_F32, ZK_BF16, ZK_F16 };
    static const ck_dist dists[] = { CK_UNIT, CK_MIXED, CK_TINY, CK_HUGE, CK_ZERO };
    int turn = 0;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int s = 0; s < CK_COUNT(shapes); s++) {
            for (int pairs = ZK_ROPE_ADJACENT; pairs <= ZK_ROPE_HALVES; pairs++, turn++) {
                const int *n = shapes[s];
                const ck_dist dist = types[t] == ZK_F16 ? CK_UNIT : dists[turn % CK_COUNT(dists)];
                if (!ck_case(ck, "rope %s rows %d heads %d/%d d%d pairs %d fill %d",
                             zk_dtype_get(types[t])->name, n[0], n[1], n[2], n[3], pairs, dist))
                    continue;
                struct zk_rope a = {
                    .q = ck_inout(ck, types[t], n[0], n[1] * n[3], dist),
                    .cos = ck_tensor(ck, ZK_F32, n[0], n[3] / 2, CK_UNIT),
                    .sin = ck_tensor(ck, ZK_F32, n[0], n[3] / 2, CK_UNIT),
                    .heads = n[1], .kv_heads = n[2], .pairs = (zk_rope_pairs)pairs,
                };
                struct ck_tol tol = {
                    .why = "two products in f32",
                    .each = { allowances(ck, &a.q, n[1], &a) },
                };
                if (n[2] > 0) {
                    a.k = ck_inout(ck, types[(t + turn) % 3], n[0], n[2] * n[3], CK_UNIT);
                    tol.each[1] = allowances(ck, &a.k, n[2], &a);
                }
                ck_check(ck, ZK_OP_rope, &a, &tol);
            }
        }
    }
    if (!ck_case(ck, "rope refuses what does not fit"))
        return;
    const struct zk_rope good = {
        .q = ck_inout(ck, ZK_F32, 3, 16, CK_UNIT),
        .cos = ck_tensor(ck, ZK_F32, 3, 4, CK_UNIT),
        .sin = ck_tensor(ck, ZK_F32, 3, 4, CK_UNIT),
        .heads = 2,
    };
    struct zk_rope a = good;
    a.q.dim[3] = 15;
    ck_refuses(ck, ZK_OP_rope, &a, ZK_E_SHAPE);
    a = good;
    a.sin.dim[2] = 2;
    ck_refuses(ck, ZK_OP_rope, &a, ZK_E_SHAPE);
    a = good;
    a.k = a.q;
    ck_refuses(ck, ZK_OP_rope, &a, ZK_E_ARGUMENT);
    a = good;
    a.cos.type = ZK_BF16;
    ck_refuses(ck, ZK_OP_rope, &a, ZK_E_UNSUPPORTED);
}

static void bench(struct ck *ck)
{
    static const zk_dtype types[] = { ZK_F32, ZK_BF16 };
    const int rows = 4352, heads = 24, d = 128;

    for (int t = 0; t < CK_COUNT(types); t++) {
        for (int pairs = ZK_ROPE_ADJACENT; pairs <= ZK_ROPE_HALVES; pairs++) {
            const char *kind = pairs == ZK_ROPE_ADJACENT ? "adjacent" : "halves";
            if (!ck_case(ck, "rope %s %s %dx%d", kind, zk_dtype_get(types[t])->name, rows,
                         heads * d))
                continue;
            const struct zk_rope a = {
                .q = ck_inout(ck, types[t], rows, heads * d, CK_UNIT),
                .k = ck_inout(ck, types[t], rows, heads * d, CK_UNIT),
                .cos = ck_tensor(ck, ZK_F32, rows, d / 2, CK_RAMP),
                .sin = ck_tensor(ck, ZK_F32, rows, d / 2, CK_RAMP),
                .heads = heads, .kv_heads = heads, .pairs = (zk_rope_pairs)pairs,
            };
            const struct ck_load load = {
                .flops = 6.0 * rows * heads * d,
                .bytes = 4.0 * rows * heads * d * zk_dtype_get(types[t])->bytes +
                         4.0 * rows * d,
                .peak = CK_PEAK_TRIAD,
            };
            ck_bench(ck, ZK_OP_rope, &a, &load);
        }
    }
}

const struct ck_family ck_rope = { "rope", check, bench };
