/* The one table of options, and what no single one of them can say. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/cache/cache.h"
#include "core/core.h"
#include "core/lines.h"
#include "core/sample/sample.h"
#include "core/sink/sink.h"

static const char *const precisions[] = { "bf16", "f32", "f8", NULL };
static const char *const roundings[] = { "bf16", "exact", NULL };

#define PATH(field, help) ZC_OPT_PATH(zc_request, field, help)
#define TEXT(field, value, help) ZC_OPT_STR(zc_request, field, value, help)
#define INT(field, value, min, max, help) ZC_OPT_INT(zc_request, field, value, min, max, help)
#define FLOAT(field, value, min, max, help) ZC_OPT_FLOAT(zc_request, field, value, min, max, help)
#define BOOL(field, value, help) ZC_OPT_BOOL(zc_request, field, value, help)
#define ENUM(field, value, names, help) ZC_OPT_ENUM(zc_request, field, value, names, help)

const zc_opt zc_request_opts[] = {
    PATH(model, "checkpoint: a diffusers folder, or a folder of files"),
    PATH(transformer, "the transformer, if it is not in the model's folder"),
    PATH(text_encoder, "the language model, likewise"),
    PATH(clip, "CLIP's text model, likewise"),
    PATH(vae, "the autoencoder, likewise"),
    PATH(tokenizer, "of the language model, likewise"),
    PATH(clip_tokenizer, "of CLIP, likewise"),
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
    FLOAT(fps, 24.0, 1.0, 1000.0, "frames a second of films"),
    TEXT(sink, "", "what files are made by; empty: as the output's name ends. sink.KEY sets an "
         "option of it"),
    BOOL(private, 0, "what is written says nothing about the prompts"),
    PATH(noise, "safetensors file with the first latent, in place of a seed"),
    ENUM(precision, ZC_PRECISION_BF16, precisions,
         "type of activations; f8 is bf16, and f8 where they meet weights of f8 on a GPU for it"),
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

/* ---- Rows of other tables ---- */

static const zc_opt *cache_opts(const char *name, size_t *bytes)
{
    const zc_cache_method *m = zc_cache_method_find(name);

    *bytes = m ? m->options_size : 0;
    return m ? m->opts : NULL;
}

static const zc_opt *sampler_opts(const char *name, size_t *bytes)
{
    static const zc_opt nothing[] = { { 0 } };

    *bytes = 0;
    return zc_sampler_find(name) ? nothing : NULL;
}

static const zc_opt *sink_opts(const char *name, size_t *bytes)
{
    const zc_sink_row *row = zc_sink_find(name);

    *bytes = row ? row->options_size : 0;
    return row ? row->opts : NULL;
}

const char *zc_list_sinks(int index, const char **summary)
{
    for (int i = 0; i <= index; i++) {
        if (!zc_sink_rows[i])
            return NULL;
    }
    *summary = zc_sink_rows[index]->summary;
    return zc_sink_rows[index]->name;
}

const zc_request_row zc_request_rows[] = {
    { "cache", "cache.", offsetof(zc_request, cache), sizeof(((zc_request *)0)->cache),
      offsetof(zc_request, cache_options), sizeof(((zc_request *)0)->cache_options),
      zc_list_caches, cache_opts },
    { "sink", "sink.", offsetof(zc_request, sink), sizeof(((zc_request *)0)->sink),
      offsetof(zc_request, sink_options), sizeof(((zc_request *)0)->sink_options), zc_list_sinks,
      sink_opts },
    { "sampler", "sampler.", offsetof(zc_request, sampler), sizeof(((zc_request *)0)->sampler),
      0, 0, zc_list_samplers, sampler_opts },
    { 0 }
};

typedef struct filling {
    zc_log       *log;
    const char   *prefix;
    const zc_opt *opts;
    void         *state;
} filling;

static zc_status fill(void *user, const char *where, const char *key, const char *value)
{
    const filling *f = user;

    (void)where;
    return zc_opt_set(f->opts, f->state, f->log, f->prefix, key, value);
}

zc_status zc_request_row_options(const char *lines, const char *prefix, zc_log *log,
                                 const zc_opt *opts, void *state)
{
    filling f = { .log = log, .prefix = prefix, .opts = opts, .state = state };

    return zc_lines_parse(log, prefix, lines, fill, &f);
}

const char *zc_template_of(const zc_request *q)
{
    return q->frames > 1 ? "hunyuan-video" : "hunyuan-image";
}

const char *zc_request_fault(const zc_request *q, zc_str *why)
{
    const int below = (q->frames - 1) / 4 * 4 + 1;

    if (q->frames != below) {
        zc_str_add_format(why, "frames = %d is not of the form 4n + 1; the nearest are %d and %d",
                          q->frames, below, below + 4);
        return "frames";
    }
    if (q->width % 16 != 0) {
        zc_str_add_format(why, "width = %d is no multiple of 16; the nearest are %d and %d",
                          q->width, q->width / 16 * 16, q->width / 16 * 16 + 16);
        return "width";
    }
    if (q->height % 16 != 0) {
        zc_str_add_format(why, "height = %d is no multiple of 16; the nearest are %d and %d",
                          q->height, q->height / 16 * 16, q->height / 16 * 16 + 16);
        return "height";
    }
    if (q->vae_tile % 8 != 0 || q->vae_tile_stride % 8 != 0 ||
        (q->vae_tile > 0 && q->vae_tile_stride > q->vae_tile)) {
        zc_str_add_format(why, "vae_tile = %d and vae_tile_stride = %d, expected multiples of 8, "
                          "the stride no larger than the tile", q->vae_tile, q->vae_tile_stride);
        return "vae_tile_stride";
    }
    if (q->vae_tile_frames % 4 != 0 || q->vae_tile_frames_stride % 4 != 0 ||
        (q->vae_tile_frames > 0 && q->vae_tile_frames_stride > q->vae_tile_frames)) {
        zc_str_add_format(why, "vae_tile_frames = %d and vae_tile_frames_stride = %d, expected "
                          "multiples of 4, the stride no larger than the tile",
                          q->vae_tile_frames, q->vae_tile_frames_stride);
        return "vae_tile_frames_stride";
    }
    return NULL;
}

zc_status zc_request_check(const zc_request *q, zc_log *log)
{
    zc_str why = { 0 };
    const char *key = zc_request_fault(q, &why);

    if (key)
        zc_error(log, "%s", zc_str_get(&why));
    zc_str_fini(&why);
    return key ? ZC_E_ARGUMENT : ZC_OK;
}
