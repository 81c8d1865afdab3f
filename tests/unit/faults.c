/* Tables that pass calls on to the system's until one is due to fail. */

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/thread.h"
#include "tests/unit/faults.h"

struct trigger {
    atomic_int calls;
    int n;
    enum fault_mode mode;
};

static bool fires(struct trigger *t)
{
    const int call = atomic_fetch_add(&t->calls, 1) + 1;

    return t->n > 0 && (call == t->n || (call > t->n && t->mode == FAULT_ONWARDS));
}

static void arm(struct trigger *t, int n, enum fault_mode mode)
{
    atomic_store(&t->calls, 0);
    t->n = n;
    t->mode = mode;
}

/* The heap. Every block has its size in front of it. */

#define FRONT ZC_ALIGN

static struct trigger heap;
static atomic_int live;
static atomic_size_t bytes_now, bytes_peak;

static void *heap_alloc(void *user, size_t bytes)
{
    size_t now, peak;
    char *mem;

    (void)user;
    if (fires(&heap) || bytes > SIZE_MAX - FRONT)
        return NULL;
    mem = zc_alloc_system.alloc_aligned(NULL, bytes + FRONT);
    if (!mem)
        return NULL;
    memcpy(mem, &bytes, sizeof(bytes));
    memset(mem + FRONT, 0xa5, bytes < 4096 ? bytes : 4096);
    atomic_fetch_add(&live, 1);
    now = atomic_fetch_add(&bytes_now, bytes) + bytes;
    peak = atomic_load(&bytes_peak);
    while (now > peak && !atomic_compare_exchange_weak(&bytes_peak, &peak, now))
        continue;
    return mem + FRONT;
}

static void *heap_alloc_zeroed(void *user, size_t bytes)
{
    void *mem = heap_alloc(user, bytes);

    return mem ? memset(mem, 0, bytes) : NULL;
}

static size_t heap_size(const void *mem)
{
    size_t bytes;

    memcpy(&bytes, (const char *)mem - FRONT, sizeof(bytes));
    return bytes;
}

static void heap_free(void *user, void *mem)
{
    (void)user;
    if (!mem)
        return;
    atomic_fetch_sub(&live, 1);
    atomic_fetch_sub(&bytes_now, heap_size(mem));
    zc_alloc_system.free_aligned(NULL, (char *)mem - FRONT);
}

static void *heap_resize(void *user, void *mem, size_t bytes)
{
    void *bigger = heap_alloc(user, bytes);

    if (!bigger || !mem)
        return bigger;
    memcpy(bigger, mem, heap_size(mem) < bytes ? heap_size(mem) : bytes);
    heap_free(user, mem);
    return bigger;
}

void faults_alloc(int n, enum fault_mode mode)
{
    static const zc_alloc_table table = {
        .alloc         = heap_alloc,
        .alloc_zeroed  = heap_alloc_zeroed,
        .resize        = heap_resize,
        .free          = heap_free,
        .alloc_aligned = heap_alloc,
        .free_aligned  = heap_free,
    };

    arm(&heap, n, mode);
    atomic_store(&live, 0);
    atomic_store(&bytes_now, 0);
    atomic_store(&bytes_peak, 0);
    zc_alloc_use(&table);
}

int faults_alloc_end(void)
{
    zc_alloc_use(NULL);
    return atomic_load(&heap.calls);
}

int faults_live_blocks(void)
{
    return atomic_load(&live);
}

size_t faults_peak_bytes(void)
{
    return atomic_load(&bytes_peak);
}

/* Files. */

static struct trigger files;
static int file_errno;
static size_t file_most;
static atomic_int file_turn, open_files;

#define SYSTEM (&zc_file_system)

static int opened(int fd)
{
    if (fd >= 0)
        atomic_fetch_add(&open_files, 1);
    return fd;
}

/* Whether a call that is repeated when interrupted is to be interrupted. */
static bool interrupted(void)
{
    return file_most > 0 && atomic_fetch_add(&file_turn, 1) % 2 == 0;
}

static int file_open(void *user, int dir, const char *name, zc_file_mode mode)
{
    if (interrupted())
        return -EINTR;
    return fires(&files) ? -file_errno : opened(SYSTEM->open(user, dir, name, mode));
}

static int file_close(void *user, int fd)
{
    atomic_fetch_sub(&open_files, 1);
    return SYSTEM->close(user, fd);
}

static int64_t file_read_at(void *user, int fd, void *dst, size_t bytes, uint64_t offset)
{
    if (interrupted())
        return -EINTR;
    if (file_most > 0 && bytes > file_most)
        bytes = file_most;
    return fires(&files) ? -file_errno : SYSTEM->read_at(user, fd, dst, bytes, offset);
}

static int64_t file_write_at(void *user, int fd, const void *src, size_t bytes, uint64_t offset)
{
    if (interrupted())
        return -EINTR;
    if (file_most > 0 && bytes > file_most)
        bytes = file_most;
    return fires(&files) ? -file_errno : SYSTEM->write_at(user, fd, src, bytes, offset);
}

static int64_t file_write(void *user, int fd, const void *src, size_t bytes)
{
    if (interrupted())
        return -EINTR;
    if (file_most > 0 && bytes > file_most)
        bytes = file_most;
    return fires(&files) ? -file_errno : SYSTEM->write(user, fd, src, bytes);
}

static int file_truncate(void *user, int fd, uint64_t size)
{
    if (interrupted())
        return -EINTR;
    return fires(&files) ? -file_errno : SYSTEM->truncate(user, fd, size);
}

static int file_lock(void *user, int fd)
{
    if (interrupted())
        return -EINTR;
    return fires(&files) ? -file_errno : SYSTEM->lock(user, fd);
}

static int file_sync(void *user, int fd)
{
    if (interrupted())
        return -EINTR;
    return fires(&files) ? -file_errno : SYSTEM->sync(user, fd);
}

static int file_info(void *user, int fd, zc_file_info *info)
{
    return fires(&files) ? -file_errno : SYSTEM->info(user, fd, info);
}

static int file_path_info(void *user, const char *name, zc_file_info *info)
{
    return fires(&files) ? -file_errno : SYSTEM->path_info(user, name, info);
}

static int file_rename(void *user, const char *from, const char *to)
{
    return fires(&files) ? -file_errno : SYSTEM->rename(user, from, to);
}

static int file_rename_new(void *user, const char *from, const char *to)
{
    return fires(&files) ? -file_errno : SYSTEM->rename_new(user, from, to);
}

static int file_unlink(void *user, const char *name)
{
    return fires(&files) ? -file_errno : SYSTEM->unlink(user, name);
}

static int file_rmdir(void *user, const char *name)
{
    return fires(&files) ? -file_errno : SYSTEM->rmdir(user, name);
}

static int file_mkdir(void *user, const char *name)
{
    return fires(&files) ? -file_errno : SYSTEM->mkdir(user, name);
}

static int file_read_link(void *user, int dir, const char *name, char *dst, size_t size)
{
    return fires(&files) ? -file_errno : SYSTEM->read_link(user, dir, name, dst, size);
}

static int file_list(void *user, int fd, bool (*each)(void *context, const char *name),
                     void *context)
{
    return fires(&files) ? -file_errno : SYSTEM->list(user, fd, each, context);
}

void faults_file(int n, enum fault_mode mode, int err)
{
    static const zc_file_table table = {
        .open       = file_open,
        .close      = file_close,
        .read_at    = file_read_at,
        .write_at   = file_write_at,
        .write      = file_write,
        .truncate   = file_truncate,
        .lock       = file_lock,
        .sync       = file_sync,
        .info       = file_info,
        .path_info  = file_path_info,
        .rename     = file_rename,
        .rename_new = file_rename_new,
        .unlink     = file_unlink,
        .rmdir      = file_rmdir,
        .mkdir      = file_mkdir,
        .read_link  = file_read_link,
        .list       = file_list,
    };

    arm(&files, n, mode);
    file_errno = err;
    file_most = 0;
    atomic_store(&open_files, 0);
    zc_file_use(&table);
}

void faults_file_stutter(size_t most)
{
    file_most = most;
}

int faults_file_end(void)
{
    zc_file_use(NULL);
    return atomic_load(&files.calls);
}

int faults_open_files(void)
{
    return atomic_load(&open_files);
}

/* Threads. */

static struct trigger threads;

static int thread_create(void *user, pthread_t *thread, const pthread_attr_t *attr,
                         void *(*fn)(void *), void *arg)
{
    return fires(&threads) ? EAGAIN : zc_thread_system.thread(user, thread, attr, fn, arg);
}

static int thread_mutex(void *user, pthread_mutex_t *mutex)
{
    return fires(&threads) ? EAGAIN : zc_thread_system.mutex(user, mutex);
}

static int thread_cond(void *user, pthread_cond_t *cond)
{
    return fires(&threads) ? EAGAIN : zc_thread_system.cond(user, cond);
}

void faults_thread(int n, enum fault_mode mode)
{
    static const zc_thread_table table = {
        .thread = thread_create,
        .mutex  = thread_mutex,
        .cond   = thread_cond,
    };

    arm(&threads, n, mode);
    zc_thread_use(&table);
}

int faults_thread_end(void)
{
    zc_thread_use(NULL);
    return atomic_load(&threads.calls);
}
