/* A job's folder: what is to be made, what is made already, and who is making it.
 *
 *     manifest    what is to be made, as canonical text; its SHA-256 names the folder
 *     journal     what is done; nothing else is believed, least of all a file's name
 *     lease       while somebody is at work
 *
 * and whatever is kept only until the job is done: checkpoints, segments. A job that
 * is done leaves the first two.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_BATCH_FOLDER_H
#define ZC_BATCH_FOLDER_H

#include "core/base/file.h"
#include "core/base/str.h"
#include "core/base/thread.h"

/* What a file of a job is. */
typedef enum zc_stored_kind {
    ZC_STORED_FRAME,              /* a still, under its final name */
    ZC_STORED_SEGMENT,            /* some frames of a film, in the folder */
    ZC_STORED_FILM,
    ZC_STORED_KINDS
} zc_stored_kind;

/* A file that was written, synced and read back. */
typedef struct zc_stored {
    uint64_t size;
    int64_t  mtime_ns;
    uint8_t  digest[32];          /* SHA-256 */
    bool     is_there;
} zc_stored;

typedef struct zc_folder zc_folder;

typedef struct zc_folder_desc {
    const char *root;             /* where job folders are; made if it is not there */
    const char *manifest;
    int         beat_ms;          /* see lease.h */
    zc_cancel  *cancel;           /* ends waiting for a lease; may be NULL */
} zc_folder_desc;

/* Takes the lease and replays the journal. ZC_E_BUSY if somebody else holds it. */
zc_status zc_folder_open(zc_folder **out, zc_log *log, const zc_folder_desc *desc);
void      zc_folder_close(zc_folder **folder);        /* gives the lease back */

bool      zc_folder_is_new(const zc_folder *f);       /* nothing was ever begun in it */
bool      zc_folder_is_done(const zc_folder *f);
/* NULL if the journal has no such file. Borrowed until the next change. */
const zc_stored *zc_folder_stored(const zc_folder *f, zc_stored_kind kind, int index);

/* SHA-256 of the manifest, 64 hex digits. Borrowed from the folder. */
const char *zc_folder_digest(const zc_folder *f);

/* The path of something in the folder, added to `to`. */
void      zc_folder_path(const zc_folder *f, zc_str *to, const char *name);

/* Journal entries, on the disk when they return. */
zc_status zc_folder_begin(zc_folder *f, zc_log *log);
zc_status zc_folder_add(zc_folder *f, zc_log *log, zc_stored_kind kind, int index,
                        const zc_stored *stored);
zc_status zc_folder_lose(zc_folder *f, zc_log *log, zc_stored_kind kind, int index);
zc_status zc_folder_fail(zc_folder *f, zc_log *log, zc_status why);
zc_status zc_folder_finish(zc_folder *f, zc_log *log);

/* To be called often while work goes on; ZC_E_BUSY if the lease was lost. */
zc_status zc_folder_beat(zc_folder *f, zc_log *log);

/* Removes everything that is only kept until the job is done. */
zc_status zc_folder_tidy(zc_folder *f, zc_log *log);

/* Size, time and digest of a file. */
zc_status zc_stored_of(zc_stored *out, zc_log *log, const char *path);

/* True if the file at path is the one that was stored: by its size, and by its digest unless its
 * time is still the same. */
bool zc_stored_holds(const zc_stored *s, const char *path);

enum zc_existing {
    ZC_EXISTING_RESUME,           /* what this job has made stays; others' files are refused */
    ZC_EXISTING_FAIL,             /* a target that is there is refused, whosever it is */
    ZC_EXISTING_REPLACE,          /* what this job has made stays; others' files are replaced */
};

/* Gives a complete file its final name: syncs it, reads it back, renames it, syncs the folder. A
 * target that is there already must be equal, unless it is to be replaced. On failure the partial
 * file stays. */
zc_status zc_publish(zc_stored *out, zc_log *log, const char *partial, const char *target,
                     enum zc_existing existing);

#endif
