/* Presets as a host sees them: the list of installed ones without an engine, and
 * folders of a host's own. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-abi/zoetrope.h"
#include "tests/unit/test.h"

static char last[1024];
static int  texts;

static void hear(void *user, int32_t level, const char *text)
{
    (void)user;
    if (level == ZT_LEVEL_ERROR)
        snprintf(last, sizeof(last), "%s", text);
}

static void count(void *user, const char *text)
{
    (void)user;
    texts++;
    snprintf(last, sizeof(last), "%.1000s", text);
}

static void installed_presets_are_listed_without_an_engine(void)
{
    const zt_api *zt = zt_get_api(ZT_ABI);
    zt_item item = { .size = sizeof(item) }, before = { .size = sizeof(before) };
    int32_t n = 0;

    for (; zt->list(ZT_LIST_PRESETS, n, &item) == ZT_OK; n++) {
        REQUIRE(item.size == sizeof(item) && *item.name && *item.summary);
        REQUIRE(item.name >= item.text && item.summary < item.text + sizeof(item.text));
        REQUIRE(*item.name != '_' && strcmp(item.name, before.text) != 0);
        memcpy(before.text, item.text, sizeof(before.text));
    }
    REQUIRE(n >= 9);
    REQUIRE_INT(zt->list(ZT_LIST_PRESETS, n, &item), ZT_E_MISSING);
    REQUIRE_INT(zt->list(ZT_LIST_PRESETS, -1, &item), ZT_E_ARGUMENT);
    REQUIRE_INT(zt->list(ZT_LIST_PRESETS, 0, NULL), ZT_E_UNSUPPORTED);
    item.size = 24;                       /* of a host that is older than this list */
    REQUIRE_INT(zt->list(ZT_LIST_PRESETS, 0, &item), ZT_E_UNSUPPORTED);
    REQUIRE_INT(zt->list(ZT_LIST_CACHES, 0, &item), ZT_OK);
}

static void a_host_has_folders_of_its_own(const char *folder)
{
    const zt_api *zt = zt_get_api(ZT_ABI);
    zt_engine *engine = NULL;
    zt_item item = { .size = sizeof(item) };
    char path[1024], folders[1024];

    mkdir(folder, 0777);
    snprintf(path, sizeof(path), "%s/of-a-host.preset", folder);
    FILE *f = fopen(path, "w");
    REQUIRE(f != NULL);
    if (f) {
        fputs("# Of a host\nwidth = 64\n", f);
        fclose(f);
    }
    snprintf(folders, sizeof(folders), "/no/such/folder:%s", folder);
    const zt_engine_desc ed = { .size = sizeof(ed), .log = hear, .presets = folders };
    REQUIRE_INT(zt->engine_open(&engine, &ed), ZT_OK);

    zt_job_desc jd = { .size = sizeof(jd), .preset = "of-a-host" };
    REQUIRE_INT(zt->preset(engine, &jd, count, NULL), ZT_OK);
    REQUIRE_INT(texts, 2);
    REQUIRE_HAS(last, "of-a-host.preset\"]");
    REQUIRE_INT(zt->presets(engine, count, NULL), ZT_OK);
    REQUIRE_INT(texts, 4);
    REQUIRE_HAS(last, "\"of-a-host\"");
    jd.options = "width = 65\n";
    REQUIRE_INT(zt->preset(engine, &jd, NULL, NULL), ZT_E_ARGUMENT);
    REQUIRE_STR(last, "options:1:9: width = 65 is no multiple of 16; the nearest are 64 and 80");
    jd = (zt_job_desc){ .size = sizeof(jd), .preset = "of-a-host", .height = 9000 };
    REQUIRE_INT(zt->preset(engine, &jd, NULL, NULL), ZT_E_ARGUMENT);
    REQUIRE_STR(last, "the call: height: '9000' is out of range; expected: 16 to 8192");
    REQUIRE_INT(zt->preset(NULL, &jd, NULL, NULL), ZT_E_ARGUMENT);
    REQUIRE_INT(zt->presets(NULL, NULL, NULL), ZT_E_ARGUMENT);
    REQUIRE_INT(zt->preset(engine, NULL, NULL, NULL), ZT_E_UNSUPPORTED);

    /* Every installed one can be opened by its name. */
    jd = (zt_job_desc){ .size = sizeof(jd) };
    for (int32_t i = 0; zt->list(ZT_LIST_PRESETS, i, &item) == ZT_OK; i++) {
        jd.preset = item.name;
        REQUIRE_INT(zt->preset(engine, &jd, NULL, NULL), ZT_OK);
    }
    zt->engine_close(&engine);
    unlink(path);
}

int main(int argc, char **argv)
{
    TEST(installed_presets_are_listed_without_an_engine);
    test_name = "a_host_has_folders_of_its_own";
    a_host_has_folders_of_its_own(argc > 1 ? argv[1] : ".");
    return test_end();
}
