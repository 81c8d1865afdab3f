/* The program `zoetrope`: finds the command, runs it, and says how it ended. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/cli.h"
#include "plugin/user_folder.h"

const cli_command *const cli_commands[] = {
    &cli_render,
    &cli_train,
    &cli_bench,
    &cli_compare,
    &cli_inspect,
    &cli_list,
    &cli_presets,
    &cli_help,
    NULL
};

int cli_exit_of(int32_t status)
{
    static const struct { int32_t status; int code; } codes[] = {
        { ZT_OK,            CLI_OK },
        { ZT_E_NOMEM,       CLI_NO_MEMORY },
        { ZT_E_SHAPE,       CLI_DATA },
        { ZT_E_MISSING,     CLI_DATA },
        { ZT_E_FORMAT,      CLI_DATA },
        { ZT_E_UNSUPPORTED, CLI_DATA },
        { ZT_E_CANCELLED,   CLI_INTERRUPTED },
        { ZT_E_IO,          CLI_IO },
        { ZT_E_DEVICE,      CLI_UNAVAILABLE },
        { ZT_E_ARGUMENT,    CLI_USAGE },
        { ZT_E_TRUNCATED,   CLI_DATA },
        { ZT_E_LIMIT,       CLI_DATA },
        { ZT_E_MISMATCH,    CLI_DATA },
        { ZT_E_UNSAFE,      CLI_DATA },
        { ZT_E_NOT_OURS,    CLI_DATA },
        { ZT_E_TIMEOUT,     CLI_AGAIN },
        { ZT_E_NOT_FOUND,   CLI_NO_INPUT },
        { ZT_E_CREATE,      CLI_CANNOT_CREATE },
        { ZT_E_BUSY,        CLI_AGAIN },
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].status == status)
            return codes[i].code;
    }
    return CLI_SOFTWARE;          /* a status that this program has never heard of */
}

/* ---- Messages ---- */

void cli_print_json(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *t = (const unsigned char *)text; *t; t++) {
        if (*t == '"' || *t == '\\')
            fprintf(to, "\\%c", *t);
        else if (*t < 32)
            fprintf(to, "\\u%04x", (unsigned)*t);
        else
            fputc(*t, to);
    }
    fputc('"', to);
}

/* Of the engine, or our own. */
static void say(void *user, int32_t level, const char *text)
{
    static const char *const levels[] = { "error", "warning", "info", "debug", "trace" };
    cli *c = user;

    if (level == ZT_LEVEL_ERROR)
        snprintf(c->error, sizeof(c->error), "%s", text);
    if (c->json) {
        fprintf(stderr, "{\"level\":\"%s\",\"text\":", levels[level]);
        cli_print_json(stderr, text);
        fprintf(stderr, "}\n");
    } else {
        fprintf(stderr, "zoetrope: %s: %s\n", levels[level], text);
    }
}

static void say_format(cli *c, int32_t level, const char *format, va_list args)
{
    char text[sizeof(c->error)];

    vsnprintf(text, sizeof(text), format, args);
    say(c, level, text);
}

void cli_say(cli *c, int32_t level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_format(c, level, format, args);
    va_end(args);
}

int cli_fail(cli *c, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_format(c, ZT_LEVEL_ERROR, format, args);
    va_end(args);
    return code;
}

/* ---- Engine and command ---- */

int cli_open(cli *c)
{
    char presets[1024];
    const zt_engine_desc desc = {
        .size = sizeof(desc), .threads = (int32_t)c->threads, .device = c->device,
        .log = say, .log_user = c,
        .log_level = c->verbose ? ZT_LEVEL_INFO : ZT_LEVEL_WARNING,
        .presets = user_presets(presets, sizeof(presets)),
    };
    const int32_t st = c->zt->engine_open(&c->engine, &desc);

    return st == ZT_OK ? CLI_OK
                       : cli_fail(c, cli_exit_of(st), "no engine: %s", c->zt->status_name(st));
}

static const cli_command *find(const char *name)
{
    for (int i = 0; cli_commands[i]; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    }
    return NULL;
}

/* Help is asked for wherever it stands, also among arguments that are wrong. */
static bool wants_help(const cli *c)
{
    for (int i = 0; i < c->argc && strcmp(c->argv[i], "--") != 0; i++) {
        if (strcmp(c->argv[i], "--help") == 0 || strcmp(c->argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static int run(cli *c)
{
    const int code = c->command->run(c);

    c->zt->engine_close(&c->engine);
    free(c->options);
    free(c->prompt);
    free(c->task_options);
    if (c->json && code != CLI_OK) {
        fprintf(stderr, "{\"exit\":%d,\"error\":", code);
        cli_print_json(stderr, c->error);
        fprintf(stderr, "}\n");
    }
    return code;
}

int main(int argc, char **argv)
{
    cli c = { .zt = zt_get_api(ZT_ABI), .argc = argc > 2 ? argc - 2 : 0, .argv = argv + 2 };
    const char *name = argc > 1 ? argv[1] : "";
    int code = CLI_OK;

    if (!c.zt)
        return cli_fail(&c, CLI_SOFTWARE, "libzoetrope does not speak version %d", ZT_ABI);
    c.command = find(name);
    if (strcmp(name, "--version") == 0) {
        printf("zoetrope %s\n", c.zt->version());
    } else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        cli_print_overview(&c, stdout);
    } else if (argc < 2) {
        cli_print_overview(&c, stderr);
        code = CLI_USAGE;
    } else if (!c.command) {
        code = cli_fail(&c, CLI_USAGE, "there is no command '%s'", name);
        cli_print_overview(&c, stderr);
    } else if (wants_help(&c)) {
        cli_print_command(&c, c.command);
    } else {
        code = run(&c);
    }
    if (fflush(stdout) != 0 && code == CLI_OK)
        code = cli_fail(&c, CLI_IO, "standard output cannot be written");
    return code;
}
