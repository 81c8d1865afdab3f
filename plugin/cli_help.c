/* zoetrope help: pages made of the tables of commands, of flags, and of a job's options. */

#include <string.h>

#include "plugin/cli.h"

/* The option's row in the library; false if there is none. */
static bool find_param(const cli *c, const char *key, zt_param *p)
{
    for (int32_t i = 0; c->zt->param(i, p) == ZT_OK; i++) {
        if (strcmp(p->key, key) == 0)
            return true;
    }
    return false;
}

/* "1 to 20, default 5"; any number of 63 bits goes without saying. */
static void print_range(FILE *to, const zt_param *p)
{
    switch (p->kind) {
    case ZT_PARAM_TEXT:
        fprintf(to, "text%s%s", *p->text ? ", default " : "", p->text);
        break;
    case ZT_PARAM_BOOL:
        fprintf(to, "true or false, default %s", p->value != 0 ? "true" : "false");
        break;
    case ZT_PARAM_CHOICE:
        for (int k = 0; p->choices[k]; k++)
            fprintf(to, "%s%s", k ? ", " : "one of ", p->choices[k]);
        fprintf(to, "; default %s", p->choices[(int)p->value]);
        break;
    default:
        if (p->most - p->least < 9e18)
            fprintf(to, "%.15g to %.15g, ", p->least, p->most);
        fprintf(to, "default %.15g", p->value);
        break;
    }
}

enum { INDENT = 31, WIDTH = 96 };

/* Words to the end of the line, then below each other; `column` is where they begin. */
static void print_wrapped(const char *text, int column)
{
    for (bool first = true; *text; first = false) {
        const int length = (int)strcspn(text, " ");
        if (!first && column + 1 + length > WIDTH) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        } else if (!first) {
            column += printf(" ");
        }
        column += printf("%.*s", length, text);
        text += length + (text[length] == ' ');
    }
    printf("\n");
}

/* Calls `show` for every option of a job: key is "steps", or "cache.interval" for one of a
 * caching method or sink, whose name is `of` then, else NULL. */
typedef void (*key_fn)(const char *key, const char *of, const zt_param *p);

static void each_key_of(const cli *c, int32_t list, const char *prefix, key_fn show)
{
    zt_item item = { .size = sizeof(item) };
    zt_param p = { .size = sizeof(p) };
    char table[80], key[80];

    for (int32_t i = 0; c->zt->list(list, i, &item) == ZT_OK; i++) {
        snprintf(table, sizeof(table), "%s.%s", prefix, item.name);
        for (int32_t k = 0; c->zt->task_param(table, k, &p) == ZT_OK; k++) {
            snprintf(key, sizeof(key), "%s.%s", prefix, p.key);
            show(key, item.name, &p);
        }
    }
}

static void each_key(const cli *c, key_fn show)
{
    zt_param p = { .size = sizeof(p) };

    for (int32_t i = 0; c->zt->param(i, &p) == ZT_OK; i++)
        show(p.key, NULL, &p);
    each_key_of(c, ZT_LIST_CACHES, "cache", show);
    each_key_of(c, ZT_LIST_SINKS, "sink", show);
}

static void show_key(const char *key, const char *of, const zt_param *p)
{
    char text[1000] = "";
    FILE *to = fmemopen(text, sizeof(text), "w");

    printf("  %-28s ", key);
    if (to) {
        fprintf(to, "%s%s%s; ", of ? of : "", of ? ": " : "", p->help);
        print_range(to, p);
        fclose(to);
    }
    print_wrapped(text, INDENT);
}

static void show_key_json(const char *key, const char *of, const zt_param *p)
{
    static const char *const kinds[] = { "int", "float", "bool", "text", "choice" };

    printf("{\"list\":\"option\",\"name\":\"%s\",\"of\":\"%s\",\"kind\":\"%s\",\"help\":", key,
           of ? of : "", kinds[p->kind]);
    cli_print_json(stdout, p->help);
    if (p->kind == ZT_PARAM_TEXT) {
        printf(",\"default\":");
        cli_print_json(stdout, p->text);
    } else if (p->kind == ZT_PARAM_CHOICE) {
        printf(",\"default\":\"%s\",\"choices\":[", p->choices[(int)p->value]);
        for (int k = 0; p->choices[k]; k++)
            printf("%s\"%s\"", k ? "," : "", p->choices[k]);
        printf("]");
    } else {
        printf(",\"default\":%.17g,\"least\":%.17g,\"most\":%.17g", p->value, p->least, p->most);
    }
    printf("}\n");
}

void cli_print_keys(const cli *c)
{
    if (!c->json)
        printf("options\n");
    each_key(c, c->json ? show_key_json : show_key);
}

void cli_print_overview(const cli *c, FILE *to)
{
    fprintf(to, "usage: zoetrope COMMAND ...\n\n");
    for (int i = 0; cli_commands[i]; i++)
        fprintf(to, "  %-10s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fprintf(to, "\nzoetrope COMMAND --help says more; zoetrope help keys shows every option of a\n"
                "job; zoetrope --version says that this is %s.\n", c->zt->version());
}

static void flag_name(const cli_flag *f, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s%s", f->letter ? f->letter : "", f->letter ? ", " : "", f->name,
             f->value ? " " : "", f->value ? f->value : "");
}

/* What a flag does: its own words, or those of the option that it sets. */
static void print_meaning(const cli *c, FILE *to, const cli_flag *f)
{
    zt_param p = { .size = sizeof(p) };

    if (f->help) {
        fprintf(to, "%s", f->help);
    } else if (find_param(c, f->key, &p)) {
        fprintf(to, "%s", p.help);
        if (p.kind != ZT_PARAM_TEXT || *p.text) {
            fprintf(to, "; ");
            print_range(to, &p);
        }
    }
}

static void print_flags(const cli *c, const cli_flag *flags)
{
    for (; flags && flags->name; flags++) {
        char name[64], text[1000] = "";
        FILE *to = fmemopen(text, sizeof(text), "w");

        flag_name(flags, name, sizeof(name));
        printf("  %-28s ", name);
        if (to) {
            print_meaning(c, to, flags);
            fclose(to);
        }
        print_wrapped(text, strlen(name) > 28 ? (int)strlen(name) + 3 : INDENT);
    }
}

/* Options of a task: "train.gram" has keys fit.KEY. */
static void print_table(const cli *c, const char *table)
{
    const char *own = strchr(table, '.') ? "fit." : "";
    zt_param p = { .size = sizeof(p) };

    printf("\n%s%s%s\n", *own ? "with " : "", *own ? "fit = " : "KEY=VALUE",
           *own ? strchr(table, '.') + 1 : "");
    for (int32_t i = 0; c->zt->task_param(table, i, &p) == ZT_OK; i++) {
        printf("  %s%-*s %s; ", own, 24 - (int)strlen(own), p.key, p.help);
        print_range(stdout, &p);
        printf("\n");
    }
}

void cli_print_command(const cli *c, const cli_command *command)
{
    printf("usage: zoetrope %s %s\n\n%s\n\n", command->name, command->usage, command->summary);
    print_flags(c, command->flags);
    print_flags(c, cli_common_flags);
    for (int i = 0; command->tables && command->tables[i]; i++)
        print_table(c, command->tables[i]);
    if (command->about)
        printf("\n%s", command->about);
}

/* ---- The man page ---- */

/* Text without what troff would take for its own. */
static void print_troff(const char *text)
{
    for (; *text; text++) {
        if (*text == '\\')
            printf("\\e");
        else if (*text == '-')
            printf("\\-");
        else if (*text == '.' || *text == '\'')
            printf("\\&%c", *text);
        else
            putchar(*text);
    }
}

static void man_flags(const cli *c, const cli_flag *flags)
{
    for (; flags && flags->name; flags++) {
        char name[64];
        flag_name(flags, name, sizeof(name));
        printf(".TP\n.B ");
        print_troff(name);
        printf("\n");
        print_meaning(c, stdout, flags);
        printf("\n");
    }
}

static void man_codes(void)
{
    static const struct { int code; const char *text; } rows[] = {
        { CLI_OK, "done" },
        { CLI_USAGE, "wrong arguments or options" },
        { CLI_DATA, "the input is wrong" },
        { CLI_NO_INPUT, "the input is missing" },
        { CLI_UNAVAILABLE, "the device cannot be used" },
        { CLI_SOFTWARE, "a fault of our own" },
        { CLI_NO_MEMORY, "no memory, or more than the budget" },
        { CLI_CANNOT_CREATE, "the output cannot be created, or the disk is full" },
        { CLI_IO, "the system refused to read or write" },
        { CLI_AGAIN, "somebody else is at work on it, or the work was taken away: try again" },
        { CLI_INTERRUPTED, "interrupted" },
    };

    printf(".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        printf(".TP\n.B %d\n%s\n", rows[i].code, rows[i].text);
}

static void man_key(const char *key, const char *of, const zt_param *p)
{
    printf(".TP\n.B %s%s%s%s\n", key, of ? " (" : "", of ? of : "", of ? ")" : "");
    print_troff(p->help);
    printf("; ");
    print_range(stdout, p);
    printf("\n");
}

static void print_man(const cli *c)
{
    printf(".TH ZOETROPE 1 \"\" \"zoetrope %s\" \"User Commands\"\n", c->zt->version());
    printf(".SH NAME\nzoetrope \\- video from diffusion transformers\n.SH SYNOPSIS\n");
    for (int i = 0; cli_commands[i]; i++) {
        printf(".B zoetrope %s\n", cli_commands[i]->name);
        print_troff(cli_commands[i]->usage);
        printf("\n.br\n");
    }
    printf(".SH COMMANDS\n");
    for (int i = 0; cli_commands[i]; i++) {
        printf(".SS %s\n", cli_commands[i]->name);
        print_troff(cli_commands[i]->summary);
        printf("\n");
        man_flags(c, cli_commands[i]->flags);
        if (cli_commands[i]->about) {
            printf(".PP\n.nf\n");
            print_troff(cli_commands[i]->about);
            printf(".fi\n");
        }
    }
    printf(".SH FLAGS OF EVERY COMMAND\n");
    man_flags(c, cli_common_flags);
    printf(".SH OPTIONS OF A JOB\n"
           "Set in a preset as \"key = value\", or by \\-\\-set key=value.\n");
    each_key(c, man_key);
    man_codes();
}

static int help(cli *c)
{
    int code = cli_parse(c, NULL);
    const char *topic = c->argc > 0 ? c->argv[0] : NULL;

    if (code != CLI_OK)
        return code;
    if (c->argc > 1)
        return cli_fail(c, CLI_USAGE, "help: two topics, '%s' and '%s'", topic, c->argv[1]);
    if (!topic) {
        cli_print_overview(c, stdout);
        return CLI_OK;
    }
    if (strcmp(topic, "keys") == 0) {
        cli_print_keys(c);
        return CLI_OK;
    }
    if (strcmp(topic, "man") == 0) {
        print_man(c);
        return CLI_OK;
    }
    for (int i = 0; cli_commands[i]; i++) {
        if (strcmp(cli_commands[i]->name, topic) == 0) {
            cli_print_command(c, cli_commands[i]);
            return CLI_OK;
        }
    }
    return cli_fail(c, CLI_USAGE, "help: there is no command '%s'", topic);
}

const cli_command cli_help = {
    .name = "help",
    .usage = "[COMMAND | keys | man]",
    .summary = "this overview, a command, every option of a job, or the manual page",
    .run = help,
};
