/* Element types: every code of the small ones, every rounding at its border, and
 * blocks whose values another implementation decoded. */

#include <math.h>
#include <stdint.h>

#include "kernels/dtype.h"
#include "tests/unit/test.h"

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

static void names_lead_back(void)
{
    for (int i = ZK_NONE + 1; i < ZK_DTYPE_COUNT; i++)
        REQUIRE_INT(zk_dtype_find(zk_dtype_get((zk_dtype)i)->name), i);
    REQUIRE_INT(zk_dtype_find("none"), ZK_NONE);
    REQUIRE_INT(zk_dtype_find("F32"), ZK_NONE);
    REQUIRE_INT(zk_dtype_find(""), ZK_NONE);
    REQUIRE(!zk_dtype_get(ZK_DTYPE_COUNT));
    REQUIRE(!zk_dtype_get((zk_dtype)-1));
}

static void sizes_are_of_whole_blocks(void)
{
    uint64_t bytes = 0;

    REQUIRE(zk_dtype_size(ZK_BF16, 7, &bytes));
    REQUIRE_INT(bytes, 14);
    REQUIRE(zk_dtype_size(ZK_Q4_K, 512, &bytes));
    REQUIRE_INT(bytes, 288);
    REQUIRE(zk_dtype_size(ZK_Q8_0, 0, &bytes));
    REQUIRE_INT(bytes, 0);
    REQUIRE(!zk_dtype_size(ZK_Q8_0, 33, &bytes));
    REQUIRE(!zk_dtype_size(ZK_F32, UINT64_MAX / 2, &bytes));
    REQUIRE(!zk_dtype_size(ZK_Q8_0, UINT64_MAX / 32 * 32, &bytes));
    REQUIRE(!zk_dtype_size(ZK_DTYPE_COUNT, 1, &bytes));
}

/* The small float types, by their positive codes. */
static const struct small {
    zk_dtype type;
    uint32_t largest;     /* code of the largest finite number */
    uint32_t above;       /* what larger numbers become */
    uint32_t sign;
    double   step;        /* the smallest number */
} small_types[] = {
    { ZK_F16, 0x7bff, 0x7c00, 0x8000, 0x1p-24 },
    { ZK_BF16, 0x7f7f, 0x7f80, 0x8000, 0x1p-133 },
    { ZK_F8_E4M3, 0x7e, 0x7e, 0x80, 0x1p-9 },
    { ZK_F8_E5M2, 0x7b, 0x7b, 0x80, 0x1p-16 },
};

static float value_of(zk_dtype type, uint32_t code)
{
    const uint16_t two = (uint16_t)code;
    const uint8_t one = (uint8_t)code;
    float x;

    zk_dtype_get(type)->to_f32(&x, zk_dtype_get(type)->bytes == 2 ? (const void *)&two : &one, 1);
    return x;
}

static uint32_t code_of(zk_dtype type, float x)
{
    uint16_t two = 0;
    uint8_t one = 0;

    zk_dtype_get(type)->from_f32(zk_dtype_get(type)->bytes == 2 ? (void *)&two : &one, &x, 1);
    return two | one;
}

static void every_small_code_comes_back(void)
{
    for (size_t i = 0; i < sizeof(small_types) / sizeof(small_types[0]); i++) {
        const struct small *s = &small_types[i];
        int wrong = 0;
        REQUIRE_F64(value_of(s->type, 1), s->step);
        for (uint32_t code = 0; code <= s->largest; code++) {
            wrong += code_of(s->type, value_of(s->type, code)) != code;
            wrong += code_of(s->type, value_of(s->type, code | s->sign)) != (code | s->sign);
            wrong += value_of(s->type, code | s->sign) != -value_of(s->type, code);
            wrong += code > 0 && !(value_of(s->type, code) > value_of(s->type, code - 1));
        }
        REQUIRE_INT(wrong, 0);
    }
}

/* Between two neighbours: the middle goes to the even code, the rest to the nearer. */
static void rounding_is_to_nearest_even(void)
{
    for (size_t i = 0; i < sizeof(small_types) / sizeof(small_types[0]); i++) {
        const struct small *s = &small_types[i];
        int wrong = 0;
        for (uint32_t code = 0; code < s->largest; code++) {
            const float low = value_of(s->type, code), high = value_of(s->type, code + 1);
            const float middle = (float)(((double)low + high) / 2);
            wrong += code_of(s->type, middle) != code + (code & 1);
            wrong += code_of(s->type, nextafterf(middle, low)) != code;
            wrong += code_of(s->type, nextafterf(middle, high)) != code + 1;
        }
        REQUIRE_INT(wrong, 0);
    }
}

static void ends_of_the_range(void)
{
    for (size_t i = 0; i < sizeof(small_types) / sizeof(small_types[0]); i++) {
        const struct small *s = &small_types[i];
        REQUIRE_INT(code_of(s->type, INFINITY), s->above);
        REQUIRE_INT(code_of(s->type, -INFINITY), s->above | s->sign);
        REQUIRE_INT(code_of(s->type, float_of(0x7f7fffff)), s->above);
        REQUIRE(isnan(value_of(s->type, code_of(s->type, NAN))));
        REQUIRE(isnan(value_of(s->type, code_of(s->type, float_of(0xff800001)))));
        REQUIRE_INT(code_of(s->type, 0x1p-149f), 0);
        REQUIRE_INT(code_of(s->type, -0.0f), s->sign);
    }
    REQUIRE_INT(code_of(ZK_F16, 65519.996f), 0x7bff);
    REQUIRE_INT(code_of(ZK_F16, 65520.0f), 0x7c00);
    REQUIRE_F64(value_of(ZK_F8_E4M3, 0x7e), 448);
    REQUIRE_F64(value_of(ZK_F8_E5M2, 0x7b), 57344);
    REQUIRE(isnan(value_of(ZK_F8_E4M3, 0xff)));
    REQUIRE(isinf(value_of(ZK_F8_E5M2, 0x7c)));
    REQUIRE(isnan(value_of(ZK_F8_E5M2, 0x7d)));
}

/* Two blocks of the bytes that golden_bytes makes, as the published gguf package
 * (0.19) decodes them: the sum of value times position, and some values. */
static const struct golden {
    zk_dtype type;
    int half[2];          /* where scale and offset are; -1: none */
    double sum;
    float at[8];          /* first, second, before and at the middle, last; three of the next */
} goldens[] = {
    { ZK_Q8_0, { 0, -1 }, -1182.8125,
      { 33.4375f, 5.9375f, 29.0625f, 2.8125f, 19.6875f, -25.625f, -0.3125f, -25.9375f } },
    { ZK_Q4_0, { 0, -1 }, -51.5625,
      { 0.9375f, -1.5625f, 1.5625f, -0.625f, -0.9375f, 1.875f, -2.1875f, -0.625f } },
    { ZK_Q4_1, { 0, 2 }, -2635.9375,
      { 3.265625f, 0.765625f, 1.390625f, 3.265625f, 3.265625f, -2.359375f, -0.484375f,
        -2.046875f } },
    { ZK_Q5_0, { 0, -1 }, 457.1875,
      { 3.75f, 1.5625f, -0.3125f, 0.0f, -5.0f, -0.3125f, 2.8125f, 4.0625f } },
    { ZK_Q5_1, { 0, 2 }, -5764.0625,
      { 9.203125f, 7.015625f, 2.640625f, 1.390625f, 6.703125f, -9.859375f, -0.796875f,
        -5.171875f } },
    { ZK_Q2_K, { 80, 82 }, -136334.5,
      { 4.234375f, 4.234375f, 1.890625f, 9.609375f, 0.0f, -0.578125f, -4.328125f, -2.78125f } },
    { ZK_Q3_K, { 108, -1 }, -150217.1875,
      { 0.9375f, -0.3125f, 7.8125f, 18.75f, -0.0f, 2.8125f, 5.625f, 20.625f } },
    { ZK_Q4_K, { 0, 2 }, -4552232.0,
      { 23.59375f, 244.84375f, 37.765625f, 176.1875f, 145.25f, -56.703125f, -13.046875f,
        -13.171875f } },
    { ZK_Q5_K, { 0, 2 }, -8547294.9375,
      { 410.78125f, 502.96875f, 104.015625f, 338.0625f, 62.125f, -261.265625f, -5.765625f,
        1.609375f } },
    { ZK_Q6_K, { 208, -1 }, -179488.125,
      { 15.9375f, 63.75f, 48.125f, -46.875f, -79.6875f, 855.3125f, 89.375f, 154.6875f } },
};

static void golden_bytes(const struct golden *g, uint8_t *b)
{
    static const float value[] = { 0.3125f, -0.171875f };
    const int bytes = zk_dtype_get(g->type)->bytes;

    for (int i = 0; i < 2 * bytes; i++)
        b[i] = (uint8_t)(i * 167 + i * i / 7 + 29);
    for (int n = 0; n < 4; n++) {
        const uint16_t h = zk_f16_from_f32(value[n % 2]);
        uint8_t *p = b + n / 2 * bytes + g->half[n % 2];
        if (g->half[n % 2] < 0)
            continue;
        p[0] = (uint8_t)h;
        p[1] = (uint8_t)(h >> 8);
    }
    b[bytes + g->half[0] + 1] ^= 0x80;
}

static void blocks_decode_as_published(void)
{
    for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
        const struct golden *g = &goldens[i];
        const zk_dtype_info *info = zk_dtype_get(g->type);
        const int n = info->block;
        const int at[] = { 0, 1, n / 2 - 1, n / 2, n - 1, n, n + n / 4 + 3, 2 * n - 1 };
        uint8_t bytes[2 * 210 + 1];
        float x[512];
        double sum = 0;
        golden_bytes(g, bytes + 1);                    /* blocks need no alignment */
        info->to_f32(x, bytes + 1, 2 * (size_t)n);
        for (int j = 0; j < 2 * n; j++)
            sum += (double)x[j] * (j + 1);
        REQUIRE_F64(sum, g->sum);
        for (int j = 0; j < 8; j++)
            REQUIRE_F64(x[at[j]], g->at[j]);
    }
}

/* Types that blocks can be made of, and how many steps their range has. */
static const struct quantiser {
    zk_dtype type;
    int steps;
} quantisers[] = {
    { ZK_Q8_0, 254 }, { ZK_Q4_0, 16 }, { ZK_Q4_1, 15 }, { ZK_Q5_0, 32 }, { ZK_Q5_1, 31 },
};

static void round_trip(zk_dtype type, float *out, const float *in)
{
    uint8_t block[64];

    zk_dtype_get(type)->from_f32(block, in, 32);
    zk_dtype_get(type)->to_f32(out, block, 32);
}

static void quantising_is_within_a_step(void)
{
    for (size_t i = 0; i < sizeof(quantisers) / sizeof(quantisers[0]); i++) {
        float in[32], out[32];
        for (int j = 0; j < 32; j++)
            in[j] = sinf((float)(j * j));
        in[7] = 1;
        in[9] = -1;
        round_trip(quantisers[i].type, out, in);
        for (int j = 0; j < 32; j++)
            REQUIRE_NEAR(out[j], in[j], 2.0 / quantisers[i].steps * 1.01);
    }
}

static void hostile_blocks_stay_finite(void)
{
    static const float values[] = { 0, 1e-45f, 3e38f, -3e38f, INFINITY, -INFINITY };

    for (size_t i = 0; i < sizeof(quantisers) / sizeof(quantisers[0]); i++) {
        float in[32], out[32];
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            for (int j = 0; j < 32; j++)
                in[j] = j % 3 ? values[v] : 0;
            round_trip(quantisers[i].type, out, in);
            for (int j = 0; j < 32; j++)
                REQUIRE(isfinite(out[j]));
            if (values[v] == 0)
                REQUIRE(out[1] == 0 && out[31] == 0);
        }
        for (int j = 0; j < 32; j++)
            in[j] = j % 2 ? NAN : (float)j;
        round_trip(quantisers[i].type, out, in);
        REQUIRE_NEAR(out[30], 30, 2.5);
    }
}

int main(void)
{
    TEST(names_lead_back);
    TEST(sizes_are_of_whole_blocks);
    TEST(every_small_code_comes_back);
    TEST(rounding_is_to_nearest_even);
    TEST(ends_of_the_range);
    TEST(blocks_decode_as_published);
    TEST(quantising_is_within_a_step);
    TEST(hostile_blocks_stay_finite);
    return test_end();
}
