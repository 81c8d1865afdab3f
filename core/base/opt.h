/* Options as tables: one row per field of a struct, which gives it a key, a
 * default, a range and a line of help.
 *
 *     struct taylor { int32_t interval, order; };
 *     static const zc_opt taylor_opts[] = {
 *         ZC_OPT_INT(struct taylor, interval, 5, 1, 20, "steps between computations"),
 *         { 0 }
 *     };
 *
 * Strings live inside the struct as char arrays, enums as int32_t indices of a list of names,
 * so no options need freeing.
 *
 * Thread safety: tables are constant; a struct belongs to whoever fills it. */
#ifndef ZC_OPT_H
#define ZC_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/str.h"

typedef enum zc_opt_kind {
    ZC_OPT_KIND_INT,          /* int32_t or int64_t */
    ZC_OPT_KIND_FLOAT,        /* float or double */
    ZC_OPT_KIND_BOOL,         /* bool: true, false, yes, no, on, off, 1, 0 */
    ZC_OPT_KIND_STR,          /* char[N] */
    ZC_OPT_KIND_ENUM,         /* int32_t */
    ZC_OPT_KIND_PATH,         /* char[N] too; whoever reads it from a file starts in its folder */
} zc_opt_kind;

typedef struct zc_opt {
    const char *key;                  /* NULL ends the table */
    zc_opt_kind kind;
    size_t      offset, size;         /* of the field */
    int64_t     i, i_min, i_max;      /* default and range; i also for bool and enum */
    double      f, f_min, f_max;
    const char *s;                    /* default of a string */
    const char *const *names;         /* of an enum, ending in NULL */
    const char *help;                 /* one line, no full stop */
} zc_opt;

#define ZC_OPT_FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)

#define ZC_OPT_INT(type, field, value, min, max, text)                              \
    { #field, ZC_OPT_KIND_INT, ZC_OPT_FIELD(type, field), value, min, max, 0, 0, 0, \
      NULL, NULL, text }
#define ZC_OPT_FLOAT(type, field, value, min, max, text)                            \
    { #field, ZC_OPT_KIND_FLOAT, ZC_OPT_FIELD(type, field), 0, 0, 0, value, min, max, \
      NULL, NULL, text }
#define ZC_OPT_BOOL(type, field, value, text)                                       \
    { #field, ZC_OPT_KIND_BOOL, ZC_OPT_FIELD(type, field), value, 0, 1, 0, 0, 0,    \
      NULL, NULL, text }
#define ZC_OPT_STR(type, field, value, text)                                        \
    { #field, ZC_OPT_KIND_STR, ZC_OPT_FIELD(type, field), 0, 0, 0, 0, 0, 0,         \
      value, NULL, text }
#define ZC_OPT_PATH(type, field, text)                                              \
    { #field, ZC_OPT_KIND_PATH, ZC_OPT_FIELD(type, field), 0, 0, 0, 0, 0, 0,        \
      "", NULL, text }
#define ZC_OPT_ENUM(type, field, value, list, text)                                 \
    { #field, ZC_OPT_KIND_ENUM, ZC_OPT_FIELD(type, field), value, 0, 0, 0, 0, 0,    \
      NULL, list, text }

const zc_opt *zc_opt_find(const zc_opt *opts, const char *key);     /* or NULL */

/* Writes the default of every row into the struct. */
void zc_opt_defaults(const zc_opt *opts, void *state);

/* Sets one field from text; blanks around the value are the caller's to remove. `where` stands
 * before the key in messages: "a.preset line 3: cache." for example. An unknown key is
 * ZC_E_MISSING and names the nearest one; a bad value is ZC_E_ARGUMENT and leaves the field. */
zc_status zc_opt_set(const zc_opt *opts, void *state, zc_log *log, const char *where,
                     const char *key, const char *value);

/* The field's value, as zc_opt_set reads it. */
void zc_opt_print(const zc_opt *opt, const void *state, zc_str *to);

/* "1 to 20", "one of a, b, c" and so on. */
void zc_opt_print_range(const zc_opt *opt, zc_str *to);

/* One line for every row: key, default, range, help; `prefix` before each key. */
void zc_opt_list(const zc_opt *opts, const char *prefix, zc_str *to);

#endif
