/* Products for ARM. Included by product.c alone. */
#ifndef ZK_ARM_PRODUCT_H
#define ZK_ARM_PRODUCT_H

#include "kernels/cpu/arm/product_kernels.h"

static void init_arch(struct zk_cpu_product *d, unsigned flags)
{
    if (!(flags & ZK_CPU_NEON))
        return;
    d->f32 = zk_product_neon;
    d->chosen = "neon";
}

#endif
