/* Attention in f32 with AVX2 and FMA. */

#include <immintrin.h>
#include <math.h>

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/attention_kernels.h"

/* 2^x for x up to about 1, to 1e-7; 0 below -126.5, NaN stays. */
ZK_INLINE __m256 exp2_256(__m256 x)
{
    const __m256 y = _mm256_max_ps(_mm256_set1_ps(-127.0f), x);
    const __m256 whole =
        _mm256_round_ps(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256 f = _mm256_sub_ps(y, whole);
    const __m256i power = _mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127));
    __m256 p = _mm256_set1_ps(0.00132647272f);

    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.00967151281f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.0555073374f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.240222421f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.693146978f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(power, 23)));
}

ZK_INLINE __m256i first_lanes(int32_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* The largest of n scores times scale, or -infinity. NaN is passed over. */
static float largest(const float *s, int32_t n, float scale)
{
    const __m256 none = _mm256_set1_ps(-INFINITY);
    __m256 a = none;

    for (int32_t j = 0; j < n; j += 8) {
        const __m256i m = first_lanes(n - j);
        const __m256 v = _mm256_maskload_ps(s + j, m);
        a = _mm256_max_ps(_mm256_blendv_ps(none, v, _mm256_castsi256_ps(m)), a);
    }
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b))) * scale;
}

/* The largest score grew: earlier sums and values count for less. */
static void scale_down(const struct zk_attend_soften *t, int32_t i, float max)
{
    const __m256 by = exp2_256(_mm256_set1_ps(t->max[i] - max));
    float *o = t->o + i * t->o_step, *sum = t->sum + (int64_t)i * ZK_PANEL;

    for (int32_t j = 0; j < t->d; j += 8)
        _mm256_storeu_ps(o + j, _mm256_mul_ps(_mm256_loadu_ps(o + j), by));
    for (int j = 0; j < ZK_PANEL; j += 8)
        _mm256_storeu_ps(sum + j, _mm256_mul_ps(_mm256_loadu_ps(sum + j), by));
    t->max[i] = max;
}

void zk_attend_soften_avx2(const struct zk_attend_soften *t)
{
    const __m256 scale = _mm256_set1_ps(t->scale);

    for (int32_t i = 0; i < t->rows; i++) {
        const float *s = t->s + i * t->s_step;
        float *p = (float *)t->p + i * t->p_step, *sum = t->sum + (int64_t)i * ZK_PANEL;
        const float max = largest(s, t->seen[i], t->scale);

        if (max > t->max[i])
            scale_down(t, i, max);
        const __m256 base = _mm256_set1_ps(t->max[i] == -INFINITY ? 0.0f : t->max[i]);
        __m256 total = _mm256_loadu_ps(sum);
        for (int32_t j = 0; j < t->cols; j += 8) {
            const __m256i m = first_lanes(t->seen[i] - j);
            const __m256 x = _mm256_fmsub_ps(_mm256_maskload_ps(s + j, m), scale, base);
            const __m256 v = _mm256_and_ps(exp2_256(x), _mm256_castsi256_ps(m));
            total = _mm256_add_ps(total, v);
            _mm256_storeu_ps(p + j, v);
        }
        _mm256_storeu_ps(sum, total);
    }
}
