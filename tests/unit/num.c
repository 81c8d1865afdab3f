/* Numbers: exact both ways, whatever the locale. The C library, in the C locale,
 * is the oracle. */

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/num.h"
#include "core/base/status.h"
#include "tests/unit/test.h"

static uint64_t state = 88172645463325252u;

static uint64_t random_word(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static const char *f64(double *out, const char *text)
{
    return zc_num_read_f64(out, text, strlen(text));
}

static double random_f64(void)
{
    const uint64_t bits = random_word();
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float random_f32(void)
{
    const uint32_t bits = (uint32_t)random_word();
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void whole_numbers_are_exact(void)
{
    static const int64_t values[] = { 0,         1,         -1,        9,           10,
                                      -10,       INT32_MAX, INT32_MIN, 1000000007,  INT64_MAX,
                                      INT64_MIN, INT64_MAX - 1, INT64_MIN + 1 };
    char text[ZC_NUM_TEXT], expected[64];
    int64_t i;
    uint64_t u;
    size_t n;

    for (size_t k = 0; k < ZC_COUNT(values); k++) {
        n = zc_num_write_i64(text, values[k]);
        snprintf(expected, sizeof(expected), "%lld", (long long)values[k]);
        REQUIRE_STR(text, expected);
        REQUIRE_INT(n, strlen(expected));
        REQUIRE_STR(zc_num_read_i64(&i, text, n), NULL);
        REQUIRE_INT(i, values[k]);
    }
    n = zc_num_write_u64(text, UINT64_MAX);
    REQUIRE_STR(text, "18446744073709551615");
    REQUIRE_STR(zc_num_read_u64(&u, text, n), NULL);
    REQUIRE(u == UINT64_MAX);
    REQUIRE_STR(zc_num_read_i64(&i, "+5", 2), NULL);
    REQUIRE_INT(i, 5);
    REQUIRE_STR(zc_num_read_i64(&i, "007", 3), NULL);
    REQUIRE_INT(i, 7);
}

static void whole_numbers_are_refused_with_a_reason(void)
{
    static const struct {
        const char *text, *why_i64, *why_u64;
    } rows[] = {
        { "", "is empty", "is empty" },
        { "-", "is not a number", "is not a number" },
        { "+", "is not a number", "is not a number" },
        { " 1", "is not a number", "is not a number" },
        { "1 ", "is not a number", "is not a number" },
        { "0x10", "is not a number", "is not a number" },
        { "12a", "is not a number", "is not a number" },
        { "--1", "is not a number", "is not a number" },
        { "1.5", "is not a whole number", "is not a whole number" },
        { "1.0", "is not a whole number", "is not a whole number" },
        { "1e3", "is not a whole number", "is not a whole number" },
        { "1,5", "has a comma: fractions are written with a point",
          "has a comma: fractions are written with a point" },
        { "1,000", "has a comma: fractions are written with a point",
          "has a comma: fractions are written with a point" },
        { "nan", "is not a finite number", "is not a finite number" },
        { "inf", "is not a finite number", "is not a finite number" },
        { "9223372036854775808", "is too large", NULL },
        { "-9223372036854775809", "is too small", "is negative" },
        { "-1", NULL, "is negative" },
        { "18446744073709551616", "is too large", "is too large" },
        { "-18446744073709551616", "is too small", "is too small" },
        { "99999999999999999999999999999999999999", "is too large", "is too large" },
    };

    for (size_t k = 0; k < ZC_COUNT(rows); k++) {
        int64_t i = 42;
        uint64_t u = 42;
        const size_t n = strlen(rows[k].text);

        REQUIRE_STR(zc_num_read_i64(&i, rows[k].text, n), rows[k].why_i64);
        REQUIRE_STR(zc_num_read_u64(&u, rows[k].text, n), rows[k].why_u64);
        REQUIRE(!rows[k].why_i64 || i == 42);
        REQUIRE(!rows[k].why_u64 || u == 42);
    }
}

static void floats_are_refused_with_a_reason(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "is empty" },
        { ".", "is not a number" },
        { "-.", "is not a number" },
        { "e5", "is not a number" },
        { "1e", "is not a number" },
        { "1e+", "is not a number" },
        { "1.5.2", "is not a number" },
        { "1 ", "is not a number" },
        { " 1", "is not a number" },
        { "0x1p3", "is not a number" },
        { "1_000", "is not a number" },
        { "1.5f", "is not a number" },
        { "1,5", "has a comma: fractions are written with a point" },
        { "nan", "is not a finite number" },
        { "NaN", "is not a finite number" },
        { "-inf", "is not a finite number" },
        { "Infinity", "is not a finite number" },
        { "1e999", "is too large" },
        { "-1e999", "is too large" },
        { "1e999999999999999999999", "is too large" },
        { "1.7976931348623159e308", "is too large" },
        { "1.797693134862315807e308", NULL },
        { "1e308", NULL },
        { "0e999999999999", NULL },
        { "1e-999999999999", NULL },
        { "5.", NULL },
        { ".5", NULL },
        { "+1.5", NULL },
    };

    for (size_t k = 0; k < ZC_COUNT(rows); k++) {
        double value = 42;

        REQUIRE_STR(f64(&value, rows[k].text), rows[k].why);
        REQUIRE(!rows[k].why || value == 42);
    }
}

/* Compares with the C library's reader, which glibc rounds correctly. */
static void check_read(const char *text)
{
    double value = 0;
    float narrow = 0;
    const double expected = strtod(text, NULL);
    const float expected32 = strtof(text, NULL);

    if (isinf(expected)) {
        REQUIRE_STR(f64(&value, text), "is too large");
    } else {
        REQUIRE_STR(f64(&value, text), NULL);
        if (!test_same(&value, &expected, sizeof(value)))
            REQUIRE_STR(text, "read like strtod");
    }
    if (isinf(expected32)) {
        REQUIRE_STR(zc_num_read_f32(&narrow, text, strlen(text)), "is too large");
    } else {
        REQUIRE_STR(zc_num_read_f32(&narrow, text, strlen(text)), NULL);
        if (!test_same(&narrow, &expected32, sizeof(narrow)))
            REQUIRE_STR(text, "read like strtof");
    }
}

static void hard_decimals_are_rounded_correctly(void)
{
    static const char *const texts[] = {
        "0", "-0", "0.0", "1", "0.1", "1e22", "1e23", "9007199254740993", "9007199254740992",
        "9007199254740991", "9007199254740995", "2.2250738585072011e-308",
        "2.2250738585072014e-308", "4.9406564584124654e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "2.47032822920623272e-324", "1e-400", "1e-324", "3e-324",
        "1.7976931348623157e308", "1.7976931348623158e308", "8.98846567431158e307",
        "3.4028234663852886e38", "3.4028235677973366e38", "3.4028235677973365e38", "1e39",
        "1.401298464324817e-45", "7.006492321624085e-46", "7.006492321624086e-46", "1e-46",
        "1.17549435e-38", "16777217", "16777219", "33554435", "0.30000000000000004",
        "123456789012345678901234567890", "6.02214076e23", "1e-7", "5e-324", "-1.5e-10",
        "9.5367431640625e-07", "8388608.5", "8388609.5",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
    };

    for (size_t k = 0; k < ZC_COUNT(texts); k++)
        check_read(texts[k]);
}

static void very_long_decimals_are_rounded_correctly(void)
{
    char text[3000];
    size_t n;

    /* Exactly half way between 1 and the next double, and a hair to each side of
     * it after 2000 more digits. */
    n = sizeof("1.00000000000000011102230246251565404236316680908203125") - 1;
    memcpy(text, "1.00000000000000011102230246251565404236316680908203125", n);
    memset(text + n, '0', 2000);
    text[n + 2000] = '\0';
    check_read(text);
    text[n + 1999] = '1';
    check_read(text);
    snprintf(text, sizeof(text), "1.00000000000000011102230246251565404236316680908203124");
    memset(text + n, '9', 2000);
    text[n + 2000] = '\0';
    check_read(text);

    /* Zeros in front and behind, with an exponent that takes them back. */
    memset(text, '0', 2000);
    text[1] = '.';
    snprintf(text + 2000, sizeof(text) - 2000, "12345e2000");
    check_read(text);
    text[0] = '7';
    memset(text + 1, '0', 1500);
    snprintf(text + 1501, sizeof(text) - 1501, "e-1490");
    check_read(text);
}

static void random_decimals_are_rounded_correctly(void)
{
    char text[64];

    for (int i = 0; i < 20000; i++) {
        const int digits = 1 + (int)(random_word() % 20);
        const int exponent = (int)(random_word() % 700) - 370;

        snprintf(text, sizeof(text), "%.*e", digits, (double)(random_word() >> 1));
        *strchr(text, 'e') = '\0';
        snprintf(text + strlen(text), 8, "e%d", i % 2 ? exponent : exponent / 20);
        check_read(text);
    }
}

static void written_floats_read_back(void)
{
    char text[ZC_NUM_TEXT];

    for (int i = 0; i < 4000; i++) {
        const double value = i % 4 == 0 ? (double)(random_word() % 100000) / 1000 : random_f64();
        double back = 0;
        size_t n;

        if (!isfinite(value))
            continue;
        n = zc_num_write_f64(text, value);
        REQUIRE_INT(n, strlen(text));
        REQUIRE(n < ZC_NUM_TEXT);
        REQUIRE_STR(zc_num_read_f64(&back, text, n), NULL);
        REQUIRE(test_same(&back, &value, sizeof(value)));
        REQUIRE_F64(strtod(text, NULL), value);
    }
    for (int i = 0; i < 4000; i++) {
        const float value = random_f32();
        float back = 0;
        size_t n;

        if (!isfinite(value))
            continue;
        n = zc_num_write_f32(text, value);
        REQUIRE_STR(zc_num_read_f32(&back, text, n), NULL);
        REQUIRE(test_same(&back, &value, sizeof(value)));
    }
}

/* Significant digits in a number's text. */
static int digits_in(const char *text)
{
    int n = 0, zeros = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text >= '1' && *text <= '9') {
            n += zeros + 1;
            zeros = 0;
        } else if (*text == '0' && n > 0) {
            zeros++;
        }
    }
    return n;
}

static void written_floats_are_shortest(void)
{
    char text[ZC_NUM_TEXT], shorter[64];

    for (int i = 0; i < 1000; i++) {
        const double value = fabs(random_f64());

        if (!isfinite(value) || value == 0)
            continue;
        zc_num_write_f64(text, value);
        if (digits_in(text) > 1) {
            snprintf(shorter, sizeof(shorter), "%.*e", digits_in(text) - 2, value);
            REQUIRE(strtod(shorter, NULL) != value);
        }
    }
}

static void floats_are_written_in_the_usual_way(void)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { -1.5, "-1.5" }, { 0.1, "0.1" },
        { 0.001, "0.001" }, { 0.00025, "0.00025" }, { 0.00001, "1e-5" }, { 1e17, "1e17" },
        { 1e16, "10000000000000000" }, { 123456, "123456" }, { 1.5e300, "1.5e300" },
        { 5e-324, "5e-324" }, { 1.7976931348623157e308, "1.7976931348623157e308" },
        { 0.1 + 0.2, "0.30000000000000004" }, { 1.0 / 3, "0.3333333333333333" },
        { HUGE_VAL, "inf" }, { -HUGE_VAL, "-inf" },
    };
    char text[ZC_NUM_TEXT];

    for (size_t k = 0; k < ZC_COUNT(rows); k++) {
        zc_num_write_f64(text, rows[k].value);
        REQUIRE_STR(text, rows[k].text);
    }
    zc_num_write_f64(text, (double)NAN);
    REQUIRE_STR(text, "nan");
    zc_num_write_f32(text, 0.1f);
    REQUIRE_STR(text, "0.1");
    zc_num_write_f32(text, FLT_MAX);
    REQUIRE_STR(text, "3.4028235e38");
    zc_num_write_f32(text, 1e-45f);
    REQUIRE_STR(text, "1e-45");
    zc_num_write_f32(text, -INFINITY);
    REQUIRE_STR(text, "-inf");
}

static void all_digits_of_a_double_are_there(void)
{
    char digits[ZC_NUM_DIGITS], expected[1200];
    int count, point;

    count = zc_num_digits(digits, &point, 0.1);
    REQUIRE_INT(count, 55);
    REQUIRE_INT(point, 0);
    REQUIRE(memcmp(digits, "1000000000000000055511151231257827021181583404541015625", 55) == 0);
    REQUIRE_INT(zc_num_digits(digits, &point, 0), 0);

    count = zc_num_digits(digits, &point, DBL_TRUE_MIN);
    REQUIRE_INT(count, 751);
    REQUIRE_INT(point, -323);
    count = zc_num_digits(digits, &point, 0x1.fffffffffffffp-1022);
    REQUIRE_INT(count, 767);
    count = zc_num_digits(digits, &point, DBL_MAX);
    REQUIRE_INT(point, 309);
    snprintf(expected, sizeof(expected), "%.0f", DBL_MAX);
    REQUIRE(memcmp(digits, expected, (size_t)count) == 0);
}

static void digits_are_rounded_half_to_even(void)
{
    static const struct {
        const char *digits;
        int keep;
        const char *rounded;
        int carry;
    } rows[] = {
        { "125", 2, "12", 0 }, { "135", 2, "14", 0 }, { "1251", 2, "13", 0 },
        { "999", 2, "1", 1 },  { "995", 2, "1", 1 },  { "994", 2, "99", 0 },
        { "5", 0, "", 0 },     { "51", 0, "1", 1 },   { "6", 0, "1", 1 },
        { "9", -1, "", 0 },    { "123", 5, "123", 0 }, { "1004", 3, "1", 0 },
    };

    for (size_t k = 0; k < ZC_COUNT(rows); k++) {
        char digits[8];
        int point = 0, count;

        snprintf(digits, sizeof(digits), "%s", rows[k].digits);
        count = zc_num_round(digits, (int)strlen(digits), &point, rows[k].keep);
        digits[count] = '\0';
        REQUIRE_STR(digits, rows[k].rounded);
        REQUIRE_INT(point, rows[k].carry);
    }
}

int main(void)
{
    static const char *const locales[] = { "C", "de_DE.UTF-8", "tr_TR.UTF-8" };

    for (size_t i = 0; i < ZC_COUNT(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        TEST(whole_numbers_are_exact);
        TEST(whole_numbers_are_refused_with_a_reason);
        TEST(floats_are_refused_with_a_reason);
        TEST(floats_are_written_in_the_usual_way);
    }
    setlocale(LC_ALL, "C");
    TEST(hard_decimals_are_rounded_correctly);
    TEST(very_long_decimals_are_rounded_correctly);
    TEST(random_decimals_are_rounded_correctly);
    TEST(written_floats_read_back);
    TEST(written_floats_are_shortest);
    TEST(all_digits_of_a_double_are_there);
    TEST(digits_are_rounded_half_to_even);
    return test_end();
}
