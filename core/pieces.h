/* The pieces that jobs, trainings and benchmarks are put together from: a prompt
 * becomes conditioning, a seed becomes noise, a request becomes the settings of the
 * phases in generate.h.
 *
 * All work on the engine's checkpoint, which zc_engine_checkpoint has opened.
 *
 * Thread safety: on the engine's worker only. */
#ifndef ZC_PIECES_H
#define ZC_PIECES_H

#include "core/engine.h"

/* An encoded prompt. Starts as { 0 }. */
typedef struct zc_states {
    float *text, *pooled;         /* [rows][text features], [pooled features] */
    int    rows;
    size_t cut;                   /* tokens that did not fit */
} zc_states;

void zc_states_fini(zc_states *s);

/* One prompt through both encoders, which are in memory. */
zc_status zc_states_encode(zc_states *s, zc_engine *e, const zc_request *q, const zc_phase *phase,
                           const char *prompt);

/* The fingerprint of all that an encoded prompt follows from: tokens, encoders, precision. */
zc_status zc_states_key(char key[65], zc_engine *e, const zc_request *q, const char *prompt);

/* Do the components fit each other? The latent's size: T, h, w. */
zc_status zc_pieces_size(zc_engine *e, const zc_request *q, int32_t size[3]);

/* Numbers of a latent of that size. */
size_t zc_pieces_count(const zc_engine *e, const int32_t size[3]);

/* The first latent: from the request's file, or from the seed, element by element. Yours to free
 * with zc_free. */
zc_status zc_pieces_noise(float **latent, zc_engine *e, const zc_request *q, int64_t seed,
                          const int32_t size[3]);

/* Everything but conditions and caches. The schedule is borrowed, as is the transformer, which is
 * in memory when the phase runs. */
zc_denoising zc_pieces_denoising(const zc_engine *e, const zc_request *q,
                                 const zc_schedule *schedule, const int32_t size[3]);
zc_decoding zc_pieces_decoding(const zc_engine *e, const zc_request *q, const int32_t size[3]);

#endif
