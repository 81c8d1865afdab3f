/* Picking elements, and trajectories as files. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/rng.h"
#include "core/base/str.h"
#include "core/io/container.h"
#include "core/io/safetensors.h"
#include "core/train/trajectory.h"

zc_status zc_picks_init(zc_picks *p, zc_log *log, size_t total, size_t most, uint64_t seed)
{
    zc_status st = ZC_OK;
    const size_t count = total < most ? total : most;

    *p = (zc_picks){ .total = total, .count = count };
    ZC_CHECK(count > 0, ZC_E_ARGUMENT, "no elements to pick: %zu of %zu", most, total);
    p->index = zc_new_array(size_t, count);
    ZC_CHECK(p->index, ZC_E_NOMEM, "no memory to pick %zu elements", count);
    for (size_t i = 0; i < count; i++) {
        /* The stretch of element i; products of two sizes, in double, are exact enough. */
        const size_t from = (size_t)((double)i * (double)total / (double)count);
        const size_t to = (size_t)((double)(i + 1) * (double)total / (double)count);
        float u = 0;

        zc_randu(&u, i, 1, seed, 0);
        p->index[i] = from + (size_t)((double)u * (double)(to - from));
    }
done:
    return st;
}

void zc_picks_fini(zc_picks *p)
{
    zc_free(p->index);
    *p = (zc_picks){ 0 };
}

size_t zc_picks_gather_part(const zc_picks *p, float *dst, size_t at, const float *part,
                            size_t from, size_t count)
{
    for (; at < p->count && p->index[at] < from + count; at++)
        dst[at] = part[p->index[at] - from];
    return at;
}

void zc_picks_gather(const zc_picks *p, float *dst, const float *feature)
{
    zc_picks_gather_part(p, dst, 0, feature, 0, p->total);
}

zc_status zc_trajectory_init(zc_trajectory *t, zc_log *log, int lanes, int steps, size_t count)
{
    zc_status st = ZC_OK;
    const size_t rows = (size_t)lanes * (size_t)steps;

    *t = (zc_trajectory){ .lanes = lanes, .steps = steps, .count = count };
    t->value = zc_alloc_zeroed(rows, count * sizeof(float));
    ZC_CHECK(t->value, ZC_E_NOMEM, "no memory for a trajectory of %d lanes, %d steps and %zu "
             "elements", lanes, steps, count);
done:
    return st;
}

void zc_trajectory_fini(zc_trajectory *t)
{
    zc_free(t->value);
    *t = (zc_trajectory){ 0 };
}

float *zc_trajectory_at(const zc_trajectory *t, int lane, int step)
{
    return t->value + ((size_t)lane * (size_t)t->steps + (size_t)step) * t->count;
}

static uint64_t bytes_of(const zc_trajectory *t)
{
    return (uint64_t)t->lanes * (uint64_t)t->steps * t->count * sizeof(float);
}

zc_status zc_trajectory_save(const zc_trajectory *t, zc_log *log, const char *path,
                             const char *key)
{
    zc_status st = ZC_OK;
    zc_safetensors *s = NULL;
    const zc_tensor_desc tensor = { "features", ZK_F32, 3,
                                    { t->lanes, t->steps, (int64_t)t->count } };
    const zc_note note = { "key", key };
    const zc_safetensors_desc desc = { .tensors = &tensor, .count = 1, .notes = &note,
                                       .note_count = 1 };

    ZC_TRY(zc_safetensors_create(&s, log, path, ZC_OUT_REPLACE, &desc));
    ZC_TRY(zc_safetensors_write(s, log, 0, t->value, bytes_of(t)));
    ZC_TRY(zc_safetensors_commit(&s, log));
done:
    zc_safetensors_abort(&s);
    return st;
}

zc_status zc_trajectory_load(zc_trajectory *t, zc_log *log, const char *path, const char *key)
{
    zc_status st = ZC_OK;
    zc_container *c = NULL;
    const zc_entry *e;
    const char *found = "";
    size_t bytes = 0;
    const int64_t dim[3] = { t->lanes, t->steps, (int64_t)t->count };

    ZC_TRY(zc_container_open(&c, log, path));
    e = zc_container_find(c, "features");
    ZC_CHECK(e, ZC_E_MISSING, "%s has no tensor 'features'", zc_quote_path(path).text);
    ZC_CHECK(e->type == ZK_F32 && e->rank == 3 && memcmp(e->dim, dim, sizeof(dim)) == 0,
             ZC_E_MISMATCH, "%s: features is %s %s, expected f32 %s", zc_quote_path(path).text,
             e->type_name, zc_shape(e->dim, e->rank).text, zc_shape(dim, 3).text);
    zc_container_text(c, "key", &found, &bytes);
    ZC_CHECK(bytes == strlen(key) && memcmp(found, key, bytes) == 0, ZC_E_MISMATCH,
             "%s was made from '%s', expected '%s'", zc_quote_path(path).text,
             zc_quote(found, bytes).text, zc_quote_text(key).text);
    ZC_TRY(zc_entry_read(c, log, e, t->value));
done:
    zc_container_close(&c);
    return st;
}
