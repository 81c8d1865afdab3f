/* HunyuanVideo's symbols and weights, for its own files and for tests.
 *
 * Thread safety: constant. */
#ifndef ZC_HUNYUAN_H
#define ZC_HUNYUAN_H

#include "core/model/model.h"

/* Symbols of the shapes. */
enum hunyuan_dim {
    HY_ONE,               /* always 1 */
    HY_HIDDEN,            /* D */
    HY_2HIDDEN,
    HY_3HIDDEN,
    HY_6HIDDEN,
    HY_MLP,               /* M */
    HY_REFINER_MLP,
    HY_HIDDEN_MLP,        /* D + M */
    HY_3HIDDEN_MLP,       /* 3D + M */
    HY_HEAD,              /* elements of a head */
    HY_TEXT,              /* features of a text token */
    HY_POOLED,            /* features of the pooled prompt */
    HY_WAVES,             /* 256: sines and cosines of a number */
    HY_IN,                /* of a patch of the latent */
    HY_OUT,               /* of a patch of the velocity */
    HY_REFINERS,          /* blocks */
    HY_DOUBLES,
    HY_SINGLES,
    HY_GUIDED,            /* 1 if guidance is embedded */
    HY_DIMS
};

/* The 13B model that was released: 20 double and 40 single blocks, 3072 wide. */
void zc_hunyuan_released(int32_t dims[HY_DIMS]);

/* Reads the config off the shapes of a checkpoint. */
zc_status zc_hunyuan_detect(const zc_source *s, zc_log *log, int32_t dims[HY_DIMS]);

/* Head elements that time, height and width turn, where no config says it. */
void zc_hunyuan_rope_axes(int32_t axes[3], int32_t head);

extern const zc_model zc_model_hunyuan;

#endif
