/* The table of caching methods, and the features that they all work on.
 *
 * A ring of depth + 1 tensors: the newest `past.count` are remembered, and one is
 * free for the step that is being made. Where the model can't write into the ring
 * (residuals, another element type) it writes into `stage`, and commit stores
 * that. 8-bit features are stored divided by a scale, so that their mean size is
 * in the middle of the type's range. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/cache/cache.h"
#include "core/cache/steps.h"

#define F8_MEAN 8.0f          /* largest 448, least 2^-9 */

extern const zc_cache_method zc_cache_none, zc_cache_lesa, zc_cache_taylorseer, zc_cache_fora,
    zc_cache_teacache, zc_cache_hicache, zc_cache_magcache, zc_cache_easycache, zc_cache_l2p;

const zc_cache_method *const zc_cache_methods[] = {
    &zc_cache_none,
    &zc_cache_lesa,
    &zc_cache_taylorseer,
    &zc_cache_fora,
    &zc_cache_teacache,
    &zc_cache_hicache,
    &zc_cache_magcache,
    &zc_cache_easycache,
    &zc_cache_l2p,
    NULL
};

const char *const zc_cache_taps[] = { "default", "trunk", "norm", "output", NULL };
const char *const zc_cache_types[] = { "auto", "f32", "bf16", "f16", "f8_e4m3", NULL };

static const zk_dtype types[] = { ZK_NONE, ZK_F32, ZK_BF16, ZK_F16, ZK_F8_E4M3 };

struct zc_cache {
    const zc_cache_method *method;
    void               *state;        /* the method's; its options first */
    const zc_schedule  *schedule;
    zc_cache           *lead;
    zc_tap              tap;
    int                 depth, lane;
    enum zc_cache_keeps keeps;
    bool                listed;       /* `full` is the user's, and the method isn't asked */
    uint8_t             full[ZC_STEPS_MAX];

    /* Tensors, from start to the end of the run. */
    zk_tensor ring[ZC_CACHE_DEPTH + 1];
    float     scale[ZC_CACHE_DEPTH + 1];
    zk_tensor stage;              /* absent: the model writes into the ring */
    zk_tensor forecast;           /* absent: errors are not measured */
    zk_tensor last_probe;         /* of the step before */
    zk_tensor full_base;          /* of the last computed step */

    /* Where the run is. */
    zc_cache_past  past;
    int            newest;        /* slot of past.step[0] */
    bool           computing;     /* this step */
    bool           inserted;
    int            run, limit;    /* predictions in a row, and how many there may be */
    int            tried;         /* predictions in a row before the error was measured */
    float          error;         /* largest of all lanes since the last decision; below 0: none */
    float          gain;
    float          drift;
    int            steps;         /* committed */
    zc_cache_trace trace[ZC_STEPS_MAX];
};

const char *zc_tap_name(zc_tap tap)
{
    return zc_cache_taps[1 + (int)tap];
}

zc_tap zc_tap_find(const char *name)
{
    for (int i = 0; i < ZC_TAP_COUNT; i++) {
        if (zc_str_equal(zc_tap_name((zc_tap)i), name))
            return (zc_tap)i;
    }
    return ZC_TAP_COUNT;
}

const zc_cache_method *zc_cache_method_find(const char *name)
{
    for (int i = 0; zc_cache_methods[i]; i++) {
        if (zc_str_equal(zc_cache_methods[i]->name, name))
            return zc_cache_methods[i];
    }
    return NULL;
}

const char *zc_cache_predictor_path(const zc_cache_method *m, const void *options)
{
    const zc_opt *o = zc_opt_find(m->opts, "predictor");

    return o ? (const char *)options + o->offset : NULL;
}

static const zc_cache_common *common_of(const zc_cache *c)
{
    return c->state;
}

/* ---- Opening ---- */

/* The option, what the method works on, what the predictor was trained on, the model's. */
static zc_status choose_tap(zc_cache *c, const zc_cache_desc *d)
{
    zc_log *log = d->log;
    zc_status st = ZC_OK;
    const int32_t asked = common_of(c)->tap;
    const zc_cache_input base = c->method->base;

    c->tap = d->tap;
    if (d->predictor && c->method->predictor)
        c->tap = d->predictor->tap;
    if (base != ZC_CACHE_NOTHING)
        c->tap = base == ZC_CACHE_LATENT ? ZC_TAP_OUTPUT : ZC_TAP_TRUNK;
    if (asked > 0 && base != ZC_CACHE_NOTHING)
        ZC_CHECK(asked - 1 == (int)c->tap, ZC_E_ARGUMENT, "cache.tap = %s, but %s works on %s",
                 zc_tap_name((zc_tap)(asked - 1)), c->method->name, zc_tap_name(c->tap));
    if (asked > 0)
        c->tap = (zc_tap)(asked - 1);
done:
    return st;
}

static zc_status open_method(zc_cache *c, const zc_cache_desc *d)
{
    zc_log *log = d->log;
    zc_status st = ZC_OK;
    const zc_predictor_use use = { .method = c->method->name, .model = d->model,
                                   .schedule = d->schedule, .tap = c->tap, .lanes = d->lanes };
    const zc_cache_env env = { .log = log, .schedule = d->schedule, .predictor = d->predictor,
                               .family = d->family, .lane = d->lane };

    if (c->method->predictor) {
        ZC_CHECK(d->predictor, ZC_E_MISSING, "cache = %s needs cache.predictor, a file that "
                 "training made", c->method->name);
        ZC_TRY(zc_predictor_check(d->predictor, log, &use));
    }
    ZC_TRY(c->method->open(c->state, &env, &c->depth));
    c->keeps = d->predictor && c->method->predictor && d->predictor->computed ? ZC_KEEPS_FULL
                                                                              : c->method->keeps;
    c->listed = common_of(c)->full[0] != '\0';
    if (c->listed)
        ZC_TRY(zc_steps_parse(c->full, d->schedule->steps, log, common_of(c)->full));
done:
    return st;
}

zc_status zc_cache_open(zc_cache **out, const zc_cache_desc *d)
{
    zc_log *log = d->log;
    zc_status st = ZC_OK;
    zc_cache *c = zc_new(zc_cache);

    *out = NULL;
    ZC_CHECK(c, ZC_E_NOMEM, "cache: out of memory");
    c->method = d->method;
    c->schedule = d->schedule;
    c->lead = d->lead;
    c->lane = d->lane;
    c->state = zc_alloc_zeroed(1, c->method->state_size);
    ZC_CHECK(c->state, ZC_E_NOMEM, "cache: out of memory");
    zc_opt_defaults(c->method->opts, c->state);
    if (d->options)
        memcpy(c->state, d->options, c->method->options_size);
    ZC_TRY(choose_tap(c, d));
    ZC_TRY(open_method(c, d));
    *out = c;
    c = NULL;
done:
    zc_cache_close(&c);
    return st;
}

void zc_cache_close(zc_cache **out)
{
    zc_cache *c = *out;

    if (!c)
        return;
    zc_free(c->state);
    zc_free(c);
    *out = NULL;
}

zc_tap zc_cache_tap(const zc_cache *c)
{
    return c->tap;
}

zc_cache_input zc_cache_base(const zc_cache *c)
{
    return c->method->base;
}

zc_cache_input zc_cache_probe(const zc_cache *c)
{
    return c->lead || c->listed ? ZC_CACHE_NOTHING : c->method->probe;
}

/* ---- Memory ---- */

/* Which tensors there are, and of what type. */
struct layout {
    zk_dtype ring, stage, other;      /* ZK_NONE: there is none */
    int      forecasts, probes, bases;
};

static struct layout layout_of(const zc_cache *c, zk_dtype type)
{
    const zc_cache_common *o = common_of(c);
    const bool probes = zc_cache_probe(c) != ZC_CACHE_NOTHING;
    struct layout l = { .ring = types[o->type], .other = ZK_F32 };

    if (l.ring == ZK_NONE)
        l.ring = c->tap == ZC_TAP_OUTPUT ? ZK_F32 : ZK_BF16;
    if (c->depth + 1 > ZK_MIX_MAX)
        l.stage = ZK_F32;         /* sums are continued there */
    else if (l.ring != type || c->method->base != ZC_CACHE_NOTHING)
        l.stage = type;
    l.forecasts = o->max_error > 0;
    l.probes = probes;
    l.bases = probes && c->method->sees == ZC_SEES_TRAVEL;
    return l;
}

static uint64_t bytes_of(int rows, int cols, zk_dtype type)
{
    uint64_t bytes = 0;

    if (type == ZK_NONE || !zk_dtype_size(type, (uint64_t)rows * (uint64_t)cols, &bytes))
        return 0;
    return (bytes + ZC_ARENA_ALIGN - 1) / ZC_ARENA_ALIGN * ZC_ARENA_ALIGN;
}

uint64_t zc_cache_bytes(const zc_cache *c, int rows, int cols, zk_dtype type)
{
    const struct layout l = layout_of(c, type);
    const int others = l.forecasts + l.probes + l.bases;

    return ((uint64_t)c->depth + 1) * bytes_of(rows, cols, l.ring) +
        bytes_of(rows, cols, l.stage) + (uint64_t)others * bytes_of(rows, cols, l.other);
}

static zk_tensor take(zc_run *r, bool wanted, zk_dtype type, int rows, int cols)
{
    const zk_tensor none = { .type = ZK_NONE };

    return wanted ? zc_tmp_type(r, type, rows, cols) : none;
}

void zc_cache_start(zc_cache *c, zc_run *r, int rows, int cols, zk_dtype type)
{
    const struct layout l = layout_of(c, type);

    for (int i = 0; i <= c->depth; i++) {
        c->ring[i] = zc_tmp_type(r, l.ring, rows, cols);
        c->scale[i] = 1;
    }
    c->stage = take(r, l.stage != ZK_NONE, l.stage, rows, cols);
    c->forecast = take(r, l.forecasts > 0, l.other, rows, cols);
    c->last_probe = take(r, l.probes > 0, l.other, rows, cols);
    c->full_base = take(r, l.bases > 0, l.other, rows, cols);
    c->past.count = 0;
    c->newest = 0;
    c->run = c->tried = 0;
    c->limit = c->schedule->steps;
    c->error = -1;
    c->gain = c->drift = 0;
    c->steps = 0;
}

/* Slot of the feature `back` places before the newest; -1 is the free one. */
static int slot_at(const zc_cache *c, int back)
{
    return (c->newest + c->depth + 1 - back) % (c->depth + 1);
}

static zk_tensor free_slot(const zc_cache *c)
{
    return c->ring[slot_at(c, -1)];
}

zk_tensor zc_cache_slot(const zc_cache *c)
{
    return zk_present(c->stage) ? c->stage : free_slot(c);
}

/* ---- Deciding ---- */

/* What the row asks for. Nothing can be told before two steps are known. */
static zc_cache_seen look(zc_cache *c, zc_run *r, const zc_cache_inputs *in)
{
    zc_cache_seen seen = { 0 };
    const size_t mark = zc_arena_mark(r->scratch);

    if (!zk_present(c->last_probe) || c->past.count == 0)
        return seen;
    if (c->method->sees == ZC_SEES_DRIFT) {
        seen.drift = zc_drift(r, in->probe, c->last_probe);
    } else if (c->method->sees == ZC_SEES_TRAVEL) {
        /* The last output is the remembered residual and the input it was added to; with the
         * present input in its place, the difference is how far the input went. */
        const zk_tensor kept = c->ring[c->newest], moved = zc_like(r, in->probe),
                        last = zc_like(r, in->probe);

        zc_mix_to(r, moved, (zc_term[]){ { kept, c->scale[c->newest] }, { in->probe, 1 } }, 2, 0);
        zc_mix_to(r, last, (zc_term[]){ { kept, c->scale[c->newest] }, { c->last_probe, 1 } }, 2,
                  0);
        seen.travel = zc_drift(r, moved, last);
        seen.gain = c->gain;
    }
    zc_arena_release(r->scratch, mark);
    c->drift = seen.drift;
    return seen;
}

/* Turns the last measured error into how many predictions may follow each other. */
static void spend(zc_cache *c)
{
    const float most = common_of(c)->max_error;

    if (c->error < 0)
        return;
    if (c->error > most)
        c->limit = c->tried / 2;
    else if (c->error < most / 2)
        c->limit = c->limit < c->schedule->steps ? 2 * c->limit + 1 : c->limit;
    c->error = -1;
}

static int coefficients(const zc_cache *c, const zc_step *step, float *coef, float *bias)
{
    *bias = 0;
    return c->past.count == 0 ? 0 : c->method->mix(c->state, step, &c->past, coef, bias);
}

bool zc_cache_computes(zc_cache *c, zc_run *r, const zc_step *step, const zc_cache_inputs *in)
{
    float coef[ZC_CACHE_DEPTH], bias;

    c->inserted = false;
    c->drift = 0;
    if (c->lead) {
        c->computing = c->lead->computing;
        c->inserted = c->lead->inserted;
    } else {
        const zc_cache_seen seen = look(c, r, in);

        c->computing = c->listed ? c->full[step->index] != 0
                                 : c->method->computes(c->state, step, &seen);
        spend(c);
        if (!c->computing && (c->run >= c->limit || !coefficients(c, step, coef, &bias)))
            c->computing = c->inserted = true;
    }
    if (c->computing && c->method->computed)
        c->method->computed(c->state, step);
    return c->computing;
}

/* ---- Predicting ---- */

/* The present step's base; absent if features are remembered whole. */
static zk_tensor base_of(const zc_cache *c, const zc_cache_inputs *in)
{
    const zk_tensor none = { .type = ZK_NONE };

    return c->method->base == ZC_CACHE_NOTHING ? none : in->base;
}

/* dst = the method's prediction, from at most ZK_MIX_MAX sources at once. False if it has none. */
static bool mix_past(zc_cache *c, zc_run *r, const zc_step *step, const zc_cache_inputs *in,
                     zk_tensor dst)
{
    float coef[ZC_CACHE_DEPTH], bias;
    const int count = coefficients(c, step, coef, &bias);
    const zk_tensor base = base_of(c, in);
    zc_term terms[ZK_MIX_MAX];
    int n = 0;

    if (count == 0)
        return false;
    if (zk_present(base))
        terms[n++] = (zc_term){ base, 1 };
    for (int k = 0; k < count; k++) {
        const int slot = slot_at(c, k);

        if (n == ZK_MIX_MAX) {
            zc_mix_to(r, dst, terms, n, bias);
            bias = 0;
            terms[0] = (zc_term){ dst, 1 };
            n = 1;
        }
        terms[n++] = (zc_term){ c->ring[slot], coef[k] * c->scale[slot] };
    }
    zc_mix_to(r, dst, terms, n, bias);
    return true;
}

void zc_cache_predict(zc_cache *c, zc_run *r, const zc_step *step, const zc_cache_inputs *in)
{
    if (!mix_past(c, r, step, in, zc_cache_slot(c)))
        zc_run_fail(r, ZC_E_ARGUMENT, "cache: %s can't predict step %d from %d features",
                    c->method->name, step->index, c->past.count);
}

/* ---- Remembering ---- */

/* How far the last forecast was from the truth in the slot. */
static float measure_error(zc_cache *c, zc_run *r, const zc_step *step, const zc_cache_inputs *in)
{
    if (!zk_present(c->forecast) || !c->computing || !mix_past(c, r, step, in, c->forecast))
        return -1;
    return zc_drift(r, c->forecast, zc_cache_slot(c));
}

/* mean |h - h"| / mean |x - x"|: b = x - x", a = b + h - h". */
static float measure_gain(zc_cache *c, zc_run *r, const zc_cache_inputs *in)
{
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor a = zc_like(r, in->base), b = zc_like(r, in->base);
    float gain;

    /* h" is what is remembered and x"; so x" goes out twice. */
    zc_mix_to(r, a, (zc_term[]){ { in->base, 1 }, { c->full_base, -2 }, { zc_cache_slot(c), 1 },
                                 { c->ring[c->newest], -c->scale[c->newest] } }, 4, 0);
    zc_mix_to(r, b, (zc_term[]){ { in->base, 1 }, { c->full_base, -1 } }, 2, 0);
    gain = zc_drift(r, a, b);
    zc_arena_release(r->scratch, mark);
    return isfinite(gain) ? gain : 0;
}

/* What to divide by before storing in 8 bits: mean |x| / F8_MEAN. */
static float measure_scale(zc_run *r, const zc_term *terms, int count)
{
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor one = zc_like(r, terms[0].src), sum = zc_like(r, terms[0].src);
    zc_term with_one[3] = { { one, 1 } };
    float mean;

    zc_mix_to(r, one, &(zc_term){ terms[0].src, 0 }, 1, 1);
    memcpy(with_one + 1, terms, (size_t)count * sizeof(*terms));
    zc_mix_to(r, sum, with_one, count + 1, 0);
    mean = zc_drift(r, sum, one);
    zc_arena_release(r->scratch, mark);
    return mean > 0 && isfinite(mean) ? mean / F8_MEAN : 1;
}

/* Stores the step's feature, or what it added to the base, in the free slot. */
static void remember(zc_cache *c, zc_run *r, const zc_step *step, const zc_cache_inputs *in)
{
    const int slot = slot_at(c, -1), last = c->past.count < c->depth ? c->past.count
                                                                     : c->depth - 1;

    if (zk_present(c->stage)) {
        zc_term terms[2] = { { c->stage, 1 }, { base_of(c, in), -1 } };
        const int count = zk_present(terms[1].src) ? 2 : 1;

        c->scale[slot] = c->ring[slot].type == ZK_F8_E4M3 ? measure_scale(r, terms, count) : 1;
        terms[0].coef = 1 / c->scale[slot];
        terms[1].coef = -terms[0].coef;
        zc_mix_to(r, c->ring[slot], terms, count, 0);
    }
    memmove(c->past.step + 1, c->past.step, (size_t)last * sizeof(c->past.step[0]));
    c->past.step[0] = step->index;
    c->past.count = last + 1;
    c->newest = slot;
}

void zc_cache_commit(zc_cache *c, zc_run *r, const zc_step *step, const zc_cache_inputs *in)
{
    zc_cache *owner = c->lead ? c->lead : c;
    zc_cache_trace *t = &c->trace[step->index];

    *t = (zc_cache_trace){
        .kind = c->inserted ? ZC_CACHE_INSERTED : c->computing ? ZC_CACHE_COMPUTED
                                                               : ZC_CACHE_PREDICTED,
        .error = measure_error(c, r, step, in),
        .drift = c->drift,
    };
    if (t->error >= 0) {
        owner->error = fmaxf(owner->error, t->error);
        if (!c->lead)
            c->tried = c->run;
    }
    if (c->computing && zk_present(c->full_base)) {
        c->gain = c->past.count > 0 ? measure_gain(c, r, in) : 0;
        zc_copy_to(r, c->full_base, in->base);
    }
    if (c->computing || c->keeps == ZC_KEEPS_ALL)
        remember(c, r, step, in);
    if (zk_present(c->last_probe))
        zc_copy_to(r, c->last_probe, in->probe);
    c->run = c->computing ? 0 : c->run + 1;
    c->steps = step->index + 1;
}

zk_tensor zc_cache_feature(const zc_cache *c)
{
    if (zk_present(c->stage))
        return c->stage;
    return c->computing || c->keeps == ZC_KEEPS_ALL ? c->ring[c->newest] : free_slot(c);
}

/* ---- Going on in another process ---- */

int zc_cache_tensors(const zc_cache *c, zk_tensor to[ZC_CACHE_TENSORS])
{
    const zk_tensor others[] = { c->last_probe, c->full_base };
    int count = 0;

    for (int i = 0; i <= c->depth; i++)
        to[count++] = c->ring[i];
    for (size_t i = 0; i < ZC_COUNT(others); i++) {
        if (zk_present(others[i]))
            to[count++] = others[i];
    }
    return count;
}

/* The members of zc_cache from `past` on, the scales, and the method's part. */
#define WHERE_BYTES (sizeof(zc_cache) - offsetof(zc_cache, past))

static size_t method_bytes(const zc_cache *c)
{
    return c->method->running ? c->method->state_size - c->method->running : 0;
}

size_t zc_cache_state_bytes(const zc_cache *c)
{
    return WHERE_BYTES + sizeof(c->scale) + method_bytes(c);
}

void zc_cache_state_get(const zc_cache *c, void *bytes)
{
    uint8_t *to = bytes;

    memcpy(to, &c->past, WHERE_BYTES);
    memcpy(to + WHERE_BYTES, c->scale, sizeof(c->scale));
    memcpy(to + WHERE_BYTES + sizeof(c->scale), (const uint8_t *)c->state + c->method->running,
           method_bytes(c));
}

bool zc_cache_state_set(zc_cache *c, const void *bytes, int steps)
{
    const uint8_t *from = bytes;
    zc_cache then = *c;

    memcpy(&then.past, from, WHERE_BYTES);
    if (then.steps != steps || then.past.count < 0 || then.past.count > c->depth ||
        then.newest < 0 || then.newest > c->depth)
        return false;
    memcpy(&c->past, from, WHERE_BYTES);
    memcpy(c->scale, from + WHERE_BYTES, sizeof(c->scale));
    memcpy((uint8_t *)c->state + c->method->running, from + WHERE_BYTES + sizeof(c->scale),
           method_bytes(c));
    return true;
}

/* ---- Telling ---- */

int zc_cache_steps(const zc_cache *c)
{
    return c->steps;
}

const zc_cache_trace *zc_cache_trace_at(const zc_cache *c, int step)
{
    return &c->trace[step];
}

int zc_cache_computed(const zc_cache *c)
{
    int count = 0;

    for (int i = 0; i < c->steps; i++)
        count += c->trace[i].kind != ZC_CACHE_PREDICTED;
    return count;
}

void zc_cache_report(const zc_cache *c, zc_json_writer *w)
{
    static const char *const kinds[] = { "computed", "predicted", "inserted" };

    zc_json_begin_object(w);
    zc_json_add_key(w, "method");
    zc_json_add_string(w, c->method->name);
    zc_json_add_key(w, "tap");
    zc_json_add_string(w, zc_tap_name(c->tap));
    zc_json_add_key(w, "lane");
    zc_json_add_i64(w, c->lane);
    zc_json_add_key(w, "computed");
    zc_json_add_i64(w, zc_cache_computed(c));
    zc_json_add_key(w, "steps");
    zc_json_begin_array(w);
    for (int i = 0; i < c->steps; i++) {
        zc_json_begin_object(w);
        zc_json_add_key(w, "kind");
        zc_json_add_string(w, kinds[c->trace[i].kind]);
        if (c->trace[i].error >= 0) {
            zc_json_add_key(w, "error");
            zc_json_add_f64(w, (double)c->trace[i].error);
        }
        if (zk_present(c->last_probe) && c->method->sees == ZC_SEES_DRIFT) {
            zc_json_add_key(w, "drift");
            zc_json_add_f64(w, (double)c->trace[i].drift);
        }
        zc_json_end_object(w);
    }
    zc_json_end_array(w);
    zc_json_end_object(w);
}

void zc_cache_say(const zc_cache *c, zc_log *log)
{
    zc_str text = { 0 };

    zc_str_add_format(&text, "%s: %d of %d steps computed:", c->method->name,
                      zc_cache_computed(c), c->steps);
    for (int i = 0; i < c->steps; i++) {
        if (c->trace[i].kind != ZC_CACHE_PREDICTED)
            zc_str_add_format(&text, " %d%s", i, c->trace[i].kind == ZC_CACHE_INSERTED ? "+" : "");
        if (c->trace[i].error >= 0)
            zc_str_add_format(&text, " (%.2g)", (double)c->trace[i].error);
    }
    zc_info(log, "%s", zc_str_get(&text));
    zc_str_fini(&text);
}
