/* The pool: every part once, any number of threads, and nothing left behind. */

#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/thread.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

enum { PARTS_MAX = 1000, WORKERS_MAX = 16 };

struct tally {
    int done[PARTS_MAX];                      /* plain: each is touched by one call */
    atomic_int inside[WORKERS_MAX];
    atomic_int overlaps, strangers;
    int threads;
};

static void count_part(void *arg, int part, int worker)
{
    struct tally *t = arg;

    if (worker < 0 || worker >= t->threads) {
        atomic_fetch_add(&t->strangers, 1);
        return;
    }
    if (atomic_fetch_add(&t->inside[worker], 1) != 0)
        atomic_fetch_add(&t->overlaps, 1);
    t->done[part]++;
    atomic_fetch_sub(&t->inside[worker], 1);
}

static void every_part_runs_once(void)
{
    static const int threads[] = { 1, 2, 3, 8, 16 };
    static const int parts[] = { 0, 1, 2, 3, 7, 16, 100, PARTS_MAX };
    struct tally *t = zc_new(struct tally);
    zc_pool *pool = NULL;
    int wrong;

    REQUIRE(t);
    for (size_t i = 0; i < ZC_COUNT(threads); i++) {
        REQUIRE_INT(zc_pool_open(&pool, threads[i], "test"), ZC_OK);
        REQUIRE_INT(zc_pool_threads(pool), threads[i]);
        for (size_t k = 0; k < ZC_COUNT(parts); k++) {
            memset(t, 0, sizeof(*t));
            t->threads = threads[i];
            for (int again = 0; again < 20; again++)
                REQUIRE_INT(zc_pool_run(pool, parts[k], count_part, t), ZC_OK);
            wrong = 0;
            for (int part = 0; part < PARTS_MAX; part++)
                wrong += t->done[part] != (part < parts[k] ? 20 : 0);
            REQUIRE_INT(wrong, 0);
            REQUIRE_INT(atomic_load(&t->overlaps), 0);
            REQUIRE_INT(atomic_load(&t->strangers), 0);
        }
        zc_pool_close(&pool);
        REQUIRE(!pool);
    }
    zc_pool_close(&pool);
    zc_free(t);
}

static void add_number(void *arg, int part, int worker)
{
    int64_t *sums = arg;

    (void)worker;
    sums[part] += part + 1;
}

/* Thousands of tiny runs, some after a pause in which the workers fall asleep. */
static void runs_follow_each_other_safely(void)
{
    int64_t sums[3] = { 0 };
    zc_pool *pool = NULL;

    for (int threads = 2; threads <= 5; threads++) {
        memset(sums, 0, sizeof(sums));
        REQUIRE_INT(zc_pool_open(&pool, threads, "test"), ZC_OK);
        for (int i = 0; i < 3000; i++) {
            if (i % 500 == 499) {
                const int64_t until = zc_clock_ns() + 1000000;

                while (zc_clock_ns() < until)
                    continue;
            }
            zc_pool_run(pool, 1 + i % 3, add_number, sums);
        }
        REQUIRE_INT(sums[0], 3000);
        REQUIRE_INT(sums[1], 2 * 2000);
        REQUIRE_INT(sums[2], 3 * 1000);
        zc_pool_close(&pool);
    }
}

struct nested {
    zc_pool *pool;
    atomic_int refused, ran;
};

static void never(void *arg, int part, int worker)
{
    struct nested *n = arg;

    (void)part;
    (void)worker;
    atomic_fetch_add(&n->ran, 1);
}

static void run_inside(void *arg, int part, int worker)
{
    struct nested *n = arg;

    (void)part;
    (void)worker;
    if (zc_pool_run(n->pool, 2, never, n) == ZC_E_ARGUMENT)
        atomic_fetch_add(&n->refused, 1);
}

static void nested_runs_are_refused(void)
{
    struct nested n = { 0 };

    for (int threads = 1; threads <= 3; threads += 2) {
        n = (struct nested){ 0 };
        REQUIRE_INT(zc_pool_open(&n.pool, threads, "test"), ZC_OK);
        REQUIRE_INT(zc_pool_run(n.pool, 10, run_inside, &n), ZC_OK);
        REQUIRE_INT(atomic_load(&n.refused), 10);
        REQUIRE_INT(atomic_load(&n.ran), 0);
        REQUIRE_INT(zc_pool_run(n.pool, 2, never, &n), ZC_OK);
        REQUIRE_INT(atomic_load(&n.ran), 2);
        zc_pool_close(&n.pool);
    }
}

struct turn {
    zc_pool *pool;
    atomic_int finished, refused;
    int64_t sum[4];
};

static void slow_part(void *arg, int part, int worker)
{
    struct turn *t = arg;
    volatile int spin = 0;

    (void)worker;
    while (spin < 1000)
        spin = spin + 1;
    t->sum[part]++;
}

static void use_pool(void *arg)
{
    struct turn *t = arg;

    while (atomic_load(&t->finished) < 200) {
        if (zc_pool_run(t->pool, 4, slow_part, t) == ZC_OK)
            atomic_fetch_add(&t->finished, 1);
        else
            atomic_fetch_add(&t->refused, 1);
    }
}

static void a_second_user_is_refused_not_mixed_in(void)
{
    struct turn t = { 0 };
    zc_thread other;
    int runs;

    REQUIRE_INT(zc_pool_open(&t.pool, 2, "test"), ZC_OK);
    REQUIRE_INT(zc_thread_start(&other, "other", use_pool, &t), ZC_OK);
    use_pool(&t);
    zc_thread_join(&other);
    runs = atomic_load(&t.finished);
    REQUIRE(runs >= 200);
    for (int i = 0; i < 4; i++)
        REQUIRE_INT(t.sum[i], runs);
    zc_pool_close(&t.pool);
}

static void impossible_numbers_are_refused(void)
{
    zc_pool *pool = NULL;

    REQUIRE_INT(zc_pool_open(&pool, 0, "test"), ZC_E_ARGUMENT);
    REQUIRE_INT(zc_pool_open(&pool, -1, "test"), ZC_E_ARGUMENT);
    REQUIRE_INT(zc_pool_open(&pool, ZC_POOL_MAX + 1, "test"), ZC_E_ARGUMENT);
    REQUIRE(!pool);
    REQUIRE_INT(zc_pool_open(&pool, 1, "test"), ZC_OK);
    REQUIRE_INT(zc_pool_run(pool, INT32_MAX, never, NULL), ZC_E_ARGUMENT);
    zc_pool_close(&pool);
}

static void whatever_fails_nothing_is_left(void)
{
    zc_pool *pool = NULL;
    zc_status st;

    for (int n = 1, calls = n; calls >= n - 1; n++) {
        faults_alloc(0, FAULT_ONCE);
        faults_thread(n, FAULT_ONCE);
        st = zc_pool_open(&pool, 4, "test");
        zc_pool_close(&pool);
        calls = faults_thread_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
        faults_alloc_end();
    }
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        faults_alloc(n, FAULT_ONCE);
        st = zc_pool_open(&pool, 4, "test");
        zc_pool_close(&pool);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

int main(void)
{
    TEST(every_part_runs_once);
    TEST(runs_follow_each_other_safely);
    TEST(nested_runs_are_refused);
    TEST(a_second_user_is_refused_not_mixed_in);
    TEST(impossible_numbers_are_refused);
    TEST(whatever_fails_nothing_is_left);
    return test_end();
}
