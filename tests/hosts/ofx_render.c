/* The OpenFX plugin in a host that does what real ones do.
 *
 * ofx_render Zoetrope.ofx PRESET CYCLES
 *
 * The preset is of a small model: 32 by 32 pixels, 5 frames. */
#define GUEST_OPENS
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/hosts/guest.h"
#include "tests/hosts/ofx_host.h"
#include "tests/unit/test.h"

enum { SIDE = 32, FRAMES = 5 };

static const char *path, *preset;
static int cycles;

static ofx_effect instance(const char *prompt)
{
    ofx_effect e = host_create();

    REQUIRE(e != NULL);
    host_project(e, SIDE, SIDE, 24);
    host_set_text(e, "preset", preset);
    host_set_text(e, "prompt", prompt);
    host_set_int(e, "start", 0);
    return e;
}

static void begin(const char *context)
{
    host_open(path);
    REQUIRE_INT(host_load(), OFX_OK);
    REQUIRE_INT(host_describe(context), OFX_OK);
}

static void end(void)
{
    REQUIRE_INT(host_unload(), OFX_OK);
    host_close();
}

static host_frame frame_at(double time, const char *depth, const char *components)
{
    return (host_frame){ .time = time, .depth = depth, .components = components,
                         .bounds = { 0, 0, SIDE, SIDE } };
}

/* All frames of a film straight from the engine; to be freed. */
static uint8_t *film_of(const char *prompt, int format, size_t pixel)
{
    const zt_api *zt = host_engine();
    const zt_engine_desc ed = { .size = sizeof(ed), .threads = 2 };
    const zt_job_desc jd = { .size = sizeof(jd), .preset = preset, .prompt = prompt };
    const size_t bytes = SIDE * SIDE * pixel;
    uint8_t *film = malloc(FRAMES * bytes);
    zt_engine *engine = NULL;
    zt_job *job = NULL;

    REQUIRE_INT(zt->engine_open(&engine, &ed), ZT_OK);
    REQUIRE_INT(zt->job_start(engine, &job, &jd), ZT_OK);
    REQUIRE_INT(zt->job_wait(job, FRAMES - 1, -1), ZT_OK);
    for (int i = 0; i < FRAMES; i++) {
        const zt_frame into = { .size = sizeof(into), .format = format,
                                .pitch = (int64_t)(SIDE * pixel), .data = film + i * bytes };
        REQUIRE_INT(zt->job_frame(job, i, &into), ZT_OK);
    }
    zt->job_close(&job);
    zt->engine_close(&engine);
    return film;
}

static void a_scan_is_quick_and_starts_nothing(void)
{
    const int threads = entries_of("/proc/self/task"), files = entries_of("/proc/self/fd");
    const double from = guest_work();
    const int opens = guest_files.opens;

    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = host_create();
    REQUIRE(e != NULL);
    REQUIRE_INT(entries_of("/proc/self/task"), threads);
    REQUIRE_INT(entries_of("/proc/self/fd"), files);
    host_destroy(&e);
    end();
    const double took = guest_work() - from;
    printf("scan: %.2f ms\n", took * 1e3);
    REQUIRE_INT(guest_files.opens, opens);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    REQUIRE(took < 0.020);
#endif
    REQUIRE_INT(host_jobs(), 0);
}

static void it_is_described(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    REQUIRE_STR(host_effect_text("OfxImageEffectPropSupportedContexts", 0), OFX_CONTEXT_GENERATOR);
    REQUIRE_STR(host_effect_text("OfxImageEffectPropSupportedPixelDepths", 3), OFX_BYTE);
    REQUIRE_STR(host_effect_text(OFX_P_THREAD_SAFETY, 0), OFX_INSTANCE_SAFE);
    REQUIRE_STR(host_param_type("prompt"), OFX_STRING);
    REQUIRE_STR(host_param_text("prompt", OFX_P_STRING_MODE), OFX_MULTI_LINE);
    REQUIRE_STR(host_param_text("preset", OFX_P_STRING_MODE), OFX_FILE_PATH);
    REQUIRE_STR(host_param_type("installed"), OFX_CHOICE);
    REQUIRE_STR(host_param_text("installed", OFX_P_CHOICES), "(the file)");
    REQUIRE_STR(host_param_text("prompt", OFX_P_PARENT), "groupScene");
    REQUIRE_STR(host_param_text("pageScene", OFX_P_PAGE_CHILD), "preset");
    REQUIRE_STR(host_param_type("seed"), OFX_INTEGER);
    REQUIRE_STR(host_param_type("max_memory"), OFX_DOUBLE);
    REQUIRE_STR(host_param_type("precision"), OFX_CHOICE);
    REQUIRE_STR(host_param_type("generate"), OFX_PUSH_BUTTON);
    REQUIRE_INT(host_param_number("prompt", OFX_P_ANIMATES), 0);
    REQUIRE_INT(host_param_number("steps", OFX_P_MIN), 1);
    REQUIRE_INT(host_param_number("start", OFX_P_DEFAULT), 0);
    for (int i = 0; host_engine(); i++) {         /* every parameter of the engine is there */
        zt_param p = { .size = sizeof(p) };
        if (host_engine()->param(i, &p) != ZT_OK)
            break;
        REQUIRE(*host_param_type(p.key) != '\0');
    }
    REQUIRE_INT(host_describe(OFX_CONTEXT_GENERAL), OFX_OK);
    REQUIRE_INT(host_describe(OFX_CONTEXT_FILTER), OFX_OK);
    end();
}

static void actions_have_answers(void)
{
    double first = -1, last = -1;
    ofx_rect_d r;
    int varying = 0;
    char premultiplied[64];

    begin(OFX_CONTEXT_GENERAL);
    ofx_effect e = instance("a red ball");
    REQUIRE(host_time_domain(e, &first, &last));      /* the preset's, before any film */
    REQUIRE(first == 0 && last == FRAMES - 1);
    host_set_int(e, "start", 10);
    host_set_double(e, "rate", 12);
    REQUIRE(host_time_domain(e, &first, &last));
    REQUIRE(first == 10 && last == 10 + 2 * FRAMES - 1);
    REQUIRE(host_region(e, &r));
    REQUIRE(r.x1 == 0 && r.y1 == 0 && r.x2 == SIDE && r.y2 == SIDE);
    REQUIRE(host_preferences(e, &varying, premultiplied));
    REQUIRE_INT(varying, 1);
    REQUIRE_STR(premultiplied, OFX_PREMULTIPLIED);
    host_set_int(e, "fit", 1);
    REQUIRE(host_preferences(e, &varying, premultiplied));
    REQUIRE_STR(premultiplied, OFX_OPAQUE);
    host_project(e, 0, 0, 0);
    REQUIRE(!host_region(e, &r));
    REQUIRE_INT(host_action(e, "OfxActionOfTheFuture"), OFX_REPLY_DEFAULT);
    REQUIRE_INT(host_action(e, OFX_ACTION_IS_IDENTITY), OFX_REPLY_DEFAULT);
    REQUIRE_INT(host_action(e, OFX_ACTION_SYNC), OFX_REPLY_DEFAULT);
    host_destroy(&e);
    end();
}

/* Every depth, with and without alpha, in both directions of memory. */
static void frames_are_those_of_the_engine(void)
{
    static const char *const depths[] = { OFX_BYTE, OFX_SHORT, OFX_HALF, OFX_FLOAT };
    static const size_t bytes[] = { 1, 2, 2, 4 };

    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a red ball");
    for (int i = 0; i < 16; i++) {
        const int format = i / 4, time = i % FRAMES;
        const size_t n = bytes[format], channels = i & 1 ? 3 : 4;
        uint8_t *film = film_of("a red ball", format, 4 * n);
        host_frame f = frame_at(time, depths[format], channels == 3 ? OFX_RGB : OFX_RGBA);
        f.downwards = i & 2;
        f.padding = i & 2 ? 20 : 0;
        REQUIRE_INT(host_render(e, &f), OFX_OK);
        bool same = true;
        for (size_t p = 0; p < SIDE * SIDE; p++) {
            same = same && memcmp(f.pixels + p * channels * n,
                                  film + ((size_t)time * SIDE * SIDE + p) * 4 * n,
                                  channels * n) == 0;
        }
        REQUIRE(same);
        free(f.pixels);
        free(film);
    }
    REQUIRE_INT(host_events_of(e)->messages, 0);
    host_destroy(&e);
    end();
}

static float at(const host_frame *f, int x, int y, int c)
{
    const float *pixels = (const float *)(const void *)f->pixels;

    return pixels[(y * (f->bounds.x2 - f->bounds.x1) + x) * 4 + c];
}

static void windows_and_scales_are_parts_of_the_whole(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a red ball");
    host_frame whole = frame_at(2, OFX_FLOAT, OFX_RGBA);
    REQUIRE_INT(host_render(e, &whole), OFX_OK);

    host_frame part = frame_at(2, OFX_FLOAT, OFX_RGBA);
    part.region = part.bounds;
    part.bounds = (ofx_rect_i){ -3, 4, 40, 30 };
    part.window = (ofx_rect_i){ 5, 6, 21, 9 };
    REQUIRE_INT(host_render(e, &part), OFX_OK);
    REQUIRE(at(&part, 5 + 3, 30 - 1 - 7, 1) == at(&whole, 5, SIDE - 1 - 7, 1));
    free(part.pixels);

    host_frame proxy = frame_at(2, OFX_FLOAT, OFX_RGBA);
    proxy.scale = 0.5;
    proxy.bounds = (ofx_rect_i){ 0, 0, SIDE / 2, SIDE / 2 };
    REQUIRE_INT(host_render(e, &proxy), OFX_OK);
    double sums[2] = { 0, 0 };
    for (int i = 0; i < SIDE * SIDE; i++) {
        sums[0] += at(&whole, i % SIDE, i / SIDE, 0) / (SIDE * SIDE);
        if (i < SIDE * SIDE / 4)
            sums[1] += at(&proxy, i % (SIDE / 2), i / (SIDE / 2), 0) / (SIDE * SIDE / 4);
    }
    REQUIRE_NEAR(sums[0], sums[1], 0.02);
    REQUIRE(at(&proxy, 3, 3, 3) > 0.9999f && at(&proxy, 3, 3, 3) < 1.0001f);
    free(proxy.pixels);

    /* Beside a film that is not as wide as the picture there is nothing. */
    host_project(e, 2 * SIDE, SIDE, 24);
    host_frame wide = frame_at(2, OFX_FLOAT, OFX_RGBA);
    wide.bounds.x2 = 2 * SIDE;
    REQUIRE_INT(host_render(e, &wide), OFX_OK);
    REQUIRE(at(&wide, 3, 3, 3) == 0 && at(&wide, 2 * SIDE - 3, 3, 0) == 0);
    REQUIRE(at(&wide, SIDE / 2 + 3, 3, 0) == at(&whole, 3, 3, 0));
    free(wide.pixels);
    free(whole.pixels);
    host_destroy(&e);
    end();
}

static bool same_as(ofx_effect e, double time, const uint8_t *pixels)
{
    host_frame f = frame_at(time, OFX_BYTE, OFX_RGBA);

    REQUIRE_INT(host_render(e, &f), OFX_OK);
    const bool same = memcmp(f.pixels, pixels, SIDE * SIDE * 4) == 0;
    free(f.pixels);
    return same;
}

static void time_is_mapped(void)
{
    static const uint8_t nothing[SIDE * SIDE * 4];

    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a red ball");
    uint8_t *film = film_of("a red ball", ZT_RGBA8, 4);
    const size_t n = SIDE * SIDE * 4;
    REQUIRE(same_as(e, -7, film) && same_as(e, 100, film + 4 * n));
    REQUIRE(same_as(e, 1e300, film + 4 * n));
    host_set_int(e, "end", 1);
    REQUIRE(same_as(e, 7, film + 2 * n) && same_as(e, -1, film + 4 * n));
    host_set_int(e, "end", 2);
    REQUIRE(same_as(e, 7, nothing) && same_as(e, -1, nothing) && same_as(e, 4, film + 4 * n));
    host_set_int(e, "start", 100);
    REQUIRE(same_as(e, 103, film + 3 * n));
    host_set_double(e, "rate", 12);
    REQUIRE(same_as(e, 103, film + n) && same_as(e, 104, film + 2 * n));
    free(film);
    host_destroy(&e);
    end();
}

static void a_film_is_generated_once(void)
{
    static const double times[] = { 40, 3, 40, 0, 17 };

    begin(OFX_CONTEXT_GENERATOR);
    const int jobs = host_jobs();
    ofx_effect a = instance("a blue ball"), b = instance("a blue ball");
    host_set_int(a, "frames", 41);
    host_set_int(b, "frames", 41);
    for (int i = 0; i < 5; i++) {
        host_frame f = frame_at(times[i], OFX_BYTE, OFX_RGBA);
        REQUIRE_INT(host_render(i % 2 ? b : a, &f), OFX_OK);
        free(f.pixels);
    }
    REQUIRE_INT(host_jobs() - jobs, 1);
    /* Hosts that make an instance for each frame. */
    host_destroy(&a);
    host_destroy(&b);
    a = host_create();
    host_set_text(a, "preset", preset);
    host_set_text(a, "prompt", "a blue ball");
    host_set_int(a, "frames", 41);
    host_frame f = frame_at(2, OFX_BYTE, OFX_RGBA);
    REQUIRE_INT(host_render(a, &f), OFX_OK);
    free(f.pixels);
    REQUIRE_INT(host_jobs() - jobs, 1);
    host_destroy(&a);
    end();
}

static void an_installed_preset_is_a_choice(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a ball");
    host_set_text(e, "preset", "/no/such.preset");
    host_set_int(e, "installed", 1);
    host_set_text(e, "overrides", "model =\ntransformer =");
    host_frame f = frame_at(0, OFX_BYTE, OFX_RGBA);
    REQUIRE_INT(host_render(e, &f), OFX_FAILED);
    /* Then it is the model that is missing, not the file. */
    REQUIRE(strstr(host_events_of(e)->message, "/no/such.preset") == NULL);
    free(f.pixels);
    host_destroy(&e);
    end();
}

static void changes_cancel_and_restart(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a ball");
    const int jobs = host_jobs();
    host_set_int(e, "steps", 1000);               /* long, and stopped by a changed prompt */
    host_set_int(e, "frames", 41);
    host_abort_after(e, 1);
    host_frame f = frame_at(0, OFX_BYTE, OFX_RGBA);
    REQUIRE_INT(host_render(e, &f), OFX_FAILED);
    free(f.pixels);
    host_abort_after(e, 0);
    host_set_int(e, "steps", 50);
    host_set_int(e, "frames", 65);
    host_set_text(e, "prompt", "a cube");
    f = frame_at(0, OFX_BYTE, OFX_RGBA);
    host_set_text(e, "overrides", "steps = 2\nframes = 5");
    const double from = guest_seconds();
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    REQUIRE(guest_seconds() - from < 20);
    free(f.pixels);
    REQUIRE_INT(host_jobs() - jobs, 2);
    REQUIRE_INT(host_events_of(e)->messages, 0);
    host_destroy(&e);
    end();
}

static void users_cancel(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a ball");
    const int jobs = host_jobs();
    host_set_int(e, "steps", 1000);
    host_cancel_after(e, 2);
    host_frame f = frame_at(0, OFX_BYTE, OFX_RGBA);
    REQUIRE_INT(host_render(e, &f), OFX_FAILED);
    REQUIRE_INT(host_events_of(e)->messages, 0);
    REQUIRE_INT(host_events_of(e)->starts, 1);
    REQUIRE_INT(host_events_of(e)->ends, 1);
    free(f.pixels);
    host_cancel_after(e, 0);
    host_set_int(e, "steps", 3);
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    REQUIRE_INT(host_jobs() - jobs, 2);
    free(f.pixels);
    host_destroy(&e);
    end();
}

static void errors_are_told(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a ball");
    host_frame f = frame_at(0, OFX_BYTE, OFX_RGBA);
    host_events *v = host_events_of(e);

    host_set_text(e, "model", "/no/such/model");
    REQUIRE_INT(host_render(e, &f), OFX_FAILED);
    REQUIRE_HAS(v->message, "/no/such/model");
    free(f.pixels);
    host_set_text(e, "model", "");
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    REQUIRE_INT(v->clears, 1);
    free(f.pixels);
    host_set_text(e, "preset", "/no/such.preset");
    REQUIRE_INT(host_render(e, &f), OFX_FAILED);
    REQUIRE_HAS(v->message, "/no/such.preset");
    free(f.pixels);
    host_set_text(e, "preset", preset);
    host_set_int(e, "width", 33);
    REQUIRE_INT(host_render(e, &f), OFX_FAILED);
    REQUIRE_HAS(v->message, "33");
    free(f.pixels);
    host_set_int(e, "width", 640);
    host_set_text(e, "overrides", "stpes = 3");
    host_push(e, "generate");
    REQUIRE_HAS(v->message, "steps");
    host_set_text(e, "overrides", "");
    f.components = OFX_ALPHA;
    REQUIRE_INT(host_render(e, &f), OFX_FAILED);
    free(f.pixels);
    host_destroy(&e);
    end();
}

static void hosts_without_much_get_frames(void)
{
    host_is.no_progress_2 = host_is.no_persistent = host_is.no_threads = true;
    for (int i = 0; i < 2; i++) {
        begin(OFX_CONTEXT_FILTER);
        ofx_effect e = instance("a ball");
        host_project(e, 0, 0, 0);
        host_frame f = frame_at(0, OFX_BYTE, OFX_RGBA);
        REQUIRE_INT(host_render(e, &f), OFX_OK);
        free(f.pixels);
        host_set_text(e, "model", "/no/such/model");
        REQUIRE_INT(host_render(e, &f), OFX_FAILED);
        REQUIRE_INT(host_events_of(e)->messages, i == 0);
        free(f.pixels);
        host_destroy(&e);
        end();
        host_is.no_progress = host_is.no_messages = true;
    }
    host_is = (host_traits){ .name = "org.zoetrope.test" };
}

static void programs_of_light_get_light(void)
{
    uint8_t *film;

    host_is.name = "fr.inria.Natron";
    begin(OFX_CONTEXT_GENERAL);
    REQUIRE_INT(host_param_number("start", OFX_P_DEFAULT), 1);
    ofx_effect e = instance("a ball");
    film = film_of("a ball", ZT_RGBAF, 16);
    host_frame f = frame_at(0, OFX_FLOAT, OFX_RGBA);
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    const float code = ((const float *)(const void *)film)[4], light = at(&f, 1, 0, 0);
    REQUIRE(code <= 0.05f || light < code);
    REQUIRE(at(&f, 1, 0, 3) == 1);
    free(f.pixels);
    host_set_int(e, "transfer", 1);
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    REQUIRE(at(&f, 1, 0, 0) == code);
    free(f.pixels);
    free(film);
    host_destroy(&e);
    end();
    host_is.name = "org.zoetrope.test";
}

static int depth_of_recursion;

static void recurse(ofx_effect e)
{
    double first, last;
    char text[64];
    int varying;

    if (depth_of_recursion++ > 3)
        return;
    host_time_domain(e, &first, &last);
    host_preferences(e, &varying, text);
    host_set_text(e, "prompt", depth_of_recursion % 2 ? "a cone" : "a ball of wool");
    host_push(e, "generate");
}

static void actions_may_nest(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance("a ball of wool");
    host_set_int(e, "steps", 40);
    host_on_abort(e, recurse);
    host_frame f = frame_at(0, OFX_BYTE, OFX_RGBA);
    host_render(e, &f);                           /* its film was cancelled meanwhile, or not */
    free(f.pixels);
    host_on_abort(e, NULL);
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    free(f.pixels);
    host_destroy(&e);
    end();
}

static void nonsense_is_answered(void)
{
    begin(OFX_CONTEXT_GENERATOR);
    ofx_status (*call)(const char *, const void *, ofx_props, ofx_props) = host_plugin->main_entry;
    ofx_effect e = instance("a ball");
    REQUIRE_INT(call(NULL, NULL, NULL, NULL), OFX_REPLY_DEFAULT);
    REQUIRE_INT(call(OFX_ACTION_RENDER, NULL, NULL, NULL), OFX_ERR_BAD_HANDLE);
    REQUIRE_INT(call(OFX_ACTION_RENDER, e, NULL, NULL), OFX_ERR_BAD_HANDLE);
    REQUIRE_INT(call(OFX_ACTION_TIME_DOMAIN, e, NULL, NULL), OFX_ERR_BAD_HANDLE);
    REQUIRE_INT(call(OFX_ACTION_DESCRIBE, NULL, NULL, NULL), OFX_ERR_BAD_HANDLE);
    REQUIRE_INT(call(OFX_ACTION_DESCRIBE_IN, e, NULL, NULL), OFX_ERR_BAD_HANDLE);
    REQUIRE_INT(call(OFX_ACTION_DESTROY_INSTANCE, NULL, NULL, NULL), OFX_ERR_BAD_HANDLE);
    REQUIRE_INT(call(OFX_ACTION_LOAD, NULL, NULL, NULL), OFX_OK);
    host_plugin->set_host(NULL);
    REQUIRE_INT(call(OFX_ACTION_LOAD, NULL, NULL, NULL), OFX_ERR_MISSING_FEATURE);
    host_destroy(&e);
    end();
}

/* A sum over a frame of a film that is generated for it. */
static uint64_t frame_sum(const char *prompt)
{
    ofx_effect e = instance(prompt);
    uint64_t sum = 0;

    host_set_double(e, "guidance", 5.5);
    host_frame f = frame_at(0, OFX_FLOAT, OFX_RGBA);
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    for (size_t i = 0; i < sizeof(float) * 4 * SIDE * SIDE; i++)
        sum = sum * 31 + f.pixels[i];
    free(f.pixels);
    host_destroy(&e);
    return sum;
}

static void locales_and_modes_change_nothing(void)
{
    static const char *const names[] = { "de_DE.UTF-8", "tr_TR.UTF-8", "C" };
    guest_host before, after;

    begin(OFX_CONTEXT_GENERATOR);
    const uint64_t expected = frame_sum("a ball");
    for (int i = 0; i < 3; i++) {
        if (!setlocale(LC_ALL, names[i]))
            printf("no locale %s here\n", names[i]);
        frame_sum("a cube");                  /* so that it is made anew */
        REQUIRE(frame_sum("a ball") == expected);
    }
    for (int i = 0; i < GUEST_FPU_STATES; i++) {
        guest_fpu(i);
        guest_look(&before);
        frame_sum("a cube");
        const bool same = frame_sum("a ball") == expected;
        guest_look(&after);
        guest_fpu(0);
        REQUIRE(same);
        const char *change = guest_change(&before, &after);
        REQUIRE_STR(change ? change : "nothing", "nothing");
    }
    end();
}

/* One film, from loading to unloading. */
static void cycle(int number)
{
    char prompt[32];

    snprintf(prompt, sizeof(prompt), "ball %d", number % 7);
    begin(OFX_CONTEXT_GENERATOR);
    ofx_effect e = instance(prompt);
    host_frame f = frame_at(0, OFX_BYTE, OFX_RGBA);
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    free(f.pixels);
    host_destroy(&e);
    end();
}

static void cycles_leave_nothing(void)
{
    int threads = 0, files = 0;

    for (int i = 0; i < cycles; i++) {
        if (i == cycles / 10) {               /* what is kept for good is there by now */
            threads = entries_of("/proc/self/task");
            files = entries_of("/proc/self/fd");
        }
        cycle(i);
    }
    REQUIRE_INT(entries_of("/proc/self/task"), threads);
    REQUIRE_INT(entries_of("/proc/self/fd"), files);
}

/* Memory, mappings and keys; sanitizers have some of their own. */
static void cycles_leave_no_memory(void)
{
    size_t memory = 0;
    pthread_key_t key;

    for (int i = 0; i < cycles; i++) {
        if (i == cycles / 10)
            memory = mallinfo2().uordblks;
        cycle(i);
    }
    const long long grown = (long long)mallinfo2().uordblks - (long long)memory;
    printf("%d cycles: %lld bytes\n", cycles, grown);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    REQUIRE(grown < 64 << 10);
#endif
    REQUIRE(pthread_key_create(&key, NULL) == 0);
    pthread_key_delete(key);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        printf("usage: ofx_render Zoetrope.ofx PRESET CYCLES\n");
        return 64;
    }
    path = argv[1];
    preset = argv[2];
    cycles = atoi(argv[3]);
    TEST(a_scan_is_quick_and_starts_nothing);
    TEST(it_is_described);
    TEST(actions_have_answers);
    TEST(frames_are_those_of_the_engine);
    TEST(windows_and_scales_are_parts_of_the_whole);
    TEST(time_is_mapped);
    TEST(a_film_is_generated_once);
    TEST(an_installed_preset_is_a_choice);
    TEST(changes_cancel_and_restart);
    TEST(users_cancel);
    TEST(errors_are_told);
    TEST(hosts_without_much_get_frames);
    TEST(programs_of_light_get_light);
    TEST(actions_may_nest);
    TEST(nonsense_is_answered);
    TEST(locales_and_modes_change_nothing);
    TEST(cycles_leave_nothing);
    TEST(cycles_leave_no_memory);
    REQUIRE_INT(host_errors(), 0);
    return test_end();
}
