/* Heap sort: no memory, no bad case, and the order of equal items depends on
 * nothing but the input. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/base/sort.h"

/* Puts `item` into the heap below `root`, whose place is free, where it belongs. */
static void sift(uint8_t *items, size_t root, size_t count, size_t size, const uint8_t *item,
                 zc_compare compare, const void *context)
{
    size_t child;

    while (root < count / 2) {
        child = 2 * root + 1;
        if (child + 1 < count &&
            compare(items + child * size, items + (child + 1) * size, context) < 0)
            child++;
        if (compare(item, items + child * size, context) >= 0)
            break;
        memcpy(items + root * size, items + child * size, size);
        root = child;
    }
    memcpy(items + root * size, item, size);
}

void zc_sort(void *items, size_t count, size_t size, zc_compare compare, const void *context)
{
    uint8_t *base = items;
    uint8_t item[ZC_SORT_ITEM];

    assert(size <= sizeof(item));
    for (size_t i = count / 2; i-- > 0;) {
        memcpy(item, base + i * size, size);
        sift(base, i, count, size, item, compare, context);
    }
    for (size_t n = count; n-- > 1;) {
        memcpy(item, base + n * size, size);
        memcpy(base + n * size, base, size);
        sift(base, 0, n, size, item, compare, context);
    }
}
