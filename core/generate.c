/* Prompt to conditioning, noise to latent, latent to frames. */

#include "core/base/alloc.h"
#include "core/generate.h"
#include "core/repeat.h"

static zc_work work_of(const zc_phase *p, zc_work_fn fn, void *user)
{
    return (zc_work){ .fn = fn, .user = user, .act = p->act, .cancel = p->cancel,
                      .watch = p->watch, .watch_user = p->watch_user };
}

static void tell(const zc_phase *p, const zc_run *r, int done, int total)
{
    if (p->progress && zc_run_is_real(r) && r->status == ZC_OK)
        p->progress(p->user, done, total);
}

typedef struct encode_work {
    const zc_encoding *e;
    float *states;
} encode_work;

int zc_encode_rows(const zc_encoding *e)
{
    const int rows = e->encoder->rows(e->config, e->ids, e->count) - e->first;

    return rows > 0 ? rows : 0;
}

static void encode(zc_run *r, void *user)
{
    const encode_work *w = user;
    const zc_encoding *e = w->e;
    const int rows = zc_encode_rows(e);
    const zk_tensor states = zc_tmp_type(r, ZK_F32, e->first + rows, e->config->hidden);

    e->encoder->run(r, e->part->bound, e->part->store, e->config, e->ids, states);
    if (zc_run_is_real(r))
        zc_download(r, w->states, zc_rows(states, e->first, e->first + rows));
}

zc_status zc_encode(const zc_phase *phase, const zc_encoding *e, float *states)
{
    encode_work w = { .e = e, .states = states };
    const zc_work work = work_of(phase, encode, &w);

    return zc_device_run(phase->dev, &work);
}

zc_status zc_encode_need(const zc_phase *phase, const zc_encoding *e, zc_need *need)
{
    encode_work w = { .e = e };
    const zc_work work = work_of(phase, encode, &w);

    return zc_device_measure(phase->dev, &work, need);
}

float zc_guidance_bf16(float guidance)
{
    const float rounded = zk_f32_from_bf16(zk_bf16_from_f32(guidance));

    return zk_f32_from_bf16(zk_bf16_from_f32(rounded * 1000.0f));
}

typedef struct denoise_work {
    const zc_phase *phase;
    const zc_denoising *d;
    float *latent;
    double before;                /* flops until the first step */
} denoise_work;

/* [C, T, h, w] on the host to patches [tokens, C * 4], and back. */
static zk_tensor patches_from(zc_run *r, const zc_denoising *d, const float *latent)
{
    const int32_t dim[4] = { d->channels, d->size[0], d->size[1], d->size[2] };
    const zk_tensor x = zc_tmp4_type(r, ZK_F32, dim);

    if (zc_run_is_real(r))
        zc_upload(r, x, latent);
    return zc_patch(r, zc_permute(r, x, (const int[4]){ 1, 2, 3, 0 }), 2);
}

static zk_tensor planes_of(zc_run *r, const zc_denoising *d, zk_tensor patches)
{
    const int32_t grid[3] = { d->size[0], d->size[1] / 2, d->size[2] / 2 };

    return zc_permute(r, zc_unpatch(r, patches, grid, 2), (const int[4]){ 3, 0, 1, 2 });
}

static void condition(zc_run *r, const zc_denoising *d, zc_dit *dit, int lane)
{
    const zc_lane *l = &d->lane[lane];
    zk_tensor text = zc_tmp_type(r, ZK_F32, l->rows, d->text_cols);
    zk_tensor pooled = zc_tmp_type(r, ZK_F32, 1, d->pooled_cols);

    if (zc_run_is_real(r)) {
        zc_upload(r, text, l->text);
        zc_upload(r, pooled, l->pooled);
    }
    dit->cond[lane] = (zc_condition){ .text = text, .pooled = pooled, .guidance = d->guidance };
}

zc_stage zc_stage_of(zc_tap tap)
{
    static const zc_stage stages[] = { [ZC_TAP_TRUNK] = ZC_AT_TRUNK, [ZC_TAP_NORM] = ZC_AT_NORM,
                                       [ZC_TAP_OUTPUT] = ZC_AT_OUTPUT };

    return stages[tap];
}

/* What a caching method asks for, in f32. */
static zk_tensor cache_input(zc_run *r, zc_dit *dit, const zc_step *step, int lane,
                             zc_cache_input what, zk_tensor latent)
{
    const int D = dit->model->cols(dit->dims, ZC_AT_EMBED);

    if (what == ZC_CACHE_NOTHING)
        return (zk_tensor){ .type = ZK_NONE };
    if (what == ZC_CACHE_LATENT)
        return latent;
    const zk_tensor embed = zc_tmp_type(r, ZK_F32, zk_rows(latent), D);
    dit->model->stages(r, dit, step, lane, ZC_AT_INPUT, ZC_AT_EMBED, latent, embed);
    if (what == ZC_CACHE_EMBED)
        return embed;
    const zk_tensor modulated = zc_like(r, embed);
    dit->model->modulated(r, dit, step, lane, embed, modulated);
    return modulated;
}

/* A step that is computed, from the latent to a stage. */
typedef struct whole {
    zc_dit        *dit;
    const zc_step *step;
    int            lane;
    zc_stage       to;
    zk_tensor      latent, out;
} whole;

static void compute(zc_run *r, void *user)
{
    const whole *w = user;

    w->dit->model->stages(r, w->dit, w->step, w->lane, ZC_AT_INPUT, w->to, w->latent, w->out);
}

/* The same, noted where the backend can: with the result in one place before it goes to its
 * own. Features inside the model are too large to be there twice. */
static void compute_to(zc_run *r, zc_dit *dit, zc_repeat *repeat, const zc_step *step, int lane,
                       zc_stage to, const zk_tensor io[2])
{
    const size_t mark = zc_arena_mark(r->scratch);
    const bool once = to != ZC_AT_OUTPUT || !zk_present(dit->now[lane]) ||
                      (dit->store && zc_weights_streams(dit->store));
    whole w = { .dit = dit, .step = step, .lane = lane, .to = to, .latent = io[0] };

    if (once) {
        w.out = io[1];
        compute(r, &w);
        return;
    }
    w.out = zc_like(r, io[1]);
    zc_repeat_run(repeat, r, lane, (const zk_tensor[2]){ w.latent, w.out }, compute, &w);
    zc_copy_to(r, io[1], w.out);
    zc_arena_release(r->scratch, mark);
}

/* The velocity of a lane: computed, or from a feature that is predicted. */
static void lane_velocity(zc_run *r, zc_dit *dit, const zc_denoising *d, zc_repeat *repeat,
                          const zc_step *step, int lane, const zk_tensor io[2])
{
    const zk_tensor latent = io[0], velocity = io[1];
    const zc_model *model = dit->model;
    zc_cache *cache = d->cache[lane];

    if (!cache) {
        compute_to(r, dit, repeat, step, lane, ZC_AT_OUTPUT, io);
        return;
    }
    const zc_stage tap = zc_stage_of(zc_cache_tap(cache));
    const zc_cache_inputs in = {
        .base = cache_input(r, dit, step, lane, zc_cache_base(cache), latent),
        .probe = cache_input(r, dit, step, lane, zc_cache_probe(cache), latent),
    };
    if (zc_cache_computes(cache, r, step, &in))
        compute_to(r, dit, repeat, step, lane, tap,
                   (const zk_tensor[2]){ latent, zc_cache_slot(cache) });
    else
        zc_cache_predict(cache, r, step, &in);
    zc_cache_commit(cache, r, step, &in);
    const zk_tensor feature = zc_cache_feature(cache);
    if (d->feature)
        d->feature(d->feature_user, r, step, lane, feature);
    if (tap == ZC_AT_OUTPUT)
        zc_copy_to(r, velocity, feature);
    else
        model->stages(r, dit, step, lane, tap, ZC_AT_OUTPUT, feature, velocity);
}

static void denoise(zc_run *r, void *user)
{
    denoise_work *w = user;
    const zc_denoising *d = w->d;
    /* Without a cache one step tells what all take. */
    const int steps = zc_run_is_real(r) || d->cache[0] ? d->schedule->steps : 1;
    const int lanes = d->cfg != 1.0f ? 2 : 1;
    zc_dit dit = { .model = d->model, .weights = d->part->bound, .store = d->part->store,
                   .dims = d->dims, .rope_axes = d->rope_axes, .rope_theta = d->rope_theta,
                   .grid = { d->size[0], d->size[1] / 2, d->size[2] / 2 } };
    const zk_tensor latent = patches_from(r, d, w->latent);
    zk_tensor velocity[ZC_LANES];
    zc_repeat repeat[ZC_LANES] = { { .times = 0 } };

    for (int i = 0; i < lanes; i++) {
        condition(r, d, &dit, i);
        velocity[i] = zc_like(r, latent);
        if (d->cache[i])
            zc_cache_start(d->cache[i], r, zk_rows(latent),
                           d->model->cols(d->dims, zc_stage_of(zc_cache_tap(d->cache[i]))), ZK_F32);
    }
    d->model->prepare(r, &dit);
    d->model->modulate(r, &dit, d->schedule);
    w->before = r->flops;

    const bool keeps = d->keeping && zc_run_is_real(r);
    const int done = keeps ? zc_keeping_resume(d->keeping, r, latent, d->cache, steps) : 0;
    for (int i = done; i < steps && r->status == ZC_OK; i++) {
        const zc_step step = zc_schedule_at(d->schedule, i);
        const size_t mark = zc_arena_mark(r->scratch);

        for (int lane = 0; lane < lanes; lane++) {
            if (zk_present(dit.now[lane]))
                zc_copy_to(r, dit.now[lane], zc_rows(dit.modulation[lane], i, i + 1));
            lane_velocity(r, &dit, d, &repeat[lane], &step, lane,
                          (const zk_tensor[2]){ latent, velocity[lane] });
        }
        if (lanes == 2)
            zc_guide_to(r, velocity[0], velocity[0], velocity[1], d->cfg, ZC_GUIDE_PLAIN);
        zc_sampler_advance(r, d->sampler, d->schedule, i, latent, velocity[0]);
        if (r->watch || !zc_run_is_real(r))
            zc_run_show(r, planes_of(r, d, latent), "latent.%d", i);
        zc_arena_release(r->scratch, mark);
        tell(w->phase, r, i + 1, steps);
        if (keeps && i + 1 < steps)
            zc_keeping_step(d->keeping, r, latent, d->cache, i + 1);
    }
    const zk_tensor planes = planes_of(r, d, latent);
    if (zc_run_is_real(r))
        zc_download(r, w->latent, planes);
    if (d->flops)
        *d->flops = r->flops;
}

zc_status zc_denoise(const zc_phase *phase, const zc_denoising *d, float *latent)
{
    denoise_work w = { .phase = phase, .d = d, .latent = latent };
    const zc_work work = work_of(phase, denoise, &w);

    return zc_device_run(phase->dev, &work);
}

zc_status zc_denoise_need(const zc_phase *phase, const zc_denoising *d, zc_need *need)
{
    denoise_work w = { .phase = phase, .d = d };
    const zc_work work = work_of(phase, denoise, &w);
    const zc_status st = zc_device_measure(phase->dev, &work, need);

    if (st == ZC_OK)
        need->flops = (need->flops - w.before) / (d->cache[0] ? d->schedule->steps : 1) +
                      w.before / d->schedule->steps;
    return st;
}

typedef struct decode_work {
    const zc_decoding *d;
    const float *from;            /* a latent, or a video */
    zc_frame_fn frame;
    void *user;
    float *frame_memory, *moments;
} decode_work;

void zc_decode_size(const zc_decoding *d, int32_t video[3])
{
    const zc_vae_config *c = d->decoder.config;

    video[0] = (d->size[0] - 1) * c->time + 1;
    video[1] = d->size[1] * c->space;
    video[2] = d->size[2] * c->space;
}

static zc_decoder decoder_with(const zc_decoding *d)
{
    zc_decoder decoder = d->decoder;

    decoder.weights = d->part->bound;
    decoder.store = d->part->store;
    return decoder;
}

static void decode(zc_run *r, void *user)
{
    const decode_work *w = user;
    const zc_decoding *d = w->d;
    const zc_decoder decoder = decoder_with(d);
    int32_t size[3];

    zc_decode_size(d, size);
    const zk_tensor video = zc_tmp4_type(r, ZK_F32,
                                         (const int32_t[4]){ size[0], size[1], size[2], 3 });
    const zk_tensor planes = zc_tmp4_type(r, ZK_F32,
        (const int32_t[4]){ decoder.config->latent, d->size[0], d->size[1], d->size[2] });
    if (zc_run_is_real(r))
        zc_upload(r, planes, w->from);
    const zk_tensor latent = zc_permute(r, planes, (const int[4]){ 1, 2, 3, 0 });
    decoder.vae->decode(r, &decoder, latent, video);
    zc_run_show(r, video, "video");
    for (int i = 0; i < size[0]; i++) {
        if (zc_run_is_real(r)) {
            zc_download(r, w->frame_memory, zc_frames(video, i, i + 1));
            if (r->status == ZC_OK)
                w->frame(w->user, i, w->frame_memory);
        }
    }
}

zc_status zc_decode(const zc_phase *phase, const zc_decoding *d, const float *latent,
                    zc_frame_fn frame, void *user)
{
    zc_log *log = phase->dev->log;
    zc_status st = ZC_OK;
    decode_work w = { .d = d, .from = latent, .frame = frame, .user = user };
    int32_t size[3];

    zc_decode_size(d, size);
    w.frame_memory = zc_alloc_zeroed((size_t)size[1] * (size_t)size[2], 3 * sizeof(float));
    ZC_CHECK(w.frame_memory, ZC_E_NOMEM, "out of memory for a frame of %d by %d", size[2],
             size[1]);
    const zc_work work = work_of(phase, decode, &w);
    ZC_TRY(zc_device_run(phase->dev, &work));
done:
    zc_free(w.frame_memory);
    return st;
}

zc_status zc_decode_need(const zc_phase *phase, const zc_decoding *d, zc_need *need)
{
    decode_work w = { .d = d };
    const zc_work work = work_of(phase, decode, &w);

    return zc_device_measure(phase->dev, &work, need);
}

static void encode_video(zc_run *r, void *user)
{
    const decode_work *w = user;
    const zc_decoding *d = w->d;
    const zc_decoder decoder = decoder_with(d);
    int32_t size[3];

    zc_decode_size(d, size);
    const zk_tensor video = zc_tmp4_type(r, ZK_F32,
                                         (const int32_t[4]){ size[0], size[1], size[2], 3 });
    const zk_tensor moments = zc_tmp4_type(r, ZK_F32,
        (const int32_t[4]){ d->size[0], d->size[1], d->size[2], 2 * decoder.config->latent });
    if (zc_run_is_real(r))
        zc_upload(r, video, w->from);
    decoder.vae->encode(r, &decoder, video, moments);
    const zk_tensor planes = zc_permute(r, moments, (const int[4]){ 3, 0, 1, 2 });
    if (zc_run_is_real(r))
        zc_download(r, w->moments, planes);
}

zc_status zc_moments(const zc_phase *phase, const zc_decoding *d, const float *video,
                     float *moments)
{
    decode_work w = { .d = d, .from = video, .moments = moments };
    const zc_work work = work_of(phase, encode_video, &w);

    return zc_device_run(phase->dev, &work);
}
