/* What an autoencoder is to the rest of the core: frames from latents and back.
 *
 * Everything is channels last: latents [T, h, w, channels], frames [F, H, W, 3]
 * in about -1 .. 1.
 *
 * Thread safety: rows are constant. */
#ifndef ZC_VAE_H
#define ZC_VAE_H

#include "core/weights.h"

#define ZC_VAE_LEVELS 8
#define ZC_VAE_LAYERS 8

typedef struct zc_vae_config {
    int32_t latent;                   /* channels */
    int32_t levels;
    int32_t channels[ZC_VAE_LEVELS];  /* from the finest level to the coarsest */
    int32_t layers;                   /* residual blocks a level; the decoder has one more */
    int32_t groups;                   /* of group norms */
    int32_t space, time;              /* compression: 8 and 4 */
    float   scaling;                  /* latents are multiplied by it after encoding */
} zc_vae_config;

/* Pieces of pixels and frames that are worked on at once; what overlaps is
 * blended, so these numbers are part of the result. 0: never divided. */
typedef struct zc_tiling {
    int32_t tile, stride;             /* pixels */
    int32_t frames, frame_stride;
} zc_tiling;

typedef struct zc_vae zc_vae;

/* One autoencoder in one job. */
typedef struct zc_decoder {
    const zc_vae        *vae;
    const void          *weights;     /* the row's struct, bound */
    zc_weights          *store;       /* NULL if everything is resident */
    const zc_vae_config *config;
    zc_tiling            tiling;
} zc_decoder;

struct zc_vae {
    const char *name, *summary;
    size_t weights_size;
    void (*bind)(zc_weights *w, const zc_vae_config *config, void *weights);

    /* video is filled: [time * (T - 1) + 1, space * h, space * w, 3], any float type */
    void (*decode)(zc_run *r, const zc_decoder *d, zk_tensor latent, zk_tensor video);

    /* moments are filled: [T, h, w, 2 * latent], means first; nothing is scaled yet */
    void (*encode)(zc_run *r, const zc_decoder *d, zk_tensor video, zk_tensor moments);
};

extern const zc_vae zc_vae_causal3d;

/* The autoencoder that was released with HunyuanVideo, and its tiles. */
void zc_causal3d_released(zc_vae_config *c);
extern const zc_tiling zc_causal3d_tiling;

/* Reads channels, levels and layers off the shapes of a checkpoint; groups,
 * compression and scaling keep their values. */
zc_status zc_causal3d_detect(const zc_source *s, zc_log *log, zc_vae_config *c);

#endif
