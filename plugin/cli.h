/* Inside of the program `zoetrope`: what its commands share.
 *
 * The program is a client of zoetrope.h like any other host. A command is one file
 * cli_NAME.c and one row of the table in cli.c: it declares its flags as a table,
 * of which the parser, --help and the man page are made. Exit codes are those of
 * sysexits.h, so that farms know whether to try again.
 *
 *     typedef struct count_args { int64_t from; const char *output; bool slow; } count_args;
 *     static const cli_flag flags[] = {
 *         CLI_INT(count_args, from, "--from", NULL, "N", 0, 99, "the first number"),
 *         CLI_TEXT(count_args, output, "--output", "-o", "FILE", "where to"),
 *         CLI_BOOL(count_args, slow, "--slow", NULL, "no hurry"),
 *         CLI_KEY("--steps", NULL, "N", "steps"),
 *         { 0 }
 *     };
 *     static int count(cli *c)
 *     {
 *         count_args a = { .from = 1 };
 *         int code = cli_parse(c, &a);
 *         if (code == CLI_OK)
 *             code = cli_open(c);
 *         ...
 *
 * Thread safety: one thread; messages of the engine come from its own. */
#ifndef ZOETROPE_CLI_H
#define ZOETROPE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "host-abi/zoetrope.h"

#if defined(__GNUC__)
#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CLI_PRINTF(text, first)
#endif

enum cli_exit {
    CLI_OK = 0,
    CLI_USAGE = 64,
    CLI_DATA = 65,                /* the input is wrong */
    CLI_NO_INPUT = 66,            /* the input is missing */
    CLI_UNAVAILABLE = 69,         /* the device is */
    CLI_SOFTWARE = 70,            /* our own fault */
    CLI_NO_MEMORY = 71,
    CLI_CANNOT_CREATE = 73,       /* the output */
    CLI_IO = 74,
    CLI_AGAIN = 75,
    CLI_INTERRUPTED = 130,
};

typedef enum cli_kind {
    CLI_IS_BOOL,                  /* bool: true if the flag is there */
    CLI_IS_TEXT,                  /* const char *, borrowed from the command line */
    CLI_IS_INT,                   /* int64_t */
    CLI_IS_FLOAT,                 /* double */
    CLI_IS_KEY,                   /* an option of jobs, for cli.options */
    CLI_IS_SET,                   /* KEY=VALUE: any option of jobs, likewise */
    CLI_IS_TASK,                  /* KEY=VALUE: an option of the command's task */
} cli_kind;

typedef struct cli_flag {
    const char *name, *letter;    /* "--seed"; "-s" or NULL. No name ends a table */
    cli_kind    kind;
    const char *value;            /* how help calls what follows; NULL: nothing follows */
    size_t      offset;           /* of the field in the command's struct */
    double      least, most;      /* of a number */
    const char *key;              /* of an option */
    const char *help;             /* one line; an option's comes from the library if NULL */
} cli_flag;

#define CLI_BOOL(type, field, name, letter, help) \
    { name, letter, CLI_IS_BOOL, NULL, offsetof(type, field), 0, 0, NULL, help }
#define CLI_TEXT(type, field, name, letter, value, help) \
    { name, letter, CLI_IS_TEXT, value, offsetof(type, field), 0, 0, NULL, help }
#define CLI_INT(type, field, name, letter, value, least, most, help) \
    { name, letter, CLI_IS_INT, value, offsetof(type, field), least, most, NULL, help }
#define CLI_FLOAT(type, field, name, letter, value, least, most, help) \
    { name, letter, CLI_IS_FLOAT, value, offsetof(type, field), least, most, NULL, help }
#define CLI_KEY(name, letter, value, key) \
    { name, letter, CLI_IS_KEY, value, 0, 0, 0, key, NULL }

/* Flags of every command that describes a job, as other programs of this kind call them. */
#define CLI_JOB_FLAGS                                                                       \
    CLI_KEY("--model", "-m", "FOLDER", "model"),                                            \
    CLI_KEY("--diffusion-model", NULL, "FILE", "transformer"),                              \
    CLI_KEY("--llm", NULL, "FILE", "text_encoder"),                                         \
    CLI_KEY("--clip_l", NULL, "FILE", "clip"),                                              \
    CLI_KEY("--vae", NULL, "FILE", "vae"),                                                  \
    CLI_KEY("--prompt", "-p", "TEXT", "prompt"),                                            \
    CLI_KEY("--negative-prompt", "-n", "TEXT", "negative"),                                 \
    CLI_KEY("--width", "-W", "N", "width"),                                                 \
    CLI_KEY("--height", "-H", "N", "height"),                                               \
    CLI_KEY("--frames", NULL, "N", "frames"),                                               \
    CLI_KEY("--steps", NULL, "N", "steps"),                                                 \
    CLI_KEY("--seed", "-s", "N", "seed"),                                                   \
    CLI_KEY("--sampling-method", NULL, "NAME", "sampler"),                                  \
    CLI_KEY("--guidance", NULL, "X", "guidance"),                                           \
    CLI_KEY("--cfg-scale", NULL, "X", "cfg"),                                               \
    CLI_KEY("--flow-shift", NULL, "X", "shift"),                                            \
    CLI_KEY("--noise", NULL, "FILE", "noise"),                                              \
    CLI_KEY("--cache", NULL, "METHOD", "cache"),                                            \
    CLI_KEY("--max-memory", NULL, "BYTES", "max_memory"),                                   \
    { "--set", NULL, CLI_IS_SET, "KEY=VALUE", 0, 0, 0, NULL,                                \
      "any option that `zoetrope help keys` shows" }

struct cli_command;

/* What is common to all commands. */
typedef struct cli {
    const zt_api *zt;
    const struct cli_command *command;
    zt_engine    *engine;         /* NULL before cli_open; main closes it */
    int           argc;           /* behind the command's name; behind cli_parse: what is no flag */
    char        **argv;
    char         *options;        /* "key = value" lines of flags; NULL: none. main frees it */
    char         *prompt;         /* apart, for it may have several lines; likewise */
    char         *task_options;   /* lines, likewise */
    bool          json, verbose;  /* flags of every command */
    const char   *device;
    int64_t       threads;
    char          error[512];     /* the last message of level error */
} cli;

typedef struct cli_command {
    const char     *name;
    const char     *summary;      /* one line */
    const char     *usage;        /* what follows the name: "[PRESET] -o FILE [FLAG ...]" */
    const char     *about;        /* lines below the flags, or NULL */
    const cli_flag *flags;        /* NULL: only those of every command */
    const char *const *tables;    /* of task_param, listed in help; ends in NULL. May be NULL */
    int           (*run)(cli *c); /* an exit code */
} cli_command;

extern const cli_command *const cli_commands[];   /* ends with NULL */
extern const cli_command cli_render, cli_train, cli_bench, cli_compare, cli_inspect, cli_list,
    cli_help, cli_presets;

/* Sets the fields of `into`, the command's struct, from its flags, in any order with
 * other arguments; "--" ends them. Leaves those arguments in argc and argv. */
int cli_parse(cli *c, void *into);

/* Opens the engine, behind cli_parse. */
int cli_open(cli *c);

/* Adds an option of jobs as a flag would, or one of the task; false without memory. */
bool cli_set(cli *c, const char *key, const char *value);
bool cli_set_task(cli *c, const char *key, const char *value);

/* Tells a message on standard error, as a line of text or JSON; cli_fail returns `code`. */
void cli_say(cli *c, int32_t level, const char *format, ...) CLI_PRINTF(3, 4);
int  cli_fail(cli *c, int code, const char *format, ...) CLI_PRINTF(3, 4);

/* Waits for a job's end, or for Ctrl-C, which cancels it, and tells what happens meanwhile. Returns
 * the job's status; info has its size set. */
int32_t cli_watch(const cli *c, zt_job *job, zt_job_info *info);

/* Runs a task of the library over prompts; the preset is the only argument. */
typedef struct cli_task_args {
    const char *prompts, *output;
} cli_task_args;
typedef int32_t (*cli_task_fn)(zt_engine *engine, zt_job **job, const zt_task_desc *desc);
int cli_task(cli *c, const cli_task_args *args, cli_task_fn start);

/* The exit code of a status. */
int cli_exit_of(int32_t status);

/* A zt_text_fn: the library tells words first, JSON second, and one of the two is printed. */
typedef struct cli_texts {
    int wanted, seen;
} cli_texts;
void cli_print_text(void *user, const char *text);

/* A text in JSON's quotes. */
void cli_print_json(FILE *to, const char *text);

/* Help, as `zoetrope --help` and `zoetrope COMMAND --help` show it. */
extern const cli_flag cli_common_flags[];
void cli_print_overview(const cli *c, FILE *to);
void cli_print_command(const cli *c, const cli_command *command);
void cli_print_keys(const cli *c);

#endif
