/* Byte-level BPE: text to token ids, as the tokenizers of LLaMA-3, Qwen2, GPT-2
 * and CLIP do it.
 *
 * A tokenizer is read from `tokenizer.json` (a file, or bytes that a checkpoint
 * embeds), from `vocab.json` with `merges.txt`, or from a `tokenizer.model` of
 * ranks (lines of base64 and a number). The last two don't say how text is cut and
 * which tokens are special, so a style, by name, says it for them.
 *
 * Encoding splits off the added tokens, normalises what lies between, cuts it into
 * pieces by a known pattern, and merges the bytes of each piece, lowest rank
 * first, in O(n log n). Bytes that aren't UTF-8 count as U+FFFD each.
 *
 * Padding and truncation that a tokenizer.json asks for are left to the caller.
 * Options that none of the models here use (dropout, byte fallback, added tokens
 * that swallow white space, ...) are refused by name.
 *
 * Thread safety: an open tokenizer is constant; any number of threads may use it. */
#ifndef ZC_BPE_H
#define ZC_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/base/str.h"

#define ZC_BPE_FILE (64u << 20)       /* bytes a file may have */
#define ZC_BPE_TEXT (1u << 20)        /* bytes a text may have */

typedef struct zc_bpe zc_bpe;

/* A file's content. */
typedef struct zc_bpe_source {
    char       *text;     /* borrowed until open returns; reading JSON changes it */
    size_t      bytes;
    const char *name;     /* of the document, for messages; borrowed likewise */
} zc_bpe_source;

/* What a vocabulary without a tokenizer.json is: a name of this list, "clip" or "llama3". */
typedef struct zc_bpe_style zc_bpe_style;
const zc_bpe_style *zc_bpe_style_find(const char *name);      /* NULL if there is none */

/* `path` is a tokenizer.json, a tokenizer.model, or a folder that holds one of
 * these or vocab.json and merges.txt, looked for in the order of the first
 * paragraph. `style` may be NULL if it is a tokenizer.json; for the others that is
 * ZC_E_ARGUMENT. */
zc_status zc_bpe_open(zc_bpe **out, zc_log *log, const char *path, const zc_bpe_style *style);

zc_status zc_bpe_open_json(zc_bpe **out, zc_log *log, const zc_bpe_source *json);
zc_status zc_bpe_open_merges(zc_bpe **out, zc_log *log, const zc_bpe_source *vocab,
                             const zc_bpe_source *merges, const zc_bpe_style *style);
zc_status zc_bpe_open_ranks(zc_bpe **out, zc_log *log, const zc_bpe_source *ranks,
                            const zc_bpe_style *style);
void zc_bpe_close(zc_bpe **b);

/* One more than the largest id: rows that an embedding table must have. */
int32_t zc_bpe_rows(const zc_bpe *b);

/* The document it came from, for messages. Borrowed. */
const char *zc_bpe_name(const zc_bpe *b);

/* The id of an added token, by its text; -1 if there is none. */
int32_t zc_bpe_find(const zc_bpe *b, const char *text);

typedef struct zc_bpe_text {
    const char *text;
    size_t bytes;

    /* Special tokens that touch these bytes of the text are not recognised but read
     * as any text. 0, 0: all are recognised. */
    size_t literal_from, literal_to;
} zc_bpe_text;

typedef struct zc_ids {
    int32_t *id;                      /* owned */
    size_t count;
    size_t heads, tails;              /* of these, begin and end tokens that the tokenizer put */
    size_t cut;                       /* how many more there were before the end tokens */
    size_t replaced;                  /* bytes of the text that were not UTF-8 */
    size_t room;                      /* private */
} zc_ids;

void zc_ids_fini(zc_ids *ids);        /* back to { 0 } */

/* Replaces what is in *ids, which starts as { 0 }. The begin and end tokens of the
 * tokenizer are put around the text. On failure *ids is { 0 }. */
zc_status zc_bpe_encode(const zc_bpe *b, zc_log *log, const zc_bpe_text *text, zc_ids *ids);

/* Leaves `limit` ids at most, by taking away from the end of the text; begin and
 * end tokens stay. */
void zc_ids_cut(zc_ids *ids, size_t limit);

/* Appends the text of tokens, for messages: U+FFFD for what is no token or no UTF-8. */
void zc_bpe_decode(const zc_bpe *b, zc_str *out, const int32_t *id, size_t count);

#endif
