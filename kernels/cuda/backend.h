/* A queue of the CUDA backend, and what its files share. Every entry of the table
 * makes the device's primary context current for its own time only; the functions
 * below expect that. Private to kernels/cuda.
 *
 * Thread safety: as a queue's, one thread at a time. */
#ifndef ZK_CUDA_BACKEND_H
#define ZK_CUDA_BACKEND_H

#include "kernels/cuda/api.h"
#include "kernels/cuda/args.h"
#include "kernels/queue.h"

enum zk_cuda_kernel {
#define ZK_CUDA_KERNEL_ENUM(name, file) ZK_CUDA_KERNEL_##name,
    ZK_CUDA_KERNELS(ZK_CUDA_KERNEL_ENUM)
#undef ZK_CUDA_KERNEL_ENUM
    ZK_CUDA_KERNEL_COUNT
};

enum zk_cuda_module {
#define ZK_CUDA_MODULE_ENUM(name) ZK_CUDA_MODULE_##name,
    ZK_CUDA_MODULES(ZK_CUDA_MODULE_ENUM)
#undef ZK_CUDA_MODULE_ENUM
    ZK_CUDA_MODULE_COUNT
};

#define ZK_CUDA_PRODUCTS 64       /* plans of cuBLASLt that are kept */
#define ZK_CUDA_PINNED ((size_t)16 << 20)
#define ZK_CUDA_ATTENTIONS 16     /* the same of cuDNN */
#define ZK_CUDA_LT_WORK ((size_t)32 << 20)

/* All that a choice of cuBLASLt depends on. Without gaps, for it is compared as bytes. */
struct zk_cuda_product_key {
    int64_t src_step, dst_step, weight_step;
    int32_t m, n, k;
    int32_t type, weight_type, dst_type;
    int32_t epilogue;                     /* cublasLtEpilogue_t */
    int32_t align[4];                     /* of src, weight, dst and bias: bytes, 1 to 256 */
};

struct zk_cuda_product {
    struct zk_cuda_product_key key;
    cublasLtMatmulDesc_t   desc;
    cublasLtMatrixLayout_t layout[3];     /* weight, src, dst */
    cublasLtMatmulAlgo_t   algo;
    bool usable;
};

/* All that a choice of cuDNN depends on, compared as bytes too. */
struct zk_cuda_attention_key {
    int64_t step[4];                      /* of q, k, v and dst */
    int32_t queries, keys, heads, kv_heads, d;
    int32_t type;
};

#define ZK_CUDA_ATTENTION_PARTS 24

struct zk_cuda_attention {
    struct zk_cuda_attention_key key;
    void *part[ZK_CUDA_ATTENTION_PARTS];  /* descriptors, all that it took */
    int   parts, first_way, ways;         /* of them: configurations that are offered */
    void *plan;                           /* one of them; NULL: not to be had */
};

struct zk_cuda {
    struct zk_cuda_api api;
    CUdevice   device;
    CUcontext  context;                   /* the primary one, retained; NULL: not */
    CUstream   stream;                    /* where things are enqueued now: one of these two */
    CUstream   work, copies;              /* copies: when first needed */
    CUevent    mark[2], copied;           /* in work at the last two changes, and in copies */
    unsigned   marks;
    CUmodule   module[ZK_CUDA_MODULE_COUNT];
    CUfunction kernel[ZK_CUDA_KERNEL_COUNT];
    bool       f8;                        /* has products of F8 */
    bool       lost;                      /* after an error that nothing but a new process ends */

    int         noting;                   /* the number that ops are noted as, and 1; 0: none */
    CUgraphExec noted[ZK_RECORDS];

    void   *pinned[2];                    /* what uploads pass through; when first needed */
    CUevent sent[2];                      /* the last copy out of each */
    int     turn;

    cublasLtHandle_t lt;                  /* when first needed */
    bool        lt_tried;
    CUdeviceptr library_work;             /* for cuBLASLt and cuDNN, ZK_CUDA_LT_WORK bytes */
    bool        library_work_tried;
    struct zk_cuda_product product[ZK_CUDA_PRODUCTS];
    int         products, oldest;

    void       *dnn;                      /* cuDNN's handle, when first needed */
    bool        dnn_tried;
    struct zk_cuda_attention attention[ZK_CUDA_ATTENTIONS];
    int         attentions, oldest_attention;
};

static inline struct zk_cuda *zk_cuda_of(const zk_queue *q)
{
    return q->state;
}

/* ZK_OK for CUDA_SUCCESS. Otherwise the status that it is for a caller, and a line in the
 * log which says what was tried. */
zk_status zk_cuda_status(zk_queue *q, CUresult result, const char *what);

struct zk_cuda_grid {
    int64_t  x;                           /* blocks; 0: nothing to do */
    unsigned y;
    unsigned block_x, block_y;            /* threads */
    unsigned shared;                      /* bytes */
};

zk_status zk_cuda_launch(zk_queue *q, enum zk_cuda_kernel kernel, const struct zk_cuda_grid *grid,
                         const void *args);

static inline int64_t zk_cuda_blocks(int64_t n, int64_t each)
{
    return (n + each - 1) / each;
}

/* A tensor's rows; a vector is read again for every row. */
struct zk_cuda_mat zk_cuda_mat_of(const zk_tensor *t);

#define ZK_CUDA_GRID_Y 65535

/* Types that products take and give, and those that kernels can write at all. */
static inline bool zk_cuda_is_act(zk_dtype type)
{
    return type == ZK_F32 || type == ZK_BF16 || type == ZK_F16;
}

static inline bool zk_cuda_storable(const zk_tensor *t)
{
    return zk_cuda_is_act(t->type) || t->type == ZK_F8_E4M3 || t->type == ZK_F8_E5M2;
}

/* Whether rows can be read 8 elements at a time, in 16 bytes or 32. */
bool zk_cuda_is_wide(const zk_tensor *t);

/* Weights as bf16 terms, or as f32 without terms, into dst. */
zk_status zk_cuda_pack_rows(zk_queue *q, const zk_tensor *weight, void *dst, int32_t taps,
                            int32_t terms);

/* How many bf16 numbers add up to any value of the type, as far as products may round. */
int32_t zk_cuda_terms(zk_dtype type);

/* The general product. Its fields of sizes are set; the kernel is chosen by terms. */
zk_status zk_cuda_gemm(zk_queue *q, const struct zk_cuda_gemm *g);

/* Activations as F8 in work memory of so many bytes, and where on the device their scale is. */
size_t    zk_cuda_f8_size(const zk_tensor *src);
zk_status zk_cuda_f8(zk_queue *q, const zk_tensor *src, void *work, zk_tensor *f8,
                     const float **scale);

/* dst = act(dst + bias); bias may be absent. */
zk_status zk_cuda_finish(zk_queue *q, const zk_tensor *dst, const zk_tensor *bias, zk_act act);

/* Memory for libraries on the stream, when first needed; false without. */
bool zk_cuda_library_work(zk_queue *q);

/* Attention by cuDNN; false if nothing was done. */
#if ZK_HAVE_CUDNN
bool zk_cuda_dnn_attend(zk_queue *q, const struct zk_attend *a);
void zk_cuda_dnn_close(zk_queue *q);

/* Describes the operation of the key, and asks for ways to do it: on the device of the
 * handle, or on one with these properties (a descriptor). Returns how many there are. */
int  zk_cuda_dnn_ask(const struct zk_cuda_api *api, void *handle, void *properties,
                     struct zk_cuda_attention *p);
void zk_cuda_dnn_forget(const struct zk_cuda_api *api, struct zk_cuda_attention *p);
#else
static inline bool zk_cuda_dnn_attend(zk_queue *q, const struct zk_attend *a)
{
    (void)q;
    (void)a;
    return false;
}

static inline void zk_cuda_dnn_close(zk_queue *q)
{
    (void)q;
}
#endif

/* Copies to the device, of which the source may be reused at once; and a float back. */
zk_status zk_cuda_upload(zk_queue *q, void *dst, const void *src, size_t bytes);
zk_status zk_cuda_fetch(zk_queue *q, void *dst, const void *src, size_t bytes);

/* What linear and conv say beside their entries in the table. */
size_t    zk_cuda_linear_work(const void *args);
size_t    zk_cuda_linear_packed_size(const struct zk_pack *p);
zk_status zk_cuda_linear_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed);
void      zk_cuda_linear_close(zk_queue *q);
size_t    zk_cuda_conv_work(const void *args);
size_t    zk_cuda_conv_packed_size(const struct zk_pack *p);
zk_status zk_cuda_conv_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed);
size_t    zk_cuda_norm_work(const void *args);
size_t    zk_cuda_drift_work(const void *args);

/* The entries; arguments have been checked, and the context is current. */
#define ZK_CUDA_SLOT(slot, args) zk_status zk_cuda_##slot(zk_queue *, const struct args *);
ZK_OPS(ZK_CUDA_SLOT)
#undef ZK_CUDA_SLOT

#endif
