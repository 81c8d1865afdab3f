/* A file system in memory, in place of the system's: quick enough for thousands
 * of files a second, and it fails and changes files on demand.
 *
 * Paths are compared as text, without a leading "./"; a folder exists as soon as
 * something is in it. Reading is safe from any thread, everything else belongs to
 * one. */
#ifndef ZC_MEMFILE_H
#define ZC_MEMFILE_H

#include <stddef.h>

#include "tests/unit/faults.h"

enum memfile_kind { MEMFILE_PLAIN, MEMFILE_FOLDER, MEMFILE_PIPE, MEMFILE_LINK };

void memfiles_begin(void);                /* an empty file system takes the system's place */
void memfiles_end(void);                  /* and leaves it; frees everything */
void memfiles_clear(void);                /* no files; nothing may be open */

/* A file that borrows its bytes; one of that name is replaced. */
void memfile_put(const char *path, const void *bytes, size_t count);
void memfile_put_kind(const char *path, enum memfile_kind kind);
const void *memfile_get(const char *path, size_t *count);     /* NULL if there is none */

/* After `reads` more reads of any file, the one at path has only `count` bytes. */
void memfile_shrink_after(const char *path, int reads, size_t count);

/* From now on call number n fails with `err` (all but close and sync of folders), as in faults.h;
 * 0: none. */
void memfiles_fail(int n, enum fault_mode mode, int err);
int  memfiles_calls(void);                /* since then */
int  memfiles_open(void);                 /* descriptors that are open */
size_t memfiles_bytes_read(void);         /* since memfiles_begin or _clear */

#endif
