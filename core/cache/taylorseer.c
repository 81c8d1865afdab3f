/* TaylorSeer: backward differences of computed features, taken for derivatives.
 *
 * Distances are counted in steps, not in time, and the higher orders are biased
 * where they change, as in the published code. */

#include "core/cache/differences.h"
#include "core/cache/method.h"
#include "core/cache/steps.h"

struct taylorseer {
    zc_cache_common common;
    int32_t interval, first, order;

    uint8_t full[ZC_STEPS_MAX];
};

static const zc_opt taylorseer_opts[] = {
    ZC_CACHE_OPTS(struct taylorseer),
    ZC_OPT_INT(struct taylorseer, interval, 6, 1, ZC_STEPS_MAX,
               "steps from one computed to the next"),
    ZC_OPT_INT(struct taylorseer, first, 3, 1, ZC_STEPS_MAX, "steps computed at the start"),
    ZC_OPT_INT(struct taylorseer, order, 2, 0, ZC_DIFFERENCES_MAX, "of the highest derivative"),
    { 0 }
};

static zc_status taylorseer_open(void *state, const zc_cache_env *env, int *depth)
{
    struct taylorseer *t = state;

    zc_steps_periodic(t->full, env->schedule->steps, t->first, t->interval, -1);
    *depth = t->order + 1;
    return ZC_OK;
}

static bool taylorseer_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    const struct taylorseer *t = state;

    (void)seen;
    return t->full[step->index];
}

/* sum over o of D_o x^o / o! */
static int taylorseer_mix(const void *state, const zc_step *step, const zc_cache_past *past,
                          float *coef, float *bias)
{
    const struct taylorseer *t = state;
    const int n = zc_differences_usable(past->step, past->count, t->order, t->first);
    const double x = step->index - past->step[0];
    zc_differences d;

    zc_differences_fill(d, past->step, n);
    for (int k = 0; k < n; k++) {
        double factor = 1, sum = 0;

        for (int o = 0; o < n; o++) {
            sum += factor * d[o][k];
            factor *= x / (o + 1);
        }
        coef[k] = (float)sum;
    }
    *bias = 0;
    return n;
}

const zc_cache_method zc_cache_taylorseer = {
    .name = "taylorseer",
    .summary = "extrapolates computed features by a Taylor series",
    .opts = taylorseer_opts,
    .options_size = offsetof(struct taylorseer, full),
    .state_size = sizeof(struct taylorseer),
    .keeps = ZC_KEEPS_FULL,
    .open = taylorseer_open,
    .computes = taylorseer_computes,
    .mix = taylorseer_mix,
};
