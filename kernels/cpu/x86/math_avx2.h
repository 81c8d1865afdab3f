/* Loads, stores and the functions of activations, 8 lanes at a time, with AVX2,
 * FMA and F16C.
 *
 * exp is within 1e-7 of the exact value, relatively, the activations within 1e-6
 * where they are not below 1e-35. Beyond the ends all are what they tend to: exp
 * of large numbers is infinite, of small ones zero. NaN stays NaN.
 *
 * Thread safety: everything here is pure. */
#ifndef ZK_X86_MATH_AVX2_H
#define ZK_X86_MATH_AVX2_H

#include <string.h>

#include <immintrin.h>

#include "kernels/kernels.h"

static inline __m256 zk_widen8_bf16(__m128i u)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(u), 16));
}

/* To the nearest bf16, ties to even; NaN stays NaN. */
static inline __m128i zk_bf16_from8(__m256 x)
{
    const __m256i u = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    __m256i r = _mm256_add_epi32(_mm256_add_epi32(u, odd), _mm256_set1_epi32(0x7fff));

    r = _mm256_blendv_epi8(r, _mm256_or_si256(u, _mm256_set1_epi32(0x400000)),
                           _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
    r = _mm256_srli_epi32(r, 16);
    r = _mm256_permute4x64_epi64(_mm256_packus_epi32(r, r), 0x08);
    return _mm256_castsi256_si128(r);
}

/* Elements i to i + n - 1 of F32, BF16 or F16 data, n at most 8; the lanes behind
 * are zero and not read. */
static inline __m256 zk_load8(zk_dtype type, const void *data, int64_t i, int64_t n)
{
    const size_t size = type == ZK_F32 ? 4 : 2;
    const uint8_t *p = (const uint8_t *)data + i * (int64_t)size;
    __m256i raw = _mm256_setzero_si256();

    if (n < 8)
        memcpy(&raw, p, (size_t)n * size);
    else if (type == ZK_F32)
        return _mm256_loadu_ps((const float *)p);
    else
        raw = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p));

    if (type == ZK_F32)
        return _mm256_castsi256_ps(raw);
    if (type == ZK_BF16)
        return zk_widen8_bf16(_mm256_castsi256_si128(raw));
    return _mm256_cvtph_ps(_mm256_castsi256_si128(raw));
}

static inline void zk_store8(zk_dtype type, void *data, int64_t i, int64_t n, __m256 x)
{
    const size_t size = type == ZK_F32 ? 4 : 2;
    uint8_t *p = (uint8_t *)data + i * (int64_t)size;

    if (type == ZK_F32 && n >= 8) {
        _mm256_storeu_ps((float *)p, x);
        return;
    }
    if (type == ZK_F32) {
        memcpy(p, &x, (size_t)n * size);
        return;
    }
    const __m128i h = type == ZK_BF16 ? zk_bf16_from8(x)
                                      : _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
    if (n >= 8)
        _mm_storeu_si128((__m128i *)p, h);
    else
        memcpy(p, &h, (size_t)n * size);
}

static inline float zk_sum8(__m256 x)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* e^x = 2^n e^r with |r| <= ln(2) / 2; e^r by a polynomial of degree 6. 2^n takes
 * two factors where it is not a float. */
static inline __m256 zk_exp8(__m256 x)
{
    x = _mm256_min_ps(_mm256_set1_ps(89.0f), _mm256_max_ps(_mm256_set1_ps(-104.0f), x));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                                      _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);

    __m256 p = _mm256_set1_ps(0.00139013057f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.00836320005f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.0416668541f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.16666577f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.499999996f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1.0f));

    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    const __m256i rest = _mm256_sub_epi32(whole, half), bias = _mm256_set1_epi32(127);
    const __m256i a = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i b = _mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(a)), _mm256_castsi256_ps(b));
}

/* x / (1 + e^-y): x sigmoid(y) */
static inline __m256 zk_times_sigmoid8(__m256 x, __m256 y)
{
    const __m256 e = zk_exp8(_mm256_sub_ps(_mm256_setzero_ps(), y));

    return _mm256_div_ps(x, _mm256_add_ps(e, _mm256_set1_ps(1.0f)));
}

static inline __m256 zk_silu8(__m256 x)
{
    return zk_times_sigmoid8(x, x);
}

static inline __m256 zk_quick_gelu8(__m256 x)
{
    return zk_times_sigmoid8(x, _mm256_mul_ps(x, _mm256_set1_ps(1.702f)));
}

/* (1 + tanh(u)) / 2 is sigmoid(2 u). */
static inline __m256 zk_gelu_tanh8(__m256 x)
{
    const __m256 u = _mm256_fmadd_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(0.0713548163f),
                                     _mm256_set1_ps(1.59576912f));

    return zk_times_sigmoid8(x, _mm256_mul_ps(x, u));
}

/* x < 0: x h, else x (1 - h), where h = erfc(|x| / sqrt(2)) / 2 = e^(-x^2 / 2) p(t),
 * t = 1 / (1 + 0.3 |x|), p of degree 8. What x^2 loses by rounding is made up for. */
static inline __m256 zk_gelu_erf8(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1.0f), half = _mm256_set1_ps(0.5f);
    const __m256 a = _mm256_min_ps(_mm256_set1_ps(14.5f),
                                   _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x));
    const __m256 t = _mm256_div_ps(one, _mm256_fmadd_ps(a, _mm256_set1_ps(0.3f), one));
    const __m256 sq = _mm256_mul_ps(a, a);
    const __m256 lost = _mm256_fmsub_ps(a, a, sq);
    __m256 e = zk_exp8(_mm256_mul_ps(sq, _mm256_set1_ps(-0.5f)));
    e = _mm256_fnmadd_ps(_mm256_mul_ps(e, half), lost, e);

    __m256 p = _mm256_set1_ps(0.0384075704f);
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(-0.16930829f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.228953409f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(-0.0768414258f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.142766419f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.0945854091f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.121945371f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.119484193f));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(7.37313247e-06f));

    const __m256 h = _mm256_mul_ps(p, e);
    const __m256 up = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ);
    return _mm256_mul_ps(x, _mm256_blendv_ps(h, _mm256_sub_ps(one, h), up));
}

static inline __m256 zk_act8(zk_act act, __m256 x)
{
    switch (act) {
    case ZK_ACT_SILU:
        return zk_silu8(x);
    case ZK_ACT_GELU_TANH:
        return zk_gelu_tanh8(x);
    case ZK_ACT_GELU_ERF:
        return zk_gelu_erf8(x);
    case ZK_ACT_QUICK_GELU:
        return zk_quick_gelu8(x);
    default:
        return x;
    }
}

#endif
