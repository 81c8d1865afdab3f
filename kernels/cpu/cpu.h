/* Inside of the CPU backend: what it found on this machine, how work is split
 * over threads, and the inner kernels that were chosen.
 *
 * Each family has a struct of inner kernels and one init, which writes the
 * plain C versions first and then lets its x86 or arm header overwrite them from
 * the oldest instruction set to the newest. Results never depend on the number
 * of threads: work is split over outputs only.
 *
 * Thread safety: the state is constant after open, but for the scratch memory,
 * of which each worker has its own part. */
#ifndef ZK_CPU_H
#define ZK_CPU_H

#include "kernels/cpu/attention.h"
#include "kernels/cpu/conv.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/norm.h"
#include "kernels/cpu/pixel.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/rope.h"
#include "kernels/queue.h"

/* Instruction sets, each with all that compilers' flags for it imply. */
enum zk_cpu_flag {
    ZK_CPU_AVX2        = 1 << 0,      /* with FMA and F16C */
    ZK_CPU_AVX512      = 1 << 1,      /* F, BW, DQ, VL, CD */
    ZK_CPU_AVX512_VNNI = 1 << 2,
    ZK_CPU_AVX512_BF16 = 1 << 3,
    ZK_CPU_NEON        = 1 << 8,
    ZK_CPU_NONE        = 1 << 30,     /* alone in a mask: plain C, for 0 means all */
};

/* Bytes of scratch memory of each worker, 64-byte aligned. */
#define ZK_CPU_SCRATCH ((size_t)2 << 20)

struct zk_cpu_dsp {
    unsigned flags;
    struct zk_cpu_linear linear;
    struct zk_cpu_product product;
    struct zk_cpu_attention attention;
    struct zk_cpu_elementwise elementwise;
    struct zk_cpu_conv conv;
    struct zk_cpu_norm norm;
    struct zk_cpu_rope rope;
    struct zk_cpu_pixel pixel;
};

struct zk_cpu {
    struct zk_cpu_dsp dsp;
    uint8_t *scratch;                 /* host.threads parts of ZK_CPU_SCRATCH bytes */
};

static inline struct zk_cpu *zk_cpu_of(zk_queue *q)
{
    return q->state;
}

static inline void *zk_cpu_scratch(zk_queue *q, int worker)
{
    return zk_cpu_of(q)->scratch + (size_t)worker * ZK_CPU_SCRATCH;
}

/* What this processor has, whatever the compiler was told. */
unsigned zk_cpu_flags(void);

/* Calls fn for pieces of [0, items) of at least `grain` items (the last may be
 * smaller) until all are done; on this thread if there is only one piece. The
 * pieces depend on the number of threads, so nothing that fn computes for an
 * item may depend on which others are in its piece. */
void zk_cpu_split(zk_queue *q, int64_t items, int64_t grain,
                  void (*fn)(void *arg, int64_t begin, int64_t end, int worker), void *arg);

#endif
