/* What the ARM files of attention offer. */
#ifndef ZK_ARM_ATTENTION_KERNELS_H
#define ZK_ARM_ATTENTION_KERNELS_H

#include "kernels/cpu/attention.h"

void zk_attend_soften_neon(const struct zk_attend_soften *t);

#endif
