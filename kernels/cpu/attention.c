/* Attention with streaming softmax: scores exist for one tile of queries and
 * keys at a time.
 *
 * Keys and values are first laid out in panels, a few heads at a time. Then each
 * pair of a head and a tile of queries is one piece of work, which walks over
 * the tiles of keys in their order, so results do not depend on the threads. All
 * masks let a query see the keys from 0 up to some number, so that is all that
 * the inner kernels know of them. */

#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/ref/ref.h"

#define LOG2E 1.44269504088896341f
#define MOST_ROWS 96              /* queries in a tile: a multiple of all register tiles' heights */
#define TILE_BYTES (128 << 10)    /* of keys in a tile, and of values: both stay in the L2 cache */
#define ITEMS_PER_THREAD 32

struct plan {
    const struct zk_attend *a;
    const struct zk_attend_kind *kind;
    void (*product)(const struct zk_product *g);
    zk_queue *q;
    int32_t d, padded;            /* of a head; to a multiple of 16 */
    int32_t keys;                 /* padded to a multiple of 16 */
    int32_t tile;                 /* keys in a tile */
    int32_t rows;                 /* queries in a tile */
    int32_t tiles;                /* of queries */
    int32_t group;                /* heads of q that share one of k and v */
    int32_t round;                /* heads of k and v that are packed at a time */
    int32_t first, count;         /* which of them now */
    int64_t head;                 /* elements of a packed head of keys, or of values */
};

/* A worker's scratch memory. */
struct room {
    void    *q, *p;
    float   *s, *o, *max, *sum;
    int32_t *seen;
};

static int32_t round_up(int32_t n, int32_t to)
{
    return (n + to - 1) / to * to;
}

static int32_t least(int64_t a, int64_t b)
{
    return (int32_t)(a < b ? a : b);
}

static int64_t row_bytes(const struct plan *p)
{
    const int64_t bytes = p->kind->bytes;

    return p->padded * (bytes + 4) + p->tile * (bytes + 4) + 4 + 64 + 4;
}

/* False if there is nothing in a head, or too much for the scratch memory. */
static bool plan_make(struct plan *p, const zk_queue *q, const struct zk_attend *a)
{
    const struct zk_cpu_dsp *dsp = &((const struct zk_cpu *)q->state)->dsp;
    const bool bf16 = a->q.type == ZK_BF16 && a->k.type == ZK_BF16 && a->v.type == ZK_BF16 &&
                      dsp->attention.bf16.bytes > 0;
    const int32_t d = a->heads > 0 ? a->q.dim[3] / a->heads : 0;

    if (d < 1 || a->kv_heads < 1)
        return false;
    *p = (struct plan){
        .a = a,
        .kind = bf16 ? &dsp->attention.bf16 : &dsp->attention.f32,
        .product = bf16 ? dsp->product.bf16 : dsp->product.f32,
        .d = d,
        .padded = round_up(d, ZK_PANEL),
        .keys = round_up(a->k.dim[2], ZK_PANEL),
        .group = a->heads / a->kv_heads,
    };
    const int64_t fit = TILE_BYTES / ((int64_t)p->padded * p->kind->bytes) / 32 * 32;
    p->tile = fit < 64 ? 64 : least(fit, 512);
    p->rows = least(((int64_t)ZK_CPU_SCRATCH - 1024) / row_bytes(p), MOST_ROWS);
    if (p->rows < 1 || (int64_t)p->padded * ZK_PANEL * 4 > (int64_t)ZK_CPU_SCRATCH)
        return false;
    p->tiles = (a->q.dim[2] + p->rows - 1) / p->rows;
    p->head = (int64_t)p->keys * p->padded;
    const int64_t items = (int64_t)p->tiles * p->group;
    const int64_t wanted = ITEMS_PER_THREAD * (int64_t)q->host.threads;
    p->round = items > 0 ? least((wanted + items - 1) / items, a->kv_heads) : 1;
    return true;
}

size_t zk_cpu_attend_work(const zk_queue *q, const void *args)
{
    struct plan p;

    if (!plan_make(&p, q, args))
        return 0;
    return (size_t)(2 * p.round * p.head * p.kind->bytes);
}

static uint8_t *packed_keys(const struct plan *p, int32_t head)
{
    return (uint8_t *)p->a->work + 2 * head * p->head * p->kind->bytes;
}

static uint8_t *packed_values(const struct plan *p, int32_t head)
{
    return packed_keys(p, head) + p->head * p->kind->bytes;
}

/* `count` rows of one head from row `first` on, as dense rows of the kind's type
 * and the padded width; whatever is beyond is zero, up to `rows` of them. */
static void load_rows(const struct plan *p, void *dst, const zk_tensor *t, int32_t head,
                      int32_t first, int32_t count, int32_t rows)
{
    const zk_dtype_info *type = zk_dtype_get(t->type);
    const int32_t bytes = p->kind->bytes;

    for (int32_t i = 0; i < rows; i++) {
        uint8_t *to = (uint8_t *)dst + (int64_t)i * p->padded * bytes;
        int32_t n = 0;
        if (i < count) {
            const int64_t at = (first + i) * t->step[2] + (int64_t)head * p->d;
            const uint8_t *from = (const uint8_t *)t->data + at * type->bytes;
            n = p->d;
            if (bytes == type->bytes)
                memcpy(to, from, (size_t)n * (size_t)bytes);
            else
                type->to_f32((float *)(void *)to, from, (size_t)n);
        }
        memset(to + n * bytes, 0, (size_t)(p->padded - n) * (size_t)bytes);
    }
}

/* Items are blocks of 16 keys, head after head. */
static void pack_blocks(void *arg, int64_t begin, int64_t end, int worker)
{
    const struct plan *p = arg;
    const struct zk_attend *a = p->a;
    const int32_t blocks = p->keys / ZK_PANEL, bytes = p->kind->bytes;
    void *rows = zk_cpu_scratch(p->q, worker);

    for (int64_t item = begin; item < end; item++) {
        const int32_t slot = (int32_t)(item / blocks), key = (int32_t)(item % blocks) * ZK_PANEL;
        const int32_t count = least(a->k.dim[2] - key, ZK_PANEL);
        const int32_t start = key / p->tile * p->tile;
        const int64_t panel = (int64_t)ZK_PANEL * least(p->keys - start, p->tile);

        load_rows(p, rows, &a->k, p->first + slot, key, count, ZK_PANEL);
        p->kind->pack_keys(packed_keys(p, slot) + (int64_t)key * p->padded * bytes, rows,
                           p->padded);
        load_rows(p, rows, &a->v, p->first + slot, key, count, ZK_PANEL);
        p->kind->pack_values(packed_values(p, slot) +
                             ((int64_t)start * p->padded + (key - start) * ZK_PANEL) * bytes,
                             panel, rows, p->padded);
    }
}

/* How many keys query i sees. */
static int32_t limit(const struct zk_attend *a, int64_t i)
{
    const int64_t keys = a->k.dim[2];
    int64_t n = keys;

    if (a->mask == ZK_MASK_CAUSAL)
        n = i + keys - a->q.dim[2] + 1;
    else if (a->mask == ZK_MASK_BLOCKS)
        n = (i / a->block + 1) * a->block;
    return n < 0 ? 0 : least(n, keys);
}

static void flip_signs(const struct plan *p, void *rows, int32_t count)
{
    const int64_t n = (int64_t)count * p->padded;

    if (p->kind->bytes == 2)
        for (int64_t i = 0; i < n; i++)
            ((uint16_t *)rows)[i] ^= 0x8000u;
    else
        for (int64_t i = 0; i < n; i++)
            ((uint32_t *)rows)[i] ^= 0x80000000u;
}

static struct room room_of(const struct plan *p, int worker)
{
    const int64_t bytes = p->kind->bytes, rows = p->rows;
    uint8_t *at = zk_cpu_scratch(p->q, worker);
    struct room r;

    r.q = at, at += rows * p->padded * bytes;
    r.p = at, at += rows * p->tile * bytes;
    r.s = (float *)(void *)at, at += rows * p->tile * 4;
    r.o = (float *)(void *)at, at += rows * p->padded * 4;
    r.sum = (float *)(void *)at, at += rows * 64;
    r.max = (float *)(void *)at, at += rows * 4;
    r.seen = (int32_t *)(void *)at;
    return r;
}

/* The keys from `key` on, of which the last query sees `most`. */
static void attend_tile(const struct plan *p, const struct room *r, int32_t slot, int32_t query,
                        int32_t rows, int32_t key, int32_t most)
{
    const int64_t bytes = p->kind->bytes, at = (int64_t)key * p->padded * bytes;
    const int32_t panels = (most + ZK_PANEL - 1) / ZK_PANEL;

    p->product(&(struct zk_product){
        .c = r->s, .c_step = p->tile,
        .a = r->q, .a_step = p->padded,
        .b = packed_keys(p, slot) + at, .b_step = (int64_t)ZK_PANEL * p->padded,
        .rows = rows, .k = p->padded, .panels = panels,
    });
    for (int32_t i = 0; i < rows; i++) {
        const int32_t n = limit(p->a, query + i) - key;
        r->seen[i] = n < 0 ? 0 : least(n, most);
    }
    p->kind->soften(&(struct zk_attend_soften){
        .s = r->s, .s_step = p->tile,
        .p = r->p, .p_step = p->tile,
        .o = r->o, .o_step = p->padded,
        .max = r->max, .sum = r->sum, .seen = r->seen,
        .rows = rows, .cols = round_up(most, 32), .d = p->padded,
        .scale = fabsf(p->a->scale) * LOG2E,
    });
    p->product(&(struct zk_product){
        .c = r->o, .c_step = p->padded,
        .a = r->p, .a_step = p->tile,
        .b = packed_values(p, slot) + at,
        .b_step = (int64_t)ZK_PANEL * least(p->keys - key, p->tile),
        .rows = rows, .k = panels * ZK_PANEL, .panels = p->padded / ZK_PANEL,
        .add = true,
    });
}

/* Divides by the sum of weights; a query that sees no key becomes zero. */
static void store_rows(const struct plan *p, const struct room *r, int32_t head, int32_t query,
                       int32_t rows)
{
    const zk_tensor *dst = &p->a->dst;
    const zk_dtype_info *type = zk_dtype_get(dst->type);

    for (int32_t i = 0; i < rows; i++) {
        float *o = r->o + (int64_t)i * p->padded, sum = 0.0f;
        const int64_t at = (query + i) * dst->step[2] + (int64_t)head * p->d;
        uint8_t *to = (uint8_t *)dst->data + at * type->bytes;

        for (int j = 0; j < ZK_PANEL; j++)
            sum += r->sum[i * ZK_PANEL + j];
        const float by = sum != 0.0f ? 1.0f / sum : 0.0f;
        if (dst->type == ZK_BF16) {
            p->kind->finish((uint16_t *)(void *)to, o, by, p->d);
            continue;
        }
        for (int32_t j = 0; j < p->d; j++)
            o[j] *= by;
        type->from_f32(to, o, (size_t)p->d);
    }
}

/* Parts are tiles of queries, head after head. */
static void attend_part(void *arg, int part, int worker)
{
    const struct plan *p = arg;
    const struct zk_attend *a = p->a;
    const struct room r = room_of(p, worker);
    const int32_t nth = part / p->tiles, query = part % p->tiles * p->rows;
    const int32_t head = p->first * p->group + nth, slot = nth / p->group;
    const int32_t rows = least(a->q.dim[2] - query, p->rows);
    const int32_t end = limit(a, query + rows - 1);

    load_rows(p, r.q, &a->q, head, query, rows, rows);
    if (a->scale < 0.0f)
        flip_signs(p, r.q, rows);
    memset(r.o, 0, (size_t)rows * (size_t)p->padded * 4);
    memset(r.sum, 0, (size_t)rows * 64);
    for (int32_t i = 0; i < rows; i++)
        r.max[i] = -INFINITY;
    for (int32_t key = 0; key < end; key += p->tile)
        attend_tile(p, &r, slot, query, rows, key, least(end - key, p->tile));
    store_rows(p, &r, head, query, rows);
}

zk_status zk_cpu_attend(zk_queue *q, const struct zk_attend *a)
{
    const zk_status st = zk_check_attend(a);
    struct plan p;

    if (st != ZK_OK)
        return st;
    if (!plan_make(&p, q, a))
        return zk_ref_attend(q, a);
    p.q = q;
    for (p.first = 0; p.first < a->kv_heads; p.first += p.count) {
        p.count = least(a->kv_heads - p.first, p.round);
        zk_cpu_split(q, (int64_t)p.count * (p.keys / ZK_PANEL), 8, pack_blocks, &p);
        q->host.parallel(q->host.user, p.count * p.group * p.tiles, attend_part, &p);
    }
    return ZK_OK;
}

/* The plain kernels, f32. */

static void soften_c(const struct zk_attend_soften *t)
{
    for (int32_t i = 0; i < t->rows; i++) {
        const float *s = t->s + i * t->s_step;
        float *p = (float *)t->p + i * t->p_step, *o = t->o + i * t->o_step;
        float *sum = t->sum + i * ZK_PANEL, max = t->max[i];

        for (int32_t j = 0; j < t->seen[i]; j++)
            max = s[j] * t->scale > max ? s[j] * t->scale : max;
        if (max > t->max[i]) {
            const float by = exp2f(t->max[i] - max);
            for (int32_t j = 0; j < t->d; j++)
                o[j] *= by;
            sum[0] *= by;
            t->max[i] = max;
        }
        if (max == -INFINITY)
            max = 0.0f;
        for (int32_t j = 0; j < t->seen[i]; j++) {
            p[j] = exp2f(s[j] * t->scale - max);
            sum[0] += p[j];
        }
        for (int32_t j = t->seen[i]; j < t->cols; j++)
            p[j] = 0.0f;
    }
}

static void pack_keys_c(void *dst, const void *src, int32_t d)
{
    const float *from = src;
    float *to = dst;

    for (int j = 0; j < ZK_PANEL; j++)
        for (int32_t k = 0; k < d; k++)
            to[k * ZK_PANEL + j] = *from++;
}

static void pack_values_c(void *dst, int64_t step, const void *src, int32_t d)
{
    const float *from = src;

    for (int j = 0; j < ZK_PANEL; j++)
        for (int32_t k = 0; k < d; k += ZK_PANEL, from += ZK_PANEL)
            memcpy((float *)dst + k / ZK_PANEL * step + j * ZK_PANEL, from, 4 * ZK_PANEL);
}

static void finish_c(uint16_t *dst, const float *o, float by, int32_t d)
{
    for (int32_t j = 0; j < d; j++)
        dst[j] = zk_bf16_from_f32(o[j] * by);
}

#if ZK_SIMD && defined(__x86_64__)
#include "kernels/cpu/x86/attention.h"
#elif ZK_SIMD && defined(__aarch64__)
#include "kernels/cpu/arm/attention.h"
#else
static void init_arch(struct zk_cpu_attention *d, unsigned flags)
{
    (void)d;
    (void)flags;
}
#endif

void zk_cpu_attention_init(struct zk_cpu_attention *d, unsigned flags)
{
    *d = (struct zk_cpu_attention){
        .chosen = "c",
        .f32 = {
            .bytes = 4,
            .soften = soften_c,
            .pack_keys = pack_keys_c,
            .pack_values = pack_values_c,
            .finish = finish_c,
        },
    };
    init_arch(d, flags);
}
