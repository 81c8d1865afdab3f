/* Finds the components of a checkpoint by what their tensors are called, and reads
 * their configs: from config.json where there is one, and from shapes. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/checkpoint.h"
#include "core/io/modelfolder.h"
#include "core/source.h"
#include "core/text/prompt.h"

#define PATH_BYTES 1280

const char *const zc_component_names[ZC_COMPONENTS] = { "text_encoder", "clip", "transformer",
                                                        "vae" };

/* What a component's layouts are called. */
static const char *const kinds[ZC_COMPONENTS] = {
    [ZC_COMPONENT_TEXT] = "llama",
    [ZC_COMPONENT_CLIP] = "clip",
    [ZC_COMPONENT_MODEL] = "hunyuan.dit",
    [ZC_COMPONENT_VAE] = "hunyuan.vae",
};

struct zc_checkpoint_part {
    enum zc_component_kind kind;
    zc_modelfolder     *folder;
    const zc_component *found;        /* in the folder */
    zc_names           *names;
    zc_source           source;
};

void zc_configs_released(zc_configs *c)
{
    memset(c, 0, sizeof(*c));
    zc_hunyuan_released(c->dims);
    zc_hunyuan_rope_axes(c->rope_axes, c->dims[HY_HEAD]);
    c->rope_theta = 256.0f;
    c->text = (zc_encoder_config){ .vocabulary = 128320, .hidden = 4096, .mlp = 14336,
                                   .layers = 30, .heads = 32, .kv_heads = 8, .end = -1,
                                   .theta = 500000.0f, .eps = 1e-5f };
    c->clip = (zc_encoder_config){ .vocabulary = 49408, .hidden = 768, .mlp = 3072, .layers = 12,
                                   .heads = 12, .kv_heads = 12, .positions = 77, .end = 49407,
                                   .eps = 1e-5f };
    zc_causal3d_released(&c->vae);
}

/* ---- Parts ---- */

zc_status zc_checkpoint_part_open(zc_checkpoint_part **out, zc_log *log,
                                  enum zc_component_kind kind, const char *path)
{
    zc_status st = ZC_OK;
    zc_checkpoint_part *p = zc_new(zc_checkpoint_part);

    *out = NULL;
    ZC_CHECK(p, ZC_E_NOMEM, "out of memory");
    p->kind = kind;
    ZC_TRY(zc_modelfolder_open(&p->folder, log, path));
    ZC_TRY(zc_modelfolder_find(p->folder, log, kinds[kind], &p->found));
    ZC_TRY(zc_modelfolder_names(p->folder, log, kinds[kind], &p->names));
    p->source = zc_source_of_names(p->names);
    *out = p;
    p = NULL;
done:
    zc_checkpoint_part_close(&p);
    return st;
}

void zc_checkpoint_part_close(zc_checkpoint_part **part)
{
    zc_checkpoint_part *p = *part;

    if (!p)
        return;
    zc_names_close(&p->names);
    zc_modelfolder_close(&p->folder);
    zc_free(p);
    *part = NULL;
}

const zc_source *zc_checkpoint_source(const zc_checkpoint_part *part)
{
    return part ? &part->source : NULL;
}

/* ---- Configs ---- */

/* A member of the config, or of the text_config in it; NULL if there is none. */
static const zc_json_value *member(const zc_checkpoint_part *p, const char *key)
{
    if (!p->found->config)
        return NULL;
    const zc_json_value *root = zc_json_root(p->found->config);
    const zc_json_value *text = zc_json_find(p->found->config, root, "text_config");

    return zc_json_find(p->found->config, text ? text : root, key);
}

static zc_status want_int(const zc_checkpoint_part *p, zc_log *log, const char *key, int32_t most,
                          int32_t *value)
{
    zc_status st = ZC_OK;
    const zc_json_value *v = member(p, key);
    int64_t i = 0;

    if (!v)
        return ZC_OK;
    ZC_CHECK(zc_json_i64(v, &i) && i >= 1 && i <= most, ZC_E_FORMAT,
             "%s: %s is no number from 1 to %d", zc_json_name(p->found->config), key, most);
    *value = (int32_t)i;
done:
    return st;
}

static zc_status as_float(const zc_checkpoint_part *p, zc_log *log, const char *key,
                          const zc_json_value *v, float *value)
{
    zc_status st = ZC_OK;
    double f = 0;

    if (!v)
        return ZC_OK;
    ZC_CHECK(zc_json_f64(v, &f) && f > 0 && f < 1e12, ZC_E_FORMAT,
             "%s: %s is no number above 0", zc_json_name(p->found->config), key);
    *value = (float)f;
done:
    return st;
}

static zc_status want_float(const zc_checkpoint_part *p, zc_log *log, const char *key,
                            float *value)
{
    return as_float(p, log, key, member(p, key), value);
}

/* What the weights come from, if the config says so: another model's is refused. */
static zc_status check_class(const zc_checkpoint_part *p, zc_log *log, const char *class)
{
    zc_status st = ZC_OK;
    const zc_json_value *v = member(p, "_class_name");

    ZC_CHECK(!v || (v->kind == ZC_JSON_STRING && strcmp(v->text, class) == 0), ZC_E_MISMATCH,
             "%s: _class_name is %s, expected %s", zc_json_name(p->found->config),
             v->kind == ZC_JSON_STRING ? zc_quote_text(v->text).text : "no text", class);
done:
    return st;
}

static zc_status configure_model(const zc_checkpoint_part *p, zc_log *log, zc_configs *c)
{
    zc_status st = ZC_OK;
    const zc_json_value *axes = member(p, "rope_axes_dim");
    const zc_json_value *v = axes ? zc_json_first(axes) : NULL;
    int64_t n = 0, sum = 0;

    ZC_TRY(check_class(p, log, "HunyuanVideoTransformer3DModel"));
    ZC_TRY(zc_hunyuan_detect(&p->source, log, c->dims));
    zc_hunyuan_rope_axes(c->rope_axes, c->dims[HY_HEAD]);
    for (int i = 0; i < 3 && axes; i++, v = zc_json_after(axes, v)) {
        ZC_CHECK(v && zc_json_i64(v, &n) && n >= 0 && n <= c->dims[HY_HEAD] && n % 2 == 0,
                 ZC_E_FORMAT, "%s: rope_axes_dim is no list of three even numbers",
                 zc_json_name(p->found->config));
        c->rope_axes[i] = (int32_t)n;
        sum += n;
    }
    ZC_CHECK(!axes || sum == c->dims[HY_HEAD], ZC_E_MISMATCH,
             "%s: rope_axes_dim adds up to %lld, and heads have %d elements",
             zc_json_name(p->found->config), (long long)sum, c->dims[HY_HEAD]);
    ZC_TRY(want_float(p, log, "rope_theta", &c->rope_theta));
done:
    return st;
}

static zc_status configure_vae(const zc_checkpoint_part *p, zc_log *log, zc_configs *c)
{
    zc_status st = ZC_OK;

    ZC_TRY(check_class(p, log, "AutoencoderKLHunyuanVideo"));
    ZC_TRY(want_int(p, log, "norm_num_groups", 1024, &c->vae.groups));
    ZC_TRY(want_int(p, log, "spatial_compression_ratio", 64, &c->vae.space));
    ZC_TRY(want_int(p, log, "temporal_compression_ratio", 64, &c->vae.time));
    ZC_TRY(want_float(p, log, "scaling_factor", &c->vae.scaling));
    ZC_TRY(zc_causal3d_detect(&p->source, log, &c->vae));
done:
    return st;
}

static zc_status configure_text(const zc_checkpoint_part *p, zc_log *log, zc_configs *c)
{
    zc_status st = ZC_OK;
    const zc_json_value *rope = member(p, "rope_parameters");

    ZC_TRY(want_int(p, log, "num_attention_heads", 1024, &c->text.heads));
    ZC_TRY(want_float(p, log, "rms_norm_eps", &c->text.eps));
    ZC_TRY(want_float(p, log, "rope_theta", &c->text.theta));
    if (rope)
        ZC_TRY(as_float(p, log, "rope_theta", zc_json_find(p->found->config, rope, "rope_theta"),
                        &c->text.theta));
    ZC_TRY(zc_encoder_llama.detect(&p->source, log, &c->text));
    /* What is wanted is the state two layers from the end. */
    ZC_CHECK(c->text.layers > 2, ZC_E_MISMATCH, "%s: %d layers, expected more than 2",
             p->source.name, c->text.layers);
    c->text.layers -= 2;
done:
    return st;
}

static zc_status configure_clip(const zc_checkpoint_part *p, zc_log *log, zc_configs *c)
{
    zc_status st = ZC_OK;

    /* The config's eos_token_id is known to be wrong in published files. */
    c->clip.end = -1;
    ZC_TRY(want_int(p, log, "num_attention_heads", 1024, &c->clip.heads));
    ZC_TRY(want_float(p, log, "layer_norm_eps", &c->clip.eps));
    ZC_TRY(zc_encoder_clip.detect(&p->source, log, &c->clip));
done:
    return st;
}

zc_status zc_checkpoint_configure(const zc_checkpoint_part *p, zc_log *log, zc_configs *c)
{
    static zc_status (*const configure[ZC_COMPONENTS])(const zc_checkpoint_part *, zc_log *,
                                                       zc_configs *) = {
        [ZC_COMPONENT_TEXT] = configure_text,
        [ZC_COMPONENT_CLIP] = configure_clip,
        [ZC_COMPONENT_MODEL] = configure_model,
        [ZC_COMPONENT_VAE] = configure_vae,
    };

    return configure[p->kind](p, log, c);
}

enum zc_component_kind zc_component_find(const char *kind)
{
    int i = 0;

    while (i < ZC_COMPONENTS && strcmp(kinds[i], kind) != 0)
        i++;
    return i;
}

zc_status zc_checkpoint_complete(const zc_checkpoint_part *p, zc_log *log)
{
    char above[64];

    if (p->kind == ZC_COMPONENT_TEXT) {
        zc_names_forgo(p->names, "norm.");
        const int layers = zc_source_count(&p->source, "layers.%d.mlp.up_proj.weight");
        for (int i = layers - 2; i < layers; i++) {
            zc_format(above, sizeof(above), "layers.%d.", i);
            zc_names_forgo(p->names, above);
        }
    }
    return zc_names_left_over(p->names, log);
}

zc_status zc_checkpoint_fingerprint(const zc_checkpoint_part *p, zc_log *log, char text[65])
{
    enum { VALUES = 256 };
    zc_status st = ZC_OK;
    uint8_t sum[32] = { 0 }, digest[32], values[VALUES * sizeof(float)];

    /* Digests are added up, so that the order of tensors does not matter. */
    for (size_t i = 0; i < zc_names_count(p->names); i++) {
        const zc_named *t = zc_names_at(p->names, i);
        const zk_dtype_info *info = zk_dtype_get(t->type);
        int64_t count = 1;
        zc_sha256 h;

        for (int k = 0; k < t->rank; k++)
            count *= t->dim[k];
        count = count < VALUES ? count : VALUES;
        ZC_TRY(zc_names_read(p->names, log, t, 0, count, values, NULL));
        zc_sha256_init(&h);
        zc_sha256_add(&h, t->name, strlen(t->name) + 1);
        zc_sha256_add(&h, t->dim, (size_t)t->rank * sizeof(t->dim[0]));
        zc_sha256_add(&h, values, (size_t)(count / info->block * info->bytes));
        zc_sha256_finish(&h, digest);
        for (int k = 0, carry = 0; k < 32; k++) {
            carry += sum[k] + digest[k];
            sum[k] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    zc_sha256_text(text, sum);
done:
    return st;
}

/* ---- The whole ---- */

/* The request's own path for a component, or the model's. */
static const char *path_of(const zc_request *q, enum zc_component_kind kind)
{
    const char *const own[ZC_COMPONENTS] = { q->text_encoder, q->clip, q->transformer, q->vae };

    return *own[kind] ? own[kind] : q->model;
}

/* A tokenizer that lies in the file with the weights, as ComfyUI has it. */
static zc_status open_embedded(zc_bpe **out, zc_log *log, const zc_checkpoint_part *part,
                               const zc_entry *e)
{
    zc_status st = ZC_OK;
    char *text = NULL;

    ZC_CHECK(e->bytes <= ZC_BPE_FILE, ZC_E_LIMIT, "%s: %s has %llu bytes, expected at most %u",
             part->source.name, e->name, (unsigned long long)e->bytes, ZC_BPE_FILE);
    ZC_CHECK(text = zc_alloc((size_t)e->bytes + 1), ZC_E_NOMEM, "no memory for a tokenizer");
    ZC_TRY(zc_entry_read(part->found->tensors, log, e, text));
    text[e->bytes] = '\0';
    ZC_TRY(zc_bpe_open_json(out, log, &(zc_bpe_source){ .text = text, .bytes = (size_t)e->bytes,
                                                        .name = part->source.name }));
done:
    zc_free(text);
    return st;
}

/* From the request's own path, the model's folder, or the text encoder's file. */
static zc_status open_tokens(zc_bpe **out, zc_log *log, const zc_request *q,
                             enum zc_component_kind kind, const zc_checkpoint_part *part)
{
    const bool clip = kind == ZC_COMPONENT_CLIP;
    const char *own = clip ? q->clip_tokenizer : q->tokenizer;
    const zc_entry *embedded = part ? zc_container_find(part->found->tensors, "tokenizer") : NULL;
    char path[PATH_BYTES];
    zc_file_info info;

    if (*own)
        zc_format(path, sizeof(path), "%s", own);
    else
        zc_format(path, sizeof(path), "%s/%s", q->model, clip ? "tokenizer_2" : "tokenizer");
    if (!*own && embedded && !zc_path_info(&info, path))
        return open_embedded(out, log, part, embedded);
    return zc_bpe_open(out, log, path, zc_bpe_style_find(clip ? "clip" : "llama3"));
}

static zc_status open_all(zc_checkpoint *c, zc_log *log, const zc_request *q, bool partly)
{
    zc_status st = ZC_OK;
    zc_log *quiet = partly ? NULL : log;

    for (int i = 0; i < ZC_COMPONENTS; i++) {
        st = zc_checkpoint_part_open(&c->part[i], quiet, i, path_of(q, i));
        if (st != ZC_OK && !partly)
            goto done;
        if (i == ZC_COMPONENT_TEXT && c->part[i])
            c->configs.text.heads = 0;
        if (i == ZC_COMPONENT_CLIP && c->part[i])
            c->configs.clip.heads = 0;
        if (c->part[i])
            ZC_TRY(zc_checkpoint_configure(c->part[i], log, &c->configs));
    }
    st = open_tokens(&c->text_tokens, quiet, q, ZC_COMPONENT_TEXT,
                     c->part[ZC_COMPONENT_TEXT]);
    if (st == ZC_OK)
        ZC_TRY(zc_prompt_check(zc_prompt_find(zc_template_of(q)), log, c->text_tokens));
    else if (!partly)
        goto done;
    st = open_tokens(&c->clip_tokens, quiet, q, ZC_COMPONENT_CLIP,
                     c->part[ZC_COMPONENT_CLIP]);
    if (st == ZC_OK)
        ZC_TRY(zc_prompt_check(zc_prompt_find("clip"), log, c->clip_tokens));
    else if (!partly)
        goto done;
    st = ZC_OK;
    if (c->part[ZC_COMPONENT_TEXT] && c->text_tokens)
        ZC_CHECK(zc_bpe_rows(c->text_tokens) <= c->configs.text.vocabulary, ZC_E_MISMATCH,
                 "%s has ids up to %d, and the text encoder %d rows: it belongs to another model",
                 zc_bpe_name(c->text_tokens), zc_bpe_rows(c->text_tokens) - 1,
                 c->configs.text.vocabulary);
    if (c->part[ZC_COMPONENT_CLIP] && c->clip_tokens)
        ZC_CHECK(zc_bpe_rows(c->clip_tokens) <= c->configs.clip.vocabulary, ZC_E_MISMATCH,
                 "%s has ids up to %d, and CLIP %d rows: it belongs to another model",
                 zc_bpe_name(c->clip_tokens), zc_bpe_rows(c->clip_tokens) - 1,
                 c->configs.clip.vocabulary);
done:
    return st;
}

static zc_status open_checkpoint(zc_checkpoint **out, zc_log *log, const zc_request *q,
                                 bool partly)
{
    zc_status st = ZC_OK;
    zc_checkpoint *c = zc_new(zc_checkpoint);

    *out = NULL;
    ZC_CHECK(c, ZC_E_NOMEM, "out of memory");
    zc_configs_released(&c->configs);
    ZC_TRY(open_all(c, log, q, partly));
    *out = c;
    c = NULL;
done:
    zc_checkpoint_close(&c);
    return st;
}

zc_status zc_checkpoint_open(zc_checkpoint **out, zc_log *log, const zc_request *q)
{
    return open_checkpoint(out, log, q, false);
}

zc_status zc_checkpoint_open_partly(zc_checkpoint **out, zc_log *log, const zc_request *q)
{
    return open_checkpoint(out, log, q, true);
}

void zc_checkpoint_close(zc_checkpoint **out)
{
    zc_checkpoint *c = *out;

    if (!c)
        return;
    for (int i = 0; i < ZC_COMPONENTS; i++)
        zc_checkpoint_part_close(&c->part[i]);
    zc_bpe_close(&c->text_tokens);
    zc_bpe_close(&c->clip_tokens);
    zc_free(c);
    *out = NULL;
}
