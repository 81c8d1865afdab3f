/* zoetrope presets: what there is, what a preset says, and whether it holds. */

#include <string.h>

#include "plugin/cli.h"

static int list_all(cli *c)
{
    cli_texts t = { .wanted = c->json };

    if (c->argc > 0)
        return cli_fail(c, CLI_USAGE, "presets: '%s' is not known; there are show and check",
                        c->argv[0]);
    return cli_exit_of(c->zt->presets(c->engine, cli_print_text, &t));
}

static int show(cli *c)
{
    cli_texts t = { .wanted = c->json };

    if (c->argc != 2)
        return cli_fail(c, CLI_USAGE, "presets show: expected one preset, found %d", c->argc - 1);
    const zt_job_desc desc = { .size = sizeof(desc), .preset = c->argv[1], .prompt = c->prompt,
                               .options = c->options };
    return cli_exit_of(c->zt->preset(c->engine, &desc, cli_print_text, &t));
}

/* All of them; the code is that of the first which does not hold. */
static int check(cli *c)
{
    int code = CLI_OK;

    if (c->argc < 2)
        return cli_fail(c, CLI_USAGE, "presets check: expected presets");
    for (int i = 1; i < c->argc; i++) {
        const zt_job_desc desc = { .size = sizeof(desc), .preset = c->argv[i],
                                   .prompt = c->prompt, .options = c->options };
        const int32_t st = c->zt->preset(c->engine, &desc, NULL, NULL);
        if (st == ZT_OK && c->json) {
            printf("{\"preset\":");
            cli_print_json(stdout, c->argv[i]);
            printf(",\"ok\":true}\n");
        } else if (st == ZT_OK) {
            printf("ok    %s\n", c->argv[i]);
        } else if (c->json) {
            printf("{\"preset\":");
            cli_print_json(stdout, c->argv[i]);
            printf(",\"ok\":false,\"error\":");
            cli_print_json(stdout, c->error);
            printf("}\n");
        } else {
            printf("FAIL  %s\n", c->argv[i]);
        }
        if (code == CLI_OK)
            code = cli_exit_of(st);
    }
    return code;
}

static int presets(cli *c)
{
    int code = cli_parse(c, NULL);

    if (code == CLI_OK)
        code = cli_open(c);
    if (code != CLI_OK)
        return code;
    if (c->argc > 0 && strcmp(c->argv[0], "show") == 0)
        return show(c);
    if (c->argc > 0 && strcmp(c->argv[0], "check") == 0)
        return check(c);
    return list_all(c);
}

static const cli_flag flags[] = {
    { "--set", NULL, CLI_IS_SET, "KEY=VALUE", 0, 0, 0, NULL,
      "an option over the preset, or the value of a ${KEY} in it" },
    { 0 }
};

const cli_command cli_presets = {
    .name = "presets",
    .usage = "[show PRESET | check PRESET...] [--set KEY=VALUE ...]",
    .about = "Without a word: the names of all that are found. show: every option, and where its "
             "value\ncame from, as one preset without includes. check: an error with file, line "
             "and column\nfor each that does not hold.\n",
    .summary = "recipes: what there is, what they say, whether they hold",
    .flags = flags,
    .run = presets,
};
