/* Decoded pictures to the pixel formats of hosts. */

#include <math.h>
#include <string.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

/* x in 0 .. 1 as an integer of 0 .. most; NaN is 0. */
static unsigned to_integer(float x, unsigned most)
{
    if (!(x > 0))
        return 0;
    return x < 1 ? (unsigned)rintf(x * (float)most) : most;
}

static void put_u8(void *dst, float x)
{
    *(uint8_t *)dst = (uint8_t)to_integer(x, UINT8_MAX);
}

static void put_u16(void *dst, float x)
{
    *(uint16_t *)dst = (uint16_t)to_integer(x, UINT16_MAX);
}

static void put_half(void *dst, float x)
{
    *(uint16_t *)dst = zk_f16_from_f32(x);
}

static void put_float(void *dst, float x)
{
    *(float *)dst = x;
}

static const struct format {
    int bytes;            /* of one component */
    void (*put)(void *dst, float x);
} formats[] = {
    [ZK_PIXEL_RGBA8]  = { 1, put_u8 },
    [ZK_PIXEL_RGBA16] = { 2, put_u16 },
    [ZK_PIXEL_RGBAH]  = { 2, put_half },
    [ZK_PIXEL_RGBAF]  = { 4, put_float },
};

zk_status zk_check_pixels(const struct zk_pixels *a)
{
    const zk_tensor *s = &a->src;

    if ((unsigned)a->format > ZK_PIXEL_RGBAF)
        return ZK_E_ARGUMENT;
    zk_status st = zk_want_type(s, ZK_AS_IN);
    if (st == ZK_OK)
        st = zk_want_data(s);
    if (st != ZK_OK)
        return st;
    if (s->dim[0] != 1 || s->dim[3] != 3 || s->step[3] != 1)
        return ZK_E_SHAPE;
    const int64_t bytes = formats[a->format].bytes, row = s->dim[2] * 4 * bytes;
    /* Any number may be here: the least of 64 bits has no opposite. */
    const uint64_t pitch = a->pitch < 0 ? 0 - (uint64_t)a->pitch : (uint64_t)a->pitch;
    if (s->dim[1] == 0 || s->dim[2] == 0)
        return ZK_OK;
    if (!a->dst || a->pitch % bytes != 0 || pitch > (uint64_t)(INT64_MAX / s->dim[1]) ||
        (s->dim[1] > 1 && pitch < (uint64_t)row))
        return ZK_E_ARGUMENT;
    return ZK_OK;
}

zk_status zk_ref_pixels(zk_queue *q, const struct zk_pixels *a)
{
    const zk_status st = zk_check_pixels(a);
    const zk_tensor *s = &a->src;

    (void)q;
    if (st != ZK_OK)
        return st;
    const struct format *f = &formats[a->format];
    for (int32_t y = 0; y < s->dim[1]; y++) {
        char *to = (char *)a->dst + y * a->pitch;
        for (int32_t x = 0; x < s->dim[2]; x++) {
            for (int c = 0; c < 4; c++, to += f->bytes) {
                const int64_t from = y * s->step[1] + x * s->step[2] + c;
                f->put(to, c < 3 ? zk_get_at(s, from) * 0.5f + 0.5f : 1);
            }
        }
    }
    return ZK_OK;
}
