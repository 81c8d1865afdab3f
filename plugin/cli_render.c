/* zoetrope render: a film from a prompt, or the plan of one. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/cli.h"

/* Flags that stand for an option, as other programs of this kind call them. */
static const struct { const char *flag, *key; } flags[] = {
    { "-p", "prompt" },           { "--prompt", "prompt" },
    { "-n", "negative" },         { "--negative-prompt", "negative" },
    { "-m", "model" },            { "--model", "model" },
    { "-W", "width" },            { "--width", "width" },
    { "-H", "height" },           { "--height", "height" },
    { "--frames", "frames" },     { "--steps", "steps" },
    { "-s", "seed" },             { "--seed", "seed" },
    { "--cfg-scale", "cfg" },     { "--guidance", "guidance" },
    { "--flow-shift", "shift" },  { "--max-memory", "max_memory" },
    { "--noise", "noise" },       { "--cache", "cache" },
};

typedef struct render_args {
    const char *preset, *output;
    bool  dry_run;
    int   fps;
    char *options;                /* "key = value" lines; owned */
    char *prompt;                 /* apart, for it may have several lines; owned */
} render_args;

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* Appends a line. */
static bool add_option(render_args *a, const char *key, const char *value)
{
    const size_t old = a->options ? strlen(a->options) : 0;
    char *grown = realloc(a->options, old + strlen(key) + strlen(value) + 5);

    if (!grown)
        return false;
    a->options = grown;
    snprintf(a->options + old, strlen(key) + strlen(value) + 5, "%s = %s\n", key, value);
    return true;
}

static bool set(render_args *a, const char *key, const char *value)
{
    if (strcmp(key, "prompt") != 0)
        return add_option(a, key, value);
    free(a->prompt);
    a->prompt = strdup(value);
    return a->prompt != NULL;
}

static const char *key_of(const char *flag)
{
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(flags[i].flag, flag) == 0)
            return flags[i].key;
    }
    return NULL;
}

static int parse(cli *c, render_args *a)
{
    for (int i = 0; i < c->argc; i++) {
        const char *arg = c->argv[i], *key = key_of(arg);
        const char *value = i + 1 < c->argc ? c->argv[i + 1] : NULL;

        if (strcmp(arg, "--dry-run") == 0) {
            a->dry_run = true;
            continue;
        }
        if (arg[0] != '-') {
            if (a->preset) {
                fprintf(stderr, "zoetrope render: two presets, '%s' and '%s'\n", a->preset, arg);
                return CLI_USAGE;
            }
            a->preset = arg;
            continue;
        }
        if (!value) {
            fprintf(stderr, "zoetrope render: nothing follows %s, or it is no flag\n", arg);
            return CLI_USAGE;
        }
        i++;
        if (strcmp(arg, "-o") == 0 || strcmp(arg, "--output") == 0) {
            a->output = value;
        } else if (strcmp(arg, "--fps") == 0) {
            char *end = NULL;
            const long fps = strtol(value, &end, 10);
            if (fps < 1 || fps > 1000 || *end) {
                fprintf(stderr, "zoetrope render: --fps %s, expected 1 to 1000\n", value);
                return CLI_USAGE;
            }
            a->fps = (int)fps;
        } else if (strcmp(arg, "--set") == 0) {
            if (!strchr(value, '=')) {
                fprintf(stderr, "zoetrope render: --set %s, expected key=value\n", value);
                return CLI_USAGE;
            }
            char *text = strdup(value);
            char *equals = text ? strchr(text, '=') : NULL;
            bool ok = equals != NULL;
            if (ok) {
                *equals = '\0';
                ok = set(a, text, equals + 1);
            }
            free(text);
            if (!ok)
                return CLI_NO_MEMORY;
        } else if (key) {
            if (strcmp(key, "model") == 0 && access(value, R_OK) != 0) {
                fprintf(stderr, "zoetrope render: the model %s is not there\n", value);
                return CLI_NO_INPUT;
            }
            if (!set(a, key, value))
                return CLI_NO_MEMORY;
        } else {
            fprintf(stderr, "zoetrope render: there is no flag %s\n", arg);
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

/* A line that is written over on a terminal, and one a step elsewhere. */
static void show_progress(const cli *c, const zt_job_info *info, bool terminal)
{
    static const char *const phases[] = { "waiting", "loading", "prompt", "steps", "decoding",
                                          "done" };
    enum { BAR = 24 };
    /* A newer library may have more phases. */
    const char *phase = info->phase >= 0 && info->phase <= ZT_PHASE_DONE ? phases[info->phase]
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

/* Waits for the end, or for Ctrl-C, and tells what happens meanwhile. */
static int32_t watch(const cli *c, zt_job *job, zt_job_info *info)
{
    const bool terminal = isatty(STDERR_FILENO);
    int32_t phase = -1, step = -1;

    do {
        /* The last frame comes last: waiting for it is waiting for the end. */
        c->zt->job_wait(job, info->frames - 1, 100);
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

static int write_film(const cli *c, zt_job *job, const zt_job_info *info, const render_args *a)
{
    uint8_t *pixels = malloc((size_t)info->width * (size_t)info->height * 4);
    cli_film *film = cli_film_open(a->output, info->width, info->height, a->fps);
    bool ok = pixels && film;

    if (!ok) {
        fprintf(stderr, "zoetrope render: %s cannot be created\n", a->output);
    } else {
        const zt_frame frame = { .size = sizeof(frame), .format = ZT_RGBA8,
                                 .pitch = (int64_t)info->width * 4, .data = pixels };
        for (int32_t i = 0; ok && i < info->frames; i++)
            ok = c->zt->job_frame(job, i, &frame) == ZT_OK && cli_film_add(film, pixels);
        ok = cli_film_close(&film) && ok;
        if (!ok)
            fprintf(stderr, "zoetrope render: %s could not be written\n", a->output);
    }
    const bool created = film != NULL || ok;
    if (film)
        cli_film_close(&film);
    free(pixels);
    return ok ? CLI_OK : created ? CLI_IO : CLI_CANNOT_CREATE;
}

static int render_film(cli *c, const render_args *a, const zt_job_desc *desc)
{
    zt_job *job = NULL;
    zt_job_info info = { .size = sizeof(info) };
    int32_t st = c->zt->job_start(c->engine, &job, desc);

    if (st != ZT_OK)
        return st == ZT_E_MISSING ? CLI_USAGE : cli_exit_of(st);      /* an option, or no model */
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    c->zt->job_info(job, &info);
    st = watch(c, job, &info);
    const int code = st == ZT_OK ? write_film(c, job, &info, a) : cli_exit_of(st);
    if (st == ZT_OK && c->json)
        printf("%s\n", c->zt->job_report(job));
    c->zt->job_close(&job);
    return code;
}

static void print_plan(void *user, const char *text)
{
    int *turn = user;

    if ((*turn)-- == 0)
        fputs(text, stdout);
}

static int render(cli *c)
{
    render_args a = { .fps = 24 };
    int code = parse(c, &a);
    const zt_job_desc desc = { .size = sizeof(desc), .preset = a.preset, .prompt = a.prompt,
                               .options = a.options };

    if (code == CLI_OK && a.dry_run) {
        int turn = c->json ? 1 : 0;
        code = cli_exit_of(c->zt->plan(c->engine, &desc, NULL, print_plan, &turn));
    } else if (code == CLI_OK && !a.output) {
        fprintf(stderr, "zoetrope render: no output: say -o FILM.y4m, or --dry-run\n");
        code = CLI_USAGE;
    } else if (code == CLI_OK) {
        code = render_film(c, &a, &desc);
    }
    free(a.options);
    free(a.prompt);
    return code;
}

const cli_command cli_render = {
    .name = "render",
    .usage =
        "usage: zoetrope render [PRESET] -m MODEL -p PROMPT -o FILM.y4m [FLAG VALUE ...]\n\n"
        "  -p, --prompt TEXT            what is to be seen\n"
        "  -n, --negative-prompt TEXT   what is not, with --cfg-scale\n"
        "  -m, --model FOLDER           checkpoint\n"
        "  -W, --width N  -H, --height N  --frames N  --steps N  -s, --seed N\n"
        "  --guidance X  --cfg-scale X  --flow-shift X\n"
        "  --noise FILE                 first latent, a safetensors file with 'noise'\n"
        "  --cache METHOD               spares steps; --set cache.KEY=VALUE for its options\n"
        "  --max-memory BYTES           weights beyond it are read from disk in each step\n"
        "  --set KEY=VALUE              any option that `zoetrope list` shows\n"
        "  -o, --output FILE            Y4M; - for standard output\n"
        "  --fps N                      frames a second, 24 if not said\n"
        "  --dry-run                    what it would take, without weights or work\n"
        "  --threads N  --json  -v, --verbose\n",
    .summary = "a film from a prompt, or the plan of one",
    .run = render,
};
