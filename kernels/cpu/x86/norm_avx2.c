/* Normalisations with AVX2: the common body over its vectors. */

#include "kernels/cpu/norm.h"
#include "kernels/cpu/x86/vec_avx2.h"

#include "kernels/cpu/norm_body.h"
