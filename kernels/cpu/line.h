/* Rows of tensors as the bodies of row kernels see them; needs a vec_<isa>.h that
 * was included before.
 *
 * An inner function has the form at(i, n, ...): elements i to i + n - 1, where n
 * is V_LANES or, at the end of a row, fewer. */
#ifndef ZK_CPU_LINE_H
#define ZK_CPU_LINE_H

#include "kernels/cpu/rows.h"

struct line {
    void *p;
    unsigned type;            /* zk_dtype; for results V_STREAM may be added */
};

ZK_INLINE struct line line_at(const zk_tensor *t, int64_t row)
{
    return (struct line){ zk_row_at(t, row), t->type };
}

ZK_INLINE vf get(struct line s, int64_t i, int n)
{
    return v_load((zk_dtype)s.type, s.p, i, n);
}

ZK_INLINE void put(struct line d, int64_t i, int n, vf x)
{
    v_store(d.type, d.p, i, n, x);
}

ZK_INLINE vf get_f32(const float *p, int64_t i, int n)
{
    return v_load(ZK_F32, p, i, n);
}

/* V_STREAM if dst is best written past the caches, and is none of the sources. */
static inline unsigned stream_of(const zk_tensor *dst, const struct zk_rows *rows,
                                 const zk_tensor *src, int count)
{
    for (int i = 0; i < count; i++) {
        if (src[i].data == dst->data)
            return 0;
    }
    return zk_rows_stream(dst, rows) ? V_STREAM : 0;
}

/* Calls at along a row. */
#define EACH(length, at, ...)                                                                      \
    do {                                                                                           \
        const int64_t n_ = (length);                                                               \
        int64_t i_ = 0;                                                                            \
        for (; i_ + V_LANES <= n_; i_ += V_LANES)                                                  \
            at(i_, V_LANES, __VA_ARGS__);                                                          \
        if (i_ < n_)                                                                               \
            at(i_, (int)(n_ - i_), __VA_ARGS__);                                                   \
    } while (0)

/* Whether l is of this type; if so the compiler knows it from there on. */
ZK_INLINE bool known(struct line *l, zk_dtype type)
{
    if ((l->type & ~V_STREAM) != type)
        return false;
    l->type = type | (l->type & V_STREAM);
    return true;
}

/* A statement, compiled for the usual types of the lines in it on their own. */
#define BY_TYPE(d, ...)                                                                            \
    do {                                                                                           \
        if (known(&(d), ZK_F32))                                                                   \
            __VA_ARGS__;                                                                           \
        else if (known(&(d), ZK_BF16))                                                             \
            __VA_ARGS__;                                                                           \
        else                                                                                       \
            __VA_ARGS__;                                                                           \
    } while (0)

#define BY_TYPES(d, s, ...)                                                                        \
    do {                                                                                           \
        if (known(&(d), ZK_F32) && known(&(s), ZK_F32))                                            \
            __VA_ARGS__;                                                                           \
        else if (known(&(d), ZK_BF16) && known(&(s), ZK_BF16))                                     \
            __VA_ARGS__;                                                                           \
        else if (known(&(d), ZK_BF16) && known(&(s), ZK_F32))                                      \
            __VA_ARGS__;                                                                           \
        else if (known(&(d), ZK_F32) && known(&(s), ZK_BF16))                                      \
            __VA_ARGS__;                                                                           \
        else                                                                                       \
            __VA_ARGS__;                                                                           \
    } while (0)

#define BY_SAME_TYPES(d, a, b, ...)                                                                \
    do {                                                                                           \
        if (known(&(d), ZK_F32) && known(&(a), ZK_F32) && known(&(b), ZK_F32))                     \
            __VA_ARGS__;                                                                           \
        else if (known(&(d), ZK_BF16) && known(&(a), ZK_BF16) && known(&(b), ZK_BF16))             \
            __VA_ARGS__;                                                                           \
        else                                                                                       \
            __VA_ARGS__;                                                                           \
    } while (0)

/* Calls rows_as(..., act) with an activation that the compiler knows, if it is one of
 * those that follow norms. */
#define BY_NORM_ACT(rows_as, act, ...)                                                             \
    do {                                                                                           \
        if ((act) == ZK_ACT_NONE)                                                                  \
            rows_as(__VA_ARGS__, ZK_ACT_NONE);                                                     \
        else if ((act) == ZK_ACT_SILU)                                                             \
            rows_as(__VA_ARGS__, ZK_ACT_SILU);                                                     \
        else                                                                                       \
            rows_as(__VA_ARGS__, act);                                                             \
    } while (0)

#endif
