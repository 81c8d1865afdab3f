/* The tokens of a vocabulary by text and by number, and the pairs that merge.
 *
 * Everything is sorted arrays with an index on top: small, sized by what is
 * there and not by the largest number, and as fast for a file made to collide.
 *
 * Thread safety: finished vocabularies are constant and may be read by many. */
#ifndef ZC_VOCAB_H
#define ZC_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

/* Limits of what is accepted from files. */
#define ZC_VOCAB_TOKENS (1 << 20)
#define ZC_VOCAB_MERGES (1 << 21)
#define ZC_VOCAB_ID     (1 << 21)      /* ids are below */
#define ZC_VOCAB_TEXT   1024           /* bytes of a token */

typedef struct zc_token {
    const char *text;         /* no NUL behind */
    uint64_t    hash;         /* private */
    uint32_t    bytes;
    int32_t     id;
} zc_token;

/* A merge as a file gives it: two texts, borrowed. */
typedef struct zc_merge {
    const char *left, *right;
    uint16_t left_bytes, right_bytes;
} zc_merge;

/* A merge as BPE needs it. */
typedef struct zc_pair {
    uint64_t key;             /* private: of both ids */
    int32_t  rank;            /* lower ones merge first */
    int32_t  id;              /* of the result */
} zc_pair;

typedef struct zc_vocab {
    char     *pool;
    zc_token *token;          /* by hash */
    uint32_t *by_id;          /* indices into token, by id */
    uint32_t *token_index;    /* first token of each slice of the hashes */
    zc_pair  *pair;           /* by key */
    uint32_t *pair_index;
    size_t    tokens, pairs;
    int       token_bits, pair_bits;
} zc_vocab;

/* Copies the tokens and their texts. Refuses a text or an id that comes twice;
 * `name` is the document's, for messages. On failure there is nothing to free. */
zc_status zc_vocab_init(zc_vocab *v, zc_log *log, const char *name, const zc_token *tokens,
                        size_t count);
void zc_vocab_fini(zc_vocab *v);

/* Sets the merges, once. Both halves, and the one text that they are together, must
 * be tokens. */
zc_status zc_vocab_set_merges(zc_vocab *v, zc_log *log, const char *name, const zc_merge *merges,
                              size_t count);

/* Sets the merges of a vocabulary whose ids are the ranks: every pair of tokens
 * whose texts together are a token merges into it. */
zc_status zc_vocab_derive_merges(zc_vocab *v, zc_log *log, const char *name);

/* The token of that text or that id; NULL if there is none. Borrowed. */
const zc_token *zc_vocab_find(const zc_vocab *v, const char *text, size_t bytes);
const zc_token *zc_vocab_at(const zc_vocab *v, int32_t id);

/* The merge of two neighbours, or NULL. */
const zc_pair *zc_vocab_pair(const zc_vocab *v, int32_t left, int32_t right);

#endif
