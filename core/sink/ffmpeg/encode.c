/* Frames through filters and encoder into a film, a segment of one, or a picture. */

#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

#include "core/sink/ffmpeg/encoder.h"

zc_status zc_av_failed(zc_av_encoder *e, const char *what, int err)
{
    const zc_coder_host *host = e->host;

    if (e->io.st != ZC_OK)
        return e->io.st;
    host->say(host->user, 0, "%s in %s: %s: %s", e->codec->name, e->format->name, what,
              zc_av_why(err));
    return zc_av_status(err);
}

static void fill(zc_av_encoder *e, const zc_coder_desc *desc)
{
    e->host = desc->host;
    e->bytes = desc->bytes;
    e->options = desc->options;
    e->notes = desc->notes;
    e->name = desc->format;
    e->width = desc->width;
    e->height = desc->height;
    e->rate = desc->rate;
    e->segment = desc->segment;
    e->last_dts = INT64_MIN / 2;
}

zc_status zc_av_open(void **state, const zc_coder_desc *desc)
{
    const zc_coder_host *host = desc->host;
    zc_av_encoder *e = host->alloc(sizeof(*e));
    zc_status st = ZC_OK;

    zc_av_begin(host);
    *state = e;
    ZC_CODER_CHECK(e, ZC_E_NOMEM, "out of memory");
    fill(e, desc);
    ZC_TRY(zc_av_find(e));
    ZC_TRY(zc_av_setup(e));
done:
    zc_av_end();
    return st;
}

/* Encoders look at what stands behind short rows: the same frames give the same bytes only if
 * that is always the same. */
static void blank(AVFrame *f)
{
    for (int i = 0; i < AV_NUM_DATA_POINTERS && f->buf[i]; i++)
        memset(f->buf[i]->data, 0, f->buf[i]->size);
}

/* Some encoders (SVT-AV1 is one) can't be closed before they have seen a frame and the end. */
static void end_encoder(zc_av_encoder *e)
{
    AVFrame *f = e->filtered;

    if (!e->cc || !avcodec_is_open(e->cc) || e->ended)
        return;
    if (!e->fed) {
        av_frame_unref(f);
        f->format = e->cc->pix_fmt;
        f->width = e->cc->width;
        f->height = e->cc->height;
        f->pts = 0;
        if (av_frame_get_buffer(f, 0) < 0)
            return;
        blank(f);
        avcodec_send_frame(e->cc, f);
    }
    if (avcodec_send_frame(e->cc, NULL) < 0)
        return;
    while (avcodec_receive_packet(e->cc, e->packet) >= 0)
        av_packet_unref(e->packet);
}

void zc_av_close(void **state)
{
    zc_av_encoder *e = *state;

    *state = NULL;
    if (!e)
        return;
    zc_av_begin(e->host);
    end_encoder(e);
    avfilter_graph_free(&e->graph);
    avcodec_free_context(&e->cc);
    if (e->fc)
        zc_av_io_close(&e->fc->pb);
    avformat_free_context(e->fc);
    av_frame_free(&e->frame);
    av_frame_free(&e->filtered);
    av_packet_free(&e->packet);
    av_dict_free(&e->wishes);
    e->host->free(e->planes);
    e->host->free(e->work);
    zc_av_end();
    e->host->free(e);
}

/* ---- Trying ---- */

static zc_status write_nowhere(void *user, uint64_t offset, const void *src, size_t bytes)
{
    (void)user;
    (void)offset;
    (void)src;
    (void)bytes;
    return ZC_OK;
}

static uint64_t size_nowhere(void *user)
{
    (void)user;
    return 0;
}

/* Everything is opened once, so that no option turns out wrong after hours of work. */
zc_status zc_av_kind(const zc_coder_desc *desc, zc_sink_kind *kind)
{
    const zc_coder_host *host = desc->host;
    zc_av_encoder *e = host->alloc(sizeof(*e));
    zc_status st = ZC_OK;

    zc_av_begin(host);
    ZC_CODER_CHECK(e, ZC_E_NOMEM, "out of memory");
    fill(e, desc);
    e->dry = true;
    e->nowhere = (zc_bytes){ .write = write_nowhere, .size = size_nowhere, .name = "" };
    ZC_TRY(zc_av_find(e));
    ZC_TRY(zc_av_setup(e));
    *kind = zc_av_is_picture(e) ? ZC_SINK_FRAMES : zc_av_is_whole(e) ? ZC_SINK_WHOLE
                                                                     : ZC_SINK_FILM;
    host->say(host->user, 3, "%s in %s, %s, %s", e->codec->name, e->format->name,
              av_get_pix_fmt_name(e->pixel), e->form.full ? "full range" : "limited range");
done:
    zc_av_close((void **)&e);
    zc_av_end();
    return st;
}

/* ---- Packets ---- */

zc_status zc_av_mux(zc_av_encoder *e, AVPacket *packet)
{
    AVStream *stream = e->fc->streams[0];
    int err;

    if (packet->duration <= 0)
        packet->duration = 1;
    e->last_dts = packet->dts;
    av_packet_rescale_ts(packet, e->cc->time_base, stream->time_base);
    packet->stream_index = stream->index;
    err = av_interleaved_write_frame(e->fc, packet);
    if (err < 0 || e->io.st != ZC_OK)
        return zc_av_failed(e, "a frame can't be written", err);
    return ZC_OK;
}

static zc_status take_packets(zc_av_encoder *e)
{
    zc_status st = ZC_OK;
    int err;

    while ((err = avcodec_receive_packet(e->cc, e->packet)) >= 0) {
        if (e->packet->duration <= 0)
            e->packet->duration = 1;
        ZC_TRY(e->segment ? zc_av_segment_add(e, e->packet) : zc_av_mux(e, e->packet));
        av_packet_unref(e->packet);
    }
    if (err != AVERROR(EAGAIN) && err != AVERROR_EOF)
        st = zc_av_failed(e, "a frame can't be encoded", err);
done:
    av_packet_unref(e->packet);
    return st;
}

/* NULL ends the film. */
static zc_status encode(zc_av_encoder *e, AVFrame *frame)
{
    const int err = avcodec_send_frame(e->cc, frame);

    e->fed = true;
    e->ended = !frame;
    if (err < 0)
        return zc_av_failed(e, "a frame can't be encoded", err);
    return take_packets(e);
}

static zc_status filter(zc_av_encoder *e, AVFrame *frame)
{
    const AVRational from = av_buffersink_get_time_base(e->drain);
    zc_status st = ZC_OK;
    int err = av_buffersrc_add_frame_flags(e->source, frame, AV_BUFFERSRC_FLAG_KEEP_REF);

    if (err < 0)
        return zc_av_failed(e, "sink.filter fails", err);
    while ((err = av_buffersink_get_frame(e->drain, e->filtered)) >= 0) {
        e->filtered->pts = av_rescale_q(e->filtered->pts, from, e->cc->time_base);
        e->filtered->pict_type = AV_PICTURE_TYPE_NONE;
        st = encode(e, e->filtered);
        av_frame_unref(e->filtered);
        if (st != ZC_OK)
            return st;
    }
    if (err != AVERROR(EAGAIN) && err != AVERROR_EOF)
        return zc_av_failed(e, "sink.filter fails", err);
    return ZC_OK;
}

zc_status zc_av_write(void *state, const float *rgb)
{
    zc_av_encoder *e = state;
    const zc_coder_host *host = e->host;
    const size_t pixels = (size_t)e->width * (size_t)e->height;
    uint16_t *const plane[3] = { e->planes, e->planes + pixels, e->planes + 2 * pixels };
    zc_status st = ZC_OK;

    zc_av_begin(host);
    ZC_CODER_CHECK(!e->appended, ZC_E_ARGUMENT, "a film of segments takes no single frames");
    ZC_CODER_CHECK(av_frame_make_writable(e->frame) >= 0, ZC_E_NOMEM, "no memory for a frame");
    zc_pixels_pack(&e->form, plane, rgb, e->work);
    blank(e->frame);
    zc_av_store(e->frame, &e->form, plane);
    e->frame->pts = e->count++;
    ZC_TRY(e->graph ? filter(e, e->frame) : encode(e, e->frame));
done:
    zc_av_end();
    return st;
}

zc_status zc_av_finish(void *state)
{
    zc_av_encoder *e = state;
    zc_status st = ZC_OK;
    int err;

    zc_av_begin(e->host);
    if (!e->appended) {
        if (e->graph)
            ZC_TRY(filter(e, NULL));
        ZC_TRY(encode(e, NULL));
    }
    if (e->segment) {
        ZC_TRY(zc_av_segment_end(e));
    } else {
        err = av_write_trailer(e->fc);
        avio_flush(e->fc->pb);
        if (err < 0 || e->io.st != ZC_OK)
            st = zc_av_failed(e, "the film can't be finished", err);
    }
done:
    zc_av_end();
    return st;
}
