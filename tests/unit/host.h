/* The host that kernels get in tests: one thread, and what can be counted counts. */

#ifndef ZC_TESTS_HOST_H
#define ZC_TESTS_HOST_H

#include <stdlib.h>

#include "kernels/kernels.h"

static int test_live;                 /* blocks of memory that the host has given out */

static inline void *test_alloc(void *user, size_t bytes)
{
    (void)user;
    test_live++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static inline void test_free(void *user, void *mem)
{
    (void)user;
    test_live -= mem != NULL;
    free(mem);
}

static inline void test_parallel(void *user, int parts,
                                 void (*fn)(void *arg, int part, int worker), void *arg)
{
    (void)user;
    for (int i = 0; i < parts; i++)
        fn(arg, i, 0);
}

static const zk_host test_host = { .alloc = test_alloc, .free = test_free, .threads = 1,
                                   .parallel = test_parallel };

#endif
