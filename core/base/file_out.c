/* Writing files: beside the target first, under its name at the end.
 *
 * The partial file is locked while it is written. Whoever gets the lock of one
 * that was left behind owns it; who opened it just before it was renamed notices
 * that the name now means another file, and starts over. */

#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/file_system.h"
#include "core/base/format.h"
#include "core/base/size.h"
#include "core/base/str.h"

#define ATTEMPTS 100

struct zc_out {
    int           fd;             /* -1: none */
    char         *path, *partial;
    uint64_t      size;
    zc_out_policy policy;
    bool          failed;         /* a write did: there is nothing to commit */
};

static void out_free(zc_out **out)
{
    zc_out *o = *out;

    *out = NULL;
    zc_file_release(o->fd);
    zc_free(o->path);
    zc_free(o->partial);
    zc_free(o);
}

void zc_out_abort(zc_out **out)
{
    const zc_file_table *t = zc_file_table_now();

    if (!*out)
        return;
    /* Only ours to remove if we have it open, thus locked. */
    if ((*out)->fd >= 0)
        t->unlink(t->user, (*out)->partial);
    out_free(out);
}

bool zc_file_same(const zc_file_info *a, const zc_file_info *b)
{
    return a->device == b->device && a->inode == b->inode;
}

int zc_file_claim(const char *partial, bool empty)
{
    const zc_file_table *t = zc_file_table_now();
    zc_file_info mine, named;
    int fd, err;

    for (int i = 0; i < ATTEMPTS; i++) {
        fd = zc_file_descriptor(ZC_FILE_CWD, partial, ZC_FILE_WRITE);
        if (fd < 0)
            return fd;
        do
            err = t->lock(t->user, fd);
        while (err == -EINTR);
        if (err >= 0)
            err = t->info(t->user, fd, &mine);
        if (err >= 0 && mine.kind != ZC_FILE_REGULAR)
            err = -ENXIO;
        if (err >= 0) {
            err = t->path_info(t->user, partial, &named);
            if (err == -ENOENT || (err >= 0 && !zc_file_same(&mine, &named))) {
                zc_file_release(fd);
                continue;
            }
        }
        if (err >= 0 && !empty)
            return fd;
        if (err >= 0) {
            do
                err = t->truncate(t->user, fd, 0);
            while (err == -EINTR);
            if (err >= 0)
                return fd;
            t->unlink(t->user, partial);
        }
        zc_file_release(fd);
        return err;
    }
    return -EAGAIN;
}

zc_status zc_out_create(zc_out **out, zc_log *log, const char *path, zc_out_policy policy)
{
    zc_status st = ZC_OK;
    zc_out *o = NULL;
    zc_str partial = { 0 };
    zc_file_info info;

    ZC_CHECK(o = zc_new(zc_out), ZC_E_NOMEM, "out of memory");
    o->fd = -1;
    o->policy = policy;
    zc_str_add(&partial, path);
    zc_str_add(&partial, ".partial");
    o->path = zc_copy_text(path, strlen(path));
    o->partial = zc_str_release(&partial);
    ZC_CHECK(o->path && o->partial, ZC_E_NOMEM, "out of memory");

    if (zc_path_info(&info, path)) {
        ZC_CHECK(policy == ZC_OUT_REPLACE, ZC_E_ARGUMENT, "'%s' exists already",
                 zc_quote_path(path).text);
        ZC_CHECK(info.kind == ZC_FILE_REGULAR, ZC_E_UNSAFE,
                 "'%s' is not a file, so it is not replaced", zc_quote_path(path).text);
    }
    o->fd = zc_file_claim(o->partial, true);
    if (o->fd < 0) {
        st = zc_file_refused(log, "write", o->partial, o->fd);
        if (st == ZC_E_NOT_FOUND || st == ZC_E_IO)
            st = ZC_E_CREATE;
        goto done;
    }
    *out = o;
    o = NULL;
done:
    zc_out_abort(&o);
    return st;
}

zc_status zc_out_write_at(zc_out *out, zc_log *log, uint64_t offset, const void *src,
                          size_t bytes)
{
    const zc_file_table *t = zc_file_table_now();
    size_t done = 0;
    int64_t n = zc_u64_within(offset, bytes, INT64_MAX) ? 0 : -EFBIG;

    while (n >= 0 && done < bytes) {
        n = t->write_at(t->user, out->fd, (const char *)src + done, bytes - done, offset + done);
        if (n == -EINTR)
            n = 0;
        else if (n == 0)
            n = -EIO;
        else if (n > 0)
            done += (size_t)n;
    }
    if (n < 0) {
        out->failed = true;
        return zc_file_refused(log, "write", out->partial, n);
    }
    if (out->size < offset + bytes)
        out->size = offset + bytes;
    return ZC_OK;
}

zc_status zc_out_write(zc_out *out, zc_log *log, const void *src, size_t bytes)
{
    return zc_out_write_at(out, log, out->size, src, bytes);
}

zc_status zc_out_read_at(zc_out *out, zc_log *log, uint64_t offset, void *dst, size_t bytes,
                         size_t *got)
{
    const zc_file_table *t = zc_file_table_now();
    int64_t n = 1;

    *got = 0;
    while (n > 0 && *got < bytes) {
        n = t->read_at(t->user, out->fd, (char *)dst + *got, bytes - *got, offset + *got);
        if (n == -EINTR)
            n = 1;
        else if (n > 0)
            *got += (size_t)n;
    }
    return n < 0 ? zc_file_refused(log, "read", out->partial, n) : ZC_OK;
}

zc_status zc_pipe_write(zc_log *log, int fd, const char *name, const void *src, size_t bytes)
{
    const zc_file_table *t = zc_file_table_now();
    size_t done = 0;
    int64_t n = 0;

    while (n >= 0 && done < bytes) {
        n = t->write(t->user, fd, (const char *)src + done, bytes - done);
        if (n == -EINTR)
            n = 0;
        else if (n == 0)
            n = -EIO;
        else if (n > 0)
            done += (size_t)n;
    }
    return n < 0 ? zc_file_refused(log, "write", name, n) : ZC_OK;
}

uint64_t zc_out_size(const zc_out *out)
{
    return out->size;
}

int zc_file_sync_now(int fd)
{
    const zc_file_table *t = zc_file_table_now();
    int err;

    do
        err = t->sync(t->user, fd);
    while (err == -EINTR);
    return err;
}

int zc_file_sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? zc_copy_text(path, (size_t)(slash - path) + 1) : zc_copy_text(".", 1);
    int fd, err;

    if (!folder)
        return -ENOMEM;
    fd = zc_file_descriptor(ZC_FILE_CWD, folder, ZC_FILE_LIST);
    zc_free(folder);
    if (fd < 0)
        return fd;
    err = zc_file_sync_now(fd);
    zc_file_release(fd);
    return err == -EINVAL ? 0 : err;      /* a file system that can't sync folders */
}

zc_status zc_out_commit(zc_out **out, zc_log *log)
{
    const zc_file_table *t = zc_file_table_now();
    zc_status st = ZC_OK;
    zc_out *o = *out;
    int err;

    ZC_CHECK(!o->failed, ZC_E_IO, "'%s' stays unwritten, because a write had failed",
             zc_quote_path(o->path).text);
    err = zc_file_sync_now(o->fd);
    if (err < 0) {
        st = zc_file_refused(log, "write", o->partial, err);
        goto done;
    }
    /* Renamed before it is closed, because closing gives up the lock. */
    err = o->policy == ZC_OUT_NEW ? t->rename_new(t->user, o->partial, o->path)
                                  : t->rename(t->user, o->partial, o->path);
    if (err < 0) {
        st = zc_file_refused(log, "write", o->path, err);
        goto done;
    }
    err = t->close(t->user, o->fd);
    o->fd = -1;
    if (err >= 0)
        err = zc_file_sync_folder_of(o->path);
    if (err < 0)
        st = zc_file_refused(log, "finish", o->path, err);
done:
    zc_out_abort(out);
    return st;
}
