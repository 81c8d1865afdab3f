/* Kernels for the device, run on the host.
 *
 * Thread safety: none, one thread at a time. */
#ifndef EMULATE_H
#define EMULATE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* False if there is no kernel of that name, or a block is too large. */
bool emulate(const char *name, const unsigned *grid, const unsigned *block, unsigned shared,
             const void *args);

/* Bytes of its arguments; 0 if there is no such kernel. */
size_t emulate_args_size(const char *name);

#ifdef __cplusplus
}
#endif

#endif
