/* Normalisations, positions and pixels. */

#include "kernels/cuda/backend.h"

#define THREADS 256
#define PARTS_MOST 256            /* in which the rows of a group are summed */
#define PART_ROWS 64              /* that are worth a part */

static int32_t parts_of(int32_t rows)
{
    const int32_t parts = rows / PART_ROWS;

    return parts < 1 ? 1 : parts < PARTS_MOST ? parts : PARTS_MOST;
}

size_t zk_cuda_norm_work(const void *args)
{
    const struct zk_norm *a = args;

    if (a->kind != ZK_NORM_GROUP)
        return 0;
    return (size_t)a->groups * (size_t)parts_of(a->src.dim[2]) * 2 * sizeof(double);
}

static zk_status group_norm(zk_queue *q, struct zk_cuda_norm *args)
{
    const unsigned x = args->cols < THREADS ? 32 : THREADS, y = THREADS / x;
    const int64_t blocks = zk_cuda_blocks(args->rows, (int64_t)y * 8);
    const struct zk_cuda_grid part = { .x = args->groups, .y = (unsigned)args->parts,
                                       .block_x = THREADS, .block_y = 1 };
    const struct zk_cuda_grid end = { .x = zk_cuda_blocks(args->groups, 64), .y = 1, .block_x = 64,
                                      .block_y = 1 };
    const struct zk_cuda_grid apply = {
        .x = zk_cuda_blocks(args->cols, x),
        .y = (unsigned)(blocks < ZK_CUDA_GRID_Y ? blocks : ZK_CUDA_GRID_Y),
        .block_x = x, .block_y = y,
    };

    if (!args->work)
        return ZK_E_ARGUMENT;
    zk_status st = zk_cuda_launch(q, ZK_CUDA_KERNEL_group_part, &part, args);
    if (st == ZK_OK)
        st = zk_cuda_launch(q, ZK_CUDA_KERNEL_group_end, &end, args);
    return st != ZK_OK ? st : zk_cuda_launch(q, ZK_CUDA_KERNEL_group_apply, &apply, args);
}

/* A block for each row, of 8 elements a thread where they can be read at once. */
static zk_status norm_rows(zk_queue *q, struct zk_cuda_norm *args, const zk_tensor *dst,
                           const zk_tensor *src)
{
    unsigned threads = 32;

    args->parts = zk_cuda_is_wide(dst) && zk_cuda_is_wide(src) ? 8 : 1;
    while (threads < THREADS && (int64_t)threads * args->parts < args->cols)
        threads *= 2;
    const struct zk_cuda_grid grid = { .x = args->rows, .y = 1, .block_x = threads, .block_y = 1 };
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_norm, &grid, args);
}

zk_status zk_cuda_norm(zk_queue *q, const struct zk_norm *a)
{
    struct zk_cuda_norm args = {
        .dst = zk_cuda_mat_of(&a->dst), .src = zk_cuda_mat_of(&a->src),
        .weight = zk_present(a->weight) ? a->weight.data : NULL,
        .bias = zk_present(a->bias) ? a->bias.data : NULL,
        .kind = (int32_t)a->kind, .act = (int32_t)a->act,
        .rows = a->dst.dim[2], .cols = a->dst.dim[3], .groups = a->groups, .eps = a->eps,
        .work = a->work,
    };

    if (!zk_cuda_is_act(a->dst.type) || !zk_cuda_is_act(a->src.type))
        return ZK_E_UNSUPPORTED;
    if (args.rows == 0 || args.cols == 0)
        return ZK_OK;
    if (a->kind == ZK_NORM_GROUP) {
        args.parts = parts_of(args.rows);
        return group_norm(q, &args);
    }
    return norm_rows(q, &args, &a->dst, &a->src);
}

zk_status zk_cuda_norm_mod(zk_queue *q, const struct zk_norm_mod *a)
{
    struct zk_cuda_norm args = {
        .dst = zk_cuda_mat_of(&a->dst), .src = zk_cuda_mat_of(&a->src), .weight = a->scale.data,
        .bias = a->shift.data, .kind = ZK_CUDA_LAYER, .rows = a->dst.dim[2],
        .cols = a->dst.dim[3], .eps = a->eps, .plus = 1,
    };

    if (!zk_cuda_storable(&a->dst))
        return ZK_E_UNSUPPORTED;
    if (args.rows == 0 || args.cols == 0)
        return ZK_OK;
    return norm_rows(q, &args, &a->dst, &a->src);
}

zk_status zk_cuda_qk_norm(zk_queue *q, const struct zk_qk_norm *a)
{
    const struct zk_cuda_heads args = {
        .x = { zk_cuda_mat_of(&a->q), zk_cuda_mat_of(&a->k) },
        .a = { a->q_weight.data, a->k_weight.data }, .heads = { a->heads, a->kv_heads },
        .rows = a->q.dim[2], .d = a->q_weight.dim[3], .eps = a->eps,
    };
    const int64_t warps = (int64_t)args.rows * (a->heads + a->kv_heads);
    const struct zk_cuda_grid grid = { .x = args.d > 0 ? zk_cuda_blocks(warps, THREADS / 32) : 0,
                                       .y = 1, .block_x = THREADS, .block_y = 1 };

    if (!zk_cuda_storable(&a->q) || !zk_cuda_storable(&a->k))
        return ZK_E_UNSUPPORTED;
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_qk_norm, &grid, &args);
}

zk_status zk_cuda_rope(zk_queue *q, const struct zk_rope *a)
{
    const bool has_k = zk_present(a->k);
    const struct zk_cuda_heads args = {
        .x = { zk_cuda_mat_of(&a->q), has_k ? zk_cuda_mat_of(&a->k) : (struct zk_cuda_mat){ 0 } },
        .a = { a->cos.data, a->sin.data }, .a_step = { a->cos.step[2], a->sin.step[2] },
        .heads = { a->heads, has_k ? a->kv_heads : 0 },
        .rows = a->q.dim[2], .d = 2 * a->cos.dim[3], .halves = a->pairs == ZK_ROPE_HALVES,
    };
    const struct zk_cuda_grid grid = {
        .x = zk_cuda_blocks((int64_t)args.rows * a->cos.dim[3], THREADS), .y = 1,
        .block_x = THREADS, .block_y = 1,
    };

    if (!zk_cuda_storable(&a->q) || (has_k && !zk_cuda_storable(&a->k)))
        return ZK_E_UNSUPPORTED;
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_rope, &grid, &args);
}

zk_status zk_cuda_pixels(zk_queue *q, const struct zk_pixels *a)
{
    const zk_tensor *s = &a->src;
    struct zk_cuda_pixels args = {
        .src = zk_cuda_mat_of(s), .pixel = s->step[2], .dst = a->dst, .pitch = a->pitch,
        .height = s->dim[1], .width = s->dim[2], .format = (int32_t)a->format,
    };
    const struct zk_cuda_grid grid = {
        .x = zk_cuda_blocks(args.width, THREADS),
        .y = (unsigned)(args.height < ZK_CUDA_GRID_Y ? args.height : ZK_CUDA_GRID_Y),
        .block_x = THREADS, .block_y = 1,
    };

    args.src.step = s->step[1];
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_pixels, &grid, &args);
}
