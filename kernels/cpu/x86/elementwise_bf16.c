/* Activations with AVX-512-BF16, which is what the other kernels of the family have
 * no need of. */

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/x86/vec_bf16.h"

#include "kernels/cpu/elementwise_act_body.h"
