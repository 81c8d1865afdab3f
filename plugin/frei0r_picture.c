/* Scaling by a triangle as wide as the coarser of both grids, and blending. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/frei0r_picture.h"

enum { UNIT = 1 << 14 };          /* what the weights of a tap list add up to */

const char *const fr_fits[] = { "fill", "inside", "stretch", NULL };
const char *const fr_modes[] = { "alpha", "screen", "multiply", "difference", "mix", NULL };

/* What one output row or column is made of. */
typedef struct taps {
    int      first, count;
    int32_t *weight;
} taps;

/* The part [from, from + size) of an axis, as `count` samples of it. */
static taps *make_taps(int count, int samples, double from, double size)
{
    const double step = size / count, radius = step > 1.0 ? step : 1.0;
    const int most = (int)(2.0 * radius) + 2;
    taps *t = calloc((size_t)count, sizeof(*t) + (size_t)most * sizeof(int32_t));

    if (!t)
        return NULL;
    int32_t *weight = (int32_t *)(void *)(t + count);
    for (int i = 0; i < count; i++, weight += most) {
        const double at = from + (i + 0.5) * step - 0.5;
        int first = (int)ceil(at - radius), last = (int)floor(at + radius);
        double sum = 0.0;
        first = first < 0 ? 0 : first > samples - 1 ? samples - 1 : first;
        last = last < first ? first : last > samples - 1 ? samples - 1 : last;
        last = last > first + most - 1 ? first + most - 1 : last;
        for (int k = first; k <= last; k++)
            sum += fmax(1.0 - fabs(k - at) / radius, 1e-6);
        int32_t left = UNIT, heaviest = 0;
        for (int k = first; k <= last; k++) {
            const double w = fmax(1.0 - fabs(k - at) / radius, 1e-6) / sum;
            weight[k - first] = (int32_t)(w * UNIT + 0.5);
            left -= weight[k - first];
            if (weight[k - first] > weight[heaviest])
                heaviest = k - first;
        }
        weight[heaviest] += left;
        t[i] = (taps){ first, last - first + 1, weight };
    }
    return t;
}

/* Columns of one row, to 8.6 bits. */
static void scale_row(uint16_t *dst, const uint8_t *src, const taps *t, int width)
{
    for (int x = 0; x < width; x++, t++) {
        for (int c = 0; c < 4; c++) {
            int32_t sum = UNIT / 128;
            for (int k = 0; k < t->count; k++)
                sum += t->weight[k] * src[(t->first + k) * 4 + c];
            dst[x * 4 + c] = (uint16_t)(sum >> 8);
        }
    }
}

/* The part of src at from, of size, as the part of dst at to, of width x height. */
static bool scale(uint8_t *dst, int64_t dst_pitch, int width, int height, const uint8_t *src,
                  int src_width, int src_height, const double from[2], const double size[2])
{
    taps *across = make_taps(width, src_width, from[0], size[0]);
    taps *down = make_taps(height, src_height, from[1], size[1]);
    const size_t row = (size_t)width * 4;
    uint16_t *rows = calloc((size_t)src_height, row * sizeof(*rows));
    int done = 0;                 /* rows of src that are scaled */

    const bool ok = across && down && rows;
    for (int y = 0; ok && y < height; y++) {
        const taps *t = &down[y];
        for (done = done > t->first ? done : t->first; done < t->first + t->count; done++)
            scale_row(rows + row * (size_t)done, src + (size_t)done * (size_t)src_width * 4,
                      across, width);
        for (size_t i = 0; i < row; i++) {
            int64_t sum = (int64_t)UNIT << 5;
            for (int k = 0; k < t->count; k++)
                sum += (int64_t)t->weight[k] * rows[row * (size_t)(t->first + k) + i];
            const int64_t v = sum >> 20;
            dst[(int64_t)y * dst_pitch + (int64_t)i] = (uint8_t)(v > 255 ? 255 : v);
        }
    }
    free(rows);
    free(down);
    free(across);
    return ok;
}

/* The middle, unscaled; transparent where the film is smaller. */
static void crop(uint8_t *dst, int width, int height, const uint8_t *src, int src_width,
                 int src_height)
{
    const int w = width < src_width ? width : src_width;
    const int h = height < src_height ? height : src_height;
    const int x = (src_width - w) / 2, y = (src_height - h) / 2;
    const int to_x = (width - w) / 2, to_y = (height - h) / 2;

    if (w < width || h < height)
        memset(dst, 0, (size_t)width * (size_t)height * 4);
    for (int i = 0; i < h; i++)
        memcpy(dst + ((size_t)(to_y + i) * (size_t)width + (size_t)to_x) * 4,
               src + ((size_t)(y + i) * (size_t)src_width + (size_t)x) * 4, (size_t)w * 4);
}

bool fr_fit(uint8_t *dst, int width, int height, const uint8_t *src, int src_width,
            int src_height, enum fr_fit fit)
{
    const double sx = (double)width / src_width, sy = (double)height / src_height;
    double from[2] = { 0.0, 0.0 }, size[2] = { src_width, src_height };
    const int64_t pitch = (int64_t)width * 4;

    if (fit == FR_FIT_CROP || (width == src_width && height == src_height)) {
        crop(dst, width, height, src, src_width, src_height);
        return true;
    }
    if (fit == FR_FIT_INSIDE) {
        const double s = sx < sy ? sx : sy;
        int w = (int)(src_width * s + 0.5), h = (int)(src_height * s + 0.5);
        w = w < 1 ? 1 : w > width ? width : w;
        h = h < 1 ? 1 : h > height ? height : h;
        memset(dst, 0, (size_t)pitch * (size_t)height);
        dst += (int64_t)((height - h) / 2) * pitch + (int64_t)((width - w) / 2) * 4;
        return scale(dst, pitch, w, h, src, src_width, src_height, from, size);
    }
    if (fit == FR_FIT_FILL) {
        const double s = sx > sy ? sx : sy;
        size[0] = width / s;
        size[1] = height / s;
        from[0] = (src_width - size[0]) / 2;
        from[1] = (src_height - size[1]) / 2;
    }
    return scale(dst, pitch, width, height, src, src_width, src_height, from, size);
}

/* What a colour of the film makes of the colour below it. */
static uint32_t blend(enum fr_mode mode, uint32_t under, uint32_t film)
{
    switch (mode) {
    case FR_MODE_SCREEN:
        return 255 - ((255 - under) * (255 - film) + 127) / 255;
    case FR_MODE_MULTIPLY:
        return (under * film + 127) / 255;
    case FR_MODE_DIFFERENCE:
        return under > film ? under - film : film - under;
    default:
        return film;
    }
}

void fr_lay(uint8_t *dst, const uint8_t *under, const uint8_t *film, int64_t pixels,
            enum fr_mode mode, int amount)
{
    const uint32_t m = (uint32_t)amount;

    for (int64_t i = 0; i < pixels; i++, dst += 4, under += 4, film += 4) {
        const uint32_t below = under[3];
        const uint32_t above = (film[3] * m + 127) / 255;
        /* Shares of 255 * 255: the picture alone, the film alone, and both. */
        uint32_t picture, alone, both;
        if (mode == FR_MODE_MIX) {
            picture = below * (255 - m);
            alone = film[3] * m;
            both = 0;
        } else {
            picture = below * (255 - above);
            alone = above * (255 - below);
            both = above * below;
        }
        const uint32_t all = picture + alone + both;
        if (all == 0) {
            memmove(dst, under, 4);
            dst[3] = 0;
            continue;
        }
        for (int c = 0; c < 3; c++) {
            const uint32_t sum = picture * under[c] + alone * film[c] +
                                 both * blend(mode, under[c], film[c]);
            dst[c] = (uint8_t)((sum + all / 2) / all);
        }
        dst[3] = (uint8_t)((all + 127) / 255);
    }
}
