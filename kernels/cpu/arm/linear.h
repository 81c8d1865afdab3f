/* The inner kernels of matrix products for arm. Included by linear.c.
 *
 * Thread safety: as linear.h. */
#ifndef ZK_ARM_LINEAR_H
#define ZK_ARM_LINEAR_H

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/linear.h"

void zk_tile_f32_neon(const struct zk_tile *t);
void zk_tile_f32_bf16_neon(const struct zk_tile *t);

static inline void zk_linear_init_isa(struct zk_cpu_linear *l, unsigned flags)
{
    if (!(flags & ZK_CPU_NEON))
        return;
    l->chosen = "neon";
    l->tile_f32 = zk_tile_f32_neon;
    l->tile_f32_bf16 = zk_tile_f32_bf16_neon;
}

#endif
