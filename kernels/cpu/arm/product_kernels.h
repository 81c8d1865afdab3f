/* What the ARM files of products offer. */
#ifndef ZK_ARM_PRODUCT_KERNELS_H
#define ZK_ARM_PRODUCT_KERNELS_H

#include "kernels/cpu/product.h"

void zk_product_neon(const struct zk_product *g);

#endif
