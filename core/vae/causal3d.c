/* The causal 3-D autoencoder of HunyuanVideo: 8 times smaller in space, 4 times in time.
 *
 * Convolutions repeat the edge and see no later frame, yet group norms look at
 * all frames, so every tile is its own little film. Names are those that the
 * original release and diffusers share. */

#include "core/base/format.h"
#include "core/base/log.h"
#include "core/vae/tiles.h"
#include "core/vae/vae.h"

#define EPS 1e-6f

/* ---- Weights ---- */

typedef struct resnet {
    zc_lin norm1, norm2;          /* [in], [out] */
    zc_lin conv1, conv2;          /* 3x3x3: in -> out, out -> out */
    zc_lin shortcut;              /* 1x1x1, absent where in is out */
} resnet;

typedef struct middle {
    zc_lin norm;                  /* [C] */
    zc_lin q, k, v, out;          /* [C, C] */
} middle;

typedef struct side {
    zc_lin conv_in, norm_out, conv_out;
    zc_lin quant;                 /* 1x1x1: after the encoder, before the decoder */
    resnet mid[2];
    middle attention;
    resnet levels[ZC_VAE_LEVELS][ZC_VAE_LAYERS];
    zc_lin resample[ZC_VAE_LEVELS];           /* 3x3x3; absent in the last level */
} side;

typedef struct causal3d_weights {
    side encoder, decoder;
} causal3d_weights;

/* Symbols of one block. */
enum { ONE, IN, OUT, SHORTCUT, SYMBOLS };

static const zc_weight_row resnet_rows[] = {
    ZC_AFFINE(resnet, norm1, "norm1", IN),
    ZC_AFFINE(resnet, norm2, "norm2", OUT),
    ZC_CONV(resnet, conv1, "conv1.conv", OUT, IN, 3, 3, 3),
    ZC_CONV(resnet, conv2, "conv2.conv", OUT, OUT, 3, 3, 3),
    { .name = "conv_shortcut.conv.weight", .offset = offsetof(resnet, shortcut.w),
      .use = ZC_KERNEL, .dim = { OUT, IN }, .kernel = { 1, 1, 1 }, .optional = SHORTCUT },
    { .name = "conv_shortcut.conv.bias", .offset = offsetof(resnet, shortcut.b),
      .use = ZC_VECTOR, .dim = { 0, OUT }, .optional = SHORTCUT },
};

static const zc_weight_row attention_rows[] = {
    ZC_AFFINE(middle, norm, "group_norm", IN),
    ZC_LINEAR(middle, q, "to_q", IN, IN),
    ZC_LINEAR(middle, k, "to_k", IN, IN),
    ZC_LINEAR(middle, v, "to_v", IN, IN),
    ZC_LINEAR(middle, out, "to_out.0", IN, IN),
};

/* A zc_lin on its own, whose whole name is the prefix. */
static const zc_weight_row conv3_rows[] = {
    { .name = "weight", .offset = offsetof(zc_lin, w), .use = ZC_KERNEL, .dim = { OUT, IN },
      .kernel = { 3, 3, 3 } },
    { .name = "bias", .offset = offsetof(zc_lin, b), .use = ZC_VECTOR, .dim = { 0, OUT } },
};

static const zc_weight_row conv1_rows[] = {
    { .name = "weight", .offset = offsetof(zc_lin, w), .use = ZC_KERNEL, .dim = { OUT, IN },
      .kernel = { 1, 1, 1 } },
    { .name = "bias", .offset = offsetof(zc_lin, b), .use = ZC_VECTOR, .dim = { 0, OUT } },
};

static const zc_weight_row norm_rows[] = {
    { .name = "weight", .offset = offsetof(zc_lin, w), .use = ZC_VECTOR, .dim = { 0, IN } },
    { .name = "bias", .offset = offsetof(zc_lin, b), .use = ZC_VECTOR, .dim = { 0, IN } },
};

_Static_assert(sizeof(resnet) == sizeof(zk_tensor) * ZC_COUNT(resnet_rows) &&
               sizeof(middle) == sizeof(zk_tensor) * ZC_COUNT(attention_rows),
               "every tensor has a row");

#define BIND(store, rows, dims, dst, ...)                                                          \
    zc_weights_bind(store, rows, ZC_COUNT(rows), dims, dst, __VA_ARGS__)

static void bind_resnet(zc_weights *store, resnet *w, int32_t in, int32_t out, const char *prefix,
                        int level, int block)
{
    const int32_t dims[SYMBOLS] = { 1, in, out, in != out };

    BIND(store, resnet_rows, dims, w, prefix, level, block);
}

/* What both sides have: everything but the levels. */
static void bind_frame(zc_weights *store, side *w, const char *name, const int32_t channels[5])
{
    const int32_t enter[SYMBOLS] = { 1, channels[0], channels[1] };
    const int32_t mid[SYMBOLS] = { 1, channels[2], channels[2] };
    const int32_t leave[SYMBOLS] = { 1, channels[3], channels[4] };

    BIND(store, conv3_rows, enter, &w->conv_in, "%s.conv_in.conv.", name);
    for (int i = 0; i < 2; i++)
        BIND(store, resnet_rows, mid, &w->mid[i], "%s.mid_block.resnets.%d.", name, i);
    BIND(store, attention_rows, mid, &w->attention, "%s.mid_block.attentions.0.", name);
    BIND(store, norm_rows, leave, &w->norm_out, "%s.conv_norm_out.", name);
    BIND(store, conv3_rows, leave, &w->conv_out, "%s.conv_out.conv.", name);
}

static void causal3d_bind(zc_weights *store, const zc_vae_config *c, void *weights)
{
    side *enc = &((causal3d_weights *)weights)->encoder;
    side *dec = &((causal3d_weights *)weights)->decoder;
    const int32_t first = c->channels[0], last = c->channels[c->levels - 1], z = c->latent;
    const int32_t both[SYMBOLS] = { 1, 2 * z, 2 * z }, one[SYMBOLS] = { 1, z, z };

    bind_frame(store, enc, "encoder", (const int32_t[5]){ 3, first, last, last, 2 * z });
    for (int i = 0, in = first; i < c->levels; in = c->channels[i], i++) {
        const int32_t out = c->channels[i], same[SYMBOLS] = { 1, out, out };
        for (int j = 0; j < c->layers; j++)
            bind_resnet(store, &enc->levels[i][j], j == 0 ? in : out, out,
                        "encoder.down_blocks.%d.resnets.%d.", i, j);
        if (i < c->levels - 1)
            BIND(store, conv3_rows, same, &enc->resample[i],
                 "encoder.down_blocks.%d.downsamplers.0.conv.conv.", i);
    }
    BIND(store, conv1_rows, both, &enc->quant, "%s", "quant_conv.");

    BIND(store, conv1_rows, one, &dec->quant, "%s", "post_quant_conv.");
    bind_frame(store, dec, "decoder", (const int32_t[5]){ z, last, last, first, 3 });
    for (int i = 0, in = last; i < c->levels; in = c->channels[c->levels - 1 - i], i++) {
        const int32_t out = c->channels[c->levels - 1 - i], same[SYMBOLS] = { 1, out, out };
        for (int j = 0; j <= c->layers; j++)
            bind_resnet(store, &dec->levels[i][j], j == 0 ? in : out, out,
                        "decoder.up_blocks.%d.resnets.%d.", i, j);
        if (i < c->levels - 1)
            BIND(store, conv3_rows, same, &dec->resample[i],
                 "decoder.up_blocks.%d.upsamplers.0.conv.conv.", i);
    }
}

/* ---- Config ---- */

const zc_tiling zc_causal3d_tiling = { .tile = 256, .stride = 192, .frames = 64,
                                       .frame_stride = 48 };

void zc_causal3d_released(zc_vae_config *c)
{
    *c = (zc_vae_config){ .latent = 16, .levels = 4, .channels = { 128, 256, 512, 512 },
                          .layers = 2, .groups = 32, .space = 8, .time = 4,
                          .scaling = 0.476986f };
}

zc_status zc_causal3d_detect(const zc_source *s, zc_log *log, zc_vae_config *c)
{
    zc_status st = ZC_OK;
    zc_source_tensor t;
    char name[96];

    ZC_TRY(zc_source_need(s, log, "post_quant_conv.weight", 2, &t));
    c->latent = (int32_t)t.dim[1];
    c->levels = zc_source_count(s, "encoder.down_blocks.%d.resnets.0.conv1.conv.weight");
    c->layers = zc_source_count(s, "encoder.down_blocks.0.resnets.%d.conv1.conv.weight");
    ZC_CHECK(c->levels >= 1 && c->levels <= ZC_VAE_LEVELS && c->layers >= 1 &&
                 c->layers < ZC_VAE_LAYERS,
             ZC_E_UNSUPPORTED, "%s: %d levels of %d blocks, expected 1 to %d of 1 to %d", s->name,
             c->levels, c->layers, ZC_VAE_LEVELS, ZC_VAE_LAYERS - 1);
    for (int i = 0; i < c->levels; i++) {
        zc_format(name, sizeof(name), "encoder.down_blocks.%d.resnets.0.conv1.conv.weight", i);
        ZC_TRY(zc_source_need(s, log, name, 2, &t));
        c->channels[i] = (int32_t)t.dim[0];
        ZC_CHECK(c->channels[i] % c->groups == 0, ZC_E_SHAPE,
                 "%s: level %d has %d channels, no multiple of %d groups", s->name, i,
                 c->channels[i], c->groups);
    }
done:
    return st;
}

/* ---- Blocks ---- */

static const zc_conv_shape conv1 = { .kernel = { 1, 1, 1 } };

/* 3x3x3 that sees no later frame and repeats the edge. */
static zc_conv_shape conv3(int32_t time_stride, int32_t space_stride)
{
    return (zc_conv_shape){ .kernel = { 3, 3, 3 }, .before = { 2, 1, 1 }, .after = { 0, 1, 1 },
                            .stride = { time_stride, space_stride, space_stride },
                            .pad = ZK_PAD_EDGE };
}

/* A convolution whose result is f32. */
static zk_tensor conv_f32(zc_run *r, zk_tensor x, const zc_lin *w, const zc_conv_shape *c)
{
    int32_t dim[4];

    zc_conv_dim(dim, x, w, c);
    const zk_tensor dst = zc_tmp4_type(r, ZK_F32, dim);
    zc_conv_to(r, dst, x, w, c, ZK_ACT_NONE);
    return dst;
}

/* conv2(silu(norm2(conv1(silu(norm1(x)))))), f32, in new scratch. */
static zk_tensor branch(zc_run *r, const zc_decoder *d, const resnet *w, zk_tensor x)
{
    const zc_groups silu = { .groups = d->config->groups, .eps = EPS, .act = ZK_ACT_SILU };
    const zc_conv_shape c = conv3(1, 1);
    const zk_tensor h = zc_tmp4_type(
        r, ZK_F32, (const int32_t[4]){ x.dim[0], x.dim[1], x.dim[2], zk_rows(w->conv1.w) });
    const size_t mark = zc_arena_mark(r->scratch);

    zc_conv_to(r, h, zc_group_norm(r, x, &w->norm1, &silu), &w->conv1, &c, ZK_ACT_NONE);
    zc_arena_release(r->scratch, mark);
    zc_conv_to(r, h, zc_group_norm(r, h, &w->norm2, &silu), &w->conv2, &c, ZK_ACT_NONE);
    zc_arena_release(r->scratch, mark);
    return h;
}

/* x += out(attention(norm(x))): one head, and no frame sees a later one. */
static void attention_in(zc_run *r, const zc_decoder *d, const middle *w, zk_tensor x)
{
    const zc_groups plain = { .groups = d->config->groups, .eps = EPS };
    const zc_attention a = { .heads = 1, .mask = ZK_MASK_BLOCKS, .block = x.dim[1] * x.dim[2] };
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor h = zc_flat(zc_group_norm(r, x, &w->norm, &plain));        /* [THW, C] */
    const zk_tensor q = zc_linear(r, h, &w->q, ZK_ACT_NONE);
    const zk_tensor k = zc_linear(r, h, &w->k, ZK_ACT_NONE);
    const zk_tensor v = zc_linear(r, h, &w->v, ZK_ACT_NONE);

    zc_add_gated(r, zc_flat(x), zc_linear(r, zc_attend(r, q, k, v, &a), &w->out, ZK_ACT_NONE),
                 (zk_tensor){ .type = ZK_NONE });
    zc_arena_release(r->scratch, mark);
}

/* Residual blocks one after another; the result is in new scratch. What blocks add
 * to is f32 whatever the activations are: a dozen roundings of it would show. */
static zk_tensor resnets(zc_run *r, const zc_decoder *d, const resnet *w, int count, zk_tensor x)
{
    const int32_t dim[4] = { x.dim[0], x.dim[1], x.dim[2], zk_rows(w[0].conv1.w) };
    const zk_tensor out = zc_tmp4_type(r, ZK_F32, dim), none = { .type = ZK_NONE };

    for (int i = 0; i < count; i++) {
        const size_t mark = zc_arena_mark(r->scratch);

        zc_run_poll(r);
        const zk_tensor h = branch(r, d, &w[i], x);
        if (zk_present(w[i].shortcut.w))
            zc_conv_to(r, out, x, &w[i].shortcut, &conv1, ZK_ACT_NONE);
        else if (i == 0)
            zc_copy_to(r, out, x);
        zc_add_gated(r, zc_flat(out), zc_flat(h), none);
        zc_arena_release(r->scratch, mark);
        x = out;
    }
    return x;
}

static zk_tensor mid_block(zc_run *r, const zc_decoder *d, const side *w, zk_tensor x)
{
    x = resnets(r, d, &w->mid[0], 1, x);
    attention_in(r, d, &w->attention, x);
    return resnets(r, d, &w->mid[1], 1, x);
}

/* How often sizes are halved or doubled. */
static int doublings(int32_t factor)
{
    int n = 0;

    while (factor > 1) {
        factor /= 2;
        n++;
    }
    return n;
}

/* By how much level i changes sizes in space and in time: 1 or 2. The first
 * levels to run do it in space, the last but one and those before in time. */
static int32_t space_step(const zc_vae_config *c, int i)
{
    return i < doublings(c->space) ? 2 : 1;
}

static int32_t time_step(const zc_vae_config *c, int i)
{
    return i >= c->levels - 1 - doublings(c->time) && i < c->levels - 1 ? 2 : 1;
}


static const side *decoder_of(const zc_decoder *d)
{
    return &((const causal3d_weights *)d->weights)->decoder;
}

static const side *encoder_of(const zc_decoder *d)
{
    return &((const causal3d_weights *)d->weights)->encoder;
}

/* One tile: latents, already divided by the scaling, to frames. */
static void decode_tile(zc_run *r, const void *context, zk_tensor src, zk_tensor dst)
{
    const zc_decoder *d = context;
    const zc_vae_config *c = d->config;
    const side *w = decoder_of(d);
    const zc_conv_shape plain = conv3(1, 1);
    const zc_groups silu = { .groups = c->groups, .eps = EPS, .act = ZK_ACT_SILU };
    const size_t mark = zc_arena_mark(r->scratch);
    zk_tensor x = zc_tmp4_type(r, ZK_F32, src.dim);

    zc_copy_to(r, x, src);
    x = conv_f32(r, x, &w->quant, &conv1);
    zc_run_show(r, x, "post_quant");
    x = conv_f32(r, x, &w->conv_in, &plain);
    zc_run_show(r, x, "conv_in");
    x = mid_block(r, d, w, x);
    zc_run_show(r, x, "mid");
    for (int i = 0; i < c->levels; i++) {
        x = resnets(r, d, w->levels[i], c->layers + 1, x);
        if (i < c->levels - 1) {
            const int32_t by[3] = { time_step(c, i), space_step(c, i), space_step(c, i) };
            const zk_tensor up = zc_tmp4(r, (x.dim[0] - 1) * by[0] + 1, x.dim[1] * by[1],
                                         x.dim[2] * by[2], x.dim[3]);
            const size_t inner = zc_arena_mark(r->scratch);
            zc_conv_to(r, up, zc_upsample(r, zc_cast(r, x, r->act), by, 1), &w->resample[i],
                       &plain, ZK_ACT_NONE);
            zc_arena_release(r->scratch, inner);
            x = up;
        }
        zc_run_show(r, x, "up.%d", i);
    }
    x = zc_group_norm(r, x, &w->norm_out, &silu);
    zc_conv_to(r, dst, x, &w->conv_out, &plain, ZK_ACT_NONE);
    zc_arena_release(r->scratch, mark);
}

/* One tile: frames to moments. */
static void encode_tile(zc_run *r, const void *context, zk_tensor src, zk_tensor dst)
{
    const zc_decoder *d = context;
    const zc_vae_config *c = d->config;
    const side *w = encoder_of(d);
    const zc_conv_shape plain = conv3(1, 1);
    const zc_groups silu = { .groups = c->groups, .eps = EPS, .act = ZK_ACT_SILU };
    const size_t mark = zc_arena_mark(r->scratch);
    zk_tensor x = zc_tmp4_type(r, ZK_F32, src.dim);

    zc_copy_to(r, x, src);
    x = conv_f32(r, x, &w->conv_in, &plain);
    zc_run_show(r, x, "conv_in");
    for (int i = 0; i < c->levels; i++) {
        x = resnets(r, d, w->levels[i], c->layers, x);
        if (i < c->levels - 1) {
            const zc_conv_shape down = conv3(time_step(c, i), space_step(c, i));
            x = conv_f32(r, x, &w->resample[i], &down);
        }
        zc_run_show(r, x, "down.%d", i);
    }
    x = mid_block(r, d, w, x);
    zc_run_show(r, x, "mid");
    x = zc_group_norm(r, x, &w->norm_out, &silu);
    x = conv_f32(r, x, &w->conv_out, &plain);
    zc_conv_to(r, dst, x, &w->quant, &conv1, ZK_ACT_NONE);
    zc_arena_release(r->scratch, mark);
}

/* ---- The whole ---- */

static void causal3d_decode(zc_run *r, const zc_decoder *d, zk_tensor latent, zk_tensor video)
{
    const zc_vae_config *c = d->config;
    const zc_tiling *t = &d->tiling;
    const zc_tiles tiles = {
        .time = { t->frames / c->time, t->frame_stride / c->time, t->frames, t->frame_stride },
        .space = { t->tile / c->space, t->stride / c->space, t->tile, t->stride },
        .lead = 1,
        .make = decode_tile, .context = d,
        .time_mul = c->time, .time_div = 1, .space_mul = c->space, .space_div = 1,
    };
    const size_t mark = zc_arena_mark(r->scratch);
    zk_tensor z = zc_tmp4_type(r, ZK_F32, latent.dim);

    zc_mix_to(r, z, &(zc_term){ latent, 1.0f / c->scaling }, 1, 0.0f);
    zc_tiles_run(r, &tiles, z, video);
    zc_arena_release(r->scratch, mark);
}

static void causal3d_encode(zc_run *r, const zc_decoder *d, zk_tensor video, zk_tensor moments)
{
    const zc_vae_config *c = d->config;
    const zc_tiling *t = &d->tiling;
    const zc_tiles tiles = {
        .time = { t->frames, t->frame_stride, t->frames / c->time, t->frame_stride / c->time },
        .space = { t->tile, t->stride, t->tile / c->space, t->stride / c->space },
        .lead = 1,
        .make = encode_tile, .context = d,
        .time_mul = 1, .time_div = c->time, .space_mul = 1, .space_div = c->space,
    };

    zc_tiles_run(r, &tiles, video, moments);
}

const zc_vae zc_vae_causal3d = {
    .name = "causal3d",
    .summary = "HunyuanVideo's causal 3-D autoencoder",
    .weights_size = sizeof(causal3d_weights),
    .bind = causal3d_bind,
    .decode = causal3d_decode,
    .encode = causal3d_encode,
};
