/* FORA: every interval-th step is computed, the others repeat it. */

#include "core/cache/method.h"
#include "core/cache/parts.h"
#include "core/cache/steps.h"

struct fora {
    zc_cache_common common;
    int32_t interval, first;
    bool    last;

    uint8_t full[ZC_STEPS_MAX];
};

static const zc_opt fora_opts[] = {
    ZC_CACHE_OPTS(struct fora),
    ZC_OPT_INT(struct fora, interval, 5, 1, ZC_STEPS_MAX, "steps from one computed to the next"),
    ZC_OPT_INT(struct fora, first, 1, 1, ZC_STEPS_MAX, "steps computed at the start"),
    ZC_OPT_BOOL(struct fora, last, false, "compute the last step too"),
    { 0 }
};

static zc_status fora_open(void *state, const zc_cache_env *env, int *depth)
{
    struct fora *f = state;
    const int steps = env->schedule->steps;

    zc_steps_periodic(f->full, steps, f->first, f->interval, f->last ? steps - 1 : -1);
    *depth = 1;
    return ZC_OK;
}

static bool fora_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    const struct fora *f = state;

    (void)seen;
    return f->full[step->index];
}

const zc_cache_method zc_cache_fora = {
    .name = "fora",
    .summary = "repeats the last computed feature",
    .opts = fora_opts,
    .options_size = offsetof(struct fora, full),
    .state_size = sizeof(struct fora),
    .keeps = ZC_KEEPS_FULL,
    .open = fora_open,
    .computes = fora_computes,
    .mix = zc_cache_repeat,
};
