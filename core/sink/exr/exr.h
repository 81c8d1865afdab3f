/* What the files of this module share.
 *
 * An EXR file holds light: sRGB's curve, on which frames come, is undone here, exactly
 * and only here. 0 stays 0 and 1 stays 1; values above 1 follow the curve, values below 0
 * mirror it, so nothing is clamped. Primaries are those of BT.709, as of sRGB.
 *
 * Thread safety: one thread at a time for each state. */
#ifndef ZC_EXR_H
#define ZC_EXR_H

#include <OpenEXR/openexr.h>

#include "core/sink/module.h"

float zc_exr_light(float display);        /* of sRGB's curve; NaN is 0 */
float zc_exr_display(float light);        /* the reverse */

/* A file of the core's as OpenEXR reaches it. */
typedef struct zc_exr_stream {
    const zc_coder_host *host;
    const zc_bytes *bytes;
    zc_status st;                 /* first failure of bytes, which has been told already */
} zc_exr_stream;

exr_context_initializer_t zc_exr_initializer(zc_exr_stream *s);

/* Says what failed, unless `bytes` has; messages of the library went to the log before. */
zc_status zc_exr_failed(const zc_exr_stream *s, const char *what, exr_result_t result);

/* write.c, read.c */
zc_status zc_exr_kind(const zc_coder_desc *desc, zc_sink_kind *kind);
zc_status zc_exr_open(void **state, const zc_coder_desc *desc);
zc_status zc_exr_write(void *state, const float *rgb);
zc_status zc_exr_finish(void *state);
void      zc_exr_close(void **state);
zc_status zc_exr_read_open(void **state, const zc_coder_desc *desc, zc_film_info *info);
zc_status zc_exr_read_next(void *state, float *rgb, bool *more);
void      zc_exr_read_close(void **state);

#endif
