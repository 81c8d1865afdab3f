/* Attention by cuDNN: one fused operation, planned once for each shape and kept. What
 * cuDNN has no plan for, or fails at, is left to our own kernels. */

#include <string.h>

#include "kernels/cuda/backend.h"

#define ALIGN 16                  /* bytes that every row starts at */
#define FEWEST 64                 /* queries that a plan is worth making for */
#define WAYS 4                    /* configurations that are looked at */

typedef cudnnBackendDescriptor_t part;

enum id { ID_Q = 1, ID_K, ID_V, ID_DST, ID_SCALE };

/* ---- Descriptors: all belong to the plan, which forgets them together ---- */

void zk_cuda_dnn_forget(const struct zk_cuda_api *api, struct zk_cuda_attention *p)
{
    while (p->parts > 0)
        (void)api->dnn_part_destroy(p->part[--p->parts]);
    memset(p, 0, sizeof(*p));
}

/* NULL if there is none to be had. */
static part new_part(const struct zk_cuda_api *api, struct zk_cuda_attention *p,
                     cudnnBackendDescriptorType_t type)
{
    part made = NULL;

    if (p->parts == ZK_CUDA_ATTENTION_PARTS || api->dnn_part_create(type, &made) != 0)
        return NULL;
    return p->part[p->parts++] = made;
}

static bool set(const struct zk_cuda_api *api, part of, cudnnBackendAttributeName_t what,
                cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    return api->dnn_part_set(of, what, type, count, values) == CUDNN_STATUS_SUCCESS;
}

static bool set_part(const struct zk_cuda_api *api, part of, cudnnBackendAttributeName_t what,
                     const part value)
{
    return set(api, of, what, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

/* [1, heads, rows, d], with one head's columns behind another's in each row. */
static part tensor(const struct zk_cuda_api *api, struct zk_cuda_attention *p, enum id name,
                   int64_t heads, int64_t rows, int64_t step)
{
    const bool scale = name == ID_SCALE;
    const cudnnDataType_t type = scale ? CUDNN_DATA_FLOAT
                                 : p->key.type == ZK_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
    const int64_t d = scale ? 1 : p->key.d, align = scale ? sizeof(float) : ALIGN, id = name;
    const int64_t size[] = { 1, heads, rows, d }, steps[] = { step * rows, d, step, 1 };
    part t = new_part(api, p, CUDNN_BACKEND_TENSOR_DESCRIPTOR);

    if (!t || !set(api, t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type) ||
        !set(api, t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, size) ||
        !set(api, t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, steps) ||
        !set(api, t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id) ||
        !set(api, t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &align) ||
        (scale && !set(api, t, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &scale)) ||
        api->dnn_part_finish(t) != CUDNN_STATUS_SUCCESS)
        return NULL;
    return t;
}

/* The graph of the one operation; NULL if it can't be described. */
static part graph_of(const struct zk_cuda_api *api, void *handle, struct zk_cuda_attention *p)
{
    const struct zk_cuda_attention_key *k = &p->key;
    const part q = tensor(api, p, ID_Q, k->heads, k->queries, k->step[0]);
    const part keys = tensor(api, p, ID_K, k->kv_heads, k->keys, k->step[1]);
    const part v = tensor(api, p, ID_V, k->kv_heads, k->keys, k->step[2]);
    const part dst = tensor(api, p, ID_DST, k->heads, k->queries, k->step[3]);
    const part scale = tensor(api, p, ID_SCALE, 1, 1, 1);
    const part op = new_part(api, p, CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
    const part graph = new_part(api, p, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);

    if (!q || !keys || !v || !dst || !scale || !op || !graph ||
        !set_part(api, op, CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC, q) ||
        !set_part(api, op, CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC, keys) ||
        !set_part(api, op, CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC, v) ||
        !set_part(api, op, CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC, dst) ||
        !set_part(api, op, CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC, scale) ||
        api->dnn_part_finish(op) != CUDNN_STATUS_SUCCESS ||
        (handle && !set(api, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1,
                        &handle)) ||
        !set_part(api, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, op) ||
        api->dnn_part_finish(graph) != CUDNN_STATUS_SUCCESS)
        return NULL;
    return graph;
}

int zk_cuda_dnn_ask(const struct zk_cuda_api *api, void *handle, void *properties,
                    struct zk_cuda_attention *p)
{
    const cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;
    const part graph = graph_of(api, handle, p);
    const part guess = graph ? new_part(api, p, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) : NULL;
    int64_t count = 0;

    if (!guess || !set_part(api, guess, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph) ||
        !set(api, guess, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode) ||
        (properties && !set_part(api, guess, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, properties)) ||
        api->dnn_part_finish(guess) != CUDNN_STATUS_SUCCESS)
        return 0;
    p->first_way = p->parts;
    for (int i = 0; i < WAYS; i++) {
        if (!new_part(api, p, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR))
            return 0;
    }
    if (api->dnn_part_get(guess, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, WAYS,
                          &count, &p->part[p->first_way]) != CUDNN_STATUS_SUCCESS)
        return 0;
    return p->ways = count < WAYS ? (int)count : WAYS;
}

/* Sets the plan to the first of the ways that can be had with the memory that there is. */
static void choose(const struct zk_cuda_api *api, void *handle, struct zk_cuda_attention *p)
{
    for (int i = 0; i < p->ways && !p->plan; i++) {
        const part way = p->part[p->first_way + i];
        const part plan = new_part(api, p, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        int64_t bytes = 0, count = 0;
        if (plan &&
            set(api, plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle) &&
            set_part(api, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, way) &&
            api->dnn_part_finish(plan) == CUDNN_STATUS_SUCCESS &&
            api->dnn_part_get(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                              &count, &bytes) == CUDNN_STATUS_SUCCESS &&
            bytes >= 0 && (uint64_t)bytes <= ZK_CUDA_LT_WORK)
            p->plan = plan;
    }
}

/* ---- Plans ---- */

/* The plan made before, or a new one in the place of the oldest. */
static struct zk_cuda_attention *plan_of(struct zk_cuda *c, const struct zk_cuda_attention_key *key)
{
    for (int i = 0; i < c->attentions; i++) {
        if (memcmp(&c->attention[i].key, key, sizeof(*key)) == 0)
            return &c->attention[i];
    }
    struct zk_cuda_attention *p = &c->attention[c->oldest_attention];
    c->oldest_attention = (c->oldest_attention + 1) % ZK_CUDA_ATTENTIONS;
    c->attentions += c->attentions < ZK_CUDA_ATTENTIONS;
    zk_cuda_dnn_forget(&c->api, p);
    p->key = *key;
    (void)zk_cuda_dnn_ask(&c->api, c->dnn, NULL, p);
    choose(&c->api, c->dnn, p);
    return p;
}

/* The handle, when first needed. */
static bool ready(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);
    cudnnHandle_t handle = NULL;

    if (!c->dnn_tried) {
        c->dnn_tried = true;
        zk_cuda_api_load_dnn(&c->api);
        if (c->api.has_dnn && c->api.dnn_create(&handle) == CUDNN_STATUS_SUCCESS) {
            if (c->api.dnn_stream(handle, (cudaStream_t)c->stream) == CUDNN_STATUS_SUCCESS)
                c->dnn = handle;
            else
                (void)c->api.dnn_destroy(handle);
        }
    }
    return c->dnn && zk_cuda_library_work(q);
}

void zk_cuda_dnn_close(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);

    for (int i = 0; i < c->attentions; i++)
        zk_cuda_dnn_forget(&c->api, &c->attention[i]);
    c->attentions = 0;
    if (c->dnn)
        (void)c->api.dnn_destroy(c->dnn);
    c->dnn = NULL;
}

/* ---- The operation ---- */

static bool is_aligned(const zk_tensor *t)
{
    return (uintptr_t)t->data % ALIGN == 0 && t->step[2] * 2 % ALIGN == 0;
}

static bool takes(const struct zk_attend *a, int32_t d)
{
    const zk_dtype type = a->q.type;

    return (type == ZK_BF16 || type == ZK_F16) && a->k.type == type && a->v.type == type &&
           a->dst.type == type && a->mask == ZK_MASK_NONE && a->scale > 0 && d % 8 == 0 &&
           d <= 128 && a->q.dim[2] >= FEWEST && a->k.dim[2] >= FEWEST && is_aligned(&a->q) &&
           is_aligned(&a->k) && is_aligned(&a->v) && is_aligned(&a->dst);
}

static bool run(struct zk_cuda *c, struct zk_cuda_attention *p, const struct zk_attend *a)
{
    const struct zk_cuda_api *api = &c->api;
    const int64_t ids[] = { ID_Q, ID_K, ID_V, ID_DST, ID_SCALE };
    const float scale = a->scale;
    const void *const data[] = { a->q.data, a->k.data, a->v.data, a->dst.data, &scale };
    const void *const work = (void *)(uintptr_t)c->library_work;
    part pack = NULL;

    if (api->dnn_part_create(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack) != CUDNN_STATUS_SUCCESS)
        return false;
    const bool done =
        set(api, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 5, ids) &&
        set(api, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 5, data) &&
        set(api, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &work) &&
        api->dnn_part_finish(pack) == CUDNN_STATUS_SUCCESS &&
        api->dnn_run(c->dnn, p->plan, pack) == CUDNN_STATUS_SUCCESS;
    (void)api->dnn_part_destroy(pack);
    if (!done)
        p->plan = NULL;
    return done;
}

bool zk_cuda_dnn_attend(zk_queue *q, const struct zk_attend *a)
{
    const int32_t d = a->q.dim[3] / a->heads;
    struct zk_cuda_attention_key key;

    if (!takes(a, d) || !ready(q))
        return false;
    memset(&key, 0, sizeof(key));
    key.step[0] = a->q.step[2];
    key.step[1] = a->k.step[2];
    key.step[2] = a->v.step[2];
    key.step[3] = a->dst.step[2];
    key.queries = a->q.dim[2];
    key.keys = a->k.dim[2];
    key.heads = a->heads;
    key.kv_heads = a->kv_heads;
    key.d = d;
    key.type = (int32_t)a->q.type;
    struct zk_cuda_attention *p = plan_of(zk_cuda_of(q), &key);
    return p->plan && run(zk_cuda_of(q), p, a);
}
