/* Pixel conversion with AVX-512: the common body over its vectors. */

#include "kernels/cpu/pixel.h"
#include "kernels/cpu/x86/vec_avx512.h"

#include "kernels/cpu/pixel_body.h"
