/* Names of numbered files: "shot.####.exr", "shot.%04d.exr", "shot.$F4.exr". The
 * number stands in the last component of the path, once; # and $F4 give at least so
 * many digits, and $F and %d as many as there are.
 *
 * Thread safety: pure functions. */
#ifndef ZC_SEQUENCE_H
#define ZC_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/str.h"

/* True if the path has a place for a number. */
bool zc_sequence_is(const char *pattern);

/* Appends the name of that number; a pattern without a place is appended as it is. */
void zc_sequence_path(zc_str *to, const char *pattern, int64_t number);

/* True if `name` (a last component) is the pattern's with a number of 1 to 18 digits. */
bool zc_sequence_match(const char *pattern, const char *name, int64_t *number);

#endif
