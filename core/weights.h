/* Weights by name: tables say where each tensor of a model comes from, what
 * shape it must have and where it goes; this file finds, checks and loads them.
 *
 * A model binds itself block by block, each a struct of tensors with a table of
 * rows. Shapes are symbols: indices into a small array of numbers that the
 * model's config fills, so one table serves every size of a family. Symbol 0
 * always means 1.
 *
 * Thread safety: one thread at a time; what is bound is constant afterwards. */
#ifndef ZC_WEIGHTS_H
#define ZC_WEIGHTS_H

#include "core/op.h"

/* What a tensor is for, which decides how it is kept. */
enum zc_weight_use {
    ZC_VECTOR,            /* f32, as biases, norms and gates are */
    ZC_MATRIX,            /* of a linear: packed for the backend */
    ZC_KERNEL,            /* of a convolution: packed for the backend */
    ZC_TABLE,             /* of an embedding: rows as they are */
};

typedef struct zc_weight_row {
    const char *name;     /* after the block's prefix */
    size_t      offset;   /* of a zk_tensor in the block's struct */
    uint8_t     use;      /* enum zc_weight_use */
    uint8_t     dim[2];   /* symbols: rows and columns; rows of a vector are 1 */
    uint8_t     from;     /* symbol of the first row, where a tensor of the file is divided; or 0 */
    uint8_t     kernel[3];            /* ZC_KERNEL: time, height, width */
    uint8_t     optional; /* symbol: there is such a tensor if that number is not 0 */
} zc_weight_row;

/* Rows of a linear with its bias, and of a norm or another zc_lin of two vectors. */
#define ZC_LINEAR(type, field, stem, out, in)                                                      \
    { .name = stem ".weight", .offset = offsetof(type, field.w), .use = ZC_MATRIX,                 \
      .dim = { out, in } },                                                                        \
    { .name = stem ".bias", .offset = offsetof(type, field.b), .use = ZC_VECTOR, .dim = { 0, out } }

#define ZC_AFFINE(type, field, stem, n)                                                            \
    { .name = stem ".weight", .offset = offsetof(type, field.w), .use = ZC_VECTOR,                 \
      .dim = { 0, n } },                                                                           \
    { .name = stem ".bias", .offset = offsetof(type, field.b), .use = ZC_VECTOR, .dim = { 0, n } }

#define ZC_CONV(type, field, stem, out, in, kt, kh, kw)                                            \
    { .name = stem ".weight", .offset = offsetof(type, field.w), .use = ZC_KERNEL,                 \
      .dim = { out, in }, .kernel = { kt, kh, kw } },                                              \
    { .name = stem ".bias", .offset = offsetof(type, field.b), .use = ZC_VECTOR, .dim = { 0, out } }

typedef struct zc_weights zc_weights;

/* Binds the tensors of one block, named by the printf-like prefix and the rows'
 * names, into the struct at dst. Blocks are numbered from 0 in the order of
 * these calls. The first failure sticks in w, and later calls do nothing. */
void zc_weights_bind(zc_weights *w, const zc_weight_row *rows, int count, const int32_t *dims,
                     void *dst, const char *prefix, ...) ZC_PRINTF(6, 7);

/* Zeroed memory for count structs of a block, owned by w; NULL after a failure,
 * and for a count of 0. */
void *zc_weights_array(zc_weights *w, int count, size_t size);

/* Called at the head of a block with its number: makes sure its weights are
 * there, and polls for cancelling. w may be NULL when nothing is streamed. */
void zc_block_begin(zc_run *r, zc_weights *w, int block);

#endif
