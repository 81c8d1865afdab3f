/* The end of a convolution with AVX2: the common body over its vectors. */

#include "kernels/cpu/conv.h"
#include "kernels/cpu/x86/vec_avx2.h"

#include "kernels/cpu/conv_body.h"
