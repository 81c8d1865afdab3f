/* Token ids against those of the published tokenizers library, for every prompt of
 * the fixtures. The only argument is the folder of the fixtures. */

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/text/bpe.h"
#include "core/text/prompt.h"
#include "tests/unit/test.h"

#define PROMPTS_LEAST 200

static const char *folder;

static void tell(void *user, zc_level level, const char *text)
{
    (void)user;
    printf("%s%s\n", level == ZC_LEVEL_ERROR ? "error: " : "", text);
}

static void path_of(zc_str *path, const char *name)
{
    zc_str_clear(path);
    zc_str_add_format(path, "%s/%s", folder, name);
}

/* Encodes each prompt and compares with its list under `key`. */
static void compare(zc_log *log, const zc_json *prompts, const char *path, const char *key)
{
    const zc_json_value *list = zc_json_root(prompts);
    zc_bpe *b = NULL;
    zc_ids ids = { 0 };
    int seen = 0;

    REQUIRE_INT(zc_bpe_open(&b, log, path, zc_bpe_style_find("clip")), ZC_OK);
    for (const zc_json_value *i = zc_json_first(list); b && i; i = zc_json_after(list, i)) {
        const zc_json_value *text = zc_json_find(prompts, i, "text");
        const zc_json_value *wanted = zc_json_find(prompts, i, key);
        const zc_json_value *id = zc_json_first(wanted);
        REQUIRE_INT(zc_bpe_encode(b, log, &(zc_bpe_text){
            .text = text->text, .bytes = text->bytes,
        }, &ids), ZC_OK);
        size_t same = 0;
        for (uint64_t n = 0; id && same < ids.count; id = zc_json_after(wanted, id), same++) {
            if (!zc_json_u64(id, &n) || n != (uint64_t)ids.id[same])
                break;
        }
        if (same != ids.count || ids.count != wanted->count)
            printf("%s: prompt %d, \"%s\", differs at token %zu\n", key, seen, text->text, same);
        REQUIRE_INT(ids.count, wanted->count);
        REQUIRE_INT(same, ids.count);
        seen++;
    }
    REQUIRE(seen >= PROMPTS_LEAST);
    zc_ids_fini(&ids);
    zc_bpe_close(&b);
}

static void ids_equal_upstream(void)
{
    zc_log log;
    zc_json *prompts = NULL;
    zc_str path = { 0 };
    char *text = NULL;
    size_t bytes = 0;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_WARNING, tell, NULL), ZC_OK);
    path_of(&path, "tokenizer/prompts.json");
    REQUIRE_INT(zc_file_load(&text, &bytes, &log, zc_str_get(&path), ZC_BPE_FILE), ZC_OK);
    REQUIRE_INT(zc_json_open(&prompts, &log, &(zc_json_source){
        .text = text, .bytes = bytes, .limit = ZC_BPE_FILE, .name = path.text,
    }), ZC_OK);
    if (prompts) {
        zc_str name = { 0 };
        static const struct {
            const char *path, *key;
        } forms[] = {
            { "tokenizer/llama/tokenizer.json", "llama" },
            { "tokenizer/clip", "clip" },
            { "pipe/tokenizer_2", "clip" },           /* vocab.json and merges.txt */
        };
        for (size_t i = 0; i < ZC_COUNT(forms); i++) {
            path_of(&name, forms[i].path);
            compare(&log, prompts, zc_str_get(&name), forms[i].key);
        }
        zc_str_fini(&name);
    }
    zc_json_close(&prompts);
    zc_free(text);
    zc_str_fini(&path);
    zc_log_fini(&log);
}

/* Behind the template come the prompt's own tokens, as if it stood alone, and the
 * end of the turn. */
static void crop_leaves_the_prompt(void)
{
    static const char *const texts[] = {
        "", "a cat", "  A cat walks on the grass.\n", "\"quoted\"",
    };
    static const char *const rows[] = { "hunyuan-video", "hunyuan-image" };
    zc_log log;
    zc_str path = { 0 };
    zc_bpe *b = NULL;
    zc_ids alone = { 0 };
    zc_prompt p = { 0 };

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_WARNING, tell, NULL), ZC_OK);
    path_of(&path, "tokenizer/llama");
    REQUIRE_INT(zc_bpe_open(&b, &log, zc_str_get(&path), NULL), ZC_OK);
    for (size_t i = 0; b && i < ZC_COUNT(texts) * ZC_COUNT(rows); i++) {
        const zc_prompt_row *row = zc_prompt_find(rows[i / ZC_COUNT(texts)]);
        const char *text = texts[i % ZC_COUNT(texts)];
        const char *stripped = text + strspn(text, " ");
        REQUIRE_INT(zc_prompt_encode(&p, &log, row, b, &(zc_prompt_text){
            .text = text, .bytes = strlen(text),
        }), ZC_OK);
        REQUIRE_INT(zc_bpe_encode(b, &log, &(zc_bpe_text){
            .text = stripped, .bytes = strcspn(stripped, "\n"),
        }, &alone), ZC_OK);
        REQUIRE_INT(p.ids.count, (size_t)p.crop + alone.count);
        REQUIRE_INT(p.ids.cut, 0);
        for (size_t k = 1; k < alone.count && p.ids.count == (size_t)p.crop + alone.count; k++)
            REQUIRE_INT(p.ids.id[(size_t)p.crop + k - 1], alone.id[k]);
        REQUIRE_INT(p.ids.id[p.ids.count - 1], zc_bpe_find(b, "<|eot_id|>"));
        REQUIRE_INT(p.ids.id[0], zc_bpe_find(b, "<|begin_of_text|>"));
    }
    zc_prompt_fini(&p);
    zc_ids_fini(&alone);
    zc_bpe_close(&b);
    zc_str_fini(&path);
    zc_log_fini(&log);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    folder = argv[1];
    TEST(ids_equal_upstream);
    TEST(crop_leaves_the_prompt);
    return test_end();
}
