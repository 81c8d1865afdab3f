/* Element types as files name them, with what we call them.
 *
 * Thread safety: constants and pure functions. */
#ifndef ZC_STORED_H
#define ZC_STORED_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/dtype.h"

typedef struct zc_stored {
    const char *name;         /* as the format writes or calls it: "F8_E4M3", "Q4_K" */
    int32_t     id;           /* in GGUF; its row's place in safetensors */
    uint16_t    block;        /* elements that share one block */
    uint16_t    bits;         /* of one block */
    zk_dtype    type;         /* ZK_NONE: known, but nothing here computes with it */
} zc_stored;

/* NULL if there is no such type. The spelling is exact. */
const zc_stored *zc_stored_safetensors(const char *name);
const zc_stored *zc_stored_gguf(uint32_t id);

/* The name safetensors has for a type of ours; NULL if it has none. */
const char *zc_stored_name(zk_dtype type);

/* Bytes of n elements. False if they are no whole blocks, no whole bytes, or too many. */
bool zc_stored_bytes(const zc_stored *s, uint64_t elements, uint64_t *bytes);

#endif
