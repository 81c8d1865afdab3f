/* Products with weights. The general one gathers its left side from pixels, so it
 * serves convolutions as well: a linear is one over a single row of pixels. */

#include "kernels/cuda/device.h"

/* ---- Matrix units: 128 rows by 128 columns a block, 32 of k at a time ---- */

#define ROWS ZK_CUDA_GEMM_TILE
#define COLS ZK_CUDA_GEMM_TILE
#define DEPTH 32
#define STAGES 3
#define THREADS 256
#define SIDE (ROWS * DEPTH * 2)           /* bytes of one side of a stage */

/* Where along k: a stretch of channels of one tap of one term. */
struct place {
    int c, tap[3], index, term;
};

__device__ static void place_next(place *p, const zk_cuda_gemm &a, int depth)
{
    p->c += depth;
    if (p->c < a.in)
        return;
    p->c = 0;
    p->index++;
    for (int i = 2; i >= 0; i--) {
        if (++p->tap[i] < a.kernel[i])
            return;
        p->tap[i] = 0;
    }
    p->index = 0;
    p->term++;
}

/* The corner of the source that an output pixel begins at; below: no such pixel. */
struct corner {
    int at[3];
    bool there;
};

__device__ static corner corner_of(const zk_cuda_gemm &a, int64_t row)
{
    corner c;

    c.there = row < a.rows;
    const int64_t plane = row / a.to[2];
    const int out[3] = { (int)(plane / a.to[1]), (int)(plane % a.to[1]), (int)(row % a.to[2]) };
#pragma unroll
    for (int i = 0; i < 3; i++)
        c.at[i] = out[i] * a.stride[i] - a.before[i];
    return c;
}

/* The pixel that a tap meets, or -1 where the padding is zero. */
__device__ static int64_t pixel_of(const zk_cuda_gemm &a, const corner &c, const int *tap)
{
    int64_t pixel = 0;

    if (!c.there)
        return -1;
#pragma unroll
    for (int i = 0; i < 3; i++) {
        int x = c.at[i] + tap[i];
        if (x < 0 || x >= a.from[i]) {
            if (!a.edge)
                return -1;
            x = x < 0 ? 0 : a.from[i] - 1;
        }
        pixel = pixel * a.from[i] + x;
    }
    return pixel;
}

/* 8 elements of 16 bits to shared memory, those from `limit` on as zeros. */
__device__ static void put_eight(uint32_t to, const uint16_t *from, int limit, bool vector)
{
    if (vector) {
        zk_fetch(to, from, limit > 0);
        return;
    }
    uint32_t w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const uint32_t low = 2 * i < limit ? from[2 * i] : 0;
        const uint32_t high = 2 * i + 1 < limit ? from[2 * i + 1] : 0;
        w[i] = low | high << 16;
    }
    zk_put16(to, w);
}

/* Chunks of 16 bytes are spread so that neither filling nor reading meets a bank twice. */
__device__ static uint32_t spot(uint32_t base, int row, int chunk)
{
    return base + (uint32_t)(row * DEPTH * 2 + ((chunk ^ (row >> 1 & 3)) << 4));
}

ZK_KERNEL(gemm_bf16, zk_cuda_gemm)
{
    __shared__ __align__(128) uint8_t memory[STAGES * 2 * SIDE];
    const uint32_t shared = zk_shared_address(memory);
    const int thread = (int)threadIdx.x, lane = thread % 32, warp = thread / 32;
    const int64_t first = (int64_t)blockIdx.x * ROWS;
    const int left = (int)blockIdx.y * COLS, taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
    const int steps = (a.in + DEPTH - 1) / DEPTH * taps * a.terms;
    const int chunk = thread % 4;
    const uint16_t *src = (const uint16_t *)a.src.data, *weight = (const uint16_t *)a.weight.data;
    corner corners[2];
    place next = { 0, { 0, 0, 0 }, 0, 0 };
    float sum[4][4][4] = {};

#pragma unroll
    for (int i = 0; i < 2; i++)
        corners[i] = corner_of(a, first + thread / 4 + i * 64);

    auto fill = [&](int stage) {
        const uint32_t to = shared + (uint32_t)(stage * 2 * SIDE);
        const int c = next.c + chunk * 8, limit = a.in - c;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const int row = thread / 4 + i * 64, o = left + row;
            const int64_t pixel = pixel_of(a, corners[i], next.tap);
            const bool in_src = pixel >= 0 && limit > 0, in_weight = o < a.cols && limit > 0;
            put_eight(spot(to, row, chunk), in_src ? src + pixel * a.src.step + c : src,
                      in_src ? limit : 0, a.vector);
            put_eight(spot(to + SIDE, row, chunk),
                      in_weight ? weight + o * a.weight.step +
                                      (int64_t)(next.term * taps + next.index) * a.in + c
                                : weight,
                      in_weight ? limit : 0, a.vector);
        }
        place_next(&next, a, DEPTH);
    };

    for (int s = 0; s < STAGES - 1; s++) {
        if (s < steps)
            fill(s);
        zk_fetch_commit();
    }
    for (int s = 0; s < steps; s++) {
        zk_fetch_wait<STAGES - 2>();
        __syncthreads();
        if (s + STAGES - 1 < steps)
            fill((s + STAGES - 1) % STAGES);
        zk_fetch_commit();

        const uint32_t from = shared + (uint32_t)(s % STAGES * 2 * SIDE);
#pragma unroll
        for (int k = 0; k < DEPTH / 16; k++) {
            uint32_t x[4][4], w[2][4];
#pragma unroll
            for (int i = 0; i < 4; i++)
                zk_tiles(x[i], spot(from, warp / 4 * 64 + i * 16 + lane % 16, k * 2 + lane / 16));
#pragma unroll
            for (int i = 0; i < 2; i++)
                zk_tiles(w[i], spot(from + SIDE,
                                    warp % 4 * 32 + i * 16 + lane % 8 + lane / 16 * 8,
                                    k * 2 + lane / 8 % 2));
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int j = 0; j < 4; j++)
                    zk_mma(sum[i][j], x[i], w[j / 2] + j % 2 * 2, true);
            }
        }
    }

    const float scale = a.weight.scale;
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const int64_t row = first + warp / 4 * 64 + i * 16 + lane / 4 + e / 2 * 8;
                const int col = left + warp % 4 * 32 + j * 8 + lane % 4 * 2 + e % 2;
                if (row < a.rows && col < a.cols)
                    zk_put(a.dst.data, a.dst.type, row * a.dst.step + col,
                           zk_finish(a.act, sum[i][j][e] * scale + (a.bias ? a.bias[col] : 0)));
            }
        }
    }
}

/* ---- f32 throughout, from any type: 64 rows by 64 columns a block ---- */

#define TILE ZK_CUDA_GEMM_F32_TILE
#define TILE_DEPTH 16

ZK_KERNEL(gemm_f32, zk_cuda_gemm)
{
    __shared__ float x[TILE_DEPTH][TILE + 4], w[TILE_DEPTH][TILE + 4];
    const int thread = (int)threadIdx.x, mine = thread / 4, k0 = thread % 4 * 4;
    const int64_t first = (int64_t)blockIdx.x * TILE;
    const int left = (int)blockIdx.y * TILE, taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
    const int steps = (a.in + TILE_DEPTH - 1) / TILE_DEPTH * taps;
    const corner c = corner_of(a, first + mine);
    const int row = thread / 16 * 4, col = thread % 16 * 4;
    place next = { 0, { 0, 0, 0 }, 0, 0 };
    float sum[4][4] = {};

    for (int s = 0; s < steps; s++) {
        const int64_t pixel = pixel_of(a, c, next.tap);
        const int64_t at = (left + mine) * a.weight.step + (int64_t)next.index * a.in;
        __syncthreads();
#pragma unroll
        for (int k = k0; k < k0 + 4; k++) {
            const int from = next.c + k;
            x[k][mine] = pixel >= 0 && from < a.in
                             ? zk_get_act(a.src.data, a.src.type, pixel * a.src.step + from) : 0;
            w[k][mine] = left + mine < a.cols && from < a.in
                             ? zk_get(a.weight.data, a.weight.type, at + from) : 0;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < TILE_DEPTH; k++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int j = 0; j < 4; j++)
                    sum[i][j] = fmaf(x[k][row + i], w[k][col + j], sum[i][j]);
            }
        }
        place_next(&next, a, TILE_DEPTH);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int64_t r = first + row + i;
            const int o = left + col + j;
            if (r < a.rows && o < a.cols)
                zk_put(a.dst.data, a.dst.type, r * a.dst.step + o,
                       zk_finish(a.act, sum[i][j] * a.weight.scale + (a.bias ? a.bias[o] : 0)));
        }
    }
}

/* ---- Up to 8 rows: a warp for each column, bound by reading the weights ---- */

template <int V> __device__ static void few_sums(const zk_cuda_gemm &a, int o, float *sum)
{
    const int lane = (int)threadIdx.x % 32, rows = (int)a.rows;

    for (int k = lane * V; k < a.in; k += 32 * V) {
        float w[V], x[V];
        zk_load<V>(w, a.weight.data, a.weight.type, o * a.weight.step + k);
#pragma unroll
        for (int r = 0; r < 8; r++) {
            if (r >= rows)
                break;
            zk_load<V>(x, a.src.data, a.src.type, r * a.src.step + k);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[r] = fmaf(x[i], w[i], sum[r]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(256, 2)
zk_gpu_few_rows(const __grid_constant__ struct zk_cuda_gemm a)
{
    const int lane = (int)threadIdx.x % 32;
    const int o = (int)(blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32);
    float sum[8] = {}, mine = 0;

    if (o >= a.cols)
        return;
    if (a.vector)
        few_sums<8>(a, o, sum);
    else
        few_sums<1>(a, o, sum);
#pragma unroll
    for (int r = 0; r < 8; r++) {
        const float all = zk_warp_sum(sum[r]);
        if (lane == r)
            mine = all;
    }
    if (lane < a.rows)
        zk_put(a.dst.data, a.dst.type, lane * a.dst.step + o,
               zk_finish(a.act, mine * a.weight.scale + (a.bias ? a.bias[o] : 0)));
}

ZK_KERNEL(embed, zk_cuda_embed)
{
    const int c = (int)(blockIdx.x * blockDim.x + threadIdx.x);

    if (c >= a.cols)
        return;
    for (int i = (int)blockIdx.y; i < a.rows; i += (int)gridDim.y)
        zk_put(a.dst.data, a.dst.type, i * a.dst.step + c,
               zk_get(a.table.data, a.table.type, a.ids[i] * a.table.step + c) * a.table.scale);
}
