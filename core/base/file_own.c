/* Files that stay open and change where they stand, and names that change. */

#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/file_system.h"
#include "core/base/format.h"

struct zc_own {
    int          fd;
    char        *path;
    zc_file_info info;            /* the size is kept up to date */
};

void zc_own_close(zc_own **own)
{
    zc_own *o = *own;

    *own = NULL;
    if (!o)
        return;
    zc_file_release(o->fd);
    zc_free(o->path);
    zc_free(o);
}

zc_status zc_own_open(zc_own **out, zc_log *log, const char *path)
{
    const zc_file_table *t = zc_file_table_now();
    zc_status st = ZC_OK;
    zc_own *o = zc_new(zc_own);
    int err;

    *out = NULL;
    ZC_CHECK(o, ZC_E_NOMEM, "out of memory");
    o->fd = -1;
    ZC_CHECK(o->path = zc_copy_text(path, strlen(path)), ZC_E_NOMEM, "out of memory");
    o->fd = zc_file_claim(path, false);
    err = o->fd;
    if (err >= 0)
        err = t->info(t->user, o->fd, &o->info);
    if (err < 0) {
        st = zc_file_refused(log, "write", path, err);
        if (st == ZC_E_NOT_FOUND || st == ZC_E_IO)
            st = ZC_E_CREATE;
        goto done;
    }
    *out = o;
    o = NULL;
done:
    zc_own_close(&o);
    return st;
}

uint64_t zc_own_size(const zc_own *own)
{
    return own->info.size;
}

zc_status zc_own_read(const zc_own *own, zc_log *log, uint64_t offset, void *dst, size_t bytes)
{
    const zc_file_table *t = zc_file_table_now();
    zc_status st = ZC_OK;
    size_t done = 0;

    while (done < bytes) {
        const int64_t n = t->read_at(t->user, own->fd, (char *)dst + done, bytes - done,
                                     offset + done);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return zc_file_refused(log, "read", own->path, n);
        ZC_CHECK(n > 0, ZC_E_TRUNCATED, "'%s' has no more than %zu of the %zu bytes expected at "
                 "byte %llu", zc_quote_path(own->path).text, done, bytes,
                 (unsigned long long)offset);
        done += (size_t)n;
    }
done:
    return st;
}

zc_status zc_own_write(zc_own *own, zc_log *log, uint64_t offset, const void *src, size_t bytes)
{
    const zc_file_table *t = zc_file_table_now();
    size_t done = 0;

    while (done < bytes) {
        int64_t n = t->write_at(t->user, own->fd, (const char *)src + done, bytes - done,
                                offset + done);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return zc_file_refused(log, "write", own->path, n ? n : -EIO);
        done += (size_t)n;
    }
    if (own->info.size < offset + bytes)
        own->info.size = offset + bytes;
    return ZC_OK;
}

zc_status zc_own_cut(zc_own *own, zc_log *log, uint64_t size)
{
    const zc_file_table *t = zc_file_table_now();
    int err;

    do
        err = t->truncate(t->user, own->fd, size);
    while (err == -EINTR);
    if (err < 0)
        return zc_file_refused(log, "write", own->path, err);
    own->info.size = size;
    return ZC_OK;
}

zc_status zc_own_sync(zc_own *own, zc_log *log)
{
    const int err = zc_file_sync_now(own->fd);

    return err < 0 ? zc_file_refused(log, "write", own->path, err) : ZC_OK;
}

zc_status zc_own_still(const zc_own *own, zc_log *log)
{
    zc_status st = ZC_OK;
    zc_file_info named;

    ZC_CHECK(zc_path_info(&named, own->path) && zc_file_same(&own->info, &named), ZC_E_BUSY,
             "'%s' was taken over by somebody else", zc_quote_path(own->path).text);
done:
    return st;
}

zc_status zc_own_rename(zc_own *own, zc_log *log, const char *to)
{
    zc_status st = ZC_OK;
    char *path = zc_copy_text(to, strlen(to));

    ZC_CHECK(path, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_path_rename(log, own->path, to));
    zc_free(own->path);
    own->path = path;
    path = NULL;
done:
    zc_free(path);
    return st;
}

zc_status zc_path_rename(zc_log *log, const char *from, const char *to)
{
    const zc_file_table *t = zc_file_table_now();
    const int err = t->rename(t->user, from, to);

    return err < 0 ? zc_file_refused(log, "write", to, err) : ZC_OK;
}

zc_status zc_path_rename_new(zc_log *log, const char *from, const char *to)
{
    const zc_file_table *t = zc_file_table_now();
    const int err = t->rename_new(t->user, from, to);
    const zc_status st = err < 0 ? zc_file_refused(log, "write", to, err) : ZC_OK;

    return st == ZC_E_ARGUMENT ? ZC_E_CREATE : st;
}

zc_status zc_path_sync(zc_log *log, const char *path)
{
    const int err = zc_file_sync_folder_of(path);

    return err < 0 ? zc_file_refused(log, "write", path, err) : ZC_OK;
}
