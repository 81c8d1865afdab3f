/* Products in f32 with AVX-512. */

#include "kernels/cpu/x86/product_avx512.h"
#include "kernels/cpu/x86/product_kernels.h"

ZK_INLINE __m512 dot_f32(__m512 acc, __m512 a, __m512 b)
{
    return _mm512_fmadd_ps(a, b, acc);
}

void zk_product_avx512(const struct zk_product *g)
{
    product(g, dot_f32, 4);
}
