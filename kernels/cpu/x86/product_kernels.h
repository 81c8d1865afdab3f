/* What the x86 files of products offer; the last part of a name is the
 * instruction set that it needs. */
#ifndef ZK_X86_PRODUCT_KERNELS_H
#define ZK_X86_PRODUCT_KERNELS_H

#include "kernels/cpu/product.h"

void zk_product_avx2(const struct zk_product *g);
void zk_product_avx512(const struct zk_product *g);
void zk_product_bf16(const struct zk_product *g);

#endif
