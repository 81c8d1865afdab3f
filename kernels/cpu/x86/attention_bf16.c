/* Attention in bf16 with AVX-512-BF16: the weights are rounded to bf16 as they are made. */

#include "kernels/cpu/x86/attention_avx512.h"
#include "kernels/cpu/x86/attention_kernels.h"

ZK_INLINE void store_bf16(void *p, int64_t at, __m512 low, __m512 high)
{
    _mm512_storeu_si512((uint16_t *)p + at, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

void zk_attend_soften_bf16(const struct zk_attend_soften *t)
{
    soften(t, store_bf16, 2);
}

void zk_attend_pack_keys_bf16(void *dst, const void *src, int32_t d)
{
    transpose(dst, src, d / 2);
}

void zk_attend_pack_values_bf16(void *dst, int64_t step, const void *src, int32_t d)
{
    const uint16_t *from = src;

    for (int j = 0; j < ZK_PANEL; j += 2, from += 2 * d)
        for (int32_t k = 0; k < d; k += ZK_PANEL) {
            uint16_t *to = (uint16_t *)dst + k / ZK_PANEL * step + j * ZK_PANEL;
            const void *a = from + k, *b = from + d + k;
            const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(a));
            const __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256(b));
            _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
        }
}

void zk_attend_finish_bf16(uint16_t *dst, const float *o, float by, int32_t d)
{
    const __m512 scale = _mm512_set1_ps(by);

    for (int32_t j = 0; j < d; j += 16) {
        const __mmask16 m = zk_lanes16(d - j);
        const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, o + j), scale);
        _mm256_mask_storeu_epi16(dst + j, m, (__m256i)_mm512_cvtneps_pbh(v));
    }
}
