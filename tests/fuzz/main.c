/* Replays files in place of a fuzzing engine: every argument is a file or a
 * folder of files. */

#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static int replayed;

static void replay_file(FILE *f)
{
    static uint8_t data[1 << 20];
    const size_t n = fread(data, 1, sizeof(data), f);
    uint8_t *exact = malloc(n + 1);

    FUZZ_REQUIRE(exact);
    memcpy(exact + 1, data, n);
    (void)LLVMFuzzerTestOneInput(exact + 1, n);
    free(exact);
    replayed++;
}

static int replay(const char *path)
{
    char inner[600];
    const struct dirent *entry;
    DIR *d = opendir(path);
    FILE *f = d ? NULL : fopen(path, "rb");

    if (!d && !f) {
        printf("cannot read %s\n", path);
        return 1;
    }
    if (f) {
        replay_file(f);
        fclose(f);
        return 0;
    }
    while ((entry = readdir(d))) {
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        f = entry->d_name[0] == '.' ? NULL : fopen(inner, "rb");
        if (f) {
            replay_file(f);
            fclose(f);
        }
    }
    closedir(d);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed += replay(argv[i]);
    printf("%d passed, %d failed\n", replayed, failed);
    return failed > 0 || replayed == 0;
}
