/* Codes, the macros that use them, and checked sizes. */

#include "core/base/log.h"
#include "core/base/size.h"
#include "core/base/status.h"
#include "tests/unit/test.h"

static void every_code_has_its_name(void)
{
    static const struct {
        zc_status st;
        int number;
        const char *name;
    } codes[] = {
        { ZC_OK, 0, "ok" },
        { ZC_E_NOMEM, -1, "nomem" },
        { ZC_E_SHAPE, -2, "shape" },
        { ZC_E_MISSING, -3, "missing" },
        { ZC_E_FORMAT, -4, "format" },
        { ZC_E_UNSUPPORTED, -5, "unsupported" },
        { ZC_E_CANCELLED, -6, "cancelled" },
        { ZC_E_IO, -7, "io" },
        { ZC_E_DEVICE, -8, "device" },
        { ZC_E_ARGUMENT, -9, "argument" },
        { ZC_E_TRUNCATED, -10, "truncated" },
        { ZC_E_LIMIT, -11, "limit" },
        { ZC_E_MISMATCH, -12, "mismatch" },
        { ZC_E_UNSAFE, -13, "unsafe" },
        { ZC_E_NOT_OURS, -14, "not ours" },
        { ZC_E_TIMEOUT, -15, "timeout" },
        { ZC_E_NOT_FOUND, -16, "not found" },
        { ZC_E_CREATE, -17, "create" },
        { ZC_E_BUSY, -18, "busy" },
    };

    for (size_t i = 0; i < ZC_COUNT(codes); i++) {
        REQUIRE_INT(codes[i].st, codes[i].number);
        REQUIRE_STR(zc_status_name(codes[i].st), codes[i].name);
    }
    REQUIRE_STR(zc_status_name((zc_status)-19), "unknown");
    REQUIRE_STR(zc_status_name((zc_status)1), "unknown");
}

static zc_status two_steps(zc_log *log, zc_status first, int second, int *reached)
{
    zc_status st = ZC_OK;

    ZC_TRY(first);
    ++*reached;
    ZC_CHECK(second == 2, ZC_E_SHAPE, "second is %d, expected %d", second, 2);
    ++*reached;
done:
    *reached += 10;
    return st;
}

static void try_and_check_jump_to_done(void)
{
    char text[100];
    int reached = 0;
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    REQUIRE_INT(two_steps(&log, ZC_E_IO, 2, &reached), ZC_E_IO);
    REQUIRE_INT(reached, 10);
    zc_log_last_error(&log, text, sizeof(text));
    REQUIRE_STR(text, "");

    reached = 0;
    REQUIRE_INT(two_steps(&log, ZC_OK, 3, &reached), ZC_E_SHAPE);
    REQUIRE_INT(reached, 11);
    zc_log_last_error(&log, text, sizeof(text));
    REQUIRE_STR(text, "second is 3, expected 2");

    reached = 0;
    REQUIRE_INT(two_steps(&log, ZC_OK, 2, &reached), ZC_OK);
    REQUIRE_INT(reached, 12);
    zc_log_fini(&log);
}

static void sizes_that_do_not_fit_are_refused(void)
{
    uint64_t u = 7;
    size_t s = 7;
    int64_t i = 7;
    int32_t n = 7;
    uint32_t m = 7;

    REQUIRE(!zc_u64_add(&u, UINT64_MAX, 1) && u == 7);
    REQUIRE(zc_u64_add(&u, UINT64_MAX - 1, 1) && u == UINT64_MAX);
    u = 7;
    REQUIRE(!zc_u64_mul(&u, (uint64_t)1 << 32, (uint64_t)1 << 32) && u == 7);
    REQUIRE(!zc_u64_mul(&u, (uint64_t)1 << 63, 2) && u == 7);
    REQUIRE(zc_u64_mul(&u, (uint64_t)1 << 32, UINT32_MAX) && u == (uint64_t)UINT32_MAX << 32);
    REQUIRE(zc_u64_mul(&u, 0, UINT64_MAX) && u == 0);
    REQUIRE(zc_u64_mul(&u, UINT64_MAX, 0) && u == 0);
    REQUIRE(zc_u64_align_up(&u, 33, 32) && u == 64);
    REQUIRE(zc_u64_align_up(&u, 64, 32) && u == 64);
    REQUIRE(!zc_u64_align_up(&u, UINT64_MAX - 30, 32) && u == 64);
    REQUIRE(zc_u64_align_up(&u, UINT64_MAX - 31, 32) && u == UINT64_MAX - 31);

    REQUIRE(!zc_size_add(&s, SIZE_MAX, 1) && s == 7);
    REQUIRE(!zc_size_mul(&s, SIZE_MAX / 2, 3) && s == 7);
    REQUIRE(zc_size_mul(&s, SIZE_MAX / 3, 3) && s == SIZE_MAX / 3 * 3);
    REQUIRE(!zc_size_align_up(&s, SIZE_MAX, 64));
    REQUIRE(zc_size_align_up(&s, 1, 64) && s == 64);
    REQUIRE(zc_size_narrow(&s, 5) && s == 5);

    REQUIRE(!zc_i64_narrow(&i, (uint64_t)INT64_MAX + 1) && i == 7);
    REQUIRE(zc_i64_narrow(&i, INT64_MAX) && i == INT64_MAX);
    REQUIRE(!zc_i32_narrow(&n, (uint64_t)INT32_MAX + 1) && n == 7);
    REQUIRE(zc_i32_narrow(&n, INT32_MAX) && n == INT32_MAX);
    REQUIRE(!zc_u32_narrow(&m, (uint64_t)UINT32_MAX + 1) && m == 7);
    REQUIRE(zc_u32_narrow(&m, UINT32_MAX) && m == UINT32_MAX);
}

static void ranges_are_compared_without_overflow(void)
{
    REQUIRE(zc_u64_within(0, 0, 0));
    REQUIRE(zc_u64_within(4, 6, 10));
    REQUIRE(!zc_u64_within(4, 7, 10));
    REQUIRE(zc_u64_within(10, 0, 10));
    REQUIRE(!zc_u64_within(11, 0, 10));
    REQUIRE(!zc_u64_within(UINT64_MAX, 2, 10));
    REQUIRE(!zc_u64_within(2, UINT64_MAX, 10));
}

int main(void)
{
    TEST(every_code_has_its_name);
    TEST(try_and_check_jump_to_done);
    TEST(sizes_that_do_not_fit_are_refused);
    TEST(ranges_are_compared_without_overflow);
    return test_end();
}
