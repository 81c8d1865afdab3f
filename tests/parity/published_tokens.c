/* The published tokenizers of HunyuanVideo against known token ids. The argument is
 * a folder with `tokenizer` (LLaMA 3) and `tokenizer_2` (CLIP) in it, as the
 * published diffusers folder has them; without it, or without both, the test is
 * skipped. */

#include "core/base/file.h"
#include "core/base/str.h"
#include "core/text/prompt.h"
#include "tests/unit/test.h"

#define SKIPPED 77

static const char *folder;
static zc_log *log_to;

static void tell(void *user, zc_level level, const char *text)
{
    (void)user;
    printf("%d: %s\n", (int)level, text);
}

static bool find(zc_str *path, const char *name)
{
    zc_file_info info;

    zc_str_add_format(path, "%s/%s", folder, name);
    return zc_path_info(&info, zc_str_get(path)) && info.kind == ZC_FILE_FOLDER;
}

/* `ids` as text: "1 2 3" or "1 2 3 ". */
static void require_ids(const int32_t *id, size_t count, const char *wanted)
{
    zc_str got = { 0 };

    for (size_t i = 0; i < count; i++)
        zc_str_add_format(&got, "%s%d", i ? " " : "", (int)id[i]);
    REQUIRE_STR(zc_str_get(&got), wanted);
    zc_str_fini(&got);
}

static const char video_prefix[] =
    "128000 128006 9125 128007 271 75885 279 2835 555 45293 279 2768 13878 25 220 16 13 578 1925 "
    "2262 323 7057 315 279 2835 13 17 13 578 1933 11 6211 11 1404 11 10651 11 12472 11 1495 11 323 "
    "29079 12135 315 279 6302 13 18 13 27820 11 4455 11 28198 37015 12135 11 7106 7351 4442 315 "
    "279 6302 13 19 13 4092 4676 11 3177 11 1742 323 16975 13 20 13 6382 27030 11 19567 11 323 "
    "34692 1511 304 279 2835 25 128009 128006 882 128007 271";
static const char image_prefix[] =
    "128000 128006 9125 128007 271 75885 279 2217 555 45293 279 1933 11 6211 11 1404 11 10651 11 "
    "12472 11 1495 11 29079 12135 315 279 6302 323 4092 25 128009 128006 882 128007 271";

struct vector {
    const char *row, *prompt;
    const char *prefix;
    int crop;
    const char *ids;              /* behind the prefix */
};

static const struct vector llama_vectors[] = {
    { "hunyuan-video", "A cat walks on the grass, realistic style.", video_prefix, 95,
      "32 8415 23291 389 279 16763 11 26569 1742 13 128009" },
    { "hunyuan-video", "a cat", video_prefix, 95, "64 8415 128009" },
    { "hunyuan-video", " \n a cat\t", video_prefix, 95, "64 8415 128009" },
    { "hunyuan-video", "", video_prefix, 95, "128009" },
    { "hunyuan-image", "a cat", image_prefix, 36, "64 8415 128009" },
    { "hunyuan-image", "", image_prefix, 36, "128009" },
};

static const struct vector clip_vectors[] = {
    { "clip", "A cat walks on the grass, realistic style.", "", 0,
      "49406 320 2368 8192 525 518 5922 267 16157 1844 269 49407" },
    { "clip", "Caf\xC3\xA9 2024 it's!!", "", 0,
      "49406 15304 273 271 273 275 585 568 748 49407" },
    { "clip", "a photo of an astronaut riding a horse on mars", "", 0,
      "49406 320 1125 539 550 18376 6765 320 4558 525 7496 49407" },
    { "clip", "A cat holding a sign that says hello world", "", 0,
      "49406 320 2368 5050 320 2292 682 1563 3306 1002 49407" },
    { "clip", "don't stop now 2025!", "", 0,
      "49406 847 713 1691 692 273 271 273 276 256 49407" },
    { "clip", "cinematic, 35mm (f/1.8)", "", 0,
      "49406 25602 267 274 276 2848 263 325 270 272 269 279 264 49407" },
    { "clip", "", "", 0, "49406 49407" },
};

static void check_vectors(const zc_bpe *b, const struct vector *v, size_t count)
{
    zc_prompt p = { 0 };

    for (size_t i = 0; i < count; i++, v++) {
        REQUIRE_INT(zc_prompt_encode(&p, log_to, zc_prompt_find(v->row), b, &(zc_prompt_text){
            .text = v->prompt, .bytes = strlen(v->prompt),
        }), ZC_OK);
        REQUIRE_INT(p.crop, v->crop);
        require_ids(p.ids.id, (size_t)p.crop, v->prefix);
        require_ids(p.ids.id + p.crop, p.ids.count - (size_t)p.crop, v->ids);
        REQUIRE_INT(p.ids.cut, 0);
    }
    zc_prompt_fini(&p);
}

/* 400 words of one token each, cut to the model's length. */
static void check_cut(const zc_bpe *b, const char *row, size_t kept, size_t cut, int32_t last)
{
    zc_str text = { 0 };
    zc_prompt p = { 0 };

    for (int i = 0; i < 400; i++)
        zc_str_add(&text, i ? " cat" : "cat");
    REQUIRE_INT(zc_prompt_encode(&p, log_to, zc_prompt_find(row), b, &(zc_prompt_text){
        .text = zc_str_get(&text), .bytes = text.length,
    }), ZC_OK);
    REQUIRE_INT(p.ids.count, kept);
    REQUIRE_INT(p.ids.cut, cut);
    if (p.ids.count)
        REQUIRE_INT(p.ids.id[p.ids.count - 1], last);
    zc_prompt_fini(&p);
    zc_str_fini(&text);
}

static void llama_vectors_hold(void)
{
    zc_str path = { 0 };
    zc_bpe *b = NULL;

    find(&path, "tokenizer");
    REQUIRE_INT(zc_bpe_open(&b, log_to, zc_str_get(&path), zc_bpe_style_find("llama3")), ZC_OK);
    if (b) {
        check_vectors(b, llama_vectors, ZC_COUNT(llama_vectors));
        check_cut(b, "hunyuan-video", 351, 400 + 1 - 256, 8415);
        check_cut(b, "hunyuan-image", 351, 400 + 1 - 315, 8415);
        REQUIRE_INT(zc_prompt_check(zc_prompt_find("clip"), log_to, b), ZC_E_MISMATCH);
    }
    zc_bpe_close(&b);
    zc_str_fini(&path);
}

static void clip_vectors_hold(void)
{
    zc_str path = { 0 };
    zc_bpe *b = NULL;

    find(&path, "tokenizer_2");
    REQUIRE_INT(zc_bpe_open(&b, log_to, zc_str_get(&path), zc_bpe_style_find("clip")), ZC_OK);
    if (b) {
        check_vectors(b, clip_vectors, ZC_COUNT(clip_vectors));
        check_cut(b, "clip", 77, 400 + 2 - 77, 49407);
        REQUIRE_INT(zc_bpe_rows(b), 49408);
        REQUIRE_INT(zc_prompt_check(zc_prompt_find("hunyuan-video"), log_to, b), ZC_E_MISMATCH);
    }
    zc_bpe_close(&b);
    zc_str_fini(&path);
}

int main(int argc, char **argv)
{
    zc_log log;
    zc_str path[2] = { { 0 } };

    folder = argc > 1 ? argv[1] : "";
    const bool there = folder[0] && find(&path[0], "tokenizer") && find(&path[1], "tokenizer_2");
    zc_str_fini(&path[0]);
    zc_str_fini(&path[1]);
    if (!there)
        return SKIPPED;
    if (zc_log_init(&log, ZC_LEVEL_INFO, tell, NULL) != ZC_OK)
        return 1;
    log_to = &log;
    TEST(llama_vectors_hold);
    TEST(clip_vectors_hold);
    zc_log_fini(&log);
    return test_end();
}
