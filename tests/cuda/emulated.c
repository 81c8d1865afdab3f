/* Makes a module of the backend whose GPU is this machine: kernels run on the host,
 * and products on kernels of our own; or, where COMPUTES is defined, on a cuBLASLt
 * on the host. */

#include "tests/cuda/emulate.h"
#include "tests/cuda/fake.h"

static void __attribute__((constructor)) choose(void)
{
    fake.run = emulate;
    fake.args_size = emulate_args_size;
    fake.no_dnn = true;
#ifdef COMPUTES
    fake.computes = true;
#else
    fake.no_lt = true;
#endif
}
