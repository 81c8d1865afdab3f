/* zoetrope train: a predictor from prompts. */

#include <stdlib.h>
#include <string.h>

#include "plugin/cli.h"

typedef struct train_args {
    const char *prompts, *output, *fit;
    bool        keep;
} train_args;

int cli_task(cli *c, const cli_task_args *a, cli_task_fn start)
{
    zt_job *job = NULL;
    zt_job_info info = { .size = sizeof(info) };
    const zt_job_desc desc = { .size = sizeof(desc), .preset = c->argc ? c->argv[0] : NULL,
                               .prompt = c->prompt, .options = c->options };
    const zt_task_desc task = { .size = sizeof(task), .job = &desc, .prompts = a->prompts,
                                .output = a->output, .options = c->task_options };
    int code = cli_open(c);

    if (code != CLI_OK)
        return code;
    int32_t st = start(c->engine, &job, &task);
    if (st != ZT_OK)
        return st == ZT_E_MISSING ? CLI_USAGE : cli_exit_of(st);      /* no such option */
    st = cli_watch(c, job, &info);
    code = cli_exit_of(st);
    if (st == ZT_OK && c->json)
        printf("%s\n", c->zt->job_report(job));
    c->zt->job_close(&job);
    return code;
}

static int train(cli *c)
{
    train_args a = { .prompts = NULL };
    int code = cli_parse(c, &a);

    if (code != CLI_OK)
        return code;
    if (c->argc > 1)
        return cli_fail(c, CLI_USAGE, "train: two presets, '%s' and '%s'", c->argv[0], c->argv[1]);
    if (!a.prompts || !a.output)
        return cli_fail(c, CLI_USAGE, "train: say --prompts FILE and -o PREDICTOR.safetensors");
    if ((a.fit && !cli_set_task(c, "fit", a.fit)) || (a.keep && !cli_set_task(c, "keep", "yes")))
        return cli_fail(c, CLI_NO_MEMORY, "out of memory");
    return cli_task(c, &(cli_task_args){ .prompts = a.prompts, .output = a.output },
                    c->zt->train_start);
}

static const cli_flag flags[] = {
    CLI_TEXT(train_args, prompts, "--prompts", NULL, "FILE", "a prompt in each line"),
    CLI_TEXT(train_args, output, "--output", "-o", "FILE", "the predictor"),
    CLI_TEXT(train_args, fit, "--fit", NULL, "NAME", "gram or kan; default gram"),
    CLI_BOOL(train_args, keep, "--keep", NULL, "keep the folder OUTPUT.train"),
    { "--with", NULL, CLI_IS_TASK, "KEY=VALUE", 0, 0, 0, NULL,
      "an option of the training, as listed below" },
    CLI_JOB_FLAGS,
    { 0 }
};

static const char *const tables[] = { "train", "train.gram", "train.kan", NULL };

const cli_command cli_train = {
    .name = "train",
    .usage = "[PRESET] -m MODEL --prompts FILE -o PREDICTOR.safetensors [FLAG ...]",
    .summary = "a predictor for the caching method lesa, from prompts",
    .about = "The model runs over the prompts without caching. If that is interrupted, the same\n"
             "command goes on where it stopped: OUTPUT.train has what it needs until then.\n",
    .flags = flags,
    .tables = tables,
    .run = train,
};
