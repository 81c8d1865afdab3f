/* Matrix products with weights.
 *
 * Rows are taken in blocks that stay in the third-level cache. A block is first
 * laid out as strips; then each part multiplies all or some of its strips with
 * one panel of weights, whose stretch of k stays in the second-level cache while
 * the strips stream by. Products add up in registers over a stretch. Stretches
 * depend on k alone, and so results do not depend on the number of threads. */

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/inline.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/quant.h"
#include "kernels/ref/ref.h"

#define ROWS_MAX 512                  /* rows of a block */
#define STRIPS_MAX ((size_t)4 << 20)  /* bytes of a block's strips */
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

/* The output of a panel from a row of the block on. */
static struct zk_finish finish_of(const struct product *p, int32_t panel, int32_t row)
{
    const struct zk_linear *op = p->op;
    const int32_t col = panel * ZK_PANEL_COLS, left = op->dst.dim[3] - col;
    const int64_t at = (p->first + row) * op->dst.step[2] + col;

    return (struct zk_finish){
        .bias = zk_present(op->bias) ? (const float *)op->bias.data + col : NULL,
        .dst = (char *)op->dst.data + at * zk_dtype_get(op->dst.type)->bytes,
        .dst_step = op->dst.step[2],
        .type = op->dst.type,
        .act = op->act,
        .scale = op->weight.scale != 0 ? op->weight.scale : 1,
        .cols = left < ZK_PANEL_COLS ? left : ZK_PANEL_COLS,
    };
}

/* Asks for the memory of an output row, which is written when its tile is done. */
static void fetch_row(const struct zk_finish *f, int32_t row)
{
    const int64_t size = f->type == ZK_F32 ? 4 : 2;
    const char *first = (const char *)f->dst + row * f->dst_step * size;

    for (int64_t at = 0; at < f->cols * size; at += 64)
        ZK_FETCH_TO_WRITE(first + at);
}

/* Where a stretch of a packed panel lies; nowhere if it has to be made first. */
static struct zk_panel packed_panel(const struct product *p, int32_t panel, int32_t k)
{
    const zk_tensor *w = &p->op->weight;

    if (w->packing != p->route.form || panel >= p->panels)
        return (struct zk_panel){ 0 };
    return zk_panel_at(w->data, p->route.form, w->dim[3], panel, k);
}

/* One stretch of k of one panel, for some rows of the block. */
struct stretch {
    struct zk_panel panel;
    const uint8_t *next;              /* the panel that will be needed after this one, or NULL */
    float *c;                         /* [rows][48] */
    int32_t index;                    /* of the panel */
    int32_t row, rows;                /* in the block */
    int32_t k, len;
};

/* A tile's share of bytes to fetch: it is the i-th of count, each of so many steps. */
static struct zk_ahead ahead(const uint8_t *at, size_t bytes, int32_t i, int32_t count,
                             int32_t steps)
{
    const size_t each = bytes / ((size_t)count * (size_t)steps) + 1;

    if (!at)
        return (struct zk_ahead){ NULL, 0 };
    return (struct zk_ahead){ at + (size_t)i * (size_t)steps * each, (int32_t)each };
}

static void multiply_strips(const struct product *p, const struct stretch *s)
{
    const struct route *r = &p->route;
    const int32_t steps = s->len / r->step, strips = ceil_div(s->rows, r->strip_rows);
    const size_t strip_bytes = (size_t)steps * (size_t)r->strip_bytes;
    const size_t panel_bytes = zk_panel_bytes(r->form, s->len);
    const uint8_t *a = p->strips + (size_t)s->row / (size_t)r->strip_rows * p->strip_size +
                       (size_t)(s->k / r->step) * (size_t)r->strip_bytes;
    const bool last = s->k + s->len == p->padded;

    for (int32_t i = 0; i < strips; i++, a += p->strip_size) {
        const int32_t row = i * r->strip_rows, left = s->rows - row;
        const struct zk_tile t = {
            .c = s->c + (size_t)row * ZK_PANEL_COLS,
            .a = a,
            .b = s->panel.data,
            .b_scale = s->panel.scale,
            .rows = left < r->strip_rows ? left : r->strip_rows,
            .k = s->len,
            .add = s->k > 0,
            .next_a = ahead(a + p->strip_size, strip_bytes, 0, 1, steps),
            .next_b = ahead(s->next, panel_bytes, i, strips, steps),
        };
        struct zk_finish f = finish_of(p, s->index, s->row + row);
        f.c = t.c;
        f.rows = t.rows;
        for (int32_t j = 0; last && j < f.rows; j++)
            fetch_row(&f, j);
        r->tile(&t);
        if (last)
            linear_of(p->queue)->finish(&f);
    }
}

static void multiply(void *arg, int part, int worker)
{
    const struct product *p = arg;
    /* The part that this thread takes next is likely to be `threads` further. */
    const int32_t soon = (part + p->queue->host.threads) / p->chunks;
    struct stretch s = {
        .c = zk_cpu_scratch(p->queue, worker),
        .index = part / p->chunks,
        .row = part % p->chunks * p->chunk,
    };
    float *made = s.c + ROWS_MAX * ZK_PANEL_COLS;

    s.rows = p->rows - s.row < p->chunk ? p->rows - s.row : p->chunk;
    for (s.k = 0; s.k < p->padded; s.k += p->stretch) {
        const bool last = s.k + p->stretch >= p->padded;
        s.len = last ? p->padded - s.k : p->stretch;
        s.panel = packed_panel(p, s.index, s.k);
        if (!s.panel.data)
            s.panel = zk_panel_make(linear_of(p->queue), &p->op->weight, p->route.form, s.index,
                                    s.k, s.len, made);
        s.next = (last ? packed_panel(p, soon, 0)
                       : packed_panel(p, s.index, s.k + p->stretch)).data;
        multiply_strips(p, &s);
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
    const int32_t m = a->dst.dim[2], wanted = 16 * q->host.threads;
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
