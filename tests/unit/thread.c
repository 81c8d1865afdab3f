/* Threads as hosts need them, and waiting. */

#include <fenv.h>
#include <pthread.h>
#include <signal.h>

#include "core/base/thread.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

struct report {
    bool all_blocked;
    int  rounding;
    float tiny;               /* half of the smallest normal number: 0 if subnormals are flushed */
    char name[16];
};

static void look_around(void *arg)
{
    volatile float smallest = 0x1p-126f;
    struct report *r = arg;
    sigset_t mask;

    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    r->all_blocked = sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM) &&
                     sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGALRM);
    r->rounding = fegetround();
    r->tiny = smallest * 0.5f;
    pthread_getname_np(pthread_self(), r->name, sizeof(r->name));
}

#if defined(__x86_64__)
#define FLUSH_SUBNORMALS() __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040)
#else
#define FLUSH_SUBNORMALS() ((void)0)
#endif

static void our_threads_are_clean(void)
{
    struct report r = { 0 };
    sigset_t before, after;
    zc_thread t;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    fesetround(FE_UPWARD);
    FLUSH_SUBNORMALS();
    const zc_status st = zc_thread_start(&t, "a rather long name", look_around, &r);
    fesetenv(FE_DFL_ENV);

    REQUIRE_INT(st, ZC_OK);
    zc_thread_join(&t);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    REQUIRE(r.all_blocked);
    REQUIRE_INT(r.rounding, FE_TONEAREST);
    REQUIRE_F64((double)r.tiny, 0x1p-127);
    REQUIRE_STR(r.name, "a rather long n");
    REQUIRE_INT(sigismember(&after, SIGUSR1), sigismember(&before, SIGUSR1));
}

static void lack_of_threads_is_reported(void)
{
    struct report r;
    zc_mutex m;
    zc_cond c;
    zc_thread t;

    faults_alloc(1, FAULT_ONCE);
    REQUIRE_INT(zc_thread_start(&t, "x", look_around, &r), ZC_E_NOMEM);
    faults_alloc_end();
    faults_alloc(0, FAULT_ONCE);
    faults_thread(1, FAULT_ONWARDS);
    REQUIRE_INT(zc_thread_start(&t, "x", look_around, &r), ZC_E_NOMEM);
    REQUIRE_INT(zc_mutex_init(&m), ZC_E_NOMEM);
    REQUIRE_INT(zc_cond_init(&c), ZC_E_NOMEM);
    REQUIRE_INT(faults_thread_end(), 3);
    REQUIRE_INT(faults_live_blocks(), 0);
    faults_alloc_end();
}

struct baton {
    zc_mutex mutex;
    zc_cond cond;
    int turn, rounds;
};

static void pass_back(void *arg)
{
    struct baton *b = arg;

    zc_mutex_lock(&b->mutex);
    while (b->rounds < 100) {
        while (b->turn != 1)
            zc_cond_wait(&b->cond, &b->mutex);
        b->turn = 0;
        b->rounds++;
        zc_cond_signal(&b->cond);
    }
    zc_mutex_unlock(&b->mutex);
}

static void conditions_wake_and_time_out(void)
{
    struct baton b = { .turn = 0 };
    int64_t start, until;
    zc_thread t;
    bool in_time = true;

    REQUIRE_INT(zc_mutex_init(&b.mutex), ZC_OK);
    REQUIRE_INT(zc_cond_init(&b.cond), ZC_OK);
    REQUIRE_INT(zc_thread_start(&t, "baton", pass_back, &b), ZC_OK);
    zc_mutex_lock(&b.mutex);
    while (b.rounds < 100) {
        b.turn = 1;
        zc_cond_broadcast(&b.cond);
        while (b.turn != 0 && in_time)
            in_time = zc_cond_wait_until(&b.cond, &b.mutex, zc_clock_ns() + 60000000000);
    }
    REQUIRE(in_time);
    zc_mutex_unlock(&b.mutex);
    zc_thread_join(&t);

    zc_mutex_lock(&b.mutex);
    start = zc_clock_ns();
    until = start + 5000000;
    while (zc_cond_wait_until(&b.cond, &b.mutex, until))
        continue;
    REQUIRE(zc_clock_ns() >= until);
    REQUIRE(!zc_cond_wait_until(&b.cond, &b.mutex, start));
    zc_mutex_unlock(&b.mutex);
    zc_cond_fini(&b.cond);
    zc_mutex_fini(&b.mutex);
}

static int once_count;

static void count_once(void)
{
    once_count++;
}

static void once_runs_once(void)
{
    static zc_once once = ZC_ONCE_INIT;

    zc_once_run(&once, count_once);
    zc_once_run(&once, count_once);
    REQUIRE_INT(once_count, 1);
}

static void wait_for_cancel(void *arg)
{
    while (!zc_cancel_requested(arg))
        continue;
}

static void a_cancel_is_seen_elsewhere(void)
{
    zc_cancel c = { 0 };
    zc_thread t;

    REQUIRE(!zc_cancel_requested(&c));
    REQUIRE_INT(zc_thread_start(&t, "cancel", wait_for_cancel, &c), ZC_OK);
    zc_cancel_request(&c);
    zc_thread_join(&t);
    REQUIRE(zc_cancel_requested(&c));
    REQUIRE(zc_thread_limit() >= 1);
}

int main(void)
{
    TEST(our_threads_are_clean);
    TEST(lack_of_threads_is_reported);
    TEST(conditions_wake_and_time_out);
    TEST(once_runs_once);
    TEST(a_cancel_is_seen_elsewhere);
    return test_end();
}
