/* Matrix products of bf16 with AVX-512-BF16: as in f32, but each step takes two
 * neighbours along k, whose products add up in f32. */

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/linear.h"

#include <immintrin.h>

#define COLS 3

ZK_INLINE void tile_bf16(const struct zk_tile *t, int rows)
{
    const int32_t *a = t->a;          /* pairs */
    const int32_t *b = t->b;
    const uint8_t *next_a = t->next_a.at, *next_b = t->next_b.at;
    __m512 c[ZK_STRIP_ROWS][COLS];

    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            c[i][j] = t->add ? _mm512_load_ps(t->c + i * ZK_PANEL_COLS + 16 * j)
                             : _mm512_setzero_ps();
    }
    for (int32_t k = 0; k < t->k; k += 2) {
        __m512bh w[COLS];
        _mm_prefetch((const char *)next_a, _MM_HINT_T1);
        _mm_prefetch((const char *)next_b, _MM_HINT_T1);
        next_a += t->next_a.step;
        next_b += t->next_b.step;
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            w[j] = (__m512bh)_mm512_load_si512(b + 16 * j);
        ZK_UNROLL
        for (int i = 0; i < rows; i++) {
            const __m512bh x = (__m512bh)_mm512_set1_epi32(a[i]);
            ZK_UNROLL
            for (int j = 0; j < COLS; j++)
                c[i][j] = _mm512_dpbf16_ps(c[i][j], x, w[j]);
        }
        a += ZK_STRIP_ROWS;
        b += ZK_PANEL_COLS;
    }
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            _mm512_store_ps(t->c + i * ZK_PANEL_COLS + 16 * j, c[i][j]);
    }
}

void zk_tile_bf16_avx512(const struct zk_tile *t)
{
    if (t->rows > 4)
        tile_bf16(t, 8);
    else if (t->rows > 2)
        tile_bf16(t, 4);
    else
        tile_bf16(t, 2);
}
