/* The inner kernels of matrix products for x86, and which are taken. Included by
 * linear.c.
 *
 * Thread safety: as linear.h. */
#ifndef ZK_X86_LINEAR_H
#define ZK_X86_LINEAR_H

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/linear.h"

void zk_tile_f32_avx2(const struct zk_tile *t);
void zk_tile_f32_bf16_avx2(const struct zk_tile *t);
void zk_columns_f32_avx2(const struct zk_columns *c);
void zk_columns_bf16_avx2(const struct zk_columns *c);
void zk_finish_avx2(const struct zk_finish *f);

void zk_tile_f32_avx512(const struct zk_tile *t);
void zk_tile_f32_bf16_avx512(const struct zk_tile *t);
void zk_finish_avx512(const struct zk_finish *f);

void zk_tile_bf16_avx512(const struct zk_tile *t);

void zk_tile_q8_vnni(const struct zk_tile *t);
void zk_columns_q8_vnni(const struct zk_columns *c);

static inline void zk_linear_init_isa(struct zk_cpu_linear *l, unsigned flags)
{
    if (!(flags & ZK_CPU_AVX2))
        return;
    l->chosen = "avx2";
    l->tile_f32 = zk_tile_f32_avx2;
    l->tile_f32_bf16 = zk_tile_f32_bf16_avx2;
    l->columns_f32 = zk_columns_f32_avx2;
    l->columns_bf16 = zk_columns_bf16_avx2;
    l->finish = zk_finish_avx2;

    if (!(flags & ZK_CPU_AVX512))
        return;
    l->chosen = "avx-512";
    l->tile_f32 = zk_tile_f32_avx512;
    l->tile_f32_bf16 = zk_tile_f32_bf16_avx512;
    l->finish = zk_finish_avx512;

    if (flags & ZK_CPU_AVX512_BF16) {
        l->chosen = "avx-512, bf16";
        l->tile_bf16 = zk_tile_bf16_avx512;
    }
    if (flags & ZK_CPU_AVX512_VNNI) {
        l->chosen = l->tile_bf16 ? "avx-512, bf16, vnni for 8 bits" : "avx-512, vnni for 8 bits";
        l->tile_q8 = zk_tile_q8_vnni;
        l->columns_q8 = zk_columns_q8_vnni;
    }
}

#endif
