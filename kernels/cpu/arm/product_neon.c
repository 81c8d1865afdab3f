/* Products in f32 with NEON: 6 rows by one panel keep 24 sums in registers. */

#include <arm_neon.h>

#include "kernels/cpu/arm/product_kernels.h"
#include "kernels/cpu/inline.h"

ZK_INLINE void product_tile(const struct zk_product *g, int32_t i, int32_t n,
                            const int rows)
{
    const float *a[6], *b = (const float *)g->b + n * g->b_step;
    float *c = g->c + i * g->c_step + (int64_t)n * ZK_PANEL;
    float32x4_t acc[6][4];

    ZK_UNROLL
    for (int r = 0; r < rows; r++) {
        a[r] = (const float *)g->a + (g->at ? g->at[i + r] : (i + r) * g->a_step);
        ZK_UNROLL
        for (int s = 0; s < 4; s++)
            acc[r][s] = vdupq_n_f32(0.0f);
    }
    for (int64_t k = 0; k < g->k; k++, b += ZK_PANEL) {
        float32x4_t col[4];
        ZK_UNROLL
        for (int s = 0; s < 4; s++)
            col[s] = vld1q_f32(b + 4 * s);
        ZK_UNROLL
        for (int r = 0; r < rows; r++) {
            const float x = a[r][k];
            ZK_UNROLL
            for (int s = 0; s < 4; s++)
                acc[r][s] = vfmaq_n_f32(acc[r][s], col[s], x);
        }
    }
    ZK_UNROLL
    for (int r = 0; r < rows; r++, c += g->c_step)
        ZK_UNROLL
        for (int s = 0; s < 4; s++) {
            const float32x4_t old = g->add ? vld1q_f32(c + 4 * s) : vdupq_n_f32(0.0f);
            vst1q_f32(c + 4 * s, vaddq_f32(old, acc[r][s]));
        }
}

void zk_product_neon(const struct zk_product *g)
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
