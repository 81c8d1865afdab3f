/* What FFmpeg's libraries say, taken to our log.
 *
 * Their log is one for the process. If somebody else had the library first, it stays
 * theirs; else our function takes it, once, and gives messages to the sink at work on
 * the same thread. Those of the libraries' own threads are dropped. */

#include <stdatomic.h>
#include <string.h>

#include <libavutil/log.h>

#include "core/sink/ffmpeg/ffmpeg.h"

#define LINE 320

static atomic_bool taken;         /* our function is in place */
static _Thread_local const zc_coder_host *current;
static _Thread_local char last[LINE];       /* the last complaint */
static _Thread_local char why[LINE + 160];

static int level_of(int level)
{
    return level <= AV_LOG_WARNING ? 2 : level <= AV_LOG_VERBOSE ? 3 : 4;
}

static void take(void *object, int level, const char *format, va_list args)
{
    const zc_coder_host *host = current;
    char line[LINE];
    int prefix = 1;

    if (!host || level > AV_LOG_VERBOSE)
        return;
    av_log_format_line2(object, level, format, args, line, sizeof(line), &prefix);
    size_t n = strlen(line);
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' '))
        line[--n] = '\0';
    if (n == 0)
        return;
    if (level <= AV_LOG_ERROR)
        memcpy(last, line, n + 1);
    host->say(host->user, level_of(level), "ffmpeg: %s", line);
}

void zc_av_begin(const zc_coder_host *host)
{
    current = host;
    last[0] = '\0';
    if (!host->library_is_shared && !atomic_exchange(&taken, true))
        av_log_set_callback(take);
}

void zc_av_end(void)
{
    current = NULL;
}

const char *zc_av_why(int err)
{
    size_t n;

    av_strerror(err, why, 120);
    n = strlen(why);
    if (*last)
        snprintf(why + n, sizeof(why) - n, " (%s)", last);
    return why;
}

zc_status zc_av_status(int err)
{
    static const struct { int err; zc_status st; } known[] = {
        { AVERROR(ENOMEM), ZC_E_NOMEM },        { AVERROR_INVALIDDATA, ZC_E_FORMAT },
        { AVERROR_EOF, ZC_E_TRUNCATED },        { AVERROR(EIO), ZC_E_IO },
        { AVERROR(EPIPE), ZC_E_IO },            { AVERROR(ENOSPC), ZC_E_CREATE },
        { AVERROR(EINVAL), ZC_E_ARGUMENT },     { AVERROR_OPTION_NOT_FOUND, ZC_E_MISSING },
        { AVERROR_FILTER_NOT_FOUND, ZC_E_MISSING },
    };

    for (size_t i = 0; i < ZC_COUNT(known); i++) {
        if (known[i].err == err)
            return known[i].st;
    }
    return ZC_E_UNSUPPORTED;
}
