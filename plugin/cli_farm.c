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

/* Flags that mean something for this run alone; each is followed by a value. */
static bool is_ours(const char *arg, bool *value_follows)
{
    static const char *const ours[] = { "--write-openjd", "--farm", "--task", "--shard" };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        const size_t n = strlen(ours[i]);

        if (strncmp(arg, ours[i], n) == 0 && (arg[n] == '\0' || arg[n] == '=')) {
            *value_follows = arg[n] == '\0';
            return true;
        }
    }
    return false;
}

static void print_arguments(FILE *to, int argc, char **argv)
{
    fprintf(to, "[\n            \"render\"");
    for (int i = 0; i < argc; i++) {
        bool value_follows = false;

        if (is_ours(argv[i], &value_follows)) {
            i += value_follows;
            continue;
        }
        fprintf(to, ",\n            ");
        cli_print_json(to, argv[i]);
    }
    fprintf(to, ",\n            \"--task\",\n            \"{{Task.Param.Task}}\""
                ",\n            \"--farm\",\n            \"openjd\"\n          ]");
}

int cli_write_openjd(cli *c, const char *path, int jobs, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strstr(argv[i], "{{"))
            return cli_fail(c, CLI_USAGE, "--write-openjd: '%s' has '{{', which means something "
                            "else in a template", argv[i]);
    }
    FILE *to = fopen(path, "wx");
    if (!to)
        return cli_fail(c, CLI_CANNOT_CREATE, "--write-openjd: %s cannot be created", path);
    fprintf(to, "{\n  \"specificationVersion\": \"jobtemplate-2023-09\",\n"
                "  \"name\": \"zoetrope render\",\n  \"steps\": [\n    {\n"
                "      \"name\": \"Render\",\n      \"parameterSpace\": {\n"
                "        \"taskParameterDefinitions\": [\n"
                "          { \"name\": \"Task\", \"type\": \"INT\", \"range\": \"1-%d\" }\n"
                "        ]\n      },\n      \"script\": {\n        \"actions\": {\n"
                "          \"onRun\": {\n          \"command\": \"zoetrope\",\n"
                "          \"args\": ", jobs);
    print_arguments(to, argc, argv);
    fprintf(to, ",\n          \"cancelation\": { \"mode\": \"NOTIFY_THEN_TERMINATE\", "
                "\"notifyPeriodInSeconds\": 10 }\n          }\n        }\n      }\n    }\n"
                "  ]\n}\n");
    const bool ok = !ferror(to);
    if (fclose(to) != 0 || !ok) {
        remove(path);
        return cli_fail(c, CLI_IO, "--write-openjd: %s could not be written", path);
    }
    return CLI_OK;
}
