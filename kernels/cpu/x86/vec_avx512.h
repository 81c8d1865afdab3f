/* Vectors of 16 floats with AVX-512; vec_c.h says what the names mean. */
#ifndef ZK_CPU_X86_VEC_AVX512_H
#define ZK_CPU_X86_VEC_AVX512_H

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/math_avx512.h"

#ifndef V_ISA
#define V_ISA(name) name##_avx512
#define V_TO_BF16(a) zk_bf16_from16(a)
#define V_ACT_SHORT(a, act) zk_act16(act, a)
#endif
#define V_STREAM 64u

enum { V_LANES = 16 };

typedef __m512 vf;

ZK_INLINE vf v_set(float x)             { return _mm512_set1_ps(x); }
ZK_INLINE vf v_add(vf a, vf b)          { return _mm512_add_ps(a, b); }
ZK_INLINE vf v_sub(vf a, vf b)          { return _mm512_sub_ps(a, b); }
ZK_INLINE vf v_mul(vf a, vf b)          { return _mm512_mul_ps(a, b); }
ZK_INLINE vf v_fma(vf a, vf b, vf c)    { return _mm512_fmadd_ps(a, b, c); }
ZK_INLINE vf v_abs(vf a)                { return _mm512_abs_ps(a); }
ZK_INLINE vf v_swap(vf a)               { return _mm512_permute_ps(a, 0xb1); }
ZK_INLINE vf v_keep(vf a, int n)        { return _mm512_maskz_mov_ps(zk_lanes16(n), a); }
ZK_INLINE float v_sum(vf a)             { return _mm512_reduce_add_ps(a); }
ZK_INLINE vf v_act(vf a, zk_act act)    { return zk_act16(act, a); }
ZK_INLINE vf v_act_short(vf a, zk_act act) { return V_ACT_SHORT(a, act); }
ZK_INLINE void v_fence(void)            { _mm_sfence(); }

ZK_INLINE vf v_unit(vf a)
{
    return _mm512_min_ps(_mm512_max_ps(a, _mm512_setzero_ps()), _mm512_set1_ps(1));
}

/* Exponent and mantissa become those of an f32 that is too small by 2^120, which
 * also holds for subnormals; the largest number stands for NaN. */
ZK_INLINE vf v_from_e4m3(__m512i x)
{
    const __m512i size = _mm512_and_si512(x, _mm512_set1_epi32(0x7f));
    const __m512i sign = _mm512_slli_epi32(_mm512_xor_si512(x, size), 24);
    const __mmask16 nan = _mm512_cmpeq_epi32_mask(size, _mm512_set1_epi32(0x7f));
    const vf small = _mm512_castsi512_ps(_mm512_slli_epi32(size, 20));
    const __m512i r = _mm512_castps_si512(_mm512_mul_ps(small, _mm512_set1_ps(0x1p120f)));

    return _mm512_castsi512_ps(_mm512_or_si512(
        sign, _mm512_mask_mov_epi32(r, nan, _mm512_set1_epi32(0x7fc00000))));
}

ZK_INLINE vf v_load_f8(zk_dtype type, const void *row, int64_t i, int n)
{
    const __m128i x = _mm_maskz_loadu_epi8(zk_lanes16(n), (const uint8_t *)row + i);

    if (type == ZK_F8_E5M2)
        return _mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(x), 8));
    return v_from_e4m3(_mm512_cvtepu8_epi32(x));
}

ZK_INLINE vf v_load(zk_dtype type, const void *row, int64_t i, int n)
{
    if (type == ZK_F8_E4M3 || type == ZK_F8_E5M2)
        return v_load_f8(type, row, i, n);
    return zk_load16(type, row, i, zk_lanes16(n));
}

ZK_INLINE void v_store(unsigned type, void *row, int64_t i, int n, vf a)
{
    uint16_t *p = (uint16_t *)row + i;

    if ((type & ~V_STREAM) == ZK_F32) {
        if (type & V_STREAM && n == V_LANES)
            _mm512_stream_ps((float *)row + i, a);
        else
            _mm512_mask_storeu_ps((float *)row + i, zk_lanes16(n), a);
        return;
    }
    const __m256i x = (type & ~V_STREAM) == ZK_BF16
                          ? V_TO_BF16(a)
                          : _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT);
    if (type & V_STREAM && n == V_LANES)
        _mm256_stream_si256((__m256i *)p, x);
    else
        _mm256_mask_storeu_epi16(p, zk_lanes16(n), x);
}

#endif
