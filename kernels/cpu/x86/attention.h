/* Attention's inner kernels for x86. Included by attention.c alone. */
#ifndef ZK_X86_ATTENTION_H
#define ZK_X86_ATTENTION_H

#include "kernels/cpu/x86/attention_kernels.h"

static void init_arch(struct zk_cpu_attention *d, unsigned flags)
{
    if (!(flags & ZK_CPU_AVX2))
        return;
    d->chosen = "avx2";
    d->f32.soften = zk_attend_soften_avx2;

    if (!(flags & ZK_CPU_AVX512))
        return;
    d->chosen = "avx512";
    d->f32.soften = zk_attend_soften_avx512;
    d->f32.pack_keys = zk_attend_pack_keys_avx512;

    if (!(flags & ZK_CPU_AVX512_BF16))
        return;
    d->chosen = "avx512, with bf16 dot products";
    d->f32.finish = zk_attend_finish_bf16;
    d->bf16 = (struct zk_attend_kind){
        .bytes = 2,
        .soften = zk_attend_soften_bf16,
        .pack_keys = zk_attend_pack_keys_bf16,
        .pack_values = zk_attend_pack_values_bf16,
        .finish = zk_attend_finish_bf16,
    };
}

#endif
