/* JSON: a reader that hands out one event after another, a tree built on it,
 * and a writer.
 *
 * Reading is strict (RFC 8259) and made for hostile files: one pass, no
 * recursion, at most ZC_JSON_DEPTH levels, no byte order mark, valid UTF-8, no NUL, no lone
 * surrogates, no duplicate keys (compared after unescaping, in O(n log n)),
 * nothing after the document. It works inside the caller's buffer: strings are
 * unescaped where they stand and get a NUL, so nothing is copied.
 *
 * Errors name the document, the byte and what was found there. Codes:
 * ZC_E_FORMAT, ZC_E_TRUNCATED (the text just ends), ZC_E_LIMIT, ZC_E_NOMEM.
 *
 * Thread safety: a reader and a writer belong to one thread; a finished tree may
 * be read by many. */
#ifndef ZC_JSON_H
#define ZC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/str.h"

#define ZC_JSON_DEPTH 32

typedef enum zc_json_kind {
    ZC_JSON_NULL,
    ZC_JSON_FALSE,
    ZC_JSON_TRUE,
    ZC_JSON_NUMBER,
    ZC_JSON_STRING,
    ZC_JSON_ARRAY,            /* as an event: it begins */
    ZC_JSON_OBJECT,
    ZC_JSON_KEY,              /* events only, from here on */
    ZC_JSON_ARRAY_END,
    ZC_JSON_OBJECT_END,
    ZC_JSON_END,              /* the document is over; repeats */
} zc_json_kind;

const char *zc_json_kind_name(zc_json_kind kind);      /* "a string" and so on */

/* What the text is. */
typedef struct zc_json_source {
    char       *text;         /* changed while reading; borrowed for as long as results are used */
    size_t      bytes;        /* 4 GiB - 1 at most */
    size_t      limit;        /* ZC_E_LIMIT if there are more */
    uint32_t    max_values;   /* zc_json_open: values a tree may have; 0: as many as there are */
    const char *name;         /* of the document, for messages; borrowed likewise */
    uint64_t    origin;       /* where the text lies in its file: added to offsets in messages */
} zc_json_source;

typedef struct zc_json_event {
    zc_json_kind kind;
    const char  *text;        /* KEY, STRING: unescaped, with a NUL. NUMBER: as written, without. */
    size_t       bytes;
    uint64_t     offset;      /* of the event's first byte in the file */
} zc_json_event;

typedef struct zc_json_reader zc_json_reader;

zc_status zc_json_reader_open(zc_json_reader **out, zc_log *log, const zc_json_source *source);
void zc_json_reader_close(zc_json_reader **r);

/* The next event. After a failure it fails in the same way again, without a message. */
zc_status zc_json_reader_next(zc_json_reader *r, zc_log *log, zc_json_event *event);

/* After ARRAY or OBJECT: reads on to the matching end. After anything else: nothing. */
zc_status zc_json_reader_skip(zc_json_reader *r, zc_log *log, const zc_json_event *event);

/* The numbers of a NUMBER; NULL, or the reason as in num.h ("is not a whole number"). */
const char *zc_json_event_u64(const zc_json_event *event, uint64_t *out);

/* A tree. All values lie in one array, each container before its members. */
typedef struct zc_json zc_json;

typedef struct zc_json_value {
    const char *key;          /* member of an object, else NULL; ends in a NUL */
    const char *text;         /* STRING: ends in a NUL. NUMBER: as written, no NUL. */
    uint32_t    key_bytes, bytes;
    uint32_t    offset;       /* of the value in the text; see zc_json_offset */
    uint32_t    count;        /* ARRAY, OBJECT: members */
    uint32_t    span;         /* values in this subtree, itself included */
    uint32_t    index;        /* private: of the lookup table */
    zc_json_kind kind;
} zc_json_value;

zc_status zc_json_open(zc_json **out, zc_log *log, const zc_json_source *source);
void zc_json_close(zc_json **doc);

/* All values are borrowed from the document. */
const zc_json_value *zc_json_root(const zc_json *doc);
const char *zc_json_name(const zc_json *doc);
uint64_t zc_json_offset(const zc_json *doc, const zc_json_value *v);     /* in the file */

/* for (v = zc_json_first(list); v; v = zc_json_after(list, v)) */
const zc_json_value *zc_json_first(const zc_json_value *container);
const zc_json_value *zc_json_after(const zc_json_value *container, const zc_json_value *v);

/* The member of that key, in O(log n); NULL if there is none or `object` isn't one. */
const zc_json_value *zc_json_find(const zc_json *doc, const zc_json_value *object,
                                  const char *key);
const zc_json_value *zc_json_find_bytes(const zc_json *doc, const zc_json_value *object,
                                        const char *key, size_t bytes);

/* Like find, but says in the log what is wrong: ZC_E_MISSING if it isn't there,
 * ZC_E_FORMAT if it is of another kind. */
zc_status zc_json_need(const zc_json *doc, zc_log *log, const zc_json_value *object,
                       const char *key, zc_json_kind kind, const zc_json_value **out);
zc_status zc_json_need_i64(const zc_json *doc, zc_log *log, const zc_json_value *object,
                           const char *key, int64_t min, int64_t max, int64_t *out);
zc_status zc_json_need_f64(const zc_json *doc, zc_log *log, const zc_json_value *object,
                           const char *key, double *out);

/* False if the value is no number, or none of that kind: 1.0 and 1e3 are no integers. */
bool zc_json_u64(const zc_json_value *v, uint64_t *out);
bool zc_json_i64(const zc_json_value *v, int64_t *out);
bool zc_json_f64(const zc_json_value *v, double *out);

/* Writes a document into a zc_str, commas included; { .to = &str } to start. */
typedef struct zc_json_writer {
    zc_str *to;
    bool    comma;            /* private: something stands before */
} zc_json_writer;

void zc_json_begin_object(zc_json_writer *w);
void zc_json_end_object(zc_json_writer *w);
void zc_json_begin_array(zc_json_writer *w);
void zc_json_end_array(zc_json_writer *w);
void zc_json_add_key(zc_json_writer *w, const char *key);
void zc_json_add_string(zc_json_writer *w, const char *text);
/* Text that isn't valid UTF-8 gets U+FFFD for each bad byte. */
void zc_json_add_bytes(zc_json_writer *w, const char *text, size_t bytes);
void zc_json_add_u64(zc_json_writer *w, uint64_t value);
void zc_json_add_i64(zc_json_writer *w, int64_t value);
void zc_json_add_f64(zc_json_writer *w, double value);      /* null if it isn't finite */
void zc_json_add_bool(zc_json_writer *w, bool value);
void zc_json_add_null(zc_json_writer *w);
void zc_json_add_json(zc_json_writer *w, const char *json);     /* a value already written */

#endif
