/* Tokens that are found in the text as they stand: at each place from the left,
 * the longest.
 *
 * Thread safety: a built set is constant. */
#ifndef ZC_ADDED_H
#define ZC_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

typedef struct zc_added_item {
    size_t   text;            /* offset in the pool */
    uint32_t bytes;
    int32_t  id;
    bool     special;
} zc_added_item;

typedef struct zc_added_set {
    zc_added_item *item;      /* by text, once sorted */
    size_t count, room;
    zc_str pool;
} zc_added_set;

void zc_added_fini(zc_added_set *s);

/* Adds a token, not empty; false if there is no memory. Sort before the first find:
 * of several with the same text, the one with the lowest id stays. */
bool zc_added_add(zc_added_set *s, const char *text, size_t bytes, int32_t id, bool special);
void zc_added_sort(zc_added_set *s);

/* The longest item that [text, text + bytes) begins with, or NULL. Takes time in
 * proportion to the length of the match, not to the number of items. */
const zc_added_item *zc_added_at(const zc_added_set *s, const char *text, size_t bytes);

#endif
