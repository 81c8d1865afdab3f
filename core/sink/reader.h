/* Frames from files: a film, one picture, numbered pictures, or a folder of them. What
 * a file is, its first bytes say, not its name. Y4M is read without anything
 * else; what the engine has no reader for takes the module of FFmpeg or OpenEXR.
 *
 * Frames are dense f32 RGB, [height, width, 3], the top row first, 0 for black and 1
 * for white, on sRGB's curve: a film's values stay as they are, and the light that an
 * EXR file holds is put on that curve. Alpha is left out.
 *
 * Thread safety: a reader belongs to one thread at a time. */
#ifndef ZC_READER_H
#define ZC_READER_H

#include "core/base/log.h"
#include "core/sink/module.h"

typedef struct zc_reader zc_reader;

/* `path` is a file, a pattern (sequence.h) of files that are there, or a folder whose files are
 * all pictures, in the order of their names. `modules` is as in zc_sink_desc. The log is borrowed
 * until close. */
zc_status zc_reader_open(zc_reader **out, zc_log *log, const char *path, const char *modules);
void      zc_reader_close(zc_reader **reader);

/* Borrowed from the reader. Of pictures, the first one's size, and the number of files. */
const zc_film_info *zc_reader_info(const zc_reader *reader);

/* The next frame into rgb, width * height * 3 values; *more is false behind the last. A picture
 * of another size is ZC_E_SHAPE. */
zc_status zc_reader_next(zc_reader *reader, float *rgb, bool *more);

#endif
