/* Convolution as products of pixels with packed panels of weights, tap by tap.
 *
 * A piece of work is a tile of output pixels of one frame and up to 256 of their
 * channels. For each tap in time, the input pixels that the tile meets are laid
 * out side by side, converted and with their padding. Each other tap is then the
 * same pixels from another place on, and the taps of a row of the kernel are
 * neighbours in memory, so they make one product. Sums go over taps and channels in
 * an order that only the shapes decide. */

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/vec_c.h"
#include "kernels/cpu/conv_body.h"
#include "kernels/ref/ref.h"

#define TILE_PIXELS 256
#define TILE_PANELS 16
#define RUN_BYTES 512             /* of k in a product: its panels stay in the L1 cache */
#define STAGE_BYTES (900 << 10)
#define CHUNK 256                 /* weights converted at a time: a multiple of all block sizes */

struct plan {
    const struct zk_conv *a;
    zk_queue *q;
    void (*product)(const struct zk_product *g);
    const void *weight;
    int32_t bytes;                /* of an element in products: 4 or 2 */
    int32_t in, out;              /* channels, in even for bf16 */
    int32_t size[3], room[3];     /* of dst and src: time, height, width */
    int32_t tile[2], tiles[2];    /* height and width of a tile; how many there are */
    int32_t stage[2];             /* height and width of the input that a tile meets */
    int32_t channels;             /* how many of them are laid out at a time */
    int32_t panels, blocks;       /* of 16 outputs in a piece of work; pieces side by side */
    bool    direct;               /* pixels need no laying out */
};

/* A tile of one frame, and its part of the outputs. */
struct piece {
    int32_t  t, y, x;             /* first output pixel */
    int32_t  rows, cols;          /* of output pixels */
    int32_t  panel, panels;
    void    *stage;
    float   *c;
    int32_t *at;
};

void zk_cpu_conv_init(struct zk_cpu_conv *d, unsigned flags)
{
    zk_cpu_conv_c(d);
    d->chosen = "c";
    ZK_CPU_CHOOSE(zk_cpu_conv, d, flags);
}

static int32_t least(int64_t a, int64_t b)
{
    return (int32_t)(a < b ? a : b);
}

static int32_t divide_up(int64_t n, int32_t by)
{
    return (int32_t)((n + by - 1) / by);
}

/* n in equal parts of at most `most`. */
static int32_t even_part(int32_t n, int32_t most)
{
    return divide_up(n, divide_up(n, most));
}

static void *element(const zk_tensor *t, int64_t i)
{
    return (uint8_t *)t->data + i * zk_dtype_get(t->type)->bytes;
}

/* Products in bf16 must not be what rounds the pixels, nor a weight that has more bits. */
static bool uses_bf16(const zk_queue *q, zk_dtype act, zk_dtype weight)
{
    return act == ZK_BF16 && weight != ZK_F32 && weight != ZK_F16 &&
           ((const struct zk_cpu *)q->state)->dsp.product.bf16;
}

static bool pad_matters(const struct zk_conv *a, int axis)
{
    return a->before[axis] > 0 || a->after[axis] > 0;
}

/* A kernel of one tap sees a single row of pixels. */
static void plan_flatten(struct plan *p)
{
    const struct zk_conv *a = p->a;
    const int64_t pixels = (int64_t)a->src.dim[0] * a->src.dim[1] * a->src.dim[2];

    for (int i = 0; i < 3; i++) {
        p->size[i] = a->dst.dim[i];
        p->room[i] = a->src.dim[i];
    }
    for (int i = 0; i < 3; i++) {
        if (a->kernel[i] != 1 || a->stride[i] != 1 || pad_matters(a, i))
            return;
    }
    if (pixels > INT32_MAX / p->in)
        return;
    p->size[0] = p->size[1] = p->room[0] = p->room[1] = 1;
    p->size[2] = p->room[2] = (int32_t)pixels;
    p->direct = p->in == a->src.dim[3] && p->bytes == zk_dtype_get(a->src.type)->bytes;
}

static int64_t stage_bytes(const struct plan *p)
{
    const struct zk_conv *a = p->a;
    const int64_t h = (int64_t)(p->tile[0] - 1) * a->stride[1] + a->kernel[1];
    const int64_t w = (int64_t)(p->tile[1] - 1) * a->stride[2] + a->kernel[2];

    if (h > STAGE_BYTES || w > STAGE_BYTES)
        return INT64_MAX;
    return h * w <= STAGE_BYTES ? h * w * p->channels * p->bytes : INT64_MAX;
}

/* False if not even one pixel's surroundings can be laid out. */
static bool plan_tiles(struct plan *p)
{
    const struct zk_conv *a = p->a;

    p->tile[0] = even_part(p->size[1], 16);
    p->tile[1] = even_part(p->size[2], TILE_PIXELS / p->tile[0]);
    p->tile[0] = even_part(p->size[1], TILE_PIXELS / p->tile[1]);
    p->channels = p->in;
    while (!p->direct && stage_bytes(p) > STAGE_BYTES) {
        if (p->tile[0] > 4)
            p->tile[0] = divide_up(p->tile[0], 2);
        else if (p->tile[1] > 4)
            p->tile[1] = divide_up(p->tile[1], 2);
        else if (p->channels > 16)
            p->channels = divide_up(p->channels, 32) * 16;
        else if (p->tile[0] * p->tile[1] > 1)
            p->tile[0] = p->tile[1] = 1;
        else
            return false;
    }
    for (int i = 0; i < 2; i++) {
        p->tiles[i] = divide_up(p->size[i + 1], p->tile[i]);
        p->stage[i] = (p->tile[i] - 1) * a->stride[i + 1] + a->kernel[i + 1];
    }
    p->panels = even_part(divide_up(p->out, ZK_PANEL), TILE_PANELS);
    p->blocks = divide_up(divide_up(p->out, ZK_PANEL), p->panels);
    return true;
}

static bool plan_make(struct plan *p, zk_queue *q, const struct zk_conv *a)
{
    const struct zk_cpu_dsp *dsp = &zk_cpu_of(q)->dsp;
    const bool bf16 = uses_bf16(q, a->src.type, a->weight.type);

    *p = (struct plan){
        .a = a,
        .q = q,
        .product = bf16 ? dsp->product.bf16 : dsp->product.f32,
        .bytes = bf16 ? 2 : 4,
        .in = bf16 ? a->src.dim[3] + a->src.dim[3] % 2 : a->src.dim[3],
        .out = a->dst.dim[3],
    };
    plan_flatten(p);
    return plan_tiles(p);
}

/* Where a padded row or column is read; -1 if it is zero. */
static int32_t source(const struct plan *p, int axis, int64_t at)
{
    if (at >= 0 && at < p->room[axis])
        return (int32_t)at;
    if (p->a->pad == ZK_PAD_ZERO)
        return -1;
    return at < 0 ? 0 : p->room[axis] - 1;
}

/* `pixels` neighbours, of each `count` channels from `from` on. */
static void stage_pixels(const struct plan *p, uint8_t *to, const uint8_t *from, int32_t pixels,
                         int32_t count)
{
    const zk_dtype_info *type = zk_dtype_get(p->a->src.type);
    const int64_t bytes = p->bytes, size = p->channels * bytes;
    const int64_t next = (int64_t)p->a->src.dim[3] * type->bytes;

    if (bytes == type->bytes && next == size) {
        memcpy(to, from, (size_t)(pixels * size));
        return;
    }
    for (int32_t i = 0; i < pixels; i++, to += size, from += next) {
        if (bytes == type->bytes)
            memcpy(to, from, (size_t)(count * bytes));
        else
            type->to_f32((float *)(void *)to, from, (size_t)count);
        memset(to + count * bytes, 0, (size_t)(size - count * bytes));
    }
}

/* Lays out what the piece meets of frame t, channels from `first` on. */
static void stage_frame(const struct plan *p, const struct piece *w, int32_t t, int32_t first)
{
    const struct zk_conv *a = p->a;
    const int64_t size = (int64_t)p->channels * p->bytes;
    const int32_t count = least(a->src.dim[3] - first, p->channels);
    const int32_t height = (w->rows - 1) * a->stride[1] + a->kernel[1];
    const int32_t width = (w->cols - 1) * a->stride[2] + a->kernel[2];
    const int64_t left = (int64_t)w->x * a->stride[2] - a->before[2];

    for (int32_t i = 0; i < height; i++) {
        const int64_t at = (int64_t)w->y * a->stride[1] - a->before[1] + i;
        const int32_t y = source(p, 1, at);
        uint8_t *to = (uint8_t *)w->stage + (int64_t)i * p->stage[1] * size;
        for (int32_t j = 0, n; j < width; j += n, to += n * size) {
            const int32_t x = y < 0 ? -1 : source(p, 2, left + j);
            n = x < 0 || x != left + j ? 1 : least(p->room[2] - x, width - j);
            if (x < 0) {
                memset(to, 0, (size_t)size);
                continue;
            }
            const int64_t pixel = ((int64_t)t * p->room[1] + y) * p->room[2] + x;
            stage_pixels(p, to, element(&a->src, pixel * a->src.dim[3] + first), n, count);
        }
    }
}

/* Adds one tap in time, for p->channels channels from `first` on. */
static void add_taps(const struct plan *p, const struct piece *w, const void *pixels, int32_t dt,
                     int32_t first, bool *add)
{
    const int32_t *kernel = p->a->kernel, count = least(p->in - first, p->channels);
    const int32_t together = count == p->in && !p->direct ? kernel[2] : 1;
    const int32_t length = together * count, most = RUN_BYTES / p->bytes;
    const int32_t run = divide_up(even_part(length, most), 2) * 2;
    const int64_t k = (int64_t)kernel[0] * kernel[1] * kernel[2] * p->in;

    for (int32_t tap = 0; tap < kernel[1] * kernel[2]; tap += together) {
        const int32_t y = tap / kernel[2], x = tap % kernel[2];
        const int64_t a = (int64_t)(y * p->stage[1] + x) * p->channels;
        const int64_t b = ((int64_t)dt * kernel[1] * kernel[2] + tap) * p->in + first;

        for (int32_t i = 0; i < length; i += run, *add = true)
            p->product(&(struct zk_product){
                .c = w->c, .c_step = (int64_t)w->panels * ZK_PANEL,
                .a = (const uint8_t *)pixels + (a + i) * p->bytes, .at = w->at,
                .b = (const uint8_t *)p->weight +
                     ((w->panel * k + b + i) * ZK_PANEL) * p->bytes,
                .b_step = k * ZK_PANEL,
                .rows = w->rows * w->cols, .k = least(length - i, run), .panels = w->panels,
                .add = *add,
            });
    }
}

static void finish_piece(const struct plan *p, const struct piece *w)
{
    const struct zk_conv *a = p->a;
    const int32_t first = w->panel * ZK_PANEL;

    for (int32_t i = 0; i < w->rows; i++) {
        const int64_t pixel = ((int64_t)w->t * p->size[1] + w->y + i) * p->size[2] + w->x;
        zk_cpu_of(p->q)->dsp.conv.finish(&(struct zk_conv_finish){
            .dst = element(&a->dst, pixel * p->out + first), .dst_step = p->out,
            .c = w->c + (int64_t)i * w->cols * w->panels * ZK_PANEL,
            .c_step = (int64_t)w->panels * ZK_PANEL,
            .bias = zk_present(a->bias) ? (const float *)a->bias.data + first : NULL,
            .rows = w->cols, .cols = least(p->out - first, w->panels * ZK_PANEL),
            .type = a->dst.type, .act = a->act, .scale = a->weight.scale != 0 ? a->weight.scale : 1,
        });
    }
}

/* Parts are pieces of work: blocks of outputs side by side, then tiles, then frames. */
static struct piece piece_of(const struct plan *p, int part, int worker)
{
    const int32_t block = part % p->blocks, tile = part / p->blocks;
    const int32_t column = tile % p->tiles[1], row = tile / p->tiles[1];
    uint8_t *room = zk_cpu_scratch(p->q, worker);
    struct piece w = {
        .t = row / p->tiles[0],
        .y = row % p->tiles[0] * p->tile[0],
        .x = column * p->tile[1],
        .panel = block * p->panels,
    };

    w.rows = least(p->size[1] - w.y, p->tile[0]);
    w.cols = least(p->size[2] - w.x, p->tile[1]);
    w.panels = least(divide_up(p->out, ZK_PANEL) - w.panel, p->panels);
    w.c = (float *)(void *)room;
    room += TILE_PIXELS * TILE_PANELS * ZK_PANEL * 4;
    w.at = (int32_t *)(void *)room;
    w.stage = room + TILE_PIXELS * 4;
    return w;
}

static void conv_part(void *arg, int part, int worker)
{
    const struct plan *p = arg;
    const struct zk_conv *a = p->a;
    const struct piece w = piece_of(p, part, worker);
    bool add = false;

    for (int32_t i = 0; i < w.rows * w.cols; i++) {
        const int32_t y = i / w.cols * a->stride[1], x = i % w.cols * a->stride[2];
        w.at[i] = (y * p->stage[1] + x) * p->channels;
    }
    for (int32_t dt = 0; dt < a->kernel[0]; dt++) {
        const int32_t t = source(p, 0, (int64_t)w.t * a->stride[0] + dt - a->before[0]);
        if (t < 0)
            continue;
        if (p->direct) {
            add_taps(p, &w, element(&a->src, (int64_t)w.x * p->in), dt, 0, &add);
            continue;
        }
        for (int32_t first = 0; first < p->in; first += p->channels) {
            stage_frame(p, &w, t, first);
            add_taps(p, &w, w.stage, dt, first, &add);
        }
    }
    if (!add)
        memset(w.c, 0, (size_t)(w.rows * w.cols * w.panels) * ZK_PANEL * 4);
    finish_piece(p, &w);
}

/* Weights. */

struct packing {
    const zk_tensor *weight;
    uint8_t *dst;
    zk_queue *q;
    int32_t taps, from_in, in;    /* channels there are, and with those that make it even */
    bool    bf16;
};

/* Row o, which is lane o % 16 of its panel. */
static void pack_row(const struct packing *g, int32_t o, float *row)
{
    const int64_t k = (int64_t)g->taps * g->in, panel = o / ZK_PANEL * k * ZK_PANEL;
    const zk_dtype_info *type = zk_dtype_get(g->weight->type);
    const int32_t cols = g->weight->dim[3], lane = o % ZK_PANEL;
    int32_t c = 0, tap = 0;

    for (int32_t col = 0; col < cols; col += CHUNK) {
        const int32_t n = least(cols - col, CHUNK);
        const int64_t block = (o * g->weight->step[2] + col) / type->block;
        type->to_f32(row, (const uint8_t *)g->weight->data + block * type->bytes, (size_t)n);
        for (int32_t i = 0; i < n; i++) {
            const int64_t at = (int64_t)tap * g->in + c;
            if (g->bf16)
                ((uint16_t *)(void *)g->dst)[panel + (at / 2 * ZK_PANEL + lane) * 2 + at % 2] =
                    zk_bf16_from_f32(row[i]);
            else
                ((float *)(void *)g->dst)[panel + at * ZK_PANEL + lane] = row[i];
            if (++tap == g->taps)
                tap = 0, c++;
        }
    }
}

static void pack_panels(void *arg, int64_t begin, int64_t end, int worker)
{
    const struct packing *g = arg;
    const int32_t out = g->weight->dim[2];
    const int64_t size = (int64_t)g->taps * g->in * ZK_PANEL * (g->bf16 ? 2 : 4);

    for (int64_t panel = begin; panel < end; panel++) {
        const int64_t first = panel * ZK_PANEL;
        memset(g->dst + panel * size, 0, (size_t)size);
        for (int64_t o = first; o < out && o < first + ZK_PANEL; o++)
            pack_row(g, (int32_t)o, zk_cpu_scratch(g->q, worker));
    }
}

static struct packing packing_of(const zk_queue *q, const zk_tensor *weight, int64_t taps,
                                 zk_dtype act)
{
    const bool bf16 = uses_bf16(q, act, weight->type);
    const int32_t in = taps > 0 ? (int32_t)(weight->dim[3] / taps) : 0;

    return (struct packing){
        .weight = weight,
        .taps = (int32_t)taps,
        .from_in = in,
        .in = bf16 ? in + in % 2 : in,
        .bf16 = bf16,
    };
}

static size_t packing_bytes(const struct packing *g)
{
    const int64_t panels = divide_up(g->weight->dim[2], ZK_PANEL);

    return (size_t)(panels * ZK_PANEL * g->taps * g->in * (g->bf16 ? 2 : 4));
}

static void packing_write(struct packing *g, zk_queue *q, void *dst)
{
    g->q = q;
    g->dst = dst;
    zk_cpu_split(q, divide_up(g->weight->dim[2], ZK_PANEL), 1, pack_panels, g);
}

static int64_t taps_of(const int32_t *kernel)
{
    return (int64_t)kernel[0] * kernel[1] * kernel[2];
}

/* The source may be anything that can be read; dst comes first. */
bool zk_cpu_conv_takes(const zk_dtype *types, int count)
{
    return count < 1 || zk_fast_out(&(zk_tensor){ .type = types[0] });
}

size_t zk_cpu_conv_packed_size(const zk_queue *q, const struct zk_pack *p)
{
    const struct packing g = packing_of(q, &p->weight, taps_of(p->kernel), p->act);

    return packing_bytes(&g);
}

zk_status zk_cpu_conv_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    struct packing g = packing_of(q, &p->weight, taps_of(p->kernel), p->act);

    const zk_dtype_info *type = zk_dtype_get(p->weight.type);

    if (!type->to_f32 || p->weight.packing)
        return ZK_E_UNSUPPORTED;
    if (g.taps < 1 || g.from_in * (int64_t)g.taps != p->weight.dim[3] ||
        p->weight.dim[3] % type->block != 0 || p->weight.step[2] % type->block != 0)
        return ZK_E_SHAPE;
    *packed = p->weight;
    packed->data = dst;
    packed->packing = g.bf16 ? ZK_CPU_CONV_BF16 : ZK_CPU_CONV_F32;
    if (dst)
        packing_write(&g, q, dst);
    return ZK_OK;
}

/* Rows as they are get packed at each call. */
size_t zk_cpu_conv_work(const zk_queue *q, const void *args)
{
    const struct zk_conv *a = args;
    const struct packing g = packing_of(q, &a->weight, taps_of(a->kernel), a->src.type);

    return a->weight.packing ? 0 : packing_bytes(&g);
}

zk_status zk_cpu_conv(zk_queue *q, const struct zk_conv *a)
{
    const zk_status st = zk_check_conv(a);
    struct plan p;

    if (st != ZK_OK)
        return st;
    const bool bf16 = uses_bf16(q, a->src.type, a->weight.type);
    if (a->weight.packing && a->weight.packing != (bf16 ? ZK_CPU_CONV_BF16 : ZK_CPU_CONV_F32))
        return ZK_E_UNSUPPORTED;
    if (a->dst.dim[0] < 1 || a->dst.dim[1] < 1 || a->dst.dim[2] < 1 || a->dst.dim[3] < 1)
        return ZK_OK;
    if (a->src.dim[3] < 1 || !zk_fast_out(&a->dst) || !plan_make(&p, q, a))
        return zk_ref_conv(q, a);
    p.weight = a->weight.data;
    if (!a->weight.packing) {
        struct packing g = packing_of(q, &a->weight, taps_of(a->kernel), a->src.type);
        packing_write(&g, q, a->work);
        p.weight = a->work;
    }
    q->host.parallel(q->host.user, p.blocks * p.tiles[0] * p.tiles[1] * p.size[0], conv_part, &p);
    return ZK_OK;
}
