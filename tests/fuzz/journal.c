/* A journal, and one in a job's folder: any bytes are replayed or refused, and what
 * is added behind them is there afterwards. */

#include <string.h>

#include "core/base/hash.h"
#include "core/batch/folder.h"
#include "core/batch/journal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

static zc_status take(void *user, zc_log *log, const char *bytes, size_t count)
{
    size_t *seen = user;

    (void)log;
    FUZZ_REQUIRE(count > 0 && count <= ZC_JOURNAL_RECORD && bytes);
    *seen = count == 5 && memcmp(bytes, "added", 5) == 0;
    return ZC_OK;
}

static void replay(zc_log *log)
{
    zc_journal *j = NULL;
    size_t seen = 0;
    zc_status st = zc_journal_open(&j, log, "journal", take, &seen);

    if (st == ZC_OK) {
        FUZZ_REQUIRE(zc_journal_add(j, log, "added", 5) == ZC_OK);
        zc_journal_close(&j);
        seen = 0;
        FUZZ_REQUIRE(zc_journal_open(&j, log, "journal", take, &seen) == ZC_OK && seen);
        zc_journal_close(&j);
    }
    fuzz_end(st);
}

/* As records: each line of the input, with its length and its CRC. */
static void as_records(zc_log *log, const uint8_t *data, size_t size)
{
    static uint8_t file[65536];
    static const char manifest[] = "{}\n";
    size_t used = 8;
    zc_folder *f = NULL;
    zc_str path = { 0 };

    memcpy(file, "ZTJRNL1\n", 8);
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        const size_t n = end ? (size_t)(end - data) : size, step = end ? n + 1 : n;

        if (n > 0 && used + 8 + n <= sizeof(file)) {
            uint8_t *r = file + used;
            memset(r, 0, 8);
            r[0] = (uint8_t)n;
            r[1] = (uint8_t)(n >> 8);
            memcpy(r + 8, data, n);
            const uint32_t crc = zc_crc32c(zc_crc32c(0, r, 4), data, n);
            for (int k = 0; k < 4; k++)
                r[4 + k] = (uint8_t)(crc >> 8 * k);
            used += 8 + n;
        }
        data += step;
        size -= step;
    }
    const zc_folder_desc d = { .root = "jobs", .manifest = manifest, .beat_ms = 1 };
    zc_status st = zc_folder_open(&f, log, &d);
    if (st == ZC_OK) {
        zc_folder_path(f, &path, "journal");
        zc_folder_close(&f);
        memfile_put(zc_str_get(&path), file, used);
        st = zc_folder_open(&f, log, &d);
    }
    for (int k = 0; f && k < ZC_STORED_KINDS; k++) {
        for (int i = -1; i < 9; i++)
            (void)zc_folder_stored(f, (zc_stored_kind)k, i);
    }
    zc_folder_close(&f);
    zc_str_fini(&path);
    fuzz_end(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zc_log *log = fuzz_begin();

    memfile_put("journal", data, size);
    replay(log);
    as_records(fuzz_begin(), data, size);
    memfiles_clear();
    return 0;
}
