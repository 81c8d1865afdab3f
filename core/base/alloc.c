/* The allocator table and the few conveniences over it. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/size.h"

static void *system_alloc(void *user, size_t bytes)
{
    (void)user;
    return malloc(bytes);
}

static void *system_alloc_zeroed(void *user, size_t bytes)
{
    (void)user;
    return calloc(1, bytes);
}

static void *system_resize(void *user, void *mem, size_t bytes)
{
    (void)user;
    return realloc(mem, bytes);
}

static void system_free(void *user, void *mem)
{
    (void)user;
    free(mem);
}

static void *system_alloc_aligned(void *user, size_t bytes)
{
    void *mem = NULL;

    (void)user;
    return posix_memalign(&mem, ZC_ALIGN, bytes) == 0 ? mem : NULL;
}

const zc_alloc_table zc_alloc_system = {
    .alloc         = system_alloc,
    .alloc_zeroed  = system_alloc_zeroed,
    .resize        = system_resize,
    .free          = system_free,
    .alloc_aligned = system_alloc_aligned,
    .free_aligned  = system_free,
};

static const zc_alloc_table *table = &zc_alloc_system;      /* changed by tests only */

void zc_alloc_use(const zc_alloc_table *use)
{
    table = use ? use : &zc_alloc_system;
}

static size_t at_least_one(size_t bytes)
{
    return bytes > 0 ? bytes : 1;
}

void *zc_alloc(size_t bytes)
{
    return table->alloc(table->user, at_least_one(bytes));
}

void *zc_alloc_zeroed(size_t count, size_t size)
{
    size_t bytes;

    if (!zc_size_mul(&bytes, count, size))
        return NULL;
    return table->alloc_zeroed(table->user, at_least_one(bytes));
}

void *zc_resize(void *mem, size_t bytes)
{
    return table->resize(table->user, mem, at_least_one(bytes));
}

void zc_free(void *mem)
{
    table->free(table->user, mem);
}

void *zc_alloc_aligned(size_t bytes)
{
    return table->alloc_aligned(table->user, at_least_one(bytes));
}

void zc_free_aligned(void *mem)
{
    table->free_aligned(table->user, mem);
}

bool zc_grow(void *array, size_t *capacity, size_t need, size_t size)
{
    const size_t more = *capacity / 2 + 8;
    size_t room, bytes;
    void *mem;

    if (need <= *capacity)
        return true;
    room = need;
    if (*capacity <= SIZE_MAX - more && need < *capacity + more)
        room = *capacity + more;
    if (!zc_size_mul(&bytes, room, size))
        return false;

    /* memcpy, because the caller's pointer is of another type than void *. */
    memcpy(&mem, array, sizeof(mem));
    mem = zc_resize(mem, bytes);
    if (!mem)
        return false;
    memcpy(array, &mem, sizeof(mem));
    *capacity = room;
    return true;
}

char *zc_copy_text(const char *text, size_t bytes)
{
    char *copy = bytes < SIZE_MAX ? zc_alloc(bytes + 1) : NULL;

    if (!copy)
        return NULL;
    if (bytes > 0)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}
