/* Lists of numbers, and shares of a list. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/num.h"
#include "core/base/sort.h"
#include "core/batch/list.h"

typedef struct numbers {
    int64_t *n;
    size_t   count, capacity, limit;
} numbers;

/* Moves *at behind a whole number; NULL, or why it is none. */
static const char *read_number(int64_t *out, const char **at, const char *end)
{
    const char *from = *at, *to = from + (from < end && *from == '-');

    while (to < end && *to >= '0' && *to <= '9')
        to++;
    *at = to;
    if (to == from || to[-1] == '-')
        return "is no number";
    return zc_num_read_i64(out, from, (size_t)(to - from));
}

/* first, first +- step, ... up to last. */
static zc_status add_range(numbers *l, zc_log *log, const char *what, int64_t first, int64_t last,
                           uint64_t step)
{
    zc_status st = ZC_OK;
    const bool down = last < first;
    const uint64_t span = down ? (uint64_t)first - (uint64_t)last
                               : (uint64_t)last - (uint64_t)first;
    const uint64_t count = span / step;               /* and one more */

    ZC_CHECK(count < l->limit - l->count, ZC_E_LIMIT, "%s: more than %zu numbers", what, l->limit);
    ZC_CHECK(zc_grow(&l->n, &l->capacity, l->count + (size_t)count + 1, sizeof(l->n[0])),
             ZC_E_NOMEM, "%s: out of memory", what);
    for (uint64_t i = 0; i <= count; i++)
        l->n[l->count++] = (int64_t)(down ? (uint64_t)first - i * step
                                          : (uint64_t)first + i * step);
done:
    return st;
}

/* One part between commas. */
static zc_status add_part(numbers *l, zc_log *log, const char *what, const char *from,
                          const char *end)
{
    zc_status st = ZC_OK;
    int64_t first = 0, last = 0, step = 1;
    const char *at, *why;

    while (from < end && *from == ' ')
        from++;
    while (end > from && end[-1] == ' ')
        end--;
    at = from;
    why = read_number(&first, &at, end);
    last = first;
    if (!why && at < end && *at == '-') {
        at++;
        why = read_number(&last, &at, end);
        if (!why && at < end && (*at == 'x' || *at == ':')) {
            at++;
            why = read_number(&step, &at, end);
        }
    }
    ZC_CHECK(!why && at == end && step > 0, ZC_E_ARGUMENT,
             "%s: '%s' %s; expected numbers as in 7, 1-100, 1-100x2", what,
             zc_quote(from, (size_t)(end - from)).text,
             why ? why : step < 1 ? "has a step below 1" : "has more behind it");
    ZC_TRY(add_range(l, log, what, first, last, (uint64_t)step));
done:
    return st;
}

static int compare(const void *a, const void *b, const void *context)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    (void)context;
    return x < y ? -1 : x > y;
}

static zc_status check_once(const numbers *l, zc_log *log, const char *what)
{
    zc_status st = ZC_OK;

    if (!l->n)
        return ZC_OK;
    int64_t *sorted = zc_new_array(int64_t, l->count);
    ZC_CHECK(sorted, ZC_E_NOMEM, "%s: out of memory", what);
    memcpy(sorted, l->n, l->count * sizeof(sorted[0]));
    zc_sort(sorted, l->count, sizeof(sorted[0]), compare, NULL);
    for (size_t i = 1; i < l->count; i++)
        ZC_CHECK(sorted[i - 1] != sorted[i], ZC_E_ARGUMENT,
                 "%s: %lld comes twice; expected each number once", what, (long long)sorted[i]);
done:
    zc_free(sorted);
    return st;
}

zc_status zc_numbers_read(int64_t **out, size_t *count, zc_log *log, const char *what,
                          const char *text, size_t limit)
{
    zc_status st = ZC_OK;
    numbers l = { .limit = limit };

    *out = NULL;
    *count = 0;
    for (const char *from = text; from;) {
        const size_t n = strcspn(from, ",");
        ZC_TRY(add_part(&l, log, what, from, from + n));
        from = from[n] ? from + n + 1 : NULL;
    }
    ZC_TRY(check_once(&l, log, what));
    *out = l.n;
    *count = l.count;
    l.n = NULL;
done:
    zc_free(l.n);
    return st;
}

zc_status zc_shard_read(zc_shard *out, zc_log *log, const char *text)
{
    const char *slash = strchr(text, '/'), *end = text + strlen(text), *at = text;
    zc_status st = ZC_OK;
    int64_t index = 0, count = 0;

    bool ok = slash && !read_number(&index, &at, slash) && at == slash;
    at = slash ? slash + 1 : end;
    ok = ok && !read_number(&count, &at, end) && at == end;
    ZC_CHECK(ok && count >= 1 && count <= ZC_LIST_JOBS && index >= 1 && index <= count,
             ZC_E_ARGUMENT, "shard '%s', expected i/n with n from 1 to %d and i from 1 to n",
             zc_quote_text(text).text, ZC_LIST_JOBS);
    *out = (zc_shard){ .index = (int32_t)index - 1, .count = (int32_t)count };
done:
    return st;
}

bool zc_shard_has(zc_shard shard, int32_t job)
{
    return job >= 0 && shard.count > 0 && job % shard.count == shard.index;
}
