/* The one door to files and folders.
 *
 * Reading is positional and never maps: a file that shrinks gives an error with
 * an offset, not a signal. Writing goes to a file beside the target, which takes
 * its name only when everything is on the disk. Descriptors are never 0, 1 or 2
 * and don't survive exec. Names from inside files are opened with the _in
 * functions, which can't leave their folder.
 *
 * All messages name the path, escaped, and say what the system answered. A path that
 * isn't there is ZC_E_NOT_FOUND, an output that cannot be made, or finds no room,
 * ZC_E_CREATE; what somebody else holds is ZC_E_BUSY; any other refusal is ZC_E_IO.
 *
 * Thread safety: one zc_file may be read from any number of threads. zc_dir and
 * zc_out belong to one thread at a time. zc_file_use is for tests, while nothing is
 * open. */
#ifndef ZC_FILE_H
#define ZC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

typedef enum zc_file_kind {
    ZC_FILE_REGULAR,
    ZC_FILE_FOLDER,
    ZC_FILE_OTHER,        /* pipe, device, socket */
} zc_file_kind;

typedef struct zc_file_info {
    zc_file_kind kind;
    uint64_t size;                /* bytes */
    uint64_t device, inode;       /* together they say which file it is */
    int64_t  mtime_ns;            /* last change, since 1970 */
} zc_file_info;

/* What the system is asked to do. Each entry returns 0 or more, or a negative
 * errno. A name is relative to the folder `dir`, or to the current one if that is
 * ZC_FILE_CWD. A call may be interrupted (-EINTR) and is repeated then. */
#define ZC_FILE_CWD (-1)

typedef enum zc_file_mode {
    ZC_FILE_READ,                 /* follows links */
    ZC_FILE_READ_INSIDE,          /* refuses a link */
    ZC_FILE_LIST,                 /* a folder, to be listed or synced; follows links */
    ZC_FILE_LIST_INSIDE,          /* refuses a link */
    ZC_FILE_WRITE,                /* creates or keeps, readable too; refuses a link */
} zc_file_mode;

typedef struct zc_file_table {
    void *user;
    int     (*open)(void *user, int dir, const char *name, zc_file_mode mode);
    int     (*close)(void *user, int fd);
    int64_t (*read_at)(void *user, int fd, void *dst, size_t bytes, uint64_t offset);
    int64_t (*write_at)(void *user, int fd, const void *src, size_t bytes, uint64_t offset);
    int64_t (*write)(void *user, int fd, const void *src, size_t bytes);       /* at its place */
    int     (*truncate)(void *user, int fd, uint64_t size);
    int     (*lock)(void *user, int fd);                   /* alone, or -EAGAIN; ends with close */
    int     (*sync)(void *user, int fd);
    int     (*info)(void *user, int fd, zc_file_info *info);
    int     (*path_info)(void *user, const char *name, zc_file_info *info);    /* follows links */
    int     (*rename)(void *user, const char *from, const char *to);       /* replaces */
    int     (*rename_new)(void *user, const char *from, const char *to);   /* or -EEXIST */
    int     (*unlink)(void *user, const char *name);
    int     (*rmdir)(void *user, const char *name);        /* of an empty folder */
    int     (*mkdir)(void *user, const char *name);
    /* What a link says, cut to `size` bytes and without a NUL; returns the bytes. */
    int     (*read_link)(void *user, int dir, const char *name, char *dst, size_t size);
    /* Calls `each` for every entry but "." and "..", until it returns false. */
    int     (*list)(void *user, int fd, bool (*each)(void *context, const char *name),
                    void *context);
} zc_file_table;

extern const zc_file_table zc_file_system;
void zc_file_use(const zc_file_table *table);              /* NULL: the system's */

/* A file to read. */
typedef struct zc_file zc_file;
typedef struct zc_dir  zc_dir;

/* Opens a path that the user gave; links are followed. Only regular files open: a folder, pipe or
 * device is ZC_E_UNSAFE, and no pipe is ever waited for. */
zc_status zc_file_open(zc_file **out, zc_log *log, const char *path);

/* Opens a name found inside a file, in that folder: one path component, no "..", no
 * control bytes, and no link but one: those of a download cache, ../../blobs/HASH from
 * however deep, are what its folders are made of. Else ZC_E_UNSAFE. */
zc_status zc_file_open_in(zc_file **out, zc_log *log, const zc_dir *dir, const char *name);
void zc_file_close(zc_file **file);

const char *zc_file_path(const zc_file *file);                  /* borrowed from the file */
uint64_t zc_file_size(const zc_file *file);                     /* when it was opened */
const zc_file_info *zc_file_info_get(const zc_file *file);      /* when it was opened */

/* Reads exactly `bytes` bytes. The end of the file is ZC_E_TRUNCATED, naming how
 * far it got. */
zc_status zc_file_read_at(const zc_file *file, zc_log *log, uint64_t offset, void *dst,
                          size_t bytes);

/* Reads up to `bytes` bytes; *got is less only at the end of the file. */
zc_status zc_file_read_some(const zc_file *file, zc_log *log, uint64_t offset, void *dst,
                            size_t bytes, size_t *got);

/* ZC_E_IO if size or time of change are no longer what they were at open. */
zc_status zc_file_unchanged(const zc_file *file, zc_log *log);

/* A whole file in memory, with a NUL behind it; free with zc_free. ZC_E_LIMIT if
 * it is larger than `limit`, before anything is read. */
zc_status zc_file_load(char **out, size_t *bytes, zc_log *log, const char *path, size_t limit);
zc_status zc_file_load_in(char **out, size_t *bytes, zc_log *log, const zc_dir *dir,
                          const char *name, size_t limit);

/* Folders. */
zc_status zc_dir_open(zc_dir **out, zc_log *log, const char *path);
zc_status zc_dir_open_in(zc_dir **out, zc_log *log, const zc_dir *dir, const char *name);
void zc_dir_close(zc_dir **dir);
const char *zc_dir_path(const zc_dir *dir);

/* Names of the entries as they were at open, sorted by bytes; NULL after the
 * last. Borrowed from the folder. rewind starts over. */
const char *zc_dir_next(zc_dir *dir);
void zc_dir_rewind(zc_dir *dir);
bool zc_dir_has(const zc_dir *dir, const char *name);

/* A file to write. */
typedef struct zc_out zc_out;

typedef enum zc_out_policy {
    ZC_OUT_NEW,           /* an existing file is ZC_E_ARGUMENT, at create and at commit */
    ZC_OUT_REPLACE,       /* the old file lives until the new one is complete */
} zc_out_policy;

/* Starts `path` with ".partial" behind it; what a killed process left there is overwritten. A
 * partial file that somebody is still writing is ZC_E_BUSY. */
zc_status zc_out_create(zc_out **out, zc_log *log, const char *path, zc_out_policy policy);

zc_status zc_out_write(zc_out *out, zc_log *log, const void *src, size_t bytes);     /* appends */
zc_status zc_out_write_at(zc_out *out, zc_log *log, uint64_t offset, const void *src,
                          size_t bytes);
uint64_t zc_out_size(const zc_out *out);

/* What was written so far; *got is less than bytes only at the end. */
zc_status zc_out_read_at(zc_out *out, zc_log *log, uint64_t offset, void *dst, size_t bytes,
                         size_t *got);

/* All bytes to a descriptor of the caller's, a pipe perhaps, at its own place. `name` stands in
 * the message. A pipe that nobody reads is an error here, once the caller ignores SIGPIPE. */
zc_status zc_pipe_write(zc_log *log, int fd, const char *name, const void *src, size_t bytes);

/* Syncs, renames, syncs the folder. On failure the partial file is gone. The zc_out is closed
 * either way. */
zc_status zc_out_commit(zc_out **out, zc_log *log);
void zc_out_abort(zc_out **out);                      /* removes the partial file; accepts NULL */

/* A file of our own that stays open, to be read and changed where it stands: a journal, a
 * lease. It is locked: while another open file has it, opening is ZC_E_BUSY. Not every network
 * file system keeps locks, so this alone proves nothing there. */
typedef struct zc_own zc_own;

zc_status zc_own_open(zc_own **out, zc_log *log, const char *path);       /* or makes it, empty */
void      zc_own_close(zc_own **own);
uint64_t  zc_own_size(const zc_own *own);
zc_status zc_own_read(const zc_own *own, zc_log *log, uint64_t offset, void *dst, size_t bytes);
zc_status zc_own_write(zc_own *own, zc_log *log, uint64_t offset, const void *src, size_t bytes);
zc_status zc_own_cut(zc_own *own, zc_log *log, uint64_t size);
zc_status zc_own_sync(zc_own *own, zc_log *log);          /* a failure is final: write it anew */
/* Gives it another name, whatever had that before. */
zc_status zc_own_rename(zc_own *own, zc_log *log, const char *to);
/* ZC_E_BUSY if its name means another file by now, or none. */
zc_status zc_own_still(const zc_own *own, zc_log *log);

/* Paths. None of these is an error: ask, and look at the answer. */
bool zc_path_info(zc_file_info *info, const char *path);        /* follows links */

zc_status zc_path_mkdir(zc_log *log, const char *path);         /* ok if the folder exists */
zc_status zc_path_unlink(zc_log *log, const char *path);        /* ok if there is none */
zc_status zc_path_rmdir(zc_log *log, const char *path);         /* an empty one; likewise */
zc_status zc_path_sync(zc_log *log, const char *path);          /* the folder that it is in */
/* Gives a file another name, whatever had that before; the second is ZC_E_CREATE if
 * anything had. */
zc_status zc_path_rename(zc_log *log, const char *from, const char *to);
zc_status zc_path_rename_new(zc_log *log, const char *from, const char *to);

/* True for a name that zc_file_open_in could open: one harmless component. */
bool zc_path_plain(const char *name);

#endif
