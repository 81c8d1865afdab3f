/* How the reference kernels look at tensors: one element at a time, or a stretch
 * of a row as f32. Private to kernels/ref. */
#ifndef ZK_REF_VIEW_H
#define ZK_REF_VIEW_H

#include "kernels/kernels.h"

/* A stretch of a row that fits on the stack; a multiple of every block size. */
#define ZK_REF_CHUNK 256

/* What a tensor of an op must be. ZK_AS_IN and ZK_AS_OUT are elements that can be
 * read or written as f32, ZK_AS_VECTOR is F32, ZK_AS_ROWS may be block-quantised. */
enum zk_role {
    ZK_AS_IN,
    ZK_AS_OUT,
    ZK_AS_ROWS,
    ZK_AS_VECTOR,
    ZK_AS_OPTIONAL_VECTOR,
};

struct zk_want {
    const zk_tensor *t;
    int32_t rows, cols;
    enum zk_role role;
};

/* The first failure among the tensors, which end with one whose t is NULL. */
zk_status zk_want_all(const struct zk_want *want);

#define ZK_WANT(...) zk_want_all((const struct zk_want[]){ __VA_ARGS__, { NULL, 0, 0, ZK_AS_IN } })

/* Whether t can be read (or, ZK_AS_OUT, written) in this role, whatever its shape. */
zk_status zk_want_type(const zk_tensor *t, enum zk_role role);

/* Whether t has memory, or needs none because it has no elements. */
zk_status zk_want_data(const zk_tensor *t);

/* Whether the steps are those of zk_dense4. */
bool zk_is_dense(const zk_tensor *t);

bool zk_act_known(zk_act act);

/* n elements of a row from a column on, both multiples of the type's block. */
void zk_row_f32(float *dst, const zk_tensor *t, int64_t row, int64_t col, int n);

/* What all elements of a weight are multiplied by. */
static inline float zk_scale_of(const zk_tensor *t)
{
    return t->scale != 0 ? t->scale : 1;
}

/* The address of an element; for block types of the block that begins there. */
static inline void *zk_address(const zk_tensor *t, int64_t element)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);

    return (char *)t->data + element / info->block * info->bytes;
}

/* The element at an offset in elements, of a type without blocks. */
static inline float zk_get_at(const zk_tensor *t, int64_t element)
{
    float x;

    if (t->type == ZK_F32)
        return ((const float *)t->data)[element];
    if (t->type == ZK_BF16)
        return zk_f32_from_bf16(((const uint16_t *)t->data)[element]);
    zk_dtype_get(t->type)->to_f32(&x, zk_address(t, element), 1);
    return x;
}

static inline void zk_put_at(const zk_tensor *t, int64_t element, float x)
{
    if (t->type == ZK_F32)
        ((float *)t->data)[element] = x;
    else
        zk_dtype_get(t->type)->from_f32(zk_address(t, element), &x, 1);
}

static inline float zk_get(const zk_tensor *t, int64_t row, int64_t col)
{
    return zk_get_at(t, row * t->step[2] + col);
}

static inline void zk_put(const zk_tensor *t, int64_t row, int64_t col, float x)
{
    zk_put_at(t, row * t->step[2] + col, x);
}

#endif
