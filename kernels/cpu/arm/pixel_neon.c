/* Pixel conversion with NEON: the common body over its vectors. */

#include "kernels/cpu/arm/vec_neon.h"
#include "kernels/cpu/pixel.h"

#include "kernels/cpu/pixel_body.h"
