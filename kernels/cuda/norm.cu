/* Normalisations. Sums are taken in double of what differs from the first element,
 * so that neither many elements nor a large mean cost digits, and one pass does. */

#include "kernels/cuda/device.h"

__device__ static float finished(const zk_cuda_norm &a, float x, int c)
{
    if (a.weight)
        x *= a.plus + a.weight[c];
    if (a.bias)
        x += a.bias[c];
    return x;
}

/* Normalised x is (x - mean) * factor. */
struct stats {
    double mean, factor;
};

/* From the sums of (x - first) and of its square over n elements. */
__device__ static stats stats_of(double first, double sum, double square, double n, float eps)
{
    const double mean = sum / n, var = square / n - mean * mean;

    return { first + mean, 1 / sqrt((var < 0 ? 0 : var) + (double)eps) };
}

template <int V> __device__ static void norm_row(const zk_cuda_norm &a, int64_t r)
{
    const int64_t from = r * a.src.step, to = r * a.dst.step;
    const double first = a.kind == ZK_CUDA_LAYER
                             ? (double)zk_get(a.src.data, a.src.type, from) : 0;
    double sum = 0, square = 0;
    float x[V];

    for (int c = (int)threadIdx.x * V; c < a.cols; c += (int)blockDim.x * V) {
        zk_load<V>(x, a.src.data, a.src.type, from + c);
#pragma unroll
        for (int i = 0; i < V; i++) {
            const double y = (double)x[i] - first;
            sum += y;
            square = fma(y, y, square);
        }
    }
    zk_block_sums(&sum, &square);
    stats s = stats_of(first, sum, square, a.cols, a.eps);
    if (a.kind == ZK_CUDA_RMS)
        s = { 0, 1 / sqrt(square / a.cols + (double)a.eps) };
    else if (a.kind == ZK_CUDA_L2)
        s = { 0, sqrt((double)a.cols) / fmax(sqrt(square), (double)a.eps) };

    for (int c = (int)threadIdx.x * V; c < a.cols; c += (int)blockDim.x * V) {
        zk_load<V>(x, a.src.data, a.src.type, from + c);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = zk_finish(a.act, finished(a, (float)(((double)x[i] - s.mean) * s.factor),
                                             c + i));
        zk_store<V>(a.dst.data, a.dst.type, to + c, x);
    }
}

/* A block for each row; `parts` says how many elements at a time. */
ZK_KERNEL(norm, zk_cuda_norm)
{
    for (int64_t r = blockIdx.x; r < a.rows; r += gridDim.x) {
        if (a.parts == 8)
            norm_row<8>(a, r);
        else
            norm_row<1>(a, r);
        __syncthreads();
    }
}

/* ---- Groups of columns over all rows ---- */

/* Sums of a part of a group's rows. Grid: groups by parts. */
ZK_KERNEL(group_part, zk_cuda_norm)
{
    const int width = a.cols / a.groups, c0 = (int)blockIdx.x * width;
    const int64_t rows = (a.rows + a.parts - 1) / a.parts, begin = blockIdx.y * rows;
    const int64_t end = begin + rows < a.rows ? begin + rows : a.rows;
    const double first = (double)zk_get_act(a.src.data, a.src.type, c0);
    const int across = width < 32 ? width : 32, threads = (int)blockDim.x / across;
    const int mine = (int)threadIdx.x / across;
    double sum = 0, square = 0;

    for (int64_t r = begin + mine; mine < threads && r < end; r += threads) {
        for (int c = (int)threadIdx.x % across; c < width; c += across) {
            const double y = (double)zk_get_act(a.src.data, a.src.type,
                                                r * a.src.step + c0 + c) - first;
            sum += y;
            square = fma(y, y, square);
        }
    }
    zk_block_sums(&sum, &square);
    if (threadIdx.x == 0) {
        double *to = a.work + 2 * ((int64_t)blockIdx.x * a.parts + blockIdx.y);
        to[0] = sum;
        to[1] = square;
    }
}

/* Mean and factor of each group take the place of the sums of its first part. */
ZK_KERNEL(group_end, zk_cuda_norm)
{
    const int g = (int)(blockIdx.x * blockDim.x + threadIdx.x), width = a.cols / a.groups;
    double sum = 0, square = 0;

    if (g >= a.groups)
        return;
    double *at = a.work + 2 * (int64_t)g * a.parts;
    for (int i = 0; i < a.parts; i++) {
        sum += at[2 * i];
        square += at[2 * i + 1];
    }
    const stats s = stats_of((double)zk_get_act(a.src.data, a.src.type, (int64_t)g * width), sum,
                             square, (double)a.rows * width, a.eps);
    at[0] = s.mean;
    at[1] = s.factor;
}

ZK_KERNEL(group_apply, zk_cuda_norm)
{
    const int c = (int)(blockIdx.x * blockDim.x + threadIdx.x);

    if (c >= a.cols)
        return;
    const double *s = a.work + 2 * (int64_t)(c / (a.cols / a.groups)) * a.parts;
    for (int64_t r = blockIdx.y * blockDim.y + threadIdx.y; r < a.rows;
         r += (int64_t)gridDim.y * blockDim.y) {
        const double x = (double)zk_get_act(a.src.data, a.src.type, r * a.src.step + c);
        zk_put(a.dst.data, a.dst.type, r * a.dst.step + c,
               zk_finish(a.act, finished(a, (float)((x - s[0]) * s[1]), c)));
    }
}

/* ---- Heads, each on its own: a warp for one head of one row ---- */

ZK_KERNEL(qk_norm, zk_cuda_heads)
{
    const int lane = (int)threadIdx.x % 32;
    const int64_t warp = (int64_t)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    const int heads = a.heads[0] + a.heads[1], h = (int)(warp % heads), k = h >= a.heads[0];
    const int64_t row = warp / heads;

    if (row >= a.rows)
        return;
    const zk_cuda_mat &x = a.x[k];
    const int64_t at = row * x.step + (int64_t)(k ? h - a.heads[0] : h) * a.d;
    double square = 0;
    for (int c = lane; c < a.d; c += 32) {
        const double y = (double)zk_get(x.data, x.type, at + c);
        square = fma(y, y, square);
    }
    const double factor = 1 / sqrt(zk_warp_sum(square) / a.d + (double)a.eps);
    for (int c = lane; c < a.d; c += 32) {
        const float y = (float)((double)zk_get(x.data, x.type, at + c) * factor);
        zk_put(x.data, x.type, at + c, y * a.a[k][c]);
    }
}
