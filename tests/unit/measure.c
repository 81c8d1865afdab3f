/* How far two pictures are apart: PSNR, its wrapped form, SSIM. */

#include <math.h>
#include <stdlib.h>

#include "core/measure/psnr.h"
#include "core/measure/ssim.h"
#include "tests/unit/test.h"

static void the_wrapped_form_has_a_floor(void)
{
    uint8_t a[256], b[256];

    /* Every difference once: the squares modulo 256 have a mean of 105.5. */
    for (int i = 0; i < 256; i++) {
        a[i] = (uint8_t)i;
        b[i] = 0;
    }
    REQUIRE_NEAR(zc_psnr_u8wrap(a, b, 256), 27.898, 5e-4);
    REQUIRE_NEAR(zc_psnr(a, b, 256), 10 * log10(255.0 * 255 / (255 * 511 / 6.0)), 1e-9);
}

static void sixteen_levels_count_as_none_when_wrapped(void)
{
    const uint8_t a[4] = { 16, 0, 200, 32 }, b[4] = { 0, 16, 216, 0 };

    REQUIRE(isinf(zc_psnr_u8wrap(a, b, 4)));
    REQUIRE_NEAR(zc_psnr(a, b, 4), 10 * log10(255.0 * 255 / ((3 * 256 + 1024) / 4.0)), 1e-9);
}

static void equal_pictures_are_infinitely_good(void)
{
    const uint8_t a[3] = { 1, 2, 3 };
    const float f[3] = { 1, 2, 3 };

    REQUIRE(isinf(zc_psnr(a, a, 3)) && zc_psnr(a, a, 3) > 0);
    REQUIRE(isinf(zc_psnr_f32(f, f, 3, 1)));
}

static void floats_have_a_peak(void)
{
    const float a[2] = { 0.5f, 1 }, b[2] = { 0.25f, 1 };

    REQUIRE_NEAR(zc_psnr_f32(a, b, 2, 1), 10 * log10(1 / 0.03125), 1e-9);
    REQUIRE_NEAR(zc_psnr_f32(a, b, 2, 2), 10 * log10(4 / 0.03125), 1e-9);
}

/* The definition, window by window. */
static double plain_ssim(const uint8_t *a, const uint8_t *b, int width, int height)
{
    double sum = 0;
    int windows = 0;

    for (int y = 3; y + 3 < height; y++) {
        for (int x = 3; x + 3 < width; x++) {
            double ma = 0, mb = 0, va = 0, vb = 0, cov = 0;

            for (int i = 0; i < 49; i++) {
                const int row = y + i / 7 - 3, at = row * width + x + i % 7 - 3;

                ma += a[at] / 49.0;
                mb += b[at] / 49.0;
            }
            for (int i = 0; i < 49; i++) {
                const int row = y + i / 7 - 3, at = row * width + x + i % 7 - 3;
                const double da = a[at] - ma, db = b[at] - mb;

                va += da * da / 48;
                vb += db * db / 48;
                cov += da * db / 48;
            }
            sum += (2 * ma * mb + 6.5025) * (2 * cov + 58.5225) /
                ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
            windows++;
        }
    }
    return sum / windows;
}

static void ssim_follows_its_definition(void)
{
    enum { W = 23, H = 17 };
    uint8_t a[W * H], b[W * H];
    uint32_t state = 1;
    double out = 0;

    for (int i = 0; i < W * H; i++) {
        state = state * 1664525u + 1013904223u;
        a[i] = (uint8_t)(128 + 90 * sin(0.3 * (i % W)) * cos(0.2 * i / W));
        b[i] = (uint8_t)(a[i] + (int)(state >> 28) - 8);
    }
    REQUIRE_INT(zc_ssim(&out, NULL, a, b, W, H), ZC_OK);
    REQUIRE_NEAR(out, plain_ssim(a, b, W, H), 1e-12);
    REQUIRE(out > 0.5 && out < 0.999);
    REQUIRE_INT(zc_ssim(&out, NULL, a, a, W, H), ZC_OK);
    REQUIRE_NEAR(out, 1, 1e-12);
    REQUIRE_INT(zc_ssim(&out, NULL, a, b, 7, 7), ZC_OK);
    REQUIRE_NEAR(out, plain_ssim(a, b, 7, 7), 1e-12);
    REQUIRE_INT(zc_ssim(&out, NULL, a, b, 6, 20), ZC_E_ARGUMENT);
}

static void grey_weighs_the_colours(void)
{
    static const uint8_t rgb[] = { 255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30 };
    uint8_t grey[5];

    zc_grey_from_rgb(grey, rgb, 5);
    REQUIRE_INT(grey[0], 255);
    REQUIRE_INT(grey[1], 76);
    REQUIRE_INT(grey[2], 150);
    REQUIRE_INT(grey[3], 29);
    REQUIRE_INT(grey[4], 18);
}

int main(void)
{
    TEST(the_wrapped_form_has_a_floor);
    TEST(sixteen_levels_count_as_none_when_wrapped);
    TEST(equal_pictures_are_infinitely_good);
    TEST(floats_have_a_peak);
    TEST(ssim_follows_its_definition);
    TEST(grey_weighs_the_colours);
    return test_end();
}
