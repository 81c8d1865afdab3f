/* Element types: what they are called, how large they are, and how they turn
 * into f32 and back. The block layouts are those of safetensors and GGUF.
 *
 * Thread safety: everything here is constant or pure. */
#ifndef ZK_DTYPE_H
#define ZK_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum zk_dtype {
    ZK_NONE,              /* no tensor */
    ZK_F32,
    ZK_F16,
    ZK_BF16,
    ZK_F8_E4M3,           /* the FN kind: no infinity, largest 448 */
    ZK_F8_E5M2,
    ZK_I8,
    ZK_Q8_0,
    ZK_Q4_0,
    ZK_Q4_1,
    ZK_Q5_0,
    ZK_Q5_1,
    ZK_Q2_K,
    ZK_Q3_K,
    ZK_Q4_K,
    ZK_Q5_K,
    ZK_Q6_K,
    /* The rest can be stored, listed and copied, but not computed with. */
    ZK_BOOL,
    ZK_U8,
    ZK_I16,
    ZK_U16,
    ZK_I32,
    ZK_U32,
    ZK_I64,
    ZK_U64,
    ZK_F64,
    ZK_F8_E8M0,
    ZK_DTYPE_COUNT
} zk_dtype;

typedef struct zk_dtype_info {
    const char *name;     /* "bf16", "q4_K": as in messages and options */
    int32_t block;        /* elements that share one block; 1 for plain types */
    int32_t bytes;        /* of one block */

    /* n elements, n a multiple of block. NULL where there is no such conversion.
     * from_f32 rounds to nearest, ties to even; NaN stays NaN in every float
     * type; F16 and BF16 overflow to infinity, both F8 clamp to their largest.
     * Neither pointer need be aligned to more than its elements (blocks: bytes);
     * f32 data is aligned as floats are. */
    void (*to_f32)(float *dst, const void *src, size_t n);
    void (*from_f32)(void *dst, const float *src, size_t n);
} zk_dtype_info;

/* NULL exactly if type is not below ZK_DTYPE_COUNT. */
const zk_dtype_info *zk_dtype_get(zk_dtype type);

/* ZK_NONE if no type has that name. */
zk_dtype zk_dtype_find(const char *name);

/* Bytes of n elements, n a multiple of the block; false if n is not, or the size overflows. */
bool zk_dtype_size(zk_dtype type, uint64_t n, uint64_t *bytes);

/* Single values, bit-exact, without tables. */
float    zk_f32_from_f16(uint16_t x);
uint16_t zk_f16_from_f32(float x);
uint16_t zk_bf16_from_f32(float x);

static inline float zk_f32_from_bf16(uint16_t x)
{
    const union { uint32_t u; float f; } v = { (uint32_t)x << 16 };
    return v.f;
}

#endif
