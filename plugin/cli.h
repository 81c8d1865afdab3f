/* Inside of the program `zoetrope`: what its commands share.
 *
 * The program is a client of zoetrope.h like any other host. Its exit codes are
 * those of sysexits.h, so that farms know whether to try again.
 *
 * Thread safety: one thread. */
#ifndef ZOETROPE_CLI_H
#define ZOETROPE_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "host-abi/zoetrope.h"

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

/* What is common to all commands. */
typedef struct cli {
    const zt_api *zt;
    zt_engine    *engine;         /* open while a command runs */
    int           argc;           /* of the command, without its name */
    char        **argv;
    bool          json;
} cli;

typedef struct cli_command {
    const char *name, *usage, *summary;
    int (*run)(cli *c);
} cli_command;

extern const cli_command cli_render, cli_inspect, cli_list;

int cli_exit_of(int32_t status);

/* Y4M, 4:4:4, bt709, 8 bit: what every video program reads. "-" is standard output. */
typedef struct cli_film cli_film;
cli_film *cli_film_open(const char *path, int width, int height, int fps);
bool      cli_film_add(cli_film *film, const uint8_t *rgba);
bool      cli_film_close(cli_film **film);        /* false if anything could not be written */

#endif
