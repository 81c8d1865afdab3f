/* A case: its name, its random numbers, and its tensors. */

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/checkkernels/private.h"

#define PAGE 4096
#define CANARY 64         /* bytes on either side of what an op may write */
#define TILE 8192         /* elements that benchmarks repeat */

void *ck_need(size_t bytes)
{
    void *mem = calloc(1, bytes ? bytes : 1);

    if (!mem) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(2);
    }
    return mem;
}

/* A page that remembers the size, the data, and a page without access. */
void *ck_pages(size_t bytes)
{
    const size_t data = (bytes + 63) / 64 * 64;
    const size_t all = (data + PAGE - 1) / PAGE * PAGE + 2 * PAGE;
    uint8_t *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + all - PAGE, PAGE, PROT_NONE) != 0) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(2);
    }
    *(size_t *)p = all;
    return p + all - PAGE - data;
}

void ck_pages_free(void *mem)
{
    if (!mem)
        return;
    /* With no data at all the pointer is already at the last page. */
    uint8_t *p = (uint8_t *)((uintptr_t)mem / PAGE * PAGE) - PAGE;
    munmap(p, *(size_t *)p);
}

static uint64_t next_random(struct ck *ck)
{
    uint64_t z = ck->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int ck_below(struct ck *ck, int n)
{
    return (int)((next_random(ck) >> 32) * (uint64_t)n >> 32);
}

/* Four uniform numbers added up: near enough to a normal distribution. */
float ck_normal(struct ck *ck)
{
    const uint64_t r = next_random(ck);
    const int sum = (int)(r & 0xffff) + (int)(r >> 16 & 0xffff) + (int)(r >> 32 & 0xffff) +
                    (int)(r >> 48);
    return ((float)sum - 131070.0f) / 37837.0f;
}

static bool wanted(const struct ck *ck)
{
    return !ck->only || strstr(ck->name, ck->only);
}

bool ck_case(struct ck *ck, const char *format, ...)
{
    va_list list;

    ck_case_end(ck);
    va_start(list, format);
    vsnprintf(ck->name, sizeof(ck->name), format, list);
    va_end(list);
    if (!wanted(ck))
        return false;
    if (ck->list) {
        puts(ck->name);
        return false;
    }
    ck->random = ck->seed;
    for (const char *p = ck->name; *p; p++)
        ck->random = (ck->random ^ (unsigned char)*p) * 0x100000001b3u;
    return true;
}

void ck_case_end(struct ck *ck)
{
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        free(r->before);
        free(r->want);
        free(r->got);
        free(r->first);
    }
    for (int i = 0; i < ck->memories; i++)
        free(ck->memory[i]);
    ck->regions = ck->memories = 0;
    ck->failed = false;
}

struct ck_region *ck_region_of(struct ck *ck, const void *pointer)
{
    const uint8_t *p = pointer;

    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (p >= r->before && p <= r->before + r->bytes)
            return r;
    }
    return NULL;
}

/* A region whose first and last bytes are `front` and `back` away from the data. */
static void *add_region(struct ck *ck, size_t front, size_t bytes, size_t back)
{
    if (ck->regions == CK_REGIONS) {
        fprintf(stderr, "%s: more than %d tensors\n", ck->name, CK_REGIONS);
        exit(2);
    }
    struct ck_region *r = &ck->region[ck->regions++];
    const size_t all = (front + bytes + back + 63) / 64 * 64;
    *r = (struct ck_region){ .before = ck_need(all + 1), .bytes = all };
    memset(r->before, 0xff, all);
    return r->before + all - back - bytes;
}

void *ck_memory(struct ck *ck, size_t bytes)
{
    if (ck->memories == CK_COUNT(ck->memory)) {
        fprintf(stderr, "%s: too many blocks of memory\n", ck->name);
        exit(2);
    }
    return ck->memory[ck->memories++] = ck_need(bytes);
}

/* Sizes that a type can hold with room for its sums. */
static float huge_of(zk_dtype type)
{
    switch (type) {
    case ZK_F16:
    case ZK_F8_E5M2:
        return 1e3f;
    case ZK_F8_E4M3:
        return 100;
    default:
        return 1e15f;
    }
}

/* Exponent of the smallest subnormal. */
static int tiny_of(zk_dtype type)
{
    switch (type) {
    case ZK_F16:
        return -24;
    case ZK_F8_E5M2:
        return -16;
    case ZK_F8_E4M3:
        return -9;
    case ZK_BF16:
        return -133;
    default:
        return -149;
    }
}

static float draw(struct ck *ck, zk_dtype type, ck_dist dist)
{
    static const ck_dist mixed[] = { CK_UNIT, CK_UNIT, CK_UNIT, CK_ZERO, CK_TINY, CK_HUGE };
    const float x = ck_normal(ck);

    switch (dist) {
    case CK_ZERO:
        return x < 0 ? -0.0f : 0.0f;
    case CK_HUGE:
        return x < 0 ? (x - 0.5f) * huge_of(type) : (x + 0.5f) * huge_of(type);
    case CK_TINY:
        return ldexpf(x, tiny_of(type) + ck_below(ck, 24));
    case CK_MIXED:
        return draw(ck, type, mixed[ck_below(ck, CK_COUNT(mixed))]);
    case CK_OFFSET:
        return 1000 + x;
    case CK_SPECIAL:
        if (ck_below(ck, 8) == 0)
            return ck_below(ck, 2) ? INFINITY : -INFINITY;
        return ck_below(ck, 8) == 0 ? NAN : x;
    case CK_NANS:
        return ck_below(ck, 8) == 0 ? NAN : x;
    case CK_RAMP:
        return 1.2f * ((float)ck_below(ck, 65536) / 32768.0f - 1);
    default:
        return x;
    }
}

/* Where the halves of a block are. */
static const struct {
    int count, at[2];
} halves[ZK_DTYPE_COUNT] = {
    [ZK_Q8_0] = { 1, { 0 } },      [ZK_Q4_0] = { 1, { 0 } },    [ZK_Q4_1] = { 2, { 0, 2 } },
    [ZK_Q5_0] = { 1, { 0 } },      [ZK_Q5_1] = { 2, { 0, 2 } }, [ZK_Q2_K] = { 2, { 80, 82 } },
    [ZK_Q3_K] = { 1, { 108 } },    [ZK_Q4_K] = { 2, { 0, 2 } }, [ZK_Q5_K] = { 2, { 0, 2 } },
    [ZK_Q6_K] = { 1, { 208 } },
};

/* Random bits are good integers; scales must be numbers. */
static void fill_block(struct ck *ck, zk_dtype type, ck_dist dist, uint8_t *b)
{
    const float x = dist == CK_ZERO ? 0 : dist == CK_TINY ? 1e-6f : dist == CK_HUGE ? 100 : 0.01f;

    for (int i = 0; i < zk_dtype_get(type)->bytes; i++)
        b[i] = (uint8_t)ck_below(ck, 256);
    for (int i = 0; i < halves[type].count; i++) {
        const uint16_t h = zk_f16_from_f32(x * ck_normal(ck));
        b[halves[type].at[i]] = (uint8_t)h;
        b[halves[type].at[i] + 1] = (uint8_t)(h >> 8);
    }
}

static void fill_elements(struct ck *ck, zk_dtype type, ck_dist dist, uint8_t *p, int64_t n)
{
    const zk_dtype_info *info = zk_dtype_get(type);

    if (dist == CK_OUTPUT) {
        memset(p, 0x7f, (size_t)(n / info->block * info->bytes));
    } else if (info->block > 1) {
        for (int64_t i = 0; i < n / info->block; i++)
            fill_block(ck, type, dist, p + i * info->bytes);
    } else if (info->from_f32) {
        for (int64_t i = 0; i < n; i++) {
            const float x = draw(ck, type, dist);
            info->from_f32(p + i * info->bytes, &x, 1);
        }
    } else {
        for (int64_t i = 0; i < n * info->bytes; i++)
            p[i] = (uint8_t)ck_below(ck, 256);
    }
}

static void fill_row(struct ck *ck, zk_dtype type, ck_dist dist, uint8_t *p, int64_t n)
{
    const zk_dtype_info *info = zk_dtype_get(type);
    const int64_t tile = ck->bench && n > TILE ? TILE : n;
    const size_t tile_bytes = (size_t)(tile / info->block * info->bytes);

    fill_elements(ck, type, dist, p, tile);
    for (int64_t i = tile; i < n; i += tile) {
        const int64_t left = n - i < tile ? n - i : tile;
        memcpy(p + (size_t)(i / tile) * tile_bytes, p,
               (size_t)(left / info->block * info->bytes));
    }
}

static zk_tensor add_matrix(struct ck *ck, zk_dtype type, int rows, int cols, int64_t pitch,
                            ck_dist dist, bool guarded)
{
    const zk_dtype_info *info = zk_dtype_get(type);
    const size_t row = (size_t)(cols / info->block) * (size_t)info->bytes;
    const size_t step = (size_t)(pitch / info->block) * (size_t)info->bytes;
    const size_t bytes = rows > 0 ? (size_t)(rows - 1) * step + row : 0;
    const size_t off = guarded ? (size_t)ck_below(ck, 16) * (size_t)info->bytes : 0;
    uint8_t *data;

    if (ck->bench)
        data = add_region(ck, 0, (bytes + 63) / 64 * 64, 0);
    else
        data = add_region(ck, guarded ? CANARY : 0, bytes, guarded ? CANARY + off : 0);
    zk_tensor t = zk_dense(data, type, rows, cols);
    t.step[2] = pitch;
    if (pitch == cols) {
        fill_row(ck, type, dist, data, (int64_t)rows * cols);
        return t;
    }
    for (int r = 0; r < rows; r++)
        fill_row(ck, type, dist, data + (size_t)r * step, cols);
    return t;
}

/* Odd, usually, so that rows begin at every alignment. */
static int64_t odd_pitch(struct ck *ck, zk_dtype type, int cols)
{
    const int block = zk_dtype_get(type)->block;

    if (ck->bench)
        return cols;
    return block > 1 ? cols + (int64_t)block * ck_below(ck, 3) : cols + ck_below(ck, 8);
}

zk_tensor ck_tensor(struct ck *ck, zk_dtype type, int rows, int cols, ck_dist dist)
{
    return add_matrix(ck, type, rows, cols, odd_pitch(ck, type, cols), dist, false);
}

zk_tensor ck_vector(struct ck *ck, int cols, ck_dist dist)
{
    return add_matrix(ck, ZK_F32, 1, cols, cols, dist, false);
}

zk_tensor ck_out(struct ck *ck, zk_dtype type, int rows, int cols)
{
    return ck_inout(ck, type, rows, cols, CK_OUTPUT);
}

zk_tensor ck_inout(struct ck *ck, zk_dtype type, int rows, int cols, ck_dist dist)
{
    return add_matrix(ck, type, rows, cols, odd_pitch(ck, type, cols), dist, true);
}

zk_tensor ck_dense(struct ck *ck, zk_dtype type, int t, int h, int w, int c, ck_dist dist)
{
    const zk_tensor m = add_matrix(ck, type, t * h * w, c, c, dist, false);

    return zk_dense4(m.data, type, t, h, w, c);
}

zk_tensor ck_dense_out(struct ck *ck, zk_dtype type, int t, int h, int w, int c)
{
    const zk_tensor m = add_matrix(ck, type, t * h * w, c, c, CK_OUTPUT, true);

    return zk_dense4(m.data, type, t, h, w, c);
}

zk_tensor ck_ids(struct ck *ck, int n, int below)
{
    const zk_tensor t = add_matrix(ck, ZK_I32, 1, n, n, CK_OUTPUT, false);

    for (int i = 0; i < n; i++)
        ((int32_t *)t.data)[i] = ck_below(ck, below);
    return t;
}

void *ck_picture(struct ck *ck, int rows, int row_bytes, int64_t pitch)
{
    const size_t step = (size_t)(pitch < 0 ? -pitch : pitch);
    const size_t bytes = rows > 0 ? (size_t)(rows - 1) * step + (size_t)row_bytes : 0;
    uint8_t *data = add_region(ck, CANARY, bytes, CANARY);

    memset(data, 0x7f, bytes);
    return pitch < 0 && rows > 0 ? data + (size_t)(rows - 1) * step : data;
}

float *ck_result(struct ck *ck)
{
    float *r = add_region(ck, CANARY, sizeof(float), CANARY);

    ck->region[ck->regions - 1].on_host = true;
    *r = -1;
    return r;
}

double ck_get(const zk_tensor *t, int64_t element)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);
    const uint8_t *p = (const uint8_t *)t->data + element / info->block * info->bytes;
    float block[256];
    uint64_t bits = 0;

    if (info->to_f32) {
        info->to_f32(block, p, (size_t)info->block);
        return block[element % info->block];
    }
    memcpy(&bits, p, (size_t)info->bytes);
    return (double)(bits % 9007199254740881u);      /* exact, and telling most words apart */
}

float *ck_floats(struct ck *ck, const zk_tensor *t)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);
    const size_t rows = (size_t)t->dim[0] * (size_t)t->dim[1] * (size_t)t->dim[2];
    const size_t cols = (size_t)t->dim[3];
    float *f = ck_memory(ck, rows * cols * sizeof(float));

    for (size_t r = 0; r < rows; r++) {
        const size_t block = r * (size_t)t->step[2] / (size_t)info->block;
        info->to_f32(f + r * cols, (const uint8_t *)t->data + block * (size_t)info->bytes, cols);
        for (size_t c = 0; c < cols && t->scale != 0; c++)
            f[r * cols + c] *= t->scale;
    }
    return f;
}
