/* The program `zoetrope`: finds the command and opens an engine for it. */

#include <stdlib.h>
#include <string.h>

#include "plugin/cli.h"

static const cli_command *const commands[] = { &cli_render, &cli_inspect, &cli_list, NULL };

int cli_exit_of(int32_t status)
{
    static const struct { int32_t status; int code; } codes[] = {
        { ZT_OK, CLI_OK },
        { ZT_E_NOMEM, CLI_NO_MEMORY },
        { ZT_E_MISSING, CLI_DATA },
        { ZT_E_CANCELLED, CLI_INTERRUPTED },
        { ZT_E_IO, CLI_IO },
        { ZT_E_DEVICE, CLI_UNAVAILABLE },
        { ZT_E_ARGUMENT, CLI_USAGE },
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].status == status)
            return codes[i].code;
    }
    return CLI_DATA;
}

static void say(void *user, int32_t level, const char *text)
{
    static const char *const levels[] = { "error", "warning", "info", "debug", "trace" };

    (void)user;
    fprintf(stderr, "zoetrope: %s: %s\n", levels[level], text);
}

static int help(FILE *to)
{
    fprintf(to, "usage: zoetrope COMMAND ...\n\n");
    for (int i = 0; commands[i]; i++)
        fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\nzoetrope COMMAND --help says more. zoetrope --version says which it is.\n");
    return to == stdout ? CLI_OK : CLI_USAGE;
}

/* Takes -v, --threads N and --json out of the arguments, wherever they stand. */
static bool common_flags(cli *c, zt_engine_desc *desc)
{
    int kept = 0;

    for (int i = 0; i < c->argc; i++) {
        if (strcmp(c->argv[i], "-v") == 0 || strcmp(c->argv[i], "--verbose") == 0) {
            desc->log_level = ZT_LEVEL_INFO;
        } else if (strcmp(c->argv[i], "--json") == 0) {
            c->json = true;
        } else if (strcmp(c->argv[i], "--threads") == 0) {
            char *end = NULL;
            const long n = i + 1 < c->argc ? strtol(c->argv[i + 1], &end, 10) : 0;
            if (n < 1 || n > 256 || *end) {
                fprintf(stderr, "zoetrope: --threads needs a number from 1 to 256\n");
                return false;
            }
            desc->threads = (int32_t)n;
            i++;
        } else {
            c->argv[kept++] = c->argv[i];
        }
    }
    c->argc = kept;
    return true;
}

int main(int argc, char **argv)
{
    cli c = { .zt = zt_get_api(ZT_ABI), .argc = argc - 2, .argv = argv + 2 };
    zt_engine_desc desc = { .size = sizeof(desc), .log = say, .log_level = ZT_LEVEL_WARNING };
    const cli_command *command = NULL;

    if (!c.zt) {
        fprintf(stderr, "zoetrope: libzoetrope does not speak version %d\n", ZT_ABI);
        return CLI_SOFTWARE;
    }
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "--version") == 0) {
        printf("zoetrope %s\n", c.zt->version());
        return CLI_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(stdout);
    for (int i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, argv[1]) == 0)
            command = commands[i];
    }
    if (!command) {
        fprintf(stderr, "zoetrope: there is no command '%s'\n", argv[1]);
        return help(stderr);
    }
    for (int i = 0; i < c.argc; i++) {
        if (strcmp(c.argv[i], "--help") == 0 || strcmp(c.argv[i], "-h") == 0) {
            printf("%s\n\n%s", command->summary, command->usage);
            return CLI_OK;
        }
    }
    if (!common_flags(&c, &desc))
        return CLI_USAGE;
    const int32_t st = c.zt->engine_open(&c.engine, &desc);
    if (st != ZT_OK) {
        fprintf(stderr, "zoetrope: no engine: %s\n", c.zt->status_name(st));
        return cli_exit_of(st);
    }
    const int code = command->run(&c);
    c.zt->engine_close(&c.engine);
    return code;
}
