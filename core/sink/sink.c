/* The table of sinks, and what all of them share: names and options, files that are
 * complete or not there, pixels of a reel. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/sink/bytes.h"
#include "core/sink/plug.h"
#include "core/sink/rows.h"

const zc_sink_row *const zc_sink_rows[] = {
    &zc_sink_y4m, &zc_sink_png, &zc_sink_raw, &zc_sink_exr, &zc_sink_ffmpeg, NULL
};

struct zc_sink {
    zc_log *log;
    const zc_sink_row *row;
    void    *options;             /* row->options_size bytes */
    zc_plug  plug;
    zc_coder_desc desc;           /* of every film and frame, but for what they add */
    char     format[16];
    zc_sink_kind  kind;
    zc_out_policy policy;
    int      fd;
    size_t   values;              /* of a frame */
    float   *unit;                /* a frame of 0 .. 1 */
};

struct zc_film {
    zc_sink   *sink;
    zc_channel channel;
    void      *state;             /* the coder's */
};

const zc_sink_row *zc_sink_find(const char *name)
{
    for (int i = 0; zc_sink_rows[i]; i++) {
        if (zc_str_equal(zc_sink_rows[i]->name, name))
            return zc_sink_rows[i];
    }
    return NULL;
}

/* The extension in lower case, "" if there is none that is letters and digits. */
static void format_of(char *format, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    const size_t length = dot ? strlen(dot + 1) : 0;

    format[0] = '\0';
    if (length == 0 || length >= size)
        return;
    for (size_t i = 0; i <= length; i++) {
        const char c = dot[1 + i];
        format[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
}

static const zc_sink_row *row_of(const char *format)
{
    const zc_sink_row *others = NULL;

    for (int i = 0; zc_sink_rows[i]; i++) {
        const char *const *f = zc_sink_rows[i]->formats;
        if (!f)
            others = zc_sink_rows[i];
        for (; f && *f; f++) {
            if (strcmp(*f, format) == 0)
                return zc_sink_rows[i];
        }
    }
    return *format ? others : NULL;
}

const zc_sink_row *zc_sink_for(const char *path)
{
    char format[sizeof(((zc_sink *)0)->format)];

    if (strcmp(path, "-") == 0)
        return &zc_sink_y4m;
    format_of(format, sizeof(format), path);
    return row_of(format);
}

/* "y4m, rgb, raw": what is written without a module. */
static void formats_known(zc_str *to)
{
    for (int i = 0; zc_sink_rows[i]; i++) {
        for (const char *const *f = zc_sink_rows[i]->formats; f && *f; f++)
            zc_str_add_format(to, "%s%s", to->length ? ", " : "", *f);
    }
}

static zc_status find_row(zc_sink *s, const zc_sink_desc *desc)
{
    zc_log *log = s->log;
    zc_status st = ZC_OK;
    zc_nearest near;
    zc_str known = { 0 };

    if (desc->name && *desc->name) {
        s->row = zc_sink_find(desc->name);
        zc_nearest_init(&near, desc->name);
        for (int i = 0; zc_sink_rows[i]; i++)
            zc_nearest_offer(&near, zc_sink_rows[i]->name);
        ZC_CHECK(s->row, ZC_E_MISSING, "there is no sink '%s'%s%s",
                 zc_quote_text(desc->name).text, near.best ? "; did you mean " : "",
                 near.best ? near.best : "");
    } else {
        s->row = zc_sink_for(desc->path);
        if (!s->row)
            formats_known(&known);
        ZC_CHECK(s->row, ZC_E_UNSUPPORTED, "'%s' has no extension that says what to write; "
                 "there are %s", zc_quote_path(desc->path).text, zc_str_get(&known));
    }
done:
    zc_str_fini(&known);
    return st;
}

/* Options of the row from lines of "key = value". */
static zc_status set_options(zc_sink *s, const char *text)
{
    zc_log *log = s->log;
    zc_status st = ZC_OK;
    char *line = NULL;

    ZC_CHECK(s->options = zc_alloc_zeroed(1, s->row->options_size), ZC_E_NOMEM, "out of memory");
    zc_opt_defaults(s->row->opts, s->options);
    while (text && *text) {
        const size_t bytes = strcspn(text, "\n");
        ZC_CHECK(line = zc_copy_text(text, bytes), ZC_E_NOMEM, "out of memory");
        char *equals = strstr(line, " = ");
        ZC_CHECK(equals || bytes == 0, ZC_E_FORMAT, "sink: expected 'key = value', found '%s'",
                 zc_quote_text(line).text);
        if (equals) {
            *equals = '\0';
            ZC_TRY(zc_opt_set(s->row->opts, s->options, log, "sink.", line, equals + 3));
        }
        zc_free(line);
        line = NULL;
        text += bytes + (text[bytes] == '\n');
    }
done:
    zc_free(line);
    return st;
}

zc_status zc_sink_open(zc_sink **out, const zc_sink_desc *desc)
{
    zc_log *log = desc->log;
    zc_status st = ZC_OK;
    zc_sink *s = zc_new(zc_sink);

    *out = NULL;
    ZC_CHECK(s, ZC_E_NOMEM, "out of memory");
    s->log = log;
    s->policy = desc->policy;
    s->fd = desc->fd;
    ZC_CHECK(desc->width > 0 && desc->height > 0 && desc->rate.num > 0 && desc->rate.den > 0,
             ZC_E_ARGUMENT, "a film of %d by %d with %d/%d frames a second can't be", desc->width,
             desc->height, (int)desc->rate.num, (int)desc->rate.den);
    s->values = (size_t)desc->width * (size_t)desc->height * 3;
    ZC_TRY(find_row(s, desc));
    ZC_TRY(set_options(s, desc->options));
    if (s->row->module)
        ZC_TRY(zc_plug_open(&s->plug, log, desc->modules, s->row->module, s->row->library));
    else
        zc_plug_init(&s->plug, log, s->row->coder);
    format_of(s->format, sizeof(s->format), desc->path);
    s->desc = (zc_coder_desc){ .host = &s->plug.host, .format = s->format, .options = s->options,
                               .width = desc->width, .height = desc->height, .rate = desc->rate,
                               .notes = desc->notes };
    ZC_TRY(s->plug.coder->kind(&s->desc, &s->kind));
    ZC_CHECK(s->unit = zc_alloc_zeroed(s->values, sizeof(float)), ZC_E_NOMEM,
             "no memory for a frame of %d by %d", desc->width, desc->height);
    *out = s;
    s = NULL;
done:
    zc_sink_close(&s);
    return st;
}

void zc_sink_close(zc_sink **sink)
{
    zc_sink *s = *sink;

    *sink = NULL;
    if (!s)
        return;
    zc_plug_close(&s->plug);
    zc_free(s->options);
    zc_free(s->unit);
    zc_free(s);
}

zc_sink_kind zc_sink_kind_get(const zc_sink *sink)
{
    return sink->kind == ZC_SINK_FRAMES ? ZC_SINK_FRAMES : ZC_SINK_FILM;
}

bool zc_sink_segments(const zc_sink *sink)
{
    return sink->kind == ZC_SINK_FILM && sink->plug.coder->append != NULL;
}

void zc_sink_set_notes(zc_sink *sink, const zc_note *notes)
{
    sink->desc.notes = notes;
}

const char *zc_sink_about(const zc_sink *sink)
{
    return sink->plug.coder->about;
}

/* ---- Films ---- */

static zc_status begin(zc_film **out, zc_sink *s, const char *path, zc_coder_desc desc)
{
    zc_log *log = s->log;
    const bool pipe = strcmp(path, "-") == 0 && !desc.segment;
    zc_status st = ZC_OK;
    zc_film *f = zc_new(zc_film);

    *out = NULL;
    ZC_CHECK(f, ZC_E_NOMEM, "out of memory");
    f->sink = s;
    if (pipe)
        zc_channel_pipe(&f->channel, log, s->fd);
    else
        ZC_TRY(zc_channel_create(&f->channel, log, path,
                                 desc.segment ? ZC_OUT_REPLACE : s->policy));
    desc.bytes = &f->channel.bytes;
    ZC_TRY(s->plug.coder->open(&f->state, &desc));
    *out = f;
    f = NULL;
done:
    zc_film_abort(&f);
    return st;
}

zc_status zc_film_begin(zc_film **out, zc_sink *sink, const char *path)
{
    return begin(out, sink, path, sink->desc);
}

zc_status zc_segment_begin(zc_film **out, zc_sink *sink, const char *path)
{
    zc_coder_desc desc = sink->desc;

    desc.segment = true;
    return begin(out, sink, path, desc);
}

zc_status zc_film_add(zc_film *film, const float *pixels)
{
    zc_sink *s = film->sink;

    for (size_t i = 0; i < s->values; i++)
        s->unit[i] = pixels[i] * 0.5f + 0.5f;
    return s->plug.coder->write(film->state, s->unit);
}

static void film_free(zc_film **film)
{
    zc_film *f = *film;

    *film = NULL;
    f->sink->plug.coder->close(&f->state);
    zc_channel_close(&f->channel);
    zc_free(f);
}

zc_status zc_film_finish(zc_film **film, zc_written *written)
{
    zc_film *f = *film;
    zc_written w;
    zc_status st = ZC_OK;

    ZC_TRY(f->sink->plug.coder->finish(f->state));
    ZC_TRY(zc_channel_commit(&f->channel, &w.bytes, w.sha256));
    if (written)
        *written = w;
done:
    film_free(film);
    return st;
}

void zc_film_abort(zc_film **film)
{
    if (*film)
        film_free(film);
}

zc_status zc_film_join(zc_sink *s, const char *path, const char *const *segments, int count,
                       zc_written *written)
{
    zc_log *log = s->log;
    zc_status st = ZC_OK;
    zc_film *f = NULL;
    zc_channel segment = { .fd = -1 };

    ZC_CHECK(zc_sink_segments(s), ZC_E_UNSUPPORTED, "films of '%s' can't be joined", s->row->name);
    ZC_TRY(zc_film_begin(&f, s, path));
    for (int i = 0; i < count; i++) {
        ZC_TRY(zc_channel_open(&segment, log, segments[i]));
        ZC_TRY(s->plug.coder->append(f->state, &segment.bytes));
        zc_channel_close(&segment);
    }
    ZC_TRY(zc_film_finish(&f, written));
done:
    zc_channel_close(&segment);
    zc_film_abort(&f);
    return st;
}

zc_status zc_sink_frame(zc_sink *s, const char *path, const float *pixels, const zc_note *notes,
                        zc_written *written)
{
    zc_status st = ZC_OK;
    zc_film *f = NULL;
    zc_coder_desc desc = s->desc;

    if (notes)
        desc.notes = notes;
    ZC_TRY(begin(&f, s, path, desc));
    ZC_TRY(zc_film_add(f, pixels));
    ZC_TRY(zc_film_finish(&f, written));
done:
    zc_film_abort(&f);
    return st;
}
