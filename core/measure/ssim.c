/* Structural similarity: sums over the columns of a window slide down, and a
 * window slides along them. All sums are whole numbers, hence exact. */

#include "core/base/alloc.h"
#include "core/measure/ssim.h"

#define WINDOW ZC_SSIM_WINDOW
#define RED    9798       /* of 32768 */
#define GREEN  19235
#define BLUE   3735

void zc_grey_from_rgb(uint8_t *grey, const uint8_t *rgb, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, rgb += 3)
        grey[i] = (uint8_t)((rgb[0] * RED + rgb[1] * GREEN + rgb[2] * BLUE + (1 << 14)) >> 15);
}

/* Of a column or a window. */
struct sums {
    int32_t a, b, aa, bb, ab;
};

static void add_pixel(struct sums *s, int a, int b, int sign)
{
    s->a += sign * a;
    s->b += sign * b;
    s->aa += sign * a * a;
    s->bb += sign * b * b;
    s->ab += sign * a * b;
}

static void add_sums(struct sums *s, const struct sums *x, int sign)
{
    s->a += sign * x->a;
    s->b += sign * x->b;
    s->aa += sign * x->aa;
    s->bb += sign * x->bb;
    s->ab += sign * x->ab;
}

static double window_ssim(const struct sums *s)
{
    const double n = WINDOW * WINDOW, unbiased = n / (n - 1);
    const double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
    const double ma = s->a / n, mb = s->b / n;
    const double va = unbiased * (s->aa / n - ma * ma), vb = unbiased * (s->bb / n - mb * mb);
    const double cov = unbiased * (s->ab / n - ma * mb);

    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

static double row_ssim(const struct sums *column, int width)
{
    struct sums window = { 0 };
    double sum = 0;

    for (int x = 0; x < width; x++) {
        add_sums(&window, &column[x], 1);
        if (x >= WINDOW)
            add_sums(&window, &column[x - WINDOW], -1);
        if (x >= WINDOW - 1)
            sum += window_ssim(&window);
    }
    return sum;
}

zc_status zc_ssim(double *out, zc_log *log, const uint8_t *a, const uint8_t *b, int width,
                  int height)
{
    zc_status st = ZC_OK;
    struct sums *column = NULL;
    double sum = 0;

    ZC_CHECK(width >= WINDOW && height >= WINDOW, ZC_E_ARGUMENT,
             "ssim: a picture of %d by %d, expected at least %d by %d", width, height, WINDOW,
             WINDOW);
    column = zc_new_array(struct sums, (size_t)width);
    ZC_CHECK(column, ZC_E_NOMEM, "ssim: out of memory");
    for (int y = 0; y < height; y++) {
        const size_t row = (size_t)y * (size_t)width;

        for (int x = 0; x < width; x++) {
            const size_t in = row + (size_t)x;

            add_pixel(&column[x], a[in], b[in], 1);
            if (y >= WINDOW) {
                const size_t gone = in - (size_t)WINDOW * (size_t)width;

                add_pixel(&column[x], a[gone], b[gone], -1);
            }
        }
        if (y >= WINDOW - 1)
            sum += row_ssim(column, width);
    }
    *out = sum / ((double)(width - WINDOW + 1) * (height - WINDOW + 1));
done:
    zc_free(column);
    return st;
}
