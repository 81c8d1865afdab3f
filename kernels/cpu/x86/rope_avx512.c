/* Rotary position embedding with AVX-512: the common body over its vectors. */

#include "kernels/cpu/rope.h"
#include "kernels/cpu/x86/vec_avx512.h"

#include "kernels/cpu/rope_body.h"
