/* What products have in common on AVX-512 and on AVX-512-BF16: they differ only
 * in what one step of k is, a float or a pair of bf16. Either way it is 32 bits of
 * a row and 64 bytes of a panel. */
#ifndef ZK_X86_PRODUCT_AVX512_H
#define ZK_X86_PRODUCT_AVX512_H

#include <string.h>

#include <immintrin.h>

#include "kernels/cpu/inline.h"
#include "kernels/cpu/product.h"

typedef __m512 dot_fn(__m512 acc, __m512 a, __m512 b);

/* The tile of c from row i and panel n on: 6 by 4 keep 24 sums in
 * registers, 12 by 1 as many as it takes not to wait for each other. */
ZK_INLINE void product_tile(const struct zk_product *g, int32_t i, int32_t n, dot_fn *dot,
                            int bytes, const int rows, const int panels)
{
    const int64_t b_step = g->b_step * bytes, steps = g->k * bytes / 4;
    const char *a[12], *b = (const char *)g->b + n * b_step;
    float *c = g->c + i * g->c_step + (int64_t)n * ZK_PANEL;
    __m512 acc[12][4];

    ZK_UNROLL
    for (int r = 0; r < rows; r++) {
        a[r] = (const char *)g->a + (g->at ? g->at[i + r] : (i + r) * g->a_step) * bytes;
        ZK_UNROLL
        for (int s = 0; s < panels; s++)
            acc[r][s] = _mm512_setzero_ps();
    }
    for (int64_t k = 0; k < steps; k++, b += 64) {
        __m512 col[4];
        ZK_UNROLL
        for (int s = 0; s < panels; s++)
            col[s] = _mm512_loadu_ps(b + s * b_step);
        ZK_UNROLL
        for (int r = 0; r < rows; r++) {
            int32_t bits;
            memcpy(&bits, a[r] + 4 * k, sizeof(bits));
            const __m512 x = _mm512_castsi512_ps(_mm512_set1_epi32(bits));
            ZK_UNROLL
            for (int s = 0; s < panels; s++)
                acc[r][s] = dot(acc[r][s], x, col[s]);
        }
    }
    ZK_UNROLL
    for (int r = 0; r < rows; r++)
        ZK_UNROLL
        for (int s = 0; s < panels; s++) {
            float *to = c + r * g->c_step + s * ZK_PANEL;
            const __m512 old = g->add ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
            _mm512_storeu_ps(to, _mm512_add_ps(old, acc[r][s]));
        }
}

/* All rows of 1 to 4 panels, which stay in the first level meanwhile. */
ZK_INLINE void product_rows(const struct zk_product *g, int32_t n, dot_fn *dot, int bytes,
                            const int panels)
{
    int32_t i = 0;

    if (panels == 1)
        for (; i + 12 <= g->rows; i += 12)
            product_tile(g, i, n, dot, bytes, 12, panels);
    for (; i + 6 <= g->rows; i += 6)
        product_tile(g, i, n, dot, bytes, 6, panels);
    switch (g->rows - i) {
    case 5: product_tile(g, i, n, dot, bytes, 5, panels); break;
    case 4: product_tile(g, i, n, dot, bytes, 4, panels); break;
    case 3: product_tile(g, i, n, dot, bytes, 3, panels); break;
    case 2: product_tile(g, i, n, dot, bytes, 2, panels); break;
    case 1: product_tile(g, i, n, dot, bytes, 1, panels); break;
    }
}

ZK_INLINE void product(const struct zk_product *g, dot_fn *dot, int bytes)
{
    int32_t n = 0;

    for (; n + 4 <= g->panels; n += 4)
        product_rows(g, n, dot, bytes, 4);
    switch (g->panels - n) {
    case 3: product_rows(g, n, dot, bytes, 3); break;
    case 2: product_rows(g, n, dot, bytes, 2); break;
    case 1: product_rows(g, n, dot, bytes, 1); break;
    }
}

#endif
