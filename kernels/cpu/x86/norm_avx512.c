/* Normalisations with AVX-512: the common body over its vectors. */

#include "kernels/cpu/norm.h"
#include "kernels/cpu/x86/vec_avx512.h"

#include "kernels/cpu/norm_body.h"
