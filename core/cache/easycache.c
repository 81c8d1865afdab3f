/* EasyCache: repeats what the model added to the latent, and guesses from the last
 * two computed steps how fast that goes wrong as the latent moves. */

#include "core/cache/method.h"
#include "core/cache/parts.h"

struct easycache {
    zc_cache_common common;
    float   threshold;
    int32_t first;

    double  error;
    int     last;         /* step */
};

static const zc_opt easycache_opts[] = {
    ZC_CACHE_OPTS(struct easycache),
    ZC_OPT_FLOAT(struct easycache, threshold, 0.025, 0, 1e6, "expected error that may add up"),
    ZC_OPT_INT(struct easycache, first, 5, 2, ZC_STEPS_MAX, "steps computed at the start"),
    { 0 }
};

static zc_status easycache_open(void *state, const zc_cache_env *env, int *depth)
{
    struct easycache *e = state;

    e->error = 0;
    e->last = env->schedule->steps - 1;
    *depth = 1;
    return ZC_OK;
}

static bool easycache_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    struct easycache *e = state;

    if (step->index < e->first || step->index == e->last)
        return true;
    e->error += (double)seen->gain * (double)seen->travel;
    return !(e->error < (double)e->threshold);
}

static void easycache_computed(void *state, const zc_step *step)
{
    struct easycache *e = state;

    (void)step;
    e->error = 0;
}

const zc_cache_method zc_cache_easycache = {
    .name = "easycache",
    .summary = "repeats what the model added to the latent while little changes",
    .opts = easycache_opts,
    .options_size = offsetof(struct easycache, error),
    .state_size = sizeof(struct easycache),
    .running = offsetof(struct easycache, error),
    .keeps = ZC_KEEPS_FULL,
    .sees = ZC_SEES_TRAVEL,
    .base = ZC_CACHE_LATENT,
    .probe = ZC_CACHE_LATENT,
    .open = easycache_open,
    .computes = easycache_computes,
    .computed = easycache_computed,
    .mix = zc_cache_repeat,
};
