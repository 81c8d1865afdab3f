/* Attention with streaming softmax. On matrix units a block takes 128 queries of a
 * head, each of its four warps 32 of them, and streams by 64 keys at a time, which
 * are fetched one step ahead. Every mask is a limit: query i sees the keys before
 * limit(i), which never falls from one query to the next. */

#include "kernels/cuda/device.h"

#define QUERIES ZK_CUDA_ATTEND_QUERIES
#define KEYS ZK_CUDA_ATTEND_KEYS
#define THREADS 128

enum { MASK_NONE, MASK_CAUSAL, MASK_BLOCKS };

__device__ static int limit_of(const zk_cuda_attend &a, int i)
{
    int64_t limit = a.keys;

    if (a.mask == MASK_CAUSAL)
        limit = (int64_t)i + a.keys - a.queries + 1;
    else if (a.mask == MASK_BLOCKS)
        limit = ((int64_t)(i / a.block) + 1) * a.block;
    return limit < 0 ? 0 : limit < a.keys ? (int)limit : a.keys;
}

/* D is a head's size, rounded up. Rows in shared memory are D long, their 16-byte
 * chunks spread over the banks. */
template <int D> __device__ static uint32_t spot(uint32_t base, int row, int chunk)
{
    return base + (uint32_t)(row * D * 2 + ((chunk ^ (row & 7)) << 4));
}

/* `count` rows of a head to shared memory; rows from `rows` on are zeros. */
template <int D>
__device__ static void fetch(const zk_cuda_attend &a, uint32_t to, const zk_cuda_mat &from,
                             int first, int count, int rows, int col)
{
    const uint16_t *data = (const uint16_t *)from.data + col;

    for (int i = (int)threadIdx.x; i < count * (D / 8); i += THREADS) {
        const int row = i / (D / 8), chunk = i % (D / 8), c = chunk * 8;
        const bool there = first + row < rows && c < a.d;
        const uint16_t *p = there ? data + (first + row) * from.step + c : data;
        if (a.vector) {
            zk_fetch(spot<D>(to, row, chunk), p, there);
            continue;
        }
        uint32_t w[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const uint32_t low = there && c + 2 * j < a.d ? p[2 * j] : 0;
            const uint32_t high = there && c + 2 * j + 1 < a.d ? p[2 * j + 1] : 0;
            w[j] = low | high << 16;
        }
        zk_put16(spot<D>(to, row, chunk), w);
    }
}

/* scores = q k^T for 32 queries of this warp and all keys of the step */
template <int D, bool BF16>
__device__ static void multiply_keys(float (*score)[KEYS / 8][4], uint32_t q, uint32_t k)
{
    const int lane = (int)threadIdx.x % 32, base = (int)threadIdx.x / 32 * 32;

#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < KEYS / 8; j++)
            score[i][j][0] = score[i][j][1] = score[i][j][2] = score[i][j][3] = 0;
    }
#pragma unroll
    for (int d = 0; d < D / 16; d++) {
        uint32_t x[2][4];
#pragma unroll
        for (int i = 0; i < 2; i++)
            zk_tiles(x[i], spot<D>(q, base + i * 16 + lane % 16, d * 2 + lane / 16));
#pragma unroll
        for (int j = 0; j < KEYS / 16; j++) {
            uint32_t y[4];
            zk_tiles(y, spot<D>(k, j * 16 + lane % 8 + lane / 16 * 8, d * 2 + lane / 8 % 2));
#pragma unroll
            for (int i = 0; i < 2; i++) {
                zk_mma(score[i][2 * j], x[i], y, BF16);
                zk_mma(score[i][2 * j + 1], x[i], y + 2, BF16);
            }
        }
    }
}

/* sums += weights v, the weights being in the registers of the scores */
template <int D, bool BF16>
__device__ static void multiply_values(float (*sum)[D / 8][4], float (*score)[KEYS / 8][4],
                                       uint32_t v)
{
    const int lane = (int)threadIdx.x % 32;

#pragma unroll
    for (int j = 0; j < KEYS / 16; j++) {
        uint32_t x[2][4];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const float *s = score[i][2 * j], *t = score[i][2 * j + 1];
            x[i][0] = zk_pair(s[0], s[1], BF16);
            x[i][1] = zk_pair(s[2], s[3], BF16);
            x[i][2] = zk_pair(t[0], t[1], BF16);
            x[i][3] = zk_pair(t[2], t[3], BF16);
        }
#pragma unroll
        for (int d = 0; d < D / 16; d++) {
            uint32_t y[4];
            zk_tiles_turned(y, spot<D>(v, j * 16 + lane % 16, d * 2 + lane / 16));
#pragma unroll
            for (int i = 0; i < 2; i++) {
                zk_mma(sum[i][2 * d], x[i], y, BF16);
                zk_mma(sum[i][2 * d + 1], x[i], y + 2, BF16);
            }
        }
    }
}

/* Scores of this lane, the first of which is of that query and key. */
__device__ static void mask_keys(const zk_cuda_attend &a, float (*score)[KEYS / 8][4], int query,
                                 int key)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int limit = limit_of(a, query + i * 8);
#pragma unroll
        for (int j = 0; j < KEYS / 8; j++) {
#pragma unroll
            for (int x = 0; x < 2; x++) {
                if (key + j * 8 + x >= limit)
                    score[i / 2][j][i % 2 * 2 + x] = -INFINITY;
            }
        }
    }
}

template <int D, bool BF16> __device__ static void attend(const zk_cuda_attend &a)
{
    ZK_SHARED_BYTES(memory);
    const uint32_t q = zk_shared_address(memory), k = q + QUERIES * D * 2;
    const uint32_t tile = KEYS * D * 2, v = k + 2 * tile;
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const int head = (int)blockIdx.y, kv_head = head / (a.heads / a.kv_heads);
    const int first = (int)blockIdx.x * QUERIES;
    const int last = first + QUERIES < a.queries ? first + QUERIES - 1 : a.queries - 1;
    const int all = limit_of(a, first), end = limit_of(a, last);
    const int steps = (end + KEYS - 1) / KEYS;
    const float scale = a.scale * 1.4426950409f;      /* softmax in powers of two */
    float score[2][KEYS / 8][4], sum[2][D / 8][4] = {}, top[2][2], total[2][2] = {};

#pragma unroll
    for (int i = 0; i < 4; i++)
        top[i / 2][i % 2] = -INFINITY;
    if (steps > 0) {
        fetch<D>(a, q, a.q, first, QUERIES, a.queries, head * a.d);
        fetch<D>(a, k, a.k, 0, KEYS, a.keys, kv_head * a.d);
        fetch<D>(a, v, a.v, 0, KEYS, a.keys, kv_head * a.d);
        zk_fetch_commit();
    }
    for (int s = 0; s < steps; s++) {
        const uint32_t here = (uint32_t)(s % 2) * tile, there = tile - here;
        zk_fetch_wait<0>();
        __syncthreads();
        if (s + 1 < steps) {
            fetch<D>(a, k + there, a.k, (s + 1) * KEYS, KEYS, a.keys, kv_head * a.d);
            fetch<D>(a, v + there, a.v, (s + 1) * KEYS, KEYS, a.keys, kv_head * a.d);
            zk_fetch_commit();
        }
        multiply_keys<D, BF16>(score, q, k + here);
        if ((s + 1) * KEYS > all)
            mask_keys(a, score, first + warp * 32 + lane / 4, s * KEYS + lane % 4 * 2);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float (*x)[4] = score[i / 2], *o = &top[i / 2][i % 2], most = *o;
            const int r = i % 2 * 2;
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++)
                most = fmaxf(most, fmaxf(x[j][r], x[j][r + 1]));
            most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, 1));
            most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, 2));
            const float shift = most == -INFINITY ? 0 : most * scale;
            const float shrink = zk_exp2(fmaf(*o, scale, -shift));
            *o = most;
            float part = 0;
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++) {
                x[j][r] = zk_exp2(fmaf(x[j][r], scale, -shift));
                x[j][r + 1] = zk_exp2(fmaf(x[j][r + 1], scale, -shift));
                part += x[j][r] + x[j][r + 1];
            }
            total[i / 2][i % 2] = fmaf(total[i / 2][i % 2], shrink, part);
#pragma unroll
            for (int d = 0; d < D / 8; d++) {
                sum[i / 2][d][r] *= shrink;
                sum[i / 2][d][r + 1] *= shrink;
            }
        }
        multiply_values<D, BF16>(sum, score, v + here);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int row = first + warp * 32 + i / 2 * 16 + lane / 4 + i % 2 * 8, r = i % 2 * 2;
        float all_of = total[i / 2][i % 2];
        all_of += __shfl_xor_sync(0xffffffff, all_of, 1);
        all_of += __shfl_xor_sync(0xffffffff, all_of, 2);
        const float factor = all_of > 0 ? 1 / all_of : 0;
        if (row >= a.queries)
            continue;
        const int64_t at = row * a.dst.step + head * a.d;
#pragma unroll
        for (int d = 0; d < D / 8; d++) {
            const int c = d * 8 + lane % 4 * 2;
            if (c < a.d)
                zk_put(a.dst.data, a.dst.type, at + c, sum[i / 2][d][r] * factor);
            if (c + 1 < a.d)
                zk_put(a.dst.data, a.dst.type, at + c + 1, sum[i / 2][d][r + 1] * factor);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
zk_gpu_attend_bf16_64(const __grid_constant__ struct zk_cuda_attend a)
{
    attend<64, true>(a);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
zk_gpu_attend_bf16_128(const __grid_constant__ struct zk_cuda_attend a)
{
    attend<128, true>(a);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
zk_gpu_attend_f16_64(const __grid_constant__ struct zk_cuda_attend a)
{
    attend<64, false>(a);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
zk_gpu_attend_f16_128(const __grid_constant__ struct zk_cuda_attend a)
{
    attend<128, false>(a);
}

/* ---- Any type, any size of a head: a warp for each query ---- */

#define PIECE 16          /* columns of the result that a lane has at a time */

ZK_KERNEL(attend_any, zk_cuda_attend)
{
    const int lane = (int)threadIdx.x % 32, head = (int)blockIdx.y;
    const int query = (int)(blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32);
    const int64_t q_at = query * a.q.step + (int64_t)head * a.d;
    const int kv_col = head / (a.heads / a.kv_heads) * a.d;

    if (query >= a.queries)
        return;
    const int limit = limit_of(a, query);
    for (int piece = 0; piece < a.d; piece += 32 * PIECE) {
        float sum[PIECE] = {}, top = -INFINITY, total = 0;
        for (int j0 = 0; j0 < limit; j0 += 32) {
            const int j = j0 + lane, count = limit - j0 < 32 ? limit - j0 : 32;
            float score = j < limit ? 0 : -INFINITY;
            for (int c = 0; j < limit && c < a.d; c++)
                score = fmaf(zk_get_act(a.q.data, a.q.type, q_at + c),
                             zk_get_act(a.k.data, a.k.type, j * a.k.step + kv_col + c), score);
            score = j < limit ? score * a.scale : score;
            float most = score;
#pragma unroll
            for (int i = 16; i > 0; i /= 2)
                most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, i));
            most = fmaxf(most, top);
            const float shrink = expf(top - most), weight = expf(score - most);
            total = total * shrink + zk_warp_sum(weight);
            top = most;
#pragma unroll
            for (int p = 0; p < PIECE; p++)
                sum[p] *= shrink;
            for (int i = 0; i < count; i++) {
                const float w = __shfl_sync(0xffffffff, weight, i);
#pragma unroll
                for (int p = 0; p < PIECE; p++) {
                    const int c = piece + p * 32 + lane;
                    if (c < a.d)
                        sum[p] = fmaf(w, zk_get_act(a.v.data, a.v.type,
                                                (j0 + i) * a.v.step + kv_col + c), sum[p]);
                }
            }
        }
#pragma unroll
        for (int p = 0; p < PIECE; p++) {
            const int c = piece + p * 32 + lane;
            if (c < a.d)
                zk_put(a.dst.data, a.dst.type, query * a.dst.step + (int64_t)head * a.d + c,
                       total != 0 ? sum[p] / total : 0);
        }
    }
}
