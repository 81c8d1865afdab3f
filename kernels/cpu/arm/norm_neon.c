/* Normalisations with NEON: the common body over its vectors. */

#include "kernels/cpu/arm/vec_neon.h"
#include "kernels/cpu/norm.h"

#include "kernels/cpu/norm_body.h"
