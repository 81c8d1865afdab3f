/* A driver on host memory, in the place of api.c: it counts what it gives out, fails
 * when it is told to, and runs kernels on the host or not at all.
 *
 * Thread safety: none, one thread at a time. */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>

#include "kernels/cuda/api.h"

struct fake {
    /* settings */
    bool     no_driver, no_lt, no_dnn;
    /* Runs a kernel, false if it can't; NULL: launches do nothing. */
    bool   (*run)(const char *name, const unsigned *grid, const unsigned *block, unsigned shared,
                  const void *args);
    bool     computes;            /* cuBLASLt too; its products are only counted otherwise */
    /* Bytes of a kernel's arguments, for launches that are kept; NULL: none are. */
    size_t (*args_size)(const char *name);
    int      version;             /* as the driver says; 0: the one that is needed */
    int      devices;             /* -1: one */
    int      capability;          /* 90 for 9.0; 0: 9.0 */
    CUresult error;               /* what call number fail_at returns; with `stays` all after it */
    int      fail_at;             /* 0: none; the driver's calls count from 1 */
    int      lt_fail_at, dnn_fail_at;     /* the same for cuBLASLt's and cuDNN's */
    bool     notes;               /* write down what is done on which stream */
    bool     stays;               /* pushing and popping contexts, which then still works, apart */

    /* what happened */
    int      calls, lt_calls, dnn_calls, launches, products, attentions;
    int      contexts, depth;     /* retained; pushed and not popped */
    int      memories, pinned, streams, events, modules, handles, graphs;
    int      replayed;            /* launches of graphs */
    int      numbers;             /* of streams and events, in the order of their making */
    char     order[400];          /* "record 1 2, wait 3 2, copy 3, launch 1, " */
    int      wrong;               /* calls without a context, or of what was not given out */
    const char *last, *failed;    /* the driver's function called last, and the first to fail */
};

extern struct fake fake;

/* Settings and counts as at the start; memory that was not given back is freed. */
void fake_reset(void);

/* The part of cuBLASLt, in a file of its own. */
void fake_lt_fill(struct zk_cuda_api *api);
void fake_lt_forget(void);

/* What is given out and not taken back, contexts and pushes included. */
int fake_left(void);

#endif
