/* The system's files as a table, and its error numbers as text. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file_system.h"
#include "core/base/format.h"

/* The largest that one call of read or write takes. */
#define CHUNK ((size_t)1 << 30)

static int result(int64_t r)
{
    return r < 0 ? -errno : (int)r;
}

/* The same descriptor with a number above those of standard input and output. */
static int above_standard(int fd)
{
    int high, err;

    if (fd < 0)
        return -errno;
    if (fd > 2)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    err = errno;
    close(fd);
    return high < 0 ? -err : high;
}

static int system_open(void *user, int dir, const char *name, zc_file_mode mode)
{
    /* Non-blocking, so that a pipe without a writer doesn't hang us; it means
     * nothing for regular files. */
    static const int flags[] = {
        [ZC_FILE_READ]        = O_RDONLY | O_NONBLOCK | O_NOCTTY,
        [ZC_FILE_READ_INSIDE] = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
        [ZC_FILE_LIST]        = O_RDONLY | O_DIRECTORY,
        [ZC_FILE_LIST_INSIDE] = O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
        [ZC_FILE_WRITE]       = O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
    };

    (void)user;
    if (dir == ZC_FILE_CWD)
        dir = AT_FDCWD;
    return above_standard(openat(dir, name, flags[mode] | O_CLOEXEC, 0666));
}

static int system_close(void *user, int fd)
{
    (void)user;
    return result(close(fd));
}

static int64_t system_read_at(void *user, int fd, void *dst, size_t bytes, uint64_t offset)
{
    const ssize_t n = pread(fd, dst, bytes < CHUNK ? bytes : CHUNK, (off_t)offset);

    (void)user;
    return n < 0 ? -errno : n;
}

static int64_t system_write_at(void *user, int fd, const void *src, size_t bytes, uint64_t offset)
{
    const ssize_t n = pwrite(fd, src, bytes < CHUNK ? bytes : CHUNK, (off_t)offset);

    (void)user;
    return n < 0 ? -errno : n;
}

static int64_t system_write(void *user, int fd, const void *src, size_t bytes)
{
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    ssize_t n;

    (void)user;
    do
        n = write(fd, src, bytes < CHUNK ? bytes : CHUNK);
    while (n < 0 && errno == EAGAIN && poll(&ready, 1, -1) >= 0);      /* somebody's O_NONBLOCK */
    return n < 0 ? -errno : n;
}

static int system_truncate(void *user, int fd, uint64_t size)
{
    (void)user;
    return result(ftruncate(fd, (off_t)size));
}

/* A lock of the open file, not of the process: a record lock would be lost as
 * soon as anybody in this process closes the same file. */
static int system_lock(void *user, int fd)
{
    struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    (void)user;
    if (fcntl(fd, F_OFD_SETLK, &all) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return -EAGAIN;
    return errno == EINTR ? -EINTR : 0;       /* this file system has no locks */
}

static int system_sync(void *user, int fd)
{
    (void)user;
    return result(fsync(fd));
}

static void fill_info(zc_file_info *info, const struct stat *s)
{
    info->kind = S_ISREG(s->st_mode) ? ZC_FILE_REGULAR
               : S_ISDIR(s->st_mode) ? ZC_FILE_FOLDER : ZC_FILE_OTHER;
    info->size = s->st_size > 0 ? (uint64_t)s->st_size : 0;
    info->device = (uint64_t)s->st_dev;
    info->inode = (uint64_t)s->st_ino;
    info->mtime_ns = (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec;
}

static int system_info(void *user, int fd, zc_file_info *info)
{
    struct stat s;

    (void)user;
    if (fstat(fd, &s) != 0)
        return -errno;
    fill_info(info, &s);
    return 0;
}

static int system_path_info(void *user, const char *name, zc_file_info *info)
{
    struct stat s;

    (void)user;
    if (stat(name, &s) != 0)
        return -errno;
    fill_info(info, &s);
    return 0;
}

static int system_rename(void *user, const char *from, const char *to)
{
    (void)user;
    return result(rename(from, to));
}

static int system_rename_new(void *user, const char *from, const char *to)
{
    (void)user;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* Network file systems can't; a second name is as exclusive. */
    if (link(from, to) != 0)
        return -errno;
    return result(unlink(from));
}

static int system_unlink(void *user, const char *name)
{
    (void)user;
    return result(unlink(name));
}

static int system_rmdir(void *user, const char *name)
{
    (void)user;
    return result(rmdir(name));
}

static int system_mkdir(void *user, const char *name)
{
    (void)user;
    return result(mkdir(name, 0777));
}

static int system_read_link(void *user, int dir, const char *name, char *dst, size_t size)
{
    (void)user;
    return result(readlinkat(dir == ZC_FILE_CWD ? AT_FDCWD : dir, name, dst, size));
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int system_list(void *user, int fd, bool (*each)(void *context, const char *name),
                       void *context)
{
    /* A descriptor of its own, because closedir closes it. */
    const int own = system_open(user, fd, ".", ZC_FILE_LIST);
    const struct dirent *entry;
    DIR *d;
    int err;

    if (own < 0)
        return own;
    d = fdopendir(own);
    if (!d) {
        err = -errno;
        close(own);
        return err;
    }
    do {
        errno = 0;
        entry = readdir(d);
        err = entry ? 0 : -errno;
    } while (entry && (is_dots(entry->d_name) || each(context, entry->d_name)));
    closedir(d);
    return err;
}

const zc_file_table zc_file_system = {
    .open       = system_open,
    .close      = system_close,
    .read_at    = system_read_at,
    .write_at   = system_write_at,
    .write      = system_write,
    .truncate   = system_truncate,
    .lock       = system_lock,
    .sync       = system_sync,
    .info       = system_info,
    .path_info  = system_path_info,
    .rename     = system_rename,
    .rename_new = system_rename_new,
    .unlink     = system_unlink,
    .rmdir      = system_rmdir,
    .mkdir      = system_mkdir,
    .read_link  = system_read_link,
    .list       = system_list,
};

static const zc_file_table *table = &zc_file_system;      /* changed by tests only */

void zc_file_use(const zc_file_table *use)
{
    table = use ? use : &zc_file_system;
}

const zc_file_table *zc_file_table_now(void)
{
    return table;
}

/* strerror speaks the user's language, and isn't safe with threads. */
static const struct {
    int err;
    zc_status st;
    const char *text;
} refusals[] = {
    { ENOENT,       ZC_E_NOT_FOUND, "there is no such file or folder" },
    { ENOTDIR,      ZC_E_NOT_FOUND, "part of the path is not a folder" },
    { ELOOP,        ZC_E_UNSAFE,    "it is a symbolic link" },
    { ENOMEM,       ZC_E_NOMEM,     "the system is out of memory" },
    { EACCES,       ZC_E_IO,        "permission denied" },
    { EPERM,        ZC_E_IO,        "not permitted" },
    { EEXIST,       ZC_E_ARGUMENT,  "it exists already" },
    { EISDIR,       ZC_E_UNSAFE,    "it is a folder" },
    { ENXIO,        ZC_E_UNSAFE,    "it is a pipe, socket or device" },
    { ENAMETOOLONG, ZC_E_ARGUMENT,  "the name is too long" },
    { ENOSPC,       ZC_E_CREATE,    "the disk is full" },
    { EDQUOT,       ZC_E_CREATE,    "the disk quota is used up" },
    { EFBIG,        ZC_E_IO,        "the file would be too large" },
    { EROFS,        ZC_E_CREATE,    "the file system is read-only" },
    { EIO,          ZC_E_IO,        "input or output error" },
    { EPIPE,        ZC_E_IO,        "nobody reads it any more" },
    { EMFILE,       ZC_E_IO,        "this process has too many open files" },
    { ENFILE,       ZC_E_IO,        "the system has too many open files" },
    { ESTALE,       ZC_E_IO,        "the file went away on its server" },
    { EAGAIN,       ZC_E_BUSY,      "another writer is at work on it" },
    { EBUSY,        ZC_E_BUSY,      "it is in use" },
};

zc_status zc_file_refused(zc_log *log, const char *verb, const char *path, int64_t err)
{
    const zc_quoted q = zc_quote_path(path);

    for (size_t i = 0; i < ZC_COUNT(refusals); i++) {
        if (refusals[i].err == -err) {
            zc_error(log, "cannot %s '%s': %s", verb, q.text, refusals[i].text);
            return refusals[i].st;
        }
    }
    zc_error(log, "cannot %s '%s': system error %d", verb, q.text, (int)-err);
    return ZC_E_IO;
}

int zc_file_descriptor(int dir, const char *name, zc_file_mode mode)
{
    int fd;

    do
        fd = table->open(table->user, dir, name, mode);
    while (fd == -EINTR);
    return fd;
}

void zc_file_release(int fd)
{
    if (fd >= 0)
        table->close(table->user, fd);
}
