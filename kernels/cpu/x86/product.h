/* Products for x86. Included by product.c alone. */
#ifndef ZK_X86_PRODUCT_H
#define ZK_X86_PRODUCT_H

#include "kernels/cpu/x86/product_kernels.h"

static void init_arch(struct zk_cpu_product *d, unsigned flags)
{
    if (!(flags & ZK_CPU_AVX2))
        return;
    d->f32 = zk_product_avx2;
    d->chosen = "avx2";

    if (!(flags & ZK_CPU_AVX512))
        return;
    d->f32 = zk_product_avx512;
    d->chosen = "avx512";

    if (!(flags & ZK_CPU_AVX512_BF16))
        return;
    d->bf16 = zk_product_bf16;
    d->chosen = "avx512, with bf16 dot products";
}

#endif
