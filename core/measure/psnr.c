/* Peak signal to noise ratio. */

#include <math.h>

#include "core/measure/psnr.h"

static double decibels(double sum, size_t count, double peak)
{
    return 10 * log10(peak * peak / (sum / (double)count));
}

double zc_psnr(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        const int d = a[i] - b[i];

        sum += (uint64_t)(d * d);
    }
    return decibels((double)sum, count, 255);
}

double zc_psnr_u8wrap(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        const int d = a[i] - b[i];

        sum += (uint8_t)(d * d);
    }
    return decibels((double)sum, count, 255);
}

double zc_psnr_f32(const float *a, const float *b, size_t count, double peak)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i];

        sum += d * d;
    }
    return decibels(sum, count, peak);
}
