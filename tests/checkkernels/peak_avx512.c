/* Peak loops with AVX-512. */

#include <immintrin.h>

#include "tests/checkkernels/peak.h"

double ck_loop_f32_avx512(long n, float *sink)
{
    const __m512 b = _mm512_set1_ps(0.999f), c = _mm512_set1_ps(0.001f);
    __m512 x[12];

    for (int j = 0; j < 12; j++)
        x[j] = _mm512_set1_ps((float)j);
    for (long i = 0; i < n; i++) {
        for (int j = 0; j < 12; j++)
            x[j] = _mm512_fmadd_ps(x[j], b, c);
    }
    for (int j = 0; j < 12; j++)
        *sink += _mm512_cvtss_f32(x[j]);
    return (double)n * 12 * 16 * 2;
}

static float read_avx512(const float *a, size_t n)
{
    __m512 x[4];
    float sum = 0;

    for (int j = 0; j < 4; j++)
        x[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 64) {
        for (int j = 0; j < 4; j++)
            x[j] = _mm512_add_ps(x[j], _mm512_load_ps(a + i + 16 * j));
    }
    for (int j = 0; j < 4; j++)
        sum += _mm512_cvtss_f32(x[j]);
    return sum;
}

static void triad_avx512(float *a, const float *b, const float *c, float s, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        _mm512_store_ps(a + i, _mm512_fmadd_ps(_mm512_load_ps(c + i), _mm512_set1_ps(s),
                                               _mm512_load_ps(b + i)));
}

const struct ck_memory_loops ck_memory_avx512 = { read_avx512, triad_avx512 };
