/* A film's frame in an image of a host: another size, other pixels, rows upwards.
 *
 * Thread safety: no state. */
#ifndef OPENFX_PICTURE_H
#define OPENFX_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "host-abi/openfx.h"
#include "plugin/openfx_film.h"

typedef struct fx_image {
    uint8_t   *data;              /* the pixel at (bounds.x1, bounds.y1) */
    int64_t    pitch;             /* bytes from a row to the one above it */
    ofx_rect_i bounds;
    int        format;            /* ZT_RGBA8 to ZT_RGBAF, also for RGB */
    int        channels;          /* 4, or 3: no alpha */
} fx_image;

/* How a film fills a frame of another size. */
enum fx_fit {
    FX_FIT_INSIDE,                /* whole; transparent beside it */
    FX_FIT_FILL,                  /* nothing beside it; what stands out is cut */
    FX_FIT_STRETCH,
    FX_FIT_NONE,                  /* not scaled; in the middle */
};

/* Where a film of that size stands in `frame`. aspect: width of a pixel of the frame
 * over its height; scale: pixels of the frame for one of the film, of FX_FIT_NONE. */
ofx_rect_d fx_place(const ofx_rect_d *frame, int width, int height, double aspect,
                    double scale, enum fx_fit fit);

/* Transparent black within the window, and nothing outside of it. */
void fx_clear(const fx_image *image, const ofx_rect_i *window);

/* Frame `index` at `place`, within the window; transparent black beside it. Where
 * film and place have the same pixels, they are the very ones of job_frame. linear:
 * what is written is light, not code values of sRGB. Returns a status of zoetrope.h. */
int32_t fx_draw(const fx_image *image, const ofx_rect_i *window, fx_film *film, int32_t index,
                const ofx_rect_d *place, bool linear);

#endif
