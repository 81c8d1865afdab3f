/* Checkpoints, and what is in memory of them, once for all engines of the process
 * that use the same files in the same way: several plugins in one host, or several
 * engines of one plugin, have one copy of the weights.
 *
 * The list of them is the only thing in the library that changes and belongs to no
 * engine; it is empty again when the last engine has given back what it held. Who
 * waits for somebody else's loading, or for weights that are streamed for somebody
 * else, stops waiting when its own job is cancelled.
 *
 * Thread safety: every function from any thread. */
#ifndef ZC_SHARED_H
#define ZC_SHARED_H

#include "core/loaded.h"

typedef struct zc_shared zc_shared;

/* What must be equal for two engines to share: files (not only their paths, but which
 * they are and when they changed), backend, precision, budget. 64 hex digits. */
typedef struct zc_shared_key {
    char text[65];
} zc_shared_key;

zc_shared_key zc_shared_key_of(const zc_request *q, const zk_backend *be, uint64_t budget);

/* The checkpoint of that key, opened by the request if nobody has it. */
zc_status zc_shared_open(zc_shared **out, zc_log *log, const zc_shared_key *key,
                         const zc_request *q, zc_cancel *cancel);
/* The queue is the caller's, of the key's backend: what nobody else uses is freed with it. */
void zc_shared_close(zc_shared **s, zk_queue *queue);

bool zc_shared_is(const zc_shared *s, const zc_shared_key *key);
const zc_checkpoint *zc_shared_checkpoint(const zc_shared *s);        /* borrowed */

/* A component, loaded if nobody has it: borrowed until it is given. desc->source is filled in
 * here; its log and queue must last as long. Streamed weights serve one taker at a time. */
zc_status zc_shared_take(zc_shared *s, const zc_loaded_desc *desc, enum zc_component_kind kind,
                         zc_loaded *out);

enum zc_keep { ZC_KEEP, ZC_FORGET };

/* Sets *loaded to { 0 }, which it also accepts. ZC_FORGET: frees what nobody else has taken. */
void zc_shared_give(zc_shared *s, enum zc_component_kind kind, zc_loaded *loaded,
                    zk_queue *queue, enum zc_keep keep);

/* How many checkpoints are open in the process: 0 when all engines are idle or closed. */
int zc_shared_count(void);

#endif
