/* A frei0r host that does anything a host may do, in random order on 8 threads, and
 * some things that it may not: null arguments, huge numbers, indices that are not.
 *
 * frei0r_random SOURCE.so FILTER.so PRESET SEQUENCES [SEED], each of 20 actions
 *
 * Whatever happens before, a picture must follow from parameters and time alone:
 * each update is repeated by a second instance. Nothing may be written outside of
 * pictures, the floating-point state must stay, and no thread may be left at the end. */
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tests/hosts/frei0r_host.h"

enum { THREADS = 8, TEXTS = 11, SLOTS = 3, GUARD = 64, ACTIONS = 20 };

static module modules[2];
static const char *preset;
static atomic_int failures, updates, told;

typedef struct host {
    pthread_t thread;
    uint64_t  state;
    int       sequences;
} host;

/* What an instance was told; a twin can be told the same. */
typedef struct player {
    const module  *m;
    f0r_instance_t instance;
    unsigned int   width, height;
    const char    *text[TEXTS];
    double         mix;
    bool           has_mix;
} player;

static uint32_t draw(host *h, uint32_t below)
{
    h->state = h->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(h->state >> 33) % below;
}

static void fail(const char *what)
{
    if (atomic_fetch_add(&failures, 1) < 20)
        printf("FAIL %s\n", what);
}

static const char *random_text(host *h, int index)
{
    static const char *const texts[TEXTS][5] = {
        { "", "/no/such.preset", "steps 2; width", "%", "model /no/such;" },
        { "a red ball", "a blue cube%0Aat night", "", "100%", "\xff\xfe" },
        { "", "seed 3", "frames 1; steps 1", "width 100", "; ;=;:; %3D" },
        { "", "7", "-9223372036854775808", "99999999999999999999", "x" },
        { "" },
        { "alpha", "screen", "multiply", "difference", "mix" },
        { "loop", "hold", "transparent", "", "never" },
        { "24", "23.976", "24000/1001", "0", "1e3" },
        { "preset", "host", "", "preset", "other" },
        { "fill", "inside", "stretch", "", "fill " },
        { "slate", "stop", "", "slate", "crash" },
    };

    /* Mostly the good preset, and of the rest mostly what is good. */
    if (index == 0 && draw(h, 6))
        return preset;
    return texts[index][draw(h, 4) ? draw(h, 2) : draw(h, 5)];
}

static double random_time(host *h)
{
    static const double times[] = { 0.0, -1.0, NAN, INFINITY, -INFINITY, 1e300, -3.7e20, 1e11 };

    return draw(h, 4) ? draw(h, 400) / 24.0 : times[draw(h, 8)];
}

static void random_set(host *h, player *p)
{
    static const double mixes[] = { 0.0, 1.0, 0.5, NAN, INFINITY, -4.0, 1e300, 0.001 };
    const int index = (int)draw(h, TEXTS);

    if (index == 4) {
        double mix = mixes[draw(h, 8)];
        p->m->set(p->instance, &mix, index);
        if (mix == mix) {
            p->mix = mix;
            p->has_mix = true;
        }
        return;
    }
    const char *text = random_text(h, index);
    p->m->set(p->instance, &text, index);
    p->text[index] = text;
}

static void wrong_calls(host *h, player *p)
{
    static const int indices[] = { -1, TEXTS, TEXTS + 1, 1 << 30, -(1 << 30) };
    const char *none = NULL, *text = "x";
    f0r_param_info_t info;
    double value = 0;

    p->m->set(NULL, &text, 0);
    p->m->set(p->instance, NULL, (int)draw(h, TEXTS));
    p->m->set(p->instance, &none, 1);
    p->m->get(NULL, &value, 4);
    p->m->get(p->instance, NULL, (int)draw(h, TEXTS));
    p->m->set(p->instance, &text, indices[draw(h, 5)]);
    p->m->get(p->instance, &text, indices[draw(h, 5)]);
    p->m->param_info(&info, indices[draw(h, 5)]);
    p->m->param_info(NULL, 0);
    p->m->plugin_info(NULL);
    p->m->update(NULL, 0.0, NULL, NULL);
    p->m->update(p->instance, 0.0, NULL, NULL);
    p->m->destruct(NULL);
}

static player twin_of(const player *p)
{
    player t = *p;

    t.instance = p->m->construct(p->width, p->height);
    for (int i = 0; i < TEXTS; i++) {
        if (p->text[i])
            t.m->set(t.instance, (void *)(uintptr_t)&p->text[i], i);
    }
    if (p->has_mix)
        t.m->set(t.instance, &t.mix, 4);
    return t;
}

static void random_update(host *h, player *p)
{
    static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    const size_t pixels = (size_t)p->width * p->height, bytes = pixels * 4;
    const double time = random_time(h);

    if (pixels > 1 << 20)
        return;
    uint32_t *in = malloc(bytes + GUARD), *out = malloc(bytes + GUARD);
    uint32_t *again = malloc(bytes + GUARD);
    for (size_t i = 0; i < pixels; i++)
        in[i] = draw(h, 1u << 31) * 2u + draw(h, 2);
    memset(out, 0xa5, bytes + GUARD);
    memset(again, 0xa5, bytes + GUARD);
    const int mode = modes[draw(h, 4)];
    fesetround(mode);
    p->m->update(p->instance, time, in, out);
    if (fegetround() != mode)
        fail("the rounding mode stays");
    fesetround(FE_TONEAREST);
    for (size_t i = 0; i < GUARD; i++) {
        if (((uint8_t *)out)[bytes + i] != 0xa5)
            fail("nothing is written behind a picture");
    }
    if (draw(h, 2)) {
        player t = twin_of(p), u = twin_of(p);
        t.m->update(t.instance, 0.0, in, out);
        u.m->update(u.instance, 0.0, in, again);
        if (memcmp(out, again, bytes) != 0)
            fail("two instances give the same picture");
        t.m->destruct(t.instance);
        u.m->destruct(u.instance);
    }
    atomic_fetch_add(&updates, 1);
    free(again);
    free(out);
    free(in);
}

static void check_told(host *h, const player *p)
{
    const int index = (int)draw(h, TEXTS);
    const char *text = NULL;

    if (index == 4)
        return;
    p->m->get(p->instance, &text, index);
    if (!text || (p->text[index] && *p->text[index] && strcmp(text, p->text[index]) != 0))
        fail("a parameter is what it was set to");
    atomic_fetch_add(&told, 1);
}

static void *play(void *arg)
{
    static const unsigned int sizes[] = { 32, 32, 32, 16, 48, 33, 8, 7, 1, 0, 65537, 4294967295u };
    host *h = arg;
    player players[SLOTS] = { { 0 } };

    for (int i = 0; i < h->sequences * ACTIONS; i++) {
        player *p = &players[draw(h, SLOTS)];
        if (!p->instance) {
            *p = (player){ .m = &modules[draw(h, 2)] };
            p->width = sizes[draw(h, 12)];
            p->height = sizes[draw(h, 12)];
            p->instance = p->m->construct(p->width, p->height);
            p->text[0] = preset;
            p->m->set(p->instance, (void *)(uintptr_t)&preset, 0);
        }
        switch (draw(h, 11)) {
        case 0: case 1: case 2: case 3:
            random_update(h, p);
            break;
        case 4: case 5:
            random_set(h, p);
            break;
        case 6:
            check_told(h, p);
            break;
        case 7:
            p->m->destruct(p->instance);
            p->instance = NULL;
            break;
        case 8:
            p->m->init();
            p->m->deinit();
            break;
        default:
            wrong_calls(h, p);
            break;
        }
    }
    for (int i = 0; i < SLOTS; i++) {
        if (players[i].instance)
            players[i].m->destruct(players[i].instance);
    }
    return NULL;
}

static void *rest(void *arg)
{
    return arg;
}

/* A thread leaves the list a moment after it was joined. */
static bool threads_become(int wanted)
{
    for (int i = 0; i < 200 && entries_of("/proc/self/task") > wanted; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    return entries_of("/proc/self/task") <= wanted;
}

int main(int argc, char **argv)
{
    host hosts[THREADS];
    pthread_t first;

    if (argc < 5) {
        printf("usage: frei0r_random SOURCE.so FILTER.so PRESET SEQUENCES [SEED]\n");
        return 64;
    }
    preset = argv[3];
    stderr = fopen("/dev/null", "w");         /* of thousands of refusals, not of sanitizers */
    const int sequences = atoi(argv[4]);
    const uint64_t seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
    for (int i = 0; i < 2; i++)
        modules[i] = module_open(argv[1 + i]);
    /* With the first thread comes one of the thread sanitizer's. */
    if (pthread_create(&first, NULL, rest, NULL) != 0 || pthread_join(first, NULL) != 0)
        return 1;
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    const int threads = entries_of("/proc/self/task");
    for (int i = 0; i < THREADS; i++) {
        hosts[i] = (host){ .state = seed * 1000 + (uint64_t)i,
                           .sequences = sequences / THREADS + 1 };
        if (pthread_create(&hosts[i].thread, NULL, play, &hosts[i]) != 0)
            return 1;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(hosts[i].thread, NULL);
    if (!threads_become(threads))
        fail("no thread is left");
    for (int i = 0; i < 2; i++)
        module_close(&modules[i]);
    printf("seed %llu: %d updates, %d values, %d failures\n", (unsigned long long)seed,
           atomic_load(&updates), atomic_load(&told), atomic_load(&failures));
    return atomic_load(&failures) || !atomic_load(&updates) ? 1 : 0;
}
