/* What a guest may not change in its host's process, and how much it takes.
 *
 * A test that includes this with GUEST_OPENS defined counts in guest_files.opens every
 * file that is opened through the C library, but for those of the dynamic linker, and
 * in guest_files.read the bytes that are read at a place; it is linked with export_dynamic.
 *
 * Thread safety: no state, but for the count. */
#ifndef TESTS_HOSTS_GUEST_H
#define TESTS_HOSTS_GUEST_H

#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static inline double guest_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Of the processors: what other programs do on the machine does not count. */
static inline double guest_work(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Entries of a folder of the system's: "/proc/self/task" has threads, "/proc/self/fd"
 * descriptors. */
static inline int entries_of(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

/* "/proc/self/maps" has a line for each mapping. */
static inline int lines_of(const char *file)
{
    FILE *f = fopen(file, "r");
    int lines = 0;

    for (int c; f && (c = getc(f)) != EOF;)
        lines += c == '\n';
    if (f)
        fclose(f);
    return lines;
}

/* What belongs to the host. */
typedef struct guest_host {
    struct sigaction signals[65];
    sigset_t mask;
    char     locale[256], folder[4096];
    char   **environment;
    unsigned long variables;      /* a sum over all of them */
    mode_t   umask;
    int      rounding;
    unsigned int mxcsr;
} guest_host;

static inline void guest_look(guest_host *h)
{
    extern char **environ;

    memset(h, 0, sizeof(*h));
    for (int i = 1; i < 65; i++)
        sigaction(i, NULL, &h->signals[i]);
    sigprocmask(SIG_BLOCK, NULL, &h->mask);
    snprintf(h->locale, sizeof(h->locale), "%s", setlocale(LC_ALL, NULL));
    if (!getcwd(h->folder, sizeof(h->folder)))
        h->folder[0] = '\0';
    h->environment = environ;
    for (char **e = environ; *e; e++) {
        for (const char *c = *e; *c; c++)
            h->variables = h->variables * 31 + (unsigned char)*c;
    }
    h->umask = umask(0);
    umask(h->umask);
    h->rounding = fegetround();
#if defined(__x86_64__)
    h->mxcsr = __builtin_ia32_stmxcsr() & ~0x3fu;             /* without what has been seen */
#endif
}

/* NULL, or what differs. */
static inline const char *guest_change(const guest_host *a, const guest_host *b)
{
    for (int i = 1; i < 65; i++) {
        if (a->signals[i].sa_handler != b->signals[i].sa_handler ||
            a->signals[i].sa_flags != b->signals[i].sa_flags)
            return "a signal's handler";
        if (sigismember(&a->mask, i) != sigismember(&b->mask, i))
            return "the signal mask";
    }
    if (strcmp(a->locale, b->locale) != 0)
        return "the locale";
    if (strcmp(a->folder, b->folder) != 0)
        return "the folder";
    if (a->environment != b->environment || a->variables != b->variables)
        return "the environment";
    if (a->umask != b->umask)
        return "the umask";
    if (a->rounding != b->rounding || a->mxcsr != b->mxcsr)
        return "the floating-point state";
    return NULL;
}

/* Five states that a host's thread may be in, and back to the first. */
enum { GUEST_FPU_STATES = 5 };

static inline void guest_fpu(int state)
{
    static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };

    fesetround(modes[state & 3]);
#if defined(__x86_64__)
    const unsigned int plain = __builtin_ia32_stmxcsr() & ~0x8040u;
    __builtin_ia32_ldmxcsr(state == 4 ? plain | 0x8040u : plain);     /* flushes denormals */
#endif
}

#ifdef GUEST_OPENS
static struct {
    int          opens;
    atomic_llong read;            /* bytes */
} guest_files;
#endif

/* A sanitizer has these functions already. */
#if defined(GUEST_OPENS) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* In place of the C library's, for whoever looks them up in the process. */
#include <dlfcn.h>
#include <stdarg.h>

#define GUEST_EXPORT __attribute__((visibility("default")))

/* With 64-bit offsets its symbol is openat64, which is what the modules import. */
GUEST_EXPORT int openat(int dir, const char *path, int flags, ...)
{
    int (*next)(int, const char *, int, ...) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "openat64");
    va_list args;

    memcpy(&next, &symbol, sizeof(next));
    va_start(args, flags);
    const int mode = va_arg(args, int);
    va_end(args);
    guest_files.opens++;
    return next(dir, path, flags, mode);
}

GUEST_EXPORT ssize_t pread(int fd, void *to, size_t bytes, off_t offset)
{
    ssize_t (*next)(int, void *, size_t, off_t) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "pread64");

    memcpy(&next, &symbol, sizeof(next));
    const ssize_t n = next(fd, to, bytes, offset);
    atomic_fetch_add(&guest_files.read, n > 0 ? n : 0);
    return n;
}
#endif

#endif
