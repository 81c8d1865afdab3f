/* Copies frames of any of the four formats to numbers. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/size.h"
#include "core/input.h"
#include "kernels/dtype.h"

static float get_8(const char *from)
{
    return (float)(uint8_t)*from * (1.0f / 255.0f);
}

static float get_16(const char *from)
{
    uint16_t x;

    memcpy(&x, from, sizeof(x));
    return (float)x * (1.0f / 65535.0f);
}

static float get_half(const char *from)
{
    uint16_t x;

    memcpy(&x, from, sizeof(x));
    return zk_f32_from_f16(x);
}

static float get_float(const char *from)
{
    float x;

    memcpy(&x, from, sizeof(x));
    return x;
}

static const struct {
    float (*get)(const char *from);
    int   bytes;                  /* of one value */
} formats[] = { { get_8, 1 }, { get_16, 2 }, { get_half, 2 }, { get_float, 4 } };

static zc_status check(zc_log *log, const zc_input_desc *d, int width, int height, int frames)
{
    zc_status st = ZC_OK;

    ZC_CHECK(d->format >= 0 && d->format < (int)ZC_COUNT(formats), ZC_E_ARGUMENT,
             "input: format %d, expected 0 to %d", d->format, (int)ZC_COUNT(formats) - 1);
    ZC_CHECK(d->width == width && d->height == height, ZC_E_ARGUMENT,
             "input: frames of %d by %d, expected those of the job, %d by %d", d->width, d->height,
             width, height);
    ZC_CHECK(d->frames >= 1 && d->frames <= frames, ZC_E_ARGUMENT,
             "input: %d frames, expected 1 to the job's %d", d->frames, frames);
    const int64_t row = (int64_t)width * 4 * formats[d->format].bytes;
    const int64_t most = INT32_MAX;
    ZC_CHECK((d->pitch >= row && d->pitch <= most) || (d->pitch <= -row && d->pitch >= -most),
             ZC_E_ARGUMENT, "input: a pitch of %lld bytes, expected %lld to %lld, or its negative",
             (long long)d->pitch, (long long)row, (long long)most);
    ZC_CHECK(d->data, ZC_E_ARGUMENT, "input: %d frames, but no data", d->frames);
    for (int i = 0; i < d->frames; i++)
        ZC_CHECK(d->data[i], ZC_E_ARGUMENT, "input: frame %d has no data", i);
done:
    return st;
}

static zc_status copy_frame(float *to, zc_log *log, const zc_input_desc *d, int frame)
{
    zc_status st = ZC_OK;
    const int bytes = formats[d->format].bytes;

    for (int y = 0; y < d->height; y++) {
        const char *from = (const char *)d->data[frame] + y * d->pitch;
        for (int x = 0; x < d->width; x++, from += 4 * bytes) {
            for (int c = 0; c < 3; c++) {
                const float value = formats[d->format].get(from + c * bytes);
                ZC_CHECK(isfinite(value), ZC_E_ARGUMENT,
                         "input: frame %d at %d, %d: a value is no finite number", frame, x, y);
                *to++ = value * 2.0f - 1.0f;
            }
        }
    }
done:
    return st;
}

zc_status zc_input_copy(zc_input **out, zc_log *log, const zc_input_desc *d, int width,
                        int height, int frames)
{
    zc_status st = ZC_OK;
    zc_input *in = NULL;
    const size_t values = (size_t)width * (size_t)height * 3;
    size_t bytes = 0;

    *out = NULL;
    ZC_TRY(check(log, d, width, height, frames));
    ZC_CHECK(zc_size_mul(&bytes, values * sizeof(float), (size_t)d->frames) &&
                 zc_size_add(&bytes, bytes, sizeof(*in)) && (in = zc_alloc(bytes)),
             ZC_E_NOMEM, "input: no memory for %d frames of %d by %d", d->frames, width, height);
    in->width = width;
    in->height = height;
    in->frames = d->frames;
    for (int i = 0; i < d->frames; i++)
        ZC_TRY(copy_frame(in->pixels + (size_t)i * values, log, d, i));
    *out = in;
    in = NULL;
done:
    zc_free(in);
    return st;
}
