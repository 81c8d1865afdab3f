/* From names and options to an encoder that is open and a film with its header. */

#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/avstring.h>
#include <libavutil/cpu.h>
#include <libavutil/opt.h>

#include "core/sink/ffmpeg/encoder.h"

/* One number everywhere, for with some encoders it changes the bytes. */
#define THREADS 4

/* What a palette is made with, one for each frame, so that frames stay independent. */
static const char palette_filter[] =
    "split[zc1][zc2];[zc1]palettegen=stats_mode=single:reserve_transparent=0[zc3];"
    "[zc2][zc3]paletteuse=new=1:dither=sierra2_4a";

/* Encoders in place of those that FFmpeg would take. */
static const struct { const char *format, *codec; } preferred[] = {
    { "webp", "libwebp" },        { "nut", "rawvideo" },      { "yuv4mpegpipe", "wrapped_avframe" },
};

/* What an encoder gets where the user says nothing: a long generation deserves a good copy. */
static const struct { const char *codec, *key, *value; } usual[] = {
    { "libx264", "crf", "16" },   { "libx264", "preset", "slow" },
    { "libx264rgb", "crf", "16" },
    { "libx265", "crf", "18" },
    { "libsvtav1", "crf", "24" }, { "libaom-av1", "crf", "20" },
    { "libaom-av1", "cpu-used", "6" },
    { "libvpx-vp9", "crf", "20" },{ "libvpx-vp9", "b", "0" },
    { "libwebp", "lossless", "1" },
    { "mjpeg", "qscale", "2" },   { "mpeg4", "qscale", "2" },
    { "ffv1", "level", "3" },     { "ffv1", "g", "1" },       { "ffv1", "slicecrc", "1" },
};

/* ---- Names ---- */

static zc_status find_format(zc_av_encoder *e)
{
    const zc_coder_host *host = e->host;
    const struct zc_ffmpeg_options *o = e->options;
    char name[40];
    zc_status st = ZC_OK;

    snprintf(name, sizeof(name), "x.%s", e->name);
    e->format = av_guess_format(*o->format ? o->format : NULL, *o->format ? NULL : name, NULL);
    if (*o->format)
        ZC_CODER_CHECK(e->format, ZC_E_MISSING, "sink.format: FFmpeg writes no '%s'", o->format);
    else
        ZC_CODER_CHECK(e->format, ZC_E_UNSUPPORTED,
                       "FFmpeg knows no format for '.%s'; say sink.format", e->name);
done:
    return st;
}

static zc_status find_codec(zc_av_encoder *e)
{
    const zc_coder_host *host = e->host;
    const struct zc_ffmpeg_options *o = e->options;
    const char *codec = o->codec;
    char name[40];
    zc_status st = ZC_OK;

    for (size_t i = 0; i < ZC_COUNT(preferred) && !*codec; i++) {
        if (strcmp(preferred[i].format, e->format->name) == 0 &&
            avcodec_find_encoder_by_name(preferred[i].codec))
            codec = preferred[i].codec;
    }
    if (*codec) {
        e->codec = avcodec_find_encoder_by_name(codec);
        ZC_CODER_CHECK(e->codec, ZC_E_MISSING, "sink.codec: FFmpeg has no encoder '%s'", codec);
    } else {
        snprintf(name, sizeof(name), "x.%s", e->name);
        const enum AVCodecID id = av_guess_codec(e->format, NULL, name, NULL, AVMEDIA_TYPE_VIDEO);
        e->codec = avcodec_find_encoder(id);
        ZC_CODER_CHECK(e->codec, ZC_E_UNSUPPORTED, "FFmpeg has no encoder for %s in %s; say "
                       "sink.codec", avcodec_get_name(id), e->format->name);
    }
    ZC_CODER_CHECK(e->codec->type == AVMEDIA_TYPE_VIDEO, ZC_E_UNSUPPORTED,
                   "sink.codec: '%s' encodes no pictures", e->codec->name);
done:
    return st;
}

bool zc_av_is_picture(const zc_av_encoder *e)
{
    return strncmp(e->format->name, "image2", 6) == 0;
}

bool zc_av_is_whole(const zc_av_encoder *e)
{
    static const char *const whole[] = { "gif", "apng", "webp" };

    for (size_t i = 0; i < ZC_COUNT(whole); i++) {
        if (strcmp(e->format->name, whole[i]) == 0)
            return true;
    }
    return false;
}

/* Options within an option, before the user's own. */
static void put_before(zc_av_encoder *e, const char *key, const char *value)
{
    const AVDictionaryEntry *old = av_dict_get(e->wishes, key, NULL, 0);
    char *all = av_asprintf("%s%s%s", value, old ? ":" : "", old ? old->value : "");

    if (all)
        av_dict_set(&e->wishes, key, all, AV_DICT_DONT_STRDUP_VAL);
}

/* x265 has a log of its own, on standard error. With mbtree and cutree, x265 and the AVX-512 code
 * of x264 depend on memory that they have not written: without them, the same frames give the
 * same bytes. */
static void add_more(zc_av_encoder *e)
{
    if (strcmp(e->codec->name, "libx265") == 0)
        put_before(e, "x265-params", "log-level=none:cutree=0");
    if (strncmp(e->codec->name, "libx264", 7) == 0 &&
        (av_get_cpu_flags() & AV_CPU_FLAG_AVX512))
        put_before(e, "x264-params", "asm=avx2");
}

zc_status zc_av_find(zc_av_encoder *e)
{
    const zc_coder_host *host = e->host;
    const struct zc_ffmpeg_options *o = e->options;
    zc_status st = ZC_OK;

    ZC_TRY(find_format(e));
    ZC_TRY(find_codec(e));
    if (*o->pixel) {
        e->pixel = av_get_pix_fmt(o->pixel);
        ZC_CODER_CHECK(e->pixel != AV_PIX_FMT_NONE && zc_av_format_fits(e->pixel), ZC_E_MISSING,
                       "sink.pixel: '%s' is no format that can be made here", o->pixel);
    } else {
        e->pixel = zc_av_choose(e->codec, o);
        ZC_CODER_CHECK(e->pixel != AV_PIX_FMT_NONE, ZC_E_UNSUPPORTED,
                       "the encoder %s takes no pixels of the kind that is asked for",
                       e->codec->name);
    }
    const int err = av_dict_parse_string(&e->wishes, o->options, "=", ":", 0);
    ZC_CODER_CHECK(err >= 0, ZC_E_ARGUMENT, "sink.options: expected KEY=VALUE:KEY=VALUE, found "
                   "'%s'", o->options);
    for (size_t i = 0; i < ZC_COUNT(usual); i++) {
        if (strcmp(usual[i].codec, e->codec->name) == 0)
            av_dict_set(&e->wishes, usual[i].key, usual[i].value, AV_DICT_DONT_OVERWRITE);
    }
    add_more(e);
done:
    return st;
}

/* ---- Colours ---- */

/* What the values of our frames mean, in the words of AVFrame and of AVCodecContext. */
struct colour {
    enum AVColorSpace space;
    enum AVColorTransferCharacteristic trc;
    enum AVColorRange range;
    enum AVChromaLocation location;
};

static struct colour colour_of(const zc_pixel_form *f)
{
    return (struct colour){
        .space = f->rgb ? AVCOL_SPC_RGB : f->bt601 ? AVCOL_SPC_BT470BG : AVCOL_SPC_BT709,
        .trc = f->rgb ? AVCOL_TRC_IEC61966_2_1 : AVCOL_TRC_BT709,
        .range = f->full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG,
        .location = f->chroma_w ? AVCHROMA_LOC_LEFT : AVCHROMA_LOC_UNSPECIFIED,
    };
}

/* ---- Frame and filters ---- */

static zc_status make_frame(zc_av_encoder *e)
{
    const zc_coder_host *host = e->host;
    const bool palette = e->pixel == AV_PIX_FMT_PAL8;
    zc_status st = ZC_OK;

    e->frame = av_frame_alloc();
    e->filtered = av_frame_alloc();
    e->packet = av_packet_alloc();
    ZC_CODER_CHECK(e->frame && e->filtered && e->packet, ZC_E_NOMEM, "out of memory");
    e->frame->format = palette ? AV_PIX_FMT_RGB24 : e->pixel;
    e->frame->width = e->width;
    e->frame->height = e->height;
    e->frame->sample_aspect_ratio = (AVRational){ 1, 1 };
    zc_av_form(&e->form, (enum AVPixelFormat)e->frame->format, e->width, e->height);
    /* These formats have no word for it: JPEG is of this matrix and range, WebP of the matrix. */
    if (!e->form.rgb && e->codec->id == AV_CODEC_ID_MJPEG)
        e->form.bt601 = e->form.full = true;
    else if (!e->form.rgb && e->codec->id == AV_CODEC_ID_WEBP)
        e->form.bt601 = true;
    else if (!e->form.rgb && e->options->range != ZC_RANGE_AUTO)
        e->form.full = e->options->range == ZC_RANGE_FULL;
    e->form.dither = (enum zc_dither)e->options->dither;
    const struct colour c = colour_of(&e->form);
    e->frame->colorspace = c.space;
    e->frame->color_trc = c.trc;
    e->frame->color_primaries = AVCOL_PRI_BT709;
    e->frame->color_range = c.range;
    e->frame->chroma_location = c.location;
    ZC_CODER_CHECK(av_frame_get_buffer(e->frame, 0) >= 0, ZC_E_NOMEM,
                   "no memory for a frame of %d by %d", e->width, e->height);
    const size_t pixels = (size_t)e->width * (size_t)e->height;
    e->planes = host->alloc(3 * pixels * sizeof(uint16_t));
    e->work = host->alloc(zc_pixels_work(&e->form) * sizeof(float));
    ZC_CODER_CHECK(e->planes && e->work, ZC_E_NOMEM, "no memory for a frame of %d by %d",
                   e->width, e->height);
done:
    return st;
}

#if LIBAVFILTER_VERSION_INT >= AV_VERSION_INT(10, 1, 100)
static void source_colours(AVBufferSrcParameters *p, const AVFrame *frame)
{
    p->color_space = frame->colorspace;
    p->color_range = frame->color_range;
}
#else
static void source_colours(AVBufferSrcParameters *p, const AVFrame *frame)
{
    (void)p;                              /* each frame says it */
    (void)frame;
}
#endif

static int make_source(zc_av_encoder *e)
{
    AVBufferSrcParameters *p = av_buffersrc_parameters_alloc();
    int err = AVERROR(ENOMEM);

    e->source = avfilter_graph_alloc_filter(e->graph, avfilter_get_by_name("buffer"), "in");
    if (p && e->source) {
        p->format = e->frame->format;
        p->time_base = (AVRational){ e->rate.den, e->rate.num };
        p->frame_rate = (AVRational){ e->rate.num, e->rate.den };
        p->width = e->width;
        p->height = e->height;
        p->sample_aspect_ratio = (AVRational){ 1, 1 };
        source_colours(p, e->frame);
        err = av_buffersrc_parameters_set(e->source, p);
    }
    av_free(p);
    return err < 0 ? err : avfilter_init_str(e->source, NULL);
}

/* Source, what the user wants, the encoder's format, drain. */
static zc_status make_graph(zc_av_encoder *e)
{
    const bool palette = e->pixel == AV_PIX_FMT_PAL8;
    const char *wanted = *e->options->filter ? e->options->filter : palette ? palette_filter : NULL;
    AVFilterInOut *in = NULL, *out = NULL;
    AVFilterContext *form = NULL;
    char args[64];
    int err = AVERROR(ENOMEM);

    if (!wanted)
        return ZC_OK;
    snprintf(args, sizeof(args), "pix_fmts=%s", av_get_pix_fmt_name(e->pixel));
    e->graph = avfilter_graph_alloc();
    if (!e->graph)
        goto done;
    e->graph->nb_threads = 1;
    if ((err = make_source(e)) < 0 ||
        (err = avfilter_graph_create_filter(&form, avfilter_get_by_name("format"), "form", args,
                                            NULL, e->graph)) < 0 ||
        (err = avfilter_graph_create_filter(&e->drain, avfilter_get_by_name("buffersink"), "out",
                                            NULL, NULL, e->graph)) < 0 ||
        (err = avfilter_link(form, 0, e->drain, 0)) < 0)
        goto done;
    in = avfilter_inout_alloc();
    out = avfilter_inout_alloc();
    err = AVERROR(ENOMEM);
    if (!in || !out)
        goto done;
    /* Seen from the graph: its input is linked to our source. */
    out->name = av_strdup("in");
    out->filter_ctx = e->source;
    in->name = av_strdup("out");
    in->filter_ctx = form;
    if (!in->name || !out->name)
        goto done;
    if ((err = avfilter_graph_parse_ptr(e->graph, wanted, &in, &out, NULL)) >= 0)
        err = avfilter_graph_config(e->graph, NULL);
done:
    avfilter_inout_free(&in);
    avfilter_inout_free(&out);
    return err < 0 ? zc_av_failed(e, "sink.filter can't be used", err) : ZC_OK;
}

/* ---- The encoder ---- */

static void describe(zc_av_encoder *e)
{
    AVCodecContext *c = e->cc;
    const struct colour colour = colour_of(&e->form);

    c->width = e->width;
    c->height = e->height;
    c->time_base = (AVRational){ e->rate.den, e->rate.num };
    c->framerate = (AVRational){ e->rate.num, e->rate.den };
    c->sample_aspect_ratio = (AVRational){ 1, 1 };
    if (e->graph) {
        c->width = av_buffersink_get_w(e->drain);
        c->height = av_buffersink_get_h(e->drain);
        c->sample_aspect_ratio = av_buffersink_get_sample_aspect_ratio(e->drain);
        const AVRational rate = av_buffersink_get_frame_rate(e->drain);
        if (rate.num > 0 && rate.den > 0) {
            c->framerate = rate;
            c->time_base = av_inv_q(rate);
        }
    }
    c->pix_fmt = e->pixel;
    c->color_primaries = AVCOL_PRI_BT709;
    c->color_trc = colour.trc;
    c->colorspace = colour.space;
    c->color_range = colour.range;
    c->chroma_sample_location = colour.location;
    c->thread_count = THREADS;
    c->flags |= AV_CODEC_FLAG_BITEXACT;
    if (e->format->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
}

/* "qscale", as the program ffmpeg knows it, is no option of the library. */
static void take_qscale(zc_av_encoder *e)
{
    const AVDictionaryEntry *q = av_dict_get(e->wishes, "qscale", NULL, 0);

    if (!q)
        return;
    e->cc->flags |= AV_CODEC_FLAG_QSCALE;
    e->cc->global_quality = FF_QP2LAMBDA * (int)strtol(q->value, NULL, 10);
    av_dict_set(&e->wishes, "qscale", NULL, 0);
}

static zc_status open_encoder(zc_av_encoder *e)
{
    const zc_coder_host *host = e->host;
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(e->cc = avcodec_alloc_context3(e->codec), ZC_E_NOMEM, "out of memory");
    describe(e);
    take_qscale(e);
    const int err = avcodec_open2(e->cc, e->codec, &e->wishes);
    if (err < 0)
        st = zc_av_failed(e, "the encoder can't be opened", err);
done:
    return st;
}

/* ---- The film ---- */

/* For moving the index to the front, a film is read again. */
static int open_again(AVFormatContext *fc, AVIOContext **pb, const char *url, int flags,
                      AVDictionary **options)
{
    zc_av_encoder *e = fc->opaque;
    zc_av_io *io;

    (void)url;
    (void)options;
    if (flags & AVIO_FLAG_WRITE)
        return AVERROR(EPERM);
    io = av_mallocz(sizeof(*io));
    if (!io)
        return AVERROR(ENOMEM);
    const int err = zc_av_io_open(pb, io, e->bytes, 0);
    if (err < 0)
        av_free(io);
    return err;
}

static int close_again(AVFormatContext *fc, AVIOContext *pb)
{
    (void)fc;
    if (pb) {
        av_free(pb->opaque);
        zc_av_io_close(&pb);
    }
    return 0;
}

#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(59, 16, 100)
static void set_close(AVFormatContext *fc)
{
    fc->io_close2 = close_again;
}
#else
static void close_older(AVFormatContext *fc, AVIOContext *pb)
{
    close_again(fc, pb);
}

static void set_close(AVFormatContext *fc)
{
    fc->io_close = close_older;
}
#endif

/* Containers name a few things of their own and take the rest as it is. */
static void add_tags(zc_av_encoder *e)
{
    for (const zc_note *n = e->notes; n && n->key; n++) {
        const bool packet = strcmp(n->key, "xmp") == 0;       /* a packet of XML is no tag */
        if (!packet)
            av_dict_set(&e->fc->metadata, strcmp(n->key, "software") == 0 ? "encoder" : n->key,
                        n->value, 0);
    }
}

static bool is_mov(const zc_av_encoder *e)
{
    static const char *const names[] = { "mp4", "mov", "ipod", "3gp", "ismv" };

    for (size_t i = 0; i < ZC_COUNT(names); i++) {
        if (strcmp(e->format->name, names[i]) == 0)
            return true;
    }
    return false;
}

static zc_status refuse_the_rest(zc_av_encoder *e)
{
    const zc_coder_host *host = e->host;
    const AVDictionaryEntry *left = av_dict_get(e->wishes, "", NULL, AV_DICT_IGNORE_SUFFIX);
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(!left, ZC_E_MISSING, "sink.options: neither the encoder %s nor the format %s "
                   "has an option '%s'", e->codec->name, e->format->name, left->key);
done:
    return st;
}

static zc_status open_film(zc_av_encoder *e)
{
    /* Frames of pictures come out bare; image2 itself would open files. */
    const char *format = zc_av_is_picture(e) ? "image2pipe" : e->format->name;
    AVStream *stream;
    int err = avformat_alloc_output_context2(&e->fc, NULL, format, NULL);

    if (err < 0)
        return zc_av_failed(e, "the film can't be begun", err);
    e->fc->opaque = e;
    e->fc->io_open = open_again;
    set_close(e->fc);
    e->fc->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
    if ((err = zc_av_io_open(&e->fc->pb, &e->io, e->dry ? &e->nowhere : e->bytes, 1)) < 0)
        return zc_av_failed(e, "the film can't be begun", err);
    stream = avformat_new_stream(e->fc, NULL);
    if (!stream)
        return zc_av_failed(e, "the film can't be begun", AVERROR(ENOMEM));
    if ((err = avcodec_parameters_from_context(stream->codecpar, e->cc)) < 0)
        return zc_av_failed(e, "the film can't be begun", err);
    stream->time_base = e->cc->time_base;
    stream->avg_frame_rate = e->cc->framerate;
    stream->sample_aspect_ratio = e->cc->sample_aspect_ratio;
    add_tags(e);
    if (is_mov(e))
        av_dict_set(&e->wishes, "movflags",
                    e->bytes && e->bytes->pipe ? "frag_keyframe+empty_moov+use_metadata_tags"
                                               : "faststart+use_metadata_tags",
                    AV_DICT_DONT_OVERWRITE);
    if (strcmp(e->format->name, "webp") == 0)
        av_dict_set(&e->wishes, "loop", "0", AV_DICT_DONT_OVERWRITE);
    if ((err = avformat_write_header(e->fc, &e->wishes)) < 0)
        return zc_av_failed(e, "the film can't be begun", err);
    e->open = true;
    return refuse_the_rest(e);
}

zc_status zc_av_setup(zc_av_encoder *e)
{
    zc_status st = ZC_OK;

    ZC_TRY(make_frame(e));
    ZC_TRY(make_graph(e));
    ZC_TRY(open_encoder(e));
    ZC_TRY(e->segment ? zc_av_segment_head(e) : open_film(e));
done:
    return st;
}
