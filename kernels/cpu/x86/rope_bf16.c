/* Rotary position embedding with AVX-512-BF16: the common body over its vectors. */

#include "kernels/cpu/rope.h"
#include "kernels/cpu/x86/vec_bf16.h"

#include "kernels/cpu/rope_body.h"
