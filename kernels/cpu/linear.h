/* The inner kernels of matrix products y = x w^T, and the layouts they share.
 * Private to kernels/cpu.
 *
 * Weights are cut into panels of ZK_PANEL_COLS outputs, inputs into strips of
 * rows; in both, neighbours along k of one output or row stay together, as many
 * as one dot-product instruction takes ("unit"):
 *
 *   f32   panel [k][48]        strip [k][8]
 *   bf16  panel [k/2][48][2]   strip [k/2][8][2]
 *   q8    panel [k/4][48][4], w + 128 in 8 bits, then f16 scales [k/32][48]
 *         strip [k/32] of struct zk_q8_rows
 *
 * k is padded with zeros to a multiple of the route's step. The layouts are the
 * same for all instruction sets.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_LINEAR_H
#define ZK_CPU_LINEAR_H

#include "kernels/kernels.h"

#define ZK_PANEL_COLS 48
#define ZK_STRIP_ROWS 8
#define ZK_Q8_ROWS 4
#define ZK_Q8_BLOCK 32

/* 32 elements of 4 rows in 8 bits. The panel holds w + 128, and so the sum of
 * products begins at -128 times the sum of the row's elements. */
struct zk_q8_rows {
    int32_t begin[ZK_Q8_ROWS];
    float   scale[ZK_Q8_ROWS];
    int8_t  q[ZK_Q8_BLOCK / 4][ZK_Q8_ROWS][4];
};

/* c[i][j] = or += sum over k of strip row i times panel column j */
struct zk_tile {
    float          *c;                /* [strip rows][48], 64-byte aligned */
    const void     *a;                /* strip, at the first k */
    const void     *b;                /* panel, at the first k; 64-byte aligned */
    const uint16_t *b_scale;          /* q8 only */
    int32_t         rows;             /* of the strip, that are wanted; others may be written */
    int32_t         k;                /* a multiple of the route's step */
    bool            add;
    struct zk_ahead {                 /* what will be needed soon: fetched meanwhile, */
        const uint8_t *at;
        int32_t        step;          /* so many bytes with every step of k */
    } next_a, next_b;
};

/* 8 rows become columns of words of 4 bytes: element k of row i goes to word
 * k * step + i of an f32 dst, elements 2 k and 2 k + 1 to the halves of that word
 * in bf16. Up to `padded` elements, an even number not below k, are written; zeros
 * behind k. */
struct zk_columns {
    void       *dst;
    int64_t     step;
    const void *row[ZK_STRIP_ROWS];   /* may repeat */
    zk_dtype    type;                 /* of the rows: F32, BF16, F16 */
    int32_t     k, padded;
};

/* Rows of dst = act(c * scale + bias) */
struct zk_finish {
    const float *c;                   /* [rows][48] */
    const float *bias;                /* [cols], or NULL */
    void        *dst;                 /* of the first row and column */
    int64_t      dst_step;            /* elements */
    zk_dtype     type;                /* of dst: F32, BF16, F16 */
    zk_act       act;
    float        scale;
    int32_t      rows, cols;
};

struct zk_cpu_linear {
    const char *chosen;               /* for the log */

    /* Products; NULL where this processor has no such instruction. */
    void (*tile_f32)(const struct zk_tile *);
    void (*tile_f32_bf16)(const struct zk_tile *);    /* strip f32, panel bf16 */
    void (*tile_bf16)(const struct zk_tile *);
    void (*tile_q8)(const struct zk_tile *);

    void (*columns_f32)(const struct zk_columns *);
    void (*columns_bf16)(const struct zk_columns *);
    void (*columns_q8)(const struct zk_columns *);    /* 4 rows to zk_q8_rows; step is unused */
    void (*finish)(const struct zk_finish *);

    /* As dtype.h's; of every type that has one there. */
    void (*to_f32[ZK_DTYPE_COUNT])(float *dst, const void *src, size_t n);
};

/* Plain C. */
void zk_tile_f32_c(const struct zk_tile *t);
void zk_tile_f32_bf16_c(const struct zk_tile *t);
void zk_columns_f32_c(const struct zk_columns *c);
void zk_columns_bf16_c(const struct zk_columns *c);
void zk_finish_c(const struct zk_finish *f);

void zk_cpu_linear_init(struct zk_cpu_linear *l, unsigned flags);

/* Entries of the backend's table. */
zk_status zk_cpu_linear(zk_queue *q, const struct zk_linear *a);
bool      zk_cpu_linear_takes(const zk_dtype *types, int count);
size_t    zk_cpu_linear_work(const zk_queue *q, const void *args);
size_t    zk_cpu_linear_packed_size(const zk_queue *q, const struct zk_pack *p);
zk_status zk_cpu_linear_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed);

#endif
