/* How each known pattern cuts text; and lookups of alphabet and vocabulary, which
 * all pieces go through next. */

#include "core/text/pattern.h"

#include "core/base/str.h"
#include "core/text/alphabet.h"
#include "core/text/vocab.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

/* The pieces of a text with bars between. */
static void require_cut(const char *name, const char *text, const char *wanted)
{
    zc_pattern *p = NULL;
    zc_cutter *c = NULL;
    zc_str got = { 0 };
    const char *piece = NULL;
    size_t bytes = 0;

    REQUIRE_INT(zc_pattern_open(&p, NULL, zc_pattern_find(name)), ZC_OK);
    REQUIRE_INT(zc_cutter_open(&c, NULL, p), ZC_OK);
    zc_cutter_start(c, text, strlen(text));
    while (zc_cutter_next(c, NULL, &piece, &bytes) == ZC_OK && piece) {
        zc_str_add(&got, got.length ? "|" : "");
        zc_str_add_bytes(&got, piece, bytes);
    }
    REQUIRE_STR(zc_str_get(&got), wanted);
    zc_str_fini(&got);
    zc_cutter_close(&c);
    zc_pattern_close(&p);
}

static void each_pattern_cuts_as_its_model_does(void)
{
    require_cut("llama3", "Hello world, it's 12345", "Hello| world|,| it|'s| |123|45");
    require_cut("llama3", "DON'T  stop\n\nnow", "DON|'T| | stop|\n\n|now");
    require_cut("llama3", "a   b \n c!!\n\n", "a|  | b| \n| c|!!\n\n");
    require_cut("llama3", "(f/1.8)", "(f|/|1|.|8|)");
    require_cut("qwen2", "Hello 123", "Hello| |1|2|3");
    require_cut("gpt2", "Hello  world 123's\n\n", "Hello| | world| 123|'s|\n\n");
    require_cut("clip", " don't  stop 12 !?x ", "don|'t|stop|1|2|!?|x");
    require_cut("clip-named", "<|endoftext|>", "<||endoftext||>");
    require_cut("llama3", "", "");
    require_cut("clip", "  ", "");
}

static void white_space_is_unicodes(void)
{
    require_cut("llama3", "a\xC2\x85\xE3\x80\x80" "b", "a|\xC2\x85|\xE3\x80\x80" "b");
    require_cut("gpt2", "a\xE1\xA0\x8E" "b", "a|\xE1\xA0\x8E|b");       /* U+180E is not white */
}

static void only_known_expressions_match(void)
{
    const zc_pattern_row *llama = zc_pattern_find("llama3");
    zc_str names = { 0 };

    REQUIRE(zc_pattern_match(llama->split, false, false) == llama);
    REQUIRE(zc_pattern_match(llama->split, true, false) == NULL);
    REQUIRE(zc_pattern_match(llama->split, false, true) == NULL);
    REQUIRE(zc_pattern_match("\\w+", false, false) == NULL);
    REQUIRE(zc_pattern_match(NULL, false, true) == zc_pattern_find("gpt2"));
    REQUIRE(zc_pattern_find("other") == NULL);
    zc_pattern_list(&names);
    REQUIRE_STR(zc_str_get(&names), "gpt2, llama3, qwen2, clip, clip-named");
    zc_str_fini(&names);
}

/* Runs that a careless expression would take quadratic time or much stack for. */
static void hostile_texts_stay_within_the_limits(void)
{
    enum { BYTES = 3 * 65536 };
    static const char *const runs[] = { " ", "a", "'", "\n ", "!", "1", " \xC2\x85", "'l" };
    static const char *const names[] = { "gpt2", "llama3", "qwen2", "clip" };
    zc_str text = { 0 };

    for (size_t i = 0; i < ZC_COUNT(runs) * ZC_COUNT(names); i++) {
        const char *run = runs[i / ZC_COUNT(names)];
        zc_pattern *p = NULL;
        zc_cutter *c = NULL;
        const char *piece = NULL;
        size_t bytes = 0, all = 0;
        zc_status st;
        zc_str_clear(&text);
        while (text.length < BYTES)
            zc_str_add(&text, run);
        zc_str_add(&text, "x");
        REQUIRE_INT(zc_pattern_open(&p, NULL, zc_pattern_find(names[i % ZC_COUNT(names)])), ZC_OK);
        REQUIRE_INT(zc_cutter_open(&c, NULL, p), ZC_OK);
        zc_cutter_start(c, zc_str_get(&text), text.length);
        while (!(st = zc_cutter_next(c, NULL, &piece, &bytes)) && piece)
            all += bytes;
        REQUIRE_INT(st, ZC_OK);
        REQUIRE(all == text.length || i % ZC_COUNT(names) == 3);
        zc_cutter_close(&c);
        zc_pattern_close(&p);
    }
    zc_str_fini(&text);
}

static void every_byte_has_a_letter_of_its_own(void)
{
    char letter[5] = { 0 };

    for (int i = 0; i < 256; i++) {
        uint32_t code = 0;
        const size_t n = zc_alphabet_letter(letter, (uint8_t)i);
        REQUIRE_INT(zc_utf8_decode(&code, letter, n), n);
        REQUIRE_INT(zc_alphabet_byte(code), i);
    }
    letter[zc_alphabet_letter(letter, ' ')] = '\0';
    REQUIRE_STR(letter, "\xC4\xA0");                        /* U+0120 */
    letter[zc_alphabet_letter(letter, '\n')] = '\0';
    REQUIRE_STR(letter, "\xC4\x8A");                        /* U+010A */
    REQUIRE_INT(zc_alphabet_byte(' '), -1);
    REQUIRE_INT(zc_alphabet_byte(0x144), -1);
    REQUIRE_INT(zc_alphabet_byte(0x1F600), -1);
}

static void tokens_are_found_by_text_and_by_id(void)
{
    enum { COUNT = 5000 };
    static char text[COUNT][8];
    static zc_token token[COUNT];
    zc_vocab v;
    int missed = 0;

    for (int i = 0; i < COUNT; i++) {
        const int n = snprintf(text[i], sizeof(text[i]), "t%d", i);
        token[i] = (zc_token){ .text = text[i], .bytes = (uint32_t)n, .id = 7 * i };
    }
    REQUIRE_INT(zc_vocab_init(&v, NULL, "v", token, COUNT), ZC_OK);
    for (int i = 0; i < COUNT; i++) {
        const zc_token *a = zc_vocab_find(&v, text[i], strlen(text[i]));
        const zc_token *b = zc_vocab_at(&v, 7 * i);
        missed += !a || a != b || a->id != 7 * i || zc_vocab_at(&v, 7 * i + 1) != NULL;
    }
    REQUIRE_INT(missed, 0);
    REQUIRE(!zc_vocab_find(&v, "t", 1) && !zc_vocab_find(&v, "", 0) && !zc_vocab_at(&v, -1));
    REQUIRE(!zc_vocab_pair(&v, 0, 7));
    zc_vocab_fini(&v);
}

static void ranks_make_every_pair_of_tokens(void)
{
    static const char *const texts[] = { "a", "b", "ab", "aba", "ba" };
    zc_token token[ZC_COUNT(texts)];
    zc_vocab v;

    for (size_t i = 0; i < ZC_COUNT(texts); i++)
        token[i] = (zc_token){
            .text = texts[i], .bytes = (uint32_t)strlen(texts[i]), .id = (int32_t)i,
        };
    REQUIRE_INT(zc_vocab_init(&v, NULL, "v", token, ZC_COUNT(texts)), ZC_OK);
    REQUIRE_INT(zc_vocab_derive_merges(&v, NULL, "v"), ZC_OK);
    REQUIRE_INT(v.pairs, 4);                  /* a b, b a, a ba, ab a */
    REQUIRE(zc_vocab_pair(&v, 0, 4) && zc_vocab_pair(&v, 0, 4)->id == 3);
    REQUIRE(zc_vocab_pair(&v, 2, 0) && zc_vocab_pair(&v, 2, 0)->rank == 3);
    REQUIRE(!zc_vocab_pair(&v, 0, 0));
    zc_vocab_fini(&v);
}

static void lack_of_memory_is_reported(void)
{
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_pattern *p = NULL;
        zc_cutter *c = NULL;
        const char *piece = NULL;
        size_t bytes = 0;
        faults_alloc(n, FAULT_ONCE);
        zc_status st = zc_pattern_open(&p, NULL, zc_pattern_find("llama3"));
        if (!st)
            st = zc_cutter_open(&c, NULL, p);
        if (!st) {
            zc_cutter_start(c, "Some words\n", 11);
            while (!(st = zc_cutter_next(c, NULL, &piece, &bytes)) && piece)
                continue;
        }
        zc_cutter_close(&c);
        zc_pattern_close(&p);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

int main(void)
{
    TEST(each_pattern_cuts_as_its_model_does);
    TEST(white_space_is_unicodes);
    TEST(only_known_expressions_match);
    TEST(hostile_texts_stay_within_the_limits);
    TEST(every_byte_has_a_letter_of_its_own);
    TEST(tokens_are_found_by_text_and_by_id);
    TEST(ranks_make_every_pair_of_tokens);
    TEST(lack_of_memory_is_reported);
    return test_end();
}
