/* How kernels that go row by row are run. Private to kernels/cpu.
 *
 * A row kernel does rows [begin, end) of an op. What it computes for a row does
 * not depend on which others it is given.
 *
 * Thread safety: zk_cpu_rows is for the queue's thread; row kernels may run on
 * several at once. */
#ifndef ZK_CPU_ROWS_H
#define ZK_CPU_ROWS_H

#include "kernels/queue.h"

/* Results of at least so many bytes are written past the caches: the next op
 * would not find them there anyway. */
#define ZK_CPU_STREAM_BYTES ((int64_t)16 << 20)

/* Elements of a row of a flattened op. */
#define ZK_CPU_FLAT 4096

/* The rows of an op: all have `cols` elements, but for the last, which has `last`. */
struct zk_rows {
    int64_t count, cols, last;
};

static inline int64_t zk_row_length(const struct zk_rows *rows, int64_t row)
{
    return row == rows->count - 1 ? rows->last : rows->cols;
}

/* args is the op's struct; scratch are ZK_CPU_SCRATCH bytes of this thread. */
typedef void zk_row_fn(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                       void *scratch);

/* Runs fn over all rows, on as many threads as that is worth. */
void zk_cpu_rows(zk_queue *q, zk_row_fn *fn, const void *args, const struct zk_rows *rows);

/* The last two axes of t as rows. */
static inline struct zk_rows zk_rows_of(const zk_tensor *t)
{
    return (struct zk_rows){ t->dim[2], t->dim[3], t->dim[3] };
}

/* Makes one long row of tensors whose rows follow each other without gaps, and
 * cuts it anew; for ops that know no columns. Unless all of them are like that,
 * nothing changes. Only data and step[2] of the tensors hold afterwards. */
struct zk_rows zk_rows_flat(struct zk_rows rows, zk_tensor *const *tensors, int count);

/* Types that the vector kernels load and store. */
static inline bool zk_fast_out(const zk_tensor *t)
{
    return t->type == ZK_F32 || t->type == ZK_BF16 || t->type == ZK_F16;
}

static inline bool zk_fast_in(const zk_tensor *t)
{
    return zk_fast_out(t) || t->type == ZK_F8_E4M3 || t->type == ZK_F8_E5M2;
}

static inline int64_t zk_fast_bytes(zk_dtype type)
{
    return type == ZK_F32 ? 4 : type == ZK_BF16 || type == ZK_F16 ? 2 : 1;
}

static inline void *zk_row_at(const zk_tensor *t, int64_t row)
{
    return (char *)t->data + row * t->step[2] * zk_fast_bytes(t->type);
}

/* Whether to write dst past the caches. It must not be one of the sources. */
static inline bool zk_rows_stream(const zk_tensor *dst, const struct zk_rows *rows)
{
    const int64_t pitch = dst->step[2] * zk_fast_bytes(dst->type);

    return (uintptr_t)dst->data % 64 == 0 && pitch % 64 == 0 &&
           rows->count * rows->cols * zk_fast_bytes(dst->type) >= ZK_CPU_STREAM_BYTES;
}

#endif
