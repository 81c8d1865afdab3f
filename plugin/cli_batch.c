/* Watching a batch: progress in the form that whoever looks can read, and signals.
 *
 * The first signal asks the batch to end, which it does with everything saved; what
 * has not ended in time, or the second signal, ends the process, which loses no more
 * than a kill does. */

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugin/cli_farm.h"

#define GRACE_SECONDS 4.0

static volatile sig_atomic_t signals, last_signal;

static void on_signal(int number)
{
    last_signal = number;
    if (signals++ > 0)
        _exit(number == SIGINT ? CLI_INTERRUPTED : CLI_AGAIN);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The number of the job at work, from 1. */
static int number_of(const zt_batch_info *info)
{
    const int behind = (int)(info->done + info->busy + info->failed);

    return behind < (int)info->jobs ? behind + 1 : (int)info->jobs;
}

static const char *phase_of(const zt_batch_info *info)
{
    static const char *const phases[] = { "waiting", "loading", "prompt", "steps", "decoding",
                                          "done" };

    /* A newer library may have more phases. */
    return info->phase >= 0 && info->phase <= ZT_PHASE_DONE ? phases[info->phase] : "working";
}

/* Of the whole batch. Steps are nearly all of the work of a job. */
static double percent_of(const zt_batch_info *info)
{
    double job = 0;

    if (info->current >= 0 && info->phase == ZT_PHASE_DENOISE && info->steps > 0)
        job = 0.9 * info->step / info->steps;
    else if (info->current >= 0 && (info->phase == ZT_PHASE_DECODE || info->written > 0))
        job = 0.9 + (info->frames > 0 ? 0.1 * info->written / info->frames : 0);
    const double behind = info->done + info->busy + info->failed;
    const double all = info->jobs > 0 ? (behind + job) / info->jobs : 1;
    return all > 1 ? 100 : 100 * all;
}

static void show_json(const zt_batch_info *info)
{
    printf("{\"phase\":\"%s\",\"step\":%d,\"steps\":%d,\"frames\":%d,\"written\":%d,\"job\":",
           phase_of(info), (int)info->step, (int)info->steps, (int)info->frames,
           (int)info->written);
    cli_print_json(stdout, info->name);
    printf(",\"index\":%d,\"jobs\":%d,\"done\":%d,\"skipped\":%d,\"busy\":%d,"
           "\"failed\":%d,\"percent\":%.2f,\"seconds\":%.3f,\"seconds_left\":%.1f}\n",
           (int)info->current, (int)info->jobs, (int)info->done, (int)info->skipped,
           (int)info->busy, (int)info->failed, percent_of(info),
           (double)info->seconds, (double)info->seconds_left);
    fflush(stdout);
}

static void show_bar(const zt_batch_info *info)
{
    enum { BAR = 24 };
    char bar[BAR + 1];
    const int filled = (int)(percent_of(info) * BAR / 100);

    for (int i = 0; i < BAR; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r[%s] %-8s %d/%d", bar, phase_of(info), (int)info->step, (int)info->steps);
    if (info->written > 0)
        fprintf(stderr, "  frame %d/%d", (int)info->written, (int)info->frames);
    if (info->jobs > 1)
        fprintf(stderr, "  job %d/%d", number_of(info), (int)info->jobs);
    if (info->seconds_left >= 0)
        fprintf(stderr, "  %.0f s left", (double)info->seconds_left);
    fprintf(stderr, "\033[K");
}

static void show_line(const zt_batch_info *info)
{
    if (info->jobs > 1)
        fprintf(stderr, "job %d/%d %s: ", number_of(info), (int)info->jobs,
                info->name);
    fprintf(stderr, "%s %d/%d", phase_of(info), (int)info->step, (int)info->steps);
    if (info->written > 0)
        fprintf(stderr, ", %d of %d frames", (int)info->written, (int)info->frames);
    fputc('\n', stderr);
}

static void tell_farm(const cli_farm *farm, const zt_batch_info *info)
{
    char status[160];

    snprintf(status, sizeof(status), "%s %d/%d, job %d/%d", phase_of(info), (int)info->step,
             (int)info->steps, number_of(info), (int)info->jobs);
    farm->tell(percent_of(info), status);
    fflush(stdout);
}

static bool differs(const zt_batch_info *a, const zt_batch_info *b)
{
    return a->phase != b->phase || a->step != b->step || a->current != b->current ||
           a->done != b->done || a->failed != b->failed;
}

int cli_watch_batch(cli *c, zt_batch *batch, const cli_farm *farm)
{
    const bool terminal = isatty(STDERR_FILENO) && !c->json;
    const struct sigaction action = { .sa_handler = on_signal };
    zt_batch_info info = { .size = sizeof(info) }, shown = { .current = -2 };
    double stopping = 0, told = 0;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    do {
        c->zt->batch_wait(batch, 100);
        if (signals > 0 && stopping == 0) {
            stopping = now();
            c->zt->batch_cancel(batch);
        }
        if (stopping > 0 && now() - stopping > GRACE_SECONDS)
            _exit(last_signal == SIGINT ? CLI_INTERRUPTED : CLI_AGAIN);
        c->zt->batch_info(batch, &info);
        if (terminal) {
            show_bar(&info);
        } else if (differs(&info, &shown) && !info.ended) {
            (c->json ? show_json : show_line)(&info);
        }
        shown = info;
        if (farm->tell && (info.ended || now() - told >= 1)) {
            tell_farm(farm, &info);
            told = now();
        }
    } while (!info.ended);
    if (terminal)
        fputc('\n', stderr);
    else if (!c->json)
        fprintf(stderr, "%d of %d jobs done, %d of them before\n", (int)info.done, (int)info.jobs,
                (int)info.skipped);
    if (info.failed > 0 && info.jobs > 1)
        cli_say(c, ZT_LEVEL_ERROR, "%d of %d jobs failed; the first: %s", (int)info.failed,
                (int)info.jobs, c->zt->batch_error(batch));
    if (info.status == ZT_E_CANCELLED)
        return last_signal == SIGINT ? CLI_INTERRUPTED : CLI_AGAIN;
    if (info.busy > 0 && info.status == ZT_E_BUSY)
        return cli_fail(c, CLI_AGAIN, "%d of %d jobs are in other hands", (int)info.busy,
                        (int)info.jobs);
    return cli_exit_of(info.status);
}
