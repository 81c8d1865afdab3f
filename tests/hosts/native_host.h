/* What tests that play a native host share: the library, opened like any host opens
 * it, and a film as one number.
 *
 * Thread safety: no state. */
#ifndef NATIVE_HOST_H
#define NATIVE_HOST_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-abi/zoetrope.h"

typedef struct native {
    void         *library;
    const zt_api *zt;
} native;

static inline native native_open(const char *path)
{
    native n = { .library = dlopen(path, RTLD_NOW | RTLD_LOCAL) };
    const zt_api *(*get)(uint32_t) = NULL;
    void *symbol = n.library ? dlsym(n.library, "zt_get_api") : NULL;

    memcpy(&get, &symbol, sizeof(get));
    n.zt = get ? get(ZT_ABI) : NULL;
    if (!n.zt) {
        printf("FAIL %s\n", dlerror());
        exit(1);
    }
    return n;
}

static inline void native_close(native *n)
{
    dlclose(n->library);
}

static inline zt_engine *native_engine(const native *n, int32_t threads, zt_log_fn log, void *user)
{
    const zt_engine_desc desc = { .size = sizeof(desc), .threads = threads, .log = log,
                                  .log_user = user, .log_level = ZT_LEVEL_WARNING };
    zt_engine *engine = NULL;

    if (n->zt->engine_open(&engine, &desc) != ZT_OK) {
        printf("FAIL no engine\n");
        exit(1);
    }
    return engine;
}

/* A digest of all frames of a job that is done; 0 if a frame cannot be had. */
static inline uint64_t native_digest(const native *n, zt_job *job)
{
    zt_job_info info = { .size = sizeof(info) };
    uint64_t sum = 1469598103934665603u;

    n->zt->job_info(job, &info);
    const size_t bytes = (size_t)info.width * (size_t)info.height * 16;
    uint8_t *pixels = malloc(bytes);
    for (int32_t i = 0; pixels && i < info.frames; i++) {
        const zt_frame frame = { .size = sizeof(frame), .format = ZT_RGBAF,
                                 .pitch = (int64_t)info.width * 16, .data = pixels };
        if (n->zt->job_frame(job, i, &frame) != ZT_OK)
            sum = 0;
        for (size_t k = 0; k < bytes && sum; k++)
            sum = (sum ^ pixels[k]) * 1099511628211u;
    }
    free(pixels);
    return sum;
}

/* A whole film; 0 if it fails. */
static inline uint64_t native_film(const native *n, zt_engine *engine, const char *preset,
                                   const char *options)
{
    const zt_job_desc desc = { .size = sizeof(desc), .preset = preset, .prompt = "a red ball",
                               .options = options };
    zt_job *job = NULL;
    zt_job_info info = { .size = sizeof(info) };
    uint64_t sum = 0;

    if (n->zt->job_start(engine, &job, &desc) != ZT_OK)
        return 0;
    n->zt->job_info(job, &info);
    if (n->zt->job_wait(job, info.frames - 1, -1) == ZT_OK)
        sum = native_digest(n, job);
    n->zt->job_close(&job);
    return sum;
}

#endif
