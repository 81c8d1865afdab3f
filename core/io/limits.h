/* What a file may ask of us at most. Every parser of core/io takes its limits
 * from here, and the program prints them.
 *
 * Thread safety: constants. */
#ifndef ZC_LIMITS_H
#define ZC_LIMITS_H

#include <stdint.h>

#define ZC_LIMIT_HEADER   100000000     /* bytes before the data of a safetensors or GGUF file */
#define ZC_LIMIT_TENSORS  1048576       /* in one file */
#define ZC_LIMIT_KEYS     1048576       /* of metadata, in one GGUF file */
#define ZC_LIMIT_NOTES    1024          /* of metadata, in one safetensors file */
#define ZC_LIMIT_RANK     8             /* axes of a tensor */
#define ZC_LIMIT_BYTES    1125899906842624      /* of a tensor: more is no honest number */
#define ZC_LIMIT_NAME     1024          /* bytes of a tensor's name or a metadata key */
#define ZC_LIMIT_ALIGN    1048576       /* bytes that a GGUF file may align its data to */
#define ZC_LIMIT_INDEX    67108864      /* bytes of a shard index */
#define ZC_LIMIT_SHARDS   1024          /* files that an index may name */
#define ZC_LIMIT_CONFIG   1048576       /* bytes of a config.json or model_index.json */
#define ZC_LIMIT_QUANT    4096          /* bytes of the description of one quantised layer */
#define ZC_LIMIT_PARTS    64            /* files with weights in one model folder */
#define ZC_LIMIT_SNIFF    4096          /* bytes read of a file that may be of another kind */

typedef struct zc_limit {
    const char *what;         /* one line; NULL ends the table */
    uint64_t    most;
} zc_limit;

extern const zc_limit zc_limits[];

#endif
