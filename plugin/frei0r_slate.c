/* A text as a picture, for hosts that show nothing else of ours. */

#include <string.h>

#include "plugin/frei0r_picture.h"

enum { GLYPH_WIDTH = 5, GLYPH_HEIGHT = 7, CELL_WIDTH = 6, CELL_HEIGHT = 10, MARGIN = 4 };

/* Glyphs of ASCII 32 to 95: seven rows of five dots, the topmost in the highest bits. */
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

static uint64_t glyph_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    return c >= 32 && c < 96 ? glyphs[c - 32] : glyphs['?' - 32];
}

static void fill(uint8_t *pixel, int count, uint8_t grey)
{
    for (int i = 0; i < count; i++, pixel += 4) {
        memset(pixel, grey, 3);
        pixel[3] = 255;
    }
}

/* Where the line from `text` on ends, with room for so many characters. */
static const char *line_end(const char *text, int room)
{
    const char *blank = NULL;
    int n = 0;

    for (; text[n] && text[n] != '\n' && n < room; n++) {
        if (text[n] == ' ')
            blank = text + n;
    }
    return !text[n] || text[n] == '\n' || !blank ? text + n : blank;
}

void fr_slate(uint8_t *dst, int width, int height, const char *text)
{
    const int scale = width >= 640 ? width / 320 : 1;
    const int columns = (width / scale - 2 * MARGIN) / CELL_WIDTH;
    const int room = columns > 1 ? columns : 1;

    for (int y = 0; y < height; y++)
        fill(dst + (size_t)y * (size_t)width * 4, width, 32);
    for (int top = MARGIN; *text && (top + GLYPH_HEIGHT) * scale <= height; top += CELL_HEIGHT) {
        const char *end = line_end(text, room);
        for (int left = MARGIN; text < end; text++, left += CELL_WIDTH) {
            const uint64_t glyph = glyph_of(*text);
            for (int i = 0; i < GLYPH_WIDTH * GLYPH_HEIGHT; i++) {
                const int x = (left + i % GLYPH_WIDTH) * scale;
                const int y = (top + i / GLYPH_WIDTH) * scale;
                if (!(glyph >> (GLYPH_WIDTH * GLYPH_HEIGHT - 1 - i) & 1) || x + scale > width)
                    continue;
                for (int k = 0; k < scale; k++)
                    fill(dst + ((size_t)(y + k) * (size_t)width + (size_t)x) * 4, scale, 235);
            }
        }
        while (*text == ' ' || *text == '\n')
            text++;
    }
}
