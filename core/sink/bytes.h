/* Files and pipes as coders see them.
 *
 * Thread safety: each belongs to one thread at a time. */
#ifndef ZC_SINK_BYTES_H
#define ZC_SINK_BYTES_H

#include "core/base/file.h"
#include "core/base/format.h"
#include "core/sink/module.h"

/* What zc_bytes.user points to. Of `out`, `file` and `fd`, one is in use. */
typedef struct zc_channel {
    zc_log  *log;
    zc_out  *out;                 /* to be written: owned until it is committed */
    zc_file *file;                /* to be read: owned */
    int      fd;                  /* a caller's pipe, if the others are NULL */
    uint64_t position;            /* of the pipe */
    zc_quoted name;
    zc_bytes bytes;               /* for the coder */
} zc_channel;

/* Each leaves a channel that zc_channel_close takes, on failure too. */
zc_status zc_channel_create(zc_channel *c, zc_log *log, const char *path, zc_out_policy policy);
zc_status zc_channel_open(zc_channel *c, zc_log *log, const char *path);
void      zc_channel_pipe(zc_channel *c, zc_log *log, int fd);

/* Of a file that was created: reads it for its digest, then gives it its name. For a pipe there
 * is nothing to do. */
zc_status zc_channel_commit(zc_channel *c, uint64_t *bytes, uint8_t sha256[32]);
void      zc_channel_close(zc_channel *c);            /* what was not committed is removed */

#endif
