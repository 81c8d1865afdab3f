/* Any bytes, as a file that somebody calls a model. */

#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)fuzz_begin();
    memfile_put("model", data, size);
    fuzz_end(fuzz_container("model"));
    return 0;
}
