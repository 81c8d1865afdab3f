/* Sorting in place, without memory, in O(n log n) whatever the input.
 *
 * Thread safety: works on the caller's array only. */
#ifndef ZC_SORT_H
#define ZC_SORT_H

#include <stddef.h>

#define ZC_SORT_ITEM 64       /* bytes an item may have */

/* Negative, zero, positive as a belongs before, with or after b. */
typedef int (*zc_compare)(const void *a, const void *b, const void *context);

/* Equal items end in no particular, but always the same, order. */
void zc_sort(void *items, size_t count, size_t size, zc_compare compare, const void *context);

#endif
