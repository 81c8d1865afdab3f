/* Matrix products of 8-bit numbers with AVX-512-VNNI. The instruction multiplies
 * unsigned with signed bytes, so the panel holds w + 128, and sums begin at -128
 * times the sum of the row's elements. After every 32 elements the sums become
 * f32 and are multiplied by the scales of both sides. */

#include <string.h>

#include "kernels/cpu/inline.h"
#include "kernels/cpu/x86/linear.h"
#include "kernels/cpu/x86/math_avx512.h"

#define COLS 3
#define QUADS (ZK_Q8_BLOCK / 4)

ZK_INLINE void tile_q8(const struct zk_tile *t, int rows)
{
    const struct zk_q8_rows *a = t->a;
    const uint8_t *b = t->b, *next_a = t->next_a.at, *next_b = t->next_b.at;
    const uint16_t *b_scale = t->b_scale;
    __m512 c[ZK_Q8_ROWS][COLS];
    __m512i sum[ZK_Q8_ROWS][COLS], w[COLS];

    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            c[i][j] = t->add ? _mm512_load_ps(t->c + i * ZK_PANEL_COLS + 16 * j)
                             : _mm512_setzero_ps();
    }
    for (int32_t k = 0; k < t->k; k += ZK_Q8_BLOCK) {
        _mm_prefetch((const char *)next_a, _MM_HINT_T1);
        _mm_prefetch((const char *)next_b, _MM_HINT_T1);
        next_a += t->next_a.step;
        next_b += t->next_b.step;
        ZK_UNROLL
        for (int i = 0; i < rows; i++) {
            ZK_UNROLL
            for (int j = 0; j < COLS; j++)
                sum[i][j] = _mm512_set1_epi32(a->begin[i]);
        }
        ZK_UNROLL
        for (int s = 0; s < QUADS; s++) {
            ZK_UNROLL
            for (int j = 0; j < COLS; j++)
                w[j] = _mm512_load_si512(b + (s * ZK_PANEL_COLS + 16 * j) * 4);
            ZK_UNROLL
            for (int i = 0; i < rows; i++) {
                int32_t quad;
                memcpy(&quad, a->q[s][i], 4);
                const __m512i x = _mm512_set1_epi32(quad);
                ZK_UNROLL
                for (int j = 0; j < COLS; j++)
                    sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], w[j], x);
            }
        }
        ZK_UNROLL
        for (int j = 0; j < COLS; j++) {
            const __m512 scale = _mm512_cvtph_ps(_mm256_load_si256(
                (const __m256i *)(const void *)(b_scale + 16 * j)));
            ZK_UNROLL
            for (int i = 0; i < rows; i++) {
                const __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(a->scale[i]));
                c[i][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i][j]), both, c[i][j]);
            }
        }
        a++;
        b += ZK_Q8_BLOCK * ZK_PANEL_COLS;
        b_scale += ZK_PANEL_COLS;
    }
    ZK_UNROLL
    for (int i = 0; i < rows; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            _mm512_store_ps(t->c + i * ZK_PANEL_COLS + 16 * j, c[i][j]);
    }
}

void zk_tile_q8_vnni(const struct zk_tile *t)
{
    if (t->rows > 2)
        tile_q8(t, 4);
    else
        tile_q8(t, 2);
}

/* 16 elements from k on, with zeros where the row ends. */
static __m512 load(const struct zk_columns *c, int row, int32_t k)
{
    return zk_load16(c->type, c->row[row], k, zk_lanes16(c->k > k ? c->k - k : 0));
}

void zk_columns_q8_vnni(const struct zk_columns *c)
{
    struct zk_q8_rows *dst = c->dst;
    const __m512i abs = _mm512_set1_epi32(0x7fffffff);

    for (int32_t k = 0; k < c->padded; k += ZK_Q8_BLOCK, dst++) {
        for (int i = 0; i < ZK_Q8_ROWS; i++) {
            const __m512 x = load(c, i, k), y = load(c, i, k + 16);
            /* The largest magnitude as an integer, for so NaN is larger than all else. */
            const union { int32_t u; float f; } most = { _mm512_reduce_max_epi32(_mm512_max_epi32(
                _mm512_and_si512(_mm512_castps_si512(x), abs),
                _mm512_and_si512(_mm512_castps_si512(y), abs))) };
            const __m512 by = _mm512_set1_ps(most.f < 4e-37f ? 0.0f : 127.0f / most.f);
            const __m512i p = _mm512_cvtps_epi32(_mm512_mul_ps(x, by));
            const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(y, by));
            uint8_t bytes[ZK_Q8_BLOCK];
            _mm_storeu_si128((__m128i *)(void *)bytes, _mm512_cvtsepi32_epi8(p));
            _mm_storeu_si128((__m128i *)(void *)(bytes + 16), _mm512_cvtsepi32_epi8(q));
            for (int s = 0; s < QUADS; s++)
                memcpy(dst->q[s][i], bytes + 4 * s, 4);
            dst->begin[i] = -128 * _mm512_reduce_add_epi32(_mm512_add_epi32(p, q));
            dst->scale[i] = most.f < 4e-37f ? 0.0f : most.f / 127.0f;
        }
    }
}
