/* The peak loop of NEON. */

#include <arm_neon.h>

#include "tests/checkkernels/peak.h"

double ck_loop_f32_neon(long n, float *sink)
{
    const float32x4_t b = vdupq_n_f32(0.999f), c = vdupq_n_f32(0.001f);
    float32x4_t x[16];

    for (int j = 0; j < 16; j++)
        x[j] = vdupq_n_f32((float)j);
    for (long i = 0; i < n; i++) {
        for (int j = 0; j < 16; j++)
            x[j] = vfmaq_f32(c, x[j], b);
    }
    for (int j = 0; j < 16; j++)
        *sink += vgetq_lane_f32(x[j], 0);
    return (double)n * 16 * 4 * 2;
}
