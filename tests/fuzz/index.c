/* A shard index, beside files that it can name; and model_index.json of a folder. */

#include <string.h>

#include "core/io/modelfolder.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

static const char one[] = "\x35\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"U8\",\"shape\":[1],"
                          "\"data_offsets\":[0,1]}}" "1";
static const char two[] = "\x35\0\0\0\0\0\0\0{\"y\":{\"dtype\":\"U8\",\"shape\":[1],"
                          "\"data_offsets\":[0,1]}}" "2";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zc_log *log = fuzz_begin();
    zc_modelfolder *f = NULL;
    zc_status st;

    memfile_put("m/a", one, sizeof(one) - 1);
    memfile_put("m/b", two, sizeof(two) - 1);
    memfile_put("m/sub/c.safetensors", one, sizeof(one) - 1);
    memfile_put_kind("m/link", MEMFILE_LINK);
    memfile_put("m/index.json", data, size);
    fuzz_end(fuzz_container("m/index.json"));

    (void)fuzz_begin();
    memfile_put("m/model_index.json", data, size);
    memfile_put("m/vae/a.safetensors", one, sizeof(one) - 1);
    memfile_put("m/vae/config.json", data, size);
    st = zc_modelfolder_open(&f, log, "m");
    if (st == ZC_OK)
        zc_modelfolder_close(&f);
    fuzz_end(st);
    return 0;
}
