/* Decoded pictures to the pixel formats of hosts. */

#include "kernels/cuda/device.h"

enum { RGBA8, RGBA16, RGBAH, RGBAF };

/* x in 0 .. 1 as an integer of 0 .. most; NaN is 0. */
__device__ static unsigned to_integer(float x, unsigned most)
{
    if (!(x > 0))
        return 0;
    return x < 1 ? (unsigned)rintf(x * (float)most) : most;
}

ZK_KERNEL(pixels, zk_cuda_pixels)
{
    const int x = (int)(blockIdx.x * blockDim.x + threadIdx.x);

    if (x >= a.width)
        return;
    for (int64_t y = blockIdx.y; y < a.height; y += gridDim.y) {
        char *row = (char *)a.dst + y * a.pitch;
        for (int c = 0; c < 4; c++) {
            const int64_t from = y * a.src.step + x * a.pixel + c;
            const float v = c < 3 ? zk_get(a.src.data, a.src.type, from) * 0.5f + 0.5f : 1;
            const int i = 4 * x + c;
            if (a.format == RGBA8)
                ((uint8_t *)row)[i] = (uint8_t)to_integer(v, 255);
            else if (a.format == RGBA16)
                ((uint16_t *)row)[i] = (uint16_t)to_integer(v, 65535);
            else if (a.format == RGBAH)
                ((__half *)row)[i] = __float2half_rn(v);
            else
                ((float *)row)[i] = v;
        }
    }
}
