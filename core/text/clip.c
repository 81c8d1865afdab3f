/* CLIP's text model. What stands behind the first end token cannot be seen by
 * what stands before it, so it is not even computed. */

#include "core/base/log.h"
#include "core/text/encoder.h"

typedef struct layer_weights {
    zc_lin norm1, norm2;          /* [D] */
    zc_lin q, k, v, out;          /* [D, D] */
    zc_lin fc1, fc2;              /* [M, D], [D, M] */
} layer_weights;

typedef struct outer_weights {
    zk_tensor tokens, places;     /* [vocabulary, D], [positions, D] */
    zc_lin    norm;               /* [D] */
} outer_weights;

typedef struct clip_weights {
    outer_weights  outer;
    layer_weights *layers;
} clip_weights;

/* Symbols. */
enum { ONE, VOCABULARY, POSITIONS, D, M, SYMBOLS };

static const zc_weight_row layer_rows[] = {
    ZC_AFFINE(layer_weights, norm1, "layer_norm1", D),
    ZC_AFFINE(layer_weights, norm2, "layer_norm2", D),
    ZC_LINEAR(layer_weights, q, "self_attn.q_proj", D, D),
    ZC_LINEAR(layer_weights, k, "self_attn.k_proj", D, D),
    ZC_LINEAR(layer_weights, v, "self_attn.v_proj", D, D),
    ZC_LINEAR(layer_weights, out, "self_attn.out_proj", D, D),
    ZC_LINEAR(layer_weights, fc1, "mlp.fc1", M, D),
    ZC_LINEAR(layer_weights, fc2, "mlp.fc2", D, M),
};

static const zc_weight_row outer_rows[] = {
    { .name = "embeddings.token_embedding.weight", .offset = offsetof(outer_weights, tokens),
      .use = ZC_TABLE, .dim = { VOCABULARY, D } },
    { .name = "embeddings.position_embedding.weight", .offset = offsetof(outer_weights, places),
      .use = ZC_TABLE, .dim = { POSITIONS, D } },
    ZC_AFFINE(outer_weights, norm, "final_layer_norm", D),
};

_Static_assert(sizeof(layer_weights) == sizeof(zk_tensor) * ZC_COUNT(layer_rows) &&
               sizeof(outer_weights) == sizeof(zk_tensor) * ZC_COUNT(outer_rows),
               "every tensor has a row");

static void clip_bind(zc_weights *store, const zc_encoder_config *c, void *weights)
{
    const int32_t dims[SYMBOLS] = { 1, c->vocabulary, c->positions, c->hidden, c->mlp };
    clip_weights *w = weights;

    w->layers = zc_weights_array(store, c->layers, sizeof(*w->layers));
    zc_weights_bind(store, outer_rows, ZC_COUNT(outer_rows), dims, &w->outer, "text_model.");
    for (int i = 0; i < c->layers; i++)
        zc_weights_bind(store, layer_rows, ZC_COUNT(layer_rows), dims, &w->layers[i],
                        "text_model.encoder.layers.%d.", i);
}

static zc_status clip_detect(const zc_source *s, zc_log *log, zc_encoder_config *c)
{
    zc_status st = ZC_OK;
    zc_source_tensor tokens, places, fc1;

    ZC_TRY(zc_source_need(s, log, "text_model.embeddings.token_embedding.weight", 2, &tokens));
    ZC_TRY(zc_source_need(s, log, "text_model.embeddings.position_embedding.weight", 2, &places));
    ZC_TRY(zc_source_need(s, log, "text_model.encoder.layers.0.mlp.fc1.weight", 2, &fc1));
    c->vocabulary = (int32_t)tokens.dim[0];
    c->hidden = (int32_t)tokens.dim[1];
    c->positions = (int32_t)places.dim[0];
    c->mlp = (int32_t)fc1.dim[0];
    c->layers = zc_source_count(s, "text_model.encoder.layers.%d.mlp.fc1.weight");
    c->heads = c->heads > 0 ? c->heads : c->hidden / 64;
    c->kv_heads = c->heads;
    c->end = c->end > 0 ? c->end : c->vocabulary - 1;
    ZC_CHECK(c->heads > 0 && c->hidden % c->heads == 0, ZC_E_SHAPE,
             "%s: %d columns do not fit %d heads", s->name, c->hidden, c->heads);
done:
    return st;
}

static int clip_rows(const zc_encoder_config *c, const int32_t *ids, int count)
{
    for (int i = 0; i < count; i++) {
        if (ids[i] == c->end)
            return i + 1;
    }
    return count;
}

static void clip_run(zc_run *r, const void *weights, zc_weights *store, const zc_encoder_config *c,
                     const int32_t *ids, zk_tensor states)
{
    const clip_weights *w = weights;
    const zc_attention a = { .heads = c->heads, .mask = ZK_MASK_CAUSAL };
    const zk_tensor none = { .type = ZK_NONE };
    const int n = zk_rows(states);
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor x = zc_tmp_type(r, ZK_F32, n, c->hidden);
    int32_t places[1024];

    if (n > c->positions || n > (int)ZC_COUNT(places)) {
        zc_run_fail(r, ZC_E_LIMIT, "%d tokens, the encoder has positions for %d", n, c->positions);
        return;
    }
    for (int i = 0; i < n; i++)
        places[i] = i;

    zc_block_begin(r, store, 0);
    zc_copy_to(r, x, zc_embed(r, w->outer.tokens, ids, n));
    zc_add_to(r, x, x, zc_embed(r, w->outer.places, places, n));
    zc_run_show(r, x, "embed");
    for (int i = 0; i < c->layers; i++) {
        const layer_weights *l = &w->layers[i];
        const size_t inner = zc_arena_mark(r->scratch);

        zc_block_begin(r, store, 1 + i);
        zk_tensor h = zc_layer_norm(r, x, &l->norm1, c->eps);
        const zk_tensor q = zc_linear(r, h, &l->q, ZK_ACT_NONE);
        const zk_tensor k = zc_linear(r, h, &l->k, ZK_ACT_NONE);
        const zk_tensor v = zc_linear(r, h, &l->v, ZK_ACT_NONE);
        zc_add_gated(r, x, zc_linear(r, zc_attend(r, q, k, v, &a), &l->out, ZK_ACT_NONE), none);

        h = zc_linear(r, zc_layer_norm(r, x, &l->norm2, c->eps), &l->fc1, ZK_ACT_QUICK_GELU);
        zc_add_gated(r, x, zc_linear(r, h, &l->fc2, ZK_ACT_NONE), none);
        zc_arena_release(r->scratch, inner);
        zc_run_show(r, x, "layer.%d", i);
    }
    zc_copy_to(r, states, zc_layer_norm(r, x, &w->outer.norm, c->eps));
    zc_run_show(r, states, "final_norm");
    zc_arena_release(r->scratch, mark);
}

const zc_encoder zc_encoder_clip = {
    .name = "clip",
    .summary = "CLIP's text model",
    .weights_size = sizeof(clip_weights),
    .bind = clip_bind,
    .detect = clip_detect,
    .rows = clip_rows,
    .run = clip_run,
};
