/* What goes element by element, copies, and the sums over rows and columns. */

#include "kernels/cuda/backend.h"

#define THREADS 256
#define DRIFT_PARTS 512

/* Threads lie along a row as far as it reaches, the rest of a block over rows. */
static struct zk_cuda_grid grid_of(int32_t rows, int64_t groups)
{
    unsigned x = 32;

    while (x < THREADS && (int64_t)x < groups)
        x *= 2;
    const int64_t y = zk_cuda_blocks(rows, THREADS / x);
    return (struct zk_cuda_grid){
        .x = zk_cuda_blocks(groups, x), .y = (unsigned)(y < ZK_CUDA_GRID_Y ? y : ZK_CUDA_GRID_Y),
        .block_x = x, .block_y = THREADS / x,
    };
}

/* dst and the sources, which end with NULL, have been checked. Only a source of one row for
 * all may be shorter than dst. */
static zk_status run(zk_queue *q, struct zk_cuda_rows *a, const zk_tensor *dst,
                     const zk_tensor *const *src)
{
    bool wide = zk_cuda_is_wide(dst);

    if (!zk_cuda_storable(dst))
        return ZK_E_UNSUPPORTED;
    a->rows = dst->dim[2];
    a->cols = dst->dim[3];
    a->dst = zk_cuda_mat_of(dst);
    for (a->count = 0; a->count < ZK_CUDA_SOURCES && src[a->count]; a->count++) {
        a->src[a->count] = zk_cuda_mat_of(src[a->count]);
        wide = wide && zk_cuda_is_wide(src[a->count]);
    }
    const struct zk_cuda_grid grid = grid_of(a->rows, wide ? a->cols / 8 : a->cols);
    return zk_cuda_launch(q, wide ? ZK_CUDA_KERNEL_rows_8 : ZK_CUDA_KERNEL_rows_1, &grid, a);
}

zk_status zk_cuda_add_gated(zk_queue *q, const struct zk_add_gated *a)
{
    return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_ADD_GATED }, &a->dst,
               (const zk_tensor *[]){ &a->src, zk_present(a->gate) ? &a->gate : NULL, NULL });
}

zk_status zk_cuda_add(zk_queue *q, const struct zk_binary *a)
{
    return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_ADD }, &a->dst,
               (const zk_tensor *[]){ &a->a, &a->b, NULL });
}

zk_status zk_cuda_mul(zk_queue *q, const struct zk_binary *a)
{
    return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_MUL }, &a->dst,
               (const zk_tensor *[]){ &a->a, &a->b, NULL });
}

zk_status zk_cuda_act(zk_queue *q, const struct zk_unary *a)
{
    return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_ACT, .act = (int32_t)a->act }, &a->dst,
               (const zk_tensor *[]){ &a->src, NULL });
}

zk_status zk_cuda_glu(zk_queue *q, const struct zk_glu *a)
{
    return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_GLU, .act = (int32_t)a->act }, &a->dst,
               (const zk_tensor *[]){ &a->gate, &a->up, NULL });
}

zk_status zk_cuda_finish(zk_queue *q, const zk_tensor *dst, const zk_tensor *bias, zk_act act)
{
    return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_FINISH, .act = (int32_t)act }, dst,
               (const zk_tensor *[]){ dst, zk_present(*bias) ? bias : NULL, NULL });
}

zk_status zk_cuda_mix(zk_queue *q, const struct zk_mix *a)
{
    struct zk_cuda_rows args = { .op = ZK_CUDA_MIX, .bias = a->bias };
    const zk_tensor *src[ZK_MIX_MAX + 1] = { NULL };

    for (int i = 0; i < a->count; i++) {
        args.coef[i] = a->coef[i];
        src[i] = &a->src[i];
    }
    return run(q, &args, &a->dst, src);
}

zk_status zk_cuda_guide(zk_queue *q, const struct zk_guide *a)
{
    if (!a->keep_norm)
        return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_GUIDE, .bias = a->strength }, &a->dst,
                   (const zk_tensor *[]){ &a->cond, &a->uncond, NULL });
    if (!zk_cuda_storable(&a->dst))
        return ZK_E_UNSUPPORTED;
    const struct zk_cuda_sums args = {
        .dst = zk_cuda_mat_of(&a->dst), .a = zk_cuda_mat_of(&a->cond),
        .b = zk_cuda_mat_of(&a->uncond), .rows = a->dst.dim[2], .cols = a->dst.dim[3],
        .strength = a->strength,
    };
    const struct zk_cuda_grid grid = { .x = args.cols > 0 ? args.rows : 0, .y = 1,
                                       .block_x = THREADS, .block_y = 1 };
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_guide_norm, &grid, &args);
}

zk_status zk_cuda_mean(zk_queue *q, const struct zk_mean *a)
{
    const struct zk_cuda_sums args = { .dst = zk_cuda_mat_of(&a->dst), .a = zk_cuda_mat_of(&a->src),
                                       .rows = a->src.dim[2], .cols = a->src.dim[3] };
    const struct zk_cuda_grid grid = { .x = zk_cuda_blocks(args.cols, 32), .y = 1, .block_x = 32,
                                       .block_y = 8 };

    if (!zk_cuda_storable(&a->dst))
        return ZK_E_UNSUPPORTED;
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_mean, &grid, &args);
}

size_t zk_cuda_drift_work(const void *args)
{
    (void)args;
    return (2 * DRIFT_PARTS + 1) * sizeof(double);
}

zk_status zk_cuda_drift(zk_queue *q, const struct zk_drift *a)
{
    const int32_t rows = a->a.dim[2];
    const struct zk_cuda_sums args = {
        .a = zk_cuda_mat_of(&a->a), .b = zk_cuda_mat_of(&a->b), .rows = rows, .cols = a->a.dim[3],
        .parts = rows < DRIFT_PARTS ? rows : DRIFT_PARTS, .work = a->work,
    };
    const struct zk_cuda_grid parts = { .x = args.parts, .y = 1, .block_x = THREADS,
                                        .block_y = 1 };
    const struct zk_cuda_grid end = { .x = 1, .y = 1, .block_x = 1, .block_y = 1 };
    float result;

    if (!a->work)
        return ZK_E_ARGUMENT;
    zk_status st = zk_cuda_launch(q, ZK_CUDA_KERNEL_drift, &parts, &args);
    if (st == ZK_OK)
        st = zk_cuda_launch(q, ZK_CUDA_KERNEL_drift_end, &end, &args);
    if (st == ZK_OK)
        st = zk_cuda_fetch(q, &result, args.work + 2 * args.parts, sizeof(result));
    if (st == ZK_OK)
        *a->result = result;
    return st;
}

/* ---- Copies ---- */

static zk_status copy(zk_queue *q, const struct zk_cast *a)
{
    const zk_dtype_info *info = zk_dtype_get(a->src.type);
    struct zk_cuda_copy args = { .dst = a->dst.data, .src = a->src.data,
                                 .bytes = (int64_t)(a->src.dim[3] / info->block) * info->bytes };
    int64_t rows = 1;

    for (int i = 0; i < 3; i++) {
        args.dim[i] = a->src.dim[i];
        args.dst_step[i] = a->dst.step[i] / info->block * info->bytes;
        args.src_step[i] = a->src.step[i] / info->block * info->bytes;
        rows *= a->src.dim[i];
    }
    const int64_t blocks = zk_cuda_blocks(rows, THREADS / 32);
    const struct zk_cuda_grid grid = {
        .x = args.bytes == 0 ? 0 : blocks < ZK_CUDA_GRID_Y ? blocks : ZK_CUDA_GRID_Y,
        .y = 1, .block_x = THREADS, .block_y = 1,
    };
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_copy, &grid, &args);
}

zk_status zk_cuda_cast(zk_queue *q, const struct zk_cast *a)
{
    const zk_tensor *d = &a->dst, *s = &a->src;
    const bool scaled = s->scale != 0 && s->scale != 1;

    if (d->type == s->type && !scaled)
        return copy(q, a);
    if (!zk_cuda_storable(d))
        return ZK_E_UNSUPPORTED;
    if (d->dim[0] == 1 && d->dim[1] == 1 && !scaled)
        return run(q, &(struct zk_cuda_rows){ .op = ZK_CUDA_CAST }, d,
                   (const zk_tensor *[]){ s, NULL });
    struct zk_cuda_cast args = { .dst = zk_cuda_mat_of(d), .src = zk_cuda_mat_of(s) };
    int64_t rows = 1;
    for (int i = 0; i < 4; i++) {
        args.dim[i] = d->dim[i];
        if (i < 3) {
            args.dst_step[i] = d->step[i];
            args.src_step[i] = s->step[i];
            rows *= d->dim[i];
        }
    }
    const struct zk_cuda_grid grid = {
        .x = zk_cuda_blocks(d->dim[3], THREADS),
        .y = (unsigned)(rows < ZK_CUDA_GRID_Y ? rows : ZK_CUDA_GRID_Y),
        .block_x = THREADS, .block_y = 1,
    };
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_cast, &grid, &args);
}
