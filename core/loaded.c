/* Binds and loads any component by its row. */

#include "core/base/alloc.h"
#include "core/loaded.h"

static void bind_text(zc_weights *w, const zc_configs *c, void *weights)
{
    zc_encoder_llama.bind(w, &c->text, weights);
}

static void bind_clip(zc_weights *w, const zc_configs *c, void *weights)
{
    zc_encoder_clip.bind(w, &c->clip, weights);
}

static void bind_model(zc_weights *w, const zc_configs *c, void *weights)
{
    zc_model_hunyuan.bind(w, c->dims, weights);
}

static void bind_vae(zc_weights *w, const zc_configs *c, void *weights)
{
    zc_vae_causal3d.bind(w, &c->vae, weights);
}

/* Those that stream begin their blocks with zc_block_begin. */
const zc_component_row zc_component_rows[ZC_COMPONENTS] = {
    [ZC_COMPONENT_TEXT] = { &zc_encoder_llama.weights_size, bind_text, true },
    [ZC_COMPONENT_CLIP] = { &zc_encoder_clip.weights_size, bind_clip, false },
    [ZC_COMPONENT_MODEL] = { &zc_model_hunyuan.weights_size, bind_model, true },
    [ZC_COMPONENT_VAE] = { &zc_vae_causal3d.weights_size, bind_vae, false },
};

zc_status zc_loaded_open(zc_loaded *l, const zc_loaded_desc *desc, enum zc_component_kind kind,
                         const zc_configs *configs, zc_weights_plan *plan)
{
    const zc_component_row *row = &zc_component_rows[kind];
    zc_log *log = desc->log;
    zc_status st = ZC_OK;

    *l = (zc_loaded){ .bound = zc_alloc_zeroed(1, *row->weights_size) };
    ZC_CHECK(l->bound, ZC_E_NOMEM, "%s: out of memory", zc_component_names[kind]);
    ZC_TRY(zc_weights_open(&l->store, &(zc_weights_desc){
        .log = log, .be = desc->be, .queue = desc->queue, .act = desc->act,
        .f8 = desc->f8 && kind == ZC_COMPONENT_MODEL, .source = desc->source,
        .assume = desc->assume,
        .budget = row->streams ? desc->budget : 0 }));
    row->bind(l->store, configs, l->bound);
    ZC_TRY(zc_weights_plan_get(l->store, plan));
    if (desc->pool)
        ZC_TRY(zc_weights_load(l->store, desc->pool, desc->cancel));
done:
    if (st != ZC_OK)
        zc_loaded_close(l);
    return st;
}

void zc_loaded_close(zc_loaded *l)
{
    zc_weights_close(&l->store);
    zc_free(l->bound);
    l->bound = NULL;
}
