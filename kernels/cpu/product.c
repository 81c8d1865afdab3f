/* Products of rows with packed panels, in plain C and f32. */

#include "kernels/cpu/cpu.h"

static void product_c(const struct zk_product *g)
{
    for (int32_t n = 0; n < g->panels; n++) {
        const float *b = (const float *)g->b + n * g->b_step;
        for (int32_t i = 0; i < g->rows; i++) {
            const float *a = (const float *)g->a + (g->at ? g->at[i] : i * g->a_step);
            float *c = g->c + i * g->c_step + n * ZK_PANEL, acc[ZK_PANEL] = { 0 };

            for (int32_t k = 0; k < g->k; k++)
                for (int j = 0; j < ZK_PANEL; j++)
                    acc[j] += a[k] * b[k * ZK_PANEL + j];
            for (int j = 0; j < ZK_PANEL; j++)
                c[j] = g->add ? c[j] + acc[j] : acc[j];
        }
    }
}

#if ZK_SIMD && defined(__x86_64__)
#include "kernels/cpu/x86/product.h"
#elif ZK_SIMD && defined(__aarch64__)
#include "kernels/cpu/arm/product.h"
#else
static void init_arch(struct zk_cpu_product *d, unsigned flags)
{
    (void)d;
    (void)flags;
}
#endif

void zk_cpu_product_init(struct zk_cpu_product *d, unsigned flags)
{
    *d = (struct zk_cpu_product){ .f32 = product_c, .chosen = "c" };
    init_arch(d, flags);
}
