/* What the core and a coder of frames say to each other: a coder makes bytes of
 * frames, or frames of bytes, and reaches files, memory and the log only through
 * what it is given here. Coders are built in, or live in modules of their own
 * (zoetrope-ffmpeg.so, zoetrope-exr.so), which export ZC_MODULE_SYMBOL and nothing else.
 *
 * Frames are dense f32 RGB, [height, width, 3], the top row first. Values are
 * display-referred: 0 is black and 1 is white, on sRGB's curve and primaries. They
 * may lie outside 0 to 1; what a format can't hold is clamped. NaN is black.
 *
 * Module and core are of one version and are installed together, so the table's
 * version only keeps strangers out: any change here changes it.
 *
 * Thread safety: a coder's state belongs to one thread at a time; two states are
 * independent of each other. */
#ifndef ZC_MODULE_H
#define ZC_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

#define ZC_CODER_VERSION 1
#define ZC_MODULE_SYMBOL "zc_module"

/* Before the definition of that symbol, which is a zc_coder. */
#if defined(__GNUC__)
#define ZC_MODULE_EXPORT __attribute__((visibility("default")))
#else
#define ZC_MODULE_EXPORT
#endif

/* The core's services, borrowed for as long as the coder's state lives. */
typedef struct zc_coder_host {
    void  *user;
    /* One message: level as zc_level in log.h (0 is an error), format as in format.h. */
    void (*say)(void *user, int level, const char *format, ...) ZC_PRINTF(3, 4);
    void *(*alloc)(size_t bytes);                 /* zeroed; NULL: there is no memory */
    void  (*free)(void *mem);                     /* accepts NULL */
    bool   library_is_shared;     /* another part of the process had the module's library first */
} zc_coder_host;

/* Records a message for the user and goes to `done`, unless `ok`. Expects locals
 * `zc_status st` and `const zc_coder_host *host`. */
#define ZC_CODER_CHECK(ok, code, ...)                   \
    do {                                                \
        if (!(ok)) {                                    \
            st = (code);                                \
            host->say(host->user, 0, __VA_ARGS__);      \
            goto done;                                  \
        }                                               \
    } while (0)

/* A file or pipe. Failures have been told already. */
typedef struct zc_bytes {
    void *user;
    zc_status (*write)(void *user, uint64_t offset, const void *src, size_t bytes);
    /* *got is less than bytes only at the end. */
    zc_status (*read)(void *user, uint64_t offset, void *dst, size_t bytes, size_t *got);
    uint64_t  (*size)(void *user);
    bool        pipe;             /* written in order only, and never read */
    const char *name;             /* for messages, escaped */
} zc_bytes;

typedef struct zc_rate {
    int32_t num, den;             /* frames a second: num / den; both are above 0 */
} zc_rate;

typedef enum zc_sink_kind {
    ZC_SINK_FILM,                 /* all frames in one file */
    ZC_SINK_FRAMES,               /* a file for each frame */
    ZC_SINK_WHOLE,                /* a film that can't be joined from segments */
} zc_sink_kind;

/* One thing to be said about the picture, in UTF-8. */
typedef struct zc_note {
    const char *key;              /* NULL ends a list */
    const char *value;
} zc_note;

typedef struct zc_coder_desc {
    const zc_coder_host *host;
    const zc_bytes *bytes;
    const char     *format;       /* extension of the name in lower case: "mp4" */
    const void     *options;      /* as the sink's row says; borrowed */
    int32_t         width, height;
    zc_rate         rate;
    const zc_note  *notes;        /* borrowed until close; NULL: none */
    bool            segment;      /* a piece, to be given to `append` later */
} zc_coder_desc;

/* Of what is being read. */
typedef struct zc_film_info {
    int32_t width, height;
    int64_t frames;               /* below 0: not known before the end */
    zc_rate rate;                 /* 0 / 1: the file doesn't say */
    int32_t depth;                /* bits of a component; 32 and 16 also for float and half */
    bool    linear;               /* the file holds light, which has been put on sRGB's curve */
} zc_film_info;

typedef struct zc_coder {
    uint32_t version, size;       /* ZC_CODER_VERSION, sizeof(zc_coder) */
    const char *about;            /* "libavformat 59.27, libavcodec 59.37"; static */

    /* What a format is written as, or why it can't be. Reads and writes nothing. */
    zc_status (*kind)(const zc_coder_desc *desc, zc_sink_kind *kind);

    /* Writing. `append` takes a finished segment of the same options, whole; no frames are
     * written to a state that has taken one. NULL: there are no segments. After `finish`, all
     * bytes have been given to desc->bytes. close accepts a pointer to NULL, at any moment. */
    zc_status (*open)(void **state, const zc_coder_desc *desc);
    zc_status (*write)(void *state, const float *rgb);
    zc_status (*append)(void *state, const zc_bytes *segment);
    zc_status (*finish)(void *state);
    void      (*close)(void **state);

    /* Reading: of desc, the fields host, bytes and format count. *more is false behind the last
     * frame, and rgb untouched then. NULL: this coder reads nothing. */
    zc_status (*read_open)(void **state, const zc_coder_desc *desc, zc_film_info *info);
    zc_status (*read_next)(void *state, float *rgb, bool *more);
    void      (*read_close)(void **state);
} zc_coder;

/* Options of the sinks whose coders are modules; their tables are in rows.c. */
struct zc_ffmpeg_options {
    char    codec[64], format[64];        /* names of FFmpeg's; "": guessed */
    char    options[1024];                /* KEY=VALUE:KEY=VALUE, of encoder and muxer */
    char    filter[2048];                 /* a filter graph before the encoder */
    char    pixel[32];                    /* a pixel format; "": chosen */
    int32_t depth;                        /* bits wished for; 0: by codec */
    int32_t chroma, range, dither;        /* enums, below */
};

enum zc_chroma { ZC_CHROMA_AUTO, ZC_CHROMA_420, ZC_CHROMA_422, ZC_CHROMA_444, ZC_CHROMA_RGB };
enum zc_range  { ZC_RANGE_AUTO, ZC_RANGE_LIMITED, ZC_RANGE_FULL };
enum zc_dither { ZC_DITHER_AUTO, ZC_DITHER_NONE, ZC_DITHER_ORDERED, ZC_DITHER_DIFFUSION };

struct zc_exr_options {
    int32_t type, compression;            /* enums, below */
    bool    alpha;                        /* a channel A, of ones */
};

enum zc_exr_type { ZC_EXR_HALF, ZC_EXR_FLOAT };
enum zc_exr_compression {                 /* in the order of exr_compression_t */
    ZC_EXR_NONE, ZC_EXR_RLE, ZC_EXR_ZIPS, ZC_EXR_ZIP, ZC_EXR_PIZ, ZC_EXR_PXR24, ZC_EXR_B44,
    ZC_EXR_B44A, ZC_EXR_DWAA, ZC_EXR_DWAB,
};

#endif
