/* What a file or folder with weights is: recognised, measured, and held against
 * what its model needs, without reading a single weight. */

#include <string.h>

#include "core/base/format.h"
#include "core/base/json.h"
#include "core/core.h"
#include "core/io/modelfolder.h"
#include "core/loaded.h"

/* Where the sentences go: words for people, JSON for programs. */
typedef struct report {
    zc_str        *words;
    zc_json_writer json;
} report;

static void text_field(report *r, const char *key, const char *text)
{
    zc_json_add_key(&r->json, key);
    zc_json_add_string(&r->json, text);
}

static void count_field(report *r, const char *key, uint64_t value)
{
    zc_json_add_key(&r->json, key);
    zc_json_add_u64(&r->json, value);
}

/* The config as it was read off, for each kind. */
static void tell_config(report *r, enum zc_component_kind kind, const zc_configs *c)
{
    const int32_t *d = c->dims;

    zc_json_add_key(&r->json, "config");
    zc_json_begin_object(&r->json);
    switch (kind) {
    case ZC_COMPONENT_MODEL:
        zc_str_add_format(r->words, "    %d double and %d single blocks, %d refiners; %d wide, %d "
                          "heads of %d, MLP %d; text %d, pooled %d, %d latent channels%s\n",
                          d[HY_DOUBLES], d[HY_SINGLES], d[HY_REFINERS], d[HY_HIDDEN],
                          d[HY_HIDDEN] / d[HY_HEAD], d[HY_HEAD], d[HY_MLP], d[HY_TEXT],
                          d[HY_POOLED], d[HY_IN] / 4,
                          d[HY_GUIDED] ? "; guidance embedded" : "");
        count_field(r, "double_blocks", (uint64_t)d[HY_DOUBLES]);
        count_field(r, "single_blocks", (uint64_t)d[HY_SINGLES]);
        count_field(r, "refiner_blocks", (uint64_t)d[HY_REFINERS]);
        count_field(r, "hidden", (uint64_t)d[HY_HIDDEN]);
        count_field(r, "head", (uint64_t)d[HY_HEAD]);
        count_field(r, "mlp", (uint64_t)d[HY_MLP]);
        count_field(r, "text", (uint64_t)d[HY_TEXT]);
        count_field(r, "pooled", (uint64_t)d[HY_POOLED]);
        count_field(r, "latent_channels", (uint64_t)d[HY_IN] / 4);
        count_field(r, "guidance_embedded", (uint64_t)d[HY_GUIDED]);
        break;
    case ZC_COMPONENT_VAE:
        zc_str_add_format(r->words, "    %d latent channels, %d levels of %d blocks; %dx smaller "
                          "in space, %dx in time; scaling %g\n", c->vae.latent, c->vae.levels,
                          c->vae.layers, c->vae.space, c->vae.time, (double)c->vae.scaling);
        count_field(r, "latent_channels", (uint64_t)c->vae.latent);
        count_field(r, "levels", (uint64_t)c->vae.levels);
        count_field(r, "layers", (uint64_t)c->vae.layers);
        break;
    default: {
        const zc_encoder_config *e = kind == ZC_COMPONENT_TEXT ? &c->text : &c->clip;
        zc_str_add_format(r->words, "    %d layers are run; %d wide, %d heads, %d for keys, MLP "
                          "%d, vocabulary %d\n", e->layers, e->hidden, e->heads, e->kv_heads,
                          e->mlp, e->vocabulary);
        count_field(r, "layers", (uint64_t)e->layers);
        count_field(r, "hidden", (uint64_t)e->hidden);
        count_field(r, "heads", (uint64_t)e->heads);
        count_field(r, "vocabulary", (uint64_t)e->vocabulary);
        break;
    }
    }
    zc_json_end_object(&r->json);
}

/* Binds all tensors without reading them: what is missing, misshapen or left over is
 * said in the log. */
static zc_status check_part(zc_log *log, const zc_checkpoint_part *part,
                            enum zc_component_kind kind, const zc_configs *c,
                            zc_weights_plan *plan)
{
    zc_status st = ZC_OK;
    zc_loaded bound = { .store = NULL };
    const zc_loaded_desc desc = { .log = log, .be = zk_backend_find("ref"), .act = ZK_F32,
                                  .source = zc_checkpoint_source(part) };

    ZC_TRY(zc_loaded_open(&bound, &desc, kind, c, plan));
    ZC_TRY(zc_checkpoint_complete(part, log));
done:
    zc_loaded_close(&bound);
    return st;
}

/* One component that we know, against its model. */
static zc_status tell_known(report *r, const char *path, enum zc_component_kind kind)
{
    zc_log quiet;
    zc_configs configs;
    zc_checkpoint_part *part = NULL;
    zc_weights_plan plan = { .tensors = 0 };
    char why[ZC_LOG_TEXT] = "";
    zc_status st = zc_log_init(&quiet, ZC_LEVEL_ERROR, NULL, NULL);

    if (st != ZC_OK)
        return st;
    zc_configs_released(&configs);
    configs.text.heads = configs.clip.heads = 0;
    st = zc_checkpoint_part_open(&part, &quiet, kind, path);
    if (st == ZC_OK)
        st = zc_checkpoint_configure(part, &quiet, &configs);
    if (st == ZC_OK) {
        tell_config(r, kind, &configs);
        st = check_part(&quiet, part, kind, &configs, &plan);
    }
    zc_log_last_error(&quiet, why, sizeof(why));
    if (st == ZC_OK) {
        zc_str_add_format(r->words, "    %.3f billion weights are used; nothing is missing, "
                          "nothing left over\n", (double)plan.parameters * 1e-9);
        count_field(r, "parameters", plan.parameters);
    } else {
        zc_str_add_format(r->words, "    not usable: %s\n", why);
    }
    text_field(r, "problem", st == ZC_OK ? "" : why);
    zc_checkpoint_part_close(&part);
    zc_log_fini(&quiet);
    return st == ZC_E_NOMEM ? st : ZC_OK;
}

static zc_status tell_component(report *r, const zc_component *c)
{
    const char *what = c->layout ? c->layout->what : "no model that is known";
    const char *kind = c->layout ? c->layout->kind : "";
    const enum zc_component_kind known = zc_component_find(kind);
    zc_status st = ZC_OK;

    zc_str_add_format(r->words, "%s: %s\n", *c->name ? zc_quote_path(c->name).text : "file", what);
    zc_str_add_format(r->words, "    %s, %zu files, %zu tensors, %.3f GB, mostly %s\n",
                      zc_container_format(c->tensors), zc_container_files(c->tensors),
                      zc_container_count(c->tensors), (double)c->bytes * 1e-9, c->type_name);
    zc_json_begin_object(&r->json);
    text_field(r, "name", c->name);
    text_field(r, "kind", kind);
    text_field(r, "what", what);
    text_field(r, "format", zc_container_format(c->tensors));
    text_field(r, "type", c->type_name);
    count_field(r, "tensors", zc_container_count(c->tensors));
    count_field(r, "bytes", c->bytes);
    if (known != ZC_COMPONENTS)
        st = tell_known(r, zc_container_path(c->tensors), known);
    zc_json_end_object(&r->json);
    return st;
}

zc_status zc_inspect(zc_log *log, const char *path, zc_str *words, zc_str *json)
{
    zc_status st = ZC_OK;
    zc_modelfolder *f = NULL;
    report r = { .words = words, .json = { .to = json } };
    bool there[ZC_COMPONENTS + 1] = { false };
    int kinds = 0;

    ZC_TRY(zc_modelfolder_open(&f, log, path));
    zc_str_add_format(words, "%s\n", zc_quote_path(path).text);
    zc_json_begin_object(&r.json);
    text_field(&r, "path", path);
    zc_json_add_key(&r.json, "components");
    zc_json_begin_array(&r.json);
    for (size_t i = 0; i < zc_modelfolder_count(f); i++) {
        const zc_component *c = zc_modelfolder_at(f, i);
        const enum zc_component_kind kind = zc_component_find(c->layout ? c->layout->kind : "");
        kinds += kind != ZC_COMPONENTS && !there[kind];
        there[kind] = true;
        ZC_TRY(tell_component(&r, c));
    }
    zc_json_end_array(&r.json);
    zc_json_add_key(&r.json, "missing");
    zc_json_begin_array(&r.json);
    /* A part alone is a part; of a whole model, all must be there. */
    for (int i = 0; i < ZC_COMPONENTS && kinds > 1; i++) {
        if (!there[i]) {
            zc_str_add_format(words, "missing: %s\n", zc_component_names[i]);
            zc_json_add_string(&r.json, zc_component_names[i]);
        }
    }
    zc_json_end_array(&r.json);
    zc_json_end_object(&r.json);
done:
    zc_modelfolder_close(&f);
    return st;
}
