/* The arithmetic of Zoetrope: tensor views, element types, and the table of
 * operations that every backend fills.
 *
 * A backend is a row of functions. `ref` is the specification, in plain loops;
 * `cpu` and `cuda` are fast; `measure` does nothing and lets the core find out
 * how much memory the others would need. Nothing here allocates on its own,
 * starts a thread, or knows what a model is: memory and threads come from the
 * zk_host that the caller hands to open.
 *
 * Thread safety: a queue belongs to one thread at a time. Different queues may
 * be used at the same time. The tables are constant. */
#ifndef ZK_KERNELS_H
#define ZK_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/dtype.h"

/* The same numbers as the core's zc_status, of which this is a part. */
typedef enum zk_status {
    ZK_OK = 0,
    ZK_E_NOMEM = -1,
    ZK_E_SHAPE = -2,
    ZK_E_UNSUPPORTED = -5,
    ZK_E_DEVICE = -8,
    ZK_E_ARGUMENT = -9,
} zk_status;

/* A view of memory that somebody else owns. Passed by value.
 *
 * A tensor of type ZK_NONE is absent: so an optional bias is left out. (The
 * pointer cannot say it, for while memory is being measured all are NULL.)
 * Block-quantised types count steps in elements too; only whole blocks can be
 * addressed. */
typedef struct zk_tensor {
    void    *data;        /* in the backend's memory; never read it on the host */
    zk_dtype type;        /* ZK_NONE: there is no tensor */
    uint16_t packing;     /* 0: rows as described; else private to the backend that packed it */
    float    scale;       /* every value is to be multiplied by this; 0 means 1. Weights only. */
    int32_t  dim[4];      /* outermost first; unused leading axes are 1 */
    int64_t  step[4];     /* elements between neighbours; step[3] is always 1 */
} zk_tensor;

static inline bool zk_present(zk_tensor t)
{
    return t.type != ZK_NONE;
}

typedef enum zk_act {
    ZK_ACT_NONE,
    ZK_ACT_SILU,          /* x * sigmoid(x) */
    ZK_ACT_GELU_TANH,     /* 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
    ZK_ACT_GELU_ERF,      /* 0.5 x (1 + erf(x / sqrt(2))) */
    ZK_ACT_QUICK_GELU,    /* x * sigmoid(1.702 x) */
    ZK_ACT_COUNT
} zk_act;

/* Shapes below are written [rows, cols] for the last two axes; leading axes of
 * such tensors are 1. "vector [n]" is [1, n] of F32: biases, norm weights,
 * modulation and gates are always F32. All other activations may be F32, BF16
 * or F16, each on its own, as far as the backend's `takes` agrees. */

/* dst[i][o] = act(sum over k of src[i][k] * weight[o][k] + bias[o]). A backend may
 * round src to the precision of the weight first: to bf16 for BF16 and F8 weights,
 * to 8 bits with a scale for every 32 of a row for I8 and block-quantised ones; and to
 * F8 with one scale for all where a weight has been packed for that. The 2-bit to
 * 6-bit kinds it may also hold in bf16 or in 8 bits; and the bias to the type of dst. */
struct zk_linear {
    zk_tensor dst;        /* [m, n] */
    zk_tensor src;        /* [m, k] */
    zk_tensor weight;     /* [n, k]; any type that dtype.h can convert, or packed */
    zk_tensor bias;       /* vector [n], or absent */
    zk_act    act;
    void     *work;       /* as many bytes as the backend's `work` asked for, 64-byte aligned */
};

typedef enum zk_mask {
    ZK_MASK_NONE,
    ZK_MASK_CAUSAL,       /* query i sees key j if j <= i + (keys - queries) */
    ZK_MASK_BLOCKS,       /* query i sees key j if j / block <= i / block */
} zk_mask;

/* dst = softmax(q k^T * scale + mask) v for each head; scores are never stored.
 * Head h of q sits in columns [h * d, (h + 1) * d), and reads head
 * h / (heads / kv_heads) of k and v. A query that sees no key gives 0. */
struct zk_attend {
    zk_tensor dst;        /* [queries, heads * d] */
    zk_tensor q;          /* [queries, heads * d] */
    zk_tensor k, v;       /* [keys, kv_heads * d] */
    int32_t   heads, kv_heads;    /* kv_heads divides heads */
    float     scale;      /* usually 1 / sqrt(d) */
    zk_mask   mask;
    int32_t   block;      /* ZK_MASK_BLOCKS: tokens a block */
    void     *work;
};

typedef enum zk_norm_kind {
    ZK_NORM_LAYER,        /* (x - mean) / sqrt(var + eps), each row */
    ZK_NORM_RMS,          /* x / sqrt(mean(x^2) + eps), each row */
    ZK_NORM_L2,           /* x / max(|x|, eps) * sqrt(cols), each row */
    ZK_NORM_GROUP,        /* layer norm over all rows of cols / groups neighbouring columns */
} zk_norm_kind;

/* dst = act(normalised(src) * weight + bias); eps is not negative */
struct zk_norm {
    zk_tensor    dst, src;        /* [rows, cols]; dst may be src */
    zk_tensor    weight, bias;    /* vector [cols], each may be absent */
    zk_norm_kind kind;
    int32_t      groups;          /* ZK_NORM_GROUP only; divides cols */
    float        eps;
    zk_act       act;
    void        *work;
};

/* dst = layer_norm(src) * (1 + scale) + shift */
struct zk_norm_mod {
    zk_tensor dst, src;           /* [rows, cols]; dst may be src */
    zk_tensor shift, scale;       /* vector [cols] */
    float     eps;
};

/* In place, each head on its own: x / sqrt(mean(x^2) + eps) * weight */
struct zk_qk_norm {
    zk_tensor q, k;               /* [rows, heads * d], [rows, kv_heads * d] */
    zk_tensor q_weight, k_weight; /* vector [d] */
    int32_t   heads, kv_heads;
    float     eps;
};

typedef enum zk_rope_pairs {
    ZK_ROPE_ADJACENT,     /* pair j of a head is its elements 2j and 2j + 1 (FLUX, HunyuanVideo) */
    ZK_ROPE_HALVES,       /* pair j is elements j and j + d / 2 (LLaMA, Qwen) */
} zk_rope_pairs;

/* In place: (a, b) of pair j becomes (a cos - b sin, b cos + a sin) */
struct zk_rope {
    zk_tensor     q, k;           /* [rows, heads * d], [rows, kv_heads * d]; k may be absent */
    zk_tensor     cos, sin;       /* F32 [rows, d / 2] */
    int32_t       heads, kv_heads;
    zk_rope_pairs pairs;
};

/* dst += gate * src, gate over columns */
struct zk_add_gated {
    zk_tensor dst, src;           /* [rows, cols] */
    zk_tensor gate;               /* vector [cols]; absent means 1 */
};

/* add: dst = a + b; mul: dst = a * b. b has the shape of a, or one row for all. dst may be a. */
struct zk_binary {
    zk_tensor dst, a, b;          /* [rows, cols] */
};

/* dst = act(src); dst may be src */
struct zk_unary {
    zk_tensor dst, src;           /* [rows, cols] */
    zk_act    act;
};

/* dst = act(gate) * up; dst may be either */
struct zk_glu {
    zk_tensor dst, gate, up;      /* [rows, cols] */
    zk_act    act;
};

/* dst[i] = table[ids[i]]; with an id outside the table, ZK_E_ARGUMENT and dst is untouched */
struct zk_embed {
    zk_tensor dst;                /* [n, cols] */
    zk_tensor table;              /* [vocabulary, cols]; any type that dtype.h can convert */
    zk_tensor ids;                /* I32 [1, n] */
};

/* dst[c] = mean over rows of src[row][c] */
struct zk_mean {
    zk_tensor dst;                /* [1, cols] */
    zk_tensor src;                /* [rows, cols], rows at least 1 */
};

typedef enum zk_pad {
    ZK_PAD_ZERO,
    ZK_PAD_EDGE,          /* repeat the nearest element */
} zk_pad;

/* Convolution over time, height and width; channels last. A 2-D convolution is
 * a kernel of 1 in time, time then being the batch. Causal means that all of
 * the padding in time stands in front. The size of an axis of dst is
 * (src + before + after - kernel) / stride + 1. */
struct zk_conv {
    zk_tensor dst;                /* [T', H', W', out]; dense */
    zk_tensor src;                /* [T, H, W, in]; dense */
    zk_tensor weight;             /* [out, in * kt * kh * kw], as in checkpoints; or packed;
                                   * types and roundings as for linear, but that
                                   * src is rounded to bf16 and not to 8 bits */
    zk_tensor bias;               /* vector [out], or absent */
    int32_t   kernel[3], stride[3];           /* time, height, width */
    int32_t   before[3], after[3];            /* padding */
    zk_pad    pad;
    zk_act    act;
    void     *work;
};

/* Nearest-neighbour upsampling; the first `single` frames are not repeated in
 * time. Elements are moved, not converted. */
struct zk_upsample {
    zk_tensor dst;                /* [single + (T - single) * by[0], H * by[1], W * by[2], C] */
    zk_tensor src;                /* [T, H, W, C]; both dense and of one type */
    int32_t   by[3];              /* 1 or more */
    int32_t   single;             /* 0 to T */
};

/* dst, dense and of the same type, is filled in the order of its elements:
 * element (i0 .. i5) comes from src.data[sum of i[n] * step[n]], which must not lie
 * beyond the last element of src. Any reordering of axes is one of these, patches
 * included. Types without blocks only. */
struct zk_permute {
    zk_tensor dst, src;
    int32_t   dim[6];             /* outermost first; their product is the size of dst */
    int64_t   step[6];            /* elements of src */
};

/* Copies between any two types that dtype.h can convert, or any one type, and any
 * steps; to a narrower type by rounding as from_f32 does. The scale of src is
 * multiplied in. Sizes must be equal; all four axes count. */
struct zk_cast {
    zk_tensor dst, src;
};

#define ZK_MIX_MAX 9

/* dst = bias + sum over n of coef[n] * src[n], in that order of addition.
 * dst may be one of the sources. */
struct zk_mix {
    zk_tensor dst;                /* [rows, cols] */
    zk_tensor src[ZK_MIX_MAX];    /* the same shape; F32, BF16, F16, F8 */
    float     coef[ZK_MIX_MAX];
    float     bias;
    int32_t   count;              /* 1 to ZK_MIX_MAX */
};

/* *result = sum |a - b| / sum |b|, 0 if a equals b. The only operation that the host
 * waits for. */
struct zk_drift {
    zk_tensor a, b;               /* [rows, cols] */
    float    *result;             /* host memory */
    void     *work;
};

/* dst = uncond + strength * (cond - uncond); with keep_norm each row is then
 * scaled to the length that its row of cond has (Qwen-Image), if it has a length. */
struct zk_guide {
    zk_tensor dst, cond, uncond;  /* [rows, cols]; dst may be either */
    float     strength;
    int32_t   keep_norm;          /* 0 or 1 */
};

typedef enum zk_pixel {
    ZK_PIXEL_RGBA8,       /* uint8_t */
    ZK_PIXEL_RGBA16,      /* uint16_t, native order */
    ZK_PIXEL_RGBAH,       /* IEEE half */
    ZK_PIXEL_RGBAF,       /* float */
} zk_pixel;

/* One picture: x becomes x / 2 + 1/2 with alpha 1. The integer formats clamp to
 * [0, 1], then round to nearest, ties to even (NaN becomes 0); half and float
 * keep what is outside. */
struct zk_pixels {
    zk_tensor src;                /* [H, W, 3] in -1 .. 1 */
    void     *dst;                /* in the backend's memory: the top row of the picture */
    int64_t   pitch;              /* bytes from a row to the one below, a multiple of a
                                   * component's; may be negative */
    zk_pixel  format;
};

/* Every operation: its slot in the table, and the struct it takes. */
#define ZK_OPS(_)                                                                                  \
    _(linear, zk_linear)                                                                           \
    _(attend, zk_attend)                                                                           \
    _(norm, zk_norm)                                                                               \
    _(norm_mod, zk_norm_mod)                                                                       \
    _(qk_norm, zk_qk_norm)                                                                         \
    _(rope, zk_rope)                                                                               \
    _(add_gated, zk_add_gated)                                                                     \
    _(add, zk_binary)                                                                              \
    _(mul, zk_binary)                                                                              \
    _(act, zk_unary)                                                                               \
    _(glu, zk_glu)                                                                                 \
    _(embed, zk_embed)                                                                             \
    _(mean, zk_mean)                                                                               \
    _(conv, zk_conv)                                                                               \
    _(upsample, zk_upsample)                                                                       \
    _(permute, zk_permute)                                                                         \
    _(cast, zk_cast)                                                                               \
    _(mix, zk_mix)                                                                                 \
    _(drift, zk_drift)                                                                             \
    _(guide, zk_guide)                                                                             \
    _(pixels, zk_pixels)

typedef enum zk_op {
#define ZK_OP_ENUM(slot, args) ZK_OP_##slot,
    ZK_OPS(ZK_OP_ENUM)
#undef ZK_OP_ENUM
    ZK_OP_COUNT
} zk_op;

/* What the caller lends to a backend. Functions may be called from the queue's
 * thread only; `fn` runs on any thread. */
typedef struct zk_host {
    void *user;
    void *(*alloc)(void *user, size_t bytes);          /* 64-byte aligned; NULL if there is none */
    void  (*free)(void *user, void *mem);              /* accepts NULL */
    int   threads;                                     /* how many can run at once, 1 or more */
    /* Calls fn(arg, part, worker) for every part in [0, parts), each once, and
     * returns when all are done; worker is in [0, threads) and no two calls with
     * the same worker overlap. */
    void  (*parallel)(void *user, int parts, void (*fn)(void *arg, int part, int worker),
                      void *arg);
    void  (*log)(void *user, const char *text);        /* one line, no newline; may be NULL */
} zk_host;

typedef struct zk_backend zk_backend;
typedef struct zk_queue   zk_queue;        /* each backend has its own */

typedef struct zk_device_desc {
    zk_host  host;
    uint32_t cpu_mask;                     /* instruction sets that may be used; 0: all */
    const zk_backend *plan_for;            /* `measure` only: whose needs to report */
    char    *why;                          /* a clause about what failed, if open fails; or NULL */
    size_t   why_size;
} zk_device_desc;

/* A weight that is to be laid out as the backend likes it best. */
struct zk_pack {
    zk_tensor weight;                      /* host memory; [n, k] rows, not packed */
    zk_op     op;                          /* ZK_OP_linear or ZK_OP_conv */
    zk_dtype  act;                         /* type of the activations it will meet */
    bool      f8;                          /* which may be rounded to F8 if the weight is of F8 */
    int32_t   kernel[3];                   /* ZK_OP_conv only */
};

#define ZK_RECORDS 4

/* One row per backend. No entry is NULL. An op whose tensors don't fit together
 * is ZK_E_SHAPE, a type or packing it can't compute with ZK_E_UNSUPPORTED, a
 * number or missing pointer ZK_E_ARGUMENT; nothing is written then. Tensors
 * without elements are fine. dst overlaps nothing else unless its op says so. */
struct zk_backend {
    const char *name, *summary;
    zk_status (*open)(zk_queue **queue, const zk_device_desc *desc);
    void      (*close)(zk_queue **queue);                        /* accepts a NULL queue */

    /* Two questions, answered without a device. `types` are those of the tensors
     * in the order of the op's struct, ZK_NONE for absent ones. */
    bool      (*takes)(const zk_queue *, zk_op op, const zk_dtype *types, int count);
    size_t    (*work)(const zk_queue *, zk_op op, const void *args);      /* scratch bytes */

    /* Bytes of the packed form of a weight; 0: the rows serve as they are. pack
     * writes it to dst, in the backend's memory and 64-byte aligned, and
     * describes it in *packed, which keeps the shape and the scale of the weight.
     * With dst NULL it only describes, and never looks at weight.data. */
    size_t    (*packed_size)(const zk_queue *, const struct zk_pack *);
    zk_status (*pack)(zk_queue *, const struct zk_pack *, void *dst, zk_tensor *packed);

    zk_status (*alloc)(zk_queue *, size_t bytes, void **mem);    /* 64-byte aligned */
    void      (*free)(zk_queue *, void *mem);
    zk_status (*upload)(zk_queue *, void *dst, const void *src, size_t bytes);
    zk_status (*download)(zk_queue *, void *dst, const void *src, size_t bytes);
    zk_status (*finish)(zk_queue *);                             /* waits for all of the above */

    /* What a device has, and what is left of it; both 0 where it is the host's memory. */
    zk_status (*memory)(zk_queue *, size_t *left, size_t *all);

    /* aside(q, true): uploads and packs from here on run beside the ops that were enqueued
     * since the last such call, and after all before it. aside(q, false): back again, and
     * ops from here on come after them. Nothing where copies are done when they return. */
    zk_status (*aside)(zk_queue *, bool on);
    bool      copies_aside;                                      /* or is it something? */

    /* record(q, n, true): ops from here on are noted as number n, below ZK_RECORDS, and not
     * done; until record(q, n, false). replay(q, n) does them, with the tensors and values
     * that they had. Nothing but ops may be asked for in between, none of those whose
     * result the host waits for (embed, drift). ZK_E_UNSUPPORTED where nothing is noted. */
    zk_status (*record)(zk_queue *, int which, bool on);
    zk_status (*replay)(zk_queue *, int which);
    bool      records;                                           /* or is something? */

#define ZK_OP_SLOT(slot, args) zk_status (*slot)(zk_queue *, const struct args *);
    ZK_OPS(ZK_OP_SLOT)
#undef ZK_OP_SLOT
};

/* What a backend in a module of its own exports, as ZK_MODULE_SYMBOL. Module and core are of
 * one version and are installed together; the numbers only keep strangers out. */
#define ZK_MODULE_SYMBOL "zk_module_table"
#define ZK_MODULE_VERSION 3

typedef struct zk_module {
    uint32_t version, size;       /* ZK_MODULE_VERSION, sizeof(zk_backend) */
    const zk_backend *backend;
} zk_module;

/* The name of an op's slot: "linear". */
const char *zk_op_name(zk_op op);

/* Backends in order of preference, ending in NULL; and by name, NULL if there is none. */
extern const zk_backend *const zk_backends[];
const zk_backend *zk_backend_find(const char *name);

/* A dense tensor over data, of [rows, cols] or of [t, h, w, c]. */
static inline zk_tensor zk_dense4(void *data, zk_dtype type, int32_t t, int32_t h, int32_t w,
                                  int32_t c)
{
    return (zk_tensor){
        .data = data,
        .type = type,
        .dim = { t, h, w, c },
        .step = { (int64_t)h * w * c, (int64_t)w * c, c, 1 },
    };
}

static inline zk_tensor zk_dense(void *data, zk_dtype type, int32_t rows, int32_t cols)
{
    return zk_dense4(data, type, 1, 1, rows, cols);
}

#endif
