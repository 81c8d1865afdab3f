/* The end of a convolution with AVX-512: the common body over its vectors. */

#include "kernels/cpu/conv.h"
#include "kernels/cpu/x86/vec_avx512.h"

#include "kernels/cpu/conv_body.h"
