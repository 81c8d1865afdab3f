/* Vectors of 4 floats with NEON; vec_c.h says what the names mean. */
#ifndef ZK_CPU_ARM_VEC_NEON_H
#define ZK_CPU_ARM_VEC_NEON_H

#include "kernels/cpu/arm/math_neon.h"
#include "kernels/cpu/inline.h"

#define V_ISA(name) name##_neon
#define V_STREAM 64u

enum { V_LANES = 4 };

typedef float32x4_t vf;

ZK_INLINE vf v_set(float x)             { return vdupq_n_f32(x); }
ZK_INLINE vf v_add(vf a, vf b)          { return vaddq_f32(a, b); }
ZK_INLINE vf v_sub(vf a, vf b)          { return vsubq_f32(a, b); }
ZK_INLINE vf v_mul(vf a, vf b)          { return vmulq_f32(a, b); }
ZK_INLINE vf v_fma(vf a, vf b, vf c)    { return vfmaq_f32(c, a, b); }
ZK_INLINE vf v_abs(vf a)                { return vabsq_f32(a); }
ZK_INLINE vf v_swap(vf a)               { return vrev64q_f32(a); }
ZK_INLINE float v_sum(vf a)             { return vaddvq_f32(a); }
ZK_INLINE vf v_act(vf a, zk_act act)    { return zk_act4(act, a); }
ZK_INLINE vf v_act_short(vf a, zk_act act) { return v_act(a, act); }

/* Nothing is stored past the caches here. */
ZK_INLINE void v_fence(void)
{
}

ZK_INLINE vf v_unit(vf a)
{
    return vminq_f32(vmaxnmq_f32(a, vdupq_n_f32(0)), vdupq_n_f32(1));
}

ZK_INLINE vf v_keep(vf a, int n)
{
    static const uint32_t lane[V_LANES] = { 0, 1, 2, 3 };
    const uint32x4_t keep = vcltq_u32(vld1q_u32(lane), vdupq_n_u32((uint32_t)n));

    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), keep));
}

/* Exponent and mantissa become those of an f32 that is too small by 2^120, which
 * also holds for subnormals; the largest number stands for NaN. */
ZK_INLINE vf v_from_e4m3(uint32x4_t x)
{
    const uint32x4_t most = vdupq_n_u32(0x7f), size = vandq_u32(x, most);
    const uint32x4_t sign = vshlq_n_u32(veorq_u32(x, size), 24);
    const vf small = vreinterpretq_f32_u32(vshlq_n_u32(size, 20));
    const uint32x4_t r = vreinterpretq_u32_f32(vmulq_n_f32(small, 0x1p120f));
    const uint32x4_t quiet = vdupq_n_u32(0x7fc00000), nan = vceqq_u32(size, most);

    return vreinterpretq_f32_u32(vorrq_u32(sign, vbslq_u32(nan, quiet, r)));
}

ZK_INLINE vf v_load_f8(zk_dtype type, const void *row, int64_t i, int n)
{
    uint8x8_t raw = vdup_n_u8(0);

    memcpy(&raw, (const uint8_t *)row + i, (size_t)n);
    const uint16x4_t x = vget_low_u16(vmovl_u8(raw));
    if (type == ZK_F8_E5M2)
        return vcvt_f32_f16(vreinterpret_f16_u16(vshl_n_u16(x, 8)));
    return v_from_e4m3(vmovl_u16(x));
}

ZK_INLINE vf v_load(zk_dtype type, const void *row, int64_t i, int n)
{
    if (type == ZK_F8_E4M3 || type == ZK_F8_E5M2)
        return v_load_f8(type, row, i, n);
    return zk_load4(type, row, i, n);
}

ZK_INLINE void v_store(unsigned type, void *row, int64_t i, int n, vf a)
{
    zk_store4((zk_dtype)(type & ~V_STREAM), row, i, n, a);
}

#endif
