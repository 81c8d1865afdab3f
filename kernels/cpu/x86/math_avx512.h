/* Loads, stores and the functions of activations, 16 lanes at a time.
 *
 * exp is within 1e-7 of the exact value, relatively, the activations within 1e-6
 * where they are not below 1e-35. Beyond the ends all are what they tend to: exp
 * of large numbers is infinite, of small ones zero. NaN stays NaN.
 *
 * Thread safety: everything here is pure. */
#ifndef ZK_X86_MATH_AVX512_H
#define ZK_X86_MATH_AVX512_H

#include <immintrin.h>

#include "kernels/kernels.h"

/* The lanes below n, which is at least 0; all from 16 on. */
static inline __mmask16 zk_lanes16(int64_t n)
{
    return (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1);
}

static inline __m512 zk_load16_bf16(const void *p, __mmask16 lanes)
{
    const __m512i u = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, p));

    return _mm512_castsi512_ps(_mm512_slli_epi32(u, 16));
}

static inline __m512 zk_load16_f16(const void *p, __mmask16 lanes)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, p));
}

/* To the nearest bf16, ties to even; NaN stays NaN. */
static inline __m256i zk_bf16_from16(__m512 x)
{
    const __m512i u = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    __m512i r = _mm512_add_epi32(_mm512_add_epi32(u, odd), _mm512_set1_epi32(0x7fff));

    r = _mm512_mask_or_epi32(r, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), u,
                             _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
}

/* Elements i to i + 15 of F32, BF16 or F16 data; lanes left out are zero and not read. */
static inline __m512 zk_load16(zk_dtype type, const void *data, int64_t i, __mmask16 lanes)
{
    if (type == ZK_F32)
        return _mm512_maskz_loadu_ps(lanes, (const float *)data + i);
    if (type == ZK_BF16)
        return zk_load16_bf16((const uint16_t *)data + i, lanes);
    return zk_load16_f16((const uint16_t *)data + i, lanes);
}

static inline void zk_store16(zk_dtype type, void *data, int64_t i, __mmask16 lanes, __m512 x)
{
    if (type == ZK_F32)
        _mm512_mask_storeu_ps((float *)data + i, lanes, x);
    else if (type == ZK_BF16)
        _mm256_mask_storeu_epi16((uint16_t *)data + i, lanes, zk_bf16_from16(x));
    else
        _mm256_mask_storeu_epi16((uint16_t *)data + i, lanes,
                                 _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

/* e^x = 2^n e^r with |r| <= ln(2) / 2; e^r by a polynomial of degree 6. */
static inline __m512 zk_exp16(__m512 x)
{
    x = _mm512_min_ps(_mm512_set1_ps(89.0f), _mm512_max_ps(_mm512_set1_ps(-104.0f), x));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 8);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);

    __m512 p = _mm512_set1_ps(0.00139013057f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.00836320005f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0416668541f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.16666577f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.499999996f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r);
    return _mm512_scalef_ps(_mm512_add_ps(p, _mm512_set1_ps(1.0f)), n);
}

/* x / (1 + e^-y): x sigmoid(y) */
static inline __m512 zk_times_sigmoid16(__m512 x, __m512 y)
{
    const __m512 e = zk_exp16(_mm512_sub_ps(_mm512_setzero_ps(), y));

    return _mm512_div_ps(x, _mm512_add_ps(e, _mm512_set1_ps(1.0f)));
}

static inline __m512 zk_silu16(__m512 x)
{
    return zk_times_sigmoid16(x, x);
}

static inline __m512 zk_quick_gelu16(__m512 x)
{
    return zk_times_sigmoid16(x, _mm512_mul_ps(x, _mm512_set1_ps(1.702f)));
}

/* (1 + tanh(u)) / 2 is sigmoid(2 u). */
static inline __m512 zk_gelu_tanh16(__m512 x)
{
    const __m512 u = _mm512_fmadd_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(0.0713548163f),
                                     _mm512_set1_ps(1.59576912f));

    return zk_times_sigmoid16(x, _mm512_mul_ps(x, u));
}

/* x < 0: x h, else x (1 - h), where h = erfc(|x| / sqrt(2)) / 2 = e^(-x^2 / 2) p(t),
 * t = 1 / (1 + 0.3 |x|), p of degree 8. What x^2 loses by rounding is made up for. */
static inline __m512 zk_gelu_erf16(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f), half = _mm512_set1_ps(0.5f);
    const __m512 a = _mm512_min_ps(_mm512_set1_ps(14.5f), _mm512_abs_ps(x));
    const __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(a, _mm512_set1_ps(0.3f), one));
    const __m512 sq = _mm512_mul_ps(a, a);
    const __m512 lost = _mm512_fmsub_ps(a, a, sq);
    __m512 e = zk_exp16(_mm512_mul_ps(sq, _mm512_set1_ps(-0.5f)));
    e = _mm512_fnmadd_ps(_mm512_mul_ps(e, half), lost, e);

    __m512 p = _mm512_set1_ps(0.0384075704f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.16930829f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.228953409f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.0768414258f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.142766419f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.0945854091f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.121945371f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.119484193f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(7.37313247e-06f));

    const __m512 h = _mm512_mul_ps(p, e);
    const __mmask16 up = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ);
    return _mm512_mul_ps(x, _mm512_mask_sub_ps(h, up, one, h));
}

static inline __m512 zk_act16(zk_act act, __m512 x)
{
    switch (act) {
    case ZK_ACT_SILU:
        return zk_silu16(x);
    case ZK_ACT_GELU_TANH:
        return zk_gelu_tanh16(x);
    case ZK_ACT_GELU_ERF:
        return zk_gelu_erf16(x);
    case ZK_ACT_QUICK_GELU:
        return zk_quick_gelu16(x);
    default:
        return x;
    }
}

#endif
