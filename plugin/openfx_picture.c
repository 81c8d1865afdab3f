/* Scaling by a triangle as wide as the larger of both pixels: linear between pixels
 * when enlarging, a mean of all when reducing, and exact where sizes are equal. */

#include <fenv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/openfx_picture.h"

static const size_t bytes_of[] = { [ZT_RGBA8] = 1, [ZT_RGBA16] = 2, [ZT_RGBAH] = 2,
                                   [ZT_RGBAF] = 4 };

ofx_rect_d fx_place(const ofx_rect_d *frame, int width, int height, double aspect,
                    double scale, enum fx_fit fit)
{
    const double w = frame->x2 - frame->x1, h = frame->y2 - frame->y1;
    const double across = w * aspect / width, down = h / height;
    double ratio = scale;

    if (fit == FX_FIT_STRETCH)
        return *frame;
    if (fit == FX_FIT_INSIDE)
        ratio = across < down ? across : down;
    if (fit == FX_FIT_FILL)
        ratio = across > down ? across : down;
    /* Whole pixels, so that a film of the frame's size stays as it is. */
    const double own_w = width * ratio / aspect, own_h = height * ratio;
    const double x = frame->x1 + floor((w - own_w) / 2 + 0.5);
    const double y = frame->y1 + floor((h - own_h) / 2 + 0.5);
    return (ofx_rect_d){ x, y, x + own_w, y + own_h };
}

static uint8_t *pixel_at(const fx_image *image, int x, int y)
{
    const int64_t pixel = (int64_t)bytes_of[image->format] * image->channels;

    return image->data + ((int64_t)y - image->bounds.y1) * image->pitch +
           ((int64_t)x - image->bounds.x1) * pixel;
}

/* What of the window is in the image. */
static ofx_rect_i visible(const fx_image *image, const ofx_rect_i *w)
{
    const ofx_rect_i *b = &image->bounds;
    ofx_rect_i r = { w->x1 > b->x1 ? w->x1 : b->x1, w->y1 > b->y1 ? w->y1 : b->y1,
                     w->x2 < b->x2 ? w->x2 : b->x2, w->y2 < b->y2 ? w->y2 : b->y2 };

    if (r.x2 <= r.x1 || r.y2 <= r.y1)
        r = (ofx_rect_i){ 0, 0, 0, 0 };
    return r;
}

void fx_clear(const fx_image *image, const ofx_rect_i *window)
{
    const ofx_rect_i r = visible(image, window);
    const size_t pixel = bytes_of[image->format] * (size_t)image->channels;

    for (int y = r.y1; y < r.y2; y++)
        memset(pixel_at(image, r.x1, y), 0, pixel * (size_t)((int64_t)r.x2 - r.x1));
}

/* To the nearest half, of two equally near to the even one. */
static uint16_t to_half(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    const uint32_t size = bits & 0x7fffffff;
    if (size > 0x7f800000)
        return sign | 0x7e00;
    if (size >= 0x477ff000)               /* 65520 and above */
        return sign | 0x7c00;
    if (size < 0x38800000) {              /* below 2^-14: steps of 2^-24 */
        const float steps = fabsf(value) * 16777216.0f;
        return sign | (uint16_t)nearbyintf(steps);
    }
    const uint32_t rounded = size + 0xfff + (size >> 13 & 1) - 0x38000000;
    return sign | (uint16_t)(rounded >> 13);
}

static double clamped(float value)
{
    return value > 0 ? (value < 1 ? (double)value : 1.0) : 0.0;
}

static void encode(uint8_t *to, const float *from, int channels, int format)
{
    for (int c = 0; c < channels; c++) {
        if (format == ZT_RGBA8) {
            to[c] = (uint8_t)lrint(clamped(from[c]) * 255);
        } else if (format == ZT_RGBAF) {
            memcpy(to + c * 4, from + c, 4);
        } else {
            const uint16_t v = format == ZT_RGBAH ? to_half(from[c])
                                                  : (uint16_t)lrint(clamped(from[c]) * 65535);
            memcpy(to + c * 2, &v, 2);
        }
    }
}

static void linearise(float *rgba, int64_t pixels)
{
    for (int64_t i = 0; i < pixels; i++) {
        for (int c = 0; c < 3; c++) {
            const float v = rgba[i * 4 + c];
            rgba[i * 4 + c] = v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f);
        }
    }
}

/* For positions [from, to) of the image: which pixels of the film, and how much. */
typedef struct taps {
    int    from, to, most;
    int   *first, *count;
    float *weight;                /* [to - from, most] */
} taps;

static void taps_free(taps *t)
{
    free(t->first);
    free(t->count);
    free(t->weight);
}

/* [low, high) is where the film's `size` pixels are; mirrored: its first at `high`. */
static bool taps_make(taps *t, int from, int to, double low, double high, int size,
                      bool mirrored)
{
    const double ratio = size / (high - low), reach = ratio > 1 ? ratio : 1;

    /* Those whose middle is within. */
    const double first = ceil(low - 0.5), last = ceil(high - 0.5);
    t->from = first > from ? (first < to ? (int)first : to) : from;
    t->to = last < to ? (last > t->from ? (int)last : t->from) : to;
    t->most = 2 * reach + 2 < size ? (int)(2 * reach + 2) : size;
    const size_t n = (size_t)((int64_t)t->to - t->from) + 1;
    t->first = calloc(n, sizeof(int));
    t->count = calloc(n, sizeof(int));
    t->weight = calloc(n * (size_t)t->most, sizeof(float));
    if (!t->first || !t->count || !t->weight)
        return false;
    for (int i = t->from; i < t->to; i++) {
        const double middle = i + 0.5;
        const double c = (mirrored ? high - middle : middle - low) * ratio;
        const double least = floor(c - reach - 0.5) + 1;
        const int at = least > 0 ? (int)least : 0, k = i - t->from;
        float *w = t->weight + (size_t)k * (size_t)t->most;
        double sum = 0;
        int n_taps = 0;
        for (int j = at; j < size && n_taps < t->most; j++, n_taps++) {
            const double part = 1 - fabs(j + 0.5 - c) / reach;
            if (part <= 0)
                break;
            w[n_taps] = (float)part;
            sum += part;
        }
        for (int j = 0; j < n_taps; j++)
            w[j] = (float)(w[j] / sum);
        t->first[k] = at;
        t->count[k] = n_taps;
    }
    return true;
}

/* sum over the taps of rows of floats, `step` floats apart. */
static void weigh(float *to, int n, const float *from, int64_t step, const float *w, int count)
{
    memset(to, 0, sizeof(float) * (size_t)n);
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < n; i++)
            to[i] += w[k] * from[k * step + i];
    }
}

static int32_t draw_scaled(const fx_image *image, const ofx_rect_i *r, const float *film,
                           int width, int height, const ofx_rect_d *place)
{
    const size_t pixel = bytes_of[image->format] * (size_t)image->channels;
    float *row = malloc(sizeof(float) * 4 * (size_t)width);
    taps across = { 0 }, down = { 0 };
    float one[4];

    const bool ok = row &&
                    taps_make(&across, r->x1, r->x2, place->x1, place->x2, width, false) &&
                    taps_make(&down, r->y1, r->y2, place->y1, place->y2, height, true);
    for (int y = down.from; ok && y < down.to; y++) {
        const int ky = y - down.from;
        weigh(row, width * 4, film + (int64_t)down.first[ky] * width * 4, (int64_t)width * 4,
              down.weight + (size_t)ky * (size_t)down.most, down.count[ky]);
        uint8_t *to = pixel_at(image, across.from, y);
        for (int x = across.from; x < across.to; x++, to += pixel) {
            const int kx = x - across.from;
            weigh(one, 4, row + (int64_t)across.first[kx] * 4, 4,
                  across.weight + (size_t)kx * (size_t)across.most, across.count[kx]);
            encode(to, one, image->channels, image->format);
        }
    }
    taps_free(&across);
    taps_free(&down);
    free(row);
    return ok ? ZT_OK : ZT_E_NOMEM;
}

/* The film's pixels as they are: at (x1, y1 .. y1 + height) of the image. */
static void draw_exact(const fx_image *image, const ofx_rect_i *r, const uint8_t *film,
                       int width, int height, int x1, int y1)
{
    const size_t value = bytes_of[image->format], pixel = value * (size_t)image->channels;
    const int from = r->x1 > x1 ? r->x1 : x1, to = r->x2 < x1 + width ? r->x2 : x1 + width;

    for (int y = r->y1 > y1 ? r->y1 : y1; y < r->y2 && y < y1 + height && from < to; y++) {
        const int64_t line = (int64_t)y1 + height - 1 - y;
        const uint8_t *src = film + (line * width + (from - x1)) * 4 * (int64_t)value;
        uint8_t *dst = pixel_at(image, from, y);
        for (int x = from; x < to; x++, dst += pixel, src += 4 * value)
            memcpy(dst, src, pixel);
    }
}

static bool is_exact(const ofx_rect_d *p, int width, int height)
{
    return floor(p->x1) == p->x1 && floor(p->y1) == p->y1 && p->x2 - p->x1 == width &&
           p->y2 - p->y1 == height && fabs(p->x1) < 1e9 && fabs(p->y1) < 1e9;
}

int32_t fx_draw(const fx_image *image, const ofx_rect_i *window, fx_film *film, int32_t index,
                const ofx_rect_d *place, bool linear)
{
    const zt_job_info info = fx_film_info(film);
    const ofx_rect_i r = visible(image, window);
    const bool exact = !linear && is_exact(place, info.width, info.height);
    zt_frame frame = { .size = sizeof(frame), .format = exact ? image->format : ZT_RGBAF };
    fenv_t env;

    fx_clear(image, window);
    const bool is_there = place->x2 - place->x1 > 1e-3 && place->y2 - place->y1 > 1e-3 &&
                          fabs(place->x1) + fabs(place->x2) < 1e9 &&
                          fabs(place->y1) + fabs(place->y2) < 1e9;
    if (r.x1 == r.x2 || !is_there)
        return ZT_OK;
    frame.pitch = (int64_t)info.width * 4 * (int64_t)bytes_of[frame.format];
    frame.data = malloc((size_t)frame.pitch * (size_t)info.height);
    if (!frame.data)
        return ZT_E_NOMEM;
    int32_t st = fx_film_frame(film, index, &frame);
    /* The host's thread may round in any way. */
    fegetenv(&env);
    fesetenv(FE_DFL_ENV);
    if (st == ZT_OK && exact) {
        draw_exact(image, &r, frame.data, info.width, info.height, (int)place->x1,
                   (int)place->y1);
    } else if (st == ZT_OK) {
        if (linear)
            linearise(frame.data, (int64_t)info.width * info.height);
        st = draw_scaled(image, &r, frame.data, info.width, info.height, place);
    }
    fesetenv(&env);
    free(frame.data);
    return st;
}
