/* What the kernels on the device share: elements of every type as f32 and back,
 * activations, and sums over a block of threads. */
#ifndef ZK_CUDA_DEVICE_H
#define ZK_CUDA_DEVICE_H

#include "kernels/cuda/args.h"
#include "kernels/cuda/units.h"

#define ZK_KERNEL(name, args) \
    extern "C" __global__ void zk_gpu_##name(const __grid_constant__ struct args a)

__device__ inline float zk_e4m3(uint32_t x)
{
    const float size = __uint_as_float((x & 0x7f) << 20) * 0x1p120f;
    const float value = (x & 0x7f) == 0x7f ? __uint_as_float(0x7fc00000) : size;
    return x & 0x80 ? -value : value;
}

__device__ inline float zk_half(uint32_t bits)
{
    return __half2float(__ushort_as_half((unsigned short)bits));
}

__device__ inline float zk_bfloat(uint32_t bits)
{
    return __uint_as_float(bits << 16);
}

/* To 8 bits: `mant` bits of mantissa, `low` the exponent of the smallest normal
 * number, which has the code 1 << mant. */
__device__ static __noinline__ uint8_t zk_to_f8(float x, int mant, int low, uint32_t largest)
{
    const uint32_t u = __float_as_uint(x), sign = u >> 24 & 0x80, size = u & 0x7fffffff;
    uint32_t code;

    if (size > 0x7f800000)
        return (uint8_t)(sign | 0x7f);
    if (__uint_as_float(size) < ldexpf(1.0f, low)) {
        code = (uint32_t)rintf(ldexpf(__uint_as_float(size), mant - low));
    } else {
        const uint32_t odd = size >> (23 - mant) & 1, half = (1u << (22 - mant)) - 1;
        code = ((size + half + odd) >> (23 - mant)) - ((uint32_t)(126 + low) << mant);
    }
    return (uint8_t)(sign | (code < largest ? code : largest));
}

/* ---- Blocks, in the layouts of dtype.c ---- */

__device__ inline float zk_half_at(const uint8_t *p)
{
    return zk_half(p[0] | (uint32_t)p[1] << 8);
}

__device__ inline int zk_nibble(const uint8_t *q, int e)
{
    return e < 16 ? q[e] & 15 : q[e - 16] >> 4;
}

__device__ inline int zk_fifth(const uint8_t *high, int e)
{
    return (high[e / 8] >> (e % 8) & 1) << 4;
}

__device__ inline int zk_two_bits(const uint8_t *q, int e)
{
    return q[e / 128 * 32 + e % 32] >> (e % 128 / 32 * 2) & 3;
}

__device__ inline float zk_q3_k(const uint8_t *b, int e)
{
    const uint8_t *s = b + 96;
    const int k = e / 16, low = k < 8 ? s[k] & 15 : s[k - 8] >> 4;
    const int scale = (low | (s[8 + k % 4] >> (k / 4 * 2) & 3) << 4) - 32;
    const int q = zk_two_bits(b + 32, e) - (b[e % 32] >> (e / 32) & 1 ? 0 : 4);
    return zk_half_at(b + 108) * (float)scale * (float)q;
}

/* Q4_K, and Q5_K whose fifth bits are at `high`. */
__device__ inline float zk_q45_k(const uint8_t *b, const uint8_t *high, const uint8_t *qs, int e)
{
    const int j = e / 32, l = e % 32;
    const uint8_t *s = b + 4;
    const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
    const int min = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4;
    int q = qs[j / 2 * 32 + l] >> (j % 2 * 4) & 15;
    if (high)
        q |= (high[l] >> j & 1) << 4;
    const float ds = zk_half_at(b) * (float)scale, ms = zk_half_at(b + 2) * (float)min;
    return __fsub_rn(__fmul_rn(ds, (float)q), ms);
}

__device__ inline float zk_q6_k(const uint8_t *b, int e)
{
    const int half = e / 128, quarter = e % 128 / 32, l = e % 32;
    const int low = b[half * 64 + quarter % 2 * 32 + l] >> (quarter / 2 * 4) & 15;
    const int high = b[128 + half * 32 + l] >> (quarter * 2) & 3;
    return zk_half_at(b + 208) * (float)(int8_t)b[192 + e / 16] * (float)((low | high << 4) - 32);
}

__device__ inline float zk_q2_k(const uint8_t *b, int e)
{
    const int s = b[e / 16];
    const float d = zk_half_at(b + 80) * (float)(s & 15);
    return __fsub_rn(__fmul_rn(d, (float)zk_two_bits(b + 16, e)),
                     __fmul_rn(zk_half_at(b + 82), (float)(s >> 4)));
}

/* Not of 16 or 32 bits. A call, or it would be in every kernel many times. */
__device__ static __noinline__ float zk_get_other(const void *p, int type, int64_t i)
{
    const uint8_t *bytes = (const uint8_t *)p, *b;
    const int e = (int)(i & 31), k = (int)(i & 255);

    switch (type) {
    case ZK_F8_E4M3:
        return zk_e4m3(bytes[i]);
    case ZK_F8_E5M2:
        return zk_half((uint32_t)bytes[i] << 8);
    case ZK_I8:
        return (float)((const int8_t *)p)[i];
    case ZK_Q8_0:
        b = bytes + (i >> 5) * 34;
        return zk_half_at(b) * (float)(int8_t)b[2 + e];
    case ZK_Q4_0:
        b = bytes + (i >> 5) * 18;
        return zk_half_at(b) * (float)(zk_nibble(b + 2, e) - 8);
    case ZK_Q4_1:
        b = bytes + (i >> 5) * 20;
        return __fadd_rn(__fmul_rn(zk_half_at(b), (float)zk_nibble(b + 4, e)), zk_half_at(b + 2));
    case ZK_Q5_0:
        b = bytes + (i >> 5) * 22;
        return zk_half_at(b) * (float)((zk_nibble(b + 6, e) | zk_fifth(b + 2, e)) - 16);
    case ZK_Q5_1:
        b = bytes + (i >> 5) * 24;
        return __fadd_rn(__fmul_rn(zk_half_at(b),
                                   (float)(zk_nibble(b + 8, e) | zk_fifth(b + 4, e))),
                         zk_half_at(b + 2));
    case ZK_Q2_K:
        return zk_q2_k(bytes + (i >> 8) * 84, k);
    case ZK_Q3_K:
        return zk_q3_k(bytes + (i >> 8) * 110, k);
    case ZK_Q4_K:
        b = bytes + (i >> 8) * 144;
        return zk_q45_k(b, NULL, b + 16, k);
    case ZK_Q5_K:
        b = bytes + (i >> 8) * 176;
        return zk_q45_k(b, b + 16, b + 48, k);
    default:
        return zk_q6_k(bytes + (i >> 8) * 210, k);
    }
}

/* Element i, counted from p on, of the types that activations have. */
__device__ inline float zk_get_act(const void *p, int type, int64_t i)
{
    if (type == ZK_F32)
        return ((const float *)p)[i];
    const uint32_t bits = ((const uint16_t *)p)[i];
    return type == ZK_BF16 ? zk_bfloat(bits) : zk_half(bits);
}

/* The same of any type that can be computed with. */
__device__ inline float zk_get(const void *p, int type, int64_t i)
{
    if (type == ZK_F32 || type == ZK_BF16 || type == ZK_F16)
        return zk_get_act(p, type, i);
    return zk_get_other(p, type, i);
}

/* Rounds to nearest, as dtype.c does; for types without blocks. */
__device__ inline void zk_put(void *p, int type, int64_t i, float x)
{
    switch (type) {
    case ZK_F32:
        ((float *)p)[i] = x;
        break;
    case ZK_F16:
        ((__half *)p)[i] = __float2half_rn(x);
        break;
    case ZK_BF16:
        ((__nv_bfloat16 *)p)[i] = __float2bfloat16_rn(x);
        break;
    case ZK_F8_E4M3:
        ((uint8_t *)p)[i] = zk_to_f8(x, 3, -6, 0x7e);
        break;
    default:
        ((uint8_t *)p)[i] = zk_to_f8(x, 2, -14, 0x7b);
        break;
    }
}

__device__ inline float zk_low(uint32_t pair, bool bf16)
{
    return bf16 ? __uint_as_float(pair << 16) : zk_half(pair & 0xffff);
}

__device__ inline float zk_high(uint32_t pair, bool bf16)
{
    return bf16 ? __uint_as_float(pair & 0xffff0000) : zk_half(pair >> 16);
}

__device__ inline uint32_t zk_pair(float low, float high, bool bf16)
{
    if (bf16) {
        const __nv_bfloat162 b = __floats2bfloat162_rn(low, high);
        return *(const uint32_t *)&b;
    }
    const __half2 h = __floats2half2_rn(low, high);
    return *(const uint32_t *)&h;
}

/* V elements at a time: 8, which the host has found to be aligned, or 1. */
template <int V> __device__ inline void zk_load(float *x, const void *p, int type, int64_t i)
{
    if (V == 8 && type == ZK_F32) {
        const float4 *f = (const float4 *)((const float *)p + i);
        const float4 a = f[0], b = f[1];
        x[0] = a.x, x[1] = a.y, x[2] = a.z, x[3] = a.w;
        x[4] = b.x, x[5] = b.y, x[6] = b.z, x[7] = b.w;
    } else if (V == 8 && (type == ZK_BF16 || type == ZK_F16)) {
        const uint4 u = *(const uint4 *)((const uint16_t *)p + i);
        const uint32_t w[4] = { u.x, u.y, u.z, u.w };
#pragma unroll
        for (int j = 0; j < 4; j++) {
            x[2 * j] = zk_low(w[j], type == ZK_BF16);
            x[2 * j + 1] = zk_high(w[j], type == ZK_BF16);
        }
    } else {
#pragma unroll
        for (int j = 0; j < V; j++)
            x[j] = zk_get(p, type, i + j);
    }
}

template <int V> __device__ inline void zk_store(void *p, int type, int64_t i, const float *x)
{
    if (V == 8 && type == ZK_F32) {
        float4 *f = (float4 *)((float *)p + i);
        f[0] = make_float4(x[0], x[1], x[2], x[3]);
        f[1] = make_float4(x[4], x[5], x[6], x[7]);
    } else if (V == 8 && (type == ZK_BF16 || type == ZK_F16)) {
        const bool b = type == ZK_BF16;
        *(uint4 *)((uint16_t *)p + i) = make_uint4(zk_pair(x[0], x[1], b), zk_pair(x[2], x[3], b),
                                                   zk_pair(x[4], x[5], b), zk_pair(x[6], x[7], b));
    } else {
#pragma unroll
        for (int j = 0; j < V; j++)
            zk_put(p, type, i + j, x[j]);
    }
}

__device__ inline float zk_act(int act, float x)
{
    switch (act) {
    case ZK_CUDA_SILU:
        return x / (1 + expf(-x));
    case ZK_CUDA_GELU_TANH:
        return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
    case ZK_CUDA_GELU_ERF:
        return 0.5f * x * (1 + erff(x * 0.7071067812f));
    case ZK_CUDA_QUICK_GELU:
        return x / (1 + expf(-1.702f * x));
    default:
        return x;
    }
}

/* Where it is used many times, and seldom at all. */
__device__ static __noinline__ float zk_act_call(int act, float x)
{
    return zk_act(act, x);
}

__device__ inline float zk_finish(int act, float x)
{
    return act ? zk_act_call(act, x) : x;
}

/* The sum over a warp, in every lane, always added up in the same order. */
template <typename T> __device__ inline T zk_warp_sum(T x)
{
#pragma unroll
    for (int i = 16; i > 0; i /= 2)
        x += __shfl_xor_sync(0xffffffff, x, i);
    return x;
}

/* Two sums over a block of whole warps, in every thread. */
__device__ inline void zk_block_sums(double *x, double *y)
{
    __shared__ double part[2][32];
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int warps = (int)blockDim.x / 32;

    *x = zk_warp_sum(*x);
    *y = zk_warp_sum(*y);
    __syncthreads();
    if (lane == 0) {
        part[0][warp] = *x;
        part[1][warp] = *y;
    }
    __syncthreads();
    *x = *y = 0;
    for (int i = 0; i < warps; i++) {
        *x += part[0][i];
        *y += part[1][i];
    }
}

#endif
