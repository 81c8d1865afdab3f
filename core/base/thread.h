/* Threads, locks, and the pool that splits work over threads.
 *
 * Threads of ours block all signals, have a name, and start with the default
 * rounding and denormal modes whatever their creator's are. What can fail to be created goes
 * through one table, so that tests can make it fail.
 *
 * Thread safety: as each thing says. zc_thread_use is for tests, while none of
 * our threads run. */
#ifndef ZC_THREAD_H
#define ZC_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"

typedef struct zc_mutex {
    pthread_mutex_t os;
} zc_mutex;

typedef struct zc_cond {
    pthread_cond_t os;
} zc_cond;

typedef struct zc_thread {
    pthread_t os;
} zc_thread;

/* Each returns 0 or an errno. */
typedef struct zc_thread_table {
    void *user;
    int (*thread)(void *user, pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                  void *arg);
    int (*mutex)(void *user, pthread_mutex_t *mutex);
    int (*cond)(void *user, pthread_cond_t *cond);
} zc_thread_table;

extern const zc_thread_table zc_thread_system;
void zc_thread_use(const zc_thread_table *table);           /* NULL: the system's */

#define ZC_MUTEX_INIT { PTHREAD_MUTEX_INITIALIZER }

/* These fail with ZC_E_NOMEM if the system has no more. */
zc_status zc_mutex_init(zc_mutex *m);
void zc_mutex_fini(zc_mutex *m);
void zc_mutex_lock(zc_mutex *m);
void zc_mutex_unlock(zc_mutex *m);

zc_status zc_cond_init(zc_cond *c);
void zc_cond_fini(zc_cond *c);
void zc_cond_signal(zc_cond *c);
void zc_cond_broadcast(zc_cond *c);
void zc_cond_wait(zc_cond *c, zc_mutex *m);                 /* may wake for no reason */
/* False once zc_clock_ns has reached `until_ns`. */
bool zc_cond_wait_until(zc_cond *c, zc_mutex *m, int64_t until_ns);

/* Runs fn(arg) on a thread of its own, named by the first 15 bytes of `name`. It
 * must be joined. */
zc_status zc_thread_start(zc_thread *t, const char *name, void (*fn)(void *arg), void *arg);
void zc_thread_join(zc_thread *t);

typedef pthread_once_t zc_once;
#define ZC_ONCE_INIT PTHREAD_ONCE_INIT
void zc_once_run(zc_once *once, void (*fn)(void));

int64_t zc_clock_ns(void);            /* steady; its zero means nothing */
int64_t zc_clock_work_ns(void);       /* time of processors that all threads have used */
int     zc_thread_limit(void);        /* processors this process may use, at least 1 */

/* A request to stop, set by any thread, polled by the one that works. Starts as
 * { 0 }. */
typedef struct zc_cancel {
    atomic_bool requested;
} zc_cancel;

static inline void zc_cancel_request(zc_cancel *c)
{
    atomic_store_explicit(&c->requested, true, memory_order_release);
}

static inline bool zc_cancel_requested(zc_cancel *c)
{
    return atomic_load_explicit(&c->requested, memory_order_acquire);
}

/* A pool of `threads` workers, of which the caller of run is worker 0. */
typedef struct zc_pool zc_pool;

/* Starts threads - 1 threads called `name`; threads is from 1 to ZC_POOL_MAX. If one can't be
 * had, none is left. */
#define ZC_POOL_MAX 256
zc_status zc_pool_open(zc_pool **out, int threads, const char *name);
void zc_pool_close(zc_pool **pool);         /* joins; no run may be going on */
int  zc_pool_threads(const zc_pool *pool);

/* Calls fn(arg, part, worker) once for every part in [0, parts), on whichever worker is free, and
 * returns when all have returned; what they wrote is visible then. No two calls with the same
 * worker overlap. Parts start in ascending order. A run inside a run, or from a second thread, is
 * ZC_E_ARGUMENT and calls nothing. */
zc_status zc_pool_run(zc_pool *pool, int parts, void (*fn)(void *arg, int part, int worker),
                      void *arg);

#endif
