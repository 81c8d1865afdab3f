/* What render farms tell a job, and what they want to be told.
 *
 * Thread safety: one thread. */
#ifndef ZOETROPE_CLI_FARM_H
#define ZOETROPE_CLI_FARM_H

#include "plugin/cli.h"

typedef struct cli_farm {
    int32_t task;                 /* this job alone, counted from 1; 0: not said */
    char    shard[48];            /* "2/8"; "": not said */
    /* Progress for the farm, printed on standard output at most once a second; NULL: none. */
    void  (*tell)(double percent, const char *status);
} cli_farm;

/* By its name, or by the variables of the environment if that is NULL. */
int cli_farm_read(cli *c, cli_farm *farm, const char *name);

/* Writes a job template that runs these arguments of `render` as so many tasks. An exit code. */
int cli_write_openjd(cli *c, const char *path, int jobs, int argc, char **argv);

/* Waits for the end, or for a signal, and tells what happens meanwhile. An exit code. */
int cli_watch_batch(cli *c, zt_batch *batch, const cli_farm *farm);

#endif
