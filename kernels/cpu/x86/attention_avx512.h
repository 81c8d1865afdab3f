/* What attention has in common on AVX-512 and on AVX-512-BF16. */
#ifndef ZK_X86_ATTENTION_AVX512_H
#define ZK_X86_ATTENTION_AVX512_H

#include <immintrin.h>
#include <math.h>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/math_avx512.h"

typedef void store_fn(void *p, int64_t at, __m512 low, __m512 high);

/* 2^x for x up to about 1, to 1e-7; -infinity gives 0, NaN stays. */
ZK_INLINE __m512 exp2_512(__m512 x)
{
    const __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_set1_ps(0.00186713057f);

    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.00901702925f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.0557999139f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24016445f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693151312f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, x);
}

/* The largest of n scores times scale, or -infinity. NaN is passed over. */
ZK_INLINE float largest(const float *s, int32_t n, float scale)
{
    const __m512 none = _mm512_set1_ps(-INFINITY);
    __m512 a = none, b = none;
    int32_t j = 0;

    for (; j + 32 <= n; j += 32) {
        a = _mm512_max_ps(_mm512_loadu_ps(s + j), a);
        b = _mm512_max_ps(_mm512_loadu_ps(s + j + 16), b);
    }
    for (; j < n; j += 16) {
        a = _mm512_max_ps(_mm512_mask_loadu_ps(none, zk_lanes16(n - j), s + j), a);
    }
    return _mm512_reduce_max_ps(_mm512_max_ps(a, b)) * scale;
}

/* The largest score grew: earlier sums and values count for less. */
ZK_INLINE void scale_down(const struct zk_attend_soften *t, int32_t i, float max)
{
    const __m512 by = exp2_512(_mm512_set1_ps(t->max[i] - max));
    float *o = t->o + i * t->o_step, *sum = t->sum + (int64_t)i * ZK_PANEL;

    for (int32_t j = 0; j < t->d; j += 16)
        _mm512_storeu_ps(o + j, _mm512_mul_ps(_mm512_loadu_ps(o + j), by));
    _mm512_storeu_ps(sum, _mm512_mul_ps(_mm512_loadu_ps(sum), by));
    t->max[i] = max;
}

ZK_INLINE void soften(const struct zk_attend_soften *t, store_fn *store, int bytes)
{
    const __m512 scale = _mm512_set1_ps(t->scale);

    for (int32_t i = 0; i < t->rows; i++) {
        const float *s = t->s + i * t->s_step;
        char *p = (char *)t->p + i * t->p_step * bytes;
        const int32_t seen = t->seen[i];
        const float max = largest(s, seen, t->scale);
        int32_t j = 0;

        if (max > t->max[i])
            scale_down(t, i, max);
        const __m512 base = _mm512_set1_ps(t->max[i] == -INFINITY ? 0.0f : t->max[i]);
        __m512 sum = _mm512_loadu_ps(t->sum + (int64_t)i * ZK_PANEL);
        for (; j + 32 <= seen; j += 32) {
            const __m512 a = exp2_512(_mm512_fmsub_ps(_mm512_loadu_ps(s + j), scale, base));
            const __m512 b = exp2_512(_mm512_fmsub_ps(_mm512_loadu_ps(s + j + 16), scale, base));
            sum = _mm512_add_ps(sum, _mm512_add_ps(a, b));
            store(p, j, a, b);
        }
        for (; j < t->cols; j += 32) {
            const int32_t left = seen > j ? seen - j : 0;
            const __mmask16 ma = zk_lanes16(left), mb = zk_lanes16(left > 16 ? left - 16 : 0);
            __m512 a = _mm512_maskz_loadu_ps(ma, s + j);
            __m512 b = _mm512_maskz_loadu_ps(mb, s + j + 16);
            a = _mm512_maskz_mov_ps(ma, exp2_512(_mm512_fmsub_ps(a, scale, base)));
            b = _mm512_maskz_mov_ps(mb, exp2_512(_mm512_fmsub_ps(b, scale, base)));
            sum = _mm512_add_ps(sum, _mm512_add_ps(a, b));
            store(p, j, a, b);
        }
        _mm512_storeu_ps(t->sum + (int64_t)i * ZK_PANEL, sum);
    }
}

/* dst[j][i] = src[i][j] for 16 rows of n values of 32 bits, n a multiple of 4. */
ZK_INLINE void transpose(float *dst, const float *src, int32_t n)
{
    for (int32_t j = 0; j < n; j += 4, src += 4, dst += 64) {
        __m512 a[4];
        /* a[r] holds four values of each of the rows r, r + 4, r + 8 and r + 12. */
        ZK_UNROLL
        for (int r = 0; r < 4; r++) {
            const float *at = src + (int64_t)r * n;
            a[r] = _mm512_castps128_ps512(_mm_loadu_ps(at));
            a[r] = _mm512_insertf32x4(a[r], _mm_loadu_ps(at + 4 * (int64_t)n), 1);
            a[r] = _mm512_insertf32x4(a[r], _mm_loadu_ps(at + 8 * (int64_t)n), 2);
            a[r] = _mm512_insertf32x4(a[r], _mm_loadu_ps(at + 12 * (int64_t)n), 3);
        }
        const __m512 ab0 = _mm512_unpacklo_ps(a[0], a[1]), ab1 = _mm512_unpackhi_ps(a[0], a[1]);
        const __m512 cd0 = _mm512_unpacklo_ps(a[2], a[3]), cd1 = _mm512_unpackhi_ps(a[2], a[3]);
        _mm512_storeu_ps(dst, _mm512_shuffle_ps(ab0, cd0, 0x44));
        _mm512_storeu_ps(dst + 16, _mm512_shuffle_ps(ab0, cd0, 0xee));
        _mm512_storeu_ps(dst + 32, _mm512_shuffle_ps(ab1, cd1, 0x44));
        _mm512_storeu_ps(dst + 48, _mm512_shuffle_ps(ab1, cd1, 0xee));
    }
}

#endif
