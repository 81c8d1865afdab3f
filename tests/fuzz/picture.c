/* Pictures and films that are read without a library. A file that begins with Z is a
 * zlib stream for its own reader, and bytes to be packed and unpacked again. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/sink/reader.h"
#include "core/sink/zlib.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

enum { MOST = 1 << 14, FRAMES = 3 };

static void check_zlib(const uint8_t *data, size_t size)
{
    static uint8_t room[4096];
    uint8_t *packed = malloc(zc_zlib_bound(size)), *back = malloc(size + 1);
    static int32_t places[ZC_ZLIB_PLACES];

    FUZZ_REQUIRE(packed && back);
    (void)zc_zlib_unpack(room, sizeof(room), data, size);
    const size_t n = zc_zlib_pack(packed, data, size, places);
    FUZZ_REQUIRE(n <= zc_zlib_bound(size));
    FUZZ_REQUIRE(zc_zlib_unpack(back, size, packed, n) == ZC_OK);
    FUZZ_REQUIRE(size == 0 || memcmp(back, data, size) == 0);
    FUZZ_REQUIRE(zc_zlib_unpack(back, size + 1, packed, n) != ZC_OK);
    FUZZ_REQUIRE(zc_zlib_unpack(back, size, packed, n - 1) != ZC_OK);
    free(packed);
    free(back);
}

static void check_file(zc_log *log)
{
    zc_reader *r = NULL;
    bool more = true;
    zc_status st = zc_reader_open(&r, log, "a.picture", "/nowhere");

    if (st != ZC_OK) {
        fuzz_end(st);
        return;
    }
    const zc_film_info *info = zc_reader_info(r);
    const size_t values = 3 * (size_t)info->width * (size_t)info->height;
    FUZZ_REQUIRE(info->width > 0 && info->height > 0);
    if (values <= MOST) {
        float *rgb = zc_alloc(values * sizeof(float));
        FUZZ_REQUIRE(rgb);
        for (int i = 0; i < FRAMES && more && st == ZC_OK; i++)
            st = zc_reader_next(r, rgb, &more);
        zc_free(rgb);
    }
    zc_reader_close(&r);
    fuzz_end(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zc_log *log = fuzz_begin();

    if (size > 0 && data[0] == 'Z') {
        check_zlib(data + 1, size - 1);
        return 0;
    }
    if (size > 0 && data[0] != 0x89 && data[0] != 'Y')
        return 0;                             /* a module's */
    memfile_put("a.picture", data, size);
    check_file(log);
    memfiles_clear();
    return 0;
}
