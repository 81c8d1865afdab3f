/* What the inner kernels ask of the compiler. */
#ifndef ZK_CPU_INLINE_H
#define ZK_CPU_INLINE_H

/* For bodies that become several functions by what their constant arguments are. */
#define ZK_INLINE static inline __attribute__((always_inline))

/* The loop below counts to a small constant, and is to become straight code. */
#if defined(__clang__)
#define ZK_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ZK_UNROLL _Pragma("GCC unroll 32")
#endif

/* Memory that will be read soon. */
#define ZK_FETCH(p) __builtin_prefetch(p)

/* The cache line of an address will be written soon; any address will do. */
#define ZK_FETCH_TO_WRITE(address) __builtin_prefetch(address, 1)

#endif
