/* The state of one film or picture that is being encoded.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_FFMPEG_ENCODER_H
#define ZC_FFMPEG_ENCODER_H

#include <libavfilter/avfilter.h>

#include "core/sink/ffmpeg/ffmpeg.h"

typedef struct zc_av_encoder {
    const zc_coder_host *host;
    const zc_bytes *bytes;
    const struct zc_ffmpeg_options *options;
    const zc_note  *notes;
    const char     *name;         /* extension */
    int             width, height;
    zc_rate         rate;
    bool            segment;
    bool            dry;          /* nothing is written: options are tried */

    const AVOutputFormat *format;
    const AVCodec  *codec;
    enum AVPixelFormat pixel;     /* of the encoder */
    AVDictionary   *wishes;       /* options not used yet */
    zc_pixel_form   form;         /* of `frame` */
    uint16_t       *planes;
    float          *work;
    AVFrame        *frame, *filtered;
    AVFilterGraph  *graph;        /* NULL: frames go to the encoder as they are */
    AVFilterContext *source, *drain;
    AVCodecContext *cc;
    AVFormatContext *fc;          /* NULL in a segment */
    AVPacket       *packet;
    zc_av_io        io;
    zc_bytes        nowhere;      /* of a dry run */

    bool     open;                /* the header is written */
    bool     appended;
    bool     fed, ended;          /* the encoder has had a frame; has had its end */
    int64_t  count;               /* frames that came */
    int64_t  base, end;           /* of the segments so far, in the encoder's time base */
    int64_t  last_dts;
    uint64_t at;                  /* of the segment */
} zc_av_encoder;

/* setup.c: format and codec by name or extension; ZC_E_UNSUPPORTED or ZC_E_MISSING with a word. */
zc_status zc_av_find(zc_av_encoder *e);
bool      zc_av_is_picture(const zc_av_encoder *e);       /* a file for each frame */
bool      zc_av_is_whole(const zc_av_encoder *e);         /* no segments */

/* Frame, filter graph, encoder, and the film's header, in this order. */
zc_status zc_av_setup(zc_av_encoder *e);

/* segment.c: packets in a file of our own. */
zc_status zc_av_segment_head(zc_av_encoder *e);
zc_status zc_av_segment_add(zc_av_encoder *e, const AVPacket *packet);
zc_status zc_av_segment_end(zc_av_encoder *e);

/* encode.c: a packet in the encoder's time base, to the film. It is blank afterwards. */
zc_status zc_av_mux(zc_av_encoder *e, AVPacket *packet);

/* Says that `what` failed because of `err`, unless io has told it. */
zc_status zc_av_failed(zc_av_encoder *e, const char *what, int err);

#endif
