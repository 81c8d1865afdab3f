/* Matrix products in f32 with NEON: tiles of 8 rows by 12 columns in 24 registers. */

#include <arm_neon.h>

#include "kernels/cpu/arm/linear.h"
#include "kernels/cpu/inline.h"

#define COLS 3                        /* registers across a quarter of a panel */
#define QUARTER (4 * COLS)

ZK_INLINE void begin(float32x4_t c[][COLS], const struct zk_tile *t, const float *from)
{
    ZK_UNROLL
    for (int i = 0; i < ZK_STRIP_ROWS; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            c[i][j] = t->add ? vld1q_f32(from + i * ZK_PANEL_COLS + 4 * j) : vdupq_n_f32(0);
    }
}

ZK_INLINE void end(float32x4_t c[][COLS], float *to)
{
    ZK_UNROLL
    for (int i = 0; i < ZK_STRIP_ROWS; i++) {
        ZK_UNROLL
        for (int j = 0; j < COLS; j++)
            vst1q_f32(to + i * ZK_PANEL_COLS + 4 * j, c[i][j]);
    }
}

ZK_INLINE void add_products(float32x4_t c[][COLS], const float *a, const float32x4_t b[COLS])
{
    const float32x4_t low = vld1q_f32(a), high = vld1q_f32(a + 4);

    ZK_UNROLL
    for (int j = 0; j < COLS; j++) {
        c[0][j] = vfmaq_laneq_f32(c[0][j], b[j], low, 0);
        c[1][j] = vfmaq_laneq_f32(c[1][j], b[j], low, 1);
        c[2][j] = vfmaq_laneq_f32(c[2][j], b[j], low, 2);
        c[3][j] = vfmaq_laneq_f32(c[3][j], b[j], low, 3);
        c[4][j] = vfmaq_laneq_f32(c[4][j], b[j], high, 0);
        c[5][j] = vfmaq_laneq_f32(c[5][j], b[j], high, 1);
        c[6][j] = vfmaq_laneq_f32(c[6][j], b[j], high, 2);
        c[7][j] = vfmaq_laneq_f32(c[7][j], b[j], high, 3);
    }
}

void zk_tile_f32_neon(const struct zk_tile *t)
{
    for (int col = 0; col < ZK_PANEL_COLS; col += QUARTER) {
        const float *a = t->a, *b = (const float *)t->b + col;
        float32x4_t c[ZK_STRIP_ROWS][COLS], w[COLS];

        begin(c, t, t->c + col);
        for (int32_t k = 0; k < t->k; k++) {
            ZK_UNROLL
            for (int j = 0; j < COLS; j++)
                w[j] = vld1q_f32(b + 4 * j);
            add_products(c, a, w);
            a += ZK_STRIP_ROWS;
            b += ZK_PANEL_COLS;
        }
        end(c, t->c + col);
    }
}

/* The two of a pair of bf16 are the halves of a word, the first one below. */
void zk_tile_f32_bf16_neon(const struct zk_tile *t)
{
    for (int col = 0; col < ZK_PANEL_COLS; col += QUARTER) {
        const float *a = t->a;
        const uint32_t *b = (const uint32_t *)t->b + col;
        float32x4_t c[ZK_STRIP_ROWS][COLS], w[COLS];

        begin(c, t, t->c + col);
        for (int32_t k = 0; k < t->k; k += 2) {
            ZK_UNROLL
            for (int j = 0; j < COLS; j++)
                w[j] = vreinterpretq_f32_u32(vshlq_n_u32(vld1q_u32(b + 4 * j), 16));
            add_products(c, a, w);
            ZK_UNROLL
            for (int j = 0; j < COLS; j++)
                w[j] = vreinterpretq_f32_u32(vandq_u32(vld1q_u32(b + 4 * j),
                                                       vdupq_n_u32(0xffff0000)));
            add_products(c, a + ZK_STRIP_ROWS, w);
            a += 2 * ZK_STRIP_ROWS;
            b += ZK_PANEL_COLS;
        }
        end(c, t->c + col);
    }
}
