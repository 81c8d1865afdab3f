/* What is used of NVIDIA's driver, of cuBLASLt and of cuDNN: one table of functions,
 * filled when a device is opened. Nothing is linked against any, so the module loads,
 * and refuses politely, where they are missing; and a test can put its own
 * functions in their place. Private to kernels/cuda. */
#ifndef ZK_CUDA_API_H
#define ZK_CUDA_API_H

#include <cublasLt.h>
#include <cuda.h>
#if ZK_HAVE_CUDNN
#include <cudnn_graph.h>
#endif
#include <stdbool.h>
#include <stddef.h>

/* Ours, theirs, parameters; all return CUresult. */
#define ZK_CUDA_DRIVER(_)                                                                          \
    _(init, cuInit, (unsigned flags))                                                              \
    _(version, cuDriverGetVersion, (int *version))                                                 \
    _(error_name, cuGetErrorName, (CUresult error, const char **name))                             \
    _(device_count, cuDeviceGetCount, (int *count))                                                \
    _(device_get, cuDeviceGet, (CUdevice *device, int index))                                      \
    _(device_name, cuDeviceGetName, (char *name, int size, CUdevice device))                       \
    _(device_attribute, cuDeviceGetAttribute,                                                      \
      (int *value, CUdevice_attribute attribute, CUdevice device))                                 \
    _(context_retain, cuDevicePrimaryCtxRetain, (CUcontext *context, CUdevice device))             \
    _(context_release, cuDevicePrimaryCtxRelease, (CUdevice device))                               \
    _(context_push, cuCtxPushCurrent, (CUcontext context))                                         \
    _(context_pop, cuCtxPopCurrent, (CUcontext *context))                                          \
    _(memory_info, cuMemGetInfo, (size_t *left, size_t *all))                                      \
    _(memory_alloc, cuMemAlloc, (CUdeviceptr *mem, size_t bytes))                                  \
    _(memory_free, cuMemFree, (CUdeviceptr mem))                                                   \
    _(pinned_alloc, cuMemHostAlloc, (void **mem, size_t bytes, unsigned flags))                    \
    _(pinned_free, cuMemFreeHost, (void *mem))                                                     \
    _(copy_to, cuMemcpyHtoDAsync,                                                                  \
      (CUdeviceptr dst, const void *src, size_t bytes, CUstream stream))                           \
    _(copy_from, cuMemcpyDtoHAsync, (void *dst, CUdeviceptr src, size_t bytes, CUstream stream))   \
    _(stream_create, cuStreamCreate, (CUstream *stream, unsigned flags))                           \
    _(stream_destroy, cuStreamDestroy, (CUstream stream))                                          \
    _(stream_wait, cuStreamSynchronize, (CUstream stream))                                         \
    _(stream_wait_event, cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))      \
    _(event_create, cuEventCreate, (CUevent *event, unsigned flags))                               \
    _(event_destroy, cuEventDestroy, (CUevent event))                                              \
    _(event_record, cuEventRecord, (CUevent event, CUstream stream))                               \
    _(event_wait, cuEventSynchronize, (CUevent event))                                             \
    _(module_load, cuModuleLoadData, (CUmodule *module, const void *image))                        \
    _(module_unload, cuModuleUnload, (CUmodule module))                                            \
    _(module_function, cuModuleGetFunction,                                                        \
      (CUfunction *function, CUmodule module, const char *name))                                   \
    _(function_set, cuFuncSetAttribute,                                                            \
      (CUfunction function, CUfunction_attribute attribute, int value))                            \
    _(capture_begin, cuStreamBeginCapture, (CUstream stream, CUstreamCaptureMode mode))            \
    _(capture_end, cuStreamEndCapture, (CUstream stream, CUgraph *graph))                          \
    _(graph_ready, cuGraphInstantiateWithFlags,                                                    \
      (CUgraphExec *ready, CUgraph graph, unsigned long long flags))                               \
    _(graph_destroy, cuGraphDestroy, (CUgraph graph))                                              \
    _(graph_launch, cuGraphLaunch, (CUgraphExec ready, CUstream stream))                           \
    _(graph_forget, cuGraphExecDestroy, (CUgraphExec ready))                                       \
    _(launch, cuLaunchKernel,                                                                      \
      (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,   \
       unsigned block_y, unsigned block_z, unsigned shared, CUstream stream, void **parameters,    \
       void **extra))

/* The same for cuBLASLt, which may be missing; all return cublasStatus_t. */
#define ZK_CUDA_LT(_)                                                                              \
    _(lt_create, cublasLtCreate, (cublasLtHandle_t *handle))                                       \
    _(lt_destroy, cublasLtDestroy, (cublasLtHandle_t handle))                                      \
    _(lt_product_create, cublasLtMatmulDescCreate,                                                 \
      (cublasLtMatmulDesc_t *desc, cublasComputeType_t compute, cudaDataType_t scale))             \
    _(lt_product_destroy, cublasLtMatmulDescDestroy, (cublasLtMatmulDesc_t desc))                  \
    _(lt_product_set, cublasLtMatmulDescSetAttribute,                                              \
      (cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t what, const void *value,          \
       size_t bytes))                                                                              \
    _(lt_layout_create, cublasLtMatrixLayoutCreate,                                                \
      (cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows, uint64_t cols,            \
       int64_t step))                                                                              \
    _(lt_layout_destroy, cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout_t layout))             \
    _(lt_wish_create, cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference_t *wish))          \
    _(lt_wish_destroy, cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference_t wish))         \
    _(lt_wish_set, cublasLtMatmulPreferenceSetAttribute,                                           \
      (cublasLtMatmulPreference_t wish, cublasLtMatmulPreferenceAttributes_t what,                 \
       const void *value, size_t bytes))                                                           \
    _(lt_choose, cublasLtMatmulAlgoGetHeuristic,                                                   \
      (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,               \
       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,               \
       cublasLtMatmulPreference_t wish, int most, cublasLtMatmulHeuristicResult_t *found,          \
       int *count))                                                                                \
    _(lt_multiply, cublasLtMatmul,                                                                 \
      (cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *a,       \
       cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout,            \
       const void *beta, const void *c, cublasLtMatrixLayout_t c_layout, void *d,                  \
       cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algo, void *work,              \
       size_t work_bytes, cudaStream_t stream))

/* The same for cuDNN's graph interface, which may be missing too; all return cudnnStatus_t. */
#if ZK_HAVE_CUDNN
#define ZK_CUDA_DNN(_)                                                                             \
    _(dnn_create, cudnnCreate, (cudnnHandle_t *handle))                                            \
    _(dnn_destroy, cudnnDestroy, (cudnnHandle_t handle))                                           \
    _(dnn_stream, cudnnSetStream, (cudnnHandle_t handle, cudaStream_t stream))                     \
    _(dnn_part_create, cudnnBackendCreateDescriptor,                                               \
      (cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *part))                         \
    _(dnn_part_destroy, cudnnBackendDestroyDescriptor, (cudnnBackendDescriptor_t part))            \
    _(dnn_part_set, cudnnBackendSetAttribute,                                                      \
      (cudnnBackendDescriptor_t part, cudnnBackendAttributeName_t what,                            \
       cudnnBackendAttributeType_t type, int64_t count, const void *values))                       \
    _(dnn_part_get, cudnnBackendGetAttribute,                                                      \
      (cudnnBackendDescriptor_t const part, cudnnBackendAttributeName_t what,                      \
       cudnnBackendAttributeType_t type, int64_t most, int64_t *count, void *values))              \
    _(dnn_part_finish, cudnnBackendFinalize, (cudnnBackendDescriptor_t part))                      \
    _(dnn_run, cudnnBackendExecute,                                                                \
      (cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack))
#define ZK_CUDA_DNN_LEAST 91301   /* the first version with attention as one operation */
#else
#define ZK_CUDA_DNN(_)
#endif

struct zk_cuda_api {
#define ZK_CUDA_MEMBER(name, symbol, parameters) CUresult (*name) parameters;
    ZK_CUDA_DRIVER(ZK_CUDA_MEMBER)
#undef ZK_CUDA_MEMBER
#define ZK_CUDA_MEMBER(name, symbol, parameters) cublasStatus_t (*name) parameters;
    ZK_CUDA_LT(ZK_CUDA_MEMBER)
#undef ZK_CUDA_MEMBER
#define ZK_CUDA_MEMBER(name, symbol, parameters) cudnnStatus_t (*name) parameters;
    ZK_CUDA_DNN(ZK_CUDA_MEMBER)
#undef ZK_CUDA_MEMBER
    bool has_lt, has_dnn;
};

/* Opens the libraries, which then stay in the process, and finds all functions. False
 * with a clause that says why there is no driver; without cuBLASLt has_lt is false. */
bool zk_cuda_api_load(struct zk_cuda_api *api, char *why, size_t size);

/* cuDNN's part of it alone, when it is first needed: its libraries are large. Sets has_dnn. */
void zk_cuda_api_load_dnn(struct zk_cuda_api *api);

#endif
