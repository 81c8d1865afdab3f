/* A HunyuanVideo checkpoint as a whole: its four components with their configs,
 * and its two tokenizers, wherever they lie and however they are called.
 *
 * Thread safety: constant once open, but for reading tensors: see container.h. */
#ifndef ZC_CHECKPOINT_H
#define ZC_CHECKPOINT_H

#include "core/model/hunyuan.h"
#include "core/request.h"
#include "core/text/bpe.h"
#include "core/text/encoder.h"
#include "core/vae/vae.h"

/* Which components there are. */
enum zc_component_kind {
    ZC_COMPONENT_TEXT,            /* LLaMA */
    ZC_COMPONENT_CLIP,
    ZC_COMPONENT_MODEL,           /* the transformer */
    ZC_COMPONENT_VAE,
    ZC_COMPONENTS
};

extern const char *const zc_component_names[ZC_COMPONENTS];

/* Which of them a kind of layout is, see core/io/names.h; ZC_COMPONENTS if none. */
enum zc_component_kind zc_component_find(const char *kind);

/* What the configs say, with the released model's values where nothing does. */
typedef struct zc_configs {
    int32_t           dims[HY_DIMS];
    int32_t           rope_axes[3];
    float             rope_theta;
    zc_encoder_config text, clip;
    zc_vae_config     vae;
} zc_configs;

void zc_configs_released(zc_configs *c);

/* One component's tensors, under our names. */
typedef struct zc_checkpoint_part zc_checkpoint_part;

/* Opens a file or folder as that component and reads its config. */
zc_status zc_checkpoint_part_open(zc_checkpoint_part **out, zc_log *log,
                                  enum zc_component_kind kind, const char *path);
void zc_checkpoint_part_close(zc_checkpoint_part **part);

/* Borrowed from the part. */
const zc_source *zc_checkpoint_source(const zc_checkpoint_part *part);

/* Fills what concerns the component, over what is there; heads of 0 become the family's usual. */
zc_status zc_checkpoint_configure(const zc_checkpoint_part *part, zc_log *log, zc_configs *c);

/* What tells this component from others of its shape: 64 hex digits made of all
 * names, shapes and the first values of each tensor. */
zc_status zc_checkpoint_fingerprint(const zc_checkpoint_part *part, zc_log *log, char text[65]);

/* After the component is bound: ZC_E_MISMATCH if tensors are left over. */
zc_status zc_checkpoint_complete(const zc_checkpoint_part *part, zc_log *log);

typedef struct zc_checkpoint {
    zc_configs          configs;
    zc_checkpoint_part *part[ZC_COMPONENTS];
    zc_bpe             *text_tokens, *clip_tokens;
} zc_checkpoint;

/* Everything a request names. */
zc_status zc_checkpoint_open(zc_checkpoint **out, zc_log *log, const zc_request *q);

/* The same, but what it does not name or have may be missing: parts are NULL then, and
 * configs as released. For plans. */
zc_status zc_checkpoint_open_partly(zc_checkpoint **out, zc_log *log, const zc_request *q);
void      zc_checkpoint_close(zc_checkpoint **out);

#endif
