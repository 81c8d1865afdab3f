/* Activations in 8 bits, for products with weights of F8 on the matrix units for that. */

#include "kernels/cuda/backend.h"

#define BLOCKS 4096
#define HEAD ((ZK_CUDA_F8_PARTS + 1) * sizeof(float))     /* behind the elements */

static size_t elements_size(const zk_tensor *src)
{
    const size_t align = sizeof(float);

    return ((size_t)src->dim[2] * (size_t)src->dim[3] + align - 1) / align * align;
}

size_t zk_cuda_f8_size(const zk_tensor *src)
{
    return elements_size(src) + HEAD;
}

zk_status zk_cuda_f8(zk_queue *q, const zk_tensor *src, void *work, zk_tensor *f8,
                     const float **scale)
{
    float *most = (float *)((char *)work + elements_size(src));
    const int32_t rows = src->dim[2];
    const struct zk_cuda_f8 args = {
        .src = zk_cuda_mat_of(src), .dst = work, .most = most, .scale = most + ZK_CUDA_F8_PARTS,
        .rows = rows, .cols = src->dim[3],
        .parts = rows < ZK_CUDA_F8_PARTS ? rows : ZK_CUDA_F8_PARTS,
    };
    struct zk_cuda_grid grid = { .x = args.parts, .y = 1, .block_x = ZK_CUDA_F8_PARTS,
                                 .block_y = 1 };
    zk_status st = zk_cuda_launch(q, ZK_CUDA_KERNEL_f8_most, &grid, &args);

    grid.x = rows < BLOCKS ? rows : BLOCKS;
    if (st == ZK_OK)
        st = zk_cuda_launch(q, ZK_CUDA_KERNEL_f8_rows, &grid, &args);
    *f8 = zk_dense(work, ZK_F8_E4M3, rows, src->dim[3]);
    *scale = args.scale;
    return st;
}
