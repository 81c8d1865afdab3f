/* Kernels for the device, run on the host.
 *
 * Thread safety: none, one thread at a time. */
#ifndef EMULATE_H
#define EMULATE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* False if there is no kernel of that name, or a block is too large. */
bool emulate(const char *name, const unsigned *grid, const unsigned *block, unsigned shared,
             const void *args);

#ifdef __cplusplus
}
#endif

#endif
