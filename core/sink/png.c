/* Pictures as PNG, without a library. */

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/sink/pixels.h"
#include "core/sink/png.h"
#include "core/sink/png_file.h"
#include "core/sink/rows.h"
#include "core/sink/zlib.h"

const uint8_t zc_png_signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

uint32_t zc_png_crc(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *at = data;

    crc = ~crc;
    while (bytes-- > 0) {
        crc ^= *at++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

uint8_t zc_png_paeth(int left, int up, int corner)
{
    const int a = abs(up - corner), b = abs(left - corner), c = abs(left + up - 2 * corner);

    return (uint8_t)(a <= b && a <= c ? left : b <= c ? up : corner);
}

static void put_u32(zc_str *to, uint32_t v)
{
    const char bytes[4] = { (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v };

    zc_str_add_bytes(to, bytes, 4);
}

static void put_chunk(zc_str *to, const char type[4], const void *data, size_t bytes)
{
    put_u32(to, (uint32_t)bytes);
    zc_str_add_bytes(to, type, 4);
    zc_str_add_bytes(to, data, bytes);
    put_u32(to, zc_png_crc(zc_png_crc(0, type, 4), data, bytes));
}

/* ---- Text ---- */

static bool is_ascii(const char *s)
{
    while (*s && (uint8_t)*s < 128)
        s++;
    return *s == '\0';
}

/* tEXt where it can be, because everybody reads that; iTXt for other letters and for XMP. */
static zc_status put_note(zc_str *to, const zc_note *note)
{
    static const struct { const char *from, *to; } keys[] = {
        { "comment", "parameters" }, { "xmp", "XML:com.adobe.xmp" }, { "software", "Software" },
        { "title", "Title" },
    };
    const char *key = note->key;
    zc_str text = { 0 };

    for (size_t i = 0; i < ZC_COUNT(keys); i++) {
        if (strcmp(keys[i].from, note->key) == 0)
            key = keys[i].to;
    }
    const bool plain = is_ascii(note->value) && strcmp(note->key, "xmp") != 0;
    zc_str_add_bytes(&text, key, strlen(key) + 1);
    if (!plain)
        zc_str_add_bytes(&text, "\0\0\0", 4);     /* not packed; no language; no other name */
    zc_str_add(&text, note->value);
    const bool failed = text.failed;
    if (!failed)
        put_chunk(to, plain ? "tEXt" : "iTXt", zc_str_get(&text), text.length);
    zc_str_fini(&text);
    return failed ? ZC_E_NOMEM : ZC_OK;
}

/* ---- Rows ---- */

/* A row as its difference to what stands left, above, or both; `above` is zeros for the first. */
static void filter_row(uint8_t *to, int kind, const uint8_t *row, const uint8_t *above,
                       size_t bytes, size_t pixel)
{
    for (size_t i = 0; i < bytes; i++) {
        const uint8_t left = i < pixel ? 0 : row[i - pixel];
        const uint8_t corner = i < pixel ? 0 : above[i - pixel];
        const uint8_t guess[] = { 0, left, above[i], (uint8_t)((left + above[i]) / 2),
                                  zc_png_paeth(left, above[i], corner) };
        to[i] = (uint8_t)(row[i] - guess[kind]);
    }
}

static uint64_t cost(const uint8_t *row, size_t bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < bytes; i++)
        sum += row[i] < 128 ? row[i] : 256u - row[i];
    return sum;
}

/* The filter whose result is smallest, with its number before it. */
static void best_row(uint8_t *to, uint8_t *spare, const uint8_t *row, const uint8_t *above,
                     size_t bytes, size_t pixel)
{
    uint64_t least = UINT64_MAX;

    for (int kind = 0; kind < 5; kind++) {
        filter_row(spare, kind, row, above, bytes, pixel);
        const uint64_t c = cost(spare, bytes);
        if (c < least) {
            least = c;
            to[0] = (uint8_t)kind;
            memcpy(to + 1, spare, bytes);
        }
    }
}

static void pack_row(uint8_t *to, uint16_t *const plane[3], size_t at, int width, int depth)
{
    for (size_t i = at; i < at + (size_t)width; i++) {
        for (int c = 0; c < 3; c++) {
            if (depth == 16)
                *to++ = (uint8_t)(plane[c][i] >> 8);
            *to++ = (uint8_t)plane[c][i];
        }
    }
}

/* ---- Files ---- */

/* The memory of one picture on its way. */
struct picture {
    uint16_t *planes;
    float    *work;
    uint8_t  *rows, *above, *row, *spare, *packed;
    int32_t  *places;
};

static bool picture_alloc(struct picture *p, const zc_pixel_form *f, size_t row, size_t all)
{
    p->planes = zc_alloc_zeroed(3 * (size_t)f->width * (size_t)f->height, sizeof(uint16_t));
    p->work = zc_alloc_zeroed(zc_pixels_work(f), sizeof(float));
    p->rows = zc_alloc(all);
    p->above = zc_alloc_zeroed(row, 1);
    p->row = zc_alloc(row);
    p->spare = zc_alloc(row);
    p->packed = zc_alloc(zc_zlib_bound(all));
    p->places = zc_alloc_zeroed(ZC_ZLIB_PLACES, sizeof(int32_t));
    return p->planes && p->work && p->rows && p->above && p->row && p->spare && p->packed &&
           p->places;
}

static void picture_free(struct picture *p)
{
    zc_free(p->planes);
    zc_free(p->work);
    zc_free(p->rows);
    zc_free(p->above);
    zc_free(p->row);
    zc_free(p->spare);
    zc_free(p->packed);
    zc_free(p->places);
}

static void put_head(zc_str *to, const zc_png_desc *desc)
{
    const uint8_t head[13] = {
        (uint8_t)(desc->width >> 24), (uint8_t)(desc->width >> 16), (uint8_t)(desc->width >> 8),
        (uint8_t)desc->width, (uint8_t)(desc->height >> 24), (uint8_t)(desc->height >> 16),
        (uint8_t)(desc->height >> 8), (uint8_t)desc->height, (uint8_t)desc->depth, 2, 0, 0, 0,
    };

    zc_str_add_bytes(to, (const char *)zc_png_signature, sizeof(zc_png_signature));
    put_chunk(to, "IHDR", head, sizeof(head));
    put_chunk(to, "sRGB", "", 1);                 /* perceptual */
}

zc_status zc_png_write(zc_str *to, zc_log *log, const zc_png_desc *desc, const float *rgb)
{
    const zc_pixel_form form = { .width = desc->width, .height = desc->height, .rgb = true,
                                 .full = true, .depth = desc->depth, .dither = desc->dither };
    const size_t pixel = desc->depth == 16 ? 6 : 3, row = (size_t)desc->width * pixel;
    const size_t all = (row + 1) * (size_t)desc->height;
    struct picture p = { .planes = NULL };
    zc_status st = ZC_OK;

    ZC_CHECK(all <= INT32_MAX, ZC_E_LIMIT, "a PNG of %d by %d is too large", desc->width,
             desc->height);
    ZC_CHECK(picture_alloc(&p, &form, row, all), ZC_E_NOMEM, "no memory for a PNG of %d by %d",
             desc->width, desc->height);
    const size_t count = (size_t)desc->width * (size_t)desc->height;
    uint16_t *const plane[3] = { p.planes, p.planes + count, p.planes + 2 * count };
    zc_pixels_pack(&form, plane, rgb, p.work);
    for (int y = 0; y < desc->height; y++) {
        pack_row(p.row, plane, (size_t)y * (size_t)desc->width, desc->width, desc->depth);
        best_row(p.rows + (size_t)y * (row + 1), p.spare, p.row, p.above, row, pixel);
        uint8_t *swap = p.above;
        p.above = p.row;
        p.row = swap;
    }
    const size_t packed = zc_zlib_pack(p.packed, p.rows, all, p.places);
    put_head(to, desc);
    for (const zc_note *n = desc->notes; n && n->key; n++)
        ZC_CHECK(put_note(to, n) == ZC_OK, ZC_E_NOMEM, "out of memory");
    put_chunk(to, "IDAT", p.packed, packed);
    put_chunk(to, "IEND", "", 0);
    ZC_CHECK(!to->failed, ZC_E_NOMEM, "no memory for a PNG of %d by %d", desc->width,
             desc->height);
done:
    picture_free(&p);
    return st;
}

/* ---- The coder ---- */

struct options {
    int32_t depth, dither;
};

static const char *const depths[] = { "8", "16", NULL };
static const char *const dithers[] = { "none", "ordered", "diffusion", NULL };

static const zc_opt opts[] = {
    ZC_OPT_ENUM(struct options, depth, 0, depths, "bits of a component"),
    ZC_OPT_ENUM(struct options, dither, 0, dithers,
                "how values are rounded; none gives the bytes that hosts get"),
    { 0 }
};

struct png {
    const zc_coder_host *host;
    const zc_bytes *bytes;
    zc_png_desc desc;
    bool written;
};

static zc_status kind(const zc_coder_desc *desc, zc_sink_kind *kind)
{
    (void)desc;
    *kind = ZC_SINK_FRAMES;
    return ZC_OK;
}

static zc_status open_picture(void **state, const zc_coder_desc *desc)
{
    const struct options *o = desc->options;
    const zc_coder_host *host = desc->host;
    struct png *p = zc_new(struct png);
    zc_status st = ZC_OK;

    *state = p;
    ZC_CODER_CHECK(p, ZC_E_NOMEM, "out of memory");
    p->host = host;
    p->bytes = desc->bytes;
    p->desc = (zc_png_desc){ .width = desc->width, .height = desc->height,
                             .depth = o->depth ? 16 : 8, .notes = desc->notes,
                             .dither = (enum zc_dither)(o->dither + ZC_DITHER_NONE) };
done:
    return st;
}

static zc_status write_picture(void *state, const float *rgb)
{
    struct png *p = state;
    const zc_coder_host *host = p->host;
    zc_status st = ZC_OK;
    zc_str file = { 0 };

    ZC_CODER_CHECK(!p->written, ZC_E_ARGUMENT, "'%s': a PNG has one frame", p->bytes->name);
    p->written = true;
    ZC_TRY(zc_png_write(&file, host->user, &p->desc, rgb));
    ZC_TRY(p->bytes->write(p->bytes->user, 0, zc_str_get(&file), file.length));
done:
    zc_str_fini(&file);
    return st;
}

static zc_status finish(void *state)
{
    const struct png *p = state;
    const zc_coder_host *host = p->host;
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(p->written, ZC_E_ARGUMENT, "'%s': a PNG has one frame, not none",
                   p->bytes->name);
done:
    return st;
}

static void close_picture(void **state)
{
    zc_free(*state);
    *state = NULL;
}

static const zc_coder coder = {
    .version = ZC_CODER_VERSION, .size = sizeof(zc_coder), .about = "png",
    .kind = kind, .open = open_picture, .write = write_picture, .finish = finish,
    .close = close_picture, .read_open = zc_png_read_open, .read_next = zc_png_read_next,
    .read_close = zc_png_read_close,
};

static const char *const formats[] = { "png", NULL };

const zc_sink_row zc_sink_png = {
    .name = "png", .summary = "PNG pictures, with what they were made of", .formats = formats,
    .opts = opts, .options_size = sizeof(struct options), .coder = &coder,
};
