/* See fake.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cuda/fake.h"

struct fake fake = { .devices = -1 };

/* Things without contents are given out as addresses in this; streams and events as those
 * that their number has. */
static char things[32];
#define thing (things[0])

static void *numbered(int number)
{
    return &things[number % 32];
}

static int number_of(const void *stream_or_event)
{
    return (int)((const char *)stream_or_event - things);
}

/* Notes what is done on a stream, in short: "copy 1". */
static void note(const char *what, const void *stream, const void *event)
{
    const size_t at = strlen(fake.order);

    if (fake.notes && event)
        snprintf(fake.order + at, sizeof(fake.order) - at, "%s %d %d, ", what, number_of(stream),
                 number_of(event));
    else if (fake.notes)
        snprintf(fake.order + at, sizeof(fake.order) - at, "%s %d, ", what, number_of(stream));
}

/* Memory of both kinds that is given out. */
#define BLOCKS 64
static void *blocks[BLOCKS];

static void *take_block(size_t bytes)
{
    for (int i = 0; i < BLOCKS; i++) {
        if (!blocks[i])
            return blocks[i] = bytes > 0 ? aligned_alloc(256, (bytes + 255) / 256 * 256) : NULL;
    }
    return NULL;
}

static void give_block(void *mem)
{
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i] == mem) {
            free(mem);
            blocks[i] = NULL;
            return;
        }
    }
    fake.wrong++;
}

static void forget_capture(void);

void fake_reset(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    fake = (struct fake){ .devices = -1 };
    forget_capture();
    fake_lt_forget();
}

int fake_left(void)
{
    return fake.contexts + fake.depth + fake.memories + fake.pinned + fake.streams + fake.events +
           fake.modules + fake.handles + fake.graphs;
}

/* Counts a call; true if it is to fail. A device that is lost still has its context. */
static bool fails(const char *name)
{
    const bool context = strncmp(name, "context_", 8) == 0;

    fake.calls++;
    fake.last = name;
    const bool now = fake.fail_at > 0 && (fake.calls == fake.fail_at ||
                                          (fake.stays && fake.calls > fake.fail_at &&
                                           !context));
    if (now && !fake.failed)
        fake.failed = name;
    return now;
}

#define CALL                                                                                       \
    do {                                                                                           \
        if (fails(__func__))                                                                       \
            return fake.error;                                                                     \
    } while (0)

/* The same where a context must be current. */
#define CALL_INSIDE                                                                                \
    do {                                                                                           \
        fake.wrong += fake.depth < 1;                                                              \
        CALL;                                                                                      \
    } while (0)

static CUresult init(unsigned flags)
{
    (void)flags;
    CALL;
    return CUDA_SUCCESS;
}

static CUresult version(int *v)
{
    CALL;
    *v = fake.version ? fake.version : CUDA_VERSION;
    return CUDA_SUCCESS;
}

/* Never fails, for it is how failures are told. */
static CUresult error_name(CUresult error, const char **name)
{
    static char text[32];

    snprintf(text, sizeof(text), "CUDA_ERROR_%d", (int)error);
    *name = text;
    return CUDA_SUCCESS;
}

static CUresult device_count(int *count)
{
    CALL;
    *count = fake.devices < 0 ? 1 : fake.devices;
    return CUDA_SUCCESS;
}

static CUresult device_get(CUdevice *device, int index)
{
    CALL;
    *device = index;
    return CUDA_SUCCESS;
}

static CUresult device_name(char *name, int size, CUdevice device)
{
    (void)device;
    CALL;
    snprintf(name, (size_t)size, "Fake GPU");
    return CUDA_SUCCESS;
}

static CUresult device_attribute(int *value, CUdevice_attribute attribute, CUdevice device)
{
    const int capability = fake.capability ? fake.capability : 90;

    (void)device;
    CALL;
    *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? capability / 10
                                                                       : capability % 10;
    return CUDA_SUCCESS;
}

static CUresult context_retain(CUcontext *context, CUdevice device)
{
    (void)device;
    CALL;
    fake.contexts++;
    *context = (CUcontext)(void *)&thing;
    return CUDA_SUCCESS;
}

/* What takes something back does so even when it says that it failed. */
static CUresult context_release(CUdevice device)
{
    (void)device;
    fake.contexts--;
    CALL;
    return CUDA_SUCCESS;
}

static CUresult context_push(CUcontext context)
{
    fake.wrong += context != (CUcontext)(void *)&thing;
    CALL;
    fake.depth++;
    return CUDA_SUCCESS;
}

static CUresult context_pop(CUcontext *context)
{
    fake.wrong += fake.depth < 1;
    fake.depth--;
    CALL;
    *context = (CUcontext)(void *)&thing;
    return CUDA_SUCCESS;
}

static CUresult memory_info(size_t *left, size_t *all)
{
    CALL_INSIDE;
    *left = 1 << 20;
    *all = 1 << 30;
    return CUDA_SUCCESS;
}

static CUresult memory_alloc(CUdeviceptr *mem, size_t bytes)
{
    CALL_INSIDE;
    void *got = take_block(bytes);
    if (!got)
        return CUDA_ERROR_OUT_OF_MEMORY;
    fake.memories++;
    *mem = (CUdeviceptr)(uintptr_t)got;
    return CUDA_SUCCESS;
}

static CUresult memory_free(CUdeviceptr mem)
{
    fake.memories--;
    give_block((void *)(uintptr_t)mem);
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

static CUresult pinned_alloc(void **mem, size_t bytes, unsigned flags)
{
    (void)flags;
    CALL_INSIDE;
    *mem = take_block(bytes);
    if (!*mem)
        return CUDA_ERROR_OUT_OF_MEMORY;
    fake.pinned++;
    return CUDA_SUCCESS;
}

static CUresult pinned_free(void *mem)
{
    fake.pinned--;
    give_block(mem);
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

static CUresult copy_to(CUdeviceptr dst, const void *src, size_t bytes, CUstream stream)
{
    CALL_INSIDE;
    note("copy", stream, NULL);
    memcpy((void *)(uintptr_t)dst, src, bytes);
    return CUDA_SUCCESS;
}

static CUresult copy_from(void *dst, CUdeviceptr src, size_t bytes, CUstream stream)
{
    (void)stream;
    CALL_INSIDE;
    memcpy(dst, (const void *)(uintptr_t)src, bytes);
    return CUDA_SUCCESS;
}

static CUresult stream_create(CUstream *stream, unsigned flags)
{
    (void)flags;
    CALL_INSIDE;
    fake.streams++;
    *stream = numbered(++fake.numbers);
    return CUDA_SUCCESS;
}

static CUresult stream_destroy(CUstream stream)
{
    (void)stream;
    fake.streams--;
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

static CUresult stream_wait(CUstream stream)
{
    (void)stream;
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

static CUresult stream_wait_event(CUstream stream, CUevent event, unsigned flags)
{
    (void)flags;
    CALL_INSIDE;
    note("wait", stream, event);
    return CUDA_SUCCESS;
}

static CUresult event_create(CUevent *event, unsigned flags)
{
    (void)flags;
    CALL_INSIDE;
    fake.events++;
    *event = numbered(++fake.numbers);
    return CUDA_SUCCESS;
}

static CUresult event_destroy(CUevent event)
{
    (void)event;
    fake.events--;
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

static CUresult event_record(CUevent event, CUstream stream)
{
    CALL_INSIDE;
    note("record", stream, event);
    return CUDA_SUCCESS;
}

static CUresult event_wait(CUevent event)
{
    (void)event;
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

static CUresult module_load(CUmodule *module, const void *image)
{
    CALL_INSIDE;
    if (!image)
        return CUDA_ERROR_INVALID_IMAGE;
    fake.modules++;
    *module = (CUmodule)(void *)&thing;
    return CUDA_SUCCESS;
}

static CUresult module_unload(CUmodule module)
{
    (void)module;
    fake.modules--;
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

/* A function is its name, which the backend keeps for good. */
static CUresult module_function(CUfunction *function, CUmodule module, const char *name)
{
    (void)module;
    CALL_INSIDE;
    *function = (CUfunction)(uintptr_t)name;
    return CUDA_SUCCESS;
}

static CUresult function_set(CUfunction function, CUfunction_attribute attribute, int value)
{
    (void)function;
    (void)attribute;
    (void)value;
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

/* ---- Graphs: lists of launches ---- */

struct graph {
    int count, room;
    struct kept {
        const char *name;
        unsigned grid[2], block[2], shared;
        void *args;
    } *kept;
};

static struct graph *capturing;

/* Those that are given out; their context takes them along where it can't be had any more. */
#define GRAPHS 16
static struct graph *graphs[GRAPHS];

static struct graph *new_graph(void)
{
    for (int i = 0; i < GRAPHS; i++) {
        if (!graphs[i])
            return graphs[i] = calloc(1, sizeof(*graphs[i]));
    }
    return NULL;
}

static CUresult keep_launch(const char *name, const unsigned *grid, const unsigned *block,
                            unsigned shared, const void *args)
{
    struct graph *g = capturing;
    const size_t size = fake.args_size ? fake.args_size(name) : 0;

    if (g->count == g->room) {
        g->room = g->room ? 2 * g->room : 16;
        g->kept = realloc(g->kept, (size_t)g->room * sizeof(*g->kept));
    }
    struct kept *k = &g->kept[g->count++];
    *k = (struct kept){ .name = name, .grid = { grid[0], grid[1] },
                        .block = { block[0], block[1] }, .shared = shared,
                        .args = malloc(size + 1) };
    memcpy(k->args, args, size);
    return CUDA_SUCCESS;
}

static void free_graph(struct graph *g)
{
    for (int i = 0; g && i < g->count; i++)
        free(g->kept[i].args);
    for (int i = 0; g && i < GRAPHS; i++) {
        if (graphs[i] == g)
            graphs[i] = NULL;
    }
    if (g)
        free(g->kept);
    free(g);
}

static void forget_capture(void)
{
    for (int i = 0; i < GRAPHS; i++)
        free_graph(graphs[i]);
    capturing = NULL;
}

static CUresult capture_begin(CUstream stream, CUstreamCaptureMode mode)
{
    (void)stream;
    (void)mode;
    CALL_INSIDE;
    if (capturing)
        return CUDA_ERROR_ILLEGAL_STATE;
    capturing = new_graph();
    return capturing ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* A capture ends even where that fails. */
static CUresult capture_end(CUstream stream, CUgraph *graph)
{
    struct graph *g = capturing;

    (void)stream;
    *graph = NULL;
    capturing = NULL;
    if (fails(__func__)) {
        free_graph(g);
        return fake.error;
    }
    fake.graphs++;
    *graph = (CUgraph)(void *)g;
    return CUDA_SUCCESS;
}

/* Takes the graph's place, which is empty then. */
static CUresult graph_ready(CUgraphExec *ready, CUgraph graph, unsigned long long flags)
{
    (void)flags;
    CALL_INSIDE;
    struct graph *g = (struct graph *)(void *)graph, *taken = new_graph();

    if (!taken)
        return CUDA_ERROR_OUT_OF_MEMORY;
    *taken = *g;
    *g = (struct graph){ .count = 0 };
    fake.graphs++;
    *ready = (CUgraphExec)(void *)taken;
    return CUDA_SUCCESS;
}

static CUresult graph_destroy(CUgraph graph)
{
    fake.graphs--;
    free_graph((struct graph *)(void *)graph);
    CALL;
    return CUDA_SUCCESS;
}

static CUresult graph_forget(CUgraphExec ready)
{
    fake.graphs--;
    free_graph((struct graph *)(void *)ready);
    CALL_INSIDE;
    return CUDA_SUCCESS;
}

static CUresult graph_launch(CUgraphExec ready, CUstream stream)
{
    const struct graph *g = (const struct graph *)(void *)ready;

    CALL_INSIDE;
    note("graph", stream, NULL);
    fake.replayed += g->count;
    for (int i = 0; fake.run && i < g->count; i++) {
        const struct kept *k = &g->kept[i];
        if (!fake.run(k->name, k->grid, k->block, k->shared, k->args))
            return CUDA_ERROR_NOT_FOUND;
    }
    return CUDA_SUCCESS;
}

static CUresult launch(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                       CUstream stream, void **parameters, void **extra)
{
    const unsigned grid[] = { grid_x, grid_y }, block[] = { block_x, block_y };

    CALL_INSIDE;
    fake.launches++;
    note("launch", stream, NULL);
    if (grid_z != 1 || block_z != 1 || extra || grid_y > 65535 || block_x * block_y > 1024)
        return CUDA_ERROR_INVALID_VALUE;
    if (capturing)
        return keep_launch((const char *)function, grid, block, shared, parameters[0]);
    if (fake.run && !fake.run((const char *)function, grid, block, shared, parameters[0]))
        return CUDA_ERROR_NOT_FOUND;
    return CUDA_SUCCESS;
}

/* ---- cuDNN: offers one way to do everything, and does nothing ---- */

#if ZK_HAVE_CUDNN
static void *given(void)
{
    fake.handles++;
    return &thing;
}

#define DNN_CALL                                                                                   \
    do {                                                                                           \
        if (++fake.dnn_calls == fake.dnn_fail_at)                                                  \
            return CUDNN_STATUS_NOT_SUPPORTED;                                                     \
    } while (0)

static cudnnStatus_t dnn_create(cudnnHandle_t *handle)
{
    DNN_CALL;
    *handle = given();
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t dnn_destroy(cudnnHandle_t handle)
{
    (void)handle;
    fake.handles--;
    DNN_CALL;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t dnn_stream(cudnnHandle_t handle, cudaStream_t stream)
{
    (void)handle;
    (void)stream;
    DNN_CALL;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t dnn_part_create(cudnnBackendDescriptorType_t type,
                                     cudnnBackendDescriptor_t *part)
{
    (void)type;
    DNN_CALL;
    *part = given();
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t dnn_part_destroy(cudnnBackendDescriptor_t part)
{
    (void)part;
    fake.handles--;
    DNN_CALL;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t dnn_part_set(cudnnBackendDescriptor_t part, cudnnBackendAttributeName_t what,
                                  cudnnBackendAttributeType_t type, int64_t count,
                                  const void *values)
{
    (void)part;
    (void)what;
    (void)type;
    DNN_CALL;
    return count > 0 && values ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

static cudnnStatus_t dnn_part_get(cudnnBackendDescriptor_t const part,
                                  cudnnBackendAttributeName_t what,
                                  cudnnBackendAttributeType_t type, int64_t most, int64_t *count,
                                  void *values)
{
    (void)part;
    (void)type;
    DNN_CALL;
    *count = most < 1 ? most : 1;
    if (what == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)
        *(int64_t *)values = 4096;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t dnn_part_finish(cudnnBackendDescriptor_t part)
{
    (void)part;
    DNN_CALL;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t dnn_run(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                             cudnnBackendDescriptor_t pack)
{
    (void)handle;
    DNN_CALL;
    if (!plan || !pack)
        return CUDNN_STATUS_BAD_PARAM;
    fake.attentions++;
    return CUDNN_STATUS_SUCCESS;
}
#endif

void zk_cuda_api_load_dnn(struct zk_cuda_api *api)
{
#define MEMBER(name, symbol, parameters) api->name = name;
    ZK_CUDA_DNN(MEMBER)
#undef MEMBER
    api->has_dnn = ZK_HAVE_CUDNN && !fake.no_dnn;
}

bool zk_cuda_api_load(struct zk_cuda_api *api, char *why, size_t size)
{
    if (fake.no_driver) {
        snprintf(why, size, "there is no NVIDIA driver (libcuda.so.1)");
        return false;
    }
    *api = (struct zk_cuda_api){
#define MEMBER(name, symbol, parameters) .name = name,
        ZK_CUDA_DRIVER(MEMBER)
#undef MEMBER
        .has_lt = !fake.no_lt,
    };
    fake_lt_fill(api);
    return true;
}
