/* Options: what a table promises to those who fill in a struct from text. */

#include <locale.h>
#include <stdint.h>

#include "core/base/opt.h"
#include "tests/unit/test.h"

struct state {
    int32_t steps;
    int64_t seed;
    float scale;
    double shift;
    bool tiled;
    int32_t method;
    char name[8];
};

static const char *const methods[] = { "none", "lesa", "taylor", NULL };

static const zc_opt opts[] = {
    ZC_OPT_INT(struct state, steps, 50, 1, 1000, "steps of the sampler"),
    ZC_OPT_INT(struct state, seed, -1, INT64_MIN, INT64_MAX, "seed of the noise"),
    ZC_OPT_FLOAT(struct state, scale, 6.5, 0, 100, "guidance"),
    ZC_OPT_FLOAT(struct state, shift, 0.1, -1, 1e9, "shift of the schedule"),
    ZC_OPT_BOOL(struct state, tiled, true, "decode in tiles"),
    ZC_OPT_ENUM(struct state, method, 1, methods, "how steps are predicted"),
    ZC_OPT_STR(struct state, name, "clip", "name of the output"),
    { 0 }
};

static void defaults_fill_the_struct(void)
{
    struct state s;

    memset(&s, 0xff, sizeof(s));
    zc_opt_defaults(opts, &s);
    REQUIRE_INT(s.steps, 50);
    REQUIRE_INT(s.seed, -1);
    REQUIRE_F64((double)s.scale, 6.5);
    REQUIRE_F64(s.shift, 0.1);
    REQUIRE(s.tiled);
    REQUIRE_INT(s.method, 1);
    REQUIRE_STR(s.name, "clip");
}

static void good_values_are_stored(void)
{
    static const struct {
        const char *key, *value, *printed;
    } rows[] = {
        { "steps", "1", "1" }, { "steps", "1000", "1000" }, { "steps", "+7", "7" },
        { "seed", "-9223372036854775808", "-9223372036854775808" },
        { "seed", "9223372036854775807", "9223372036854775807" },
        { "scale", "0.1", "0.1" }, { "scale", "100", "100" }, { "scale", "3.3e1", "33" },
        { "shift", "0.30000000000000004", "0.30000000000000004" }, { "shift", "-1", "-1" },
        { "tiled", "no", "false" }, { "tiled", "1", "true" }, { "tiled", "off", "false" },
        { "tiled", "on", "true" }, { "tiled", "false", "false" }, { "tiled", "yes", "true" },
        { "method", "none", "none" }, { "method", "taylor", "taylor" },
        { "name", "", "" }, { "name", "sevenby", "sevenby" },
    };
    struct state s;

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_str text = { 0 };

        zc_opt_defaults(opts, &s);
        REQUIRE_INT(zc_opt_set(opts, &s, NULL, "", rows[i].key, rows[i].value), ZC_OK);
        zc_opt_print(zc_opt_find(opts, rows[i].key), &s, &text);
        REQUIRE_STR(zc_str_get(&text), rows[i].printed);
        zc_str_fini(&text);
    }
    REQUIRE_INT(zc_opt_set(opts, &s, NULL, "", "scale", "0.1"), ZC_OK);
    REQUIRE(s.scale == 0.1f);
}

static void bad_values_are_explained(void)
{
    static const struct {
        const char *key, *value;
        zc_status st;
        const char *message;
    } rows[] = {
        { "steps", "0", ZC_E_ARGUMENT,
          "p:3: steps: '0' is out of range; expected: 1 to 1000" },
        { "steps", "1001", ZC_E_ARGUMENT,
          "p:3: steps: '1001' is out of range; expected: 1 to 1000" },
        { "steps", "2147483648", ZC_E_ARGUMENT,
          "p:3: steps: '2147483648' is out of range; expected: 1 to 1000" },
        { "steps", "1,5", ZC_E_ARGUMENT,
          "p:3: steps: '1,5' has a comma: fractions are written with a point; expected: "
          "1 to 1000" },
        { "steps", "", ZC_E_ARGUMENT, "p:3: steps: '' is empty; expected: 1 to 1000" },
        { "steps", "1.0", ZC_E_ARGUMENT,
          "p:3: steps: '1.0' is not a whole number; expected: 1 to 1000" },
        { "scale", "1,5", ZC_E_ARGUMENT,
          "p:3: scale: '1,5' has a comma: fractions are written with a point; expected: "
          "0 to 100" },
        { "scale", "nan", ZC_E_ARGUMENT,
          "p:3: scale: 'nan' is not a finite number; expected: 0 to 100" },
        { "scale", "1e999", ZC_E_ARGUMENT,
          "p:3: scale: '1e999' is too large; expected: 0 to 100" },
        { "scale", "1e39", ZC_E_ARGUMENT,
          "p:3: scale: '1e39' is too large; expected: 0 to 100" },
        { "scale", "100.1", ZC_E_ARGUMENT,
          "p:3: scale: '100.1' is out of range; expected: 0 to 100" },
        { "shift", "1e10", ZC_E_ARGUMENT,
          "p:3: shift: '1e10' is out of range; expected: -1 to 1000000000" },
        { "tiled", "maybe", ZC_E_ARGUMENT,
          "p:3: tiled: 'maybe' is neither true nor false; expected: true or false" },
        { "tiled", "TRUE", ZC_E_ARGUMENT,
          "p:3: tiled: 'TRUE' is neither true nor false; expected: true or false" },
        { "method", "LESA", ZC_E_ARGUMENT,
          "p:3: method: 'LESA' is not known; expected: one of none, lesa, taylor" },
        { "name", "eight__by", ZC_E_ARGUMENT,
          "p:3: name: 'eight__by' is too long; expected: text of at most 7 bytes" },
        { "name", "\xff", ZC_E_ARGUMENT,
          "p:3: name: '\\xff' is not valid UTF-8; expected: text of at most 7 bytes" },
        { "stesp", "1", ZC_E_MISSING,
          "p:3: stesp: there is no such option; did you mean 'steps'?" },
        { "x\x1b[2J", "1", ZC_E_MISSING,
          "p:3: x\\x1b[2J: there is no such option; known: steps, seed, scale, shift, tiled, "
          "method, name" },
    };
    struct state s, before;
    char text[ZC_LOG_TEXT];
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    memset(&s, 0, sizeof(s));
    zc_opt_defaults(opts, &s);
    before = s;
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        REQUIRE_INT(zc_opt_set(opts, &s, &log, "p:3: ", rows[i].key, rows[i].value),
                    rows[i].st);
        zc_log_last_error(&log, text, sizeof(text));
        REQUIRE_STR(text, rows[i].message);
        REQUIRE(test_same(&s, &before, sizeof(s)));
    }
    zc_log_fini(&log);
}

static void the_list_tells_everything(void)
{
    zc_str text = { 0 };

    zc_opt_list(opts, "cache.", &text);
    REQUIRE_STR(zc_str_get(&text),
                "cache.steps = 50    # 1 to 1000: steps of the sampler\n"
                "cache.seed = -1    # -9223372036854775808 to 9223372036854775807: "
                "seed of the noise\n"
                "cache.scale = 6.5    # 0 to 100: guidance\n"
                "cache.shift = 0.1    # -1 to 1000000000: shift of the schedule\n"
                "cache.tiled = true    # true or false: decode in tiles\n"
                "cache.method = lesa    # one of none, lesa, taylor: how steps are predicted\n"
                "cache.name = clip    # text of at most 7 bytes: name of the output\n");
    zc_str_fini(&text);
    REQUIRE(zc_opt_find(opts, "steps") == &opts[0]);
    REQUIRE(!zc_opt_find(opts, "step"));
}

int main(void)
{
    static const char *const locales[] = { "de_DE.UTF-8", "tr_TR.UTF-8", "C" };

    TEST(defaults_fill_the_struct);
    for (size_t i = 0; i < ZC_COUNT(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        TEST(good_values_are_stored);
        TEST(bad_values_are_explained);
        TEST(the_list_tells_everything);
    }
    return test_end();
}
