/* Metadata: values as they lie in the header, decoded when they are asked for. */

#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/sort.h"
#include "core/io/part.h"

static int compare_keys(const void *a, const void *b, const void *context)
{
    const zc_meta *x = a, *y = b;

    (void)context;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return strcmp(x->key, y->key);
}

bool zc_meta_sort(zc_meta *meta, size_t count, const zc_meta **twin)
{
    for (size_t i = 0; i < count; i++)
        meta[i].hash = zc_hash64(meta[i].key, strlen(meta[i].key));
    zc_sort(meta, count, sizeof(meta[0]), compare_keys, NULL);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&meta[i - 1], &meta[i], NULL) == 0) {
            *twin = &meta[i];
            return false;
        }
    }
    return true;
}

const zc_meta *zc_meta_find(const zc_meta *meta, size_t count, const char *key)
{
    const zc_meta wanted = { .key = key, .hash = zc_hash64(key, strlen(key)) };
    size_t low = 0, high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_keys(&wanted, &meta[middle], NULL);

        if (order == 0)
            return &meta[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static uint64_t little_endian(const uint8_t *p, uint32_t bytes)
{
    uint64_t u = 0;

    for (uint32_t i = bytes; i-- > 0;)
        u = u << 8 | p[i];
    return u;
}

static double float_of(uint64_t bits, uint32_t bytes)
{
    const uint32_t low = (uint32_t)bits;
    float f;
    double d;

    if (bytes == 4) {
        memcpy(&f, &low, 4);
        return f;
    }
    memcpy(&d, &bits, 8);
    return d;
}

bool zc_meta_next(zc_meta_walk *walk, zc_meta_value *value)
{
    const zc_meta *m = walk->meta;
    const uint8_t *p = m->data + walk->offset;
    uint64_t u;

    if (walk->at == m->count)
        return false;
    *value = (zc_meta_value){ 0 };
    walk->at++;
    if (m->kind == ZC_META_TEXT && m->width == 0) {
        value->bytes = (size_t)little_endian(p, 8);
        value->text = (const char *)p + 8;
        walk->offset += 8 + value->bytes;
        return true;
    }
    if (m->kind == ZC_META_TEXT) {
        value->bytes = m->width - 1;
        value->text = (const char *)p;
        return true;
    }
    assert(m->width >= 1 && m->width <= 8);
    u = little_endian(p, m->width);
    walk->offset += m->width;
    if (m->kind == ZC_META_F64)
        value->f = float_of(u, m->width);
    else if (m->kind == ZC_META_I64)       /* the sign moves up */
        value->i = (int64_t)(u << (64 - 8 * m->width)) >> (64 - 8 * m->width);
    else
        value->u = u;
    return true;
}

/* The only value of a key; false if it is an array or missing. */
static bool single(const zc_container *c, const char *key, const zc_meta **meta,
                   zc_meta_value *value)
{
    zc_meta_walk walk = { .meta = zc_container_meta(c, key) };

    *meta = walk.meta;
    return walk.meta && !walk.meta->is_array && zc_meta_next(&walk, value);
}

bool zc_container_u64(const zc_container *c, const char *key, uint64_t *out)
{
    const zc_meta *m;
    zc_meta_value v;

    if (!single(c, key, &m, &v))
        return false;
    if (m->kind == ZC_META_U64)
        *out = v.u;
    else if (m->kind == ZC_META_I64 && v.i >= 0)
        *out = (uint64_t)v.i;
    else
        return false;
    return true;
}

bool zc_container_f64(const zc_container *c, const char *key, double *out)
{
    const zc_meta *m;
    zc_meta_value v;

    if (!single(c, key, &m, &v))
        return false;
    if (m->kind == ZC_META_F64)
        *out = v.f;
    else if (m->kind == ZC_META_U64)
        *out = (double)v.u;
    else if (m->kind == ZC_META_I64)
        *out = (double)v.i;
    else
        return false;
    return true;
}

bool zc_container_bool(const zc_container *c, const char *key, bool *out)
{
    const zc_meta *m;
    zc_meta_value v;

    if (!single(c, key, &m, &v) || m->kind != ZC_META_BOOL)
        return false;
    *out = v.u != 0;
    return true;
}

bool zc_container_text(const zc_container *c, const char *key, const char **text, size_t *bytes)
{
    const zc_meta *m;
    zc_meta_value v;

    if (!single(c, key, &m, &v) || m->kind != ZC_META_TEXT)
        return false;
    *text = v.text;
    *bytes = v.bytes;
    return true;
}
