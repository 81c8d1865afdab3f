/* Attention in f32 with NEON. */

#include <math.h>

#include <arm_neon.h>

#include "kernels/cpu/arm/attention_kernels.h"
#include "kernels/cpu/inline.h"

/* 2^x for x up to about 1, to 1e-7; 0 below -126.5, NaN stays. */
ZK_INLINE float32x4_t exp2_128(float32x4_t x)
{
    const float32x4_t y = vmaxq_f32(x, vdupq_n_f32(-127.0f));
    const float32x4_t whole = vrndnq_f32(y), f = vsubq_f32(y, whole);
    const int32x4_t power = vaddq_s32(vcvtq_s32_f32(whole), vdupq_n_s32(127));
    float32x4_t p = vdupq_n_f32(0.00132647272f);

    p = vfmaq_f32(vdupq_n_f32(0.00967151281f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0.0555073374f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0.240222421f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0.693146978f), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, f);
    return vmulq_f32(p, vreinterpretq_f32_s32(vshlq_n_s32(power, 23)));
}

ZK_INLINE uint32x4_t first_lanes(int32_t n)
{
    static const int32_t lanes[4] = { 0, 1, 2, 3 };

    return vcgtq_s32(vdupq_n_s32(n), vld1q_s32(lanes));
}

/* The largest of n scores times scale, or -infinity. NaN is passed over. Scores
 * beyond n are read, for a tile has room for them, and left out. */
static float largest(const float *s, int32_t n, float scale)
{
    const float32x4_t none = vdupq_n_f32(-INFINITY);
    float32x4_t a = none;

    for (int32_t j = 0; j < n; j += 4)
        a = vmaxnmq_f32(a, vbslq_f32(first_lanes(n - j), vld1q_f32(s + j), none));
    return vmaxnmvq_f32(a) * scale;
}

/* The largest score grew: earlier sums and values count for less. */
static void scale_down(const struct zk_attend_soften *t, int32_t i, float max)
{
    const float32x4_t by = exp2_128(vdupq_n_f32(t->max[i] - max));
    float *o = t->o + i * t->o_step, *sum = t->sum + (int64_t)i * ZK_PANEL;

    for (int32_t j = 0; j < t->d; j += 4)
        vst1q_f32(o + j, vmulq_f32(vld1q_f32(o + j), by));
    for (int j = 0; j < ZK_PANEL; j += 4)
        vst1q_f32(sum + j, vmulq_f32(vld1q_f32(sum + j), by));
    t->max[i] = max;
}

void zk_attend_soften_neon(const struct zk_attend_soften *t)
{
    const float32x4_t scale = vdupq_n_f32(t->scale);

    for (int32_t i = 0; i < t->rows; i++) {
        const float *s = t->s + i * t->s_step;
        float *p = (float *)t->p + i * t->p_step, *sum = t->sum + (int64_t)i * ZK_PANEL;
        const float max = largest(s, t->seen[i], t->scale);

        if (max > t->max[i])
            scale_down(t, i, max);
        const float32x4_t base = vdupq_n_f32(t->max[i] == -INFINITY ? 0.0f : -t->max[i]);
        float32x4_t total = vld1q_f32(sum);
        for (int32_t j = 0; j < t->cols; j += 4) {
            const uint32x4_t m = first_lanes(t->seen[i] - j);
            const float32x4_t v = exp2_128(vfmaq_f32(base, vld1q_f32(s + j), scale));
            const float32x4_t w =
                vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), m));
            total = vaddq_f32(total, w);
            vst1q_f32(p + j, w);
        }
        vst1q_f32(sum, total);
    }
}
