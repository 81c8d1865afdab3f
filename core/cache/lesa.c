/* LESA: learned coefficients for each step, from a predictor file.
 *
 * Whatever trained them, a spline network of three experts or least squares, for
 * one schedule they are a small table. Predicted features are remembered like
 * computed ones, unless the predictor has no use for them. */

#include <string.h>

#include "core/cache/method.h"
#include "core/cache/predictor.h"
#include "core/cache/steps.h"

#define CHECKS 4                  /* steps that checks insert and that are remembered too */

struct lesa {
    zc_cache_common common;
    char    predictor[ZC_CACHE_PATH];
    int32_t interval, first;

    const zc_predictor *p;
    int     lane;
    uint8_t full[ZC_STEPS_MAX];
};

static const zc_opt lesa_opts[] = {
    ZC_CACHE_OPTS(struct lesa),
    ZC_OPT_PATH(struct lesa, predictor, "file that training made"),
    ZC_OPT_INT(struct lesa, interval, 0, 0, ZC_STEPS_MAX,
               "steps from one computed to the next; 0: as trained"),
    ZC_OPT_INT(struct lesa, first, 3, 1, ZC_STEPS_MAX,
               "steps computed at the start, if interval is not 0"),
    { 0 }
};

static zc_status lesa_open(void *state, const zc_cache_env *env, int *depth)
{
    struct lesa *l = state;
    zc_log *log = env->log;
    zc_status st = ZC_OK;
    const int steps = env->schedule->steps;

    l->p = env->predictor;
    l->lane = env->lane;
    if (l->interval > 0)
        zc_steps_lesa(l->full, steps, l->first, l->interval);
    else
        memcpy(l->full, l->p->full, (size_t)steps);
    ZC_CHECK(!l->p->computed || memcmp(l->full, l->p->full, (size_t)steps) == 0, ZC_E_ARGUMENT,
             "cache.interval = %d: the predictor's coefficients are for the steps that it was "
             "trained with, expected 0", l->interval);
    *depth = l->p->depth + (l->p->computed && l->common.max_error > 0 ? CHECKS : 0);
    *depth = *depth < ZC_CACHE_DEPTH ? *depth : ZC_CACHE_DEPTH;
done:
    return st;
}

static bool lesa_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    const struct lesa *l = state;

    (void)seen;
    return l->full[step->index];
}

static int lesa_mix(const void *state, const zc_step *step, const zc_cache_past *past, float *coef,
                    float *bias)
{
    const struct lesa *l = state;

    return zc_predictor_mix(l->p, l->lane, step->index, past, coef, bias);
}

const zc_cache_method zc_cache_lesa = {
    .name = "lesa",
    .summary = "predicts with coefficients learned for each step",
    .opts = lesa_opts,
    .options_size = offsetof(struct lesa, p),
    .state_size = sizeof(struct lesa),
    .keeps = ZC_KEEPS_ALL,
    .predictor = true,
    .open = lesa_open,
    .computes = lesa_computes,
    .mix = lesa_mix,
};
