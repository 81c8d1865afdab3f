/* zoetrope-probe: runs one component on given tensors and writes every named stage.
 *
 * tests/parity/README.md has the names of inputs, stages and keys. Besides these
 * keys it takes backend=cpu|ref, precision=f32|bf16 and threads=N. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/checkpoint.h"
#include "core/generate.h"
#include "core/io/container.h"
#include "core/io/safetensors.h"

/* ---- What was asked ---- */

typedef struct key {
    const char *name;
    char value[64];               /* the default, then what was said */
} key;

typedef struct stage {
    char    name[64];
    int     rank;
    int64_t dim[4];
    float  *data;
} stage;

typedef struct probe {
    zc_log        log;
    zc_device    *dev;
    zc_container *in;
    zk_dtype      act;
    key          *keys;
    stage        *stages;
    size_t        count, room;
    bool          tiled;          /* inner stages belong to tiles: not wanted */
    bool          chained;        /* of all inner stages, latents alone are wanted */
    zc_status     status;
} probe;

static key all_keys[] = {
    { "backend", "cpu" }, { "modules", "" }, { "precision", "f32" }, { "threads", "0" },
    { "rope_axes_dim", "" }, { "rope_theta", "" }, { "crop", "0" }, { "heads", "" },
    { "kv_heads", "" }, { "eps", "" }, { "eos", "" },
    { "tile", "256" }, { "tile_stride", "192" }, { "tile_frames", "64" },
    { "tile_frames_stride", "48" }, { "scaling_factor", "" }, { "norm_groups", "" },
    { "steps", "50" }, { "shift", "7" }, { "guidance", "6" }, { "guidance_rounding", "bf16" },
    { "cfg", "1" }, { NULL, "" },
};

static const char *get(const char *name)
{
    for (key *k = all_keys; k->name; k++) {
        if (strcmp(k->name, name) == 0)
            return k->value;
    }
    return "";
}

static double get_number(const char *name)
{
    return strtod(get(name), NULL);
}

static int get_int(const char *name)
{
    return (int)strtol(get(name), NULL, 10);
}

static bool set_key(const char *text)
{
    const char *equals = strchr(text, '=');

    for (key *k = all_keys; equals && k->name; k++) {
        if (strlen(k->name) == (size_t)(equals - text) &&
            strncmp(k->name, text, (size_t)(equals - text)) == 0) {
            snprintf(k->value, sizeof(k->value), "%s", equals + 1);
            return true;
        }
    }
    fprintf(stderr, "zoetrope-probe: '%s' is no key=value that is known\n", text);
    return false;
}

/* ---- Inputs ---- */

/* The values of a tensor as floats, with its shape; NULL and a message if it is
 * not there, or of another rank. Free with zc_free. */
static float *input(probe *p, const char *name, int rank, int64_t *dim)
{
    const zc_entry *e = zc_container_find(p->in, name);

    if (!e || e->rank != rank || !zk_dtype_get(e->type)->to_f32) {
        fprintf(stderr, "zoetrope-probe: input %s is %s, expected a float tensor of %d axes\n",
                name, e ? zc_shape(e->dim, e->rank).text : "missing", rank);
        p->status = ZC_E_MISSING;
        return NULL;
    }
    const size_t count = (size_t)zc_entry_elements(e);
    void *raw = zc_alloc((size_t)e->bytes);
    float *values = zc_alloc(count * sizeof(float));
    memcpy(dim, e->dim, (size_t)rank * sizeof(*dim));
    p->status = zc_entry_read(p->in, &p->log, e, raw);
    zk_dtype_get(e->type)->to_f32(values, raw, count);
    zc_free(raw);
    return values;
}

static int32_t *input_ids(probe *p, const char *name, int *count)
{
    const zc_entry *e = zc_container_find(p->in, name);

    if (!e || e->rank != 1 || (e->type != ZK_I64 && e->type != ZK_I32)) {
        fprintf(stderr, "zoetrope-probe: input %s is missing, or no list of I64 or I32\n", name);
        p->status = ZC_E_MISSING;
        return NULL;
    }
    *count = (int)e->dim[0];
    uint8_t *raw = zc_alloc((size_t)e->bytes);
    int32_t *ids = zc_alloc((size_t)*count * sizeof(int32_t));
    p->status = zc_entry_read(p->in, &p->log, e, raw);
    for (int i = 0; i < *count; i++) {
        int64_t wide = 0;
        int32_t narrow = 0;
        memcpy(&wide, raw + 8 * (size_t)i * (e->type == ZK_I64), 8 * (e->type == ZK_I64));
        memcpy(&narrow, raw + 4 * (size_t)i, 4 * (size_t)(e->type == ZK_I32));
        ids[i] = e->type == ZK_I64 ? (int32_t)wide : narrow;
    }
    zc_free(raw);
    return ids;
}

static bool has(const probe *p, const char *name)
{
    return zc_container_find(p->in, name) != NULL;
}

/* Every input must be one of these. */
static bool only(const probe *p, const char *const *names)
{
    for (const zc_entry *e = zc_container_next(p->in, NULL); e; e = zc_container_next(p->in, e)) {
        int known = 0;
        for (int i = 0; names[i]; i++)
            known |= strcmp(names[i], e->name) == 0;
        if (!known) {
            fprintf(stderr, "zoetrope-probe: there is no input '%s'\n", e->name);
            return false;
        }
    }
    return true;
}

/* ---- Stages ---- */

/* Takes over data. */
static void add_stage(probe *p, const char *name, int rank, const int64_t *dim, float *data)
{
    stage s = { .rank = rank, .data = data };

    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->stages[i].name, name) == 0) {          /* the last of that name counts */
            zc_free(p->stages[i].data);
            memcpy(s.name, p->stages[i].name, sizeof(s.name));
            memcpy(s.dim, dim, (size_t)rank * sizeof(*dim));
            p->stages[i] = s;
            return;
        }
    }
    zc_format(s.name, sizeof(s.name), "%s", name);
    memcpy(s.dim, dim, (size_t)rank * sizeof(*dim));
    if (!zc_grow(&p->stages, &p->room, p->count + 1, sizeof(*p->stages))) {
        p->status = ZC_E_NOMEM;
        zc_free(data);
        return;
    }
    p->stages[p->count++] = s;
}

static void add_copy(probe *p, const char *name, int rank, const int64_t *dim, const float *data)
{
    size_t count = 1;

    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    float *copy = zc_alloc(count * sizeof(float));
    memcpy(copy, data, count * sizeof(float));
    add_stage(p, name, rank, dim, copy);
}

/* Stages of the autoencoder: channels last inside, planes outside. */
static bool is_planes(const char *name)
{
    static const char *const names[] = { "post_quant", "conv_in", "mid", "up.", "down.", "video" };

    for (size_t i = 0; i < ZC_COUNT(names); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

static void watch(void *user, zc_run *r, const char *name, zk_tensor t)
{
    probe *p = user;
    const size_t rows = (size_t)t.dim[0] * (size_t)t.dim[1] * (size_t)t.dim[2];
    const size_t cols = (size_t)t.dim[3], count = rows * cols;
    const size_t size = (size_t)zk_dtype_get(t.type)->bytes;
    float *values = zc_alloc(count * sizeof(float));
    uint8_t *raw = zc_alloc(count * size);

    if ((p->tiled && is_planes(name) && strcmp(name, "video") != 0) ||
        (p->chained && strncmp(name, "latent.", 7) != 0)) {
        zc_free(values);
        zc_free(raw);
        return;
    }
    /* All backends here work in host memory. */
    r->be->finish(r->queue);
    for (size_t i = 0; i < rows; i++)
        memcpy(raw + i * cols * size, (const uint8_t *)t.data + i * (size_t)t.step[2] * size,
               cols * size);
    zk_dtype_get(t.type)->to_f32(values, raw, count);
    zc_free(raw);
    if (is_planes(name)) {
        float *planes = zc_alloc(count * sizeof(float));
        for (size_t i = 0; i < rows; i++) {
            for (size_t c = 0; c < cols; c++)
                planes[c * rows + i] = values[i * cols + c];
        }
        zc_free(values);
        add_stage(p, name, 4, (const int64_t[4]){ t.dim[3], t.dim[0], t.dim[1], t.dim[2] },
                  planes);
    } else if (t.dim[0] > 1 || t.dim[1] > 1) {
        add_stage(p, name, 4, (const int64_t[4]){ t.dim[0], t.dim[1], t.dim[2], t.dim[3] },
                  values);
    } else if (strcmp(name, "vec") == 0 || strcmp(name, "txt_in.c") == 0) {
        add_stage(p, name, 1, (const int64_t[1]){ t.dim[3] }, values);
    } else {
        add_stage(p, name, 2, (const int64_t[2]){ t.dim[2], t.dim[3] }, values);
    }
}

static zc_phase phase_of(probe *p)
{
    return (zc_phase){ .dev = p->dev, .act = p->act, .watch = watch, .watch_user = p };
}

/* ---- Components ---- */

typedef struct opened {
    zc_checkpoint_part *part;
    zc_loaded        weights;
    zc_configs          configs;
} opened;

static void apply_keys(zc_configs *c)
{
    if (*get("rope_axes_dim"))
        sscanf(get("rope_axes_dim"), "%d,%d,%d", &c->rope_axes[0], &c->rope_axes[1],
               &c->rope_axes[2]);
    if (*get("rope_theta"))
        c->rope_theta = c->text.theta = (float)get_number("rope_theta");
    if (*get("heads"))
        c->text.heads = c->clip.heads = get_int("heads");
    if (*get("eps"))
        c->text.eps = c->clip.eps = (float)get_number("eps");
    if (*get("eos"))
        c->clip.end = get_int("eos");
    if (*get("scaling_factor"))
        c->vae.scaling = (float)get_number("scaling_factor");
    if (*get("norm_groups"))
        c->vae.groups = get_int("norm_groups");
}

static void close_part(opened *o)
{
    zc_loaded_close(&o->weights);
    zc_checkpoint_part_close(&o->part);
}

static zc_status open_part(probe *p, opened *o, enum zc_component_kind kind, const char *path)
{
    zc_status st = ZC_OK;
    zc_weights_plan plan;
    zc_loaded_desc desc = { .log = &p->log, .be = p->dev->be, .queue = p->dev->queue,
                            .act = p->act, .pool = p->dev->pool };

    memset(o, 0, sizeof(*o));
    zc_configs_released(&o->configs);
    o->configs.text.heads = o->configs.clip.heads = 0;
    apply_keys(&o->configs);
    ZC_TRY(zc_checkpoint_part_open(&o->part, &p->log, kind, path));
    ZC_TRY(zc_checkpoint_configure(o->part, &p->log, &o->configs));
    apply_keys(&o->configs);
    desc.source = zc_checkpoint_source(o->part);
    ZC_TRY(zc_loaded_open(&o->weights, &desc, kind, &o->configs, &plan));
    ZC_TRY(zc_checkpoint_complete(o->part, &p->log));
done:
    if (st != ZC_OK)
        close_part(o);
    return st;
}

static zc_status encode(probe *p, const opened *o, enum zc_component_kind kind,
                        const char *ids_name, float **states, int *rows)
{
    const bool text = kind == ZC_COMPONENT_TEXT;
    const zc_phase phase = phase_of(p);
    int count = 0;
    int32_t *ids = input_ids(p, ids_name, &count);

    if (!ids)
        return p->status;
    const zc_encoding e = { .encoder = text ? &zc_encoder_llama : &zc_encoder_clip,
                            .config = text ? &o->configs.text : &o->configs.clip,
                            .part = &o->weights, .ids = ids, .count = count,
                            .first = text ? get_int("crop") : 0 };
    *rows = zc_encode_rows(&e);
    *states = zc_alloc_zeroed((size_t)*rows + 1, (size_t)e.config->hidden * sizeof(float));
    const zc_status st = zc_encode(&phase, &e, *states);
    zc_free(ids);
    return st;
}

static zc_status probe_encoder(probe *p, const char *path, enum zc_component_kind kind)
{
    static const char *const names[] = { "ids", NULL };
    opened o;
    float *states = NULL;
    int rows = 0;
    zc_status st = only(p, names) ? open_part(p, &o, kind, path) : ZC_E_ARGUMENT;

    if (st != ZC_OK)
        return st;
    st = encode(p, &o, kind, "ids", &states, &rows);
    if (st == ZC_OK && kind == ZC_COMPONENT_TEXT) {
        add_copy(p, "text", 2, (const int64_t[2]){ rows, o.configs.text.hidden }, states);
    } else if (st == ZC_OK) {
        const int64_t D = o.configs.clip.hidden;
        add_copy(p, "pooled", 1, &D, states + (int64_t)(rows - 1) * D);
    }
    zc_free(states);
    close_part(&o);
    return st;
}

static zc_status probe_text(probe *p, const char *path)
{
    return probe_encoder(p, path, ZC_COMPONENT_TEXT);
}

static zc_status probe_clip(probe *p, const char *path)
{
    return probe_encoder(p, path, ZC_COMPONENT_CLIP);
}

/* One forward of the transformer. */
typedef struct forward {
    const opened *o;
    const float  *latent, *text, *pooled;
    float         time, guidance;
    int           rows;
    int32_t       size[4];        /* C, T, h, w */
} forward;

static void run_forward(zc_run *r, void *user)
{
    const forward *f = user;
    const int32_t *dims = f->o->configs.dims;
    const zc_step step = { .sigma = f->time / 1000.0f, .time = f->time };
    zc_dit dit = { .model = &zc_model_hunyuan, .weights = f->o->weights.bound, .dims = dims,
                   .rope_axes = f->o->configs.rope_axes, .rope_theta = f->o->configs.rope_theta,
                   .grid = { f->size[1], f->size[2] / 2, f->size[3] / 2 } };
    const zk_tensor planes = zc_tmp4_type(r, ZK_F32, f->size);
    const zk_tensor text = zc_tmp_type(r, ZK_F32, f->rows, dims[HY_TEXT]);
    const zk_tensor pooled = zc_tmp_type(r, ZK_F32, 1, dims[HY_POOLED]);

    if (zc_run_is_real(r)) {
        zc_upload(r, planes, f->latent);
        zc_upload(r, text, f->text);
        zc_upload(r, pooled, f->pooled);
    }
    const zk_tensor in = zc_patch(r, zc_permute(r, planes, (const int[4]){ 1, 2, 3, 0 }), 2);
    const zk_tensor out = zc_like(r, in);
    dit.cond[0] = (zc_condition){ .text = text, .pooled = pooled, .guidance = f->guidance };
    zc_model_hunyuan.prepare(r, &dit);
    zc_model_hunyuan.stages(r, &dit, &step, 0, ZC_AT_INPUT, ZC_AT_OUTPUT, in, out);
    zc_run_show(r, zc_permute(r, zc_unpatch(r, out, dit.grid, 2), (const int[4]){ 3, 0, 1, 2 }),
                "velocity");
}

static zc_status probe_dit(probe *p, const char *path)
{
    static const char *const names[] = { "latent", "timestep", "text", "text_mask", "clip",
                                         "guidance", NULL };
    opened o;
    zc_status st = only(p, names) ? open_part(p, &o, ZC_COMPONENT_MODEL, path) : ZC_E_ARGUMENT;

    if (st != ZC_OK)
        return st;
    int64_t latent[4], text[2], one[1], clip[1];
    float *x = input(p, "latent", 4, latent), *t = input(p, "timestep", 1, one);
    float *states = input(p, "text", 2, text), *pooled = input(p, "clip", 1, clip);
    float *guidance = has(p, "guidance") ? input(p, "guidance", 1, one) : NULL;
    forward f = { .o = &o, .latent = x, .text = states, .pooled = pooled };

    st = p->status;
    if (st == ZC_OK && has(p, "text_mask")) {
        int count = 0;
        int32_t *mask = input_ids(p, "text_mask", &count);
        for (int i = 0; mask && i < count && mask[i]; i++)
            f.rows++;
        zc_free(mask);
    } else if (st == ZC_OK) {
        f.rows = (int)text[0];
    }
    if (st == ZC_OK) {
        const int32_t *dims = o.configs.dims;
        f.time = t[0];
        f.guidance = guidance ? guidance[0] : 0.0f;
        for (int i = 0; i < 4; i++)
            f.size[i] = (int32_t)latent[i];
        if (latent[0] * 4 != dims[HY_IN] || text[1] != dims[HY_TEXT] ||
            clip[0] != dims[HY_POOLED] || (dims[HY_GUIDED] && !guidance)) {
            fprintf(stderr, "zoetrope-probe: the inputs do not fit the model\n");
            st = ZC_E_SHAPE;
        }
    }
    if (st == ZC_OK) {
        const zc_work work = { .fn = run_forward, .user = &f, .act = p->act, .watch = watch,
                               .watch_user = p };
        st = zc_device_run(p->dev, &work);
    }
    zc_free(x);
    zc_free(t);
    zc_free(states);
    zc_free(pooled);
    zc_free(guidance);
    close_part(&o);
    return st;
}

static zc_decoding decoding_of(const opened *o, const int32_t size[3])
{
    return (zc_decoding){
        .decoder = { .vae = &zc_vae_causal3d, .config = &o->configs.vae,
                     .tiling = { get_int("tile"), get_int("tile_stride"), get_int("tile_frames"),
                                 get_int("tile_frames_stride") } },
        .part = &o->weights, .size = { size[0], size[1], size[2] },
    };
}

static bool is_tiled(const zc_vae_config *c, const int32_t size[3])
{
    const int tile = get_int("tile") / c->space, frames = get_int("tile_frames") / c->time;

    return (tile && (size[1] > tile || size[2] > tile)) || (frames && size[0] > frames);
}

/* Frames as they come, to planes [3, F, H, W]. */
typedef struct planes {
    float  *data;
    int32_t size[3];
} planes;

static void take_frame(void *user, int index, const float *pixels)
{
    planes *v = user;
    const size_t frame = (size_t)v->size[1] * (size_t)v->size[2];

    for (size_t i = 0; i < frame; i++) {
        for (size_t c = 0; c < 3; c++)
            v->data[(c * (size_t)v->size[0] + (size_t)index) * frame + i] = pixels[3 * i + c];
    }
}

static zc_status decode(probe *p, const opened *o, const float *latent, const int32_t size[3],
                        planes *video)
{
    const zc_phase phase = phase_of(p);
    const zc_decoding d = decoding_of(o, size);

    p->tiled = is_tiled(&o->configs.vae, size);
    zc_decode_size(&d, video->size);
    video->data = zc_alloc_zeroed(3 * sizeof(float), (size_t)video->size[0] *
                                  (size_t)video->size[1] * (size_t)video->size[2]);
    return zc_decode(&phase, &d, latent, take_frame, video);
}

static zc_status probe_decode(probe *p, const char *path)
{
    static const char *const names[] = { "latent", NULL };
    opened o;
    int64_t dim[4];
    planes video = { 0 };
    zc_status st = only(p, names) ? open_part(p, &o, ZC_COMPONENT_VAE, path) : ZC_E_ARGUMENT;

    if (st != ZC_OK)
        return st;
    float *latent = input(p, "latent", 4, dim);
    st = p->status;
    if (st == ZC_OK) {
        const int32_t size[3] = { (int32_t)dim[1], (int32_t)dim[2], (int32_t)dim[3] };
        st = decode(p, &o, latent, size, &video);
    }
    zc_free(video.data);
    zc_free(latent);
    close_part(&o);
    return st;
}

static zc_status probe_encode(probe *p, const char *path)
{
    static const char *const names[] = { "video", NULL };
    opened o;
    int64_t dim[4];
    zc_status st = only(p, names) ? open_part(p, &o, ZC_COMPONENT_VAE, path) : ZC_E_ARGUMENT;

    if (st != ZC_OK)
        return st;
    float *video = input(p, "video", 4, dim);
    st = p->status;
    if (st == ZC_OK) {
        const zc_vae_config *c = &o.configs.vae;
        const int32_t size[3] = { (int32_t)(dim[1] - 1) / c->time + 1,
                                  (int32_t)dim[2] / c->space, (int32_t)dim[3] / c->space };
        const size_t pixels = (size_t)dim[1] * (size_t)dim[2] * (size_t)dim[3];
        const size_t cells = (size_t)size[0] * (size_t)size[1] * (size_t)size[2];
        const int64_t shape[4] = { 2 * c->latent, size[0], size[1], size[2] };
        const int64_t half[4] = { c->latent, size[0], size[1], size[2] };
        float *last = zc_alloc(3 * pixels * sizeof(float));
        float *moments = zc_alloc((size_t)shape[0] * cells * sizeof(float));
        const zc_phase phase = phase_of(p);
        const zc_decoding d = decoding_of(&o, size);

        for (size_t i = 0; i < pixels; i++) {
            for (size_t ch = 0; ch < 3; ch++)
                last[3 * i + ch] = video[ch * pixels + i];
        }
        p->tiled = is_tiled(c, size);
        st = zc_moments(&phase, &d, last, moments);
        if (st == ZC_OK) {
            add_copy(p, "moments", 4, shape, moments);
            for (size_t i = 0; i < (size_t)c->latent * cells; i++)
                moments[i] *= c->scaling;
            add_copy(p, "latent", 4, half, moments);
        }
        zc_free(moments);
        zc_free(last);
    }
    zc_free(video);
    close_part(&o);
    return st;
}

/* ---- The whole chain ---- */

typedef struct chain {
    opened text, clip, model, vae;
    float *states[ZC_LANES], *pooled[ZC_LANES];
    int    rows[ZC_LANES];
} chain;

static zc_status chain_prompt(probe *p, chain *c, int lane)
{
    static const char *const text_ids[] = { "text_ids", "negative_text_ids" };
    static const char *const clip_ids[] = { "clip_ids", "negative_clip_ids" };
    static const char *const text_out[] = { "text", "negative_text" };
    static const char *const clip_out[] = { "clip", "negative_clip" };
    const int64_t D = c->clip.configs.clip.hidden;
    int rows = 0;
    zc_status st = encode(p, &c->text, ZC_COMPONENT_TEXT, text_ids[lane], &c->states[lane],
                          &c->rows[lane]);

    if (st == ZC_OK)
        st = encode(p, &c->clip, ZC_COMPONENT_CLIP, clip_ids[lane], &c->pooled[lane], &rows);
    if (st != ZC_OK)
        return st;
    memmove(c->pooled[lane], c->pooled[lane] + (rows - 1) * D, (size_t)D * sizeof(float));
    add_copy(p, text_out[lane], 2,
             (const int64_t[2]){ c->rows[lane], c->text.configs.text.hidden }, c->states[lane]);
    add_copy(p, clip_out[lane], 1, &D, c->pooled[lane]);
    return ZC_OK;
}

static zc_status chain_run(probe *p, chain *c, float *noise, const int64_t dim[4])
{
    const zc_phase phase = phase_of(p);
    const zc_configs *m = &c->model.configs;
    const float guidance = (float)get_number("guidance"), cfg = (float)get_number("cfg");
    const bool exact = strcmp(get("guidance_rounding"), "exact") == 0;
    const int32_t size[3] = { (int32_t)dim[1], (int32_t)dim[2], (int32_t)dim[3] };
    zc_schedule schedule;
    planes video = { 0 };
    zc_status st = zc_schedule_flow(&schedule, &p->log, get_int("steps"),
                                    (float)get_number("shift"));

    if (st != ZC_OK)
        return st;
    const int64_t count = schedule.steps + 1;
    add_copy(p, "sigmas", 1, &count, schedule.sigma);
    zc_denoising d = {
        .model = &zc_model_hunyuan, .dims = m->dims, .text_cols = m->dims[HY_TEXT],
        .pooled_cols = m->dims[HY_POOLED], .rope_theta = m->rope_theta,
        .part = &c->model.weights, .schedule = &schedule,
        .sampler = zc_sampler_find("flow-euler"),
        .cfg = has(p, "negative_text_ids") ? cfg : 1.0f,
        .guidance = exact ? 1000.0f * guidance : zc_guidance_bf16(guidance),
        .channels = (int32_t)dim[0], .size = { size[0], size[1], size[2] },
    };
    memcpy(d.rope_axes, m->rope_axes, sizeof(d.rope_axes));
    for (int i = 0; i < ZC_LANES; i++)
        d.lane[i] = (zc_lane){ c->states[i], c->rows[i], c->pooled[i] };
    st = zc_denoise(&phase, &d, noise);
    if (st == ZC_OK)
        st = decode(p, &c->vae, noise, size, &video);
    if (st == ZC_OK) {
        const size_t pixels = (size_t)video.size[0] * (size_t)video.size[1] *
                              (size_t)video.size[2];
        for (size_t i = 0; i < 3 * pixels; i++) {
            const float v = video.data[i] / 2 + 0.5f;
            video.data[i] = v < 0 ? 0 : v > 1 ? 1 : v;
        }
        add_copy(p, "rgb", 4, (const int64_t[4]){ 3, video.size[0], video.size[1], video.size[2] },
                 video.data);
    }
    zc_free(video.data);
    return st;
}

static zc_status probe_sample(probe *p, const char *path)
{
    static const char *const names[] = { "text_ids", "clip_ids", "negative_text_ids",
                                         "negative_clip_ids", "noise", NULL };
    static const struct {
        enum zc_component_kind kind;
        const char *folder;
        size_t offset;
    } parts[] = {
        { ZC_COMPONENT_TEXT, "text_encoder", offsetof(chain, text) },
        { ZC_COMPONENT_CLIP, "text_encoder_2", offsetof(chain, clip) },
        { ZC_COMPONENT_MODEL, "transformer", offsetof(chain, model) },
        { ZC_COMPONENT_VAE, "vae", offsetof(chain, vae) },
    };
    chain c = { .rows = { 0 } };
    int64_t dim[4];
    float *noise = input(p, "noise", 4, dim);
    zc_status st = only(p, names) ? p->status : ZC_E_ARGUMENT;

    p->chained = true;
    for (size_t i = 0; i < ZC_COUNT(parts) && st == ZC_OK; i++) {
        char name[1200];
        snprintf(name, sizeof(name), "%s/%s", path, parts[i].folder);
        st = open_part(p, (opened *)((char *)&c + parts[i].offset), parts[i].kind, name);
    }
    if (st == ZC_OK)
        st = chain_prompt(p, &c, 0);
    if (st == ZC_OK && has(p, "negative_text_ids"))
        st = chain_prompt(p, &c, 1);
    if (st == ZC_OK)
        st = chain_run(p, &c, noise, dim);
    for (int i = 0; i < ZC_LANES; i++) {
        zc_free(c.states[i]);
        zc_free(c.pooled[i]);
    }
    for (size_t i = 0; i < ZC_COUNT(parts); i++)
        close_part((opened *)((char *)&c + parts[i].offset));
    zc_free(noise);
    return st;
}

/* ---- The program ---- */

static zc_status write_stages(probe *p, const char *path)
{
    zc_log *log = &p->log;
    zc_status st = ZC_OK;
    zc_safetensors *out = NULL;
    zc_tensor_desc *tensors = zc_new_array(zc_tensor_desc, p->count + 1);

    ZC_CHECK(tensors, ZC_E_NOMEM, "out of memory");
    for (size_t i = 0; i < p->count; i++) {
        tensors[i] = (zc_tensor_desc){ .name = p->stages[i].name, .type = ZK_F32,
                                       .rank = p->stages[i].rank };
        memcpy(tensors[i].dim, p->stages[i].dim, sizeof(p->stages[i].dim));
    }
    ZC_TRY(zc_safetensors_create(&out, log, path, ZC_OUT_REPLACE, &(zc_safetensors_desc){
        .tensors = tensors, .count = p->count }));
    for (size_t i = 0; i < p->count; i++) {
        uint64_t bytes = sizeof(float);
        for (int k = 0; k < p->stages[i].rank; k++)
            bytes *= (uint64_t)p->stages[i].dim[k];
        ZC_TRY(zc_safetensors_write(out, log, i, p->stages[i].data, bytes));
    }
    ZC_TRY(zc_safetensors_commit(&out, log));
done:
    zc_safetensors_abort(&out);
    zc_free(tensors);
    return st;
}

static const struct { const char *name; zc_status (*run)(probe *p, const char *checkpoint); }
components[] = {
    { "hunyuan.dit", probe_dit },
    { "hunyuan.text", probe_text },
    { "hunyuan.clip", probe_clip },
    { "hunyuan.vae.decode", probe_decode },
    { "hunyuan.vae.encode", probe_encode },
    { "hunyuan.sample", probe_sample },
};

static void say(void *user, zc_level level, const char *text)
{
    (void)user;
    if (level <= ZC_LEVEL_WARNING)
        fprintf(stderr, "zoetrope-probe: %s\n", text);
}

int main(int argc, char **argv)
{
    probe p = { .status = ZC_OK };
    zc_status st = ZC_E_ARGUMENT;

    if (argc < 5) {
        fprintf(stderr, "usage: zoetrope-probe COMPONENT CHECKPOINT IN.safetensors "
                        "OUT.safetensors [key=value ...]\n");
        return 64;
    }
    for (int i = 5; i < argc; i++) {
        if (!set_key(argv[i]))
            return 64;
    }
    p.act = strcmp(get("precision"), "bf16") == 0 ? ZK_BF16 : ZK_F32;
    if (zc_log_init(&p.log, ZC_LEVEL_WARNING, say, NULL) != ZC_OK)
        return 71;
    st = zc_device_open(&p.dev, &(zc_device_desc){ .log = &p.log, .backend = get("backend"),
                                                   .modules = *get("modules") ? get("modules")
                                                                              : NULL,
                                                   .threads = get_int("threads") });
    if (st == ZC_OK)
        st = zc_container_open(&p.in, &p.log, argv[3]);
    if (st == ZC_OK) {
        st = ZC_E_ARGUMENT;
        for (size_t i = 0; i < ZC_COUNT(components); i++) {
            if (strcmp(components[i].name, argv[1]) == 0)
                st = components[i].run(&p, argv[2]);
        }
    }
    if (st == ZC_OK && p.status == ZC_OK)
        st = write_stages(&p, argv[4]);
    for (size_t i = 0; i < p.count; i++)
        zc_free(p.stages[i].data);
    zc_free(p.stages);
    zc_container_close(&p.in);
    zc_device_close(&p.dev);
    zc_log_fini(&p.log);
    if (st != ZC_OK || p.status != ZC_OK) {
        fprintf(stderr, "zoetrope-probe: %s: %s\n", argv[1],
                zc_status_name(st != ZC_OK ? st : p.status));
        return 65;
    }
    return 0;
}
