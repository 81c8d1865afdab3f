/* Finds the functions of api.h at run time. */

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "kernels/cuda/api.h"

/* cuda.h gives some names a version by a macro, which is wanted here too. */
#define NAME(symbol) NAME_OF(symbol)
#define NAME_OF(symbol) #symbol

/* C has no cast from a pointer to a function. */
static bool find(void *library, const char *name, void *function, size_t size)
{
    void *found = dlsym(library, name);

    memcpy(function, &found, size);
    return found != NULL;
}

void zk_cuda_api_load_dnn(struct zk_cuda_api *api)
{
#if ZK_HAVE_CUDNN
    void *library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    size_t (*version)(void) = NULL;
    bool all = library && find(library, "cudnnGetVersion", &version, sizeof(version)) &&
               version() >= ZK_CUDA_DNN_LEAST;

#define FIND(name, symbol, parameters)                                                             \
    all = all && find(library, NAME(symbol), &api->name, sizeof(api->name));
    ZK_CUDA_DNN(FIND)
#undef FIND
    api->has_dnn = all;
#else
    api->has_dnn = false;
#endif
}

static bool load_lt(struct zk_cuda_api *api)
{
    static const char *const names[] = { "libcublasLt.so.13", "libcublasLt.so.12",
                                         "libcublasLt.so" };
    void *library = NULL;
    bool all = true;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
#define FIND(name, symbol, parameters)                                                             \
    all = find(library, NAME(symbol), &api->name, sizeof(api->name)) && all;
    ZK_CUDA_LT(FIND)
#undef FIND
    return all;
}

bool zk_cuda_api_load(struct zk_cuda_api *api, char *why, size_t size)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    const char *missing = NULL;

    if (!library) {
        snprintf(why, size, "there is no NVIDIA driver (libcuda.so.1)");
        return false;
    }
#define FIND(name, symbol, parameters)                                                             \
    if (!find(library, NAME(symbol), &api->name, sizeof(api->name)))                               \
        missing = NAME(symbol);
    ZK_CUDA_DRIVER(FIND)
#undef FIND
    if (missing) {
        snprintf(why, size, "the NVIDIA driver is too old: it has no %s", missing);
        return false;
    }
    api->has_lt = load_lt(api);
    return true;
}
