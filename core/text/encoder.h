/* Text encoders: from token ids to what a transformer is conditioned on.
 *
 * Thread safety: rows are constant. */
#ifndef ZC_ENCODER_H
#define ZC_ENCODER_H

#include "core/weights.h"

typedef struct zc_encoder_config {
    int32_t vocabulary, hidden, mlp;
    int32_t layers;               /* that are run; a file may have more */
    int32_t heads, kv_heads;
    int32_t positions;            /* learned ones: the most tokens; 0 if positions are turned */
    int32_t end;                  /* id of the token whose state is the pooled one; -1: none */
    float   theta, eps;
} zc_encoder_config;

typedef struct zc_encoder {
    const char *name, *summary;
    size_t weights_size;          /* of the struct that bind fills */
    void (*bind)(zc_weights *w, const zc_encoder_config *config, void *weights);

    /* Reads the config off the shapes of a checkpoint. What shapes do not say
     * keeps its value: theta, eps, and heads, where 0 becomes the family's usual. */
    zc_status (*detect)(const zc_source *s, zc_log *log, zc_encoder_config *config);

    /* Rows of the result for these ids: one for each that counts. */
    int (*rows)(const zc_encoder_config *config, const int32_t *ids, int count);

    /* states [rows, hidden] is filled. store is NULL if everything is resident. */
    void (*run)(zc_run *r, const void *weights, zc_weights *store,
                const zc_encoder_config *config, const int32_t *ids, zk_tensor states);
} zc_encoder;

/* LLaMA 3: states after the last layer that is run, without the final norm. */
extern const zc_encoder zc_encoder_llama;

/* CLIP's text model: normed states up to the first end token, whose row is the
 * pooled one: the last. */
extern const zc_encoder zc_encoder_clip;

#endif
