/* zoetrope bench: measurements. */

#include <string.h>

#include "plugin/cli.h"

typedef struct bench_args {
    const char *prompts, *output, *methods, *counts, *plot;
} bench_args;

static int bench(cli *c)
{
    bench_args a = { .prompts = NULL };
    int code = cli_parse(c, &a);

    if (code != CLI_OK)
        return code;
    if (c->argc < 1 || strcmp(c->argv[0], "caching") != 0)
        return cli_fail(c, CLI_USAGE, "bench: say what to measure: caching");
    c->argc--;
    c->argv++;
    if (c->argc > 1)
        return cli_fail(c, CLI_USAGE, "bench: two presets, '%s' and '%s'", c->argv[0], c->argv[1]);
    if (!a.prompts || !a.output)
        return cli_fail(c, CLI_USAGE, "bench: say --prompts FILE and -o RESULTS.csv");
    const struct { const char *key, *value; } options[] = {
        { "methods", a.methods }, { "counts", a.counts }, { "plot", a.plot },
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (options[i].value && !cli_set_task(c, options[i].key, options[i].value))
            return cli_fail(c, CLI_NO_MEMORY, "out of memory");
    }
    return cli_task(c, &(cli_task_args){ .prompts = a.prompts, .output = a.output },
                    c->zt->bench_start);
}

static const cli_flag flags[] = {
    CLI_TEXT(bench_args, prompts, "--prompts", NULL, "FILE", "a prompt in each line"),
    CLI_TEXT(bench_args, output, "--output", "-o", "FILE", "the table, CSV"),
    CLI_TEXT(bench_args, plot, "--plot", NULL, "FILE", "PSNR against the gain, SVG"),
    CLI_TEXT(bench_args, methods, "--methods", NULL, "FILE", "what to compare, see below"),
    CLI_TEXT(bench_args, counts, "--counts", NULL, "LIST", "computed steps; default 13 10 9 8"),
    { "--with", NULL, CLI_IS_TASK, "KEY=VALUE", 0, 0, 0, NULL,
      "an option of the benchmark, as listed below" },
    CLI_JOB_FLAGS,
    { 0 }
};

static const char *const tables[] = { "bench", NULL };

const cli_command cli_bench = {
    .name = "bench",
    .usage = "caching [PRESET] -m MODEL --prompts FILE -o RESULTS.csv [FLAG ...]",
    .summary = "methods of caching, measured against uncached runs",
    .about =
        "A file of methods has lines such as\n\n"
        "  taylorseer = taylorseer order=1 first=1 interval=?\n"
        "  teacache   = teacache threshold=?\n"
        "  lesa       = lesa predictor=gram-{full}.safetensors\n"
        "  fewer      = steps\n\n"
        "\"?\" is found for each number of computed steps, which {full} stands for; the\n"
        "method \"steps\" samples in so many steps. Interrupted, the same command goes on\n"
        "where it stopped: OUTPUT.bench has what it needs until then.\n",
    .flags = flags,
    .tables = tables,
    .run = bench,
};
