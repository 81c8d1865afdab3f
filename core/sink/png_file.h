/* What the writer and the reader of PNG share.
 *
 * Thread safety: as module.h says of coders; the rest are pure functions. */
#ifndef ZC_PNG_FILE_H
#define ZC_PNG_FILE_H

#include "core/sink/module.h"

extern const uint8_t zc_png_signature[8];

uint32_t zc_png_crc(uint32_t crc, const void *data, size_t bytes);      /* begins with 0 */
uint8_t  zc_png_paeth(int left, int up, int corner);

/* The reading half of the coder: all types of pixels, but nothing interlaced. */
zc_status zc_png_read_open(void **state, const zc_coder_desc *desc, zc_film_info *info);
zc_status zc_png_read_next(void *state, float *rgb, bool *more);
void      zc_png_read_close(void **state);

#endif
