/* Reading files and folders. */

#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/file_system.h"
#include "core/base/format.h"
#include "core/base/size.h"
#include "core/base/sort.h"
#include "core/base/str.h"

#define NAME_MAX_BYTES 255

struct zc_file {
    int          fd;
    zc_file_info info;
    char        *path;
};

struct zc_dir {
    int    fd;
    char  *path;
    char **names;             /* sorted */
    size_t count, capacity, at;
    bool   failed;            /* no memory while listing */
};

bool zc_path_plain(const char *name)
{
    const size_t n = strlen(name);

    if (n == 0 || n > NAME_MAX_BYTES || zc_str_equal(name, ".") || zc_str_equal(name, "..") ||
        name[1] == ':')
        return false;
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)name[i];

        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
            return false;
    }
    return true;
}

static char *join(const char *dir, const char *name)
{
    zc_str s = { 0 };

    zc_str_add(&s, dir);
    if (!zc_str_ends(dir, "/"))
        zc_str_add(&s, "/");
    zc_str_add(&s, name);
    return zc_str_release(&s);
}

/* Whether a link's text leads to the blobs of a download cache: at least two times "../",
 * then "blobs/" and a name in hexadecimal. */
static bool is_blob_link(const char *text)
{
    size_t up = 0, digits;

    for (; zc_str_starts(text, "../"); text += 3)
        up++;
    if (up < 2 || !zc_str_starts(text, "blobs/"))
        return false;
    text += strlen("blobs/");
    digits = strspn(text, "0123456789abcdef");
    return digits >= 40 && text[digits] == '\0';     /* SHA-1 or longer */
}

/* A descriptor for `name` in dir, or a negative errno. */
static int open_inside(const zc_dir *dir, const char *name)
{
    const zc_file_table *t = zc_file_table_now();
    char link[256];
    const int fd = zc_file_descriptor(dir->fd, name, ZC_FILE_READ_INSIDE);

    if (fd != -ELOOP)
        return fd;
    const int n = t->read_link(t->user, dir->fd, name, link, sizeof(link) - 1);
    if (n < 0)
        return n;
    link[n] = '\0';
    return is_blob_link(link) ? zc_file_descriptor(dir->fd, link, ZC_FILE_READ_INSIDE) : fd;
}

/* Opens `name` in dir, or as it stands if dir is NULL. Takes `path`. */
static zc_status open_at(zc_file **out, zc_log *log, const zc_dir *dir, const char *name,
                         char *path)
{
    const zc_file_table *t = zc_file_table_now();
    zc_status st = ZC_OK;
    zc_file *f = NULL;
    int err;

    ZC_CHECK(path, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(f = zc_new(zc_file), ZC_E_NOMEM, "out of memory");
    f->path = path;
    path = NULL;
    f->fd = dir ? open_inside(dir, name)
                : zc_file_descriptor(ZC_FILE_CWD, name, ZC_FILE_READ);
    if (f->fd < 0) {
        st = zc_file_refused(log, "open", f->path, f->fd);
        goto done;
    }
    err = t->info(t->user, f->fd, &f->info);
    if (err < 0) {
        st = zc_file_refused(log, "look at", f->path, err);
        goto done;
    }
    ZC_CHECK(f->info.kind == ZC_FILE_REGULAR, ZC_E_UNSAFE, "'%s' is %s, not a file",
             zc_quote_path(f->path).text,
             f->info.kind == ZC_FILE_FOLDER ? "a folder" : "a pipe, socket or device");
    *out = f;
    f = NULL;
done:
    zc_free(path);
    zc_file_close(&f);
    return st;
}

zc_status zc_file_open(zc_file **out, zc_log *log, const char *path)
{
    return open_at(out, log, NULL, path, zc_copy_text(path, strlen(path)));
}

zc_status zc_file_open_in(zc_file **out, zc_log *log, const zc_dir *dir, const char *name)
{
    zc_status st = ZC_OK;

    ZC_CHECK(zc_path_plain(name), ZC_E_UNSAFE, "'%s' is not a plain file name in '%s'",
             zc_quote_text(name).text, zc_quote_path(dir->path).text);
    ZC_TRY(open_at(out, log, dir, name, join(dir->path, name)));
done:
    return st;
}

void zc_file_close(zc_file **file)
{
    zc_file *f = *file;

    *file = NULL;
    if (!f)
        return;
    zc_file_release(f->fd);
    zc_free(f->path);
    zc_free(f);
}

const char *zc_file_path(const zc_file *file)
{
    return file->path;
}

uint64_t zc_file_size(const zc_file *file)
{
    return file->info.size;
}

const zc_file_info *zc_file_info_get(const zc_file *file)
{
    return &file->info;
}

zc_status zc_file_read_some(const zc_file *file, zc_log *log, uint64_t offset, void *dst,
                            size_t bytes, size_t *got)
{
    const zc_file_table *t = zc_file_table_now();
    int64_t n;

    *got = 0;
    if (!zc_u64_within(offset, bytes, INT64_MAX))
        return zc_file_refused(log, "read", file->path, -EFBIG);
    while (*got < bytes) {
        n = t->read_at(t->user, file->fd, (char *)dst + *got, bytes - *got, offset + *got);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return zc_file_refused(log, "read", file->path, n);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return ZC_OK;
}

zc_status zc_file_read_at(const zc_file *file, zc_log *log, uint64_t offset, void *dst,
                          size_t bytes)
{
    zc_status st = ZC_OK;
    size_t got;

    ZC_TRY(zc_file_read_some(file, log, offset, dst, bytes, &got));
    ZC_CHECK(got == bytes, ZC_E_TRUNCATED,
             "'%s' has no more than %zu of the %zu bytes expected at byte %llu",
             zc_quote_path(file->path).text, got, bytes, (unsigned long long)offset);
done:
    return st;
}

zc_status zc_file_unchanged(const zc_file *file, zc_log *log)
{
    const zc_file_table *t = zc_file_table_now();
    const zc_file_info *was = &file->info;
    zc_status st = ZC_OK;
    zc_file_info is;
    int err;

    err = t->info(t->user, file->fd, &is);
    if (err < 0)
        return zc_file_refused(log, "look at", file->path, err);
    ZC_CHECK(is.size == was->size, ZC_E_IO,
             "'%s' changed while it was read: it had %llu bytes and has %llu now",
             zc_quote_path(file->path).text, (unsigned long long)was->size,
             (unsigned long long)is.size);
    ZC_CHECK(is.mtime_ns == was->mtime_ns, ZC_E_IO,
             "'%s' was written to while it was read", zc_quote_path(file->path).text);
done:
    return st;
}

/* Reads all of `f`, and closes it. */
static zc_status load(char **out, size_t *bytes, zc_log *log, zc_file *f, size_t limit)
{
    zc_status st = ZC_OK;
    char *text = NULL;
    size_t size;

    ZC_CHECK(f->info.size <= limit && limit < SIZE_MAX, ZC_E_LIMIT,
             "'%s' has %llu bytes, at most %zu are allowed", zc_quote_path(f->path).text,
             (unsigned long long)f->info.size, limit);
    size = (size_t)f->info.size;
    ZC_CHECK(text = zc_alloc(size + 1), ZC_E_NOMEM, "out of memory: %zu bytes for '%s'",
             size + 1, zc_quote_path(f->path).text);
    ZC_TRY(zc_file_read_at(f, log, 0, text, size));
    text[size] = '\0';
    *out = text;
    *bytes = size;
    text = NULL;
done:
    zc_free(text);
    zc_file_close(&f);
    return st;
}

zc_status zc_file_load(char **out, size_t *bytes, zc_log *log, const char *path, size_t limit)
{
    zc_file *f = NULL;
    const zc_status st = zc_file_open(&f, log, path);

    return f ? load(out, bytes, log, f, limit) : st;
}

zc_status zc_file_load_in(char **out, size_t *bytes, zc_log *log, const zc_dir *dir,
                          const char *name, size_t limit)
{
    zc_file *f = NULL;
    const zc_status st = zc_file_open_in(&f, log, dir, name);

    return f ? load(out, bytes, log, f, limit) : st;
}

static bool keep_name(void *context, const char *name)
{
    zc_dir *d = context;
    char *copy = zc_copy_text(name, strlen(name));

    if (!copy || !zc_grow(&d->names, &d->capacity, d->count + 1, sizeof(d->names[0]))) {
        zc_free(copy);
        d->failed = true;
        return false;
    }
    d->names[d->count++] = copy;
    return true;
}

static int compare_names(const void *a, const void *b, const void *context)
{
    (void)context;
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes `path`. */
static zc_status open_dir_at(zc_dir **out, zc_log *log, const zc_dir *dir, const char *name,
                             char *path)
{
    const zc_file_table *t = zc_file_table_now();
    zc_status st = ZC_OK;
    zc_dir *d = NULL;
    int err;

    ZC_CHECK(path, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(d = zc_new(zc_dir), ZC_E_NOMEM, "out of memory");
    d->path = path;
    path = NULL;
    d->fd = zc_file_descriptor(dir ? dir->fd : ZC_FILE_CWD, name,
                               dir ? ZC_FILE_LIST_INSIDE : ZC_FILE_LIST);
    /* The system says the same of a link that is not to be followed. */
    ZC_CHECK(!dir || d->fd != -ENOTDIR, ZC_E_UNSAFE, "'%s' is a file or a link, not a folder",
             zc_quote_path(d->path).text);
    if (d->fd < 0) {
        st = zc_file_refused(log, "open the folder", d->path, d->fd);
        goto done;
    }
    err = t->list(t->user, d->fd, keep_name, d);
    ZC_CHECK(!d->failed, ZC_E_NOMEM, "out of memory");
    if (err < 0) {
        st = zc_file_refused(log, "list", d->path, err);
        goto done;
    }
    zc_sort(d->names, d->count, sizeof(d->names[0]), compare_names, NULL);
    *out = d;
    d = NULL;
done:
    zc_free(path);
    zc_dir_close(&d);
    return st;
}

zc_status zc_dir_open(zc_dir **out, zc_log *log, const char *path)
{
    return open_dir_at(out, log, NULL, path, zc_copy_text(path, strlen(path)));
}

zc_status zc_dir_open_in(zc_dir **out, zc_log *log, const zc_dir *dir, const char *name)
{
    zc_status st = ZC_OK;

    ZC_CHECK(zc_path_plain(name), ZC_E_UNSAFE, "'%s' is not a plain folder name in '%s'",
             zc_quote_text(name).text, zc_quote_path(dir->path).text);
    ZC_TRY(open_dir_at(out, log, dir, name, join(dir->path, name)));
done:
    return st;
}

void zc_dir_close(zc_dir **dir)
{
    zc_dir *d = *dir;

    *dir = NULL;
    if (!d)
        return;
    zc_file_release(d->fd);
    for (size_t i = 0; i < d->count; i++)
        zc_free(d->names[i]);
    zc_free(d->names);
    zc_free(d->path);
    zc_free(d);
}

const char *zc_dir_path(const zc_dir *dir)
{
    return dir->path;
}

const char *zc_dir_next(zc_dir *dir)
{
    return dir->at < dir->count ? dir->names[dir->at++] : NULL;
}

void zc_dir_rewind(zc_dir *dir)
{
    dir->at = 0;
}

bool zc_dir_has(const zc_dir *dir, const char *name)
{
    size_t low = 0, high = dir->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int c = strcmp(dir->names[middle], name);

        if (c == 0)
            return true;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool zc_path_info(zc_file_info *info, const char *path)
{
    const zc_file_table *t = zc_file_table_now();

    return t->path_info(t->user, path, info) >= 0;
}

zc_status zc_path_mkdir(zc_log *log, const char *path)
{
    const zc_file_table *t = zc_file_table_now();
    const int err = t->mkdir(t->user, path);
    zc_file_info info;

    if (err >= 0 || (err == -EEXIST && zc_path_info(&info, path) && info.kind == ZC_FILE_FOLDER))
        return ZC_OK;
    const zc_status st = zc_file_refused(log, "make the folder", path, err);
    return st == ZC_E_NOT_FOUND || st == ZC_E_IO || st == ZC_E_ARGUMENT ? ZC_E_CREATE : st;
}

static zc_status removed(zc_log *log, const char *path, int err)
{
    return err >= 0 || err == -ENOENT ? ZC_OK : zc_file_refused(log, "remove", path, err);
}

zc_status zc_path_unlink(zc_log *log, const char *path)
{
    const zc_file_table *t = zc_file_table_now();

    return removed(log, path, t->unlink(t->user, path));
}

zc_status zc_path_rmdir(zc_log *log, const char *path)
{
    const zc_file_table *t = zc_file_table_now();

    return removed(log, path, t->rmdir(t->user, path));
}
