/* Frames are read back from the outputs, so that a sheet shows what is there,
 * whichever process made it. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/batch/sheet.h"
#include "core/sink/png.h"
#include "core/sink/reader.h"

enum {
    THUMB = 160,                  /* width and height of the field of a frame */
    FRAMES = 3, GAP = 6,
    GLYPH_WIDTH = 5, GLYPH_HEIGHT = 7, ADVANCE = 6, LINE = 10, LINES = 3,
    CELL_WIDTH = FRAMES * THUMB + (FRAMES - 1) * GAP,
    CELL_HEIGHT = THUMB + GAP + LINES * LINE,
};

#define GROUND 0.1f               /* grey around everything, and of what is not there */
#define INK    0.9f

/* Dots of ASCII 32 to 95: seven rows of five, the topmost in the highest bits. */
static const uint64_t glyphs[] = {
    0x000000000, 0x108421004, 0x294a00000, 0x295f57d4a, 0x11f4717c4, 0x672222273,
    0x325264e4d, 0x108400000, 0x088842082, 0x208210888, 0x009575480, 0x0084f9080,
    0x000003088, 0x000070000, 0x00000018c, 0x042222210, 0x3a33ae62e, 0x11842108e,
    0x3a213221f, 0x3a213062e, 0x08ca97c42, 0x7e1e0862e, 0x1910f462e, 0x7c2221108,
    0x3a317462e, 0x3a317844c, 0x018c03180, 0x018c03088, 0x088882082, 0x001f07c00,
    0x208208888, 0x3a2131004, 0x3a37ade0e, 0x3a31fc631, 0x7a31f463e, 0x3a308422e,
    0x7a318c63e, 0x7e10f421f, 0x7e10f4210, 0x3a30bc62e, 0x4631fc631, 0x38842108e,
    0x1c4210a4c, 0x4654c5251, 0x42108421f, 0x4775ac631, 0x4739ace71, 0x3a318c62e,
    0x7a31f4210, 0x3a318d64d, 0x7a31f5251, 0x3e107043e, 0x7c8421084, 0x46318c62e,
    0x46318a944, 0x4631ad771, 0x462a22a31, 0x462a21084, 0x7c222221f, 0x39084210e,
    0x420820821, 0x38421084e, 0x115100000, 0x00000001f,
};

typedef struct page {
    int    width, height;
    float *rgb;                   /* [height, width, 3] */
} page;

/* The mean of the frame's pixels that fall on each of the page's, keeping the frame's shape. */
static void place(page *p, int left, int top, const float *rgb, int width, int height)
{
    const int most = width > height ? width : height;
    const int w = width * THUMB / most > 0 ? width * THUMB / most : 1;
    const int h = height * THUMB / most > 0 ? height * THUMB / most : 1;

    left += (THUMB - w) / 2;
    top += (THUMB - h) / 2;
    for (int y = 0; y < h; y++) {
        const int y0 = (int)((int64_t)y * height / h), y1 = (int)((int64_t)(y + 1) * height / h);

        for (int x = 0; x < w; x++) {
            const int x0 = (int)((int64_t)x * width / w), x1 = (int)((int64_t)(x + 1) * width / w);
            float *to = p->rgb + 3 * ((size_t)(top + y) * (size_t)p->width + (size_t)(left + x));
            float sum[3] = { 0, 0, 0 };
            int count = 0;

            for (int j = y0; j < y1 || j == y0; j++) {
                for (int i = x0; i < x1 || i == x0; i++, count++) {
                    const float *from = rgb + 3 * ((size_t)j * (size_t)width + (size_t)i);
                    for (int k = 0; k < 3; k++)
                        sum[k] += from[k];
                }
            }
            for (int k = 0; k < 3; k++)
                to[k] = sum[k] / (float)count;
        }
    }
}

static void draw(page *p, int left, int top, char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    const uint64_t glyph = glyphs[c >= 32 && c < 96 ? c - 32 : '?' - 32];
    for (int i = 0; i < GLYPH_WIDTH * GLYPH_HEIGHT; i++) {
        const size_t at = (size_t)(top + i / GLYPH_WIDTH) * (size_t)p->width +
                          (size_t)(left + i % GLYPH_WIDTH);

        for (int k = 0; k < 3 && (glyph >> (GLYPH_WIDTH * GLYPH_HEIGHT - 1 - i) & 1); k++)
            p->rgb[3 * at + (size_t)k] = INK;
    }
}

/* As many lines as there is room for. A character beyond ASCII is one question mark. */
static void write_text(page *p, int left, int top, const char *text)
{
    const int columns = CELL_WIDTH / ADVANCE;
    int n = 0;

    for (; *text && n < columns * LINES; text++) {
        if (((unsigned char)*text & 0xc0) == 0x80)
            continue;
        draw(p, left + n % columns * ADVANCE, top + n / columns * LINE,
             *text == '\n' ? ' ' : *text);
        n++;
    }
}

/* First, middle and last frame of an output. */
static zc_status show(page *p, zc_log *log, const zc_sheet_cell *cell, int left, int top)
{
    const int wanted[FRAMES] = { 0, (cell->frames - 1) / 2, cell->frames - 1 };
    zc_status st = ZC_OK;
    zc_reader *reader = NULL;
    float *rgb = NULL;
    bool more = true;

    ZC_TRY(zc_reader_open(&reader, log, cell->path, NULL));
    const zc_film_info info = *zc_reader_info(reader);
    rgb = zc_new_array(float, (size_t)info.width * (size_t)info.height * 3);
    ZC_CHECK(rgb, ZC_E_NOMEM, "out of memory for a frame of %d by %d", info.width, info.height);
    for (int i = 0; i < cell->frames; i++) {
        ZC_TRY(zc_reader_next(reader, rgb, &more));
        if (!more)
            break;
        for (int k = 0; k < FRAMES; k++) {
            if (wanted[k] == i)
                place(p, left + k * (THUMB + GAP), top, rgb, info.width, info.height);
        }
    }
done:
    zc_reader_close(&reader);
    zc_free(rgb);
    return st;
}

static zc_status fill(page *p, zc_log *log, const zc_sheet_desc *d, int columns)
{
    zc_status st = ZC_OK;
    zc_str text = { 0 };

    for (int i = 0; i < d->count && i < ZC_SHEET_CELLS; i++) {
        const zc_sheet_cell *cell = &d->cells[i];
        const int left = GAP + i % columns * (CELL_WIDTH + 2 * GAP);
        const int top = GAP + i / columns * (CELL_HEIGHT + 2 * GAP);

        if (show(p, log, cell, left, top) != ZC_OK)
            zc_warning(log, "the contact sheet has no frames of '%s'",
                       zc_quote_path(cell->path).text);
        zc_str_clear(&text);
        zc_str_add_format(&text, "%s, seed %lld: %s", cell->name, (long long)cell->seed,
                          cell->prompt);
        ZC_CHECK(!text.failed, ZC_E_NOMEM, "out of memory");
        write_text(p, left, top + THUMB + GAP, zc_str_get(&text));
    }
done:
    zc_str_fini(&text);
    return st;
}

zc_status zc_sheet_write(zc_log *log, const zc_sheet_desc *d)
{
    const int count = d->count < ZC_SHEET_CELLS ? d->count : ZC_SHEET_CELLS;
    const int columns = count < 4 ? 1 : (int)ceil(sqrt((double)count / 2));
    const int rows = count > 0 ? (count + columns - 1) / columns : 0;
    page p = { .width = columns * (CELL_WIDTH + 2 * GAP),
               .height = rows * (CELL_HEIGHT + 2 * GAP) };
    const size_t values = (size_t)p.width * (size_t)p.height * 3;
    zc_status st = ZC_OK;
    zc_str file = { 0 };
    zc_out *out = NULL;

    if (count == 0)
        return ZC_OK;
    ZC_CHECK(p.rgb = zc_new_array(float, values), ZC_E_NOMEM,
             "out of memory for a contact sheet of %d by %d", p.width, p.height);
    for (size_t i = 0; i < values; i++)
        p.rgb[i] = GROUND;
    ZC_TRY(fill(&p, log, d, columns));
    ZC_TRY(zc_png_write(&file, log, &(zc_png_desc){ .width = p.width, .height = p.height,
                                                    .depth = 8, .notes = d->notes }, p.rgb));
    ZC_TRY(zc_out_create(&out, log, d->path, ZC_OUT_REPLACE));
    ZC_TRY(zc_out_write(out, log, file.text, file.length));
    ZC_TRY(zc_out_commit(&out, log));
done:
    zc_out_abort(&out);
    zc_str_fini(&file);
    zc_free(p.rgb);
    return st;
}
