/* zoetrope list and zoetrope inspect: what there is. */

#include <string.h>

#include "plugin/cli.h"

static void list_items(const cli *c, int32_t which, const char *title)
{
    zt_item item = { .size = sizeof(item) };

    printf("%s\n", title);
    for (int32_t i = 0; c->zt->list(which, i, &item) == ZT_OK; i++)
        printf("  %-24s %s\n", item.name, item.summary);
}

static int list(cli *c)
{
    const int code = cli_parse(c, NULL);

    if (code != CLI_OK)
        return code;
    if (c->argc != 0)
        return cli_fail(c, CLI_USAGE, "list: takes no arguments, found '%s'", c->argv[0]);
    list_items(c, ZT_LIST_MODELS, "models");
    list_items(c, ZT_LIST_SAMPLERS, "samplers");
    list_items(c, ZT_LIST_CACHES, "caching methods");
    list_items(c, ZT_LIST_BACKENDS, "backends");
    cli_print_keys(c);
    return CLI_OK;
}

const cli_command cli_list = {
    .name = "list",
    .usage = "",
    .summary = "models, samplers, backends, and every option",
    .run = list,
};

void cli_print_text(void *user, const char *text)
{
    cli_texts *t = user;

    if (t->seen++ == t->wanted) {
        fputs(text, stdout);
        if (*text && text[strlen(text) - 1] != '\n')
            putchar('\n');
    }
}

static int inspect(cli *c)
{
    int code = cli_parse(c, NULL);
    cli_texts t = { .wanted = c->json };

    if (code == CLI_OK && c->argc != 1)
        code = cli_fail(c, CLI_USAGE, "inspect: expected one path, found %d arguments", c->argc);
    if (code == CLI_OK)
        code = cli_open(c);
    if (code != CLI_OK)
        return code;
    return cli_exit_of(c->zt->inspect(c->engine, c->argv[0], cli_print_text, &t));
}

const cli_command cli_inspect = {
    .name = "inspect",
    .usage = "PATH",
    .about = "PATH is a file with weights, or a folder of them.\n",
    .summary = "what a checkpoint is, and what is missing from it",
    .run = inspect,
};
