/* The phases of one generation: prompt to conditioning, noise to latent, latent
 * to frames. Each takes its memory, works, and gives it back; what passes from
 * one to the next lies in host memory.
 *
 * Host arrays are dense f32: latents [C, T, h, w], videos [F, H, W, 3].
 *
 * Thread safety: one thread at a time; progress comes on the calling thread. */
#ifndef ZC_GENERATE_H
#define ZC_GENERATE_H

#include "core/cache/cache.h"
#include "core/keeping.h"
#include "core/loaded.h"
#include "core/sample/sample.h"

/* What all phases share. */
typedef struct zc_phase {
    zc_device *dev;
    zk_dtype   act;
    zc_cancel *cancel;
    /* done of total: steps, or tiles of unknown number, then total is 0. May be NULL. */
    void     (*progress)(void *user, int done, int total);
    void      *user;
    void     (*watch)(void *user, zc_run *r, const char *name, zk_tensor t);
    void      *watch_user;
} zc_phase;

/* One prompt through one encoder. */
typedef struct zc_encoding {
    const zc_encoder        *encoder;
    const zc_encoder_config *config;
    const zc_loaded      *part;
    const int32_t           *ids;
    int                      count;
    int                      first;       /* rows before it are not delivered */
} zc_encoding;

/* Rows that it delivers, and into states [rows, hidden], which the caller has. */
int       zc_encode_rows(const zc_encoding *e);
zc_status zc_encode(const zc_phase *phase, const zc_encoding *e, float *states);
zc_status zc_encode_need(const zc_phase *phase, const zc_encoding *e, zc_need *need);

/* What a lane is conditioned on, in host memory. */
typedef struct zc_lane {
    const float *text;            /* [rows, text features] */
    int          rows;
    const float *pooled;          /* [pooled features] */
} zc_lane;

/* The place in a model that a tap is at. */
zc_stage zc_stage_of(zc_tap tap);

typedef struct zc_denoising {
    const zc_model    *model;
    const int32_t     *dims;
    int32_t            text_cols, pooled_cols;
    int32_t            rope_axes[3];
    float              rope_theta;
    const zc_loaded *part;
    const zc_schedule *schedule;
    const zc_sampler  *sampler;
    zc_lane            lane[ZC_LANES];        /* the second is used if cfg is not 1 */
    float              cfg;                   /* classifier-free guidance; 1: none */
    float              guidance;              /* embedded, as the model expects it */
    zc_cache          *cache[ZC_LANES];       /* open for this schedule; NULL: none is spared */
    int32_t            channels, size[3];     /* of the latent: T, h, w */

    /* Shown the feature of each step and lane at the tap of the lane's cache; NULL if nobody
     * looks. Also called while measuring, see zc_run_is_real. */
    void (*feature)(void *user, zc_run *r, const zc_step *step, int lane, zk_tensor feature);
    void  *feature_user;
    double *flops;                /* set to those of the run; may be NULL */
    const zc_keeping *keeping;    /* NULL: nothing is kept */
} zc_denoising;

/* latent [C, T, h, w] holds noise, and the result afterwards. */
zc_status zc_denoise(const zc_phase *phase, const zc_denoising *d, float *latent);

/* need->flops is that of one step on average, with its share of the work before the first. */
zc_status zc_denoise_need(const zc_phase *phase, const zc_denoising *d, zc_need *need);

/* The embedded guidance as published code computes it: in bf16, where 6000 is 6016. */
float zc_guidance_bf16(float guidance);

typedef struct zc_decoding {
    zc_decoder decoder;           /* weights and store are filled from part */
    const zc_loaded *part;
    int32_t    size[3];           /* of the latent: T, h, w */
} zc_decoding;

/* Frames and pixels that a latent becomes. */
void      zc_decode_size(const zc_decoding *d, int32_t video[3]);
/* Calls `frame` for every frame in order with its pixels [H, W, 3], borrowed. */
typedef void (*zc_frame_fn)(void *user, int index, const float *pixels);
zc_status zc_decode(const zc_phase *phase, const zc_decoding *d, const float *latent,
                    zc_frame_fn frame, void *user);
zc_status zc_decode_need(const zc_phase *phase, const zc_decoding *d, zc_need *need);

/* video [F, H, W, 3] to moments [2 C, T, h, w]; size is that of the latent. */
zc_status zc_moments(const zc_phase *phase, const zc_decoding *d, const float *video,
                     float *moments);

#endif
