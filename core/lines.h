/* Text of "key = value" lines, blank lines and # comments.
 *
 * Thread safety: pure functions. */
#ifndef ZC_LINES_H
#define ZC_LINES_H

#include "core/base/log.h"
#include "core/base/status.h"

/* `where` is "name:line: ", for messages; key and value have no blanks at their ends. What it
 * returns ends the reading if it is not ZC_OK. */
typedef zc_status (*zc_line_fn)(void *user, const char *where, const char *key, const char *value);

zc_status zc_lines_parse(zc_log *log, const char *name, const char *text, zc_line_fn line,
                         void *user);

#endif
