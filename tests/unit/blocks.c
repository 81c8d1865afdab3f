/* Files of blocks: whole or refused, whatever happens to a byte of them. */

#include <errno.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/batch/blocks.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

static zc_log test_log;
static const float numbers[3] = { 1, 2, 3 };
static const zc_block blocks[] = { { "numbers", numbers, sizeof(numbers) }, { "none", NULL, 0 },
                                   { "text", "0123456789", 10 } };

static void pieces_come_back(void)
{
    zc_blocks *b = NULL;
    float back[3] = { 0 };
    uint64_t bytes = 9;

    memfiles_begin();
    REQUIRE_INT(zc_blocks_write(&test_log, "b", "me", blocks, 3), ZC_OK);
    REQUIRE_INT(zc_blocks_open(&b, &test_log, "b", "me"), ZC_OK);
    REQUIRE(zc_blocks_copy(b, "numbers", back, sizeof(back)) && back[2] == 3);
    REQUIRE(!zc_blocks_copy(b, "numbers", back, 8));
    REQUIRE(zc_blocks_get(b, "none", &bytes) && bytes == 0);
    REQUIRE(!zc_blocks_get(b, "nothing", &bytes));
    zc_blocks_close(&b);
    zc_blocks_close(&b);
    REQUIRE_INT(zc_blocks_open(&b, &test_log, "b", "you"), ZC_E_MISMATCH);
    REQUIRE_INT(zc_blocks_open(&b, &test_log, "c", "you"), ZC_E_NOT_FOUND);
    REQUIRE_INT(zc_blocks_write(&test_log, "b", "me", blocks, 0), ZC_E_ARGUMENT);
    memfiles_end();
}

static void no_damage_goes_unnoticed(void)
{
    size_t count = 0;

    memfiles_begin();
    REQUIRE_INT(zc_blocks_write(&test_log, "b", "me", blocks, 3), ZC_OK);
    const uint8_t *bytes = memfile_get("b", &count);
    uint8_t *copy = malloc(count);
    memcpy(copy, bytes, count);
    for (size_t n = 0; n < count; n++) {
        zc_blocks *b = NULL;

        memfile_put("b", copy, n);
        REQUIRE(zc_blocks_open(&b, &test_log, "b", "me") != ZC_OK);
    }
    for (size_t bit = 0; bit < 8 * count; bit++) {
        zc_blocks *b = NULL;
        float back[3];

        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        memfile_put("b", copy, count);
        /* Only what fills up to the next piece may be anything. */
        if (zc_blocks_open(&b, &test_log, "b", "me") == ZC_OK) {
            REQUIRE(zc_blocks_copy(b, "numbers", back, sizeof(back)));
            REQUIRE(test_same(back, numbers, sizeof(back)));
        }
        zc_blocks_close(&b);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memfiles_end();
    free(copy);
}

static void every_call_may_fail(void)
{
    int calls = 0;

    for (int n = 1; n == 1 || calls >= n - 1; n++) {
        zc_blocks *b = NULL;

        memfiles_begin();
        REQUIRE_INT(zc_blocks_write(&test_log, "b", "me", blocks, 1), ZC_OK);
        memfiles_fail(n, FAULT_ONWARDS, n % 2 ? ENOSPC : EIO);
        const zc_status st = zc_blocks_write(&test_log, "b", "me", blocks, 3);
        calls = memfiles_calls();
        REQUIRE(st == ZC_OK || st == ZC_E_IO || st == ZC_E_CREATE);
        REQUIRE_INT(memfiles_open(), 0);
        memfiles_fail(0, FAULT_ONCE, 0);
        REQUIRE_INT(zc_blocks_open(&b, &test_log, "b", "me"), ZC_OK);
        zc_blocks_close(&b);
        memfiles_end();
    }
    REQUIRE(calls > 5);
}

int main(void)
{
    REQUIRE_INT(zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    TEST(pieces_come_back);
    TEST(no_damage_goes_unnoticed);
    TEST(every_call_may_fail);
    zc_log_fini(&test_log);
    return test_end();
}
