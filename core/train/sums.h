/* Sums over many elements in double: eight at a time, added as a tree, so that they
 * are quick and the same on every machine.
 *
 * Thread safety: pure functions. */
#ifndef ZC_TRAIN_SUMS_H
#define ZC_TRAIN_SUMS_H

#include <stddef.h>

#define ZC_SUM_PARTS 8

static inline double zc_sum_parts(const double part[ZC_SUM_PARTS])
{
    return ((part[0] + part[1]) + (part[2] + part[3])) +
        ((part[4] + part[5]) + (part[6] + part[7]));
}

/* sum of a[i] b[i] */
static inline double zc_dot(const float *a, const float *b, size_t count)
{
    double part[ZC_SUM_PARTS] = { 0 };
    size_t i = 0;

    for (; i + ZC_SUM_PARTS <= count; i += ZC_SUM_PARTS) {
        for (size_t k = 0; k < ZC_SUM_PARTS; k++)
            part[k] += (double)a[i + k] * (double)b[i + k];
    }
    for (; i < count; i++)
        part[0] += (double)a[i] * (double)b[i];
    return zc_sum_parts(part);
}

/* sum of a[i] */
static inline double zc_total(const float *a, size_t count)
{
    double part[ZC_SUM_PARTS] = { 0 };
    size_t i = 0;

    for (; i + ZC_SUM_PARTS <= count; i += ZC_SUM_PARTS) {
        for (size_t k = 0; k < ZC_SUM_PARTS; k++)
            part[k] += (double)a[i + k];
    }
    for (; i < count; i++)
        part[0] += (double)a[i];
    return zc_sum_parts(part);
}

#endif
