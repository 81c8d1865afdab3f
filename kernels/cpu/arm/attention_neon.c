/* Attention in f32 with NEON: 6 rows by one panel keep 24 sums in registers. */

#include <math.h>

#include <arm_neon.h>

#include "kernels/cpu/arm/attention_kernels.h"
#include "kernels/cpu/inline.h"

ZK_INLINE void product_tile(const struct zk_attend_product *g, int32_t i, int32_t n,
                            const int rows)
{
    const float *a = (const float *)g->a + i * g->a_step;
    const float *b = (const float *)g->b + n * g->b_step;
    float *c = g->c + i * g->c_step + (int64_t)n * ZK_PANEL;
    float32x4_t acc[6][4];

    ZK_UNROLL
    for (int r = 0; r < rows; r++)
        ZK_UNROLL
        for (int s = 0; s < 4; s++)
            acc[r][s] = vdupq_n_f32(0.0f);
    for (int32_t k = 0; k < g->k; k++, a++, b += ZK_PANEL) {
        float32x4_t col[4];
        ZK_UNROLL
        for (int s = 0; s < 4; s++)
            col[s] = vld1q_f32(b + 4 * s);
        ZK_UNROLL
        for (int r = 0; r < rows; r++) {
            const float x = a[r * g->a_step];
            ZK_UNROLL
            for (int s = 0; s < 4; s++)
                acc[r][s] = vfmaq_n_f32(acc[r][s], col[s], x);
        }
    }
    ZK_UNROLL
    for (int r = 0; r < rows; r++, c += g->c_step)
        ZK_UNROLL
        for (int s = 0; s < 4; s++) {
            const float32x4_t old = g->add ? vld1q_f32(c + 4 * s) : vdupq_n_f32(0.0f);
            vst1q_f32(c + 4 * s, vaddq_f32(old, acc[r][s]));
        }
}

void zk_attend_product_neon(const struct zk_attend_product *g)
{
    for (int32_t n = 0; n < g->panels; n++) {
        int32_t i = 0;

        for (; i + 6 <= g->rows; i += 6)
            product_tile(g, i, n, 6);
        switch (g->rows - i) {
        case 5: product_tile(g, i, n, 5); break;
        case 4: product_tile(g, i, n, 4); break;
        case 3: product_tile(g, i, n, 3); break;
        case 2: product_tile(g, i, n, 2); break;
        case 1: product_tile(g, i, n, 1); break;
        }
    }
}

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
