/* Numbers to text and back, exactly.
 *
 * Reading guesses a float that is a few units off at most, and then compares the
 * decimal with the midpoints around the guess in big integers, so the answer is
 * the nearest float by proof. Writing expands the float to all of its decimal
 * digits and keeps as few as are needed to read it back. */

#include <stdbool.h>
#include <string.h>

#include "core/base/num.h"

/* A big integer, least significant word first. 800 digits times 2^1100, or 55
 * bits times 5^1150 times 2^1100, stay below 4000 bits. */
#define BIG_WORDS 160

struct big {
    uint32_t word[BIG_WORDS];
    int n;
};

static void big_set(struct big *b, uint64_t value)
{
    b->n = 0;
    for (; value > 0; value >>= 32)
        b->word[b->n++] = (uint32_t)value;
}

static void big_mul_add(struct big *b, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;

    for (int i = 0; i < b->n; i++) {
        carry += (uint64_t)b->word[i] * factor;
        b->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0)
        b->word[b->n++] = (uint32_t)carry;
}

static void big_mul_pow5(struct big *b, int power)
{
    for (; power >= 13; power -= 13)
        big_mul_add(b, 1220703125u, 0);      /* 5^13, the last one in 32 bits */
    for (; power > 0; power--)
        big_mul_add(b, 5, 0);
}

static void big_shift(struct big *b, int bits)
{
    const int words = bits / 32;

    if (b->n == 0)
        return;
    memmove(b->word + words, b->word, (size_t)b->n * sizeof(b->word[0]));
    memset(b->word, 0, (size_t)words * sizeof(b->word[0]));
    b->n += words;
    if (bits % 32 > 0)
        big_mul_add(b, (uint32_t)1 << (bits % 32), 0);
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (int i = a->n; i-- > 0;) {
        if (a->word[i] != b->word[i])
            return a->word[i] < b->word[i] ? -1 : 1;
    }
    return 0;
}

/* Divides by 10^9 and returns the remainder. */
static uint32_t big_div_1e9(struct big *b)
{
    uint64_t rest = 0;

    for (int i = b->n; i-- > 0;) {
        rest = rest << 32 | b->word[i];
        b->word[i] = (uint32_t)(rest / 1000000000u);
        rest %= 1000000000u;
    }
    while (b->n > 0 && b->word[b->n - 1] == 0)
        b->n--;
    return (uint32_t)rest;
}

/* 0.d1d2d3... times 10^point */
#define DECIMAL_DIGITS 800      /* a midpoint of two doubles has 767 at most */

struct decimal {
    char digits[DECIMAL_DIGITS + 1];
    int  count;
    int  point;
    bool negative;
};

/* A binary format. Its non-negative finite values in order are numbered 0, 1, 2..., which is also
 * their bit pattern. */
struct binary {
    int      fraction;        /* stored bits of the significand */
    int      exponent;        /* of two, of the smallest subnormal */
    uint64_t infinity;        /* its number */
};

static const struct binary binary64 = { 52, -1074, (uint64_t)0x7ff << 52 };
static const struct binary binary32 = { 23, -149, (uint64_t)0xff << 23 };

/* Value number k is *m times 2^*e. */
static void unpack(const struct binary *f, uint64_t k, uint64_t *m, int *e)
{
    const int field = (int)(k >> f->fraction);

    *m = k & (((uint64_t)1 << f->fraction) - 1);
    *e = f->exponent;
    if (field > 0) {
        *m |= (uint64_t)1 << f->fraction;
        *e += field - 1;
    }
}

/* Compares d with the midpoint between value k and the next one. */
static int compare_midpoint(const struct decimal *d, const struct binary *f, uint64_t k)
{
    struct big left, right;
    uint64_t m;
    int e, ten = d->point - d->count;

    unpack(f, k, &m, &e);
    big_set(&left, 0);
    for (int i = 0; i < d->count; i++) {
        if (left.n == 0)
            big_set(&left, (uint64_t)(d->digits[i] - '0'));
        else
            big_mul_add(&left, 10, (uint32_t)(d->digits[i] - '0'));
    }
    big_set(&right, 2 * m + 1);
    e--;

    /* left * 5^ten * 2^ten against right * 2^e, negative powers moved across. */
    big_mul_pow5(&left, ten);
    big_mul_pow5(&right, -ten);
    if (ten > e)
        big_shift(&left, ten - e);
    else
        big_shift(&right, e - ten);
    return big_compare(&left, &right);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static uint32_t bits_of_f32(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* A double near d; exact if the significand and the power of ten both are. */
static double estimate(const struct decimal *d, bool *exact)
{
    static const double powers[] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    };
    const int used = d->count < 19 ? d->count : 19;
    int ten = d->point - used;
    uint64_t head = 0;
    double value;

    for (int i = 0; i < used; i++)
        head = head * 10 + (uint64_t)(d->digits[i] - '0');
    value = (double)head;
    *exact = used == d->count && head <= (uint64_t)1 << 53 && ten >= -22 && ten <= 22;

    for (; ten > 22; ten -= 22)
        value *= 1e22;
    for (; ten < -22; ten += 22)
        value /= 1e22;
    return ten >= 0 ? value * powers[ten] : value / powers[-ten];
}

/* The number of the value nearest to d, half to even; infinity's if d is beyond
 * the largest. */
static uint64_t nearest(const struct decimal *d, const struct binary *f)
{
    bool exact;
    double guess;
    uint64_t k;
    int c;

    if (d->count == 0 || d->point < -400)
        return 0;
    if (d->point > 400)
        return f->infinity;
    guess = estimate(d, &exact);
    if (f == &binary64) {
        k = bits_of(guess);
        if (exact)
            return k;
    } else {
        k = guess < 3.4028234663852886e38 ? bits_of_f32((float)guess) : f->infinity;
    }
    if (k >= f->infinity)
        k = f->infinity - 1;

    while (k < f->infinity) {
        c = compare_midpoint(d, f, k);
        if (c > 0 || (c == 0 && (k & 1))) {
            k++;
            continue;
        }
        if (k == 0)
            break;
        c = compare_midpoint(d, f, k - 1);
        if (c > 0 || (c == 0 && !(k & 1)))
            break;
        k--;
    }
    return k;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Appends a digit of the significand. What lies beyond the room only leaves a
 * trace, enough to tell more than half from half. */
static void decimal_add(struct decimal *d, char digit)
{
    if (d->count == 0 && digit == '0')
        return;
    if (d->count < DECIMAL_DIGITS)
        d->digits[d->count++] = digit;
    else if (digit != '0')
        d->digits[DECIMAL_DIGITS] = '1';
}

/* Reads the decimal grammar of num.h; false if `text` isn't of it. *whole: there is neither point
 * nor exponent. */
static bool decimal_read(struct decimal *d, bool *whole, const char *text, size_t bytes)
{
    size_t i = 0, digits = 0;
    int exponent = 0;
    bool down;

    d->count = d->point = 0;
    d->digits[DECIMAL_DIGITS] = '0';
    d->negative = bytes > 0 && text[0] == '-';
    if (bytes > 0 && (text[0] == '-' || text[0] == '+'))
        i++;
    for (; i < bytes && is_digit(text[i]); i++, digits++) {
        decimal_add(d, text[i]);
        if (d->count > 0 && d->point < 1000000)
            d->point++;
    }
    *whole = i == bytes;
    if (i < bytes && text[i] == '.') {
        for (i++; i < bytes && is_digit(text[i]); i++, digits++) {
            decimal_add(d, text[i]);
            if (d->count == 0 && d->point > -1000000)
                d->point--;
        }
    }
    if (digits == 0)
        return false;
    if (i < bytes && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        down = i < bytes && text[i] == '-';
        if (i < bytes && (text[i] == '-' || text[i] == '+'))
            i++;
        if (i == bytes)
            return false;
        for (; i < bytes && is_digit(text[i]); i++) {
            if (exponent < 10000000)
                exponent = exponent * 10 + (text[i] - '0');
        }
        d->point += down ? -exponent : exponent;
    }
    if (d->digits[DECIMAL_DIGITS] == '1')
        d->count = DECIMAL_DIGITS + 1;
    while (d->count > 0 && d->digits[d->count - 1] == '0')
        d->count--;
    return i == bytes;
}

/* Whether text is `word`, in any case. */
static bool is_word(const char *text, size_t bytes, const char *word)
{
    if (strlen(word) != bytes)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if ((text[i] | 0x20) != word[i])
            return false;
    }
    return true;
}

/* Why text isn't a number. */
static const char *complaint(const char *text, size_t bytes)
{
    if (bytes == 0)
        return "is empty";
    if (text[0] == '-' || text[0] == '+') {
        text++;
        bytes--;
    }
    if (is_word(text, bytes, "nan") || is_word(text, bytes, "inf") ||
        is_word(text, bytes, "infinity"))
        return "is not a finite number";
    if (memchr(text, ',', bytes))
        return "has a comma: fractions are written with a point";
    return "is not a number";
}

const char *zc_num_read_f64(double *out, const char *text, size_t bytes)
{
    struct decimal d;
    uint64_t k;
    bool whole;

    if (!decimal_read(&d, &whole, text, bytes))
        return complaint(text, bytes);
    k = nearest(&d, &binary64);
    if (k >= binary64.infinity)
        return "is too large";
    k |= (uint64_t)d.negative << 63;
    memcpy(out, &k, sizeof(*out));
    return NULL;
}

const char *zc_num_read_f32(float *out, const char *text, size_t bytes)
{
    struct decimal d;
    uint64_t k;
    uint32_t bits;
    bool whole;

    if (!decimal_read(&d, &whole, text, bytes))
        return complaint(text, bytes);
    k = nearest(&d, &binary32);
    if (k >= binary32.infinity)
        return "is too large";
    bits = (uint32_t)k | (uint32_t)d.negative << 31;
    memcpy(out, &bits, sizeof(*out));
    return NULL;
}

/* The digits after a sign, if all is well and the value is within 64 bits. */
static const char *read_magnitude(uint64_t *out, const char *text, size_t bytes)
{
    struct decimal d;
    uint64_t value = 0, digit;
    bool whole;
    size_t i = bytes > 0 && (text[0] == '-' || text[0] == '+');

    if (i == bytes)
        return complaint(text, bytes);
    for (; i < bytes && is_digit(text[i]); i++) {
        digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            break;
        value = value * 10 + digit;
    }
    if (i < bytes) {
        if (!decimal_read(&d, &whole, text, bytes))
            return complaint(text, bytes);
        if (!whole)
            return "is not a whole number";
        return d.negative ? "is too small" : "is too large";
    }
    *out = value;
    return NULL;
}

const char *zc_num_read_u64(uint64_t *out, const char *text, size_t bytes)
{
    uint64_t value = 0;
    const char *why = read_magnitude(&value, text, bytes);

    if (why)
        return why;
    if (text[0] == '-')
        return "is negative";
    *out = value;
    return NULL;
}

const char *zc_num_read_i64(int64_t *out, const char *text, size_t bytes)
{
    uint64_t value = 0;
    const char *why = read_magnitude(&value, text, bytes);

    if (why)
        return why;
    if (text[0] == '-') {
        if (value > (uint64_t)INT64_MAX + 1)
            return "is too small";
        *out = value > INT64_MAX ? INT64_MIN : -(int64_t)value;
        return NULL;
    }
    if (value > INT64_MAX)
        return "is too large";
    *out = (int64_t)value;
    return NULL;
}

size_t zc_num_write_u64(char *dst, uint64_t value)
{
    char digits[20];
    size_t n = 0, length;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (length = 0; n > 0; length++)
        dst[length] = digits[--n];
    dst[length] = '\0';
    return length;
}

size_t zc_num_write_i64(char *dst, int64_t value)
{
    if (value >= 0)
        return zc_num_write_u64(dst, (uint64_t)value);
    dst[0] = '-';
    return 1 + zc_num_write_u64(dst + 1, 0 - (uint64_t)value);
}

/* All digits of value number k. */
static int expand(char *digits, int *point, const struct binary *f, uint64_t k)
{
    struct big b;
    uint64_t m;
    uint32_t group;
    int e, n = 0;

    unpack(f, k, &m, &e);
    big_set(&b, m);
    if (e >= 0)
        big_shift(&b, e);
    else
        big_mul_pow5(&b, -e);         /* m / 2^n = m * 5^n / 10^n */

    while (b.n > 0) {
        group = big_div_1e9(&b);
        for (int i = 0; i < 9; i++) {
            digits[n++] = (char)('0' + group % 10);
            group /= 10;
        }
    }
    while (n > 0 && digits[n - 1] == '0')
        n--;
    for (int i = 0; i < n / 2; i++) {
        const char c = digits[i];

        digits[i] = digits[n - 1 - i];
        digits[n - 1 - i] = c;
    }
    *point = n == 0 ? 0 : e >= 0 ? n : n + e;
    while (n > 0 && digits[n - 1] == '0')
        n--;
    return n;
}

int zc_num_digits(char *digits, int *point, double value)
{
    return expand(digits, point, &binary64, bits_of(value));
}

int zc_num_round(char *digits, int count, int *point, int keep)
{
    bool up;

    if (keep >= count)
        return count;
    if (keep < 0)
        return 0;
    up = digits[keep] > '5' || (digits[keep] == '5' && keep + 1 < count) ||
         (digits[keep] == '5' && keep > 0 && (digits[keep - 1] & 1));
    count = keep;
    if (up) {
        while (count > 0 && digits[count - 1] == '9')
            count--;
        if (count == 0) {
            digits[count++] = '1';
            ++*point;
        } else {
            digits[count - 1]++;
        }
    }
    while (count > 0 && digits[count - 1] == '0')
        count--;
    return count;
}

/* Writes 0.DIGITS times 10^point in the usual way, without a sign. */
static size_t place(char *dst, const char *digits, int count, int point)
{
    const bool plain = count == 0 || (point > -4 && point <= 17);
    const int before = count == 0 ? 0 : plain ? point : 1;      /* digits before the point */
    size_t n = 0;

    if (before <= 0)
        dst[n++] = '0';
    for (int i = 0; i < before; i++)
        dst[n++] = i < count ? digits[i] : '0';
    if (before < count)
        dst[n++] = '.';
    for (int i = before; i < count; i++)
        dst[n++] = i < 0 ? '0' : digits[i];
    if (!plain) {
        dst[n++] = 'e';
        n += zc_num_write_i64(dst + n, point - 1);
    }
    dst[n] = '\0';
    return n;
}

/* The shortest text of value number k. */
static size_t write_shortest(char *dst, const struct binary *f, uint64_t k,
                             bool negative)
{
    char digits[ZC_NUM_DIGITS];
    struct decimal d = { .count = 0 };
    int point, count, keep = 0;
    size_t sign = 0;

    if (k > f->infinity) {
        memcpy(dst, "nan", 4);
        return 3;
    }
    if (negative)
        dst[sign++] = '-';
    if (k == f->infinity) {
        memcpy(dst + sign, "inf", 4);
        return sign + 3;
    }
    count = expand(digits, &point, f, k);
    do {
        keep++;
        d.count = keep < count ? keep + 1 : count;
        memcpy(d.digits, digits, (size_t)d.count);
        d.point = point;
        /* One digit of the rest decides, unless it is a 5 with more behind it. */
        if (keep + 1 < count && d.digits[keep] == '5')
            d.digits[keep] = '6';
        d.count = zc_num_round(d.digits, d.count, &d.point, keep);
    } while (keep < count && nearest(&d, f) != k);
    return sign + place(dst + sign, d.digits, d.count, d.point);
}

size_t zc_num_write_f64(char *dst, double value)
{
    const uint64_t bits = bits_of(value);

    return write_shortest(dst, &binary64, bits & (UINT64_MAX >> 1), bits >> 63);
}

size_t zc_num_write_f32(char *dst, float value)
{
    const uint32_t bits = bits_of_f32(value);

    return write_shortest(dst, &binary32, bits & (UINT32_MAX >> 1), bits >> 31);
}
