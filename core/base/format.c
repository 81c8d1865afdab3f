/* Our own printf into memory: a sink that counts, one reader of conversion
 * specifications, and a function for each kind of value. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/num.h"
#include "core/base/str.h"

#define PRECISION_MAX 100     /* of floats */

struct sink {
    char  *dst;
    size_t size, length;
};

/* One conversion specification. */
struct spec {
    bool left, zero, plus, blank;
    int  width;
    int  precision;           /* -1: none given */
    char size;                /* h, H (hh), l, L (ll), z, t, or 0 */
    char kind;
};

static void put(struct sink *s, char c)
{
    if (s->length + 1 < s->size)
        s->dst[s->length] = c;
    s->length++;
}

static void put_many(struct sink *s, char c, int count)
{
    for (int i = 0; i < count; i++)
        put(s, c);
}

/* A body with a sign before it, padded to the width. */
static void put_field(struct sink *s, const struct spec *f, const char *sign, const char *body,
                      size_t length)
{
    const size_t used = strlen(sign) + length;
    const int pad = f->width > 0 && (size_t)f->width > used ? (int)((size_t)f->width - used) : 0;

    if (!f->left && !f->zero)
        put_many(s, ' ', pad);
    while (*sign)
        put(s, *sign++);
    if (!f->left && f->zero)
        put_many(s, '0', pad);
    for (size_t i = 0; i < length; i++)
        put(s, body[i]);
    if (f->left)
        put_many(s, ' ', pad);
}

static const char *sign_of(const struct spec *f, bool negative)
{
    return negative ? "-" : f->plus ? "+" : f->blank ? " " : "";
}

static void put_integer(struct sink *s, struct spec *f, const char *sign, uint64_t value,
                        unsigned base)
{
    const char *letters = f->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    const int least = f->precision < 0 ? 1 : f->precision < 64 ? f->precision : 64;
    char body[64];
    int n = 64;

    for (; value > 0; value /= base)
        body[--n] = letters[value % base];
    while (64 - n < least)
        body[--n] = '0';
    if (f->precision >= 0)
        f->zero = false;
    put_field(s, f, sign, body + n, (size_t)(64 - n));
}

/* Digits before and after the point, without exponent: %f, and %g in its range. */
static size_t fixed_body(char *body, const char *digits, int count, int point, int decimals)
{
    size_t n = 0;

    if (point <= 0)
        body[n++] = '0';
    for (int i = 0; i < point; i++)
        body[n++] = i < count ? digits[i] : '0';
    if (decimals > 0)
        body[n++] = '.';
    for (int i = point; i < point + decimals; i++)
        body[n++] = i >= 0 && i < count ? digits[i] : '0';
    return n;
}

static size_t exponent_body(char *body, const char *digits, int count, int point, int decimals)
{
    const int e = count > 0 ? point - 1 : 0;
    const int size = e < 0 ? -e : e;
    size_t n = fixed_body(body, digits, count, count > 0 ? 1 : 0, decimals);

    body[n++] = 'e';
    body[n++] = e < 0 ? '-' : '+';
    if (size < 10)
        body[n++] = '0';
    return n + zc_num_write_i64(body + n, size);
}

static void put_float(struct sink *s, struct spec *f, double value)
{
    char digits[ZC_NUM_DIGITS], body[512];
    int count, point, precision = f->precision < PRECISION_MAX ? f->precision : PRECISION_MAX;
    size_t n;

    n = zc_num_write_f64(body, value);
    if (body[n - 1] == 'n' || body[n - 1] == 'f' || (f->kind == 'g' && precision < 0)) {
        f->zero = f->zero && body[n - 1] != 'n' && body[n - 1] != 'f';
        if (body[0] == '-')
            put_field(s, f, "-", body + 1, n - 1);
        else
            put_field(s, f, sign_of(f, false), body, n);
        return;
    }
    const char *sign = sign_of(f, body[0] == '-');

    count = zc_num_digits(digits, &point, body[0] == '-' ? -value : value);
    if (precision < 0)
        precision = 6;
    if (f->kind == 'f') {
        count = zc_num_round(digits, count, &point, point + precision);
        n = fixed_body(body, digits, count, count > 0 ? point : 0, precision);
    } else if (f->kind == 'e') {
        count = zc_num_round(digits, count, &point, precision + 1);
        n = exponent_body(body, digits, count, point, precision);
    } else {
        if (precision == 0)
            precision = 1;
        count = zc_num_round(digits, count, &point, precision);
        if (count > 0 && (point < -3 || point > precision))
            n = exponent_body(body, digits, count, point, count - 1);
        else
            n = fixed_body(body, digits, count, count > 0 ? point : 0,
                           count > point ? count - point : 0);
    }
    put_field(s, f, sign, body, n);
}

static void put_string(struct sink *s, struct spec *f, const char *text)
{
    size_t n = 0;

    if (!text)
        text = "(null)";
    while ((f->precision < 0 || n < (size_t)f->precision) && text[n])
        n++;
    f->zero = false;
    put_field(s, f, "", text, n);
}

/* Digits or *; `value` is left alone if there are none. A va_list is passed on by
 * address of a struct, because it may be an array type. */
struct args {
    va_list list;
};

static const char *read_count(const char *p, int *value, struct args *a)
{
    if (*p == '*') {
        *value = va_arg(a->list, int);
        return p + 1;
    }
    if (*p >= '0' && *p <= '9')
        *value = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (*value < 10000)
            *value = *value * 10 + (*p - '0');
    }
    return p;
}

/* Reads what follows a %, up to and with the conversion letter. */
static const char *read_spec(const char *p, struct spec *f, struct args *a)
{
    *f = (struct spec){ .precision = -1 };
    for (;; p++) {
        if (*p == '-')
            f->left = true;
        else if (*p == '0')
            f->zero = true;
        else if (*p == '+')
            f->plus = true;
        else if (*p == ' ')
            f->blank = true;
        else
            break;
    }
    p = read_count(p, &f->width, a);
    if (f->width < 0) {
        f->left = true;
        f->width = -f->width;
    }
    if (*p == '.') {
        f->precision = 0;
        p = read_count(p + 1, &f->precision, a);
    }
    if (*p && strchr("hlzt", *p)) {
        f->size = *p++;
        if ((f->size == 'h' || f->size == 'l') && *p == f->size) {
            f->size = f->size == 'h' ? 'H' : 'L';
            p++;
        }
    }
    f->kind = *p;
    return *p ? p + 1 : p;
}

static int64_t take_signed(struct args *a, char size)
{
    switch (size) {
    case 'H':
        return (signed char)va_arg(a->list, int);
    case 'h':
        return (short)va_arg(a->list, int);
    case 'l':
        return va_arg(a->list, long);
    case 'L':
        return va_arg(a->list, long long);
    case 'z':
    case 't':
        return va_arg(a->list, ptrdiff_t);
    default:
        return va_arg(a->list, int);
    }
}

static uint64_t take_unsigned(struct args *a, char size)
{
    switch (size) {
    case 'H':
        return (unsigned char)va_arg(a->list, unsigned);
    case 'h':
        return (unsigned short)va_arg(a->list, unsigned);
    case 'l':
        return va_arg(a->list, unsigned long);
    case 'L':
        return va_arg(a->list, unsigned long long);
    case 'z':
    case 't':
        return va_arg(a->list, size_t);
    default:
        return va_arg(a->list, unsigned);
    }
}

/* False for a letter that is no conversion. */
static bool put_value(struct sink *s, struct spec *f, struct args *a)
{
    int64_t i;
    char c;

    switch (f->kind) {
    case 'd':
    case 'i':
        i = take_signed(a, f->size);
        put_integer(s, f, sign_of(f, i < 0), i < 0 ? 0 - (uint64_t)i : (uint64_t)i, 10);
        return true;
    case 'u':
        put_integer(s, f, "", take_unsigned(a, f->size), 10);
        return true;
    case 'x':
    case 'X':
        put_integer(s, f, "", take_unsigned(a, f->size), 16);
        return true;
    case 'p':
        put_integer(s, f, "0x", (uint64_t)(uintptr_t)va_arg(a->list, void *), 16);
        return true;
    case 'c':
        c = (char)va_arg(a->list, int);
        f->zero = false;
        put_field(s, f, "", &c, 1);
        return true;
    case 's':
        put_string(s, f, va_arg(a->list, const char *));
        return true;
    case 'f':
    case 'e':
    case 'g':
        put_float(s, f, va_arg(a->list, double));
        return true;
    case '%':
        put(s, '%');
        return true;
    default:
        return false;
    }
}

/* Takes an incomplete character off the end of a text that was cut at n bytes. */
static size_t whole_characters(const char *text, size_t n)
{
    size_t lead = n;
    uint32_t code;

    while (lead > 0 && n - lead < 3 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
        lead--;
    if (lead == 0 || (unsigned char)text[lead - 1] < 0xc0)
        return n;
    return zc_utf8_decode(&code, text + lead - 1, n - lead + 1) > 0 ? n : lead - 1;
}

size_t zc_vformat(char *dst, size_t size, const char *format, va_list list)
{
    struct sink s = { dst, size, 0 };
    struct spec f;
    struct args a;
    const char *p = format, *start;

    va_copy(a.list, list);
    while (*p) {
        if (*p != '%') {
            put(&s, *p++);
            continue;
        }
        start = p;
        p = read_spec(p + 1, &f, &a);
        if (!put_value(&s, &f, &a)) {
            for (; start < p; start++)
                put(&s, *start);
        }
    }
    va_end(a.list);
    if (size > 0)
        dst[s.length < size ? s.length : whole_characters(dst, size - 1)] = '\0';
    return s.length;
}

size_t zc_format(char *dst, size_t size, const char *format, ...)
{
    va_list args;
    size_t n;

    va_start(args, format);
    n = zc_vformat(dst, size, format, args);
    va_end(args);
    return n;
}

bool zc_is_harmless(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } bad[] = {
        { 0x0000, 0x001f }, { 0x0022, 0x0022 }, { 0x005c, 0x005c }, { 0x007f, 0x009f },
        { 0x00ad, 0x00ad }, { 0x061c, 0x061c }, { 0x180e, 0x180e }, { 0x200b, 0x200f },
        { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xd800, 0xf8ff }, { 0xfe00, 0xfe0f },
        { 0xfeff, 0xfeff }, { 0xfff0, 0xffff }, { 0xe0000, 0x10ffff },
    };

    for (size_t i = 0; i < ZC_COUNT(bad); i++) {
        if (code >= bad[i].first && code <= bad[i].last)
            return false;
    }
    return true;
}

/* Fills text, at most `room` bytes and a NUL; false if it had to be cut. */
static bool quote(char *text, size_t room, const char *bytes, size_t count)
{
    char piece[5];
    size_t n = 0, safe = 0, step, length;
    uint32_t code;

    for (size_t i = 0; i < count; i += step) {
        step = zc_utf8_decode(&code, bytes + i, count - i);
        if (step > 0 && zc_is_harmless(code)) {
            length = step;
            memcpy(piece, bytes + i, step);
        } else {
            step = 1;
            length = zc_format(piece, sizeof(piece), "\\x%02x", (unsigned char)bytes[i]);
        }
        if (n + length > room) {
            memcpy(text + safe, "...", 4);
            return false;
        }
        memcpy(text + n, piece, length);
        n += length;
        if (n <= room - 3)
            safe = n;
    }
    text[n] = '\0';
    return true;
}

zc_quoted zc_quote(const char *bytes, size_t count)
{
    zc_quoted q = { "" };

    quote(q.text, sizeof(q.text) - 1, bytes, count);
    return q;
}

zc_quoted zc_quote_text(const char *text)
{
    return zc_quote(text, strlen(text));
}

zc_quoted zc_quote_path(const char *path)
{
    const size_t length = strlen(path), room = sizeof(((zc_quoted *)0)->text) - 1;
    zc_quoted q = { "" };
    size_t start;

    if (quote(q.text, room, path, length))
        return q;
    memcpy(q.text, "...", 3);
    start = length > room ? length - room : 1;
    while (!quote(q.text + 3, room - 3, path + start, length - start))
        start++;
    return q;
}
