/* What goes element by element, and the sums over rows and columns. */

#include "kernels/cuda/device.h"

/* ---- Element by element ---- */

template <int V> __device__ static void one_group(const zk_cuda_rows &a, int64_t r, int c)
{
    float x[V], y[V], z[V];
    auto load = [&](float *to, int n) {
        zk_load<V>(to, a.src[n].data, a.src[n].type, r * a.src[n].step + c);
    };

    load(x, 0);
    switch (a.op) {
    case ZK_CUDA_ADD_GATED:
        zk_load<V>(z, a.dst.data, a.dst.type, r * a.dst.step + c);
#pragma unroll
        for (int i = 0; i < V; i++)
            y[i] = 1;
        if (a.count > 1)
            load(y, 1);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = z[i] + y[i] * x[i];
        break;
    case ZK_CUDA_ADD:
        load(y, 1);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] += y[i];
        break;
    case ZK_CUDA_MUL:
        load(y, 1);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] *= y[i];
        break;
    case ZK_CUDA_GLU:
        load(y, 1);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = zk_act(a.act, x[i]) * y[i];
        break;
    case ZK_CUDA_MIX:
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = a.bias + a.coef[0] * x[i];
        for (int n = 1; n < a.count; n++) {
            load(y, n);
#pragma unroll
            for (int i = 0; i < V; i++)
                x[i] += a.coef[n] * y[i];
        }
        break;
    case ZK_CUDA_GUIDE:
        load(y, 1);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = y[i] + a.bias * (x[i] - y[i]);
        break;
    case ZK_CUDA_FINISH:
#pragma unroll
        for (int i = 0; i < V; i++)
            y[i] = 0;
        if (a.count > 1)
            load(y, 1);
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = zk_act(a.act, x[i] + y[i]);
        break;
    default:
#pragma unroll
        for (int i = 0; i < V; i++)
            x[i] = zk_act(a.act, x[i]);
        break;
    }
    zk_store<V>(a.dst.data, a.dst.type, r * a.dst.step + c, x);
}

template <int V> __device__ static void all_groups(const zk_cuda_rows &a)
{
    const int c = (int)(blockIdx.x * blockDim.x + threadIdx.x) * V;

    if (c >= a.cols)
        return;
    for (int64_t r = blockIdx.y * blockDim.y + threadIdx.y; r < a.rows;
         r += (int64_t)gridDim.y * blockDim.y)
        one_group<V>(a, r, c);
}

ZK_KERNEL(rows_8, zk_cuda_rows)
{
    all_groups<8>(a);
}

ZK_KERNEL(rows_1, zk_cuda_rows)
{
    all_groups<1>(a);
}

/* ---- Sums ---- */

/* The mean of a column: 32 columns a block, 8 threads for each. */
ZK_KERNEL(mean, zk_cuda_sums)
{
    __shared__ double part[8][33];
    const int c = (int)(blockIdx.x * 32 + threadIdx.x);
    double sum = 0;

    for (int64_t r = threadIdx.y; c < a.cols && r < a.rows; r += 8)
        sum += (double)zk_get(a.a.data, a.a.type, r * a.a.step + c);
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || c >= a.cols)
        return;
    for (int i = 1; i < 8; i++)
        sum += part[i][threadIdx.x];
    zk_put(a.dst.data, a.dst.type, c, (float)(sum / a.rows));
}

/* Sums of |a - b| and |b|, one pair for each block. */
ZK_KERNEL(drift, zk_cuda_sums)
{
    double change = 0, size = 0;

    for (int64_t r = blockIdx.x; r < a.rows; r += gridDim.x) {
        for (int c = (int)threadIdx.x; c < a.cols; c += (int)blockDim.x) {
            const double x = (double)zk_get(a.a.data, a.a.type, r * a.a.step + c);
            const double y = (double)zk_get(a.b.data, a.b.type, r * a.b.step + c);
            change += fabs(x - y);
            size += fabs(y);
        }
    }
    zk_block_sums(&change, &size);
    if (threadIdx.x == 0) {
        a.work[2 * blockIdx.x] = change;
        a.work[2 * blockIdx.x + 1] = size;
    }
}

/* Their quotient, as a float behind the pairs. */
ZK_KERNEL(drift_end, zk_cuda_sums)
{
    double change = 0, size = 0;

    for (int i = 0; i < a.parts; i++) {
        change += a.work[2 * i];
        size += a.work[2 * i + 1];
    }
    *(float *)(a.work + 2 * a.parts) = change == 0 ? 0 : (float)(change / size);
}

/* Guidance that keeps the length of a row: a block for each row. */
ZK_KERNEL(guide_norm, zk_cuda_sums)
{
    for (int64_t r = blockIdx.x; r < a.rows; r += gridDim.x) {
        double want = 0, have = 0;
        for (int c = (int)threadIdx.x; c < a.cols; c += (int)blockDim.x) {
            const float cond = zk_get(a.a.data, a.a.type, r * a.a.step + c);
            const float uncond = zk_get(a.b.data, a.b.type, r * a.b.step + c);
            const double guided = (double)(uncond + a.strength * (cond - uncond));
            want += (double)cond * cond;
            have += guided * guided;
        }
        zk_block_sums(&want, &have);
        const float factor = have > 0 ? (float)sqrt(want / have) : 1;
        for (int c = (int)threadIdx.x; c < a.cols; c += (int)blockDim.x) {
            const float cond = zk_get(a.a.data, a.a.type, r * a.a.step + c);
            const float uncond = zk_get(a.b.data, a.b.type, r * a.b.step + c);
            zk_put(a.dst.data, a.dst.type, r * a.dst.step + c,
                   (uncond + a.strength * (cond - uncond)) * factor);
        }
    }
}
