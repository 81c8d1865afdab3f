/* The table of samplers, and the one mix that they all end in. */

#include <string.h>

#include "core/sample/sample.h"

extern const zc_sampler zc_sampler_flow_euler;

const zc_sampler *const zc_samplers[] = {
    &zc_sampler_flow_euler,
    NULL
};

const zc_sampler *zc_sampler_find(const char *name)
{
    for (int i = 0; zc_samplers[i]; i++) {
        if (strcmp(zc_samplers[i]->name, name) == 0)
            return zc_samplers[i];
    }
    return NULL;
}

void zc_sampler_advance(zc_run *r, const zc_sampler *sampler, const zc_schedule *s, int index,
                        zk_tensor latent, zk_tensor velocity)
{
    float coef[2];

    sampler->coefficients(s, index, coef);
    const zc_term terms[] = { { latent, coef[0] }, { velocity, coef[1] } };
    zc_mix_to(r, latent, terms, 2, 0.0f);
}
