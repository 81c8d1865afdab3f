/* A file of blocks, as checkpoints and encoded prompts are: as it is, and with a
 * header whose CRC is made to fit. */

#include <string.h>

#include "core/base/hash.h"
#include "core/batch/blocks.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

#define FRONT 80
#define ENTRY 40

static void open_one(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "latent.0.0", "done", "a", "text" };
    zc_log *log = fuzz_begin();
    zc_blocks *b = NULL;
    uint8_t copy[64];

    memfile_put("b", data, size);
    const zc_status st = zc_blocks_open(&b, log, "b", "me");
    for (size_t i = 0; b && i < ZC_COUNT(names); i++) {
        uint64_t bytes = 0, sum = 0;
        const uint8_t *at = zc_blocks_get(b, names[i], &bytes);

        for (uint64_t k = 0; at && k < bytes; k++)
            sum += at[k];
        FUZZ_REQUIRE(sum <= 255 * bytes);
        FUZZ_REQUIRE(zc_blocks_copy(b, names[i], copy, sizeof(copy)) ==
                     (at && bytes == sizeof(copy)));
    }
    zc_blocks_close(&b);
    fuzz_end(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t fixed[65536];

    open_one(data, size);
    if (size < FRONT || size > sizeof(fixed))
        return 0;
    memcpy(fixed, data, size);
    const size_t head = FRONT + (size_t)fixed[8] * ENTRY;
    memset(fixed + 9, 0, 3);
    memset(fixed + 16, 0, 64);
    memcpy(fixed + 16, "me", 2);
    if (head > size)
        return 0;
    for (size_t i = FRONT; i + ENTRY <= head; i += ENTRY) {
        uint64_t from = 0, bytes = 0;

        for (int k = 0; k < 4; k++)
            from |= (uint64_t)fixed[i + 36 + (size_t)k] << 8 * k;
        for (int k = 0; k < 8; k++)
            bytes |= (uint64_t)fixed[i + 24 + (size_t)k] << 8 * k;
        if (from * 64 < size && bytes <= size - from * 64) {
            const uint32_t crc = zc_crc32c(0, fixed + from * 64, (size_t)bytes);
            for (int k = 0; k < 4; k++)
                fixed[i + 32 + (size_t)k] = (uint8_t)(crc >> 8 * k);
        }
    }
    const uint32_t crc = zc_crc32c(zc_crc32c(0, fixed, 12), fixed + 16, head - 16);
    for (int k = 0; k < 4; k++)
        fixed[12 + k] = (uint8_t)(crc >> 8 * k);
    open_one(fixed, size);
    return 0;
}
