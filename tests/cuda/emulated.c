/* Makes a module of the backend whose GPU is this machine: kernels run on the host,
 * and products on kernels of our own. */

#include "tests/cuda/emulate.h"
#include "tests/cuda/fake.h"

static void __attribute__((constructor)) choose(void)
{
    fake.run = emulate;
    fake.args_size = emulate_args_size;
    fake.no_lt = fake.no_dnn = true;
}
