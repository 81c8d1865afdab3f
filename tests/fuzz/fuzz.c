/* The surroundings of a fuzz target: a log, files in memory, and a reader of
 * everything that a container can have. */

#include <string.h>

#include "core/io/container.h"
#include "core/io/names.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

#define READ_MOST 65536       /* bytes of a tensor that are read */

static zc_log log_of_all;
static bool started;

zc_log *fuzz_begin(void)
{
    if (!started) {
        FUZZ_REQUIRE(zc_log_init(&log_of_all, ZC_LEVEL_ERROR, NULL, NULL) == ZC_OK);
        memfiles_begin();
        started = true;
    }
    memfiles_clear();
    zc_log_write(&log_of_all, ZC_LEVEL_ERROR, "nothing");
    return &log_of_all;
}

void fuzz_end(zc_status st)
{
    char text[ZC_LOG_TEXT];

    zc_log_last_error(&log_of_all, text, sizeof(text));
    FUZZ_REQUIRE(st == ZC_OK || strcmp(text, "nothing") != 0);
    for (const char *p = text; *p; p++)
        FUZZ_REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
    FUZZ_REQUIRE(memfiles_open() == 0);
}

static void read_names(const zc_container *c)
{
    static uint8_t dst[READ_MOST];
    const char *prefix = "";
    const zc_layout *layout = zc_layout_find(c, NULL, &prefix);
    zc_names *n = NULL;

    if (zc_names_open(&n, &log_of_all, c, layout ? layout : &zc_layout_tables[0][0],
                      layout ? prefix : "") != ZC_OK)
        return;
    for (size_t i = 0; i < zc_names_count(n); i++) {
        const zc_named *t = zc_names_at(n, i);
        int64_t count = 1;

        FUZZ_REQUIRE(zc_names_find(n, t->name) == t);
        for (int k = 0; k < t->rank; k++)
            count = count > READ_MOST ? count : count * t->dim[k];
        if (count <= READ_MOST / 8)
            (void)zc_names_read(n, &log_of_all, t, 0, count, dst, NULL);
    }
    FUZZ_REQUIRE(zc_names_left_over(n, &log_of_all) == ZC_OK);
    zc_names_close(&n);
}

zc_status fuzz_container(const char *path)
{
    static uint8_t dst[READ_MOST];
    zc_container *c = NULL;
    const zc_status st = zc_container_open(&c, &log_of_all, path);
    zc_meta_value v;

    if (st != ZC_OK)
        return st;
    for (const zc_entry *e = zc_container_next(c, NULL); e; e = zc_container_next(c, e)) {
        const zc_file_info *info = zc_container_file_info(c, e->file);

        FUZZ_REQUIRE(zc_container_find(c, e->name) == e);
        FUZZ_REQUIRE(e->offset <= info->size && e->bytes <= info->size - e->offset);
        FUZZ_REQUIRE(e->rank <= ZC_LIMIT_RANK);
        if (e->bytes <= sizeof(dst))
            FUZZ_REQUIRE(zc_entry_read(c, &log_of_all, e, dst) == ZC_OK);
    }
    for (size_t i = 0; i < zc_container_meta_count(c); i++) {
        const zc_meta *m = zc_container_meta_at(c, i);
        zc_meta_walk walk = { .meta = m };

        FUZZ_REQUIRE(zc_container_meta(c, m->key) == m);
        while (zc_meta_next(&walk, &v))
            dst[0] ^= v.bytes > 0 ? (uint8_t)v.text[v.bytes - 1] : 0;
    }
    read_names(c);
    zc_container_close(&c);
    return ZC_OK;
}
