/* What is asked of a job: every option, by the keys that presets, hosts and the
 * command line share.
 *
 * Thread safety: the table is constant; a request belongs to one thread. */
#ifndef ZC_REQUEST_H
#define ZC_REQUEST_H

#include "core/base/opt.h"

enum zc_precision { ZC_PRECISION_BF16, ZC_PRECISION_F32, ZC_PRECISION_F8 };
enum zc_rounding { ZC_ROUNDING_BF16, ZC_ROUNDING_EXACT };

typedef struct zc_request {
    char    model[1024], transformer[1024], text_encoder[1024], clip[1024], vae[1024];
    char    tokenizer[1024], clip_tokenizer[1024];
    char    noise[1024];              /* a safetensors file */
    bool    private;                  /* files say nothing about prompts */
    char    sampler[32], cache[32], sink[32];
    char    cache_options[4096];      /* lines of "key = value", in the order of the row's table */
    char    sink_options[4096];       /* likewise; as they were written if `sink` is "" */
    char    prompt[65537], negative[65537];
    int64_t seed;
    int32_t width, height, frames, steps;
    float   guidance, cfg, shift, fps;
    int32_t precision, guidance_rounding;
    int32_t vae_tile, vae_tile_stride, vae_tile_frames, vae_tile_frames_stride;
    int64_t max_memory;               /* bytes */
} zc_request;

extern const zc_opt zc_request_opts[];            /* ends with a row without a key */

/* A request on the heap, with every option at its default; NULL without memory. */
zc_request *zc_request_new(void);
void        zc_request_free(zc_request *q);

/* An option that names a row of another table, whose own options are those with the prefix. If it
 * is "", the row is not known before there is an output, and its options are only remembered. */
typedef struct zc_request_row {
    const char *key;                  /* of the option: "cache" */
    const char *prefix;               /* "cache." */
    size_t      name, name_size;      /* of the request's field with the row's name */
    size_t      text, text_size;      /* of that with its options, as lines; 0, 0: it has none */
    const char *(*list)(int index, const char **summary);
    /* The row's table, and the bytes of the struct that it fills in; NULL: no such row. */
    const zc_opt *(*opts)(const char *name, size_t *bytes);
} zc_request_row;

extern const zc_request_row zc_request_rows[];    /* ends with a row without a key */

/* Fills in a row's struct from such lines of a request. */
zc_status zc_request_row_options(const char *lines, const char *prefix, zc_log *log,
                                 const zc_opt *opts, void *state);

/* The name of the prompt's template. */
const char *zc_template_of(const zc_request *q);

/* What no single option can say: frames of 4n + 1 and sizes of whole patches. */
zc_status   zc_request_check(const zc_request *q, zc_log *log);
/* Likewise: the key of an option that does not fit, and why; NULL if all do. */
const char *zc_request_fault(const zc_request *q, zc_str *why);

#endif
