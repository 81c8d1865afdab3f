/* What goes element by element with AVX-512-BF16: the common body over its vectors. */

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/x86/vec_bf16.h"

#include "kernels/cpu/elementwise_body.h"
