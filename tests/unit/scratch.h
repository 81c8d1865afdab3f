/* A folder on the disk for a unit test, and a log that keeps its last error.
 *
 * Thread safety: one thread. */
#ifndef ZC_TEST_SCRATCH_H
#define ZC_TEST_SCRATCH_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "tests/unit/test.h"

static char folder[64];
static zc_log test_log;

/* The path of a name in the folder; eight at a time. */
static inline const char *in(const char *name)
{
    static char paths[8][200];
    static int turn;

    turn = (turn + 1) % 8;
    snprintf(paths[turn], sizeof(paths[0]), "%s/%s", folder, name);
    return paths[turn];
}

static inline const char *error(void)
{
    static char text[ZC_LOG_TEXT];

    zc_log_last_error(&test_log, text, sizeof(text));
    return text;
}

static inline void put(const char *name, const char *text)
{
    FILE *f = fopen(in(name), "wb");

    REQUIRE(f && fwrite(text, 1, strlen(text), f) == strlen(text));
    REQUIRE(f && fclose(f) == 0);
}

/* What a file of the folder holds; "(none)" if there is none. */
static inline const char *held(const char *name)
{
    static char text[400];
    FILE *f = fopen(in(name), "rb");
    size_t n;

    if (!f)
        return "(none)";
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

static inline int scratch_remove(const char *path, const struct stat *info, int kind,
                                 struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

/* `pattern` is as mkdtemp wants it. False without a folder. */
static inline bool scratch_begin(const char *pattern)
{
    snprintf(folder, sizeof(folder), "%s", pattern);
    return mkdtemp(folder) && zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL) == ZC_OK;
}

static inline void scratch_end(void)
{
    zc_log_fini(&test_log);
    REQUIRE_INT(nftw(folder, scratch_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
