/* PNG files to frames: chunks with their checksums, rows without their filters,
 * pixels of any type. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/size.h"
#include "core/sink/png_file.h"
#include "core/sink/zlib.h"

enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGBA = 6 };
#define SIDE 65536                /* pixels a side may have */

struct reader {
    const zc_coder_host *host;
    const zc_bytes *bytes;
    uint32_t width, height;
    int      depth, type, channels;
    uint8_t  palette[256][3];
    uint32_t colours;
    uint8_t *packed;              /* all IDAT chunks */
    size_t   packed_bytes, room;
    bool     delivered;
};

/* A chunk: what the file says of it. */
struct chunk {
    uint32_t bytes;
    char     type[5];
    uint64_t at;                  /* of its contents */
};

static uint32_t u32_of(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static zc_status read_exactly(struct reader *r, uint64_t at, void *dst, size_t bytes)
{
    const zc_coder_host *host = r->host;
    zc_status st = ZC_OK;
    size_t got = 0;

    ZC_TRY(r->bytes->read(r->bytes->user, at, dst, bytes, &got));
    ZC_CODER_CHECK(got == bytes, ZC_E_TRUNCATED, "'%s' ends at byte %llu, expected %zu more",
                   r->bytes->name, (unsigned long long)(at + got), bytes - got);
done:
    return st;
}

static bool is_type(const struct chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

static zc_status read_head(struct reader *r, const uint8_t *b)
{
    static const uint8_t channels[7] = { [GREY] = 1, [RGB] = 3, [PALETTE] = 1, [GREY_ALPHA] = 2,
                                         [RGBA] = 4 };
    /* Bit n is set if depth n is allowed. */
    static const uint32_t depths[7] = { [GREY] = 0x10116, [RGB] = 0x10100, [PALETTE] = 0x116,
                                        [GREY_ALPHA] = 0x10100, [RGBA] = 0x10100 };
    const zc_coder_host *host = r->host;
    zc_status st = ZC_OK;

    r->width = u32_of(b);
    r->height = u32_of(b + 4);
    r->depth = b[8];
    r->type = b[9];
    ZC_CODER_CHECK(r->width > 0 && r->height > 0 && r->width <= SIDE && r->height <= SIDE,
                   ZC_E_LIMIT, "'%s' is of %u by %u pixels, expected 1 to %d", r->bytes->name,
                   (unsigned)r->width, (unsigned)r->height, SIDE);
    ZC_CODER_CHECK(r->type <= RGBA && r->depth <= 16 && (depths[r->type] >> r->depth & 1),
                   ZC_E_FORMAT, "'%s' is of type %d with %d bits, which is none", r->bytes->name,
                   r->type, r->depth);
    ZC_CODER_CHECK(b[10] == 0 && b[11] == 0 && b[12] == 0, ZC_E_UNSUPPORTED,
                   "'%s': compression %d, filter %d, interlacing %d, expected none",
                   r->bytes->name, b[10], b[11], b[12]);
    r->channels = channels[r->type];
done:
    return st;
}

/* What is inside the chunk, as far as it matters. */
static zc_status take_chunk(struct reader *r, const struct chunk *c, const uint8_t *data)
{
    const zc_coder_host *host = r->host;
    zc_status st = ZC_OK;

    if (is_type(c, "IHDR")) {
        ZC_CODER_CHECK(c->bytes == 13 && r->width == 0, ZC_E_FORMAT,
                       "'%s': IHDR has %u bytes, expected 13, once", r->bytes->name,
                       (unsigned)c->bytes);
        ZC_TRY(read_head(r, data));
    } else if (is_type(c, "PLTE")) {
        ZC_CODER_CHECK(c->bytes % 3 == 0 && c->bytes <= sizeof(r->palette), ZC_E_FORMAT,
                       "'%s': a palette of %u bytes", r->bytes->name, (unsigned)c->bytes);
        memcpy(r->palette, data, c->bytes);
        r->colours = c->bytes / 3;
    } else if (is_type(c, "IDAT")) {
        ZC_CODER_CHECK(zc_grow(&r->packed, &r->room, r->packed_bytes + c->bytes + 1, 1),
                       ZC_E_NOMEM, "out of memory");
        memcpy(r->packed + r->packed_bytes, data, c->bytes);
        r->packed_bytes += c->bytes;
    } else {
        /* Small letters first: nothing is lost by leaving it out. */
        ZC_CODER_CHECK(is_type(c, "IEND") || (c->type[0] & 32), ZC_E_UNSUPPORTED,
                       "'%s': the chunk at byte %llu is not known", r->bytes->name,
                       (unsigned long long)c->at - 8);
    }
    ZC_CODER_CHECK(r->width > 0, ZC_E_FORMAT, "'%s' doesn't begin with IHDR", r->bytes->name);
done:
    return st;
}

static zc_status read_chunks(struct reader *r)
{
    const zc_coder_host *host = r->host;
    const uint64_t size = r->bytes->size(r->bytes->user);
    uint8_t *data = NULL;
    size_t room = 0;
    zc_status st = ZC_OK;
    struct chunk c = { .at = sizeof(zc_png_signature) };

    while (!is_type(&c, "IEND")) {
        uint8_t head[8];
        ZC_TRY(read_exactly(r, c.at, head, sizeof(head)));
        c.bytes = u32_of(head);
        memcpy(c.type, head + 4, 4);
        c.at += sizeof(head);
        ZC_CODER_CHECK(size - c.at >= 4 && c.bytes <= size - c.at - 4, ZC_E_TRUNCATED,
                       "'%s': the chunk at byte %llu has %u bytes, and %llu are left",
                       r->bytes->name, (unsigned long long)c.at - 8, (unsigned)c.bytes,
                       (unsigned long long)(size - c.at));
        ZC_CODER_CHECK(zc_grow(&data, &room, (size_t)c.bytes + 4, 1), ZC_E_NOMEM, "out of memory");
        ZC_TRY(read_exactly(r, c.at, data, (size_t)c.bytes + 4));
        ZC_CODER_CHECK(zc_png_crc(zc_png_crc(0, c.type, 4), data, c.bytes) ==
                           u32_of(data + c.bytes),
                       ZC_E_FORMAT, "'%s': the chunk at byte %llu has another checksum",
                       r->bytes->name, (unsigned long long)c.at - 8);
        ZC_TRY(take_chunk(r, &c, data));
        c.at += (uint64_t)c.bytes + 4;
    }
done:
    zc_free(data);
    return st;
}

zc_status zc_png_read_open(void **state, const zc_coder_desc *desc, zc_film_info *info)
{
    const zc_coder_host *host = desc->host;
    struct reader *r = zc_new(struct reader);
    zc_status st = ZC_OK;
    uint8_t head[sizeof(zc_png_signature)];

    *state = r;
    ZC_CODER_CHECK(r, ZC_E_NOMEM, "out of memory");
    r->host = host;
    r->bytes = desc->bytes;
    ZC_TRY(read_exactly(r, 0, head, sizeof(head)));
    ZC_CODER_CHECK(memcmp(head, zc_png_signature, sizeof(head)) == 0, ZC_E_NOT_OURS,
                   "'%s' is no PNG", r->bytes->name);
    ZC_TRY(read_chunks(r));
    *info = (zc_film_info){ .width = (int32_t)r->width, .height = (int32_t)r->height, .frames = 1,
                            .rate = { 0, 1 }, .depth = r->type == PALETTE ? 8 : r->depth };
done:
    return st;
}

/* ---- Pixels ---- */

static bool unfilter(uint8_t *row, const uint8_t *above, int kind, size_t bytes, size_t pixel)
{
    if (kind > 4)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        const uint8_t left = i < pixel ? 0 : row[i - pixel], up = above ? above[i] : 0;
        const uint8_t corner = i < pixel || !above ? 0 : above[i - pixel];
        const uint8_t guess[] = { 0, left, up, (uint8_t)((left + up) / 2),
                                  zc_png_paeth(left, up, corner) };
        row[i] = (uint8_t)(row[i] + guess[kind]);
    }
    return true;
}

/* Sample number i of a row. */
static uint32_t sample(const struct reader *r, const uint8_t *row, size_t i)
{
    if (r->depth == 16)
        return (uint32_t)row[2 * i] << 8 | row[2 * i + 1];
    const size_t bit = i * (size_t)r->depth;
    return (uint32_t)row[bit / 8] >> (8 - (int)(bit % 8) - r->depth) & ((1u << r->depth) - 1);
}

static void put_row(const struct reader *r, float *rgb, const uint8_t *row)
{
    const float most = (float)((1u << r->depth) - 1);

    for (size_t x = 0; x < r->width; x++, rgb += 3) {
        for (size_t c = 0; c < 3; c++) {
            if (r->type == PALETTE) {
                const uint32_t index = sample(r, row, x);
                rgb[c] = index < r->colours ? (float)r->palette[index][c] / 255 : 0;
            } else {
                const size_t channel = r->channels < 3 ? 0 : c;
                rgb[c] = (float)sample(r, row, x * (size_t)r->channels + channel) / most;
            }
        }
    }
}

zc_status zc_png_read_next(void *state, float *rgb, bool *more)
{
    struct reader *r = state;
    const zc_coder_host *host = r->host;
    const size_t bits = (size_t)r->depth * (size_t)r->channels;
    const size_t row = ((size_t)r->width * bits + 7) / 8, pixel = bits < 8 ? 1 : bits / 8;
    const size_t all = (row + 1) * r->height;
    uint8_t *rows = NULL;
    zc_status st = ZC_OK;

    *more = !r->delivered;
    if (r->delivered)
        return ZC_OK;
    r->delivered = true;
    /* Nothing can be packed better than this. */
    ZC_CODER_CHECK(all / 1100 <= r->packed_bytes, ZC_E_TRUNCATED,
                   "'%s' has %zu packed bytes, too few for %u by %u pixels", r->bytes->name,
                   r->packed_bytes, (unsigned)r->width, (unsigned)r->height);
    ZC_CODER_CHECK(rows = zc_alloc(all), ZC_E_NOMEM, "no memory for a picture of %u by %u",
                   (unsigned)r->width, (unsigned)r->height);
    st = zc_zlib_unpack(rows, all, r->packed, r->packed_bytes);
    ZC_CODER_CHECK(st == ZC_OK, st, "'%s': its pixels can't be unpacked: %s", r->bytes->name,
                   zc_status_name(st));
    for (uint32_t y = 0; y < r->height; y++, rgb += 3 * (size_t)r->width) {
        uint8_t *at = rows + y * (row + 1);
        ZC_CODER_CHECK(unfilter(at + 1, y ? at - row : NULL, at[0], row, pixel), ZC_E_FORMAT,
                       "'%s': row %u has filter %d, expected 0 to 4", r->bytes->name, (unsigned)y,
                       at[0]);
        put_row(r, rgb, at + 1);
    }
done:
    zc_free(rows);
    return st;
}

void zc_png_read_close(void **state)
{
    struct reader *r = *state;

    *state = NULL;
    if (!r)
        return;
    zc_free(r->packed);
    zc_free(r);
}
