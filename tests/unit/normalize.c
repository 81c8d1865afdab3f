/* Normal forms, white space, repair. */

#include "core/text/normalize.h"

#include "tests/unit/faults.h"
#include "tests/unit/test.h"

static void require_norm(zc_norm norm, const char *text, const char *wanted)
{
    zc_str out = { 0 };

    zc_normalize(&out, norm, text, strlen(text));
    REQUIRE(!out.failed);
    REQUIRE_STR(zc_str_get(&out), wanted);
    zc_str_fini(&out);
}

static void letters_and_marks_are_composed(void)
{
    require_norm(ZC_NORM_NFC, "", "");
    require_norm(ZC_NORM_NFC, "plain", "plain");
    require_norm(ZC_NORM_NFC, "e\xCC\x81", "\xC3\xA9");
    require_norm(ZC_NORM_NFC, "\xE2\x84\xAB", "\xC3\x85");                  /* Angstrom sign */
    require_norm(ZC_NORM_NFC, "\xEF\xAC\x81", "\xEF\xAC\x81");       /* a ligature stays */
    require_norm(ZC_NORM_NFC, "\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC");  /* an excluded letter */
    require_norm(ZC_NORM_NFC, "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81");  /* Hangul */
}

static void marks_are_put_in_order(void)
{
    /* Above (230), below (220), above: the mark below comes first, and composes. */
    require_norm(ZC_NORM_NFC, "a\xCC\x81\xCC\xA3\xCC\x82", "\xE1\xBA\xA1\xCC\x81\xCC\x82");
    require_norm(ZC_NORM_NFC, "q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87");
    require_norm(ZC_NORM_NFC, "\xCC\x87\xCC\xA3q\xCC\x87\xCC\xA3",
                 "\xCC\xA3\xCC\x87q\xCC\xA3\xCC\x87");
}

static void a_long_run_of_marks_is_sorted_in_little_time(void)
{
    enum { PAIRS = 1 << 17 };
    zc_str text = { 0 }, out = { 0 };
    size_t wrong = 0;

    for (int i = 0; i < PAIRS; i++)
        zc_str_add(&text, "\xCC\x81\xCC\xA3");
    zc_normalize(&out, ZC_NORM_NFC, zc_str_get(&text), text.length);
    REQUIRE_INT(out.length, 4 * PAIRS);
    for (size_t i = 0; i < out.length; i += 2)
        wrong += memcmp(out.text + i, i < 2 * PAIRS ? "\xCC\xA3" : "\xCC\x81", 2) != 0;
    REQUIRE_INT(wrong, 0);
    zc_str_fini(&text);
    zc_str_fini(&out);
}

static void runs_of_white_space_become_blanks(void)
{
    require_norm(ZC_NORM_SPACES, " a\t\r\n b\xE3\x80\x80", " a b ");
    require_norm(ZC_NORM_SPACES, "a\xE2\x80\x8B\x1C" "b", "a\xE2\x80\x8B\x1C" "b");
}

static void letters_become_lower_case_one_by_one(void)
{
    require_norm(ZC_NORM_LOWER, "ABC xyz 1", "abc xyz 1");
    require_norm(ZC_NORM_LOWER, "\xC3\x89\xCE\xA3", "\xC3\xA9\xCF\x83");    /* no final sigma */
    require_norm(ZC_NORM_LOWER, "\xC4\xB0", "i\xCC\x87");                   /* two characters */
    require_norm(ZC_NORM_LOWER, "\xC3\x9F", "\xC3\x9F");
}

static void require_repaired(const char *text, size_t bytes, const char *wanted, size_t replaced)
{
    zc_str out = { 0 };

    REQUIRE_INT(zc_text_repair(&out, text, bytes), replaced);
    REQUIRE_STR(zc_str_get(&out), wanted);
    zc_str_fini(&out);
}

static void broken_bytes_become_replacement_characters(void)
{
    require_repaired("good", 4, "good", 0);
    require_repaired("", 0, "", 0);
    require_repaired("a\xFF" "b", 3, "a\xEF\xBF\xBD" "b", 1);
    require_repaired("\xC3", 1, "\xEF\xBF\xBD", 1);
    require_repaired("\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 3);
}

static void require_stripped(const char *text, const char *wanted)
{
    size_t bytes = strlen(text);
    zc_str copy = { 0 };

    zc_text_strip(&text, &bytes);
    zc_str_add_bytes(&copy, text, bytes);
    REQUIRE_STR(zc_str_get(&copy), wanted);
    zc_str_fini(&copy);
}

static void both_ends_are_stripped(void)
{
    require_stripped("  a b \n", "a b");
    require_stripped("\xE3\x80\x80\xC2\xA0\x1F" "a\x1C\xC2\x85\xE2\x80\xA9", "a");
    require_stripped(" \t\n", "");
    require_stripped("", "");
    require_stripped("\xC3\xA9\x80", "\xC3\xA9\x80");       /* broken bytes are no white space */
    require_stripped("\xE3\x80\x80", "");
}

static void lack_of_memory_shows_in_the_text(void)
{
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_str out = { 0 };
        faults_alloc(n, FAULT_ONCE);
        zc_normalize(&out, ZC_NORM_NFC, "a\xCC\x81\xCC\xA3" "b", 6);
        const bool failed = out.failed;
        zc_str_fini(&out);
        calls = faults_alloc_end();
        REQUIRE_INT(failed, calls >= n);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

int main(void)
{
    TEST(letters_and_marks_are_composed);
    TEST(marks_are_put_in_order);
    TEST(a_long_run_of_marks_is_sorted_in_little_time);
    TEST(runs_of_white_space_become_blanks);
    TEST(letters_become_lower_case_one_by_one);
    TEST(broken_bytes_become_replacement_characters);
    TEST(both_ends_are_stripped);
    TEST(lack_of_memory_shows_in_the_text);
    return test_end();
}
