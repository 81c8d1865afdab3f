/* Rotary position embedding: a thread for each pair of a row, in all heads. */

#include "kernels/cuda/device.h"

__device__ static void turn(const zk_cuda_mat &x, int heads, int64_t row, int j, int half,
                            int halves, float c, float s)
{
    for (int h = 0; h < heads; h++) {
        const int64_t at = row * x.step + (int64_t)h * half * 2;
        const int64_t first = at + (halves ? j : 2 * j), second = first + (halves ? half : 1);
        const float a = zk_get(x.data, x.type, first), b = zk_get(x.data, x.type, second);
        zk_put(x.data, x.type, first, a * c - b * s);
        zk_put(x.data, x.type, second, b * c + a * s);
    }
}

ZK_KERNEL(rope, zk_cuda_heads)
{
    const int half = a.d / 2;
    const int64_t n = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, row = n / half;
    const int j = (int)(n % half);

    if (row >= a.rows)
        return;
    const float c = a.a[0][row * a.a_step[0] + j], s = a.a[1][row * a.a_step[1] + j];
    turn(a.x[0], a.heads[0], row, j, half, a.halves, c, s);
    if (a.heads[1] > 0)
        turn(a.x[1], a.heads[1], row, j, half, a.halves, c, s);
}
