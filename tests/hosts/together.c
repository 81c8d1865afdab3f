/* All plugins in one process: whoever comes first reads the weights, and the others use
 * them, for as long as anybody has them.
 *
 * together LIBRARY SOURCE.so FILTER.so PLUGIN.ofx PRESET */
#define GUEST_OPENS
#include "tests/hosts/frei0r_host.h"
#include "tests/hosts/native_host.h"
#include "tests/hosts/ofx_host.h"
#include "tests/unit/test.h"

enum { SIDE = 32 };

static char **paths;
static const char *preset;
static native library;
static module doors[2];
static f0r_instance_t instances[2];

/* Bytes that were read since the last question. */
static long long read_now(void)
{
    static long long before;
    const long long now = atomic_load(&guest_files.read), since = now - before;

    before = now;
    return since;
}

static void frei0r_film(int door, const char *seed)
{
    static uint32_t in[SIDE * SIDE], out[SIDE * SIDE];

    doors[door].set(instances[door], &preset, 0);
    doors[door].set(instances[door], &seed, 3);
    memset(out, 0, sizeof(out));
    doors[door].update(instances[door], 0.0, in, out);
    REQUIRE(out[5] != 0 && out[5] != out[SIDE * 9]);
}

static void openfx_film(void)
{
    host_open(paths[4]);
    REQUIRE_INT(host_load(), OFX_OK);
    REQUIRE_INT(host_describe(OFX_CONTEXT_GENERATOR), OFX_OK);
    ofx_effect e = host_create();
    host_project(e, SIDE, SIDE, 24);
    host_set_text(e, "preset", preset);
    host_frame f = { .depth = OFX_BYTE, .components = OFX_RGBA, .bounds = { 0, 0, SIDE, SIDE } };
    REQUIRE_INT(host_render(e, &f), OFX_OK);
    free(f.pixels);
    host_destroy(&e);
    REQUIRE_INT(host_unload(), OFX_OK);
    host_close();
}

static void weights_are_read_once(void)
{
    read_now();
    frei0r_film(0, "1");
    const long long whole = read_now();
    REQUIRE(whole > 500000);
    frei0r_film(1, "2");
    REQUIRE(read_now() < whole / 3);          /* what tells one checkpoint from another */
    openfx_film();
    REQUIRE(read_now() < whole / 3);
    zt_engine *engine = native_engine(&library, 1, NULL, NULL);
    REQUIRE(native_film(&library, engine, preset, "seed = 3\n") != 0);
    REQUIRE(read_now() < whole / 3);

    /* The first leaves, and others still have them. */
    doors[0].destruct(instances[0]);
    frei0r_film(1, "4");
    REQUIRE(read_now() < whole / 3);
    doors[1].destruct(instances[1]);
    library.zt->engine_close(&engine);

    /* All have left: they are read anew. */
    instances[0] = doors[0].construct(SIDE, SIDE);
    frei0r_film(0, "5");
    const long long again = read_now();
    REQUIRE(again > whole / 2);
    doors[0].destruct(instances[0]);
    printf("%lld bytes at first, %lld in the end\n", whole, again);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        printf("usage: together LIBRARY SOURCE.so FILTER.so PLUGIN.ofx PRESET\n");
        return 64;
    }
    paths = argv;
    preset = argv[5];
    library = native_open(argv[1]);
    for (int i = 0; i < 2; i++) {
        doors[i] = module_open(argv[2 + i]);
        instances[i] = doors[i].construct(SIDE, SIDE);
    }
    TEST(weights_are_read_once);
    for (int i = 0; i < 2; i++)
        module_close(&doors[i]);
    native_close(&library);
    return test_end();
}
