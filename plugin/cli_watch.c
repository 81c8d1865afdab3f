/* Waiting for jobs: progress, and Ctrl-C. */

#include <signal.h>
#include <unistd.h>

#include "plugin/cli.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* A line that is written over on a terminal, and one a step elsewhere. */
static void show_progress(const cli *c, const zt_job_info *info, bool terminal)
{
    static const char *const phases[] = { "waiting", "loading", "prompt", "steps", "decoding",
                                          "done", "fitting", "measuring" };
    enum { BAR = 24 };
    /* A newer library may have more phases. */
    const char *phase = info->phase >= 0 && info->phase <= ZT_PHASE_MEASURE ? phases[info->phase]
                                                                         : "working";

    if (c->json) {
        printf("{\"phase\":\"%s\",\"step\":%d,\"steps\":%d,\"frames\":%d,\"seconds\":%.3f}\n",
               phase, (int)info->step, (int)info->steps, (int)info->frames_done,
               (double)info->seconds);
        fflush(stdout);
        return;
    }
    if (!terminal) {
        fprintf(stderr, "%s %d/%d\n", phase, (int)info->step, (int)info->steps);
        return;
    }
    char bar[BAR + 1];
    const int filled = info->steps ? info->step * BAR / info->steps : 0;
    for (int i = 0; i < BAR; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r%-8s [%s] %d/%d", phase, bar, (int)info->step,
            (int)info->steps);
    if (info->seconds_left >= 0)
        fprintf(stderr, "  %.0f s left", (double)info->seconds_left);
    fprintf(stderr, "   ");
}

int32_t cli_watch(const cli *c, zt_job *job, zt_job_info *info)
{
    const bool terminal = isatty(STDERR_FILENO);
    int32_t phase = -1, step = -1;

    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    c->zt->job_info(job, info);
    do {
        /* The last frame comes last: waiting for it is waiting for the end. */
        c->zt->job_wait(job, info->frames > 0 ? info->frames - 1 : 0, 100);
        if (interrupted)
            c->zt->job_cancel(job);
        c->zt->job_info(job, info);
        if (info->phase != phase || info->step != step)
            show_progress(c, info, terminal);
        phase = info->phase;
        step = info->step;
    } while (info->phase != ZT_PHASE_DONE);
    if (terminal && !c->json)
        fputc('\n', stderr);
    return info->status;
}
