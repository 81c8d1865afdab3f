/* JSON: what is read and written again reads as the same. */

#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "tests/fuzz/fuzz.h"

static void write_value(zc_json_writer *w, const zc_json_value *v)
{
    const zc_json_value *m;
    double f;

    if (v->key)
        zc_json_add_key(w, v->key);
    switch (v->kind) {
    case ZC_JSON_ARRAY:
    case ZC_JSON_OBJECT:
        (v->kind == ZC_JSON_ARRAY ? zc_json_begin_array : zc_json_begin_object)(w);
        for (m = zc_json_first(v); m; m = zc_json_after(v, m))
            write_value(w, m);
        (v->kind == ZC_JSON_ARRAY ? zc_json_end_array : zc_json_end_object)(w);
        break;
    case ZC_JSON_STRING:
        zc_json_add_string(w, v->text);
        break;
    case ZC_JSON_NUMBER:
        zc_json_add_f64(w, zc_json_f64(v, &f) ? f : 0);
        break;
    case ZC_JSON_NULL:
        zc_json_add_null(w);
        break;
    default:
        zc_json_add_bool(w, v->kind == ZC_JSON_TRUE);
    }
}

static uint32_t read_and_write(char *text, size_t size, zc_str *to, zc_status *st)
{
    const zc_json_source source = { .text = text, .bytes = size, .limit = 1 << 20, .name = "text" };
    zc_json_writer w = { .to = to };
    zc_json *json = NULL;
    uint32_t values = 0;

    *st = zc_json_open(&json, fuzz_begin(), &source);
    if (*st == ZC_OK) {
        values = zc_json_root(json)->span;
        write_value(&w, zc_json_root(json));
    }
    fuzz_end(*st);
    zc_json_close(&json);
    return values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    zc_str first = { 0 }, second = { 0 }, kept = { 0 };
    uint32_t values;
    zc_status st;

    FUZZ_REQUIRE(copy);
    if (size > 0)
        memcpy(copy + 1, data, size);
    values = read_and_write(copy + 1, size, &first, &st);
    if (st == ZC_OK) {
        zc_str_add(&kept, zc_str_get(&first));
        FUZZ_REQUIRE(read_and_write(first.text, first.length, &second, &st) == values);
        FUZZ_REQUIRE(st == ZC_OK && strcmp(zc_str_get(&kept), zc_str_get(&second)) == 0);
    }
    zc_str_fini(&first);
    zc_str_fini(&second);
    zc_str_fini(&kept);
    free(copy);
    return 0;
}
