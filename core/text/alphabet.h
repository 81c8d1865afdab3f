/* The alphabet of byte-level vocabularies: one printable character for each
 * byte, so that any bytes can be written as text in a JSON file.
 *
 * Bytes that print in Latin-1 stand for themselves; the other 68 take the
 * characters from U+0100 on, in increasing order.
 *
 * Thread safety: pure functions. */
#ifndef ZC_ALPHABET_H
#define ZC_ALPHABET_H

#include <stddef.h>
#include <stdint.h>

/* Writes the 1 or 2 bytes of the letter that stands for `byte`; their count. */
size_t zc_alphabet_letter(char dst[4], uint8_t byte);

/* The byte that a letter stands for, or -1 if no byte has that letter. */
int zc_alphabet_byte(uint32_t letter);

#endif
