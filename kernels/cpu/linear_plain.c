/* The inner kernels of matrix products in plain C. */

#include "kernels/cpu/linear.h"
#include "kernels/ref/ref.h"

void zk_tile_f32_c(const struct zk_tile *t)
{
    for (int32_t i = 0; i < t->rows; i++) {
        const float *a = (const float *)t->a + i, *b = t->b;
        float *c = t->c + i * ZK_PANEL_COLS;
        float sum[ZK_PANEL_COLS];
        for (int j = 0; j < ZK_PANEL_COLS; j++)
            sum[j] = t->add ? c[j] : 0;
        for (int32_t k = 0; k < t->k; k++) {
            for (int j = 0; j < ZK_PANEL_COLS; j++)
                sum[j] += a[k * ZK_STRIP_ROWS] * b[k * ZK_PANEL_COLS + j];
        }
        for (int j = 0; j < ZK_PANEL_COLS; j++)
            c[j] = sum[j];
    }
}

void zk_tile_f32_bf16_c(const struct zk_tile *t)
{
    for (int32_t i = 0; i < t->rows; i++) {
        const float *a = (const float *)t->a + i;
        const uint16_t *b = t->b;
        float *c = t->c + i * ZK_PANEL_COLS;
        float sum[ZK_PANEL_COLS];
        for (int j = 0; j < ZK_PANEL_COLS; j++)
            sum[j] = t->add ? c[j] : 0;
        for (int32_t k = 0; k < t->k; k++) {
            const uint16_t *pairs = b + k / 2 * (2 * ZK_PANEL_COLS) + k % 2;
            for (int j = 0; j < ZK_PANEL_COLS; j++)
                sum[j] += a[k * ZK_STRIP_ROWS] * zk_f32_from_bf16(pairs[2 * j]);
        }
        for (int j = 0; j < ZK_PANEL_COLS; j++)
            c[j] = sum[j];
    }
}

static float load(zk_dtype type, const void *row, int32_t k)
{
    if (type == ZK_F32)
        return ((const float *)row)[k];
    if (type == ZK_BF16)
        return zk_f32_from_bf16(((const uint16_t *)row)[k]);
    return zk_f32_from_f16(((const uint16_t *)row)[k]);
}

void zk_columns_f32_c(const struct zk_columns *c)
{
    float *dst = c->dst;

    for (int32_t k = 0; k < c->padded; k++) {
        for (int i = 0; i < ZK_STRIP_ROWS; i++)
            dst[k * c->step + i] = k < c->k ? load(c->type, c->row[i], k) : 0;
    }
}

void zk_columns_bf16_c(const struct zk_columns *c)
{
    uint16_t *dst = c->dst;

    for (int32_t k = 0; k < c->padded; k++) {
        for (int i = 0; i < ZK_STRIP_ROWS; i++) {
            const float x = k < c->k ? load(c->type, c->row[i], k) : 0;
            dst[2 * (k / 2 * c->step + i) + k % 2] = zk_bf16_from_f32(x);
        }
    }
}

static void store(zk_dtype type, void *dst, int64_t i, float x)
{
    if (type == ZK_F32)
        ((float *)dst)[i] = x;
    else if (type == ZK_BF16)
        ((uint16_t *)dst)[i] = zk_bf16_from_f32(x);
    else
        ((uint16_t *)dst)[i] = zk_f16_from_f32(x);
}

void zk_finish_c(const struct zk_finish *f)
{
    for (int32_t i = 0; i < f->rows; i++) {
        for (int32_t j = 0; j < f->cols; j++) {
            const float x = f->c[i * ZK_PANEL_COLS + j] * f->scale + (f->bias ? f->bias[j] : 0);
            store(f->type, f->dst, i * f->dst_step + j, zk_act_f32(f->act, x));
        }
    }
}
