/* Opens backends and runs work on them. */

#include <dlfcn.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/module.h"
#include "core/device.h"

static void *host_alloc(void *user, size_t bytes)
{
    (void)user;
    return zc_alloc_aligned(bytes);
}

static void host_free(void *user, void *mem)
{
    (void)user;
    zc_free_aligned(mem);
}

static void host_parallel(void *user, int parts, void (*fn)(void *arg, int part, int worker),
                          void *arg)
{
    const zc_device *dev = user;

    /* Fails only when a run is inside a run, which kernels never do. */
    (void)zc_pool_run(dev->pool, parts, fn, arg);
}

static void host_log(void *user, const char *text)
{
    const zc_device *dev = user;

    zc_info(dev->log, "%s", text);
}

#define GPU "cuda"
#define GPU_MODULE "zoetrope-cuda.so"
#define REASON 240

/* The backend in a module, which stays open with the device; NULL, and why, if there is none. */
static const zk_backend *backend_of_module(zc_device *dev, const char *path, char *why)
{
    dev->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const zk_module *module = dev->module ? dlsym(dev->module, ZK_MODULE_SYMBOL) : NULL;
    const char *error = module ? NULL : dlerror();

    if (module && module->version == ZK_MODULE_VERSION && module->size == sizeof(zk_backend))
        return module->backend;
    if (module)
        zc_format(why, REASON, GPU_MODULE " is of version %u with %u bytes, expected %d with %zu",
                  (unsigned)module->version, (unsigned)module->size, ZK_MODULE_VERSION,
                  sizeof(zk_backend));
    else
        zc_format(why, REASON, "%s", error ? error : GPU_MODULE " can't be opened");
    return NULL;
}

static void close_module(zc_device *dev)
{
    if (dev->module)
        dlclose(dev->module);
    dev->module = NULL;
}

/* A GPU; what comes of it is left in dev only if it opens. */
static zc_status open_gpu(zc_device *dev, const zc_device_desc *desc, const zk_device_desc *d,
                          char *why)
{
    zk_device_desc gpu = *d;
    char *path = NULL;
    zc_status st = zc_module_path(&path, dev->log, desc->modules, GPU_MODULE);

    gpu.why = why;
    gpu.why_size = REASON;
    if (st != ZC_OK)
        return st;
    const zk_backend *be = backend_of_module(dev, path, why);
    st = be ? (zc_status)be->open(&dev->queue, &gpu) : ZC_E_DEVICE;
    if (st == ZC_OK)
        dev->be = be;
    else
        close_module(dev);
    zc_free(path);
    return st;
}

/* The backend that was asked for; or a GPU if there is one, the processor if not. */
static zc_status choose_backend(zc_device *dev, const zc_device_desc *desc,
                                const zk_device_desc *d)
{
    zc_log *log = dev->log;
    zc_status st = ZC_OK;
    char why[REASON] = "no reason is given";

    if (!desc->backend || strcmp(desc->backend, GPU) == 0) {
        st = open_gpu(dev, desc, d, why);
        if (st == ZC_OK)
            goto done;
        ZC_CHECK(!desc->backend && st != ZC_E_NOMEM, st, "the device " GPU " can't be used: %s",
                 why);
        zc_debug(log, "the device " GPU " is passed over: %s", why);
    }
    dev->be = desc->backend ? zk_backend_find(desc->backend) : zk_backends[0];
    ZC_CHECK(dev->be, ZC_E_DEVICE, "there is no backend '%s'", desc->backend);
    st = (zc_status)dev->be->open(&dev->queue, d);
    ZC_CHECK(st == ZC_OK, st, "the backend %s does not open: %s", dev->be->name,
             zc_status_name(st));
done:
    return st;
}

static zc_status open_backend(zc_device *dev, const zc_device_desc *desc)
{
    zc_log *log = dev->log;
    zc_status st = ZC_OK;
    zk_device_desc d = {
        .host = { .user = dev, .alloc = host_alloc, .free = host_free,
                  .threads = zc_pool_threads(dev->pool), .parallel = host_parallel,
                  .log = host_log },
        .cpu_mask = desc->cpu_mask,
    };
    const zk_backend *measure = zk_backend_find("measure");

    ZC_TRY(choose_backend(dev, desc, &d));
    size_t left = 0;
    st = (zc_status)dev->be->memory(dev->queue, &left, &dev->memory);
    ZC_CHECK(st == ZC_OK, st, "the memory of %s is not told", dev->be->name);
    d.plan_for = dev->be;
    d.host.log = NULL;
    st = (zc_status)measure->open(&dev->measure, &d);
    ZC_CHECK(st == ZC_OK, st, "measuring for %s: %s", dev->be->name, zc_status_name(st));
done:
    return st;
}

zc_status zc_device_open(zc_device **out, const zc_device_desc *desc)
{
    zc_log *log = desc->log;
    zc_status st = ZC_OK;
    zc_device *dev = zc_new(zc_device);

    *out = NULL;
    ZC_CHECK(dev, ZC_E_NOMEM, "device: out of memory");
    dev->log = log;
    st = zc_pool_open(&dev->pool, desc->threads > 0 ? desc->threads : zc_thread_limit(), "zt-cpu");
    ZC_CHECK(st == ZC_OK, st, "no pool of %d threads", desc->threads);
    ZC_TRY(open_backend(dev, desc));
    *out = dev;
    dev = NULL;
done:
    zc_device_close(&dev);
    return st;
}

void zc_device_close(zc_device **out)
{
    zc_device *dev = *out;

    if (!dev)
        return;
    if (dev->measure)
        zk_backend_find("measure")->close(&dev->measure);
    if (dev->queue)
        dev->be->close(&dev->queue);
    close_module(dev);
    zc_pool_close(&dev->pool);
    zc_free(dev);
    *out = NULL;
}

zc_status zc_device_measure(zc_device *dev, const zc_work *work, zc_need *need)
{
    zc_log *log = dev->log;
    zc_status st = ZC_OK;
    zc_arena arena;
    zc_run run = { .be = zk_backend_find("measure"), .queue = dev->measure, .scratch = &arena,
                   .act = work->act };

    zc_arena_init_measuring(&arena);
    work->fn(&run, work->user);
    ZC_CHECK(run.status == ZC_OK, run.status, "%s", run.why);
    *need = (zc_need){ .scratch = arena.peak, .flops = run.flops };
done:
    return st;
}

zc_status zc_device_run(zc_device *dev, const zc_work *work)
{
    zc_log *log = dev->log;
    zc_status st = ZC_OK;
    zc_need need;
    zc_arena arena;
    void *memory = NULL;
    zc_run run = { .be = dev->be, .queue = dev->queue, .scratch = &arena, .act = work->act,
                   .cancel = work->cancel, .watch = work->watch,
                   .watch_user = work->watch_user };

    ZC_TRY(zc_device_measure(dev, work, &need));
    ZC_CHECK(dev->be->alloc(dev->queue, need.scratch ? need.scratch : 1, &memory) == ZK_OK,
             ZC_E_NOMEM, "no %zu bytes of scratch memory on %s", need.scratch, dev->be->name);
    zc_arena_init(&arena, memory, need.scratch);
    work->fn(&run, work->user);
    ZC_CHECK(run.status == ZC_OK, run.status, "%s", run.why);
done:
    if (memory)
        dev->be->free(dev->queue, memory);
    return st;
}
