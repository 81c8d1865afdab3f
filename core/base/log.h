/* Messages to whoever opened the engine: a level and one line of text each.
 *
 * The text never ends in a newline and never exceeds ZC_LOG_TEXT bytes with its
 * NUL; numbers are written the same in every locale (see format.h). The last
 * error stays readable, so that a status code can be explained later.
 *
 * Thread safety: any thread may write to and read from a log; the callback runs
 * on the writing thread, one call at a time. It must not write to the same log.
 * init and fini belong to the owner. */
#ifndef ZC_LOG_H
#define ZC_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/status.h"
#include "core/base/thread.h"

#define ZC_LOG_TEXT 401

typedef enum zc_level {
    ZC_LEVEL_ERROR,       /* why something failed */
    ZC_LEVEL_WARNING,     /* goes on, but the user may not like it */
    ZC_LEVEL_INFO,        /* what a user may want: model, memory plan, seconds */
    ZC_LEVEL_DEBUG,       /* what a bug report needs */
    ZC_LEVEL_TRACE,       /* everything else */
} zc_level;

/* `text` is borrowed until the callback returns. */
typedef void (*zc_log_fn)(void *user, zc_level level, const char *text);

typedef struct zc_log {
    zc_log_fn  fn;                  /* NULL: only the last error is kept */
    void      *user;
    atomic_int level;               /* messages above it are not even formatted */
    zc_mutex   mutex;               /* around the callback and `last` */
    char       last[ZC_LOG_TEXT];   /* "" until the first error */
} zc_log;

/* Fails only if a mutex can't be had. */
zc_status zc_log_init(zc_log *log, zc_level level, zc_log_fn fn, void *user);
void zc_log_fini(zc_log *log);

void zc_log_set_level(zc_log *log, zc_level level);

/* True if messages of that level are wanted: ask before costly preparations.
 * Errors always are. False for a NULL log. */
bool zc_log_wants(zc_log *log, zc_level level);

/* One message; format as in zc_format. A NULL log swallows it. */
void zc_log_write(zc_log *log, zc_level level, const char *format, ...) ZC_PRINTF(3, 4);
void zc_log_vwrite(zc_log *log, zc_level level, const char *format, va_list args)
    ZC_PRINTF(3, 0);

/* Copies the last error, cut to size - 1 bytes; "" if there was none or log is NULL. */
void zc_log_last_error(zc_log *log, char *text, size_t size);

/* As if there had been no error so far. */
void zc_log_forget(zc_log *log);

#define zc_error(log, ...)   zc_log_write(log, ZC_LEVEL_ERROR, __VA_ARGS__)
#define zc_warning(log, ...) zc_log_write(log, ZC_LEVEL_WARNING, __VA_ARGS__)
#define zc_info(log, ...)    zc_log_write(log, ZC_LEVEL_INFO, __VA_ARGS__)
#define zc_debug(log, ...)   zc_log_write(log, ZC_LEVEL_DEBUG, __VA_ARGS__)
#define zc_trace(log, ...)   zc_log_write(log, ZC_LEVEL_TRACE, __VA_ARGS__)

/* Unless `ok`, records `code` and a message and goes to `done`. Expects locals
 * `zc_status st` and `zc_log *log`. */
#define ZC_CHECK(ok, code, ...)             \
    do {                                    \
        if (!(ok)) {                        \
            st = (code);                    \
            zc_error(log, __VA_ARGS__);     \
            goto done;                      \
        }                                   \
    } while (0)

#endif
