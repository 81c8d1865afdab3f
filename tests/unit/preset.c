/* Presets: what they set, where it came from, and how bad ones are told. */

#include <locale.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/core.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

static zc_log test_log;

/* A file of that text in memory. */
static void put(const char *path, const char *text)
{
    memfile_put(path, text, strlen(text));
}

/* The preset p/a.preset of that text, with options over it; the status. The request is the
 * caller's if q is not NULL. */
static zc_status read_with(const char *text, size_t bytes, const char *options, zc_request **q)
{
    zc_request *own = zc_request_new();
    zc_preset *p = NULL;

    memfile_put("p/a.preset", text, bytes);
    zc_log_write(&test_log, ZC_LEVEL_ERROR, "nothing");
    const zc_status st = zc_preset_open(&p, &test_log, &(zc_preset_desc){
        .preset = "p/a.preset", .options = options, .folders = "none:user:installed" }, own);
    REQUIRE((st == ZC_OK) == (p != NULL));
    zc_preset_close(&p);
    if (q)
        *q = own;
    else
        zc_request_free(own);
    return st;
}

static const char *last_error(void)
{
    static char text[ZC_LOG_TEXT];

    zc_log_last_error(&test_log, text, sizeof(text));
    return text;
}

static void put_others(void)
{
    static char chain[9][2][32];

    memfiles_clear();
    put("p/b.preset", "steps = 20\ncache = fora\ncache.interval = 4\n");
    put("p/self.preset", "# round\ninclude = two.preset\n");
    put("p/two.preset", "include = self\n");
    put("p/bad.preset", "\n  stpes = 3\n");
    put("p/models/here/x", "");
    put("user/mine.preset", "# Of the user\nsteps = 7\nmodel = mine/weights\n");
    put("user/weights/lesa.safetensors", "");
    put("user/here.preset", "steps = 8\n");
    put("installed/_part.preset", "height = 64\n");
    put("installed/here.preset", "steps = 9\n");
    put("installed/fast.preset", "\xef\xbb\xbf#\n# The fast one\nsteps = 4\n");
    put("installed/odd.preset", "# A \x1b[31mred one\n");
    put("installed/demo/ball.preset", "steps = 2\n#  a ball \n");
    memfile_put_kind("p/pipe.preset", MEMFILE_PIPE);
    for (int i = 0; i < 9; i++) {
        snprintf(chain[i][0], sizeof(chain[i][0]), "p/c%d.preset", i);
        snprintf(chain[i][1], sizeof(chain[i][1]), "include = c%d.preset\n", i + 1);
        put(chain[i][0], chain[i][1]);
    }
}

static const struct bad {
    const char *text;
    zc_status   st;
    const char *message;
} bad[] = {
    /* Numbers. */
    { "width = 1,5", ZC_E_ARGUMENT,
      "p/a.preset:1:9: width: '1,5' has a comma: fractions are written with a point; "
      "expected: 16 to 8192" },
    { "guidance = 1,5", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: '1,5' has a comma: fractions are written with a point; "
      "expected: 0 to 100" },
    { "guidance = nan", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: 'nan' is not a finite number; expected: 0 to 100" },
    { "guidance = inf", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: 'inf' is not a finite number; expected: 0 to 100" },
    { "guidance = -INF", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: '-INF' is not a finite number; expected: 0 to 100" },
    { "guidance = 1e999", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: '1e999' is too large; expected: 0 to 100" },
    { "guidance = 100.5", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: '100.5' is out of range; expected: 0 to 100" },
    { "guidance = 0x10", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: '0x10' is not a number; expected: 0 to 100" },
    { "guidance = 6.0 strong", ZC_E_ARGUMENT,
      "p/a.preset:1:12: guidance: '6.0 strong' is not a number; expected: 0 to 100" },
    { "steps = 2147483648", ZC_E_ARGUMENT,
      "p/a.preset:1:9: steps: '2147483648' is out of range; expected: 1 to 1000" },
    { "steps = 99999999999999999999", ZC_E_ARGUMENT,
      "p/a.preset:1:9: steps: '99999999999999999999' is too large; expected: 1 to 1000" },
    { "steps = 0x10", ZC_E_ARGUMENT,
      "p/a.preset:1:9: steps: '0x10' is not a number; expected: 1 to 1000" },
    { "steps = 5 0", ZC_E_ARGUMENT,
      "p/a.preset:1:9: steps: '5 0' is not a number; expected: 1 to 1000" },
    { "steps = 50 # fifty", ZC_E_ARGUMENT,
      "p/a.preset:1:9: steps: '50 # fifty' is not a number; expected: 1 to 1000" },
    { "steps =", ZC_E_ARGUMENT,
      "p/a.preset:1:8: steps: '' is empty; expected: 1 to 1000" },
    { "steps = 0", ZC_E_ARGUMENT,
      "p/a.preset:1:9: steps: '0' is out of range; expected: 1 to 1000" },
    { "width = 1000000000", ZC_E_ARGUMENT,
      "p/a.preset:1:9: width: '1000000000' is out of range; expected: 16 to 8192" },
    { "seed = 9223372036854775808", ZC_E_ARGUMENT,
      "p/a.preset:1:8: seed: '9223372036854775808' is too large; expected: "
      "-9223372036854775808 to 9223372036854775807" },
    { "precision = fp16", ZC_E_ARGUMENT,
      "p/a.preset:1:13: precision: 'fp16' is not known; expected: one of bf16, f32, f8" },
    /* Keys and lines. */
    { "stpes = 3", ZC_E_MISSING,
      "p/a.preset:1:1: stpes: there is no such option; did you mean 'steps'?" },
    { "# one\n\n   Steps = 3", ZC_E_MISSING,
      "p/a.preset:3:4: Steps: there is no such option; did you mean 'steps'?" },
    { "zzzzzzzzz = 3", ZC_E_MISSING,
      "p/a.preset:1:1: zzzzzzzzz: there is no such option; known: model, transformer*" },
    { "= 3", ZC_E_FORMAT,
      "p/a.preset:1:1: expected a key before the '='" },
    { "steps", ZC_E_FORMAT,
      "p/a.preset:1:1: expected 'key = value', found 'steps'" },
    { "steps 3", ZC_E_FORMAT,
      "p/a.preset:1:1: expected 'key = value', found 'steps 3'" },
    { "cahce.interval = 3", ZC_E_MISSING,
      "p/a.preset:1:1: cahce.interval: there is no such option; did you mean "
      "'cache.interval'?" },
    { "steps = 3\nwidth = 640\nsteps = 3", ZC_E_FORMAT,
      "p/a.preset:3:1: steps: set twice, first in line 1; expected once in a file" },
    { "cache = tylor", ZC_E_MISSING,
      "p/a.preset:1:9: cache: there is no 'tylor'; known: none, lesa, *" },
    { "sampler = euler", ZC_E_MISSING,
      "p/a.preset:1:11: sampler: there is no 'euler'; known: flow-euler" },
    { "sink = y4n", ZC_E_MISSING,
      "p/a.preset:1:8: sink: there is no 'y4n'; did you mean 'y4m'; known: *" },
    { "cache = fora\ncache.intervall = 3", ZC_E_MISSING,
      "p/a.preset:2:1: cache.intervall: cache = fora has no such option; did you mean "
      "'cache.interval'?" },
    { "cache = fora\n cache.interval = 99999", ZC_E_ARGUMENT,
      "p/a.preset:2:19: cache.interval: '99999' is out of range; expected: 1 to 1000" },
    { "cache.interval = 3", ZC_E_MISSING,
      "p/a.preset:1:1: cache.interval: cache = none has no such option; known: cache.full, "
      "cache.max_error, cache.tap, cache.type" },
    { "sampler.x = 3", ZC_E_MISSING,
      "p/a.preset:1:1: sampler.x: sampler = flow-euler has no such option; known: none" },
    /* Paths. */
    { "model = ../weights", ZC_E_UNSAFE,
      "p/a.preset:1:9: model: '../weights' has a '..'; expected a path below the preset's "
      "folder, or a whole one" },
    { "model = a/../../b", ZC_E_UNSAFE,
      "p/a.preset:1:9: model: 'a/../../b' has a '..'; expected a path below the preset's "
      "folder, or a whole one" },
    { "cache = lesa\ncache.predictor = ..", ZC_E_UNSAFE,
      "p/a.preset:2:19: cache.predictor: '..' has a '..'; expected a path below the preset's "
      "folder, or a whole one" },
    { "include = ../other.preset", ZC_E_UNSAFE,
      "p/a.preset:1:11: include: '../other.preset' is not a plain file name" },
    { "include = /etc/passwd", ZC_E_UNSAFE,
      "p/a.preset:1:11: include: '/etc/passwd' is not a plain file name" },
    { "include = p\\other.preset", ZC_E_UNSAFE,
      "p/a.preset:1:11: include: 'p\\x5cother.preset' is not a plain file name" },
    { "include = C:other.preset", ZC_E_UNSAFE,
      "p/a.preset:1:11: include: 'C:other.preset' is not a plain file name" },
    { "include =", ZC_E_UNSAFE,
      "p/a.preset:1:10: include: '' is not a plain file name" },
    { "include = nothing.preset", ZC_E_NOT_FOUND,
      "p/a.preset:1:11: there is no preset 'nothing.preset'; looked in none:user:installed" },
    { "include = fats", ZC_E_NOT_FOUND,
      "p/a.preset:1:11: there is no preset 'fats'; did you mean 'fast'; looked in "
      "none:user:installed" },
    { "include = self.preset", ZC_E_FORMAT,
      "p/two.preset:1:11 (from p/self.preset:2): include: 'p/self.preset' includes itself" },
    { "steps = 3\ninclude = bad", ZC_E_MISSING,
      "p/bad.preset:2:3 (from p/a.preset:2): stpes: there is no such option; did you mean "
      "'steps'?" },
    { "include = pipe.preset", ZC_E_UNSAFE,
      "'p/pipe.preset' is a pipe, socket or device, not a file" },
    { "include = c0", ZC_E_LIMIT,
      "p/c6.preset:1:11 (from p/c5.preset:1): include: 'p/c7.preset' is file 9 of a chain, "
      "expected at most 8" },
    /* Variables. */
    { "prompt = a ${shot}", ZC_E_MISSING,
      "p/a.preset:1:12: prompt: ${shot} has no value: set shot=VALUE, or $shot in the preset" },
    { "prompt = a ${", ZC_E_FORMAT,
      "p/a.preset:1:12: prompt: expected ${NAME} of letters, digits and _, found '${'" },
    { "prompt = a ${a b}", ZC_E_FORMAT,
      "p/a.preset:1:12: prompt: expected ${NAME} of letters, digits and _, found '${a b}'" },
    { "prompt = ${}", ZC_E_FORMAT,
      "p/a.preset:1:10: prompt: expected ${NAME} of letters, digits and _, found '${}'" },
    { "$1 = 3", ZC_E_FORMAT,
      "p/a.preset:1:1: '$1' is no variable: expected $ and a name of at most 64 letters, "
      "digits and _" },
    { "$ = 3", ZC_E_FORMAT,
      "p/a.preset:1:1: '$' is no variable: expected $ and a name of at most 64 letters, "
      "digits and _" },
    { "$a = 1\n$a = 2", ZC_E_FORMAT,
      "p/a.preset:2:1: $a: set twice, first in line 1; expected once in a file" },
    { "$a = ${a}", ZC_E_MISSING,
      "p/a.preset:1:6: $a: ${a} has no value: set a=VALUE, or $a in the preset" },
    { "$n = 1,5\nsteps = ${n}", ZC_E_ARGUMENT,
      "p/a.preset:2:9: steps: '1,5' has a comma: fractions are written with a point; "
      "expected: 1 to 1000" },
    /* Bytes. */
    { "steps = 3\nprompt = a\x1b[31mred", ZC_E_FORMAT,
      "p/a.preset:2:11: a control byte '\\x1b', expected text" },
    { "steps = 3\rwidth = 32", ZC_E_FORMAT,
      "p/a.preset:1:10: a control byte '\\x0d', expected text" },
    { "prompt = \xe9t\xe9", ZC_E_FORMAT,
      "p/a.preset:1:10: the byte '\\xe9' is not UTF-8, in which presets are" },
    { "prompt = \xc3\xa9 \xed\xa0\x80", ZC_E_FORMAT,
      "p/a.preset:1:12: the byte '\\xed' is not UTF-8, in which presets are" },
    { "\xff\xfes\0t\0", ZC_E_FORMAT,
      "p/a.preset: this is UTF-16, expected UTF-8" },
};

/* Equal; or equal so far, if `expected` ends in a star. */
static void require_message(const char *found, const char *expected)
{
    const size_t n = strlen(expected);
    char head[ZC_LOG_TEXT];

    if (n == 0 || expected[n - 1] != '*') {
        REQUIRE_STR(found, expected);
        return;
    }
    snprintf(head, sizeof(head), "%.*s*", (int)n - 1, found);
    REQUIRE_STR(head, expected);
}

static void bad_presets_are_explained(void)
{
    for (size_t i = 0; i < ZC_COUNT(bad); i++) {
        put_others();
        const zc_status st = read_with(bad[i].text, strlen(bad[i].text), NULL, NULL);
        REQUIRE_INT(st, bad[i].st);
        require_message(last_error(), bad[i].message);
    }
}

static void locales_change_nothing(void)
{
    static const char *const locales[] = { "de_DE.UTF-8", "tr_TR.UTF-8" };

    for (size_t i = 0; i < ZC_COUNT(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        bad_presets_are_explained();
        zc_request *q = NULL;
        REQUIRE_INT(read_with("guidance = 1.5", 14, NULL, &q), ZC_OK);
        REQUIRE_F64((double)q->guidance, 1.5);
        zc_request_free(q);
    }
    setlocale(LC_ALL, "C");
}

static void limits_hold_on_both_sides(void)
{
    const size_t line = ZC_PRESET_LINE, file = ZC_PRESET_FILE;
    char *text = malloc(file + 1);

    put_others();
    memset(text, '#', file + 1);
    REQUIRE_INT(read_with(text, line, NULL, NULL), ZC_OK);
    REQUIRE_INT(read_with(text, line + 1, NULL, NULL), ZC_E_LIMIT);
    REQUIRE_STR(last_error(), "p/a.preset:1:1: a line of 69633 bytes, expected at most 69632");
    for (size_t i = 0; i < file; i += 64)
        text[i] = '\n';
    REQUIRE_INT(read_with(text, file, NULL, NULL), ZC_OK);
    REQUIRE_INT(read_with(text, file + 1, NULL, NULL), ZC_E_LIMIT);
    REQUIRE_STR(last_error(), "'p/a.preset' has 1048577 bytes, expected at most 1048576");

    size_t n = 0;
    for (int i = 0; i <= ZC_PRESET_SETTINGS; i++)
        n += (size_t)snprintf(text + n, 16, "$v%d = 1\n", i);
    REQUIRE_INT(read_with(text, n, NULL, NULL), ZC_E_LIMIT);
    REQUIRE_STR(last_error(), "p/a.preset:1025:1: more than 1024 lines that set something");
    n = 0;
    for (int i = 0; i < ZC_PRESET_FILES; i++)
        n += (size_t)snprintf(text + n, 32, "include = here\n");
    REQUIRE_INT(read_with(text, n, NULL, NULL), ZC_E_LIMIT);
    REQUIRE_STR(last_error(), "user/here.preset: more than 32 files in one preset");
    REQUIRE_INT(read_with("steps = 3\0 width = 64", 21, NULL, NULL), ZC_E_FORMAT);
    REQUIRE_STR(last_error(), "p/a.preset:1:10: a control byte '\\x00', expected text");
    free(text);
}

/* ---- What good ones set ---- */

/* "key=value@origin" of some keys, as the whole preset tells them. */
static void require_said(const zc_preset *p, const zc_request *q, const char *key,
                         const char *expected)
{
    const zc_opt *opt = zc_opt_find(zc_request_opts, key);
    zc_str said = { 0 };

    if (opt)
        zc_opt_print(opt, q, &said);
    zc_str_add(&said, "@");
    zc_preset_origin(p, key, &said);
    REQUIRE_STR(zc_str_get(&said), expected);
    zc_str_fini(&said);
}

static void later_lines_win_and_origins_are_kept(void)
{
    zc_request *q = zc_request_new();
    zc_preset *p = NULL;

    put_others();
    put("p/a.preset", "\xef\xbb\xbf# One\r\n\r\nsteps\t=  10 \r\ninclude = b.preset\r\n"
        "\twidth = 320\r\ninclude = here\r\nheight = 320\r\ninclude = _part\r\n"
        "model = models/here\r\nvae = /whole/vae\r\ntransformer = weights\r\nclip = not/there\r\n"
        "prompt = \xc3\xa9 # no comment = no end\r\nnegative = ");
    REQUIRE_INT(zc_preset_open(&p, &test_log, &(zc_preset_desc){
        .preset = "p/a.preset", .folders = "user:installed",
        .options = "width = 640\nwidth = 656\nmodel = ../weights\n" }, q), ZC_OK);
    require_said(p, q, "steps", "8@user/here.preset:1:9");
    require_said(p, q, "width", "656@options:2:9");
    require_said(p, q, "height", "64@installed/_part.preset:1:10");
    require_said(p, q, "cache", "fora@p/b.preset:2:9");
    require_said(p, q, "cache.interval", "@p/b.preset:3:18");
    require_said(p, q, "model", "../weights@options:3:9");
    require_said(p, q, "vae", "/whole/vae@p/a.preset:10:7");
    require_said(p, q, "transformer", "user/weights@p/a.preset:11:15");
    require_said(p, q, "clip", "p/not/there@p/a.preset:12:8");
    require_said(p, q, "prompt", "\xc3\xa9 # no comment = no end@p/a.preset:13:10");
    require_said(p, q, "guidance", "6@");
    REQUIRE_STR(q->cache_options, "interval = 4\n");
    REQUIRE_INT(zc_preset_set(p, &test_log, "the call", "seed", "7"), ZC_OK);
    require_said(p, q, "seed", "7@the call");
    REQUIRE_INT(zc_preset_set_number(p, &test_log, "the call", "seed", 0), ZC_OK);
    require_said(p, q, "seed", "7@the call");
    REQUIRE_INT(zc_preset_set_number(p, &test_log, "the call", "width", -1), ZC_E_ARGUMENT);
    REQUIRE_STR(last_error(), "the call: width: '-1' is out of range; expected: 16 to 8192");
    zc_preset_close(&p);
    zc_request_free(q);
}

static void variables_are_filled_in(void)
{
    static const struct { const char *text, *options, *prompt; } rows[] = {
        { "$shot = 010\nprompt = shot ${shot}", NULL, "shot 010" },
        { "$shot = 010\nprompt = shot ${shot}", "shot = 020\n", "shot 020" },
        { "$shot = 010\nprompt = shot ${shot}", "$shot = 030\n", "shot 030" },
        { "prompt = ${a}${b}${a}", "a = 1\nb = 2\na = 3\n", "323" },
        { "prompt = seed ${seed}", "seed = 5\n", "seed 5" },
        { "prompt = $${a} $$ $5 {a}", "seed = 5\n", "${a} $$ $5 {a}" },
        { "$a = 1\n$b = ${a}2\nprompt = ${b}", NULL, "12" },
        { "$a =\nprompt = ${a} b ${a}", NULL, "b" },
        { "include = vars\n$who = cat\nprompt = ${who}", NULL, "dog" },
        { "$who = cat\ninclude = vars\nprompt = ${who}", NULL, "cat" },
        { "prompt = a", "prompt = ${not_filled_in}\n", "${not_filled_in}" },
    };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_request *q = NULL;
        put_others();
        put("p/vars.preset", "$who = dog\n");
        REQUIRE_INT(read_with(rows[i].text, strlen(rows[i].text), rows[i].options, &q), ZC_OK);
        REQUIRE_STR(q->prompt, rows[i].prompt);
        zc_request_free(q);
    }
    REQUIRE_INT(read_with("steps = 3", 9, "shot = 5\n", NULL), ZC_E_MISSING);
    REQUIRE_STR(last_error(), "options:1:1: shot: there is no such option; did you mean 'shift'?");
}

static void another_row_forgets_the_options_of_the_last(void)
{
    static const struct { const char *text, *options; zc_status st; const char *lines; } rows[] = {
        { "include = b", NULL, ZC_OK, "interval = 4\n" },
        { "include = b\ncache = fora", NULL, ZC_OK, "interval = 4\n" },
        { "include = b\ncache = none", NULL, ZC_OK, "" },
        { "include = b\ncache.first = 2\ncache = taylorseer", NULL, ZC_OK, "first = 2\n" },
        { "include = b\ncache.last = yes", NULL, ZC_OK, "interval = 4\nlast = yes\n" },
        { "include = b", "cache = teacache\ncache.threshold = 0.1\n", ZC_OK, "threshold = 0.1\n" },
        { "include = b", "cache.threshold = 0.1\n", ZC_E_MISSING, "" },
        { "cache.interval = 3\ncache.interval = 4", NULL, ZC_E_FORMAT, "" },
        { "cache = fora", "cache.interval = 3\ncache.interval = 4\n", ZC_OK, "interval = 4\n" },
    };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_request *q = NULL;
        put_others();
        REQUIRE_INT(read_with(rows[i].text, strlen(rows[i].text), rows[i].options, &q), rows[i].st);
        REQUIRE_STR(q->cache_options, rows[i].lines);
        zc_request_free(q);
    }
}

static void a_predictor_lies_beside_its_preset_or_with_the_user(void)
{
    zc_request *q = NULL;

    put_others();
    REQUIRE_INT(read_with("cache = lesa\ncache.predictor = weights/lesa.safetensors", 55, NULL,
                          &q), ZC_OK);
    REQUIRE_STR(q->cache_options, "predictor = user/weights/lesa.safetensors\n");
    zc_request_free(q);
    put("p/weights/lesa.safetensors", "");
    REQUIRE_INT(read_with("cache = lesa\ncache.predictor = weights/lesa.safetensors", 55, NULL,
                          &q), ZC_OK);
    REQUIRE_STR(q->cache_options, "predictor = p/weights/lesa.safetensors\n");
    zc_request_free(q);
}

static void options_of_a_sink_wait_for_its_name(void)
{
    zc_request *q = NULL;

    put_others();
    REQUIRE_INT(read_with("sink.b = 1\nsink.a = 2", 21, "sink.b = 3\n", &q), ZC_OK);
    REQUIRE_STR(q->sink_options, "a = 2\nb = 3\n");
    zc_request_free(q);
}

/* ---- Names ---- */

static void presets_are_found_by_path_name_and_text(void)
{
    static const struct { const char *preset; int steps; const char *message; } rows[] = {
        { "user/here.preset", 8, NULL },
        { "here.preset", 8, NULL },
        { "here", 8, NULL },
        { "fast", 4, NULL },
        { "demo/ball", 2, NULL },
        { "demo/ball.preset", 2, NULL },
        { "steps = 12", 12, NULL },
        { "# none\n", 50, NULL },
        { "include = fast\nwidth = 64", 4, NULL },
        { "", 50, NULL },
        { "her", 0, "there is no preset 'her'; did you mean 'here'; looked in user:installed" },
        { "p/here", 0, "there is no preset 'p/here'; did you mean 'here'; looked there and in "
          "user:installed" },
        { "../here", 0, "there is no preset '../here'; looked there and in user:installed" },
        { "/here.preset", 0,
          "there is no preset '/here.preset'; looked there and in user:installed" },
    };

    put_others();
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_request *q = zc_request_new();
        zc_preset *p = NULL;
        const zc_status st = zc_preset_open(&p, &test_log, &(zc_preset_desc){
            .preset = rows[i].preset, .folders = "user:installed" }, q);
        REQUIRE_INT(st, rows[i].message ? ZC_E_NOT_FOUND : ZC_OK);
        if (rows[i].message)
            REQUIRE_STR(last_error(), rows[i].message);
        else
            REQUIRE_INT(q->steps, rows[i].steps);
        zc_preset_close(&p);
        zc_request_free(q);
    }
}

static void lists_have_names_and_summaries(void)
{
    zc_str words = { 0 }, json = { 0 };

    put_others();
    REQUIRE_INT(zc_presets_tell(&test_log, "none::user:installed", &words, &json), ZC_OK);
    REQUIRE_STR(zc_str_get(&words),
                "here                             \n"
                "mine                             Of the user\n"
                "fast                             The fast one\n"
                "odd                              A \\x1b[31mred one\n"
                "demo/ball                        a ball");
    REQUIRE_HAS(zc_str_get(&json), "{\"name\":\"mine\",\"path\":\"user/mine.preset\",");
    zc_str_fini(&words);
    zc_str_fini(&json);
}

/* What is told of a preset reads as a preset that says the same. */
static void a_preset_told_is_a_preset(void)
{
    zc_request *q = zc_request_new(), *again = zc_request_new();
    zc_preset *p = NULL;
    zc_str words = { 0 }, json = { 0 };

    put_others();
    put("p/a.preset", "include = b\nprompt = a $${b}\nmodel = x\nguidance = 0.1\n");
    REQUIRE_INT(zc_preset_open(&p, &test_log, &(zc_preset_desc){ .preset = "p/a.preset" }, q),
                ZC_OK);
    zc_preset_words(p, &words);
    zc_preset_json(p, &json);
    zc_preset_close(&p);
    REQUIRE_HAS(zc_str_get(&words), "# p/b.preset:1:9\nsteps = 20\n");
    REQUIRE_HAS(zc_str_get(&json), "{\"key\":\"steps\",\"value\":\"20\",\"source\":\"p/b.preset\","
                "\"line\":1,\"column\":9}");
    REQUIRE_HAS(zc_str_get(&json), "{\"key\":\"width\",\"value\":\"640\"}");
    REQUIRE_INT(zc_preset_open(&p, &test_log, &(zc_preset_desc){ .preset = zc_str_get(&words) },
                               again), ZC_OK);
    REQUIRE_STR(again->prompt, "a ${b}");
    REQUIRE_STR(again->model, "p/x");
    REQUIRE_STR(again->cache, "fora");
    REQUIRE_HAS(again->cache_options, "interval = 4\n");
    REQUIRE_INT(again->steps, 20);
    REQUIRE(again->guidance == 0.1f);
    zc_preset_close(&p);
    zc_str_fini(&words);
    zc_str_fini(&json);
    zc_request_free(q);
    zc_request_free(again);
}

static void failures_leave_nothing(void)
{
    zc_request *q = zc_request_new();
    zc_preset *p = NULL;

    for (int n = 1, calls = n; calls >= n - 1; n++) {
        put_others();
        put("p/a.preset", "include = b\n$v = 1\nprompt = ${v}\ninclude = here\nmodel = x\n");
        faults_alloc(n, FAULT_ONCE);
        const zc_status st = zc_preset_open(&p, NULL, &(zc_preset_desc){
            .preset = "p/a.preset", .options = "steps = 3\n", .folders = "user" }, q);
        zc_preset_close(&p);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
        REQUIRE_INT(memfiles_open(), 0);
    }
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        put_others();
        put("p/a.preset", "include = b\ninclude = here\n");
        memfiles_fail(n, FAULT_ONCE, 5);
        const zc_status st = zc_preset_open(&p, NULL, &(zc_preset_desc){
            .preset = "p/a.preset", .folders = "user" }, q);
        calls = memfiles_calls();
        memfiles_fail(0, FAULT_ONCE, 0);
        REQUIRE((st == ZC_OK) == (p != NULL));
        zc_preset_close(&p);
        REQUIRE_INT(memfiles_open(), 0);
    }
    zc_request_free(q);
}

int main(void)
{
    REQUIRE_INT(zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    memfiles_begin();
    TEST(bad_presets_are_explained);
    TEST(locales_change_nothing);
    TEST(limits_hold_on_both_sides);
    TEST(later_lines_win_and_origins_are_kept);
    TEST(variables_are_filled_in);
    TEST(another_row_forgets_the_options_of_the_last);
    TEST(a_predictor_lies_beside_its_preset_or_with_the_user);
    TEST(options_of_a_sink_wait_for_its_name);
    TEST(presets_are_found_by_path_name_and_text);
    TEST(lists_have_names_and_summaries);
    TEST(a_preset_told_is_a_preset);
    TEST(failures_leave_nothing);
    memfiles_end();
    zc_log_fini(&test_log);
    return test_end();
}
