/* zoetrope render: a film from a prompt, or the plan of one. */

#include <stdlib.h>
#include <string.h>

#include "plugin/cli.h"

typedef struct render_args {
    const char *output;
    bool        dry_run;
    int64_t     fps;
} render_args;

static int write_film(cli *c, zt_job *job, const zt_job_info *info, const render_args *a)
{
    uint8_t *pixels = malloc((size_t)info->width * (size_t)info->height * 4);
    cli_film *film = cli_film_open(a->output, info->width, info->height,
                                   (int)a->fps);
    bool ok = pixels && film;

    if (!ok) {
        cli_say(c, ZT_LEVEL_ERROR, "render: %s cannot be created", a->output);
    } else {
        const zt_frame frame = { .size = sizeof(frame), .format = ZT_RGBA8,
                                 .pitch = (int64_t)info->width * 4, .data = pixels };
        for (int32_t i = 0; ok && i < info->frames; i++)
            ok = c->zt->job_frame(job, i, &frame) == ZT_OK && cli_film_add(film, pixels);
        ok = cli_film_close(&film) && ok;
        if (!ok)
            cli_say(c, ZT_LEVEL_ERROR, "render: %s could not be written", a->output);
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
        return st == ZT_E_MISSING ? CLI_USAGE : cli_exit_of(st);      /* no such option */
    st = cli_watch(c, job, &info);
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
    int code = cli_parse(c, &a);

    if (code != CLI_OK)
        return code;
    if (c->argc > 1)
        return cli_fail(c, CLI_USAGE, "render: two presets, '%s' and '%s'", c->argv[0],
                        c->argv[1]);
    if (!a.dry_run && !a.output)
        return cli_fail(c, CLI_USAGE, "render: no output: say -o FILM.y4m, or --dry-run");
    const zt_job_desc desc = { .size = sizeof(desc), .preset = c->argc ? c->argv[0] : NULL,
                               .prompt = c->prompt, .options = c->options };
    code = cli_open(c);
    if (code == CLI_OK && a.dry_run) {
        int turn = c->json ? 1 : 0;
        code = cli_exit_of(c->zt->plan(c->engine, &desc, NULL, print_plan, &turn));
    } else if (code == CLI_OK) {
        code = render_film(c, &a, &desc);
    }
    return code;
}

static const cli_flag flags[] = {
    CLI_JOB_FLAGS,
    CLI_TEXT(render_args, output, "--output", "-o", "FILE", "Y4M; - for standard output"),
    CLI_INT(render_args, fps, "--fps", NULL, "N", 1, 1000, "frames a second; default 24"),
    CLI_BOOL(render_args, dry_run, "--dry-run", NULL, "what it would take, without any work"),
    { 0 }
};

const cli_command cli_render = {
    .name = "render",
    .usage = "[PRESET] -m MODEL -p PROMPT -o FILM.y4m [FLAG ...]",
    .summary = "a film from a prompt, or the plan of one",
    .flags = flags,
    .run = render,
};
