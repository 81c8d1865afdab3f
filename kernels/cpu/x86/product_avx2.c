/* Products in f32 with AVX2 and FMA: 6 rows by one panel keep 12 sums in registers. */

#include <immintrin.h>

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/product_kernels.h"

ZK_INLINE void product_tile(const struct zk_product *g, int32_t i, int32_t n,
                            const int rows)
{
    const float *a[6], *b = (const float *)g->b + n * g->b_step;
    float *c = g->c + i * g->c_step + (int64_t)n * ZK_PANEL;
    __m256 acc[6][2];

    ZK_UNROLL
    for (int r = 0; r < rows; r++) {
        a[r] = (const float *)g->a + (g->at ? g->at[i + r] : (i + r) * g->a_step);
        acc[r][0] = acc[r][1] = _mm256_setzero_ps();
    }
    for (int64_t k = 0; k < g->k; k++, b += ZK_PANEL) {
        const __m256 low = _mm256_loadu_ps(b), high = _mm256_loadu_ps(b + 8);
        ZK_UNROLL
        for (int r = 0; r < rows; r++) {
            const __m256 x = _mm256_broadcast_ss(a[r] + k);
            acc[r][0] = _mm256_fmadd_ps(x, low, acc[r][0]);
            acc[r][1] = _mm256_fmadd_ps(x, high, acc[r][1]);
        }
    }
    ZK_UNROLL
    for (int r = 0; r < rows; r++, c += g->c_step) {
        if (g->add) {
            acc[r][0] = _mm256_add_ps(_mm256_loadu_ps(c), acc[r][0]);
            acc[r][1] = _mm256_add_ps(_mm256_loadu_ps(c + 8), acc[r][1]);
        }
        _mm256_storeu_ps(c, acc[r][0]);
        _mm256_storeu_ps(c + 8, acc[r][1]);
    }
}

void zk_product_avx2(const struct zk_product *g)
{
    for (int32_t n = 0; n < g->panels; n++) {
        int32_t i = 0;

        for (; i + 6 <= g->rows; i += 6)
            product_tile(g, i, n, 6);
        switch (g->rows - i) {
        case 5: product_tile(g, i, n, 5); break;
        case 4: product_tile(g, i, n, 4); break;
        case 3: product_tile(g, i, n, 3); break;
        case 2: product_tile(g, i, n, 2); break;
        case 1: product_tile(g, i, n, 1); break;
        }
    }
}
