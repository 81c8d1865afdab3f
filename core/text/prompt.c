/* HunyuanVideo asks LLaMA to describe a video (or an image, for single frames of
 * the original code) and hands the prompt to CLIP as it is. */

#include "core/text/prompt.h"

#include <string.h>

#include "core/base/format.h"
#include "core/text/normalize.h"

#define SYSTEM "<|start_header_id|>system<|end_header_id|>\n\n"
#define USER   "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
#define SHOWN  12                 /* tokens of a cut prompt's end */
#define LLAMA3_NEEDS                                                            \
    { "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", NULL }

/* Both of HunyuanVideo's read 351 tokens in all. */
static const zc_prompt_row rows[] = {
    {
        .name = "hunyuan-video",
        .before = SYSTEM "Describe the video by detailing the following aspects: "
                  "1. The main content and theme of the video."
                  "2. The color, shape, size, texture, quantity, text, and spatial relationships "
                  "of the objects."
                  "3. Actions, events, behaviors temporal relationships, physical movement changes "
                  "of the objects."
                  "4. background environment, light, style and atmosphere."
                  "5. camera angles, movements, and transitions used in the video:" USER,
        .after = "<|eot_id|>",
        .strip = true,
        .crop = 95,
        .length = 256,
        .needs = LLAMA3_NEEDS,
    },
    {
        .name = "hunyuan-image",
        .before = SYSTEM "Describe the image by detailing the color, shape, size, texture, "
                  "quantity, text, spatial relationships of the objects and background:" USER,
        .after = "<|eot_id|>",
        .strip = true,
        .crop = 36,
        .length = 315,
        .needs = LLAMA3_NEEDS,
    },
    {
        .name = "clip",
        .before = "",
        .after = "",
        .length = 77,
        .needs = { "<|startoftext|>", "<|endoftext|>", NULL },
    },
};

const zc_prompt_row *zc_prompt_find(const char *name)
{
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

zc_status zc_prompt_check(const zc_prompt_row *row, zc_log *log, const zc_bpe *b)
{
    zc_status st = ZC_OK;

    for (int i = 0; row->needs[i]; i++)
        ZC_CHECK(zc_bpe_find(b, row->needs[i]) >= 0, ZC_E_MISMATCH, "%s has no special token "
                 "\"%s\", which prompts of the kind %s need: is it another model's tokenizer?",
                 zc_bpe_name(b), row->needs[i], row->name);
done:
    return st;
}

void zc_prompt_fini(zc_prompt *p)
{
    zc_ids_fini(&p->ids);
    p->crop = 0;
}

/* Counts the tokens that the whole begins with in common with the template alone. */
static zc_status count_crop(int *crop, zc_log *log, const zc_prompt_row *row, const zc_bpe *b,
                            const zc_ids *whole)
{
    zc_status st = ZC_OK;
    zc_ids alone = { 0 };
    size_t n = 0;

    *crop = 0;
    if (row->before[0] == '\0')
        return ZC_OK;
    ZC_TRY(zc_bpe_encode(b, log, &(zc_bpe_text){
        .text = row->before, .bytes = strlen(row->before),
    }, &alone));
    while (n < alone.count && n < whole->count && alone.id[n] == whole->id[n])
        n++;
    *crop = (int)n;
    if (*crop != row->crop)
        zc_info(log, "%s makes %d tokens of the text before the prompt, the published one %d",
                zc_bpe_name(b), *crop, row->crop);
done:
    zc_ids_fini(&alone);
    return st;
}

static void warn_cut(zc_log *log, const zc_bpe *b, const zc_prompt_row *row, const zc_prompt *p)
{
    const size_t kept = p->ids.count - (size_t)p->crop;
    const size_t end = p->ids.count - p->ids.tails;
    const size_t begin = (size_t)p->crop > p->ids.heads ? (size_t)p->crop : p->ids.heads;
    const size_t first = end > begin + SHOWN ? end - SHOWN : begin;
    zc_str text = { 0 };

    if (first < end)
        zc_bpe_decode(b, &text, p->ids.id + first, end - first);
    zc_warning(log, "the prompt is too long: of %zu tokens %s reads %zu, the last %zu were cut; "
               "it now ends in \"%s\"", kept + p->ids.cut, row->name, kept, p->ids.cut,
               zc_quote(zc_str_get(&text), text.length).text);
    zc_str_fini(&text);
}

zc_status zc_prompt_encode(zc_prompt *p, zc_log *log, const zc_prompt_row *row, const zc_bpe *b,
                           const zc_prompt_text *text)
{
    zc_status st = ZC_OK;
    const char *words = text->text;
    size_t bytes = text->bytes;
    zc_str all = { 0 };
    int crop = 0;

    zc_prompt_fini(p);
    ZC_CHECK(bytes <= ZC_PROMPT_BYTES, ZC_E_LIMIT, "the prompt has %zu bytes, at most %d are "
             "possible", bytes, ZC_PROMPT_BYTES);
    ZC_TRY(zc_prompt_check(row, log, b));
    if (row->strip)
        zc_text_strip(&words, &bytes);
    zc_str_add(&all, row->before);
    const size_t from = all.length;
    zc_str_add_bytes(&all, words, bytes);
    const size_t to = all.length;
    zc_str_add(&all, row->after);
    ZC_CHECK(!all.failed, ZC_E_NOMEM, "no memory for a prompt of %zu bytes", bytes);

    zc_bpe_text whole = { .text = zc_str_get(&all), .bytes = all.length };
    if (text->literal) {
        whole.literal_from = from;
        whole.literal_to = to;
    }
    ZC_TRY(zc_bpe_encode(b, log, &whole, &p->ids));
    ZC_TRY(count_crop(&crop, log, row, b, &p->ids));
    p->crop = crop;
    if (p->ids.replaced)
        zc_warning(log, "%zu bytes of the prompt are not UTF-8 and were replaced",
                   p->ids.replaced);
    zc_ids_cut(&p->ids, (size_t)crop + (size_t)row->length);
    if (p->ids.cut)
        warn_cut(log, b, row, p);
done:
    if (st)
        zc_prompt_fini(p);
    zc_str_fini(&all);
    return st;
}
