/* The rows of the table, and the coders that are built in.
 *
 * Thread safety: constants. */
#ifndef ZC_SINK_ROWS_H
#define ZC_SINK_ROWS_H

#include "core/sink/sink.h"

extern const zc_sink_row zc_sink_exr, zc_sink_ffmpeg, zc_sink_png, zc_sink_raw, zc_sink_y4m;

#endif
