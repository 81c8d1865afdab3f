/* The rows of a batch: the first line is the name of the file, the second the pattern of
 * the outputs, the rest is the file. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/batch/list.h"
#include "core/batch/pattern.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

/* Nothing leads out of the output folder, and no two are the same. */
static void check_output(const char *output)
{
    FUZZ_REQUIRE(*output && *output != '/' && strlen(output) < 4096);
    for (const char *c = output; c; c = strchr(c, '/')) {
        c += *c == '/';
        FUZZ_REQUIRE(*c && *c != '/' && strncmp(c, "../", 3) != 0 && strcmp(c, "..") != 0);
    }
    for (const char *c = output; *c; c++)
        FUZZ_REQUIRE((unsigned char)*c >= 0x20 && *c != 0x7f && *c != '\\');
}

static void check_list(const zc_list *l)
{
    zc_str text = { 0 };
    char digest[65];

    FUZZ_REQUIRE(zc_list_count(l) > 0);
    for (int32_t i = 0; i < zc_list_count(l); i++) {
        const zc_list_job *j = zc_list_at(l, i);
        FUZZ_REQUIRE(j->index == i && j->frames > 0 && strlen(j->options) > 0);
        check_output(j->output);
        zc_str_clear(&text);
        zc_pattern_frame(&text, j->output, 7);
        check_output(zc_str_get(&text));
        zc_str_clear(&text);
        zc_pattern_stem(&text, j->output);
        check_output(zc_str_get(&text));
    }
    zc_list_digest(l, digest);
    zc_str_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zc_request *base = zc_request_new();
    zc_log *log = fuzz_begin();
    char *text = malloc(size + 1);
    zc_list *l = NULL;

    FUZZ_REQUIRE(text && base);
    base->frames = 5;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *pattern = strchr(text, '\n');
    char *rows = pattern ? strchr(pattern + 1, '\n') : NULL;
    if (rows && rows - text < 200) {
        *pattern++ = '\0';
        *rows++ = '\0';
        memfile_put(*text ? text : "x", rows, size - (size_t)(rows - text));
        const zc_status st = zc_list_open(&l, log, &(zc_list_desc){
            .base = base, .rows = *text ? text : "x", .pattern = pattern,
            .stills = zc_pattern_digits(pattern) > 0 });
        fuzz_end(st);
        if (l)
            check_list(l);
        zc_list_close(&l);
    }
    zc_request_free(base);
    free(text);
    return 0;
}
