/* Matrix products with weights.
 *
 * Rows are taken in blocks that stay in the third-level cache. A block is first
 * laid out as strips; then each part multiplies all or some of its strips with
 * one panel of weights, whose stretch of k stays in the second-level cache while
 * the strips stream by. Products add up in registers over a stretch. Stretches
 * depend on k alone, and so results do not depend on the number of threads. */

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/quant.h"
#include "kernels/ref/ref.h"

#define ROWS_MAX 1024                 /* rows of a block */
#define STRIPS_MAX ((size_t)16 << 20) /* bytes of a block's strips */
#define CHUNK_MIN 32                  /* rows that are worth a part */

/* How a product is computed: by which kernel, from which layouts. */
struct route {
    void (*tile)(const struct zk_tile *);
    void (*columns)(const struct zk_columns *);
    enum zk_panel_form form;
    int32_t strip_rows;
    int32_t step;                     /* of k */
    int32_t strip_bytes;              /* for each step */
    int32_t stretch;                  /* most k at a time; a multiple of ZK_PANEL_CHUNK */
};

struct product {
    const struct zk_linear *op;
    zk_queue *queue;
    struct route route;
    uint8_t *strips;
    size_t strip_size;                /* bytes of one strip */
    int32_t first, rows;              /* of the block */
    int32_t chunk, chunks;            /* the block in parts: rows each, how many */
    int32_t panels;
    int32_t padded, stretch;          /* k in whole steps, and taken at a time */
};

static const struct zk_cpu_linear *linear_of(const zk_queue *q)
{
    const struct zk_cpu *cpu = q->state;

    return &cpu->dsp.linear;
}

static int32_t ceil_div(int32_t a, int32_t b)
{
    return a / b + (a % b != 0);
}

static int32_t round_up(int32_t a, int32_t b)
{
    return ceil_div(a, b) * b;
}

static struct route route_of(const struct zk_cpu_linear *l, zk_dtype act, const zk_tensor *w)
{
    const enum zk_panel_form form = (enum zk_panel_form)w->packing;

    if (act == ZK_BF16 && l->tile_q8 && zk_panel_can(w->type, form, ZK_PANEL_Q8))
        return (struct route){ l->tile_q8, l->columns_q8, ZK_PANEL_Q8, ZK_Q8_ROWS, ZK_Q8_BLOCK,
                               sizeof(struct zk_q8_rows), 6144 };
    if (act == ZK_BF16 && l->tile_bf16 && zk_panel_can(w->type, form, ZK_PANEL_BF16))
        return (struct route){ l->tile_bf16, l->columns_bf16, ZK_PANEL_BF16, ZK_STRIP_ROWS, 2,
                               2 * 2 * ZK_STRIP_ROWS, 3072 };
    if (w->type == ZK_BF16)
        return (struct route){ l->tile_f32_bf16, l->columns_f32, ZK_PANEL_BF16, ZK_STRIP_ROWS, 2,
                               2 * 4 * ZK_STRIP_ROWS, 3072 };
    return (struct route){ l->tile_f32, l->columns_f32, ZK_PANEL_F32, ZK_STRIP_ROWS, 2,
                           2 * 4 * ZK_STRIP_ROWS, 1536 };
}

/* Rows of a block, of which there are as few as possible, and all about equal. */
static int32_t block_rows(const struct route *r, int32_t m, int32_t k)
{
    const size_t row = (size_t)ceil_div(k, r->step) * (size_t)r->strip_bytes /
                       (size_t)r->strip_rows;
    int32_t most = ROWS_MAX;

    while (most > CHUNK_MIN && (size_t)most * row > STRIPS_MAX)
        most /= 2;
    return round_up(ceil_div(m, ceil_div(m, most)), ZK_STRIP_ROWS);
}

static void fill_strips(void *arg, int64_t begin, int64_t end, int worker)
{
    const struct product *p = arg;
    const zk_tensor *src = &p->op->src;
    const int64_t bytes = src->step[2] * zk_dtype_get(src->type)->bytes;

    (void)worker;
    for (int64_t s = begin; s < end; s++) {
        struct zk_columns c = {
            .dst = p->strips + (size_t)s * p->strip_size,
            .step = ZK_STRIP_ROWS,
            .type = src->type,
            .k = src->dim[3],
            .padded = p->padded,
        };
        for (int i = 0; i < ZK_STRIP_ROWS; i++) {
            const int64_t row = p->first + s * p->route.strip_rows + i;
            c.row[i] = (const char *)src->data + (row < src->dim[2] ? row : 0) * bytes;
        }
        p->route.columns(&c);
    }
}

static void finish_rows(const struct product *p, const float *c, int32_t row, int32_t panel,
                        int32_t rows)
{
    const struct zk_linear *op = p->op;
    const int32_t col = panel * ZK_PANEL_COLS, left = op->dst.dim[3] - col;
    const int64_t at = (p->first + row) * op->dst.step[2] + col;
    const struct zk_finish f = {
        .c = c,
        .bias = zk_present(op->bias) ? (const float *)op->bias.data + col : NULL,
        .dst = (char *)op->dst.data + at * zk_dtype_get(op->dst.type)->bytes,
        .dst_step = op->dst.step[2],
        .type = op->dst.type,
        .act = op->act,
        .scale = op->weight.scale != 0 ? op->weight.scale : 1,
        .rows = rows,
        .cols = left < ZK_PANEL_COLS ? left : ZK_PANEL_COLS,
    };

    linear_of(p->queue)->finish(&f);
}

/* Where a stretch of a packed panel lies; nowhere if it has to be made first. */
static struct zk_panel packed_panel(const struct product *p, int32_t panel, int32_t k)
{
    const zk_tensor *w = &p->op->weight;

    if (w->packing != p->route.form || panel >= p->panels)
        return (struct zk_panel){ 0 };
    return zk_panel_at(w->data, p->route.form, w->dim[3], panel, k);
}

/* All strips of a chunk times one stretch of one panel. */
static void multiply_stretch(const struct product *p, const struct zk_panel *b,
                             const uint8_t *next, int32_t panel, int32_t chunk, int32_t k,
                             float *c)
{
    const struct route *r = &p->route;
    const int32_t begin = chunk * p->chunk, left = p->rows - begin;
    const int32_t rows = left < p->chunk ? left : p->chunk;
    const int32_t len = p->padded - k < p->stretch ? p->padded - k : p->stretch;
    const int32_t steps = len / r->step, strips = ceil_div(rows, r->strip_rows);
    const int32_t each = ceil_div((int32_t)zk_panel_bytes(r->form, len), strips);
    const bool last = k + len == p->padded;

    for (int32_t s = 0; s < strips; s++) {
        const int32_t row = s * r->strip_rows;
        const size_t strip = (size_t)begin / (size_t)r->strip_rows + (size_t)s;
        struct zk_tile t = {
            .c = c + (size_t)row * ZK_PANEL_COLS,
            .a = p->strips + strip * p->strip_size + (size_t)(k / r->step) * r->strip_bytes,
            .b = b->data,
            .b_scale = b->scale,
            .rows = rows - row < r->strip_rows ? rows - row : r->strip_rows,
            .k = len,
            .add = k > 0,
            .next = next ? next + (size_t)s * each : b->data,
            .next_step = next ? ceil_div(each, steps) : 0,
        };
        r->tile(&t);
        if (last)
            finish_rows(p, t.c, begin + row, panel, t.rows);
    }
}

static void multiply(void *arg, int part, int worker)
{
    const struct product *p = arg;
    const int32_t panel = part / p->chunks, chunk = part % p->chunks;
    float *c = zk_cpu_scratch(p->queue, worker);
    uint8_t *made = (uint8_t *)(c + ROWS_MAX * ZK_PANEL_COLS);

    for (int32_t k = 0; k < p->padded; k += p->stretch) {
        const bool last = k + p->stretch >= p->padded;
        const int32_t len = last ? p->padded - k : p->stretch;
        struct zk_panel b = packed_panel(p, panel, k);

        if (!b.data)
            b = zk_panel_make(linear_of(p->queue), &p->op->weight, p->route.form,
                              panel, k, len, made);
        /* The part that this thread takes next is likely to be `threads` further. */
        const int32_t soon = (part + p->queue->host.threads) / p->chunks;
        const struct zk_panel next = last ? packed_panel(p, soon, 0)
                                          : packed_panel(p, panel, k + p->stretch);
        multiply_stretch(p, &b, next.data, panel, chunk, k, c);
    }
}

bool zk_cpu_linear_takes(const zk_dtype *types, int count)
{
    const zk_dtype_info *w = count > 2 ? zk_dtype_get(types[2]) : NULL;

    for (int i = 0; i < 2 && i < count; i++) {
        if (types[i] != ZK_F32 && types[i] != ZK_BF16 && types[i] != ZK_F16)
            return false;
    }
    return w && w->to_f32 && (count < 4 || types[3] == ZK_NONE || types[3] == ZK_F32);
}

size_t zk_cpu_linear_work(const zk_queue *q, const void *args)
{
    const struct zk_linear *a = args;
    const struct route r = route_of(linear_of(q), a->src.type, &a->weight);
    const int32_t m = a->src.dim[2], k = a->src.dim[3];

    if (m <= 0 || k <= 0)
        return 0;
    const int32_t strips = block_rows(&r, m, k) / r.strip_rows;
    return (size_t)strips * (size_t)ceil_div(k, r.step) * (size_t)r.strip_bytes;
}

static void product_init(struct product *p, zk_queue *q, const struct zk_linear *a)
{
    const int32_t k = a->src.dim[3];

    *p = (struct product){
        .op = a,
        .queue = q,
        .route = route_of(linear_of(q), a->src.type, &a->weight),
        .strips = a->work,
        .panels = ceil_div(a->dst.dim[3], ZK_PANEL_COLS),
    };
    p->padded = round_up(k, p->route.step);
    p->strip_size = (size_t)(p->padded / p->route.step) * (size_t)p->route.strip_bytes;
    p->stretch = round_up(ceil_div(p->padded, ceil_div(p->padded, p->route.stretch)),
                          ZK_PANEL_CHUNK);
}

zk_status zk_cpu_linear(zk_queue *q, const struct zk_linear *a)
{
    const zk_dtype types[] = { a->dst.type, a->src.type, a->weight.type, a->bias.type };
    const zk_status st = zk_check_linear(a);
    const int32_t m = a->dst.dim[2], wanted = 8 * q->host.threads;
    struct product p;

    if (st != ZK_OK)
        return st;
    if (!zk_cpu_linear_takes(types, 4) || a->src.dim[3] == 0)
        return zk_ref_linear(q, a);
    if (a->weight.packing >= ZK_PANEL_FORMS)
        return ZK_E_UNSUPPORTED;
    if (m == 0 || a->dst.dim[3] == 0)
        return ZK_OK;
    if (!a->work)
        return ZK_E_ARGUMENT;

    product_init(&p, q, a);
    const int32_t most = block_rows(&p.route, m, a->src.dim[3]);
    for (p.first = 0; p.first < m; p.first += most) {
        p.rows = m - p.first < most ? m - p.first : most;
        p.chunk = round_up(ceil_div(p.rows, ceil_div(wanted, p.panels)), CHUNK_MIN);
        p.chunks = ceil_div(p.rows, p.chunk);
        zk_cpu_split(q, ceil_div(p.rows, p.route.strip_rows), 4, fill_strips, &p);
        q->host.parallel(q->host.user, p.panels * p.chunks, multiply, &p);
    }
    return ZK_OK;
}

/* The form in which a weight is kept; rows if they are as good. */
static enum zk_panel_form kept_form(const struct zk_cpu_linear *l, const struct zk_pack *p)
{
    const struct route r = route_of(l, p->act, &p->weight);

    if (zk_panel_keeps(p->weight.type, r.form))
        return r.form;
    return ZK_PANEL_NONE;
}

size_t zk_cpu_linear_packed_size(const zk_queue *q, const struct zk_pack *p)
{
    const enum zk_panel_form form = kept_form(linear_of(q), p);
    const size_t panels = (size_t)ceil_div(p->weight.dim[2], ZK_PANEL_COLS);

    return form ? panels * (size_t)zk_panel_bytes(form, p->weight.dim[3]) : 0;
}

struct packing {
    const struct zk_cpu_linear *linear;
    const zk_tensor *weight;
    uint8_t *dst;
    enum zk_panel_form form;
};

static void pack_panels(void *arg, int64_t begin, int64_t end, int worker)
{
    const struct packing *p = arg;
    const int32_t k = p->weight->dim[3];

    (void)worker;
    for (int64_t i = begin; i < end; i++)
        zk_panel_make(p->linear, p->weight, p->form, (int32_t)i, 0, k,
                      p->dst + (size_t)i * (size_t)zk_panel_bytes(p->form, k));
}

zk_status zk_cpu_linear_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    const struct zk_cpu_linear *l = linear_of(q);
    struct packing job = { .linear = l, .weight = &p->weight, .dst = dst,
                           .form = kept_form(l, p) };

    if (job.form == ZK_PANEL_NONE || p->weight.packing)
        return ZK_E_UNSUPPORTED;
    *packed = p->weight;
    packed->data = dst;
    packed->packing = (uint16_t)job.form;
    if (dst)
        zk_cpu_split(q, ceil_div(p->weight.dim[2], ZK_PANEL_COLS), 1, pack_panels, &job);
    return ZK_OK;
}

#if ZK_SIMD && defined(__x86_64__)
#include "kernels/cpu/x86/linear.h"
#elif ZK_SIMD && defined(__aarch64__)
#include "kernels/cpu/arm/linear.h"
#else
static void zk_linear_init_isa(struct zk_cpu_linear *l, unsigned flags)
{
    (void)l;
    (void)flags;
}
#endif

void zk_cpu_linear_init(struct zk_cpu_linear *l, unsigned flags)
{
    *l = (struct zk_cpu_linear){
        .chosen = "plain C",
        .tile_f32 = zk_tile_f32_c,
        .tile_f32_bf16 = zk_tile_f32_bf16_c,
        .columns_f32 = zk_columns_f32_c,
        .columns_bf16 = zk_columns_bf16_c,
        .finish = zk_finish_c,
    };
    for (int i = 0; i < ZK_DTYPE_COUNT; i++)
        l->to_f32[i] = zk_dtype_get((zk_dtype)i)->to_f32;
    zk_linear_init_isa(l, flags);
}
