/* What goes element by element with NEON: the common body over its vectors. */

#include "kernels/cpu/arm/vec_neon.h"
#include "kernels/cpu/elementwise.h"

#include "kernels/cpu/elementwise_body.h"
