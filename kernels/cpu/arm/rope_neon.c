/* Rotary position embedding with NEON: the common body over its vectors. */

#include "kernels/cpu/arm/vec_neon.h"
#include "kernels/cpu/rope.h"

#include "kernels/cpu/rope_body.h"
