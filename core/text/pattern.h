/* The pre-tokenisers: how text is cut into the pieces that BPE works on.
 *
 * Files give a regular expression, but only those that are known here, letter by
 * letter, are accepted: each has a form of ours beside it, which takes linear
 * time on any text.
 *
 * Thread safety: a compiled pattern is constant; a zc_cutter belongs to one
 * thread. */
#ifndef ZC_PATTERN_H
#define ZC_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/str.h"

typedef struct zc_pattern_row {
    const char *name;
    const char *split;        /* the file's expression; NULL: none, the byte level's own is used */
    bool matches_only;        /* what lies between matches is dropped, not kept as a piece */
    bool byte_regex;          /* the byte level's own expression cuts the pieces again */
    const char *regex;        /* the same in one expression */
} zc_pattern_row;

/* NULL if there is none. */
const zc_pattern_row *zc_pattern_find(const char *name);
const zc_pattern_row *zc_pattern_match(const char *split, bool matches_only, bool byte_regex);

/* The names of all rows, separated by commas. */
void zc_pattern_list(zc_str *out);

typedef struct zc_pattern zc_pattern;

zc_status zc_pattern_open(zc_pattern **out, zc_log *log, const zc_pattern_row *row);
void zc_pattern_close(zc_pattern **p);

/* What cutting needs besides the pattern. */
typedef struct zc_cutter zc_cutter;

zc_status zc_cutter_open(zc_cutter **out, zc_log *log, const zc_pattern *p);
void zc_cutter_close(zc_cutter **c);

/* Begins with a text, valid UTF-8, borrowed until the last piece. */
void zc_cutter_start(zc_cutter *c, const char *text, size_t bytes);

/* The next piece; *piece is NULL after the last. */
zc_status zc_cutter_next(zc_cutter *c, zc_log *log, const char **piece, size_t *bytes);

#endif
