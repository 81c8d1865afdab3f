/* The lines of a preset: what each says, and what it does to the request. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/preset_parts.h"

#define WHERE 320                 /* bytes of "file:line:column (from file:line): " */

/* A text that is read line by line. */
typedef struct reading {
    zc_preset  *p;
    zc_log     *log;
    int         source, number;   /* of the line, from 1 */
    const char *next, *end;       /* what is left of the text */
    const char *line, *stop;      /* the present line, without its end */
} reading;

/* What a line says. Both texts are owned. */
typedef struct saying {
    char       *key, *value;      /* NULL: nothing */
    const char *key_at, *value_at;        /* in the line */
} saying;

/* Characters up to `at`, from 1; broken bytes count for one each. */
static int column_of(const reading *r, const char *at)
{
    int column = 1;

    for (const char *c = r->line; c < at; c++)
        column += ((unsigned char)*c & 0xc0) != 0x80;
    return column;
}

/* Where a message points to. */
typedef struct place {
    char text[WHERE];
} place;

static place place_of(const reading *r, const char *at)
{
    const zc_preset_source *s = &r->p->source[r->source];
    place p = { "" };

    if (s->parent < 0)
        zc_format(p.text, WHERE, "%s:%d:%d: ", zc_quote_path(s->name).text, r->number,
                  column_of(r, at));
    else
        zc_format(p.text, WHERE, "%s:%d:%d (from %s:%d): ", zc_quote_path(s->name).text,
                  r->number, column_of(r, at), zc_quote_path(r->p->source[s->parent].name).text,
                  s->line);
    return p;
}

/* ---- Lines ---- */

/* Sets line and stop; false at the end of the text. */
static bool next_line(reading *r)
{
    if (r->next == r->end)
        return false;
    const char *newline = memchr(r->next, '\n', (size_t)(r->end - r->next));
    r->line = r->next;
    r->stop = newline ? newline : r->end;
    r->next = newline ? newline + 1 : r->end;
    if (r->stop > r->line && r->stop[-1] == '\r')
        r->stop--;
    r->number++;
    return true;
}

static zc_status check_line(const reading *r)
{
    const size_t bytes = (size_t)(r->stop - r->line);
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    ZC_CHECK(bytes <= ZC_PRESET_LINE, ZC_E_LIMIT, "%sa line of %zu bytes, expected at most %u",
             place_of(r, r->line).text, bytes, ZC_PRESET_LINE);
    const char *bad = r->line + zc_utf8_valid(r->line, bytes);
    const char *control = r->line;
    while (control < r->stop && ((unsigned char)*control >= 0x20 || *control == '\t') &&
           *control != 0x7f)
        control++;
    ZC_CHECK(control >= bad, ZC_E_FORMAT, "%sa control byte '%s', expected text",
             place_of(r, control).text, zc_quote(control, 1).text);
    ZC_CHECK(bad == r->stop, ZC_E_FORMAT, "%sthe byte '%s' is not UTF-8, in which presets are",
             place_of(r, bad).text, zc_quote(bad, 1).text);
done:
    return st;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* [from, to) without blanks at its ends. */
static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from))
        (*from)++;
    while (*from < *to && is_blank((*to)[-1]))
        (*to)--;
}

static void forget(saying *s)
{
    zc_free(s->key);
    zc_free(s->value);
    *s = (saying){ .key = NULL };
}

/* The present line as key and value, as they stand there. */
static zc_status split(const reading *r, saying *s)
{
    zc_status st = ZC_OK;
    zc_log *log = r->log;
    const char *from = r->line, *to = r->stop;

    *s = (saying){ .key = NULL };
    ZC_TRY(check_line(r));
    trim(&from, &to);
    if (from == to || *from == '#')
        goto done;
    const char *equals = memchr(from, '=', (size_t)(to - from));
    ZC_CHECK(equals, ZC_E_FORMAT, "%sexpected 'key = value', found '%s'",
             place_of(r, from).text, zc_quote(from, (size_t)(to - from)).text);
    const char *key_end = equals, *value = equals + 1;
    trim(&from, &key_end);
    trim(&value, &to);
    ZC_CHECK(from < key_end, ZC_E_FORMAT, "%sexpected a key before the '='",
             place_of(r, from).text);
    s->key_at = from;
    s->value_at = value;
    s->key = zc_copy_text(from, (size_t)(key_end - from));
    s->value = zc_copy_text(value, (size_t)(to - value));
    ZC_CHECK(s->key && s->value, ZC_E_NOMEM, "out of memory");
done:
    if (st != ZC_OK)
        forget(s);
    return st;
}

/* ---- Variables ---- */

static bool is_name(const char *name, size_t bytes)
{
    if (bytes == 0 || bytes > ZC_PRESET_NAME || (*name >= '0' && *name <= '9'))
        return false;
    for (size_t i = 0; i < bytes; i++) {
        const char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return true;
}

/* The options' value, last one first, or else the first default; with a "$" or without. */
static zc_preset_setting *find_variable(zc_preset *p, const char *name, size_t bytes)
{
    for (size_t i = p->given; i-- > 0;) {
        const char *key = p->setting[i].key;
        key += *key == '$';
        if (strlen(key) == bytes && memcmp(key, name, bytes) == 0)
            return &p->setting[i];
    }
    for (size_t i = p->given; i < p->count; i++) {
        const char *key = p->setting[i].key;
        if (*key == '$' && strlen(key + 1) == bytes && memcmp(key + 1, name, bytes) == 0)
            return &p->setting[i];
    }
    return NULL;
}

/* Fills in the variables of a value. */
static zc_status expand(const reading *r, saying *s)
{
    zc_status st = ZC_OK;
    zc_log *log = r->log;
    zc_str out = { 0 };

    for (const char *c = s->value; *c;) {
        const char *dollar = strstr(c, "${");
        if (!dollar) {
            zc_str_add(&out, c);
            break;
        }
        if (dollar > c && dollar[-1] == '$') {            /* $${ is ${ */
            zc_str_add_bytes(&out, c, (size_t)(dollar - 1 - c));
            zc_str_add(&out, "${");
            c = dollar + 2;
            continue;
        }
        const char *close = strchr(dollar, '}');
        const place where = place_of(r, s->value_at + (dollar - s->value));
        ZC_CHECK(close && is_name(dollar + 2, (size_t)(close - dollar - 2)), ZC_E_FORMAT,
                 "%s%s: expected ${NAME} of letters, digits and _, found '%s'", where.text,
                 zc_quote_text(s->key).text,
                 zc_quote(dollar, close ? (size_t)(close + 1 - dollar) : strlen(dollar)).text);
        ZC_CHECK(r->p->expansions++ < ZC_PRESET_SETTINGS, ZC_E_LIMIT,
                 "%smore than %d variables filled in", where.text, ZC_PRESET_SETTINGS);
        zc_preset_setting *v = find_variable(r->p, dollar + 2, (size_t)(close - dollar - 2));
        const zc_quoted name = zc_quote(dollar + 2, (size_t)(close - dollar - 2));
        ZC_CHECK(v, ZC_E_MISSING, "%s%s: ${%s} has no value: set %s=VALUE, or $%s in the preset",
                 where.text, zc_quote_text(s->key).text, name.text, name.text, name.text);
        v->used = true;
        zc_str_add_bytes(&out, c, (size_t)(dollar - c));
        zc_str_add(&out, v->value);
        ZC_CHECK(out.length <= ZC_PRESET_LINE, ZC_E_LIMIT,
                 "%s%s: more than %u bytes with ${%s} filled in", where.text,
                 zc_quote_text(s->key).text, ZC_PRESET_LINE, name.text);
        c = close + 1;
    }
    const char *from = zc_str_get(&out), *to = from + out.length;
    trim(&from, &to);                 /* blanks at the ends may have come with a variable */
    char *value = out.failed ? NULL : zc_copy_text(from, (size_t)(to - from));
    ZC_CHECK(value, ZC_E_NOMEM, "out of memory");
    zc_free(s->value);
    s->value = value;
done:
    zc_str_fini(&out);
    return st;
}

/* ---- What is set ---- */

/* Remembers a line; takes the texts of `s`. */
static zc_status remember(const reading *r, saying *s)
{
    zc_preset *p = r->p;
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    ZC_CHECK(p->count < ZC_PRESET_SETTINGS, ZC_E_LIMIT, "%smore than %d lines that set something",
             place_of(r, s->key_at).text, ZC_PRESET_SETTINGS);
    ZC_CHECK(zc_grow(&p->setting, &p->capacity, p->count + 1, sizeof(p->setting[0])), ZC_E_NOMEM,
             "out of memory");
    p->setting[p->count++] = (zc_preset_setting){
        .key = s->key, .value = s->value, .source = r->source, .line = r->number,
        .column = column_of(r, s->value_at), .key_column = column_of(r, s->key_at),
    };
    *s = (saying){ .key = NULL };
done:
    return st;
}

/* No key twice in one file. */
static zc_status check_again(const reading *r, const saying *s)
{
    const zc_preset *p = r->p;
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    for (size_t i = p->given; i < p->count; i++) {
        const zc_preset_setting *z = &p->setting[i];
        if (z->source != r->source || strcmp(z->key, s->key) != 0)
            continue;
        ZC_CHECK(false, ZC_E_FORMAT, "%s%s: set twice, first in line %d; expected once in a file",
                 place_of(r, s->key_at).text, zc_quote_text(s->key).text, z->line);
    }
done:
    return st;
}

zc_status zc_preset_resolve(const zc_preset *p, zc_log *log, int source, const char *where,
                            const char *key, char **value)
{
    const zc_preset_source *s = &p->source[source];
    zc_status st = ZC_OK;
    zc_str path = { 0 }, other = { 0 };
    zc_file_info info;

    if (!s->file || !**value)
        return ZC_OK;
    ZC_CHECK(zc_preset_below(*value), ZC_E_UNSAFE, "%s%s: '%s' has a '..'; expected a path below "
             "the preset's folder, or a whole one", where, key, zc_quote_path(*value).text);
    if (**value == '/')
        goto done;
    zc_str_add_format(&path, "%s%s", s->folder, *value);
    if (!path.failed && !zc_path_info(&info, zc_str_get(&path)))
        zc_preset_search(p->folders, *value, "", &other);
    zc_free(*value);
    *value = other.failed ? NULL : zc_str_release(other.length > 0 ? &other : &path);
    ZC_CHECK(*value, ZC_E_NOMEM, "%sout of memory", where);
done:
    zc_str_fini(&path);
    zc_str_fini(&other);
    return st;
}

/* Another row: what earlier files said of the one before does not count any more. */
static void drop_options(const reading *r, const zc_request_row *row, const char *value)
{
    zc_preset *p = r->p;

    if (strcmp((const char *)p->q + row->name, value) == 0)
        return;
    for (size_t i = p->given; i < p->count; i++) {
        if (p->setting[i].source != r->source && zc_str_starts(p->setting[i].key, row->prefix))
            p->setting[i].dropped = true;
    }
}

/* The row of the table whose option or prefix begins the key; NULL if none. */
static const zc_request_row *row_of(const char *key, bool prefix)
{
    for (const zc_request_row *row = zc_request_rows; row->key; row++) {
        if (prefix ? zc_str_starts(key, row->prefix) : zc_str_equal(key, row->key))
            return row;
    }
    return NULL;
}

/* A key with a point that no row has. */
static zc_status unknown_prefix(const reading *r, const saying *s)
{
    const char *point = strchr(s->key, '.');
    char *first = zc_copy_text(s->key, (size_t)(point - s->key));
    zc_str known = { 0 };
    zc_nearest near;

    zc_nearest_init(&near, first ? first : "");
    for (const zc_request_row *row = zc_request_rows; row->key; row++) {
        zc_nearest_offer(&near, row->key);
        zc_str_add_format(&known, "%s%sKEY", known.length > 0 ? ", " : "", row->prefix);
    }
    const place where = place_of(r, s->key_at);
    if (near.best)
        zc_error(r->log, "%s%s: there is no such option; did you mean '%s%s'?", where.text,
                 zc_quote_text(s->key).text, near.best, zc_quote_text(point).text);
    else
        zc_error(r->log, "%s%s: there is no such option; with a point there are %s", where.text,
                 zc_quote_text(s->key).text, zc_str_get(&known));
    zc_str_fini(&known);
    zc_free(first);
    return ZC_E_MISSING;
}

static zc_status set_option(const reading *r, saying *s)
{
    const zc_request_row *row = row_of(s->key, false);
    const zc_opt *opt = zc_opt_find(zc_request_opts, s->key);
    zc_status st = ZC_OK;

    if (!opt && strchr(s->key, '.'))
        return row_of(s->key, true) ? remember(r, s) : unknown_prefix(r, s);
    const place where = place_of(r, opt ? s->value_at : s->key_at);
    if (opt && opt->kind == ZC_OPT_KIND_PATH)
        ZC_TRY(zc_preset_resolve(r->p, r->log, r->source, where.text, s->key, &s->value));
    if (row)
        drop_options(r, row, s->value);
    ZC_TRY(zc_opt_set(zc_request_opts, r->p->q, r->log, where.text, s->key, s->value));
    ZC_TRY(remember(r, s));
done:
    return st;
}

static zc_status set_variable(const reading *r, saying *s)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;

    ZC_CHECK(is_name(s->key + 1, strlen(s->key + 1)), ZC_E_FORMAT,
             "%s'%s' is no variable: expected $ and a name of at most %d letters, digits and _",
             place_of(r, s->key_at).text, zc_quote_text(s->key).text, ZC_PRESET_NAME);
    ZC_TRY(remember(r, s));
done:
    return st;
}

/* A key of the options that the preset has asked for as a variable need be nothing else. */
static bool was_variable(const reading *r, const saying *s)
{
    const zc_preset *p = r->p;

    for (size_t i = 0; i < p->given; i++) {
        if (p->setting[i].used && strcmp(p->setting[i].key, s->key) == 0)
            return !zc_opt_find(zc_request_opts, s->key);
    }
    return false;
}

static zc_status obey(reading *r, saying *s)
{
    const bool over = r->p->source[r->source].over;
    const bool include = strcmp(s->key, "include") == 0;
    zc_status st = ZC_OK;

    if (over && (*s->key == '$' || was_variable(r, s)))
        return ZC_OK;
    if (!over && !include)
        ZC_TRY(check_again(r, s));
    if (!over)
        ZC_TRY(expand(r, s));
    if (include)
        return zc_preset_read_file(r->p, r->log, s->value, r->source, r->number,
                                   place_of(r, s->value_at).text);
    ZC_TRY(*s->key == '$' ? set_variable(r, s) : set_option(r, s));
done:
    return st;
}

/* A text that is not of this kind at all is told as a whole. */
static zc_status begin(reading *r, zc_preset *p, zc_log *log, int source, const char *text,
                       size_t bytes)
{
    const char *name = p->source[source].name;
    zc_status st = ZC_OK;

    *r = (reading){ .p = p, .log = log, .source = source, .next = text, .end = text + bytes };
    ZC_CHECK(bytes < 2 || (memcmp(text, "\xff\xfe", 2) != 0 && memcmp(text, "\xfe\xff", 2) != 0),
             ZC_E_FORMAT, "%s: this is UTF-16, expected UTF-8", zc_quote_path(name).text);
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r->next += 3;
done:
    return st;
}

zc_status zc_preset_read_text(zc_preset *p, zc_log *log, int source, const char *text,
                              size_t bytes)
{
    zc_status st = ZC_OK;
    reading r;
    saying s = { .key = NULL };

    ZC_TRY(begin(&r, p, log, source, text, bytes));
    while (next_line(&r)) {
        ZC_TRY(split(&r, &s));
        if (s.key)
            ZC_TRY(obey(&r, &s));
        forget(&s);
    }
done:
    forget(&s);
    return st;
}

zc_status zc_preset_read_given(zc_preset *p, zc_log *log, int source, const char *text)
{
    zc_status st = ZC_OK;
    reading r;
    saying s = { .key = NULL };

    ZC_TRY(begin(&r, p, log, source, text, strlen(text)));
    while (next_line(&r)) {
        ZC_TRY(split(&r, &s));
        if (s.key && *s.key == '$')
            ZC_TRY(set_variable(&r, &s));
        else if (s.key)
            ZC_TRY(remember(&r, &s));
    }
    p->given = p->count;
done:
    forget(&s);
    return st;
}
