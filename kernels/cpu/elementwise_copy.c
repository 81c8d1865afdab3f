/* What moves elements on the CPU: casts, embeddings, upsampling, permutations. */

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/inline.h"
#include "kernels/ref/ref.h"

/* Elements that are converted at a time where it takes two steps; a multiple of every block. */
#define STRETCH 2048

static char *address(const zk_tensor *t, int64_t element)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);

    return (char *)t->data + element / info->block * info->bytes;
}

/* Row kernel of zk_cast between any two types, through f32. */
static void cast_any(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                     void *scratch)
{
    const struct zk_cast *a = args;
    const zk_dtype_info *to = zk_dtype_get(a->dst.type), *from = zk_dtype_get(a->src.type);
    const float scale = a->src.scale != 0 ? a->src.scale : 1;
    float *x = scratch;

    for (int64_t r = begin; r < end; r++) {
        char *dst = address(&a->dst, r * a->dst.step[2]);
        const char *src = address(&a->src, r * a->src.step[2]);
        for (int64_t left = zk_row_length(rows, r); left > 0; left -= STRETCH) {
            const int64_t n = left < STRETCH ? left : STRETCH;
            from->to_f32(x, src, (size_t)n);
            for (int64_t i = 0; i < n; i++)
                x[i] *= scale;
            to->from_f32(dst, x, (size_t)n);
            src += n / from->block * from->bytes;
            dst += n / to->block * to->bytes;
        }
    }
}

/* Row kernel of zk_cast where there is nothing to convert. */
static void copy_any(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                     void *scratch)
{
    const struct zk_cast *a = args;
    const zk_dtype_info *info = zk_dtype_get(a->dst.type);

    (void)scratch;
    for (int64_t r = begin; r < end; r++)
        memmove(address(&a->dst, r * a->dst.step[2]), address(&a->src, r * a->src.step[2]),
                (size_t)(zk_row_length(rows, r) / info->block * info->bytes));
}

/* Whether rows of t are whole words. */
static bool is_words(const zk_tensor *t, int64_t bytes)
{
    return (uintptr_t)t->data % sizeof(float) == 0 && t->step[2] * bytes % (int)sizeof(float) == 0;
}

/* The best row kernel for rows of a. Copies of whole words become copies of F32. */
static zk_row_fn *caster(zk_queue *q, struct zk_cast *a, struct zk_rows *rows)
{
    const struct zk_cpu_elementwise *d = &zk_cpu_of(q)->dsp.elementwise;
    const zk_dtype_info *info = zk_dtype_get(a->dst.type);
    const int64_t bytes = info->bytes;

    if (a->dst.type != a->src.type || (a->src.scale != 0 && a->src.scale != 1))
        return zk_fast_out(&a->dst) && zk_fast_in(&a->src) ? d->cast : cast_any;
    if (info->block != 1 || !is_words(&a->dst, bytes) || !is_words(&a->src, bytes) ||
        rows->cols * bytes % 4 != 0 || rows->last * bytes % 4 != 0)
        return copy_any;
    a->dst.type = a->src.type = ZK_F32;
    a->dst.step[2] = a->dst.step[2] * bytes / 4;
    a->src.step[2] = a->src.step[2] * bytes / 4;
    *rows = (struct zk_rows){ rows->count, rows->cols * bytes / 4, rows->last * bytes / 4 };
    return d->copy;
}

/* Whether the three outer axes of t can be walked with one step. */
static bool is_even(const zk_tensor *t)
{
    return (t->dim[0] == 1 || t->step[0] == t->dim[1] * t->step[1]) &&
           (t->dim[0] * t->dim[1] == 1 || t->step[1] == t->dim[2] * t->step[2]);
}

zk_status zk_cpu_cast(zk_queue *q, const struct zk_cast *a)
{
    const zk_status st = zk_check_cast(a);
    const int32_t *dim = a->dst.dim;

    if (st != ZK_OK)
        return st;
    const bool even = is_even(&a->dst) && is_even(&a->src);
    const int64_t planes = even ? 1 : (int64_t)dim[0] * dim[1];
    for (int64_t i = 0; i < planes; i++) {
        const int64_t t = i / dim[1], h = i % dim[1];
        struct zk_cast op = *a;
        struct zk_rows rows = zk_rows_of(&a->dst);
        if (even)
            rows.count *= (int64_t)dim[0] * dim[1];
        op.dst.data = address(&a->dst, t * a->dst.step[0] + h * a->dst.step[1]);
        op.src.data = address(&a->src, t * a->src.step[0] + h * a->src.step[1]);
        rows = zk_rows_flat(rows, (zk_tensor *[]){ &op.dst, &op.src }, 2);
        zk_row_fn *fn = caster(q, &op, &rows);
        zk_cpu_rows(q, fn, &op, &rows);
    }
    return ZK_OK;
}

struct embed {
    zk_queue *q;
    const struct zk_embed *op;
};

static void embed(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                  void *scratch)
{
    const struct embed *e = args;
    const struct zk_embed *a = e->op;
    const int32_t *ids = a->ids.data;

    for (int64_t i = begin; i < end; i++) {
        struct zk_cast op = { .dst = a->dst, .src = a->table };
        struct zk_rows one = { 1, rows->cols, rows->cols };
        op.dst.data = address(&a->dst, i * a->dst.step[2]);
        op.src.data = address(&a->table, ids[i] * a->table.step[2]);
        caster(e->q, &op, &one)(&op, &one, 0, 1, scratch);
    }
}

zk_status zk_cpu_embed(zk_queue *q, const struct zk_embed *a)
{
    const zk_status st = zk_check_embed(a);
    const struct embed e = { q, a };
    const struct zk_rows rows = zk_rows_of(&a->dst);
    const int32_t *ids = a->ids.data;

    if (st != ZK_OK)
        return st;
    for (int64_t i = 0; i < rows.count; i++) {
        if (ids[i] < 0 || ids[i] >= a->table.dim[2])
            return ZK_E_ARGUMENT;
    }
    zk_cpu_rows(q, embed, &e, &rows);
    return ZK_OK;
}

/* One row is a row of pixels of dst. */
static void upsample(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                     void *scratch)
{
    const struct zk_upsample *a = args;
    const zk_tensor *d = &a->dst, *s = &a->src;
    const size_t pixel = (size_t)d->dim[3] * (size_t)zk_dtype_get(d->type)->bytes;

    (void)rows;
    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        const int64_t t = r / d->dim[1], h = r % d->dim[1];
        const int64_t from_t = t < a->single ? t : a->single + (t - a->single) / a->by[0];
        const char *from = address(s, (from_t * s->dim[1] + h / a->by[1]) * s->dim[2] * s->dim[3]);
        char *to = address(d, r * d->dim[2] * d->dim[3]);
        if (a->by[2] == 1) {
            memcpy(to, from, pixel * (size_t)d->dim[2]);
            continue;
        }
        for (int32_t w = 0; w < s->dim[2]; w++, from += pixel) {
            for (int32_t n = 0; n < a->by[2]; n++, to += pixel)
                memcpy(to, from, pixel);
        }
    }
}

zk_status zk_cpu_upsample(zk_queue *q, const struct zk_upsample *a)
{
    const zk_status st = zk_check_upsample(a);
    const int64_t cols = (int64_t)a->dst.dim[2] * a->dst.dim[3];
    const struct zk_rows rows = { (int64_t)a->dst.dim[0] * a->dst.dim[1], cols, cols };

    if (st == ZK_OK)
        zk_cpu_rows(q, upsample, a, &rows);
    return st;
}

/* A permutation without axes that do nothing: the innermost axis of dst, one
 * whose elements are neighbours in src, and the rest. */
struct permute {
    char *dst;
    const char *src;
    int64_t bytes;                        /* of an element */
    int64_t inner, inner_step;            /* steps count elements of src */
    int64_t cross, cross_step, cross_to;  /* step 1 if there is such an axis; cross_to: of dst */
    int64_t tile;                         /* elements of the crossing axis that make a row */
    int outer;
    int64_t dim[5], step[5], to[5];       /* outermost first; to: steps in dst */
};

/* Side of the squares that are transposed at a time, and the least that is worth a row. */
#define TILE 32
#define ROW 4096

ZK_INLINE void permute_tile(const struct permute *p, char *dst, const char *src, int64_t cross,
                            size_t bytes)
{
    const int64_t down = p->cross_to * (int64_t)bytes, right = p->inner_step * (int64_t)bytes;
    const int64_t across = p->cross_step * (int64_t)bytes;

    for (int64_t i = 0; i < p->inner; i += TILE) {
        const int64_t n = p->inner - i < TILE ? p->inner - i : TILE;
        for (int64_t c = 0; c < cross; c++) {
            char *to = dst + c * down + i * (int64_t)bytes;
            const char *from = src + c * across + i * right;
            for (int64_t k = 0; k < n; k++, to += bytes, from += right)
                memcpy(to, from, bytes);
        }
    }
}

/* One row is a tile of the crossing axis by all of the innermost. */
static void permute(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                    void *scratch)
{
    const struct permute *p = args;
    const int64_t tiles = (p->cross + p->tile - 1) / p->tile;

    (void)rows;
    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        const int64_t at = r % tiles * p->tile;
        const int64_t cross = p->cross - at < p->tile ? p->cross - at : p->tile;
        int64_t to = at * p->cross_to, from = at * p->cross_step, left = r / tiles;
        for (int x = p->outer - 1; x >= 0; x--) {
            to += left % p->dim[x] * p->to[x];
            from += left % p->dim[x] * p->step[x];
            left /= p->dim[x];
        }
        char *dst = p->dst + to * p->bytes;
        const char *src = p->src + from * p->bytes;
        if (p->inner_step == 1) {
            for (int64_t c = 0; c < cross; c++)
                memcpy(dst + c * p->cross_to * p->bytes, src + c * p->cross_step * p->bytes,
                       (size_t)(p->inner * p->bytes));
        } else if (p->bytes == 4) {
            permute_tile(p, dst, src, cross, 4);
        } else if (p->bytes == 2) {
            permute_tile(p, dst, src, cross, 2);
        } else {
            permute_tile(p, dst, src, cross, (size_t)p->bytes);
        }
    }
}

/* Drops axes of one element, and joins those that are one axis cut in two. */
static int simplify(const struct zk_permute *a, int64_t dim[6], int64_t step[6])
{
    int n = 0;

    for (int x = 0; x < 6; x++) {
        if (a->dim[x] == 1)
            continue;
        if (n > 0 && step[n - 1] == a->dim[x] * a->step[x]) {
            dim[n - 1] *= a->dim[x];
            step[n - 1] = a->step[x];
        } else {
            dim[n] = a->dim[x];
            step[n++] = a->step[x];
        }
    }
    return n;
}

zk_status zk_cpu_permute(zk_queue *q, const struct zk_permute *a)
{
    const zk_status st = zk_check_permute(a);
    int64_t dim[6], step[6], total = 1, rows = 1;

    for (int x = 0; x < 6 && st == ZK_OK; x++)
        total *= a->dim[x];
    if (st != ZK_OK || total == 0)
        return st;
    const int last = simplify(a, dim, step) - 1;
    struct permute p = {
        .dst = a->dst.data,
        .src = a->src.data,
        .bytes = zk_dtype_get(a->dst.type)->bytes,
        .inner = last < 0 ? 1 : dim[last],
        .inner_step = last < 0 ? 1 : step[last],
        .cross = 1,
    };
    /* The axis next to the innermost crosses it, or better one that runs along src. */
    int cross = last - 1;
    for (int x = 0; x < last; x++) {
        if (step[x] == 1)
            cross = x;
    }
    int64_t to = p.inner;
    for (int x = last - 1; x >= 0; to *= dim[x--]) {
        if (x == cross) {
            p.cross = dim[x];
            p.cross_step = step[x];
            p.cross_to = to;
        }
    }
    p.tile = p.inner < ROW / TILE ? ROW / p.inner : TILE;
    to = total;
    for (int x = 0; x < last; x++) {
        to /= dim[x];
        if (x == cross)
            continue;
        p.dim[p.outer] = dim[x];
        p.step[p.outer] = step[x];
        p.to[p.outer++] = to;
        rows *= dim[x];
    }
    const struct zk_rows work = {
        .count = rows * ((p.cross + p.tile - 1) / p.tile),
        .cols = p.inner * (p.cross < p.tile ? p.cross : p.tile),
    };
    zk_cpu_rows(q, permute, &p, &work);
    return ZK_OK;
}
