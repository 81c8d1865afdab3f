/* safetensors: what is read, what is written, and that both agree. What must be
 * refused is in tests/badfiles. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/io/container.h"
#include "core/io/safetensors.h"
#include "tests/unit/blob.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

static zc_log test_log;
static char last_warning[ZC_LOG_TEXT];

static void keep(void *user, zc_level level, const char *text)
{
    (void)user;
    if (level == ZC_LEVEL_WARNING)
        snprintf(last_warning, sizeof(last_warning), "%s", text);
}

static const char *error(void)
{
    static char text[ZC_LOG_TEXT];

    zc_log_last_error(&test_log, text, sizeof(text));
    return text;
}

static void tensors_are_found_by_name(void)
{
    blob b = { 0 };
    zc_container *c = NULL;
    const zc_entry *e;
    const char *text;
    size_t bytes;
    uint8_t data[12];

    blob_safetensors(&b, "{\"__metadata__\":{\"format\":\"pt\"},"
                     "\"b.w\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
                     "\"a\\u0041\":{\"shape\":[],\"data_offsets\":[0,4],\"dtype\":\"F32\"},"
                     "\"empty\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[4,4]},"
                     "\"odd\":{\"dtype\":\"F4\",\"shape\":[6],\"data_offsets\":[16,19]}}   ", 19);
    memfile_put("m.safetensors", b.bytes, b.count);
    REQUIRE_INT(zc_container_open(&c, &test_log, "m.safetensors"), ZC_OK);
    REQUIRE_INT(zc_container_count(c), 4);
    REQUIRE_STR(zc_container_format(c), "safetensors");
    REQUIRE_STR(zc_container_path(c), "m.safetensors");
    e = zc_container_find(c, "b.w");
    REQUIRE(e && e->rank == 2 && e->dim[0] == 2 && e->dim[1] == 3 && e->dim[2] == 1);
    REQUIRE_INT(e->type, ZK_BF16);
    REQUIRE_STR(e->type_name, "BF16");
    REQUIRE_INT(e->bytes, 12);
    REQUIRE_INT(zc_entry_read(c, &test_log, e, data), ZC_OK);
    for (int i = 0; i < 12; i++)
        REQUIRE_INT(data[i], 4 + i);
    e = zc_container_find(c, "aA");
    REQUIRE(e && e->rank == 0 && e->bytes == 4 && zc_entry_elements(e) == 1);
    e = zc_container_find(c, "empty");
    REQUIRE(e && e->bytes == 0 && zc_entry_elements(e) == 0);
    e = zc_container_find(c, "odd");
    REQUIRE(e && e->type == ZK_NONE && e->bytes == 3);
    REQUIRE(!zc_container_find(c, "b") && !zc_container_find(c, ""));
    REQUIRE(zc_container_text(c, "format", &text, &bytes) && bytes == 2 &&
            memcmp(text, "pt", 2) == 0);
    REQUIRE(!zc_container_text(c, "formal", &text, &bytes));
    zc_container_close(&c);
    REQUIRE_INT(memfiles_open(), 0);
    blob_fini(&b);
}

static void entries_come_in_the_order_of_the_header(void)
{
    static const char *const names[] = { "z", "m", "a" };
    blob b = { 0 };
    zc_container *c = NULL;
    int n = 0;

    blob_safetensors(&b, "{\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]},"
                     "\"m\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                     "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 3);
    memfile_put("m", b.bytes, b.count);
    REQUIRE_INT(zc_container_open(&c, &test_log, "m"), ZC_OK);
    for (const zc_entry *e = zc_container_next(c, NULL); e; e = zc_container_next(c, e))
        REQUIRE_STR(e->name, names[n++]);
    REQUIRE_INT(n, 3);
    zc_container_close(&c);
    blob_fini(&b);
}

static void a_file_without_tensors_is_one(void)
{
    blob b = { 0 };
    zc_container *c = NULL;

    blob_safetensors(&b, "{}", 0);
    memfile_put("m", b.bytes, b.count);
    REQUIRE_INT(zc_container_open(&c, &test_log, "m"), ZC_OK);
    REQUIRE(zc_container_count(c) == 0 && !zc_container_next(c, NULL));
    REQUIRE(!zc_container_find(c, "x") && !zc_container_meta(c, "x"));
    zc_container_close(&c);
    blob_fini(&b);
}

#define LONG ((size_t)3 * ZC_READ_PIECE + 12345)

/* A file with a tensor of several pieces and a small one in front. */
static void put_long(blob *b, size_t data)
{
    char header[300];

    memfiles_clear();
    snprintf(header, sizeof(header),
             "{\"small\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
             "\"long\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[3,%zu]}}",
             LONG, LONG + 3);
    blob_int(b, strlen(header), 8);
    blob_text(b, header);
    blob_fill(b, 0, data);
    for (size_t i = 0; i < data; i++)
        b->bytes[b->count - data + i] = (uint8_t)(i * 7 + i / 251);
    memfile_put("long", b->bytes, b->count);
}

static void payloads_are_the_same_for_any_number_of_threads(void)
{
    static const int threads[] = { 1, 2, 3, 8 };
    uint8_t *dst = malloc(LONG), small[3] = { 0 };
    blob b = { 0 };
    zc_container *c = NULL;
    zc_pool *pool = NULL;

    put_long(&b, LONG + 3);
    const uint8_t *data = b.bytes + b.count - LONG - 3;
    REQUIRE_INT(zc_container_open(&c, &test_log, "long"), ZC_OK);
    const zc_read reads[] = {
        { .entry = zc_container_find(c, "long"), .from = 1, .bytes = LONG - 1, .dst = dst },
        { .entry = zc_container_find(c, "small"), .bytes = 3, .dst = small },
        { .entry = zc_container_find(c, "small"), .from = 3, .bytes = 0, .dst = small },
    };
    for (size_t i = 0; i < ZC_COUNT(threads); i++) {
        memset(dst, 0, LONG);
        REQUIRE_INT(zc_pool_open(&pool, threads[i], "reader"), ZC_OK);
        REQUIRE_INT(zc_container_read(c, &test_log, pool, reads, ZC_COUNT(reads)), ZC_OK);
        REQUIRE(memcmp(dst, data + 4, LONG - 1) == 0);
        REQUIRE(memcmp(small, data, 3) == 0);
        zc_pool_close(&pool);
    }
    zc_container_close(&c);
    blob_fini(&b);
    free(dst);
}

static void a_read_beyond_its_tensor_is_refused(void)
{
    uint8_t small[8];
    blob b = { 0 };
    zc_container *c = NULL;

    put_long(&b, LONG + 3);
    REQUIRE_INT(zc_container_open(&c, &test_log, "long"), ZC_OK);
    const zc_entry *e = zc_container_find(c, "small");
    const zc_read past = { .entry = e, .from = 1, .bytes = 3, .dst = small };
    const zc_read far = { .entry = e, .from = UINT64_MAX, .bytes = 2, .dst = small };
    REQUIRE_INT(zc_container_read(c, &test_log, NULL, &past, 1), ZC_E_ARGUMENT);
    REQUIRE_INT(zc_container_read(c, &test_log, NULL, &far, 1), ZC_E_ARGUMENT);
    zc_container_close(&c);
    blob_fini(&b);
}

static void a_file_that_shrinks_is_an_error_with_its_offset(void)
{
    uint8_t *dst = malloc(LONG);
    blob b = { 0 };
    zc_container *c = NULL;
    zc_pool *pool = NULL;
    char expected[300];

    put_long(&b, LONG + 3);
    REQUIRE_INT(zc_container_open(&c, &test_log, "long"), ZC_OK);
    const zc_entry *e = zc_container_find(c, "long");
    const zc_read read = { .entry = e, .bytes = LONG, .dst = dst };
    snprintf(expected, sizeof(expected),
             "tensor 'long': 'long' has no more than 100 of the %u bytes expected at byte %llu",
             ZC_READ_PIECE, (unsigned long long)e->offset + ZC_READ_PIECE);
    for (int threads = 1; threads <= 4; threads++) {
        REQUIRE_INT(zc_pool_open(&pool, threads, "reader"), ZC_OK);
        memfile_shrink_after("long", 0, (size_t)e->offset + ZC_READ_PIECE + 100);
        REQUIRE_INT(zc_container_read(c, &test_log, pool, &read, 1), ZC_E_IO);
        REQUIRE_STR(error(), expected);
        zc_pool_close(&pool);
    }
    zc_container_close(&c);
    blob_fini(&b);
    free(dst);
}

static void a_file_that_is_written_to_is_noticed(void)
{
    uint8_t small[3];
    blob b = { 0 };
    zc_container *c = NULL;

    put_long(&b, LONG + 3);
    REQUIRE_INT(zc_container_open(&c, &test_log, "long"), ZC_OK);
    memfile_put("long", b.bytes, b.count);        /* same bytes, another time of change */
    REQUIRE_INT(zc_entry_read(c, &test_log, zc_container_find(c, "small"), small), ZC_E_IO);
    REQUIRE_STR(error(), "'long' was written to while it was read");
    zc_container_close(&c);
    blob_fini(&b);
}

static void large_zeros_are_a_warning(void)
{
    uint8_t *dst = malloc(LONG);
    blob b = { 0 };
    zc_container *c = NULL;

    put_long(&b, LONG + 3);
    memset(b.bytes + b.count - LONG, 0, LONG);
    REQUIRE_INT(zc_container_open(&c, &test_log, "long"), ZC_OK);
    last_warning[0] = '\0';
    REQUIRE_INT(zc_entry_read(c, &test_log, zc_container_find(c, "long"), dst), ZC_OK);
    REQUIRE_STR(last_warning, "'long': tensor 'long' is all zeros, and 0 more are: "
                "is the download complete?");
    b.bytes[b.count - 1] = 1;
    last_warning[0] = '\0';
    REQUIRE_INT(zc_entry_read(c, &test_log, zc_container_find(c, "long"), dst), ZC_OK);
    REQUIRE_STR(last_warning, "");
    zc_container_close(&c);
    blob_fini(&b);
    free(dst);
}

/* ---- Writing ---- */

static const zc_tensor_desc written[] = {
    { "byte", ZK_U8, 1, { 3 } },
    { "z.weight", ZK_F32, 2, { 2, 1 } },
    { "a.weight", ZK_F32, 0, { 0 } },
    { "half", ZK_F16, 1, { 2 } },
    { "none", ZK_BF16, 2, { 0, 4 } },
};
static const zc_note notes[] = { { "who", "a \"test\"\n" }, { "format", "pt" } };
static const zc_safetensors_desc written_desc = { written, ZC_COUNT(written), notes, 2 };

static zc_status write_all(const char *path, zc_out_policy policy)
{
    static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    zc_safetensors *s = NULL;
    zc_status st = zc_safetensors_create(&s, &test_log, path, policy, &written_desc);

    if (st != ZC_OK)
        return st;
    if (zc_safetensors_write(s, &test_log, 1, data, 4) != ZC_OK ||
        zc_safetensors_write(s, &test_log, 0, data, 3) != ZC_OK ||
        zc_safetensors_write(s, &test_log, 1, data + 4, 4) != ZC_OK ||
        zc_safetensors_write(s, &test_log, 2, data, 4) != ZC_OK ||
        zc_safetensors_write(s, &test_log, 3, data, 4) != ZC_OK) {
        zc_safetensors_abort(&s);
        return ZC_E_IO;
    }
    return zc_safetensors_commit(&s, &test_log);
}

static void what_is_written_reads_back(void)
{
    static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    uint8_t got[8];
    zc_container *c = NULL;
    const char *text;
    size_t bytes;

    memfiles_clear();
    REQUIRE_INT(write_all("out", ZC_OUT_NEW), ZC_OK);
    REQUIRE_INT(zc_container_open(&c, &test_log, "out"), ZC_OK);
    REQUIRE_INT(zc_container_count(c), 5);
    for (size_t i = 0; i < ZC_COUNT(written); i++) {
        const zc_entry *e = zc_container_find(c, written[i].name);

        REQUIRE(e && e->type == written[i].type && e->rank == written[i].rank);
        REQUIRE(e && memcmp(e->dim, written[i].dim, sizeof(int64_t) * e->rank) == 0);
        REQUIRE_INT(zc_entry_read(c, &test_log, e, got), ZC_OK);
        REQUIRE(memcmp(got, data, e->bytes) == 0);
    }
    REQUIRE_INT(zc_container_find(c, "a.weight")->offset % 8, 0);      /* the first of the data */
    REQUIRE(zc_container_text(c, "who", &text, &bytes) && bytes == 9 &&
            memcmp(text, "a \"test\"\n", 9) == 0);
    zc_container_close(&c);
}

static void the_order_of_the_input_changes_nothing(void)
{
    zc_tensor_desc other[ZC_COUNT(written)];
    const zc_note turned[] = { notes[1], notes[0] };
    const zc_safetensors_desc desc = { other, ZC_COUNT(written), turned, 2 };
    static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    zc_safetensors *s = NULL;
    size_t m, n;

    memfiles_clear();
    for (size_t i = 0; i < ZC_COUNT(written); i++)
        other[i] = written[ZC_COUNT(written) - 1 - i];
    REQUIRE_INT(write_all("one", ZC_OUT_NEW), ZC_OK);
    REQUIRE_INT(zc_safetensors_create(&s, &test_log, "two", ZC_OUT_NEW, &desc), ZC_OK);
    REQUIRE_INT(zc_safetensors_write(s, &test_log, 4, data, 3), ZC_OK);
    REQUIRE_INT(zc_safetensors_write(s, &test_log, 3, data, 8), ZC_OK);
    REQUIRE_INT(zc_safetensors_write(s, &test_log, 2, data, 4), ZC_OK);
    REQUIRE_INT(zc_safetensors_write(s, &test_log, 1, data, 4), ZC_OK);
    REQUIRE_INT(zc_safetensors_commit(&s, &test_log), ZC_OK);
    const void *one = memfile_get("one", &m), *two = memfile_get("two", &n);
    REQUIRE(m > 0 && m == n && memcmp(one, two, n) == 0);
}

static void what_cannot_be_written_is_refused(void)
{
    static const struct {
        zc_tensor_desc tensors[2];
        zc_status st;
        const char *why;
    } cases[] = {
        { { { "", ZK_F32, 1, { 1 } }, { "b", ZK_F32, 0, { 0 } } }, ZC_E_ARGUMENT,
          "'o': the tensor name '' is empty" },
        { { { "a", ZK_F32, 1, { 1 } }, { "a", ZK_F16, 0, { 0 } } }, ZC_E_ARGUMENT,
          "'o': there are two tensors named 'a'" },
        { { { "a", ZK_Q8_0, 1, { 32 } }, { "b", ZK_F32, 0, { 0 } } }, ZC_E_UNSUPPORTED,
          "'o': tensor 'a': safetensors has no type q8_0" },
        { { { "a", ZK_F32, 9, { 1 } }, { "b", ZK_F32, 0, { 0 } } }, ZC_E_ARGUMENT,
          "'o': tensor 'a' has 9 axes, 0 to 8 are allowed" },
        { { { "a", ZK_F32, 2, { 4, -1 } }, { "b", ZK_F32, 0, { 0 } } }, ZC_E_ARGUMENT,
          "'o': tensor 'a' is [4, -1]" },
        { { { "a", ZK_F32, 2, { INT64_MAX, 3 } }, { "b", ZK_F32, 0, { 0 } } }, ZC_E_ARGUMENT,
          "'o': tensor 'a' of F32 [9223372036854775807, 3] has more elements than fit 64 bits" },
        { { { "__metadata__", ZK_F32, 1, { 1 } }, { "b", ZK_F32, 0, { 0 } } }, ZC_E_ARGUMENT,
          "'o': no tensor can be named __metadata__" },
    };
    size_t n;

    for (size_t i = 0; i < ZC_COUNT(cases); i++) {
        const zc_safetensors_desc desc = { cases[i].tensors, 2, NULL, 0 };
        zc_safetensors *s = NULL;

        REQUIRE_INT(zc_safetensors_create(&s, &test_log, "o", ZC_OUT_NEW, &desc), cases[i].st);
        REQUIRE_STR(error(), cases[i].why);
        REQUIRE(!s && !memfile_get("o", &n));
    }
}

static void a_tensor_without_all_its_bytes_leaves_no_file(void)
{
    zc_safetensors *s = NULL;
    size_t n;

    memfiles_clear();
    REQUIRE_INT(zc_safetensors_create(&s, &test_log, "o", ZC_OUT_NEW, &written_desc), ZC_OK);
    REQUIRE_INT(zc_safetensors_write(s, &test_log, 0, "1234", 4), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "'o': tensor 'byte' has 3 bytes and 0 of them already, "
                "4 more are too many");
    REQUIRE_INT(zc_safetensors_commit(&s, &test_log), ZC_E_ARGUMENT);
    REQUIRE_STR(error(), "'o': tensor 'byte' has 0 of its 3 bytes");
    REQUIRE(!s && !memfile_get("o", &n) && !memfile_get("o.partial", &n));
}

/* ---- What can fail ---- */

static zc_status read_all(const char *path)
{
    zc_container *c = NULL;
    zc_status st = zc_container_open(&c, &test_log, path);
    uint8_t data[64];

    for (const zc_entry *e = st == ZC_OK ? zc_container_next(c, NULL) : NULL; e && st == ZC_OK;
         e = zc_container_next(c, e))
        st = zc_entry_read(c, &test_log, e, data);
    zc_container_close(&c);
    return st;
}

static zc_status write_then_read(void)
{
    const zc_status st = write_all("out", ZC_OUT_REPLACE);

    return st == ZC_OK ? read_all("out") : st;
}

static void every_allocation_may_fail(void)
{
    static const enum fault_mode modes[] = { FAULT_ONCE, FAULT_ONWARDS };

    for (int m = 0; m < 2; m++) {
        for (int n = 1, calls = n; calls >= n - 1; n++) {
            memfiles_clear();
            faults_alloc(n, modes[m]);
            const zc_status st = write_then_read();
            calls = faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
    }
}

static void every_call_for_a_file_may_fail(void)
{
    static const enum fault_mode modes[] = { FAULT_ONCE, FAULT_ONWARDS };

    for (int m = 0; m < 2; m++) {
        for (int n = 1, calls = n; calls >= n - 1; n++) {
            memfiles_clear();
            faults_alloc(0, FAULT_ONCE);
            memfiles_fail(n, modes[m], EIO);
            const zc_status st = write_then_read();
            calls = memfiles_calls();
            memfiles_fail(0, FAULT_ONCE, 0);
            (void)faults_alloc_end();
            /* The first call asks whether the target exists: a refusal means no. */
            if (calls >= n && (n > 1 || m > 0))
                REQUIRE(st == ZC_E_IO || st == ZC_E_CREATE);
            else
                REQUIRE_INT(st, ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
    }
    REQUIRE_INT(write_then_read(), ZC_OK);
}

/* ---- Size ---- */

static void put_many(blob *b, int count)
{
    blob_int(b, 0, 8);
    blob_text(b, "{");
    for (int i = 0; i < count; i++) {
        char text[100];

        snprintf(text, sizeof(text), "%s\"%x\":{\"dtype\":\"U8\",\"shape\":[],"
                 "\"data_offsets\":[%d,%d]}", i ? "," : "", (unsigned)i * 2654435761u, i, i + 1);
        blob_text(b, text);
    }
    blob_text(b, "}");
    for (int i = 0; i < 8; i++)
        b->bytes[i] = (uint8_t)((b->count - 8) >> (8 * i));
    blob_fill(b, 1, (size_t)count);
    memfile_put("many", b->bytes, b->count);
}

static void memory_stays_below_six_headers(void)
{
    for (int count = 1; count <= 10000; count *= 10) {
        blob b = { 0 };
        zc_container *c = NULL;

        put_many(&b, count);
        faults_alloc(0, FAULT_ONCE);
        REQUIRE_INT(zc_container_open(&c, &test_log, "many"), ZC_OK);
        REQUIRE_INT(zc_container_count(c), count);
        zc_container_close(&c);
        (void)faults_alloc_end();
        REQUIRE(faults_peak_bytes() <= 6 * (b.count - (size_t)count) + 65536);
        REQUIRE_INT(faults_live_blocks(), 0);
        blob_fini(&b);
    }
}

int main(void)
{
    if (zc_log_init(&test_log, ZC_LEVEL_TRACE, keep, NULL) != ZC_OK)
        return 1;
    memfiles_begin();
    TEST(tensors_are_found_by_name);
    TEST(entries_come_in_the_order_of_the_header);
    TEST(a_file_without_tensors_is_one);
    TEST(payloads_are_the_same_for_any_number_of_threads);
    TEST(a_read_beyond_its_tensor_is_refused);
    TEST(a_file_that_shrinks_is_an_error_with_its_offset);
    TEST(a_file_that_is_written_to_is_noticed);
    TEST(large_zeros_are_a_warning);
    TEST(what_is_written_reads_back);
    TEST(the_order_of_the_input_changes_nothing);
    TEST(what_cannot_be_written_is_refused);
    TEST(a_tensor_without_all_its_bytes_leaves_no_file);
    TEST(every_allocation_may_fail);
    TEST(every_call_for_a_file_may_fail);
    TEST(memory_stays_below_six_headers);
    memfiles_end();
    zc_log_fini(&test_log);
    return test_end();
}
