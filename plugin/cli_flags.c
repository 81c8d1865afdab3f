/* Reads the command line by the table of its command. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/cli.h"

const cli_flag cli_common_flags[] = {
    CLI_INT(cli, threads, "--threads", "-t", "N", 1, 256, "that compute; one a processor"),
    CLI_TEXT(cli, device, "--device", NULL, "NAME", "what computes: auto, cpu or cuda"),
    CLI_BOOL(cli, json, "--json", NULL, "lines of JSON in place of words"),
    CLI_BOOL(cli, verbose, "--verbose", "-v", "more messages"),
    { "--help", "-h", CLI_IS_BOOL, NULL, 0, 0, 0, NULL, "this text" },
    { 0 }
};

static bool add_line(char **lines, const char *key, const char *value)
{
    const size_t old = *lines ? strlen(*lines) : 0;
    const size_t more = strlen(key) + strlen(value) + sizeof(" = \n");
    char *grown = realloc(*lines, old + more);

    if (!grown)
        return false;
    *lines = grown;
    snprintf(grown + old, more, "%s = %s\n", key, value);
    return true;
}

bool cli_set(cli *c, const char *key, const char *value)
{
    if (strcmp(key, "prompt") != 0)
        return add_line(&c->options, key, value);
    char *copy = strdup(value);
    free(c->prompt);
    c->prompt = copy;
    return copy != NULL;
}

bool cli_set_task(cli *c, const char *key, const char *value)
{
    return add_line(&c->task_options, key, value);
}

static int set_pair(cli *c, const cli_flag *f, const char *value)
{
    const char *equals = strchr(value, '=');

    if (!equals)
        return cli_fail(c, CLI_USAGE, "%s %s, expected %s", f->name, value, f->value);
    char *key = strndup(value, (size_t)(equals - value));
    const bool task = f->kind == CLI_IS_TASK;
    const bool ok = key && (task ? cli_set_task : cli_set)(c, key, equals + 1);
    free(key);
    return ok ? CLI_OK : cli_fail(c, CLI_NO_MEMORY, "out of memory");
}

static int set_number(cli *c, const cli_flag *f, const char *value, void *field)
{
    char *end = NULL;
    int64_t whole = 0;
    double x = 0;

    errno = 0;
    if (f->kind == CLI_IS_INT) {
        whole = strtoll(value, &end, 10);
        x = (double)whole;
    } else {
        x = strtod(value, &end);
    }
    if (errno != 0 || end == value || *end != '\0' || !(x >= f->least && x <= f->most))
        return cli_fail(c, CLI_USAGE, "%s %s, expected a number from %.15g to %.15g", f->name,
                        value, f->least, f->most);
    if (f->kind == CLI_IS_INT)
        memcpy(field, &whole, sizeof(whole));
    else
        memcpy(field, &x, sizeof(x));
    return CLI_OK;
}

static int set_flag(cli *c, const cli_flag *f, const char *value, void *field)
{
    static const bool yes = true;

    switch (f->kind) {
    case CLI_IS_BOOL:
        memcpy(field, &yes, sizeof(yes));
        return CLI_OK;
    case CLI_IS_TEXT:
        memcpy(field, &value, sizeof(value));
        return CLI_OK;
    case CLI_IS_KEY:
        return cli_set(c, f->key, value) ? CLI_OK : cli_fail(c, CLI_NO_MEMORY, "out of memory");
    case CLI_IS_SET:
    case CLI_IS_TASK:
        return set_pair(c, f, value);
    default:
        return set_number(c, f, value, field);
    }
}

static const cli_flag *find_in(const cli_flag *flags, const char *arg, size_t length)
{
    for (; flags && flags->name; flags++) {
        if ((strlen(flags->name) == length && strncmp(flags->name, arg, length) == 0) ||
            (flags->letter && strcmp(flags->letter, arg) == 0))
            return flags;
    }
    return NULL;
}

/* One flag with its value, which follows it or stands behind "=". *at moves to the last
 * argument that belongs to it. */
static int parse_flag(cli *c, void *into, int *at)
{
    const char *arg = c->argv[*at], *value = NULL;
    const char *equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
    const size_t length = equals ? (size_t)(equals - arg) : strlen(arg);
    const cli_flag *f = find_in(c->command->flags, arg, length);
    char *base = into;

    if (!f) {
        f = find_in(cli_common_flags, arg, length);
        base = (char *)c;
    }
    if (!f)
        return cli_fail(c, CLI_USAGE, "%s: there is no flag %s", c->command->name, arg);
    if (equals && !f->value)
        return cli_fail(c, CLI_USAGE, "%s: %s takes no value", c->command->name, f->name);
    if (equals)
        value = equals + 1;
    else if (f->value && *at + 1 < c->argc)
        value = c->argv[++*at];
    if (f->value && !value)
        return cli_fail(c, CLI_USAGE, "%s: %s needs %s", c->command->name, f->name, f->value);
    return set_flag(c, f, value ? value : "", base + f->offset);
}

int cli_parse(cli *c, void *into)
{
    int kept = 0, code = CLI_OK;
    bool flags = true;

    for (int i = 0; i < c->argc && code == CLI_OK; i++) {
        const char *arg = c->argv[i];
        if (flags && strcmp(arg, "--") == 0)
            flags = false;
        else if (flags && arg[0] == '-' && arg[1] != '\0')
            code = parse_flag(c, into, &i);
        else
            c->argv[kept++] = c->argv[i];
    }
    c->argc = kept;
    return code;
}
