/* Files that hold named tensors: safetensors, GGUF, and a shard index that joins
 * several of them. Which one it is, the first bytes say.
 *
 * Opening reads and checks headers only: afterwards every tensor is known to lie
 * inside its file, to have the bytes its shape asks for, and to share none with
 * another. Payloads are read on request, never mapped. Names, shapes and metadata
 * are borrowed from the container until it is closed.
 *
 * Messages name the file, the tensor or key, the byte, and what was expected and
 * found there. Limits are in limits.h.
 *
 * Thread safety: an open container is constant; any number of threads may ask and
 * read. */
#ifndef ZC_CONTAINER_H
#define ZC_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/io/limits.h"
#include "kernels/dtype.h"

typedef struct zc_entry {
    const char *name;                     /* UTF-8 without control bytes */
    const char *type_name;                /* as the format calls it; static */
    zk_dtype    type;                     /* ZK_NONE: we can't compute with it */
    uint16_t    rank;                     /* 0: a single value */
    uint16_t    file;                     /* which file of the container */
    int64_t     dim[ZC_LIMIT_RANK];       /* outermost first; 1 behind the rank */
    uint64_t    offset, bytes;            /* of the payload, in that file */
} zc_entry;

typedef struct zc_container zc_container;

/* ZC_E_NOT_OURS or ZC_E_UNSAFE with advice for files of another kind. */
zc_status zc_container_open(zc_container **out, zc_log *log, const char *path);

/* The same for a plain name in a folder; see zc_file_open_in. */
zc_status zc_container_open_in(zc_container **out, zc_log *log, const zc_dir *dir,
                               const char *name);
void zc_container_close(zc_container **c);

const char *zc_container_path(const zc_container *c);           /* as it was opened */
const char *zc_container_format(const zc_container *c);         /* "safetensors", "GGUF", "index" */
size_t zc_container_files(const zc_container *c);               /* 1, or the number of shards */
const char *zc_container_file_path(const zc_container *c, size_t file);
const zc_file_info *zc_container_file_info(const zc_container *c, size_t file);

/* The open file itself, for readers that stream. */
const zc_file *zc_container_file(const zc_container *c, size_t file);

size_t zc_container_count(const zc_container *c);               /* tensors */

/* for (e = zc_container_next(c, NULL); e; e = zc_container_next(c, e)): in the order of the
 * headers. */
const zc_entry *zc_container_next(const zc_container *c, const zc_entry *after);

/* The tensor of that name in O(log n), or NULL. */
const zc_entry *zc_container_find(const zc_container *c, const char *name);

/* Elements of a tensor. */
uint64_t zc_entry_elements(const zc_entry *e);

/* "[3072, 16]" for messages; "[]" for a single value. */
typedef struct zc_shape_text {
    char text[96];
} zc_shape_text;

zc_shape_text zc_shape(const int64_t *dim, int rank);

/* Metadata, of the first file if there are several. In safetensors all of it is text. */
typedef enum zc_meta_kind {
    ZC_META_U64,
    ZC_META_I64,
    ZC_META_F64,
    ZC_META_BOOL,
    ZC_META_TEXT,
} zc_meta_kind;

typedef struct zc_meta {
    const char   *key;
    zc_meta_kind  kind;           /* of the value, or of each in the array */
    bool          is_array;
    uint64_t      count;          /* 1, or of the array */
    const uint8_t *data;          /* private */
    uint32_t      width;          /* private: bytes of each; 0: each has its length in front */
    uint64_t      hash;           /* private */
} zc_meta;

typedef struct zc_meta_value {
    uint64_t    u;                /* ZC_META_U64, ZC_META_BOOL */
    int64_t     i;                /* ZC_META_I64 */
    double      f;                /* ZC_META_F64 */
    const char *text;             /* ZC_META_TEXT: UTF-8 is not checked, and no NUL ends it */
    size_t      bytes;
} zc_meta_value;

size_t zc_container_meta_count(const zc_container *c);
const zc_meta *zc_container_meta_at(const zc_container *c, size_t i);
const zc_meta *zc_container_meta(const zc_container *c, const char *key);     /* or NULL */

/* The values of a key one after another; false after the last. Start with { .meta = m }. */
typedef struct zc_meta_walk {
    const zc_meta *meta;
    uint64_t at, offset;          /* private */
} zc_meta_walk;

bool zc_meta_next(zc_meta_walk *walk, zc_meta_value *value);

/* Single values: false if there is no such key, or it is of another kind. u64 and
 * f64 also take integers of the other signedness where the value fits. */
bool zc_container_u64(const zc_container *c, const char *key, uint64_t *out);
bool zc_container_f64(const zc_container *c, const char *key, double *out);
bool zc_container_bool(const zc_container *c, const char *key, bool *out);
bool zc_container_text(const zc_container *c, const char *key, const char **text, size_t *bytes);

/* Bytes [from, from + bytes) of a tensor's payload, to dst. */
typedef struct zc_read {
    const zc_entry *entry;
    uint64_t from, bytes;
    void *dst;
} zc_read;

/* Reads them all, in pieces of ZC_READ_PIECE bytes spread over the pool's threads, or on this one
 * if pool is NULL. ZC_E_IO if a file has changed since it was opened, or is shorter. A large
 * tensor that is nothing but zeros is a warning: so look unfinished downloads. */
#define ZC_READ_PIECE (8u << 20)
zc_status zc_container_read(const zc_container *c, zc_log *log, zc_pool *pool,
                            const zc_read *reads, size_t count);

/* The whole payload of one small tensor. */
zc_status zc_entry_read(const zc_container *c, zc_log *log, const zc_entry *e, void *dst);

#endif
