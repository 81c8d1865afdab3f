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

#include "core/base/log.h"
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
    uint8_t     from, whole;          /* symbols, where a tensor of the file is divided: first row
                                         (0: from the start), and rows of all parts; or both 0 */
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

/* One tensor of a checkpoint, under the name that models know it by. */
typedef struct zc_source_tensor {
    const void *handle;       /* the source's own */
    zk_dtype    type;         /* that read delivers */
    float       scale;        /* of all values; 1 for most */
    int32_t     rank;
    int64_t     dim[8];       /* outermost first */
} zc_source_tensor;

/* Where tensors come from: core/io has the one for files. */
typedef struct zc_source {
    void *user;
    const char *name;         /* of the file or folder, for messages */
    /* ZC_E_MISSING, without a message, if there is no such tensor; other failures say why. */
    zc_status (*find)(void *user, zc_log *log, const char *name, zc_source_tensor *out);
    /* Elements [from, from + count) of the tensor, whole blocks, to dst. pool may be NULL. */
    zc_status (*read)(void *user, zc_log *log, const zc_source_tensor *t, int64_t from,
                      int64_t count, void *dst, zc_pool *pool);
} zc_source;

/* The tensor of that name, of `rank` axes at least; a missing one is a message too. */
zc_status zc_source_need(const zc_source *s, zc_log *log, const char *name, int rank,
                         zc_source_tensor *out);

/* How many tensors there are of a name with one %d, counted from 0 without a gap. */
int zc_source_count(const zc_source *s, const char *format);

typedef struct zc_weights zc_weights;

typedef struct zc_weights_desc {
    zc_log           *log;
    const zk_backend *be;
    zk_queue         *queue;
    zk_dtype          act;            /* of the activations that matrices will meet */
    bool              f8;             /* which may be rounded to F8 where a matrix is of F8 */
    const zc_source  *source;         /* NULL: a plan without any file; borrowed */
    zk_dtype          assume;         /* type of matrices in such a plan */
    uint64_t          budget;         /* bytes that may be resident; 0: no limit */
} zc_weights_desc;

zc_status zc_weights_open(zc_weights **out, const zc_weights_desc *desc);
void      zc_weights_close(zc_weights **w);           /* structs that were bound are dead then */

/* Binds the tensors of one block, named by the printf-like prefix and the rows'
 * names, into the struct at dst. Blocks are numbered from 0 in the order of
 * these calls; block 0 always stays, for it holds what stands around the others.
 * The first failure sticks in w, and later calls do nothing. */
void zc_weights_bind(zc_weights *w, const zc_weight_row *rows, int count, const int32_t *dims,
                     void *dst, const char *prefix, ...) ZC_PRINTF(6, 7);

/* Blocks that are bound from here on are only needed before sampling: under a
 * budget they never stay, so that others can. */
void zc_weights_early(zc_weights *w);

/* Zeroed memory for count structs of a block, owned by w; NULL after a failure,
 * and for a count of 0. */
void *zc_weights_array(zc_weights *w, int count, size_t size);

typedef struct zc_weights_plan {
    int      tensors, blocks, streamed;       /* streamed blocks are read again in every step */
    uint64_t parameters;
    uint64_t bytes;                           /* of all, as the backend keeps them */
    uint64_t resident;                        /* bytes that stay */
    uint64_t every_step, once;                /* bytes that are read in each step, or before all */
    uint64_t slot, staging;                   /* bytes for streamed blocks, packed and as read */
} zc_weights_plan;

/* What loading will do, after all is bound; or the first failure of binding. ZC_E_NOMEM if the
 * budget does not even hold one block at a time. */
zc_status zc_weights_plan_get(zc_weights *w, zc_weights_plan *plan);

/* Reads and packs what stays; streamed blocks follow when they are needed. The pool is used
 * during the call. */
zc_status zc_weights_load(zc_weights *w, zc_pool *pool, zc_cancel *cancel);

/* Are there blocks that are read anew in every step? Such weights have one user at a time. */
bool zc_weights_streams(const zc_weights *w);

/* From here on the store works for another queue of the same backend, and tells another log,
 * which may be NULL. While nobody uses it; w may be NULL. */
void zc_weights_attach(zc_weights *w, zk_queue *queue, zc_log *log);

/* Called at the head of a block with its number: makes sure its weights are
 * there, and polls for cancelling. w may be NULL when nothing is streamed. */
void zc_block_begin(zc_run *r, zc_weights *w, int block);

#endif
