/* The tokenizer on a small vocabulary made here: 256 bytes, and a few merges. */

#include "core/text/bpe.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/text/alphabet.h"
#include "core/text/bpe_parts.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

/* Parts of a tokenizer.json; NULL leaves a part as it is in `ordinary`. */
struct recipe {
    const char *added, *normalizer, *pre_tokenizer, *post_processor;
    const char *model;            /* members before the vocabulary, each with its comma */
    const char *vocab;            /* members behind the ordinary ones, with commas before */
    const char *merges;           /* elements behind the ordinary ones, with commas before */
    bool arrays;                  /* merges as arrays of two */
};

#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"
#define ADDED_DONE "\"special\":true,\"normalized\":false,\"lstrip\":false}"

static const struct recipe ordinary = {
    .added = "{\"id\":300,\"content\":\"<s>\"," ADDED_DONE ",{\"id\":301,\"content\":\"<s>>\","
             ADDED_DONE ",{\"id\":302,\"content\":\"Tag\",\"special\":false,\"normalized\":true}",
    .normalizer = "null",
    .pre_tokenizer = BYTE_LEVEL,
    .post_processor = "null",
    .model = "",
    .vocab = "",
    .merges = "",
};

/* Number i makes the token 256 + i. */
static const char *const merges[][2] = {
    { "c", "d" }, { "b", "c" }, { "a", "b" }, { "ab", "cd" }, { "a", "a" }, { "aa", "aa" },
};

static char last_error[ZC_LOG_TEXT];
static char last_warning[ZC_LOG_TEXT];

static void keep(void *user, zc_level level, const char *text)
{
    (void)user;
    snprintf(level == ZC_LEVEL_ERROR ? last_error : last_warning, ZC_LOG_TEXT, "%s", text);
}

static zc_log log_kept;

static void add_merges(zc_str *out, bool arrays)
{
    for (size_t i = 0; i < ZC_COUNT(merges); i++)
        zc_str_add_format(out, arrays ? "%s[\"%s\",\"%s\"]" : "%s\"%s %s\"", i ? "," : "",
                          merges[i][0], merges[i][1]);
}

static void add_vocab(zc_str *out, const char *more)
{
    zc_json_writer w = { .to = out };

    zc_json_begin_object(&w);
    for (int i = 0; i < 256; i++) {
        char letter[5] = { 0 };
        zc_alphabet_letter(letter, (uint8_t)i);
        zc_json_add_key(&w, letter);
        zc_json_add_u64(&w, (uint64_t)i);
    }
    for (size_t i = 0; i < ZC_COUNT(merges); i++) {
        char text[16];
        snprintf(text, sizeof(text), "%s%s", merges[i][0], merges[i][1]);
        zc_json_add_key(&w, text);
        zc_json_add_u64(&w, 256 + i);
    }
    zc_str_add(out, more);
    zc_json_end_object(&w);
}

static const char *or_else(const char *a, const char *b)
{
    return a ? a : b;
}

static void write_json(zc_str *out, const struct recipe *r)
{
    zc_str_add_format(out, "{\"version\":\"1.0\",\"added_tokens\":[%s],\"normalizer\":%s,"
                      "\"pre_tokenizer\":%s,\"post_processor\":%s,\"decoder\":{\"x\":[1,{}]},"
                      "\"model\":{%s\"vocab\":", or_else(r->added, ordinary.added),
                      or_else(r->normalizer, ordinary.normalizer),
                      or_else(r->pre_tokenizer, ordinary.pre_tokenizer),
                      or_else(r->post_processor, ordinary.post_processor),
                      or_else(r->model, ordinary.model));
    add_vocab(out, or_else(r->vocab, ordinary.vocab));
    zc_str_add(out, ",\"merges\":[");
    add_merges(out, r->arrays);
    zc_str_add_format(out, "%s]}}", or_else(r->merges, ordinary.merges));
}

static zc_status open_recipe(zc_bpe **b, const struct recipe *r)
{
    zc_str json = { 0 };

    write_json(&json, r);
    const zc_status st = zc_bpe_open_json(b, &log_kept, &(zc_bpe_source){
        .text = json.text, .bytes = json.length, .name = "t.json",
    });
    zc_str_fini(&json);
    return st;
}

static zc_bpe *opened(const struct recipe *r)
{
    zc_bpe *b = NULL;

    REQUIRE_INT(open_recipe(&b, r), ZC_OK);
    if (!b) {
        printf("%s\n", last_error);
        exit(1);
    }
    return b;
}

static void require_bytes(const zc_bpe *b, const zc_bpe_text *text, const char *wanted)
{
    zc_ids ids = { 0 };
    zc_str got = { 0 };

    REQUIRE_INT(zc_bpe_encode(b, &log_kept, text, &ids), ZC_OK);
    for (size_t i = 0; i < ids.count; i++)
        zc_str_add_format(&got, "%s%d", i ? " " : "", (int)ids.id[i]);
    REQUIRE_STR(zc_str_get(&got), wanted);
    zc_str_fini(&got);
    zc_ids_fini(&ids);
}

static void require_ids(const zc_bpe *b, const char *text, const char *wanted)
{
    require_bytes(b, &(zc_bpe_text){ .text = text, .bytes = strlen(text) }, wanted);
}

/* ---- Merging ---- */

static void lowest_rank_merges_first_and_from_the_left(void)
{
    zc_bpe *b = opened(&ordinary);

    require_ids(b, "bcd", "98 256");
    require_ids(b, "bc", "257");
    require_ids(b, "abc", "97 257");
    require_ids(b, "abcd", "259");
    require_ids(b, "aaa", "260 97");
    require_ids(b, "aaaaa", "261 97");
    require_ids(b, "aab", "97 258");
    require_ids(b, "", "");
    require_ids(b, "z", "122");
    zc_bpe_close(&b);
}

static void a_whole_piece_beats_merges_if_asked(void)
{
    /* "bcd" is a token that no merge makes. */
    const char *vocab = ",\"bcd\":280";
    zc_bpe *merged = opened(&(struct recipe){ .vocab = vocab });
    zc_bpe *whole = opened(&(struct recipe){
        .vocab = vocab, .model = "\"type\":\"BPE\",\"ignore_merges\":true,",
    });

    require_ids(merged, "bcd", "98 256");
    require_ids(whole, "bcd", "280");
    require_ids(whole, "bcdz", "98 256 122");
    zc_bpe_close(&merged);
    zc_bpe_close(&whole);
}

static void the_last_symbol_has_the_suffix(void)
{
    zc_bpe *b = opened(&(struct recipe){
        .model = "\"end_of_word_suffix\":\"</w>\",\"unk_token\":\"a\",",
        .vocab = ",\"d</w>\":270,\"cd</w>\":271",
        .merges = ",\"c d</w>\"",
    });

    require_ids(b, "cd", "271");
    require_ids(b, "cdcd", "256 271");
    require_ids(b, "q", "97");                /* "q</w>" is unknown */
    zc_bpe_close(&b);
}

static void long_pieces_take_little_time(void)
{
    enum { BYTES = 65536 };
    zc_bpe *b = opened(&ordinary);
    zc_ids ids = { 0 };
    char *text = malloc(BYTES);

    memset(text, 'a', BYTES);
    REQUIRE_INT(zc_bpe_encode(b, &log_kept, &(zc_bpe_text){ .text = text, .bytes = BYTES }, &ids),
                ZC_OK);
    REQUIRE_INT(ids.count, BYTES / 4);
    memset(text, ' ', BYTES);
    REQUIRE_INT(zc_bpe_encode(b, &log_kept, &(zc_bpe_text){ .text = text, .bytes = BYTES }, &ids),
                ZC_OK);
    REQUIRE_INT(ids.count, BYTES);
    zc_ids_fini(&ids);
    zc_bpe_close(&b);
    free(text);
}

/* ---- Added tokens ---- */

static void the_longest_added_token_is_found(void)
{
    zc_bpe *b = opened(&ordinary);

    require_ids(b, "<s>", "300");
    require_ids(b, "<s>>", "301");
    require_ids(b, "a<s>>>b<s", "97 301 62 98 60 115");
    require_ids(b, "xTagTag", "120 302 302");
    REQUIRE_INT(zc_bpe_find(b, "<s>"), 300);
    REQUIRE_INT(zc_bpe_find(b, "a"), -1);
    REQUIRE_INT(zc_bpe_rows(b), 303);
    REQUIRE_STR(zc_bpe_name(b), "t.json");
    zc_bpe_close(&b);
}

static void literal_text_has_no_special_tokens(void)
{
    zc_bpe *b = opened(&ordinary);

    require_bytes(b, &(zc_bpe_text){ .text = "<s><s>Tag", .bytes = 9 }, "300 300 302");
    require_bytes(b, &(zc_bpe_text){
        .text = "<s><s>Tag", .bytes = 9, .literal_from = 3, .literal_to = 9,
    }, "300 60 115 62 302");
    require_bytes(b, &(zc_bpe_text){
        .text = "<s><s>Tag", .bytes = 9, .literal_from = 1, .literal_to = 4,
    }, "60 115 62 60 115 62 302");
    REQUIRE_INT(zc_bpe_encode(b, &log_kept, &(zc_bpe_text){
        .text = "abc", .bytes = 3, .literal_from = 2, .literal_to = 4,
    }, &(zc_ids){ 0 }), ZC_E_ARGUMENT);
    zc_bpe_close(&b);
}

static void normalised_tokens_are_found_after_normalising(void)
{
    zc_bpe *b = opened(&(struct recipe){
        .normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":"
                      "\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"},"
                      "{\"type\":\"Lowercase\"}]}",
    });

    require_ids(b, "xTAGtag", "120 302 302");
    require_ids(b, "<S><s>A\t\n B", "60 115 62 300 97 32 98");
    require_ids(b, "E\xCC\x81", "195 169");           /* one letter, lower case */
    zc_bpe_close(&b);
}

static void begin_and_end_tokens_stay_when_text_is_cut(void)
{
    zc_bpe *b = opened(&(struct recipe){
        .post_processor = "{\"type\":\"RobertaProcessing\",\"sep\":[\"<s>>\",301],"
                          "\"cls\":[\"<s>\",300]}",
    });
    zc_ids ids = { 0 };

    require_ids(b, "", "300 301");
    require_ids(b, "xyz", "300 120 121 122 301");
    REQUIRE_INT(zc_bpe_encode(b, &log_kept, &(zc_bpe_text){ .text = "xyz", .bytes = 3 }, &ids),
                ZC_OK);
    zc_ids_cut(&ids, 5);
    REQUIRE_INT(ids.cut, 0);
    zc_ids_cut(&ids, 4);
    REQUIRE_INT(ids.cut, 1);
    REQUIRE_INT(ids.count, 4);
    REQUIRE_INT(ids.id[2], 121);
    REQUIRE_INT(ids.id[3], 301);
    zc_ids_cut(&ids, 0);
    REQUIRE_INT(ids.cut, 3);
    REQUIRE_INT(ids.count, 2);
    REQUIRE_INT(ids.id[1], 301);
    zc_ids_fini(&ids);
    zc_bpe_close(&b);

    b = opened(&(struct recipe){
        .post_processor = "{\"type\":\"Sequence\",\"processors\":[" BYTE_LEVEL ",{\"type\":"
                          "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"B\"}},"
                          "{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"B\":{\"id\":\"B\","
                          "\"ids\":[301,300]}}}]}",
    });
    require_ids(b, "x", "301 300 120");
    zc_bpe_close(&b);
}

/* ---- Any bytes ---- */

static void broken_text_is_replaced_and_counted(void)
{
    zc_bpe *b = opened(&ordinary);
    zc_ids ids = { 0 };

    require_bytes(b, &(zc_bpe_text){ .text = "x\0y", .bytes = 3 }, "120 0 121");
    require_bytes(b, &(zc_bpe_text){ .text = "x\xC3", .bytes = 2 }, "120 239 191 189");
    require_bytes(b, &(zc_bpe_text){
        .text = "\xFF<s>\x80<s>", .bytes = 8, .literal_from = 4, .literal_to = 8,
    }, "239 191 189 300 239 191 189 60 115 62");
    REQUIRE_INT(zc_bpe_encode(b, &log_kept, &(zc_bpe_text){
        .text = "\xE2\x82z\xED\xA0\x80", .bytes = 6,
    }, &ids), ZC_OK);
    REQUIRE_INT(ids.replaced, 5);
    zc_ids_fini(&ids);
    zc_bpe_close(&b);
}

static void decoding_gives_the_text_back(void)
{
    static const char text[] = "abcd <s> Tag \xE4\xB8\x80\n\"\\\x01";
    zc_bpe *b = opened(&ordinary);
    zc_ids ids = { 0 };
    zc_str back = { 0 };

    REQUIRE_INT(zc_bpe_encode(b, &log_kept, &(zc_bpe_text){
        .text = text, .bytes = sizeof(text) - 1,
    }, &ids), ZC_OK);
    zc_bpe_decode(b, &back, ids.id, ids.count);
    REQUIRE_STR(zc_str_get(&back), text);
    zc_str_clear(&back);
    zc_bpe_decode(b, &back, (const int32_t[]){ 228, 290, -1 }, 3);
    REQUIRE_STR(zc_str_get(&back), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    zc_str_fini(&back);
    zc_ids_fini(&ids);
    zc_bpe_close(&b);
}

static void a_text_may_be_too_long(void)
{
    zc_bpe *b = opened(&ordinary);
    zc_ids ids = { 0 };

    REQUIRE_INT(zc_bpe_encode(b, &log_kept, &(zc_bpe_text){
        .text = "", .bytes = ZC_BPE_TEXT + 1,
    }, &ids), ZC_E_LIMIT);
    REQUIRE_HAS(last_error, "1048577 bytes");
    zc_bpe_close(&b);
}

/* ---- Forms of files ---- */

static void add_base64(zc_str *out, const char *text, size_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < bytes ? (uint8_t)text[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            const char digit[] = { digits[(bits >> (18 - 6 * k)) & 63], '\0' };
            zc_str_add(out, i + k > bytes ? "=" : digit);
        }
    }
}

static zc_status open_text_merges(zc_bpe **b, const char *vocab_more, const char *lines)
{
    zc_str vocab = { 0 }, list = { 0 };

    add_vocab(&vocab, vocab_more);
    zc_str_add(&list, "#version: 0.2\r\n");
    for (size_t i = 0; i < ZC_COUNT(merges); i++)
        zc_str_add_format(&list, "%s %s\r\n", merges[i][0], merges[i][1]);
    zc_str_add(&list, lines);
    const zc_status st = zc_bpe_open_merges(b, &log_kept,
        &(zc_bpe_source){ .text = vocab.text, .bytes = vocab.length, .name = "vocab.json" },
        &(zc_bpe_source){ .text = list.text, .bytes = list.length, .name = "merges.txt" },
        zc_bpe_style_find("llama3"));
    zc_str_fini(&vocab);
    zc_str_fini(&list);
    return st;
}

static zc_status open_text_ranks(zc_bpe **b, const char *lines)
{
    zc_str list = { 0 };

    for (int i = 0; i < 256; i++) {
        const char byte = (char)i;
        add_base64(&list, &byte, 1);
        zc_str_add_format(&list, " %d\n", i);
    }
    for (size_t i = 0; i < ZC_COUNT(merges); i++) {
        char text[16];
        const int n = snprintf(text, sizeof(text), "%s%s", merges[i][0], merges[i][1]);
        add_base64(&list, text, (size_t)n);
        zc_str_add_format(&list, " %zu\n", 256 + i);
    }
    zc_str_add(&list, lines);
    const zc_status st = zc_bpe_open_ranks(b, &log_kept, &(zc_bpe_source){
        .text = list.text, .bytes = list.length, .name = "tokenizer.model",
    }, zc_bpe_style_find("llama3"));
    zc_str_fini(&list);
    return st;
}

static void all_forms_give_the_same_ids(void)
{
    zc_bpe *form[3] = { NULL };

    form[0] = opened(&(struct recipe){ .arrays = true, .added = "" });
    REQUIRE_INT(open_text_merges(&form[1], "", ""), ZC_OK);
    REQUIRE_INT(open_text_ranks(&form[2], ""), ZC_OK);
    for (size_t i = 0; i < ZC_COUNT(form); i++) {
        if (!form[i])
            continue;
        const char *begin = i ? "262 " : "";
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "%s259 32 98 256 261 97 32 195 169 10", begin);
        require_ids(form[i], "abcd bcdaaaaa \xC3\xA9\n", wanted);
    }
    if (form[1] && form[2]) {
        require_ids(form[1], "<|eot_id|><pad>", "262 271 520");
        require_ids(form[2], "<|reserved_special_token_0|><|reserved_special_token_250|>",
                    "262 264 517");
        REQUIRE_INT(zc_bpe_rows(form[2]), 262 + 259);
    }
    for (size_t i = 0; i < ZC_COUNT(form); i++)
        zc_bpe_close(&form[i]);
}

static void a_vocabulary_with_special_tokens_keeps_its_own(void)
{
    zc_bpe *b = NULL;

    REQUIRE_INT(open_text_merges(&b, ",\"<|begin_of_text|>\":400,\"<|eot_id|>\":290", ""), ZC_OK);
    require_ids(b, "a<|eot_id|><pad>", "400 97 290 60 112 97 100 62");
    REQUIRE_INT(zc_bpe_rows(b), 401);
    zc_bpe_close(&b);
}

static void bad_lines_are_named(void)
{
    zc_bpe *b = NULL;

    REQUIRE_INT(open_text_merges(&b, "", "a b c\n"), ZC_E_FORMAT);
    REQUIRE_HAS(last_error, "merges.txt: line 8 is \"a b c\"");
    REQUIRE_INT(open_text_merges(&b, "", "ab\n"), ZC_E_FORMAT);
    REQUIRE_INT(open_text_merges(&b, "", "a \n"), ZC_E_FORMAT);
    REQUIRE_INT(open_text_merges(&b, "", "\xFF a\n"), ZC_E_FORMAT);
    REQUIRE_HAS(last_error, "isn't UTF-8");
    REQUIRE_INT(open_text_merges(&b, "", "a q\n"), ZC_E_FORMAT);
    REQUIRE_HAS(last_error, "\"aq\", isn't in the vocabulary");

    static const char *const ranks[] = {
        "eno=", "eno= ", "eno 280", "e*o= 280", "enp= 280", "eno= x", "eno= -1", "==== 280",
    };
    for (size_t i = 0; i < ZC_COUNT(ranks); i++) {
        REQUIRE_INT(open_text_ranks(&b, ranks[i]), ZC_E_FORMAT);
        REQUIRE_HAS(last_error, "tokenizer.model");
        REQUIRE(!b);
    }
    REQUIRE_INT(open_text_ranks(&b, "eno= 2097152"), ZC_E_LIMIT);
    REQUIRE_INT(open_text_ranks(&b, "eno= 97"), ZC_E_FORMAT);
    REQUIRE_HAS(last_error, "the same id, 97");
}

static void forms_without_options_need_a_style(void)
{
    zc_bpe *b = NULL;
    char ranks[] = "YQ== 0\n";

    REQUIRE(zc_bpe_style_find("clip") && !zc_bpe_style_find("other"));
    REQUIRE_INT(zc_bpe_open_ranks(&b, &log_kept, &(zc_bpe_source){
        .text = ranks, .bytes = strlen(ranks), .name = "tokenizer.model",
    }, zc_bpe_style_find("other")), ZC_E_ARGUMENT);
    REQUIRE_HAS(last_error, "tokenizer.model: only a tokenizer.json");
}

/* ---- What is refused ---- */

static void bad_files_are_refused_by_name(void)
{
    static const struct {
        struct recipe r;
        zc_status st;
        const char *says;
    } bad[] = {
        { { .vocab = ",\"x\":null" }, ZC_E_FORMAT, "" },
        { { .vocab = ",\"ab\":900" }, ZC_E_FORMAT, "" },
        { { .vocab = ",\"xx\":97" }, ZC_E_FORMAT, "same id, 97" },
        { { .vocab = ",\"xx\":-1" }, ZC_E_FORMAT, "-1" },
        { { .vocab = ",\"xx\":1.5" }, ZC_E_FORMAT, "1.5" },
        { { .vocab = ",\"xx\":2097152" }, ZC_E_LIMIT, "below 2097152" },
        { { .vocab = ",\"xx\":99999999999999999999" }, ZC_E_FORMAT, "too large" },
        { { .vocab = ",\"\":900" }, ZC_E_FORMAT, "900 is empty" },
        { { .merges = ",\"a b\"" }, ZC_E_FORMAT, "merges 2 and 6 are the same" },
        { { .merges = ",\"a zz\"" }, ZC_E_FORMAT, "right half, \"zz\"" },
        { { .merges = ",\"zz a\"" }, ZC_E_FORMAT, "left half, \"zz\"" },
        { { .merges = ",\"b a\"" }, ZC_E_FORMAT, "result, \"ba\"" },
        { { .merges = ",\"ba\"" }, ZC_E_FORMAT, "merge 6 is \"ba\"" },
        { { .merges = ",\"a b c\"" }, ZC_E_FORMAT, "merge 6 is" },
        { { .merges = ",\" a\"" }, ZC_E_FORMAT, "empty half" },
        { { .merges = ",[\"a\"]" }, ZC_E_FORMAT, "right half" },
        { { .merges = ",[\"a\",\"b\",\"c\"]" }, ZC_E_FORMAT, "two halves" },
        { { .merges = ",7" }, ZC_E_FORMAT, "a merge" },
        { { .added = "{\"id\":300,\"content\":\"\"}" }, ZC_E_FORMAT, "empty" },
        { { .added = "{\"id\":300}" }, ZC_E_MISSING, "no content" },
        { { .added = "{\"content\":\"q\"}" }, ZC_E_MISSING, "no id" },
        { { .added = "{\"id\":97,\"content\":\"<x>\"}" }, ZC_E_FORMAT, "which is \"a\"" },
        { { .added = "{\"id\":300,\"content\":\"a\"}" }, ZC_E_FORMAT, "gives it 97" },
        { { .added = "{\"id\":300,\"content\":\"<x>\"},{\"id\":301,\"content\":\"<x>\"}" },
          ZC_E_FORMAT, "comes twice" },
        { { .added = "{\"id\":300,\"content\":\"<x>\",\"lstrip\":true}" }, ZC_E_UNSUPPORTED,
          "lstrip" },
        { { .added = "{\"id\":300,\"content\":\"<x>\",\"special\":1}" }, ZC_E_FORMAT, "special" },
        { { .added = "5" }, ZC_E_FORMAT, "added token" },
        { { .normalizer = "{\"type\":\"StripAccents\"}" }, ZC_E_UNSUPPORTED, "StripAccents" },
        { { .normalizer = "{\"type\":\"Replace\"}" }, ZC_E_UNSUPPORTED, "Replace" },
        { { .normalizer = "{}" }, ZC_E_MISSING, "normalizer" },
        { { .normalizer = "7" }, ZC_E_FORMAT, "normalizer" },
        { { .pre_tokenizer = "null" }, ZC_E_FORMAT, "pre_tokenizer" },
        { { .pre_tokenizer = "{\"type\":\"ByteLevel\"}" }, ZC_E_UNSUPPORTED, "add_prefix_space" },
        { { .pre_tokenizer = "{\"type\":\"Metaspace\"}" }, ZC_E_UNSUPPORTED, "Metaspace" },
        { { .pre_tokenizer = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
            "\"pattern\":{\"Regex\":\"(a+)+$\"},\"behavior\":\"Isolated\",\"invert\":false},"
            BYTE_LEVEL "]}" }, ZC_E_UNSUPPORTED, "(a+)+$" },
        { { .pre_tokenizer = "{\"type\":\"Sequence\",\"pretokenizers\":[]}" }, ZC_E_UNSUPPORTED,
          "0 steps" },
        { { .post_processor = "{\"type\":\"Other\"}" }, ZC_E_UNSUPPORTED, "Other" },
        { { .post_processor = "{\"type\":\"BertProcessing\",\"sep\":[\"a\",7]}" }, ZC_E_FORMAT,
          "no id" },
        { { .post_processor = "{\"type\":\"BertProcessing\",\"sep\":[\"a\",7],\"cls\":[\"a\",999]}"
          }, ZC_E_FORMAT, "999" },
        { { .post_processor = "{\"type\":\"TemplateProcessing\",\"single\":[]}" }, ZC_E_FORMAT,
          "no Sequence" },
        { { .post_processor = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
            "{\"id\":\"B\"}}]}" }, ZC_E_MISSING, "no ids for \"B\"" },
        { { .model = "\"type\":\"Unigram\"," }, ZC_E_UNSUPPORTED, "Unigram" },
        { { .model = "\"byte_fallback\":true," }, ZC_E_UNSUPPORTED, "byte_fallback" },
        { { .model = "\"dropout\":0.1," }, ZC_E_UNSUPPORTED, "dropout" },
        { { .model = "\"continuing_subword_prefix\":\"##\"," }, ZC_E_UNSUPPORTED, "##" },
        { { .model = "\"unk_token\":\"<none>\"," }, ZC_E_FORMAT, "<none>" },
        { { .model = "\"ignore_merges\":0," }, ZC_E_FORMAT, "ignore_merges" },
    };
    zc_bpe *b = NULL;

    for (size_t i = 0; i < ZC_COUNT(bad); i++) {
        last_error[0] = '\0';
        REQUIRE_INT(open_recipe(&b, &bad[i].r), bad[i].st);
        REQUIRE_HAS(last_error, "t.json");
        REQUIRE_HAS(last_error, bad[i].says);
        REQUIRE(!b);
    }
}

static zc_status open_whole(const char *json)
{
    zc_bpe *b = NULL;
    char *text = zc_copy_text(json, strlen(json));
    const zc_status st = zc_bpe_open_json(&b, &log_kept, &(zc_bpe_source){
        .text = text, .bytes = strlen(json), .name = "t.json",
    });

    zc_free(text);
    zc_bpe_close(&b);
    return st;
}

static void a_document_without_its_parts_is_refused(void)
{
    REQUIRE_INT(open_whole(""), ZC_E_TRUNCATED);
    REQUIRE_INT(open_whole("[]"), ZC_E_FORMAT);
    REQUIRE_INT(open_whole("{}"), ZC_E_MISSING);
    REQUIRE_HAS(last_error, "t.json: there is no model.vocab");
    REQUIRE_INT(open_whole("{\"model\":{\"vocab\":{\"a\":0}}}"), ZC_E_MISSING);
    REQUIRE_HAS(last_error, "no pre_tokenizer");
    REQUIRE_INT(open_whole("{\"model\":7}"), ZC_E_FORMAT);
    REQUIRE_INT(open_whole("{\"pre_tokenizer\":" BYTE_LEVEL ",\"model\":{\"vocab\":{\"a\":0}}}"),
                ZC_OK);
}

static void limits_hold_on_both_sides(void)
{
    zc_bpe_parts p = { .name = "limits" };
    static char text[ZC_VOCAB_TEXT + 1];

    memset(text, 'x', sizeof(text));
    REQUIRE_INT(zc_bpe_add_token(&p, &log_kept, text, ZC_VOCAB_TEXT, ZC_VOCAB_ID - 1), ZC_OK);
    REQUIRE_INT(zc_bpe_add_token(&p, &log_kept, text, ZC_VOCAB_TEXT + 1, 0), ZC_E_LIMIT);
    REQUIRE_HAS(last_error, "1025 bytes, at most 1024");
    REQUIRE_INT(zc_bpe_add_token(&p, &log_kept, text, 1, ZC_VOCAB_ID), ZC_E_LIMIT);
    while (p.tokens < ZC_VOCAB_TOKENS - 1 &&
           zc_bpe_add_token(&p, &log_kept, text, 1, 0) == ZC_OK)
        continue;
    REQUIRE_INT(zc_bpe_add_token(&p, &log_kept, text, 1, 0), ZC_OK);
    REQUIRE_INT(zc_bpe_add_token(&p, &log_kept, text, 1, 0), ZC_E_LIMIT);

    REQUIRE_INT(zc_bpe_add_merge(&p, &log_kept, text, ZC_VOCAB_TEXT, text, 1), ZC_OK);
    REQUIRE_INT(zc_bpe_add_merge(&p, &log_kept, text, 1, text, ZC_VOCAB_TEXT + 1), ZC_E_LIMIT);
    while (p.merges < ZC_VOCAB_MERGES - 1 &&
           zc_bpe_add_merge(&p, &log_kept, text, 1, text, 1) == ZC_OK)
        continue;
    REQUIRE_INT(zc_bpe_add_merge(&p, &log_kept, text, 1, text, 1), ZC_OK);
    REQUIRE_INT(zc_bpe_add_merge(&p, &log_kept, text, 1, text, 1), ZC_E_LIMIT);
    zc_bpe_parts_fini(&p);
}

static void every_lack_of_memory_is_reported(void)
{
    static const struct recipe r = {
        .normalizer = "{\"type\":\"Lowercase\"}",
        .post_processor = "{\"type\":\"RobertaProcessing\",\"sep\":[\"<s>>\",301],"
                          "\"cls\":[\"<s>\",300]}",
        .model = "\"ignore_merges\":true,",
    };
    zc_str json = { 0 };

    write_json(&json, &r);
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_bpe *b = NULL;
        zc_ids ids = { 0 };
        char *text = malloc(json.length);
        memcpy(text, json.text, json.length);
        faults_alloc(n, FAULT_ONCE);
        zc_status st = zc_bpe_open_json(&b, &log_kept, &(zc_bpe_source){
            .text = text, .bytes = json.length, .name = "t.json",
        });
        if (b)
            st = zc_bpe_encode(b, &log_kept, &(zc_bpe_text){
                .text = "ABCD <s> \xFF Tag", .bytes = 14,
            }, &ids);
        zc_ids_fini(&ids);
        zc_bpe_close(&b);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
        free(text);
    }
    zc_str_fini(&json);
}

static zc_status open_small(zc_bpe **b, bool ranked)
{
    char ranks[] = "YQ== 0\nYg== 1\nYWI= 2\n";
    char vocab[] = "{\"a\":0,\"b\":1,\"ab\":2}", lines[] = "a b\n";
    const zc_bpe_source r = { .text = ranks, .bytes = strlen(ranks), .name = "ranks" };
    const zc_bpe_source v = { .text = vocab, .bytes = strlen(vocab), .name = "vocab" };
    const zc_bpe_source m = { .text = lines, .bytes = strlen(lines), .name = "merges" };

    return ranked ? zc_bpe_open_ranks(b, &log_kept, &r, zc_bpe_style_find("llama3"))
                  : zc_bpe_open_merges(b, &log_kept, &v, &m, zc_bpe_style_find("clip"));
}

static void every_lack_of_memory_is_reported_for_other_forms(void)
{
    for (int form = 0; form < 2; form++) {
        for (int n = 1, calls = n; calls >= n - 1; n++) {
            zc_bpe *b = NULL;
            faults_alloc(n, FAULT_ONCE);
            const zc_status st = open_small(&b, form == 1);
            REQUIRE_INT(b != NULL, st == ZC_OK);
            zc_bpe_close(&b);
            calls = faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
        }
    }
}

int main(void)
{
    if (zc_log_init(&log_kept, ZC_LEVEL_WARNING, keep, NULL) != ZC_OK)
        return 1;
    TEST(lowest_rank_merges_first_and_from_the_left);
    TEST(a_whole_piece_beats_merges_if_asked);
    TEST(the_last_symbol_has_the_suffix);
    TEST(long_pieces_take_little_time);
    TEST(the_longest_added_token_is_found);
    TEST(literal_text_has_no_special_tokens);
    TEST(normalised_tokens_are_found_after_normalising);
    TEST(begin_and_end_tokens_stay_when_text_is_cut);
    TEST(broken_text_is_replaced_and_counted);
    TEST(decoding_gives_the_text_back);
    TEST(a_text_may_be_too_long);
    TEST(all_forms_give_the_same_ids);
    TEST(a_vocabulary_with_special_tokens_keeps_its_own);
    TEST(bad_lines_are_named);
    TEST(forms_without_options_need_a_style);
    TEST(bad_files_are_refused_by_name);
    TEST(a_document_without_its_parts_is_refused);
    TEST(limits_hold_on_both_sides);
    TEST(every_lack_of_memory_is_reported);
    TEST(every_lack_of_memory_is_reported_for_other_forms);
    zc_log_fini(&log_kept);
    return test_end();
}
