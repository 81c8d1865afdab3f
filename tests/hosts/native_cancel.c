/* Cancelling from another thread, at random moments of every phase.
 *
 * native_cancel LIBRARY PRESET MOMENTS [SEED]
 *
 * The job ends within 250 ms, leaves no memory behind, and the next job's film is
 * what it always was. */
#include <malloc.h>
#include <pthread.h>

#include "tests/hosts/guest.h"
#include "tests/hosts/native_host.h"
#include "tests/unit/test.h"

enum { PHASES = ZT_PHASE_DONE };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const double soon = 2.5;               /* seconds; a sanitizer is ten times slower */
#else
static const double soon = 0.250;
#endif

static native library;
static const char *preset;
static const char *const options = "steps = 20\nvae_tile = 32\nvae_tile_stride = 24\n";
static uint64_t state;

typedef struct canceller {
    pthread_t thread;
    zt_job   *job;
    int32_t   phase;              /* from this on */
    long      wait_ns;            /* and so long after */
    double    asked;              /* when */
} canceller;

static uint32_t draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static void *cancel_at(void *arg)
{
    canceller *c = arg;
    zt_job_info info = { .size = sizeof(info) };

    do
        library.zt->job_info(c->job, &info);
    while (info.phase < c->phase);
    nanosleep(&(struct timespec){ .tv_nsec = c->wait_ns }, NULL);
    c->asked = guest_seconds();
    library.zt->job_cancel(c->job);
    return NULL;
}

/* Starts a film and has it cancelled; returns the seconds from request to end. */
static double cut_short(zt_engine *engine, int32_t phase, int seen[PHASES + 1])
{
    const zt_job_desc desc = { .size = sizeof(desc), .preset = preset, .prompt = "a red ball",
                               .options = options };
    zt_job *before = NULL;
    zt_job_info info = { .size = sizeof(info) };
    canceller c = { .phase = phase, .wait_ns = (long)draw(1000000) };

    /* What waits needs something to wait for. */
    if (phase == ZT_PHASE_WAITING)
        REQUIRE_INT(library.zt->job_start(engine, &before, &desc), ZT_OK);
    REQUIRE_INT(library.zt->job_start(engine, &c.job, &desc), ZT_OK);
    REQUIRE_INT(pthread_create(&c.thread, NULL, cancel_at, &c), 0);
    const int32_t st = library.zt->job_wait(c.job, 4, -1);
    const double ended = guest_seconds();
    pthread_join(c.thread, NULL);
    library.zt->job_info(c.job, &info);
    REQUIRE(st == ZT_OK || st == ZT_E_CANCELLED);
    REQUIRE(st == ZT_OK || strcmp(library.zt->job_error(c.job), "cancelled") == 0);
    seen[st == ZT_E_CANCELLED ? phase : PHASES]++;
    library.zt->job_close(&c.job);
    library.zt->job_close(&before);
    return st == ZT_OK ? 0 : ended - c.asked;
}

static long long memory_now(void)
{
    const struct mallinfo2 m = mallinfo2();

    return (long long)m.uordblks + (long long)m.hblkhd;
}

int main(int argc, char **argv)
{
    int seen[PHASES + 1] = { 0 }, late = 0;
    double worst = 0;

    if (argc < 4) {
        printf("usage: native_cancel LIBRARY PRESET MOMENTS [SEED]\n");
        return 64;
    }
    library = native_open(argv[1]);
    preset = argv[2];
    const int moments = atoi(argv[3]);
    state = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    zt_engine *kept = native_engine(&library, 2, NULL, NULL);
    const uint64_t expected = native_film(&library, kept, preset, options);
    REQUIRE(expected != 0);
    for (int i = 0; i < 10; i++)
        cut_short(kept, i % PHASES, seen);
    const long long level = memory_now();

    for (int i = 0; i < moments; i++) {
        /* One engine has the weights already, the other has yet to load them. */
        const bool fresh = i % 4 == 3;
        zt_engine *engine = fresh ? native_engine(&library, 1, NULL, NULL) : kept;
        if (fresh)
            library.zt->engine_close(&kept);
        const double took = cut_short(engine, (int32_t)draw(PHASES), seen);
        worst = took > worst ? took : worst;
        late += took > soon;
        if (i % 10 == 0)
            REQUIRE(native_film(&library, engine, preset, options) == expected);
        if (fresh) {
            library.zt->engine_close(&engine);
            kept = native_engine(&library, 2, NULL, NULL);
            REQUIRE(native_film(&library, kept, preset, options) == expected);
        }
    }
    const long long grown = memory_now() - level;
    printf("cancelled while waiting %d, loading %d, reading the prompt %d, denoising %d, decoding "
           "%d; %d were done; at most %.1f ms, %lld bytes\n", seen[0], seen[1], seen[2], seen[3],
           seen[4], seen[5], worst * 1e3, grown);
    for (int i = 0; i < PHASES; i++)
        REQUIRE(moments < 100 || seen[i] > 0);
    /* A machine with other work may put a thread aside for longer. */
    REQUIRE(late <= moments / 50);
    REQUIRE(worst < 20 * soon);
    REQUIRE(grown < 128 << 10);
    library.zt->engine_close(&kept);
    native_close(&library);
    return test_end();
}
