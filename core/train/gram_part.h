/* What gram.c and its search share.
 *
 * Thread safety: pure functions. */
#ifndef ZC_GRAM_PART_H
#define ZC_GRAM_PART_H

#include <stdbool.h>

/* Least squares: a x = b for a symmetric matrix [n][n] of products, with ridge times
 * its diagonal added. The answer is in b, a is used up, unit has room for n. Members that others
 * explain get 0. False if the answer is not finite. */
bool zc_gram_least(double *a, double *b, int n, double ridge, double *unit);

#endif
