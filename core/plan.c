/* What a job would take, found by running its forwards without memory.
 *
 * Weights need not be there: what no checkpoint says is as in the released model,
 * and a prompt that cannot be tokenised counts as its longest. */

#include <inttypes.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/caching.h"
#include "core/engine.h"
#include "core/text/prompt.h"

#define TEXT_TOKENS 256           /* the most that are read of a prompt */
#define TEMPLATE_TOKENS 95
#define CLIP_TOKENS 77

typedef struct planning {
    zc_engine        *e;
    zc_log           *log;
    const zc_request *q;
    const zc_checkpoint *checkpoint;      /* NULL: nothing is at hand */
    zc_configs        configs;
    zk_dtype          act;
    uint64_t          budget;
    zc_plan          *plan;
} planning;

/* Binds a component; shapes and types are the file's where there is one. */
static zc_status bind(const planning *p, zc_loaded *l, enum zc_component_kind kind,
                      zc_weights_plan *weights)
{
    const zc_checkpoint_part *part = p->checkpoint ? p->checkpoint->part[kind] : NULL;
    const zc_loaded_desc desc = { .log = p->log, .be = p->e->dev->be,
                                  .queue = p->e->dev->queue, .act = p->act, .assume = ZK_BF16,
                                  .f8 = p->q->precision == ZC_PRECISION_F8,
                                  .budget = p->budget, .source = zc_checkpoint_source(part) };
    const zc_status st = zc_loaded_open(l, &desc, kind, &p->configs, weights);

    p->plan->weights[kind] = st == ZC_OK ? weights->bytes : 0;
    return st;
}

static zc_status plan_text(planning *p, const zc_phase *phase)
{
    zc_status st = ZC_OK;
    zc_loaded text = { 0 }, clip = { 0 };
    zc_weights_plan weights;
    zc_need need;
    int32_t ids[TEMPLATE_TOKENS + TEXT_TOKENS];
    zc_prompt tokens = { 0 };
    int count = (int)ZC_COUNT(ids);

    memset(ids, 0, sizeof(ids));
    p->plan->text_tokens = TEXT_TOKENS;
    if (p->checkpoint && p->checkpoint->text_tokens) {
        const zc_prompt_text prompt = { .text = p->q->prompt, .bytes = strlen(p->q->prompt) };
        ZC_TRY(zc_prompt_encode(&tokens, p->log,
                                zc_prompt_find(zc_template_of(p->q)),
                                p->checkpoint->text_tokens, &prompt));
        p->plan->text_tokens = (int)tokens.ids.count - tokens.crop;
        count = (int)tokens.ids.count < count ? (int)tokens.ids.count : count;
    }
    ZC_TRY(bind(p, &text, ZC_COMPONENT_TEXT, &weights));
    zc_encoding e = { .encoder = &zc_encoder_llama, .config = &p->configs.text, .part = &text,
                      .ids = ids, .count = count };
    ZC_TRY(zc_encode_need(phase, &e, &need));
    p->plan->flops_text = need.flops;
    p->plan->scratch_text = need.scratch;

    ZC_TRY(bind(p, &clip, ZC_COMPONENT_CLIP, &weights));
    e = (zc_encoding){ .encoder = &zc_encoder_clip, .config = &p->configs.clip, .part = &clip,
                       .ids = ids, .count = CLIP_TOKENS };
    if (e.count > p->configs.clip.positions)
        e.count = p->configs.clip.positions;
    ZC_TRY(zc_encode_need(phase, &e, &need));
    p->plan->flops_text += need.flops;
done:
    zc_prompt_fini(&tokens);
    zc_loaded_close(&text);
    zc_loaded_close(&clip);
    return st;
}

static zc_status plan_denoise(planning *p, const zc_phase *phase, const int32_t size[3])
{
    const zc_configs *c = &p->configs;
    zc_status st = ZC_OK;
    zc_loaded model = { 0 };
    zc_weights_plan weights;
    zc_schedule schedule;
    zc_caching caching = { .method = NULL };
    zc_need need;

    ZC_TRY(bind(p, &model, ZC_COMPONENT_MODEL, &weights));
    p->plan->resident = weights.resident + weights.slot + weights.staging;
    p->plan->every_step = weights.every_step;
    p->plan->once = weights.once;
    ZC_TRY(zc_schedule_flow(&schedule, p->log, p->q->steps, p->q->shift));
    zc_denoising d = { .model = &zc_model_hunyuan, .dims = c->dims, .text_cols = c->dims[HY_TEXT],
                       .pooled_cols = c->dims[HY_POOLED], .part = &model, .schedule = &schedule,
                       .sampler = zc_samplers[0], .cfg = p->q->cfg, .channels = c->dims[HY_IN] / 4,
                       .rope_theta = c->rope_theta,
                       .size = { size[0], size[1], size[2] } };
    memcpy(d.rope_axes, c->rope_axes, sizeof(d.rope_axes));
    ZC_TRY(zc_caching_open(&caching, p->log, p->q, &schedule, NULL));
    for (int i = 0; i < ZC_LANES; i++) {
        d.lane[i].rows = p->plan->text_tokens;
        d.cache[i] = caching.lane[i];
    }
    ZC_TRY(zc_denoise_need(phase, &d, &need));
    p->plan->flops_step = need.flops;
    p->plan->scratch_denoise = need.scratch;
    p->plan->cache = zc_caching_bytes(&caching, &zc_model_hunyuan, c->dims, p->plan->image_tokens);
done:
    zc_caching_close(&caching);
    zc_loaded_close(&model);
    return st;
}

static zc_status plan_decode(planning *p, const zc_phase *phase, const int32_t size[3])
{
    zc_status st = ZC_OK;
    zc_loaded vae = { 0 };
    zc_weights_plan weights;
    zc_need need;

    ZC_TRY(bind(p, &vae, ZC_COMPONENT_VAE, &weights));
    const zc_decoding d = {
        .decoder = { .vae = &zc_vae_causal3d, .config = &p->configs.vae,
                     .tiling = { p->q->vae_tile, p->q->vae_tile_stride, p->q->vae_tile_frames,
                                 p->q->vae_tile_frames_stride } },
        .part = &vae, .size = { size[0], size[1], size[2] },
    };
    ZC_TRY(zc_decode_need(phase, &d, &need));
    p->plan->flops_decode = need.flops;
    p->plan->scratch_decode = need.scratch;
done:
    zc_loaded_close(&vae);
    return st;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* With a limit on memory one component is there at a time, without one they stay. */
static uint64_t peak_of(const planning *p)
{
    const zc_plan *plan = p->plan;
    const uint64_t text = plan->weights[ZC_COMPONENT_TEXT] + plan->weights[ZC_COMPONENT_CLIP];
    const uint64_t vae = plan->weights[ZC_COMPONENT_VAE];

    if (!p->budget)
        return plan->frames_bytes + text + plan->resident + vae +
               most(plan->scratch_text, most(plan->scratch_denoise, plan->scratch_decode));
    return plan->frames_bytes +
           most(text < p->budget ? text + plan->scratch_text : p->budget + plan->scratch_text,
                most(plan->resident + plan->scratch_denoise, vae + plan->scratch_decode));
}

/* What weights may take on a device of that much memory beside the rest; in sixteenths, so
 * that jobs of nearly one size have the same answer, and share their weights. */
static uint64_t budget_for(const zc_plan *plan, uint64_t memory)
{
    const uint64_t part = memory / 16;
    const uint64_t rest = part + plan->frames_bytes +
                          most(plan->scratch_text, most(plan->scratch_denoise,
                                                        plan->scratch_decode));

    return rest + part < memory ? (memory - rest) / part * part : part;
}

static zc_status plan_all(planning *p, const zc_phase *phase, const int32_t size[3])
{
    zc_plan *plan = p->plan;
    zc_status st = ZC_OK;

    ZC_TRY(plan_text(p, phase));
    ZC_TRY(plan_denoise(p, phase, size));
    ZC_TRY(plan_decode(p, phase, size));
    plan->flops = plan->flops_text + plan->flops_step * p->q->steps + plan->flops_decode;
    plan->limit = p->budget;
    plan->peak = peak_of(p);
done:
    return st;
}

zc_status zc_plan_of(zc_engine *e, zc_log *log, const zc_request *q, zc_plan *plan)
{
    zc_status st = ZC_OK;
    zc_checkpoint *checkpoint = NULL;
    planning p = { .e = e, .log = log, .q = q, .plan = plan };

    p.act = q->precision == ZC_PRECISION_F32 ? ZK_F32 : ZK_BF16;
    p.budget = q->max_memory ? (uint64_t)q->max_memory : e->max_memory;
    *plan = (zc_plan){ .width = q->width, .height = q->height, .frames = q->frames,
                       .steps = q->steps };
    ZC_TRY(zc_request_check(q, log));
    zc_configs_released(&p.configs);
    if (*q->model || *q->transformer) {
        ZC_TRY(zc_checkpoint_open_partly(&checkpoint, log, q));
        p.checkpoint = checkpoint;
        p.configs = checkpoint->configs;
    }
    const zc_vae_config *v = &p.configs.vae;
    const int32_t size[3] = { (q->frames - 1) / v->time + 1, q->height / v->space,
                              q->width / v->space };
    zc_device dev = *e->dev;              /* with the caller's log in place of the worker's */
    const zc_phase phase = { .dev = &dev, .act = p.act };

    dev.log = log;
    plan->image_tokens = size[0] * (size[1] / 2) * (size[2] / 2);
    plan->frames_bytes = (uint64_t)q->frames * (uint64_t)q->width * (uint64_t)q->height * 3 *
                         sizeof(float);
    ZC_TRY(plan_all(&p, &phase, size));
    if (!p.budget && dev.memory && plan->peak > dev.memory - dev.memory / 16) {
        p.budget = budget_for(plan, dev.memory);
        ZC_TRY(plan_all(&p, &phase, size));
    }
done:
    zc_checkpoint_close(&checkpoint);
    return st;
}

zc_status zc_plan_make(zc_engine *e, const zc_request *q, zc_plan *plan)
{
    return zc_plan_of(e, zc_engine_log(e), q, plan);
}

/* ---- Telling it ---- */

static void bytes_line(zc_str *to, const char *what, uint64_t bytes)
{
    zc_str_add_format(to, "%-28s %12.3f GB  (%" PRIu64 " bytes)\n", what, (double)bytes * 1e-9,
                      bytes);
}

void zc_plan_words(const zc_plan *p, zc_str *to)
{
    zc_str_add_format(to, "%-28s %d x %d, %d frames, %d steps\n", "film", p->width, p->height,
                      p->frames, p->steps);
    zc_str_add_format(to, "%-28s %d of the image, %d of the text\n", "tokens", p->image_tokens,
                      p->text_tokens);
    zc_str_add_format(to, "%-28s %12.3f TFLOP\n", "work, prompt", p->flops_text * 1e-12);
    zc_str_add_format(to, "%-28s %12.3f TFLOP\n", "work, a step on average", p->flops_step * 1e-12);
    zc_str_add_format(to, "%-28s %12.3f PFLOP\n", "work, all steps",
                      p->flops_step * p->steps * 1e-15);
    zc_str_add_format(to, "%-28s %12.3f TFLOP\n", "work, decoding", p->flops_decode * 1e-12);
    zc_str_add_format(to, "%-28s %12.3f PFLOP\n", "work, in all", p->flops * 1e-15);
    for (int i = 0; i < ZC_COMPONENTS; i++) {
        zc_str what = { 0 };
        zc_str_add_format(&what, "weights, %s", zc_component_names[i]);
        bytes_line(to, zc_str_get(&what), p->weights[i]);
        zc_str_fini(&what);
    }
    bytes_line(to, "transformer, resident", p->resident);
    bytes_line(to, "transformer, read once", p->once);
    bytes_line(to, "transformer, read each step", p->every_step);
    bytes_line(to, "scratch, prompt", p->scratch_text);
    bytes_line(to, "scratch, steps", p->scratch_denoise);
    bytes_line(to, "scratch, decoding", p->scratch_decode);
    bytes_line(to, "of which cache", p->cache);
    bytes_line(to, "frames", p->frames_bytes);
    bytes_line(to, "memory at the peak", p->peak);
    if (p->limit)
        bytes_line(to, "limit of weights", p->limit);
}

static void number(zc_json_writer *w, const char *key, double value)
{
    zc_json_add_key(w, key);
    zc_json_add_f64(w, value);
}

static void count(zc_json_writer *w, const char *key, uint64_t value)
{
    zc_json_add_key(w, key);
    zc_json_add_u64(w, value);
}

void zc_plan_json(const zc_plan *p, zc_str *to)
{
    zc_json_writer w = { .to = to };

    zc_json_begin_object(&w);
    count(&w, "width", (uint64_t)p->width);
    count(&w, "height", (uint64_t)p->height);
    count(&w, "frames", (uint64_t)p->frames);
    count(&w, "steps", (uint64_t)p->steps);
    count(&w, "image_tokens", (uint64_t)p->image_tokens);
    count(&w, "text_tokens", (uint64_t)p->text_tokens);
    number(&w, "flops_text", p->flops_text);
    number(&w, "flops_step", p->flops_step);
    number(&w, "flops_steps", p->flops_step * p->steps);
    number(&w, "flops_decode", p->flops_decode);
    number(&w, "flops", p->flops);
    zc_json_add_key(&w, "weights");
    zc_json_begin_object(&w);
    for (int i = 0; i < ZC_COMPONENTS; i++)
        count(&w, zc_component_names[i], p->weights[i]);
    zc_json_end_object(&w);
    count(&w, "resident", p->resident);
    count(&w, "read_once", p->once);
    count(&w, "read_every_step", p->every_step);
    count(&w, "scratch_text", p->scratch_text);
    count(&w, "scratch_denoise", p->scratch_denoise);
    count(&w, "scratch_decode", p->scratch_decode);
    count(&w, "cache", p->cache);
    count(&w, "frames_bytes", p->frames_bytes);
    count(&w, "peak", p->peak);
    count(&w, "limit", p->limit);
    zc_json_end_object(&w);
}
