/* Attention in f32 with AVX-512. */

#include "kernels/cpu/x86/attention_avx512.h"
#include "kernels/cpu/x86/attention_kernels.h"

ZK_INLINE void store_f32(void *p, int64_t at, __m512 low, __m512 high)
{
    _mm512_storeu_ps((float *)p + at, low);
    _mm512_storeu_ps((float *)p + at + 16, high);
}

void zk_attend_soften_avx512(const struct zk_attend_soften *t)
{
    soften(t, store_f32, 4);
}

void zk_attend_pack_keys_avx512(void *dst, const void *src, int32_t d)
{
    transpose(dst, src, d);
}
