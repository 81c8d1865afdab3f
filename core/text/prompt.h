/* Prompts as the models read them: a template around the user's words, its
 * length, and what is left out again behind the encoder.
 *
 * Thread safety: the rows are constant; a zc_prompt belongs to the caller. */
#ifndef ZC_PROMPT_H
#define ZC_PROMPT_H

#include <stdbool.h>

#include "core/text/bpe.h"

#define ZC_PROMPT_BYTES 65536     /* a prompt may have */

typedef struct zc_prompt_row {
    const char *name;
    const char *before, *after;   /* the prompt's surroundings */
    bool        strip;            /* white space at both ends of the prompt is dropped */
    int         crop;             /* tokens of `before`, begin token included, in the vocabulary
                                   * that belongs to the model */
    int         length;           /* tokens behind these that the model reads at most */
    const char *needs[5];         /* special tokens that the tokenizer must have; ends in NULL */
} zc_prompt_row;

/* "hunyuan-video", "hunyuan-image", "clip"; NULL for any other name. */
const zc_prompt_row *zc_prompt_find(const char *name);

/* Refuses, with ZC_E_MISMATCH, the tokenizer of another model. */
zc_status zc_prompt_check(const zc_prompt_row *row, zc_log *log, const zc_bpe *b);

typedef struct zc_prompt_text {
    const char *text;             /* UTF-8; what isn't counts as U+FFFD, with a warning */
    size_t bytes;
    bool literal;                 /* special tokens that the user writes are plain text; if not,
                                   * they are what they say, as upstream has it */
} zc_prompt_text;

typedef struct zc_prompt {
    zc_ids ids;                   /* all tokens, for the encoder; ids.cut more did not fit */
    int    crop;                  /* how many of them the template put before the prompt: the
                                   * encoder's first `crop` rows are dropped */
} zc_prompt;

void zc_prompt_fini(zc_prompt *p);        /* back to { 0 } */

/* Replaces what is in *p, which starts as { 0 }. What is cut is told as a warning,
 * with its count. A prompt of more than ZC_PROMPT_BYTES is ZC_E_LIMIT. */
zc_status zc_prompt_encode(zc_prompt *p, zc_log *log, const zc_prompt_row *row, const zc_bpe *b,
                           const zc_prompt_text *text);

#endif
