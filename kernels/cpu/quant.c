/* Panels of weights from rows of any type, and columns from rows.
 *
 * Types with a scale for every 32 elements and values of up to 8 bits keep both;
 * all others pass through f32. */

#include <string.h>

#include "kernels/cpu/quant.h"

/* What becomes of each type. Products of bf16 are exact for types of at most 8
 * significant bits; for those of 2 to 6 bits with scales the rounding is small
 * beside their steps. */
static const struct {
    bool bf16, q8;
} can[ZK_DTYPE_COUNT] = {
    [ZK_BF16] = { true, false },
    [ZK_F8_E4M3] = { true, false },
    [ZK_F8_E5M2] = { true, false },
    [ZK_I8] = { true, true },
    [ZK_Q8_0] = { false, true },
    [ZK_Q4_0] = { true, true },
    [ZK_Q4_1] = { true, false },
    [ZK_Q5_0] = { true, true },
    [ZK_Q5_1] = { true, false },
    [ZK_Q2_K] = { true, false },
    [ZK_Q3_K] = { true, false },
    [ZK_Q4_K] = { true, false },
    [ZK_Q5_K] = { true, false },
    [ZK_Q6_K] = { true, false },
};

bool zk_panel_can(zk_dtype type, enum zk_panel_form from, enum zk_panel_form to)
{
    if (from != ZK_PANEL_NONE)
        return from == to;
    return to == ZK_PANEL_Q8 ? can[type].q8 : can[type].bf16;
}

bool zk_panel_keeps(zk_dtype type, enum zk_panel_form form)
{
    switch (form) {
    case ZK_PANEL_F32:
        return type == ZK_F32;
    case ZK_PANEL_BF16:
        return type == ZK_BF16;
    case ZK_PANEL_Q8:
        return type == ZK_Q8_0 || type == ZK_I8;
    default:
        return false;
    }
}

static int64_t whole_blocks(int64_t k)
{
    return (k + ZK_Q8_BLOCK - 1) / ZK_Q8_BLOCK;
}

size_t zk_panel_bytes(enum zk_panel_form form, int32_t k)
{
    const size_t even = (size_t)k + (size_t)(k & 1), blocks = (size_t)whole_blocks(k);

    if (form == ZK_PANEL_Q8)
        return (blocks * (ZK_Q8_BLOCK + 2) * ZK_PANEL_COLS + 63) / 64 * 64;
    return even * ZK_PANEL_COLS * (form == ZK_PANEL_F32 ? 4 : 2);
}

struct zk_panel zk_panel_at(const void *packed, enum zk_panel_form form, int32_t k, int32_t panel,
                            int32_t from)
{
    const uint8_t *p = (const uint8_t *)packed + (size_t)panel * zk_panel_bytes(form, k);
    const size_t skip = (size_t)from * ZK_PANEL_COLS;

    if (form == ZK_PANEL_F32)
        return (struct zk_panel){ p + skip * 4, NULL };
    if (form == ZK_PANEL_BF16)
        return (struct zk_panel){ p + skip * 2, NULL };
    const uint8_t *scales = p + (size_t)whole_blocks(k) * ZK_Q8_BLOCK * ZK_PANEL_COLS;
    return (struct zk_panel){ p + skip, (const uint16_t *)(const void *)scales +
                                            skip / ZK_Q8_BLOCK };
}

/* The block at element k of an output; of the last one for those behind it. */
static const uint8_t *row_at(const zk_tensor *w, int32_t row, int32_t k)
{
    const zk_dtype_info *info = zk_dtype_get(w->type);
    const int32_t last = w->dim[2] - 1;
    const int64_t element = (row < last ? row : last) * w->step[2] + k;

    return (const uint8_t *)w->data + element / info->block * info->bytes;
}

/* 8 outputs through f32, a chunk at a time. */
static void columns_converted(const struct zk_cpu_linear *l, const zk_tensor *w,
                              enum zk_panel_form form, int32_t row, int32_t from, int32_t k,
                              uint32_t *dst)
{
    float rows[ZK_STRIP_ROWS][ZK_PANEL_CHUNK];

    for (int32_t at = 0; at < k; at += ZK_PANEL_CHUNK) {
        const int32_t left = w->dim[3] - from - at;
        const int32_t n = left < ZK_PANEL_CHUNK ? left : ZK_PANEL_CHUNK;
        struct zk_columns c = {
            .dst = dst + (size_t)(form == ZK_PANEL_F32 ? at : at / 2) * ZK_PANEL_COLS,
            .step = ZK_PANEL_COLS,
            .type = ZK_F32,
            .k = n,
            .padded = n + (n & 1),
        };
        for (int i = 0; i < ZK_STRIP_ROWS; i++) {
            l->to_f32[w->type](rows[i], row_at(w, row + i, from + at), (size_t)n);
            c.row[i] = rows[i];
        }
        (form == ZK_PANEL_F32 ? l->columns_f32 : l->columns_bf16)(&c);
    }
}

static void columns_direct(const struct zk_cpu_linear *l, const zk_tensor *w,
                           enum zk_panel_form form, int32_t row, int32_t from, int32_t k,
                           uint32_t *dst)
{
    const int32_t left = w->dim[3] - from;
    struct zk_columns c = {
        .dst = dst,
        .step = ZK_PANEL_COLS,
        .type = w->type,
        .k = left < k ? left : k,
        .padded = k + (k & 1),
    };

    for (int i = 0; i < ZK_STRIP_ROWS; i++)
        c.row[i] = row_at(w, row + i, from);
    (form == ZK_PANEL_F32 ? l->columns_f32 : l->columns_bf16)(&c);
}

/* The values of a block of 32 in 8 bits, and the f16 that they are multiplied by. */
static uint16_t bytes_of_block(uint8_t *q, zk_dtype type, const uint8_t *b, int32_t n)
{
    if (type == ZK_I8) {
        memcpy(q, b, (size_t)n);
        return 0x3c00;                /* 1 */
    }
    const uint16_t scale = (uint16_t)(b[0] | b[1] << 8);
    if (type == ZK_Q8_0) {
        memcpy(q, b + 2, ZK_Q8_BLOCK);
        return scale;
    }
    const uint8_t *nibbles = b + (type == ZK_Q4_0 ? 2 : 6);
    for (int i = 0; i < 16; i++) {
        q[i] = nibbles[i] & 15;
        q[i + 16] = nibbles[i] >> 4;
    }
    for (int i = 0; i < ZK_Q8_BLOCK; i++) {
        if (type == ZK_Q5_0)
            q[i] = (uint8_t)((q[i] | (b[2 + i / 8] >> i % 8 & 1) << 4) - 16);
        else
            q[i] = (uint8_t)(q[i] - 8);
    }
    return scale;
}

static void make_q8(const zk_tensor *w, int32_t panel, int32_t from, int32_t k, uint8_t *dst,
                    uint16_t *scale)
{
    const int32_t step = zk_dtype_get(w->type)->bytes * (w->type == ZK_I8 ? ZK_Q8_BLOCK : 1);

    for (int32_t j = 0; j < ZK_PANEL_COLS; j++) {
        const uint8_t *row = row_at(w, panel * ZK_PANEL_COLS + j, from);
        for (int32_t b = 0; b < whole_blocks(k); b++) {
            const int32_t left = w->dim[3] - from - b * ZK_Q8_BLOCK;
            uint8_t q[ZK_Q8_BLOCK] = { 0 };
            scale[b * ZK_PANEL_COLS + j] = bytes_of_block(q, w->type, row + (int64_t)b * step,
                                                          left < ZK_Q8_BLOCK ? left : ZK_Q8_BLOCK);
            for (int i = 0; i < ZK_Q8_BLOCK; i++)
                q[i] ^= 0x80;         /* w + 128 */
            for (int i = 0; i < ZK_Q8_BLOCK / 4; i++)
                memcpy(dst + ((size_t)(b * 8 + i) * ZK_PANEL_COLS + (size_t)j) * 4, q + 4 * i, 4);
        }
    }
}

/* Back from bytes to f32, when activations turn out not to be bf16. */
static void widen_q8(const struct zk_panel *from, int32_t k, float *dst)
{
    const uint8_t *q = from->data;

    for (int32_t i = 0; i < k; i++) {
        for (int32_t j = 0; j < ZK_PANEL_COLS; j++) {
            const float scale = zk_f32_from_f16(from->scale[i / ZK_Q8_BLOCK * ZK_PANEL_COLS + j]);
            const int value = q[((size_t)(i / 4) * ZK_PANEL_COLS + (size_t)j) * 4 + i % 4] - 128;
            dst[(size_t)i * ZK_PANEL_COLS + (size_t)j] = scale * (float)value;
        }
    }
}

struct zk_panel zk_panel_make(const struct zk_cpu_linear *l, const zk_tensor *weight,
                              enum zk_panel_form form, int32_t panel, int32_t from, int32_t k,
                              void *dst)
{
    const zk_dtype type = weight->type;
    const bool direct = type == ZK_F32 || type == ZK_BF16 || type == ZK_F16;
    const struct zk_panel made = zk_panel_at(dst, form, k, 0, 0);

    if (weight->packing == ZK_PANEL_Q8) {
        const struct zk_panel q8 = zk_panel_at(weight->data, ZK_PANEL_Q8, weight->dim[3], panel,
                                               from);
        widen_q8(&q8, k, dst);
    } else if (form == ZK_PANEL_Q8) {
        make_q8(weight, panel, from, k, dst, (uint16_t *)made.scale);
    } else {
        for (int32_t j = 0; j < ZK_PANEL_COLS; j += ZK_STRIP_ROWS)
            (direct ? columns_direct : columns_converted)(l, weight, form,
                                                          panel * ZK_PANEL_COLS + j, from, k,
                                                          (uint32_t *)dst + j);
    }
    return made;
}
