/* Attention's inner kernels for ARM. Included by attention.c alone. */
#ifndef ZK_ARM_ATTENTION_H
#define ZK_ARM_ATTENTION_H

#include "kernels/cpu/arm/attention_kernels.h"

static void init_arch(struct zk_cpu_attention *d, unsigned flags)
{
    if (!(flags & ZK_CPU_NEON))
        return;
    d->chosen = "neon";
    d->f32.soften = zk_attend_soften_neon;
}

#endif
