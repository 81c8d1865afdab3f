/* What the files of this module share.
 *
 * Thread safety: one thread at a time for each state. */
#ifndef ZC_FFMPEG_H
#define ZC_FFMPEG_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "core/sink/pixels.h"

/* log.c: what the libraries say goes to `host` while one of our functions runs on this thread.
 * Every function of the coder begins and ends with these. */
void zc_av_begin(const zc_coder_host *host);
void zc_av_end(void);

/* "reason (what the library said)", for the message about a failed call; static to the thread. */
const char *zc_av_why(int err);

/* The code for such a failure. */
zc_status zc_av_status(int err);

/* io.c: a context that reads or writes `bytes`; owned. */
typedef struct zc_av_io {
    const zc_bytes *bytes;
    uint64_t position;
    zc_status st;                 /* first failure of bytes, which has been told already */
} zc_av_io;

int  zc_av_io_open(AVIOContext **pb, zc_av_io *io, const zc_bytes *bytes, int writing);
void zc_av_io_close(AVIOContext **pb);

/* pictures.c: frames of any pixel format that has whole bytes or words for its samples. */
bool zc_av_format_fits(enum AVPixelFormat format);
void zc_av_form(zc_pixel_form *form, enum AVPixelFormat format, int width, int height);
void zc_av_store(AVFrame *to, const zc_pixel_form *form, uint16_t *const plane[3]);
void zc_av_load(uint16_t *const plane[3], const zc_pixel_form *form, const AVFrame *from);

/* The encoder's format that fits the options best; AV_PIX_FMT_NONE if there is none. PAL8, which
 * only a filter can make, is the last resort. */
enum AVPixelFormat zc_av_choose(const AVCodec *codec, const struct zc_ffmpeg_options *o);

/* encode.c, decode.c */
zc_status zc_av_kind(const zc_coder_desc *desc, zc_sink_kind *kind);
zc_status zc_av_open(void **state, const zc_coder_desc *desc);
zc_status zc_av_write(void *state, const float *rgb);
zc_status zc_av_append(void *state, const zc_bytes *segment);
zc_status zc_av_finish(void *state);
void      zc_av_close(void **state);
zc_status zc_av_read_open(void **state, const zc_coder_desc *desc, zc_film_info *info);
zc_status zc_av_read_next(void *state, float *rgb, bool *more);
void      zc_av_read_close(void **state);

#endif
