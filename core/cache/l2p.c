/* L2P: as LESA, but each prediction weighs all features before it.
 *
 * Its schedules for 50 steps were picked by hand; for other step counts the
 * predictor's own is used. */

#include <string.h>

#include "core/cache/method.h"
#include "core/cache/predictor.h"
#include "core/cache/steps.h"

struct l2p {
    zc_cache_common common;
    char    predictor[ZC_CACHE_PATH];
    int32_t interval;

    const zc_predictor *p;
    int     lane;
    uint8_t full[ZC_STEPS_MAX];
};

static const zc_opt l2p_opts[] = {
    ZC_CACHE_OPTS(struct l2p),
    ZC_OPT_PATH(struct l2p, predictor, "file that training made"),
    ZC_OPT_INT(struct l2p, interval, 0, 0, 16,
               "a published schedule of 50 steps: 5, 6, 7, 8, 10 or 16; 0: as trained"),
    { 0 }
};

static zc_status l2p_open(void *state, const zc_cache_env *env, int *depth)
{
    struct l2p *l = state;
    zc_log *log = env->log;
    zc_status st = ZC_OK;
    const int steps = env->schedule->steps;

    l->p = env->predictor;
    l->lane = env->lane;
    if (l->interval == 0)
        memcpy(l->full, l->p->full, (size_t)steps);
    else
        ZC_CHECK(zc_steps_l2p(l->full, steps, l->interval), ZC_E_ARGUMENT,
                 "cache.interval = %d with %d steps; expected: 0, or 5, 6, 7, 8, 10 or 16 with %d",
                 l->interval, steps, ZC_STEPS_L2P);
    *depth = l->p->depth;
done:
    return st;
}

static bool l2p_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    const struct l2p *l = state;

    (void)seen;
    return l->full[step->index];
}

static int l2p_mix(const void *state, const zc_step *step, const zc_cache_past *past, float *coef,
                   float *bias)
{
    const struct l2p *l = state;

    return zc_predictor_mix(l->p, l->lane, step->index, past, coef, bias);
}

const zc_cache_method zc_cache_l2p = {
    .name = "l2p",
    .summary = "predicts with coefficients learned for each step and all before it",
    .opts = l2p_opts,
    .options_size = offsetof(struct l2p, p),
    .state_size = sizeof(struct l2p),
    .keeps = ZC_KEEPS_ALL,
    .predictor = true,
    .open = l2p_open,
    .computes = l2p_computes,
    .mix = l2p_mix,
};
