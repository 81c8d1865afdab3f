/* Matrix products in f32 with AVX-512: a tile of up to 8 rows by 48 columns is
 * held in 24 registers, and each step of k loads one row of the panel and one
 * broadcast element of every row of the strip. */

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/linear.h"
#include "kernels/cpu/x86/math_avx512.h"

#define COLS 3                        /* registers across a panel */

ZK_INLINE void begin(__m512 c[][COLS], const struct zk_tile *t, int rows)
{
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            c[i][j] = t->add ? _mm512_load_ps(t->c + i * ZK_PANEL_COLS + 16 * j)
                             : _mm512_setzero_ps();
    }
}

ZK_INLINE void end(__m512 c[][COLS], const struct zk_tile *t, int rows)
{
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            _mm512_store_ps(t->c + i * ZK_PANEL_COLS + 16 * j, c[i][j]);
    }
}

ZK_INLINE void add_products(__m512 c[][COLS], const float *a, const __m512 b[COLS], int rows)
{
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        const __m512 x = _mm512_set1_ps(a[i]);
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            c[i][j] = _mm512_fmadd_ps(x, b[j], c[i][j]);
    }
}

ZK_INLINE void tile_f32(const struct zk_tile *t, int rows)
{
    const float *a = t->a, *b = t->b;
    const uint8_t *next_a = t->next_a.at, *next_b = t->next_b.at;
    __m512 c[ZK_STRIP_ROWS][COLS], w[COLS];

    begin(c, t, rows);
    for (int32_t k = 0; k < t->k; k += 2) {
        _mm_prefetch((const char *)next_a, _MM_HINT_T1);
        _mm_prefetch((const char *)next_b, _MM_HINT_T1);
        next_a += t->next_a.step;
        next_b += t->next_b.step;
        ZK_UNROLL
        for (int half = 0; half < 2; half++) {
            ZK_UNROLL
            for (int j = 0; j < COLS; j++)
                w[j] = _mm512_load_ps(b + 16 * j);
            add_products(c, a, w, rows);
            a += ZK_STRIP_ROWS;
            b += ZK_PANEL_COLS;
        }
    }
    end(c, t, rows);
}

/* The two of a pair of bf16 are the halves of a word, the first one below. */
ZK_INLINE void tile_f32_bf16(const struct zk_tile *t, int rows)
{
    const float *a = t->a;
    const uint16_t *b = t->b;
    const uint8_t *next_a = t->next_a.at, *next_b = t->next_b.at;
    const __m512i high = _mm512_set1_epi32((int)0xffff0000);
    __m512 c[ZK_STRIP_ROWS][COLS], first[COLS], second[COLS];

    begin(c, t, rows);
    for (int32_t k = 0; k < t->k; k += 2) {
        _mm_prefetch((const char *)next_a, _MM_HINT_T1);
        _mm_prefetch((const char *)next_b, _MM_HINT_T1);
        next_a += t->next_a.step;
        next_b += t->next_b.step;
        ZK_UNROLL
        for (int j = 0; j < COLS; j++) {
            const __m512i pair = _mm512_load_si512(b + 32 * j);
            first[j] = _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16));
            second[j] = _mm512_castsi512_ps(_mm512_and_si512(pair, high));
        }
        add_products(c, a, first, rows);
        add_products(c, a + ZK_STRIP_ROWS, second, rows);
        a += 2 * ZK_STRIP_ROWS;
        b += 2 * ZK_PANEL_COLS;
    }
    end(c, t, rows);
}

void zk_tile_f32_avx512(const struct zk_tile *t)
{
    if (t->rows > 4)
        tile_f32(t, 8);
    else if (t->rows > 2)
        tile_f32(t, 4);
    else
        tile_f32(t, 2);
}

void zk_tile_f32_bf16_avx512(const struct zk_tile *t)
{
    if (t->rows > 4)
        tile_f32_bf16(t, 8);
    else if (t->rows > 2)
        tile_f32_bf16(t, 4);
    else
        tile_f32_bf16(t, 2);
}

void zk_finish_avx512(const struct zk_finish *f)
{
    const __m512 scale = _mm512_set1_ps(f->scale);
    __m512 bias[COLS];

    for (int j = 0; j < COLS; j++) {
        const __mmask16 lanes = zk_lanes16(f->cols > 16 * j ? f->cols - 16 * j : 0);
        bias[j] = f->bias ? _mm512_maskz_loadu_ps(lanes, f->bias + 16 * j) : _mm512_setzero_ps();
    }
    for (int32_t i = 0; i < f->rows; i++) {
        for (int j = 0; 16 * j < f->cols; j++) {
            const __m512 c = _mm512_load_ps(f->c + i * ZK_PANEL_COLS + 16 * j);
            const __m512 x = zk_act16(f->act, _mm512_fmadd_ps(c, scale, bias[j]));
            zk_store16(f->type, f->dst, i * f->dst_step + 16 * j, zk_lanes16(f->cols - 16 * j), x);
        }
    }
}
