/* What the x86 files of attention offer; the last part of a name is the
 * instruction set that it needs. */
#ifndef ZK_X86_ATTENTION_KERNELS_H
#define ZK_X86_ATTENTION_KERNELS_H

#include "kernels/cpu/attention.h"

void zk_attend_soften_avx2(const struct zk_attend_soften *t);

void zk_attend_soften_avx512(const struct zk_attend_soften *t);
void zk_attend_pack_keys_avx512(void *dst, const void *src, int32_t d);

void zk_attend_soften_bf16(const struct zk_attend_soften *t);
void zk_attend_pack_keys_bf16(void *dst, const void *src, int32_t d);
void zk_attend_pack_values_bf16(void *dst, int64_t step, const void *src, int32_t d);
void zk_attend_finish_bf16(uint16_t *dst, const float *o, float by, int32_t d);

#endif
