/* Backward differences of remembered features, as coefficients.
 *
 * Thread safety: pure functions. */
#ifndef ZC_CACHE_DIFFERENCES_H
#define ZC_CACHE_DIFFERENCES_H

#define ZC_DIFFERENCES_MAX 4      /* the highest order */

/* d[o][k] is the coefficient of entry k in difference number o, for `count` entries,
 * newest first, of these steps; differences 0 .. count - 1. The distance to divide by is that of
 * the newest two entries a difference was made from, so that on unequal spacing the higher ones
 * are the published recurrence, not divided differences. */
typedef double zc_differences[ZC_DIFFERENCES_MAX + 1][ZC_DIFFERENCES_MAX + 1];

void zc_differences_fill(zc_differences d, const int *step, int count);

/* Entries that may be used for differences up to `order`: the newest, as far as no step
 * before the last but one of the `first` computed ones is among them. */
int zc_differences_usable(const int *step, int count, int order, int first);

#endif
