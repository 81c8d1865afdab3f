/* Products of bf16 by vdpbf16ps, which adds up in f32. */

#include "kernels/cpu/x86/product_avx512.h"
#include "kernels/cpu/x86/product_kernels.h"

ZK_INLINE __m512 dot_bf16(__m512 acc, __m512 a, __m512 b)
{
    return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
}

void zk_product_bf16(const struct zk_product *g)
{
    product(g, dot_bf16, 2);
}
