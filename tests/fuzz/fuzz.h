/* What fuzz targets share. Each is a file with the entry that libFuzzer calls;
 * with main.c in the engine's place it replays files.
 *
 * A target ends the program when a promise is broken: FUZZ_REQUIRE. */
#ifndef ZC_FUZZ_H
#define ZC_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_REQUIRE(ok)                                                \
    do {                                                                \
        if (!(ok)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #ok); \
            abort();                                                    \
        }                                                               \
    } while (0)

/* The log of all targets; a failure must have written something to it since the last call of
 * fuzz_begin, which also makes sure that the file system is in memory, and empty. */
zc_log *fuzz_begin(void);
void fuzz_end(zc_status st);

/* Opens a file in memory as a container, and reads all that it has. */
zc_status fuzz_container(const char *path);

#endif
