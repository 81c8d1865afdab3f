/* The inner kernels of matrix products. Private to kernels/cpu.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_LINEAR_H
#define ZK_CPU_LINEAR_H

#include "kernels/kernels.h"

struct zk_cpu_linear {
    const char *chosen;               /* for the log */
};

void zk_cpu_linear_init(struct zk_cpu_linear *l, unsigned flags);

#endif
