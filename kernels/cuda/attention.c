/* Attention: cuDNN's where it is found and takes the arguments, else a kernel of our own. */

#include "kernels/cuda/backend.h"

#define THREADS 128
#define WARPS 4

/* The kernel on matrix units, if there is one. */
static bool on_matrix_units(const struct zk_attend *a, int32_t d, enum zk_cuda_kernel *kernel,
                            unsigned *shared)
{
    const zk_dtype type = a->q.type;

    if ((type != ZK_BF16 && type != ZK_F16) || a->k.type != type || a->v.type != type ||
        d < 1 || d > 128 || !(a->scale > 0))
        return false;
    if (d > 64)
        *kernel = type == ZK_BF16 ? ZK_CUDA_KERNEL_attend_bf16_128 : ZK_CUDA_KERNEL_attend_f16_128;
    else
        *kernel = type == ZK_BF16 ? ZK_CUDA_KERNEL_attend_bf16_64 : ZK_CUDA_KERNEL_attend_f16_64;
    *shared = (unsigned)ZK_CUDA_ATTEND_SHARED(d > 64 ? 128 : 64);
    return true;
}

zk_status zk_cuda_attend(zk_queue *q, const struct zk_attend *a)
{
    const int32_t d = a->q.dim[3] / a->heads;
    struct zk_cuda_attend args = {
        .dst = zk_cuda_mat_of(&a->dst), .q = zk_cuda_mat_of(&a->q), .k = zk_cuda_mat_of(&a->k),
        .v = zk_cuda_mat_of(&a->v),
        .queries = a->q.dim[2], .keys = a->k.dim[2],
        .heads = a->heads, .kv_heads = a->kv_heads, .d = d,
        .mask = (int32_t)a->mask, .block = a->block, .scale = a->scale,
        .vector = d % 8 == 0 && zk_cuda_is_wide(&a->q) && zk_cuda_is_wide(&a->k) &&
                  zk_cuda_is_wide(&a->v),
    };
    enum zk_cuda_kernel kernel = ZK_CUDA_KERNEL_attend_any;
    unsigned shared = 0;

    if (!zk_cuda_storable(&a->dst) || a->heads > ZK_CUDA_GRID_Y)
        return ZK_E_UNSUPPORTED;
    if (a->q.dim[2] == 0 || d == 0)
        return ZK_OK;
    if (zk_cuda_dnn_attend(q, a))
        return ZK_OK;
    if (on_matrix_units(a, d, &kernel, &shared)) {
        const struct zk_cuda_grid grid = {
            .x = zk_cuda_blocks(a->q.dim[2], ZK_CUDA_ATTEND_QUERIES), .y = (unsigned)a->heads,
            .block_x = THREADS, .block_y = 1, .shared = shared,
        };
        return zk_cuda_launch(q, kernel, &grid, &args);
    }
    if (!zk_cuda_is_act(a->q.type) || !zk_cuda_is_act(a->k.type) || !zk_cuda_is_act(a->v.type))
        return ZK_E_UNSUPPORTED;
    const struct zk_cuda_grid grid = { .x = zk_cuda_blocks(a->q.dim[2], WARPS),
                                       .y = (unsigned)a->heads, .block_x = THREADS, .block_y = 1 };
    return zk_cuda_launch(q, kernel, &grid, &args);
}
