/* TeaCache: repeats what the blocks added, until the input has changed enough.
 *
 * A polynomial, fitted once for each model, turns the change of the first block's
 * modulated input into the change to expect of the output. */

#include <string.h>

#include "core/base/format.h"
#include "core/cache/method.h"
#include "core/cache/parts.h"
#include "core/cache/teacache.h"

#define POLYNOMIAL_TEXT 160

struct teacache {
    zc_cache_common common;
    float   threshold;
    char    polynomial[POLYNOMIAL_TEXT];

    double  coef[ZC_TEACACHE_COEFFICIENTS];
    double  sum;          /* expected change since the last computed step */
    int     last;         /* step */
};

static const zc_opt teacache_opts[] = {
    ZC_CACHE_OPTS(struct teacache),
    ZC_OPT_FLOAT(struct teacache, threshold, 0.15, 0, 1e6,
                 "expected change at which a step is computed"),
    ZC_OPT_STR(struct teacache, polynomial, "auto",
               "auto: the model's; or a published name; or five numbers, highest power first"),
    { 0 }
};

/* Published, highest power first. */
static const struct row {
    const char *name;
    double coef[ZC_TEACACHE_COEFFICIENTS];
} rows[] = {
    { "flux", { 498.651651, -283.781631, 55.8554382, -3.82021401, 0.264230861 } },
    { "flux-kontext", { -1046.55119, 312.563399, -16.9500694, 0.410995971, 0.0374537863 } },
    { "hunyuan-video", { 733.226126, -401.131952, 67.5869174, -3.149878, 0.0961237896 } },
    { "qwen-image", { -450, 280, -45, 3.2, -0.02 } },
    { "cogvideox-2b", { -31.0658903, 25.4732368, -5.92380459, 1.75769064, -0.00361568434 } },
    { "cogvideox-5b", { -1538.80483, 843.202495, -134.363087, 7.97131516, -0.0523162339 } },
    { "cogvideox1.5-5b", { 250.210439, -165.061612, 35.7804877, -0.781551492, 0.0358559703 } },
    { "cogvideox1.5-5b-i2v",
      { 122.842302, -104.088754, 26.2981677, -0.306009921, 0.037121322 } },
    { "ltx-video", { 21.4700694, -12.8016453, 2.31279151, 0.792487521, 0.00969274326 } },
    { "mochi", { -3512.41319, 811.675948, -60.9400215, 2.42429681, 0.00305291719 } },
    { "cosmos", { 271.156237, -91.9775607, 2.2443725, 2.08355751, 0.14177633 } },
    { "lumina2", { 393.76566581, -603.50993606, 209.10239044, -23.00726601, 0.86377344 } },
    { "lumina2-second", { 225.7042019806413, -608.8453716535591, 304.1869942338369,
                          124.21267720116742, -1.4089066892956552 } },
    { "hidream-full", { -31360.5009, -712.425503, 49.1363285, 8.2651549, 0.108053901 } },
    { "hidream-dev", { 1.39997273, -4.30130469, 5.01534416, -2.20504164, 0.93942874 } },
    { "hidream-fast", { 2.26509623, -6.88864563, 7.61123826, -3.10849353, 0.99927602 } },
    { "wan2.1-t2v-1.3b-projected",
      { -52186.2437, 9230.41404, -528.275948, 13.6987616, -0.0499875664 } },
    { "wan2.1-t2v-14b-projected",
      { -303318.725, 49053.7029, -2655.30556, 58.7365115, -0.315583525 } },
    { "wan2.1-i2v-480p-projected",
      { 257151.496, -35422.9917, 1402.86849, -13.5890334, 0.132517977 } },
    { "wan2.1-i2v-720p-projected",
      { 8107.0546, 2133.93892, -372.934672, 16.6203073, -0.0417769401 } },
    { "wan2.1-t2v-1.3b", { 2396.76752, -1311.10545, 201.331979, -8.29855975, 0.137887774 } },
    { "wan2.1-t2v-14b", { -5784.54975374, 5449.50911966, -1811.16591783, 256.27178429,
                          -13.02252404 } },
    { "wan2.1-i2v-480p", { -302.33167, 223.948934, -52.546397, 5.8734844, -0.201973289 } },
    { "wan2.1-i2v-720p", { -114.36346466, 65.26524496, -18.82220707, 4.91518089, -0.23412683 } },
    { "open-sora", { 217.546007, -118.329252, 26.8662585, -0.0459364272, 0.048442624 } },
    { "open-sora-plan", { 205943.668, -14875.9286, 306.085986, 1.3141808, 0.00239658469 } },
    { "latte", { -2464.34137, 308.044764, 80.7447667, -4.11385132, 0.111001402 } },
};

const double *zc_teacache_find(const char *name)
{
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        if (zc_str_equal(rows[i].name, name))
            return rows[i].coef;
    }
    return NULL;
}

double zc_teacache_at(const double coef[ZC_TEACACHE_COEFFICIENTS], double x)
{
    double y = 0;

    for (int i = 0; i < ZC_TEACACHE_COEFFICIENTS; i++)
        y = y * x + coef[i];
    return y;
}

static zc_status teacache_open(void *state, const zc_cache_env *env, int *depth)
{
    struct teacache *t = state;
    zc_log *log = env->log;
    zc_status st = ZC_OK;
    const bool own = zc_str_equal(t->polynomial, "auto");
    const char *name = own ? env->family : t->polynomial;
    const double *known = zc_teacache_find(name);
    int count = 0;

    *depth = 1;
    t->sum = 0;
    t->last = env->schedule->steps - 1;
    ZC_CHECK(known || !own, ZC_E_MISSING, "cache.polynomial: none is published for '%s'; expected: "
             "another model's name, or five numbers", zc_quote_text(name).text);
    if (known) {
        memcpy(t->coef, known, sizeof(t->coef));
    } else {
        ZC_TRY(zc_cache_numbers(t->coef, ZC_TEACACHE_COEFFICIENTS, &count, log, "polynomial",
                                name));
        ZC_CHECK(count == ZC_TEACACHE_COEFFICIENTS, ZC_E_ARGUMENT,
                 "cache.polynomial has %d numbers, expected %d", count, ZC_TEACACHE_COEFFICIENTS);
    }
done:
    return st;
}

static bool teacache_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    struct teacache *t = state;

    if (step->index == 0 || step->index == t->last)
        return true;
    t->sum += zc_teacache_at(t->coef, (double)seen->drift);
    return !(t->sum < (double)t->threshold);
}

static void teacache_computed(void *state, const zc_step *step)
{
    struct teacache *t = state;

    (void)step;
    t->sum = 0;
}

const zc_cache_method zc_cache_teacache = {
    .name = "teacache",
    .summary = "repeats what the blocks added until the input has changed",
    .opts = teacache_opts,
    .options_size = offsetof(struct teacache, coef),
    .state_size = sizeof(struct teacache),
    .running = offsetof(struct teacache, sum),
    .keeps = ZC_KEEPS_FULL,
    .sees = ZC_SEES_DRIFT,
    .base = ZC_CACHE_EMBED,
    .probe = ZC_CACHE_MODULATED,
    .open = teacache_open,
    .computes = teacache_computes,
    .computed = teacache_computed,
    .mix = zc_cache_repeat,
};
