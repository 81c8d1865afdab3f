/* GGUF: the magic stands, the rest is anything. */

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(size + 4);

    FUZZ_REQUIRE(file);
    (void)fuzz_begin();
    memcpy(file, "GGUF", 4);
    if (size > 0)
        memcpy(file + 4, data, size);
    memfile_put("model.gguf", file, size + 4);
    fuzz_end(fuzz_container("model.gguf"));
    free(file);
    return 0;
}
