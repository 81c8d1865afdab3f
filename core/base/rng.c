/* Philox 4x32-10, MT19937, and what makes normal numbers of their words.
 *
 * The elementary functions are our own polynomials in a fixed order of
 * operations: two C libraries don't agree on the last bit of a logarithm. Square
 * roots are exact by IEEE 754. */

#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/status.h"

#define TWO_PI 6.283185307179586476925286766559

static void philox_round(uint32_t c[4], const uint32_t k[2])
{
    const uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
    const uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
    const uint32_t c1 = c[1], c3 = c[3];

    c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k[0];
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k[1];
    c[3] = (uint32_t)p0;
}

void zc_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c[4] = { counter[0], counter[1], counter[2], counter[3] };
    uint32_t k[2] = { key[0], key[1] };

    for (int i = 0; i < 10; i++) {
        philox_round(c, k);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof(c));
}

double zc_fixed_log(double x)
{
    /* log((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ...), |s| < 0.172 */
    static const double inverse_odd[] = {
        1.0 / 25, 1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
        1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3,
    };
    static const double ln2_high = 0x1.62e42fefa38p-1;        /* its product with e is exact */
    static const double ln2_low = 0x1.ef35793c7673p-45;
    double m, s, z, sum = 0;
    int e;

    m = frexp(x, &e);                     /* [1/2, 1) */
    if (m < 0.70710678118654752440) {
        m *= 2;
        e--;
    }
    s = (m - 1) / (m + 1);
    z = s * s;
    for (size_t i = 0; i < ZC_COUNT(inverse_odd); i++)
        sum = (sum + inverse_odd[i]) * z;
    return e * ln2_high + (2 * s + (2 * s * sum + e * ln2_low));
}

void zc_fixed_sincos(double x, double *sine, double *cosine)
{
    static const double factorial_sin[] = {       /* 1/17!, -1/15!, ..., -1/3! */
        1 / 355687428096000.0, -1 / 1307674368000.0, 1 / 6227020800.0, -1 / 39916800.0,
        1 / 362880.0,          -1 / 5040.0,          1 / 120.0,        -1 / 6.0,
    };
    static const double factorial_cos[] = {       /* 1/16!, -1/14!, ..., -1/2! */
        1 / 20922789888000.0, -1 / 87178291200.0, 1 / 479001600.0, -1 / 3628800.0,
        1 / 40320.0,          -1 / 720.0,         1 / 24.0,        -1 / 2.0,
    };
    const int quarter = (int)(4 * x + 0.5);
    const double a = TWO_PI * (x - quarter * 0.25);       /* [-pi/4, pi/4] */
    const double z = a * a;
    double s = 0, c = 0;

    for (size_t i = 0; i < ZC_COUNT(factorial_sin); i++)
        s = (s + factorial_sin[i]) * z;
    for (size_t i = 0; i < ZC_COUNT(factorial_cos); i++)
        c = (c + factorial_cos[i]) * z;
    s = a + a * s;
    c = 1 + c;
    switch (quarter & 3) {
    case 0:
        *sine = s;
        *cosine = c;
        break;
    case 1:
        *sine = c;
        *cosine = -s;
        break;
    case 2:
        *sine = -s;
        *cosine = -c;
        break;
    default:
        *sine = -c;
        *cosine = s;
        break;
    }
}

/* Block number `block` of a stream: four words. */
static void stream_block(uint32_t words[4], uint64_t block, uint64_t seed, uint64_t stream)
{
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    const uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                                  (uint32_t)(stream >> 32) };

    zc_philox(words, counter, key);
}

/* Two words to two normal numbers. */
static void box_muller(float pair[2], uint32_t a, uint32_t b)
{
    const double u = ((double)a + 1) * 0x1p-32;       /* (0, 1] */
    const double v = (double)b * 0x1p-32;             /* [0, 1) */
    const double radius = sqrt(-2 * zc_fixed_log(u));
    double s, c;

    zc_fixed_sincos(v, &s, &c);
    pair[0] = (float)(radius * c);
    pair[1] = (float)(radius * s);
}

static void normal_block(float out[4], const uint32_t words[4])
{
    box_muller(out, words[0], words[1]);
    box_muller(out + 2, words[2], words[3]);
}

static void uniform_block(float out[4], const uint32_t words[4])
{
    for (int i = 0; i < 4; i++)
        out[i] = (float)(words[i] >> 8) * 0x1p-24f;
}

/* Fills dst from whole blocks, of which the first and the last may be cut. */
static void fill(float *dst, uint64_t first, size_t count, uint64_t seed, uint64_t stream,
                 void (*make)(float out[4], const uint32_t words[4]))
{
    uint64_t block = first / 4;
    size_t skip = first % 4, n;
    uint32_t words[4];
    float four[4];

    for (; count > 0; block++) {
        n = 4 - skip < count ? 4 - skip : count;
        stream_block(words, block, seed, stream);
        make(four, words);
        memcpy(dst, four + skip, n * sizeof(dst[0]));
        dst += n;
        count -= n;
        skip = 0;
    }
}

void zc_randn(float *dst, uint64_t first, size_t count, uint64_t seed, uint64_t stream)
{
    fill(dst, first, count, seed, stream, normal_block);
}

void zc_randu(float *dst, uint64_t first, size_t count, uint64_t seed, uint64_t stream)
{
    fill(dst, first, count, seed, stream, uniform_block);
}

#define MT_WORDS 624
#define MT_MIDDLE 397

void zc_torch_init(zc_torch *t, uint64_t seed)
{
    t->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < MT_WORDS; i++)
        t->state[i] = 1812433253u * (t->state[i - 1] ^ t->state[i - 1] >> 30) + i;
    t->next = MT_WORDS;
    t->has_spare = 0;
    t->spare = 0;
}

static void mt_refill(zc_torch *t)
{
    uint32_t y;

    for (int i = 0; i < MT_WORDS; i++) {
        y = (t->state[i] & 0x80000000u) | (t->state[(i + 1) % MT_WORDS] & 0x7fffffffu);
        t->state[i] = t->state[(i + MT_MIDDLE) % MT_WORDS] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    t->next = 0;
}

uint32_t zc_torch_word(zc_torch *t)
{
    uint32_t y;

    if (t->next == MT_WORDS)
        mt_refill(t);
    y = t->state[t->next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

static float torch_uniform(zc_torch *t)
{
    return (float)(zc_torch_word(t) & 0xffffff) * 0x1p-24f;
}

static double torch_uniform_f64(zc_torch *t)
{
    const uint64_t high = zc_torch_word(t);
    const uint64_t bits = high << 32 | zc_torch_word(t);

    return (double)(bits & (((uint64_t)1 << 53) - 1)) * 0x1p-53;
}

/* Sixteen uniform numbers to normal ones, in place. Everything is rounded to
 * float where torch rounds it. */
static void torch_sixteen(float *d)
{
    float u, radius, angle;
    double s, c;

    for (int j = 0; j < 8; j++) {
        u = 1.0f - d[j];                              /* (0, 1] */
        radius = sqrtf(-2.0f * (float)zc_fixed_log((double)u));
        angle = (float)(TWO_PI * (double)d[j + 8]);
        zc_fixed_sincos((double)angle / TWO_PI, &s, &c);
        d[j] = radius * (float)c;
        d[j + 8] = radius * (float)s;
    }
}

/* Short draws go one by one, in double, and may use what the last one left. */
static float torch_single(zc_torch *t)
{
    double u, v, radius, s, c;

    if (t->has_spare) {
        t->has_spare = 0;
        return (float)t->spare;
    }
    u = torch_uniform_f64(t);
    v = torch_uniform_f64(t);
    radius = sqrt(-2 * zc_fixed_log(1 - v));
    zc_fixed_sincos(u, &s, &c);
    t->spare = radius * s;
    t->has_spare = 1;
    return (float)(radius * c);
}

void zc_torch_randn(zc_torch *t, float *dst, size_t count)
{
    size_t i;

    if (count < 16) {
        for (i = 0; i < count; i++)
            dst[i] = torch_single(t);
        return;
    }
    for (i = 0; i < count; i++)
        dst[i] = torch_uniform(t);
    for (i = 0; i + 16 <= count; i += 16)
        torch_sixteen(dst + i);
    if (i < count) {
        /* The last sixteen are drawn again, over some that were done already. */
        dst += count - 16;
        for (i = 0; i < 16; i++)
            dst[i] = torch_uniform(t);
        torch_sixteen(dst);
    }
}
