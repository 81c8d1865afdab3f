/* Films and pictures to frames.
 *
 * Values are taken as they are, and the matrix is BT.709 unless the file names another:
 * what says nothing was probably made by us, or by somebody who didn't care. */

#include <string.h>

#include <libswscale/swscale.h>

#include "core/sink/ffmpeg/ffmpeg.h"

#define SIDE 65536                /* pixels a side may have */

struct decoder {
    const zc_coder_host *host;
    zc_av_io io;
    AVIOContext     *pb;
    AVFormatContext *fc;
    AVCodecContext  *cc;
    AVFrame  *frame, *plain;      /* plain: what is not taken as it is becomes gbrp16 */
    AVPacket *packet;
    struct SwsContext *sws;
    int       stream;
    int       width, height;
    uint16_t *planes;
    bool      drained;
};

static zc_status failed(struct decoder *d, const char *what, int err)
{
    const zc_coder_host *host = d->host;

    if (d->io.st != ZC_OK)
        return d->io.st;
    host->say(host->user, 0, "'%s': %s: %s", d->io.bytes->name, what, zc_av_why(err));
    return zc_av_status(err);
}

static zc_status open_input(struct decoder *d)
{
    const zc_coder_host *host = d->host;
    zc_status st = ZC_OK;
    int err;

    ZC_CODER_CHECK(d->fc = avformat_alloc_context(), ZC_E_NOMEM, "out of memory");
    d->fc->pb = d->pb;
    d->fc->flags |= AVFMT_FLAG_CUSTOM_IO;
    /* Lists of other files, and protocols, are not for us. */
    if ((err = av_opt_set(d->fc, "format_whitelist",
                          "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,nut,gif,apng,webp_pipe,"
                          "png_pipe,jpeg_pipe,tiff_pipe,exr_pipe,dpx_pipe,bmp_pipe,pam_pipe,"
                          "ppm_pipe,pgm_pipe,j2k_pipe,jpegxl_pipe,mpegts,mpeg,h264,hevc,ivf,flv,"
                          "yuv4mpegpipe,mxf,obu,m4v,mjpeg", 0)) < 0 ||
        (err = avformat_open_input(&d->fc, "", NULL, NULL)) < 0 ||
        (err = avformat_find_stream_info(d->fc, NULL)) < 0)
        return failed(d, "it can't be opened", err);
    d->stream = av_find_best_stream(d->fc, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    ZC_CODER_CHECK(d->stream >= 0, ZC_E_MISSING, "'%s' has no pictures in it", d->io.bytes->name);
done:
    return st;
}

static zc_status open_decoder(struct decoder *d)
{
    const zc_coder_host *host = d->host;
    const AVCodecParameters *par = d->fc->streams[d->stream]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    zc_status st = ZC_OK;
    int err;

    ZC_CODER_CHECK(codec, ZC_E_UNSUPPORTED, "'%s': FFmpeg has no decoder for %s",
                   d->io.bytes->name, avcodec_get_name(par->codec_id));
    ZC_CODER_CHECK(d->cc = avcodec_alloc_context3(codec), ZC_E_NOMEM, "out of memory");
    if ((err = avcodec_parameters_to_context(d->cc, par)) < 0)
        return failed(d, "it can't be decoded", err);
    d->cc->flags |= AV_CODEC_FLAG_BITEXACT;
    d->cc->err_recognition |= AV_EF_CRCCHECK;
    if ((err = avcodec_open2(d->cc, codec, NULL)) < 0)
        return failed(d, "it can't be decoded", err);
    ZC_CODER_CHECK(d->cc->width > 0 && d->cc->height > 0 && d->cc->width <= SIDE &&
                       d->cc->height <= SIDE,
                   ZC_E_LIMIT, "'%s' is of %d by %d pixels, expected 1 to %d", d->io.bytes->name,
                   d->cc->width, d->cc->height, SIDE);
    d->width = d->cc->width;
    d->height = d->cc->height;
done:
    return st;
}

zc_status zc_av_read_open(void **state, const zc_coder_desc *desc, zc_film_info *info)
{
    const zc_coder_host *host = desc->host;
    struct decoder *d = host->alloc(sizeof(*d));
    zc_status st = ZC_OK;
    int err;

    zc_av_begin(host);
    *state = d;
    ZC_CODER_CHECK(d, ZC_E_NOMEM, "out of memory");
    d->host = host;
    if ((err = zc_av_io_open(&d->pb, &d->io, desc->bytes, 0)) < 0) {
        st = failed(d, "it can't be opened", err);
        goto done;
    }
    ZC_TRY(open_input(d));
    ZC_TRY(open_decoder(d));
    d->frame = av_frame_alloc();
    d->plain = av_frame_alloc();
    d->packet = av_packet_alloc();
    d->planes = host->alloc(3 * (size_t)d->width * (size_t)d->height * sizeof(uint16_t));
    ZC_CODER_CHECK(d->frame && d->plain && d->packet && d->planes, ZC_E_NOMEM,
                   "no memory for a frame of %d by %d", d->width, d->height);
    AVStream *s = d->fc->streams[d->stream];
    const AVRational rate = av_guess_frame_rate(d->fc, s, NULL);
    const AVPixFmtDescriptor *f = av_pix_fmt_desc_get(d->cc->pix_fmt);
    *info = (zc_film_info){ .width = d->width, .height = d->height,
                            .frames = s->nb_frames > 0 ? s->nb_frames : -1,
                            .rate = { rate.num > 0 ? rate.num : 0, rate.num > 0 ? rate.den : 1 },
                            .depth = f ? f->comp[0].depth : 8 };
done:
    zc_av_end();
    return st;
}

void zc_av_read_close(void **state)
{
    struct decoder *d = *state;

    *state = NULL;
    if (!d)
        return;
    zc_av_begin(d->host);
    sws_freeContext(d->sws);
    avcodec_free_context(&d->cc);
    avformat_close_input(&d->fc);
    zc_av_io_close(&d->pb);
    av_frame_free(&d->frame);
    av_frame_free(&d->plain);
    av_packet_free(&d->packet);
    d->host->free(d->planes);
    zc_av_end();
    d->host->free(d);
}

/* The next frame of the decoder; *more is false at the end. */
static zc_status next_frame(struct decoder *d, bool *more)
{
    int err;

    for (;;) {
        err = avcodec_receive_frame(d->cc, d->frame);
        *more = err >= 0;
        if (err >= 0 || err == AVERROR_EOF)
            return ZC_OK;
        if (err != AVERROR(EAGAIN))
            return failed(d, "a frame can't be decoded", err);
        do {
            av_packet_unref(d->packet);
            err = av_read_frame(d->fc, d->packet);
        } while (err >= 0 && d->packet->stream_index != d->stream);
        if (err < 0 && err != AVERROR_EOF)
            return failed(d, "it can't be read on", err);
        err = avcodec_send_packet(d->cc, err < 0 ? NULL : d->packet);
        av_packet_unref(d->packet);
        if (err < 0 && err != AVERROR_EOF)
            return failed(d, "a frame can't be decoded", err);
    }
}

/* Palettes, floats and rare layouts, through the library's own conversion. */
static zc_status make_plain(struct decoder *d)
{
    const AVFrame *f = d->frame;

    d->plain->format = AV_PIX_FMT_GBRP16;
    d->plain->width = f->width;
    d->plain->height = f->height;
    d->sws = sws_getCachedContext(d->sws, f->width, f->height, (enum AVPixelFormat)f->format,
                                  f->width, f->height, AV_PIX_FMT_GBRP16,
                                  SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT |
                                      SWS_BITEXACT, NULL, NULL, NULL);
    if (!d->sws)
        return failed(d, "its pixels can't be converted", AVERROR(EINVAL));
    if (!d->plain->data[0] && av_frame_get_buffer(d->plain, 0) < 0)
        return failed(d, "its pixels can't be converted", AVERROR(ENOMEM));
    sws_scale(d->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height, d->plain->data,
              d->plain->linesize);
    return ZC_OK;
}

zc_status zc_av_read_next(void *state, float *rgb, bool *more)
{
    struct decoder *d = state;
    const zc_coder_host *host = d->host;
    const size_t pixels = (size_t)d->width * (size_t)d->height;
    uint16_t *const plane[3] = { d->planes, d->planes + pixels, d->planes + 2 * pixels };
    const AVFrame *from = d->frame;
    zc_pixel_form form;
    zc_status st = ZC_OK;

    zc_av_begin(host);
    ZC_TRY(next_frame(d, more));
    if (!*more)
        goto done;
    ZC_CODER_CHECK(from->width == d->width && from->height == d->height, ZC_E_SHAPE,
                   "'%s': a frame is of %d by %d, expected %d by %d", d->io.bytes->name,
                   from->width, from->height, d->width, d->height);
    ZC_CODER_CHECK(!(from->flags & AV_FRAME_FLAG_CORRUPT) && !from->decode_error_flags,
                   ZC_E_FORMAT, "'%s': a frame is damaged", d->io.bytes->name);
    if (!zc_av_format_fits((enum AVPixelFormat)from->format)) {
        ZC_TRY(make_plain(d));
        from = d->plain;
    }
    zc_av_form(&form, (enum AVPixelFormat)from->format, d->width, d->height);
    if (!form.rgb && d->frame->color_range == AVCOL_RANGE_JPEG)
        form.full = true;
    form.bt601 = d->frame->colorspace == AVCOL_SPC_BT470BG ||
                 d->frame->colorspace == AVCOL_SPC_SMPTE170M;
    zc_av_load(plane, &form, from);
    zc_pixels_unpack(&form, rgb, (const uint16_t *const *)plane);
    av_frame_unref(d->frame);
done:
    zc_av_end();
    return st;
}
