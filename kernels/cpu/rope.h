/* The inner kernels of rotary position embedding. Private to kernels/cpu.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_ROPE_H
#define ZK_CPU_ROPE_H

#include "kernels/cpu/rows.h"

struct zk_cpu_rope {
    zk_row_fn *adjacent, *halves;     /* zk_rope; 2 * d floats of scratch */
    const char *chosen;               /* for the log */
};

void zk_cpu_rope_init(struct zk_cpu_rope *d, unsigned flags);
void zk_cpu_rope_c(struct zk_cpu_rope *d);
void zk_cpu_rope_avx2(struct zk_cpu_rope *d);
void zk_cpu_rope_avx512(struct zk_cpu_rope *d);
void zk_cpu_rope_neon(struct zk_cpu_rope *d);

zk_status zk_cpu_rope(zk_queue *q, const struct zk_rope *a);

#endif
