/* JSON out. */

#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/num.h"

/* What goes before a value or a key. */
static void separate(zc_json_writer *w)
{
    if (w->comma)
        zc_str_add(w->to, ",");
    w->comma = true;
}

static void begin(zc_json_writer *w, const char *bracket)
{
    separate(w);
    zc_str_add(w->to, bracket);
    w->comma = false;
}

static void end(zc_json_writer *w, const char *bracket)
{
    zc_str_add(w->to, bracket);
    w->comma = true;
}

void zc_json_begin_object(zc_json_writer *w)
{
    begin(w, "{");
}

void zc_json_end_object(zc_json_writer *w)
{
    end(w, "}");
}

void zc_json_begin_array(zc_json_writer *w)
{
    begin(w, "[");
}

void zc_json_end_array(zc_json_writer *w)
{
    end(w, "]");
}

/* One character, escaped if it must be. */
static void add_character(zc_str *to, const char *bytes, size_t count)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const unsigned char c = (unsigned char)bytes[0];
    const char *found = c > 0 ? strchr(plain, c) : NULL;

    if (found)
        zc_str_add_format(to, "\\%c", letters[found - plain]);
    else if (c < 0x20)
        zc_str_add_format(to, "\\u%04x", c);
    else
        zc_str_add_bytes(to, bytes, count);
}

void zc_json_add_bytes(zc_json_writer *w, const char *text, size_t bytes)
{
    uint32_t code;
    size_t n;

    separate(w);
    zc_str_add(w->to, "\"");
    for (size_t i = 0; i < bytes; i += n > 0 ? n : 1) {
        n = zc_utf8_decode(&code, text + i, bytes - i);
        if (n > 0)
            add_character(w->to, text + i, n);
        else
            zc_str_add(w->to, "\xef\xbf\xbd");
    }
    zc_str_add(w->to, "\"");
}

void zc_json_add_string(zc_json_writer *w, const char *text)
{
    zc_json_add_bytes(w, text, strlen(text));
}

void zc_json_add_key(zc_json_writer *w, const char *key)
{
    zc_json_add_string(w, key);
    zc_str_add(w->to, ":");
    w->comma = false;
}

static void add_plain(zc_json_writer *w, const char *text)
{
    separate(w);
    zc_str_add(w->to, text);
}

void zc_json_add_u64(zc_json_writer *w, uint64_t value)
{
    char text[ZC_NUM_TEXT];

    zc_num_write_u64(text, value);
    add_plain(w, text);
}

void zc_json_add_i64(zc_json_writer *w, int64_t value)
{
    char text[ZC_NUM_TEXT];

    zc_num_write_i64(text, value);
    add_plain(w, text);
}

void zc_json_add_f64(zc_json_writer *w, double value)
{
    char text[ZC_NUM_TEXT];

    if (isfinite(value))
        zc_num_write_f64(text, value);
    add_plain(w, isfinite(value) ? text : "null");
}

void zc_json_add_bool(zc_json_writer *w, bool value)
{
    add_plain(w, value ? "true" : "false");
}

void zc_json_add_null(zc_json_writer *w)
{
    add_plain(w, "null");
}

void zc_json_add_json(zc_json_writer *w, const char *json)
{
    add_plain(w, json);
}
