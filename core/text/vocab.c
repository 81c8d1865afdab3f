/* Arrays are laid out in slices by the leading bits of their key and sorted within
 * each. Lookup is a binary search in one slice: a step or two for any honest file,
 * and O(log n) for any other. */

#include "core/text/vocab.h"

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/sort.h"
#include "core/base/str.h"

/* A permutation of 64-bit numbers that spreads them evenly (splitmix's). */
static uint64_t spread(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static uint64_t text_key(const char *text, size_t bytes)
{
    return spread(zc_hash64(text, bytes));
}

static uint64_t pair_key(int32_t left, int32_t right)
{
    return spread((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
}

static int compare_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    const int d = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

    return d ? d : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int by_hash(const void *a, const void *b, const void *context)
{
    const zc_token *x = a, *y = b;

    (void)context;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return compare_text(x->text, x->bytes, y->text, y->bytes);
}

static int by_id(const void *a, const void *b, const void *context)
{
    const zc_token *token = context;
    const int32_t x = token[*(const uint32_t *)a].id, y = token[*(const uint32_t *)b].id;

    return (x > y) - (x < y);
}

static int by_key(const void *a, const void *b, const void *context)
{
    const zc_pair *x = a, *y = b;

    (void)context;
    return (x->key > y->key) - (x->key < y->key);
}

/* Room for one slice an item, rounded up to a power of two, and one more. */
static uint32_t *index_create(int *bits, size_t count)
{
    *bits = 1;
    while (((size_t)1 << *bits) < count)
        ++*bits;
    return zc_new_array(uint32_t, ((size_t)1 << *bits) + 1);
}

/* Turns counts by slice, which stand one place late, into first places. */
static void index_sum(uint32_t *index, int bits)
{
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        index[i + 1] += index[i];
}

/* First places, after each has been counted up to the next slice's. */
static void index_reset(uint32_t *index, int bits)
{
    memmove(index + 1, index, ((size_t)1 << bits) * sizeof(*index));
    index[0] = 0;
}

/* Sorts within the slices. */
static void index_sort(const uint32_t *index, int bits, void *items, size_t size,
                       zc_compare compare, const void *context)
{
    for (size_t i = 0; i < (size_t)1 << bits; i++) {
        const size_t count = index[i + 1] - index[i];
        if (count > 1)
            zc_sort((char *)items + index[i] * size, count, size, compare, context);
    }
}

static size_t slice_of(uint64_t key, int bits)
{
    return (size_t)(key >> (64 - bits));
}

/* An id as a key: its bits first. */
static uint64_t id_key(int32_t id)
{
    return (uint64_t)(uint32_t)id << 43;          /* ZC_VOCAB_ID is 2 to the 21 */
}

static bool sort_ids(zc_vocab *v)
{
    int bits = 0;
    uint32_t *index = index_create(&bits, v->tokens);

    if (!index)
        return false;
    for (size_t i = 0; i < v->tokens; i++)
        index[slice_of(id_key(v->token[i].id), bits) + 1]++;
    index_sum(index, bits);
    for (size_t i = 0; i < v->tokens; i++)
        v->by_id[index[slice_of(id_key(v->token[i].id), bits)]++] = (uint32_t)i;
    index_reset(index, bits);
    index_sort(index, bits, v->by_id, sizeof(*v->by_id), by_id, v->token);
    zc_free(index);
    return true;
}

static zc_status check_unique(const zc_vocab *v, zc_log *log, const char *name)
{
    zc_status st = ZC_OK;

    for (size_t i = 1; i < v->tokens; i++) {
        const zc_token *a = &v->token[i - 1], *b = &v->token[i];
        ZC_CHECK(by_hash(a, b, NULL) != 0, ZC_E_FORMAT, "%s: the token \"%s\" comes twice, as %d "
                 "and as %d", name, zc_quote(a->text, a->bytes).text, (int)a->id, (int)b->id);
    }
    for (size_t i = 1; i < v->tokens; i++) {
        const zc_token *a = &v->token[v->by_id[i - 1]], *b = &v->token[v->by_id[i]];
        ZC_CHECK(a->id != b->id, ZC_E_FORMAT, "%s: \"%s\" and \"%s\" have the same id, %d", name,
                 zc_quote(a->text, a->bytes).text, zc_quote(b->text, b->bytes).text, (int)a->id);
    }
done:
    return st;
}

zc_status zc_vocab_init(zc_vocab *v, zc_log *log, const char *name, const zc_token *tokens,
                        size_t count)
{
    zc_status st = ZC_OK;
    size_t bytes = 0;

    *v = (zc_vocab){ .tokens = count };
    for (size_t i = 0; i < count; i++)
        bytes += tokens[i].bytes;
    v->pool = zc_alloc(bytes);
    v->token = zc_new_array(zc_token, count);
    v->by_id = zc_new_array(uint32_t, count);
    v->token_index = index_create(&v->token_bits, count);
    ZC_CHECK(v->pool && v->token && v->by_id && v->token_index, ZC_E_NOMEM,
             "%s: no memory for %zu tokens", name, count);

    for (size_t i = 0; i < count; i++)
        v->token_index[slice_of(text_key(tokens[i].text, tokens[i].bytes), v->token_bits) + 1]++;
    index_sum(v->token_index, v->token_bits);
    char *pool = v->pool;
    for (size_t i = 0; i < count; i++) {
        const uint64_t key = text_key(tokens[i].text, tokens[i].bytes);
        zc_token *t = &v->token[v->token_index[slice_of(key, v->token_bits)]++];
        *t = tokens[i];
        t->text = pool;
        t->hash = key;
        memcpy(pool, tokens[i].text, t->bytes);
        pool += t->bytes;
    }
    index_reset(v->token_index, v->token_bits);
    index_sort(v->token_index, v->token_bits, v->token, sizeof(*v->token), by_hash, NULL);
    ZC_CHECK(sort_ids(v), ZC_E_NOMEM, "%s: no memory for %zu tokens", name, count);
    st = check_unique(v, log, name);
done:
    if (st)
        zc_vocab_fini(v);
    return st;
}

void zc_vocab_fini(zc_vocab *v)
{
    zc_free(v->pool);
    zc_free(v->token);
    zc_free(v->by_id);
    zc_free(v->token_index);
    zc_free(v->pair);
    zc_free(v->pair_index);
    *v = (zc_vocab){ 0 };
}

const zc_token *zc_vocab_find(const zc_vocab *v, const char *text, size_t bytes)
{
    if (v->tokens == 0 || bytes > ZC_VOCAB_TEXT)
        return NULL;

    const zc_token wanted = {
        .text = text, .hash = text_key(text, bytes), .bytes = (uint32_t)bytes,
    };
    const size_t slice = slice_of(wanted.hash, v->token_bits);
    size_t low = v->token_index[slice], high = v->token_index[slice + 1];

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int d = by_hash(&wanted, &v->token[middle], NULL);
        if (d == 0)
            return &v->token[middle];
        if (d < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const zc_token *zc_vocab_at(const zc_vocab *v, int32_t id)
{
    size_t low = 0, high = v->tokens;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const zc_token *t = &v->token[v->by_id[middle]];
        if (t->id == id)
            return t;
        if (t->id > id)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const zc_pair *zc_vocab_pair(const zc_vocab *v, int32_t left, int32_t right)
{
    if (v->pairs == 0)
        return NULL;

    const uint64_t key = pair_key(left, right);
    const size_t slice = slice_of(key, v->pair_bits);
    size_t low = v->pair_index[slice], high = v->pair_index[slice + 1];

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (v->pair[middle].key == key)
            return &v->pair[middle];
        if (v->pair[middle].key > key)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Lays the pairs out by key; the pair array is complete. */
static zc_status index_pairs(zc_vocab *v, zc_log *log, const char *name)
{
    zc_status st = ZC_OK;
    zc_pair *given = v->pair;

    v->pair_index = index_create(&v->pair_bits, v->pairs);
    v->pair = zc_new_array(zc_pair, v->pairs);
    ZC_CHECK(v->pair_index && v->pair, ZC_E_NOMEM, "%s: no memory for %zu merges", name, v->pairs);
    for (size_t i = 0; i < v->pairs; i++)
        v->pair_index[slice_of(given[i].key, v->pair_bits) + 1]++;
    index_sum(v->pair_index, v->pair_bits);
    for (size_t i = 0; i < v->pairs; i++)
        v->pair[v->pair_index[slice_of(given[i].key, v->pair_bits)]++] = given[i];
    index_reset(v->pair_index, v->pair_bits);
    index_sort(v->pair_index, v->pair_bits, v->pair, sizeof(*v->pair), by_key, NULL);
    for (size_t i = 1; i < v->pairs; i++) {
        const zc_pair *a = &v->pair[i - 1], *b = &v->pair[i];
        ZC_CHECK(a->key != b->key, ZC_E_FORMAT, "%s: merges %d and %d are the same", name,
                 (int)(a->rank < b->rank ? a->rank : b->rank),
                 (int)(a->rank < b->rank ? b->rank : a->rank));
    }
done:
    zc_free(given);
    return st;
}

zc_status zc_vocab_set_merges(zc_vocab *v, zc_log *log, const char *name, const zc_merge *merges,
                              size_t count)
{
    zc_status st = ZC_OK;
    char joined[2 * ZC_VOCAB_TEXT];

    v->pairs = count;
    v->pair = zc_new_array(zc_pair, count);
    ZC_CHECK(v->pair, ZC_E_NOMEM, "%s: no memory for %zu merges", name, count);
    for (size_t i = 0; i < count; i++) {
        const zc_merge *m = &merges[i];
        const zc_token *left = zc_vocab_find(v, m->left, m->left_bytes);
        const zc_token *right = zc_vocab_find(v, m->right, m->right_bytes);
        ZC_CHECK(left && right, ZC_E_FORMAT, "%s: merge %zu: its %s half, \"%s\", isn't in the "
                 "vocabulary", name, i, left ? "right" : "left",
                 (left ? zc_quote(m->right, m->right_bytes)
                       : zc_quote(m->left, m->left_bytes)).text);
        const size_t bytes = (size_t)m->left_bytes + m->right_bytes;
        memcpy(joined, m->left, m->left_bytes);
        memcpy(joined + m->left_bytes, m->right, m->right_bytes);
        const zc_token *result = zc_vocab_find(v, joined, bytes);
        ZC_CHECK(result, ZC_E_FORMAT, "%s: merge %zu: its result, \"%s\", isn't in the vocabulary",
                 name, i, zc_quote(joined, bytes).text);
        v->pair[i] = (zc_pair){
            .key = pair_key(left->id, right->id), .rank = (int32_t)i, .id = result->id,
        };
    }
    st = index_pairs(v, log, name);
done:
    return st;
}

zc_status zc_vocab_derive_merges(zc_vocab *v, zc_log *log, const char *name)
{
    zc_status st = ZC_OK;
    size_t room = 0;

    for (size_t i = 0; i < v->tokens; i++) {
        const zc_token *t = &v->token[i];
        uint32_t letter = 0;
        for (size_t cut = zc_utf8_decode(&letter, t->text, t->bytes), step; cut < t->bytes;
             cut += step) {
            const zc_token *left = zc_vocab_find(v, t->text, cut);
            const zc_token *right = zc_vocab_find(v, t->text + cut, t->bytes - cut);
            if (left && right) {
                ZC_CHECK(v->pairs < ZC_VOCAB_MERGES, ZC_E_LIMIT, "%s: the ranks make more than "
                         "%d merges", name, ZC_VOCAB_MERGES);
                ZC_CHECK(zc_grow(&v->pair, &room, v->pairs + 1, sizeof(*v->pair)), ZC_E_NOMEM,
                         "%s: no memory for merges", name);
                v->pair[v->pairs++] = (zc_pair){
                    .key = pair_key(left->id, right->id), .rank = t->id, .id = t->id,
                };
            }
            step = zc_utf8_decode(&letter, t->text + cut, t->bytes - cut);
        }
    }
    st = index_pairs(v, log, name);
done:
    return st;
}
