/* What is done to text before it is cut into tokens.
 *
 * All functions append to a zc_str, whose `failed` says if there was no memory.
 * Time is O(n log n) for any text.
 *
 * Thread safety: pure functions on the caller's text. */
#ifndef ZC_NORMALIZE_H
#define ZC_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

typedef enum zc_norm {
    ZC_NORM_NFC,          /* canonical composition */
    ZC_NORM_SPACES,       /* each run of white space becomes one blank */
    ZC_NORM_LOWER,        /* lower case, character by character */
} zc_norm;

/* `text` must be valid UTF-8. */
void zc_normalize(zc_str *out, zc_norm norm, const char *text, size_t bytes);

/* The text with U+FFFD in place of each byte that isn't part of valid UTF-8.
 * Returns how many those are. */
size_t zc_text_repair(zc_str *out, const char *text, size_t bytes);

/* Unicode's property White_Space. */
bool zc_is_space(uint32_t code);

/* Narrows [*text, *text + *bytes) to leave white space off both ends; like
 * Python's strip, it takes the separators U+001C to U+001F for white space too. */
void zc_text_strip(const char **text, size_t *bytes);

#endif
