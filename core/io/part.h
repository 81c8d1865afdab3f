/* What the parsers of one file and the container around them share.
 *
 * Thread safety: as container.h. */
#ifndef ZC_PART_H
#define ZC_PART_H

#include "core/base/format.h"
#include "core/io/container.h"
#include "core/io/stored.h"

/* One file of a container. */
typedef struct zc_part {
    zc_file    *file;
    const char *format;
    char       *text;             /* the header; names and metadata lie in it */
    uint64_t    text_at;          /* byte of the file where it begins */
    uint32_t    front;            /* bytes before a name that are part of it: a quote, a length */
    zc_entry   *entries;
    size_t      count;
    zc_meta    *meta;             /* sorted by hash of the key */
    size_t      meta_count;
} zc_part;

/* Parse a file that is open in `part`; what they have allocated is released by
 * zc_part_fini also after a failure. */
zc_status zc_safetensors_parse(zc_part *part, zc_log *log);
zc_status zc_gguf_parse(zc_part *part, zc_log *log);

/* Opens a name in a folder, or a path if dir is NULL, and parses it. */
zc_status zc_part_open(zc_part *part, zc_log *log, const zc_dir *dir, const char *name);
void zc_part_fini(zc_part *part);

/* Where a name of the header begins in the file. */
static inline unsigned long long zc_part_byte(const zc_part *part, const char *name)
{
    return part->text_at + (unsigned long long)(name - part->text) - part->front;
}

/* The path, quoted, for messages. */
#define ZC_PART_PATH(part) zc_quote_path(zc_file_path((part)->file)).text

/* A shard index: which tensor is in which file. Names lie in `text`. */
typedef struct zc_index_row {
    const char *name;
    uint64_t    at;               /* byte of the name in the index */
    uint32_t    shard;
} zc_index_row;

typedef struct zc_index {
    char          where[sizeof(zc_quoted) + 4];       /* its path in quotes */
    char         *text;
    zc_index_row *rows;
    const char  **shards;         /* plain file names, none twice */
    size_t        row_count, shard_count;
    size_t        row_capacity, shard_capacity;
} zc_index;

/* Takes the file. Whatever happens, zc_index_fini releases the index. */
zc_status zc_index_parse(zc_index *index, zc_log *log, zc_file *file);
void zc_index_fini(zc_index *index);

/* A name from a file: not empty, at most ZC_LIMIT_NAME bytes, valid UTF-8 without
 * control bytes and direction marks. NULL, or what is wrong, as the end of a
 * sentence; *code is then the status. */
const char *zc_name_fault(zc_status *code, const char *name, size_t bytes);

/* Sets type, dim and bytes of an entry from its shape; says in NULL or the end of
 * a sentence what is wrong with it. */
const char *zc_entry_fault(zc_entry *e, const zc_stored *stored, uint64_t *elements);

/* Sorts metadata by key. False if a key is there twice: *twin names it. */
bool zc_meta_sort(zc_meta *meta, size_t count, const zc_meta **twin);
const zc_meta *zc_meta_find(const zc_meta *meta, size_t count, const char *key);

#endif
