/* What works on [time, height, width, channels]: convolution, upsampling, and
 * reordering of axes. */

#include <string.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

/* Size of an axis after the convolution; 0 if the kernel does not fit. */
static int64_t conv_size(const struct zk_conv *a, int axis)
{
    const int64_t room = (int64_t)a->src.dim[axis] + a->before[axis] + a->after[axis] -
                         a->kernel[axis];
    return room < 0 ? 0 : room / a->stride[axis] + 1;
}

zk_status zk_check_conv(const struct zk_conv *a)
{
    const int32_t out = a->dst.dim[3];
    int64_t k = a->src.dim[3];
    zk_status st;

    if (!zk_act_known(a->act) || (unsigned)a->pad > ZK_PAD_EDGE)
        return ZK_E_ARGUMENT;
    for (int i = 0; i < 3; i++) {
        if (a->kernel[i] < 1 || a->stride[i] < 1 || a->before[i] < 0 || a->after[i] < 0)
            return ZK_E_ARGUMENT;
        if (a->src.dim[i] < 1 || a->dst.dim[i] != conv_size(a, i))
            return ZK_E_SHAPE;
        k *= a->kernel[i];
        if (k > INT32_MAX)
            return ZK_E_SHAPE;
    }
    if (a->src.dim[3] < 0 || !zk_is_dense(&a->dst) || !zk_is_dense(&a->src))
        return ZK_E_SHAPE;
    if ((st = zk_want_type(&a->dst, ZK_AS_OUT)) || (st = zk_want_type(&a->src, ZK_AS_IN)) ||
        (st = zk_want_data(&a->dst)) || (st = zk_want_data(&a->src)))
        return st;
    return ZK_WANT({ &a->weight, out, (int32_t)k, ZK_AS_ROWS },
                   { &a->bias, 1, out, ZK_AS_OPTIONAL_VECTOR });
}

/* Where a pixel is read, or -1 if it is zero padding. */
static int32_t padded(int64_t at, int32_t size, zk_pad pad)
{
    if (at >= 0 && at < size)
        return (int32_t)at;
    if (pad == ZK_PAD_ZERO)
        return -1;
    return at < 0 ? 0 : size - 1;
}

/* The offset of channel 0 of the pixel that tap (dt, dh, dw) of the kernel meets
 * for output (t, h, w); -1 if that is zero padding. */
static int64_t tap_at(const struct zk_conv *a, const int32_t *out, const int32_t *tap)
{
    int64_t at = 0;

    for (int i = 0; i < 3; i++) {
        const int32_t x = padded((int64_t)out[i] * a->stride[i] + tap[i] - a->before[i],
                                 a->src.dim[i], a->pad);
        if (x < 0)
            return -1;
        at = at * a->src.dim[i] + x;
    }
    return at * a->src.dim[3];
}

/* sum over channels and taps of src * weight[o], in the order of the checkpoint */
static float conv_sum(const struct zk_conv *a, const int32_t *out, int32_t o)
{
    const int32_t *kernel = a->kernel, cols = a->weight.dim[3];
    float ws[ZK_REF_CHUNK], sum = 0;
    int32_t k = 0, tap[3];

    for (int32_t c = 0; c < a->src.dim[3]; c++) {
        for (tap[0] = 0; tap[0] < kernel[0]; tap[0]++) {
            for (tap[1] = 0; tap[1] < kernel[1]; tap[1]++) {
                for (tap[2] = 0; tap[2] < kernel[2]; tap[2]++, k++) {
                    const int32_t left = cols - k;
                    if (k % ZK_REF_CHUNK == 0)
                        zk_row_f32(ws, &a->weight, o, k, left < ZK_REF_CHUNK ? left : ZK_REF_CHUNK);
                    const int64_t at = tap_at(a, out, tap);
                    if (at >= 0)
                        sum += zk_get_at(&a->src, at + c) * ws[k % ZK_REF_CHUNK];
                }
            }
        }
    }
    return sum;
}

/* dst[t][h][w][o] = act(conv_sum * scale + bias[o]) */
zk_status zk_ref_conv(zk_queue *q, const struct zk_conv *a)
{
    const zk_status st = zk_check_conv(a);
    int32_t out[3];
    int64_t to = 0;

    (void)q;
    if (st != ZK_OK)
        return st;
    if (a->weight.packing)
        return ZK_E_UNSUPPORTED;
    for (out[0] = 0; out[0] < a->dst.dim[0]; out[0]++) {
        for (out[1] = 0; out[1] < a->dst.dim[1]; out[1]++) {
            for (out[2] = 0; out[2] < a->dst.dim[2]; out[2]++) {
                for (int32_t o = 0; o < a->dst.dim[3]; o++) {
                    float x = conv_sum(a, out, o) * zk_scale_of(&a->weight);
                    if (zk_present(a->bias))
                        x += zk_get(&a->bias, 0, o);
                    zk_put_at(&a->dst, to++, zk_act_f32(a->act, x));
                }
            }
        }
    }
    return ZK_OK;
}

zk_status zk_check_upsample(const struct zk_upsample *a)
{
    const zk_tensor *d = &a->dst, *s = &a->src;
    const zk_dtype_info *info = zk_dtype_get(s->type);
    zk_status st;

    if (a->by[0] < 1 || a->by[1] < 1 || a->by[2] < 1 || a->single < 0)
        return ZK_E_ARGUMENT;
    if (!info || info->block != 1 || !zk_present(*s) || d->type != s->type)
        return ZK_E_UNSUPPORTED;
    if ((st = zk_want_data(d)) || (st = zk_want_data(s)))
        return st;
    if (a->single > s->dim[0] || d->dim[3] != s->dim[3] || !zk_is_dense(d) || !zk_is_dense(s) ||
        d->dim[0] != a->single + (int64_t)(s->dim[0] - a->single) * a->by[0] ||
        d->dim[1] != (int64_t)s->dim[1] * a->by[1] || d->dim[2] != (int64_t)s->dim[2] * a->by[2])
        return ZK_E_SHAPE;
    return ZK_OK;
}

/* Every pixel is a copy of the one that covers it. */
zk_status zk_ref_upsample(zk_queue *q, const struct zk_upsample *a)
{
    const zk_status st = zk_check_upsample(a);
    const zk_tensor *d = &a->dst, *s = &a->src;

    (void)q;
    if (st != ZK_OK)
        return st;
    const size_t bytes = (size_t)d->dim[3] * (size_t)zk_dtype_get(d->type)->bytes;
    char *to = d->data;
    if (bytes == 0)
        return ZK_OK;
    for (int32_t t = 0; t < d->dim[0]; t++) {
        const int64_t from_t = t < a->single ? t : a->single + (t - a->single) / a->by[0];
        for (int32_t h = 0; h < d->dim[1]; h++) {
            for (int32_t w = 0; w < d->dim[2]; w++, to += bytes) {
                const int64_t row = from_t * s->dim[1] + h / a->by[1];
                memcpy(to, zk_address(s, (row * s->dim[2] + w / a->by[2]) * s->dim[3]), bytes);
            }
        }
    }
    return ZK_OK;
}

/* Adds n * step to *sum, or fails. */
static bool add_product(int64_t *sum, int64_t n, int64_t step)
{
    if (n != 0 && (step > INT64_MAX / n || step < -(INT64_MAX / n)))
        return false;
    n *= step;
    if (n > 0 ? *sum > INT64_MAX - n : *sum < INT64_MIN - n)
        return false;
    *sum += n;
    return true;
}

zk_status zk_check_permute(const struct zk_permute *a)
{
    const zk_dtype_info *info = zk_dtype_get(a->src.type);
    int64_t count = 1, size = 1, lowest = 0, highest = 0, last = 0;
    zk_status st;

    if (!info || info->block != 1 || !zk_present(a->src) || a->dst.type != a->src.type)
        return ZK_E_UNSUPPORTED;
    if ((st = zk_want_data(&a->dst)) || (st = zk_want_data(&a->src)))
        return st;
    for (int i = 0; i < 4; i++) {
        if ((a->dst.dim[i] > 0 && size > INT64_MAX / a->dst.dim[i]) ||
            (a->src.dim[i] > 0 && !add_product(&last, a->src.dim[i] - 1, a->src.step[i])))
            return ZK_E_SHAPE;
        size *= a->dst.dim[i];
    }
    for (int i = 0; i < 6; i++) {
        if (a->dim[i] < 0 || (a->dim[i] > 0 && count > INT64_MAX / a->dim[i]))
            return ZK_E_SHAPE;
        count *= a->dim[i];
        if (a->dim[i] > 0 &&
            !add_product(a->step[i] < 0 ? &lowest : &highest, a->dim[i] - 1, a->step[i]))
            return ZK_E_SHAPE;
    }
    if (count != size || !zk_is_dense(&a->dst))
        return ZK_E_SHAPE;
    return count == 0 || (lowest >= 0 && highest <= last) ? ZK_OK : ZK_E_SHAPE;
}

/* dst[n] = src[sum of i[x] * step[x]] for the n-th combination of (i0 .. i5) */
zk_status zk_ref_permute(zk_queue *q, const struct zk_permute *a)
{
    const zk_status st = zk_check_permute(a);
    const int32_t *dim = a->dim;
    int32_t i[6] = { 0 };

    (void)q;
    if (st != ZK_OK)
        return st;
    const size_t bytes = (size_t)zk_dtype_get(a->dst.type)->bytes;
    char *to = a->dst.data;
    int64_t left = (int64_t)dim[0] * dim[1] * dim[2] * dim[3] * dim[4] * dim[5];
    for (; left > 0; left--, to += bytes) {
        int64_t from = 0;
        for (int x = 0; x < 6; x++)
            from += i[x] * a->step[x];
        memcpy(to, zk_address(&a->src, from), bytes);
        for (int x = 5; x >= 0 && ++i[x] == dim[x]; x--)
            i[x] = 0;
    }
    return ZK_OK;
}
