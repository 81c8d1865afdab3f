/* The inner kernels of normalisations. Private to kernels/cpu.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_NORM_H
#define ZK_CPU_NORM_H

#include "kernels/cpu/rows.h"

/* A group norm under way: a chunk is `chunk` rows, the last may have fewer. */
struct zk_group_norm {
    const struct zk_norm *op;
    int64_t chunk;
    double *partial;      /* [chunks, groups] of mean, and sum of squares about it */
    float *mean, *factor, *rest;  /* [cols] each: dst = act((src - mean) * factor + rest) */
};

struct zk_cpu_norm {
    zk_row_fn *norm;          /* zk_norm, all kinds but groups */
    zk_row_fn *norm_mod;      /* zk_norm_mod */
    zk_row_fn *qk_norm;       /* zk_qk_norm; 16 bytes of scratch a head */
    zk_row_fn *group_sums;    /* zk_group_norm; one row is one chunk; 3 * cols floats of scratch */
    zk_row_fn *group_apply;   /* zk_group_norm */
    const char *chosen;       /* for the log */
};

void zk_cpu_norm_init(struct zk_cpu_norm *d, unsigned flags);
void zk_cpu_norm_c(struct zk_cpu_norm *d);
void zk_cpu_norm_avx2(struct zk_cpu_norm *d);
void zk_cpu_norm_avx512(struct zk_cpu_norm *d);
void zk_cpu_norm_bf16(struct zk_cpu_norm *d);
void zk_cpu_norm_neon(struct zk_cpu_norm *d);

size_t zk_cpu_norm_work(const zk_queue *q, const void *args);
zk_status zk_cpu_norm(zk_queue *q, const struct zk_norm *a);
zk_status zk_cpu_norm_mod(zk_queue *q, const struct zk_norm_mod *a);
zk_status zk_cpu_qk_norm(zk_queue *q, const struct zk_qk_norm *a);

#endif
