/* GGUF: what is read. What must be refused is in tests/badfiles. */

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/io/container.h"
#include "tests/unit/blob.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 };

static zc_log test_log;

static const char *error(void)
{
    static char text[ZC_LOG_TEXT];

    zc_log_last_error(&test_log, text, sizeof(text));
    return text;
}

/* One key of each kind, two arrays, and four tensors. */
static void make(blob *b, uint32_t version, uint32_t align)
{
    static const uint64_t five[] = { 2, 2, 1, 3, 4 }, flat[] = { 256, 3 }, rows[] = { 64, 2 },
        one[] = { 7 };

    blob_gguf(b, version, 4, 16);
    blob_key_text(b, "general.architecture", "hyvid");
    blob_key_u32(b, "general.alignment", align);
    blob_key(b, "u8", U8), blob_int(b, 200, 1);
    blob_key(b, "i8", I8), blob_int(b, (uint64_t)-100, 1);
    blob_key(b, "u16", U16), blob_int(b, 60000, 2);
    blob_key(b, "i16", I16), blob_int(b, (uint64_t)-30000, 2);
    blob_key(b, "i32", I32), blob_int(b, (uint64_t)-5, 4);
    blob_key(b, "f32", F32), blob_int(b, 0x3fc00000, 4);
    blob_key(b, "yes", BOOL), blob_int(b, 1, 1);
    blob_key(b, "u64", U64), blob_int(b, UINT64_MAX, 8);
    blob_key(b, "i64", I64), blob_int(b, (uint64_t)INT64_MIN, 8);
    blob_key(b, "f64", F64), blob_int(b, 0x4009000000000000, 8);
    blob_key(b, "words", ARRAY), blob_int(b, STRING, 4), blob_int(b, 3, 8);
    blob_string(b, "one"), blob_string(b, ""), blob_string(b, "three");
    blob_key(b, "scores", ARRAY), blob_int(b, F32, 4), blob_int(b, 2, 8);
    blob_int(b, 0x3f800000, 4), blob_int(b, 0xc0000000, 4);
    blob_key(b, "comfy.gguf.orig_shape.folded", ARRAY), blob_int(b, I32, 4), blob_int(b, 2, 8);
    blob_int(b, 24, 4), blob_int(b, 32, 4);
    blob_key(b, "none", ARRAY), blob_int(b, U8, 4), blob_int(b, 0, 8);
    blob_tensor(b, "img_in.proj.weight", 5, five, 0, 0);
    const uint64_t a = 192 + (align - 192 % align) % align, f = 144 * 3;
    blob_tensor(b, "folded", 2, flat, 12, a);
    const uint64_t c = a + f + (align - f % align) % align;
    blob_tensor(b, "q8", 2, rows, 8, c);
    const uint64_t d = c + 136 + (align - 136 % align) % align;
    blob_tensor(b, "iq", 1, one, 24, d);
    blob_pad(b, align);
    const size_t data = b->count;
    blob_fill(b, 1, 192);
    while ((b->count - data) % align)
        blob_int(b, 0, 1);
    blob_fill(b, 2, 432);
    while ((b->count - data) % align)
        blob_int(b, 0, 1);
    blob_fill(b, 3, 136);
    while ((b->count - data) % align)
        blob_int(b, 0, 1);
    blob_fill(b, 4, 7);
}

static void tensors_have_the_shape_of_torch(void)
{
    static const struct {
        const char *name, *type;
        zk_dtype dtype;
        int rank;
        int64_t dim[5];
        uint64_t bytes;
        int fill;
    } expected[] = {
        { "img_in.proj.weight", "F32", ZK_F32, 5, { 4, 3, 1, 2, 2 }, 192, 1 },
        { "folded", "Q4_K", ZK_Q4_K, 2, { 24, 32 }, 432, 2 },
        { "q8", "Q8_0", ZK_Q8_0, 2, { 2, 64 }, 136, 3 },
        { "iq", "I8", ZK_I8, 1, { 7 }, 7, 4 },
    };
    static const uint32_t aligns[] = { 1, 8, 32, 4096 };

    for (size_t k = 0; k < ZC_COUNT(aligns); k++) {
        for (uint32_t version = 2; version <= 3; version++) {
            blob b = { 0 };
            zc_container *c = NULL;
            uint8_t data[432];

            make(&b, version, aligns[k]);
            memfile_put("m.gguf", b.bytes, b.count);
            REQUIRE_INT(zc_container_open(&c, &test_log, "m.gguf"), ZC_OK);
            REQUIRE_STR(zc_container_format(c), "GGUF");
            REQUIRE_INT(zc_container_count(c), ZC_COUNT(expected));
            for (size_t i = 0; i < ZC_COUNT(expected); i++) {
                const zc_entry *e = zc_container_find(c, expected[i].name);

                REQUIRE(e && e->rank == expected[i].rank && e->bytes == expected[i].bytes);
                REQUIRE_INT(e->type, expected[i].dtype);
                REQUIRE_STR(e->type_name, expected[i].type);
                REQUIRE(memcmp(e->dim, expected[i].dim, sizeof(int64_t) * e->rank) == 0);
                REQUIRE_INT(zc_entry_read(c, &test_log, e, data), ZC_OK);
                REQUIRE_INT(data[0], expected[i].fill);
                REQUIRE_INT(data[e->bytes - 1], expected[i].fill);
            }
            zc_container_close(&c);
            blob_fini(&b);
        }
    }
}

static void metadata_of_every_kind_is_read(void)
{
    static const char *const words[] = { "one", "", "three" };
    static const double scores[] = { 1, -2 };
    blob b = { 0 };
    zc_container *c = NULL;
    zc_meta_value v;
    const char *text;
    size_t bytes;
    uint64_t u = 0;
    double f = 0;
    bool yes = false;
    int n = 0;

    make(&b, 3, 32);
    memfile_put("m", b.bytes, b.count);
    REQUIRE_INT(zc_container_open(&c, &test_log, "m"), ZC_OK);
    REQUIRE_INT(zc_container_meta_count(c), 16);
    REQUIRE(zc_container_text(c, "general.architecture", &text, &bytes) && bytes == 5 &&
            memcmp(text, "hyvid", 5) == 0);
    REQUIRE(zc_container_u64(c, "u8", &u) && u == 200);
    REQUIRE(zc_container_u64(c, "u16", &u) && u == 60000);
    REQUIRE(zc_container_u64(c, "u64", &u) && u == UINT64_MAX);
    REQUIRE(!zc_container_u64(c, "i8", &u) && !zc_container_u64(c, "f32", &u));
    REQUIRE(zc_container_f64(c, "i8", &f) && f == -100);
    REQUIRE(zc_container_f64(c, "i16", &f) && f == -30000);
    REQUIRE(zc_container_f64(c, "i32", &f) && f == -5);
    REQUIRE(zc_container_f64(c, "i64", &f) && f == -9223372036854775808.0);
    REQUIRE(zc_container_f64(c, "f32", &f) && f == 1.5);
    REQUIRE(zc_container_f64(c, "f64", &f) && f == 3.125);
    REQUIRE(zc_container_bool(c, "yes", &yes) && yes && !zc_container_bool(c, "u8", &yes));
    REQUIRE(!zc_container_u64(c, "missing", &u) && !zc_container_text(c, "words", &text, &bytes));
    zc_meta_walk walk = { .meta = zc_container_meta(c, "words") };
    REQUIRE(walk.meta && walk.meta->is_array && walk.meta->count == 3);
    for (; zc_meta_next(&walk, &v); n++)
        REQUIRE(v.bytes == strlen(words[n]) && memcmp(v.text, words[n], v.bytes) == 0);
    REQUIRE_INT(n, 3);
    walk = (zc_meta_walk){ .meta = zc_container_meta(c, "scores") };
    for (n = 0; zc_meta_next(&walk, &v); n++)
        REQUIRE_F64(v.f, scores[n]);
    REQUIRE_INT(n, 2);
    walk = (zc_meta_walk){ .meta = zc_container_meta(c, "none") };
    REQUIRE(walk.meta && !zc_meta_next(&walk, &v));
    zc_container_close(&c);
    blob_fini(&b);
}

static void the_last_tensor_may_be_padded_or_not(void)
{
    blob b = { 0 };
    zc_container *c = NULL;

    make(&b, 3, 32);
    blob_pad(&b, 32);
    memfile_put("m", b.bytes, b.count);
    REQUIRE_INT(zc_container_open(&c, &test_log, "m"), ZC_OK);
    zc_container_close(&c);
    memfile_put("m", b.bytes, b.count - 1);
    REQUIRE_INT(zc_container_open(&c, &test_log, "m"), ZC_OK);
    zc_container_close(&c);
    blob_fini(&b);
}

static void every_known_type_has_its_size(void)
{
    static const struct { uint32_t id, block, bytes; } types[] = {
        { 0, 1, 4 }, { 1, 1, 2 }, { 2, 32, 18 }, { 3, 32, 20 }, { 6, 32, 22 }, { 7, 32, 24 },
        { 8, 32, 34 }, { 9, 32, 36 }, { 10, 256, 84 }, { 11, 256, 110 }, { 12, 256, 144 },
        { 13, 256, 176 }, { 14, 256, 210 }, { 15, 256, 292 }, { 16, 256, 66 }, { 20, 32, 18 },
        { 23, 256, 136 }, { 24, 1, 1 }, { 25, 1, 2 }, { 26, 1, 4 }, { 27, 1, 8 }, { 28, 1, 8 },
        { 30, 1, 2 }, { 39, 32, 17 }, { 40, 64, 36 }, { 41, 128, 18 }, { 42, 64, 18 },
    };

    for (size_t i = 0; i < ZC_COUNT(types); i++) {
        const uint64_t dim[] = { types[i].block, 3 };
        blob b = { 0 };
        zc_container *c = NULL;

        blob_gguf(&b, 3, 1, 0);
        blob_tensor(&b, "t", 2, dim, types[i].id, 0);
        blob_pad(&b, 32);
        blob_fill(&b, 1, (size_t)3 * types[i].bytes);
        memfile_put("m", b.bytes, b.count);
        REQUIRE_INT(zc_container_open(&c, &test_log, "m"), ZC_OK);
        REQUIRE(c && zc_container_find(c, "t")->bytes == 3 * types[i].bytes);
        zc_container_close(&c);
        blob_fini(&b);
    }
}

static zc_status read_all(void)
{
    zc_container *c = NULL;
    zc_status st = zc_container_open(&c, &test_log, "m");
    uint8_t data[512];

    for (const zc_entry *e = st == ZC_OK ? zc_container_next(c, NULL) : NULL; e && st == ZC_OK;
         e = zc_container_next(c, e))
        st = zc_entry_read(c, &test_log, e, data);
    zc_container_close(&c);
    return st;
}

static void every_allocation_and_call_may_fail(void)
{
    blob b = { 0 };

    make(&b, 3, 32);
    memfiles_clear();
    memfile_put("m", b.bytes, b.count);
    for (int mode = FAULT_ONCE; mode <= FAULT_ONWARDS; mode++) {
        for (int n = 1, calls = n; calls >= n; n++) {
            faults_alloc(n, (enum fault_mode)mode);
            const zc_status st = read_all();
            calls = faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
        for (int n = 1, calls = n; calls >= n; n++) {
            faults_alloc(0, FAULT_ONCE);
            memfiles_fail(n, (enum fault_mode)mode, EIO);
            const zc_status st = read_all();
            calls = memfiles_calls();
            memfiles_fail(0, FAULT_ONCE, 0);
            (void)faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_IO : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
    }
    REQUIRE_INT(read_all(), ZC_OK);
    blob_fini(&b);
}

/* Keys of one byte of value each: 20 bytes and a few of name. */
static void put_keys(blob *b, int count, const char *format)
{
    blob_gguf(b, 3, 0, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        char name[64];

        snprintf(name, sizeof(name), format, (unsigned)i * 2654435761u);
        blob_key(b, name, U8);
        blob_int(b, 1, 1);
    }
    memfile_put("many", b->bytes, b->count);
}

static void put_tensors(blob *b, int count)
{
    static const uint64_t one[] = { 1 };

    blob_gguf(b, 3, (uint64_t)count, 0);
    for (int i = 0; i < count; i++) {
        char name[64];

        snprintf(name, sizeof(name), "%x", (unsigned)i * 2654435761u);
        blob_tensor(b, name, 1, one, 24, (uint64_t)i * 32);
    }
    blob_pad(b, 32);
}

/* Processor seconds for opening a file of that many keys; the better of two. */
static double seconds_for(int count, const char *format)
{
    blob b = { 0 };
    double best = 1e9;

    put_keys(&b, count, format);
    for (int i = 0; i < 2; i++) {
        zc_container *c = NULL;
        const clock_t start = clock();

        REQUIRE_INT(zc_container_open(&c, &test_log, "many"), ZC_OK);
        const double t = (double)(clock() - start) / CLOCKS_PER_SEC;
        best = t < best ? t : best;
        REQUIRE(c && zc_container_meta_count(c) == (size_t)count);
        zc_container_close(&c);
    }
    blob_fini(&b);
    return best;
}

/* Quadratic time would be a factor of 64. */
static void time_grows_like_the_number_of_keys(void)
{
    static const char *const formats[] = { "%x", "a.long.prefix.that.all.share.%x" };

    for (size_t i = 0; i < ZC_COUNT(formats); i++) {
        const double few = seconds_for(25000, formats[i]), many = seconds_for(200000, formats[i]);

        printf("200000 keys: %.3f s\n", many);
        REQUIRE(many < 30 * few + 0.05);
    }
}

static void memory_stays_below_six_headers(void)
{
    for (int count = 1; count <= 10000; count *= 10) {
        for (int tensors = 0; tensors < 2; tensors++) {
            blob b = { 0 };
            zc_container *c = NULL;

            if (tensors)
                put_tensors(&b, count);
            else
                put_keys(&b, count, "%x");
            const size_t header = b.count;
            blob_fill(&b, 0, tensors ? (size_t)count * 32 : 0);
            memfile_put("many", b.bytes, b.count);
            faults_alloc(0, FAULT_ONCE);
            REQUIRE_INT(zc_container_open(&c, &test_log, "many"), ZC_OK);
            zc_container_close(&c);
            (void)faults_alloc_end();
            REQUIRE(faults_peak_bytes() <= 6 * header + 65536);
            REQUIRE_INT(faults_live_blocks(), 0);
            blob_fini(&b);
        }
    }
}

static void a_refused_header_is_read_no_further(void)
{
    blob b = { 0 };
    zc_container *c = NULL;

    blob_gguf(&b, 3, 0, 1);
    blob_key(&b, "k", 99);
    blob_fill(&b, 0, 1 << 20);
    memfiles_clear();
    memfile_put("m", b.bytes, b.count);
    REQUIRE_INT(zc_container_open(&c, &test_log, "m"), ZC_E_UNSUPPORTED);
    REQUIRE_STR(error(), "'m': byte 33: metadata 'k' has the unknown type 99");
    REQUIRE(memfiles_bytes_read() <= ZC_LIMIT_SNIFF + 16384);
    blob_fini(&b);
}

int main(void)
{
    if (zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL) != ZC_OK)
        return 1;
    memfiles_begin();
    TEST(tensors_have_the_shape_of_torch);
    TEST(metadata_of_every_kind_is_read);
    TEST(the_last_tensor_may_be_padded_or_not);
    TEST(every_known_type_has_its_size);
    TEST(every_allocation_and_call_may_fail);
    TEST(time_grows_like_the_number_of_keys);
    TEST(memory_stays_below_six_headers);
    TEST(a_refused_header_is_read_no_further);
    memfiles_end();
    zc_log_fini(&test_log);
    return test_end();
}
