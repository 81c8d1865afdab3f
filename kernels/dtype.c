/* Element types: one row each, with converters. Every block type is decoded
 * from bytes, as files store it: little endian, at any alignment. Rounding is
 * done on integers or with clamped floats, so no input is undefined. */

#include <math.h>
#include <string.h>

#include "kernels/dtype.h"

static uint32_t bits_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    return u;
}

static float float_of(uint32_t u)
{
    float x;

    memcpy(&x, &u, sizeof(x));
    return x;
}

/* x / 2^shift to nearest, ties to even; shift from 1 to 31. */
static uint32_t round_shift(uint32_t x, int shift)
{
    return (x + ((1u << (shift - 1)) - 1) + ((x >> shift) & 1)) >> shift;
}

/* The magnitude of a finite x in a format of `mant` mantissa bits and this
 * bias; what is too large continues the pattern, past the largest code. */
static uint32_t narrow(uint32_t x, int mant, int bias)
{
    const int exponent = (int)(x >> 23 & 0xff) - 127 + bias;
    const int drop = 23 - mant;

    if (exponent > 0)
        return round_shift(x & 0x7fffffff, drop) - ((uint32_t)(127 - bias) << mant);
    if (drop + 1 - exponent > 25)
        return 0;
    return round_shift((x & 0x7fffff) | 0x800000, drop + 1 - exponent);
}

/* The value of a finite code. */
static float widen(uint32_t code, int mant, int bias)
{
    if (code >> mant == 0)
        return (float)code * float_of((uint32_t)(127 + 1 - bias - mant) << 23);
    return float_of((code << (23 - mant)) + ((uint32_t)(127 - bias) << 23));
}

float zk_f32_from_f16(uint16_t x)
{
    const uint32_t sign = (uint32_t)(x & 0x8000) << 16, code = x & 0x7fff;

    if (code >= 0x7c00)
        return float_of(sign | 0x7f800000 | (code & 0x3ff) << 13);
    return float_of(sign | bits_of(widen(code, 10, 15)));
}

uint16_t zk_f16_from_f32(float x)
{
    const uint32_t u = bits_of(x), sign = u >> 16 & 0x8000;

    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (u >> 13 & 0x3ff));
    const uint32_t code = narrow(u, 10, 15);
    return (uint16_t)(sign | (code < 0x7c00 ? code : 0x7c00));
}

uint16_t zk_bf16_from_f32(float x)
{
    const uint32_t u = bits_of(x);

    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* Both kinds of F8 keep NaN, and clamp what is too large, infinities included. */
static uint8_t f8_from_f32(float x, int mant, int bias, uint32_t largest)
{
    const uint32_t u = bits_of(x), sign = u >> 24 & 0x80;

    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint8_t)(sign | 0x7f);
    const uint32_t code = narrow(u, mant, bias);
    return (uint8_t)(sign | (code < largest ? code : largest));
}

static float f32_from_e4m3(uint8_t x)
{
    const uint32_t sign = (uint32_t)(x & 0x80) << 24, code = x & 0x7f;

    return float_of(sign | (code == 0x7f ? 0x7fc00000 : bits_of(widen(code, 3, 7))));
}

/* Plain types. */

static void f32_copy(void *dst, const void *src, size_t n)
{
    if (n > 0)
        memmove(dst, src, n * sizeof(float));
}

static void f32_to_f32(float *dst, const void *src, size_t n)
{
    f32_copy(dst, src, n);
}

static void f32_from_f32(void *dst, const float *src, size_t n)
{
    f32_copy(dst, src, n);
}

static void f16_to_f32(float *dst, const void *src, size_t n)
{
    const uint16_t *s = src;

    for (size_t i = 0; i < n; i++)
        dst[i] = zk_f32_from_f16(s[i]);
}

static void f16_from_f32(void *dst, const float *src, size_t n)
{
    uint16_t *d = dst;

    for (size_t i = 0; i < n; i++)
        d[i] = zk_f16_from_f32(src[i]);
}

static void bf16_to_f32(float *dst, const void *src, size_t n)
{
    const uint16_t *s = src;

    for (size_t i = 0; i < n; i++)
        dst[i] = zk_f32_from_bf16(s[i]);
}

static void bf16_from_f32(void *dst, const float *src, size_t n)
{
    uint16_t *d = dst;

    for (size_t i = 0; i < n; i++)
        d[i] = zk_bf16_from_f32(src[i]);
}

static void f8_e4m3_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *s = src;

    for (size_t i = 0; i < n; i++)
        dst[i] = f32_from_e4m3(s[i]);
}

static void f8_e4m3_from_f32(void *dst, const float *src, size_t n)
{
    uint8_t *d = dst;

    for (size_t i = 0; i < n; i++)
        d[i] = f8_from_f32(src[i], 3, 7, 0x7e);
}

/* E5M2 is the upper half of an F16. */
static void f8_e5m2_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *s = src;

    for (size_t i = 0; i < n; i++)
        dst[i] = zk_f32_from_f16((uint16_t)(s[i] << 8));
}

static void f8_e5m2_from_f32(void *dst, const float *src, size_t n)
{
    uint8_t *d = dst;

    for (size_t i = 0; i < n; i++)
        d[i] = f8_from_f32(src[i], 2, 15, 0x7b);
}

static void i8_to_f32(float *dst, const void *src, size_t n)
{
    const int8_t *s = src;

    for (size_t i = 0; i < n; i++)
        dst[i] = s[i];
}

/* Blocks of 32: a scale, perhaps an offset, and small integers. */

#define BLOCK 32
#define BLOCK_K 256

static float half_at(const uint8_t *p)
{
    return zk_f32_from_f16((uint16_t)(p[0] | p[1] << 8));
}

/* Stores x as a half, clamped to the finite ones, and returns what was stored. */
static float put_half(uint8_t *p, float x)
{
    uint16_t h = zk_f16_from_f32(x);

    if ((h & 0x7fff) == 0x7c00)
        h--;
    p[0] = (uint8_t)h;
    p[1] = (uint8_t)(h >> 8);
    return zk_f32_from_f16(h);
}

static uint32_t word_at(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The nearest integer in [lo, hi]; lo for NaN. */
static int nearest(float x, int lo, int hi)
{
    if (!(x > (float)lo))
        return lo;
    return x < (float)hi ? (int)rintf(x) : hi;
}

static void q8_0_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK, b += 34) {
        const float d = half_at(b);
        for (int j = 0; j < BLOCK; j++)
            dst[i + j] = d * (float)(int8_t)b[2 + j];
    }
}

static void q8_0_from_f32(void *dst, const float *src, size_t n)
{
    uint8_t *b = dst;

    for (size_t i = 0; i < n; i += BLOCK, b += 34) {
        float most = 0;
        for (int j = 0; j < BLOCK; j++)
            most = fmaxf(most, fabsf(src[i + j]));
        const float d = put_half(b, most / 127);
        for (int j = 0; j < BLOCK; j++)
            b[2 + j] = (uint8_t)(d > 0 ? nearest(src[i + j] / d, -127, 127) : 0);
    }
}

/* The integers of a block of 4 or 5 bits: element j in the low nibble of byte j,
 * element j + 16 in the high one, fifth bits in a word. */
static int nibble(const uint8_t *qs, int e)
{
    return e < 16 ? qs[e] & 15 : qs[e - 16] >> 4;
}

static void put_nibbles(uint8_t *qs, const int *q)
{
    for (int j = 0; j < 16; j++)
        qs[j] = (uint8_t)((q[j] & 15) | (q[j + 16] & 15) << 4);
}

static void put_fifth_bits(uint8_t *p, const int *q)
{
    memset(p, 0, 4);
    for (int e = 0; e < BLOCK; e++)
        p[e / 8] |= (uint8_t)((q[e] >> 4 & 1) << e % 8);
}

static void q4_0_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK, b += 18) {
        const float d = half_at(b);
        for (int e = 0; e < BLOCK; e++)
            dst[i + e] = d * (float)(nibble(b + 2, e) - 8);
    }
}

static void q4_1_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK, b += 20) {
        const float d = half_at(b), m = half_at(b + 2);
        for (int e = 0; e < BLOCK; e++)
            dst[i + e] = d * (float)nibble(b + 4, e) + m;
    }
}

static void q5_0_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK, b += 22) {
        const float d = half_at(b);
        const uint32_t high = word_at(b + 2);
        for (int e = 0; e < BLOCK; e++)
            dst[i + e] = d * (float)((nibble(b + 6, e) | (int)(high >> e & 1) << 4) - 16);
    }
}

static void q5_1_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK, b += 24) {
        const float d = half_at(b), m = half_at(b + 2);
        const uint32_t high = word_at(b + 4);
        for (int e = 0; e < BLOCK; e++)
            dst[i + e] = d * (float)(nibble(b + 8, e) | (int)(high >> e & 1) << 4) + m;
    }
}

/* Signed kinds: the element of largest magnitude becomes the lowest code, -half. */
static void signed_block(uint8_t *scale, int *q, const float *src, int half)
{
    float most = 0;

    for (int j = 0; j < BLOCK; j++) {
        if (fabsf(src[j]) > fabsf(most))
            most = src[j];
    }
    const float d = put_half(scale, most / (float)-half);
    for (int j = 0; j < BLOCK; j++)
        q[j] = half + (d != 0 ? nearest(src[j] / d, -half, half - 1) : 0);
}

/* Kinds with an offset: from the smallest element to the largest in `steps` steps. */
static void offset_block(uint8_t *scale, uint8_t *offset, int *q, const float *src, int steps)
{
    float lo = src[0], hi = src[0];

    for (int j = 1; j < BLOCK; j++) {
        lo = fminf(lo, src[j]);
        hi = fmaxf(hi, src[j]);
    }
    const float m = put_half(offset, lo);
    const float d = put_half(scale, (hi - lo) / (float)steps);
    for (int j = 0; j < BLOCK; j++)
        q[j] = d > 0 ? nearest((src[j] - m) / d, 0, steps) : 0;
}

static void q4_0_from_f32(void *dst, const float *src, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];

    for (size_t i = 0; i < n; i += BLOCK, b += 18) {
        signed_block(b, q, src + i, 8);
        put_nibbles(b + 2, q);
    }
}

static void q4_1_from_f32(void *dst, const float *src, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];

    for (size_t i = 0; i < n; i += BLOCK, b += 20) {
        offset_block(b, b + 2, q, src + i, 15);
        put_nibbles(b + 4, q);
    }
}

static void q5_0_from_f32(void *dst, const float *src, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];

    for (size_t i = 0; i < n; i += BLOCK, b += 22) {
        signed_block(b, q, src + i, 16);
        put_fifth_bits(b + 2, q);
        put_nibbles(b + 6, q);
    }
}

static void q5_1_from_f32(void *dst, const float *src, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];

    for (size_t i = 0; i < n; i += BLOCK, b += 24) {
        offset_block(b, b + 2, q, src + i, 31);
        put_fifth_bits(b + 4, q);
        put_nibbles(b + 8, q);
    }
}

/* Blocks of 256 with quantised scales for each 16 or 32 elements. */

/* Where element e of a 2 or 3 bit block is: two halves of 128, in each four shifts of 32 bytes. */
static int two_bits(const uint8_t *qs, int e)
{
    return qs[e / 128 * 32 + e % 32] >> e % 128 / 32 * 2 & 3;
}

static void q2_k_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK_K, b += 84) {
        const float d = half_at(b + 80), m = half_at(b + 82);
        for (int e = 0; e < BLOCK_K; e++) {
            const int s = b[e / 16];
            dst[i + e] = d * (float)(s & 15) * (float)two_bits(b + 16, e) - m * (float)(s >> 4);
        }
    }
}

/* The 6-bit scale of sub-block k of a Q3_K block: four low bits, then two high. */
static int q3_k_scale(const uint8_t *s, int k)
{
    const int low = k < 8 ? s[k] & 15 : s[k - 8] >> 4;

    return (low | (s[8 + k % 4] >> k / 4 * 2 & 3) << 4) - 32;
}

static void q3_k_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK_K, b += 110) {
        const float d = half_at(b + 108);
        for (int e = 0; e < BLOCK_K; e++) {
            const int q = two_bits(b + 32, e) - (b[e % 32] >> e / 32 & 1 ? 0 : 4);
            dst[i + e] = d * (float)q3_k_scale(b + 96, e / 16) * (float)q;
        }
    }
}

/* Scale and minimum, 6 bits each, of sub-block j of a Q4_K or Q5_K block. */
static void k_scale_min(const uint8_t *s, int j, int *scale, int *min)
{
    if (j < 4) {
        *scale = s[j] & 63;
        *min = s[j + 4] & 63;
    } else {
        *scale = (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
        *min = s[j + 4] >> 4 | s[j] >> 6 << 4;
    }
}

/* Q4_K and Q5_K: sub-blocks of 32, a pair shares 32 bytes of nibbles. `high` has
 * the fifth bits, one bit of each byte per sub-block, or is NULL. */
static void k_block(float *dst, const uint8_t *b, const uint8_t *high, const uint8_t *qs)
{
    const float d = half_at(b), m = half_at(b + 2);

    for (int j = 0; j < 8; j++) {
        int scale, min;
        k_scale_min(b + 4, j, &scale, &min);
        const float ds = d * (float)scale, ms = m * (float)min;
        for (int l = 0; l < 32; l++) {
            int q = qs[j / 2 * 32 + l] >> j % 2 * 4 & 15;
            if (high)
                q |= (high[l] >> j & 1) << 4;
            dst[j * 32 + l] = ds * (float)q - ms;
        }
    }
}

static void q4_k_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK_K, b += 144)
        k_block(dst + i, b, NULL, b + 16);
}

static void q5_k_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK_K, b += 176)
        k_block(dst + i, b, b + 16, b + 48);
}

static void q6_k_to_f32(float *dst, const void *src, size_t n)
{
    const uint8_t *b = src;

    for (size_t i = 0; i < n; i += BLOCK_K, b += 210) {
        const float d = half_at(b + 208);
        for (int e = 0; e < BLOCK_K; e++) {
            const int half = e / 128, quarter = e % 128 / 32, l = e % 32;
            const int low = b[half * 64 + quarter % 2 * 32 + l] >> quarter / 2 * 4 & 15;
            const int high = b[128 + half * 32 + l] >> quarter * 2 & 3;
            const int8_t scale = (int8_t)b[192 + e / 16];
            dst[i + e] = d * (float)scale * (float)((low | high << 4) - 32);
        }
    }
}

static const zk_dtype_info infos[ZK_DTYPE_COUNT] = {
    [ZK_NONE]    = { "none",    1, 0, NULL, NULL },
    [ZK_F32]     = { "f32",     1, 4, f32_to_f32, f32_from_f32 },
    [ZK_F16]     = { "f16",     1, 2, f16_to_f32, f16_from_f32 },
    [ZK_BF16]    = { "bf16",    1, 2, bf16_to_f32, bf16_from_f32 },
    [ZK_F8_E4M3] = { "f8_e4m3", 1, 1, f8_e4m3_to_f32, f8_e4m3_from_f32 },
    [ZK_F8_E5M2] = { "f8_e5m2", 1, 1, f8_e5m2_to_f32, f8_e5m2_from_f32 },
    [ZK_I8]      = { "i8",      1, 1, i8_to_f32, NULL },
    [ZK_Q8_0]    = { "q8_0",    BLOCK, 34, q8_0_to_f32, q8_0_from_f32 },
    [ZK_Q4_0]    = { "q4_0",    BLOCK, 18, q4_0_to_f32, q4_0_from_f32 },
    [ZK_Q4_1]    = { "q4_1",    BLOCK, 20, q4_1_to_f32, q4_1_from_f32 },
    [ZK_Q5_0]    = { "q5_0",    BLOCK, 22, q5_0_to_f32, q5_0_from_f32 },
    [ZK_Q5_1]    = { "q5_1",    BLOCK, 24, q5_1_to_f32, q5_1_from_f32 },
    [ZK_Q2_K]    = { "q2_K",    BLOCK_K, 84, q2_k_to_f32, NULL },
    [ZK_Q3_K]    = { "q3_K",    BLOCK_K, 110, q3_k_to_f32, NULL },
    [ZK_Q4_K]    = { "q4_K",    BLOCK_K, 144, q4_k_to_f32, NULL },
    [ZK_Q5_K]    = { "q5_K",    BLOCK_K, 176, q5_k_to_f32, NULL },
    [ZK_Q6_K]    = { "q6_K",    BLOCK_K, 210, q6_k_to_f32, NULL },
    [ZK_BOOL]    = { "bool",    1, 1, NULL, NULL },
    [ZK_U8]      = { "u8",      1, 1, NULL, NULL },
    [ZK_I16]     = { "i16",     1, 2, NULL, NULL },
    [ZK_U16]     = { "u16",     1, 2, NULL, NULL },
    [ZK_I32]     = { "i32",     1, 4, NULL, NULL },
    [ZK_U32]     = { "u32",     1, 4, NULL, NULL },
    [ZK_I64]     = { "i64",     1, 8, NULL, NULL },
    [ZK_U64]     = { "u64",     1, 8, NULL, NULL },
    [ZK_F64]     = { "f64",     1, 8, NULL, NULL },
    [ZK_F8_E8M0] = { "f8_e8m0", 1, 1, NULL, NULL },
};

const zk_dtype_info *zk_dtype_get(zk_dtype type)
{
    return (unsigned)type < ZK_DTYPE_COUNT ? &infos[type] : NULL;
}

zk_dtype zk_dtype_find(const char *name)
{
    for (int i = ZK_NONE + 1; i < ZK_DTYPE_COUNT; i++) {
        if (strcmp(infos[i].name, name) == 0)
            return (zk_dtype)i;
    }
    return ZK_NONE;
}

bool zk_dtype_size(zk_dtype type, uint64_t n, uint64_t *bytes)
{
    const zk_dtype_info *info = zk_dtype_get(type);

    if (!info || n % (uint64_t)info->block != 0)
        return false;
    n /= (uint64_t)info->block;
    if (info->bytes > 0 && n > UINT64_MAX / (uint64_t)info->bytes)
        return false;
    *bytes = n * (uint64_t)info->bytes;
    return true;
}
