/* The instruction sets that row kernels are compiled for, oldest first; and the one
 * that those have a use for which store bf16. */
#ifndef ZK_CPU_ISA_H
#define ZK_CPU_ISA_H

#if ZK_SIMD && defined(__x86_64__)
#define ZK_CPU_CHOOSE(init, d, flags)                                                              \
    do {                                                                                           \
        ZK_CPU_OFFER(init, avx2, ZK_CPU_AVX2, d, flags);                                           \
        ZK_CPU_OFFER(init, avx512, ZK_CPU_AVX512, d, flags);                                       \
    } while (0)
#define ZK_CPU_CHOOSE_BF16(init, d, flags) ZK_CPU_OFFER(init, bf16, ZK_CPU_AVX512_BF16, d, flags)
#elif ZK_SIMD && defined(__aarch64__)
#define ZK_CPU_CHOOSE(init, d, flags) ZK_CPU_OFFER(init, neon, ZK_CPU_NEON, d, flags)
#define ZK_CPU_CHOOSE_BF16(init, d, flags) ((void)(flags))
#else
#define ZK_CPU_CHOOSE(init, d, flags) ((void)(flags))
#define ZK_CPU_CHOOSE_BF16(init, d, flags) ((void)(flags))
#endif

/* Fills the family's struct d by its init for this instruction set, if it is there. */
#define ZK_CPU_OFFER(init, isa, flag, d, flags)                                                    \
    do {                                                                                           \
        if ((flags) & (flag)) {                                                                    \
            init##_##isa(d);                                                                       \
            (d)->chosen = #isa;                                                                    \
        }                                                                                          \
    } while (0)

#endif
