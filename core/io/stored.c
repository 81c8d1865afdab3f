/* The element types of safetensors and of GGUF, one row each. */

#include <string.h>

#include "core/base/size.h"
#include "core/base/status.h"
#include "core/io/stored.h"

static const zc_stored safetensors[] = {
    { "BOOL",        0,  1, 8,  ZK_BOOL },
    { "F4",          1,  1, 4,  ZK_NONE },
    { "F6_E2M3",     2,  1, 6,  ZK_NONE },
    { "F6_E3M2",     3,  1, 6,  ZK_NONE },
    { "U8",          4,  1, 8,  ZK_U8 },
    { "I8",          5,  1, 8,  ZK_I8 },
    { "F8_E5M2",     6,  1, 8,  ZK_F8_E5M2 },
    { "F8_E4M3",     7,  1, 8,  ZK_F8_E4M3 },
    { "F8_E8M0",     8,  1, 8,  ZK_F8_E8M0 },
    { "F8_E4M3FNUZ", 9,  1, 8,  ZK_NONE },
    { "F8_E5M2FNUZ", 10, 1, 8,  ZK_NONE },
    { "I16",         11, 1, 16, ZK_I16 },
    { "U16",         12, 1, 16, ZK_U16 },
    { "F16",         13, 1, 16, ZK_F16 },
    { "BF16",        14, 1, 16, ZK_BF16 },
    { "I32",         15, 1, 32, ZK_I32 },
    { "U32",         16, 1, 32, ZK_U32 },
    { "F32",         17, 1, 32, ZK_F32 },
    { "C64",         18, 1, 64, ZK_NONE },
    { "F64",         19, 1, 64, ZK_F64 },
    { "I64",         20, 1, 64, ZK_I64 },
    { "U64",         21, 1, 64, ZK_U64 },
};

/* In the order of their numbers; the missing ones were given up. */
static const zc_stored gguf[] = {
    { "F32",      0,  1,   32,      ZK_F32 },
    { "F16",      1,  1,   16,      ZK_F16 },
    { "Q4_0",     2,  32,  18 * 8,  ZK_Q4_0 },
    { "Q4_1",     3,  32,  20 * 8,  ZK_Q4_1 },
    { "Q5_0",     6,  32,  22 * 8,  ZK_Q5_0 },
    { "Q5_1",     7,  32,  24 * 8,  ZK_Q5_1 },
    { "Q8_0",     8,  32,  34 * 8,  ZK_Q8_0 },
    { "Q8_1",     9,  32,  36 * 8,  ZK_NONE },
    { "Q2_K",     10, 256, 84 * 8,  ZK_Q2_K },
    { "Q3_K",     11, 256, 110 * 8, ZK_Q3_K },
    { "Q4_K",     12, 256, 144 * 8, ZK_Q4_K },
    { "Q5_K",     13, 256, 176 * 8, ZK_Q5_K },
    { "Q6_K",     14, 256, 210 * 8, ZK_Q6_K },
    { "Q8_K",     15, 256, 292 * 8, ZK_NONE },
    { "IQ2_XXS",  16, 256, 66 * 8,  ZK_NONE },
    { "IQ2_XS",   17, 256, 74 * 8,  ZK_NONE },
    { "IQ3_XXS",  18, 256, 98 * 8,  ZK_NONE },
    { "IQ1_S",    19, 256, 50 * 8,  ZK_NONE },
    { "IQ4_NL",   20, 32,  18 * 8,  ZK_NONE },
    { "IQ3_S",    21, 256, 110 * 8, ZK_NONE },
    { "IQ2_S",    22, 256, 82 * 8,  ZK_NONE },
    { "IQ4_XS",   23, 256, 136 * 8, ZK_NONE },
    { "I8",       24, 1,   8,       ZK_I8 },
    { "I16",      25, 1,   16,      ZK_I16 },
    { "I32",      26, 1,   32,      ZK_I32 },
    { "I64",      27, 1,   64,      ZK_I64 },
    { "F64",      28, 1,   64,      ZK_F64 },
    { "IQ1_M",    29, 256, 56 * 8,  ZK_NONE },
    { "BF16",     30, 1,   16,      ZK_BF16 },
    { "TQ1_0",    34, 256, 54 * 8,  ZK_NONE },
    { "TQ2_0",    35, 256, 66 * 8,  ZK_NONE },
    { "MXFP4",    39, 32,  17 * 8,  ZK_NONE },
    { "NVFP4",    40, 64,  36 * 8,  ZK_NONE },
    { "Q1_0",     41, 128, 18 * 8,  ZK_NONE },
    { "Q2_0",     42, 64,  18 * 8,  ZK_NONE },
};

const zc_stored *zc_stored_safetensors(const char *name)
{
    for (size_t i = 0; i < ZC_COUNT(safetensors); i++) {
        if (strcmp(safetensors[i].name, name) == 0)
            return &safetensors[i];
    }
    return NULL;
}

const zc_stored *zc_stored_gguf(uint32_t id)
{
    for (size_t i = 0; i < ZC_COUNT(gguf); i++) {
        if ((uint32_t)gguf[i].id == id)
            return &gguf[i];
    }
    return NULL;
}

const char *zc_stored_name(zk_dtype type)
{
    for (size_t i = 0; i < ZC_COUNT(safetensors); i++) {
        if (safetensors[i].type == type && type != ZK_NONE)
            return safetensors[i].name;
    }
    return NULL;
}

bool zc_stored_bytes(const zc_stored *s, uint64_t elements, uint64_t *bytes)
{
    uint64_t bits;

    if (elements % s->block != 0)
        return false;
    if (s->bits % 8 == 0)
        return zc_u64_mul(bytes, elements / s->block, s->bits / 8);
    if (!zc_u64_mul(&bits, elements / s->block, s->bits) || bits % 8 != 0)
        return false;
    *bytes = bits / 8;
    return true;
}
