/* Bump memory with marks. */

#include <assert.h>

#include "core/arena.h"

void zc_arena_init(zc_arena *a, void *base, size_t size)
{
    *a = (zc_arena){ .base = base, .size = size };
}

void zc_arena_init_measuring(zc_arena *a)
{
    *a = (zc_arena){ .size = SIZE_MAX };
}

int zc_arena_take(zc_arena *a, size_t bytes, size_t *offset)
{
    const size_t pad = -bytes & (ZC_ARENA_ALIGN - 1);

    if (bytes > a->size - a->used || pad > a->size - a->used - bytes)
        return 0;
    *offset = a->used;
    a->used += bytes + pad;
    if (a->used > a->peak)
        a->peak = a->used;
    return 1;
}

size_t zc_arena_mark(const zc_arena *a)
{
    return a->used;
}

void zc_arena_release(zc_arena *a, size_t mark)
{
    assert(mark <= a->used);
    a->used = mark;
}
