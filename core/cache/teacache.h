/* TeaCache's published polynomials.
 *
 * Thread safety: pure functions. */
#ifndef ZC_CACHE_TEACACHE_H
#define ZC_CACHE_TEACACHE_H

#define ZC_TEACACHE_COEFFICIENTS 5

/* Coefficients of a model family, highest power first; NULL if none are published. */
const double *zc_teacache_find(const char *name);

double zc_teacache_at(const double coef[ZC_TEACACHE_COEFFICIENTS], double x);

#endif
