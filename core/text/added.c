/* A sorted list, narrowed letter by letter to the items that still agree. */

#include "core/text/added.h"

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/sort.h"

void zc_added_fini(zc_added_set *s)
{
    zc_free(s->item);
    zc_str_fini(&s->pool);
    *s = (zc_added_set){ 0 };
}

bool zc_added_add(zc_added_set *s, const char *text, size_t bytes, int32_t id, bool special)
{
    if (!zc_grow(&s->item, &s->room, s->count + 1, sizeof(*s->item)))
        return false;
    s->item[s->count++] = (zc_added_item){
        .text = s->pool.length, .bytes = (uint32_t)bytes, .id = id, .special = special,
    };
    zc_str_add_bytes(&s->pool, text, bytes);
    return !s->pool.failed;
}

static int by_text(const void *a, const void *b, const void *context)
{
    const zc_added_item *x = a, *y = b;
    const char *pool = context;
    const int d = memcmp(pool + x->text, pool + y->text, x->bytes < y->bytes ? x->bytes : y->bytes);

    if (d)
        return d;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

void zc_added_sort(zc_added_set *s)
{
    const char *pool = zc_str_get(&s->pool);
    size_t kept = 0;

    zc_sort(s->item, s->count, sizeof(*s->item), by_text, pool);
    for (size_t i = 0; i < s->count; i++) {
        const zc_added_item *last = kept ? &s->item[kept - 1] : NULL;
        if (!last || last->bytes != s->item[i].bytes ||
            memcmp(pool + last->text, pool + s->item[i].text, last->bytes) != 0)
            s->item[kept++] = s->item[i];
    }
    s->count = kept;
}

/* The first of items [low, high), which agree in `depth` letters and go on, whose
 * next letter is at least `letter`. */
static size_t first_at_least(const zc_added_set *s, size_t low, size_t high, size_t depth,
                             int letter)
{
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((unsigned char)s->pool.text[s->item[middle].text + depth] < letter)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const zc_added_item *zc_added_at(const zc_added_set *s, const char *text, size_t bytes)
{
    const zc_added_item *best = NULL;
    size_t low = 0, high = s->count;

    for (size_t depth = 0; low < high; depth++) {
        if (s->item[low].bytes == depth)
            best = &s->item[low++];
        if (low == high || depth == bytes)
            break;
        const int letter = (unsigned char)text[depth];
        const int first = (unsigned char)s->pool.text[s->item[low].text + depth];
        const int last = (unsigned char)s->pool.text[s->item[high - 1].text + depth];
        if (letter < first || letter > last)
            break;
        if (first != last) {
            low = first_at_least(s, low, high, depth, letter);
            high = first_at_least(s, low, high, depth, letter + 1);
        }
    }
    return best;
}
