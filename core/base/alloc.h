/* The one door to the heap.
 *
 * All memory of the core comes through one table, so that a test can make any
 * request fail and count what is never given back. No request aborts: NULL
 * means that there is no memory.
 *
 * Thread safety: all calls from any thread, but zc_alloc_use, which only tests
 * call, while no other thread of ours exists and with nothing allocated. */
#ifndef ZC_ALLOC_H
#define ZC_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#define ZC_ALIGN 64       /* of aligned blocks: a cache line and the widest vector */

/* Sizes are never 0 here. Returned memory is aligned for any C object. */
typedef struct zc_alloc_table {
    void *user;
    void *(*alloc)(void *user, size_t bytes);
    void *(*alloc_zeroed)(void *user, size_t bytes);
    void *(*resize)(void *user, void *mem, size_t bytes);     /* mem may be NULL; kept on failure */
    void  (*free)(void *user, void *mem);                     /* accepts NULL */
    void *(*alloc_aligned)(void *user, size_t bytes);         /* on ZC_ALIGN */
    void  (*free_aligned)(void *user, void *mem);             /* accepts NULL */
} zc_alloc_table;

/* The C library's heap. */
extern const zc_alloc_table zc_alloc_system;

/* From now on, and for all threads, requests go to `table`; NULL means the system's. */
void zc_alloc_use(const zc_alloc_table *table);

/* A size of 0 is served like 1. Contents are indeterminate unless zeroed. */
void *zc_alloc(size_t bytes);
void *zc_alloc_zeroed(size_t count, size_t size);     /* NULL too if the product overflows */
void *zc_resize(void *mem, size_t bytes);             /* on failure NULL, and mem is still yours */
void  zc_free(void *mem);

/* For tensors and file buffers. Give back with zc_free_aligned only. */
void *zc_alloc_aligned(size_t bytes);
void  zc_free_aligned(void *mem);

/* Zeroed objects; give back with zc_free. */
#define zc_new(type)              ((type *)zc_alloc_zeroed(1, sizeof(type)))
#define zc_new_array(type, count) ((type *)zc_alloc_zeroed(count, sizeof(type)))

/* Makes room for `need` items of `size` bytes: *array is a pointer to a pointer
 * from zc_alloc or to NULL, *capacity the items it has room for. Grows by half at
 * least. False if there is no memory; then nothing has changed. */
bool zc_grow(void *array, size_t *capacity, size_t need, size_t size);

/* A copy of the first `bytes` bytes and a NUL, or NULL. */
char *zc_copy_text(const char *text, size_t bytes);

#endif
