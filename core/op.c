/* The operations of op.h: shapes are checked here, so that backends may trust
 * them, and the first failure is put into words. */

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/base/format.h"
#include "core/op.h"

_Static_assert((int)ZK_OK == (int)ZC_OK && (int)ZK_E_NOMEM == (int)ZC_E_NOMEM &&
               (int)ZK_E_SHAPE == (int)ZC_E_SHAPE &&
               (int)ZK_E_UNSUPPORTED == (int)ZC_E_UNSUPPORTED &&
               (int)ZK_E_DEVICE == (int)ZC_E_DEVICE && (int)ZK_E_ARGUMENT == (int)ZC_E_ARGUMENT,
               "kernels' codes are a part of the core's");

/* ---- The run ---- */

void zc_run_fail(zc_run *r, zc_status status, const char *format, ...)
{
    va_list ap;

    if (r->status != ZC_OK)
        return;
    r->status = status;
    va_start(ap, format);
    zc_vformat(r->why, sizeof(r->why), format, ap);
    va_end(ap);
}

void zc_run_show(zc_run *r, zk_tensor t, const char *name, ...)
{
    char text[64];
    va_list ap;

    if (!r->watch || r->status != ZC_OK)
        return;
    va_start(ap, name);
    zc_vformat(text, sizeof(text), name, ap);
    va_end(ap);
    r->watch(r->watch_user, r, text, t);
}

void zc_run_poll(zc_run *r)
{
    if (r->cancel && zc_cancel_requested(r->cancel))
        zc_run_fail(r, ZC_E_CANCELLED, "cancelled");
}

bool zc_run_is_real(const zc_run *r)
{
    return r->scratch->base != NULL;
}

/* Keeps what the backend said of an operation. */
static void keep(zc_run *r, zk_op op, zk_status st)
{
    if (st != ZK_OK)
        zc_run_fail(r, (zc_status)st, "%s on %s: %s", zk_op_name(op), r->be->name,
                    zc_status_name((zc_status)st));
}

/* Fails unless t is [rows, cols]; what names the tensor. */
static int is_shape(zc_run *r, zk_op op, const char *what, zk_tensor t, int rows, int cols)
{
    if (t.dim[0] == 1 && t.dim[1] == 1 && t.dim[2] == rows && t.dim[3] == cols)
        return 1;
    zc_run_fail(r, ZC_E_SHAPE, "%s: %s is [%d, %d, %d, %d], expected [1, 1, %d, %d]",
                zk_op_name(op), what, t.dim[0], t.dim[1], t.dim[2], t.dim[3], rows, cols);
    return 0;
}

/* The same for a vector of F32, which may be absent. */
static int is_vector(zc_run *r, zk_op op, const char *what, zk_tensor t, int cols)
{
    if (!zk_present(t))
        return 1;
    if (t.type != ZK_F32) {
        zc_run_fail(r, ZC_E_SHAPE, "%s: %s is %s, expected f32", zk_op_name(op), what,
                    zk_dtype_get(t.type)->name);
        return 0;
    }
    return is_shape(r, op, what, t, 1, cols);
}

static int is_matrix(zc_run *r, zk_op op, const char *what, zk_tensor t)
{
    return is_shape(r, op, what, t, zk_rows(t), zk_cols(t));
}

/* ---- Views ---- */

static void *at(zk_tensor t, int64_t element)
{
    const zk_dtype_info *info = zk_dtype_get(t.type);

    assert(element % info->block == 0 && t.packing == 0);
    return (void *)((uintptr_t)t.data + (size_t)(element / info->block * info->bytes));
}

zk_tensor zc_rows(zk_tensor t, int from, int to)
{
    assert(from >= 0 && from <= to && to <= t.dim[2]);
    t.data = at(t, from * t.step[2]);
    t.dim[2] = to - from;
    return t;
}

zk_tensor zc_cols(zk_tensor t, int from, int count)
{
    assert(from >= 0 && count >= 0 && count <= t.dim[3] - from);
    t.data = at(t, from);
    t.dim[3] = count;
    return t;
}

zk_tensor zc_frames(zk_tensor t, int from, int to)
{
    assert(from >= 0 && from <= to && to <= t.dim[0]);
    t.data = at(t, from * t.step[0]);
    t.dim[0] = to - from;
    return t;
}

/* Without gaps; the step of an axis that is 1 long does not matter. */
static int is_dense(zk_tensor t)
{
    int64_t inner = t.dim[3];

    for (int i = 2; i >= 0; inner *= t.dim[i], i--) {
        if (t.dim[i] > 1 && t.step[i] != inner)
            return 0;
    }
    return 1;
}

zk_tensor zc_flat(zk_tensor t)
{
    assert(is_dense(t) && (int64_t)t.dim[0] * t.dim[1] * t.dim[2] <= INT32_MAX);
    zk_tensor flat = zk_dense(t.data, t.type, t.dim[0] * t.dim[1] * t.dim[2], t.dim[3]);
    flat.scale = t.scale;
    return flat;
}

zk_tensor zc_grid(zk_tensor t, int frames, int height, int width)
{
    assert(is_dense(t) && (int64_t)frames * height * width == t.dim[2]);
    return zk_dense4(t.data, t.type, frames, height, width, t.dim[3]);
}

/* ---- Memory ---- */

/* bytes of scratch, or NULL with the failure kept; also NULL while measuring. */
static void *take(zc_run *r, uint64_t bytes)
{
    size_t offset = 0;

    if (r->status != ZC_OK)
        return NULL;
    if (bytes > SIZE_MAX || !zc_arena_take(r->scratch, (size_t)bytes, &offset)) {
        zc_run_fail(r, ZC_E_NOMEM, "scratch memory: %llu bytes wanted, %zu of %zu free",
                    (unsigned long long)bytes, r->scratch->size - r->scratch->used,
                    r->scratch->size);
        return NULL;
    }
    return r->scratch->base ? r->scratch->base + offset : NULL;
}

zk_tensor zc_tmp4_type(zc_run *r, zk_dtype type, const int32_t dim[4])
{
    zk_tensor t = zk_dense4(NULL, type, dim[0], dim[1], dim[2], dim[3]);
    uint64_t count = (uint64_t)dim[3], bytes = 0;

    for (int i = 0; i < 3; i++) {
        if (dim[i] < 0 || dim[3] < 0 || (dim[i] > 0 && count > INT64_MAX / (uint64_t)dim[i])) {
            zc_run_fail(r, ZC_E_SHAPE, "a tensor of [%d, %d, %d, %d] is too large", dim[0], dim[1],
                        dim[2], dim[3]);
            return t;
        }
        count *= (uint64_t)dim[i];
    }
    if (!zk_dtype_size(type, count, &bytes)) {
        zc_run_fail(r, ZC_E_SHAPE, "%llu elements are no whole number of %s blocks",
                    (unsigned long long)count, zk_dtype_get(type)->name);
        return t;
    }
    t.data = take(r, bytes);
    return t;
}

zk_tensor zc_tmp4(zc_run *r, int frames, int height, int width, int channels)
{
    return zc_tmp4_type(r, r->act, (const int32_t[4]){ frames, height, width, channels });
}

zk_tensor zc_tmp_type(zc_run *r, zk_dtype type, int rows, int cols)
{
    return zc_tmp4_type(r, type, (const int32_t[4]){ 1, 1, rows, cols });
}

zk_tensor zc_tmp(zc_run *r, int rows, int cols)
{
    return zc_tmp_type(r, r->act, rows, cols);
}

zk_tensor zc_like(zc_run *r, zk_tensor t)
{
    return zc_tmp4_type(r, t.type, t.dim);
}

static size_t dense_bytes(zk_tensor t)
{
    uint64_t bytes = 0;

    assert(is_dense(t));
    (void)zk_dtype_size(t.type, (uint64_t)t.dim[0] * (uint64_t)t.dim[1] * (uint64_t)t.dim[2] *
                                    (uint64_t)t.dim[3], &bytes);
    return (size_t)bytes;
}

void zc_upload(zc_run *r, zk_tensor t, const void *host)
{
    if (r->status == ZC_OK && r->be->upload(r->queue, t.data, host, dense_bytes(t)) != ZK_OK)
        zc_run_fail(r, ZC_E_DEVICE, "upload of %zu bytes to %s", dense_bytes(t), r->be->name);
}

void zc_download(zc_run *r, void *host, zk_tensor t)
{
    if (r->status != ZC_OK)
        return;
    if (r->be->download(r->queue, host, t.data, dense_bytes(t)) != ZK_OK ||
        r->be->finish(r->queue) != ZK_OK)
        zc_run_fail(r, ZC_E_DEVICE, "download of %zu bytes from %s", dense_bytes(t), r->be->name);
}

zk_tensor zc_floats(zc_run *r, const float *host, int rows, int cols)
{
    zk_tensor t = zc_tmp_type(r, ZK_F32, rows, cols);

    zc_upload(r, t, host);
    return t;
}

/* Calls an operation that needs no work memory. */
#define CALL(r, slot, ...)                                                                         \
    do {                                                                                           \
        if ((r)->status == ZC_OK)                                                                  \
            keep((r), ZK_OP_##slot, (r)->be->slot((r)->queue, __VA_ARGS__));                       \
    } while (0)

/* Calls one that may need it; args is a struct with `work`. */
#define CALL_WORK(r, slot, args)                                                                   \
    do {                                                                                           \
        const size_t call_mark = zc_arena_mark((r)->scratch);                                      \
        if ((r)->status == ZC_OK) {                                                                \
            const size_t call_bytes = (r)->be->work((r)->queue, ZK_OP_##slot, &(args));            \
            (args).work = call_bytes ? take((r), call_bytes) : NULL;                               \
        }                                                                                          \
        CALL(r, slot, &(args));                                                                    \
        zc_arena_release((r)->scratch, call_mark);                                                 \
    } while (0)

/* ---- Products ---- */

void zc_linear_to(zc_run *r, zk_tensor dst, zk_tensor x, const zc_lin *w, zk_act act)
{
    const size_t mark = zc_arena_mark(r->scratch);
    const int m = zk_rows(x), n = zk_rows(w->w), k = zk_cols(w->w);

    if (!is_shape(r, ZK_OP_linear, "src", x, m, k) ||
        !is_shape(r, ZK_OP_linear, "dst", dst, m, n) ||
        !is_vector(r, ZK_OP_linear, "bias", w->b, n))
        return;
    if (w->w.packing != 0)
        x = zc_cast(r, x, r->act);
    struct zk_linear a = { .dst = dst, .src = x, .weight = w->w, .bias = w->b, .act = act };
    CALL_WORK(r, linear, a);
    r->flops += 2.0 * m * n * k;
    zc_arena_release(r->scratch, mark);
}

zk_tensor zc_linear(zc_run *r, zk_tensor x, const zc_lin *w, zk_act act)
{
    zk_tensor dst = zc_tmp(r, zk_rows(x), zk_rows(w->w));

    zc_linear_to(r, dst, x, w, act);
    return dst;
}

/* Key-query pairs that the mask lets through, for the count of work. */
static double pairs_seen(const struct zk_attend *a)
{
    const double nq = zk_rows(a->q), nk = zk_rows(a->k);
    double seen = 0;

    switch (a->mask) {
    case ZK_MASK_CAUSAL:
        return nq * (nk - nq) + nq * (nq + 1) / 2;
    case ZK_MASK_BLOCKS:
        for (int i = 0; i < zk_rows(a->q); i++)
            seen += fmin(nk, (double)(i - i % a->block + a->block));
        return seen;
    default:
        return nq * nk;
    }
}

zk_tensor zc_attend(zc_run *r, zk_tensor q, zk_tensor k, zk_tensor v, const zc_attention *at)
{
    const int kv_heads = at->kv_heads ? at->kv_heads : at->heads;
    zk_tensor dst = zc_tmp(r, zk_rows(q), zk_cols(q));

    if (at->heads < 1 || kv_heads < 1 || at->heads % kv_heads != 0 || zk_cols(q) % at->heads != 0 ||
        (at->mask == ZK_MASK_CAUSAL && zk_rows(k) < zk_rows(q)) ||
        (at->mask == ZK_MASK_BLOCKS && at->block < 1)) {
        zc_run_fail(r, ZC_E_SHAPE,
                    "attend: %d columns, %d heads of which %d for keys, %d queries, %d keys",
                    zk_cols(q), at->heads, kv_heads, zk_rows(q), zk_rows(k));
        return dst;
    }
    const int d = zk_cols(q) / at->heads;
    if (!is_matrix(r, ZK_OP_attend, "q", q) ||
        !is_shape(r, ZK_OP_attend, "k", k, zk_rows(k), kv_heads * d) ||
        !is_shape(r, ZK_OP_attend, "v", v, zk_rows(k), kv_heads * d))
        return dst;
    struct zk_attend a = {
        .dst = dst, .q = q, .k = k, .v = v,
        .heads = at->heads, .kv_heads = kv_heads,
        .scale = at->scale != 0.0f ? at->scale : 1.0f / sqrtf((float)d),
        .mask = at->mask, .block = at->block,
    };
    CALL_WORK(r, attend, a);
    r->flops += 4.0 * pairs_seen(&a) * zk_cols(q);
    return dst;
}

static int32_t stride_of(const zc_conv_shape *c, int axis)
{
    return c->stride[axis] ? c->stride[axis] : 1;
}

/* The size of the result along an axis; 0 if the kernel does not fit. */
static int32_t conv_size(const zc_conv_shape *c, int axis, int32_t size)
{
    const int64_t room = (int64_t)size + c->before[axis] + c->after[axis] - c->kernel[axis];

    return room < 0 ? 0 : (int32_t)(room / stride_of(c, axis) + 1);
}

void zc_conv_dim(int32_t dim[4], zk_tensor x, const zc_lin *w, const zc_conv_shape *c)
{
    for (int i = 0; i < 3; i++)
        dim[i] = conv_size(c, i, x.dim[i]);
    dim[3] = zk_rows(w->w);
}

void zc_conv_to(zc_run *r, zk_tensor dst, zk_tensor x, const zc_lin *w, const zc_conv_shape *c,
                zk_act act)
{
    const size_t mark = zc_arena_mark(r->scratch);
    struct zk_conv a = { .dst = dst, .src = x, .weight = w->w, .bias = w->b, .pad = c->pad,
                         .act = act };
    int fits = is_dense(x) && is_dense(dst) && dst.dim[3] == zk_rows(w->w);
    int64_t taps = 1;

    for (int i = 0; i < 3; i++) {
        a.kernel[i] = c->kernel[i];
        a.stride[i] = stride_of(c, i);
        a.before[i] = c->before[i];
        a.after[i] = c->after[i];
        taps *= c->kernel[i];
        fits = fits && dst.dim[i] > 0 && dst.dim[i] == conv_size(c, i, x.dim[i]);
    }
    if (!fits || zk_cols(w->w) != taps * x.dim[3]) {
        zc_run_fail(r, ZC_E_SHAPE,
                    "conv: [%d, %d, %d, %d] to [%d, %d, %d, %d] by a weight of [%d, %d]",
                    x.dim[0], x.dim[1], x.dim[2], x.dim[3], dst.dim[0], dst.dim[1], dst.dim[2],
                    dst.dim[3], zk_rows(w->w), zk_cols(w->w));
        return;
    }
    if (!is_vector(r, ZK_OP_conv, "bias", w->b, dst.dim[3]))
        return;
    if (w->w.packing != 0)
        a.src = zc_cast(r, x, r->act);
    CALL_WORK(r, conv, a);
    r->flops += 2.0 * zk_rows(zc_flat(dst)) * dst.dim[3] * (double)taps * x.dim[3];
    zc_arena_release(r->scratch, mark);
}

zk_tensor zc_conv(zc_run *r, zk_tensor x, const zc_lin *w, const zc_conv_shape *c, zk_act act)
{
    int32_t dim[4];

    zc_conv_dim(dim, x, w, c);
    zk_tensor dst = zc_tmp4_type(r, r->act, dim);
    zc_conv_to(r, dst, x, w, c, act);
    return dst;
}

/* ---- Norms and positions ---- */

/* All of one shape, with leading axes folded into rows. */
static zk_tensor as_rows(zk_tensor t)
{
    return t.dim[0] == 1 && t.dim[1] == 1 ? t : zc_flat(t);
}

static void norm_to(zc_run *r, zk_tensor dst, zk_tensor x, struct zk_norm a)
{
    a.src = as_rows(x);
    a.dst = as_rows(dst);
    if (is_shape(r, ZK_OP_norm, "dst", a.dst, zk_rows(a.src), zk_cols(a.src)) &&
        is_vector(r, ZK_OP_norm, "weight", a.weight, zk_cols(a.src)) &&
        is_vector(r, ZK_OP_norm, "bias", a.bias, zk_cols(a.src)))
        CALL_WORK(r, norm, a);
}

static zk_tensor norm(zc_run *r, zk_tensor x, struct zk_norm a)
{
    zk_tensor dst = zc_tmp4_type(r, r->act, x.dim);

    norm_to(r, dst, x, a);
    return dst;
}

zk_tensor zc_layer_norm(zc_run *r, zk_tensor x, const zc_lin *affine, float eps)
{
    const zc_lin none = { .w = { .type = ZK_NONE } };
    const zc_lin *p = affine ? affine : &none;

    return norm(r, x, (struct zk_norm){ .weight = p->w, .bias = p->b, .kind = ZK_NORM_LAYER,
                                        .eps = eps });
}

zk_tensor zc_rms_norm(zc_run *r, zk_tensor x, zk_tensor weight, float eps)
{
    return norm(r, x, (struct zk_norm){ .weight = weight, .kind = ZK_NORM_RMS, .eps = eps });
}

void zc_group_norm_to(zc_run *r, zk_tensor dst, zk_tensor x, const zc_lin *affine,
                      const zc_groups *g)
{
    if (g->groups < 1 || x.dim[3] % g->groups != 0)
        zc_run_fail(r, ZC_E_SHAPE, "norm: %d channels in %d groups", x.dim[3], g->groups);
    norm_to(r, dst, x, (struct zk_norm){ .weight = affine->w, .bias = affine->b,
                                         .kind = ZK_NORM_GROUP, .groups = g->groups,
                                         .eps = g->eps, .act = g->act });
}

zk_tensor zc_group_norm(zc_run *r, zk_tensor x, const zc_lin *affine, const zc_groups *g)
{
    zk_tensor dst = zc_tmp4_type(r, r->act, x.dim);

    zc_group_norm_to(r, dst, x, affine, g);
    return dst;
}

zk_tensor zc_norm_mod(zc_run *r, zk_tensor x, zk_tensor shift, zk_tensor scale, float eps)
{
    zk_tensor dst = zc_tmp(r, zk_rows(x), zk_cols(x));

    if (is_matrix(r, ZK_OP_norm_mod, "src", x) &&
        is_vector(r, ZK_OP_norm_mod, "shift", shift, zk_cols(x)) &&
        is_vector(r, ZK_OP_norm_mod, "scale", scale, zk_cols(x)))
        CALL(r, norm_mod, &(struct zk_norm_mod){ .dst = dst, .src = x, .shift = shift,
                                                 .scale = scale, .eps = eps });
    return dst;
}

void zc_qk_norm(zc_run *r, zk_tensor q, zk_tensor k, const zc_lin *weights, const zc_attention *at,
                float eps)
{
    const int kv_heads = at->kv_heads ? at->kv_heads : at->heads;
    const int d = zk_cols(weights->w);

    if (is_shape(r, ZK_OP_qk_norm, "q", q, zk_rows(q), at->heads * d) &&
        is_shape(r, ZK_OP_qk_norm, "k", k, zk_rows(q), kv_heads * d) &&
        is_vector(r, ZK_OP_qk_norm, "k_weight", weights->b, d))
        CALL(r, qk_norm, &(struct zk_qk_norm){ .q = q, .k = k, .q_weight = weights->w,
                                               .k_weight = weights->b, .heads = at->heads,
                                               .kv_heads = kv_heads, .eps = eps });
}

void zc_rope_apply(zc_run *r, zk_tensor q, zk_tensor k, const zc_rope *rope, const zc_attention *at)
{
    const int kv_heads = at->kv_heads ? at->kv_heads : at->heads;
    const int n = zk_rows(rope->cos), d = 2 * zk_cols(rope->cos);

    if (is_shape(r, ZK_OP_rope, "q", q, n, at->heads * d) &&
        is_shape(r, ZK_OP_rope, "k", k, n, kv_heads * d) &&
        is_shape(r, ZK_OP_rope, "sin", rope->sin, n, d / 2))
        CALL(r, rope, &(struct zk_rope){ .q = q, .k = k, .cos = rope->cos, .sin = rope->sin,
                                         .heads = at->heads, .kv_heads = kv_heads,
                                         .pairs = rope->pairs });
}

/* ---- Element by element ---- */

void zc_add_gated(zc_run *r, zk_tensor x, zk_tensor y, zk_tensor gate)
{
    if (is_shape(r, ZK_OP_add_gated, "src", y, zk_rows(x), zk_cols(x)) &&
        is_vector(r, ZK_OP_add_gated, "gate", gate, zk_cols(x)))
        CALL(r, add_gated, &(struct zk_add_gated){ .dst = x, .src = y, .gate = gate });
}

static int is_binary(zc_run *r, zk_op op, zk_tensor dst, zk_tensor a, zk_tensor b)
{
    return is_shape(r, op, "dst", dst, zk_rows(a), zk_cols(a)) &&
           is_shape(r, op, "b", b, zk_rows(b) == 1 ? 1 : zk_rows(a), zk_cols(a));
}

void zc_add_to(zc_run *r, zk_tensor dst, zk_tensor a, zk_tensor b)
{
    if (is_binary(r, ZK_OP_add, dst, a, b))
        CALL(r, add, &(struct zk_binary){ .dst = dst, .a = a, .b = b });
}

void zc_mul_to(zc_run *r, zk_tensor dst, zk_tensor a, zk_tensor b)
{
    if (is_binary(r, ZK_OP_mul, dst, a, b))
        CALL(r, mul, &(struct zk_binary){ .dst = dst, .a = a, .b = b });
}

zk_tensor zc_act(zc_run *r, zk_tensor x, zk_act act)
{
    zk_tensor dst = zc_like(r, x);

    CALL(r, act, &(struct zk_unary){ .dst = zc_flat(dst), .src = x, .act = act });
    return dst;
}

zk_tensor zc_glu(zc_run *r, zk_tensor gate, zk_tensor up, zk_act act)
{
    zk_tensor dst = zc_tmp(r, zk_rows(up), zk_cols(up));

    if (is_shape(r, ZK_OP_glu, "gate", gate, zk_rows(up), zk_cols(up)))
        CALL(r, glu, &(struct zk_glu){ .dst = dst, .gate = gate, .up = up, .act = act });
    return dst;
}

zk_tensor zc_embed(zc_run *r, zk_tensor table, const int32_t *ids, int count)
{
    zk_tensor dst = zc_tmp(r, count, zk_cols(table));

    for (int i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= zk_rows(table)) {
            zc_run_fail(r, ZC_E_ARGUMENT, "embed: id %d at place %d, the table has %d rows", ids[i],
                        i, zk_rows(table));
            return dst;
        }
    }
    const size_t mark = zc_arena_mark(r->scratch);
    zk_tensor where = zc_tmp_type(r, ZK_I32, 1, count);
    zc_upload(r, where, ids);
    CALL(r, embed, &(struct zk_embed){ .dst = dst, .table = table, .ids = where });
    zc_arena_release(r->scratch, mark);
    return dst;
}

zk_tensor zc_mean(zc_run *r, zk_tensor x)
{
    zk_tensor dst = zc_tmp_type(r, ZK_F32, 1, zk_cols(x));

    if (zk_rows(x) < 1)
        zc_run_fail(r, ZC_E_SHAPE, "mean: of no rows");
    CALL(r, mean, &(struct zk_mean){ .dst = dst, .src = x });
    return dst;
}

void zc_copy_to(zc_run *r, zk_tensor dst, zk_tensor src)
{
    if (memcmp(dst.dim, src.dim, sizeof(dst.dim)) != 0) {
        zc_run_fail(r, ZC_E_SHAPE, "cast: [%d, %d, %d, %d] into [%d, %d, %d, %d]", src.dim[0],
                    src.dim[1], src.dim[2], src.dim[3], dst.dim[0], dst.dim[1], dst.dim[2],
                    dst.dim[3]);
        return;
    }
    CALL(r, cast, &(struct zk_cast){ .dst = dst, .src = src });
}

zk_tensor zc_cast(zc_run *r, zk_tensor x, zk_dtype type)
{
    if (x.type == type)
        return x;
    zk_tensor dst = zc_tmp4_type(r, type, x.dim);
    zc_copy_to(r, dst, x);
    return dst;
}

/* ---- Moving ---- */

zk_tensor zc_permute(zc_run *r, zk_tensor x, const int order[4])
{
    struct zk_permute a = { .src = x, .dim = { 1, 1 } };
    int32_t dim[4];

    for (int i = 0; i < 4; i++) {
        a.dim[2 + i] = dim[i] = x.dim[order[i]];
        a.step[2 + i] = x.step[order[i]];
    }
    a.dst = zc_tmp4_type(r, x.type, dim);
    CALL(r, permute, &a);
    return a.dst;
}

zk_tensor zc_patch(zc_run *r, zk_tensor x, int p)
{
    const int32_t t = x.dim[0], h = x.dim[1] / p, w = x.dim[2] / p, c = x.dim[3];
    zk_tensor dst = zc_tmp_type(r, x.type, t * h * w, c * p * p);

    if (x.dim[1] % p != 0 || x.dim[2] % p != 0) {
        zc_run_fail(r, ZC_E_SHAPE, "permute: %d by %d is no multiple of the patch %d", x.dim[1],
                    x.dim[2], p);
        return dst;
    }
    CALL(r, permute, &(struct zk_permute){
        .dst = dst, .src = x,
        .dim = { t, h, w, c, p, p },
        .step = { x.step[0], x.step[1] * p, x.step[2] * p, 1, x.step[1], x.step[2] },
    });
    return dst;
}

zk_tensor zc_unpatch(zc_run *r, zk_tensor tokens, const int32_t grid[3], int p)
{
    const int32_t t = grid[0], h = grid[1], w = grid[2], c = zk_cols(tokens) / (p * p);
    const int64_t row = tokens.step[2];
    zk_tensor dst = zc_tmp4_type(r, tokens.type, (const int32_t[4]){ t, h * p, w * p, c });

    if (!is_shape(r, ZK_OP_permute, "src", tokens, t * h * w, c * p * p))
        return dst;
    CALL(r, permute, &(struct zk_permute){
        .dst = dst, .src = tokens,
        .dim = { t, h, p, w, p, c },
        .step = { row * h * w, row * w, p, row, 1, p * p },
    });
    return dst;
}

zk_tensor zc_upsample(zc_run *r, zk_tensor x, const int32_t by[3], int single)
{
    const int32_t dim[4] = { single + (x.dim[0] - single) * by[0], x.dim[1] * by[1],
                             x.dim[2] * by[2], x.dim[3] };
    zk_tensor dst = zc_tmp4_type(r, x.type, dim);

    if (single < 0 || single > x.dim[0] || !is_dense(x)) {
        zc_run_fail(r, ZC_E_SHAPE, "upsample: %d single frames of %d", single, x.dim[0]);
        return dst;
    }
    CALL(r, upsample, &(struct zk_upsample){ .dst = dst, .src = x, .by = { by[0], by[1], by[2] },
                                             .single = single });
    return dst;
}

/* ---- Sampling and caching ---- */

void zc_mix_to(zc_run *r, zk_tensor dst, const zc_term *terms, int count, float bias)
{
    struct zk_mix a = { .dst = as_rows(dst), .bias = bias, .count = count };

    if (count < 1 || count > ZK_MIX_MAX) {
        zc_run_fail(r, ZC_E_ARGUMENT, "mix: %d sources, 1 to %d are possible", count, ZK_MIX_MAX);
        return;
    }
    for (int i = 0; i < count; i++) {
        a.src[i] = as_rows(terms[i].src);
        a.coef[i] = terms[i].coef;
        if (!is_shape(r, ZK_OP_mix, "src", a.src[i], zk_rows(a.dst), zk_cols(a.dst)))
            return;
    }
    CALL(r, mix, &a);
}

float zc_drift(zc_run *r, zk_tensor x, zk_tensor y)
{
    float result = 0.0f;
    struct zk_drift a = { .a = as_rows(x), .b = as_rows(y), .result = &result };

    if (is_shape(r, ZK_OP_drift, "b", a.b, zk_rows(a.a), zk_cols(a.a)))
        CALL_WORK(r, drift, a);
    return r->status == ZC_OK ? result : 0.0f;
}

void zc_guide_to(zc_run *r, zk_tensor dst, zk_tensor cond, zk_tensor uncond, float strength,
                 enum zc_guide_norm norm)
{
    const struct zk_guide a = { .dst = as_rows(dst), .cond = as_rows(cond),
                                .uncond = as_rows(uncond), .strength = strength,
                                .keep_norm = norm == ZC_GUIDE_KEEP_NORM };

    if (is_shape(r, ZK_OP_guide, "cond", a.cond, zk_rows(a.dst), zk_cols(a.dst)) &&
        is_shape(r, ZK_OP_guide, "uncond", a.uncond, zk_rows(a.dst), zk_cols(a.dst)))
        CALL(r, guide, &a);
}

void zc_pixels_to(zc_run *r, void *dst, int64_t pitch, zk_pixel format, zk_tensor picture)
{
    if (picture.dim[0] != 1 || picture.dim[3] != 3) {
        zc_run_fail(r, ZC_E_SHAPE, "pixels: [%d, %d, %d, %d] is not one picture of 3 channels",
                    picture.dim[0], picture.dim[1], picture.dim[2], picture.dim[3]);
        return;
    }
    CALL(r, pixels, &(struct zk_pixels){ .src = picture, .dst = dst, .pitch = pitch,
                                         .format = format });
}
