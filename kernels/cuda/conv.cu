/* What moves pixels; the sums of convolutions are products, in linear.cu. */

#include "kernels/cuda/device.h"

/* A warp for each pixel of the result. */
ZK_KERNEL(upsample, zk_cuda_upsample)
{
    const int lane = (int)threadIdx.x % 32;
    const int64_t pixels = (int64_t)a.to[0] * a.to[1] * a.to[2];
    const int64_t warps = (int64_t)gridDim.x * (blockDim.x / 32);
    const bool wide = (((uintptr_t)a.dst | (uintptr_t)a.src | (uintptr_t)a.bytes) & 15) == 0;

    for (int64_t n = (int64_t)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; n < pixels;
         n += warps) {
        const int w = (int)(n % a.to[2]), h = (int)(n / a.to[2] % a.to[1]);
        const int t = (int)(n / a.to[2] / a.to[1]);
        const int64_t from_t = t < a.single ? t : a.single + (t - a.single) / a.by[0];
        const int64_t from = (from_t * a.from[1] + h / a.by[1]) * a.from[2] + w / a.by[2];
        const char *src = (const char *)a.src + from * a.bytes;
        char *dst = (char *)a.dst + n * a.bytes;
        if (wide) {
            for (int64_t i = lane; i < a.bytes / 16; i += 32)
                ((uint4 *)dst)[i] = ((const uint4 *)src)[i];
        } else {
            for (int64_t i = lane; i < a.bytes; i += 32)
                dst[i] = src[i];
        }
    }
}

ZK_KERNEL(permute, zk_cuda_permute)
{
    for (int64_t n = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; n < a.count;
         n += (int64_t)gridDim.x * blockDim.x) {
        int64_t left = n, from = 0;
#pragma unroll
        for (int i = 5; i >= 0; i--) {
            from += left % a.dim[i] * a.step[i];
            left /= a.dim[i];
        }
        if (a.bytes == 4)
            ((uint32_t *)a.dst)[n] = ((const uint32_t *)a.src)[from];
        else if (a.bytes == 2)
            ((uint16_t *)a.dst)[n] = ((const uint16_t *)a.src)[from];
        else if (a.bytes == 1)
            ((uint8_t *)a.dst)[n] = ((const uint8_t *)a.src)[from];
        else
            ((uint64_t *)a.dst)[n] = ((const uint64_t *)a.src)[from];
    }
}
