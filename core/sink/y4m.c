/* Y4M, the plainest of films, which everything can read: a line of text, then for each
 * frame the word FRAME and planes of Y'CbCr.
 *
 * Written as BT.709 in limited range, of 8 to 16 bits. A segment is such a film. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/num.h"
#include "core/base/str.h"
#include "core/sink/pixels.h"
#include "core/sink/rows.h"

#define LINE 256                  /* longest header that is read */
static const char frame_line[] = "FRAME\n";

struct options {
    int32_t depth, chroma, dither;
};

static const char *const chromas[] = { "444", "422", "420", NULL };
static const char *const dithers[] = { "auto", "none", "ordered", "diffusion", NULL };

static const zc_opt opts[] = {
    ZC_OPT_INT(struct options, depth, 8, 8, 16, "bits of a sample"),
    ZC_OPT_ENUM(struct options, chroma, 0, chromas, "samples of colour"),
    ZC_OPT_ENUM(struct options, dither, ZC_DITHER_AUTO, dithers,
                "how values are rounded; auto is ordered below 16 bits"),
    { 0 }
};

/* A film that is written or read. */
struct y4m {
    const zc_coder_host *host;
    const zc_bytes *bytes;
    zc_pixel_form form;
    uint64_t  at;                 /* bytes written or read */
    size_t    frame;              /* bytes of one, without its line */
    uint16_t *plane[3];           /* in one block, at plane[0] */
    float    *work;
    uint8_t  *packed;
    char      header[LINE];
    size_t    header_bytes;
};

static size_t samples(const zc_pixel_form *f, int plane)
{
    return (size_t)zc_plane_width(f, plane) * (size_t)zc_plane_height(f, plane);
}

static void close_film(void **state)
{
    struct y4m *y = *state;

    *state = NULL;
    if (!y)
        return;
    zc_free(y->plane[0]);
    zc_free(y->work);
    zc_free(y->packed);
    zc_free(y);
}

/* Room for one frame of y->form. */
static zc_status make_room(struct y4m *y)
{
    const zc_coder_host *host = y->host;
    const zc_pixel_form *f = &y->form;
    const size_t count = samples(f, 0) + samples(f, 1) + samples(f, 2);
    zc_status st = ZC_OK;

    y->frame = count * (f->depth > 8 ? 2 : 1);
    y->plane[0] = zc_alloc_zeroed(count, sizeof(uint16_t));
    y->work = zc_alloc_zeroed(zc_pixels_work(f), sizeof(float));
    y->packed = zc_alloc(sizeof(frame_line) + y->frame);
    ZC_CODER_CHECK(y->plane[0] && y->work && y->packed, ZC_E_NOMEM,
                   "no memory for a frame of %d by %d", f->width, f->height);
    y->plane[1] = y->plane[0] + samples(f, 0);
    y->plane[2] = y->plane[1] + samples(f, 1);
done:
    return st;
}

static zc_status kind(const zc_coder_desc *desc, zc_sink_kind *kind)
{
    (void)desc;
    *kind = ZC_SINK_FILM;
    return ZC_OK;
}

static zc_status put(struct y4m *y, const void *src, size_t bytes)
{
    const zc_status st = y->bytes->write(y->bytes->user, y->at, src, bytes);

    y->at += bytes;
    return st;
}

/* Names as FFmpeg and others know them: C420 has no name for its siting but C420mpeg2. */
static void make_header(struct y4m *y, zc_rate rate)
{
    const zc_pixel_form *f = &y->form;
    const char *chroma = !f->chroma_w ? "444" : !f->chroma_h ? "422" : "420";
    char depth[8] = "";

    if (f->depth > 8)
        zc_format(depth, sizeof(depth), "p%d", f->depth);
    else if (f->chroma_h)
        zc_format(depth, sizeof(depth), "mpeg2");
    y->header_bytes = zc_format(y->header, sizeof(y->header),
                                "YUV4MPEG2 W%d H%d F%d:%d Ip A1:1 C%s%s XCOLORRANGE=LIMITED\n",
                                f->width, f->height, (int)rate.num, (int)rate.den, chroma, depth);
}

static zc_status open_film(void **state, const zc_coder_desc *desc)
{
    const struct options *o = desc->options;
    const zc_coder_host *host = desc->host;
    struct y4m *y = zc_new(struct y4m);
    zc_status st = ZC_OK;

    *state = y;
    ZC_CODER_CHECK(y, ZC_E_NOMEM, "out of memory");
    y->host = host;
    y->bytes = desc->bytes;
    y->form = (zc_pixel_form){ .width = desc->width, .height = desc->height, .depth = o->depth,
                               .chroma_w = o->chroma > 0, .chroma_h = o->chroma > 1,
                               .dither = (enum zc_dither)o->dither };
    ZC_TRY(make_room(y));
    make_header(y, desc->rate);
    ZC_TRY(put(y, y->header, y->header_bytes));
done:
    return st;
}

static zc_status write_frame(void *state, const float *rgb)
{
    struct y4m *y = state;
    const size_t line = sizeof(frame_line) - 1, wide = y->form.depth > 8 ? 2 : 1;
    const size_t count = y->frame / wide;
    uint8_t *to = y->packed;

    zc_pixels_pack(&y->form, y->plane, rgb, y->work);
    memcpy(to, frame_line, line);
    to += line;
    for (size_t i = 0; i < count; i++) {
        const uint16_t v = y->plane[0][i];
        *to++ = (uint8_t)v;
        if (wide == 2)
            *to++ = (uint8_t)(v >> 8);
    }
    return put(y, y->packed, line + y->frame);
}

/* The frames of a film with the same header. */
static zc_status append(void *state, const zc_bytes *segment)
{
    struct y4m *y = state;
    const zc_coder_host *host = y->host;
    const uint64_t size = segment->size(segment->user);
    char header[LINE];
    zc_status st = ZC_OK;
    size_t got = 0;
    uint64_t at = y->header_bytes;

    ZC_TRY(segment->read(segment->user, 0, header, y->header_bytes, &got));
    ZC_CODER_CHECK(got == y->header_bytes && memcmp(header, y->header, got) == 0, ZC_E_MISMATCH,
                   "'%s' doesn't begin with '%.*s', as the film does", segment->name,
                   (int)y->header_bytes - 1, y->header);
    while (at < size) {
        const size_t line = sizeof(frame_line) - 1;
        ZC_TRY(segment->read(segment->user, at, y->packed, line + y->frame, &got));
        ZC_CODER_CHECK(got == line + y->frame && memcmp(y->packed, frame_line, line) == 0,
                       ZC_E_FORMAT, "'%s' has no whole frame at byte %llu", segment->name,
                       (unsigned long long)at);
        ZC_TRY(put(y, y->packed, got));
        at += got;
    }
done:
    return st;
}

static zc_status finish(void *state)
{
    (void)state;
    return ZC_OK;
}

/* ---- Reading ---- */

/* What the word behind C means; false: not known. */
static bool read_chroma(zc_pixel_form *f, const char *text, size_t bytes)
{
    static const struct { const char *name; int w, h; bool grey; } names[] = {
        { "420", 1, 1, false }, { "422", 1, 0, false }, { "444", 0, 0, false },
        { "mono", 0, 0, true },
    };
    static const char *const sitings[] = { "", "mpeg2", "jpeg", "paldv" };

    for (size_t i = 0; i < ZC_COUNT(names); i++) {
        const size_t n = strlen(names[i].name);
        int64_t depth = 8;
        if (bytes < n || memcmp(text, names[i].name, n) != 0)
            continue;
        f->chroma_w = names[i].w;
        f->chroma_h = names[i].h;
        f->grey = names[i].grey;
        text += n;
        bytes -= n;
        const size_t skip = names[i].grey ? 0 : 1;            /* mono10, but 420p10 */
        if (bytes > skip && (skip == 0 || *text == 'p') &&
            zc_num_read_i64(&depth, text + skip, bytes - skip) == NULL) {
            f->depth = (int)depth;
            return depth >= 8 && depth <= 16;
        }
        f->depth = 8;
        for (size_t k = 0; k < ZC_COUNT(sitings); k++) {
            if (bytes == strlen(sitings[k]) && memcmp(text, sitings[k], bytes) == 0)
                return true;
        }
        return false;
    }
    return false;
}

static bool read_rate(zc_rate *rate, const char *text, size_t bytes)
{
    const char *colon = memchr(text, ':', bytes);
    int64_t num, den;

    if (!colon || zc_num_read_i64(&num, text, (size_t)(colon - text)) ||
        zc_num_read_i64(&den, colon + 1, bytes - (size_t)(colon - text) - 1))
        return false;
    *rate = (zc_rate){ num > 0 && num <= INT32_MAX ? (int32_t)num : 0,
                       den > 0 && den <= INT32_MAX ? (int32_t)den : 1 };
    return true;
}

/* One word of the header; false: it can't be read. */
static bool read_word(struct y4m *y, zc_film_info *info, const char *word, size_t bytes)
{
    static const char full[] = "XCOLORRANGE=FULL";
    int64_t value = 0;

    switch (*word) {
    case 'W':
    case 'H':
        if (zc_num_read_i64(&value, word + 1, bytes - 1) || value < 1 || value > 65536)
            return false;
        *(*word == 'W' ? &y->form.width : &y->form.height) = (int)value;
        return true;
    case 'F':
        return read_rate(&info->rate, word + 1, bytes - 1);
    case 'C':
        return read_chroma(&y->form, word + 1, bytes - 1);
    case 'X':
        if (bytes == sizeof(full) - 1 && memcmp(word, full, bytes) == 0)
            y->form.full = true;
        return true;
    default:
        return true;
    }
}

static zc_status read_header(struct y4m *y, zc_film_info *info, size_t got)
{
    const zc_coder_host *host = y->host;
    const char *end = memchr(y->header, '\n', got), *at = y->header;
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(end, ZC_E_FORMAT, "'%s': the first %zu bytes have no end of line",
                   y->bytes->name, got);
    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const size_t bytes = (size_t)((blank ? blank : end) - at);
        ZC_CODER_CHECK(bytes == 0 || read_word(y, info, at, bytes), ZC_E_UNSUPPORTED,
                       "'%s': '%s' in its header is not understood", y->bytes->name,
                       zc_quote(at, bytes).text);
        at += bytes + (blank ? 1 : 0);
    }
    ZC_CODER_CHECK(y->form.width > 0 && y->form.height > 0, ZC_E_FORMAT,
                   "'%s': its header has no width or no height", y->bytes->name);
    y->at = (uint64_t)(end - y->header) + 1;
done:
    return st;
}

static zc_status read_open(void **state, const zc_coder_desc *desc, zc_film_info *info)
{
    const zc_coder_host *host = desc->host;
    struct y4m *y = zc_new(struct y4m);
    zc_status st = ZC_OK;
    size_t got = 0;

    *state = y;
    ZC_CODER_CHECK(y, ZC_E_NOMEM, "out of memory");
    y->host = host;
    y->bytes = desc->bytes;
    y->form = (zc_pixel_form){ .depth = 8, .chroma_w = 1, .chroma_h = 1 };
    *info = (zc_film_info){ .rate = { 0, 1 } };
    ZC_TRY(y->bytes->read(y->bytes->user, 0, y->header, sizeof(y->header), &got));
    ZC_TRY(read_header(y, info, got));
    const uint64_t size = y->bytes->size(y->bytes->user);
    const uint64_t frame = (samples(&y->form, 0) + samples(&y->form, 1) + samples(&y->form, 2)) *
                           (y->form.depth > 8 ? 2 : 1);
    ZC_CODER_CHECK(size - y->at > frame, ZC_E_TRUNCATED,
                   "'%s': a frame of %d by %d has %llu bytes, and there are %llu", y->bytes->name,
                   y->form.width, y->form.height, (unsigned long long)frame,
                   (unsigned long long)(size - y->at));
    ZC_TRY(make_room(y));
    info->width = y->form.width;
    info->height = y->form.height;
    info->depth = y->form.depth;
    info->frames = (int64_t)((size - y->at) / (sizeof(frame_line) - 1 + y->frame));
done:
    return st;
}

static zc_status read_next(void *state, float *rgb, bool *more)
{
    struct y4m *y = state;
    const zc_coder_host *host = y->host;
    const size_t wide = y->form.depth > 8 ? 2 : 1, count = y->frame / wide;
    zc_status st = ZC_OK;
    char line[LINE];
    size_t got = 0;

    ZC_TRY(y->bytes->read(y->bytes->user, y->at, line, sizeof(line), &got));
    *more = got > 0;
    if (got == 0)
        goto done;
    /* The line may have words behind FRAME. */
    const char *end = memchr(line, '\n', got);
    ZC_CODER_CHECK(end && memcmp(line, frame_line, 5) == 0, ZC_E_FORMAT,
                   "'%s': no frame begins at byte %llu", y->bytes->name,
                   (unsigned long long)y->at);
    y->at += (uint64_t)(end - line) + 1;
    ZC_TRY(y->bytes->read(y->bytes->user, y->at, y->packed, y->frame, &got));
    ZC_CODER_CHECK(got == y->frame, ZC_E_TRUNCATED, "'%s': the frame at byte %llu has %zu bytes "
                   "of %zu", y->bytes->name, (unsigned long long)y->at, got, y->frame);
    y->at += got;
    const uint8_t *from = y->packed;
    for (size_t i = 0; i < count; i++, from += wide)
        y->plane[0][i] = (uint16_t)(wide == 2 ? from[0] | from[1] << 8 : from[0]);
    zc_pixels_unpack(&y->form, rgb, (const uint16_t *const *)y->plane);
done:
    return st;
}

static const zc_coder coder = {
    .version = ZC_CODER_VERSION, .size = sizeof(zc_coder), .about = "y4m",
    .kind = kind, .open = open_film, .write = write_frame, .append = append, .finish = finish,
    .close = close_film, .read_open = read_open, .read_next = read_next, .read_close = close_film,
};

static const char *const formats[] = { "y4m", NULL };

const zc_sink_row zc_sink_y4m = {
    .name = "y4m", .summary = "uncompressed film of Y'CbCr", .formats = formats,
    .opts = opts, .options_size = sizeof(struct options), .coder = &coder,
};
