/* Pixels between f32 RGB and planes of whole numbers: R'G'B', or Y'CbCr of BT.709,
 * of 1 to 16 bits, limited or full range, with or without dithering.
 *
 * Chroma of fewer samples lies on the left of the pixels that share it, and between
 * their rows: siting "left", as films of 4:2:0 and 4:2:2 are expected to have it.
 * The same input gives the same planes everywhere.
 *
 * Thread safety: pure functions. */
#ifndef ZC_PIXELS_H
#define ZC_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sink/module.h"

typedef struct zc_pixel_form {
    int  width, height;
    bool rgb;                     /* planes are R, G, B; else Y, Cb, Cr */
    bool grey;                    /* there is only Y */
    bool full;                    /* range; RGB is always full */
    bool bt601;                   /* the older matrix, for what others have made */
    int  chroma_w, chroma_h;      /* 1: half as many samples that way, rounded up; else 0 */
    int  depth;                   /* bits, 1 to 16 */
    enum zc_dither dither;        /* AUTO: ORDERED for Y'CbCr below 16 bits, else NONE */
} zc_pixel_form;

/* Width and height of plane 0 to 2; 0 planes of a grey picture have no size. */
int zc_plane_width(const zc_pixel_form *f, int plane);
int zc_plane_height(const zc_pixel_form *f, int plane);

/* Floats of working memory that packing needs. */
size_t zc_pixels_work(const zc_pixel_form *f);

/* Dense planes from rgb [height, width, 3], which is clamped to 0 .. 1; NaN is 0. */
void zc_pixels_pack(const zc_pixel_form *f, uint16_t *const plane[3], const float *rgb,
                    float *work);

/* The reverse. Values of limited range may give RGB outside 0 .. 1. */
void zc_pixels_unpack(const zc_pixel_form *f, float *rgb, const uint16_t *const plane[3]);

#endif
