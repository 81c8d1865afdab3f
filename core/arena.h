/* Bump memory with marks: the only way that model code gets memory.
 *
 * An arena hands out pieces of one block, host or device, and forgets them mark
 * by mark. While memory is being measured there is no block: base is NULL, size
 * is SIZE_MAX, and `peak` ends as the number of bytes that a real one needs.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_ARENA_H
#define ZC_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* Every piece begins at a multiple of this, counted from base. */
#define ZC_ARENA_ALIGN 256

typedef struct zc_arena {
    uint8_t *base;        /* NULL while measuring; not owned */
    size_t   size;        /* SIZE_MAX while measuring */
    size_t   used, peak;
} zc_arena;

/* An arena over size bytes at base, or one that measures. */
void zc_arena_init(zc_arena *a, void *base, size_t size);
void zc_arena_init_measuring(zc_arena *a);

/* The piece's offset from base in *offset; nothing changes if it does not fit.
 * Returns 1 if it fits, 0 if not. */
int zc_arena_take(zc_arena *a, size_t bytes, size_t *offset);

size_t zc_arena_mark(const zc_arena *a);               /* remember the cursor */
void   zc_arena_release(zc_arena *a, size_t mark);     /* forget all since then */

#endif
