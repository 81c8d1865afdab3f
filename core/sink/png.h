/* PNG in memory: 8 or 16 bits of RGB with notes, for stills and contact sheets.
 *
 * Notes become text: "comment" is "parameters", where other programs look for what a
 * picture was made with; "xmp" is the XMP packet; others keep their names.
 *
 * Thread safety: pure functions. */
#ifndef ZC_PNG_H
#define ZC_PNG_H

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/sink/module.h"

typedef struct zc_png_desc {
    int width, height;
    int depth;                    /* 8 or 16 */
    enum zc_dither dither;
    const zc_note *notes;         /* NULL: none */
} zc_png_desc;

/* Appends the file to `to`; rgb as in module.h. ZC_E_NOMEM leaves `to` in part. */
zc_status zc_png_write(zc_str *to, zc_log *log, const zc_png_desc *desc, const float *rgb);

#endif
