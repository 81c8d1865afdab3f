/* Makes a module of the backend whose GPU is this machine: kernels run on the host,
 * and products on kernels of our own. */

#include "tests/cuda/fake.h"

static void __attribute__((constructor)) choose(void)
{
    fake.runs = true;
    fake.no_lt = true;
}
