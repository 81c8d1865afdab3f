/* Reading tensors under our names: pieces one below the other, as they are or
 * converted, and rows of heads put in order. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/size.h"
#include "core/io/names_list.h"

#define STEP 65536        /* elements that are converted at once; a multiple of every block */

/* A stretch of one piece that is wanted. */
struct stretch {
    const zc_piece *piece;
    int64_t from, count;          /* elements of the piece */
    int64_t columns;              /* elements of a row */
    uint8_t *dst;
};

/* Bytes of n elements of an entry, n being whole blocks. */
static uint64_t bytes_of(const zc_entry *e, int64_t n)
{
    uint64_t bytes = 0;

    (void)zk_dtype_size(e->type, (uint64_t)n, &bytes);
    return bytes;
}

/* The woven rows of the heads that a stretch touches, put in order. */
static zc_status read_woven(const zc_names *n, zc_log *log, const struct stretch *s, zc_pool *pool)
{
    const zc_piece *p = s->piece;
    const int64_t rows = s->count / s->columns, first = s->from / s->columns;
    const int64_t start = first / p->head * p->head;
    const int64_t end = (first + rows + p->head - 1) / p->head * p->head;
    const size_t row = (size_t)bytes_of(p->entry, s->columns);
    zc_status st = ZC_OK;
    uint8_t *raw = NULL;
    size_t size;

    ZC_CHECK(zc_size_mul(&size, row, (size_t)(end - start)) && (raw = zc_alloc_aligned(size)),
             ZC_E_NOMEM, "out of memory for tensor '%s'", zc_quote_text(p->entry->name).text);
    const zc_read read = { .entry = p->entry, .from = (uint64_t)(p->first + start) * row,
                           .bytes = size, .dst = raw };
    ZC_TRY(zc_container_read(n->c, log, pool, &read, 1));
    for (int64_t i = 0; i < rows; i++) {
        const int64_t at = first + i - start, in = at % p->head, half = p->head / 2;
        const int64_t woven = at - in + in % half * 2 + in / half;

        memcpy(s->dst + (size_t)i * row, raw + (size_t)woven * row, row);
    }
done:
    zc_free_aligned(raw);
    return st;
}

static zc_status read_raw(const zc_names *n, zc_log *log, const struct stretch *s, zc_pool *pool)
{
    const zc_piece *p = s->piece;

    if (p->head > 0)
        return read_woven(n, log, s, pool);
    const zc_read read = {
        .entry = p->entry,
        .from = bytes_of(p->entry, p->first * s->columns + s->from),
        .bytes = bytes_of(p->entry, s->count),
        .dst = s->dst,
    };
    return zc_container_read(n->c, log, pool, &read, 1);
}

/* To f32, with the scales applied. */
static zc_status read_converted(const zc_names *n, zc_log *log, const struct stretch *s,
                                zc_pool *pool)
{
    const zc_piece *p = s->piece;
    const zk_dtype_info *info = zk_dtype_get(p->entry->type);
    float *to = (float *)(void *)s->dst;
    struct stretch part = *s;
    zc_status st = ZC_OK;
    uint8_t *raw = NULL;

    ZC_CHECK(raw = zc_alloc_aligned((size_t)bytes_of(p->entry, s->count)), ZC_E_NOMEM,
             "out of memory for tensor '%s'", zc_quote_text(p->entry->name).text);
    part.dst = raw;
    ZC_TRY(read_raw(n, log, &part, pool));
    for (int64_t at = 0; at < s->count; at += STEP) {
        const int64_t m = s->count - at < STEP ? s->count - at : STEP;

        info->to_f32(to + at, raw + bytes_of(p->entry, at), (size_t)m);
    }
    for (int64_t i = 0; i < s->count; i++)
        to[i] *= p->row_scale ? p->row_scale[p->first + (s->from + i) / s->columns] : p->scale;
done:
    zc_free_aligned(raw);
    return st;
}

/* Elements of a row; false if the request is none of whole blocks inside t. */
static bool check_request(const zc_names *n, const zc_named *t, int64_t from, int64_t count,
                          int64_t *columns)
{
    const zc_piece *pieces = &n->pieces[t->first_piece];
    const int64_t rows = t->rank > 0 ? t->dim[0] : 1;
    uint64_t inner = 1, all;
    int64_t c;

    for (int i = 1; i < t->rank; i++) {
        if (!zc_u64_mul(&inner, inner, (uint64_t)t->dim[i]))
            return false;
    }
    if (!zc_u64_mul(&all, inner, (uint64_t)rows) || !zc_i64_narrow(&c, inner) || from < 0 ||
        count < 0 || !zc_u64_within((uint64_t)from, (uint64_t)count, all) || all > INT64_MAX)
        return false;
    *columns = c;
    for (uint32_t i = 0; i < t->pieces; i++) {
        const zc_piece *p = &pieces[i];
        const int32_t block = zk_dtype_get(p->entry->type)->block;

        if (from % block != 0 || count % block != 0)
            return false;
        if (t->pieces > 1 && (p->first * c % block != 0 || p->rows * c % block != 0))
            return false;
        if (p->head > 0 && c > 0 && (from % c != 0 || count % c != 0))
            return false;
    }
    return true;
}

zc_status zc_names_read(const zc_names *n, zc_log *log, const zc_named *t, int64_t from,
                        int64_t count, void *dst, zc_pool *pool)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);
    zc_status st = ZC_OK;
    int64_t columns, before = 0;
    uint8_t *to = dst;

    for (uint32_t i = 0; i < t->pieces; i++) {
        const zc_entry *e = n->pieces[t->first_piece + i].entry;

        ZC_CHECK(e->type != ZK_NONE && zk_dtype_get(e->type)->bytes > 0 &&
                     (!t->converted || zk_dtype_get(e->type)->to_f32), ZC_E_UNSUPPORTED,
                 "'%s': tensor '%s' is of type %s, which cannot be computed with",
                 zc_quote_path(zc_container_file_path(n->c, e->file)).text,
                 zc_quote_text(e->name).text, e->type_name);
    }
    ZC_CHECK(check_request(n, t, from, count, &columns), ZC_E_ARGUMENT,
             "tensor '%s' of %s has no whole blocks from element %lld to %lld",
             zc_quote_text(t->name).text, zc_shape(t->dim, t->rank).text, (long long)from,
             (long long)(from + count));
    for (uint32_t i = 0; i < t->pieces && count > 0; i++) {
        const zc_piece *p = &n->pieces[t->first_piece + i];
        const int64_t size = p->rows * columns;
        struct stretch s = { .piece = p, .columns = columns, .dst = to };

        if (from < before + size) {
            s.from = from - before;
            s.count = size - s.from < count ? size - s.from : count;
            ZC_TRY(t->converted ? read_converted(n, log, &s, pool) : read_raw(n, log, &s, pool));
            to += (size_t)(s.count / info->block) * (size_t)info->bytes;
            from += s.count;
            count -= s.count;
        }
        before += size;
    }
done:
    return st;
}
