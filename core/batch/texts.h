/* Encoded prompts in a folder that jobs, processes and nodes share. A file's name is
 * the fingerprint of everything that its content follows from; its content is
 * checked whenever it is read. Nothing here ever fails a job: what cannot be read is
 * encoded anew, and what cannot be written is not kept.
 *
 * Thread safety: any number of threads and processes at the same time. */
#ifndef ZC_BATCH_TEXTS_H
#define ZC_BATCH_TEXTS_H

#include "core/pieces.h"

/* True if it was there. `key`: 64 hex digits. */
bool zc_texts_find(zc_log *log, const char *folder, const char *key, zc_states *states,
                   int text_cols, int pooled_cols);

/* The least recently written go first if the folder would hold more than `most` bytes. */
void zc_texts_add(zc_log *log, const char *folder, uint64_t most, const char *key,
                  const zc_states *states, int text_cols, int pooled_cols);

#endif
