/* Sinks whose coders are modules: their options are known without them. */

#include "core/sink/rows.h"

static const char *const chromas[] = { "auto", "420", "422", "444", "rgb", NULL };
static const char *const ranges[] = { "auto", "limited", "full", NULL };
static const char *const dithers[] = { "auto", "none", "ordered", "diffusion", NULL };
static const char *const types[] = { "half", "float", NULL };
static const char *const compressions[] = { "none", "rle", "zips", "zip", "piz", "pxr24", "b44",
                                            "b44a", "dwaa", "dwab", NULL };

typedef struct zc_ffmpeg_options ffmpeg;
typedef struct zc_exr_options exr;

static const zc_opt ffmpeg_opts[] = {
    ZC_OPT_STR(ffmpeg, codec, "", "an encoder of FFmpeg; none: the format's own"),
    ZC_OPT_STR(ffmpeg, format, "", "a format of FFmpeg; none: by the name's extension"),
    ZC_OPT_STR(ffmpeg, options, "", "of encoder and format, as KEY=VALUE:KEY=VALUE"),
    ZC_OPT_STR(ffmpeg, filter, "", "a graph of FFmpeg's filters before the encoder"),
    ZC_OPT_STR(ffmpeg, pixel, "", "a pixel format of FFmpeg; none: chosen by depth and chroma"),
    ZC_OPT_INT(ffmpeg, depth, 0, 0, 16, "bits of a component, if the encoder can; 0: by encoder"),
    ZC_OPT_ENUM(ffmpeg, chroma, ZC_CHROMA_AUTO, chromas,
                "samples of colour; auto is 420 for films, more where each frame stands alone"),
    ZC_OPT_ENUM(ffmpeg, range, ZC_RANGE_AUTO, ranges, "of Y'CbCr; auto is limited but for JPEG"),
    ZC_OPT_ENUM(ffmpeg, dither, ZC_DITHER_AUTO, dithers,
                "how values are rounded; auto is ordered for Y'CbCr, none for RGB"),
    { 0 }
};

static const zc_opt exr_opts[] = {
    ZC_OPT_ENUM(exr, type, ZC_EXR_HALF, types, "of a component"),
    ZC_OPT_ENUM(exr, compression, ZC_EXR_ZIP, compressions, "of the pixels"),
    ZC_OPT_BOOL(exr, alpha, 0, "a channel A of ones"),
    { 0 }
};

static const char *const exr_formats[] = { "exr", NULL };

const zc_sink_row zc_sink_ffmpeg = {
    .name = "ffmpeg", .summary = "whatever the installed FFmpeg writes", .formats = NULL,
    .opts = ffmpeg_opts, .options_size = sizeof(ffmpeg),
    .module = "zoetrope-ffmpeg.so", .library = "libavutil.so",
};

const zc_sink_row zc_sink_exr = {
    .name = "exr", .summary = "OpenEXR pictures of linear light", .formats = exr_formats,
    .opts = exr_opts, .options_size = sizeof(exr),
    .module = "zoetrope-exr.so", .library = "libOpenEXRCore",
};
