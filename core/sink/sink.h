/* Where frames go: a sink makes files of them, each complete under its name or not
 * there at all.
 *
 *     zc_sink_open(&sink, &desc);
 *     if (zc_sink_kind_get(sink) == ZC_SINK_FRAMES)
 *         for each frame: zc_sink_frame(sink, path of it, pixels, NULL, &written);
 *     else
 *         zc_film_begin(&film, sink, path); zc_film_add(film, pixels) for each frame;
 *         zc_film_finish(&film, &written);
 *
 * A film that must outlive a kill is made of segments, whole files of their own with
 * any number of frames each, which are joined without being encoded again:
 *
 *         zc_segment_begin(&film, ...); zc_film_add(...); zc_film_finish(&film, ...);
 *         zc_film_join(sink, path, segments, count, &written);
 *
 * The joined film has the same bytes each time that it is made of the same frames in
 * segments of the same lengths.
 *
 * Pixels are those of a reel: dense f32 RGB, [height, width, 3], -1 for black and 1
 * for white, on sRGB's curve and primaries.
 *
 * Files are written beside their names (PATH.partial), synced, read back once for
 * their digest, renamed, and their folder synced; what fails leaves nothing.
 *
 * Thread safety: a sink and its films belong to one thread at a time; the table is
 * constant. */
#ifndef ZC_SINK_H
#define ZC_SINK_H

#include "core/base/file.h"
#include "core/base/opt.h"
#include "core/sink/module.h"

/* A row of the table of sinks. */
typedef struct zc_sink_row {
    const char        *name, *summary;
    const char *const *formats;       /* extensions that choose it, ending in NULL; NULL: others */
    const zc_opt      *opts;          /* keys behind "sink." */
    size_t             options_size;
    const zc_coder    *coder;         /* NULL: it is in the module */
    const char        *module;        /* a file in the engine's folder, else NULL */
    const char        *library;       /* part of the name of what the module brings along */
} zc_sink_row;

extern const zc_sink_row *const zc_sink_rows[];           /* ends in NULL */

const zc_sink_row *zc_sink_find(const char *name);        /* or NULL */

/* The row for a path's extension; that of films for what none is named for, NULL if there is no
 * extension. "-" is Y4M. */
const zc_sink_row *zc_sink_for(const char *path);

typedef struct zc_sink zc_sink;
typedef struct zc_film zc_film;

typedef struct zc_sink_desc {
    zc_log        *log;               /* borrowed until close */
    const char    *name;              /* of the row; NULL or "": by the path's extension */
    const char    *options;           /* lines of "key = value", without "sink."; may be NULL */
    const char    *path;              /* what will be written, or the pattern of it; "-": fd */
    int            fd;                /* for "-": a pipe or file of the caller's, at its place */
    int            width, height;
    zc_rate        rate;
    zc_out_policy  policy;            /* of finished files; segments are always replaced */
    const zc_note *notes;             /* borrowed until close; see provenance.h. NULL: none */
    const char    *modules;           /* folder of modules; NULL: the engine's own */
} zc_sink_desc;

/* A file that was finished. */
typedef struct zc_written {
    uint64_t bytes;
    uint8_t  sha256[32];              /* zeros for a pipe */
} zc_written;

/* Checks name and options, opens the module, and asks it whether the format can be written; no
 * file is touched. An unknown name or option is ZC_E_MISSING and has its nearest neighbour. */
zc_status    zc_sink_open(zc_sink **out, const zc_sink_desc *desc);
void         zc_sink_close(zc_sink **sink);           /* its films are closed before */
zc_sink_kind zc_sink_kind_get(const zc_sink *sink);   /* FILM or FRAMES */
bool         zc_sink_segments(const zc_sink *sink);   /* false: it has no segments */
const char  *zc_sink_about(const zc_sink *sink);      /* "y4m", "ffmpeg: libavformat 59.27, ..." */

/* Notes of films and frames that are begun from here on; borrowed until close. */
void zc_sink_set_notes(zc_sink *sink, const zc_note *notes);

/* One frame as a file, with `notes` of its own, or the sink's if NULL. `written` may be NULL. */
zc_status zc_sink_frame(zc_sink *sink, const char *path, const float *pixels,
                        const zc_note *notes, zc_written *written);

/* A film, or a segment of one. "-" is the descriptor that the sink was opened with. */
zc_status zc_film_begin(zc_film **out, zc_sink *sink, const char *path);
zc_status zc_segment_begin(zc_film **out, zc_sink *sink, const char *path);
zc_status zc_film_add(zc_film *film, const float *pixels);

/* The film is closed either way. */
zc_status zc_film_finish(zc_film **film, zc_written *written);      /* `written` may be NULL */
void      zc_film_abort(zc_film **film);              /* removes what there is; accepts NULL */

/* Segments in order, `count` of at least 1. They are left where they are. */
zc_status zc_film_join(zc_sink *sink, const char *path, const char *const *segments, int count,
                       zc_written *written);

#endif
