/* Growable text, UTF-8, and edit distance. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/str.h"

void zc_str_fini(zc_str *s)
{
    zc_free(s->text);
    *s = (zc_str){ 0 };
}

void zc_str_clear(zc_str *s)
{
    s->length = 0;
    if (s->text)
        s->text[0] = '\0';
}

/* Room for `more` bytes and a NUL, or `failed`. */
static bool reserve(zc_str *s, size_t more)
{
    if (s->failed)
        return false;
    if (more >= SIZE_MAX - s->length || !zc_grow(&s->text, &s->capacity, s->length + more + 1, 1))
        s->failed = true;
    return !s->failed;
}

void zc_str_add_bytes(zc_str *s, const char *bytes, size_t count)
{
    if (!reserve(s, count))
        return;
    if (count > 0)
        memcpy(s->text + s->length, bytes, count);
    s->length += count;
    s->text[s->length] = '\0';
}

void zc_str_add(zc_str *s, const char *text)
{
    zc_str_add_bytes(s, text, strlen(text));
}

void zc_str_add_format(zc_str *s, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = zc_vformat(NULL, 0, format, args);
    va_end(args);
    if (!reserve(s, length))
        return;
    va_start(args, format);
    s->length += zc_vformat(s->text + s->length, s->capacity - s->length, format, args);
    va_end(args);
}

const char *zc_str_get(const zc_str *s)
{
    return s->text ? s->text : "";
}

char *zc_str_release(zc_str *s)
{
    char *text = NULL;

    zc_str_add_bytes(s, "", 0);
    if (!s->failed) {
        text = s->text;
        s->text = NULL;
    }
    zc_str_fini(s);
    return text;
}

bool zc_str_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool zc_str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool zc_str_ends(const char *s, const char *suffix)
{
    const size_t a = strlen(s), b = strlen(suffix);

    return a >= b && memcmp(s + a - b, suffix, b) == 0;
}

bool zc_str_contains(const char *s, const char *part)
{
    return strstr(s, part) != NULL;
}

size_t zc_utf8_decode(uint32_t *code, const char *bytes, size_t count)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *b = (const unsigned char *)bytes;
    size_t n;
    uint32_t c;

    if (count == 0)
        return 0;
    if (b[0] < 0x80) {
        *code = b[0];
        return 1;
    }
    n = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || n > count)
        return 0;
    c = b[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (b[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return n;
}

size_t zc_utf8_encode(char dst[4], uint32_t code)
{
    if (code < 0x80) {
        dst[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        dst[0] = (char)(0xc0 | code >> 6);
        dst[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    if (code < 0x10000) {
        dst[0] = (char)(0xe0 | code >> 12);
        dst[1] = (char)(0x80 | (code >> 6 & 0x3f));
        dst[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    dst[0] = (char)(0xf0 | code >> 18);
    dst[1] = (char)(0x80 | (code >> 12 & 0x3f));
    dst[2] = (char)(0x80 | (code >> 6 & 0x3f));
    dst[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

size_t zc_utf8_valid(const char *bytes, size_t count)
{
    size_t i = 0, step;
    uint32_t code;

    while (i < count) {
        step = zc_utf8_decode(&code, bytes + i, count - i);
        if (step == 0)
            break;
        i += step;
    }
    return i;
}

#define NAME_MAX_BYTES 64

static int least_of(int a, int b, int c)
{
    const int ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Edit distance with swaps of neighbours, three rows of the usual table. */
static int edit_distance(const char *a, const char *b)
{
    const int na = (int)strlen(a), nb = (int)strlen(b);
    int rows[3][NAME_MAX_BYTES + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2], *oldest;

    for (int j = 0; j <= nb; j++)
        last[j] = j;
    memset(before, 0, sizeof(rows[0]));
    for (int i = 1; i <= na; i++) {
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            row[j] = least_of(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[nb];
}

void zc_nearest_init(zc_nearest *n, const char *wanted)
{
    *n = (zc_nearest){ .wanted = wanted };
}

void zc_nearest_offer(zc_nearest *n, const char *name)
{
    const size_t length = strlen(n->wanted);
    int distance;

    if (length > NAME_MAX_BYTES || strlen(name) > NAME_MAX_BYTES)
        return;
    distance = edit_distance(n->wanted, name);
    if (distance > 1 + (int)length / 4 || distance >= (int)length)
        return;
    if (!n->best || distance < n->distance) {
        n->best = name;
        n->distance = distance;
    }
}
