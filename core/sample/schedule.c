/* Noise levels, in f32 as upstream computes them. */

#include "core/sample/schedule.h"

zc_status zc_schedule_flow(zc_schedule *s, zc_log *log, int steps, float shift)
{
    zc_status st = ZC_OK;

    ZC_CHECK(steps >= 1 && steps <= ZC_STEPS_MAX, ZC_E_ARGUMENT, "steps = %d, expected 1 to %d",
             steps, ZC_STEPS_MAX);
    ZC_CHECK(shift > 0.0f && shift < 1e6f, ZC_E_ARGUMENT,
             "shift = %g, expected a number above 0", (double)shift);
    s->steps = steps;
    for (int i = 0; i < steps; i++) {
        const float u = (float)(1.0 - (double)i / steps);
        s->sigma[i] = shift * u / (1.0f + (shift - 1.0f) * u);
    }
    s->sigma[steps] = 0.0f;
done:
    return st;
}

zc_step zc_schedule_at(const zc_schedule *s, int index)
{
    return (zc_step){ .index = index, .sigma = s->sigma[index], .time = 1000.0f * s->sigma[index],
                      .next = s->sigma[index + 1] };
}
