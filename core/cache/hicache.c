/* HiCache: the differences of TaylorSeer on Hermite polynomials, contracted. */

#include "core/cache/differences.h"
#include "core/cache/method.h"
#include "core/cache/steps.h"

struct hicache {
    zc_cache_common common;
    int32_t interval, first, order;
    float   sigma;

    uint8_t full[ZC_STEPS_MAX];
};

static const zc_opt hicache_opts[] = {
    ZC_CACHE_OPTS(struct hicache),
    ZC_OPT_INT(struct hicache, interval, 6, 1, ZC_STEPS_MAX,
               "steps from one computed to the next"),
    ZC_OPT_INT(struct hicache, first, 3, 1, ZC_STEPS_MAX, "steps computed at the start"),
    ZC_OPT_INT(struct hicache, order, 2, 0, ZC_DIFFERENCES_MAX, "of the highest derivative"),
    ZC_OPT_FLOAT(struct hicache, sigma, 0.5, 0.01, 1, "contraction, published: 0.5 to 0.7"),
    { 0 }
};

static zc_status hicache_open(void *state, const zc_cache_env *env, int *depth)
{
    struct hicache *h = state;

    zc_steps_periodic(h->full, env->schedule->steps, h->first, h->interval, -1);
    *depth = h->order + 1;
    return ZC_OK;
}

static bool hicache_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    const struct hicache *h = state;

    (void)seen;
    return h->full[step->index];
}

/* sum over o of D_o sigma^o H_o(sigma x) / o!, H_o the physicists' polynomials:
 * H_0 = 1, H_1 = 2 y, H_{o+1} = 2 y H_o - 2 o H_{o-1}. */
static int hicache_mix(const void *state, const zc_step *step, const zc_cache_past *past,
                       float *coef, float *bias)
{
    const struct hicache *h = state;
    const int n = zc_differences_usable(past->step, past->count, h->order, h->first);
    const double sigma = (double)h->sigma, y = sigma * (step->index - past->step[0]);
    zc_differences d;

    zc_differences_fill(d, past->step, n);
    for (int k = 0; k < n; k++) {
        double factor = 1, before = 0, hermite = 1, sum = 0;

        for (int o = 0; o < n; o++) {
            const double next = 2 * y * hermite - 2 * o * before;

            sum += factor * hermite * d[o][k];
            before = hermite;
            hermite = next;
            factor *= sigma / (o + 1);
        }
        coef[k] = (float)sum;
    }
    *bias = 0;
    return n;
}

const zc_cache_method zc_cache_hicache = {
    .name = "hicache",
    .summary = "extrapolates computed features by Hermite polynomials",
    .opts = hicache_opts,
    .options_size = offsetof(struct hicache, full),
    .state_size = sizeof(struct hicache),
    .keeps = ZC_KEEPS_FULL,
    .open = hicache_open,
    .computes = hicache_computes,
    .mix = hicache_mix,
};
