/* Formats a message, keeps the last error, calls the callback. */

#include <stdarg.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/log.h"

zc_status zc_log_init(zc_log *log, zc_level level, zc_log_fn fn, void *user)
{
    log->fn = fn;
    log->user = user;
    log->last[0] = '\0';
    atomic_init(&log->level, (int)level);
    return zc_mutex_init(&log->mutex);
}

void zc_log_fini(zc_log *log)
{
    zc_mutex_fini(&log->mutex);
}

void zc_log_set_level(zc_log *log, zc_level level)
{
    atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

bool zc_log_wants(zc_log *log, zc_level level)
{
    if (!log)
        return false;
    if (level == ZC_LEVEL_ERROR)
        return true;
    return log->fn && (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

void zc_log_write(zc_log *log, zc_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    zc_log_vwrite(log, level, format, args);
    va_end(args);
}

void zc_log_vwrite(zc_log *log, zc_level level, const char *format, va_list args)
{
    char text[ZC_LOG_TEXT];

    if (!zc_log_wants(log, level))
        return;
    zc_vformat(text, sizeof(text), format, args);

    zc_mutex_lock(&log->mutex);
    if (level == ZC_LEVEL_ERROR)
        memcpy(log->last, text, strlen(text) + 1);
    if (log->fn)
        log->fn(log->user, level, text);
    zc_mutex_unlock(&log->mutex);
}

void zc_log_last_error(zc_log *log, char *text, size_t size)
{
    if (size == 0)
        return;
    text[0] = '\0';
    if (!log)
        return;
    zc_mutex_lock(&log->mutex);
    zc_format(text, size, "%s", log->last);
    zc_mutex_unlock(&log->mutex);
}

void zc_log_forget(zc_log *log)
{
    zc_mutex_lock(&log->mutex);
    log->last[0] = '\0';
    zc_mutex_unlock(&log->mutex);
}
