/* Cases of cast. */

#include "tests/checkkernels/ck.h"

static void cast_case(struct ck *ck, zk_dtype from, zk_dtype to, int rows, int cols, ck_dist dist,
                      float scale)
{
    const int f = zk_dtype_get(from)->block, t = zk_dtype_get(to)->block, block = f > t ? f : t;

    cols = (cols + block - 1) / block * block;
    if (!ck_case(ck, "cast %s to %s %dx%d scale %g fill %d", zk_dtype_get(from)->name,
                 zk_dtype_get(to)->name, rows, cols, (double)scale, dist))
        return;
    struct zk_cast a = {
        .src = ck_tensor(ck, from, rows, cols, dist),
        .dst = ck_out(ck, to, rows, cols),
    };
    a.src.scale = scale;
    ck_check(ck, ZK_OP_cast, &a, &ck_exact);
}

/* Four axes, each with a step of its own. */
static void check_axes(struct ck *ck)
{
    if (!ck_case(ck, "cast of four axes"))
        return;
    struct zk_cast a = {
        .src = ck_tensor(ck, ZK_F32, 60, 7, CK_UNIT),
        .dst = ck_out(ck, ZK_BF16, 60, 7),
    };
    const int64_t s = a.src.step[2], d = a.dst.step[2];
    a.src.dim[0] = a.dst.dim[0] = 3;
    a.src.dim[1] = a.dst.dim[1] = 4;
    a.src.dim[2] = a.dst.dim[2] = 5;
    a.src.step[0] = 5 * s;
    a.src.step[1] = 15 * s;
    a.dst.step[0] = 20 * d;
    a.dst.step[1] = d;
    a.dst.step[2] = 4 * d;
    ck_check(ck, ZK_OP_cast, &a, &ck_exact);
}

static void check(struct ck *ck)
{
    static const int widths[] = { 1, 7, 16, 17, 33, 64, 255, 3073 };
    static const ck_dist dists[] = { CK_UNIT, CK_MIXED, CK_SPECIAL, CK_TINY, CK_HUGE, CK_ZERO };
    int turn = 0;

    for (int from = ZK_F32; from <= ZK_Q6_K; from++) {
        for (int to = ZK_F32; to <= ZK_Q6_K; to++) {
            const zk_dtype_info *f = zk_dtype_get(from), *t = zk_dtype_get(to);
            if (from != to && (!t->from_f32 || !f->to_f32))
                continue;
            for (int i = 0; i < 4; i++, turn++) {
                /* Blocks of values without a size are not defined. */
                const ck_dist d = dists[turn % CK_COUNT(dists)];
                const ck_dist dist = t->block > 1 && d == CK_SPECIAL ? CK_UNIT : d;
                cast_case(ck, from, to, turn % 4, widths[turn % CK_COUNT(widths)], dist,
                          turn % 5 == 4 && from != to ? 0.3f : 0);
            }
        }
    }
    for (int type = ZK_BOOL; type < ZK_DTYPE_COUNT; type++)
        cast_case(ck, type, type, 3, 17, CK_UNIT, 0);
    check_axes(ck);
    if (!ck_case(ck, "cast refuses what does not fit"))
        return;
    const struct zk_cast good = {
        .src = ck_tensor(ck, ZK_F32, 3, 32, CK_UNIT),
        .dst = ck_out(ck, ZK_BF16, 3, 32),
    };
    struct zk_cast a = good;
    a.dst.dim[3] = 31;
    ck_refuses(ck, ZK_OP_cast, &a, ZK_E_SHAPE);
    a = good;
    a.dst.dim[0] = 2;
    ck_refuses(ck, ZK_OP_cast, &a, ZK_E_SHAPE);
    a = good;
    a.dst.type = ZK_Q8_0;
    a.dst.dim[3] = a.src.dim[3] = 30;
    ck_refuses(ck, ZK_OP_cast, &a, ZK_E_SHAPE);
    a = good;
    a.src.type = ZK_U8;
    ck_refuses(ck, ZK_OP_cast, &a, ZK_E_UNSUPPORTED);
    a = good;
    a.dst.type = ZK_NONE;
    ck_refuses(ck, ZK_OP_cast, &a, ZK_E_UNSUPPORTED);
}

static void bench(struct ck *ck)
{
    static const zk_dtype pairs[][2] = {
        { ZK_F32, ZK_BF16 }, { ZK_BF16, ZK_F32 }, { ZK_F16, ZK_F32 }, { ZK_F32, ZK_F32 },
        { ZK_Q8_0, ZK_BF16 }, { ZK_F8_E4M3, ZK_BF16 },
    };
    const int rows = 4352, cols = 3072;

    for (int i = 0; i < CK_COUNT(pairs); i++) {
        uint64_t from = 0, to = 0;
        if (!ck_case(ck, "cast %s to %s %dx%d", zk_dtype_get(pairs[i][0])->name,
                     zk_dtype_get(pairs[i][1])->name, rows, cols))
            continue;
        zk_dtype_size(pairs[i][0], (uint64_t)rows * (uint64_t)cols, &from);
        zk_dtype_size(pairs[i][1], (uint64_t)rows * (uint64_t)cols, &to);
        const struct zk_cast a = { .dst = ck_out(ck, pairs[i][1], rows, cols),
                                   .src = ck_tensor(ck, pairs[i][0], rows, cols, CK_UNIT) };
        const struct ck_load load = { .bytes = (double)from + (double)to, .peak = CK_PEAK_TRIAD };
        ck_bench(ck, ZK_OP_cast, &a, &load);
    }
}

const struct ck_family ck_quant = { "quant", check, bench };
