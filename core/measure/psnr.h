/* Peak signal to noise ratio, in dB. Two equal inputs give infinity.
 *
 * Tables of some papers on caching were made with a script that squares the
 * difference of two unsigned bytes in bytes, so that the square wraps at 256. That
 * number can't fall much below 27.9 dB, however bad the match. It is here under
 * its own name, to be compared with those tables and with nothing else.
 *
 * Thread safety: pure functions. */
#ifndef ZC_PSNR_H
#define ZC_PSNR_H

#include <stddef.h>
#include <stdint.h>

/* 10 log10(255^2 / mean (a - b)^2); count is at least 1, here as below. */
double zc_psnr(const uint8_t *a, const uint8_t *b, size_t count);

/* 10 log10(255^2 / mean ((a - b)^2 mod 256)) */
double zc_psnr_u8wrap(const uint8_t *a, const uint8_t *b, size_t count);

/* 10 log10(peak^2 / mean (a - b)^2), for pixels in float and for latents. */
double zc_psnr_f32(const float *a, const float *b, size_t count, double peak);

#endif
