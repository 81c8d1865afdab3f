/* What the host hands to the kernels on the device: one struct for each, passed by
 * value. Read by C and by CUDA's C++, so nothing but plain numbers and pointers.
 * Pointers are the device's. */
#ifndef ZK_CUDA_ARGS_H
#define ZK_CUDA_ARGS_H

#include <stdint.h>

#include "kernels/dtype.h"

/* zk_act by number, which kernels.h can't tell to C++. */
enum { ZK_CUDA_SILU = 1, ZK_CUDA_GELU_TANH, ZK_CUDA_GELU_ERF, ZK_CUDA_QUICK_GELU };

/* A matrix, or the rows of a tensor. */
struct zk_cuda_mat {
    void   *data;
    int64_t step;         /* elements from row to row */
    int32_t type;         /* zk_dtype */
    float   scale;        /* weights: of all values */
};

#define ZK_CUDA_SOURCES 9

enum zk_cuda_rows_op {
    ZK_CUDA_ADD_GATED, ZK_CUDA_ADD, ZK_CUDA_MUL, ZK_CUDA_ACT, ZK_CUDA_GLU, ZK_CUDA_MIX,
    ZK_CUDA_GUIDE, ZK_CUDA_CAST, ZK_CUDA_FINISH
};

/* Element by element. Vectors are read as a source whose step is 0. */
struct zk_cuda_rows {
    int32_t op, act, count;
    int32_t rows, cols;
    struct zk_cuda_mat dst, src[ZK_CUDA_SOURCES];
    float   coef[ZK_CUDA_SOURCES], bias;
};

/* Rows of bytes, from anywhere to anywhere. */
struct zk_cuda_copy {
    void   *dst;
    const void *src;
    int32_t dim[3];       /* axes before the last */
    int64_t dst_step[3], src_step[3];     /* bytes */
    int64_t bytes;        /* of a row */
};

/* To a type without blocks, from any. */
struct zk_cuda_cast {
    struct zk_cuda_mat dst, src;
    int32_t dim[4];
    int64_t dst_step[3], src_step[3];     /* elements */
};

struct zk_cuda_embed {
    struct zk_cuda_mat dst, table;
    const int32_t *ids;
    int32_t rows, cols;
};

/* Sums over rows or columns. */
struct zk_cuda_sums {
    struct zk_cuda_mat dst, a, b;
    int32_t rows, cols, parts;
    float   strength;
    double *work;
};

enum zk_cuda_norm_kind { ZK_CUDA_LAYER, ZK_CUDA_RMS, ZK_CUDA_L2, ZK_CUDA_GROUP };

/* (x - mean) * factor * (plus + weight) + bias */
struct zk_cuda_norm {
    struct zk_cuda_mat dst, src;
    const float *weight, *bias;           /* NULL: 1 and 0; plus is 0 or 1 */
    int32_t kind, act, rows, cols, groups, parts;
    float   eps, plus;
    double *work;                         /* ZK_CUDA_GROUP */
};

struct zk_cuda_heads {
    struct zk_cuda_mat x[2];              /* q and k */
    const float *a[2];                    /* weights of each, or cos and sin */
    int64_t a_step[2];
    int32_t heads[2], rows, d, halves;
    float   eps;
};

/* Bytes that attention on matrix units shares in a block: 128 queries, two steps of 64 keys. */
#define ZK_CUDA_ATTEND_QUERIES 128
#define ZK_CUDA_ATTEND_KEYS 64
#define ZK_CUDA_ATTEND_SHARED(head) \
    ((ZK_CUDA_ATTEND_QUERIES + 4 * ZK_CUDA_ATTEND_KEYS) * (head) * 2)

struct zk_cuda_attend {
    struct zk_cuda_mat dst, q, k, v;
    int32_t queries, keys, heads, kv_heads, d;
    int32_t mask, block;                  /* as zk_mask */
    int32_t vector;                       /* rows can be read 16 bytes at a time */
    float   scale;
};

/* A product with weights over gathered pixels; a linear is one of a single row of
 * pixels with a kernel of 1. Weights are [out][terms][taps][in]. */
struct zk_cuda_gemm {
    struct zk_cuda_mat dst, src, weight;  /* steps are those of pixels, and of out */
    const float *bias;
    int64_t rows;                         /* output pixels */
    int32_t cols, in;                     /* out, and channels of the source */
    int32_t terms;                        /* of which each weight is the sum */
    int32_t from[3], to[3];               /* sizes of source and result */
    int32_t kernel[3], stride[3], before[3];
    int32_t edge, act;
    int32_t vector;                       /* channels can be read 8 at a time */
};

#define ZK_CUDA_GEMM_TILE 128             /* rows and columns of a block with terms */
#define ZK_CUDA_GEMM_F32_TILE 64          /* and without */

/* A weight into the layout above: bf16 terms, or f32 when there are none. */
struct zk_cuda_pack {
    struct zk_cuda_mat src;
    void   *dst;
    int32_t rows, in, taps, terms;
};

/* Activations in 8 bits with one scale: the largest of each part, then all of them. */
struct zk_cuda_f8 {
    struct zk_cuda_mat src;               /* rows can be read 8 elements at a time */
    uint8_t *dst;                         /* rows without gaps */
    float   *most, *scale;                /* of the parts, and what dst is to be multiplied by */
    int32_t  rows, cols, parts;
};

#define ZK_CUDA_F8_PARTS 256              /* at most; also the threads of a block */

struct zk_cuda_upsample {
    void   *dst;
    const void *src;
    int32_t from[3], to[3], by[3], single;
    int64_t bytes;                        /* of a pixel */
};

struct zk_cuda_permute {
    void   *dst;
    const void *src;
    int32_t dim[6], bytes;
    int64_t step[6], count;
};

struct zk_cuda_pixels {
    struct zk_cuda_mat src;               /* step is that of rows */
    int64_t pixel;                        /* elements between neighbours */
    void   *dst;
    int64_t pitch;
    int32_t height, width, format;
};

/* Every kernel: its name after zk_gpu_, and the file it is in. */
#define ZK_CUDA_KERNELS(_)                                                                         \
    _(attend_bf16_64, attention)                                                                   \
    _(attend_bf16_128, attention)                                                                  \
    _(attend_f16_64, attention)                                                                    \
    _(attend_f16_128, attention)                                                                   \
    _(attend_any, attention)                                                                       \
    _(gemm_bf16, linear)                                                                           \
    _(gemm_f32, linear)                                                                            \
    _(few_rows, linear)                                                                            \
    _(embed, linear)                                                                               \
    _(pack, quant)                                                                                 \
    _(cast, quant)                                                                                 \
    _(copy, quant)                                                                                 \
    _(f8_most, quant)                                                                              \
    _(f8_rows, quant)                                                                              \
    _(upsample, conv)                                                                              \
    _(permute, conv)                                                                               \
    _(rows_8, elementwise)                                                                         \
    _(rows_1, elementwise)                                                                         \
    _(mean, elementwise)                                                                           \
    _(drift, elementwise)                                                                          \
    _(drift_end, elementwise)                                                                      \
    _(guide_norm, elementwise)                                                                     \
    _(norm, norm)                                                                                  \
    _(group_part, norm)                                                                            \
    _(group_end, norm)                                                                             \
    _(group_apply, norm)                                                                           \
    _(qk_norm, norm)                                                                               \
    _(rope, rope)                                                                                  \
    _(pixels, pixel)

#define ZK_CUDA_MODULES(_)                                                                         \
    _(attention) _(linear) _(quant) _(conv) _(elementwise) _(norm) _(rope) _(pixel)

#endif
