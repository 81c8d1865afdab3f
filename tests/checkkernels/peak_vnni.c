/* The peak loop of AVX-512-VNNI: dot products of four bytes. */

#include <immintrin.h>

#include "tests/checkkernels/peak.h"

double ck_loop_int8(long n, float *sink)
{
    const __m512i b = _mm512_set1_epi8(93), c = _mm512_set1_epi8(-57);
    __m512i x[12];

    for (int j = 0; j < 12; j++)
        x[j] = _mm512_set1_epi32(j);
    for (long i = 0; i < n; i++) {
        for (int j = 0; j < 12; j++)
            x[j] = _mm512_dpbusd_epi32(x[j], b, c);
    }
    for (int j = 0; j < 12; j++)
        *sink += (float)_mm512_reduce_add_epi32(x[j]);
    return (double)n * 12 * 64 * 2;
}
