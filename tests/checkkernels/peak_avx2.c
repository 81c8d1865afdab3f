/* Peak loops with AVX2 and FMA. */

#include <immintrin.h>

#include "tests/checkkernels/peak.h"

double ck_loop_f32_avx2(long n, float *sink)
{
    const __m256 b = _mm256_set1_ps(0.999f), c = _mm256_set1_ps(0.001f);
    __m256 x[12];

    for (int j = 0; j < 12; j++)
        x[j] = _mm256_set1_ps((float)j);
    for (long i = 0; i < n; i++) {
        for (int j = 0; j < 12; j++)
            x[j] = _mm256_fmadd_ps(x[j], b, c);
    }
    for (int j = 0; j < 12; j++)
        *sink += _mm256_cvtss_f32(x[j]);
    return (double)n * 12 * 8 * 2;
}

static float read_avx2(const float *a, size_t n)
{
    __m256 x[8];
    float sum = 0;

    for (int j = 0; j < 8; j++)
        x[j] = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += 64) {
        for (int j = 0; j < 8; j++)
            x[j] = _mm256_add_ps(x[j], _mm256_load_ps(a + i + 8 * j));
    }
    for (int j = 0; j < 8; j++)
        sum += _mm256_cvtss_f32(x[j]);
    return sum;
}

static void triad_avx2(float *a, const float *b, const float *c, float s, size_t n)
{
    for (size_t i = 0; i < n; i += 8)
        _mm256_store_ps(a + i, _mm256_fmadd_ps(_mm256_load_ps(c + i), _mm256_set1_ps(s),
                                               _mm256_load_ps(b + i)));
}

const struct ck_memory_loops ck_memory_avx2 = { read_avx2, triad_avx2 };
