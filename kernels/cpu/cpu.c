/* The CPU backend: its table, and what it finds out when it is opened. */

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <stdio.h>

#include "kernels/cpu/cpu.h"
#include "kernels/ref/ref.h"

#if defined(__x86_64__)

unsigned zk_cpu_flags(void)
{
    unsigned flags = 0, eax, ebx, ecx = 0, edx;

    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_F16C))
        return flags;
    flags |= ZK_CPU_AVX2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512cd"))
        return flags;
    flags |= ZK_CPU_AVX512;
    if (__builtin_cpu_supports("avx512vnni"))
        flags |= ZK_CPU_AVX512_VNNI;
    if (__builtin_cpu_supports("avx512bf16"))
        flags |= ZK_CPU_AVX512_BF16;
    return flags;
}

#elif defined(__aarch64__)

unsigned zk_cpu_flags(void)
{
    return ZK_CPU_NEON;
}

#else

unsigned zk_cpu_flags(void)
{
    return 0;
}

#endif

/* What an operation offers beyond its entry in the table; all optional. */
static const struct extra {
    bool (*takes)(const zk_dtype *types, int count);
    size_t (*work)(const zk_queue *q, const void *args);
    size_t (*packed_size)(const zk_queue *q, const struct zk_pack *p);
    zk_status (*pack)(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed);
} extras[ZK_OP_COUNT] = {
    [ZK_OP_attend] = { .work = zk_cpu_attend_work },
    [ZK_OP_conv] = {
        .takes = zk_cpu_conv_takes,
        .work = zk_cpu_conv_work,
        .packed_size = zk_cpu_conv_packed_size,
        .pack = zk_cpu_conv_pack,
    },
    [ZK_OP_drift] = { .work = zk_cpu_drift_work },
    [ZK_OP_linear] = {
        .takes = zk_cpu_linear_takes,
        .work = zk_cpu_linear_work,
        .packed_size = zk_cpu_linear_packed_size,
        .pack = zk_cpu_linear_pack,
    },
    [ZK_OP_norm] = { .work = zk_cpu_norm_work },
};

static void dsp_init(struct zk_cpu_dsp *dsp, unsigned flags)
{
    dsp->flags = flags;
    zk_cpu_product_init(&dsp->product, flags);
    zk_cpu_attention_init(&dsp->attention, flags);
    zk_cpu_elementwise_init(&dsp->elementwise, flags);
    zk_cpu_conv_init(&dsp->conv, flags);
    zk_cpu_linear_init(&dsp->linear, flags);
    zk_cpu_norm_init(&dsp->norm, flags);
    zk_cpu_rope_init(&dsp->rope, flags);
    zk_cpu_pixel_init(&dsp->pixel, flags);
}

/* One line per family: which inner kernels were chosen. */
static void log_choice(const zk_host *host, const char *family, const char *chosen)
{
    char line[120];

    if (!host->log)
        return;
    snprintf(line, sizeof(line), "cpu: %s: %s", family, chosen);
    host->log(host->user, line);
}

static zk_status cpu_open(zk_queue **queue, const zk_device_desc *desc)
{
    const zk_host *host = &desc->host;
    const unsigned flags = zk_cpu_flags() & (desc->cpu_mask ? desc->cpu_mask : ~0u);
    zk_status st = zk_queue_open(queue, host, sizeof(struct zk_cpu));

    if (st != ZK_OK)
        return st;
    struct zk_cpu *cpu = zk_cpu_of(*queue);
    dsp_init(&cpu->dsp, flags);
    cpu->scratch = host->alloc(host->user, (size_t)host->threads * ZK_CPU_SCRATCH);
    if (!cpu->scratch) {
        zk_queue_close(queue);
        return ZK_E_NOMEM;
    }
    log_choice(host, "linear", cpu->dsp.linear.chosen);
    log_choice(host, "products", cpu->dsp.product.chosen);
    log_choice(host, "attention", cpu->dsp.attention.chosen);
    log_choice(host, "elementwise", cpu->dsp.elementwise.chosen);
    log_choice(host, "conv", cpu->dsp.conv.chosen);
    log_choice(host, "norm", cpu->dsp.norm.chosen);
    log_choice(host, "rope", cpu->dsp.rope.chosen);
    log_choice(host, "pixel", cpu->dsp.pixel.chosen);
    return ZK_OK;
}

static void cpu_close(zk_queue **queue)
{
    if (*queue)
        (*queue)->host.free((*queue)->host.user, zk_cpu_of(*queue)->scratch);
    zk_queue_close(queue);
}

static bool cpu_takes(const zk_queue *q, zk_op op, const zk_dtype *types, int count)
{
    (void)q;
    return !extras[op].takes || extras[op].takes(types, count);
}

static size_t cpu_work(const zk_queue *q, zk_op op, const void *args)
{
    return extras[op].work ? extras[op].work(q, args) : 0;
}

static size_t cpu_packed_size(const zk_queue *q, const struct zk_pack *p)
{
    return extras[p->op].packed_size ? extras[p->op].packed_size(q, p) : 0;
}

static zk_status cpu_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    return extras[p->op].pack ? extras[p->op].pack(q, p, dst, packed) : ZK_E_UNSUPPORTED;
}

const zk_backend zk_backend_cpu = {
    .name = "cpu",
    .summary = "this machine's processor",
    .open = cpu_open,
    .close = cpu_close,
    .takes = cpu_takes,
    .work = cpu_work,
    .packed_size = cpu_packed_size,
    .pack = cpu_pack,
    .alloc = zk_queue_alloc,
    .free = zk_queue_free,
    .upload = zk_queue_copy,
    .download = zk_queue_copy,
    .finish = zk_queue_finish,
    .memory = zk_queue_memory,
    .aside = zk_queue_aside,
    .record = zk_queue_record,
    .replay = zk_queue_replay,

    .linear = zk_cpu_linear,
    .attend = zk_cpu_attend,
    .norm = zk_cpu_norm,
    .norm_mod = zk_cpu_norm_mod,
    .qk_norm = zk_cpu_qk_norm,
    .rope = zk_cpu_rope,
    .add_gated = zk_cpu_add_gated,
    .add = zk_cpu_add,
    .mul = zk_cpu_mul,
    .act = zk_cpu_act,
    .glu = zk_cpu_glu,
    .embed = zk_cpu_embed,
    .mean = zk_cpu_mean,
    .conv = zk_cpu_conv,
    .upsample = zk_cpu_upsample,
    .permute = zk_cpu_permute,
    .cast = zk_cpu_cast,
    .mix = zk_cpu_mix,
    .drift = zk_cpu_drift,
    .guide = zk_cpu_guide,
    .pixels = zk_cpu_pixels,
};
