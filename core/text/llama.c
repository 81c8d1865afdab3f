/* LLaMA 3 as a text encoder: the residual stream after some layer, without the
 * final norm. The prompt is unpadded, which a causal model cannot tell. */

#include <math.h>

#include "core/base/log.h"
#include "core/text/encoder.h"

typedef struct layer_weights {
    zk_tensor norm1, norm2;       /* [D] */
    zc_lin    q, k, v, out;       /* [D, D], [kv, D] twice, [D, D] */
    zc_lin    gate, up, down;     /* [M, D] twice, [D, M] */
} layer_weights;

typedef struct llama_weights {
    zk_tensor      embed;         /* [vocabulary, D] */
    layer_weights *layers;
} llama_weights;

/* Symbols. */
enum { ONE, VOCABULARY, D, KV, M, SYMBOLS };

#define MATRIX(field, stem, out, in)                                                               \
    { .name = stem ".weight", .offset = offsetof(layer_weights, field.w), .use = ZC_MATRIX,        \
      .dim = { out, in } }
#define NORM(field, stem)                                                                          \
    { .name = stem ".weight", .offset = offsetof(layer_weights, field), .use = ZC_VECTOR,          \
      .dim = { 0, D } }
static const zc_weight_row layer_rows[] = {
    NORM(norm1, "input_layernorm"),
    NORM(norm2, "post_attention_layernorm"),
    MATRIX(q, "self_attn.q_proj", D, D),
    MATRIX(k, "self_attn.k_proj", KV, D),
    MATRIX(v, "self_attn.v_proj", KV, D),
    MATRIX(out, "self_attn.o_proj", D, D),
    MATRIX(gate, "mlp.gate_proj", M, D),
    MATRIX(up, "mlp.up_proj", M, D),
    MATRIX(down, "mlp.down_proj", D, M),
};
#undef MATRIX
#undef NORM

/* No linear has a bias: seven tensors of the struct stay absent. */
_Static_assert(sizeof(layer_weights) == sizeof(zk_tensor) * (ZC_COUNT(layer_rows) + 7),
               "every tensor has a row");

static const zc_weight_row embed_rows[] = {
    { .name = "embed_tokens.weight", .offset = offsetof(llama_weights, embed), .use = ZC_TABLE,
      .dim = { VOCABULARY, D } },
};

static void llama_bind(zc_weights *store, const zc_encoder_config *c, void *weights)
{
    const int32_t dims[SYMBOLS] = { 1, c->vocabulary, c->hidden,
                                    c->hidden / c->heads * c->kv_heads, c->mlp };
    llama_weights *w = weights;

    w->layers = zc_weights_array(store, c->layers, sizeof(*w->layers));
    zc_weights_bind(store, embed_rows, ZC_COUNT(embed_rows), dims, w, "%s", "");
    for (int i = 0; i < c->layers; i++)
        zc_weights_bind(store, layer_rows, ZC_COUNT(layer_rows), dims, &w->layers[i], "layers.%d.",
                        i);
}

static zc_status llama_detect(const zc_source *s, zc_log *log, zc_encoder_config *c)
{
    zc_status st = ZC_OK;
    zc_source_tensor embed, k, up;

    ZC_TRY(zc_source_need(s, log, "embed_tokens.weight", 2, &embed));
    ZC_TRY(zc_source_need(s, log, "layers.0.self_attn.k_proj.weight", 2, &k));
    ZC_TRY(zc_source_need(s, log, "layers.0.mlp.up_proj.weight", 2, &up));
    c->vocabulary = (int32_t)embed.dim[0];
    c->hidden = (int32_t)embed.dim[1];
    c->mlp = (int32_t)up.dim[0];
    c->layers = zc_source_count(s, "layers.%d.mlp.up_proj.weight");
    c->heads = c->heads > 0 ? c->heads : c->hidden / 128;
    c->positions = 0;
    c->end = -1;
    ZC_CHECK(c->heads > 0 && c->hidden % c->heads == 0 && c->hidden / c->heads % 2 == 0 &&
                 k.dim[0] % (c->hidden / c->heads) == 0,
             ZC_E_SHAPE, "%s: %d columns and %lld of keys do not fit %d heads", s->name, c->hidden,
             (long long)k.dim[0], c->heads);
    c->kv_heads = (int32_t)k.dim[0] / (c->hidden / c->heads);
done:
    return st;
}

static int llama_rows(const zc_encoder_config *c, const int32_t *ids, int count)
{
    (void)c;
    (void)ids;
    return count;
}

/* Waves of positions 0 to n - 1, a row at a time. */
static zc_rope positions(zc_run *r, int n, int d, float theta)
{
    enum { HALF_MAX = 512 };
    const zc_rope rope = { .cos = zc_tmp_type(r, ZK_F32, n, d / 2),
                           .sin = zc_tmp_type(r, ZK_F32, n, d / 2), .pairs = ZK_ROPE_HALVES };
    float c[HALF_MAX], s[HALF_MAX];

    if (d / 2 > HALF_MAX) {
        zc_run_fail(r, ZC_E_LIMIT, "heads of %d elements, at most %d are possible", d,
                    2 * HALF_MAX);
        return rope;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < d / 2; j++) {
            /* Rounded to f32 where upstream rounds. */
            const float power = 2.0f * (float)j / (float)d;
            const float wave = 1.0f / (float)pow((double)theta, (double)power);
            const float angle = (float)i * wave;
            c[j] = (float)cos((double)angle);
            s[j] = (float)sin((double)angle);
        }
        zc_upload(r, zc_rows(rope.cos, i, i + 1), c);
        zc_upload(r, zc_rows(rope.sin, i, i + 1), s);
    }
    return rope;
}

static void llama_run(zc_run *r, const void *weights, zc_weights *store,
                      const zc_encoder_config *c, const int32_t *ids, zk_tensor x)
{
    const llama_weights *w = weights;
    const zc_attention a = { .heads = c->heads, .kv_heads = c->kv_heads, .mask = ZK_MASK_CAUSAL };
    const zk_tensor none = { .type = ZK_NONE };
    const size_t mark = zc_arena_mark(r->scratch);
    const zc_rope rope = positions(r, zk_rows(x), c->hidden / c->heads, c->theta);

    zc_block_begin(r, store, 0);
    zc_copy_to(r, x, zc_embed(r, w->embed, ids, zk_rows(x)));
    zc_run_show(r, x, "embed");
    for (int i = 0; i < c->layers; i++) {
        const layer_weights *l = &w->layers[i];
        const size_t inner = zc_arena_mark(r->scratch);

        zc_block_begin(r, store, 1 + i);
        zk_tensor h = zc_rms_norm(r, x, l->norm1, c->eps);
        const zk_tensor q = zc_linear(r, h, &l->q, ZK_ACT_NONE);
        const zk_tensor k = zc_linear(r, h, &l->k, ZK_ACT_NONE);
        const zk_tensor v = zc_linear(r, h, &l->v, ZK_ACT_NONE);
        zc_rope_apply(r, q, k, &rope, &a);
        zc_add_gated(r, x, zc_linear(r, zc_attend(r, q, k, v, &a), &l->out, ZK_ACT_NONE), none);

        h = zc_rms_norm(r, x, l->norm2, c->eps);
        h = zc_glu(r, zc_linear(r, h, &l->gate, ZK_ACT_NONE), zc_linear(r, h, &l->up, ZK_ACT_NONE),
                   ZK_ACT_SILU);
        zc_add_gated(r, x, zc_linear(r, h, &l->down, ZK_ACT_NONE), none);
        zc_arena_release(r->scratch, inner);
        zc_run_show(r, x, "layer.%d", i);
    }
    zc_arena_release(r->scratch, mark);
}

const zc_encoder zc_encoder_llama = {
    .name = "llama",
    .summary = "LLaMA 3",
    .weights_size = sizeof(llama_weights),
    .bind = llama_bind,
    .detect = llama_detect,
    .rows = llama_rows,
    .run = llama_run,
};
