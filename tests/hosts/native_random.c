/* A native host that does anything a host may do, in random order on 8 threads, and
 * much that it may not: null arguments, huge numbers, structs of the wrong size, jobs
 * cancelled and closed at any moment.
 *
 * native_random LIBRARY PRESET SEQUENCES [SEED], each of 20 actions
 *
 * Whatever happens before, a film must follow from its options alone, and no thread
 * may be left at the end. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/hosts/guest.h"
#include "tests/hosts/native_host.h"

enum { THREADS = 8, JOBS = 3, ACTIONS = 20, FILMS = 4 };

static native library;
static const char *preset;
static uint64_t expected[FILMS];
static atomic_int failures, films, refused, cancelled, heard;

/* Small films, all of them different. */
static const char *const good[FILMS] = {
    "steps = 1\nframes = 1\n", "steps = 2\nframes = 1\nseed = 7\n",
    "steps = 3\nframes = 5\nwidth = 16\n", "steps = 2\nframes = 1\nmax_memory = 500000\n",
};

/* A description that may say that it is longer than it is, with zeroes behind it. */
typedef union wide {
    zt_job_desc d;
    uint8_t     bytes[1 << 17];
} wide;

typedef struct host {
    wide       desc;
    pthread_t  thread;
    uint64_t   state;
    int        sequences;
    zt_engine *engine;
    zt_job    *job[JOBS];
    int        film[JOBS];        /* an index of good; -1: any other */
} host;

static uint32_t draw(host *h, uint32_t below)
{
    h->state = h->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(h->state >> 33) % below;
}

static int32_t any_int(host *h)
{
    static const int32_t values[] = { 0, 1, -1, 4, 5, 99, INT32_MAX, INT32_MIN, 65536, -32 };

    return values[draw(h, 10)];
}

static void fail(const char *what)
{
    if (atomic_fetch_add(&failures, 1) < 20)
        printf("FAIL %s\n", what);
}

/* Calls back where a host may: not into its engine, but into the library. */
static void hear(void *user, int32_t level, const char *text)
{
    zt_item item = { .size = sizeof(item) };

    if (!user || level < 0 || level > ZT_LEVEL_TRACE || !text || strchr(text, '\n'))
        fail("a message is a level and a line");
    if (library.zt->list(ZT_LIST_BACKENDS, 0, &item) != ZT_OK)
        fail("the lists answer inside of a callback");
    library.zt->status_name(level);
    atomic_fetch_add(&heard, 1);
}

static void ignore(void *user, const char *text)
{
    if (!text || user != &heard)
        fail("a text comes with its user");
}

static zt_job_desc good_desc(int film)
{
    return (zt_job_desc){ .size = sizeof(zt_job_desc), .preset = preset, .prompt = "a red ball",
                          .options = good[film] };
}

/* One thing is wrong with it; in h. */
static zt_job_desc *bad_desc(host *h)
{
    static const char *const options[] = { "stpes = 1\n", "steps", "steps = 1e9\n", "=\n", "\xff",
                                           "model = /no/such/folder\n", "cache = x\n",
                                           "max_memory = 1\n" };
    static const char *const presets[] = { "/no/such.preset", "", "x = 1\n", "\xff\xfe", "/" };
    zt_job_desc *d = &h->desc.d;

    *d = good_desc(0);
    switch (draw(h, 6)) {
    case 0: d->options = options[draw(h, 8)]; break;
    case 1: d->preset = presets[draw(h, 5)]; break;
    case 2: d->width = any_int(h); d->height = any_int(h); break;
    case 3: d->frames = any_int(h); break;
    case 4: d->size = (uint32_t)any_int(h); break;
    default: d->preset = NULL; break;
    }
    return d;
}

static void start(host *h, int slot)
{
    uint8_t pixels[32 * 32 * 4] = { 0 };
    const void *data[1] = { pixels };
    const bool bad = draw(h, 3) == 0;
    const int film = (int)draw(h, FILMS);
    zt_job_desc good_one = good_desc(film), *d = bad ? bad_desc(h) : &good_one;
    zt_input in = { .size = sizeof(in), .frames = 1, .pitch = 32 * 4, .data = data };
    const bool square = strstr(d->options ? d->options : "", "width") == NULL && !bad;

    if (draw(h, 4) == 0 && square) {
        d->input = &in;
    } else if (draw(h, 6) == 0 && bad) {
        in.width = any_int(h);
        in.pitch = draw(h, 2) ? INT64_MIN : 3;
        d->input = &in;
    }
    const int32_t st = library.zt->job_start(h->engine, &h->job[slot], d);
    h->film[slot] = bad ? -1 : film;
    if ((st == ZT_OK) != (h->job[slot] != NULL))
        fail("a job or a failure");
    if (!bad && st != ZT_OK && st != ZT_E_NOMEM)
        fail("a good description starts");
    atomic_fetch_add(&refused, st != ZT_OK);
}

/* What is there when it is over, which is a moment after the last frame. */
static void finish(host *h, int slot)
{
    zt_job *job = h->job[slot];
    const int film = h->film[slot];
    zt_job_info info = { .size = sizeof(info) };

    library.zt->job_info(job, &info);
    const int32_t st = library.zt->job_wait(job, info.frames - 1, -1);
    while (info.phase != ZT_PHASE_DONE)
        library.zt->job_info(job, &info);
    const char *error = library.zt->job_error(job);
    if ((st == ZT_OK) != (*error == '\0'))
        fail("a failure has its reason, and nothing else has");
    if (st == ZT_OK && film >= 0 && native_digest(&library, job) != expected[film])
        fail("a film follows from its options");
    if (st != ZT_OK && film >= 0 && st != ZT_E_CANCELLED)
        fail(error);
    if (*library.zt->job_report(job) != '{')
        fail("a report at the end");
    atomic_fetch_add(&films, st == ZT_OK);
    atomic_fetch_add(&cancelled, st == ZT_E_CANCELLED);
}

static void ask(host *h, zt_job *job)
{
    static uint8_t unused[16];
    zt_job_info info = { .size = draw(h, 4) ? sizeof(info) : draw(h, 60) };
    zt_frame frame = { .size = sizeof(frame), .format = any_int(h), .pitch = any_int(h) };
    uint8_t *pixels = malloc(32 * 32 * 16);

    library.zt->job_info(job, draw(h, 8) ? &info : NULL);
    library.zt->job_wait(job, any_int(h), (int32_t)draw(h, 4));
    library.zt->job_error(job);
    library.zt->job_report(job);
    if (library.zt->job_frame(job, any_int(h), NULL) == ZT_OK)
        fail("no frame without a place for it");
    if (library.zt->job_frame(job, 0, &frame) == ZT_OK)
        fail("no frame without data");
    frame = (zt_frame){ .size = sizeof(frame), .format = (int32_t)draw(h, 4),
                        .pitch = draw(h, 2) ? 1 : INT64_MIN, .data = unused };
    if (library.zt->job_frame(job, 0, &frame) == ZT_OK)
        fail("no frame with rows that overlap");
    if (pixels) {
        frame.pitch = 32 * 16;
        frame.data = pixels;
        library.zt->job_frame(job, any_int(h), &frame);
    }
    free(pixels);
}

static void wrong_calls(host *h)
{
    zt_job *job = NULL;
    zt_engine *engine = NULL;
    zt_engine_desc ed = { .size = sizeof(ed), .threads = any_int(h), .device = "none" };
    zt_item item = { .size = (uint32_t)any_int(h) };
    zt_param param = { .size = draw(h, 80) };
    const zt_job_desc *d = bad_desc(h);

    library.zt->status_name(any_int(h));
    library.zt->list(any_int(h), any_int(h), draw(h, 2) ? &item : NULL);
    library.zt->param(any_int(h), draw(h, 2) ? &param : NULL);
    library.zt->task_param(draw(h, 2) ? NULL : "no such table", any_int(h), &param);
    if (library.zt->engine_open(&engine, &ed) == ZT_OK || engine)
        fail("no engine on a device that is none");
    library.zt->engine_open(NULL, NULL);
    library.zt->engine_open(&engine, NULL);
    library.zt->engine_close(&engine);
    library.zt->engine_close(NULL);
    library.zt->job_start(NULL, &job, d);
    library.zt->job_start(h->engine, NULL, d);
    library.zt->job_start(h->engine, &job, NULL);
    library.zt->train_start(h->engine, &job, NULL);
    ask(h, NULL);
    library.zt->job_cancel(NULL);
    library.zt->job_close(&job);
    library.zt->job_close(NULL);
    library.zt->plan(NULL, d, NULL, NULL, NULL);
    library.zt->plan(h->engine, NULL, NULL, NULL, NULL);
    library.zt->inspect(h->engine, NULL, NULL, NULL);
    library.zt->inspect(h->engine, draw(h, 2) ? "/no/such" : "/dev/null", ignore, &heard);
}

static void act(host *h)
{
    const int slot = (int)draw(h, JOBS);
    zt_job **job = &h->job[slot];
    zt_plan plan = { .size = sizeof(plan) };
    const zt_job_desc d = good_desc((int)draw(h, FILMS - 1));

    switch (draw(h, 12)) {
    case 0: case 1: case 2: case 3:
        if (!*job)
            start(h, slot);
        break;
    case 4:
        if (*job)
            finish(h, slot);
        break;
    case 5: case 6:
        library.zt->job_cancel(*job);
        break;
    case 7:
        library.zt->job_close(job);
        break;
    case 8: case 9:
        ask(h, *job);
        break;
    case 10:
        if (library.zt->plan(h->engine, &d, &plan, ignore, &heard) != ZT_OK || plan.flops <= 0)
            fail("a plan beside jobs");
        break;
    default:
        wrong_calls(h);
        break;
    }
}

static void *play(void *arg)
{
    host *h = arg;

    for (int i = 0; i < h->sequences; i++) {
        h->engine = native_engine(&library, 1 + (int32_t)draw(h, 2), hear, h);
        for (int k = 0; k < ACTIONS; k++)
            act(h);
        for (int k = 0; k < JOBS; k++) {
            if (h->job[k] && draw(h, 2))
                finish(h, k);
            library.zt->job_close(&h->job[k]);
        }
        library.zt->engine_close(&h->engine);
    }
    return NULL;
}

static void *rest(void *arg)
{
    return arg;
}

int main(int argc, char **argv)
{
    static host hosts[THREADS];
    pthread_t first;

    if (argc < 4) {
        printf("usage: native_random LIBRARY PRESET SEQUENCES [SEED]\n");
        return 64;
    }
    library = native_open(argv[1]);
    preset = argv[2];
    const int sequences = atoi(argv[3]);
    const uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    /* With the first thread comes one of the thread sanitizer's. */
    if (pthread_create(&first, NULL, rest, NULL) != 0 || pthread_join(first, NULL) != 0)
        return 1;
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    const int threads = entries_of("/proc/self/task");
    zt_engine *engine = native_engine(&library, 1, NULL, NULL);
    for (int i = 0; i < FILMS; i++) {
        expected[i] = native_film(&library, engine, preset, good[i]);
        if (!expected[i])
            fail("a film to compare with");
    }
    library.zt->engine_close(&engine);
    for (int i = 0; i < THREADS; i++) {
        hosts[i].state = seed * 1000 + (uint64_t)i;
        hosts[i].sequences = sequences / THREADS + 1;
        if (pthread_create(&hosts[i].thread, NULL, play, &hosts[i]) != 0)
            return 1;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(hosts[i].thread, NULL);
    /* A thread leaves the list a moment after it was joined. */
    for (int i = 0; i < 200 && entries_of("/proc/self/task") > threads; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    if (entries_of("/proc/self/task") > threads)
        fail("no thread is left");
    native_close(&library);
    printf("seed %llu: %d films, %d refused, %d cancelled, %d messages, %d failures\n",
           (unsigned long long)seed, atomic_load(&films), atomic_load(&refused),
           atomic_load(&cancelled), atomic_load(&heard), atomic_load(&failures));
    return atomic_load(&failures) || !atomic_load(&films) ? 1 : 0;
}
