/* Options from text and back. */

#include <assert.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/num.h"
#include "core/base/opt.h"

const zc_opt *zc_opt_find(const zc_opt *opts, const char *key)
{
    for (; opts->key; opts++) {
        if (zc_str_equal(opts->key, key))
            return opts;
    }
    return NULL;
}

/* Integer fields, and those that are stored like them. */
static void store_int(const zc_opt *o, void *state, int64_t value)
{
    char *field = (char *)state + o->offset;
    const int32_t narrow = (int32_t)value;
    const bool truth = value != 0;

    if (o->kind == ZC_OPT_KIND_BOOL)
        memcpy(field, &truth, sizeof(truth));
    else if (o->size == sizeof(narrow))
        memcpy(field, &narrow, sizeof(narrow));
    else
        memcpy(field, &value, sizeof(value));
}

static int64_t load_int(const zc_opt *o, const void *state)
{
    const char *field = (const char *)state + o->offset;
    int64_t value;
    int32_t narrow;
    bool truth;

    if (o->kind == ZC_OPT_KIND_BOOL) {
        memcpy(&truth, field, sizeof(truth));
        return truth;
    }
    if (o->size == sizeof(narrow)) {
        memcpy(&narrow, field, sizeof(narrow));
        return narrow;
    }
    memcpy(&value, field, sizeof(value));
    return value;
}

static void store_float(const zc_opt *o, void *state, double value)
{
    char *field = (char *)state + o->offset;
    const float narrow = (float)value;

    if (o->size == sizeof(narrow))
        memcpy(field, &narrow, sizeof(narrow));
    else
        memcpy(field, &value, sizeof(value));
}

void zc_opt_defaults(const zc_opt *opts, void *state)
{
    for (const zc_opt *o = opts; o->key; o++) {
        if (o->kind == ZC_OPT_KIND_STR || o->kind == ZC_OPT_KIND_PATH) {
            assert(strlen(o->s) < o->size);
            memset((char *)state + o->offset, 0, o->size);
            memcpy((char *)state + o->offset, o->s, strlen(o->s));
        } else if (o->kind == ZC_OPT_KIND_FLOAT) {
            store_float(o, state, o->f);
        } else {
            store_int(o, state, o->i);
        }
    }
}

/* Each reader stores the value, or returns why it can't. */
static const char *read_int(const zc_opt *o, void *state, const char *value)
{
    int64_t i = 0;
    const char *why = zc_num_read_i64(&i, value, strlen(value));

    if (why)
        return why;
    if (i < o->i_min || i > o->i_max)
        return "is out of range";
    store_int(o, state, i);
    return NULL;
}

static const char *read_float(const zc_opt *o, void *state, const char *value)
{
    double f = 0;
    float narrow = 0;
    const char *why = zc_num_read_f64(&f, value, strlen(value));

    /* A float is rounded once, from the text. */
    if (!why && o->size == sizeof(narrow))
        why = zc_num_read_f32(&narrow, value, strlen(value));
    if (why)
        return why;
    if (f < o->f_min || f > o->f_max)
        return "is out of range";
    store_float(o, state, o->size == sizeof(narrow) ? (double)narrow : f);
    return NULL;
}

static const char *read_bool(const zc_opt *o, void *state, const char *value)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

    for (size_t i = 0; i < ZC_COUNT(words); i++) {
        if (zc_str_equal(words[i], value)) {
            store_int(o, state, i & 1);
            return NULL;
        }
    }
    return "is neither true nor false";
}

static const char *read_str(const zc_opt *o, void *state, const char *value)
{
    const size_t n = strlen(value);

    if (n >= o->size)
        return "is too long";
    if (zc_utf8_valid(value, n) < n)
        return "is not valid UTF-8";
    memset((char *)state + o->offset, 0, o->size);
    memcpy((char *)state + o->offset, value, n);
    return NULL;
}

static const char *read_enum(const zc_opt *o, void *state, const char *value)
{
    for (int i = 0; o->names[i]; i++) {
        if (zc_str_equal(o->names[i], value)) {
            store_int(o, state, i);
            return NULL;
        }
    }
    return "is not known";
}

static zc_status unknown_key(const zc_opt *opts, zc_log *log, const char *where, const char *key)
{
    zc_str known = { 0 };
    zc_nearest n;

    zc_nearest_init(&n, key);
    for (const zc_opt *o = opts; o->key; o++) {
        zc_nearest_offer(&n, o->key);
        zc_str_add(&known, known.length > 0 ? ", " : "");
        zc_str_add(&known, o->key);
    }
    if (n.best)
        zc_error(log, "%s%s: there is no such option; did you mean '%s'?", where,
                 zc_quote_text(key).text, n.best);
    else
        zc_error(log, "%s%s: there is no such option; known: %s", where, zc_quote_text(key).text,
                 known.length > 0 ? zc_str_get(&known) : "none");
    zc_str_fini(&known);
    return ZC_E_MISSING;
}

zc_status zc_opt_set(const zc_opt *opts, void *state, zc_log *log, const char *where,
                     const char *key, const char *value)
{
    static const char *(*const readers[])(const zc_opt *o, void *state, const char *value) = {
        [ZC_OPT_KIND_INT]   = read_int,
        [ZC_OPT_KIND_FLOAT] = read_float,
        [ZC_OPT_KIND_BOOL]  = read_bool,
        [ZC_OPT_KIND_STR]   = read_str,
        [ZC_OPT_KIND_ENUM]  = read_enum,
        [ZC_OPT_KIND_PATH]  = read_str,
    };
    const zc_opt *o = zc_opt_find(opts, key);
    zc_str range = { 0 };
    const char *why;

    if (!o)
        return unknown_key(opts, log, where, key);
    why = readers[o->kind](o, state, value);
    if (!why)
        return ZC_OK;
    zc_opt_print_range(o, &range);
    zc_error(log, "%s%s: '%s' %s; expected: %s", where, key, zc_quote_text(value).text, why,
             zc_str_get(&range));
    zc_str_fini(&range);
    return ZC_E_ARGUMENT;
}

static void print_float(const zc_opt *o, double value, zc_str *to)
{
    char text[ZC_NUM_TEXT];

    if (o->size == sizeof(float))
        zc_num_write_f32(text, (float)value);
    else
        zc_num_write_f64(text, value);
    zc_str_add(to, text);
}

void zc_opt_print(const zc_opt *opt, const void *state, zc_str *to)
{
    const char *field = (const char *)state + opt->offset;
    double f;
    float narrow;

    switch (opt->kind) {
    case ZC_OPT_KIND_INT:
        zc_str_add_format(to, "%lld", (long long)load_int(opt, state));
        break;
    case ZC_OPT_KIND_FLOAT:
        memcpy(&narrow, field, sizeof(narrow));
        f = (double)narrow;
        if (opt->size == sizeof(f))
            memcpy(&f, field, sizeof(f));
        print_float(opt, f, to);
        break;
    case ZC_OPT_KIND_BOOL:
        zc_str_add(to, load_int(opt, state) ? "true" : "false");
        break;
    case ZC_OPT_KIND_STR:
    case ZC_OPT_KIND_PATH:
        zc_str_add(to, field);
        break;
    case ZC_OPT_KIND_ENUM:
        zc_str_add(to, opt->names[load_int(opt, state)]);
        break;
    }
}

void zc_opt_print_range(const zc_opt *opt, zc_str *to)
{
    switch (opt->kind) {
    case ZC_OPT_KIND_INT:
        zc_str_add_format(to, "%lld to %lld", (long long)opt->i_min, (long long)opt->i_max);
        break;
    case ZC_OPT_KIND_FLOAT:
        print_float(opt, opt->f_min, to);
        zc_str_add(to, " to ");
        print_float(opt, opt->f_max, to);
        break;
    case ZC_OPT_KIND_BOOL:
        zc_str_add(to, "true or false");
        break;
    case ZC_OPT_KIND_STR:
    case ZC_OPT_KIND_PATH:
        zc_str_add_format(to, "text of at most %zu bytes", opt->size - 1);
        break;
    case ZC_OPT_KIND_ENUM:
        zc_str_add(to, "one of ");
        for (int i = 0; opt->names[i]; i++) {
            zc_str_add(to, i > 0 ? ", " : "");
            zc_str_add(to, opt->names[i]);
        }
        break;
    }
}

static void print_default(const zc_opt *o, zc_str *to)
{
    switch (o->kind) {
    case ZC_OPT_KIND_INT:
        zc_str_add_format(to, "%lld", (long long)o->i);
        break;
    case ZC_OPT_KIND_FLOAT:
        print_float(o, o->f, to);
        break;
    case ZC_OPT_KIND_BOOL:
        zc_str_add(to, o->i ? "true" : "false");
        break;
    case ZC_OPT_KIND_STR:
    case ZC_OPT_KIND_PATH:
        zc_str_add(to, o->s);
        break;
    case ZC_OPT_KIND_ENUM:
        zc_str_add(to, o->names[o->i]);
        break;
    }
}

void zc_opt_list(const zc_opt *opts, const char *prefix, zc_str *to)
{
    for (const zc_opt *o = opts; o->key; o++) {
        zc_str_add_format(to, "%s%s = ", prefix, o->key);
        print_default(o, to);
        zc_str_add(to, "    # ");
        zc_opt_print_range(o, to);
        zc_str_add_format(to, ": %s\n", o->help);
    }
}
