/* Copies between element types, and weights into the layouts of the products. */

#include "kernels/cuda/device.h"

/* One row at a time, over rows of three axes. */
ZK_KERNEL(cast, zk_cuda_cast)
{
    const int c = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    const int64_t rows = (int64_t)a.dim[0] * a.dim[1] * a.dim[2];

    if (c >= a.dim[3])
        return;
    for (int64_t r = blockIdx.y; r < rows; r += gridDim.y) {
        const int64_t i2 = r % a.dim[2], i1 = r / a.dim[2] % a.dim[1], i0 = r / a.dim[2] / a.dim[1];
        const int64_t to = i0 * a.dst_step[0] + i1 * a.dst_step[1] + i2 * a.dst_step[2] + c;
        const int64_t from = i0 * a.src_step[0] + i1 * a.src_step[1] + i2 * a.src_step[2] + c;
        zk_put(a.dst.data, a.dst.type, to,
               zk_get(a.src.data, a.src.type, from) * a.src.scale);
    }
}

/* The largest over a block of ZK_CUDA_F8_PARTS threads, in every thread. */
__device__ static float block_most(float x)
{
    __shared__ float part[ZK_CUDA_F8_PARTS / 32];

    for (int i = 16; i > 0; i /= 2)
        x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, i));
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = x;
    __syncthreads();
    for (int i = 0; i < ZK_CUDA_F8_PARTS / 32; i++)
        x = fmaxf(x, part[i]);
    return x;
}

ZK_KERNEL(f8_most, zk_cuda_f8)
{
    float most = 0, x[8];

    for (int r = (int)blockIdx.x; r < a.rows; r += a.parts) {
        for (int c = (int)threadIdx.x * 8; c < a.cols; c += (int)blockDim.x * 8) {
            zk_load<8>(x, a.src.data, a.src.type, r * a.src.step + c);
            for (int j = 0; j < 8; j++)
                most = fmaxf(most, fabsf(x[j]));
        }
    }
    most = block_most(most);
    if (threadIdx.x == 0)
        a.most[blockIdx.x] = most;
}

/* The largest becomes the largest number of F8. */
ZK_KERNEL(f8_rows, zk_cuda_f8)
{
    const float own = (int)threadIdx.x < a.parts ? a.most[threadIdx.x] : 0;
    const float most = block_most(own), by = most > 0 ? fminf(448.0f / most, 0x1p100f) : 1.0f;
    float x[8];

    for (int r = (int)blockIdx.x; r < a.rows; r += (int)gridDim.x) {
        for (int c = (int)threadIdx.x * 8; c < a.cols; c += (int)blockDim.x * 8) {
            uint32_t code[2] = { 0, 0 };
            zk_load<8>(x, a.src.data, a.src.type, r * a.src.step + c);
            for (int j = 0; j < 8; j++)
                code[j / 4] |= (uint32_t)zk_to_f8(x[j] * by, 3, -6, 0x7e) << (j % 4 * 8);
            *(uint2 *)(a.dst + (int64_t)r * a.cols + c) = make_uint2(code[0], code[1]);
        }
    }
    if (blockIdx.x == 0 && threadIdx.x == 0)
        *a.scale = 1.0f / by;
}

__device__ static bool aligned(const void *a, const void *b, int64_t bytes)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)bytes) & 15) == 0;
}

/* A warp for each row. */
ZK_KERNEL(copy, zk_cuda_copy)
{
    const int lane = (int)threadIdx.x % 32;
    const int64_t rows = (int64_t)a.dim[0] * a.dim[1] * a.dim[2];
    const int64_t warps = (int64_t)gridDim.x * (blockDim.x / 32);

    for (int64_t r = (int64_t)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; r < rows;
         r += warps) {
        const int64_t i2 = r % a.dim[2], i1 = r / a.dim[2] % a.dim[1], i0 = r / a.dim[2] / a.dim[1];
        char *to = (char *)a.dst + i0 * a.dst_step[0] + i1 * a.dst_step[1] + i2 * a.dst_step[2];
        const char *from = (const char *)a.src + i0 * a.src_step[0] + i1 * a.src_step[1] +
                           i2 * a.src_step[2];
        if (aligned(to, from, a.bytes)) {
            for (int64_t i = lane; i < a.bytes / 16; i += 32)
                ((uint4 *)to)[i] = ((const uint4 *)from)[i];
        } else {
            for (int64_t i = lane; i < a.bytes; i += 32)
                to[i] = from[i];
        }
    }
}

/* dst[row][term][tap][in]; without terms f32 of dst[row][tap][in]. Terms are what
 * bf16 can hold of the value, of the rest, and of the rest of that. */
ZK_KERNEL(pack, zk_cuda_pack)
{
    const int64_t n = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const int64_t row_size = (int64_t)a.in * a.taps, row = n / row_size, at = n % row_size;
    const int tap = (int)(at / a.in), c = (int)(at % a.in);

    if (row >= a.rows)
        return;
    float x = zk_get(a.src.data, a.src.type, row * a.src.step + (int64_t)c * a.taps + tap);
    if (a.terms == 0) {
        ((float *)a.dst)[n] = x;
        return;
    }
    for (int t = 0; t < a.terms; t++) {
        const __nv_bfloat16 part = __float2bfloat16_rn(x);
        const float rest = x - __bfloat162float(part);
        ((__nv_bfloat16 *)a.dst)[(row * a.terms + t) * row_size + at] = part;
        x = isfinite(rest) ? rest : 0;
    }
}
