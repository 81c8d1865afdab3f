/* Templates, crops, cuts and warnings, with a vocabulary of single bytes. */

#include "core/text/prompt.h"

#include "core/text/alphabet.h"
#include "core/text/bpe_parts.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

#define SPECIALS 5

static const char *const special[SPECIALS] = {
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<end>",
};
static const char *const clip_special[] = { "<|startoftext|>", "<|endoftext|>" };

static char last_error[ZC_LOG_TEXT], last_warning[ZC_LOG_TEXT];
static zc_log log_kept;

static void keep(void *user, zc_level level, const char *text)
{
    (void)user;
    if (level == ZC_LEVEL_ERROR)
        snprintf(last_error, sizeof(last_error), "%s", text);
    if (level == ZC_LEVEL_WARNING)
        snprintf(last_warning, sizeof(last_warning), "%s", text);
}

/* Bytes are their own ids; special tokens follow from 256 on, the first of which begins. */
static zc_bpe *byte_tokenizer(const char *const *names, int count, bool ends)
{
    static char letter[256][4];
    zc_bpe_parts p = {
        .name = "bytes", .pattern = zc_pattern_find("llama3"), .head = { 256 }, .heads = 1,
        .tail = { 256 + count - 1 }, .tails = ends,
    };
    zc_bpe *b = NULL;

    for (int i = 0; i < 256; i++) {
        const size_t n = zc_alphabet_letter(letter[i], (uint8_t)i);
        REQUIRE_INT(zc_bpe_add_token(&p, &log_kept, letter[i], n, (uint64_t)i), ZC_OK);
    }
    for (int i = 0; i < count; i++)
        REQUIRE_INT(zc_bpe_add_added(&p, &log_kept, &(zc_bpe_added){
            .text = names[i], .bytes = strlen(names[i]), .id = 256 + i, .special = true,
        }), ZC_OK);
    REQUIRE_INT(zc_bpe_build(&b, &log_kept, &p), ZC_OK);
    zc_bpe_parts_fini(&p);
    return b;
}

static zc_status encode(zc_prompt *p, const char *row, const zc_bpe *b, const char *text)
{
    last_warning[0] = '\0';
    return zc_prompt_encode(p, &log_kept, zc_prompt_find(row), b, &(zc_prompt_text){
        .text = text, .bytes = strlen(text),
    });
}

static void templates_surround_the_stripped_prompt(void)
{
    static const char *const rows[] = { "hunyuan-video", "hunyuan-image" };
    zc_bpe *b = byte_tokenizer(special, SPECIALS, false);

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        const zc_prompt_row *row = zc_prompt_find(rows[i]);
        zc_prompt p = { 0 };
        zc_str text = { 0 };
        REQUIRE_INT(encode(&p, rows[i], b, "\n a cat "), ZC_OK);
        zc_bpe_decode(b, &text, p.ids.id + 1, p.ids.count - 1);
        REQUIRE(zc_str_starts(zc_str_get(&text), row->before));
        REQUIRE_STR(zc_str_get(&text) + strlen(row->before), "a cat<|eot_id|>");
        REQUIRE_INT(p.ids.count - (size_t)p.crop, 6);
        REQUIRE_INT(p.ids.id[p.crop], 'a');
        REQUIRE_INT(p.ids.cut, 0);
        REQUIRE_STR(last_warning, "");

        REQUIRE_INT(encode(&p, rows[i], b, ""), ZC_OK);
        REQUIRE_INT(p.ids.count - (size_t)p.crop, 1);
        REQUIRE_INT(p.ids.id[p.crop], 259);
        zc_prompt_fini(&p);
        zc_str_fini(&text);
    }
    zc_bpe_close(&b);
}

/* As many letters as fit, and one more; the end of the turn is cut first. */
static void long_prompts_are_cut_with_a_count(void)
{
    zc_bpe *b = byte_tokenizer(special, SPECIALS, false);
    zc_prompt p = { 0 };
    char text[301] = { 0 };

    memset(text, 'x', 300);
    REQUIRE_INT(encode(&p, "hunyuan-video", b, text + 45), ZC_OK);
    REQUIRE_INT(p.ids.count - (size_t)p.crop, 256);
    REQUIRE_INT(p.ids.cut, 0);
    REQUIRE_STR(last_warning, "");

    REQUIRE_INT(encode(&p, "hunyuan-video", b, text), ZC_OK);
    REQUIRE_INT(p.ids.count - (size_t)p.crop, 256);
    REQUIRE_INT(p.ids.cut, 45);
    REQUIRE_INT(p.ids.id[p.ids.count - 1], 'x');
    REQUIRE_HAS(last_warning, "of 301 tokens hunyuan-video reads 256, the last 45 were cut");
    REQUIRE_HAS(last_warning, "ends in \"xxxxxxxxxxxx\"");

    REQUIRE_INT(encode(&p, "hunyuan-image", b, text), ZC_OK);
    REQUIRE_INT(p.ids.cut, 0);
    zc_prompt_fini(&p);
    zc_bpe_close(&b);
}

static void clips_end_token_survives_the_cut(void)
{
    zc_bpe *b = byte_tokenizer(clip_special, 2, true);
    zc_prompt p = { 0 };
    char text[81] = { 0 };

    memset(text, 'x', 80);
    REQUIRE_INT(encode(&p, "clip", b, text), ZC_OK);
    REQUIRE_INT(p.ids.count, 77);
    REQUIRE_INT(p.crop, 0);
    REQUIRE_INT(p.ids.id[0], 256);
    REQUIRE_INT(p.ids.id[76], 257);
    REQUIRE_INT(p.ids.cut, 5);
    REQUIRE_HAS(last_warning, "of 82 tokens clip reads 77, the last 5 were cut");
    REQUIRE_INT(encode(&p, "clip", b, text + 5), ZC_OK);
    REQUIRE_INT(p.ids.count, 77);
    REQUIRE_INT(p.ids.cut, 0);
    zc_prompt_fini(&p);
    zc_bpe_close(&b);
}

static void special_tokens_of_the_user_may_be_literal(void)
{
    static const char text[] = "a<|eot_id|>";
    zc_bpe *b = byte_tokenizer(special, SPECIALS, false);
    zc_prompt p = { 0 };
    zc_prompt_text t = { .text = text, .bytes = sizeof(text) - 1 };

    REQUIRE_INT(zc_prompt_encode(&p, &log_kept, zc_prompt_find("hunyuan-video"), b, &t), ZC_OK);
    REQUIRE_INT(p.ids.count - (size_t)p.crop, 3);
    t.literal = true;
    REQUIRE_INT(zc_prompt_encode(&p, &log_kept, zc_prompt_find("hunyuan-video"), b, &t), ZC_OK);
    REQUIRE_INT(p.ids.count - (size_t)p.crop, sizeof(text) - 1 + 1);
    REQUIRE_INT(p.ids.id[p.ids.count - 1], 259);
    REQUIRE_INT(p.ids.id[1], 257);            /* the template's stay what they are */
    zc_prompt_fini(&p);
    zc_bpe_close(&b);
}

static void another_models_tokenizer_is_refused(void)
{
    zc_bpe *clip = byte_tokenizer(clip_special, 2, true);
    zc_prompt p = { 0 };

    REQUIRE_INT(encode(&p, "hunyuan-video", clip, "a"), ZC_E_MISMATCH);
    REQUIRE_HAS(last_error, "bytes has no special token \"<|begin_of_text|>\"");
    REQUIRE_INT(zc_prompt_check(zc_prompt_find("clip"), &log_kept, clip), ZC_OK);
    REQUIRE(zc_prompt_find("other") == NULL);
    zc_bpe_close(&clip);
}

static void size_and_encoding_are_checked(void)
{
    static char text[ZC_PROMPT_BYTES + 1];
    zc_bpe *b = byte_tokenizer(clip_special, 2, true);
    zc_prompt p = { 0 };
    zc_prompt_text t = { .text = text, .bytes = sizeof(text) };

    memset(text, 'a', sizeof(text));
    REQUIRE_INT(zc_prompt_encode(&p, &log_kept, zc_prompt_find("clip"), b, &t), ZC_E_LIMIT);
    REQUIRE_HAS(last_error, "65537 bytes, at most 65536");
    t.bytes--;
    REQUIRE_INT(zc_prompt_encode(&p, &log_kept, zc_prompt_find("clip"), b, &t), ZC_OK);
    REQUIRE_INT(p.ids.cut, ZC_PROMPT_BYTES + 2 - 77);

    REQUIRE_INT(encode(&p, "clip", b, "a\xFF\xFE"), ZC_OK);
    REQUIRE_HAS(last_warning, "2 bytes of the prompt are not UTF-8");
    REQUIRE_INT(p.ids.count, 2 + 1 + 6);
    zc_prompt_fini(&p);
    zc_bpe_close(&b);
}

static void lack_of_memory_is_reported(void)
{
    zc_bpe *b = byte_tokenizer(special, SPECIALS, false);

    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_prompt p = { 0 };
        faults_alloc(n, FAULT_ONCE);
        const zc_status st = encode(&p, "hunyuan-video", b, "a cat\xFF");
        REQUIRE_INT(p.ids.count > 0, st == ZC_OK);
        zc_prompt_fini(&p);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
    zc_bpe_close(&b);
}

int main(void)
{
    if (zc_log_init(&log_kept, ZC_LEVEL_WARNING, keep, NULL) != ZC_OK)
        return 1;
    TEST(templates_surround_the_stripped_prompt);
    TEST(long_prompts_are_cut_with_a_count);
    TEST(clips_end_token_survives_the_cut);
    TEST(special_tokens_of_the_user_may_be_literal);
    TEST(another_models_tokenizer_is_refused);
    TEST(size_and_encoding_are_checked);
    TEST(lack_of_memory_is_reported);
    zc_log_fini(&log_kept);
    return test_end();
}
