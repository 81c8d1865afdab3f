/* Times a backend at the sizes of HunyuanVideo, with random numbers: single products,
 * attention, blocks of the transformer in the order of core/model/hunyuan.c, a step
 * made of them, a predicted step, and the convolutions of the autoencoder's decoder.
 *
 *     gpu_bench MODULE [FRAMES HEIGHT WIDTH]
 *
 * Prints CSV: what, shape, milliseconds, TFLOP/s, GB/s. The time of a run is the wall
 * clock's over several, the best of three. */

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/thread.h"
#include "kernels/kernels.h"

#define D 3072
#define HEADS 24
#define TEXT 256
#define DOUBLE 20
#define SINGLE 40
#define ROUNDS 3
#define ENOUGH 0.3                /* seconds that a round takes at least */
#define MATRIX_K (5 * D)          /* the widest factor */
#define MATRIX_N (7 * D)
#define GIB 1073741824.0
#define STEPS 50                  /* of a film, of which FULL are computed with LESA */
#define FULL  10

struct bench {
    const zk_backend *be;
    zk_queue *queue;
    zc_pool *pool;
    int image, tokens;
    zk_tensor x, y, wide, qkv, out;       /* [tokens, ...] */
    zk_tensor weight, vector, cos, sin;
    void *work;
    size_t work_bytes;
    zk_status status;
};

static void *host_alloc(void *user, size_t bytes)
{
    (void)user;
    return zc_alloc_aligned(bytes);
}

static void host_free(void *user, void *mem)
{
    (void)user;
    zc_free_aligned(mem);
}

static void host_parallel(void *user, int parts, void (*fn)(void *arg, int part, int worker),
                          void *arg)
{
    const struct bench *b = user;

    (void)zc_pool_run(b->pool, parts, fn, arg);
}

static void host_log(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "%s\n", text);
}

static void need(struct bench *b, zk_status st, const char *what)
{
    if (st != ZK_OK && b->status == ZK_OK) {
        fprintf(stderr, "%s: status %d\n", what, st);
        b->status = st;
    }
}

/* ---- Memory with numbers in it ---- */

static uint16_t random_bf16(uint64_t *state, float size)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return zk_bf16_from_f32(((float)(*state >> 40) / 8388608.0f - 1) * size);
}

/* A piece of random numbers, repeated: the device does not mind. */
static zk_tensor tensor(struct bench *b, zk_dtype type, int rows, int cols, float size)
{
    enum { PIECE = 1 << 20 };
    zk_tensor t = zk_dense(NULL, type, rows, cols);
    const size_t bytes = (size_t)rows * (size_t)cols * (type == ZK_F32 ? 4 : 2);
    uint16_t *piece = zc_alloc(PIECE * sizeof(*piece));
    float *floats = zc_alloc(PIECE * sizeof(*floats));
    uint64_t state = 1;

    need(b, piece && floats ? ZK_OK : ZK_E_NOMEM, "host memory");
    need(b, b->be->alloc(b->queue, bytes, &t.data), "memory");
    for (int i = 0; i < PIECE && b->status == ZK_OK; i++) {
        piece[i] = random_bf16(&state, size);
        floats[i] = zk_f32_from_bf16(piece[i]);
    }
    const size_t most = PIECE * (type == ZK_F32 ? sizeof(float) : sizeof(uint16_t));
    for (size_t at = 0; at < bytes && b->status == ZK_OK; at += most)
        need(b, b->be->upload(b->queue, (char *)t.data + at,
                              type == ZK_F32 ? (void *)floats : (void *)piece,
                              bytes - at < most ? bytes - at : most), "upload");
    zc_free(piece);
    zc_free(floats);
    return t;
}

static zk_tensor rows(zk_tensor t, int from, int count)
{
    t.data = (char *)t.data + from * t.step[2] * (t.type == ZK_F32 ? 4 : 2);
    t.dim[2] = count;
    return t;
}

static zk_tensor cols(zk_tensor t, int from, int count)
{
    t.data = (char *)t.data + from * (t.type == ZK_F32 ? 4 : 2);
    t.dim[3] = count;
    return t;
}

/* ---- What is timed ---- */

static void linear(struct bench *b, zk_tensor dst, zk_tensor src, zk_act act)
{
    struct zk_linear a = { .dst = dst, .src = src, .bias = cols(b->vector, 0, dst.dim[3]),
                           .act = act, .work = b->work };

    a.weight = zk_dense(b->weight.data, b->weight.type, dst.dim[3], src.dim[3]);
    a.weight.packing = b->weight.packing;
    if (b->be->work(b->queue, ZK_OP_linear, &a) > b->work_bytes)
        need(b, ZK_E_NOMEM, "work memory");
    else
        need(b, b->be->linear(b->queue, &a), "linear");
}

static void attend(struct bench *b)
{
    const struct zk_attend a = {
        .dst = b->out, .q = cols(b->qkv, 0, D), .k = cols(b->qkv, D, D),
        .v = cols(b->qkv, 2 * D, D), .heads = HEADS, .kv_heads = HEADS,
        .scale = 1 / sqrtf(128), .work = b->work,
    };

    need(b, b->be->attend(b->queue, &a), "attend");
}

static void positions(struct bench *b)
{
    const zk_tensor q = cols(b->qkv, 0, D), k = cols(b->qkv, D, D), w = cols(b->vector, 0, 128);

    need(b, b->be->qk_norm(b->queue, &(struct zk_qk_norm){ .q = q, .k = k, .q_weight = w,
                                                           .k_weight = w, .heads = HEADS,
                                                           .kv_heads = HEADS, .eps = 1e-6f }),
         "qk_norm");
    need(b, b->be->rope(b->queue, &(struct zk_rope){ .q = rows(q, 0, b->image),
                                                     .k = rows(k, 0, b->image), .cos = b->cos,
                                                     .sin = b->sin, .heads = HEADS,
                                                     .kv_heads = HEADS }), "rope");
}

static void modulate(struct bench *b, int from, int count)
{
    need(b, b->be->norm_mod(b->queue, &(struct zk_norm_mod){
        .dst = rows(b->y, from, count), .src = rows(b->x, from, count),
        .shift = cols(b->vector, 0, D), .scale = cols(b->vector, 0, D), .eps = 1e-6f }),
         "norm_mod");
}

static void add(struct bench *b, int from, int count)
{
    need(b, b->be->add_gated(b->queue, &(struct zk_add_gated){
        .dst = rows(b->x, from, count), .src = rows(b->y, from, count),
        .gate = cols(b->vector, 0, D) }), "add_gated");
}

static void double_block(struct bench *b)
{
    const int from[] = { 0, b->image }, count[] = { b->image, TEXT };

    for (int s = 0; s < 2; s++) {
        modulate(b, from[s], count[s]);
        linear(b, rows(b->qkv, from[s], count[s]), rows(b->y, from[s], count[s]), ZK_ACT_NONE);
    }
    positions(b);
    attend(b);
    for (int s = 0; s < 2; s++) {
        const zk_tensor y = rows(b->y, from[s], count[s]);
        const zk_tensor mlp = cols(rows(b->wide, from[s], count[s]), 0, 4 * D);
        linear(b, y, rows(b->out, from[s], count[s]), ZK_ACT_NONE);
        add(b, from[s], count[s]);
        modulate(b, from[s], count[s]);
        linear(b, mlp, y, ZK_ACT_GELU_TANH);
        linear(b, y, mlp, ZK_ACT_NONE);
        add(b, from[s], count[s]);
    }
}

static void single_block(struct bench *b)
{
    modulate(b, 0, b->tokens);
    linear(b, b->qkv, b->y, ZK_ACT_NONE);
    linear(b, cols(b->wide, D, 4 * D), b->y, ZK_ACT_GELU_TANH);
    positions(b);
    attend(b);
    linear(b, b->y, b->wide, ZK_ACT_NONE);
    add(b, 0, b->tokens);
}

static void qkv(struct bench *b)
{
    linear(b, b->qkv, b->y, ZK_ACT_NONE);
}

static void mlp_in(struct bench *b)
{
    linear(b, cols(b->wide, 0, 4 * D), b->y, ZK_ACT_GELU_TANH);
}

static void mlp_out(struct bench *b)
{
    linear(b, b->y, cols(b->wide, 0, 4 * D), ZK_ACT_NONE);
}

static void one_row(struct bench *b)
{
    linear(b, rows(b->wide, 0, 1), rows(b->y, 0, 1), ZK_ACT_NONE);
}

static void modulate_all(struct bench *b)
{
    modulate(b, 0, b->tokens);
}

static void add_all(struct bench *b)
{
    add(b, 0, b->tokens);
}

/* What LESA does in place of a step, up to the head: four features and a sum. */
static void predict(struct bench *b)
{
    struct zk_mix a = { .dst = b->out, .count = 4 };

    for (int i = 0; i < a.count; i++) {
        a.src[i] = i % 2 ? b->x : b->y;
        a.coef[i] = 0.25f;
    }
    need(b, b->be->mix(b->queue, &a), "mix");
}

/* ---- Timing ---- */

static double seconds_of(struct bench *b, void (*what)(struct bench *), int times)
{
    const int64_t begin = zc_clock_ns();

    for (int i = 0; i < times && b->status == ZK_OK; i++)
        what(b);
    need(b, b->be->finish(b->queue), "finish");
    return (double)(zc_clock_ns() - begin) * 1e-9 / times;
}

static double time_of(struct bench *b, void (*what)(struct bench *), const char *name, double flops,
                      double bytes)
{
    double best = INFINITY;

    (void)seconds_of(b, what, 1);             /* plans are made, clocks rise */
    const double once = seconds_of(b, what, 1);
    const int times = once > ENOUGH ? 1 : (int)(ENOUGH / (once + 1e-6)) + 1;
    for (int i = 0; i < ROUNDS && b->status == ZK_OK; i++)
        best = fmin(best, seconds_of(b, what, times));
    if (b->status == ZK_OK)
        printf("%s,%d,%.4f,%.1f,%.1f\n", name, b->tokens, best * 1e3, flops / best * 1e-12,
               bytes / best * 1e-9);
    fflush(stdout);
    return best;
}

/* Products, blocks and a step made of them; the seconds of the step. */
static double run_step(struct bench *b, const char *kind)
{
    const double n = b->tokens, row = 2 * n * D;
    const double block = 2 * n * 12 * (double)D * D + 4 * n * n * D;
    const struct part {
        const char *name;
        void (*what)(struct bench *);
        double flops;
        int times;                    /* in a step; 0: it is part of a block */
    } parts[] = {
        { "linear 3D from D", qkv, row * 3 * D, 0 },
        { "linear 4D from D gelu", mlp_in, row * 4 * D, 0 },
        { "linear D from 4D", mlp_out, row * 4 * D, 0 },
        { "double block", double_block, block, DOUBLE },
        { "single block", single_block, block, SINGLE },
    };
    double step = 0;
    char name[64];

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", kind, parts[i].name);
        step += parts[i].times * time_of(b, parts[i].what, name, parts[i].flops, 0);
    }
    if (b->status == ZK_OK)
        printf("%sstep of %d and %d blocks,%d,%.2f,%.1f,0\n", kind, DOUBLE, SINGLE, b->tokens,
               step * 1e3, (DOUBLE + SINGLE) * block / step * 1e-12);
    return step;
}

static void run(struct bench *b)
{
    const double n = b->tokens, state = n * D * 2;

    printf("what,tokens,ms,tflops,gbs\n");
    const double step = run_step(b, "");
    time_of(b, one_row, "linear one row 5D from D", 2.0 * 5 * D * D, 2.0 * 5 * D * D);
    time_of(b, attend, "attend", 4 * n * n * D, 0);
    time_of(b, modulate_all, "norm_mod", 0, 2 * state);
    time_of(b, add_all, "add_gated", 0, 3 * state);
    time_of(b, positions, "qk_norm and rope", 0, 8 * state);
    const double predicted = time_of(b, predict, "predicted step", 0, 5 * state);
    if (b->status == ZK_OK)
        printf("times as fast with %d of %d steps,%d,%.3f,0,0\n", FULL, STEPS, b->tokens,
               STEPS * step / (FULL * step + (STEPS - FULL) * predicted));
}

/* The same with weights of F8 that activations of F8 may meet; which, does not matter. */
static void run_f8(struct bench *b)
{
    const zk_tensor bf16 = b->weight;
    const struct zk_pack p = { .weight = zk_dense(NULL, ZK_F8_E4M3, MATRIX_N, MATRIX_K),
                               .op = ZK_OP_linear, .act = ZK_BF16, .f8 = true };

    need(b, b->be->pack(b->queue, &p, NULL, &b->weight), "pack");
    b->weight.data = bf16.data;
    (void)run_step(b, "f8 ");
    b->weight = bf16;
}

/* ---- The decoder: one tile of 65 frames of 256 x 256 ---- */

static const struct convolution {
    int frames, side, in, out;
    int times;                        /* in the decoder */
} convolutions[] = {
    { 17, 32, 512, 512, 11 },   { 33, 64, 512, 512, 7 },    { 65, 128, 512, 512, 1 },
    { 65, 128, 512, 256, 1 },   { 65, 128, 256, 256, 5 },   { 65, 256, 256, 256, 1 },
    { 65, 256, 256, 128, 1 },   { 65, 256, 128, 128, 5 },   { 65, 256, 128, 3, 1 },
};
#define CONVOLUTIONS (int)(sizeof(convolutions) / sizeof(convolutions[0]))
#define TAPS 27

struct decoding {
    struct bench bench;
    struct zk_conv conv;
};

static void convolve(struct bench *b)
{
    struct decoding *d = (struct decoding *)b;

    need(b, b->be->conv(b->queue, &d->conv), "conv");
}

/* A weight in the backend's own layout; its memory is to be freed. */
static zk_tensor conv_weight(struct bench *b, const struct convolution *c)
{
    const size_t count = (size_t)c->out * (size_t)c->in * TAPS;
    uint16_t *host = zc_alloc(count * sizeof(*host));
    struct zk_pack p = { .weight = zk_dense(host, ZK_BF16, c->out, c->in * TAPS), .op = ZK_OP_conv,
                         .act = ZK_BF16, .kernel = { 3, 3, 3 } };
    zk_tensor packed = p.weight;
    void *memory = NULL;
    uint64_t state = 1;

    packed.data = NULL;
    need(b, host ? ZK_OK : ZK_E_NOMEM, "host memory");
    for (size_t i = 0; i < count && host; i++)
        host[i] = random_bf16(&state, 0.02f);
    need(b, b->be->alloc(b->queue, b->be->packed_size(b->queue, &p), &memory), "memory");
    if (b->status == ZK_OK)
        need(b, b->be->pack(b->queue, &p, memory, &packed), "pack");
    zc_free(host);
    return packed;
}

static double time_convolution(struct bench *b, const struct convolution *c)
{
    const int pixels = c->frames * c->side * c->side;
    const double flops = 2.0 * pixels * c->in * c->out * TAPS;
    const zk_tensor src = tensor(b, ZK_BF16, pixels, c->in, 1);
    const zk_tensor dst = tensor(b, ZK_BF16, pixels, c->out, 1);
    const zk_tensor weight = conv_weight(b, c);
    struct decoding d = { .bench = *b };
    char name[64];

    snprintf(name, sizeof(name), "conv %d from %d at %d x %d x %d", c->out, c->in, c->frames,
             c->side, c->side);
    d.conv = (struct zk_conv){
        .dst = zk_dense4(dst.data, ZK_BF16, c->frames, c->side, c->side, c->out),
        .src = zk_dense4(src.data, ZK_BF16, c->frames, c->side, c->side, c->in),
        .weight = weight, .bias = cols(b->vector, 0, c->out), .kernel = { 3, 3, 3 },
        .stride = { 1, 1, 1 }, .before = { 2, 1, 1 }, .after = { 0, 1, 1 }, .pad = ZK_PAD_EDGE,
    };
    const size_t bytes = b->be->work(b->queue, ZK_OP_conv, &d.conv);
    need(&d.bench, b->be->alloc(b->queue, bytes ? bytes : 1, &d.conv.work), "work memory");
    const double seconds = time_of(&d.bench, convolve, name, flops, 0);
    need(b, d.bench.status, name);
    void *memory[] = { src.data, dst.data, weight.data, d.conv.work };
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        b->be->free(b->queue, memory[i]);
    return seconds;
}

static void run_decoder(struct bench *b)
{
    double seconds = 0, flops = 0;

    for (int i = 0; i < CONVOLUTIONS && b->status == ZK_OK; i++) {
        const struct convolution *c = &convolutions[i];

        seconds += c->times * time_convolution(b, c);
        flops += 2.0 * c->times * c->frames * c->side * c->side * c->in * c->out * TAPS;
    }
    if (b->status == ZK_OK)
        printf("convolutions of a decoded tile,%d,%.2f,%.1f,0\n", b->tokens, seconds * 1e3,
               flops / seconds * 1e-12);
}

static zk_status open_backend(struct bench *b, const char *module)
{
    char why[240] = "it does not say why";
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    const zk_module *m = handle ? dlsym(handle, ZK_MODULE_SYMBOL) : NULL;
    const zk_device_desc desc = {
        .host = { .user = b, .alloc = host_alloc, .free = host_free,
                  .threads = zc_pool_threads(b->pool), .parallel = host_parallel,
                  .log = host_log },
        .why = why, .why_size = sizeof(why),
    };

    if (!m) {
        fprintf(stderr, "%s\n", dlerror());
        return ZK_E_ARGUMENT;
    }
    b->be = m->backend;
    const zk_status st = b->be->open(&b->queue, &desc);
    if (st != ZK_OK)
        fprintf(stderr, "%s: %s\n", module, why);
    return st;
}

int main(int argc, char **argv)
{
    const int frames = argc > 4 ? atoi(argv[2]) : 65, height = argc > 4 ? atoi(argv[3]) : 480;
    const int width = argc > 4 ? atoi(argv[4]) : 640;
    struct bench b = { .status = ZK_OK };

    if (argc < 2 || frames < 1 || height < 16 || width < 16) {
        fprintf(stderr, "gpu_bench MODULE [FRAMES HEIGHT WIDTH]\n");
        return 64;
    }
    b.image = ((frames - 1) / 4 + 1) * (height / 16) * (width / 16);
    b.tokens = b.image + TEXT;
    if (zc_pool_open(&b.pool, zc_thread_limit(), "bench") != ZC_OK)
        return 71;
    b.status = open_backend(&b, argv[1]);
    if (b.status != ZK_OK)
        return 69;
    b.x = tensor(&b, ZK_BF16, b.tokens, D, 1);
    b.y = tensor(&b, ZK_BF16, b.tokens, D, 1);
    b.out = tensor(&b, ZK_BF16, b.tokens, D, 1);
    b.qkv = tensor(&b, ZK_BF16, b.tokens, 3 * D, 1);
    b.wide = tensor(&b, ZK_BF16, b.tokens, 5 * D, 1);
    b.weight = tensor(&b, ZK_BF16, MATRIX_N, MATRIX_K, 0.02f);
    b.weight.packing = 1;
    b.vector = tensor(&b, ZK_F32, 1, MATRIX_N, 0.1f);
    b.cos = tensor(&b, ZK_F32, b.image, 64, 1);
    b.sin = tensor(&b, ZK_F32, b.image, 64, 1);
    b.work_bytes = (size_t)b.tokens * 5 * D + ((size_t)1 << 20);
    need(&b, b.be->alloc(b.queue, b.work_bytes, &b.work), "memory");
    fprintf(stderr, "%d tokens, weights and states take %.1f GiB\n", b.tokens,
            ((double)b.tokens * 11 * D * 2 + (double)MATRIX_N * MATRIX_K * 2) / GIB);
    if (b.status == ZK_OK)
        run(&b);
    if (b.status == ZK_OK)
        run_f8(&b);
    if (b.status == ZK_OK && frames <= 65)
        run_decoder(&b);
    void *memory[] = { b.x.data, b.y.data, b.out.data, b.qkv.data, b.wide.data, b.weight.data,
                       b.vector.data, b.cos.data, b.sin.data, b.work };
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        b.be->free(b.queue, memory[i]);
    b.be->close(&b.queue);
    zc_pool_close(&b.pool);
    return b.status == ZK_OK ? 0 : 70;
}
