/* Weights that engines of one process share: one copy of them, freed by the last
 * who leaves, loaded anew when files have changed, and never waited for by a job
 * that is cancelled. Works on the small model of the parity fixtures. */

#include <malloc.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/shared.h"
#include "tests/e2e/small.h"

static atomic_llong live;         /* bytes of the core's heap */

static void *counted(void *mem)
{
    if (mem)
        atomic_fetch_add(&live, (long long)malloc_usable_size(mem));
    return mem;
}

static void *alloc(void *user, size_t bytes)
{
    (void)user;
    return counted(malloc(bytes));
}

static void *alloc_zeroed(void *user, size_t bytes)
{
    (void)user;
    return counted(calloc(1, bytes));
}

static void *resize(void *user, void *mem, size_t bytes)
{
    (void)user;
    const long long before = mem ? (long long)malloc_usable_size(mem) : 0;
    void *grown = realloc(mem, bytes);

    if (grown)
        atomic_fetch_sub(&live, before);
    return counted(grown);
}

static void release(void *user, void *mem)
{
    (void)user;
    if (mem)
        atomic_fetch_sub(&live, (long long)malloc_usable_size(mem));
    free(mem);
}

static void *alloc_aligned(void *user, size_t bytes)
{
    (void)user;
    return counted(aligned_alloc(ZC_ALIGN, (bytes + ZC_ALIGN - 1) / ZC_ALIGN * ZC_ALIGN));
}

static const zc_alloc_table counting = { NULL, alloc, alloc_zeroed, resize, release,
                                         alloc_aligned, release };

static void two_engines_have_one_copy(void)
{
    mailbox m = { "" };
    zc_engine *a = open_engine(&m), *b = open_engine(&m);
    const long long empty = atomic_load(&live);
    const double sum = film(a, 2);
    const long long one = atomic_load(&live) - empty;

    REQUIRE_INT(zc_shared_count(), 1);
    REQUIRE(film(b, 2) == sum);
    const long long two = atomic_load(&live) - empty;
    REQUIRE_INT(zc_shared_count(), 1);
    REQUIRE(one > 100000 && two < one + one / 100);
    zc_engine_close(&a);
    REQUIRE_INT(zc_shared_count(), 1);
    REQUIRE(film(b, 2) == sum);
    zc_engine_close(&b);
    REQUIRE_INT(zc_shared_count(), 0);
}

static void what_differs_is_not_shared(void)
{
    zc_request *q = small_request(2), *other = small_request(2);
    const zk_backend *cpu = zk_backend_find("cpu"), *ref = zk_backend_find("ref");
    const zc_shared_key key = zc_shared_key_of(q, cpu, 0);
    zc_shared_key k = zc_shared_key_of(other, cpu, 0);

    REQUIRE_STR(k.text, key.text);
    other->steps = 7;
    other->seed = 7;
    k = zc_shared_key_of(other, cpu, 0);
    REQUIRE_STR(k.text, key.text);
    k = zc_shared_key_of(q, cpu, 1000);
    REQUIRE(strcmp(k.text, key.text) != 0);
    k = zc_shared_key_of(q, ref, 0);
    REQUIRE(strcmp(k.text, key.text) != 0);
    other->precision = !other->precision;
    k = zc_shared_key_of(other, cpu, 0);
    REQUIRE(strcmp(k.text, key.text) != 0);
    zc_request_free(q);
    zc_request_free(other);
}

static void files_that_changed_are_others(void)
{
    char folder[] = "sharing-XXXXXX", path[64], link[64];
    zc_request *q = small_request(2);
    const zk_backend *cpu = zk_backend_find("cpu");

    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/a.safetensors", folder);
    snprintf(link, sizeof(link), "%s.link", folder);
    snprintf(q->model, sizeof(q->model), "%s", folder);
    FILE *f = fopen(path, "w");
    fputs("one", f);
    fclose(f);
    const zc_shared_key before = zc_shared_key_of(q, cpu, 0);

    REQUIRE_INT(symlink(folder, link), 0);
    snprintf(q->model, sizeof(q->model), "%s", link);
    zc_shared_key k = zc_shared_key_of(q, cpu, 0);
    REQUIRE_STR(k.text, before.text);         /* another path, but the same files */
    snprintf(q->model, sizeof(q->model), "%s", folder);
    f = fopen(path, "a");
    fputs("two", f);
    fclose(f);
    k = zc_shared_key_of(q, cpu, 0);
    REQUIRE(strcmp(k.text, before.text) != 0);
    unlink(path);
    unlink(link);
    rmdir(folder);
    zc_request_free(q);
}

typedef struct worker {
    zc_thread   thread;
    mailbox     mail;
    zc_engine  *e;
    zc_request *q;
    double      expected;
    int         wrong;
} worker;

/* Films on an engine of its own, some of them cut short. */
static void work(void *arg)
{
    worker *w = arg;

    for (int i = 0; i < 4; i++) {
        zc_job *job = NULL;

        w->wrong += zc_job_start(w->e, &job, w->q) != ZC_OK;
        if (i % 3 == 1) {
            zc_reel_wait(zc_job_reel(job), 0, i % 5);
            zc_job_cancel(job);
        }
        const int st = zc_reel_wait(zc_job_reel(job), 4, -1);
        w->wrong += st == ZC_OK ? sum_of(job) != w->expected : st != ZC_E_CANCELLED;
        zc_job_close(&job);
    }
    zc_engine_close(&w->e);
}

static void many_engines_at_once(int64_t max_memory)
{
    enum { WORKERS = 3 };
    static worker workers[WORKERS];
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    const double sum = film(e, 2);

    zc_engine_close(&e);
    const long long before = atomic_load(&live);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker){ .expected = sum, .e = open_engine(&workers[i].mail),
                               .q = small_request(2) };
        workers[i].q->max_memory = max_memory;
        REQUIRE_INT(zc_thread_start(&workers[i].thread, "engine", work, &workers[i]), ZC_OK);
    }
    for (int i = 0; i < WORKERS; i++) {
        zc_thread_join(&workers[i].thread);
        REQUIRE_INT(workers[i].wrong, 0);
        zc_request_free(workers[i].q);
    }
    REQUIRE_INT(zc_shared_count(), 0);
    REQUIRE_INT(atomic_load(&live), before);
}

static void engines_on_threads_share_what_stays(void)
{
    many_engines_at_once(0);
}

static void engines_on_threads_take_turns_with_what_streams(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *q = small_request(2);
    zc_plan plan;

    REQUIRE_INT(zc_plan_make(e, q, &plan), ZC_OK);
    zc_request_free(q);
    zc_engine_close(&e);
    many_engines_at_once((int64_t)plan.weights[2] * 2 / 3);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: e2e_sharing MODEL\n");
        return 64;
    }
    model_path = argv[1];
    zc_alloc_use(&counting);
    TEST(two_engines_have_one_copy);
    TEST(what_differs_is_not_shared);
    TEST(files_that_changed_are_others);
    TEST(engines_on_threads_share_what_stays);
    TEST(engines_on_threads_take_turns_with_what_streams);
    return test_end();
}
