/* Farms as a table: the variables that say which share of a batch is meant, and
 * the lines by which progress is read. */

#include <stdlib.h>
#include <string.h>

#include "plugin/cli_farm.h"

static void tell_percent(double percent, const char *status)
{
    (void)status;
    printf("Progress: %d%%\n", (int)percent);
}

static void tell_openjd(double percent, const char *status)
{
    printf("openjd_progress: %.1f\nopenjd_status: %s\n", percent, status);
}

/* Numbers of an array's tasks; NULL: the farm has no such variable. */
static const struct farm {
    const char *name;
    const char *index, *first, *step, *last;
    void (*tell)(double percent, const char *status);
} farms[] = {
    { "slurm", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP",
      "SLURM_ARRAY_TASK_MAX", tell_percent },
    { "openjd", NULL, NULL, NULL, NULL, tell_openjd },
    { "opencue", NULL, NULL, NULL, NULL, tell_percent },
    { "deadline", NULL, NULL, NULL, NULL, tell_percent },
    { "none", NULL, NULL, NULL, NULL, NULL },
};

/* A variable that is a whole number; `otherwise` if it is not there. False if it is something
 * else. */
static bool number_of(const char *variable, long otherwise, long *out)
{
    const char *text = variable ? getenv(variable) : NULL;
    char *end = NULL;

    *out = otherwise;
    if (!text || !*text)
        return true;
    *out = strtol(text, &end, 10);
    return *end == '\0' && *out >= 0 && *out < 1000000000;
}

int cli_farm_read(cli *c, cli_farm *farm, const char *name)
{
    const struct farm *f = NULL;
    long index, first, step, last;

    *farm = (cli_farm){ .task = 0 };
    for (size_t i = 0; i < sizeof(farms) / sizeof(farms[0]) && !f; i++) {
        if (name ? strcmp(farms[i].name, name) == 0
                 : farms[i].index && getenv(farms[i].index) != NULL)
            f = &farms[i];
    }
    if (name && !f)
        return cli_fail(c, CLI_USAGE,
                        "--farm %s, expected slurm, openjd, opencue, deadline or none", name);
    if (!f)
        return CLI_OK;
    if (name)
        farm->tell = f->tell;
    if (!f->index || !getenv(f->index))
        return CLI_OK;
    if (!number_of(f->index, 0, &index) || !number_of(f->first, 0, &first) ||
        !number_of(f->step, 1, &step) || !number_of(f->last, index, &last) || step < 1 ||
        index < first || index > last)
        return cli_fail(c, CLI_USAGE, "%s=%s does not fit the other variables of the array",
                        f->index, getenv(f->index));
    snprintf(farm->shard, sizeof(farm->shard), "%ld/%ld", (index - first) / step + 1,
             (last - first) / step + 1);
    return CLI_OK;
}
