/* The JSON reader: one event after another, in place. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/sort.h"

#define FEW_KEYS 8        /* compared pair by pair */

/* What may come next. */
enum want {
    WANT_VALUE,
    WANT_VALUE_OR_END,        /* after [ */
    WANT_KEY,                 /* after , in an object */
    WANT_KEY_OR_END,          /* after { */
    WANT_COMMA_OR_END,        /* after a value */
};

/* A key of an object that is still open. */
struct key {
    uint64_t hash;
    uint32_t at, bytes;       /* of the unescaped text */
};

struct level {
    bool   is_object;
    size_t first_key;
};

struct zc_json_reader {
    zc_json_source source;
    size_t         at;
    enum want      want;
    int            depth;
    struct level   levels[ZC_JSON_DEPTH];
    struct key    *keys;
    size_t         key_count, key_capacity;
    zc_status      failed;
};

const char *zc_json_kind_name(zc_json_kind kind)
{
    static const char *const names[] = {
        [ZC_JSON_NULL]       = "null",
        [ZC_JSON_FALSE]      = "false",
        [ZC_JSON_TRUE]       = "true",
        [ZC_JSON_NUMBER]     = "a number",
        [ZC_JSON_STRING]     = "a string",
        [ZC_JSON_ARRAY]      = "an array",
        [ZC_JSON_OBJECT]     = "an object",
        [ZC_JSON_KEY]        = "a key",
        [ZC_JSON_ARRAY_END]  = "the end of an array",
        [ZC_JSON_OBJECT_END] = "the end of an object",
        [ZC_JSON_END]        = "the end of the text",
    };

    return names[kind];
}

static uint64_t offset_of(const zc_json_reader *r, size_t at)
{
    return r->source.origin + at;
}

/* Complains about the byte at `at`: what was expected there. */
static zc_status unexpected(const zc_json_reader *r, zc_log *log, size_t at, const char *expected)
{
    const unsigned long long offset = offset_of(r, at);

    if (at >= r->source.bytes) {
        zc_error(log, "%s: byte %llu: expected %s, but the text ends", r->source.name, offset,
                 expected);
        return ZC_E_TRUNCATED;
    }
    zc_error(log, "%s: byte %llu: expected %s, found '%s'", r->source.name, offset, expected,
             zc_quote(r->source.text + at, 1).text);
    return ZC_E_FORMAT;
}

static zc_status broken(const zc_json_reader *r, zc_log *log, size_t at, const char *what)
{
    zc_error(log, "%s: byte %llu: %s", r->source.name, (unsigned long long)offset_of(r, at), what);
    return ZC_E_FORMAT;
}

/* The byte at the cursor; -1 at the end. */
static int peek(const zc_json_reader *r)
{
    return r->at < r->source.bytes ? (unsigned char)r->source.text[r->at] : -1;
}

static void skip_blanks(zc_json_reader *r)
{
    int c;

    while ((c = peek(r)) == ' ' || c == '\n' || c == '\t' || c == '\r')
        r->at++;
}

/* Four hex digits at `at`; -1 if they aren't. */
static int read_hex(const zc_json_reader *r, size_t at)
{
    int value = 0;

    if (r->source.bytes - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char c = r->source.text[at + (size_t)i];

        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* \uXXXX, or two of them for one character. The cursor stands on the u. */
static zc_status read_unicode(zc_json_reader *r, zc_log *log, uint32_t *code)
{
    const size_t escape = r->at - 1;
    int high, low;

    high = read_hex(r, r->at + 1);
    if (high < 0)
        return broken(r, log, escape, "\\u needs four hex digits");
    r->at += 5;
    if (high == 0)
        return broken(r, log, escape, "\\u0000 is not allowed");
    *code = (uint32_t)high;
    if (high < 0xd800 || high > 0xdfff)
        return ZC_OK;
    low = -1;
    if (high < 0xdc00 && peek(r) == '\\' && r->source.bytes - r->at > 1 &&
        r->source.text[r->at + 1] == 'u')
        low = read_hex(r, r->at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return broken(r, log, escape, "half of a surrogate pair");
    r->at += 6;
    *code = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return ZC_OK;
}

/* The character behind a backslash, on which the cursor stands. */
static zc_status read_escape(zc_json_reader *r, zc_log *log, uint32_t *code)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found;
    int c;

    r->at++;
    c = peek(r);
    if (c == 'u')
        return read_unicode(r, log, code);
    found = c > 0 ? strchr(letters, c) : NULL;
    if (!found)
        return unexpected(r, log, r->at, "an escape");
    *code = (uint32_t)meanings[found - letters];
    r->at++;
    return ZC_OK;
}

/* A string, whose opening quote is at the cursor: unescaped to where it stands,
 * the NUL at the latest in place of the closing quote. */
static zc_status read_string(zc_json_reader *r, zc_log *log, const char **text, size_t *bytes)
{
    char *const base = r->source.text;
    char *const start = base + r->at + 1;
    char *to = start;
    zc_status st;
    uint32_t code;
    size_t n;
    int c;

    r->at++;
    while ((c = peek(r)) != '"') {
        if (c >= 0x20 && c < 0x80 && c != '\\') {
            *to++ = (char)c;
            r->at++;
        } else if (c == '\\') {
            st = read_escape(r, log, &code);
            if (st != ZC_OK)
                return st;
            to += zc_utf8_encode(to, code);
        } else if (c < 0) {
            return unexpected(r, log, r->at, "the end of a string");
        } else if (c < 0x20) {
            return broken(r, log, r->at, "control byte in a string");
        } else {
            n = zc_utf8_decode(&code, base + r->at, r->source.bytes - r->at);
            if (n == 0)
                return broken(r, log, r->at, "a string is not valid UTF-8");
            memmove(to, base + r->at, n);
            to += n;
            r->at += n;
        }
    }
    r->at++;
    *to = '\0';
    *text = start;
    *bytes = (size_t)(to - start);
    return ZC_OK;
}

/* Steps over digits; false if there is none. */
static bool skip_digits(zc_json_reader *r)
{
    const size_t start = r->at;

    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at > start;
}

static zc_status read_number(zc_json_reader *r, zc_log *log, zc_json_event *event)
{
    const size_t start = r->at;

    if (peek(r) == '-')
        r->at++;
    if (peek(r) == '0')
        r->at++;
    else if (!skip_digits(r))
        return unexpected(r, log, r->at, "a digit");
    if (peek(r) == '.') {
        r->at++;
        if (!skip_digits(r))
            return unexpected(r, log, r->at, "a digit");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!skip_digits(r))
            return unexpected(r, log, r->at, "a digit");
    }
    event->kind = ZC_JSON_NUMBER;
    event->text = r->source.text + start;
    event->bytes = r->at - start;
    return ZC_OK;
}

static zc_status read_word(zc_json_reader *r, zc_log *log, const char *word, zc_json_kind kind,
                           zc_json_event *event)
{
    for (; *word; word++, r->at++) {
        if (peek(r) != *word)
            return unexpected(r, log, r->at, "true, false or null");
    }
    event->kind = kind;
    return ZC_OK;
}

static zc_status begin(zc_json_reader *r, zc_log *log, bool is_object, zc_json_event *event)
{
    if (r->depth == ZC_JSON_DEPTH) {
        zc_error(log, "%s: byte %llu: nested more than %d levels deep", r->source.name,
                 (unsigned long long)offset_of(r, r->at), ZC_JSON_DEPTH);
        return ZC_E_LIMIT;
    }
    r->levels[r->depth++] = (struct level){ is_object, r->key_count };
    r->at++;
    r->want = is_object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    event->kind = is_object ? ZC_JSON_OBJECT : ZC_JSON_ARRAY;
    return ZC_OK;
}

static zc_status read_value(zc_json_reader *r, zc_log *log, zc_json_event *event)
{
    const char *expected = r->want == WANT_VALUE_OR_END ? "a value or ]" : "a value";
    const int c = peek(r);

    if (c == '{' || c == '[')
        return begin(r, log, c == '{', event);
    r->want = WANT_COMMA_OR_END;
    if (c == '"') {
        event->kind = ZC_JSON_STRING;
        return read_string(r, log, &event->text, &event->bytes);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(r, log, event);
    if (c == 't')
        return read_word(r, log, "true", ZC_JSON_TRUE, event);
    if (c == 'f')
        return read_word(r, log, "false", ZC_JSON_FALSE, event);
    if (c == 'n')
        return read_word(r, log, "null", ZC_JSON_NULL, event);
    return unexpected(r, log, r->at, expected);
}

static zc_status read_key(zc_json_reader *r, zc_log *log, zc_json_event *event)
{
    zc_status st = ZC_OK;

    if (peek(r) != '"')
        return unexpected(r, log, r->at, r->want == WANT_KEY ? "a key" : "a key or }");
    ZC_TRY(read_string(r, log, &event->text, &event->bytes));
    event->kind = ZC_JSON_KEY;
    ZC_CHECK(zc_grow(&r->keys, &r->key_capacity, r->key_count + 1, sizeof(r->keys[0])),
             ZC_E_NOMEM, "%s: out of memory", r->source.name);
    r->keys[r->key_count++] = (struct key){
        .hash = zc_hash64(event->text, event->bytes),
        .at = (uint32_t)(event->text - r->source.text),
        .bytes = (uint32_t)event->bytes,
    };
    skip_blanks(r);
    if (peek(r) != ':')
        return unexpected(r, log, r->at, "a colon");
    r->at++;
    r->want = WANT_VALUE;
done:
    return st;
}

/* An order in which only equal keys are equal. The context is the text. */
static int compare_keys(const void *a, const void *b, const void *context)
{
    const struct key *x = a, *y = b;
    const char *text = context;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return memcmp(text + x->at, text + y->at, x->bytes);
}

static zc_status refuse_twins(const zc_json_reader *r, zc_log *log, const struct key *a,
                              const struct key *b)
{
    const uint32_t first = a->at < b->at ? a->at : b->at, second = a->at < b->at ? b->at : a->at;

    zc_error(log, "%s: byte %llu: the key '%s' is there already, at byte %llu", r->source.name,
             (unsigned long long)offset_of(r, second - 1),
             zc_quote(r->source.text + a->at, a->bytes).text,
             (unsigned long long)offset_of(r, first - 1));
    return ZC_E_FORMAT;
}

/* Looks for two equal keys of the object that ends here. */
static zc_status check_twins(zc_json_reader *r, zc_log *log, struct key *keys, size_t count)
{
    if (count <= FEW_KEYS) {
        for (size_t i = 1; i < count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (compare_keys(&keys[i], &keys[j], r->source.text) == 0)
                    return refuse_twins(r, log, &keys[i], &keys[j]);
            }
        }
        return ZC_OK;
    }
    zc_sort(keys, count, sizeof(keys[0]), compare_keys, r->source.text);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&keys[i], &keys[i - 1], r->source.text) == 0)
            return refuse_twins(r, log, &keys[i], &keys[i - 1]);
    }
    return ZC_OK;
}

static zc_status end(zc_json_reader *r, zc_log *log, zc_json_event *event)
{
    const struct level *l = &r->levels[r->depth - 1];
    const size_t keys = r->key_count - l->first_key;
    const zc_status st = keys ? check_twins(r, log, r->keys + l->first_key, keys) : ZC_OK;

    event->kind = l->is_object ? ZC_JSON_OBJECT_END : ZC_JSON_ARRAY_END;
    r->key_count = l->first_key;
    r->depth--;
    r->at++;
    r->want = WANT_COMMA_OR_END;
    return st;
}

/* After a value: steps over a comma, or ends the container or the document. *is_event tells which.
 * The cursor stands on no blank. */
static zc_status after_value(zc_json_reader *r, zc_log *log, zc_json_event *event, bool *is_event)
{
    const int c = peek(r);
    bool is_object;

    *is_event = true;
    if (r->depth == 0) {
        event->kind = ZC_JSON_END;
        return c < 0 ? ZC_OK : unexpected(r, log, r->at, "nothing more");
    }
    is_object = r->levels[r->depth - 1].is_object;
    if (c == (is_object ? '}' : ']'))
        return end(r, log, event);
    if (c != ',')
        return unexpected(r, log, r->at, is_object ? "a comma or }" : "a comma or ]");
    r->at++;
    r->want = is_object ? WANT_KEY : WANT_VALUE;
    *is_event = false;
    return ZC_OK;
}

static zc_status next_event(zc_json_reader *r, zc_log *log, zc_json_event *event)
{
    zc_status st;
    bool is_event;

    skip_blanks(r);
    event->offset = offset_of(r, r->at);
    if (r->want == WANT_COMMA_OR_END) {
        st = after_value(r, log, event, &is_event);
        if (st != ZC_OK || is_event)
            return st;
        skip_blanks(r);
        event->offset = offset_of(r, r->at);
    }
    if ((r->want == WANT_KEY_OR_END && peek(r) == '}') ||
        (r->want == WANT_VALUE_OR_END && peek(r) == ']'))
        return end(r, log, event);
    if (r->want == WANT_KEY || r->want == WANT_KEY_OR_END)
        return read_key(r, log, event);
    return read_value(r, log, event);
}

zc_status zc_json_reader_next(zc_json_reader *r, zc_log *log, zc_json_event *event)
{
    *event = (zc_json_event){ .kind = ZC_JSON_END };
    if (r->failed == ZC_OK)
        r->failed = next_event(r, log, event);
    return r->failed;
}

zc_status zc_json_reader_skip(zc_json_reader *r, zc_log *log, const zc_json_event *event)
{
    const int depth = r->depth - 1;
    zc_json_event e;
    zc_status st = ZC_OK;

    if (event->kind != ZC_JSON_ARRAY && event->kind != ZC_JSON_OBJECT)
        return ZC_OK;
    while (st == ZC_OK && r->depth > depth)
        st = zc_json_reader_next(r, log, &e);
    return st;
}

zc_status zc_json_reader_open(zc_json_reader **out, zc_log *log, const zc_json_source *source)
{
    zc_status st = ZC_OK;
    zc_json_reader *r = NULL;

    ZC_CHECK(source->bytes <= source->limit && source->bytes < UINT32_MAX, ZC_E_LIMIT,
             "%s: %zu bytes of JSON, at most %zu are allowed", source->name, source->bytes,
             source->limit < UINT32_MAX ? source->limit : (size_t)UINT32_MAX - 1);
    ZC_CHECK(r = zc_new(zc_json_reader), ZC_E_NOMEM, "%s: out of memory", source->name);
    r->source = *source;
    *out = r;
done:
    return st;
}

void zc_json_reader_close(zc_json_reader **r)
{
    if (*r)
        zc_free((*r)->keys);
    zc_free(*r);
    *r = NULL;
}

const char *zc_json_event_u64(const zc_json_event *event, uint64_t *out)
{
    if (event->kind != ZC_JSON_NUMBER)
        return "is not a number";
    return zc_num_read_u64(out, event->text, event->bytes);
}
