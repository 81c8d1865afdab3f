/* Text from values, the same in every locale and on every C library.
 *
 * The format is a strict subset of printf's, so that compilers check it:
 *     %d %i %u %x %X %c %s %p %%  with hh, h, l, ll, z, t; flags - 0 + and
 *     space; widths and precisions, also as *
 *     %f %e %g with a precision: exactly rounded; %g without one: the shortest
 *     text that reads back as the same double, with no width or flags needed
 * %s with NULL prints "(null)". Any other conversion is printed as it stands.
 *
 * Thread safety: pure functions. */
#ifndef ZC_FORMAT_H
#define ZC_FORMAT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* Writes at most size bytes with the NUL (nothing if size is 0) and returns the
 * length that the whole text has. A cut never falls inside a UTF-8 character. */
size_t zc_format(char *dst, size_t size, const char *format, ...) ZC_PRINTF(3, 4);
size_t zc_vformat(char *dst, size_t size, const char *format, va_list args) ZC_PRINTF(3, 0);

/* Bytes of an untrusted name, made harmless for a message: printable ASCII and
 * valid UTF-8 letters stand for themselves, everything else (control bytes,
 * direction marks, broken UTF-8, quotes, backslashes) becomes \xNN. What is longer
 * than fits ends in "...". */
typedef struct zc_quoted {
    char text[120];
} zc_quoted;

/* False for control characters, quotes, backslashes, and what turns or hides the text around it. */
bool zc_is_harmless(uint32_t code);

/* Use within one expression: zc_quote(name, n).text */
zc_quoted zc_quote(const char *bytes, size_t count);
zc_quoted zc_quote_text(const char *text);            /* up to its NUL */
zc_quoted zc_quote_path(const char *path);            /* if too long, "..." and its end */

#endif
