/* The CUDA backend: its table, opening a device, and memory. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernels/cuda/backend.h"
#include "kernels/ref/ref.h"

#define LEAST_CAPABILITY 80       /* bf16 matrix units and copies behind a thread's back */
#define F8_CAPABILITY 89          /* the first with products of F8 */
#define SMALL ((size_t)64 << 10)  /* bytes that the driver takes over on its own */

_Static_assert(ZK_CUDA_SILU == (int)ZK_ACT_SILU && ZK_CUDA_GELU_TANH == (int)ZK_ACT_GELU_TANH &&
               ZK_CUDA_GELU_ERF == (int)ZK_ACT_GELU_ERF &&
               ZK_CUDA_QUICK_GELU == (int)ZK_ACT_QUICK_GELU && ZK_CUDA_SOURCES == ZK_MIX_MAX,
               "args.h counts as kernels.h does");

/* The compiled kernels, one image for each file. */
#define DECLARE(name) extern const unsigned char zk_cuda_image_##name[];
ZK_CUDA_MODULES(DECLARE)
#undef DECLARE

static const void *const images[] = {
#define IMAGE(name) zk_cuda_image_##name,
    ZK_CUDA_MODULES(IMAGE)
#undef IMAGE
};

static const struct {
    const char *name;
    enum zk_cuda_module module;
} kernels[] = {
#define KERNEL(name, file) { "zk_gpu_" #name, ZK_CUDA_MODULE_##file },
    ZK_CUDA_KERNELS(KERNEL)
#undef KERNEL
};

/* ---- Failures ---- */

/* Errors after which every call of this process on the device fails. */
static bool is_final(CUresult r)
{
    static const CUresult final[] = {
        CUDA_ERROR_ILLEGAL_ADDRESS, CUDA_ERROR_LAUNCH_FAILED, CUDA_ERROR_LAUNCH_TIMEOUT,
        CUDA_ERROR_HARDWARE_STACK_ERROR, CUDA_ERROR_ILLEGAL_INSTRUCTION,
        CUDA_ERROR_MISALIGNED_ADDRESS, CUDA_ERROR_INVALID_ADDRESS_SPACE, CUDA_ERROR_INVALID_PC,
        CUDA_ERROR_ASSERT, CUDA_ERROR_ECC_UNCORRECTABLE, CUDA_ERROR_CONTEXT_IS_DESTROYED,
        CUDA_ERROR_DEINITIALIZED,
    };

    for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
        if (final[i] == r)
            return true;
    }
    return false;
}

static const char *name_of(const struct zk_cuda *c, CUresult r)
{
    const char *name = NULL;

    return c->api.error_name(r, &name) == CUDA_SUCCESS && name ? name : "an unknown error";
}

static void say(const zk_queue *q, const char *text)
{
    if (q->host.log)
        q->host.log(q->host.user, text);
}

zk_status zk_cuda_status(zk_queue *q, CUresult result, const char *what)
{
    struct zk_cuda *c = zk_cuda_of(q);
    char line[200];

    if (result == CUDA_SUCCESS)
        return ZK_OK;
    if (is_final(result))
        c->lost = true;
    snprintf(line, sizeof(line), "cuda: %s: %s%s", what, name_of(c, result),
             c->lost ? "; the device is lost to this process" : "");
    say(q, line);
    return result == CUDA_ERROR_OUT_OF_MEMORY ? ZK_E_NOMEM : ZK_E_DEVICE;
}

/* ---- The context, which is the host's as much as ours ---- */

static zk_status enter(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);

    if (c->lost)
        return ZK_E_DEVICE;
    return zk_cuda_status(q, c->api.context_push(c->context), "making the context current");
}

/* What was done is done, whether or not leaving succeeds; a failure is in the log. */
static zk_status leave(zk_queue *q, zk_status st)
{
    struct zk_cuda *c = zk_cuda_of(q);
    CUcontext ours;

    (void)zk_cuda_status(q, c->api.context_pop(&ours), "leaving the context");
    return st;
}

/* ---- Kernels ---- */

zk_status zk_cuda_launch(zk_queue *q, enum zk_cuda_kernel kernel, const struct zk_cuda_grid *grid,
                         const void *args)
{
    struct zk_cuda *c = zk_cuda_of(q);
    void *parameters[] = { (void *)(uintptr_t)args };

    if (grid->x <= 0 || grid->y == 0)
        return ZK_OK;
    if (grid->x > INT32_MAX)
        return ZK_E_SHAPE;
    return zk_cuda_status(q, c->api.launch(c->kernel[kernel], (unsigned)grid->x, grid->y, 1,
                                           grid->block_x, grid->block_y, 1, grid->shared,
                                           c->stream, parameters, NULL),
                          kernels[kernel].name);
}

struct zk_cuda_mat zk_cuda_mat_of(const zk_tensor *t)
{
    return (struct zk_cuda_mat){
        .data = t->data,
        .step = t->dim[2] == 1 ? 0 : t->step[2],
        .type = (int32_t)t->type,
        .scale = t->scale != 0 ? t->scale : 1,
    };
}

bool zk_cuda_is_wide(const zk_tensor *t)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);
    const int64_t row = t->dim[2] == 1 ? 0 : t->step[2] * info->bytes;

    return t->dim[3] % 8 == 0 && (info->bytes == 1 || info->block > 1 ||
                                  (((uintptr_t)t->data | (uint64_t)row) & 15) == 0);
}

/* ---- Opening ---- */

/* Writes why there is no device, and returns the status that stands for it. */
static zk_status refuse(const zk_device_desc *desc, zk_status st, const char *why, const char *more)
{
    if (desc->why && desc->why_size > 0)
        snprintf(desc->why, desc->why_size, "%s%s", why, more);
    return st;
}

static zk_status find_device(struct zk_cuda *c, const zk_device_desc *desc)
{
    char text[240], name[100] = "";
    int version = 0, count = 0, major = 0, minor = 0;
    CUresult r = c->api.init(0);

    if (r != CUDA_SUCCESS)
        return refuse(desc, ZK_E_DEVICE, "the NVIDIA driver does not start: ", name_of(c, r));
    r = c->api.version(&version);
    if (r != CUDA_SUCCESS || version / 1000 < CUDA_VERSION / 1000) {
        snprintf(text, sizeof(text), "the NVIDIA driver is for CUDA %d.%d, needed is %d.0",
                 version / 1000, version % 1000 / 10, CUDA_VERSION / 1000);
        return refuse(desc, ZK_E_DEVICE, text, "");
    }
    r = c->api.device_count(&count);
    if (r != CUDA_SUCCESS || count < 1)
        return refuse(desc, ZK_E_DEVICE, "the NVIDIA driver finds no GPU",
                      r != CUDA_SUCCESS ? name_of(c, r) : "");
    r = c->api.device_get(&c->device, 0);
    if (r == CUDA_SUCCESS)
        r = c->api.device_name(name, (int)sizeof(name), c->device);
    if (r == CUDA_SUCCESS)
        r = c->api.device_attribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
                                    c->device);
    if (r == CUDA_SUCCESS)
        r = c->api.device_attribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
                                    c->device);
    if (r != CUDA_SUCCESS)
        return refuse(desc, ZK_E_DEVICE, "the first GPU does not answer: ", name_of(c, r));
    if (major * 10 + minor < LEAST_CAPABILITY) {
        snprintf(text, sizeof(text), "%s has compute capability %d.%d, needed is %d.%d", name,
                 major, minor, LEAST_CAPABILITY / 10, LEAST_CAPABILITY % 10);
        return refuse(desc, ZK_E_DEVICE, text, "");
    }
    c->f8 = major * 10 + minor >= F8_CAPABILITY;
    r = c->api.context_retain(&c->context, c->device);
    if (r != CUDA_SUCCESS) {
        c->context = NULL;
        return refuse(desc, r == CUDA_ERROR_OUT_OF_MEMORY ? ZK_E_NOMEM : ZK_E_DEVICE,
                      "no context on the GPU: ", name_of(c, r));
    }
    if (desc->host.log) {
        snprintf(text, sizeof(text), "cuda: %s, compute capability %d.%d, driver for CUDA %d.%d%s",
                 name, major, minor, version / 1000, version % 1000 / 10,
                 c->api.has_lt ? "" : ", without cuBLASLt");
        desc->host.log(desc->host.user, text);
    }
    return ZK_OK;
}

/* Kernels that want more shared memory than is given without asking. */
static const struct {
    enum zk_cuda_kernel kernel;
    int bytes;
} large[] = {
    { ZK_CUDA_KERNEL_attend_bf16_128, ZK_CUDA_ATTEND_SHARED(128) },
    { ZK_CUDA_KERNEL_attend_f16_128, ZK_CUDA_ATTEND_SHARED(128) },
};

static CUresult load_kernels(struct zk_cuda *c)
{
    CUresult r = CUDA_SUCCESS;

    for (int i = 0; i < ZK_CUDA_MODULE_COUNT && r == CUDA_SUCCESS; i++)
        r = c->api.module_load(&c->module[i], images[i]);
    for (int i = 0; i < ZK_CUDA_KERNEL_COUNT && r == CUDA_SUCCESS; i++)
        r = c->api.module_function(&c->kernel[i], c->module[kernels[i].module], kernels[i].name);
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]) && r == CUDA_SUCCESS; i++)
        r = c->api.function_set(c->kernel[large[i].kernel],
                                CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, large[i].bytes);
    return r;
}

static zk_status prepare(struct zk_cuda *c, const zk_device_desc *desc)
{
    CUcontext ours;
    const char *what = "no context on the GPU: ";
    CUresult r = c->api.context_push(c->context);

    if (r == CUDA_SUCCESS) {
        what = "no stream on the GPU: ";
        r = c->api.stream_create(&c->work, CU_STREAM_NON_BLOCKING);
        c->stream = c->work;
        if (r == CUDA_SUCCESS) {
            what = "the GPU does not take the kernels: ";
            r = load_kernels(c);
        }
        const CUresult popped = c->api.context_pop(&ours);
        r = r == CUDA_SUCCESS ? popped : r;
    }
    if (r == CUDA_SUCCESS)
        return ZK_OK;
    c->lost = is_final(r);
    return refuse(desc, r == CUDA_ERROR_OUT_OF_MEMORY ? ZK_E_NOMEM : ZK_E_DEVICE, what,
                  name_of(c, r));
}

/* Everything goes, whatever fails on the way. Without a context all is gone already. */
static void cuda_close(zk_queue **queue)
{
    zk_queue *q = *queue;
    CUcontext ours;

    if (!q)
        return;
    struct zk_cuda *c = zk_cuda_of(q);
    if (c->context && c->api.context_push(c->context) == CUDA_SUCCESS) {
        if (c->copies)
            (void)c->api.stream_wait(c->copies);
        if (c->work)
            (void)c->api.stream_wait(c->work);
        for (int i = 0; i < ZK_RECORDS; i++) {
            if (c->noted[i])
                (void)c->api.graph_forget(c->noted[i]);
        }
        zk_cuda_linear_close(q);
        zk_cuda_dnn_close(q);
        if (c->library_work)
            (void)c->api.memory_free(c->library_work);
        CUevent events[] = { c->sent[0], c->sent[1], c->mark[0], c->mark[1], c->copied };
        for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
            if (events[i])
                (void)c->api.event_destroy(events[i]);
        }
        for (int i = 0; i < 2; i++) {
            if (c->pinned[i])
                (void)c->api.pinned_free(c->pinned[i]);
        }
        for (int i = 0; i < ZK_CUDA_MODULE_COUNT; i++) {
            if (c->module[i])
                (void)c->api.module_unload(c->module[i]);
        }
        if (c->copies)
            (void)c->api.stream_destroy(c->copies);
        if (c->work)
            (void)c->api.stream_destroy(c->work);
        (void)c->api.context_pop(&ours);
    }
    if (c->context)
        (void)c->api.context_release(c->device);
    zk_queue_close(queue);
}

static zk_status cuda_open(zk_queue **queue, const zk_device_desc *desc)
{
    char why[120] = "";
    zk_status st = zk_queue_open(queue, &desc->host, sizeof(struct zk_cuda));

    if (st != ZK_OK)
        return refuse(desc, st, "out of memory", "");
    struct zk_cuda *c = zk_cuda_of(*queue);
    if (!zk_cuda_api_load(&c->api, why, sizeof(why)))
        st = refuse(desc, ZK_E_DEVICE, why, "");
    if (st == ZK_OK)
        st = find_device(c, desc);
    if (st == ZK_OK)
        st = prepare(c, desc);
    if (st != ZK_OK)
        cuda_close(queue);
    return st;
}

/* ---- Memory ---- */

static zk_status cuda_alloc(zk_queue *q, size_t bytes, void **mem)
{
    struct zk_cuda *c = zk_cuda_of(q);
    zk_status st = enter(q);
    CUdeviceptr got = 0;
    size_t left = 0, all = 0;
    char what[120];

    *mem = NULL;
    if (st != ZK_OK)
        return st;
    const CUresult r = c->api.memory_alloc(&got, bytes > 0 ? bytes : 1);
    if (r != CUDA_SUCCESS) {
        (void)c->api.memory_info(&left, &all);
        snprintf(what, sizeof(what), "%zu bytes of memory, of which %zu of %zu are free", bytes,
                 left, all);
        st = zk_cuda_status(q, r, what);
    }
    *mem = (void *)(uintptr_t)got;
    return leave(q, st);
}

bool zk_cuda_library_work(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);

    if (!c->library_work_tried &&
        zk_cuda_status(q, c->api.memory_alloc(&c->library_work, ZK_CUDA_LT_WORK),
                       "memory for cuBLASLt and cuDNN") != ZK_OK)
        c->library_work = 0;
    c->library_work_tried = true;
    return c->library_work != 0;
}

/* Also on a device that is lost. */
static void cuda_free(zk_queue *q, void *mem)
{
    struct zk_cuda *c = zk_cuda_of(q);
    CUcontext ours;

    if (!mem || c->api.context_push(c->context) != CUDA_SUCCESS)
        return;
    (void)c->api.memory_free((CUdeviceptr)(uintptr_t)mem);
    (void)c->api.context_pop(&ours);
}

struct part_copy {
    char *dst;
    const char *src;
    size_t bytes;
};

#define PART ((size_t)1 << 20)

static void copy_part(void *arg, int part, int worker)
{
    const struct part_copy *p = arg;
    const size_t at = (size_t)part * PART;

    (void)worker;
    memcpy(p->dst + at, p->src + at, p->bytes - at < PART ? p->bytes - at : PART);
}

/* The pinned buffer whose turn it is, when the last copy out of it is done. */
static zk_status next_pinned(zk_queue *q, int *which)
{
    struct zk_cuda *c = zk_cuda_of(q);
    const int i = *which = c->turn;
    zk_status st = ZK_OK;

    c->turn = 1 - c->turn;
    if (c->sent[i])
        return zk_cuda_status(q, c->api.event_wait(c->sent[i]), "waiting for a copy");
    if (!c->pinned[i])
        st = zk_cuda_status(q, c->api.pinned_alloc(&c->pinned[i], ZK_CUDA_PINNED, 0),
                            "pinned memory to copy through");
    if (st == ZK_OK)
        st = zk_cuda_status(q, c->api.event_create(&c->sent[i], CU_EVENT_DISABLE_TIMING),
                            "an event");
    return st;
}

zk_status zk_cuda_upload(zk_queue *q, void *dst, const void *src, size_t bytes)
{
    struct zk_cuda *c = zk_cuda_of(q);
    CUdeviceptr to = (CUdeviceptr)(uintptr_t)dst;
    const char *from = src;
    zk_status st = ZK_OK;
    int i;

    if (c->noting)
        return ZK_E_UNSUPPORTED;
    if (bytes <= SMALL)
        return bytes == 0 ? ZK_OK : zk_cuda_status(q, c->api.copy_to(to, src, bytes, c->stream),
                                                   "a copy to the device");
    while (bytes > 0 && st == ZK_OK) {
        const size_t n = bytes < ZK_CUDA_PINNED ? bytes : ZK_CUDA_PINNED;
        st = next_pinned(q, &i);
        if (st != ZK_OK)
            break;
        struct part_copy p = { c->pinned[i], from, n };
        q->host.parallel(q->host.user, (int)((n + PART - 1) / PART), copy_part, &p);
        st = zk_cuda_status(q, c->api.copy_to(to, c->pinned[i], n, c->stream),
                            "a copy to the device");
        if (st == ZK_OK)
            st = zk_cuda_status(q, c->api.event_record(c->sent[i], c->stream), "an event");
        from += n;
        to += n;
        bytes -= n;
    }
    return st;
}

zk_status zk_cuda_fetch(zk_queue *q, void *dst, const void *src, size_t bytes)
{
    struct zk_cuda *c = zk_cuda_of(q);

    if (c->noting)
        return ZK_E_UNSUPPORTED;
    if (bytes == 0)
        return ZK_OK;
    const zk_status st = zk_cuda_status(q, c->api.copy_from(dst, (CUdeviceptr)(uintptr_t)src, bytes,
                                                            c->stream),
                                        "a copy from the device");
    return st != ZK_OK ? st : zk_cuda_status(q, c->api.stream_wait(c->stream),
                                             "waiting for the device");
}

static zk_status cuda_upload(zk_queue *q, void *dst, const void *src, size_t bytes)
{
    const zk_status st = enter(q);

    return st != ZK_OK ? st : leave(q, zk_cuda_upload(q, dst, src, bytes));
}

static zk_status cuda_download(zk_queue *q, void *dst, const void *src, size_t bytes)
{
    const zk_status st = enter(q);

    return st != ZK_OK ? st : leave(q, zk_cuda_fetch(q, dst, src, bytes));
}

/* ---- Copies beside the work ---- */

/* The second stream and its events, all or none of which are there. */
static zk_status open_copies(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);
    CUevent *const events[] = { &c->mark[0], &c->mark[1], &c->copied };
    CUresult r = CUDA_SUCCESS;

    for (int i = 0; i < 3 && r == CUDA_SUCCESS; i++) {
        if (!*events[i])
            r = c->api.event_create(events[i], CU_EVENT_DISABLE_TIMING);
    }
    if (r == CUDA_SUCCESS)
        r = c->api.stream_create(&c->copies, CU_STREAM_NON_BLOCKING);
    return zk_cuda_status(q, r, "a stream for copies");
}

/* They may start when the work that was enqueued before the last mark is done. */
static zk_status begin_copies(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);
    zk_status st = c->copies ? ZK_OK : open_copies(q);
    const unsigned now = c->marks % 2, last = c->marks > 0 ? 1 - now : now;

    if (st == ZK_OK)
        st = zk_cuda_status(q, c->api.event_record(c->mark[now], c->work), "an event");
    if (st == ZK_OK)
        st = zk_cuda_status(q, c->api.stream_wait_event(c->copies, c->mark[last], 0),
                            "copies that wait for work");
    if (st == ZK_OK) {
        c->marks++;
        c->stream = c->copies;
    }
    return st;
}

static zk_status end_copies(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);

    if (c->stream == c->work)
        return ZK_OK;
    c->stream = c->work;
    const zk_status st = zk_cuda_status(q, c->api.event_record(c->copied, c->copies), "an event");
    return st != ZK_OK ? st : zk_cuda_status(q, c->api.stream_wait_event(c->work, c->copied, 0),
                                             "work that waits for copies");
}

static zk_status cuda_aside(zk_queue *q, bool on)
{
    const zk_status st = enter(q);

    if (st != ZK_OK)
        return st;
    return leave(q, on ? begin_copies(q) : end_copies(q));
}

/* ---- Ops that are noted, as graphs ---- */

static zk_status begin_notes(zk_queue *q, int which)
{
    struct zk_cuda *c = zk_cuda_of(q);
    const zk_status st = zk_cuda_status(
        q, c->api.capture_begin(c->work, CU_STREAM_CAPTURE_MODE_RELAXED), "noting a step");

    if (st == ZK_OK)
        c->noting = which + 1;
    return st;
}

/* The stream works again, whatever else fails. */
static zk_status end_notes(zk_queue *q, int which, bool entered)
{
    struct zk_cuda *c = zk_cuda_of(q);
    CUgraphExec ready = NULL;
    CUgraph graph = NULL;

    c->noting = 0;
    CUresult r = c->api.capture_end(c->work, &graph);
    if (r == CUDA_SUCCESS && entered)
        r = c->api.graph_ready(&ready, graph, 0);
    if (graph)
        (void)c->api.graph_destroy(graph);
    if (ready) {
        if (c->noted[which])
            (void)c->api.graph_forget(c->noted[which]);
        c->noted[which] = ready;
    }
    return zk_cuda_status(q, r, "a step that is noted");
}

static zk_status cuda_record(zk_queue *q, int which, bool on)
{
    struct zk_cuda *c = zk_cuda_of(q);

    if (which < 0 || which >= ZK_RECORDS || c->noting != (on ? 0 : which + 1))
        return ZK_E_ARGUMENT;
    zk_status st = enter(q);
    const bool entered = st == ZK_OK;
    if (!on) {
        const zk_status end = end_notes(q, which, entered);
        st = entered ? end : st;
    } else if (entered) {
        st = begin_notes(q, which);
    }
    return entered ? leave(q, st) : st;
}

static zk_status cuda_replay(zk_queue *q, int which)
{
    struct zk_cuda *c = zk_cuda_of(q);

    if (which < 0 || which >= ZK_RECORDS || !c->noted[which] || c->noting)
        return ZK_E_ARGUMENT;
    const zk_status st = enter(q);
    return st != ZK_OK ? st : leave(q, zk_cuda_status(q, c->api.graph_launch(c->noted[which],
                                                                             c->work),
                                                      "a step that was noted"));
}

static zk_status cuda_memory(zk_queue *q, size_t *left, size_t *all)
{
    struct zk_cuda *c = zk_cuda_of(q);
    const zk_status st = enter(q);

    *left = *all = 0;
    return st != ZK_OK ? st : leave(q, zk_cuda_status(q, c->api.memory_info(left, all),
                                                      "asking for the memory"));
}

static zk_status cuda_finish(zk_queue *q)
{
    struct zk_cuda *c = zk_cuda_of(q);
    const zk_status st = enter(q);

    return st != ZK_OK ? st : leave(q, zk_cuda_status(q, c->api.stream_wait(c->stream),
                                                      "waiting for the device"));
}

/* ---- Questions ---- */

/* Results are activations, or F8 where elements are moved or mixed; factors with a layout of
 * their own must be activations too. */
static bool cuda_takes(const zk_queue *q, zk_op op, const zk_dtype *types, int count)
{
    const bool strict = op == ZK_OP_linear || op == ZK_OP_attend || op == ZK_OP_conv ||
                        op == ZK_OP_norm;

    (void)q;
    if (op == ZK_OP_permute || op == ZK_OP_upsample ||
        (op == ZK_OP_cast && count > 1 && types[0] == types[1]))
        return true;
    if (op == ZK_OP_pixels || op == ZK_OP_drift)
        return true;
    if (count > 0 && !zk_cuda_is_act(types[0]) && types[0] != ZK_F8_E4M3 && types[0] != ZK_F8_E5M2)
        return false;
    for (int i = 0; strict && i < 2 && i < count; i++) {
        if (!zk_cuda_is_act(types[i]))
            return false;
    }
    for (int i = 2; op == ZK_OP_attend && i < count; i++) {
        if (!zk_cuda_is_act(types[i]))
            return false;
    }
    return true;
}

static const struct extra {
    size_t (*work)(const void *args);
    size_t (*packed_size)(const struct zk_pack *p);
    zk_status (*pack)(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed);
} extras[ZK_OP_COUNT] = {
    [ZK_OP_linear] = { zk_cuda_linear_work, zk_cuda_linear_packed_size, zk_cuda_linear_pack },
    [ZK_OP_conv] = { zk_cuda_conv_work, zk_cuda_conv_packed_size, zk_cuda_conv_pack },
    [ZK_OP_norm] = { .work = zk_cuda_norm_work },
    [ZK_OP_drift] = { .work = zk_cuda_drift_work },
};

static size_t cuda_work(const zk_queue *q, zk_op op, const void *args)
{
    (void)q;
    return extras[op].work ? extras[op].work(args) : 0;
}

static size_t cuda_packed_size(const zk_queue *q, const struct zk_pack *p)
{
    (void)q;
    return extras[p->op].packed_size ? extras[p->op].packed_size(p) : 0;
}

static zk_status cuda_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    if (cuda_packed_size(q, p) == 0 || p->weight.packing)
        return ZK_E_UNSUPPORTED;
    zk_status st = dst ? enter(q) : ZK_OK;
    if (st == ZK_OK) {
        st = extras[p->op].pack(q, p, dst, packed);
        if (dst)
            st = leave(q, st);
    }
    return st;
}

/* ---- Operations: what is wrong is refused before the device hears of it ---- */

#define ENTRY(slot, args)                                                                          \
    static zk_status entry_##slot(zk_queue *q, const struct args *a)                               \
    {                                                                                              \
        zk_status st = zk_check_##slot(a);                                                         \
        if (st == ZK_OK)                                                                           \
            st = enter(q);                                                                         \
        return st != ZK_OK ? st : leave(q, zk_cuda_##slot(q, a));                                  \
    }
ZK_OPS(ENTRY)
#undef ENTRY

const zk_backend zk_backend_cuda = {
    .name = "cuda",
    .summary = "an NVIDIA GPU",
    .open = cuda_open,
    .close = cuda_close,
    .takes = cuda_takes,
    .work = cuda_work,
    .packed_size = cuda_packed_size,
    .pack = cuda_pack,
    .alloc = cuda_alloc,
    .free = cuda_free,
    .upload = cuda_upload,
    .download = cuda_download,
    .finish = cuda_finish,
    .memory = cuda_memory,
    .aside = cuda_aside,
    .copies_aside = true,
    .record = cuda_record,
    .replay = cuda_replay,
    .records = true,
#define ENTRY(slot, args) .slot = entry_##slot,
    ZK_OPS(ENTRY)
#undef ENTRY
};
