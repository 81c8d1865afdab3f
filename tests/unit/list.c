/* The job list of a batch: rows, numbers, names of outputs, and what is refused. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/batch/list.h"
#include "core/batch/pattern.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

static zc_log test_log;

static const char *last_error(void)
{
    static char text[ZC_LOG_TEXT];

    zc_log_last_error(&test_log, text, sizeof(text));
    return text;
}

static zc_status list_of(zc_list **out, const char *name, const char *text, const char *seeds,
                         const char *pattern, bool stills)
{
    zc_request *base = zc_request_new();

    base->seed = 42;
    base->frames = 5;
    memfiles_clear();
    if (text)
        memfile_put(name, text, strlen(text));
    const zc_status st = zc_list_open(out, &test_log, &(zc_list_desc){
        .base = base, .rows = name, .seeds = seeds, .pattern = pattern, .stills = stills });
    REQUIRE((st == ZC_OK) == (*out != NULL));
    zc_request_free(base);
    return st;
}

/* ---- Numbers and shares ---- */

static void numbers_are_read_in_order(void)
{
    static const struct { const char *text, *numbers; } rows[] = {
        { "7", "7 " }, { "1-4", "1 2 3 4 " }, { "1-10x3", "1 4 7 10 " }, { "1-10:4", "1 5 9 " },
        { "4-1", "4 3 2 1 " }, { "10-1x4", "10 6 2 " }, { "-8--5", "-8 -7 -6 -5 " },
        { "-1-1", "-1 0 1 " }, { "9,2, 5-6", "9 2 5 6 " },
        { "9223372036854775806-9223372036854775807",
          "9223372036854775806 9223372036854775807 " },
        { "-9223372036854775808-9223372036854775807x9223372036854775807",
          "-9223372036854775808 -1 9223372036854775806 " },
        { "3-3x5", "3 " },
    };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        int64_t *n = NULL;
        size_t count = 0;
        zc_str text = { 0 };
        REQUIRE_INT(zc_numbers_read(&n, &count, &test_log, "seeds", rows[i].text, 10), ZC_OK);
        for (size_t k = 0; k < count; k++)
            zc_str_add_format(&text, "%lld ", (long long)n[k]);
        REQUIRE_STR(zc_str_get(&text), rows[i].numbers);
        zc_free(n);
        zc_str_fini(&text);
    }
}

static void wrong_numbers_are_explained(void)
{
#define AS "; expected numbers as in 7, 1-100, 1-100x2"
    static const struct { const char *text; zc_status st; const char *message; } rows[] = {
        { "", ZC_E_ARGUMENT, "seeds: '' is no number" AS },
        { "1,,2", ZC_E_ARGUMENT, "seeds: '' is no number" AS },
        { "1,5,", ZC_E_ARGUMENT, "seeds: '' is no number" AS },
        { "one", ZC_E_ARGUMENT, "seeds: 'one' is no number" AS },
        { "1.5", ZC_E_ARGUMENT, "seeds: '1.5' has more behind it" AS },
        { "1-", ZC_E_ARGUMENT, "seeds: '1-' is no number" AS },
        { "1-5x", ZC_E_ARGUMENT, "seeds: '1-5x' is no number" AS },
        { "1-5x0", ZC_E_ARGUMENT, "seeds: '1-5x0' has a step below 1" AS },
        { "1-5x-1", ZC_E_ARGUMENT, "seeds: '1-5x-1' has a step below 1" AS },
        { "1-5x2x2", ZC_E_ARGUMENT, "seeds: '1-5x2x2' has more behind it" AS },
        { "9223372036854775808", ZC_E_ARGUMENT,
          "seeds: '9223372036854775808' is too large" AS },
        { "1-11", ZC_E_LIMIT, "seeds: more than 10 numbers" },
        { "1-5,6-11", ZC_E_LIMIT, "seeds: more than 10 numbers" },
        { "-9223372036854775808-9223372036854775807", ZC_E_LIMIT, "seeds: more than 10 numbers" },
        { "1-5,3", ZC_E_ARGUMENT, "seeds: 3 comes twice; expected each number once" },
    };
#undef AS

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        int64_t *n = NULL;
        size_t count = 0;
        REQUIRE_INT(zc_numbers_read(&n, &count, &test_log, "seeds", rows[i].text, 10), rows[i].st);
        REQUIRE_STR(last_error(), rows[i].message);
        REQUIRE(!n && count == 0);
    }
}

static void shares_are_everything_once(void)
{
    static const char *const bad[] = { "", "1", "/", "0/3", "4/3", "1/0", "-1/3", "1/3/3", "1 /3",
                                       "a/b", "1/100001" };
    zc_shard s;

    for (int n = 1; n <= 7; n++) {
        int seen[20] = { 0 }, sizes[7] = { 0 };
        for (int i = 1; i <= n; i++) {
            char text[16];
            snprintf(text, sizeof(text), "%d/%d", i, n);
            REQUIRE_INT(zc_shard_read(&s, &test_log, text), ZC_OK);
            for (int k = 0; k < 20; k++) {
                seen[k] += zc_shard_has(s, k);
                sizes[i - 1] += zc_shard_has(s, k);
            }
        }
        for (int k = 0; k < 20; k++)
            REQUIRE_INT(seen[k], 1);
        for (int i = 0; i < n; i++)
            REQUIRE(sizes[i] == 20 / n || sizes[i] == 20 / n + 1);
    }
    for (size_t i = 0; i < ZC_COUNT(bad); i++) {
        REQUIRE_INT(zc_shard_read(&s, &test_log, bad[i]), ZC_E_ARGUMENT);
        REQUIRE_HAS(last_error(), "expected i/n with n from 1 to 100000 and i from 1 to n");
    }
    REQUIRE(!zc_shard_has((zc_shard){ 0, 1 }, -1));
}

/* ---- Names of outputs ---- */

static bool value(const void *user, const char *key, zc_str *to)
{
    if (strcmp(key, "v") == 0)
        zc_str_add(to, user);
    return strcmp(key, "v") == 0;
}

static void patterns_are_filled_in(void)
{
    static const struct { const char *pattern, *value, *output, *frame, *stem; } rows[] = {
        { "a.png", "", "a.png", "a.png", "a" },
        { "{v}.####.exr", "fox", "fox.####.exr", "fox.0012.exr", "fox" },
        { "{v}_%05d.exr", "fox", "fox_#####.exr", "fox_00012.exr", "fox" },
        { "{v}/####.exr", "fox", "fox/####.exr", "fox/0012.exr", "fox" },
        { "#.exr", "", "#.exr", "12.exr", "frames" },
        { "a/{v}-{v}.mp4", "b", "a/b-b.mp4", "a/b-b.mp4", "a/b-b" },
        { "{{{v}}}.mp4", "b", "{b}.mp4", "{b}.mp4", "{b}" },
        { "{v}.mp4", "../../etc/passwd", "_._.._etc_passwd.mp4", "_._.._etc_passwd.mp4",
          "_._.._etc_passwd" },
        { "{v}.mp4", "..", "_.mp4", "_.mp4", "_" },
        { "{v}_###.png", "", "__###.png", "__012.png", "_" },
        { "{v}.mp4", ".hidden", "_hidden.mp4", "_hidden.mp4", "_hidden" },
        { "x{v}.mp4", ".5", "x.5.mp4", "x.5.mp4", "x.5" },
        { "{v}.mp4", "a  b, c: \"d\"\n%n#s\x1b", "a_b_c_d_n_s.mp4", "a_b_c_d_n_s.mp4",
          "a_b_c_d_n_s" },
        { "{v}.mp4", "\xc3\xa9t\xc3\xa9 \xe2\x80\xae x", "\xc3\xa9t\xc3\xa9_x.mp4",
          "\xc3\xa9t\xc3\xa9_x.mp4", "\xc3\xa9t\xc3\xa9_x" },
    };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_str output = { 0 }, frame = { 0 }, stem = { 0 };
        REQUIRE_INT(zc_pattern_check(&test_log, rows[i].pattern), ZC_OK);
        REQUIRE_INT(zc_pattern_fill(&output, &test_log, rows[i].pattern, value, rows[i].value),
                    ZC_OK);
        REQUIRE_STR(zc_str_get(&output), rows[i].output);
        zc_pattern_frame(&frame, zc_str_get(&output), 12);
        REQUIRE_STR(zc_str_get(&frame), rows[i].frame);
        zc_pattern_stem(&stem, zc_str_get(&output));
        REQUIRE_STR(zc_str_get(&stem), rows[i].stem);
        zc_str_fini(&output);
        zc_str_fini(&frame);
        zc_str_fini(&stem);
    }
    REQUIRE_INT(zc_pattern_digits("a{v}.%07d.x"), 7);
    REQUIRE_INT(zc_pattern_digits("a{v}.##.x"), 2);
    REQUIRE_INT(zc_pattern_digits("a{v}.x"), 0);
    REQUIRE_INT(zc_pattern_folder("/renders/{name}/a.exr"), 9);
    REQUIRE_INT(zc_pattern_folder("/renders/x/a.####.exr"), 11);
    REQUIRE_INT(zc_pattern_folder("/renders/x/a.exr"), 11);
    REQUIRE_INT(zc_pattern_folder("a.exr"), 0);
}

static void wrong_patterns_are_explained(void)
{
    static const struct { const char *pattern; zc_status st; const char *message; } rows[] = {
        { "", ZC_E_UNSAFE,
          "output '': expected a path below the output folder that ends in a file's name" },
        { "/a.png", ZC_E_UNSAFE,
          "output '/a.png': expected a path below the output folder that ends in a file's "
          "name" },
        { "a//b.png", ZC_E_UNSAFE,
          "output 'a//b.png': expected a path below the output folder that ends in a "
          "file's name" },
        { "a/", ZC_E_UNSAFE,
          "output 'a/': expected a path below the output folder that ends in a file's name" },
        { "../a.png", ZC_E_UNSAFE,
          "output '../a.png': '..' leads elsewhere; expected a path below the output folder" },
        { "a/../b.png", ZC_E_UNSAFE,
          "output 'a/../b.png': '..' leads elsewhere; expected a path below the output "
          "folder" },
        { "./a.png", ZC_E_UNSAFE,
          "output './a.png': '.' leads elsewhere; expected a path below the output folder" },
        { "a\\b.png", ZC_E_UNSAFE,
          "output 'a\\x5cb.png': byte 2, '\\x5c', has no place in a path" },
        { "a\nb.png", ZC_E_UNSAFE,
          "output 'a\\x0ab.png': byte 2, '\\x0a', has no place in a path" },
        { "a\xff.png", ZC_E_UNSAFE,
          "output 'a\\xff.png': byte 2, '\\xff', has no place in a path" },
        { "%n%s%999999d", ZC_E_FORMAT,
          "output '%n%s%999999d': byte 1, '%n%s': expected %0Nd with N from 1 to 9, or "
          "#### for the frame" },
        { "a%d.png", ZC_E_FORMAT,
          "output 'a%d.png': byte 2, '%d.p': expected %0Nd with N from 1 to 9, or #### for "
          "the frame" },
        { "a%0d.png", ZC_E_FORMAT,
          "output 'a%0d.png': byte 2, '%0d.': expected %0Nd with N from 1 to 9, or #### "
          "for the frame" },
        { "a%%.png", ZC_E_FORMAT,
          "output 'a%%.png': byte 2, '%%.p': expected %0Nd with N from 1 to 9, or #### for "
          "the frame" },
        { "a%", ZC_E_FORMAT,
          "output 'a%': byte 2, '%': expected %0Nd with N from 1 to 9, or #### for the "
          "frame" },
        { "a##########.png", ZC_E_FORMAT,
          "output 'a##########.png': byte 2, '##########': expected at most 9 digits for "
          "the frame" },
        { "a#b#.png", ZC_E_FORMAT,
          "output 'a#b#.png': byte 4, '#' is a second frame; expected one" },
        { "a.####.{v}", ZC_E_FORMAT,
          "output 'a.####.{v}': byte 8, '{v}' stands behind the frame; expected it before" },
        { "####/a.png", ZC_E_FORMAT,
          "output '####/a.png': byte 5, the frame names a folder; expected a file" },
        { "a{.png", ZC_E_FORMAT,
          "output 'a{.png': byte 2, '{.png': expected {KEY}, or {{ for a brace" },
        { "a{}.png", ZC_E_FORMAT,
          "output 'a{}.png': byte 2, '{': expected {KEY}, or {{ for a brace" },
        { "a{b{c}.png", ZC_E_FORMAT,
          "output 'a{b{c}.png': byte 2, '{b': expected {KEY}, or {{ for a brace" },
        { "a}.png", ZC_E_FORMAT,
          "output 'a}.png': byte 2, '}': expected }} for a brace" },
    };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        const zc_status st = zc_pattern_check(&test_log, rows[i].pattern);
        REQUIRE_INT(st, rows[i].st);
        REQUIRE_STR(last_error(), rows[i].message);
    }
}

/* ---- Lists ---- */

/* All jobs, a line each. */
static void require_jobs(const char *name, const char *text, const char *seeds,
                         const char *pattern, const char *expected)
{
    zc_list *l = NULL;
    zc_str said = { 0 };

    REQUIRE_INT(list_of(&l, name, text, seeds, pattern, false), ZC_OK);
    for (int32_t i = 0; l && i < zc_list_count(l); i++) {
        const zc_list_job *j = zc_list_at(l, i);
        REQUIRE_INT(j->index, i);
        zc_str_add_format(&said, "%s|%s|%s|%d|%s", j->where, j->name,
                          j->prompt ? j->prompt : "-", (int)j->frames, j->output);
        for (const char *c = j->options; *c; c++)
            zc_str_add_bytes(&said, *c == '\n' ? "|" : c, 1);
        zc_str_add(&said, "\n");
    }
    REQUIRE_STR(zc_str_get(&said), expected);
    REQUIRE(!zc_list_at(l, -1) && !zc_list_at(l, zc_list_count(l)));
    zc_str_fini(&said);
    zc_list_close(&l);
}

static void rows_times_seeds_are_jobs(void)
{
    require_jobs(NULL, NULL, NULL, "a.mp4", "|0001|-|5|a.mp4seed = 42|\n");
    require_jobs(NULL, NULL, "1-5x2", "{name}_{seed}_{steps}.mp4",
                 "|0001|-|5|0001_1_50.mp4seed = 1|\n"
                 "|0001|-|5|0001_3_50.mp4seed = 3|\n"
                 "|0001|-|5|0001_5_50.mp4seed = 5|\n");
    require_jobs("p.txt", "\xef\xbb\xbf# all\r\n\r\na fox\r\n  a = cat  # \n", "7,8",
                 "{index}_{prompt}.mp4",
                 "p.txt:3|0001|a fox|5|0001_a_fox.mp4seed = 7|\n"
                 "p.txt:3|0001|a fox|5|0002_a_fox.mp4seed = 8|\n"
                 "p.txt:4|0002|a = cat  #|5|0003_a_cat.mp4seed = 7|\n"
                 "p.txt:4|0002|a = cat  #|5|0004_a_cat.mp4seed = 8|\n");
    require_jobs("d/s.csv",
                 "name,prompt,seed,frames,$shot\r\n"
                 "fox,\"a \"\"red\"\" fox,\r\nrunning\",1-2,,010\r\n"
                 "\r\n"
                 "cat , a cat ,,9,020", NULL, "{name}_{shot}_{seed}_{frames}.mp4",
                 "d/s.csv:2|fox|a \"red\" fox,\nrunning|5|fox_010_1_5.mp4$shot = 010|seed = 1|\n"
                 "d/s.csv:2|fox|a \"red\" fox,\nrunning|5|fox_010_2_5.mp4$shot = 010|seed = 2|\n"
                 "d/s.csv:5|cat|a cat|9|cat_020_42_9.mp4frames = 9|$shot = 020|seed = 42|\n");
    require_jobs("s.tsv", "prompt\tcache\tcache.interval\nx, y\tfora\t3\n", NULL, "{prompt}.mp4",
                 "s.tsv:2|0001|x, y|5|x_y.mp4cache = fora|cache.interval = 3|seed = 42|\n");
    require_jobs("s.jsonl",
                 "{\"prompt\": \"a\\n\\u00e9\", \"seed\": \"3-4\", \"steps\": 7}\n\n"
                 "  {\"name\":\"b\", \"guidance\": 1.5, \"seed\": 9, \"prompt\": null}\r\n",
                 NULL, "{name}_{seed}.mp4",
                 "s.jsonl:1|0001|a\n\xc3\xa9|5|0001_3.mp4steps = 7|seed = 3|\n"
                 "s.jsonl:1|0001|a\n\xc3\xa9|5|0001_4.mp4steps = 7|seed = 4|\n"
                 "s.jsonl:3|b|-|5|b_9.mp4guidance = 1.5|seed = 9|\n");
}

static void wrong_rows_are_explained(void)
{
    static const struct {
        const char *name, *text, *seeds, *pattern;
        bool        stills;
        zc_status   st;
        const char *message;
    } rows[] = {
        { "s.csv", "", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:1:1: a column without a key" },
        { "s.csv", "prompt\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv: no rows" },
        { "s.csv", "prompt,\na,b\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:1:8: a column without a key" },
        { "s.csv", "prompt,prompt\na,b\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:1:8: two columns 'prompt'" },
        { "s.csv", "prompt;steps\na;3\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:1:1: 'prompt;steps': columns divided by ';', expected ','" },
        { "s.csv", "prompt,stpes\na,3\n", NULL, "{index}.mp4", false, ZC_E_MISSING,
          "s.csv:2:3: stpes: there is no such option; did you mean 'steps'? (a variable is "
          "$NAME)" },
        { "s.csv", "prompt,zzzz\na,3\n", NULL, "{index}.mp4", false, ZC_E_MISSING,
          "s.csv:2:3: zzzz: there is no such option (a variable is $NAME)" },
        { "s.csv", "prompt,$1\na,3\n", NULL, "{index}.mp4", false, ZC_E_MISSING,
          "s.csv:2:3: $1: there is no such option (a variable is $NAME)" },
        { "s.csv", "prompt,steps\na\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2: 1 cells, expected 2 as in line 1" },
        { "s.csv", "prompt,steps\na,b,c\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2: 3 cells, expected 2 as in line 1" },
        { "s.csv", "prompt\n\"a\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2:1: a quote that is not closed" },
        { "s.csv", "prompt\n\"a\"b\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2:4: 'b' behind a closing quote, expected ','" },
        { "s.csv", "prompt\na\"b\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2:2: a quote inside a cell; expected the whole cell in quotes, and \"\" "
          "for one" },
        { "s.csv", "prompt,guidance\na,\"1,5\"\n", NULL, "{index}.mp4", false, ZC_E_ARGUMENT,
          "s.csv:2:3: guidance: '1,5' has a comma: fractions are written with a point; "
          "expected: 0 to 100" },
        { "s.csv", "prompt,negative\na,\"b\nc\"\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2:3: negative: a control byte '\\x0a', expected one line of text" },
        { "s.csv", "prompt,frames\na,8\n", NULL, "{index}.mp4", false, ZC_E_ARGUMENT,
          "s.csv:2:3: frames = 8 is not of the form 4n + 1; the nearest are 5 and 9" },
        { "s.csv", "prompt,cache\na,foar\n", NULL, "{index}.mp4", false, ZC_E_MISSING,
          "s.csv:2:3: cache: there is no 'foar'" },
        { "s.csv", "cache,cache.intervall\nfora,3\n", NULL, "{index}.mp4", false, ZC_E_MISSING,
          "s.csv:2:6: cache.intervall: there is no such option; did you mean 'interval'?" },
        { "s.csv", "prompt,seed\na,3-\n", NULL, "{index}.mp4", false, ZC_E_ARGUMENT,
          "s.csv:2:3: seed: '3-' is no number; expected numbers as in 7, 1-100, 1-100x2" },
        { "s.csv", "prompt,seed\na,3\n", "1-2", "{index}.mp4", false, ZC_E_ARGUMENT,
          "s.csv:2:3: seed: there is a list of seeds for all rows too; expected one of the "
          "two" },
        { "s.csv", "prompt\na\xff\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2:2: '\\xff', expected UTF-8 text" },
        { "s.csv", "prompt\na\x1b\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.csv:2:2: '\\x1b', expected UTF-8 text" },
        { "s.txt", "# only\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.txt: no rows" },
        { "s.xls", "a", NULL, "{index}.mp4", false, ZC_E_UNSUPPORTED,
          "s.xls: expected a name that ends in .txt, .csv, .tsv or .jsonl" },
        { "s.jsonl", "{\"\":true}\n", NULL, "{index}.mp4", false, ZC_E_MISSING,
          "s.jsonl:1:5: : there is no such option (a variable is $NAME)" },
        { "s.jsonl", "[1]\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.jsonl:1: found an array, expected an object in each line" },
        { "s.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":[\"a\"]}\n", NULL, "{index}.mp4",
          false, ZC_E_FORMAT,
          "s.jsonl:2:11: prompt: found an array, expected a text, a number or a boolean" },
        { "s.jsonl", "{\"prompt\":\"a\"} {}\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.jsonl:1: byte 15: expected nothing more, found '{'" },
        { "s.jsonl", "{\"prompt\":\"a\"\n", NULL, "{index}.mp4", false, ZC_E_TRUNCATED,
          "s.jsonl:1: byte 13: expected a comma or }, but the text ends" },
        { "s.jsonl", "{\"steps\":3,\"steps\":3}\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.jsonl:1: byte 11: the key 'steps' is there already, at byte 1" },
        { "s.jsonl", "{\"steps\":3.5}\n", NULL, "{index}.mp4", false, ZC_E_ARGUMENT,
          "s.jsonl:1:10: steps: '3.5' is not a whole number; expected: 1 to 1000" },
        { "s.jsonl", "{\"negative\":\"a\\u001bb\"}\n", NULL, "{index}.mp4", false, ZC_E_FORMAT,
          "s.jsonl:1:13: negative: a control byte '\\x1b', expected one line of text" },
        { "s.txt", "a\nb\n", "1,2", "{seed}.mp4", false, ZC_E_ARGUMENT,
          "job 1 (s.txt:1, seed 1) and job 3 (s.txt:2, seed 1) have the same output '1.mp4'" },
        { NULL, NULL, "1,2", "a.mp4", false, ZC_E_ARGUMENT,
          "job 1 (seed 1) and job 2 (seed 2) have the same output 'a.mp4'" },
        { NULL, NULL, NULL, "{nmae}.mp4", false, ZC_E_MISSING,
          "output '{nmae}.mp4': byte 1: there is no value 'nmae'; known: name, prompt, "
          "seed, index, columns, and options of a job" },
        { NULL, NULL, NULL, "a.png", true, ZC_E_ARGUMENT,
          "output 'a.png': one file for 5 frames, expected #### for a frame's number" },
        { NULL, NULL, NULL, "a.####.mp4", false, ZC_E_ARGUMENT,
          "output 'a.####.mp4': a frame's number in the name of a film, expected none" },
        { "s.csv", "frames\n97\n", NULL, "a.#.png", true, ZC_E_ARGUMENT,
          "output 'a.#.png': 1 digits for 97 frames, expected more" },
        { NULL, NULL, NULL, "../a.####.png", true, ZC_E_UNSAFE,
          "output '../a.####.png': '..' leads elsewhere; expected a path below the output "
          "folder" },
        { "t.csv", NULL, NULL, "a.mp4", false, ZC_E_NOT_FOUND,
          "cannot open 't.csv': there is no such file or folder" },
    };

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_list *l = NULL;
        const zc_status st = list_of(&l, rows[i].name, rows[i].text, rows[i].seeds,
                                     rows[i].pattern, rows[i].stills);
        zc_list_close(&l);
        REQUIRE_INT(st, rows[i].st);
        REQUIRE_STR(last_error(), rows[i].message);
    }
}

static void limits_hold_on_both_sides(void)
{
    zc_list *l = NULL;
    zc_str text = { 0 };

    REQUIRE_INT(list_of(&l, NULL, NULL, "1-100000", "{seed}.mp4", false), ZC_OK);
    REQUIRE_INT(zc_list_count(l), 100000);
    REQUIRE_STR(zc_list_at(l, 99999)->output, "100000.mp4");
    zc_list_close(&l);
    REQUIRE_INT(list_of(&l, NULL, NULL, "1-100001", "{seed}.mp4", false), ZC_E_LIMIT);
    REQUIRE_INT(list_of(&l, "s.txt", "a\nb\n", "1-50001", "{index}.mp4", false), ZC_E_LIMIT);
    REQUIRE_STR(last_error(), "more than 100000 jobs");

    for (int i = 0; i < ZC_LIST_JOBS; i++)
        zc_str_add(&text, "a\n");
    REQUIRE_INT(list_of(&l, "s.txt", zc_str_get(&text), NULL, "{index}.mp4", false), ZC_OK);
    REQUIRE_STR(zc_list_at(l, 99999)->where, "s.txt:100000");
    zc_list_close(&l);
    zc_str_add(&text, "a\n");
    REQUIRE_INT(list_of(&l, "s.txt", zc_str_get(&text), NULL, "{index}.mp4", false), ZC_E_LIMIT);
    REQUIRE_STR(last_error(), "s.txt:100001:1: more than 100000 rows");

    zc_str_clear(&text);
    for (int i = 0; i < 257; i++)
        zc_str_add_format(&text, "%s$v%d", i ? "," : "", i);
    REQUIRE_INT(list_of(&l, "s.csv", zc_str_get(&text), NULL, "a.mp4", false), ZC_E_LIMIT);
    REQUIRE_HAS(last_error(), "more than 256 columns");
    zc_str_clear(&text);
    for (int i = 0; i < 65536; i++)
        zc_str_add(&text, "a");
    REQUIRE_INT(list_of(&l, "s.txt", zc_str_get(&text), NULL, "a.mp4", false), ZC_OK);
    zc_list_close(&l);
    zc_str_add(&text, "a");
    REQUIRE_INT(list_of(&l, "s.txt", zc_str_get(&text), NULL, "a.mp4", false), ZC_E_LIMIT);
    REQUIRE_STR(last_error(), "s.txt:1:1: prompt: 65537 bytes, expected at most 65536");
    zc_str_fini(&text);
}

static void a_digest_is_of_everything(void)
{
    static const char *const texts[] = { "a\nb\n", "a\nc\n", "b\na\n" };
    char first[65], digest[65], seen[4][65];
    zc_list *l = NULL;

    for (int i = 0; i < 4; i++) {
        for (int turn = 0; turn < 2; turn++) {
            REQUIRE_INT(list_of(&l, "s.txt", texts[i % 3], i == 3 ? "1" : "2", "{index}.mp4",
                                false), ZC_OK);
            zc_list_digest(l, turn ? digest : first);
            zc_list_close(&l);
        }
        REQUIRE_STR(digest, first);
        memcpy(seen[i], digest, sizeof(seen[i]));
        for (int k = 0; k < i; k++)
            REQUIRE(strcmp(seen[k], digest) != 0);
    }
}

static void failures_leave_nothing(void)
{
    static const struct { const char *name, *text; } rows[] = {
        { "s.csv", "name,prompt,seed,steps,cache,cache.interval\na,b,1-3,7,fora,3\n" },
        { "s.jsonl", "{\"prompt\":\"a\",\"steps\":3}\n{\"name\":\"b\"}\n" },
    };
    zc_request *base = zc_request_new();
    zc_list *l = NULL;

    base->frames = 5;
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        for (int n = 1, calls = n; calls >= n - 1; n++) {
            memfiles_clear();
            memfile_put(rows[i].name, rows[i].text, strlen(rows[i].text));
            faults_alloc(n, FAULT_ONCE);
            const zc_status st = zc_list_open(&l, NULL, &(zc_list_desc){
                .base = base, .rows = rows[i].name, .pattern = "{name}_{seed}.mp4" });
            zc_list_close(&l);
            calls = faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
    }
    zc_request_free(base);
}

int main(void)
{
    REQUIRE_INT(zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    memfiles_begin();
    TEST(numbers_are_read_in_order);
    TEST(wrong_numbers_are_explained);
    TEST(shares_are_everything_once);
    TEST(patterns_are_filled_in);
    TEST(wrong_patterns_are_explained);
    TEST(rows_times_seeds_are_jobs);
    TEST(wrong_rows_are_explained);
    TEST(limits_hold_on_both_sides);
    TEST(a_digest_is_of_everything);
    TEST(failures_leave_nothing);
    memfiles_end();
    zc_log_fini(&test_log);
    return test_end();
}
