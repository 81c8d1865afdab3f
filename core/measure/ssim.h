/* Structural similarity of two 8-bit grey pictures: windows of 7 by 7 of equal
 * weight, sample covariance, K1 = 0.01, K2 = 0.03, range 255, the mean over all
 * windows that lie inside the picture.
 *
 * Thread safety: pure functions. */
#ifndef ZC_SSIM_H
#define ZC_SSIM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

#define ZC_SSIM_WINDOW 7

/* The grey value that OpenCV gives RGB bytes: 0.299 R + 0.587 G + 0.114 B in 15-bit
 * fixed point, rounded. */
void zc_grey_from_rgb(uint8_t *grey, const uint8_t *rgb, size_t pixels);

/* Dense pictures of `width` by `height`, each at least ZC_SSIM_WINDOW, else
 * ZC_E_ARGUMENT. */
zc_status zc_ssim(double *out, zc_log *log, const uint8_t *a, const uint8_t *b, int width,
                  int height);

#endif
