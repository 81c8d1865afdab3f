/* The inner kernels of what goes element by element. Private to kernels/cpu.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_ELEMENTWISE_H
#define ZK_CPU_ELEMENTWISE_H

#include "kernels/cpu/rows.h"

/* A drift under way. A row is a chunk of the sum, and has its own two results. */
struct zk_drift_sums {
    zk_tensor a, b;
    double (*out)[2];         /* [rows]: sum |a - b|, sum |b| */
};

/* Columns that one row of a mean is about. */
#define ZK_MEAN_COLS 512

struct zk_cpu_elementwise {
    zk_row_fn *add_gated;     /* zk_add_gated */
    zk_row_fn *add, *mul;     /* zk_binary */
    zk_row_fn *act;           /* zk_unary */
    zk_row_fn *glu;           /* zk_glu */
    zk_row_fn *cast;          /* zk_cast of types that vectors load and store */
    zk_row_fn *copy;          /* zk_cast of F32 to F32, bit by bit */
    zk_row_fn *mix;           /* zk_mix */
    zk_row_fn *guide;         /* zk_guide */
    zk_row_fn *drift;         /* zk_drift_sums */
    zk_row_fn *mean;          /* zk_mean; one row is ZK_MEAN_COLS columns */
    const char *chosen;       /* for the log */
};

void zk_cpu_elementwise_init(struct zk_cpu_elementwise *d, unsigned flags);
void zk_cpu_elementwise_c(struct zk_cpu_elementwise *d);
void zk_cpu_elementwise_avx2(struct zk_cpu_elementwise *d);
void zk_cpu_elementwise_avx512(struct zk_cpu_elementwise *d);
void zk_cpu_elementwise_neon(struct zk_cpu_elementwise *d);

/* The activations alone, which are part of the above. */
void zk_cpu_elementwise_act_c(struct zk_cpu_elementwise *d);
void zk_cpu_elementwise_act_avx2(struct zk_cpu_elementwise *d);
void zk_cpu_elementwise_act_avx512(struct zk_cpu_elementwise *d);
void zk_cpu_elementwise_act_bf16(struct zk_cpu_elementwise *d);
void zk_cpu_elementwise_act_neon(struct zk_cpu_elementwise *d);

zk_status zk_cpu_add_gated(zk_queue *q, const struct zk_add_gated *a);
zk_status zk_cpu_add(zk_queue *q, const struct zk_binary *a);
zk_status zk_cpu_mul(zk_queue *q, const struct zk_binary *a);
zk_status zk_cpu_act(zk_queue *q, const struct zk_unary *a);
zk_status zk_cpu_glu(zk_queue *q, const struct zk_glu *a);
zk_status zk_cpu_mean(zk_queue *q, const struct zk_mean *a);
zk_status zk_cpu_mix(zk_queue *q, const struct zk_mix *a);
size_t zk_cpu_drift_work(const zk_queue *q, const void *args);
zk_status zk_cpu_drift(zk_queue *q, const struct zk_drift *a);
zk_status zk_cpu_guide(zk_queue *q, const struct zk_guide *a);

/* elementwise_copy.c: what moves elements. */
zk_status zk_cpu_embed(zk_queue *q, const struct zk_embed *a);
zk_status zk_cpu_upsample(zk_queue *q, const struct zk_upsample *a);
zk_status zk_cpu_permute(zk_queue *q, const struct zk_permute *a);
zk_status zk_cpu_cast(zk_queue *q, const struct zk_cast *a);

#endif
