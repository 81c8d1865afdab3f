/* Threads and locks over the system's. */

#include <errno.h>
#include <fenv.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/thread.h"

#define STACK_BYTES ((size_t)2 << 20)
#define NS_PER_SECOND 1000000000

static int system_thread(void *user, pthread_t *thread, const pthread_attr_t *attr,
                         void *(*fn)(void *), void *arg)
{
    (void)user;
    return pthread_create(thread, attr, fn, arg);
}

static int system_mutex(void *user, pthread_mutex_t *mutex)
{
    (void)user;
    return pthread_mutex_init(mutex, NULL);
}

static int system_cond(void *user, pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int err = pthread_condattr_init(&attr);

    (void)user;
    if (err != 0)
        return err;
    err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (err == 0)
        err = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return err;
}

const zc_thread_table zc_thread_system = {
    .thread = system_thread,
    .mutex  = system_mutex,
    .cond   = system_cond,
};

static const zc_thread_table *table = &zc_thread_system;      /* changed by tests only */

void zc_thread_use(const zc_thread_table *use)
{
    table = use ? use : &zc_thread_system;
}

zc_status zc_mutex_init(zc_mutex *m)
{
    return table->mutex(table->user, &m->os) == 0 ? ZC_OK : ZC_E_NOMEM;
}

void zc_mutex_fini(zc_mutex *m)
{
    pthread_mutex_destroy(&m->os);
}

void zc_mutex_lock(zc_mutex *m)
{
    pthread_mutex_lock(&m->os);
}

void zc_mutex_unlock(zc_mutex *m)
{
    pthread_mutex_unlock(&m->os);
}

zc_status zc_cond_init(zc_cond *c)
{
    return table->cond(table->user, &c->os) == 0 ? ZC_OK : ZC_E_NOMEM;
}

void zc_cond_fini(zc_cond *c)
{
    pthread_cond_destroy(&c->os);
}

void zc_cond_signal(zc_cond *c)
{
    pthread_cond_signal(&c->os);
}

void zc_cond_broadcast(zc_cond *c)
{
    pthread_cond_broadcast(&c->os);
}

void zc_cond_wait(zc_cond *c, zc_mutex *m)
{
    pthread_cond_wait(&c->os, &m->os);
}

bool zc_cond_wait_until(zc_cond *c, zc_mutex *m, int64_t until_ns)
{
    struct timespec at;

    if (until_ns <= zc_clock_ns())
        return false;
    at.tv_sec = (time_t)(until_ns / NS_PER_SECOND);
    at.tv_nsec = (long)(until_ns % NS_PER_SECOND);
    return pthread_cond_timedwait(&c->os, &m->os, &at) != ETIMEDOUT;
}

/* What a new thread needs to know before it runs the caller's function. */
struct start {
    void (*fn)(void *arg);
    void *arg;
    char  name[16];
};

static void *thread_main(void *arg)
{
    const struct start s = *(struct start *)arg;

    zc_free(arg);
    fesetenv(FE_DFL_ENV);
    pthread_setname_np(pthread_self(), s.name);
    s.fn(s.arg);
    return NULL;
}

/* Attributes of all our threads: a stack that doesn't depend on the host's limits,
 * and no signal, from the first instruction on. */
static int make_attributes(pthread_attr_t *attr)
{
    sigset_t all;
    int err = pthread_attr_init(attr);

    if (err != 0)
        return err;
    sigfillset(&all);
    err = pthread_attr_setsigmask_np(attr, &all);
    if (err == 0)
        err = pthread_attr_setstacksize(attr, STACK_BYTES);
    if (err != 0)
        pthread_attr_destroy(attr);
    return err;
}

zc_status zc_thread_start(zc_thread *t, const char *name, void (*fn)(void *arg), void *arg)
{
    pthread_attr_t attr;
    struct start *s = zc_new(struct start);
    int err;

    if (!s)
        return ZC_E_NOMEM;
    s->fn = fn;
    s->arg = arg;
    strncpy(s->name, name, sizeof(s->name) - 1);
    err = make_attributes(&attr);
    if (err == 0) {
        err = table->thread(table->user, &t->os, &attr, thread_main, s);
        pthread_attr_destroy(&attr);
    }
    if (err != 0)
        zc_free(s);
    return err == 0 ? ZC_OK : ZC_E_NOMEM;
}

void zc_thread_join(zc_thread *t)
{
    pthread_join(t->os, NULL);
}

void zc_once_run(zc_once *once, void (*fn)(void))
{
    pthread_once(once, fn);
}

static int64_t clock_at(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t zc_clock_ns(void)
{
    return clock_at(CLOCK_MONOTONIC);
}

int64_t zc_clock_work_ns(void)
{
    return clock_at(CLOCK_PROCESS_CPUTIME_ID);
}

int zc_thread_limit(void)
{
    cpu_set_t set;
    int n = 0;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
