/* The pool: workers that wait at a gate.
 *
 * The gate is one word: the number of the run, whether it is open, and how many
 * workers are inside. A worker may look at the run's fields only while it is
 * inside, and the caller changes them only while the gate is shut and nobody is,
 * so a worker that wakes late finds either a whole run or none. Waiting is a short
 * spin, then sleep; not even that if there are more workers than processors. */

#include <limits.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/thread.h"

#define GATE_OPEN   ((uint64_t)1 << 31)
#define GATE_INSIDE (GATE_OPEN - 1)
#define GATE_RUN    ((uint64_t)1 << 32)
#define SPINS 4000

#define CACHE_LINE 64

struct worker {
    zc_pool  *pool;
    int       index;
    zc_thread thread;
};

struct zc_pool {
    int threads, started, spins;
    struct worker *workers;           /* [threads - 1] */

    /* The run. */
    void (*fn)(void *arg, int part, int worker);
    void *arg;
    int   parts;
    atomic_bool busy;

    _Alignas(CACHE_LINE) atomic_int next;         /* part to be taken */
    _Alignas(CACHE_LINE) _Atomic uint64_t gate;
    _Alignas(CACHE_LINE) atomic_int sleepers;     /* workers that wait for `work` */
    atomic_bool waiting;                          /* the caller waits for `idle` */
    atomic_bool closing;
    zc_mutex mutex;
    zc_cond  work, idle;
};

/* Tells the processor that this is a waiting loop. */
#if defined(__x86_64__)
#define SPIN_ONCE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define SPIN_ONCE() __asm__ volatile("yield")
#else
#define SPIN_ONCE() ((void)0)
#endif

static void work_through(zc_pool *p, int worker)
{
    int part;

    while ((part = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->parts)
        p->fn(p->arg, part, worker);
}

/* Whether there is something to do for a worker who last saw run `seen`. */
static bool is_called(zc_pool *p, uint64_t gate, uint64_t seen)
{
    return ((gate & GATE_OPEN) && gate / GATE_RUN != seen) || atomic_load(&p->closing);
}

static void wait_for_work(zc_pool *p, uint64_t seen)
{
    for (int i = 0; i < p->spins; i++) {
        if (is_called(p, atomic_load_explicit(&p->gate, memory_order_relaxed), seen))
            return;
        SPIN_ONCE();
    }
    zc_mutex_lock(&p->mutex);
    atomic_fetch_add(&p->sleepers, 1);
    while (!is_called(p, atomic_load(&p->gate), seen))
        zc_cond_wait(&p->work, &p->mutex);
    atomic_fetch_sub(&p->sleepers, 1);
    zc_mutex_unlock(&p->mutex);
}

/* Goes inside, unless the gate was shut meanwhile. */
static bool enter(zc_pool *p, uint64_t *seen)
{
    uint64_t gate = atomic_load(&p->gate);

    while ((gate & GATE_OPEN) && gate / GATE_RUN != *seen) {
        if (atomic_compare_exchange_weak(&p->gate, &gate, gate + 1)) {
            *seen = gate / GATE_RUN;
            return true;
        }
    }
    return false;
}

static void leave(zc_pool *p)
{
    const uint64_t gate = atomic_fetch_sub(&p->gate, 1) - 1;

    if ((gate & (GATE_OPEN | GATE_INSIDE)) == 0 && atomic_load(&p->waiting)) {
        zc_mutex_lock(&p->mutex);
        zc_cond_signal(&p->idle);
        zc_mutex_unlock(&p->mutex);
    }
}

static void worker_main(void *arg)
{
    const struct worker *w = arg;
    zc_pool *p = w->pool;
    uint64_t seen = 0;

    while (!atomic_load(&p->closing)) {
        wait_for_work(p, seen);
        if (enter(p, &seen)) {
            work_through(p, w->index);
            leave(p);
        }
    }
}

static void wake(zc_pool *p, int wanted)
{
    const int asleep = atomic_load(&p->sleepers);

    if (asleep == 0)
        return;
    zc_mutex_lock(&p->mutex);
    if (wanted >= asleep) {
        zc_cond_broadcast(&p->work);
    } else {
        for (int i = 0; i < wanted; i++)
            zc_cond_signal(&p->work);
    }
    zc_mutex_unlock(&p->mutex);
}

static void wait_until_empty(zc_pool *p)
{
    for (int i = 0; i < p->spins; i++) {
        if ((atomic_load(&p->gate) & GATE_INSIDE) == 0)
            return;
        SPIN_ONCE();
    }
    zc_mutex_lock(&p->mutex);
    atomic_store(&p->waiting, true);
    while (atomic_load(&p->gate) & GATE_INSIDE)
        zc_cond_wait(&p->idle, &p->mutex);
    atomic_store(&p->waiting, false);
    zc_mutex_unlock(&p->mutex);
}

zc_status zc_pool_run(zc_pool *pool, int parts, void (*fn)(void *arg, int part, int worker),
                      void *arg)
{
    zc_pool *p = pool;
    uint64_t run;

    if (parts > INT_MAX - ZC_POOL_MAX || atomic_exchange(&p->busy, true))
        return ZC_E_ARGUMENT;
    p->fn = fn;
    p->arg = arg;
    p->parts = parts;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);

    if (parts > 1 && p->threads > 1) {
        run = atomic_load(&p->gate) / GATE_RUN + 1;
        atomic_store(&p->gate, run * GATE_RUN | GATE_OPEN);
        wake(p, parts - 1);
        work_through(p, 0);
        atomic_fetch_sub(&p->gate, GATE_OPEN);
        wait_until_empty(p);
    } else {
        work_through(p, 0);
    }
    atomic_store(&p->busy, false);
    return ZC_OK;
}

int zc_pool_threads(const zc_pool *pool)
{
    return pool->threads;
}

/* What open has made so far: locks, then workers. */
static void pool_free(zc_pool *p)
{
    zc_mutex_lock(&p->mutex);
    atomic_store(&p->closing, true);
    zc_cond_broadcast(&p->work);
    zc_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->started; i++)
        zc_thread_join(&p->workers[i].thread);
    zc_cond_fini(&p->idle);
    zc_cond_fini(&p->work);
    zc_mutex_fini(&p->mutex);
    zc_free(p->workers);
    zc_free_aligned(p);
}

static zc_status init_locks(zc_pool *p)
{
    if (zc_mutex_init(&p->mutex) != ZC_OK)
        return ZC_E_NOMEM;
    if (zc_cond_init(&p->work) == ZC_OK) {
        if (zc_cond_init(&p->idle) == ZC_OK)
            return ZC_OK;
        zc_cond_fini(&p->work);
    }
    zc_mutex_fini(&p->mutex);
    return ZC_E_NOMEM;
}

zc_status zc_pool_open(zc_pool **out, int threads, const char *name)
{
    struct worker *w;
    zc_pool *p;

    if (threads < 1 || threads > ZC_POOL_MAX)
        return ZC_E_ARGUMENT;
    p = zc_alloc_aligned(sizeof(*p));
    if (!p)
        return ZC_E_NOMEM;
    memset(p, 0, sizeof(*p));
    p->threads = threads;
    p->spins = threads <= zc_thread_limit() ? SPINS : 0;
    p->workers = zc_new_array(struct worker, (size_t)threads - 1);
    if (!p->workers || init_locks(p) != ZC_OK) {
        zc_free(p->workers);
        zc_free_aligned(p);
        return ZC_E_NOMEM;
    }
    for (; p->started < threads - 1; p->started++) {
        w = &p->workers[p->started];
        w->pool = p;
        w->index = p->started + 1;
        if (zc_thread_start(&w->thread, name, worker_main, w) != ZC_OK) {
            pool_free(p);
            return ZC_E_NOMEM;
        }
    }
    *out = p;
    return ZC_OK;
}

void zc_pool_close(zc_pool **pool)
{
    if (*pool)
        pool_free(*pool);
    *pool = NULL;
}
