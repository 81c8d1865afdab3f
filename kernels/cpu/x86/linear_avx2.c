/* Matrix products in f32 with AVX2: tiles of 4 rows by 24 columns in 12
 * registers. Also how rows become columns, by 8x8 transposes of words, which
 * AVX-512 uses as well. */

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/linear.h"
#include "kernels/cpu/x86/math_avx2.h"

#define COLS 3                        /* registers across half a panel */
#define ROWS 4                        /* half a strip */
#define HALF (8 * COLS)

ZK_INLINE void begin(__m256 c[][COLS], const struct zk_tile *t, const float *from, int rows)
{
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            c[i][j] = t->add ? _mm256_load_ps(from + i * ZK_PANEL_COLS + 8 * j)
                             : _mm256_setzero_ps();
    }
}

ZK_INLINE void end(__m256 c[][COLS], float *to, int rows)
{
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            _mm256_store_ps(to + i * ZK_PANEL_COLS + 8 * j, c[i][j]);
    }
}

ZK_INLINE void add_products(__m256 c[][COLS], const float *a, const __m256 b[COLS], int rows)
{
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        const __m256 x = _mm256_broadcast_ss(a + i);
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            c[i][j] = _mm256_fmadd_ps(x, b[j], c[i][j]);
    }
}

ZK_INLINE void tile_f32(const struct zk_tile *t, int row, int col, int rows)
{
    const float *a = (const float *)t->a + row, *b = (const float *)t->b + col;
    float *to = t->c + row * ZK_PANEL_COLS + col;
    __m256 c[ROWS][COLS], w[COLS];

    begin(c, t, to, rows);
    for (int32_t k = 0; k < t->k; k++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            w[j] = _mm256_load_ps(b + 8 * j);
        add_products(c, a, w, rows);
        a += ZK_STRIP_ROWS;
        b += ZK_PANEL_COLS;
    }
    end(c, to, rows);
}

/* The two of a pair of bf16 are the halves of a word, the first one below. */
ZK_INLINE void tile_f32_bf16(const struct zk_tile *t, int row, int col, int rows)
{
    const float *a = (const float *)t->a + row;
    const int32_t *b = (const int32_t *)t->b + col;
    const __m256i high = _mm256_set1_epi32((int)0xffff0000);
    float *to = t->c + row * ZK_PANEL_COLS + col;
    __m256 c[ROWS][COLS], w[COLS];

    begin(c, t, to, rows);
    for (int32_t k = 0; k < t->k; k += 2) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            w[j] = _mm256_castsi256_ps(_mm256_slli_epi32(
                _mm256_load_si256((const __m256i *)(const void *)(b + 8 * j)), 16));
        add_products(c, a, w, rows);
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            w[j] = _mm256_castsi256_ps(_mm256_and_si256(
                _mm256_load_si256((const __m256i *)(const void *)(b + 8 * j)), high));
        add_products(c, a + ZK_STRIP_ROWS, w, rows);
        a += 2 * ZK_STRIP_ROWS;
        b += ZK_PANEL_COLS;
    }
    end(c, to, rows);
}

void zk_tile_f32_avx2(const struct zk_tile *t)
{
    for (int row = 0; row < t->rows; row += ROWS) {
        for (int col = 0; col < ZK_PANEL_COLS; col += HALF) {
            if (t->rows - row > 1)
                tile_f32(t, row, col, ROWS);
            else
                tile_f32(t, row, col, 1);
        }
    }
}

void zk_tile_f32_bf16_avx2(const struct zk_tile *t)
{
    for (int row = 0; row < t->rows; row += ROWS) {
        for (int col = 0; col < ZK_PANEL_COLS; col += HALF) {
            if (t->rows - row > 1)
                tile_f32_bf16(t, row, col, ROWS);
            else
                tile_f32_bf16(t, row, col, 1);
        }
    }
}

ZK_INLINE void transpose(__m256i r[8])
{
    __m256i s[8];

    ZK_UNROLL
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    ZK_UNROLL
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_unpacklo_epi64(s[i], s[i + 2]);
        r[i + 1] = _mm256_unpackhi_epi64(s[i], s[i + 2]);
        r[i + 2] = _mm256_unpacklo_epi64(s[i + 1], s[i + 3]);
        r[i + 3] = _mm256_unpackhi_epi64(s[i + 1], s[i + 3]);
    }
    ZK_UNROLL
    for (int i = 0; i < 4; i++) {
        s[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
        s[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
    }
    ZK_UNROLL
    for (int i = 0; i < 8; i++)
        r[i] = s[i];
}

/* Up to 8 words of one row: as many elements of f32, twice as many of bf16. */
ZK_INLINE __m256i words_f32(const struct zk_columns *c, int row, int32_t k)
{
    return _mm256_castps_si256(zk_load8(c->type, c->row[row], k, c->k - k));
}

ZK_INLINE __m256i words_bf16(const struct zk_columns *c, int row, int32_t k)
{
    const int32_t left = c->k - k;

    if (c->type == ZK_BF16) {
        const uint16_t *from = (const uint16_t *)c->row[row] + k;
        __m256i raw = _mm256_setzero_si256();
        if (left >= 16)
            return _mm256_loadu_si256((const __m256i *)(const void *)from);
        memcpy(&raw, from, (size_t)left * 2);
        return raw;
    }
    const __m128i low = zk_bf16_from8(zk_load8(c->type, c->row[row], k, left));
    const __m128i high = left <= 8 ? _mm_setzero_si128()
                                   : zk_bf16_from8(zk_load8(c->type, c->row[row], k + 8, left - 8));
    return _mm256_set_m128i(high, low);
}

void zk_columns_f32_avx2(const struct zk_columns *c)
{
    uint32_t *dst = c->dst;

    for (int32_t k = 0; k < c->padded; k += 8) {
        __m256i r[8];
        for (int i = 0; i < 8; i++)
            r[i] = k < c->k ? words_f32(c, i, k) : _mm256_setzero_si256();
        transpose(r);
        for (int i = 0; i < 8 && k + i < c->padded; i++)
            _mm256_storeu_si256((__m256i *)(void *)(dst + (k + i) * c->step), r[i]);
    }
}

void zk_columns_bf16_avx2(const struct zk_columns *c)
{
    uint32_t *dst = c->dst;

    for (int32_t k = 0; k < c->padded; k += 16) {
        __m256i r[8];
        for (int i = 0; i < 8; i++)
            r[i] = k < c->k ? words_bf16(c, i, k) : _mm256_setzero_si256();
        transpose(r);
        for (int i = 0; i < 8 && k + 2 * i < c->padded; i++)
            _mm256_storeu_si256((__m256i *)(void *)(dst + (k / 2 + i) * c->step), r[i]);
    }
}

void zk_finish_avx2(const struct zk_finish *f)
{
    const __m256 scale = _mm256_set1_ps(f->scale);

    for (int32_t i = 0; i < f->rows; i++) {
        for (int32_t j = 0; j < f->cols; j += 8) {
            const int32_t n = f->cols - j;
            const __m256 bias = f->bias ? zk_load8(ZK_F32, f->bias, j, n) : _mm256_setzero_ps();
            const __m256 c = _mm256_load_ps(f->c + i * ZK_PANEL_COLS + j);
            const __m256 x = zk_act8(f->act, _mm256_fmadd_ps(c, scale, bias));
            zk_store8(f->type, f->dst, i * f->dst_step + j, n, x);
        }
    }
}
