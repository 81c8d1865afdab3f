/* Noise: published vectors, the same bits however it is cut, and torch's. */

#include <math.h>
#include <stdint.h>

#include "core/base/hash.h"
#include "core/base/rng.h"
#include "core/base/status.h"
#include "tests/unit/test.h"

/* Random123's known answers for philox4x32, 10 rounds. */
static void philox_gives_the_published_words(void)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } rows[] = {
        { { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    uint32_t out[4];

    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        zc_philox(out, rows[i].counter, rows[i].key);
        for (int k = 0; k < 4; k++)
            REQUIRE_INT(out[k], rows[i].out[k]);
    }
}

static void fixed_functions_are_accurate(void)
{
    double s, c, most_log = 0, most_sin = 0;

    for (int i = 1; i <= 200000; i++) {
        const double x = i / 200000.0, tiny = ldexp(x, -(i % 60));
        const double exact = log(tiny), turn = 6.283185307179586476925 * (x - 0x1p-40);
        double error;

        error = fabs(zc_fixed_log(tiny) - exact) / (fabs(exact) > 0 ? fabs(exact) : 1);
        most_log = error > most_log ? error : most_log;
        zc_fixed_sincos(x - 0x1p-40, &s, &c);
        error = fmax(fabs(s - sin(turn)), fabs(c - cos(turn)));
        most_sin = error > most_sin ? error : most_sin;
    }
    REQUIRE(most_log < 1e-15);
    REQUIRE(most_sin < 2e-15);
    REQUIRE_F64(zc_fixed_log(1), 0);
    zc_fixed_sincos(0, &s, &c);
    REQUIRE_F64(s, 0);
    REQUIRE_F64(c, 1);
    zc_fixed_sincos(0.25, &s, &c);
    REQUIRE_F64(s, 1);
    REQUIRE_F64(c, 0);
}

enum { N = 4099 };

static float whole[N], pieces[N];

static void noise_does_not_depend_on_the_cut(void)
{
    static const size_t steps[] = { 1, 2, 3, 4, 5, 7, 64, 1000 };

    zc_randn(whole, 0, N, 42, 7);
    for (size_t k = 0; k < ZC_COUNT(steps); k++) {
        memset(pieces, 0, sizeof(pieces));
        for (size_t i = 0; i < N; i += steps[k])
            zc_randn(pieces + i, i, steps[k] < N - i ? steps[k] : N - i, 42, 7);
        REQUIRE(test_same(whole, pieces, sizeof(whole)));
    }
    zc_randn(pieces, 17, 100, 42, 7);
    REQUIRE(test_same(whole + 17, pieces, 100 * sizeof(float)));
}

static void noise_depends_on_all_of_its_key(void)
{
    static const struct {
        uint64_t first, seed, stream;
    } keys[] = {
        { 0, 42, 8 },
        { 0, 43, 7 },
        { 0, 42 + ((uint64_t)1 << 32), 7 },
        { 0, 42, 7 + ((uint64_t)1 << 32) },
        { (uint64_t)1 << 34, 42, 7 },
        { (uint64_t)1 << 40, 42, 7 },
    };
    int equal;

    zc_randn(whole, 0, 1000, 42, 7);
    for (size_t k = 0; k < ZC_COUNT(keys); k++) {
        zc_randn(pieces, keys[k].first, 1000, keys[k].seed, keys[k].stream);
        equal = 0;
        for (int i = 0; i < 1000; i++)
            equal += whole[i] == pieces[i];
        REQUIRE(equal < 5);
    }
}

/* The bits are part of what a seed means: they may never change. */
static void the_bits_are_pinned(void)
{
    zc_randn(whole, 0, N, 20240917, 3);
    REQUIRE_INT(zc_crc32c(0, whole, sizeof(whole)), 2117190997u);
    zc_randu(whole, 0, N, 20240917, 3);
    REQUIRE_INT(zc_crc32c(0, whole, sizeof(whole)), 1061696960u);
}

/* Words, logarithm and angle by the C library. */
static void normals_are_box_muller_of_the_words(void)
{
    uint32_t words[4];
    float n[4];

    for (uint32_t block = 0; block < 1000; block++) {
        zc_philox(words, (uint32_t[4]){ block, 0, 5, 0 }, (uint32_t[2]){ 99, 0 });
        zc_randn(n, 4 * (uint64_t)block, 4, 99, 5);
        for (int pair = 0; pair < 2; pair++) {
            const double u = (words[2 * pair] + 1.0) / 4294967296.0;
            const double v = words[2 * pair + 1] / 4294967296.0;
            const double r = sqrt(-2 * log(u)), a = 6.283185307179586476925 * v;

            REQUIRE_NEAR((double)n[2 * pair], r * cos(a), 3e-7);
            REQUIRE_NEAR((double)n[2 * pair + 1], r * sin(a), 3e-7);
        }
    }
}

static void noise_is_normal(void)
{
    double sum[5] = { 0 }, neighbours = 0, last = 0;
    const int rounds = 250;

    for (int k = 0; k < rounds; k++) {
        zc_randn(whole, (uint64_t)k * 4096, 4096, 1, 0);
        for (int i = 0; i < 4096; i++) {
            const double x = (double)whole[i];

            sum[1] += x;
            sum[2] += x * x;
            sum[3] += x * x * x;
            sum[4] += x * x * x * x;
            neighbours += x * last;
            last = x;
        }
    }
    const double count = 4096.0 * rounds;      /* a million: deviations near 1/1000 */

    REQUIRE_NEAR(sum[1] / count, 0, 0.004);
    REQUIRE_NEAR(sum[2] / count, 1, 0.006);
    REQUIRE_NEAR(sum[3] / count, 0, 0.016);
    REQUIRE_NEAR(sum[4] / count, 3, 0.04);
    REQUIRE_NEAR(neighbours / count, 0, 0.004);
}

static void uniform_noise_is_uniform(void)
{
    double mean = 0;
    int outside = 0;

    zc_randu(whole, 0, 4096, 5, 0);
    for (int i = 0; i < 4096; i++) {
        outside += whole[i] < 0 || whole[i] >= 1;
        mean += (double)whole[i] / 4096;
    }
    REQUIRE_INT(outside, 0);
    REQUIRE_NEAR(mean, 0.5, 0.02);
}

/* The reference program's values for its default seed. */
static void twister_gives_the_published_words(void)
{
    zc_torch t;
    uint32_t word = 0;

    zc_torch_init(&t, 5489);
    REQUIRE_INT(zc_torch_word(&t), 3499211612u);
    for (int i = 1; i < 10000; i++)
        word = zc_torch_word(&t);
    REQUIRE_INT(word, 4123659995u);
}

/* torch.manual_seed(s); torch.randn(n) as torch prints it. */
static void torch_noise_is_reproduced(void)
{
    static const float short0[] = { 1.5410f, -0.2934f, -2.1788f, 0.5684f, -1.0845f, -1.3986f,
                                    0.4033f, 0.8380f, -0.7193f, -0.4033f };
    static const float long0[] = { -1.1258f, -1.1524f, -0.2506f, -0.4339f, 0.8487f, 0.6920f,
                                   -0.3160f, -2.1152f };
    static const float long42[] = { 1.9269f, 1.4873f, 0.9007f, -2.1055f, 0.6784f, -1.2345f,
                                    -0.0431f, -1.6047f };
    zc_torch t;
    float x[37];

    zc_torch_init(&t, 0);
    zc_torch_randn(&t, x, 10);
    for (size_t i = 0; i < ZC_COUNT(short0); i++)
        REQUIRE_NEAR((double)x[i], (double)short0[i], 5.1e-5);
    zc_torch_init(&t, 0);
    zc_torch_randn(&t, x, 32);
    for (size_t i = 0; i < ZC_COUNT(long0); i++)
        REQUIRE_NEAR((double)x[i], (double)long0[i], 5.1e-5);
    zc_torch_init(&t, 42 + ((uint64_t)1 << 32));
    zc_torch_randn(&t, x, 16);
    for (size_t i = 0; i < ZC_COUNT(long42); i++)
        REQUIRE_NEAR((double)x[i], (double)long42[i], 5.1e-5);
}

/* A short draw leaves half of its last pair for the next short draw. */
static void torch_draws_follow_each_other(void)
{
    zc_torch a, b;
    float one[6], two[6];

    zc_torch_init(&a, 9);
    zc_torch_init(&b, 9);
    zc_torch_randn(&a, one, 6);
    zc_torch_randn(&b, two, 3);
    zc_torch_randn(&b, two + 3, 3);
    REQUIRE(test_same(one, two, sizeof(one)));
}

/* If the count is no multiple of 16, the last 16 come from fresh words. */
static void torch_tails_are_drawn_again(void)
{
    zc_torch a, b;
    float whole37[37], fresh[16];
    float head[32];

    zc_torch_init(&a, 3);
    zc_torch_init(&b, 3);
    zc_torch_randn(&a, whole37, 37);
    for (int i = 0; i < 37; i++)
        zc_torch_word(&b);
    zc_torch_randn(&b, fresh, 16);
    REQUIRE(test_same(whole37 + 21, fresh, sizeof(fresh)));
    zc_torch_init(&b, 3);
    zc_torch_randn(&b, head, 32);
    REQUIRE(test_same(whole37, head, 21 * sizeof(float)));
}

int main(void)
{
    TEST(philox_gives_the_published_words);
    TEST(fixed_functions_are_accurate);
    TEST(noise_does_not_depend_on_the_cut);
    TEST(noise_depends_on_all_of_its_key);
    TEST(the_bits_are_pinned);
    TEST(normals_are_box_muller_of_the_words);
    TEST(noise_is_normal);
    TEST(uniform_noise_is_uniform);
    TEST(twister_gives_the_published_words);
    TEST(torch_noise_is_reproduced);
    TEST(torch_draws_follow_each_other);
    TEST(torch_tails_are_drawn_again);
    return test_end();
}
