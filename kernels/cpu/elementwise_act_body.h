/* Row kernels of activations, for any vec_<isa>.h that was included before. */

#include "kernels/cpu/line.h"

/* Calls rows_as(..., act) with an activation that the compiler knows. */
#define BY_ACT(rows_as, act, ...)                                                                  \
    do {                                                                                           \
        switch (act) {                                                                             \
        case ZK_ACT_SILU:                                                                          \
            rows_as(__VA_ARGS__, ZK_ACT_SILU);                                                     \
            break;                                                                                 \
        case ZK_ACT_GELU_TANH:                                                                     \
            rows_as(__VA_ARGS__, ZK_ACT_GELU_TANH);                                                \
            break;                                                                                 \
        case ZK_ACT_GELU_ERF:                                                                      \
            rows_as(__VA_ARGS__, ZK_ACT_GELU_ERF);                                                 \
            break;                                                                                 \
        case ZK_ACT_QUICK_GELU:                                                                    \
            rows_as(__VA_ARGS__, ZK_ACT_QUICK_GELU);                                               \
            break;                                                                                 \
        default:                                                                                   \
            rows_as(__VA_ARGS__, ZK_ACT_NONE);                                                     \
        }                                                                                          \
    } while (0)

/* What becomes bf16 takes a shorter way, if there is one. */
ZK_INLINE vf act_for(struct line d, vf x, zk_act act)
{
    return (d.type & ~V_STREAM) == ZK_BF16 ? v_act_short(x, act) : v_act(x, act);
}

ZK_INLINE void act_at(int64_t i, int n, struct line d, struct line s, zk_act act)
{
    put(d, i, n, act_for(d, get(s, i, n), act));
}

ZK_INLINE void act_rows(const struct zk_unary *a, const struct zk_rows *rows, int64_t begin,
                        int64_t end, zk_act act)
{
    const unsigned stream = stream_of(&a->dst, rows, &a->src, 1);

    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(&a->dst, r), s = line_at(&a->src, r);
        d.type |= stream;
        BY_TYPES(d, s, EACH(zk_row_length(rows, r), act_at, d, s, act));
    }
    v_fence();
}

static void act(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                void *scratch)
{
    const struct zk_unary *a = args;

    (void)scratch;
    BY_ACT(act_rows, a->act, a, rows, begin, end);
}

ZK_INLINE void glu_at(int64_t i, int n, struct line d, struct line g, struct line u, zk_act act)
{
    put(d, i, n, v_mul(act_for(d, get(g, i, n), act), get(u, i, n)));
}

ZK_INLINE void glu_rows(const struct zk_glu *a, const struct zk_rows *rows, int64_t begin,
                        int64_t end, zk_act act)
{
    const unsigned stream =
        stream_of(&a->dst, rows, &a->gate, 1) & stream_of(&a->dst, rows, &a->up, 1);

    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(&a->dst, r), g = line_at(&a->gate, r), u = line_at(&a->up, r);
        d.type |= stream;
        BY_SAME_TYPES(d, g, u, EACH(zk_row_length(rows, r), glu_at, d, g, u, act));
    }
    v_fence();
}

static void glu(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                void *scratch)
{
    const struct zk_glu *a = args;

    (void)scratch;
    BY_ACT(glu_rows, a->act, a, rows, begin, end);
}

void V_ISA(zk_cpu_elementwise_act)(struct zk_cpu_elementwise *d)
{
    d->act = act;
    d->glu = glu;
}
