/* The table of a file system in memory. Descriptors are numbers of an array. */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "tests/unit/memfile.h"

#define FILES 64
#define OPEN  64
#define FIRST 1000        /* the first descriptor */

struct memfile {
    char path[256];
    enum memfile_kind kind;
    uint8_t *own;                 /* what was written through the table */
    const uint8_t *bytes;
    size_t count, capacity;
    int64_t changed;
};

struct descriptor {
    bool used;
    char path[256];               /* of a folder; "" is where everything starts */
    int  file;                    /* -1: a folder */
};

static struct memfile files[FILES];
static struct descriptor open_now[OPEN];
static int shrink_file, shrink_reads;
static size_t shrink_count;
static atomic_int calls, reads;
static atomic_size_t bytes_read;
static int fail_at, fail_errno;
static enum fault_mode fail_mode;

static bool fails(void)
{
    const int call = atomic_fetch_add(&calls, 1) + 1;

    return fail_at > 0 && (call == fail_at || (call > fail_at && fail_mode == FAULT_ONWARDS));
}

static const char *plain(const char *path)
{
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    return strcmp(path, ".") == 0 ? "" : path;
}

static int find(const char *path)
{
    for (int i = 0; i < FILES; i++) {
        if (files[i].path[0] && strcmp(files[i].path, path) == 0)
            return i;
    }
    return -1;
}

/* The part of a path inside a folder, or NULL. */
static const char *inside(const char *path, const char *folder)
{
    const size_t n = strlen(folder);

    if (n == 0)
        return path;
    return strncmp(path, folder, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static bool is_folder(const char *path)
{
    const int i = find(path);

    if (path[0] == '\0' || (i >= 0 && files[i].kind == MEMFILE_FOLDER))
        return true;
    for (int k = 0; k < FILES; k++) {
        if (files[k].path[0] && inside(files[k].path, path))
            return true;
    }
    return false;
}

/* The path of a name relative to a descriptor. */
static void resolve(char *to, size_t size, int dir, const char *name)
{
    size_t n;

    to[0] = '\0';
    if (dir != ZC_FILE_CWD && open_now[dir - FIRST].path[0]) {
        strncat(to, open_now[dir - FIRST].path, size - 2);
        strcat(to, "/");
    }
    strncat(to, plain(name), size - strlen(to) - 1);
    for (n = strlen(to); n > 0 && to[n - 1] == '/'; n--)
        to[n - 1] = '\0';
}

static int add(const char *path)
{
    int i = find(path);

    for (int k = 0; i < 0 && k < FILES; k++) {
        if (!files[k].path[0])
            i = k;
    }
    if (i < 0)
        abort();
    free(files[i].own);
    files[i] = (struct memfile){ .changed = files[i].changed + 1 };
    strncat(files[i].path, plain(path), sizeof(files[i].path) - 1);
    return i;
}

static int table_open(void *user, int dir, const char *name, zc_file_mode mode)
{
    const bool folder = mode == ZC_FILE_LIST || mode == ZC_FILE_LIST_INSIDE;
    char path[256];
    int i, d = 0;

    (void)user;
    if (fails())
        return -fail_errno;
    resolve(path, sizeof(path), dir, name);
    i = find(path);
    while (d < OPEN && open_now[d].used)
        d++;
    if (d == OPEN)
        return -EMFILE;
    if (i >= 0 && files[i].kind == MEMFILE_LINK)
        return folder ? -ENOTDIR : -ELOOP;
    if (folder && !is_folder(path))
        return i < 0 ? -ENOENT : -ENOTDIR;
    if (!folder && i < 0 && mode == ZC_FILE_WRITE)
        i = add(path);
    if (!folder && i < 0 && !is_folder(path))
        return -ENOENT;
    open_now[d] = (struct descriptor){ .used = true,
                                       .file = folder || is_folder(path) ? -1 : i };
    strcpy(open_now[d].path, path);
    return FIRST + d;
}

static int table_close(void *user, int fd)
{
    (void)user;
    open_now[fd - FIRST].used = false;
    return 0;
}

static int64_t table_read(void *user, int fd, void *dst, size_t bytes, uint64_t offset)
{
    const int i = open_now[fd - FIRST].file;
    size_t n;

    (void)user;
    if (fails())
        return -fail_errno;
    if (i < 0)
        return -EISDIR;
    if (shrink_reads >= 0 && atomic_fetch_add(&reads, 1) >= shrink_reads && i == shrink_file) {
        n = shrink_count < files[i].count ? shrink_count : files[i].count;
        n = offset < n ? n - (size_t)offset : 0;
    } else {
        n = offset < files[i].count ? files[i].count - (size_t)offset : 0;
    }
    n = n < bytes ? n : bytes;
    if (n > 0)
        memcpy(dst, files[i].bytes + offset, n);
    atomic_fetch_add(&bytes_read, n);
    return (int64_t)n;
}

static int64_t table_write(void *user, int fd, const void *src, size_t bytes, uint64_t offset)
{
    struct memfile *f = &files[open_now[fd - FIRST].file];
    const bool borrowed = f->bytes && f->bytes != f->own;

    (void)user;
    if (fails())
        return -fail_errno;
    if (offset + bytes > f->capacity || f->count > f->capacity) {
        f->capacity = 2 * ((size_t)offset + bytes) + f->count;
        f->own = realloc(f->own, f->capacity);
        if (!f->own)
            abort();
    }
    if (borrowed)
        memcpy(f->own, f->bytes, f->count);
    if (offset > f->count)
        memset(f->own + f->count, 0, (size_t)offset - f->count);
    memcpy(f->own + offset, src, bytes);
    if (offset + bytes > f->count)
        f->count = (size_t)offset + bytes;
    f->bytes = f->own;
    return (int64_t)bytes;
}

static int table_truncate(void *user, int fd, uint64_t size)
{
    struct memfile *f = &files[open_now[fd - FIRST].file];

    (void)user;
    if (fails())
        return -fail_errno;
    f->count = size < f->count ? (size_t)size : f->count;
    return 0;
}

static int table_lock(void *user, int fd)
{
    (void)user;
    (void)fd;
    return fails() ? -fail_errno : 0;
}

static int table_info_of(const char *path, int i, zc_file_info *info)
{
    *info = (zc_file_info){ .kind = ZC_FILE_FOLDER, .device = 1, .inode = 1 };
    if (i >= 0) {
        info->kind = files[i].kind == MEMFILE_PLAIN ? ZC_FILE_REGULAR
                   : files[i].kind == MEMFILE_FOLDER ? ZC_FILE_FOLDER : ZC_FILE_OTHER;
        info->size = files[i].count;
        info->inode = (uint64_t)i + 2;
        info->mtime_ns = files[i].changed;
        if (i == shrink_file && shrink_reads >= 0 && atomic_load(&reads) > shrink_reads)
            info->size = shrink_count;
    } else if (!is_folder(path)) {
        return -ENOENT;
    }
    return 0;
}

static int table_info(void *user, int fd, zc_file_info *info)
{
    (void)user;
    return fails() ? -fail_errno
                   : table_info_of(open_now[fd - FIRST].path, open_now[fd - FIRST].file, info);
}

static int table_path_info(void *user, const char *name, zc_file_info *info)
{
    char path[256];

    (void)user;
    if (fails())
        return -fail_errno;
    resolve(path, sizeof(path), ZC_FILE_CWD, name);
    return table_info_of(path, find(path), info);
}

static int rename_any(const char *from, const char *to, bool replace)
{
    const int i = find(plain(from)), k = find(plain(to));

    if (fails())
        return -fail_errno;
    if (i < 0)
        return -ENOENT;
    if (k >= 0 && !replace)
        return -EEXIST;
    if (k >= 0) {
        free(files[k].own);
        files[k] = (struct memfile){ .changed = files[k].changed };
    }
    files[i].path[0] = '\0';
    strncat(files[i].path, plain(to), sizeof(files[i].path) - 1);
    return 0;
}

static int table_rename(void *user, const char *from, const char *to)
{
    (void)user;
    return rename_any(from, to, true);
}

static int table_rename_new(void *user, const char *from, const char *to)
{
    (void)user;
    return rename_any(from, to, false);
}

static int table_unlink(void *user, const char *name)
{
    const int i = find(plain(name));

    (void)user;
    if (fails())
        return -fail_errno;
    if (i < 0)
        return -ENOENT;
    free(files[i].own);
    files[i] = (struct memfile){ .changed = files[i].changed };
    return 0;
}

static int table_rmdir(void *user, const char *name)
{
    (void)user;
    (void)name;
    return fails() ? -fail_errno : 0;
}

static int table_mkdir(void *user, const char *name)
{
    (void)user;
    if (fails())
        return -fail_errno;
    if (is_folder(plain(name)))
        return -EEXIST;
    memfile_put_kind(name, MEMFILE_FOLDER);
    return 0;
}

static int table_read_link(void *user, int dir, const char *name, char *dst, size_t size)
{
    static const char target[] = "somewhere/else";
    const size_t bytes = sizeof(target) - 1 < size ? sizeof(target) - 1 : size;
    char path[256];

    (void)user;
    resolve(path, sizeof(path), dir, name);
    const int i = find(path);
    if (i < 0 || files[i].kind != MEMFILE_LINK)
        return -EINVAL;
    memcpy(dst, target, bytes);
    return (int)bytes;
}

static int table_list(void *user, int fd, bool (*each)(void *context, const char *name),
                      void *context)
{
    char names[FILES][256];
    int count = 0;

    (void)user;
    if (fails())
        return -fail_errno;
    for (int i = 0; i < FILES; i++) {
        const char *name = files[i].path[0]
                         ? inside(files[i].path, open_now[fd - FIRST].path) : NULL;
        bool is_new = true;
        size_t n;

        if (!name || !name[0])
            continue;
        n = strcspn(name, "/");
        for (int k = 0; k < count; k++)
            is_new = is_new && (strlen(names[k]) != n || memcmp(names[k], name, n) != 0);
        if (!is_new)
            continue;
        memcpy(names[count], name, n);
        names[count++][n] = '\0';
    }
    for (int k = 0; k < count; k++) {
        if (!each(context, names[k]))
            break;
    }
    return 0;
}

void memfiles_begin(void)
{
    static const zc_file_table table = {
        .open = table_open, .close = table_close, .read_at = table_read, .write_at = table_write,
        .truncate = table_truncate, .lock = table_lock, .sync = table_lock, .info = table_info,
        .path_info = table_path_info, .rename = table_rename, .rename_new = table_rename_new,
        .unlink = table_unlink, .rmdir = table_rmdir, .mkdir = table_mkdir,
        .read_link = table_read_link, .list = table_list,
    };

    memfiles_clear();
    memfiles_fail(0, FAULT_ONCE, 0);
    zc_file_use(&table);
}

void memfiles_end(void)
{
    zc_file_use(NULL);
    memfiles_clear();
}

void memfiles_clear(void)
{
    for (int i = 0; i < FILES; i++) {
        free(files[i].own);
        files[i] = (struct memfile){ .changed = files[i].changed };
    }
    shrink_file = shrink_reads = -1;
    atomic_store(&bytes_read, 0);
}

void memfile_put(const char *path, const void *bytes, size_t count)
{
    struct memfile *f = &files[add(plain(path))];

    f->bytes = bytes;
    f->count = count;
}

void memfile_put_kind(const char *path, enum memfile_kind kind)
{
    files[add(plain(path))].kind = kind;
}

const void *memfile_get(const char *path, size_t *count)
{
    const int i = find(plain(path));

    *count = i < 0 ? 0 : files[i].count;
    return i < 0 ? NULL : files[i].bytes ? files[i].bytes : (const uint8_t *)"";
}

void memfile_shrink_after(const char *path, int after, size_t count)
{
    shrink_file = find(plain(path));
    shrink_reads = after;
    shrink_count = count;
    atomic_store(&reads, 0);
}

void memfiles_fail(int n, enum fault_mode mode, int err)
{
    fail_at = n;
    fail_mode = mode;
    fail_errno = err;
    atomic_store(&calls, 0);
}

int memfiles_calls(void)
{
    return atomic_load(&calls);
}

int memfiles_open(void)
{
    int n = 0;

    for (int i = 0; i < OPEN; i++)
        n += open_now[i].used;
    return n;
}

size_t memfiles_bytes_read(void)
{
    return atomic_load(&bytes_read);
}
