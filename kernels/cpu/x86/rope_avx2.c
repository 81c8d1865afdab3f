/* Rotary position embedding with AVX2: the common body over its vectors. */

#include "kernels/cpu/rope.h"
#include "kernels/cpu/x86/vec_avx2.h"

#include "kernels/cpu/rope_body.h"
