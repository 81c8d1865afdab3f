/* Channels, over the files of core/base. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/hash.h"
#include "core/sink/bytes.h"

#define CHUNK ((size_t)1 << 18)

static zc_status write_out(void *user, uint64_t offset, const void *src, size_t bytes)
{
    zc_channel *c = user;

    return zc_out_write_at(c->out, c->log, offset, src, bytes);
}

static zc_status read_out(void *user, uint64_t offset, void *dst, size_t bytes, size_t *got)
{
    zc_channel *c = user;

    return zc_out_read_at(c->out, c->log, offset, dst, bytes, got);
}

static uint64_t size_out(void *user)
{
    const zc_channel *c = user;

    return zc_out_size(c->out);
}

static zc_status write_file(void *user, uint64_t offset, const void *src, size_t bytes)
{
    const zc_channel *c = user;

    (void)offset;
    (void)src;
    (void)bytes;
    zc_error(c->log, "'%s' is open to be read only", c->name.text);
    return ZC_E_ARGUMENT;
}

static zc_status read_file(void *user, uint64_t offset, void *dst, size_t bytes, size_t *got)
{
    const zc_channel *c = user;

    return zc_file_read_some(c->file, c->log, offset, dst, bytes, got);
}

static uint64_t size_file(void *user)
{
    const zc_channel *c = user;

    return zc_file_size(c->file);
}

static zc_status write_pipe(void *user, uint64_t offset, const void *src, size_t bytes)
{
    zc_channel *c = user;
    zc_log *log = c->log;
    zc_status st = ZC_OK;

    ZC_CHECK(offset == c->position, ZC_E_UNSUPPORTED,
             "this format goes back to byte %llu of what is written, and a pipe is at %llu: "
             "take another, or a file", (unsigned long long)offset,
             (unsigned long long)c->position);
    ZC_TRY(zc_pipe_write(log, c->fd, c->name.text, src, bytes));
    c->position += bytes;
done:
    return st;
}

static zc_status read_pipe(void *user, uint64_t offset, void *dst, size_t bytes, size_t *got)
{
    const zc_channel *c = user;

    (void)offset;
    (void)dst;
    (void)bytes;
    *got = 0;
    zc_error(c->log, "'%s' is a pipe, and can't be read again", c->name.text);
    return ZC_E_UNSUPPORTED;
}

static uint64_t size_pipe(void *user)
{
    const zc_channel *c = user;

    return c->position;
}

static void init(zc_channel *c, zc_log *log, const char *name)
{
    *c = (zc_channel){ .log = log, .fd = -1, .name = zc_quote_path(name) };
    c->bytes = (zc_bytes){ .user = c, .name = c->name.text };
}

zc_status zc_channel_create(zc_channel *c, zc_log *log, const char *path, zc_out_policy policy)
{
    init(c, log, path);
    c->bytes.write = write_out;
    c->bytes.read = read_out;
    c->bytes.size = size_out;
    return zc_out_create(&c->out, log, path, policy);
}

zc_status zc_channel_open(zc_channel *c, zc_log *log, const char *path)
{
    init(c, log, path);
    c->bytes.write = write_file;
    c->bytes.read = read_file;
    c->bytes.size = size_file;
    return zc_file_open(&c->file, log, path);
}

void zc_channel_pipe(zc_channel *c, zc_log *log, int fd)
{
    init(c, log, "standard output");
    c->fd = fd;
    c->bytes.pipe = true;
    c->bytes.write = write_pipe;
    c->bytes.read = read_pipe;
    c->bytes.size = size_pipe;
}

/* The digest of what the file holds now. */
static zc_status digest(zc_channel *c, uint8_t sha256[32])
{
    zc_log *log = c->log;
    const uint64_t size = zc_out_size(c->out);
    zc_status st = ZC_OK;
    zc_sha256 hash;
    char *chunk = zc_alloc(CHUNK);

    ZC_CHECK(chunk, ZC_E_NOMEM, "out of memory");
    zc_sha256_init(&hash);
    for (uint64_t at = 0; at < size;) {
        const size_t want = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        size_t got = 0;
        ZC_TRY(zc_out_read_at(c->out, log, at, chunk, want, &got));
        ZC_CHECK(got == want, ZC_E_IO, "'%s' was written with %llu bytes, and ends at %llu",
                 c->name.text, (unsigned long long)size, (unsigned long long)(at + got));
        zc_sha256_add(&hash, chunk, got);
        at += got;
    }
    zc_sha256_finish(&hash, sha256);
done:
    zc_free(chunk);
    return st;
}

zc_status zc_channel_commit(zc_channel *c, uint64_t *bytes, uint8_t sha256[32])
{
    zc_status st = ZC_OK;

    memset(sha256, 0, 32);
    *bytes = c->bytes.size(c->bytes.user);
    if (!c->out)
        return ZC_OK;
    ZC_TRY(digest(c, sha256));
    ZC_TRY(zc_out_commit(&c->out, c->log));
done:
    return st;
}

void zc_channel_close(zc_channel *c)
{
    if (c->out)
        zc_out_abort(&c->out);
    zc_file_close(&c->file);
}
