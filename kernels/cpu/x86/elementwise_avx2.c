/* What goes element by element with AVX2: the common body over its vectors. */

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/x86/vec_avx2.h"

#include "kernels/cpu/elementwise_body.h"
