/* Pixel formats: which of an encoder's is best, and our planes in and out of frames. */

#include <string.h>

#include "core/sink/ffmpeg/ffmpeg.h"

/* What stands in a name though the description does not say it: other colours, or several samples
 * in one word. */
static const char *const odd[] = { "xyz", "x2", "xv30", "ya", "xv36", NULL };

bool zc_av_format_fits(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    int in_plane[4] = { 0 };

    if (!d || (d->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM |
                           AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER)))
        return false;
    for (int i = 0; odd[i]; i++) {
        if (strncmp(d->name, odd[i], strlen(odd[i])) == 0)
            return false;
    }
    for (int i = 0; i < d->nb_components; i++)
        in_plane[d->comp[i].plane]++;
    for (int i = 0; i < d->nb_components; i++) {
        const AVComponentDescriptor *c = &d->comp[i];
        const int bytes = c->depth + c->shift > 8 ? 2 : 1;
        if (c->depth < 8 || c->depth + c->shift > 16 || c->depth != d->comp[0].depth ||
            c->step < bytes * in_plane[c->plane])
            return false;
    }
    return d->log2_chroma_w <= 1 && d->log2_chroma_h <= d->log2_chroma_w &&
           (d->nb_components == 1 || d->nb_components >= 3);
}

static bool is_full(const AVPixFmtDescriptor *d)
{
    return strncmp(d->name, "yuvj", 4) == 0;
}

void zc_av_form(zc_pixel_form *form, enum AVPixelFormat format, int width, int height)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);

    *form = (zc_pixel_form){
        .width = width, .height = height, .depth = d->comp[0].depth,
        .rgb = (d->flags & AV_PIX_FMT_FLAG_RGB) != 0, .grey = d->nb_components == 1,
        .full = (d->flags & AV_PIX_FMT_FLAG_RGB) || is_full(d),
        .chroma_w = d->log2_chroma_w, .chroma_h = d->log2_chroma_h,
    };
}

/* ---- Samples ---- */

static uint8_t *sample_at(const AVFrame *f, const AVComponentDescriptor *c, int y)
{
    return f->data[c->plane] + (ptrdiff_t)y * f->linesize[c->plane] + c->offset;
}

static void store_component(AVFrame *to, const AVPixFmtDescriptor *d, int component, int width,
                            int height, const uint16_t *from)
{
    const AVComponentDescriptor *c = &d->comp[component];
    const int low = d->flags & AV_PIX_FMT_FLAG_BE ? 1 : 0;
    const uint16_t most = (uint16_t)((1u << c->depth) - 1);

    for (int y = 0; y < height; y++) {
        uint8_t *at = sample_at(to, c, y);
        for (int x = 0; x < width; x++, at += c->step) {
            const uint16_t v = (uint16_t)((from ? *from++ : most) << c->shift);
            if (c->depth + c->shift > 8) {
                at[low] = (uint8_t)v;
                at[1 - low] = (uint8_t)(v >> 8);
            } else {
                at[0] = (uint8_t)v;
            }
        }
    }
}

void zc_av_store(AVFrame *to, const zc_pixel_form *form, uint16_t *const plane[3])
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)to->format);

    for (int i = 0; i < d->nb_components && i < 3; i++)
        store_component(to, d, i, zc_plane_width(form, i), zc_plane_height(form, i), plane[i]);
    if (d->nb_components == 4)            /* opaque */
        store_component(to, d, 3, form->width, form->height, NULL);
}

void zc_av_load(uint16_t *const plane[3], const zc_pixel_form *form, const AVFrame *from)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)from->format);
    const int low = d->flags & AV_PIX_FMT_FLAG_BE ? 1 : 0;

    for (int i = 0; i < d->nb_components && i < 3; i++) {
        const AVComponentDescriptor *c = &d->comp[i];
        const unsigned most = (1u << c->depth) - 1;
        uint16_t *to = plane[i];
        for (int y = 0; y < zc_plane_height(form, i); y++) {
            const uint8_t *at = sample_at(from, c, y);
            for (int x = 0; x < zc_plane_width(form, i); x++, at += c->step) {
                const unsigned v = c->depth + c->shift > 8 ? (unsigned)(at[low] | at[1 - low] << 8)
                                                           : at[0];
                *to++ = (uint16_t)(v >> c->shift & most);
            }
        }
    }
}

/* ---- The choice ---- */

#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
static const enum AVPixelFormat *formats_of(const AVCodec *codec)
{
    const void *list = NULL;

    avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &list, NULL);
    return list;
}
#else
static const enum AVPixelFormat *formats_of(const AVCodec *codec)
{
    return codec->pix_fmts;
}
#endif

/* What an encoder is wanted to get: how deep, and with which colours. */
static void wish_of(const AVCodec *codec, const struct zc_ffmpeg_options *o, int *depth,
                    int *chroma)
{
    static const struct { enum AVCodecID id; int depth; } usual[] = {
        { AV_CODEC_ID_HEVC, 10 }, { AV_CODEC_ID_AV1, 10 }, { AV_CODEC_ID_FFV1, 16 },
    };
    const AVCodecDescriptor *d = avcodec_descriptor_get(codec->id);
    const int props = d ? d->props : 0;

    *depth = o->depth;
    for (size_t i = 0; i < ZC_COUNT(usual) && !*depth; i++)
        *depth = usual[i].id == codec->id ? usual[i].depth : 0;
    if (!*depth)
        *depth = 8;
    *chroma = o->chroma;
    if (*chroma == ZC_CHROMA_AUTO &&
        (!(props & AV_CODEC_PROP_LOSSY) || codec->id == AV_CODEC_ID_WEBP))
        *chroma = ZC_CHROMA_RGB;
    else if (*chroma == ZC_CHROMA_AUTO)
        *chroma = props & AV_CODEC_PROP_INTRA_ONLY ? ZC_CHROMA_444 : ZC_CHROMA_420;
}

static int chroma_of(const AVPixFmtDescriptor *d)
{
    return d->flags & AV_PIX_FMT_FLAG_RGB ? ZC_CHROMA_RGB
         : d->log2_chroma_h ? ZC_CHROMA_420
         : d->log2_chroma_w ? ZC_CHROMA_422 : ZC_CHROMA_444;
}

/* The smaller, the better; below 0: never. */
static int cost_of(enum AVPixelFormat format, const struct zc_ffmpeg_options *o, int depth,
                   int chroma)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    int cost = 0;

    if (!zc_av_format_fits(format) || d->nb_components < 3 ||
        (o->chroma != ZC_CHROMA_AUTO && chroma_of(d) != o->chroma))
        return -1;
    const int deeper = d->comp[0].depth - depth, richer = chroma_of(d) - chroma;
    cost += deeper >= 0 ? 10 * deeper : -200 * deeper;
    cost += richer >= 0 ? 100 * richer : -2000 * richer;
    cost += d->flags & AV_PIX_FMT_FLAG_ALPHA ? 5 : 0;
    cost += is_full(d) != (o->range == ZC_RANGE_FULL) && chroma_of(d) != ZC_CHROMA_RGB ? 3 : 0;
    cost += d->flags & AV_PIX_FMT_FLAG_PLANAR ? 0 : 1;
    return cost;
}

enum AVPixelFormat zc_av_choose(const AVCodec *codec, const struct zc_ffmpeg_options *o)
{
    const enum AVPixelFormat *list = formats_of(codec);
    enum AVPixelFormat best = AV_PIX_FMT_NONE;
    int depth, chroma, least = 0, has_palette = 0;

    wish_of(codec, o, &depth, &chroma);
    if (!list)                            /* it takes what it gets: bare pixels */
        return depth > 8 ? AV_PIX_FMT_RGB48LE : AV_PIX_FMT_RGB24;
    for (int i = 0; list[i] != AV_PIX_FMT_NONE; i++) {
        const int cost = cost_of(list[i], o, depth, chroma);
        has_palette |= list[i] == AV_PIX_FMT_PAL8;
        if (cost >= 0 && (best == AV_PIX_FMT_NONE || cost < least)) {
            best = list[i];
            least = cost;
        }
    }
    return best == AV_PIX_FMT_NONE && has_palette ? AV_PIX_FMT_PAL8 : best;
}
