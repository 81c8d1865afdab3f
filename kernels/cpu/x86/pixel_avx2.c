/* Pixel conversion with AVX2: the common body over its vectors. */

#include "kernels/cpu/pixel.h"
#include "kernels/cpu/x86/vec_avx2.h"

#include "kernels/cpu/pixel_body.h"
