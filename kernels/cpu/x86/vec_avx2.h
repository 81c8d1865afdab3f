/* Vectors of 8 floats with AVX2, FMA and F16C; vec_c.h says what the names mean. */
#ifndef ZK_CPU_X86_VEC_AVX2_H
#define ZK_CPU_X86_VEC_AVX2_H

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/math_avx2.h"

#define V_ISA(name) name##_avx2
#define V_STREAM 64u

enum { V_LANES = 8 };

typedef __m256 vf;

ZK_INLINE vf v_set(float x)             { return _mm256_set1_ps(x); }
ZK_INLINE vf v_add(vf a, vf b)          { return _mm256_add_ps(a, b); }
ZK_INLINE vf v_sub(vf a, vf b)          { return _mm256_sub_ps(a, b); }
ZK_INLINE vf v_mul(vf a, vf b)          { return _mm256_mul_ps(a, b); }
ZK_INLINE vf v_fma(vf a, vf b, vf c)    { return _mm256_fmadd_ps(a, b, c); }
ZK_INLINE vf v_abs(vf a)                { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
ZK_INLINE vf v_swap(vf a)               { return _mm256_permute_ps(a, 0xb1); }
ZK_INLINE float v_sum(vf a)             { return zk_sum8(a); }
ZK_INLINE vf v_act(vf a, zk_act act)    { return zk_act8(act, a); }
ZK_INLINE vf v_act_short(vf a, zk_act act) { return v_act(a, act); }
ZK_INLINE void v_fence(void)            { _mm_sfence(); }

ZK_INLINE vf v_unit(vf a)
{
    return _mm256_min_ps(_mm256_max_ps(a, _mm256_setzero_ps()), _mm256_set1_ps(1));
}

ZK_INLINE vf v_keep(vf a, int n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    return _mm256_and_ps(a, _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane)));
}

/* Exponent and mantissa become those of an f32 that is too small by 2^120, which
 * also holds for subnormals; the largest number stands for NaN. */
ZK_INLINE vf v_from_e4m3(__m256i x)
{
    const __m256i most = _mm256_set1_epi32(0x7f), size = _mm256_and_si256(x, most);
    const __m256i sign = _mm256_slli_epi32(_mm256_xor_si256(x, size), 24);
    const __m256i nan = _mm256_cmpeq_epi32(size, most), quiet = _mm256_set1_epi32(0x7fc00000);
    const vf small = _mm256_castsi256_ps(_mm256_slli_epi32(size, 20));
    const __m256i r = _mm256_castps_si256(_mm256_mul_ps(small, _mm256_set1_ps(0x1p120f)));

    return _mm256_castsi256_ps(_mm256_or_si256(sign, _mm256_blendv_epi8(r, quiet, nan)));
}

ZK_INLINE vf v_load_f8(zk_dtype type, const void *row, int64_t i, int n)
{
    uint64_t raw = 0;

    memcpy(&raw, (const uint8_t *)row + i, (size_t)n);
    const __m128i x = _mm_cvtsi64_si128((long long)raw);
    if (type == ZK_F8_E5M2)
        return _mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(x), 8));
    return v_from_e4m3(_mm256_cvtepu8_epi32(x));
}

ZK_INLINE vf v_load(zk_dtype type, const void *row, int64_t i, int n)
{
    if (type == ZK_F8_E4M3 || type == ZK_F8_E5M2)
        return v_load_f8(type, row, i, n);
    return zk_load8(type, row, i, n);
}

ZK_INLINE void v_store(unsigned type, void *row, int64_t i, int n, vf a)
{
    const zk_dtype plain = (zk_dtype)(type & ~V_STREAM);

    if (!(type & V_STREAM) || n < V_LANES)
        zk_store8(plain, row, i, n, a);
    else if (plain == ZK_F32)
        _mm256_stream_ps((float *)row + i, a);
    else
        _mm_stream_si128((__m128i *)((uint16_t *)row + i),
                         plain == ZK_BF16 ? zk_bf16_from8(a)
                                          : _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

#endif
