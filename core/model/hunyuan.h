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
    HY_HIDDEN_MLP,        /* D + M */
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

/* Fills the symbols that follow from others. */
void zc_hunyuan_derive(int32_t dims[HY_DIMS]);

extern const zc_model zc_model_hunyuan;

#endif
