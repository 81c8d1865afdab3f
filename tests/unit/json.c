/* JSON: what must be read, what must be refused and how, and that neither takes
 * long. */

#include <locale.h>
#include <math.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/base/thread.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

#define LIMIT ((size_t)256 << 20)

/* Reads a copy of text as a tree; fills `error` (ZC_LOG_TEXT bytes) on failure. */
static zc_status read_tree(const char *text, size_t bytes, char *error)
{
    char *copy = zc_copy_text(text, bytes);
    const zc_json_source source = { .text = copy, .bytes = bytes, .limit = LIMIT, .name = "t",
                                    .origin = 100 };
    zc_json *doc = NULL;
    zc_status st;
    zc_log log;

    zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL);
    st = copy ? zc_json_open(&doc, &log, &source) : ZC_E_NOMEM;
    zc_log_last_error(&log, error, ZC_LOG_TEXT);
    zc_json_close(&doc);
    zc_log_fini(&log);
    zc_free(copy);
    return st;
}

static void good_documents_are_read(void)
{
    static const char *const texts[] = {
        "{}", "[]", "null", "true", "false", "0", "-0", "-1", "\"\"", "\"a\"", " [ ] ", "[1]",
        "[1,2]", "[ 1 , 2 ]", "{\"a\":1}", "{ \"a\" : 1 }", "{\"a\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":1}]", "{\"\":0}", "{\"a\":1,\"A\":2}", "[[],[],{}]", "\t[\r\n]\n",
        "[0.5]", "[1e5]", "[1E5]", "[1e+5]", "[1e-5]", "[1.5e5]", "[-0.0]", "[-1e-9]",
        "[123456789012345678901234567890]", "[1e400]", "[0e1]", "[0.0000000000000000000000001]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0041\"", "\"\\u00e9\\u20ac\"",
        "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "\"\\uffff\"", "\"\x7f\"", "\"\\u2028\"", "\"a\\u000ab\"", "[\"a,b]{}:\"]",
        "[true,false,null]", "{\"a\":[]}", "{\"a\":null,\"b\":null}", "\"\\udbff\\udfff\"",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    char error[ZC_LOG_TEXT];

    for (size_t i = 0; i < ZC_COUNT(texts); i++) {
        if (read_tree(texts[i], strlen(texts[i]), error) != ZC_OK)
            REQUIRE_STR(error, texts[i]);
        REQUIRE_STR(error, "");
    }
}

static void bad_documents_are_refused_by_the_byte(void)
{
    static const struct {
        const char *text;
        zc_status st;
        const char *error;
    } rows[] = {
        { "", ZC_E_TRUNCATED, "t: byte 100: expected a value, but the text ends" },
        { " ", ZC_E_TRUNCATED, "t: byte 101: expected a value, but the text ends" },
        { "{", ZC_E_TRUNCATED, "t: byte 101: expected a key or }, but the text ends" },
        { "[", ZC_E_TRUNCATED, "t: byte 101: expected a value or ], but the text ends" },
        { "[1", ZC_E_TRUNCATED, "t: byte 102: expected a comma or ], but the text ends" },
        { "[1,", ZC_E_TRUNCATED, "t: byte 103: expected a value, but the text ends" },
        { "{\"a\"", ZC_E_TRUNCATED, "t: byte 104: expected a colon, but the text ends" },
        { "{\"a\":", ZC_E_TRUNCATED, "t: byte 105: expected a value, but the text ends" },
        { "{\"a\":1", ZC_E_TRUNCATED, "t: byte 106: expected a comma or }, but the text ends" },
        { "\"abc", ZC_E_TRUNCATED,
          "t: byte 104: expected the end of a string, but the text ends" },
        { "\"abc\\", ZC_E_TRUNCATED, "t: byte 105: expected an escape, but the text ends" },
        { "tru", ZC_E_TRUNCATED, "t: byte 103: expected true, false or null, but the text ends" },
        { "-", ZC_E_TRUNCATED, "t: byte 101: expected a digit, but the text ends" },
        { "1.", ZC_E_TRUNCATED, "t: byte 102: expected a digit, but the text ends" },
        { "1e", ZC_E_TRUNCATED, "t: byte 102: expected a digit, but the text ends" },
        { "1e+", ZC_E_TRUNCATED, "t: byte 103: expected a digit, but the text ends" },
        { "]", ZC_E_FORMAT, "t: byte 100: expected a value, found ']'" },
        { "}", ZC_E_FORMAT, "t: byte 100: expected a value, found '}'" },
        { "[1}", ZC_E_FORMAT, "t: byte 102: expected a comma or ], found '}'" },
        { "{\"a\":1]", ZC_E_FORMAT, "t: byte 106: expected a comma or }, found ']'" },
        { "[1,]", ZC_E_FORMAT, "t: byte 103: expected a value, found ']'" },
        { "[,1]", ZC_E_FORMAT, "t: byte 101: expected a value or ], found ','" },
        { "[1 2]", ZC_E_FORMAT, "t: byte 103: expected a comma or ], found '2'" },
        { "[1,,2]", ZC_E_FORMAT, "t: byte 103: expected a value, found ','" },
        { "{\"a\":1,}", ZC_E_FORMAT, "t: byte 107: expected a key, found '}'" },
        { "{,}", ZC_E_FORMAT, "t: byte 101: expected a key or }, found ','" },
        { "{a:1}", ZC_E_FORMAT, "t: byte 101: expected a key or }, found 'a'" },
        { "{1:1}", ZC_E_FORMAT, "t: byte 101: expected a key or }, found '1'" },
        { "{'a':1}", ZC_E_FORMAT, "t: byte 101: expected a key or }, found '''" },
        { "{\"a\" 1}", ZC_E_FORMAT, "t: byte 105: expected a colon, found '1'" },
        { "{\"a\",1}", ZC_E_FORMAT, "t: byte 104: expected a colon, found ','" },
        { "{\"a\"::1}", ZC_E_FORMAT, "t: byte 105: expected a value, found ':'" },
        { "{}x", ZC_E_FORMAT, "t: byte 102: expected nothing more, found 'x'" },
        { "{} {}", ZC_E_FORMAT, "t: byte 103: expected nothing more, found '{'" },
        { "1 2", ZC_E_FORMAT, "t: byte 102: expected nothing more, found '2'" },
        { "\xef\xbb\xbf{}", ZC_E_FORMAT, "t: byte 100: expected a value, found '\\xef'" },
        { "True", ZC_E_FORMAT, "t: byte 100: expected a value, found 'T'" },
        { "nul!", ZC_E_FORMAT, "t: byte 103: expected true, false or null, found '!'" },
        { "truex", ZC_E_FORMAT, "t: byte 104: expected nothing more, found 'x'" },
        { "NaN", ZC_E_FORMAT, "t: byte 100: expected a value, found 'N'" },
        { "Infinity", ZC_E_FORMAT, "t: byte 100: expected a value, found 'I'" },
        { "-Infinity", ZC_E_FORMAT, "t: byte 101: expected a digit, found 'I'" },
        { "+1", ZC_E_FORMAT, "t: byte 100: expected a value, found '+'" },
        { ".5", ZC_E_FORMAT, "t: byte 100: expected a value, found '.'" },
        { "01", ZC_E_FORMAT, "t: byte 101: expected nothing more, found '1'" },
        { "[-01]", ZC_E_FORMAT, "t: byte 103: expected a comma or ], found '1'" },
        { "[0x1]", ZC_E_FORMAT, "t: byte 102: expected a comma or ], found 'x'" },
        { "[1.]", ZC_E_FORMAT, "t: byte 103: expected a digit, found ']'" },
        { "[1.e1]", ZC_E_FORMAT, "t: byte 103: expected a digit, found 'e'" },
        { "[1e]", ZC_E_FORMAT, "t: byte 103: expected a digit, found ']'" },
        { "[1e1.5]", ZC_E_FORMAT, "t: byte 104: expected a comma or ], found '.'" },
        { "[1,5.]", ZC_E_FORMAT, "t: byte 105: expected a digit, found ']'" },
        { "[--1]", ZC_E_FORMAT, "t: byte 102: expected a digit, found '-'" },
        { "\"a\nb\"", ZC_E_FORMAT, "t: byte 102: control byte in a string" },
        { "\"a\tb\"", ZC_E_FORMAT, "t: byte 102: control byte in a string" },
        { "\"\\x41\"", ZC_E_FORMAT, "t: byte 102: expected an escape, found 'x'" },
        { "\"\\'\"", ZC_E_FORMAT, "t: byte 102: expected an escape, found '''" },
        { "\"\\u12\"", ZC_E_FORMAT, "t: byte 101: \\u needs four hex digits" },
        { "\"\\u12g4\"", ZC_E_FORMAT, "t: byte 101: \\u needs four hex digits" },
        { "\"\\u", ZC_E_FORMAT, "t: byte 101: \\u needs four hex digits" },
        { "\"\\u0000\"", ZC_E_FORMAT, "t: byte 101: \\u0000 is not allowed" },
        { "{\"a\\u0000b\":1}", ZC_E_FORMAT, "t: byte 103: \\u0000 is not allowed" },
        { "\"\\ud800\"", ZC_E_FORMAT, "t: byte 101: half of a surrogate pair" },
        { "\"\\udc00\"", ZC_E_FORMAT, "t: byte 101: half of a surrogate pair" },
        { "\"\\ud800\\ud800\"", ZC_E_FORMAT, "t: byte 101: half of a surrogate pair" },
        { "\"\\ud800x\"", ZC_E_FORMAT, "t: byte 101: half of a surrogate pair" },
        { "\"\\ud800\\n\"", ZC_E_FORMAT, "t: byte 101: half of a surrogate pair" },
        { "\"\\udc00\\ud800\"", ZC_E_FORMAT, "t: byte 101: half of a surrogate pair" },
        { "\"\xff\"", ZC_E_FORMAT, "t: byte 101: a string is not valid UTF-8" },
        { "\"ab\xc3\"", ZC_E_FORMAT, "t: byte 103: a string is not valid UTF-8" },
        { "\"\xc0\x80\"", ZC_E_FORMAT, "t: byte 101: a string is not valid UTF-8" },
        { "\"\xed\xa0\x80\"", ZC_E_FORMAT, "t: byte 101: a string is not valid UTF-8" },
        { "[\xa0]", ZC_E_FORMAT, "t: byte 101: expected a value or ], found '\\xa0'" },
        { "[\v]", ZC_E_FORMAT, "t: byte 101: expected a value or ], found '\\x0b'" },
        { "// c\n{}", ZC_E_FORMAT, "t: byte 100: expected a value, found '/'" },
        { "{/*c*/}", ZC_E_FORMAT, "t: byte 101: expected a key or }, found '/'" },
        { "{\"a\":1,\"a\":2}", ZC_E_FORMAT,
          "t: byte 107: the key 'a' is there already, at byte 101" },
        { "{\"a\":1,\"b\":1,\"\\u0061\":2}", ZC_E_FORMAT,
          "t: byte 113: the key 'a' is there already, at byte 101" },
        { "{\"\":1,\"\":2}", ZC_E_FORMAT,
          "t: byte 106: the key '' is there already, at byte 101" },
        { "[{\"x\":{},\"x\":{}}]", ZC_E_FORMAT,
          "t: byte 109: the key 'x' is there already, at byte 102" },
        { "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"c\":0}",
          ZC_E_FORMAT, "t: byte 155: the key 'c' is there already, at byte 113" },
        { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ZC_E_LIMIT,
          "t: byte 132: nested more than 32 levels deep" },
    };
    char error[ZC_LOG_TEXT];

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        REQUIRE_INT(read_tree(rows[i].text, strlen(rows[i].text), error), rows[i].st);
        REQUIRE_STR(error, rows[i].error);
    }
    REQUIRE_INT(read_tree("\"a\0b\"", 5, error), ZC_E_FORMAT);
    REQUIRE_STR(error, "t: byte 102: control byte in a string");
    REQUIRE_INT(read_tree("[1]\0", 4, error), ZC_E_FORMAT);
    REQUIRE_STR(error, "t: byte 103: expected nothing more, found '\\x00'");
}

static const char sample[] =
    "{\"name\\u003a\":\"a\\nb\\ud83d\\ude00\",\"list\":[1,-2,3.5,1e3,true,null],"
    "\"deep\":{\"a\":{\"b\":[[],{}]}},\"big\":18446744073709551615}";

static void events_come_in_order(void)
{
    static const struct {
        zc_json_kind kind;
        const char *text;
        uint64_t offset;
    } expected[] = {
        { ZC_JSON_OBJECT, NULL, 0 },
        { ZC_JSON_KEY, "name:", 1 },
        { ZC_JSON_STRING, "a\nb\xf0\x9f\x98\x80", 14 },
        { ZC_JSON_KEY, "list", 33 },
        { ZC_JSON_ARRAY, NULL, 40 },
        { ZC_JSON_NUMBER, "1", 41 },
        { ZC_JSON_NUMBER, "-2", 43 },
        { ZC_JSON_NUMBER, "3.5", 46 },
        { ZC_JSON_NUMBER, "1e3", 50 },
        { ZC_JSON_TRUE, NULL, 54 },
        { ZC_JSON_NULL, NULL, 59 },
        { ZC_JSON_ARRAY_END, NULL, 63 },
        { ZC_JSON_KEY, "deep", 65 },
        { ZC_JSON_OBJECT, NULL, 72 },
        { ZC_JSON_KEY, "big", 92 },           /* "deep" is skipped */
        { ZC_JSON_NUMBER, "18446744073709551615", 98 },
        { ZC_JSON_OBJECT_END, NULL, 118 },
        { ZC_JSON_END, NULL, 119 },
        { ZC_JSON_END, NULL, 119 },
    };
    char copy[sizeof(sample)];
    const zc_json_source source = { .text = copy, .bytes = sizeof(sample) - 1, .limit = LIMIT,
                                    .name = "t" };
    zc_json_reader *r = NULL;
    zc_json_event e;
    uint64_t u;

    memcpy(copy, sample, sizeof(sample));
    REQUIRE_INT(zc_json_reader_open(&r, NULL, &source), ZC_OK);
    for (size_t i = 0; i < ZC_COUNT(expected); i++) {
        REQUIRE_INT(zc_json_reader_next(r, NULL, &e), ZC_OK);
        REQUIRE_INT(e.kind, expected[i].kind);
        REQUIRE_INT(e.offset, expected[i].offset);
        if (expected[i].text) {
            REQUIRE_INT(e.bytes, strlen(expected[i].text));
            REQUIRE(memcmp(e.text, expected[i].text, e.bytes) == 0);
            REQUIRE(e.kind == ZC_JSON_NUMBER || e.text[e.bytes] == '\0');
        }
        if (i == 13)
            REQUIRE_INT(zc_json_reader_skip(r, NULL, &e), ZC_OK);
        if (i == 15) {
            REQUIRE_STR(zc_json_event_u64(&e, &u), NULL);
            REQUIRE(u == UINT64_MAX);
        }
        if (i == 6)
            REQUIRE_STR(zc_json_event_u64(&e, &u), "is negative");
        if (i == 8)
            REQUIRE_STR(zc_json_event_u64(&e, &u), "is not a whole number");
        if (i == 9)
            REQUIRE_STR(zc_json_event_u64(&e, &u), "is not a number");
    }
    zc_json_reader_close(&r);
    zc_json_reader_close(&r);
}

static void a_failure_repeats(void)
{
    char copy[] = "[1 x";
    const zc_json_source source = { .text = copy, .bytes = 4, .limit = LIMIT, .name = "t" };
    zc_json_reader *r = NULL;
    zc_json_event e;

    REQUIRE_INT(zc_json_reader_open(&r, NULL, &source), ZC_OK);
    REQUIRE_INT(zc_json_reader_next(r, NULL, &e), ZC_OK);
    REQUIRE_INT(zc_json_reader_next(r, NULL, &e), ZC_OK);
    REQUIRE_INT(zc_json_reader_next(r, NULL, &e), ZC_E_FORMAT);
    REQUIRE_INT(zc_json_reader_next(r, NULL, &e), ZC_E_FORMAT);
    zc_json_reader_close(&r);
}

static void limits_hold_on_both_sides(void)
{
    char copy[] = "[1,2,3]", error[ZC_LOG_TEXT];
    zc_json_source source = { .text = copy, .bytes = 7, .limit = 7, .name = "t", .max_values = 4 };
    zc_json *doc = NULL;
    zc_log log;

    zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL);
    REQUIRE_INT(zc_json_open(&doc, &log, &source), ZC_OK);
    zc_json_close(&doc);
    source.max_values = 3;
    REQUIRE_INT(zc_json_open(&doc, &log, &source), ZC_E_LIMIT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "t: byte 5: more than 3 values");
    source.limit = 6;
    REQUIRE_INT(zc_json_open(&doc, &log, &source), ZC_E_LIMIT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "t: 7 bytes of JSON, at most 6 are allowed");
    zc_log_fini(&log);
}

static void trees_are_walked_and_asked(void)
{
    char copy[sizeof(sample)], error[ZC_LOG_TEXT];
    const zc_json_source source = { .text = copy, .bytes = sizeof(sample) - 1, .limit = LIMIT,
                                    .name = "t.json", .origin = 8 };
    const zc_json_value *root, *list, *v, *deep;
    zc_json *doc = NULL;
    uint64_t u = 0;
    int64_t i = 0;
    double f = 0;
    int n = 0;
    zc_log log;

    zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL);
    memcpy(copy, sample, sizeof(sample));
    REQUIRE_INT(zc_json_open(&doc, &log, &source), ZC_OK);
    root = zc_json_root(doc);
    REQUIRE_INT(root->kind, ZC_JSON_OBJECT);
    REQUIRE_INT(root->count, 4);
    REQUIRE_STR(zc_json_find(doc, root, "name:")->text, "a\nb\xf0\x9f\x98\x80");
    list = zc_json_find(doc, root, "list");
    REQUIRE_INT(list->count, 6);
    for (v = zc_json_first(list); v; v = zc_json_after(list, v), n++)
        REQUIRE(!v->key);
    REQUIRE_INT(n, 6);
    v = zc_json_first(list);
    REQUIRE(zc_json_u64(v, &u) && u == 1);
    v = zc_json_after(list, v);
    REQUIRE(zc_json_i64(v, &i) && i == -2 && !zc_json_u64(v, &u));
    v = zc_json_after(list, v);
    REQUIRE(zc_json_f64(v, &f) && f == 3.5 && !zc_json_i64(v, &i));
    v = zc_json_after(list, v);
    REQUIRE(zc_json_f64(v, &f) && f == 1000 && !zc_json_u64(v, &u));
    REQUIRE(!zc_json_f64(zc_json_after(list, v), &f));
    deep = zc_json_find(doc, root, "deep");
    REQUIRE_INT(deep->count, 1);
    v = zc_json_find(doc, zc_json_find(doc, deep, "a"), "b");
    REQUIRE_INT(v->count, 2);
    REQUIRE(!zc_json_first(zc_json_first(v)));
    REQUIRE_STR(zc_json_after(root, deep)->key, "big");
    REQUIRE(!zc_json_find(doc, root, "nam") && !zc_json_find(doc, root, "name::"));
    REQUIRE(!zc_json_find(doc, list, "x"));

    REQUIRE_INT(zc_json_need(doc, &log, root, "list", ZC_JSON_ARRAY, &v), ZC_OK);
    REQUIRE(v == list);
    REQUIRE_INT(zc_json_need(doc, &log, root, "none", ZC_JSON_ARRAY, &v), ZC_E_MISSING);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "t.json: the object at byte 8 has no 'none'");
    REQUIRE_INT(zc_json_need(doc, &log, root, "list", ZC_JSON_STRING, &v), ZC_E_FORMAT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "t.json: byte 48: 'list' is an array, expected a string");
    REQUIRE_INT(zc_json_need(doc, &log, list, "a", ZC_JSON_STRING, &v), ZC_E_FORMAT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "t.json: byte 48: expected an object with 'a', found an array");
    REQUIRE_INT(zc_json_need_i64(doc, &log, root, "big", 0, 10, &i), ZC_E_FORMAT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "t.json: byte 106: 'big' is 18446744073709551615, which is too large; "
                       "expected 0 to 10");
    REQUIRE_INT(zc_json_need_f64(doc, &log, root, "big", &f), ZC_OK);
    REQUIRE_F64(f, 18446744073709551616.0);
    REQUIRE_STR(zc_json_name(doc), "t.json");
    zc_json_close(&doc);
    zc_log_fini(&log);
}

static void numbers_of_members_have_ranges(void)
{
    char copy[] = "{\"layers\":48,\"theta\":1e6,\"half\":0.5,\"huge\":1e400}";
    const zc_json_source source = { .text = copy, .bytes = sizeof(copy) - 1, .limit = LIMIT,
                                    .name = "config.json" };
    char error[ZC_LOG_TEXT];
    zc_json *doc = NULL;
    int64_t i = 0;
    double f = 0;
    zc_log log;

    zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL);
    REQUIRE_INT(zc_json_open(&doc, &log, &source), ZC_OK);
    REQUIRE_INT(zc_json_need_i64(doc, &log, zc_json_root(doc), "layers", 1, 48, &i), ZC_OK);
    REQUIRE_INT(i, 48);
    REQUIRE_INT(zc_json_need_i64(doc, &log, zc_json_root(doc), "layers", 1, 47, &i), ZC_E_FORMAT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "config.json: byte 10: 'layers' is 48, which is out of range; "
                       "expected 1 to 47");
    REQUIRE_INT(zc_json_need_i64(doc, &log, zc_json_root(doc), "half", 0, 9, &i), ZC_E_FORMAT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "config.json: byte 32: 'half' is 0.5, which is not a whole number; "
                       "expected 0 to 9");
    REQUIRE_INT(zc_json_need_f64(doc, &log, zc_json_root(doc), "theta", &f), ZC_OK);
    REQUIRE_F64(f, 1e6);
    REQUIRE_INT(zc_json_need_f64(doc, &log, zc_json_root(doc), "huge", &f), ZC_E_FORMAT);
    zc_log_last_error(&log, error, sizeof(error));
    REQUIRE_STR(error, "config.json: byte 43: 'huge' is 1e400, which is too large");
    REQUIRE_INT(i, 48);
    zc_json_close(&doc);
    zc_log_fini(&log);
}

enum { MANY = 200000 };

/* A header of a tensor file with that many keys. */
static char *make_header(size_t *bytes, int count)
{
    zc_str s = { 0 };

    zc_str_add(&s, "{");
    for (int i = 0; i < count; i++)
        zc_str_add_format(&s,
                          "%s\"blocks.%d.w\":{\"dtype\":\"BF16\",\"shape\":[64,64],"
                          "\"data_offsets\":[%d,%d]}",
                          i > 0 ? "," : "", i, i * 8192, i * 8192 + 8192);
    zc_str_add(&s, "}");
    *bytes = s.length;
    return zc_str_release(&s);
}

static void huge_headers_are_quick_and_small(void)
{
    size_t bytes = 0, peak;
    char *text = make_header(&bytes, MANY);
    const zc_json_source source = { .text = text, .bytes = bytes, .limit = LIMIT, .name = "t" };
    zc_json_reader *r = NULL;
    zc_json_event e = { .kind = ZC_JSON_NULL };
    zc_status st;
    int keys = 0;
    int64_t ns;

    REQUIRE(text);
    faults_alloc(0, FAULT_ONCE);
    ns = zc_clock_ns();
    st = zc_json_reader_open(&r, NULL, &source);
    while (st == ZC_OK && e.kind != ZC_JSON_END) {
        st = zc_json_reader_next(r, NULL, &e);
        keys += e.kind == ZC_JSON_KEY;
    }
    ns = zc_clock_ns() - ns;
    zc_json_reader_close(&r);
    peak = faults_peak_bytes();
    faults_alloc_end();
    REQUIRE_INT(st, ZC_OK);
    REQUIRE_INT(keys, 4 * MANY);
    REQUIRE(peak < 5 * bytes);
    printf("%zu bytes of header: %lld ms, peak %zu bytes\n", bytes, (long long)ns / 1000000, peak);
    zc_free(text);
}

/* Time per key must not grow with the number of keys. */
static int64_t read_flat(int count)
{
    zc_str s = { 0 };
    char error[ZC_LOG_TEXT];
    int64_t ns;

    zc_str_add(&s, "{");
    for (int i = 0; i < count; i++)
        zc_str_add_format(&s, "%s\"k%d\":0", i > 0 ? "," : "", i);
    zc_str_add(&s, "}");
    ns = zc_clock_ns();
    REQUIRE_INT(read_tree(zc_str_get(&s), s.length, error), ZC_OK);
    ns = zc_clock_ns() - ns;
    zc_str_fini(&s);
    return ns;
}

static void many_keys_take_no_quadratic_time(void)
{
    const int64_t few = read_flat(MANY / 16), many = read_flat(MANY);

    REQUIRE(many < 16 * 8 * few);
}

static void members_of_large_objects_are_found(void)
{
    zc_str s = { 0 };
    zc_json_source source = { .limit = LIMIT, .name = "vocab" };
    zc_json *doc = NULL;
    char key[32], *text;
    int wrong = 0;

    zc_str_add(&s, "{\"model\":{\"vocab\":{");
    for (int i = 0; i < 128000; i++)
        zc_str_add_format(&s, "%s\"token\\u00e9%d\":%d", i > 0 ? "," : "", i, i);
    zc_str_add(&s, "},\"merges\":[\"a b\",\"c d\"]}}");
    source.bytes = s.length;
    source.text = text = zc_str_release(&s);
    REQUIRE(text);
    REQUIRE_INT(zc_json_open(&doc, NULL, &source), ZC_OK);

    const zc_json_value *model = zc_json_find(doc, zc_json_root(doc), "model");
    const zc_json_value *vocab = zc_json_find(doc, model, "vocab");

    REQUIRE_INT(vocab->count, 128000);
    for (int i = 0; i < 128000; i++) {
        uint64_t id = 0;
        const int n = snprintf(key, sizeof(key), "token\xc3\xa9%d", i);
        const zc_json_value *v = zc_json_find_bytes(doc, vocab, key, (size_t)n);

        wrong += !v || !zc_json_u64(v, &id) || id != (uint64_t)i;
    }
    REQUIRE_INT(wrong, 0);
    REQUIRE(!zc_json_find(doc, vocab, "token\xc3\xa9"));
    REQUIRE(!zc_json_find(doc, vocab, "token\xc3\xa9" "128000"));
    REQUIRE(!zc_json_find(doc, vocab, ""));
    REQUIRE_STR(zc_json_first(zc_json_find(doc, model, "merges"))->text, "a b");
    zc_json_close(&doc);
    zc_free(text);
}

static void every_allocation_may_fail(void)
{
    size_t bytes = 0;
    char *text = make_header(&bytes, 40), error[ZC_LOG_TEXT];

    REQUIRE(text);
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_status st;

        faults_alloc(n, n % 2 ? FAULT_ONCE : FAULT_ONWARDS);
        st = read_tree(text, bytes, error);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
    zc_free(text);
}

/* All prefixes, and all single bits of a document turned over: an answer, and
 * nothing read beyond the end (the copy has exactly the right size). */
static void damaged_documents_are_answered(void)
{
    const size_t bytes = sizeof(sample) - 1;
    char error[ZC_LOG_TEXT], text[sizeof(sample)];
    int accepted = 0;

    for (size_t n = 0; n < bytes; n++)
        REQUIRE(read_tree(sample, n, error) != ZC_OK);
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        memcpy(text, sample, bytes);
        text[bit / 8] ^= (char)(1 << bit % 8);
        if (read_tree(text, bytes, error) == ZC_OK)
            accepted++;
        else
            REQUIRE(strlen(error) > 10);
    }
    REQUIRE(accepted > 0);
}

static void documents_are_written(void)
{
    zc_str s = { 0 };
    zc_json_writer w = { .to = &s };
    char error[ZC_LOG_TEXT];

    zc_json_begin_object(&w);
    zc_json_add_key(&w, "a\"\\\n\x01");
    zc_json_add_string(&w, "\xc3\xa9/\x7f\t");
    zc_json_add_key(&w, "list");
    zc_json_begin_array(&w);
    zc_json_add_u64(&w, UINT64_MAX);
    zc_json_add_i64(&w, INT64_MIN);
    zc_json_add_f64(&w, 0.1);
    zc_json_add_f64(&w, 1e300);
    zc_json_add_f64(&w, (double)INFINITY);
    zc_json_add_bool(&w, true);
    zc_json_add_bool(&w, false);
    zc_json_add_null(&w);
    zc_json_begin_object(&w);
    zc_json_end_object(&w);
    zc_json_begin_array(&w);
    zc_json_end_array(&w);
    zc_json_end_array(&w);
    zc_json_add_key(&w, "bad");
    zc_json_add_bytes(&w, "x\xff\0y", 4);
    zc_json_end_object(&w);
    REQUIRE_STR(zc_str_get(&s),
                "{\"a\\\"\\\\\\n\\u0001\":\"\xc3\xa9/\x7f\\t\",\"list\":[18446744073709551615,"
                "-9223372036854775808,0.1,1e300,null,true,false,null,{},[]],"
                "\"bad\":\"x\xef\xbf\xbd\\u0000y\"}");
    REQUIRE_INT(read_tree(zc_str_get(&s), s.length, error), ZC_E_FORMAT);
    REQUIRE_HAS(error, "\\u0000 is not allowed");
    zc_str_fini(&s);
}

int main(void)
{
    static const char *const locales[] = { "de_DE.UTF-8", "tr_TR.UTF-8", "C" };

    for (size_t i = 0; i < ZC_COUNT(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        TEST(good_documents_are_read);
        TEST(bad_documents_are_refused_by_the_byte);
        TEST(trees_are_walked_and_asked);
        TEST(documents_are_written);
    }
    TEST(events_come_in_order);
    TEST(a_failure_repeats);
    TEST(limits_hold_on_both_sides);
    TEST(numbers_of_members_have_ranges);
    TEST(huge_headers_are_quick_and_small);
    TEST(many_keys_take_no_quadratic_time);
    TEST(members_of_large_objects_are_found);
    TEST(every_allocation_may_fail);
    TEST(damaged_documents_are_answered);
    return test_end();
}
