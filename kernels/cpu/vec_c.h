/* Vectors of floats in plain C: what the row kernels are made of where no
 * instruction set is allowed.
 *
 * Every vec_<isa>.h defines the same names. The bodies (norm_body.h and so on)
 * are compiled once with each of them.
 *
 *   v_load, v_store    n elements of a type, from element i of a row on; n is
 *                      V_LANES or, at the end of a row, fewer. Lanes beyond n
 *                      are loaded as zero, and not stored.
 *   V_STREAM           added to a type for v_store: the row is aligned to 64
 *                      bytes and will not be read soon, so keep it out of caches
 *   v_fence            orders such stores before what other threads are told
 *   v_keep             zeroes the lanes from n on
 *   v_fma(a, b, c)     a * b + c
 *   v_unit             clamps to 0 .. 1; NaN becomes 0
 *   v_swap             exchanges the lanes of each pair
 *   v_sum              adds up the lanes, in an order that is always the same
 *   v_act              an activation of each lane
 *   v_act_short        the same within 2^-11, relatively, or 2^-21
 *
 * Types are ZK_F32, ZK_BF16 and ZK_F16, and for loads both kinds of F8. */
#ifndef ZK_CPU_VEC_C_H
#define ZK_CPU_VEC_C_H

#include <math.h>
#include <string.h>

#include "kernels/cpu/inline.h"
#include "kernels/kernels.h"

#define V_ISA(name) name##_c
#define V_STREAM 64u

enum { V_LANES = 8 };

typedef struct {
    float f[V_LANES];
} vf;

#define V_EACH(expression)                                                                         \
    do {                                                                                           \
        for (int l = 0; l < V_LANES; l++)                                                          \
            r.f[l] = (expression);                                                                 \
        return r;                                                                                  \
    } while (0)

ZK_INLINE vf v_set(float x)         { vf r; V_EACH(x); }
ZK_INLINE vf v_add(vf a, vf b)      { vf r; V_EACH(a.f[l] + b.f[l]); }
ZK_INLINE vf v_sub(vf a, vf b)      { vf r; V_EACH(a.f[l] - b.f[l]); }
ZK_INLINE vf v_mul(vf a, vf b)      { vf r; V_EACH(a.f[l] * b.f[l]); }
ZK_INLINE vf v_fma(vf a, vf b, vf c) { vf r; V_EACH(a.f[l] * b.f[l] + c.f[l]); }
ZK_INLINE vf v_abs(vf a)            { vf r; V_EACH(fabsf(a.f[l])); }
ZK_INLINE vf v_swap(vf a)           { vf r; V_EACH(a.f[l ^ 1]); }
ZK_INLINE vf v_unit(vf a)          { vf r; V_EACH(a.f[l] > 0 ? (a.f[l] < 1 ? a.f[l] : 1) : 0); }
ZK_INLINE vf v_keep(vf a, int n)    { vf r; V_EACH(l < n ? a.f[l] : 0); }

ZK_INLINE float v_sum(vf a)
{
    float sum = 0;

    for (int l = 0; l < V_LANES; l++)
        sum += a.f[l];
    return sum;
}

ZK_INLINE vf v_load(zk_dtype type, const void *row, int64_t i, int n)
{
    vf r = { { 0 } };

    if (type == ZK_F32) {
        for (int l = 0; l < n; l++)
            r.f[l] = ((const float *)row)[i + l];
    } else if (type == ZK_BF16) {
        for (int l = 0; l < n; l++)
            r.f[l] = zk_f32_from_bf16(((const uint16_t *)row)[i + l]);
    } else {
        const zk_dtype_info *info = zk_dtype_get(type);
        info->to_f32(r.f, (const char *)row + i * info->bytes, (size_t)n);
    }
    return r;
}

ZK_INLINE void v_store(unsigned type, void *row, int64_t i, int n, vf a)
{
    type &= ~V_STREAM;
    if (type == ZK_F32) {
        for (int l = 0; l < n; l++)
            ((float *)row)[i + l] = a.f[l];
    } else if (type == ZK_BF16) {
        for (int l = 0; l < n; l++)
            ((uint16_t *)row)[i + l] = zk_bf16_from_f32(a.f[l]);
    } else {
        for (int l = 0; l < n; l++)
            ((uint16_t *)row)[i + l] = zk_f16_from_f32(a.f[l]);
    }
}

ZK_INLINE void v_fence(void)
{
}

static inline float act_f32(float x, zk_act act)
{
    switch (act) {
    case ZK_ACT_SILU:
        return x / (1 + expf(-x));
    case ZK_ACT_GELU_TANH:
        return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
    case ZK_ACT_GELU_ERF:
        return 0.5f * x * (1 + erff(x * 0.7071067812f));
    case ZK_ACT_QUICK_GELU:
        return x / (1 + expf(-1.702f * x));
    default:
        return x;
    }
}

ZK_INLINE vf v_act(vf a, zk_act act) { vf r; V_EACH(act_f32(a.f[l], act)); }

ZK_INLINE vf v_act_short(vf a, zk_act act)
{
    return v_act(a, act);
}

#undef V_EACH

#endif
