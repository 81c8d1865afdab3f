/* The list of backends, and the names of the operations. */

#include <string.h>

#include "kernels/kernels.h"

extern const zk_backend zk_backend_cpu, zk_backend_ref, zk_backend_measure;

const zk_backend *const zk_backends[] = {
    &zk_backend_cpu,
    &zk_backend_ref,
    &zk_backend_measure,
    NULL
};

const zk_backend *zk_backend_find(const char *name)
{
    for (int i = 0; zk_backends[i]; i++) {
        if (strcmp(zk_backends[i]->name, name) == 0)
            return zk_backends[i];
    }
    return NULL;
}

const char *zk_op_name(zk_op op)
{
    static const char *const names[] = {
#define ZK_OP_NAME(slot, args) #slot,
        ZK_OPS(ZK_OP_NAME)
#undef ZK_OP_NAME
    };
    return (unsigned)op < ZK_OP_COUNT ? names[op] : "?";
}
