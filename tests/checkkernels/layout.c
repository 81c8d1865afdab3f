/* The layout of every op's arguments: which of it are tensors, which are written. */

#include <string.h>

#include "kernels/ref/ref.h"
#include "tests/checkkernels/private.h"

#define O(s, field) offsetof(struct s, field)

const struct ck_layout ck_layouts[ZK_OP_COUNT] = {
    [ZK_OP_linear] = {
        .tensor = { O(zk_linear, dst), O(zk_linear, src), O(zk_linear, weight),
                    O(zk_linear, bias) },
        .tensors = 4, .outs = 1, .weight = O(zk_linear, weight), .work = O(zk_linear, work),
    },
    [ZK_OP_attend] = {
        .tensor = { O(zk_attend, dst), O(zk_attend, q), O(zk_attend, k), O(zk_attend, v) },
        .tensors = 4, .outs = 1, .work = O(zk_attend, work),
    },
    [ZK_OP_norm] = {
        .tensor = { O(zk_norm, dst), O(zk_norm, src), O(zk_norm, weight), O(zk_norm, bias) },
        .tensors = 4, .outs = 1, .work = O(zk_norm, work),
    },
    [ZK_OP_norm_mod] = {
        .tensor = { O(zk_norm_mod, dst), O(zk_norm_mod, src), O(zk_norm_mod, shift),
                    O(zk_norm_mod, scale) },
        .tensors = 4, .outs = 1,
    },
    [ZK_OP_qk_norm] = {
        .tensor = { O(zk_qk_norm, q), O(zk_qk_norm, k), O(zk_qk_norm, q_weight),
                    O(zk_qk_norm, k_weight) },
        .tensors = 4, .out = { O(zk_qk_norm, q), O(zk_qk_norm, k) }, .outs = 2,
    },
    [ZK_OP_rope] = {
        .tensor = { O(zk_rope, q), O(zk_rope, k), O(zk_rope, cos), O(zk_rope, sin) },
        .tensors = 4, .out = { O(zk_rope, q), O(zk_rope, k) }, .outs = 2,
    },
    [ZK_OP_add_gated] = {
        .tensor = { O(zk_add_gated, dst), O(zk_add_gated, src), O(zk_add_gated, gate) },
        .tensors = 3, .outs = 1,
    },
    [ZK_OP_add] = {
        .tensor = { O(zk_binary, dst), O(zk_binary, a), O(zk_binary, b) }, .tensors = 3, .outs = 1,
    },
    [ZK_OP_mul] = {
        .tensor = { O(zk_binary, dst), O(zk_binary, a), O(zk_binary, b) }, .tensors = 3, .outs = 1,
    },
    [ZK_OP_act] = { .tensor = { O(zk_unary, dst), O(zk_unary, src) }, .tensors = 2, .outs = 1 },
    [ZK_OP_glu] = {
        .tensor = { O(zk_glu, dst), O(zk_glu, gate), O(zk_glu, up) }, .tensors = 3, .outs = 1,
    },
    [ZK_OP_embed] = {
        .tensor = { O(zk_embed, dst), O(zk_embed, table), O(zk_embed, ids) },
        .tensors = 3, .outs = 1,
    },
    [ZK_OP_mean] = { .tensor = { O(zk_mean, dst), O(zk_mean, src) }, .tensors = 2, .outs = 1 },
    [ZK_OP_conv] = {
        .tensor = { O(zk_conv, dst), O(zk_conv, src), O(zk_conv, weight), O(zk_conv, bias) },
        .tensors = 4, .outs = 1, .weight = O(zk_conv, weight), .work = O(zk_conv, work),
    },
    [ZK_OP_upsample] = {
        .tensor = { O(zk_upsample, dst), O(zk_upsample, src) }, .tensors = 2, .outs = 1,
    },
    [ZK_OP_permute] = {
        .tensor = { O(zk_permute, dst), O(zk_permute, src) }, .tensors = 2, .outs = 1,
    },
    [ZK_OP_cast] = { .tensor = { O(zk_cast, dst), O(zk_cast, src) }, .tensors = 2, .outs = 1 },
    [ZK_OP_mix] = {
        .tensor = { O(zk_mix, dst), O(zk_mix, src[0]), O(zk_mix, src[1]), O(zk_mix, src[2]),
                    O(zk_mix, src[3]), O(zk_mix, src[4]), O(zk_mix, src[5]), O(zk_mix, src[6]),
                    O(zk_mix, src[7]), O(zk_mix, src[8]) },
        .tensors = 10, .outs = 1,
    },
    [ZK_OP_drift] = {
        .tensor = { O(zk_drift, a), O(zk_drift, b) },
        .tensors = 2, .pointer = O(zk_drift, result), .work = O(zk_drift, work),
    },
    [ZK_OP_guide] = {
        .tensor = { O(zk_guide, dst), O(zk_guide, cond), O(zk_guide, uncond) },
        .tensors = 3, .outs = 1,
    },
    [ZK_OP_pixels] = {
        .tensor = { O(zk_pixels, src) }, .tensors = 1, .pointer = O(zk_pixels, dst),
    },
};

static const size_t sizes[ZK_OP_COUNT] = {
#define ARGS_SIZE(slot, args) [ZK_OP_##slot] = sizeof(struct args),
    ZK_OPS(ARGS_SIZE)
#undef ARGS_SIZE
};

size_t ck_args_size(zk_op op)
{
    return sizes[op];
}

zk_tensor *ck_tensor_at(void *args, size_t offset)
{
    return (zk_tensor *)((char *)args + offset);
}

zk_status ck_call(const zk_backend *be, zk_queue *q, zk_op op, const void *args)
{
    switch (op) {
#define CALL_SLOT(slot, args_type)                                                                 \
    case ZK_OP_##slot:                                                                             \
        return be->slot(q, args);
        ZK_OPS(CALL_SLOT)
#undef CALL_SLOT
    default:
        return ZK_E_ARGUMENT;
    }
}

int ck_types(zk_op op, const void *args, zk_dtype *types)
{
    const struct ck_layout *l = &ck_layouts[op];

    for (int i = 0; i < l->tensors; i++)
        types[i] = ((const zk_tensor *)((const char *)args + l->tensor[i]))->type;
    return l->tensors;
}

/* A picture as a tensor of its components. */
static zk_tensor picture_of(const struct zk_pixels *a)
{
    static const zk_dtype types[] = { ZK_U8, ZK_U16, ZK_F16, ZK_F32 };
    zk_tensor t = zk_dense(a->dst, types[a->format], a->src.dim[1], a->src.dim[2] * 4);

    t.step[2] = a->pitch / zk_dtype_get(t.type)->bytes;
    return t;
}

int ck_outputs(zk_op op, const void *args, zk_tensor out[2])
{
    const struct ck_layout *l = &ck_layouts[op];
    int n = 0;

    if (op == ZK_OP_pixels) {
        out[0] = picture_of(args);
        return 1;
    }
    if (op == ZK_OP_drift) {
        out[0] = zk_dense(((const struct zk_drift *)args)->result, ZK_F32, 1, 1);
        return 1;
    }
    for (int i = 0; i < l->outs; i++) {
        memcpy(&out[n], (const char *)args + l->out[i], sizeof(out[n]));
        n += zk_present(out[n]);
    }
    return n;
}

bool ck_has_weight(zk_op op)
{
    return ck_layouts[op].weight != 0;
}

struct zk_pack ck_pack_of(const struct ck *ck, zk_op op, const void *args)
{
    struct zk_pack p = { .op = op, .f8 = ck->f8 };

    if (op == ZK_OP_linear) {
        const struct zk_linear *a = args;
        p.weight = a->weight;
        p.act = a->src.type;
    } else {
        const struct zk_conv *a = args;
        p.weight = a->weight;
        p.act = a->src.type;
        memcpy(p.kernel, a->kernel, sizeof(p.kernel));
    }
    return p;
}

bool ck_is_reference(const zk_backend *be, zk_op op)
{
    switch (op) {
#define SLOT_IS_REFERENCE(slot, args)                                                              \
    case ZK_OP_##slot:                                                                             \
        return be->slot == zk_ref_##slot;
        ZK_OPS(SLOT_IS_REFERENCE)
#undef SLOT_IS_REFERENCE
    default:
        return true;
    }
}
