/* The end of a convolution with NEON: the common body over its vectors. */

#include "kernels/cpu/arm/vec_neon.h"
#include "kernels/cpu/conv.h"

#include "kernels/cpu/conv_body.h"
