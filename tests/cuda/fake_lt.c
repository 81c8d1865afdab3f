/* cuBLASLt on host memory: takes every product that the real one documents, and
 * computes it if it is told to, in double precision and from what the descriptors
 * say alone. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/dtype.h"
#include "tests/cuda/fake.h"

/* A product, a layout or anything else that is given out. */
struct thing {
    bool used;
    cudaDataType_t type;                  /* layout */
    uint64_t rows, cols;
    int64_t  step;
    cublasOperation_t turned;             /* product */
    cublasLtEpilogue_t epilogue;
    cudaDataType_t bias_type;
    const void  *bias;
    const float *scale;                   /* of the second factor */
};

#define LT_CALL                                                                                    \
    do {                                                                                           \
        if (++fake.lt_calls == fake.lt_fail_at)                                                    \
            return CUBLAS_STATUS_NOT_SUPPORTED;                                                    \
    } while (0)

/* More than 64 plans of four each. What a lost device leaves behind is nobody's to free. */
static struct thing things[512];

static struct thing *give(void)
{
    for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
        if (!things[i].used) {
            things[i] = (struct thing){ .used = true };
            fake.handles++;
            return &things[i];
        }
    }
    abort();
}

static void take_back(void *handle)
{
    struct thing *t = handle;

    fake.wrong += !t->used;
    t->used = false;
    fake.handles--;
}

void fake_lt_forget(void)
{
    memset(things, 0, sizeof(things));
}

static cublasStatus_t lt_create(cublasLtHandle_t *handle)
{
    LT_CALL;
    *handle = (cublasLtHandle_t)give();
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_destroy(cublasLtHandle_t handle)
{
    take_back(handle);
    LT_CALL;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_product_create(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    LT_CALL;
    if (compute != CUBLAS_COMPUTE_32F || scale != CUDA_R_32F)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    *desc = (cublasLtMatmulDesc_t)give();
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_product_destroy(cublasLtMatmulDesc_t desc)
{
    take_back(desc);
    LT_CALL;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_product_set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t what,
                                     const void *value, size_t bytes)
{
    struct thing *t = (struct thing *)desc;
    const struct {
        cublasLtMatmulDescAttributes_t what;
        void  *to;
        size_t bytes;
    } rows[] = {
        { CUBLASLT_MATMUL_DESC_TRANSA, &t->turned, sizeof(t->turned) },
        { CUBLASLT_MATMUL_DESC_EPILOGUE, &t->epilogue, sizeof(t->epilogue) },
        { CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &t->bias_type, sizeof(t->bias_type) },
        { CUBLASLT_MATMUL_DESC_BIAS_POINTER, &t->bias, sizeof(t->bias) },
        { CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, &t->scale, sizeof(t->scale) },
    };

    LT_CALL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].what == what && rows[i].bytes == bytes) {
            memcpy(rows[i].to, value, bytes);
            return CUBLAS_STATUS_SUCCESS;
        }
    }
    return CUBLAS_STATUS_INVALID_VALUE;
}

static cublasStatus_t lt_layout_create(cublasLtMatrixLayout_t *layout, cudaDataType type,
                                       uint64_t rows, uint64_t cols, int64_t step)
{
    LT_CALL;
    if (step < (int64_t)rows)
        return CUBLAS_STATUS_INVALID_VALUE;
    struct thing *t = give();
    t->type = type;
    t->rows = rows;
    t->cols = cols;
    t->step = step;
    *layout = (cublasLtMatrixLayout_t)t;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_layout_destroy(cublasLtMatrixLayout_t layout)
{
    take_back(layout);
    LT_CALL;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_wish_create(cublasLtMatmulPreference_t *wish)
{
    LT_CALL;
    *wish = (cublasLtMatmulPreference_t)give();
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_wish_destroy(cublasLtMatmulPreference_t wish)
{
    take_back(wish);
    LT_CALL;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t lt_wish_set(cublasLtMatmulPreference_t wish,
                                  cublasLtMatmulPreferenceAttributes_t what, const void *value,
                                  size_t bytes)
{
    (void)wish;
    (void)what;
    (void)value;
    (void)bytes;
    LT_CALL;
    return CUBLAS_STATUS_SUCCESS;
}

static bool is_f8(cudaDataType_t type)
{
    return type == CUDA_R_8F_E4M3 || type == CUDA_R_8F_E5M2;
}

/* Columns of factors and results start at whole pieces of 16 bytes where factors are of F8;
 * two of E5M2 are not multiplied. */
static bool is_offered(const struct thing *a, const struct thing *b, const struct thing *d)
{
    if (!is_f8(a->type) && !is_f8(b->type))
        return a->type == b->type;
    return is_f8(a->type) && is_f8(b->type) &&
           (a->type == CUDA_R_8F_E4M3 || b->type == CUDA_R_8F_E4M3) && d->type == CUDA_R_16BF &&
           a->rows % 16 == 0 && a->step % 16 == 0 && b->step % 16 == 0 && d->step % 8 == 0;
}

static cublasStatus_t lt_choose(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                cublasLtMatmulPreference_t wish, int most,
                                cublasLtMatmulHeuristicResult_t *found, int *count)
{
    (void)handle;
    (void)desc;
    (void)wish;
    LT_CALL;
    memset(found, 0, sizeof(*found));
    *count = most >= 1 && c == d &&
             is_offered((struct thing *)a, (struct thing *)b, (struct thing *)d);
    return *count ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

static const zk_dtype_info *info_of(cudaDataType_t type)
{
    return zk_dtype_get(type == CUDA_R_16BF      ? ZK_BF16
                        : type == CUDA_R_16F     ? ZK_F16
                        : type == CUDA_R_8F_E4M3 ? ZK_F8_E4M3
                        : type == CUDA_R_8F_E5M2 ? ZK_F8_E5M2
                                                 : ZK_F32);
}

static float number(const void *data, cudaDataType_t type, int64_t i)
{
    const zk_dtype_info *info = info_of(type);
    float x = 0;

    info->to_f32(&x, (const char *)data + i * info->bytes, 1);
    return x;
}

static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

/* A column of the result for each column of b: a's columns are rows of weights. */
static void compute(const struct thing *p, double alpha, const void *a, const struct thing *al,
                    const void *b, const struct thing *bl, void *d, const struct thing *dl)
{
    const bool bias = p->epilogue == CUBLASLT_EPILOGUE_BIAS ||
                      p->epilogue == CUBLASLT_EPILOGUE_GELU_BIAS;
    const bool act = p->epilogue == CUBLASLT_EPILOGUE_GELU ||
                     p->epilogue == CUBLASLT_EPILOGUE_GELU_BIAS;
    const zk_dtype_info *info = info_of(dl->type);

    for (int64_t c = 0; c < (int64_t)dl->cols; c++) {
        for (int64_t r = 0; r < (int64_t)dl->rows; r++) {
            double sum = 0;
            for (int64_t k = 0; k < (int64_t)al->rows; k++)
                sum += (double)number(a, al->type, r * al->step + k) *
                       (double)number(b, bl->type, c * bl->step + k);
            sum *= alpha * (p->scale ? (double)*p->scale : 1);
            if (bias)
                sum += (double)number(p->bias, p->bias_type, r);
            const float x = (float)(act ? gelu(sum) : sum);
            info->from_f32((char *)d + (c * dl->step + r) * info->bytes, &x, 1);
        }
    }
}

static cublasStatus_t lt_multiply(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                  const void *alpha, const void *a, cublasLtMatrixLayout_t a_layout,
                                  const void *b, cublasLtMatrixLayout_t b_layout, const void *beta,
                                  const void *c, cublasLtMatrixLayout_t c_layout, void *d,
                                  cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algo,
                                  void *work, size_t work_bytes, cudaStream_t stream)
{
    const struct thing *p = (struct thing *)desc;
    const struct thing *al = (struct thing *)a_layout, *bl = (struct thing *)b_layout;
    const struct thing *dl = (struct thing *)d_layout;

    (void)handle;
    (void)algo;
    (void)work;
    (void)work_bytes;
    (void)stream;
    LT_CALL;
    if (p->turned != CUBLAS_OP_T || *(const float *)beta != 0 || c != d || c_layout != d_layout ||
        al->rows != bl->rows || al->cols != dl->rows || bl->cols != dl->cols)
        return CUBLAS_STATUS_INVALID_VALUE;
    fake.products++;
    if (fake.computes)
        compute(p, (double)*(const float *)alpha, a, al, b, bl, d, dl);
    return CUBLAS_STATUS_SUCCESS;
}

void fake_lt_fill(struct zk_cuda_api *api)
{
#define MEMBER(name, symbol, parameters) api->name = name;
    ZK_CUDA_LT(MEMBER)
#undef MEMBER
}
