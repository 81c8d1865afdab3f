/* A frei0r host that looks like another one: it exports the symbol by which that one is
 * known (HOST_SYMBOL), and counts time as it does (HOST_MS).
 *
 * frei0r_as SOURCE.so PRESET */
#include <math.h>

#include "tests/hosts/frei0r_host.h"
#include "tests/unit/test.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, FRAMES = 5 };

#ifdef HOST_SYMBOL
F0R_EXPORT int HOST_SYMBOL(void);

int HOST_SYMBOL(void)
{
    return 0;
}
#endif

static module source;
static const char *preset;
static uint32_t film[FRAMES][PIXELS];

static f0r_instance_t construct(void)
{
    f0r_instance_t instance = source.construct(SIDE, SIDE);

    for (int i = 0; i < 11; i++) {            /* all are set once, as hosts do */
        double number = 0.0;
        const char *text = NULL;
        void *value = i == 4 ? (void *)&number : (void *)&text;
        source.get(instance, value, i);
        source.set(instance, value, i);
    }
    return instance;
}

/* Those of a new instance, by times that need no unit: the first, then nonsense. */
static void read_film(void)
{
    f0r_instance_t instance = construct();

    source.set(instance, &preset, 0);
    for (int i = 0; i < FRAMES; i++)
        source.update(instance, i ? NAN : 0.0, NULL, film[i]);
    source.destruct(instance);
}

static int frame_of(const uint32_t *picture)
{
    for (int i = 0; i < FRAMES; i++) {
        if (memcmp(picture, film[i], sizeof(film[i])) == 0)
            return i;
    }
    return -1;
}

static void play(double rate, const int *wanted, int count)
{
    f0r_instance_t instance = construct();
    uint32_t picture[PIXELS];

    source.set(instance, &preset, 0);
    for (int i = 0; i < count; i++) {
        double time = i / rate;
#ifdef HOST_MS
        time = floor(time * 1000.0 + 0.5);
#endif
        source.update(instance, time, NULL, picture);
        REQUIRE_INT(frame_of(picture), wanted[i]);
    }
    source.destruct(instance);
}

static void frames_differ(void)
{
    for (int i = 0; i < FRAMES; i++)
        REQUIRE_INT(frame_of(film[i]), i);
}

static void frames_come_in_order(void)
{
    play(24.0, (const int[]){ 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0 }, 11);
}

static void frames_stay_at_twice_the_rate(void)
{
    play(48.0, (const int[]){ 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 0 }, 11);
}

static void frames_are_left_out_at_half_the_rate(void)
{
    play(12.0, (const int[]){ 0, 2, 4, 1, 3, 0, 2 }, 7);
}

static void nonsense_counts_calls(void)
{
    static const double times[] = { -1.0, NAN, -3.7e20, 1e300, INFINITY, -INFINITY };
    f0r_instance_t instance = construct();
    uint32_t picture[PIXELS];

    source.set(instance, &preset, 0);
    for (int i = 0; i < 6; i++) {
        source.update(instance, times[i], NULL, picture);
        REQUIRE_INT(frame_of(picture), i % FRAMES);
    }
    source.destruct(instance);
}

/* GStreamer hands the text itself then; other hosts a pointer to it, as at first. */
static void a_text_changes_later(const char *later)
{
    f0r_instance_t instance = construct();
    const char *told = NULL;
#ifdef HOST_GIVES_TEXT
    source.set(instance, (void *)(uintptr_t)later, 1);
    source.get(instance, &told, 1);
    REQUIRE_STR(told, later);
#else
    source.set(instance, &later, 1);
    source.get(instance, &told, 1);
    REQUIRE_STR(told, later);
#endif
    source.destruct(instance);
}

static void texts_change_later(void)
{
    a_text_changes_later("a red ball");
    a_text_changes_later("cat");
    a_text_changes_later("\xe7\x8c\xab");      /* a cat, too */
    a_text_changes_later("a long prompt with \xc3\xbc in it");
    a_text_changes_later("");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        printf("usage: frei0r_as SOURCE.so PRESET\n");
        return 64;
    }
    source = module_open(argv[1]);
    preset = argv[2];
    read_film();
    TEST(frames_differ);
    TEST(frames_come_in_order);
    TEST(frames_stay_at_twice_the_rate);
    TEST(frames_are_left_out_at_half_the_rate);
    TEST(nonsense_counts_calls);
    TEST(texts_change_later);
    module_close(&source);
    return test_end();
}
