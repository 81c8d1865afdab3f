/* Products with weights: up to 8 rows by a kernel that is bound by reading the
 * weight, more by cuBLASLt where it is found, and else, or for types that it does
 * not pair, by kernels of our own. Weights of other types than the activations
 * are converted into the work memory first; or the activations are, to F8, where
 * the weight has been packed for that and the GPU has products of F8. */

#include <string.h>

#include "kernels/cuda/backend.h"

#define FEW 8                     /* rows that few_rows can take */
#define FEW_WARPS 8
#define PACK_THREADS 256
#define ALIGN 256                 /* of parts of the work memory */

/* Packed for bf16 activations: the rows as they are, but the core rounds what meets them. */
#define PACKED_FOR_BF16 1
/* The same rows of F8; a row's length and their number are multiples of this. */
#define PACKED_FOR_F8 2
#define F8_UNIT 16

enum route { BY_FEW_ROWS, BY_LT, BY_TERMS, BY_F32 };

static bool is_wide_float(zk_dtype type)
{
    return type == ZK_F32 || type == ZK_F16;
}

int32_t zk_cuda_terms(zk_dtype type)
{
    return type == ZK_F32 ? 3 : type == ZK_F16 ? 2 : 1;
}

/* What the tensors ask for, whether or not cuBLASLt is there. An activation that it does not
 * know would come after a rounding to 16 bits, and follow another one. */
static enum route route_of(const struct zk_linear *a)
{
    const zk_dtype src = a->src.type, dst = a->dst.type, w = a->weight.type;
    const bool twice = dst != ZK_F32 && a->act != ZK_ACT_NONE && a->act != ZK_ACT_GELU_TANH;

    if (a->src.dim[2] <= FEW)
        return BY_FEW_ROWS;
    if (src == ZK_BF16)
        return is_wide_float(w) || dst == ZK_F16 || twice ? BY_TERMS : BY_LT;
    if (src == ZK_F16)
        return w == ZK_F16 && dst != ZK_BF16 && !twice ? BY_LT : BY_F32;
    return dst == ZK_F32 ? BY_LT : BY_F32;
}

static size_t padded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Bytes of the weight as it enters the product; 0: as it is. */
static size_t converted_size(const struct zk_linear *a, enum route route)
{
    const size_t count = (size_t)a->weight.dim[2] * (size_t)a->weight.dim[3];

    if (route == BY_FEW_ROWS || route == BY_F32 || a->weight.type == a->src.type)
        return 0;
    return a->src.type == ZK_F32 ? count * 4 : count * 2 * (size_t)zk_cuda_terms(a->weight.type);
}

/* Bytes of the bias as it enters a product of cuBLASLt; 0: as it is. */
static size_t bias_size(const struct zk_linear *a, enum route route)
{
    return route == BY_LT && zk_present(a->bias) && a->dst.type != ZK_F32
               ? (size_t)a->dst.dim[3] * 2 : 0;
}

/* Whether it may be a product of F8, on a GPU that has them. */
static bool may_be_f8(const struct zk_linear *a, enum route route)
{
    return route == BY_LT && a->weight.packing == PACKED_FOR_F8 && a->src.type == ZK_BF16 &&
           a->dst.type == ZK_BF16;
}

/* The bias comes first, then the weight or what else is converted. */
size_t zk_cuda_linear_work(const void *args)
{
    const struct zk_linear *a = args;
    const enum route route = route_of(a);
    const size_t converted = converted_size(a, route);
    const size_t f8 = may_be_f8(a, route) ? zk_cuda_f8_size(&a->src) : 0;

    if (a->src.dim[3] <= 0 || a->dst.dim[3] <= 0)
        return 0;
    return padded(bias_size(a, route)) + (converted > f8 ? converted : f8);
}

zk_status zk_cuda_pack_rows(zk_queue *q, const zk_tensor *weight, void *dst, int32_t taps,
                            int32_t terms)
{
    const struct zk_cuda_pack args = {
        .src = zk_cuda_mat_of(weight), .dst = dst, .rows = weight->dim[2],
        .in = weight->dim[3] / taps, .taps = taps, .terms = terms,
    };
    const int64_t count = (int64_t)weight->dim[2] * weight->dim[3];
    const struct zk_cuda_grid grid = { .x = zk_cuda_blocks(count, PACK_THREADS), .y = 1,
                                       .block_x = PACK_THREADS, .block_y = 1 };

    return zk_cuda_launch(q, ZK_CUDA_KERNEL_pack, &grid, &args);
}

/* ---- Kernels of our own ---- */

zk_status zk_cuda_gemm(zk_queue *q, const struct zk_cuda_gemm *g)
{
    const bool f32 = g->terms == 0;
    const int32_t tile = f32 ? ZK_CUDA_GEMM_F32_TILE : ZK_CUDA_GEMM_TILE;
    const int64_t y = zk_cuda_blocks(g->cols, tile);
    const struct zk_cuda_grid grid = { .x = zk_cuda_blocks(g->rows, tile), .y = (unsigned)y,
                                       .block_x = 256, .block_y = 1 };

    if (y > ZK_CUDA_GRID_Y)
        return ZK_E_SHAPE;
    return zk_cuda_launch(q, f32 ? ZK_CUDA_KERNEL_gemm_f32 : ZK_CUDA_KERNEL_gemm_bf16, &grid, g);
}

/* The product as one over a row of pixels. */
static struct zk_cuda_gemm gemm_of(const struct zk_linear *a)
{
    return (struct zk_cuda_gemm){
        .dst = zk_cuda_mat_of(&a->dst), .src = zk_cuda_mat_of(&a->src),
        .weight = zk_cuda_mat_of(&a->weight),
        .bias = zk_present(a->bias) ? a->bias.data : NULL,
        .rows = a->dst.dim[2], .cols = a->dst.dim[3], .in = a->src.dim[3],
        .from = { 1, 1, a->src.dim[2] }, .to = { 1, 1, a->dst.dim[2] },
        .kernel = { 1, 1, 1 }, .stride = { 1, 1, 1 }, .act = (int32_t)a->act,
        .vector = zk_cuda_is_wide(&a->src) && zk_cuda_is_wide(&a->weight),
    };
}

static zk_status by_few_rows(zk_queue *q, const struct zk_linear *a)
{
    const struct zk_cuda_gemm g = gemm_of(a);
    const struct zk_cuda_grid grid = { .x = zk_cuda_blocks(g.cols, FEW_WARPS), .y = 1,
                                       .block_x = FEW_WARPS * 32, .block_y = 1 };

    return zk_cuda_launch(q, ZK_CUDA_KERNEL_few_rows, &grid, &g);
}

/* The weight has been converted, if it had to be. */
static zk_status by_own(zk_queue *q, const struct zk_linear *a, const zk_tensor *weight, bool f32)
{
    struct zk_cuda_gemm g = gemm_of(a);

    g.terms = f32 ? 0 : zk_cuda_terms(a->weight.type);
    if (!f32 && a->weight.type != ZK_BF16) {
        g.weight.data = weight->data;
        g.weight.step = (int64_t)g.terms * g.in;
        g.vector = zk_cuda_is_wide(&a->src);
    }
    return zk_cuda_gemm(q, &g);
}

/* ---- cuBLASLt. It counts columns first: our rows are its columns. ---- */

static int32_t alignment(const void *p)
{
    const uintptr_t low = (uintptr_t)p & (0 - (uintptr_t)p);

    return low == 0 || low > ALIGN ? ALIGN : (int32_t)low;
}

static cudaDataType_t lt_type(int32_t type)
{
    switch (type) {
    case ZK_BF16:
        return CUDA_R_16BF;
    case ZK_F16:
        return CUDA_R_16F;
    case ZK_F8_E4M3:
        return CUDA_R_8F_E4M3;
    case ZK_F8_E5M2:
        return CUDA_R_8F_E5M2;
    default:
        return CUDA_R_32F;
    }
}

static void product_close(const struct zk_cuda_api *api, struct zk_cuda_product *p)
{
    if (p->desc)
        (void)api->lt_product_destroy(p->desc);
    for (int i = 0; i < 3; i++) {
        if (p->layout[i])
            (void)api->lt_layout_destroy(p->layout[i]);
    }
    memset(p, 0, sizeof(*p));
}

void zk_cuda_linear_close(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);

    for (int i = 0; i < c->products; i++)
        product_close(&c->api, &c->product[i]);
    c->products = 0;
    if (c->lt)
        (void)c->api.lt_destroy(c->lt);
    c->lt = NULL;
}

/* The handle and its memory, when first needed; without them our own kernels serve. */
static bool lt_ready(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);

    if (!c->lt_tried && (!c->api.has_lt || c->api.lt_create(&c->lt) != CUBLAS_STATUS_SUCCESS))
        c->lt = NULL;
    c->lt_tried = true;
    return c->lt && zk_cuda_library_work(q);
}

static bool describe(const struct zk_cuda_api *api, struct zk_cuda_product *p, const void *bias)
{
    const struct zk_cuda_product_key *k = &p->key;
    const cublasOperation_t turned = CUBLAS_OP_T;
    const cublasLtEpilogue_t epilogue = (cublasLtEpilogue_t)k->epilogue;
    const cudaDataType_t dst = lt_type(k->dst_type);

    return api->lt_product_create(&p->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) == 0 &&
           api->lt_product_set(p->desc, CUBLASLT_MATMUL_DESC_TRANSA, &turned,
                               sizeof(turned)) == 0 &&
           api->lt_product_set(p->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
                               sizeof(epilogue)) == 0 &&
           (!bias || (api->lt_product_set(p->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &dst,
                                          sizeof(dst)) == 0 &&
                      api->lt_product_set(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
                                          sizeof(bias)) == 0)) &&
           api->lt_layout_create(&p->layout[0], lt_type(k->weight_type), (uint64_t)k->k,
                                 (uint64_t)k->n, k->weight_step) == 0 &&
           api->lt_layout_create(&p->layout[1], lt_type(k->type), (uint64_t)k->k,
                                 (uint64_t)k->m, k->src_step) == 0 &&
           api->lt_layout_create(&p->layout[2], dst, (uint64_t)k->n, (uint64_t)k->m,
                                 k->dst_step) == 0;
}

/* Asks for the best way, without sums that are split over k: they would depend on the device. */
static bool choose(struct zk_cuda *c, struct zk_cuda_product *p)
{
    static const cublasLtMatmulPreferenceAttributes_t aligned[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
    };
    const uint64_t work = ZK_CUDA_LT_WORK;
    const uint32_t split = CUBLASLT_REDUCTION_SCHEME_NONE;
    const int32_t *align = p->key.align;
    const uint32_t bytes[] = { (uint32_t)align[1], (uint32_t)align[0], (uint32_t)align[2],
                               (uint32_t)align[2] };
    cublasLtMatmulPreference_t wish = NULL;
    cublasLtMatmulHeuristicResult_t found;
    int count = 0;
    bool good = c->api.lt_wish_create(&wish) == CUBLAS_STATUS_SUCCESS;

    good = good && c->api.lt_wish_set(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &work,
                                      sizeof(work)) == CUBLAS_STATUS_SUCCESS;
    good = good && c->api.lt_wish_set(wish, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &split,
                                      sizeof(split)) == CUBLAS_STATUS_SUCCESS;
    for (int i = 0; i < 4 && good; i++)
        good = c->api.lt_wish_set(wish, aligned[i], &bytes[i], sizeof(bytes[i])) ==
               CUBLAS_STATUS_SUCCESS;
    good = good &&
           c->api.lt_choose(c->lt, p->desc, p->layout[0], p->layout[1], p->layout[2], p->layout[2],
                            wish, 1, &found, &count) == CUBLAS_STATUS_SUCCESS &&
           count > 0 && found.state == CUBLAS_STATUS_SUCCESS;
    if (good)
        p->algo = found.algo;
    if (wish)
        (void)c->api.lt_wish_destroy(wish);
    return good;
}

/* The plan for a product: the one that was made before, or a new one in the place of the
 * oldest. The choice depends on the key alone. */
static struct zk_cuda_product *plan(struct zk_cuda *c, const struct zk_cuda_product_key *key,
                                    const void *bias)
{
    for (int i = 0; i < c->products; i++) {
        if (memcmp(&c->product[i].key, key, sizeof(*key)) == 0)
            return &c->product[i];
    }
    struct zk_cuda_product *p = &c->product[c->oldest];
    c->oldest = (c->oldest + 1) % ZK_CUDA_PRODUCTS;
    c->products += c->products < ZK_CUDA_PRODUCTS;
    product_close(&c->api, p);
    p->key = *key;
    p->usable = describe(&c->api, p, bias) && choose(c, p);
    return p;
}

/* What is multiplied, as it is by now. */
struct factors {
    zk_tensor    src, weight;
    const float *scale;               /* of src, on the device; NULL: 1 */
};

static struct zk_cuda_product_key key_of(const struct zk_linear *a, const struct factors *f,
                                         cublasLtEpilogue_t epilogue, const void *bias)
{
    struct zk_cuda_product_key key;

    memset(&key, 0, sizeof(key));
    key.m = a->dst.dim[2];
    key.n = a->dst.dim[3];
    key.k = f->src.dim[3];
    key.src_step = f->src.step[2];
    key.dst_step = a->dst.step[2];
    key.weight_step = key.n == 1 ? key.k : f->weight.step[2];
    key.type = (int32_t)f->src.type;
    key.weight_type = (int32_t)f->weight.type;
    key.dst_type = (int32_t)a->dst.type;
    key.epilogue = (int32_t)epilogue;
    key.align[0] = alignment(f->src.data);
    key.align[1] = alignment(f->weight.data);
    key.align[2] = alignment(a->dst.data);
    key.align[3] = alignment(bias);
    return key;
}

static bool multiply(zk_queue *q, const struct zk_linear *a, const struct factors *f,
                     cublasLtEpilogue_t epilogue, const void *bias)
{
    struct zk_cuda *c = zk_cuda_of(q);
    const struct zk_cuda_product_key key = key_of(a, f, epilogue, bias);
    const float alpha = a->weight.scale != 0 ? a->weight.scale : 1, beta = 0;
    struct zk_cuda_product *p = plan(c, &key, bias);

    if (!p->usable)
        return false;
    if (bias && c->api.lt_product_set(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
                                      sizeof(bias)) != CUBLAS_STATUS_SUCCESS)
        return false;
    if (f->scale && c->api.lt_product_set(p->desc, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, &f->scale,
                                          sizeof(f->scale)) != CUBLAS_STATUS_SUCCESS)
        return false;
    return c->api.lt_multiply(c->lt, p->desc, &alpha, f->weight.data, p->layout[0], f->src.data,
                              p->layout[1], &beta, a->dst.data, p->layout[2], a->dst.data,
                              p->layout[2], &p->algo, (void *)(uintptr_t)c->library_work,
                              ZK_CUDA_LT_WORK, (cudaStream_t)c->stream) == CUBLAS_STATUS_SUCCESS;
}

/* With bias and activation in the product if that is offered, after it otherwise;
 * ZK_E_UNSUPPORTED if not even the bare product is. */
static zk_status by_lt(zk_queue *q, const struct zk_linear *a, const struct factors *f)
{
    const bool narrow = a->dst.type != ZK_F32, gelu = narrow && a->act == ZK_ACT_GELU_TANH;
    const void *bias = zk_present(a->bias) ? a->bias.data : NULL;
    zk_status st = ZK_OK;

    if (!lt_ready(q))
        return ZK_E_UNSUPPORTED;
    if (bias && narrow) {
        zk_tensor own = zk_dense(a->work, a->dst.type, 1, a->dst.dim[3]);
        st = zk_cuda_cast(q, &(struct zk_cast){ .dst = own, .src = a->bias });
        bias = own.data;
    }
    const cublasLtEpilogue_t epilogue =
        bias ? (gelu ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_BIAS)
             : (gelu ? CUBLASLT_EPILOGUE_GELU : CUBLASLT_EPILOGUE_DEFAULT);
    if (st != ZK_OK)
        return st;
    if (multiply(q, a, f, epilogue, bias)) {
        const zk_tensor none = { .type = ZK_NONE };
        return gelu || a->act == ZK_ACT_NONE ? ZK_OK : zk_cuda_finish(q, &a->dst, &none, a->act);
    }
    if (multiply(q, a, f, CUBLASLT_EPILOGUE_DEFAULT, NULL))
        return zk_cuda_finish(q, &a->dst, &a->bias, a->act);
    return ZK_E_UNSUPPORTED;
}

/* The activations as F8; ZK_E_UNSUPPORTED if the GPU, or cuBLASLt for this shape, has no such
 * products. */
static zk_status by_f8(zk_queue *q, const struct zk_linear *a, void *work)
{
    struct factors f = { .weight = a->weight };

    if (!zk_cuda_of(q)->f8 || !zk_cuda_is_wide(&a->src) || !lt_ready(q))
        return ZK_E_UNSUPPORTED;
    const zk_status st = zk_cuda_f8(q, &a->src, work, &f.src, &f.scale);
    return st != ZK_OK ? st : by_lt(q, a, &f);
}

/* ---- The entry ---- */

zk_status zk_cuda_linear(zk_queue *q, const struct zk_linear *a)
{
    enum route route = route_of(a);
    struct factors f = { .src = a->src, .weight = a->weight };

    if (a->weight.packing > PACKED_FOR_F8 || !zk_cuda_is_act(a->dst.type) ||
        !zk_cuda_is_act(a->src.type))
        return ZK_E_UNSUPPORTED;
    if (a->dst.dim[2] == 0 || a->dst.dim[3] == 0)
        return ZK_OK;
    if (a->src.dim[3] == 0 && route != BY_FEW_ROWS)
        route = BY_F32;
    const size_t converted = converted_size(a, route);
    if (zk_cuda_linear_work(a) > 0 && !a->work)
        return ZK_E_ARGUMENT;
    if (route == BY_FEW_ROWS)
        return by_few_rows(q, a);
    void *work = a->work ? (char *)a->work + padded(bias_size(a, route)) : NULL;
    zk_status st = may_be_f8(a, route) ? by_f8(q, a, work) : ZK_E_UNSUPPORTED;
    if (st != ZK_E_UNSUPPORTED)
        return st;
    if (converted > 0) {
        f.weight = zk_dense(work, a->src.type, a->weight.dim[2], a->weight.dim[3]);
        st = zk_cuda_pack_rows(q, &a->weight, work, 1,
                               a->src.type == ZK_F32 ? 0 : zk_cuda_terms(a->weight.type));
        if (st != ZK_OK)
            return st;
    }
    st = route == BY_LT ? by_lt(q, a, &f) : ZK_E_UNSUPPORTED;
    if (st != ZK_E_UNSUPPORTED)
        return st;
    return by_own(q, a, &f.weight,
                  route == BY_F32 || (route == BY_LT && a->src.type != ZK_BF16));
}

static bool is_f8_product(const struct zk_pack *p)
{
    const zk_dtype type = p->weight.type;

    return p->f8 && (type == ZK_F8_E4M3 || type == ZK_F8_E5M2) && p->weight.dim[2] % F8_UNIT == 0 &&
           p->weight.dim[3] % F8_UNIT == 0;
}

size_t zk_cuda_linear_packed_size(const struct zk_pack *p)
{
    uint64_t bytes = 0;

    if (p->act != ZK_BF16 || is_wide_float(p->weight.type) ||
        !zk_dtype_size(p->weight.type, (uint64_t)p->weight.dim[2] * (uint64_t)p->weight.dim[3],
                       &bytes))
        return 0;
    return (size_t)bytes;
}

/* Rows of host memory that lie apart are gathered one by one. */
zk_status zk_cuda_linear_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    const zk_tensor *w = &p->weight;
    const zk_dtype_info *info = zk_dtype_get(w->type);
    const size_t row = (size_t)(w->dim[3] / info->block) * (size_t)info->bytes;
    const bool dense = w->step[2] == w->dim[3] || w->dim[2] == 1;
    zk_status st = ZK_OK;

    *packed = *w;
    packed->data = dst;
    packed->packing = is_f8_product(p) ? PACKED_FOR_F8 : PACKED_FOR_BF16;
    for (int i = 0; i < 3; i++)
        packed->step[i] = (int64_t)w->dim[3] * (i < 2 ? w->dim[2] : 1);
    if (!dst)
        return ZK_OK;
    if (dense)
        return zk_cuda_upload(q, dst, w->data, row * (size_t)w->dim[2]);
    for (int32_t r = 0; r < w->dim[2] && st == ZK_OK; r++)
        st = zk_cuda_upload(q, (char *)dst + (size_t)r * row,
                            (const char *)w->data + r * (w->step[2] / info->block) * info->bytes,
                            row);
    return st;
}

zk_status zk_cuda_embed(zk_queue *q, const struct zk_embed *a)
{
    const int32_t n = a->dst.dim[2], cols = a->dst.dim[3];
    const size_t bytes = (size_t)n * sizeof(int32_t);
    const struct zk_cuda_embed args = { .dst = zk_cuda_mat_of(&a->dst),
                                        .table = zk_cuda_mat_of(&a->table), .ids = a->ids.data,
                                        .rows = n, .cols = cols };
    const struct zk_cuda_grid grid = { .x = zk_cuda_blocks(cols, 256),
                                       .y = (unsigned)(n < ZK_CUDA_GRID_Y ? n : ZK_CUDA_GRID_Y),
                                       .block_x = 256, .block_y = 1 };

    if (!zk_cuda_storable(&a->dst))
        return ZK_E_UNSUPPORTED;
    if (n == 0 || cols == 0)
        return ZK_OK;
    int32_t *ids = q->host.alloc(q->host.user, bytes);
    zk_status st = ids ? zk_cuda_fetch(q, ids, a->ids.data, bytes) : ZK_E_NOMEM;
    for (int32_t i = 0; i < n && st == ZK_OK; i++) {
        if (ids[i] < 0 || ids[i] >= a->table.dim[2])
            st = ZK_E_ARGUMENT;
    }
    q->host.free(q->host.user, ids);
    return st != ZK_OK ? st : zk_cuda_launch(q, ZK_CUDA_KERNEL_embed, &grid, &args);
}
