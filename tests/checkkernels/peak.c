/* Measures peaks with the widest loops that this machine has. */

#include <stdlib.h>
#include <time.h>

#include "core/base/alloc.h"
#include "kernels/cpu/cpu.h"
#include "tests/checkkernels/peak.h"
#include "tests/checkkernels/private.h"

#define FLOATS ((size_t)16 << 20)     /* of each of three arrays: 64 MiB, beyond any cache here */
#define SHORT_NS 4000000              /* of an arithmetic measurement */

struct ck_meter {
    zc_pool *pool;
    ck_clock clock;
    ck_loop *loop[CK_PEAKS];
    long     rounds[CK_PEAKS];        /* that take about SHORT_NS */
    const struct ck_memory_loops *memory;
    float   *a, *b, *c;
};

struct measurement {
    struct ck_meter *m;
    ck_peak peak;
    double done[ZC_POOL_MAX];
    float sink[ZC_POOL_MAX];
};

double ck_loop_f32_c(long n, float *sink)
{
    float x[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };

    for (long i = 0; i < n; i++) {
        for (int j = 0; j < 8; j++)
            x[j] = x[j] * 0.999f + 0.001f;
    }
    for (int j = 0; j < 8; j++)
        *sink += x[j];
    return (double)n * 16;
}

static float read_c(const float *a, size_t n)
{
    float sum[16] = { 0 };

    for (size_t i = 0; i < n; i += 16) {
        for (int j = 0; j < 16; j++)
            sum[j] += a[i + j];
    }
    return sum[0] + sum[7] + sum[15];
}

static void triad_c(float *a, const float *b, const float *c, float s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] + s * c[i];
}

const struct ck_memory_loops ck_memory_c = { read_c, triad_c };

static void choose(struct ck_meter *m, unsigned flags)
{
    m->memory = &ck_memory_c;
    m->loop[CK_PEAK_F32] = ck_loop_f32_c;
#if CK_X86
    if (flags & ZK_CPU_AVX2) {
        m->memory = &ck_memory_avx2;
        m->loop[CK_PEAK_F32] = ck_loop_f32_avx2;
    }
    if (flags & ZK_CPU_AVX512) {
        m->memory = &ck_memory_avx512;
        m->loop[CK_PEAK_F32] = ck_loop_f32_avx512;
    }
#elif CK_ARM
    m->loop[CK_PEAK_F32] = ck_loop_f32_neon;
#endif
    m->loop[CK_PEAK_BF16] = m->loop[CK_PEAK_INT8] = m->loop[CK_PEAK_F32];
#if CK_X86
    if (flags & ZK_CPU_AVX512_BF16)
        m->loop[CK_PEAK_BF16] = ck_loop_bf16;
    if (flags & ZK_CPU_AVX512_VNNI)
        m->loop[CK_PEAK_INT8] = ck_loop_int8;
#endif
    (void)flags;
}

/* The share of each thread in the arrays is a multiple of 64 floats. */
static void measure_part(void *arg, int part, int worker)
{
    struct measurement *s = arg;
    struct ck_meter *m = s->m;
    const size_t n = FLOATS / (size_t)zc_pool_threads(m->pool) / 64 * 64, at = n * (size_t)part;

    (void)worker;
    if (s->peak == CK_PEAK_READ) {
        s->sink[part] = m->memory->read(m->a + at, n) + m->memory->read(m->b + at, n) +
                        m->memory->read(m->c + at, n);
        s->done[part] = 3.0 * (double)n * sizeof(float);
    } else if (s->peak == CK_PEAK_TRIAD) {
        m->memory->triad(m->a + at, m->b + at, m->c + at, 0.5f, n);
        s->done[part] = 3.0 * (double)n * sizeof(float);
    } else {
        s->done[part] = m->loop[s->peak](m->rounds[s->peak], &s->sink[part]);
    }
}

int64_t ck_meter_clock(const struct ck_meter *m)
{
    struct timespec t;

    if (m->clock == CK_CLOCK_WALL)
        return zc_clock_ns();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return ((int64_t)t.tv_sec * 1000000000 + t.tv_nsec) / zc_pool_threads(m->pool);
}

double ck_meter_read(struct ck_meter *m, ck_peak peak, double *seconds)
{
    struct measurement s = { .m = m, .peak = peak };
    double done = 0;
    const int threads = zc_pool_threads(m->pool);

    const int64_t begin = ck_meter_clock(m);
    zc_pool_run(m->pool, threads, measure_part, &s);
    *seconds = (double)(ck_meter_clock(m) - begin) * 1e-9;
    for (int i = 0; i < threads; i++)
        done += s.done[i];
    return done;
}

static void calibrate(struct ck_meter *m, ck_peak peak)
{
    float sink = 0;

    for (m->rounds[peak] = 1000;; m->rounds[peak] *= 2) {
        const int64_t begin = zc_clock_ns();
        m->loop[peak](m->rounds[peak], &sink);
        if (zc_clock_ns() - begin > SHORT_NS / 2)
            break;
    }
}

struct ck_meter *ck_meter_open(zc_pool *pool, unsigned flags, ck_clock clock)
{
    struct ck_meter *m = ck_need(sizeof(*m));

    m->pool = pool;
    m->clock = clock;
    m->a = zc_alloc_aligned(FLOATS * sizeof(float));
    m->b = zc_alloc_aligned(FLOATS * sizeof(float));
    m->c = zc_alloc_aligned(FLOATS * sizeof(float));
    if (!m->a || !m->b || !m->c) {
        fprintf(stderr, "no memory to measure bandwidth\n");
        ck_meter_close(&m);
        return NULL;
    }
    for (size_t i = 0; i < FLOATS; i++) {
        m->a[i] = 1;
        m->b[i] = (float)(i % 100);
        m->c[i] = (float)(i % 77);
    }
    choose(m, flags);
    calibrate(m, CK_PEAK_F32);
    calibrate(m, CK_PEAK_BF16);
    calibrate(m, CK_PEAK_INT8);
    return m;
}

void ck_meter_close(struct ck_meter **meter)
{
    struct ck_meter *m = *meter;

    if (!m)
        return;
    zc_free_aligned(m->a);
    zc_free_aligned(m->b);
    zc_free_aligned(m->c);
    free(m);
    *meter = NULL;
}

const char *ck_peak_name(ck_peak peak)
{
    static const char *const names[CK_PEAKS] = { "f32", "bf16", "int8", "read", "triad" };

    return names[peak];
}
