/* Arithmetic on sizes that come from outside.
 *
 * Parsers use these in place of + and * on counts, offsets and bytes. Each
 * returns false and leaves *out alone if the result doesn't fit.
 *
 * Thread safety: pure functions. */
#ifndef ZC_SIZE_H
#define ZC_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool zc_u64_add(uint64_t *out, uint64_t a, uint64_t b)
{
    if (a > UINT64_MAX - b)
        return false;
    *out = a + b;
    return true;
}

static inline bool zc_u64_mul(uint64_t *out, uint64_t a, uint64_t b)
{
    if (b != 0 && a > UINT64_MAX / b)
        return false;
    *out = a * b;
    return true;
}

/* The next multiple of `align`, which is a power of two. */
static inline bool zc_u64_align_up(uint64_t *out, uint64_t a, uint64_t align)
{
    if (a > UINT64_MAX - (align - 1))
        return false;
    *out = (a + (align - 1)) & ~(align - 1);
    return true;
}

static inline bool zc_size_add(size_t *out, size_t a, size_t b)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

static inline bool zc_size_mul(size_t *out, size_t a, size_t b)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

/* The next multiple of `align`, which is a power of two. */
static inline bool zc_size_align_up(size_t *out, size_t a, size_t align)
{
    if (a > SIZE_MAX - (align - 1))
        return false;
    *out = (a + (align - 1)) & ~(align - 1);
    return true;
}

static inline bool zc_size_narrow(size_t *out, uint64_t a)
{
    if (a > SIZE_MAX)
        return false;
    *out = (size_t)a;
    return true;
}

static inline bool zc_i64_narrow(int64_t *out, uint64_t a)
{
    if (a > INT64_MAX)
        return false;
    *out = (int64_t)a;
    return true;
}

static inline bool zc_i32_narrow(int32_t *out, uint64_t a)
{
    if (a > INT32_MAX)
        return false;
    *out = (int32_t)a;
    return true;
}

static inline bool zc_u32_narrow(uint32_t *out, uint64_t a)
{
    if (a > UINT32_MAX)
        return false;
    *out = (uint32_t)a;
    return true;
}

/* True if [offset, offset + bytes) lies within [0, length). */
static inline bool zc_u64_within(uint64_t offset, uint64_t bytes, uint64_t length)
{
    return offset <= length && bytes <= length - offset;
}

#endif
