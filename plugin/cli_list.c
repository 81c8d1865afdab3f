/* zoetrope list and zoetrope inspect: what there is. */

#include <string.h>

#include "plugin/cli.h"

static const struct { int32_t which; const char *name, *title; } lists[] = {
    { ZT_LIST_MODELS, "model", "models" },
    { ZT_LIST_SAMPLERS, "sampler", "samplers" },
    { ZT_LIST_CACHES, "cache", "caching methods" },
    { ZT_LIST_SINKS, "sink", "files that are written" },
    { ZT_LIST_PRESETS, "preset", "installed presets" },
    { ZT_LIST_BACKENDS, "device", "devices" },
};

static void show_item(const cli *c, const char *name, const zt_item *item)
{
    if (!c->json) {
        printf("  %-32s %s\n", item->name, item->summary);
        return;
    }
    printf("{\"list\":\"%s\",\"name\":", name);
    cli_print_json(stdout, item->name);
    printf(",\"summary\":");
    cli_print_json(stdout, item->summary);
    printf("}\n");
}

static int list(cli *c)
{
    const int code = cli_parse(c, NULL);
    zt_item item = { .size = sizeof(item) };

    if (code != CLI_OK)
        return code;
    if (c->argc != 0)
        return cli_fail(c, CLI_USAGE, "list: takes no arguments, found '%s'", c->argv[0]);
    for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
        if (!c->json)
            printf("%s\n", lists[k].title);
        for (int32_t i = 0; c->zt->list(lists[k].which, i, &item) == ZT_OK; i++)
            show_item(c, lists[k].name, &item);
    }
    cli_print_keys(c);
    return CLI_OK;
}

const cli_command cli_list = {
    .name = "list",
    .usage = "",
    .summary = "models, samplers, caching methods, files, presets, devices and every option",
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
