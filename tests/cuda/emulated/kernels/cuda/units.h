/* Stands in for the header of that name where kernels for the device run on the host:
 * what the compiler for the device knows on its own, and what units.h adds. A thread
 * is a fibre; whatever needs a whole warp or block waits until all have come. */
#ifndef EMULATED_UNITS_H
#define EMULATED_UNITS_H

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#undef __device__
#undef __global__
#undef __shared__
#undef __align__
#undef __noinline__
#undef __launch_bounds__
#undef __grid_constant__
#define __device__
#define __global__
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __noinline__
#define __launch_bounds__(...)
#define __grid_constant__

struct emulated_index {
    unsigned x, y, z;
};

extern struct emulated_index threadIdx, blockIdx, blockDim, gridDim;
extern "C" uint8_t emulated_shared[];

/* Every lane of the warp calls it with its own value, and gets the results' address: when all
 * have come, `all` turns the 32 values into 32 results, each of `bytes` at most 64. */
extern "C" const void *emulated_warp(const void *mine, unsigned bytes,
                                     void (*all)(void *results, const void *values));
extern "C" void emulated_block(void);

#define __syncthreads() emulated_block()

#define ZK_SHARED_BYTES(name) uint8_t *name = emulated_shared

template <typename T> static inline T emulated_shuffle(T x, int from)
{
    T all[32];

    memcpy(all, emulated_warp(&x, sizeof(x), nullptr), sizeof(all));
    return all[from];
}

#define __shfl_xor_sync(mask, value, n)                                                            \
    emulated_shuffle(value, (int)(threadIdx.x % 32) ^ (n))
#define __shfl_sync(mask, value, n) emulated_shuffle(value, n)

static inline float __uint_as_float(uint32_t u)
{
    float f;

    memcpy(&f, &u, 4);
    return f;
}

static inline uint32_t __float_as_uint(float f)
{
    uint32_t u;

    memcpy(&u, &f, 4);
    return u;
}

static inline float __fmul_rn(float a, float b)
{
    return a * b;
}

static inline float __fadd_rn(float a, float b)
{
    return a + b;
}

static inline float __fsub_rn(float a, float b)
{
    return a - b;
}

/* ---- What units.h has ---- */

static inline uint32_t zk_shared_address(const void *p)
{
    return (uint32_t)((uintptr_t)p - (uintptr_t)emulated_shared);
}

static inline uint8_t *emulated_at(uint32_t address)
{
    return emulated_shared + (int32_t)address;
}

static inline float zk_exp2(float x)
{
    return exp2f(x);
}

static inline void zk_put16(uint32_t to, const uint32_t *w)
{
    memcpy(emulated_at(to), w, 16);
}

static inline void zk_fetch(uint32_t to, const void *from, bool there)
{
    if (there)
        memcpy(emulated_at(to), from, 16);
    else
        memset(emulated_at(to), 0, 16);
}

static inline void zk_fetch_commit(void)
{
}

template <int N> static inline void zk_fetch_wait(void)
{
}

extern "C" void emulated_tiles(void *results, const void *values);
extern "C" void emulated_tiles_turned(void *results, const void *values);
extern "C" void emulated_mma_bf16(void *results, const void *values);
extern "C" void emulated_mma_f16(void *results, const void *values);

static inline void zk_tiles(uint32_t *r, uint32_t address)
{
    const uint32_t *all = (const uint32_t *)emulated_warp(&address, 4, emulated_tiles);

    memcpy(r, all + 4 * (threadIdx.x % 32), 16);
}

static inline void zk_tiles_turned(uint32_t *r, uint32_t address)
{
    const uint32_t *all = (const uint32_t *)emulated_warp(&address, 4, emulated_tiles_turned);

    memcpy(r, all + 4 * (threadIdx.x % 32), 16);
}

static inline void zk_mma(float *c, const uint32_t *a, const uint32_t *b, bool bf16)
{
    uint32_t mine[10];

    memcpy(mine, c, 16);
    memcpy(mine + 4, a, 16);
    memcpy(mine + 8, b, 8);
    const uint8_t *all = (const uint8_t *)emulated_warp(mine, sizeof(mine),
                                                        bf16 ? emulated_mma_bf16
                                                             : emulated_mma_f16);
    memcpy(c, all + 16 * (threadIdx.x % 32), 16);
}

#endif
