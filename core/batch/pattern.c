/* Names of outputs: checked once, then filled in for every job. */

#include <string.h>

#include "core/base/format.h"
#include "core/batch/pattern.h"

#define PATTERN_BYTES   1024
#define COMPONENT_BYTES 200       /* of a file's or folder's name, so that suffixes have room */
#define VALUE_BYTES     96
#define DIGITS          9
#define KEY_BYTES       64

/* ---- One piece of a pattern after another ---- */

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_VALUE, PIECE_FRAME, PIECE_BAD };

/* A piece at `from`, of so many bytes; what is between the braces, or how many digits. */
typedef struct piece {
    enum piece_kind kind;
    const char *from, *key;
    size_t      bytes, key_bytes;
    int         digits;
    const char *expected;         /* of a bad one */
} piece;

static piece bad(const char *from, size_t bytes, const char *expected)
{
    return (piece){ .kind = PIECE_BAD, .from = from, .bytes = bytes, .expected = expected };
}

static piece brace(const char *at)
{
    const size_t n = strcspn(at + 1, "{}");

    if (at[1] == '{')
        return (piece){ .kind = PIECE_TEXT, .from = at, .bytes = 2, .key = "{", .key_bytes = 1 };
    if (at[1 + n] != '}' || n == 0 || n > KEY_BYTES)
        return bad(at, n + 1, "{KEY}, or {{ for a brace");
    return (piece){ .kind = PIECE_VALUE, .from = at, .bytes = n + 2, .key = at + 1,
                    .key_bytes = n };
}

static piece percent(const char *at)
{
    if (at[1] != '0' || at[2] < '1' || at[2] > '0' + DIGITS || at[3] != 'd')
        return bad(at, strnlen(at, 4), "%0Nd with N from 1 to 9, or #### for the frame");
    return (piece){ .kind = PIECE_FRAME, .from = at, .bytes = 4, .digits = at[2] - '0' };
}

static piece next(const char *at)
{
    const size_t hashes = strspn(at, "#"), text = strcspn(at, "{}#%");

    switch (*at) {
    case '\0':
        return (piece){ .kind = PIECE_END, .from = at };
    case '{':
        return brace(at);
    case '}':
        return at[1] == '}' ? (piece){ .kind = PIECE_TEXT, .from = at, .bytes = 2, .key = "}",
                                       .key_bytes = 1 }
                            : bad(at, 1, "}} for a brace");
    case '%':
        return percent(at);
    case '#':
        if (hashes > DIGITS)
            return bad(at, hashes, "at most 9 digits for the frame");
        return (piece){ .kind = PIECE_FRAME, .from = at, .bytes = hashes,
                        .digits = (int)hashes };
    default:
        return (piece){ .kind = PIECE_TEXT, .from = at, .bytes = text, .key = at,
                        .key_bytes = text };
    }
}

/* ---- Checking ---- */

/* Text is UTF-8 that a terminal can show, without a backslash. */
static size_t harmless_bytes(const char *text, size_t bytes)
{
    size_t i = 0, step;
    uint32_t code;

    while (i < bytes) {
        step = zc_utf8_decode(&code, text + i, bytes - i);
        if (step == 0 || !zc_is_harmless(code))
            break;
        i += step;
    }
    return i;
}

static zc_status check_components(zc_log *log, const char *pattern)
{
    zc_status st = ZC_OK;

    for (const char *c = pattern; c;) {
        const size_t n = strcspn(c, "/");
        ZC_CHECK(n > 0, ZC_E_UNSAFE, "output '%s': expected a path below the output folder that "
                 "ends in a file's name", zc_quote_path(pattern).text);
        ZC_CHECK(!(n == 1 && c[0] == '.') && !(n == 2 && c[0] == '.' && c[1] == '.'), ZC_E_UNSAFE,
                 "output '%s': '%.*s' leads elsewhere; expected a path below the output folder",
                 zc_quote_path(pattern).text, (int)n, c);
        c = c[n] ? c + n + 1 : NULL;
    }
done:
    return st;
}

zc_status zc_pattern_check(zc_log *log, const char *pattern)
{
    const size_t bytes = strlen(pattern), good = harmless_bytes(pattern, bytes);
    zc_status st = ZC_OK;
    int frames = 0;
    piece p;

    ZC_CHECK(bytes <= PATTERN_BYTES, ZC_E_LIMIT, "output: a pattern of %zu bytes, expected at most "
             "%d", bytes, PATTERN_BYTES);
    ZC_CHECK(good == bytes, ZC_E_UNSAFE, "output '%s': byte %zu, '%s', has no place in a path",
             zc_quote_path(pattern).text, good + 1, zc_quote(pattern + good, 1).text);
    ZC_TRY(check_components(log, pattern));
    for (const char *at = pattern; (p = next(at)).kind != PIECE_END; at += p.bytes) {
        const size_t place = (size_t)(at - pattern) + 1;
        ZC_CHECK(p.kind != PIECE_BAD, ZC_E_FORMAT, "output '%s': byte %zu, '%s': expected %s",
                 zc_quote_path(pattern).text, place, zc_quote(p.from, p.bytes).text, p.expected);
        ZC_CHECK(p.kind != PIECE_VALUE || frames == 0, ZC_E_FORMAT,
                 "output '%s': byte %zu, '%s' stands behind the frame; expected it before",
                 zc_quote_path(pattern).text, place, zc_quote(p.from, p.bytes).text);
        frames += p.kind == PIECE_FRAME;
        ZC_CHECK(frames < 2, ZC_E_FORMAT, "output '%s': byte %zu, '%s' is a second frame; expected "
                 "one", zc_quote_path(pattern).text, place, zc_quote(p.from, p.bytes).text);
        ZC_CHECK(frames == 0 || !memchr(at, '/', p.bytes), ZC_E_FORMAT,
                 "output '%s': byte %zu, the frame names a folder; expected a file",
                 zc_quote_path(pattern).text, place);
    }
done:
    return st;
}

/* ---- Filling in ---- */

static bool stays(uint32_t code)
{
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code >= '0' && code <= '9') || code == '.' || code == '-' || code == '_' ||
           (code > 0x7f && zc_is_harmless(code));
}

/* A value as part of a name. `first`: the name begins with it. */
static void add_value(zc_str *to, const zc_str *value, bool first)
{
    const char *text = zc_str_get(value);
    const size_t begin = to->length;
    size_t step;
    uint32_t code;

    for (size_t i = 0; i < value->length; i += step) {
        step = zc_utf8_decode(&code, text + i, value->length - i);
        const bool kept = step > 0 && stays(code) &&
                          !(code == '.' && first && to->length == begin);
        step = step ? step : 1;
        if (to->length - begin + step > VALUE_BYTES)
            break;
        if (kept)
            zc_str_add_bytes(to, text + i, step);
        else if (to->length == begin || to->text[to->length - 1] != '_')
            zc_str_add(to, "_");
    }
    while (to->length > begin + 1 && strchr("_.", to->text[to->length - 1]))
        to->text[--to->length] = '\0';
    if (to->length == begin)
        zc_str_add(to, "_");
}

zc_status zc_pattern_fill(zc_str *to, zc_log *log, const char *pattern, zc_pattern_value value,
                          const void *user)
{
    zc_status st = ZC_OK;
    zc_str text = { 0 };
    char key[KEY_BYTES + 1];
    piece p;

    for (const char *at = pattern; (p = next(at)).kind != PIECE_END; at += p.bytes) {
        if (p.kind == PIECE_TEXT)
            zc_str_add_bytes(to, p.key, p.key_bytes);
        for (int i = 0; p.kind == PIECE_FRAME && i < p.digits; i++)
            zc_str_add(to, "#");
        if (p.kind != PIECE_VALUE)
            continue;
        zc_format(key, sizeof(key), "%.*s", (int)p.key_bytes, p.key);
        zc_str_clear(&text);
        ZC_CHECK(value(user, key, &text), ZC_E_MISSING, "output '%s': byte %zu: there is no value "
                 "'%s'; known: name, prompt, seed, index, columns, and options of a job",
                 zc_quote_path(pattern).text, (size_t)(at - pattern) + 1, zc_quote_text(key).text);
        add_value(to, &text, to->length == 0 || to->text[to->length - 1] == '/');
    }
    ZC_CHECK(!to->failed && !text.failed, ZC_E_NOMEM, "out of memory");
    for (const char *c = zc_str_get(to); c;) {
        const size_t n = strcspn(c, "/");
        ZC_CHECK(n <= COMPONENT_BYTES, ZC_E_LIMIT, "output '%s': a name of %zu bytes, expected at "
                 "most %d", zc_quote_path(zc_str_get(to)).text, n, COMPONENT_BYTES);
        c = c[n] ? c + n + 1 : NULL;
    }
done:
    zc_str_fini(&text);
    return st;
}

/* ---- What was filled in ---- */

int zc_pattern_digits(const char *pattern)
{
    piece p;

    for (const char *at = pattern; (p = next(at)).kind != PIECE_END; at += p.bytes) {
        if (p.kind == PIECE_FRAME)
            return p.digits;
    }
    return 0;
}

void zc_pattern_frame(zc_str *to, const char *output, int frame)
{
    const size_t before = strcspn(output, "#"), digits = strspn(output + before, "#");

    zc_str_add_bytes(to, output, before);
    if (digits > 0)
        zc_str_add_format(to, "%0*d", (int)digits, frame);
    zc_str_add(to, output + before + digits);
}

void zc_pattern_stem(zc_str *to, const char *output)
{
    const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output;
    const char *point = strrchr(name, '.');
    const size_t hashes = strcspn(name, "#");
    size_t n = strlen(name);

    if (point && point > name)
        n = (size_t)(point - name);
    if (hashes < n) {
        n = hashes;
        if (n > 1 && strchr("._", name[n - 1]))
            n--;
    }
    n += (size_t)(name - output);
    while (n > 0 && output[n - 1] == '/')         /* frames in a folder: beside it */
        n--;
    if (n == 0)
        zc_str_add(to, "frames");
    zc_str_add_bytes(to, output, n);
}

size_t zc_pattern_folder(const char *path)
{
    const size_t field = strcspn(path, "{#%");
    size_t folder = 0;

    for (size_t i = 0; i < field && path[i]; i++) {
        if (path[i] == '/')
            folder = i + 1;
    }
    return folder;
}
