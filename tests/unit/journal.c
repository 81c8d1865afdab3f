/* Journals: what was added is there again, and what was torn is not. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/hash.h"
#include "core/base/thread.h"
#include "core/batch/journal.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

typedef struct heard {
    int  count;
    char last[100];
} heard;

static zc_log test_log;

static zc_status hear(void *user, zc_log *log, const char *bytes, size_t count)
{
    heard *h = user;

    (void)log;
    h->count++;
    snprintf(h->last, sizeof(h->last), "%.*s", (int)count, bytes);
    return ZC_OK;
}

/* What a journal of these bytes has. */
static zc_status replay(const void *bytes, size_t count, heard *h)
{
    zc_journal *j = NULL;

    *h = (heard){ .count = 0 };
    memfile_put("j", bytes, count);
    const zc_status st = zc_journal_open(&j, &test_log, "j", hear, h);
    zc_journal_close(&j);
    return st;
}

/* A journal of three records; its bytes are the caller's to free. */
static uint8_t *three(size_t *count)
{
    heard h = { .count = 0 };
    zc_journal *j = NULL;

    REQUIRE_INT(zc_journal_open(&j, &test_log, "three", hear, &h), ZC_OK);
    REQUIRE_INT(zc_journal_add(j, &test_log, "one", 3), ZC_OK);
    REQUIRE_INT(zc_journal_add(j, &test_log, "second", 6), ZC_OK);
    REQUIRE_INT(zc_journal_add(j, &test_log, "3", 1), ZC_OK);
    REQUIRE_INT(zc_journal_add(j, &test_log, "", 0), ZC_E_ARGUMENT);
    zc_journal_close(&j);
    const void *bytes = memfile_get("three", count);
    uint8_t *copy = malloc(*count);
    memcpy(copy, bytes, *count);
    return copy;
}

static void records_come_back_in_order(void)
{
    size_t count = 0;
    heard h;

    memfiles_begin();
    uint8_t *bytes = three(&count);
    REQUIRE_INT(count, 8 + 3 * 8 + 10);
    REQUIRE_INT(replay(bytes, count, &h), ZC_OK);
    REQUIRE_INT(h.count, 3);
    REQUIRE_STR(h.last, "3");
    memfiles_end();
    free(bytes);
}

static void every_torn_end_is_cut(void)
{
    size_t count = 0, after = 0;
    heard h;

    memfiles_begin();
    uint8_t *bytes = three(&count);
    for (size_t n = 0; n <= count; n++) {
        zc_journal *j = NULL;

        REQUIRE_INT(replay(bytes, n, &h), ZC_OK);
        REQUIRE_INT(h.count, n >= count ? 3 : n >= count - 9 ? 2 : n >= 19 ? 1 : 0);
        (void)memfile_get("j", &after);
        REQUIRE_INT(after, n >= count ? count : n >= count - 9 ? count - 9 : n >= 19 ? 19 : 8);
        /* And it goes on. */
        REQUIRE_INT(zc_journal_open(&j, &test_log, "j", hear, &h), ZC_OK);
        REQUIRE_INT(zc_journal_add(j, &test_log, "more", 4), ZC_OK);
        zc_journal_close(&j);
        h.count = 0;
        REQUIRE_INT(zc_journal_open(&j, &test_log, "j", hear, &h), ZC_OK);
        REQUIRE_STR(h.last, "more");
        zc_journal_close(&j);
    }
    memfiles_end();
    free(bytes);
}

static void no_changed_bit_is_believed(void)
{
    size_t count = 0;
    heard h;

    memfiles_begin();
    uint8_t *bytes = three(&count);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const zc_status st = replay(bytes, count, &h);
        REQUIRE_INT(st, bit < 64 ? ZC_E_NOT_OURS : ZC_OK);
        REQUIRE_INT(h.count, bit < 64 ? 0 : bit / 8 < 19 ? 0 : bit / 8 < count - 9 ? 1 : 2);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memfiles_end();
    free(bytes);
}

static void every_call_may_fail(void)
{
    int calls = 0;

    for (int n = 1; n == 1 || calls >= n - 1; n++) {
        heard h = { .count = 0 };
        zc_journal *j = NULL;

        memfiles_begin();
        memfiles_fail(n, n % 2 ? FAULT_ONCE : FAULT_ONWARDS, n % 3 ? EIO : ENOSPC);
        zc_status st = zc_journal_open(&j, &test_log, "j", hear, &h);
        if (st == ZC_OK) {
            st = zc_journal_add(j, &test_log, "one", 3);
            const zc_status again = zc_journal_add(j, &test_log, "two", 3);
            REQUIRE(st == ZC_OK || again == ZC_E_IO);
            zc_journal_close(&j);
        }
        calls = memfiles_calls();
        REQUIRE_INT(memfiles_open(), 0);
        memfiles_fail(0, FAULT_ONCE, 0);
        REQUIRE_INT(zc_journal_open(&j, &test_log, "j", hear, &h), ZC_OK);
        REQUIRE(h.count >= (st == ZC_OK ? 1 : 0));
        zc_journal_close(&j);
        memfiles_end();
    }
    REQUIRE(calls > 5);
}

static void half_a_million_records_replay_soon(void)
{
    enum { RECORDS = 500000, LENGTH = 100 };
    const size_t each = 8 + LENGTH, total = 8 + RECORDS * each;
    uint8_t *bytes = malloc(total);
    heard h;

    memcpy(bytes, "ZTJRNL1\n", 8);
    for (size_t i = 0; i < RECORDS; i++) {
        uint8_t *r = bytes + 8 + i * each;

        memset(r, 0, 8);
        r[0] = LENGTH;
        memset(r + 8, 'a' + (int)(i % 26), LENGTH);
        const uint32_t crc = zc_crc32c(zc_crc32c(0, r, 4), r + 8, LENGTH);
        for (int k = 0; k < 4; k++)
            r[4 + k] = (uint8_t)(crc >> 8 * k);
    }
    memfiles_begin();
    const int64_t start = zc_clock_ns();
    REQUIRE_INT(replay(bytes, total, &h), ZC_OK);
    const double seconds = (double)(zc_clock_ns() - start) * 1e-9;
    REQUIRE_INT(h.count, RECORDS);
    printf("%d records in %.2f s\n", h.count, seconds);
    memfiles_end();
    free(bytes);
}

int main(void)
{
    REQUIRE_INT(zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    TEST(records_come_back_in_order);
    TEST(every_torn_end_is_cut);
    TEST(no_changed_bit_is_believed);
    TEST(every_call_may_fail);
    TEST(half_a_million_records_replay_soon);
    zc_log_fini(&test_log);
    return test_end();
}
