/* HunyuanVideo's transformer: a text refiner, double blocks, single blocks.
 *
 * Image tokens come first here, text last: the opposite of FLUX. Padded text
 * is never there, so attention needs no mask. The residual streams are f32
 * whatever the type of activations. Names are those of the original release. */

#include <math.h>
#include <string.h>

#include "core/base/status.h"
#include "core/model/hunyuan.h"

#define EPS 1e-6f
#define ROWS_AT_ONCE 4096         /* of the widest intermediates */

typedef struct two_layers {
    zc_lin in, out;
} two_layers;

typedef struct refiner_weights {
    zc_lin norm1, norm2;          /* affine [D] */
    zc_lin qkv, proj;             /* [3D, D], [D, D] */
    zc_lin fc1, fc2;              /* [refiner's M, D], [D, refiner's M] */
    zc_lin mod;                   /* [2D, D]: gates of attention and of the MLP */
} refiner_weights;

typedef struct stream_weights {
    zc_lin qkv, proj;             /* [3D, D], [D, D] */
    zc_lin norm;                  /* of q in w, of k in b: [head] */
    zc_lin fc1, fc2;              /* [M, D], [D, M] */
} stream_weights;

typedef struct double_weights {
    stream_weights img, txt;
} double_weights;

typedef struct single_weights {
    zc_lin qkv, mlp;              /* [3D, D], [M, D]: the two parts of linear1 */
    zc_lin norm;                  /* of q in w, of k in b: [head] */
    zc_lin linear2;               /* [D, D + M]: attention, then MLP */
} single_weights;

/* Modulations are blocks of their own: a quarter of all weights, and needed only
 * until their outputs for all steps are known. */
typedef struct double_mod {
    zc_lin img, txt;              /* [6D, D]: shift, scale, gate of attention, then of the MLP */
} double_mod;

typedef struct single_mod {
    zc_lin mod;                   /* [3D, D]: shift, scale, gate */
} single_mod;

typedef struct outer_weights {
    zc_lin     img_in;            /* [D, in] */
    zc_lin     txt_in;            /* [D, text] */
    two_layers txt_time, txt_mean;            /* of the refiner: [D, 256], [D, text]; [D, D] */
    two_layers time, guidance, pooled;        /* [D, 256] twice, [D, pooled]; [D, D] */
    zc_lin     final_mod;         /* [2D, D]: shift, scale */
    zc_lin     final;             /* [out, D] */
} outer_weights;

typedef struct hunyuan_weights {
    outer_weights    outer;
    refiner_weights *refiners;
    double_weights  *doubles;
    single_weights  *singles;
    double_mod      *double_mods;
    single_mod      *single_mods;
} hunyuan_weights;

#define R(field, stem, out, in) ZC_LINEAR(refiner_weights, field, stem, out, in)
static const zc_weight_row refiner_rows[] = {
    ZC_AFFINE(refiner_weights, norm1, "norm1", HY_HIDDEN),
    ZC_AFFINE(refiner_weights, norm2, "norm2", HY_HIDDEN),
    R(qkv, "self_attn_qkv", HY_3HIDDEN, HY_HIDDEN),
    R(proj, "self_attn_proj", HY_HIDDEN, HY_HIDDEN),
    R(fc1, "mlp.fc1", HY_REFINER_MLP, HY_HIDDEN),
    R(fc2, "mlp.fc2", HY_HIDDEN, HY_REFINER_MLP),
    R(mod, "adaLN_modulation.1", HY_2HIDDEN, HY_HIDDEN),
};
#undef R

#define VECTOR(type, field, stem, n)                                                               \
    { .name = stem, .offset = offsetof(type, field), .use = ZC_VECTOR, .dim = { 0, n } }

#define STREAM(s)                                                                                  \
    ZC_LINEAR(double_weights, s.qkv, #s "_attn_qkv", HY_3HIDDEN, HY_HIDDEN),                       \
    ZC_LINEAR(double_weights, s.proj, #s "_attn_proj", HY_HIDDEN, HY_HIDDEN),                      \
    VECTOR(double_weights, s.norm.w, #s "_attn_q_norm.weight", HY_HEAD),                           \
    VECTOR(double_weights, s.norm.b, #s "_attn_k_norm.weight", HY_HEAD),                           \
    ZC_LINEAR(double_weights, s.fc1, #s "_mlp.fc1", HY_MLP, HY_HIDDEN),                            \
    ZC_LINEAR(double_weights, s.fc2, #s "_mlp.fc2", HY_HIDDEN, HY_MLP)
static const zc_weight_row double_rows[] = { STREAM(img), STREAM(txt) };
#undef STREAM

#define LINEAR1(field, out, first)                                                                 \
    { .name = "linear1.weight", .offset = offsetof(single_weights, field.w), .use = ZC_MATRIX,     \
      .dim = { out, HY_HIDDEN }, .from = first, .whole = HY_3HIDDEN_MLP },                         \
    { .name = "linear1.bias", .offset = offsetof(single_weights, field.b), .use = ZC_VECTOR,       \
      .dim = { 0, out }, .from = first, .whole = HY_3HIDDEN_MLP }
static const zc_weight_row single_rows[] = {
    LINEAR1(qkv, HY_3HIDDEN, 0),
    LINEAR1(mlp, HY_MLP, HY_3HIDDEN),
    VECTOR(single_weights, norm.w, "q_norm.weight", HY_HEAD),
    VECTOR(single_weights, norm.b, "k_norm.weight", HY_HEAD),
    ZC_LINEAR(single_weights, linear2, "linear2", HY_HIDDEN, HY_HIDDEN_MLP),
};
#undef LINEAR1

static const zc_weight_row double_mod_rows[] = {
    ZC_LINEAR(double_mod, img, "img_mod.linear", HY_6HIDDEN, HY_HIDDEN),
    ZC_LINEAR(double_mod, txt, "txt_mod.linear", HY_6HIDDEN, HY_HIDDEN),
};

static const zc_weight_row single_mod_rows[] = {
    ZC_LINEAR(single_mod, mod, "modulation.linear", HY_3HIDDEN, HY_HIDDEN),
};

#define O(field, stem, out, in) ZC_LINEAR(outer_weights, field, stem, out, in)
#define MAYBE(part, stem, out, in)                                                                 \
    { .name = stem ".weight", .offset = offsetof(outer_weights, guidance.part.w),                  \
      .use = ZC_MATRIX, .dim = { out, in }, .optional = HY_GUIDED },                               \
    { .name = stem ".bias", .offset = offsetof(outer_weights, guidance.part.b),                    \
      .use = ZC_VECTOR, .dim = { 0, out }, .optional = HY_GUIDED }
static const zc_weight_row outer_rows[] = {
    O(img_in, "img_in.proj", HY_HIDDEN, HY_IN),
    O(txt_in, "txt_in.input_embedder", HY_HIDDEN, HY_TEXT),
    O(txt_time.in, "txt_in.t_embedder.mlp.0", HY_HIDDEN, HY_WAVES),
    O(txt_time.out, "txt_in.t_embedder.mlp.2", HY_HIDDEN, HY_HIDDEN),
    O(txt_mean.in, "txt_in.c_embedder.linear_1", HY_HIDDEN, HY_TEXT),
    O(txt_mean.out, "txt_in.c_embedder.linear_2", HY_HIDDEN, HY_HIDDEN),
    O(time.in, "time_in.mlp.0", HY_HIDDEN, HY_WAVES),
    O(time.out, "time_in.mlp.2", HY_HIDDEN, HY_HIDDEN),
    O(pooled.in, "vector_in.in_layer", HY_HIDDEN, HY_POOLED),
    O(pooled.out, "vector_in.out_layer", HY_HIDDEN, HY_HIDDEN),
    MAYBE(in, "guidance_in.mlp.0", HY_HIDDEN, HY_WAVES),
    MAYBE(out, "guidance_in.mlp.2", HY_HIDDEN, HY_HIDDEN),
    O(final_mod, "final_layer.adaLN_modulation.1", HY_2HIDDEN, HY_HIDDEN),
    O(final, "final_layer.linear", HY_OUT, HY_HIDDEN),
};
#undef O
#undef MAYBE

_Static_assert(sizeof(refiner_weights) == sizeof(zk_tensor) * ZC_COUNT(refiner_rows) &&
               sizeof(double_weights) == sizeof(zk_tensor) * ZC_COUNT(double_rows) &&
               sizeof(single_weights) == sizeof(zk_tensor) * ZC_COUNT(single_rows) &&
               sizeof(double_mod) == sizeof(zk_tensor) * ZC_COUNT(double_mod_rows) &&
               sizeof(single_mod) == sizeof(zk_tensor) * ZC_COUNT(single_mod_rows) &&
               sizeof(outer_weights) == sizeof(zk_tensor) * ZC_COUNT(outer_rows),
               "every tensor has a row");

/* ---- Config ---- */

/* Fills the symbols that follow from others. */
static void derive(int32_t dims[HY_DIMS])
{
    dims[HY_ONE] = 1;
    dims[HY_2HIDDEN] = 2 * dims[HY_HIDDEN];
    dims[HY_3HIDDEN] = 3 * dims[HY_HIDDEN];
    dims[HY_6HIDDEN] = 6 * dims[HY_HIDDEN];
    dims[HY_HIDDEN_MLP] = dims[HY_HIDDEN] + dims[HY_MLP];
    dims[HY_3HIDDEN_MLP] = dims[HY_3HIDDEN] + dims[HY_MLP];
}

void zc_hunyuan_released(int32_t dims[HY_DIMS])
{
    static const int32_t known[HY_DIMS] = {
        [HY_HIDDEN] = 3072, [HY_MLP] = 12288, [HY_REFINER_MLP] = 12288, [HY_HEAD] = 128,
        [HY_TEXT] = 4096, [HY_POOLED] = 768, [HY_WAVES] = 256, [HY_IN] = 64, [HY_OUT] = 64,
        [HY_REFINERS] = 2, [HY_DOUBLES] = 20, [HY_SINGLES] = 40, [HY_GUIDED] = 1,
    };

    for (int i = 0; i < HY_DIMS; i++)
        dims[i] = known[i];
    derive(dims);
}

zc_status zc_hunyuan_detect(const zc_source *s, zc_log *log, int32_t dims[HY_DIMS])
{
    zc_status st = ZC_OK;
    zc_source_tensor img, text, pooled, mlp, refiner, head, out, guidance;

    ZC_TRY(zc_source_need(s, log, "img_in.proj.weight", 5, &img));
    ZC_TRY(zc_source_need(s, log, "txt_in.input_embedder.weight", 2, &text));
    ZC_TRY(zc_source_need(s, log, "vector_in.in_layer.weight", 2, &pooled));
    ZC_TRY(zc_source_need(s, log, "double_blocks.0.img_mlp.fc1.weight", 2, &mlp));
    ZC_TRY(zc_source_need(s, log, "txt_in.individual_token_refiner.blocks.0.mlp.fc1.weight", 2,
                          &refiner));
    ZC_TRY(zc_source_need(s, log, "double_blocks.0.img_attn_q_norm.weight", 1, &head));
    ZC_TRY(zc_source_need(s, log, "final_layer.linear.weight", 2, &out));
    ZC_CHECK(img.dim[2] == 1 && img.dim[3] == 2 && img.dim[4] == 2, ZC_E_UNSUPPORTED,
             "%s: patches of %lldx%lldx%lld, expected 1x2x2", s->name, (long long)img.dim[2],
             (long long)img.dim[3], (long long)img.dim[4]);
    ZC_CHECK(img.dim[0] % head.dim[0] == 0 && head.dim[0] % 2 == 0, ZC_E_SHAPE,
             "%s: %lld columns are no whole number of heads of %lld", s->name,
             (long long)img.dim[0], (long long)head.dim[0]);
    dims[HY_HIDDEN] = (int32_t)img.dim[0];
    dims[HY_MLP] = (int32_t)mlp.dim[0];
    dims[HY_REFINER_MLP] = (int32_t)refiner.dim[0];
    dims[HY_HEAD] = (int32_t)head.dim[0];
    dims[HY_TEXT] = (int32_t)text.dim[1];
    dims[HY_POOLED] = (int32_t)pooled.dim[1];
    dims[HY_WAVES] = 256;
    dims[HY_IN] = (int32_t)img.dim[1] * 4;
    dims[HY_OUT] = (int32_t)out.dim[0];
    dims[HY_REFINERS] =
        zc_source_count(s, "txt_in.individual_token_refiner.blocks.%d.norm1.weight");
    dims[HY_DOUBLES] = zc_source_count(s, "double_blocks.%d.img_mod.linear.weight");
    dims[HY_SINGLES] = zc_source_count(s, "single_blocks.%d.modulation.linear.weight");
    dims[HY_GUIDED] = s->find(s->user, NULL, "guidance_in.mlp.0.weight", &guidance) == ZC_OK;
    ZC_CHECK(dims[HY_IN] == dims[HY_OUT], ZC_E_UNSUPPORTED,
             "%s: %lld latent channels come in and %lld go out: an image-to-video model", s->name,
             (long long)img.dim[1], (long long)(out.dim[0] / 4));
    derive(dims);
done:
    return st;
}

void zc_hunyuan_rope_axes(int32_t axes[3], int32_t head)
{
    axes[1] = axes[2] = 2 * (7 * head / 32);
    axes[0] = head - axes[1] - axes[2];
}

/* Blocks are numbered in this order: outer, refiners, doubles, singles, and the
 * modulations of the last two. */
static void hunyuan_bind(zc_weights *store, const int32_t *dims, void *weights)
{
    hunyuan_weights *w = weights;

    w->refiners = zc_weights_array(store, dims[HY_REFINERS], sizeof(*w->refiners));
    w->doubles = zc_weights_array(store, dims[HY_DOUBLES], sizeof(*w->doubles));
    w->singles = zc_weights_array(store, dims[HY_SINGLES], sizeof(*w->singles));
    w->double_mods = zc_weights_array(store, dims[HY_DOUBLES], sizeof(*w->double_mods));
    w->single_mods = zc_weights_array(store, dims[HY_SINGLES], sizeof(*w->single_mods));
    zc_weights_bind(store, outer_rows, ZC_COUNT(outer_rows), dims, &w->outer, "%s", "");
    for (int i = 0; i < dims[HY_REFINERS]; i++)
        zc_weights_bind(store, refiner_rows, ZC_COUNT(refiner_rows), dims, &w->refiners[i],
                        "txt_in.individual_token_refiner.blocks.%d.", i);
    for (int i = 0; i < dims[HY_DOUBLES]; i++)
        zc_weights_bind(store, double_rows, ZC_COUNT(double_rows), dims, &w->doubles[i],
                        "double_blocks.%d.", i);
    for (int i = 0; i < dims[HY_SINGLES]; i++)
        zc_weights_bind(store, single_rows, ZC_COUNT(single_rows), dims, &w->singles[i],
                        "single_blocks.%d.", i);
    zc_weights_early(store);
    for (int i = 0; i < dims[HY_DOUBLES]; i++)
        zc_weights_bind(store, double_mod_rows, ZC_COUNT(double_mod_rows), dims,
                        &w->double_mods[i], "double_blocks.%d.", i);
    for (int i = 0; i < dims[HY_SINGLES]; i++)
        zc_weights_bind(store, single_mod_rows, ZC_COUNT(single_mod_rows), dims,
                        &w->single_mods[i], "single_blocks.%d.", i);
}

static int refiner_number(int i)
{
    return 1 + i;
}

static int double_number(const int32_t *dims, int i)
{
    return 1 + dims[HY_REFINERS] + i;
}

static int single_number(const int32_t *dims, int i)
{
    return double_number(dims, dims[HY_DOUBLES]) + i;
}

/* Those of double blocks, then those of single ones. */
static int mod_number(const int32_t *dims, int i)
{
    return single_number(dims, dims[HY_SINGLES]) + i;
}

/* ---- Conditioning ---- */

/* Cosines, then sines, of value times 128 falling frequencies: [1, 256]. */
static zk_tensor waves(zc_run *r, float value)
{
    enum { HALF = 128 };
    float e[2 * HALF] = { 0 };

    /* Rounded to f32 where upstream rounds, for the angles go up to 10000; torch's
     * exp is one unit above the nearest for two of these numbers. */
    for (int i = 0; i < HALF && zc_run_is_real(r); i++) {
        float falling = (float)exp((double)((float)-log(10000.0) * (float)i / HALF));
        if (i == 12 || i == 106)
            falling = nextafterf(falling, 1.0f);
        const float angle = value * falling;
        e[i] = (float)cos((double)angle);
        e[HALF + i] = (float)sin((double)angle);
    }
    return zc_floats(r, e, 1, 2 * HALF);
}

/* out(silu(in(x))), in f32: [1, D] */
static zk_tensor embed(zc_run *r, const two_layers *w, zk_tensor x)
{
    zk_tensor hidden = zc_tmp_type(r, ZK_F32, zk_rows(x), zk_rows(w->in.w));
    zk_tensor out = zc_tmp_type(r, ZK_F32, zk_rows(x), zk_rows(w->out.w));

    zc_linear_to(r, hidden, x, &w->in, ZK_ACT_SILU);
    zc_linear_to(r, out, hidden, &w->out, ZK_ACT_NONE);
    return out;
}

/* What is the same in all steps of a lane, embedded: [1, D] each. */
typedef struct constants {
    zk_tensor pooled, guidance, text;
} constants;

static constants constants_of(zc_run *r, const zc_dit *dit, int lane)
{
    const hunyuan_weights *w = dit->weights;
    const zc_condition *cond = &dit->cond[lane];
    constants c = { .pooled = embed(r, &w->outer.pooled, cond->pooled) };

    if (dit->dims[HY_GUIDED])
        c.guidance = embed(r, &w->outer.guidance, waves(r, cond->guidance));
    c.text = embed(r, &w->outer.txt_mean, zc_mean(r, cond->text));
    return c;
}

/* What every modulation sees: time, prompt and guidance in one vector, through
 * SiLU, to a row [1, D]. */
static void conditioning_to(zc_run *r, const zc_dit *dit, const zc_step *step, const constants *c,
                            zk_tensor row)
{
    const hunyuan_weights *w = dit->weights;
    const size_t mark = zc_arena_mark(r->scratch);
    zk_tensor vec = embed(r, &w->outer.time, waves(r, step->time));

    zc_add_to(r, vec, vec, c->pooled);
    if (dit->dims[HY_GUIDED])
        zc_add_to(r, vec, vec, c->guidance);
    zc_run_show(r, vec, "vec");
    zc_copy_to(r, row, zc_act(r, vec, ZK_ACT_SILU));
    zc_arena_release(r->scratch, mark);
}

/* The same for the refiner of the text, which sees time, not guidance. */
static void text_conditioning_to(zc_run *r, const zc_dit *dit, const zc_step *step,
                                 const constants *c, zk_tensor row)
{
    const hunyuan_weights *w = dit->weights;
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor sum = embed(r, &w->outer.txt_time, waves(r, step->time));

    zc_add_to(r, sum, sum, c->text);
    zc_run_show(r, sum, "txt_in.c");
    zc_copy_to(r, row, zc_act(r, sum, ZK_ACT_SILU));
    zc_arena_release(r->scratch, mark);
}

/* Columns of all modulations of one step, in the order of the blocks. */
static int modulation_cols(const int32_t *dims)
{
    return 2 * dims[HY_6HIDDEN] * dims[HY_DOUBLES] + dims[HY_3HIDDEN] * dims[HY_SINGLES] +
           dims[HY_2HIDDEN];
}

/* Columns of all that depends on the step: these, then what the refiner sees. */
static int step_cols(const int32_t *dims)
{
    return modulation_cols(dims) + dims[HY_HIDDEN];
}

static zk_tensor text_cols(const int32_t *dims, zk_tensor rows)
{
    return zc_cols(rows, modulation_cols(dims), dims[HY_HIDDEN]);
}

/* Fills rows with all modulations, one row for each step: vec [steps, D]. */
static void modulate_rows(zc_run *r, const zc_dit *dit, zk_tensor vec, zk_tensor rows)
{
    const hunyuan_weights *w = dit->weights;
    const int32_t *dims = dit->dims;
    const int six = dims[HY_6HIDDEN], three = dims[HY_3HIDDEN];
    int at = 0;

    for (int i = 0; i < dims[HY_DOUBLES]; i++, at += 2 * six) {
        zc_block_begin(r, dit->store, mod_number(dims, i));
        zc_linear_to(r, zc_cols(rows, at, six), vec, &w->double_mods[i].img, ZK_ACT_NONE);
        zc_linear_to(r, zc_cols(rows, at + six, six), vec, &w->double_mods[i].txt, ZK_ACT_NONE);
    }
    for (int i = 0; i < dims[HY_SINGLES]; i++, at += three) {
        zc_block_begin(r, dit->store, mod_number(dims, dims[HY_DOUBLES] + i));
        zc_linear_to(r, zc_cols(rows, at, three), vec, &w->single_mods[i].mod, ZK_ACT_NONE);
    }
    zc_linear_to(r, zc_cols(rows, at, dims[HY_2HIDDEN]), vec, &w->outer.final_mod, ZK_ACT_NONE);
}

static void hunyuan_modulate(zc_run *r, zc_dit *dit, const zc_schedule *schedule)
{
    const int steps = schedule->steps;

    for (int lane = 0; lane < ZC_LANES; lane++) {
        if (!zk_present(dit->cond[lane].text))
            continue;
        dit->modulation[lane] = zc_tmp_type(r, ZK_F32, steps, step_cols(dit->dims));
        dit->now[lane] = zc_tmp_type(r, ZK_F32, 1, step_cols(dit->dims));
        const size_t mark = zc_arena_mark(r->scratch);
        const zk_tensor vec = zc_tmp_type(r, ZK_F32, steps, dit->dims[HY_HIDDEN]);
        const constants c = constants_of(r, dit, lane);

        for (int i = 0; i < steps; i++) {
            const zc_step step = zc_schedule_at(schedule, i);
            conditioning_to(r, dit, &step, &c, zc_rows(vec, i, i + 1));
            text_conditioning_to(r, dit, &step, &c,
                                 text_cols(dit->dims, zc_rows(dit->modulation[lane], i, i + 1)));
        }
        modulate_rows(r, dit, vec, dit->modulation[lane]);
        zc_arena_release(r->scratch, mark);
    }
}

/* ---- Blocks ---- */

static zk_tensor attend(zc_run *r, const zc_dit *dit, zk_tensor qkv)
{
    const int D = dit->dims[HY_HIDDEN];
    const zc_attention a = { .heads = D / dit->dims[HY_HEAD] };

    return zc_attend(r, zc_cols(qkv, 0, D), zc_cols(qkv, D, D), zc_cols(qkv, 2 * D, D), &a);
}

/* q and k of qkv are normed per head; those of image tokens are turned too. */
static void norm_and_turn(zc_run *r, const zc_dit *dit, zk_tensor qkv, const zc_lin *norm,
                          const zc_rope *rope)
{
    const int D = dit->dims[HY_HIDDEN];
    const zc_attention a = { .heads = D / dit->dims[HY_HEAD] };
    const zk_tensor q = zc_cols(qkv, 0, D), k = zc_cols(qkv, D, D);

    zc_qk_norm(r, q, k, norm, &a, EPS);
    if (rope)
        zc_rope_apply(r, zc_rows(q, 0, zk_rows(rope->cos)), zc_rows(k, 0, zk_rows(rope->cos)), rope,
                      &a);
}

/* x += gate * fc2(act(fc1(norm(x)))), some rows at a time. mod: shift, scale, gate. */
static void mlp(zc_run *r, zk_tensor x, zk_tensor mod, const stream_weights *w)
{
    const int D = zk_cols(x), n = zk_rows(x);

    for (int at = 0; at < n; at += ROWS_AT_ONCE) {
        const size_t mark = zc_arena_mark(r->scratch);
        const zk_tensor part = zc_rows(x, at, n - at < ROWS_AT_ONCE ? n : at + ROWS_AT_ONCE);

        zk_tensor h = zc_norm_mod(r, part, zc_cols(mod, 0, D), zc_cols(mod, D, D), EPS);
        h = zc_linear(r, h, &w->fc1, ZK_ACT_GELU_TANH);                    /* [rows, M] */
        h = zc_linear(r, h, &w->fc2, ZK_ACT_NONE);
        zc_add_gated(r, part, h, zc_cols(mod, 2 * D, D));
        zc_arena_release(r->scratch, mark);
    }
}

/* Joint attention over image and text, then one MLP per stream, in place.
 * mod: six vectors of the image, then six of the text. */
static void double_block(zc_run *r, const zc_dit *dit, const double_weights *w, zk_tensor img,
                         zk_tensor txt, zk_tensor mod)
{
    const int D = dit->dims[HY_HIDDEN], ni = zk_rows(img), n = ni + zk_rows(txt);
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor im = zc_cols(mod, 0, 6 * D), tm = zc_cols(mod, 6 * D, 6 * D);
    const zk_tensor qkv = zc_tmp(r, n, 3 * D);

    zc_linear_to(r, zc_rows(qkv, 0, ni),
                 zc_norm_mod(r, img, zc_cols(im, 0, D), zc_cols(im, D, D), EPS), &w->img.qkv,
                 ZK_ACT_NONE);
    zc_linear_to(r, zc_rows(qkv, ni, n),
                 zc_norm_mod(r, txt, zc_cols(tm, 0, D), zc_cols(tm, D, D), EPS), &w->txt.qkv,
                 ZK_ACT_NONE);
    norm_and_turn(r, dit, zc_rows(qkv, 0, ni), &w->img.norm, &dit->rope);
    norm_and_turn(r, dit, zc_rows(qkv, ni, n), &w->txt.norm, NULL);

    const zk_tensor o = attend(r, dit, qkv);                               /* [n, D] */
    zc_add_gated(r, img, zc_linear(r, zc_rows(o, 0, ni), &w->img.proj, ZK_ACT_NONE),
                 zc_cols(im, 2 * D, D));
    zc_add_gated(r, txt, zc_linear(r, zc_rows(o, ni, n), &w->txt.proj, ZK_ACT_NONE),
                 zc_cols(tm, 2 * D, D));
    zc_arena_release(r->scratch, mark);

    mlp(r, img, zc_cols(im, 3 * D, 3 * D), &w->img);
    mlp(r, txt, zc_cols(tm, 3 * D, 3 * D), &w->txt);
}

/* Attention and MLP side by side, from one norm, in place. mod: shift, scale, gate. */
static void single_block(zc_run *r, const zc_dit *dit, const single_weights *w, zk_tensor x,
                         zk_tensor mod)
{
    const int D = dit->dims[HY_HIDDEN], M = dit->dims[HY_MLP], n = zk_rows(x);
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor y = zc_norm_mod(r, x, zc_cols(mod, 0, D), zc_cols(mod, D, D), EPS);
    const zk_tensor qkv = zc_linear(r, y, &w->qkv, ZK_ACT_NONE);

    norm_and_turn(r, dit, qkv, &w->norm, &dit->rope);
    const zk_tensor o = attend(r, dit, qkv);                               /* [n, D] */
    for (int at = 0; at < n; at += ROWS_AT_ONCE) {
        const size_t part = zc_arena_mark(r->scratch);
        const int to = n - at < ROWS_AT_ONCE ? n : at + ROWS_AT_ONCE;
        const zk_tensor both = zc_tmp(r, to - at, D + M);

        zc_copy_to(r, zc_cols(both, 0, D), zc_rows(o, at, to));
        zc_linear_to(r, zc_cols(both, D, M), zc_rows(y, at, to), &w->mlp, ZK_ACT_GELU_TANH);
        zc_add_gated(r, zc_rows(x, at, to), zc_linear(r, both, &w->linear2, ZK_ACT_NONE),
                     zc_cols(mod, 2 * D, D));
        zc_arena_release(r->scratch, part);
    }
    zc_arena_release(r->scratch, mark);
}

/* The prompt's states to the text stream: txt [n, D] is filled. c: what the refiner sees. */
static void refine(zc_run *r, const zc_dit *dit, int lane, zk_tensor c, zk_tensor txt)
{
    const hunyuan_weights *w = dit->weights;
    const zk_tensor text = dit->cond[lane].text;
    const int D = dit->dims[HY_HIDDEN];

    zc_linear_to(r, txt, text, &w->outer.txt_in, ZK_ACT_NONE);
    zc_run_show(r, txt, "txt_in.embed");
    for (int i = 0; i < dit->dims[HY_REFINERS]; i++) {
        const refiner_weights *b = &w->refiners[i];
        const size_t block = zc_arena_mark(r->scratch);

        zc_block_begin(r, dit->store, refiner_number(i));
        const zk_tensor gates = zc_tmp_type(r, ZK_F32, 1, 2 * D);
        zc_linear_to(r, gates, c, &b->mod, ZK_ACT_NONE);
        zk_tensor h = zc_linear(r, zc_layer_norm(r, txt, &b->norm1, EPS), &b->qkv, ZK_ACT_NONE);
        h = zc_linear(r, attend(r, dit, h), &b->proj, ZK_ACT_NONE);
        zc_add_gated(r, txt, h, zc_cols(gates, 0, D));
        h = zc_linear(r, zc_layer_norm(r, txt, &b->norm2, EPS), &b->fc1, ZK_ACT_SILU);
        zc_add_gated(r, txt, zc_linear(r, h, &b->fc2, ZK_ACT_NONE), zc_cols(gates, D, D));
        zc_arena_release(r->scratch, block);
        zc_run_show(r, txt, "refiner.%d", i);
    }
}

/* ---- The whole ---- */

/* Position waves of 32 tokens at a time, computed here and handed over. */
static void hunyuan_prepare(zc_run *r, zc_dit *dit)
{
    enum { AT_ONCE = 32, HALF_MAX = 256 };
    const int32_t *grid = dit->grid;
    const int n = grid[0] * grid[1] * grid[2], half = dit->dims[HY_HEAD] / 2;
    float c[AT_ONCE * HALF_MAX] = { 0 }, s[AT_ONCE * HALF_MAX] = { 0 };
    double falling[HALF_MAX] = { 0 };
    int axis[HALF_MAX] = { 0 }, last[3] = { 0 }, pairs = 0;

    if (half > HALF_MAX) {
        zc_run_fail(r, ZC_E_LIMIT, "heads of %d elements, at most %d are possible", 2 * half,
                    2 * HALF_MAX);
        return;
    }
    for (int a = 0; a < 3; a++) {
        for (int j = 0; j < dit->rope_axes[a] / 2 && pairs < half; j++, pairs++) {
            axis[pairs] = a;
            falling[pairs] = pow((double)dit->rope_theta, -2.0 * j / dit->rope_axes[a]);
        }
    }
    dit->rope = (zc_rope){ .cos = zc_tmp_type(r, ZK_F32, n, half),
                           .sin = zc_tmp_type(r, ZK_F32, n, half), .pairs = ZK_ROPE_ADJACENT };
    for (int from = 0; from < n; from += AT_ONCE) {
        const int to = n - from < AT_ONCE ? n : from + AT_ONCE;

        for (int i = from; i < to && zc_run_is_real(r); i++) {
            const int place[3] = { i / (grid[1] * grid[2]), i / grid[2] % grid[1], i % grid[2] };
            float *ci = c + (i - from) * half, *si = s + (i - from) * half;

            for (int k = 0; k < half; k++) {
                /* Most places are those of the token before. */
                const bool same = i > from && place[axis[k]] == last[axis[k]];
                const double angle = place[axis[k]] * falling[k];

                ci[k] = same ? ci[k - half] : (float)cos(angle);
                si[k] = same ? si[k - half] : (float)sin(angle);
            }
            memcpy(last, place, sizeof(last));
        }
        zc_upload(r, zc_rows(dit->rope.cos, from, to), c);
        zc_upload(r, zc_rows(dit->rope.sin, from, to), s);
    }
}

/* From patches to tokens after the last block: x [image + text, D] is filled. */
static void trunk(zc_run *r, zc_dit *dit, int lane, zk_tensor mod, zk_tensor x)
{
    const hunyuan_weights *w = dit->weights;
    const int32_t *dims = dit->dims;
    const int n = zk_rows(x), ni = n - zk_rows(dit->cond[lane].text);
    const zk_tensor img = zc_rows(x, 0, ni), txt = zc_rows(x, ni, n);
    int at = 0;

    refine(r, dit, lane, text_cols(dims, mod), txt);
    for (int i = 0; i < dims[HY_DOUBLES]; i++) {
        zc_block_begin(r, dit->store, double_number(dims, i));
        double_block(r, dit, &w->doubles[i], img, txt, zc_cols(mod, at, 2 * dims[HY_6HIDDEN]));
        at += 2 * dims[HY_6HIDDEN];
        zc_run_show(r, img, "double.%d.img", i);
        zc_run_show(r, txt, "double.%d.txt", i);
    }
    for (int i = 0; i < dims[HY_SINGLES]; i++) {
        zc_block_begin(r, dit->store, single_number(dims, i));
        single_block(r, dit, &w->singles[i], x, zc_cols(mod, at, dims[HY_3HIDDEN]));
        at += dims[HY_3HIDDEN];
        zc_run_show(r, x, "single.%d", i);
    }
}

/* The row of this step, of the table of all steps or made now, in scratch. */
static zk_tensor modulation_of(zc_run *r, zc_dit *dit, const zc_step *step, int lane)
{
    if (zk_present(dit->now[lane]))
        return dit->now[lane];
    const zk_tensor vec = zc_tmp_type(r, ZK_F32, 1, dit->dims[HY_HIDDEN]);
    const zk_tensor row = zc_tmp_type(r, ZK_F32, 1, step_cols(dit->dims));
    const constants c = constants_of(r, dit, lane);
    conditioning_to(r, dit, step, &c, vec);
    modulate_rows(r, dit, vec, row);
    text_conditioning_to(r, dit, step, &c, text_cols(dit->dims, row));
    return row;
}

static void hunyuan_modulated(zc_run *r, zc_dit *dit, const zc_step *step, int lane,
                              zk_tensor embed, zk_tensor out)
{
    const int D = dit->dims[HY_HIDDEN];
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor mod = modulation_of(r, dit, step, lane);

    zc_copy_to(r, out, zc_norm_mod(r, embed, zc_cols(mod, 0, D), zc_cols(mod, D, D), EPS));
    zc_arena_release(r->scratch, mark);
}

static void hunyuan_stages(zc_run *r, zc_dit *dit, const zc_step *step, int lane, zc_stage from,
                           zc_stage to, zk_tensor in, zk_tensor out)
{
    const hunyuan_weights *w = dit->weights;
    const int32_t *dims = dit->dims;
    const int D = dims[HY_HIDDEN], ni = zk_rows(in), all = modulation_cols(dims);
    const size_t mark = zc_arena_mark(r->scratch);
    zk_tensor mod = { .type = ZK_NONE }, x = in;

    if (from < ZC_AT_NORM && to > ZC_AT_EMBED)
        mod = modulation_of(r, dit, step, lane);
    if (from == ZC_AT_INPUT && to >= ZC_AT_EMBED) {
        x = zc_tmp_type(r, ZK_F32, ni + zk_rows(dit->cond[lane].text), D);
        zc_linear_to(r, zc_rows(x, 0, ni), in, &w->outer.img_in, ZK_ACT_NONE);
        zc_run_show(r, zc_rows(x, 0, ni), "img_in");
    } else if (from == ZC_AT_EMBED && to > ZC_AT_EMBED) {
        x = zc_tmp_type(r, ZK_F32, ni + zk_rows(dit->cond[lane].text), D);
        zc_copy_to(r, zc_rows(x, 0, ni), in);
    }
    if (from <= ZC_AT_EMBED && to >= ZC_AT_TRUNK)
        trunk(r, dit, lane, mod, x);
    x = zc_rows(x, 0, ni);
    if (from <= ZC_AT_TRUNK && to >= ZC_AT_NORM) {
        const zk_tensor last = zc_cols(mod, all - 2 * D, 2 * D);
        x = zc_norm_mod(r, x, zc_cols(last, 0, D), zc_cols(last, D, D), EPS);
        zc_run_show(r, x, "final_norm");
    }
    if (from <= ZC_AT_NORM && to == ZC_AT_OUTPUT)
        zc_linear_to(r, out, x, &w->outer.final, ZK_ACT_NONE);
    else
        zc_copy_to(r, out, x);
    zc_arena_release(r->scratch, mark);
}

static int hunyuan_cols(const int32_t *dims, zc_stage stage)
{
    switch (stage) {
    case ZC_AT_INPUT:
        return dims[HY_IN];
    case ZC_AT_OUTPUT:
        return dims[HY_OUT];
    default:
        return dims[HY_HIDDEN];
    }
}

const zc_model zc_model_hunyuan = {
    .name = "hunyuan-video",
    .summary = "HunyuanVideo, text to video",
    .weights_size = sizeof(hunyuan_weights),
    .bind = hunyuan_bind,
    .cols = hunyuan_cols,
    .prepare = hunyuan_prepare,
    .modulate = hunyuan_modulate,
    .modulated = hunyuan_modulated,
    .stages = hunyuan_stages,
};
