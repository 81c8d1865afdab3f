/* Pictures of 8-bit RGBA, not premultiplied, rows without gaps: scaling, laying one
 * over another, and text. Integer arithmetic: no result depends on the processor's
 * rounding mode.
 *
 * Thread safety: no state. */
#ifndef FREI0R_PICTURE_H
#define FREI0R_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

/* How a film fills a picture of another size. */
enum fr_fit {
    FR_FIT_FILL,                  /* scaled to cover it; what stands out is cut, equally */
    FR_FIT_INSIDE,                /* scaled to be whole; transparent beside it */
    FR_FIT_STRETCH,               /* scaled to its width and height */
    FR_FIT_CROP,                  /* not scaled; its middle */
};
extern const char *const fr_fits[];                   /* names of the first three, then NULL */

/* False without memory. */
bool fr_fit(uint8_t *dst, int width, int height, const uint8_t *src, int src_width,
            int src_height, enum fr_fit fit);

/* How a film is laid onto a picture. */
enum fr_mode { FR_MODE_ALPHA, FR_MODE_SCREEN, FR_MODE_MULTIPLY, FR_MODE_DIFFERENCE, FR_MODE_MIX };
extern const char *const fr_modes[];                  /* in that order, then NULL */

/* dst may be `under`. amount: 0 leaves the picture, 255 is all of the film. */
void fr_lay(uint8_t *dst, const uint8_t *under, const uint8_t *film, int64_t pixels,
            enum fr_mode mode, int amount);

/* A dark picture with a text in it, as much as there is room for. */
void fr_slate(uint8_t *dst, int width, int height, const char *text);

#endif
