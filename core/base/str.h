/* Text: a string that grows, questions about strings, UTF-8, the nearest name.
 *
 * A zc_str starts as { 0 }. Running out of memory sets `failed` and turns all
 * later additions into nothing, so a text is built first and checked once.
 *
 * Thread safety: a zc_str belongs to one thread; the rest are pure functions. */
#ifndef ZC_STR_H
#define ZC_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

typedef struct zc_str {
    char  *text;          /* NULL while empty, else ends in a NUL; owned */
    size_t length;        /* without the NUL */
    size_t capacity;
    bool   failed;        /* there was no memory: the text is incomplete */
} zc_str;

void zc_str_fini(zc_str *s);                /* back to { 0 } */
void zc_str_clear(zc_str *s);               /* empty, keeps the memory and `failed` */

void zc_str_add(zc_str *s, const char *text);
void zc_str_add_bytes(zc_str *s, const char *bytes, size_t count);
void zc_str_add_format(zc_str *s, const char *format, ...) ZC_PRINTF(2, 3);

/* The text, "" while empty. Borrowed until the next change. */
const char *zc_str_get(const zc_str *s);

/* Hands the text over (free with zc_free) and leaves { 0 }; NULL if it had failed or
 * there is no memory. */
char *zc_str_release(zc_str *s);

bool zc_str_equal(const char *a, const char *b);
bool zc_str_starts(const char *s, const char *prefix);
bool zc_str_ends(const char *s, const char *suffix);
bool zc_str_contains(const char *s, const char *part);

/* Length of the character at the head of [bytes, bytes + count) and its code
 * point; 0 if it is none: cut short, overlong, a surrogate, above U+10FFFF, or
 * count is 0. */
size_t zc_utf8_decode(uint32_t *code, const char *bytes, size_t count);

/* Writes 1 to 4 bytes; 0 if `code` is a surrogate or too large. */
size_t zc_utf8_encode(char dst[4], uint32_t code);

/* Bytes from the start that are valid UTF-8; `count` if all are. */
size_t zc_utf8_valid(const char *bytes, size_t count);

/* Finds the name that somebody probably meant. Offer all known names, then take
 * `best`: NULL if none is close. Names of more than 64 bytes are not considered. */
typedef struct zc_nearest {
    const char *wanted;
    const char *best;     /* one of those offered */
    int         distance; /* insertions, deletions, replacements, swaps of neighbours */
} zc_nearest;

void zc_nearest_init(zc_nearest *n, const char *wanted);
void zc_nearest_offer(zc_nearest *n, const char *name);

#endif
