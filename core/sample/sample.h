/* Samplers: how a latent moves from one noise level to the next.
 *
 * A sampler does no tensor arithmetic. It returns what the latent and the
 * velocity are to be multiplied by, and one mix moves the latent.
 *
 * Thread safety: rows are constant; a zc_sampling belongs to one run. */
#ifndef ZC_SAMPLE_H
#define ZC_SAMPLE_H

#include "core/op.h"
#include "core/sample/schedule.h"

typedef struct zc_sampler {
    const char *name, *summary;
    /* coef[0] is for the latent, coef[1] for the velocity of this step. */
    void (*coefficients)(const zc_schedule *s, int index, float coef[2]);
} zc_sampler;

extern const zc_sampler *const zc_samplers[];          /* ends in NULL */
const zc_sampler *zc_sampler_find(const char *name);   /* NULL if there is none */

/* latent, f32, moves by one step along the velocity of that step. */
void zc_sampler_advance(zc_run *r, const zc_sampler *sampler, const zc_schedule *s, int index,
                        zk_tensor latent, zk_tensor velocity);

#endif
