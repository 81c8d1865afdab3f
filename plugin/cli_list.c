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

static void list_params(const cli *c)
{
    zt_param p = { .size = sizeof(p) };

    printf("options\n");
    for (int32_t i = 0; c->zt->param(i, &p) == ZT_OK; i++) {
        printf("  %-24s %s; ", p.key, p.help);
        switch (p.kind) {
        case ZT_PARAM_TEXT:
            printf("text%s%s\n", *p.text ? ", default " : "", p.text);
            break;
        case ZT_PARAM_CHOICE:
            printf("one of");
            for (int k = 0; p.choices[k]; k++)
                printf("%s %s", k ? "," : "", p.choices[k]);
            printf(", default %s\n", p.choices[(int)p.value]);
            break;
        default:
            printf("%.15g to %.15g, default %.15g\n", p.least, p.most, p.value);
            break;
        }
    }
}

static int list(cli *c)
{
    if (c->argc != 0) {
        fprintf(stderr, "zoetrope list: takes no arguments, found '%s'\n", c->argv[0]);
        return CLI_USAGE;
    }
    list_items(c, ZT_LIST_MODELS, "models");
    list_items(c, ZT_LIST_SAMPLERS, "samplers");
    list_items(c, ZT_LIST_CACHES, "caching methods");
    list_items(c, ZT_LIST_BACKENDS, "backends");
    list_params(c);
    return CLI_OK;
}

const cli_command cli_list = {
    .name = "list",
    .usage = "usage: zoetrope list\n",
    .summary = "models, samplers, backends, and every option",
    .run = list,
};

/* The first text is words, the second JSON: prints the one that was asked for. */
typedef struct texts {
    int  wanted, seen;
} texts;

static void print_text(void *user, const char *text)
{
    texts *t = user;

    if (t->seen++ == t->wanted) {
        fputs(text, stdout);
        if (*text && text[strlen(text) - 1] != '\n')
            putchar('\n');
    }
}

static int inspect(cli *c)
{
    texts t = { .wanted = c->json };

    if (c->argc != 1) {
        fprintf(stderr, "zoetrope inspect: expected one path, found %d arguments\n", c->argc);
        return CLI_USAGE;
    }
    const int32_t st = c->zt->inspect(c->engine, c->argv[0], print_text, &t);
    return st == ZT_E_MISSING ? CLI_NO_INPUT : cli_exit_of(st);
}

const cli_command cli_inspect = {
    .name = "inspect",
    .usage = "usage: zoetrope inspect PATH [--json]\n\n"
             "PATH is a file with weights, or a folder of them.\n",
    .summary = "what a checkpoint is, and what is missing from it",
    .run = inspect,
};
