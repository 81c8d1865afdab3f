/* Frames that a job starts from, for models that make video of an image or of a
 * video: checked and converted when the job is started, kept until it is closed.
 *
 * Thread safety: constant once made. */
#ifndef ZC_INPUT_H
#define ZC_INPUT_H

#include <stdint.h>

#include "core/base/log.h"

typedef struct zc_input {
    int   width, height, frames;
    float pixels[];               /* RGB in -1 .. 1, top row first */
} zc_input;

/* Frames as a caller has them. */
typedef struct zc_input_desc {
    int         width, height, frames;
    int         format;           /* as in zc_picture: RGBA of 8 bit, 16 bit, half, float */
    int64_t     pitch;            /* bytes from a row to the one below */
    const void *const *data;      /* the top row of each frame */
} zc_input_desc;

/* A copy without alpha; free with zc_free. What is outside 0 .. 1 is kept, what is no number
 * refused by its place. Sizes are refused by name: they must be those of the job. */
zc_status zc_input_copy(zc_input **out, zc_log *log, const zc_input_desc *desc, int width,
                        int height, int frames);

#endif
