/* What zoetrope-cuda.so shows to whoever opens it. */

#include "kernels/kernels.h"

extern const zk_backend zk_backend_cuda;

/* The only exported symbol. */
__attribute__((visibility("default"))) extern const zk_module zk_module_table;

const zk_module zk_module_table = {
    .version = ZK_MODULE_VERSION,
    .size = sizeof(zk_backend),
    .backend = &zk_backend_cuda,
};
