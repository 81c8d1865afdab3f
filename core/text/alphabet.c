/* Byte to letter and back, by counting instead of by tables. */

#include "core/text/alphabet.h"

#include <stdbool.h>

#include "core/base/str.h"

#define SHIFTED 0x100         /* the letter of the first byte that doesn't print */

static bool prints(int byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

size_t zc_alphabet_letter(char dst[4], uint8_t byte)
{
    uint32_t letter = byte;

    if (!prints(byte)) {
        letter = SHIFTED;
        for (int b = 0; b < byte; b++)
            letter += !prints(b);
    }
    return zc_utf8_encode(dst, letter);
}

int zc_alphabet_byte(uint32_t letter)
{
    if (letter < SHIFTED)
        return prints((int)letter) ? (int)letter : -1;

    uint32_t rank = letter - SHIFTED;
    for (int b = 0; b < 256; b++) {
        if (!prints(b) && rank-- == 0)
            return b;
    }
    return -1;
}
