/* Euler's method on a flow: the velocity, times the way to the next level. */

#include "core/sample/sample.h"

static void flow_euler(const zc_schedule *s, int index, float coef[2])
{
    coef[0] = 1.0f;
    coef[1] = s->sigma[index + 1] - s->sigma[index];
}

const zc_sampler zc_sampler_flow_euler = {
    .name = "flow-euler",
    .summary = "one velocity a step",
    .coefficients = flow_euler,
};
