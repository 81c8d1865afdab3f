/* Random hosts of the OpenFX plugin: valid sequences of actions on several threads,
 * each with its own instances, that say stop, cancel, fail and call back at random
 * moments. Whatever is rendered with success is what the engine made.
 *
 * ofx_random Zoetrope.ofx PRESET ACTIONS [SEED] */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hosts/ofx_host.h"
#include "tests/unit/test.h"

enum { THREADS = 8, INSTANCES = 3, PROMPTS = 3, FRAMES = 5, SIDE = 32 };

static const char *path, *preset;
static const char *const prompts[PROMPTS] = { "a ball", "a cube", "" };
static uint8_t *films[PROMPTS];                       /* of RGBA, 8 bit */

typedef struct runner {
    pthread_t  thread;
    uint64_t   state;
    int        actions, rendered, different;
    ofx_effect effect[INSTANCES];
    int        prompt[INSTANCES];         /* of films[]; -1: another film */
    bool       blind[INSTANCES];          /* it may know none of its parameters */
} runner;

static _Thread_local runner *own;         /* for recursive calls */

static int any(runner *r, int below)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (int)((r->state >> 33) % (uint64_t)below);
}

static void make_films(void)
{
    const zt_api *zt = host_engine();
    const zt_engine_desc ed = { .size = sizeof(ed), .threads = 2 };
    zt_engine *engine = NULL;

    REQUIRE_INT(zt->engine_open(&engine, &ed), ZT_OK);
    for (int p = 0; p < PROMPTS; p++) {
        const zt_job_desc jd = { .size = sizeof(jd), .preset = preset, .prompt = prompts[p] };
        zt_job *job = NULL;
        films[p] = malloc(FRAMES * SIDE * SIDE * 4);
        REQUIRE_INT(zt->job_start(engine, &job, &jd), ZT_OK);
        for (int i = 0; i < FRAMES; i++) {
            const zt_frame into = { .size = sizeof(into), .pitch = SIDE * 4,
                                    .data = films[p] + i * SIDE * SIDE * 4 };
            REQUIRE_INT(zt->job_wait(job, i, -1), ZT_OK);
            REQUIRE_INT(zt->job_frame(job, i, &into), ZT_OK);
        }
        zt->job_close(&job);
    }
    zt->engine_close(&engine);
}

static void ask(ofx_effect e)
{
    double first, last;
    int varying;
    char text[64];
    ofx_rect_d rect;

    host_time_domain(e, &first, &last);
    host_region(e, &rect);
    host_preferences(e, &varying, text);
}

static void recurse(ofx_effect e)
{
    if (any(own, 4) == 0)
        ask(e);
}

static void reset(runner *r, int i)
{
    host_set_text(r->effect[i], "preset", preset);
    host_set_text(r->effect[i], "overrides", "");
    host_set_int(r->effect[i], "start", 0);
    host_set_int(r->effect[i], "steps", 50);
    host_set_int(r->effect[i], "transfer", any(r, 2));
    r->prompt[i] = any(r, PROMPTS);
    host_set_text(r->effect[i], "prompt", prompts[r->prompt[i]]);
}

static void create(runner *r, int i)
{
    r->blind[i] = any(r, 8) == 0;
    if (r->blind[i])
        host_fail_every(1 + any(r, 90));
    r->effect[i] = host_create();
    host_fail_every(0);
    if (!r->effect[i])
        return;
    host_project(r->effect[i], any(r, 3) ? SIDE : 0, SIDE, any(r, 2) ? 24 : 0);
    host_on_abort(r->effect[i], any(r, 4) ? NULL : recurse);
    reset(r, i);
}

/* A film that is slow, wrong or odd. */
static void spoil(runner *r, int i)
{
    ofx_effect e = r->effect[i];

    r->prompt[i] = -1;
    switch (any(r, 6)) {
    case 0: host_set_int(e, "steps", 51 + any(r, 100)); break;
    case 1: host_set_text(e, "overrides", "no such thing"); break;
    case 2: host_set_text(e, "preset", "/no/such.preset"); break;
    case 3: host_set_int(e, "start", -1000000 + any(r, 2000000)); break;
    case 4: host_set_text(e, "prompt", "\xff\xfe \x01\n\n = \t"); break;
    default: host_set_int(e, "transfer", 2); break;
    }
}

static void render(runner *r, int i)
{
    static const char *const depths[] = { OFX_BYTE, OFX_SHORT, OFX_HALF, OFX_FLOAT };
    static const double times[] = { 0, 1, 2, 3, 4, -1, 1e308, -1e308, 5.5 };
    ofx_effect e = r->effect[i];
    const int depth = any(r, 3) ? 0 : any(r, 4), time = any(r, 4) ? any(r, FRAMES) : any(r, 9);
    const bool whole = any(r, 2), faults = any(r, 6) == 0;
    host_frame f = {
        .time = times[time], .depth = depths[depth],
        .components = any(r, 4) ? OFX_RGBA : OFX_RGB,
        .bounds = { 0, 0, whole ? SIDE : 1 + any(r, 50), whole ? SIDE : 1 + any(r, 50) },
        .downwards = any(r, 2), .padding = any(r, 3) * 4,
        .scale = whole ? 1 : 0.25 * (1 + any(r, 8)),
    };

    if (!whole && any(r, 2)) {
        f.window.x1 = any(r, f.bounds.x2);
        f.window.x2 = f.window.x1 + 1 + any(r, f.bounds.x2 - f.window.x1);
        f.window.y1 = any(r, f.bounds.y2);
        f.window.y2 = f.window.y1 + 1 + any(r, f.bounds.y2 - f.window.y1);
    }
    if (faults)
        host_fail_every(1 + any(r, 200));
    host_abort_after(e, any(r, 4) ? 0 : 1 + any(r, 3));
    host_cancel_after(e, any(r, 8) ? 0 : 1 + any(r, 3));
    const ofx_status st = host_render(e, &f);
    host_fail_every(0);
    host_abort_after(e, 0);
    host_cancel_after(e, 0);
    if (st == OFX_OK && whole && !faults && !r->blind[i] && depth == 0 && time < FRAMES &&
        r->prompt[i] >= 0 && strcmp(f.components, OFX_RGBA) == 0) {
        r->rendered++;
        r->different += memcmp(f.pixels, films[r->prompt[i]] + time * SIDE * SIDE * 4,
                               SIDE * SIDE * 4) != 0;
    }
    free(f.pixels);
}

static void *run(void *user)
{
    static const char *const plain[] = { OFX_ACTION_PURGE_CACHES, OFX_ACTION_SYNC,
                                         OFX_ACTION_BEGIN_EDIT, OFX_ACTION_END_EDIT,
                                         OFX_ACTION_BEGIN_SEQUENCE, OFX_ACTION_END_SEQUENCE };
    runner *r = user;

    own = r;
    for (int n = 0; n < r->actions; n++) {
        const int i = any(r, INSTANCES), what = any(r, 16);
        if (!r->effect[i])
            create(r, i);
        else if (what == 0)
            host_destroy(&r->effect[i]);
        else if (what == 1)
            spoil(r, i);
        else if (what < 4)
            reset(r, i);
        else if (what == 4)
            host_action(r->effect[i], plain[any(r, 6)]);
        else if (what == 5)
            host_push(r->effect[i], "generate");
        else if (what == 6)
            ask(r->effect[i]);
        else
            render(r, i);
    }
    for (int i = 0; i < INSTANCES; i++) {
        if (r->effect[i])
            host_destroy(&r->effect[i]);
    }
    return NULL;
}

static void whatever_hosts_do(int actions, uint64_t seed)
{
    runner runners[THREADS];
    int rendered = 0;

    memset(runners, 0, sizeof(runners));
    host_open(path);
    REQUIRE_INT(host_load(), OFX_OK);
    REQUIRE_INT(host_describe(OFX_CONTEXT_GENERAL), OFX_OK);
    make_films();
    for (int t = 0; t < THREADS; t++) {
        runners[t].state = seed * 1000003u + (uint64_t)t;
        runners[t].actions = actions / THREADS + 1;
        REQUIRE_INT(pthread_create(&runners[t].thread, NULL, run, &runners[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(runners[t].thread, NULL);
        rendered += runners[t].rendered;
        REQUIRE_INT(runners[t].different, 0);
    }
    REQUIRE(rendered > actions / 100);
    printf("%d actions, %d frames compared, %d films\n", actions, rendered, host_jobs());
    REQUIRE_INT(host_unload(), OFX_OK);
    host_close();
    REQUIRE_INT(host_errors(), 0);
    for (int p = 0; p < PROMPTS; p++)
        free(films[p]);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        printf("usage: ofx_random Zoetrope.ofx PRESET ACTIONS [SEED]\n");
        return 64;
    }
    path = argv[1];
    preset = argv[2];
    whatever_hosts_do(atoi(argv[3]), argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
    return test_end();
}
