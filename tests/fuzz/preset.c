/* Presets: a file, and behind a line "--" options over it. What is accepted is told as
 * a preset that says the same. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/core.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

static const char half[] = "# Half\nsteps = 20\ncache = fora\n$who = dog\n";
static const char loop[] = "include = a.preset\n";

static void require_same(const zc_request *a, const zc_request *b)
{
    FUZZ_REQUIRE(a->steps == b->steps && a->width == b->width && a->seed == b->seed);
    FUZZ_REQUIRE(memcmp(&a->guidance, &b->guidance, sizeof(a->guidance)) == 0);
    FUZZ_REQUIRE(strcmp(a->cache, b->cache) == 0 && strcmp(a->model, b->model) == 0);
    FUZZ_REQUIRE(strcmp(a->prompt, b->prompt) == 0);
}

/* Told, and read again. */
static void check_round_trip(zc_log *log, const zc_preset *p, const zc_request *q)
{
    zc_request *again = zc_request_new();
    zc_preset *told = NULL;
    zc_str words = { 0 }, json = { 0 };

    zc_preset_words(p, &words);
    zc_preset_json(p, &json);
    FUZZ_REQUIRE(again && !words.failed && !json.failed);
    FUZZ_REQUIRE(zc_preset_open(&told, log, &(zc_preset_desc){ .preset = zc_str_get(&words) },
                                again) == ZC_OK);
    require_same(q, again);
    zc_preset_close(&told);
    zc_request_free(again);
    zc_str_fini(&words);
    zc_str_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zc_log *log = fuzz_begin();
    zc_request *q = zc_request_new();
    zc_preset *p = NULL;
    char *text = malloc(size + 1);

    FUZZ_REQUIRE(text && q);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *options = strstr(text, "\n--\n");
    memfile_put("a.preset", text, options ? (size_t)(options - text) : size);
    memfile_put("half.preset", half, sizeof(half) - 1);
    memfile_put("user/loop.preset", loop, sizeof(loop) - 1);
    const zc_status st = zc_preset_open(&p, log, &(zc_preset_desc){
        .preset = "a.preset", .options = options ? options + 4 : NULL, .folders = "user" }, q);
    fuzz_end(st);
    if (p)
        check_round_trip(log, p, q);
    zc_preset_close(&p);
    zc_request_free(q);
    free(text);
    return 0;
}
