/* A backend with what it needs to work: memory, threads, a log; and forwards run
 * on it, first without memory to learn how much they need, then for real.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_DEVICE_H
#define ZC_DEVICE_H

#include "core/base/log.h"
#include "core/run.h"

typedef struct zc_device_desc {
    zc_log     *log;
    const char *backend;          /* name of a row, or "cuda"; NULL: a GPU, or else the processor */
    const char *modules;          /* folder with zoetrope-cuda.so; NULL: our own */
    int         threads;          /* 0: as many as this process may use */
    uint32_t    cpu_mask;         /* instruction sets that may be used; 0: all */
} zc_device_desc;

typedef struct zc_device {
    zc_log           *log;
    const zk_backend *be;
    zk_queue         *queue;
    zk_queue         *measure;    /* of the backend that measures for it */
    zc_pool          *pool;
    size_t            memory;     /* bytes that a device has of its own; 0: it uses the host's */
    void             *module;     /* of a backend that is not built in; NULL: none is open */
} zc_device;

zc_status zc_device_open(zc_device **out, const zc_device_desc *desc);
void      zc_device_close(zc_device **dev);

/* A piece of work: any forward over the run. Called twice, so it must not depend
 * on what it computes; a run that measures has no arena memory. */
typedef void (*zc_work_fn)(zc_run *r, void *user);

typedef struct zc_work {
    zc_work_fn fn;
    void      *user;
    zk_dtype   act;               /* type of activations */
    zc_cancel *cancel;            /* NULL if nobody will */
    void     (*watch)(void *user, zc_run *r, const char *name, zk_tensor t);
    void      *watch_user;
} zc_work;

typedef struct zc_need {
    size_t scratch;               /* bytes */
    double flops;
} zc_need;

zc_status zc_device_measure(zc_device *dev, const zc_work *work, zc_need *need);

/* Measures, takes that much memory, does the work, gives the memory back: the run is real,
 * see core/run.h, in the second of these two calls. */
zc_status zc_device_run(zc_device *dev, const zc_work *work);

#endif
