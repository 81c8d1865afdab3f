/* Asks the real cuDNN for ways to do the attentions of the published models on GPUs that
 * are not there: it takes a device's description in the place of a device.
 *
 *   plans PATH-OF-A-LIBCUDA
 *
 * The library given needs no driver behind it (CUDA's stub): cuDNN wants some libcuda to
 * be loaded. Skipped without either. */

#include <dlfcn.h>
#include <string.h>

#include "kernels/cuda/backend.h"
#include "tests/unit/test.h"

static struct zk_cuda_api api;

static void *device(int version)
{
    char text[900];
    void *d = NULL;
    const int n = snprintf(
        text, sizeof(text),
        "{\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],"
        "\"regsPerBlock\":65536,\"multiProcessorCount\":132,\"warpSize\":32,"
        "\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":%d,"
        "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,\"maxCtasPerSM\":24,"
        "\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":1536,\"pciDeviceId\":0,"
        "\"isTccDriver\":0,\"supportCoopLaunch\":1,\"totalGlobalMem\":24000000000,"
        "\"smClockRateKHz\":1980000,\"memClockRateKHz\":3201000,\"l2CacheSize\":52428800,"
        "\"cudaDeviceId\":0,\"deviceVer\":%d,\"driverVer\":13000,\"deviceName\":\"\"}",
        version == 890 || version == 1200 ? 101376 : version < 890 ? 166912 : 232448, version);

    REQUIRE(n > 0 && (size_t)n < sizeof(text));
    REQUIRE_INT(api.dnn_part_create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d), 0);
    REQUIRE_INT(api.dnn_part_set(d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                 n + 1, text), 0);
    REQUIRE_INT(api.dnn_part_finish(d), 0);
    return d;
}

/* Tokens, heads and their size; rows of q, k and v may lie in one of three times their width. */
static void every_attention_of_the_models_is_taken(void)
{
    static const int versions[] = { 800, 890, 900, 1000, 1200 };
    static const struct {
        int32_t tokens, heads, d;
        int64_t width;
    } shapes[] = {
        { 20400 + 37, 24, 128, 24 * 128 },        /* HunyuanVideo, 65 frames of 480 x 640 */
        { 118800 + 255, 24, 128, 3 * 24 * 128 },  /* 129 frames of 720 x 1280 */
        { 4096 + 512, 24, 128, 24 * 128 },        /* FLUX.1 */
        { 6889 + 21, 24, 128, 24 * 128 },         /* Qwen-Image */
        { 576 + 11, 2, 128, 2 * 128 },            /* the model that ships */
        { 64, 4, 64, 4 * 64 },
    };

    for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
        void *d = device(versions[v]);
        for (size_t i = 0; i < 2 * sizeof(shapes) / sizeof(shapes[0]); i++) {
            struct zk_cuda_attention p;
            memset(&p, 0, sizeof(p));
            p.key.type = i % 2 ? ZK_F16 : ZK_BF16;
            p.key.queries = p.key.keys = shapes[i / 2].tokens;
            p.key.heads = p.key.kv_heads = shapes[i / 2].heads;
            p.key.d = shapes[i / 2].d;
            for (int s = 0; s < 4; s++)
                p.key.step[s] = s < 3 ? shapes[i / 2].width : (int64_t)p.key.heads * p.key.d;
            REQUIRE(zk_cuda_dnn_ask(&api, NULL, d, &p) > 0);
            zk_cuda_dnn_forget(&api, &p);
        }
        (void)api.dnn_part_destroy(d);
    }
}

static void what_it_does_not_take_is_told(void)
{
    struct zk_cuda_attention p;
    void *d = device(900);

    memset(&p, 0, sizeof(p));
    p.key = (struct zk_cuda_attention_key){ .step = { 100, 100, 100, 100 }, .queries = 70,
                                            .keys = 70, .heads = 1, .kv_heads = 1, .d = 100,
                                            .type = ZK_BF16 };
    REQUIRE_INT(zk_cuda_dnn_ask(&api, NULL, d, &p), 0);
    zk_cuda_dnn_forget(&api, &p);
    (void)api.dnn_part_destroy(d);
}

int main(int argc, char **argv)
{
    if (argc > 1 && dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL))
        zk_cuda_api_load_dnn(&api);
    if (!api.has_dnn) {
        printf("no cuDNN, or no library in the place of the driver's\n");
        return 77;
    }
    TEST(every_attention_of_the_models_is_taken);
    TEST(what_it_does_not_take_is_told);
    return test_end();
}
