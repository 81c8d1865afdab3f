/* A file of named pieces of memory, each with its CRC, that belongs to somebody: a
 * checkpoint of a job, an encoded prompt.
 *
 * Such files may be torn, or written by anybody: nothing of one is handed out
 * before all of it has been checked.
 *
 * Thread safety: one thread at a time; an open file may be read by many. */
#ifndef ZC_BATCH_BLOCKS_H
#define ZC_BATCH_BLOCKS_H

#include "core/base/file.h"

#define ZC_BLOCKS_MAX  256            /* pieces of a file */
#define ZC_BLOCKS_NAME 24             /* bytes of a name with its NUL */

typedef struct zc_block {
    const char *name;
    const void *data;                 /* may be NULL if there are no bytes */
    uint64_t    bytes;
} zc_block;

/* Replaces the file as a whole, or leaves it. `owner` is up to 64 bytes of text. */
zc_status zc_blocks_write(zc_log *log, const char *path, const char *owner,
                          const zc_block *blocks, int count);

typedef struct zc_blocks zc_blocks;

/* Reads and checks everything. Somebody else's file is ZC_E_MISMATCH. */
zc_status zc_blocks_open(zc_blocks **out, zc_log *log, const char *path, const char *owner);
void      zc_blocks_close(zc_blocks **blocks);

/* A piece, aligned for any type; NULL if there is none. Borrowed until close. */
const void *zc_blocks_get(const zc_blocks *b, const char *name, uint64_t *bytes);

/* Copies a piece of exactly so many bytes; false, and nothing copied, if there is none. */
bool zc_blocks_copy(const zc_blocks *b, const char *name, void *to, uint64_t bytes);

#endif
