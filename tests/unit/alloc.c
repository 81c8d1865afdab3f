/* The heap's table, growth, and the sort that needs no heap. */

#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/sort.h"
#include "core/base/status.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

struct thing {
    int a;
    double b;
};

static void new_objects_are_zeroed(void)
{
    struct thing *one, *many;

    faults_alloc(0, FAULT_ONCE);
    one = zc_new(struct thing);
    many = zc_new_array(struct thing, 100);
    REQUIRE(one && one->a == 0 && one->b == 0);
    REQUIRE(many && many[99].a == 0 && many[50].b == 0);
    REQUIRE_INT(faults_live_blocks(), 2);
    zc_free(one);
    zc_free(many);
    zc_free(NULL);
    REQUIRE_INT(faults_live_blocks(), 0);
    REQUIRE_INT(faults_alloc_end(), 2);
}

static void impossible_products_are_refused(void)
{
    REQUIRE(!zc_alloc_zeroed(SIZE_MAX / 2, 3));
    REQUIRE(!zc_new_array(struct thing, SIZE_MAX));
    REQUIRE(!zc_copy_text("x", SIZE_MAX));
}

static void nothing_is_served_like_one_byte(void)
{
    void *a = zc_alloc(0), *b = zc_alloc_zeroed(0, 5), *c = zc_alloc_aligned(0);

    REQUIRE(a && b && c);
    zc_free(a);
    zc_free(b);
    zc_free_aligned(c);
}

static void aligned_blocks_are_aligned(void)
{
    for (size_t bytes = 1; bytes < 100000; bytes = bytes * 3 + 1) {
        char *mem = zc_alloc_aligned(bytes);

        REQUIRE(mem && (uintptr_t)mem % ZC_ALIGN == 0);
        mem[bytes - 1] = 1;
        zc_free_aligned(mem);
    }
    zc_free_aligned(NULL);
}

static void growth_keeps_contents_and_needs_few_steps(void)
{
    size_t capacity = 0, steps = 0, last = 0;
    int *items = NULL;

    for (int i = 0; i < 100000; i++) {
        REQUIRE(zc_grow(&items, &capacity, (size_t)i + 1, sizeof(items[0])));
        steps += capacity != last;
        last = capacity;
        items[i] = i;
    }
    for (int i = 0; i < 100000; i += 7777)
        REQUIRE_INT(items[i], i);
    REQUIRE(steps < 30);
    REQUIRE(capacity < 160000);

    REQUIRE(!zc_grow(&items, &capacity, SIZE_MAX / 2, sizeof(items[0])));
    REQUIRE_INT(capacity, last);
    REQUIRE_INT(items[7], 7);
    zc_free(items);
}

static void failed_growth_changes_nothing(void)
{
    size_t capacity = 0;
    char *items = NULL, *before;

    faults_alloc(2, FAULT_ONCE);
    REQUIRE(zc_grow(&items, &capacity, 10, 1));
    before = items;
    REQUIRE(!zc_grow(&items, &capacity, 1000, 1));
    REQUIRE(items == before);
    REQUIRE(capacity >= 10 && capacity < 1000);
    REQUIRE(zc_grow(&items, &capacity, 1000, 1));
    zc_free(items);
    REQUIRE_INT(faults_live_blocks(), 0);
    faults_alloc_end();
}

static void every_kind_of_request_can_fail(void)
{
    faults_alloc(1, FAULT_ONWARDS);
    REQUIRE(!zc_alloc(1));
    REQUIRE(!zc_new(int));
    REQUIRE(!zc_resize(NULL, 1));
    REQUIRE(!zc_alloc_aligned(1));
    REQUIRE(!zc_copy_text("a", 1));
    REQUIRE_INT(faults_alloc_end(), 5);
}

static void copied_text_ends(void)
{
    char *copy = zc_copy_text("abcdef", 3), *empty = zc_copy_text("abc", 0);

    REQUIRE_STR(copy, "abc");
    REQUIRE_STR(empty, "");
    zc_free(copy);
    zc_free(empty);
}

static int compare_u32(const void *a, const void *b, const void *context)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    ++*(size_t *)(uintptr_t)context;
    return (x > y) - (x < y);
}

/* Sorts and returns how many comparisons it took. */
static size_t sort_and_check(uint32_t *items, size_t count)
{
    size_t compared = 0, wrong = 0;
    uint64_t before = 0, after = 0;

    for (size_t i = 0; i < count; i++)
        before += items[i];
    zc_sort(items, count, sizeof(items[0]), compare_u32, &compared);
    for (size_t i = 0; i < count; i++)
        after += items[i];
    for (size_t i = 1; i < count; i++)
        wrong += items[i - 1] > items[i];
    REQUIRE_INT(wrong, 0);
    REQUIRE(before == after);
    return compared;
}

static void sorting_never_gets_slow(void)
{
    enum { N = 50000 };
    uint32_t *items = zc_new_array(uint32_t, N), state = 1;

    REQUIRE(items);
    for (size_t n = 0; n < 40; n++) {
        for (size_t i = 0; i < n; i++)
            items[i] = (state = state * 1664525 + 1013904223) >> 28;
        sort_and_check(items, n);
    }
    for (int kind = 0; kind < 4; kind++) {
        for (uint32_t i = 0; i < N; i++) {
            state = state * 1664525 + 1013904223;
            items[i] = kind == 0 ? i : kind == 1 ? N - i : kind == 2 ? 7 : state;
        }
        REQUIRE(sort_and_check(items, N) < 2 * 16 * (size_t)N);
    }
    zc_free(items);
}

int main(void)
{
    TEST(new_objects_are_zeroed);
    TEST(impossible_products_are_refused);
    TEST(nothing_is_served_like_one_byte);
    TEST(aligned_blocks_are_aligned);
    TEST(growth_keeps_contents_and_needs_few_steps);
    TEST(failed_growth_changes_nothing);
    TEST(every_kind_of_request_can_fail);
    TEST(copied_text_ends);
    TEST(sorting_never_gets_slow);
    return test_end();
}
