/* The one table of options, and the text that sets them. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/request.h"

static const char *const precisions[] = { "bf16", "f32", NULL };
static const char *const roundings[] = { "bf16", "exact", NULL };

#define TEXT(field, value, help) ZC_OPT_STR(zc_request, field, value, help)
#define INT(field, value, min, max, help) ZC_OPT_INT(zc_request, field, value, min, max, help)
#define FLOAT(field, value, min, max, help) ZC_OPT_FLOAT(zc_request, field, value, min, max, help)
#define ENUM(field, value, names, help) ZC_OPT_ENUM(zc_request, field, value, names, help)

const zc_opt zc_request_opts[] = {
    TEXT(model, "", "checkpoint: a diffusers folder, or a folder of files"),
    TEXT(transformer, "", "the transformer, if it is not in the model's folder"),
    TEXT(text_encoder, "", "the language model, likewise"),
    TEXT(clip, "", "CLIP's text model, likewise"),
    TEXT(vae, "", "the autoencoder, likewise"),
    TEXT(tokenizer, "", "of the language model, likewise"),
    TEXT(clip_tokenizer, "", "of CLIP, likewise"),
    TEXT(prompt, "", "what is to be seen"),
    TEXT(negative, "", "what is not to be seen; used if cfg is not 1"),
    INT(width, 640, 16, 8192, "pixels, a multiple of 16"),
    INT(height, 480, 16, 8192, "pixels, a multiple of 16"),
    INT(frames, 65, 1, 4097, "a number of the form 4n + 1"),
    INT(steps, 50, 1, 1000, "of denoising"),
    INT(seed, 0, INT64_MIN, INT64_MAX, "of the noise"),
    FLOAT(guidance, 6.0, 0.0, 100.0, "embedded guidance, for models that know it"),
    ENUM(guidance_rounding, ZC_ROUNDING_BF16, roundings,
         "bf16 as published code rounds it, or exact"),
    FLOAT(cfg, 1.0, 0.0, 100.0, "classifier-free guidance; 1 is none and saves half of the work"),
    FLOAT(shift, 7.0, 0.01, 1000.0, "of the noise levels"),
    TEXT(sampler, "flow-euler", "how a latent moves between noise levels"),
    TEXT(cache, "none", "how most steps are spared; cache.KEY sets an option of the method"),
    TEXT(noise, "", "safetensors file with the first latent, in place of a seed"),
    ENUM(precision, ZC_PRECISION_BF16, precisions, "type of activations"),
    INT(vae_tile, 256, 0, 65536, "pixels decoded at once; 0 for everything"),
    INT(vae_tile_stride, 192, 8, 65536, "pixels from tile to tile"),
    INT(vae_tile_frames, 64, 0, 65536, "frames decoded at once; 0 for all"),
    INT(vae_tile_frames_stride, 48, 4, 65536, "frames from tile to tile"),
    INT(max_memory, 0, 0, INT64_MAX, "bytes that weights may stay in; 0 for no limit"),
    { 0 }
};

zc_request *zc_request_new(void)
{
    zc_request *q = zc_new(zc_request);

    if (q)
        zc_opt_defaults(zc_request_opts, q);
    return q;
}

void zc_request_free(zc_request *q)
{
    zc_free(q);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* [from, to) without blanks at its ends. */
static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from))
        (*from)++;
    while (*from < *to && is_blank((*to)[-1]))
        (*to)--;
}

/* Kept until the method is known, whatever the order of the lines. */
static zc_status add_cache_option(zc_request *q, zc_log *log, const char *where, const char *key,
                                  const char *value)
{
    zc_status st = ZC_OK;
    const size_t at = strlen(q->cache_options), room = sizeof(q->cache_options) - at;

    if (zc_format(q->cache_options + at, room, "%s = %s\n", key, value) >= room) {
        q->cache_options[at] = '\0';
        ZC_CHECK(false, ZC_E_LIMIT, "%scache.%s: more than %zu bytes of such options", where,
                 zc_quote_text(key).text, sizeof(q->cache_options) - 1);
    }
done:
    return st;
}

static zc_status parse_line(zc_request *q, zc_log *log, const char *where, const char *line,
                            const char *end)
{
    zc_status st = ZC_OK;
    char *key = NULL, *value = NULL;
    const char *from = line, *to = end;

    trim(&from, &to);
    if (from == to || *from == '#')
        return ZC_OK;
    const char *equals = memchr(from, '=', (size_t)(to - from));
    ZC_CHECK(equals, ZC_E_FORMAT, "%s: expected 'key = value', found '%s'", where,
             zc_quote(from, (size_t)(to - from)).text);
    const char *key_end = equals, *value_from = equals + 1;
    trim(&from, &key_end);
    trim(&value_from, &to);
    key = zc_copy_text(from, (size_t)(key_end - from));
    value = zc_copy_text(value_from, (size_t)(to - value_from));
    ZC_CHECK(key && value, ZC_E_NOMEM, "%s: out of memory", where);
    if (zc_str_starts(key, "cache."))
        ZC_TRY(add_cache_option(q, log, where, key + strlen("cache."), value));
    else
        ZC_TRY(zc_opt_set(zc_request_opts, q, log, where, key, value));
done:
    zc_free(key);
    zc_free(value);
    return st;
}

zc_status zc_request_cache_options(const zc_request *q, zc_log *log, const zc_opt *opts,
                                   void *state)
{
    zc_status st = ZC_OK;
    char line[sizeof(q->cache_options)];

    for (const char *from = q->cache_options; *from;) {
        const char *end = strchr(from, '\n'), *equals = strstr(from, " = ");
        const size_t key = (size_t)(equals - from);
        zc_format(line, sizeof(line), "%.*s", (int)(end - from), from);
        line[key] = '\0';
        ZC_TRY(zc_opt_set(opts, state, log, "cache.", line, line + key + 3));
        from = end + 1;
    }
done:
    return st;
}

zc_status zc_request_parse(zc_request *q, zc_log *log, const char *name, const char *text)
{
    zc_status st = ZC_OK;
    char where[128];
    int number = 1;

    for (const char *line = text; *line; number++) {
        const char *end = strchr(line, '\n');
        if (!end)
            end = line + strlen(line);
        const char *first = line;
        while (first < end && is_blank(*first))
            first++;
        zc_format(where, sizeof(where), "%s:%d:%d: ", zc_quote_text(name).text, number,
                  (int)(first - line) + 1);
        ZC_TRY(parse_line(q, log, where, line, end));
        line = *end ? end + 1 : end;
    }
done:
    return st;
}

zc_status zc_request_load(zc_request *q, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    char *text = NULL;
    size_t bytes = 0;

    ZC_TRY(zc_file_load(&text, &bytes, log, path, 1 << 20));
    ZC_CHECK(strlen(text) == bytes, ZC_E_FORMAT, "%s: a NUL at byte %zu, expected text",
             zc_quote_text(path).text, strlen(text));
    ZC_TRY(zc_request_parse(q, log, path, text));
done:
    zc_free(text);
    return st;
}

const char *zc_template_of(const zc_request *q)
{
    return q->frames > 1 ? "hunyuan-video" : "hunyuan-image";
}

zc_status zc_request_check(const zc_request *q, zc_log *log)
{
    zc_status st = ZC_OK;
    const int below = (q->frames - 1) / 4 * 4 + 1;

    ZC_CHECK(q->frames == below, ZC_E_ARGUMENT,
             "frames = %d is not of the form 4n + 1; the nearest are %d and %d", q->frames, below,
             below + 4);
    ZC_CHECK(q->width % 16 == 0, ZC_E_ARGUMENT,
             "width = %d is no multiple of 16; the nearest are %d and %d", q->width,
             q->width / 16 * 16, q->width / 16 * 16 + 16);
    ZC_CHECK(q->height % 16 == 0, ZC_E_ARGUMENT,
             "height = %d is no multiple of 16; the nearest are %d and %d", q->height,
             q->height / 16 * 16, q->height / 16 * 16 + 16);
    ZC_CHECK(q->vae_tile % 8 == 0 && q->vae_tile_stride % 8 == 0 &&
                 (q->vae_tile == 0 || q->vae_tile_stride <= q->vae_tile),
             ZC_E_ARGUMENT, "vae_tile = %d and vae_tile_stride = %d, expected multiples of 8, the "
             "stride no larger than the tile", q->vae_tile, q->vae_tile_stride);
    ZC_CHECK(q->vae_tile_frames % 4 == 0 && q->vae_tile_frames_stride % 4 == 0 &&
                 (q->vae_tile_frames == 0 || q->vae_tile_frames_stride <= q->vae_tile_frames),
             ZC_E_ARGUMENT, "vae_tile_frames = %d and vae_tile_frames_stride = %d, expected "
             "multiples of 4, the stride no larger than the tile", q->vae_tile_frames,
             q->vae_tile_frames_stride);
done:
    return st;
}
