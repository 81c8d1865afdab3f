/* The limits as a table, for listings. */

#include <stddef.h>

#include "core/io/limits.h"

const zc_limit zc_limits[] = {
    { "bytes of a safetensors or GGUF header",           ZC_LIMIT_HEADER },
    { "tensors in one file",                             ZC_LIMIT_TENSORS },
    { "metadata keys in one GGUF file",                  ZC_LIMIT_KEYS },
    { "metadata keys in one safetensors file",           ZC_LIMIT_NOTES },
    { "axes of a tensor",                                ZC_LIMIT_RANK },
    { "bytes of a tensor",                               ZC_LIMIT_BYTES },
    { "bytes of a tensor's name or a metadata key",      ZC_LIMIT_NAME },
    { "bytes of alignment in a GGUF file",               ZC_LIMIT_ALIGN },
    { "bytes of a shard index",                          ZC_LIMIT_INDEX },
    { "files named by a shard index",                    ZC_LIMIT_SHARDS },
    { "bytes of a config.json or model_index.json",      ZC_LIMIT_CONFIG },
    { "bytes that describe one quantised layer",         ZC_LIMIT_QUANT },
    { "files with weights in one model folder",          ZC_LIMIT_PARTS },
    { "bytes read of a file that is of another kind",    ZC_LIMIT_SNIFF },
    { NULL, 0 }
};
