/* Loads, stores and the functions of activations, 4 lanes at a time, with NEON.
 * Accuracy and ends are those of the x86 versions (x86/math_avx2.h).
 *
 * Thread safety: everything here is pure. */
#ifndef ZK_ARM_MATH_NEON_H
#define ZK_ARM_MATH_NEON_H

#include <string.h>

#include <arm_neon.h>

#include "kernels/kernels.h"

static inline float32x4_t zk_widen4_bf16(uint16x4_t u)
{
    return vreinterpretq_f32_u32(vshll_n_u16(u, 16));
}

/* To the nearest bf16, ties to even; NaN stays NaN. */
static inline uint16x4_t zk_bf16_from4(float32x4_t x)
{
    const uint32x4_t u = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
    const uint32x4_t up = vaddq_u32(vaddq_u32(u, odd), vdupq_n_u32(0x7fff));
    const uint32x4_t quiet = vorrq_u32(u, vdupq_n_u32(0x400000));

    return vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), up, quiet), 16);
}

/* Elements i to i + n - 1 of F32, BF16 or F16 data, n at most 4; the lanes behind
 * are zero and not read. */
static inline float32x4_t zk_load4(zk_dtype type, const void *data, int64_t i, int64_t n)
{
    if (type == ZK_F32) {
        float32x4_t x = vdupq_n_f32(0);
        memcpy(&x, (const float *)data + i, (size_t)(n < 4 ? n : 4) * sizeof(float));
        return x;
    }
    uint16x4_t u = vdup_n_u16(0);
    memcpy(&u, (const uint16_t *)data + i, (size_t)(n < 4 ? n : 4) * sizeof(uint16_t));
    return type == ZK_BF16 ? zk_widen4_bf16(u) : vcvt_f32_f16(vreinterpret_f16_u16(u));
}

static inline void zk_store4(zk_dtype type, void *data, int64_t i, int64_t n, float32x4_t x)
{
    if (type == ZK_F32) {
        memcpy((float *)data + i, &x, (size_t)(n < 4 ? n : 4) * sizeof(float));
        return;
    }
    const uint16x4_t u =
        type == ZK_BF16 ? zk_bf16_from4(x) : vreinterpret_u16_f16(vcvt_f16_f32(x));
    memcpy((uint16_t *)data + i, &u, (size_t)(n < 4 ? n : 4) * sizeof(uint16_t));
}

/* 2^n for n from -126 to 127 */
static inline float32x4_t zk_power4(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

/* e^x = 2^n e^r with |r| <= ln(2) / 2; e^r by a polynomial of degree 6. 2^n takes
 * two factors where it is not a float. */
static inline float32x4_t zk_exp4(float32x4_t x)
{
    x = vminq_f32(vdupq_n_f32(89.0f), vmaxq_f32(vdupq_n_f32(-104.0f), x));
    const float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(0.693359375f));
    r = vfmsq_f32(r, n, vdupq_n_f32(-2.12194440e-4f));

    float32x4_t p = vdupq_n_f32(0.00139013057f);
    p = vfmaq_f32(vdupq_n_f32(0.00836320005f), p, r);
    p = vfmaq_f32(vdupq_n_f32(0.0416668541f), p, r);
    p = vfmaq_f32(vdupq_n_f32(0.16666577f), p, r);
    p = vfmaq_f32(vdupq_n_f32(0.499999996f), p, r);
    p = vaddq_f32(vfmaq_f32(r, p, vmulq_f32(r, r)), vdupq_n_f32(1.0f));

    const int32x4_t whole = vcvtq_s32_f32(n), near = vshrq_n_s32(whole, 1);
    p = vmulq_f32(p, zk_power4(near));
    return vmulq_f32(p, zk_power4(vsubq_s32(whole, near)));
}

/* x / (1 + e^-y): x sigmoid(y) */
static inline float32x4_t zk_times_sigmoid4(float32x4_t x, float32x4_t y)
{
    return vdivq_f32(x, vaddq_f32(zk_exp4(vnegq_f32(y)), vdupq_n_f32(1.0f)));
}

/* (1 + tanh(u)) / 2 is sigmoid(2 u). */
static inline float32x4_t zk_gelu_tanh4(float32x4_t x)
{
    const float32x4_t u =
        vfmaq_f32(vdupq_n_f32(1.59576912f), vmulq_f32(x, x), vdupq_n_f32(0.0713548163f));

    return zk_times_sigmoid4(x, vmulq_f32(x, u));
}

/* x < 0: x h, else x (1 - h), where h = erfc(|x| / sqrt(2)) / 2 = e^(-x^2 / 2) p(t),
 * t = 1 / (1 + 0.3 |x|), p of degree 8. What x^2 loses by rounding is made up for. */
static inline float32x4_t zk_gelu_erf4(float32x4_t x)
{
    static const float poly[] = { 0.0384075704f,  -0.16930829f, 0.228953409f,
                                  -0.0768414258f, 0.142766419f, 0.0945854091f,
                                  0.121945371f,   0.119484193f, 7.37313247e-06f };
    const float32x4_t one = vdupq_n_f32(1.0f);
    const float32x4_t a = vminq_f32(vdupq_n_f32(14.5f), vabsq_f32(x));
    const float32x4_t t = vdivq_f32(one, vfmaq_f32(one, a, vdupq_n_f32(0.3f)));
    const float32x4_t sq = vmulq_f32(a, a), lost = vfmaq_f32(vnegq_f32(sq), a, a);
    float32x4_t e = zk_exp4(vmulq_n_f32(sq, -0.5f));
    e = vfmsq_f32(e, vmulq_n_f32(e, 0.5f), lost);

    float32x4_t p = vdupq_n_f32(poly[0]);
    for (size_t i = 1; i < sizeof(poly) / sizeof(*poly); i++)
        p = vfmaq_f32(vdupq_n_f32(poly[i]), p, t);

    const float32x4_t h = vmulq_f32(p, e);
    return vmulq_f32(x, vbslq_f32(vcgezq_f32(x), vsubq_f32(one, h), h));
}

static inline float32x4_t zk_act4(zk_act act, float32x4_t x)
{
    switch (act) {
    case ZK_ACT_SILU:
        return zk_times_sigmoid4(x, x);
    case ZK_ACT_GELU_TANH:
        return zk_gelu_tanh4(x);
    case ZK_ACT_GELU_ERF:
        return zk_gelu_erf4(x);
    case ZK_ACT_QUICK_GELU:
        return zk_times_sigmoid4(x, vmulq_n_f32(x, 1.702f));
    default:
        return x;
    }
}

#endif
