/* Runs kernels for the device on the host: blocks one after another, the threads of
 * a block as fibres that take turns. Matrix units, and whatever else a warp does
 * together, are computed by the lane that comes last. */

#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

#include "kernels/cuda/args.h"
#include "kernels/cuda/units.h"
#include "tests/cuda/emulate.h"

#define STACK (64 << 10)
#define MOST 1024
#define SHARED (228 << 10)

struct emulated_index threadIdx, blockIdx, blockDim, gridDim;
alignas(128) uint8_t emulated_shared[SHARED];

enum state { READY, AT_BLOCK, DONE };

static struct fibre {
    ucontext_t first;
    jmp_buf at;
    uint8_t *stack;
    state what;
    bool begun;
} fibres[MOST];

/* What a warp exchanges. Two buffers, for a lane may still read the last results. */
static struct warp {
    int come, turn;
    unsigned generation;
    uint8_t values[32 * 64], results[2][32 * 64];
} warps[MOST / 32];

static jmp_buf scheduler;
static ucontext_t home;
static int current, threads;
static void (*kernel)(const void *);
static const void *arguments;

/* ---- Fibres ---- */

static void yield(void)
{
    if (_setjmp(fibres[current].at) == 0)
        _longjmp(scheduler, 1);
}

static void begin(void)
{
    kernel(arguments);
    fibres[current].what = DONE;
    _longjmp(scheduler, 1);
}

static void resume(int i)
{
    fibre *f = &fibres[i];

    current = i;
    threadIdx.x = (unsigned)i % blockDim.x;
    threadIdx.y = (unsigned)i / blockDim.x;
    if (_setjmp(scheduler) != 0)
        return;
    if (f->begun)
        _longjmp(f->at, 1);
    f->begun = true;
    getcontext(&f->first);
    if (!f->stack)
        f->stack = (uint8_t *)malloc(STACK);
    f->first.uc_stack.ss_sp = f->stack;
    f->first.uc_stack.ss_size = STACK;
    f->first.uc_link = &home;
    makecontext(&f->first, begin, 0);
    setcontext(&f->first);
}

extern "C" void emulated_block(void)
{
    fibres[current].what = AT_BLOCK;
    while (fibres[current].what == AT_BLOCK)
        yield();
}

extern "C" const void *emulated_warp(const void *mine, unsigned bytes,
                                     void (*all)(void *results, const void *values))
{
    const int me = current;
    warp *w = &warps[me / 32];
    const unsigned generation = w->generation;
    uint8_t *results = w->results[w->turn];
    int live = 0;

    for (int i = me / 32 * 32; i < me / 32 * 32 + 32; i++)
        live += i < threads && fibres[i].what != DONE;
    memcpy(w->values + (size_t)(me % 32) * bytes, mine, bytes);
    if (++w->come < live) {
        while (w->generation == generation)
            yield();
        return results;
    }
    if (all)
        all(results, w->values);
    else
        memcpy(results, w->values, 32 * bytes);
    w->come = 0;
    w->turn = 1 - w->turn;
    w->generation++;
    return results;
}

/* One round over a warp's lanes; false when none can go on. */
static bool run_warp(int first)
{
    bool any = false;

    for (int i = first; i < first + 32 && i < threads; i++) {
        if (fibres[i].what == READY) {
            resume(i);
            any = true;
        }
    }
    return any;
}

static void run_block(void)
{
    for (int i = 0; i < threads; i++) {
        fibres[i].what = READY;
        fibres[i].begun = false;
    }
    memset(warps, 0, sizeof(warps));
    for (bool all_done = false; !all_done;) {
        for (int w = 0; w < threads; w += 32) {
            while (run_warp(w)) {
            }
        }
        all_done = true;
        for (int i = 0; i < threads; i++) {
            if (fibres[i].what == AT_BLOCK) {
                fibres[i].what = READY;
                all_done = false;
            }
        }
    }
}

/* ---- Matrix units, by the tables of the instruction set's manual ---- */

static float low_of(uint32_t pair, bool bf16)
{
    const unsigned short bits = (unsigned short)(pair & 0xffff);

    return bf16 ? __uint_as_float((uint32_t)bits << 16) : __half2float(__ushort_as_half(bits));
}

static float element(const uint32_t *r, int pair, int half, bool bf16)
{
    return low_of(r[pair] >> (16 * half), bf16);
}

static void mma(void *results, const void *values, bool bf16)
{
    float a[16][16], b[16][8], c[16][8];

    for (int lane = 0; lane < 32; lane++) {
        const uint32_t *v = (const uint32_t *)values + 10 * lane;
        const int group = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; i++)
            memcpy(&c[group + i / 2 * 8][t * 2 + i % 2], &v[i], 4);
        for (int i = 0; i < 4; i++) {
            for (int h = 0; h < 2; h++)
                a[group + i % 2 * 8][t * 2 + h + i / 2 * 8] = element(v + 4, i, h, bf16);
        }
        for (int i = 0; i < 2; i++) {
            for (int h = 0; h < 2; h++)
                b[t * 2 + h + i * 8][group] = element(v + 8, i, h, bf16);
        }
    }
    for (int lane = 0; lane < 32; lane++) {
        for (int i = 0; i < 4; i++) {
            const int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
            float sum = c[row][col];
            for (int k = 0; k < 16; k++)
                sum += a[row][k] * b[k][col];
            memcpy((uint8_t *)results + 16 * lane + 4 * i, &sum, 4);
        }
    }
}

extern "C" void emulated_mma_bf16(void *results, const void *values)
{
    mma(results, values, true);
}

extern "C" void emulated_mma_f16(void *results, const void *values)
{
    mma(results, values, false);
}

/* Tile m has its rows' addresses in lanes 8m to 8m + 7. */
static void tiles(void *results, const void *values, bool turned)
{
    const uint32_t *address = (const uint32_t *)values;

    for (int lane = 0; lane < 32; lane++) {
        for (int m = 0; m < 4; m++) {
            for (int h = 0; h < 2; h++) {
                const int row = turned ? lane % 4 * 2 + h : lane / 4;
                const int col = turned ? lane / 4 : lane % 4 * 2 + h;
                memcpy((uint8_t *)results + 16 * lane + 4 * m + 2 * h,
                       emulated_at(address[8 * m + row]) + 2 * col, 2);
            }
        }
    }
}

extern "C" void emulated_tiles(void *results, const void *values)
{
    tiles(results, values, false);
}

extern "C" void emulated_tiles_turned(void *results, const void *values)
{
    tiles(results, values, true);
}

/* ---- Launching ---- */

#define KERNELS(_)                                                                                 \
    _(attend_bf16_64, zk_cuda_attend)                                                              \
    _(attend_bf16_128, zk_cuda_attend)                                                             \
    _(attend_f16_64, zk_cuda_attend)                                                               \
    _(attend_f16_128, zk_cuda_attend)                                                              \
    _(attend_any, zk_cuda_attend)                                                                  \
    _(gemm_bf16, zk_cuda_gemm)                                                                     \
    _(gemm_f32, zk_cuda_gemm)                                                                      \
    _(few_rows, zk_cuda_gemm)                                                                      \
    _(embed, zk_cuda_embed)                                                                        \
    _(pack, zk_cuda_pack)                                                                          \
    _(cast, zk_cuda_cast)                                                                          \
    _(copy, zk_cuda_copy)                                                                          \
    _(f8_most, zk_cuda_f8)                                                                         \
    _(f8_rows, zk_cuda_f8)                                                                         \
    _(upsample, zk_cuda_upsample)                                                                  \
    _(permute, zk_cuda_permute)                                                                    \
    _(rows_8, zk_cuda_rows)                                                                        \
    _(rows_1, zk_cuda_rows)                                                                        \
    _(mean, zk_cuda_sums)                                                                          \
    _(drift, zk_cuda_sums)                                                                         \
    _(drift_end, zk_cuda_sums)                                                                     \
    _(guide_norm, zk_cuda_sums)                                                                    \
    _(norm, zk_cuda_norm)                                                                          \
    _(group_part, zk_cuda_norm)                                                                    \
    _(group_end, zk_cuda_norm)                                                                     \
    _(group_apply, zk_cuda_norm)                                                                   \
    _(qk_norm, zk_cuda_heads)                                                                      \
    _(rope, zk_cuda_heads)                                                                         \
    _(pixels, zk_cuda_pixels)

#define DECLARE(name, args)                                                                        \
    extern "C" void zk_gpu_##name(const struct args a);                                           \
    static void call_##name(const void *a)                                                         \
    {                                                                                              \
        zk_gpu_##name(*(const struct args *)a);                                                   \
    }
KERNELS(DECLARE)

static const struct {
    const char *name;
    void (*call)(const void *);
    size_t args_size;
} table[] = {
#define ROW(name, args) { "zk_gpu_" #name, call_##name, sizeof(struct args) },
    KERNELS(ROW)
};

extern "C" size_t emulate_args_size(const char *name)
{
    for (const auto &row : table) {
        if (strcmp(row.name, name) == 0)
            return row.args_size;
    }
    return 0;
}

extern "C" bool emulate(const char *name, const unsigned *grid, const unsigned *block,
                        unsigned shared, const void *args)
{
    kernel = nullptr;
    for (const auto &row : table) {
        if (strcmp(row.name, name) == 0)
            kernel = row.call;
    }
    threads = (int)(block[0] * block[1]);
    if (!kernel || threads > MOST || shared > SHARED)
        return false;
    arguments = args;
    blockDim = { block[0], block[1], 1 };
    gridDim = { grid[0], grid[1], 1 };
    for (unsigned y = 0; y < grid[1]; y++) {
        for (unsigned x = 0; x < grid[0]; x++) {
            blockIdx = { x, y, 0 };
            run_block();
        }
    }
    return true;
}
