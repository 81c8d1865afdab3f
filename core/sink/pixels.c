/* Conversion of pixels, one plane of floats at a time: matrix, then fewer samples of
 * chroma, then rounding. */

#include <math.h>
#include <string.h>

#include "core/sink/pixels.h"

/* Shares of red and blue in Y'; green has the rest. */
static double red_of(const zc_pixel_form *f)
{
    return f->bt601 ? 0.299 : 0.2126;
}

static double blue_of(const zc_pixel_form *f)
{
    return f->bt601 ? 0.114 : 0.0722;
}

int zc_plane_width(const zc_pixel_form *f, int plane)
{
    return plane == 0 || f->rgb ? f->width : f->grey ? 0 : (f->width + f->chroma_w) >> f->chroma_w;
}

int zc_plane_height(const zc_pixel_form *f, int plane)
{
    return plane == 0 || f->rgb ? f->height
         : f->grey ? 0 : (f->height + f->chroma_h) >> f->chroma_h;
}

size_t zc_pixels_work(const zc_pixel_form *f)
{
    /* Three planes, and two rows of errors with a margin. */
    return 3 * (size_t)f->width * (size_t)f->height + 2 * ((size_t)f->width + 2);
}

/* Code value of a plane: base + scale * x. */
struct scale {
    float base, scale;
};

static struct scale scale_of(const zc_pixel_form *f, int plane)
{
    const float most = (float)((1 << f->depth) - 1);
    const float unit = (float)(1 << f->depth) / 256;      /* of an 8-bit step */

    if (f->rgb)
        return (struct scale){ 0, most };
    if (f->full)
        return (struct scale){ plane ? 128 * unit : 0, most };
    return plane ? (struct scale){ 128 * unit, 224 * unit }
                 : (struct scale){ 16 * unit, 219 * unit };
}

/* ---- To planes ---- */

static float clamp01(float x)
{
    return x > 0 ? (x < 1 ? x : 1) : 0;       /* NaN too */
}

static void split(const zc_pixel_form *f, float *const to[3], const float *rgb)
{
    const size_t count = (size_t)f->width * (size_t)f->height;
    const double kr = red_of(f), kb = blue_of(f), kg = 1 - kr - kb;

    for (size_t i = 0; i < count; i++, rgb += 3) {
        const float r = clamp01(rgb[0]), g = clamp01(rgb[1]), b = clamp01(rgb[2]);
        if (f->rgb) {
            to[0][i] = r;
            to[1][i] = g;
            to[2][i] = b;
        } else {
            const double y = kr * r + kg * g + kb * b;
            to[0][i] = (float)y;
            to[1][i] = (float)((b - y) / (2 * (1 - kb)));
            to[2][i] = (float)((r - y) / (2 * (1 - kr)));
        }
    }
}

/* Halves a plane in place; both directions at will. */
static void shrink(const zc_pixel_form *f, float *plane)
{
    const int w = f->width, h = f->height, nw = zc_plane_width(f, 1);

    for (int y = 0; y < h && f->chroma_w; y++) {
        float *row = plane + (size_t)y * (size_t)w;
        float left = row[0];                  /* of the pixel before, which may be overwritten */
        for (int i = 0; i < nw; i++) {
            const float centre = row[2 * i], right = 2 * i + 1 < w ? row[2 * i + 1] : centre;
            row[i] = 0.25f * left + 0.5f * centre + 0.25f * right;
            left = right;
        }
    }
    for (int y = 0; y < zc_plane_height(f, 1); y++) {
        const int from = f->chroma_h ? 2 * y : y;
        const float *a = plane + (size_t)from * (size_t)w;
        const float *b = f->chroma_h && from + 1 < h ? a + w : a;
        for (int i = 0; i < nw; i++)
            plane[(size_t)y * (size_t)nw + (size_t)i] = 0.5f * a[i] + 0.5f * b[i];
    }
}

static const uint8_t bayer[8][8] = {
    {  0, 32,  8, 40,  2, 34, 10, 42 }, { 48, 16, 56, 24, 50, 18, 58, 26 },
    { 12, 44,  4, 36, 14, 46,  6, 38 }, { 60, 28, 52, 20, 62, 30, 54, 22 },
    {  3, 35, 11, 43,  1, 33,  9, 41 }, { 51, 19, 59, 27, 49, 17, 57, 25 },
    { 15, 47,  7, 39, 13, 45,  5, 37 }, { 63, 31, 55, 23, 61, 29, 53, 21 },
};

static uint16_t within(float x, float most)
{
    return (uint16_t)(x > 0 ? (x < most ? x : most) : 0);
}

/* Errors go on to the right and to the row below, in Floyd's and Steinberg's shares. */
static void diffuse(uint16_t *to, const float *from, int w, int h, struct scale s, float most,
                    float *errors)
{
    float *now = errors + 1, *next = now + w + 2;

    memset(errors, 0, 2 * ((size_t)w + 2) * sizeof(float));
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++, to++, from++) {
            const float wanted = s.base + s.scale * *from + now[x];
            *to = within(rintf(wanted), most);
            const float error = wanted - (float)*to;
            now[x + 1] += error * 7 / 16;
            next[x - 1] += error * 3 / 16;
            next[x] += error * 5 / 16;
            next[x + 1] += error * 1 / 16;
        }
        float *swap = now;
        now = next;
        next = swap;
        memset(next - 1, 0, ((size_t)w + 2) * sizeof(float));
    }
}

static void round_plane(const zc_pixel_form *f, int plane, uint16_t *to, const float *from,
                        float *errors)
{
    const int w = zc_plane_width(f, plane), h = zc_plane_height(f, plane);
    const struct scale s = scale_of(f, plane);
    const float most = (float)((1 << f->depth) - 1);
    enum zc_dither dither = f->dither;

    if (dither == ZC_DITHER_AUTO)
        dither = f->rgb || f->depth >= 16 ? ZC_DITHER_NONE : ZC_DITHER_ORDERED;
    if (dither == ZC_DITHER_DIFFUSION) {
        diffuse(to, from, w, h, s, most, errors);
        return;
    }
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++, to++, from++) {
            const float wanted = s.base + s.scale * *from;
            *to = dither == ZC_DITHER_NONE
                ? within(rintf(wanted), most)
                : within(floorf(wanted + ((float)bayer[y & 7][x & 7] + 0.5f) / 64), most);
        }
    }
}

void zc_pixels_pack(const zc_pixel_form *f, uint16_t *const plane[3], const float *rgb,
                    float *work)
{
    const size_t count = (size_t)f->width * (size_t)f->height;
    float *const from[3] = { work, work + count, work + 2 * count };

    split(f, from, rgb);
    for (int i = 0; i < 3; i++) {
        if (i > 0 && !f->rgb && (f->chroma_w || f->chroma_h) && !f->grey)
            shrink(f, from[i]);
        round_plane(f, i, plane[i], from[i], work + 3 * count);
    }
}

/* ---- And back ---- */

/* Value of a chroma plane at a pixel of the whole picture, between its samples. */
static float chroma_at(const zc_pixel_form *f, const uint16_t *plane, int x, int y)
{
    const int w = zc_plane_width(f, 1), h = zc_plane_height(f, 1);
    int x0 = x, x1 = x, y0 = y, y1 = y;
    float fx = 0, fy = 0;

    if (f->chroma_w) {
        x0 = x / 2;
        x1 = x0 + 1 < w ? x0 + 1 : x0;
        fx = (x & 1) ? 0.5f : 0;
    }
    if (f->chroma_h) {                            /* y0 is the nearer row */
        y0 = y / 2;
        y1 = (y & 1) ? (y0 + 1 < h ? y0 + 1 : y0) : (y0 > 0 ? y0 - 1 : y0);
        fy = 0.25f;
    }
    const uint16_t *a = plane + (size_t)y0 * (size_t)w, *b = plane + (size_t)y1 * (size_t)w;
    return (1 - fy) * ((1 - fx) * a[x0] + fx * a[x1]) + fy * ((1 - fx) * b[x0] + fx * b[x1]);
}

void zc_pixels_unpack(const zc_pixel_form *f, float *rgb, const uint16_t *const plane[3])
{
    const double kr = red_of(f), kb = blue_of(f), kg = 1 - kr - kb;
    struct scale s[3];

    for (int i = 0; i < 3; i++)
        s[i] = scale_of(f, i);
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++, rgb += 3) {
            const size_t at = (size_t)y * (size_t)f->width + (size_t)x;
            float v[3] = { ((float)plane[0][at] - s[0].base) / s[0].scale };
            for (int i = 1; i < 3 && !f->grey; i++) {
                const float code = f->rgb ? (float)plane[i][at] : chroma_at(f, plane[i], x, y);
                v[i] = (code - s[i].base) / s[i].scale;
            }
            if (f->rgb) {
                memcpy(rgb, v, sizeof(v));
                continue;
            }
            const double r = v[0] + 2 * (1 - kr) * v[2], b = v[0] + 2 * (1 - kb) * v[1];
            rgb[0] = (float)r;
            rgb[1] = (float)((v[0] - kr * r - kb * b) / kg);
            rgb[2] = (float)b;
        }
    }
}
