/* Options and numbers: "key=value" lines. What is accepted prints as a text that
 * sets the same again. */

#include <string.h>

#include "core/base/format.h"
#include "core/base/num.h"
#include "core/base/opt.h"
#include "tests/fuzz/fuzz.h"

struct options {
    int32_t steps;
    int64_t seed;
    float   guidance;
    double  shift;
    bool    loop;
    char    name[8];
    int32_t mode;
};

static const char *const modes[] = { "none", "taylor", "lesa", NULL };

static const zc_opt table[] = {
    ZC_OPT_INT(struct options, steps, 50, 1, 1000, "steps"),
    ZC_OPT_INT(struct options, seed, 0, INT64_MIN, INT64_MAX, "seed"),
    ZC_OPT_FLOAT(struct options, guidance, 6, 0, 100, "guidance"),
    ZC_OPT_FLOAT(struct options, shift, 7, -1e300, 1e300, "shift"),
    ZC_OPT_BOOL(struct options, loop, 0, "loop"),
    ZC_OPT_STR(struct options, name, "a", "name"),
    ZC_OPT_ENUM(struct options, mode, 0, modes, "mode"),
    { 0 }
};

static void check_numbers(const char *text, size_t n)
{
    char written[ZC_NUM_TEXT];
    double f, g;
    float x, y;
    int64_t i, k;
    uint64_t u, v;

    if (!zc_num_read_f64(&f, text, n)) {
        const size_t m = zc_num_write_f64(written, f);

        FUZZ_REQUIRE(!zc_num_read_f64(&g, written, m) && memcmp(&f, &g, sizeof(f)) == 0);
    }
    if (!zc_num_read_f32(&x, text, n)) {
        const size_t m = zc_num_write_f32(written, x);

        FUZZ_REQUIRE(!zc_num_read_f32(&y, written, m) && memcmp(&x, &y, sizeof(x)) == 0);
    }
    if (!zc_num_read_i64(&i, text, n))
        FUZZ_REQUIRE(!zc_num_read_i64(&k, written, zc_num_write_i64(written, i)) && i == k);
    if (!zc_num_read_u64(&u, text, n))
        FUZZ_REQUIRE(!zc_num_read_u64(&v, written, zc_num_write_u64(written, u)) && u == v);
}

static void set_one(struct options *o, zc_log *log, const char *key, const char *value)
{
    struct options again = *o;
    zc_str text = { 0 };
    zc_status st;

    st = zc_opt_set(table, o, log, "line: ", key, value);
    fuzz_end(st);
    if (st != ZC_OK) {
        FUZZ_REQUIRE(memcmp(o, &again, sizeof(again)) == 0);
        return;
    }
    zc_opt_print(zc_opt_find(table, key), o, &text);
    FUZZ_REQUIRE(zc_opt_set(table, &again, log, "again: ", key, zc_str_get(&text)) == ZC_OK);
    FUZZ_REQUIRE(memcmp(o, &again, sizeof(again)) == 0);
    zc_str_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *line = text;
    struct options o;

    FUZZ_REQUIRE(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    memset(&o, 0, sizeof(o));
    zc_opt_defaults(table, &o);
    while (*line) {
        char *end = line + strcspn(line, "\n"), *value;
        const bool last = *end == '\0';

        *end = '\0';
        value = strchr(line, '=');
        check_numbers(value ? value + 1 : line, strlen(value ? value + 1 : line));
        if (value) {
            *value = '\0';
            set_one(&o, fuzz_begin(), line, value + 1);
        }
        line = last ? end : end + 1;
    }
    free(text);
    return 0;
}
