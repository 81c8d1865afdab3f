/* Bare RGB, frame after frame without any header: for pipes and for scripts. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/sink/pixels.h"
#include "core/sink/rows.h"

enum type { RGB8, RGB16, RGBF };

struct options {
    int32_t type;
};

static const char *const types[] = { "u8", "u16", "f32", NULL };

static const zc_opt opts[] = {
    ZC_OPT_ENUM(struct options, type, RGB8, types,
                "of a component, little-endian; f32 keeps values outside 0 to 1"),
    { 0 }
};

struct raw {
    const zc_coder_host *host;
    const zc_bytes *bytes;
    zc_pixel_form form;
    enum type type;
    uint64_t  at;
    size_t    pixels, frame;      /* bytes of a frame */
    uint16_t *plane[3];           /* in one block, at plane[0] */
    float    *work;
    uint8_t  *packed;
};

static void close_film(void **state)
{
    struct raw *r = *state;

    *state = NULL;
    if (!r)
        return;
    zc_free(r->plane[0]);
    zc_free(r->work);
    zc_free(r->packed);
    zc_free(r);
}

static zc_status kind(const zc_coder_desc *desc, zc_sink_kind *kind)
{
    (void)desc;
    *kind = ZC_SINK_FILM;
    return ZC_OK;
}

static zc_status open_film(void **state, const zc_coder_desc *desc)
{
    static const size_t bytes_of[] = { [RGB8] = 1, [RGB16] = 2, [RGBF] = 4 };
    const struct options *o = desc->options;
    const zc_coder_host *host = desc->host;
    struct raw *r = zc_new(struct raw);
    zc_status st = ZC_OK;

    *state = r;
    ZC_CODER_CHECK(r, ZC_E_NOMEM, "out of memory");
    r->host = host;
    r->bytes = desc->bytes;
    r->type = (enum type)o->type;
    r->form = (zc_pixel_form){ .width = desc->width, .height = desc->height, .rgb = true,
                               .full = true, .depth = o->type == RGB8 ? 8 : 16,
                               .dither = ZC_DITHER_NONE };
    r->pixels = (size_t)desc->width * (size_t)desc->height;
    r->frame = 3 * r->pixels * bytes_of[r->type];
    r->plane[0] = zc_alloc_zeroed(3 * r->pixels, sizeof(uint16_t));
    r->work = zc_alloc_zeroed(zc_pixels_work(&r->form), sizeof(float));
    r->packed = zc_alloc(r->frame);
    ZC_CODER_CHECK(r->plane[0] && r->work && r->packed, ZC_E_NOMEM,
                   "no memory for a frame of %d by %d", (int)desc->width, (int)desc->height);
    r->plane[1] = r->plane[0] + r->pixels;
    r->plane[2] = r->plane[1] + r->pixels;
done:
    return st;
}

static zc_status put(struct raw *r, const void *src, size_t bytes)
{
    const zc_status st = r->bytes->write(r->bytes->user, r->at, src, bytes);

    r->at += bytes;
    return st;
}

static void put_u32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> 8 * i);
}

static zc_status write_frame(void *state, const float *rgb)
{
    struct raw *r = state;
    uint8_t *to = r->packed;

    if (r->type == RGBF) {
        for (size_t i = 0; i < 3 * r->pixels; i++, to += 4) {
            uint32_t bits;
            memcpy(&bits, &rgb[i], sizeof(bits));
            put_u32(to, bits);
        }
        return put(r, r->packed, r->frame);
    }
    zc_pixels_pack(&r->form, r->plane, rgb, r->work);
    for (size_t i = 0; i < r->pixels; i++) {
        for (int c = 0; c < 3; c++) {
            *to++ = (uint8_t)r->plane[c][i];
            if (r->type == RGB16)
                *to++ = (uint8_t)(r->plane[c][i] >> 8);
        }
    }
    return put(r, r->packed, r->frame);
}

static zc_status append(void *state, const zc_bytes *segment)
{
    struct raw *r = state;
    const zc_coder_host *host = r->host;
    const uint64_t size = segment->size(segment->user);
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(size % r->frame == 0, ZC_E_TRUNCATED,
                   "'%s' has %llu bytes, expected a multiple of %zu", segment->name,
                   (unsigned long long)size, r->frame);
    for (uint64_t at = 0; at < size; at += r->frame) {
        size_t got = 0;
        ZC_TRY(segment->read(segment->user, at, r->packed, r->frame, &got));
        ZC_CODER_CHECK(got == r->frame, ZC_E_TRUNCATED, "'%s' ends at byte %llu, expected %llu",
                       segment->name, (unsigned long long)(at + got), (unsigned long long)size);
        ZC_TRY(put(r, r->packed, got));
    }
done:
    return st;
}

static zc_status finish(void *state)
{
    (void)state;
    return ZC_OK;
}

static const zc_coder coder = {
    .version = ZC_CODER_VERSION, .size = sizeof(zc_coder), .about = "raw",
    .kind = kind, .open = open_film, .write = write_frame, .append = append, .finish = finish,
    .close = close_film,
};

static const char *const formats[] = { "rgb", "raw", NULL };

const zc_sink_row zc_sink_raw = {
    .name = "raw", .summary = "bare RGB without a header", .formats = formats,
    .opts = opts, .options_size = sizeof(struct options), .coder = &coder,
};
