/* Convolutions, as products over gathered pixels, and what moves pixels.
 *
 * bf16 pixels meet weights of as many bf16 terms as make up their type, so only
 * sums round; all others are computed in f32. */

#include "kernels/cuda/backend.h"

#define THREADS 256
#define WARPS 8
#define BLOCKS_MOST 65536         /* of kernels that go round */

enum packing { AS_TERMS = 1, AS_F32 = 2 };

static size_t packed_bytes(const zk_tensor *w, bool terms)
{
    const size_t count = (size_t)w->dim[2] * (size_t)w->dim[3];

    return terms ? count * 2 * (size_t)zk_cuda_terms(w->type) : count * 4;
}

size_t zk_cuda_conv_work(const void *args)
{
    const struct zk_conv *a = args;

    return a->weight.packing ? 0 : packed_bytes(&a->weight, a->src.type == ZK_BF16);
}

size_t zk_cuda_conv_packed_size(const struct zk_pack *p)
{
    return packed_bytes(&p->weight, p->act == ZK_BF16);
}

static int32_t taps_of(const int32_t *kernel)
{
    return kernel[0] * kernel[1] * kernel[2];
}

/* By way of memory that holds the rows as they are. */
zk_status zk_cuda_conv_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    struct zk_cuda *c = zk_cuda_of(q);
    const bool terms = p->act == ZK_BF16;
    zk_tensor raw = p->weight;
    CUdeviceptr memory = 0;
    uint64_t bytes = 0;

    *packed = p->weight;
    packed->data = dst;
    packed->packing = terms ? AS_TERMS : AS_F32;
    if (!dst)
        return ZK_OK;
    if (!zk_dtype_size(raw.type, (uint64_t)(raw.dim[2] - 1) * (uint64_t)raw.step[2] +
                                     (uint64_t)raw.dim[3], &bytes))
        return ZK_E_SHAPE;
    zk_status st = zk_cuda_status(q, c->api.memory_alloc(&memory, (size_t)bytes),
                                  "memory for a weight on its way");
    if (st != ZK_OK)
        return st;
    raw.data = (void *)(uintptr_t)memory;
    st = zk_cuda_upload(q, raw.data, p->weight.data, (size_t)bytes);
    if (st == ZK_OK)
        st = zk_cuda_pack_rows(q, &raw, dst, taps_of(p->kernel),
                               terms ? zk_cuda_terms(raw.type) : 0);
    if (st == ZK_OK)
        st = zk_cuda_status(q, c->api.stream_wait(c->stream), "waiting for the device");
    const zk_status freed = zk_cuda_status(q, c->api.memory_free(memory), "giving memory back");
    return st != ZK_OK ? st : freed;
}

zk_status zk_cuda_conv(zk_queue *q, const struct zk_conv *a)
{
    const int32_t taps = taps_of(a->kernel), in = a->src.dim[3], out = a->dst.dim[3];
    const bool bf16 = a->src.type == ZK_BF16;
    const bool terms = a->weight.packing ? a->weight.packing == AS_TERMS : bf16;
    const struct zk_cuda_mat dst = zk_cuda_mat_of(&a->dst), src = zk_cuda_mat_of(&a->src);
    struct zk_cuda_gemm g = {
        .dst = dst, .src = src, .weight = zk_cuda_mat_of(&a->weight),
        .bias = zk_present(a->bias) ? a->bias.data : NULL,
        .rows = (int64_t)a->dst.dim[0] * a->dst.dim[1] * a->dst.dim[2], .cols = out, .in = in,
        .terms = terms ? zk_cuda_terms(a->weight.type) : 0,
        .edge = a->pad == ZK_PAD_EDGE, .act = (int32_t)a->act,
        .vector = in % 8 == 0 && ((uintptr_t)a->src.data & 15) == 0,
    };

    if (a->weight.packing > AS_F32 || (terms && !bf16) || !zk_cuda_is_act(a->dst.type) ||
        !zk_cuda_is_act(a->src.type))
        return ZK_E_UNSUPPORTED;
    if (g.rows == 0 || out == 0)
        return ZK_OK;
    for (int i = 0; i < 3; i++) {
        g.from[i] = a->src.dim[i];
        g.to[i] = a->dst.dim[i];
        g.kernel[i] = a->kernel[i];
        g.stride[i] = a->stride[i];
        g.before[i] = a->before[i];
    }
    if (!a->weight.packing && in > 0) {
        if (!a->work)
            return ZK_E_ARGUMENT;
        const zk_status st = zk_cuda_pack_rows(q, &a->weight, a->work, taps, g.terms);
        if (st != ZK_OK)
            return st;
        g.weight.data = a->work;
    }
    g.dst.step = out;
    g.src.step = in;
    if (!terms)
        g.weight.type = ZK_F32;
    g.weight.step = (int64_t)(terms ? g.terms : 1) * taps * in;
    return zk_cuda_gemm(q, &g);
}

static int64_t blocks_for(int64_t n, int64_t each)
{
    const int64_t blocks = zk_cuda_blocks(n, each);

    return blocks < BLOCKS_MOST ? blocks : BLOCKS_MOST;
}

zk_status zk_cuda_upsample(zk_queue *q, const struct zk_upsample *a)
{
    const zk_tensor *d = &a->dst, *s = &a->src;
    const struct zk_cuda_upsample args = {
        .dst = d->data, .src = s->data,
        .from = { s->dim[0], s->dim[1], s->dim[2] }, .to = { d->dim[0], d->dim[1], d->dim[2] },
        .by = { a->by[0], a->by[1], a->by[2] }, .single = a->single,
        .bytes = (int64_t)d->dim[3] * zk_dtype_get(d->type)->bytes,
    };
    const int64_t pixels = (int64_t)d->dim[0] * d->dim[1] * d->dim[2];
    const struct zk_cuda_grid grid = { .x = args.bytes > 0 ? blocks_for(pixels, WARPS) : 0, .y = 1,
                                       .block_x = THREADS, .block_y = 1 };

    return zk_cuda_launch(q, ZK_CUDA_KERNEL_upsample, &grid, &args);
}

zk_status zk_cuda_permute(zk_queue *q, const struct zk_permute *a)
{
    struct zk_cuda_permute args = { .dst = a->dst.data, .src = a->src.data,
                                    .bytes = zk_dtype_get(a->dst.type)->bytes, .count = 1 };

    for (int i = 0; i < 6; i++) {
        args.dim[i] = a->dim[i];
        args.step[i] = a->step[i];
        args.count *= a->dim[i];
    }
    const struct zk_cuda_grid grid = { .x = blocks_for(args.count, THREADS), .y = 1,
                                       .block_x = THREADS, .block_y = 1 };
    return zk_cuda_launch(q, ZK_CUDA_KERNEL_permute, &grid, &args);
}
