/* Who holds a job folder. The file is one line of fixed length, so that a beat is
 * one write in its place:
 *     zoetrope-lease 1 HOST BOOT PID START BEAT */

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/str.h"
#include "core/batch/lease.h"

#define LINE 256
#define WAIT_NS 20000000          /* between two looks while watching */

struct zc_lease {
    zc_own  *file;
    char    *path;
    int64_t  beat_ns, next_ns;    /* zc_clock_ns of the next beat */
    uint64_t beat;
    char     who[LINE];           /* the line up to the beat */
};

/* One word, whatever it held. */
static void to_word(char *s)
{
    for (; *s; s++) {
        if (*s <= ' ' || *s > '~')
            *s = '_';
    }
}

/* What tells this run of this machine from all others. */
static void boot_of(char *text, size_t size, zc_log *log)
{
    zc_file *f = NULL;
    size_t got = 0;

    if (zc_file_open(&f, log, "/proc/sys/kernel/random/boot_id") == ZC_OK &&
        zc_file_read_some(f, log, 0, text, size - 1, &got) != ZC_OK)
        got = 0;
    zc_file_close(&f);
    while (got > 0 && text[got - 1] == '\n')
        got--;
    text[got] = '\0';
    if (got == 0)
        zc_format(text, size, "unknown");
    to_word(text);
}

static void describe(zc_lease *l)
{
    char host[65] = "", boot[65] = "";

    if (gethostname(host, sizeof(host) - 1) != 0 || !host[0])
        zc_format(host, sizeof(host), "unknown");
    to_word(host);
    boot_of(boot, sizeof(boot), NULL);
    zc_format(l->who, sizeof(l->who), "zoetrope-lease 1 %s %s %lld %lld ", host, boot,
              (long long)getpid(), (long long)time(NULL));
}

static void line_of(const zc_lease *l, char line[LINE])
{
    const size_t n = zc_format(line, LINE, "%s%llu", l->who, (unsigned long long)l->beat);

    memset(line + n, ' ', LINE - n);
    line[LINE - 1] = '\n';
}

/* Word `index` of a line; "" if it has fewer. */
static void word_of(const char *line, int index, char *to, size_t size)
{
    size_t n;

    for (; index > 0 && *line; index--) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    n = strcspn(line, " \n");
    zc_format(to, size, "%.*s", (int)(n < size ? n : size - 1), line);
}

/* The line of a lease that is there; "" if it is empty or was just now, or is none of ours. */
static zc_status read_line(const zc_own *file, zc_log *log, char line[LINE + 1])
{
    zc_status st = ZC_OK;

    line[0] = line[LINE] = '\0';
    if (zc_own_size(file) == LINE)
        st = zc_own_read(file, NULL, 0, line, LINE);
    if (st != ZC_OK && st != ZC_E_TRUNCATED)
        ZC_TRY(zc_own_read(file, log, 0, line, LINE));        /* once more, for the message */
    if (st != ZC_OK || !zc_str_starts(line, "zoetrope-lease 1 "))
        line[0] = '\0';
    st = ZC_OK;
done:
    return st;
}

static zc_status busy(zc_log *log, const char *path, const char *line)
{
    char host[80], pid[24];

    word_of(line, 2, host, sizeof(host));
    word_of(line, 4, pid, sizeof(pid));
    zc_error(log, "'%s' is busy: process %s on %s is at work on it", zc_quote_path(path).text,
             *pid ? zc_quote_text(pid).text : "(unknown)",
             *host ? zc_quote_text(host).text : "(unknown)");
    return ZC_E_BUSY;
}

/* A holder on this machine that cannot be alive. */
static bool is_dead(const char *line, const char *mine)
{
    char a[2][80], proc[40];
    zc_file_info info;

    for (int i = 0; i < 2; i++)
        word_of(i ? mine : line, 2, a[i], sizeof(a[i]));
    if (strcmp(a[0], a[1]) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        word_of(i ? mine : line, 3, a[i], sizeof(a[i]));
    if (strcmp(a[0], a[1]) != 0)
        return true;
    for (int i = 0; i < 2; i++)
        word_of(i ? mine : line, 4, a[i], sizeof(a[i]));
    if (strcmp(a[0], a[1]) == 0)
        return true;                      /* ourselves, and the lock is free */
    zc_format(proc, sizeof(proc), "/proc/%s", a[0]);
    return zc_path_info(&info, "/proc/self") && !zc_path_info(&info, proc);
}

/* Until the line has changed, or has stood still for long enough. */
static zc_status watch(const zc_own *file, zc_log *log, const zc_lease *l, const char *line,
                       zc_cancel *cancel)
{
    const int64_t until = zc_clock_ns() + ZC_LEASE_BEATS * l->beat_ns;
    const struct timespec pause = { .tv_nsec = WAIT_NS };
    zc_status st = ZC_OK;
    char now[LINE + 1];

    zc_info(log, "'%s' belongs to another machine; watching whether it is alive",
            zc_quote_path(l->path).text);
    while (zc_clock_ns() < until) {
        ZC_CHECK(!cancel || !zc_cancel_requested(cancel), ZC_E_CANCELLED, "cancelled");
        nanosleep(&pause, NULL);
        ZC_TRY(read_line(file, log, now));
        if (strcmp(now, line) != 0 || zc_own_still(file, NULL) != ZC_OK) {
            st = busy(log, l->path, now[0] ? now : line);
            goto done;
        }
    }
    zc_warning(log, "'%s' is taken over: its holder missed %d beats", zc_quote_path(l->path).text,
               ZC_LEASE_BEATS);
done:
    return st;
}

/* What is there already: nothing, a dead holder's, or one to be watched. */
static zc_status look(zc_lease *l, zc_log *log, zc_cancel *cancel)
{
    zc_status st = ZC_OK;
    zc_own *old = NULL;
    zc_file_info info;
    char line[LINE + 1] = "";
    char *text = NULL;
    size_t bytes = 0;

    if (!zc_path_info(&info, l->path))
        return ZC_OK;
    st = zc_own_open(&old, NULL, l->path);
    if (st == ZC_E_BUSY) {
        if (zc_file_load(&text, &bytes, NULL, l->path, LINE) == ZC_OK)
            zc_format(line, sizeof(line), "%s", text);
        zc_free(text);
        return busy(log, l->path, line);
    }
    if (st != ZC_OK)
        return zc_own_open(&old, log, l->path);       /* once more, for the message */
    ZC_TRY(read_line(old, log, line));
    if (line[0] && !is_dead(line, l->who))
        ZC_TRY(watch(old, log, l, line, cancel));
done:
    zc_own_close(&old);
    return st;
}

zc_status zc_lease_take(zc_lease **out, zc_log *log, const char *path, int beat_ms,
                        zc_cancel *cancel)
{
    zc_status st = ZC_OK;
    zc_lease *l = zc_new(zc_lease);
    zc_str partial = { 0 };
    char line[LINE];

    *out = NULL;
    ZC_CHECK(l && (l->path = zc_copy_text(path, strlen(path))), ZC_E_NOMEM, "out of memory");
    l->beat_ns = (int64_t)beat_ms * 1000000;
    describe(l);
    ZC_TRY(look(l, log, cancel));

    /* Locked before it has its name, so that there is no moment at which it is free. */
    zc_str_add_format(&partial, "%s.partial", path);
    ZC_CHECK(!partial.failed, ZC_E_NOMEM, "out of memory");
    st = zc_own_open(&l->file, NULL, zc_str_get(&partial));
    if (st == ZC_E_BUSY) {
        st = busy(log, path, "");
        goto done;
    }
    if (st != ZC_OK)
        ZC_TRY(zc_own_open(&l->file, log, zc_str_get(&partial)));
    line_of(l, line);
    ZC_TRY(zc_own_cut(l->file, log, 0));
    ZC_TRY(zc_own_write(l->file, log, 0, line, LINE));
    ZC_TRY(zc_own_rename(l->file, log, path));
    ZC_TRY(zc_own_still(l->file, log));
    l->next_ns = zc_clock_ns() + l->beat_ns;
    *out = l;
    l = NULL;
done:
    zc_str_fini(&partial);
    if (l) {
        zc_own_close(&l->file);
        zc_free(l->path);
        zc_free(l);
    }
    return st;
}

zc_status zc_lease_beat(zc_lease *l, zc_log *log)
{
    const int64_t now = zc_clock_ns();
    zc_status st = ZC_OK;
    char line[LINE];

    if (now < l->next_ns)
        return ZC_OK;
    l->beat++;
    l->next_ns = now + l->beat_ns;
    line_of(l, line);
    ZC_TRY(zc_own_still(l->file, log));
    ZC_TRY(zc_own_write(l->file, log, 0, line, LINE));
done:
    return st;
}

void zc_lease_release(zc_lease **lease)
{
    zc_lease *l = *lease;

    *lease = NULL;
    if (!l)
        return;
    if (zc_own_still(l->file, NULL) == ZC_OK)
        (void)zc_path_unlink(NULL, l->path);
    zc_own_close(&l->file);
    zc_free(l->path);
    zc_free(l);
}
