/* What a unit test needs: requirements that print both sides, and a count.
 *
 *     static void missing_tensor_is_named(void) { REQUIRE_INT(f(1), 2); }
 *
 *     int main(void)
 *     {
 *         TEST(missing_tensor_is_named);
 *         return test_end();
 *     }
 *
 * A failed requirement is reported and the test goes on. */
#ifndef ZC_TEST_H
#define ZC_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int test_requirements, test_failures;
static const char *test_name = "";

static inline bool test_check(bool ok, const char *file, int line)
{
    test_requirements++;
    if (!ok) {
        test_failures++;
        printf("%s:%d: in %s: ", file, line, test_name);
    }
    return ok;
}

/* Bit for bit, padding and all. */
static inline bool test_same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static inline void test_int(long long a, long long b, const char *text, const char *file, int line)
{
    if (!test_check(a == b, file, line))
        printf("%s: %lld, expected %lld\n", text, a, b);
}

static inline void test_f64(double a, double b, const char *text, const char *file, int line)
{
    if (!test_check(a == b || (a != a && b != b), file, line))
        printf("%s: %.17g (%a), expected %.17g (%a)\n", text, a, a, b, b);
}

static inline void test_near(double a, double b, double most, const char *text, const char *file,
                             int line)
{
    if (!test_check(a - b <= most && b - a <= most, file, line))
        printf("%s: %.17g, expected %.17g within %g\n", text, a, b, most);
}

static inline void test_text(const char *a, const char *b, const char *text, const char *file,
                             int line)
{
    if (!a || !b) {
        if (!test_check(a == b, file, line))
            printf("%s: '%s', expected '%s'\n", text, a ? a : "(null)", b ? b : "(null)");
    } else if (!test_check(strcmp(a, b) == 0, file, line)) {
        printf("%s: '%s', expected '%s'\n", text, a, b);
    }
}

static inline void test_has(const char *a, const char *b, const char *text, const char *file,
                            int line)
{
    if (!test_check(a && strstr(a, b), file, line))
        printf("%s: '%s' has no '%s'\n", text, a ? a : "(null)", b);
}

#define REQUIRE(ok)                                   \
    do {                                              \
        if (!test_check((ok), __FILE__, __LINE__))    \
            printf("not so: %s\n", #ok);              \
    } while (0)
#define REQUIRE_INT(a, b)        test_int((long long)(a), (long long)(b), #a, __FILE__, __LINE__)
#define REQUIRE_F64(a, b)        test_f64((a), (b), #a, __FILE__, __LINE__)
#define REQUIRE_NEAR(a, b, most) test_near((a), (b), (most), #a, __FILE__, __LINE__)
#define REQUIRE_STR(a, b)        test_text((a), (b), #a, __FILE__, __LINE__)
#define REQUIRE_HAS(a, b)        test_has((a), (b), #a, __FILE__, __LINE__)

#define TEST(name)         \
    do {                   \
        test_name = #name; \
        name();            \
    } while (0)

/* The exit status of the program. */
static inline int test_end(void)
{
    printf("%d requirements, %d failed\n", test_requirements, test_failures);
    return test_failures > 0 || test_requirements == 0;
}

#endif
