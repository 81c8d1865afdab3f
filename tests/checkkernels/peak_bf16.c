/* The peak loop of AVX-512-BF16: dot products of pairs. */

#include <immintrin.h>

#include "tests/checkkernels/peak.h"

double ck_loop_bf16(long n, float *sink)
{
    const __m512bh b = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
    const __m512bh c = _mm512_cvtne2ps_pbh(_mm512_set1_ps(-0.25f), _mm512_set1_ps(0.75f));
    __m512 x[12];

    for (int j = 0; j < 12; j++)
        x[j] = _mm512_set1_ps((float)j);
    for (long i = 0; i < n; i++) {
        for (int j = 0; j < 12; j++)
            x[j] = _mm512_dpbf16_ps(x[j], b, c);
    }
    for (int j = 0; j < 12; j++)
        *sink += _mm512_cvtss_f32(x[j]);
    return (double)n * 12 * 32 * 2;
}
