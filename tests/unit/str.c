/* Strings, UTF-8, formats, and guesses at names. */

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/str.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

static void text_grows(void)
{
    zc_str s = { 0 };
    char *text;

    REQUIRE_STR(zc_str_get(&s), "");
    zc_str_add(&s, "one");
    zc_str_add_bytes(&s, ", two and", 5);
    zc_str_add_format(&s, ", %d of %s", 3, "three");
    REQUIRE_STR(zc_str_get(&s), "one, two, 3 of three");
    REQUIRE_INT(s.length, 20);
    zc_str_clear(&s);
    REQUIRE_STR(zc_str_get(&s), "");
    for (int i = 0; i < 10000; i++)
        zc_str_add_format(&s, "%04d", i);
    REQUIRE_INT(s.length, 40000);
    REQUIRE(memcmp(s.text + 4 * 1234, "1234", 4) == 0);
    text = zc_str_release(&s);
    REQUIRE(text && strlen(text) == 40000);
    REQUIRE(!s.text && s.length == 0);
    zc_free(text);
    text = zc_str_release(&s);
    REQUIRE_STR(text, "");
    zc_free(text);
    zc_str_fini(&s);
}

static void lack_of_memory_sticks(void)
{
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_str s = { 0 };
        char *text;
        bool whole;

        faults_alloc(n, FAULT_ONCE);
        for (int i = 0; i < 20; i++)
            zc_str_add_format(&s, "line %d\n", i);
        text = zc_str_release(&s);
        whole = text && strlen(text) == 150;
        zc_free(text);
        calls = faults_alloc_end();
        REQUIRE_INT(whole, calls < n);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

static void ends_are_compared(void)
{
    REQUIRE(zc_str_equal("a", "a") && !zc_str_equal("a", "b"));
    REQUIRE(zc_str_starts("abc", "ab") && zc_str_starts("abc", "") && !zc_str_starts("a", "ab"));
    REQUIRE(zc_str_ends("x.safetensors", ".safetensors"));
    REQUIRE(!zc_str_ends("safetensors", ".safetensors") && zc_str_ends("abc", ""));
    REQUIRE(!zc_str_ends("x.safetensors.bak", ".safetensors"));
    REQUIRE(zc_str_contains("abc", "b") && !zc_str_contains("abc", "d"));
}

static void every_code_point_survives_utf8(void)
{
    int wrong = 0;

    for (uint32_t code = 0; code < 0x110000; code++) {
        const bool surrogate = code >= 0xd800 && code <= 0xdfff;
        uint32_t back = 0;
        char bytes[4];
        const size_t n = zc_utf8_encode(bytes, code);

        if (surrogate) {
            wrong += n != 0;
            continue;
        }
        wrong += n == 0 || zc_utf8_decode(&back, bytes, n) != n || back != code;
        for (size_t cut = 1; cut < n; cut++)
            wrong += zc_utf8_decode(&back, bytes, cut) != 0;
    }
    REQUIRE_INT(wrong, 0);
    REQUIRE_INT(zc_utf8_encode((char[4]){ 0 }, 0x110000), 0);
}

static void broken_utf8_is_found(void)
{
    static const struct {
        const char *bytes;
        size_t valid;
    } rows[] = {
        { "plain", 5 },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9 },
        { "a\x80", 1 },
        { "a\xc0\x80", 1 },                  /* overlong */
        { "a\xc1\xbf", 1 },
        { "ab\xe0\x80\x80", 2 },
        { "ab\xe0\x9f\xbf", 2 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "abc\xed\xa0\x80", 3 },            /* surrogate */
        { "\xf4\x90\x80\x80", 0 },           /* above the last code point */
        { "\xf5\x80\x80\x80", 0 },
        { "\xff", 0 },
        { "x\xe2\x82", 1 },                  /* cut short */
        { "x\xe2\x28\xa1", 1 },
    };
    uint32_t code;

    for (size_t i = 0; i < ZC_COUNT(rows); i++)
        REQUIRE_INT(zc_utf8_valid(rows[i].bytes, strlen(rows[i].bytes)), rows[i].valid);
    REQUIRE_INT(zc_utf8_decode(&code, "a", 0), 0);
}

static void the_nearest_name_is_found(void)
{
    static const char *const names[] = { "width", "height", "steps", "cache.interval", "seed" };
    static const struct {
        const char *wanted, *best;
    } rows[] = {
        { "widht", "width" },  { "step", "steps" },     { "Steps", "steps" },
        { "sede", "seed" },    { "hieght", "height" },  { "cache.intervall", "cache.interval" },
        { "zzzzzz", NULL },    { "x", NULL },           { "", NULL },
        { "a name that is much too long to be meant for any of those that are known", NULL },
    };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_nearest n;

        zc_nearest_init(&n, rows[i].wanted);
        for (size_t k = 0; k < ZC_COUNT(names); k++)
            zc_nearest_offer(&n, names[k]);
        REQUIRE_STR(n.best, rows[i].best);
    }
}

/* Formats with ours and with the C library's. */
#define SAME(...)                                                                    \
    do {                                                                             \
        char ours[700], theirs[700];                                                 \
        const size_t n = zc_format(ours, sizeof(ours), __VA_ARGS__);                 \
        const int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                 \
        REQUIRE_STR(ours, theirs);                                                   \
        REQUIRE_INT(n, m);                                                           \
    } while (0)

static void formats_agree_with_printf(void)
{
    SAME("plain %% text");
    SAME("%d %i %d %d", 0, -1, INT_MAX, INT_MIN);
    SAME("%u %x %X %x", UINT_MAX, 0xdeadbeefu, 0xdeadbeefu, 0u);
    SAME("%ld %lld %zu %zd %td", LONG_MIN, LLONG_MAX, SIZE_MAX, (ssize_t)-5, (ptrdiff_t)-7);
    SAME("%lu %llu %llx", ULONG_MAX, ULLONG_MAX, ULLONG_MAX);
    SAME("%hhd %hhu %hd %hu", (signed char)-3, (unsigned char)200, (short)-30000,
         (unsigned short)60000);
    SAME("[%5d] [%-5d] [%05d] [%+d] [% d] [%.3d] [%8.3d] [%*d] [%-*d] [%.*d]", 42, 42, 42, 42, 42,
         7, 7, 6, 42, 6, 42, 4, 7);
    SAME("[%s] [%10s] [%-10s] [%.2s] [%.*s] [%c]", "abc", "abc", "abc", "abc", 1, "abc", 'x');
    SAME("[%x] [%08x] [%4X]", 10u, 255u, 11u);
}

static void float_formats_agree_with_printf(void)
{
    static const double values[] = { 0.0, -0.0, 1.0, 0.5, 1.5, 2.5, 0.1, 9.995, 99.5, 1e-5, 1e-4,
                                     123456.789, 999999.5, 1e15, 1e300, 5e-324, -3.25, 1.0 / 3 };

    for (size_t i = 0; i < ZC_COUNT(values); i++) {
        const double v = values[i];

        SAME("%f %.0f %.1f %.2f %.10f %.20f", v, v, v, v, v, v);
        SAME("%e %.0e %.3e %.16e", v, v, v, v);
        SAME("%.1g %.3g %.6g %.9g %.17g", v, v, v, v, v);
        SAME("[%10.3f] [%-10.2e] [%+.1f] [%08.2f]", v, v, v, v);
    }
    SAME("%f %.2e %f", (double)INFINITY, (double)-INFINITY, (double)NAN);
}

static void shortest_floats_need_no_precision(void)
{
    char text[64];

    zc_format(text, sizeof(text), "%g %g %g", 0.1, 1e100, 0.30000000000000004);
    REQUIRE_STR(text, "0.1 1e100 0.30000000000000004");
    zc_format(text, sizeof(text), "[%8g] [%-8g] [%+g]", 1.5, 2.5, 0.25);
    REQUIRE_STR(text, "[     1.5] [2.5     ] [+0.25]");
}

/* The compiler would object to these formats. */
static size_t unchecked(char *dst, size_t size, const char *format, ...)
{
    va_list args;
    size_t n;

    va_start(args, format);
    n = zc_vformat(dst, size, format, args);
    va_end(args);
    return n;
}

static void other_conversions_are_printed_as_they_stand(void)
{
    char text[32];

    REQUIRE_INT(unchecked(text, sizeof(text), "%n %q %"), 7);
    REQUIRE_STR(text, "%n %q %");
    unchecked(text, sizeof(text), "%s", (const char *)NULL);
    REQUIRE_STR(text, "(null)");
    zc_format(text, sizeof(text), "%p", (void *)(uintptr_t)0xabc);
    REQUIRE_STR(text, "0xabc");
}

static void cuts_keep_characters_whole(void)
{
    char text[8];

    for (size_t size = 1; size <= sizeof(text); size++) {
        const size_t n = zc_format(text, size, "a\xe2\x82\xac\xe2\x82\xac");

        REQUIRE_INT(n, 7);
        REQUIRE(strlen(text) < size);
        REQUIRE_INT(zc_utf8_valid(text, strlen(text)), strlen(text));
        REQUIRE_INT(strlen(text), size >= 8 ? 7 : size >= 5 ? 4 : size >= 2 ? 1 : 0);
    }
    text[0] = 'x';
    REQUIRE_INT(zc_format(text, 0, "abc"), 3);
    REQUIRE_INT(text[0], 'x');
    REQUIRE_INT(zc_format(NULL, 0, "%d", 12345), 5);
}

static void untrusted_bytes_are_harmless(void)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {
        { "blocks.0.weight", "blocks.0.weight" },
        { "a\nb\x1b[31m", "a\\x0ab\\x1b[31m" },
        { "q\"uo\\te", "q\\x22uo\\x5cte" },
        { "\xc3\xa4", "\xc3\xa4" },
        { "\xe2\x80\xae", "\\xe2\\x80\\xae" },       /* right-to-left override */
        { "\xff\xc3", "\\xff\\xc3" },
        { "\xc2\x9b", "\\xc2\\x9b" },                /* a C1 control */
        { "\x7f", "\\x7f" },
        { "", "" },
    };
    char big[1000];

    for (size_t i = 0; i < ZC_COUNT(rows); i++)
        REQUIRE_STR(zc_quote_text(rows[i].bytes).text, rows[i].text);
    REQUIRE_STR(zc_quote("a\0b", 3).text, "a\\x00b");

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    REQUIRE(strlen(zc_quote_text(big).text) < sizeof(zc_quoted));
    REQUIRE(zc_str_ends(zc_quote_text(big).text, "x..."));
    memset(big, '\n', sizeof(big) - 1);
    REQUIRE(zc_str_ends(zc_quote_text(big).text, "\\x0a..."));
    for (size_t n = 100; n < 140; n++) {
        const zc_quoted q = zc_quote(big, n);

        REQUIRE(strlen(q.text) < sizeof(q.text));
    }
}

static void long_paths_keep_their_end(void)
{
    char path[1000];
    zc_quoted q;

    REQUIRE_STR(zc_quote_path("/a/b.safetensors").text, "/a/b.safetensors");
    memset(path, 'd', sizeof(path));
    memcpy(path + 980, "/model\n.gguf", 13);
    q = zc_quote_path(path);
    REQUIRE(zc_str_starts(q.text, "...ddd"));
    REQUIRE(zc_str_ends(q.text, "/model\\x0a.gguf"));
    REQUIRE(strlen(q.text) > 100 && strlen(q.text) < sizeof(q.text));
    memset(path, '\n', 200);
    path[200] = '\0';
    q = zc_quote_path(path);
    REQUIRE(zc_str_starts(q.text, "...\\x0a"));
    REQUIRE(strlen(q.text) < sizeof(q.text));
}

int main(void)
{
    static const char *const locales[] = { "de_DE.UTF-8", "tr_TR.UTF-8", "C" };

    TEST(formats_agree_with_printf);
    TEST(float_formats_agree_with_printf);
    for (size_t i = 0; i < ZC_COUNT(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        TEST(text_grows);
        TEST(ends_are_compared);
        TEST(shortest_floats_need_no_precision);
        TEST(the_nearest_name_is_found);
    }
    TEST(lack_of_memory_sticks);
    TEST(every_code_point_survives_utf8);
    TEST(broken_utf8_is_found);
    TEST(other_conversions_are_printed_as_they_stand);
    TEST(cuts_keep_characters_whole);
    TEST(untrusted_bytes_are_harmless);
    TEST(long_paths_keep_their_end);
    return test_end();
}
