/* Inside of checkkernels: a case's memory, the targets, and the layout of the
 * ops' arguments. */
#ifndef CK_PRIVATE_H
#define CK_PRIVATE_H

#include <stdio.h>

#include "core/base/thread.h"
#include "tests/checkkernels/ck.h"
#include "tests/checkkernels/peak.h"

#define CK_REGIONS 32
#define CK_TENSORS 12     /* of an op */
#define CK_TARGETS 16
#define CK_THREADS 5
#define CK_FIGURES 512

/* One tensor's memory: as the case filled it, as the reference left it, as a
 * target left it, and where the target has it. */
struct ck_region {
    uint8_t *before, *want, *got, *first;
    void    *dev;
    size_t   bytes;
    bool     on_host;     /* the op writes to host memory */
};

/* A backend with some of its instruction sets, opened for each number of threads. */
struct ck_target {
    char      name[48];
    const zk_backend *be;
    uint32_t  mask;
    zk_queue *queue[CK_THREADS];
    zk_queue *measure;    /* that answers for it; NULL if it is not asked */
    int       ran[ZK_OP_COUNT];       /* comparisons */
};

struct ck {
    /* options */
    const char *only;
    uint64_t    seed;
    bool        list, bench;
    int         threads[CK_THREADS], thread_counts;

    struct ck_target target[CK_TARGETS];
    int         targets;
    zc_pool    *pool[CK_THREADS];

    /* the case */
    char        name[160];
    uint64_t    random;
    struct ck_region region[CK_REGIONS];
    int         regions;
    void       *memory[CK_REGIONS * 4];
    int         memories;
    bool        failed;

    int         passed, failures;
    double      worst[ZK_OP_COUNT];   /* error as a share of what is allowed */

    bool        f8;                   /* weights are packed for activations that may be F8 */

    /* benchmarks */
    FILE       *csv;
    char        cpu[80];
    struct ck_meter *meter;
    ck_clock    clock;
    struct ck_figure {
        char    group[160];           /* the case's name without its last word */
        double  share;
        ck_peak peak;
    } figure[CK_FIGURES];
    int         figures;
    double      peak[CK_PEAKS];       /* best of all runs, per second */
};

/* Where the pointers of an op's arguments are, as offsets; 0 is the end or none
 * (except for the first tensor). */
struct ck_layout {
    size_t tensor[CK_TENSORS];
    int    tensors;
    size_t out[2];
    int    outs;
    size_t work, weight, pointer;
};

extern const struct ck_layout ck_layouts[ZK_OP_COUNT];

/* The largest struct of any op. */
union ck_args {
#define CK_ARGS_MEMBER(slot, args) struct args slot;
    ZK_OPS(CK_ARGS_MEMBER)
#undef CK_ARGS_MEMBER
};

size_t ck_args_size(zk_op op);
zk_tensor *ck_tensor_at(void *args, size_t offset);
zk_status ck_call(const zk_backend *be, zk_queue *q, zk_op op, const void *args);
int ck_types(zk_op op, const void *args, zk_dtype *types);
/* The outputs as tensors, pictures and numbers included; returns how many. */
int ck_outputs(zk_op op, const void *args, zk_tensor out[2]);
bool ck_has_weight(zk_op op);
/* Whether the backend serves an op with the reference. */
bool ck_is_reference(const zk_backend *be, zk_op op);
/* How a weight of these arguments is to be packed. */
struct zk_pack ck_pack_of(const struct ck *ck, zk_op op, const void *args);

/* Pages of their own; the block ends, rounded up to 64 bytes, where a page without
 * access begins. Both end the program if there is no memory. */
void *ck_pages(size_t bytes);
void  ck_pages_free(void *mem);
void *ck_need(size_t bytes);

zk_host ck_host(struct ck *ck, int thread_index);
struct ck_region *ck_region_of(struct ck *ck, const void *pointer);
void ck_case_end(struct ck *ck);
/* Prints a failure's headline and the arguments. */
void ck_fail(struct ck *ck, const char *target, zk_op op, const void *args, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* bench.c */
void ck_bench_head(struct ck *ck);
void ck_bench_tail(struct ck *ck);

#endif
