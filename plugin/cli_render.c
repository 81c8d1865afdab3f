/* zoetrope render: films and stills from presets and prompts, or the plan of one. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/cli.h"
#include "plugin/cli_farm.h"

typedef struct render_args {
    const char *output, *prompts, *seeds, *existing, *jobs, *shard, *sheet, *texts, *farm,
               *openjd;
    bool    dry_run;
    int64_t task, texts_bytes;
    double  checkpoint;
} render_args;

static const struct { const char *name; int32_t value; } existing_names[] = {
    { "resume", ZT_EXISTING_RESUME }, { "fail", ZT_EXISTING_FAIL },
    { "replace", ZT_EXISTING_REPLACE },
};

/* Where encoded prompts are kept: said, or the user's folder of such things. Yours to free. */
static char *texts_folder(const render_args *a)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;

    if (a->texts)
        return strcmp(a->texts, "none") == 0 ? NULL : strdup(a->texts);
    if (!(cache && cache[0] == '/') && !(home && home[0] == '/'))
        return NULL;
    const bool own = cache && cache[0] == '/';
    const size_t size = strlen(own ? cache : home) + sizeof("/.cache/zoetrope/text");
    static const char *const parts[] = { "", "/zoetrope", "/text" };
    path = malloc(size);
    if (!path)
        return NULL;
    int length = snprintf(path, size, "%s%s", own ? cache : home, own ? "" : "/.cache");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        length += snprintf(path + length, size - (size_t)length, "%s", parts[i]);
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            free(path);
            return NULL;
        }
    }
    return path;
}

static int fill(cli *c, const render_args *a, const cli_farm *farm, zt_batch_desc *d)
{
    const char *existing = a->existing ? a->existing : "resume";
    bool known = false;

    for (size_t i = 0; i < sizeof(existing_names) / sizeof(existing_names[0]); i++) {
        if (strcmp(existing_names[i].name, existing) == 0) {
            d->existing = existing_names[i].value;
            known = true;
        }
    }
    if (!known)
        return cli_fail(c, CLI_USAGE, "--existing %s, expected resume, fail or replace", existing);
    d->output = a->output;
    d->rows = a->prompts;
    d->seeds = a->seeds;
    d->jobs = a->jobs;
    d->texts_bytes = (uint64_t)a->texts_bytes;
    d->shard = a->shard ? a->shard : farm->shard[0] ? farm->shard : NULL;
    d->task = a->task ? (int32_t)a->task : farm->task;
    d->checkpoint_seconds = a->checkpoint == 0 ? -1 : a->checkpoint < 0 ? 0 : a->checkpoint;
    d->sheet = a->sheet;
    return CLI_OK;
}

static int render_batch(cli *c, const render_args *a, const zt_job_desc *job)
{
    zt_batch_desc d = { .size = sizeof(d), .job = job };
    cli_farm farm;
    zt_batch *batch = NULL;
    char *texts = NULL;
    int code = cli_farm_read(c, &farm, a->farm);

    if (code == CLI_OK)
        code = fill(c, a, &farm, &d);
    if (code != CLI_OK)
        return code;
    d.texts = texts = texts_folder(a);
    int32_t st = c->zt->batch_start(c->engine, &batch, &d);
    free(texts);
    if (st != ZT_OK)
        return st == ZT_E_MISSING ? CLI_USAGE : cli_exit_of(st);      /* no such option */
    code = cli_watch_batch(c, batch, &farm);
    if (c->json)
        printf("%s\n", c->zt->batch_report(batch));
    c->zt->batch_close(&batch);
    return code;
}

/* The number of jobs; below 0: an exit code, negative. */
static int count_jobs(cli *c, const render_args *a, const zt_job_desc *job)
{
    zt_batch_desc d = { .size = sizeof(d), .job = job, .listing = 1 };
    zt_batch_info info = { .size = sizeof(info) };
    const cli_farm farm = { .task = 0 };
    zt_batch *batch = NULL;
    int code = fill(c, a, &farm, &d);

    if (code != CLI_OK)
        return -code;
    const int32_t st = c->zt->batch_start(c->engine, &batch, &d);
    if (st != ZT_OK)
        return -(st == ZT_E_MISSING ? CLI_USAGE : cli_exit_of(st));
    c->zt->batch_info(batch, &info);
    c->zt->batch_close(&batch);
    return info.jobs;
}

static void print_plan(void *user, const char *text)
{
    int *turn = user;

    if ((*turn)-- == 0)
        fputs(text, stdout);
}

static int run(cli *c, const render_args *a, int argc, char **argv)
{
    if (c->argc > 1)
        return cli_fail(c, CLI_USAGE, "render: two presets, '%s' and '%s'", c->argv[0],
                        c->argv[1]);
    if (!a->dry_run && !a->output)
        return cli_fail(c, CLI_USAGE, "render: no output: say -o FILM.y4m, or --dry-run");
    const zt_job_desc job = { .size = sizeof(job), .preset = c->argc ? c->argv[0] : NULL,
                              .prompt = c->prompt, .options = c->options };
    int code = cli_open(c);
    if (code == CLI_OK && a->dry_run) {
        int turn = c->json ? 1 : 0;
        code = cli_exit_of(c->zt->plan(c->engine, &job, NULL, print_plan, &turn));
    } else if (code == CLI_OK && a->openjd) {
        const int jobs = count_jobs(c, a, &job);
        code = jobs < 0 ? -jobs : cli_write_openjd(c, a->openjd, jobs, argc, argv);
    } else if (code == CLI_OK) {
        code = render_batch(c, a, &job);
    }
    return code;
}

static int render(cli *c)
{
    render_args a = { .checkpoint = -1 };
    const int argc = c->argc;
    char **argv = malloc(((size_t)argc + 1) * sizeof(*argv));     /* parsing changes their order */

    if (!argv)
        return cli_fail(c, CLI_NO_MEMORY, "out of memory");
    memcpy(argv, c->argv, (size_t)argc * sizeof(*argv));
    int code = cli_parse(c, &a);
    if (code == CLI_OK)
        code = run(c, &a, argc, argv);
    free(argv);
    return code;
}

static const cli_flag flags[] = {
    CLI_JOB_FLAGS,
    CLI_TEXT(render_args, output, "--output", "-o", "FILE",
             "a film, or stills with #### for their numbers; {name} and {seed} stand for a job's; "
             "- for standard output"),
    CLI_TEXT(render_args, prompts, "--prompts", NULL, "FILE",
             "a job for each line: .txt, .csv or .jsonl"),
    CLI_TEXT(render_args, seeds, "--seeds", NULL, "LIST", "a job for each: 1-100, 1-100x2, 3,5,9"),
    CLI_KEY("--sink", NULL, "NAME", "sink"),
    CLI_KEY("--fps", NULL, "N", "fps"),
    CLI_TEXT(render_args, existing, "--existing", NULL, "WHAT",
             "of files that this job did not make: resume and fail refuse them, replace replaces "
             "them; fail also refuses those that it made"),
    CLI_TEXT(render_args, jobs, "--jobs", NULL, "FOLDER",
             "of what is done; default: .zoetrope beside the outputs"),
    CLI_TEXT(render_args, shard, "--shard", NULL, "I/N", "only the I-th of N shares of the jobs"),
    CLI_INT(render_args, task, "--task", NULL, "N", 1, 100000, "only this job, counted from 1"),
    CLI_TEXT(render_args, farm, "--farm", NULL, "KIND",
             "whose variables and progress lines: slurm, openjd, opencue, deadline, none"),
    CLI_FLOAT(render_args, checkpoint, "--checkpoint", NULL, "SECONDS", 0, 86400,
              "between two checkpoints, 0 for each step; default: below 1 % of the time"),
    CLI_TEXT(render_args, texts, "--text-cache", NULL, "FOLDER",
             "of encoded prompts, or none; default: in the user's cache"),
    CLI_INT(render_args, texts_bytes, "--text-cache-bytes", NULL, "N", 0, 1e15,
            "that it may hold; default: 1 GiB"),
    CLI_TEXT(render_args, sheet, "--contact-sheet", NULL, "FILE",
             "a PNG of first, middle and last frames"),
    CLI_TEXT(render_args, openjd, "--write-openjd", NULL, "FILE",
             "a job template of Open Job Description, in place of any work"),
    CLI_BOOL(render_args, dry_run, "--dry-run", NULL, "what it would take, without any work"),
    { 0 }
};

const cli_command cli_render = {
    .name = "render",
    .usage = "[PRESET] -m MODEL -p PROMPT -o FILM.y4m [FLAG ...]",
    .summary = "films and stills from prompts, or the plan of one",
    .flags = flags,
    .run = render,
};
