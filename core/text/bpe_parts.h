/* What any form of tokenizer file boils down to; zc_bpe_build makes a tokenizer of it.
 *
 * All texts are borrowed from the file's content.
 *
 * Thread safety: belongs to the thread that reads the file. */
#ifndef ZC_BPE_PARTS_H
#define ZC_BPE_PARTS_H

#include <stdbool.h>

#include "core/text/bpe.h"
#include "core/text/normalize.h"
#include "core/text/pattern.h"
#include "core/text/vocab.h"

#define ZC_BPE_NORMS 4        /* steps of normalisation */
#define ZC_BPE_FRAME 8        /* tokens before, and after, every text */

typedef struct zc_bpe_added {
    const char *text;
    size_t  bytes;
    int32_t id;
    bool    special;
    bool    normalized;       /* looked for after normalisation, else before */
} zc_bpe_added;

typedef struct zc_bpe_parts {
    const char *name;                     /* of the document */
    zc_token *token;                      /* of the model; owned */
    zc_merge *merge;                      /* in order of rank; owned */
    zc_bpe_added *added;                  /* owned */
    size_t tokens, merges, addeds;
    size_t token_room, merge_room, added_room;

    const zc_pattern_row *pattern;
    zc_norm norm[ZC_BPE_NORMS];
    int     norms;
    int32_t head[ZC_BPE_FRAME], tail[ZC_BPE_FRAME];
    int     heads, tails;
    const char *suffix, *unk;             /* end of word, unknown token; NULL: none */
    bool whole;                           /* a piece that is a token isn't merged */
    bool ranked;                          /* ids are ranks and there are no merges */
} zc_bpe_parts;

void zc_bpe_parts_fini(zc_bpe_parts *p);

/* Adds within the limits of vocab.h. */
zc_status zc_bpe_add_token(zc_bpe_parts *p, zc_log *log, const char *text, size_t bytes,
                           uint64_t id);
zc_status zc_bpe_add_merge(zc_bpe_parts *p, zc_log *log, const char *left, size_t left_bytes,
                           const char *right, size_t right_bytes);
zc_status zc_bpe_add_added(zc_bpe_parts *p, zc_log *log, const zc_bpe_added *added);

/* Checks everything against everything and copies it. */
zc_status zc_bpe_build(zc_bpe **out, zc_log *log, const zc_bpe_parts *p);

/* Fill the parts, of which the name is set, from tokenizer.json, and from an object
 * of texts and ids. */
zc_status zc_bpe_read_json(zc_bpe_parts *p, zc_log *log, const zc_bpe_source *json);
zc_status zc_bpe_read_vocab(zc_bpe_parts *p, zc_log *log, const zc_bpe_source *vocab);

#endif
