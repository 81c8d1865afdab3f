/* Prompts to conditioning, seeds to noise, requests to the settings of phases. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/rng.h"
#include "core/io/container.h"
#include "core/pieces.h"
#include "core/text/prompt.h"

void zc_states_fini(zc_states *s)
{
    zc_free(s->text);
    zc_free(s->pooled);
    *s = (zc_states){ .rows = 0 };
}

static zc_status encode_with(zc_log *log, const zc_phase *phase, zc_encoding *e, float **states,
                             int *rows)
{
    zc_status st = ZC_OK;

    *rows = zc_encode_rows(e);
    ZC_CHECK(*rows > 0, ZC_E_MISMATCH, "the prompt has no tokens behind its template");
    *states = zc_alloc_zeroed((size_t)*rows, (size_t)e->config->hidden * sizeof(float));
    ZC_CHECK(*states, ZC_E_NOMEM, "no memory for %d rows of conditioning", *rows);
    ZC_TRY(zc_encode(phase, e, *states));
done:
    return st;
}

zc_status zc_states_encode(zc_states *s, zc_engine *e, const zc_request *q, const zc_phase *phase,
                           const char *text)
{
    const zc_checkpoint *c = e->checkpoint;
    const zc_prompt_text prompt = { .text = text, .bytes = strlen(text) };
    zc_prompt tokens = { 0 };
    zc_status st = ZC_OK;
    float *rows = NULL;
    int count = 0;

    ZC_TRY(zc_prompt_encode(&tokens, &e->log, zc_prompt_find(zc_template_of(q)), c->text_tokens,
                            &prompt));
    s->cut = tokens.ids.cut;
    zc_encoding text_states = { .encoder = &zc_encoder_llama, .config = &c->configs.text,
                                .part = &e->part[ZC_COMPONENT_TEXT], .ids = tokens.ids.id,
                                .count = (int)tokens.ids.count, .first = tokens.crop };
    ZC_TRY(encode_with(&e->log, phase, &text_states, &s->text, &s->rows));

    ZC_TRY(zc_prompt_encode(&tokens, &e->log, zc_prompt_find("clip"), c->clip_tokens, &prompt));
    zc_encoding pooled = { .encoder = &zc_encoder_clip, .config = &c->configs.clip,
                           .part = &e->part[ZC_COMPONENT_CLIP], .ids = tokens.ids.id,
                           .count = (int)tokens.ids.count };
    ZC_TRY(encode_with(&e->log, phase, &pooled, &rows, &count));
    const size_t hidden = (size_t)c->configs.clip.hidden;
    s->pooled = rows;
    rows = NULL;
    memmove(s->pooled, s->pooled + (size_t)(count - 1) * hidden, hidden * sizeof(float));
done:
    zc_free(rows);
    zc_prompt_fini(&tokens);
    return st;
}

static void add_tokens(zc_sha256 *h, const zc_prompt *tokens)
{
    const uint64_t numbers[] = { tokens->ids.count, tokens->ids.cut, (uint64_t)tokens->crop };

    zc_sha256_add(h, numbers, sizeof(numbers));
    zc_sha256_add(h, tokens->ids.id, tokens->ids.count * sizeof(tokens->ids.id[0]));
}

zc_status zc_states_key(char key[65], zc_engine *e, const zc_request *q, const char *text)
{
    static const char version[] = "zoetrope text 1";
    const zc_checkpoint *c = e->checkpoint;
    const zc_prompt_text prompt = { .text = text, .bytes = strlen(text) };
    zc_prompt tokens = { 0 };
    zc_status st = ZC_OK;
    uint8_t digest[32];
    zc_sha256 h;

    zc_sha256_init(&h);
    zc_sha256_add(&h, version, sizeof(version));
    zc_sha256_add(&h, e->dev->be->name, strlen(e->dev->be->name) + 1);
    zc_sha256_add(&h, &e->kept_act, sizeof(e->kept_act));
    for (int i = ZC_COMPONENT_TEXT; i <= ZC_COMPONENT_CLIP; i++) {
        ZC_TRY(zc_checkpoint_fingerprint(c->part[i], &e->log, key));
        zc_sha256_add(&h, key, 64);
    }
    ZC_TRY(zc_prompt_encode(&tokens, &e->log, zc_prompt_find(zc_template_of(q)), c->text_tokens,
                            &prompt));
    add_tokens(&h, &tokens);
    ZC_TRY(zc_prompt_encode(&tokens, &e->log, zc_prompt_find("clip"), c->clip_tokens, &prompt));
    add_tokens(&h, &tokens);
    zc_sha256_finish(&h, digest);
    zc_sha256_text(key, digest);
done:
    zc_prompt_fini(&tokens);
    return st;
}

zc_status zc_pieces_size(zc_engine *e, const zc_request *q, int32_t size[3])
{
    zc_log *log = &e->log;
    zc_status st = ZC_OK;
    const zc_configs *c = &e->checkpoint->configs;

    ZC_CHECK(c->vae.latent * 4 == c->dims[HY_IN], ZC_E_MISMATCH,
             "the autoencoder has %d latent channels, the transformer %d", c->vae.latent,
             c->dims[HY_IN] / 4);
    ZC_CHECK(c->text.hidden == c->dims[HY_TEXT] && c->clip.hidden == c->dims[HY_POOLED],
             ZC_E_MISMATCH, "the encoders give %d and %d numbers, the transformer takes %d and %d",
             c->text.hidden, c->clip.hidden, c->dims[HY_TEXT], c->dims[HY_POOLED]);
    size[0] = (q->frames - 1) / c->vae.time + 1;
    size[1] = q->height / c->vae.space;
    size[2] = q->width / c->vae.space;
done:
    return st;
}

size_t zc_pieces_count(const zc_engine *e, const int32_t size[3])
{
    return (size_t)e->checkpoint->configs.vae.latent * (size_t)size[0] * (size_t)size[1] *
        (size_t)size[2];
}

zc_status zc_pieces_noise(float **out, zc_engine *e, const zc_request *q, int64_t seed,
                          const int32_t size[3])
{
    zc_log *log = &e->log;
    const size_t count = zc_pieces_count(e, size);
    zc_container *file = NULL;
    zc_status st = ZC_OK;
    float *latent = zc_alloc_zeroed(count, sizeof(float));

    *out = NULL;
    ZC_CHECK(latent, ZC_E_NOMEM, "no memory for a latent of %zu numbers", count);
    if (*q->noise) {
        const int64_t expected[4] = { e->checkpoint->configs.vae.latent, size[0], size[1],
                                      size[2] };

        ZC_TRY(zc_container_open(&file, log, q->noise));
        const zc_entry *entry = zc_container_find(file, "noise");
        ZC_CHECK(entry, ZC_E_MISSING, "%s: there is no tensor 'noise'", q->noise);
        ZC_CHECK(entry->type == ZK_F32 && entry->rank == 4 &&
                     memcmp(entry->dim, expected, sizeof(expected)) == 0,
                 ZC_E_SHAPE, "%s: noise is %s of %s, expected %s of F32", q->noise,
                 zc_shape(entry->dim, entry->rank).text, entry->type_name,
                 zc_shape(expected, 4).text);
        ZC_TRY(zc_entry_read(file, log, entry, latent));
    } else {
        zc_randn(latent, 0, count, (uint64_t)seed, 0);
    }
    *out = latent;
    latent = NULL;
done:
    zc_free(latent);
    zc_container_close(&file);
    return st;
}

zc_denoising zc_pieces_denoising(const zc_engine *e, const zc_request *q,
                                 const zc_schedule *schedule, const int32_t size[3])
{
    const zc_configs *c = &e->checkpoint->configs;

    return (zc_denoising){
        .model = &zc_model_hunyuan, .dims = c->dims,
        .rope_axes = { c->rope_axes[0], c->rope_axes[1], c->rope_axes[2] },
        .rope_theta = c->rope_theta, .text_cols = c->dims[HY_TEXT],
        .pooled_cols = c->dims[HY_POOLED], .part = &e->part[ZC_COMPONENT_MODEL],
        .schedule = schedule, .sampler = zc_sampler_find(q->sampler), .cfg = q->cfg,
        .guidance = q->guidance_rounding == ZC_ROUNDING_EXACT ? 1000.0f * q->guidance
                                                              : zc_guidance_bf16(q->guidance),
        .channels = c->vae.latent, .size = { size[0], size[1], size[2] },
    };
}

zc_decoding zc_pieces_decoding(const zc_engine *e, const zc_request *q, const int32_t size[3])
{
    return (zc_decoding){
        .decoder = { .vae = &zc_vae_causal3d, .config = &e->checkpoint->configs.vae,
                     .tiling = { q->vae_tile, q->vae_tile_stride, q->vae_tile_frames,
                                 q->vae_tile_frames_stride } },
        .part = &e->part[ZC_COMPONENT_VAE], .size = { size[0], size[1], size[2] },
    };
}
