/* MagCache: repeats what the blocks added, as long as a calibrated table says that
 * its size has hardly changed.
 *
 * The table holds, for each step, the mean norm of that residual over the one of
 * the step before. Other step counts take the nearest entry. */

#include <math.h>

#include "core/base/format.h"
#include "core/cache/method.h"
#include "core/cache/parts.h"

#define RATIO_TEXT 4096

struct magcache {
    zc_cache_common common;
    float   threshold, retain;
    int32_t run;
    char    ratios[RATIO_TEXT];

    float   ratio[ZC_STEPS_MAX];
    double  product, error;
    int     predicted;        /* in a row */
    int     start, never;     /* steps: the first that may be predicted; one that never is, or -1 */
};

static const zc_opt magcache_opts[] = {
    ZC_CACHE_OPTS(struct magcache),
    ZC_OPT_FLOAT(struct magcache, threshold, 0.24, 0, 1e6, "error that may add up"),
    ZC_OPT_FLOAT(struct magcache, retain, 0.2, 0, 1, "share of the steps computed at the start"),
    ZC_OPT_INT(struct magcache, run, 6, 0, ZC_STEPS_MAX, "predictions in a row"),
    ZC_OPT_STR(struct magcache, ratios, "auto",
               "auto: the model's; or a published name; or numbers, one for each step"),
    { 0 }
};

static const float flux[] = {
    1, 1.21094f, 1.11719f, 1.07812f, 1.0625f, 1.03906f, 1.03125f, 1.03906f, 1.02344f, 1.03125f,
    1.02344f, 0.98047f, 1.01562f, 1.00781f, 1, 1.00781f, 1, 1.00781f, 1, 1, 0.99609f, 0.99609f,
    0.98047f, 0.98828f, 0.96484f, 0.95703f, 0.93359f, 0.89062f,
};

static const float hunyuan[] = {
    1, 1.06971f, 1.29073f, 1.11245f, 1.09596f, 1.05233f, 1.01415f, 1.05672f, 1.00848f, 1.03632f,
    1.02974f, 1.00984f, 1.03028f, 1.00681f, 1.06614f, 1.05022f, 1.02592f, 1.01776f, 1.02985f,
    1.00726f, 1.03727f, 1.01502f, 1.00992f, 1.03371f, 0.9976f, 1.02742f, 1.0093f, 1.01869f,
    1.00815f, 1.01461f, 1.01152f, 1.03082f, 1.0061f, 1.02162f, 1.01999f, 0.99063f, 1.01186f,
    1.0217f, 0.99947f, 1.01711f, 0.9904f, 1.00258f, 1.00878f, 0.97039f, 0.97686f, 0.94315f,
    0.97728f, 0.91154f, 0.86139f, 0.76592f,
};

static const struct row {
    const char  *name;
    const float *ratio;
    int          count, never;    /* never: index of the published grid, or -1 */
} rows[] = {
    { "flux", flux, (int)ZC_COUNT(flux), 11 },
    { "hunyuan-video", hunyuan, (int)ZC_COUNT(hunyuan), -1 },
};

/* Where entry i of `from` points lies among `to` points. */
static int nearest(int i, int from, int to)
{
    return from < 2 ? 0 : (int)lround((double)i * (to - 1) / (from - 1));
}

static void take(struct magcache *m, int steps, const float *ratio, int count)
{
    for (int i = 0; i < steps; i++)
        m->ratio[i] = ratio[nearest(i, steps, count)];
}

static zc_status read_numbers(struct magcache *m, const zc_cache_env *env)
{
    zc_log *log = env->log;
    zc_status st = ZC_OK;
    const int steps = env->schedule->steps;
    double number[ZC_STEPS_MAX];
    int count = 0;

    ZC_TRY(zc_cache_numbers(number, ZC_STEPS_MAX, &count, log, "ratios", m->ratios));
    ZC_CHECK(count == steps, ZC_E_ARGUMENT, "cache.ratios has %d numbers, expected %d, one a step",
             count, steps);
    for (int i = 0; i < steps; i++)
        m->ratio[i] = (float)number[i];
done:
    return st;
}

static zc_status magcache_open(void *state, const zc_cache_env *env, int *depth)
{
    struct magcache *m = state;
    zc_log *log = env->log;
    zc_status st = ZC_OK;
    const int steps = env->schedule->steps;
    const bool own = zc_str_equal(m->ratios, "auto");
    const char *name = own ? env->family : m->ratios;
    const struct row *row = NULL;

    *depth = 1;
    m->product = 1;
    m->error = 0;
    m->predicted = 0;
    m->never = -1;
    m->start = (int)((double)m->retain * steps);
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        if (zc_str_equal(rows[i].name, name))
            row = &rows[i];
    }
    ZC_CHECK(row || !own, ZC_E_MISSING, "cache.ratios: none are published for '%s'; expected: "
             "flux, hunyuan-video, or %d numbers", zc_quote_text(name).text, steps);
    if (row) {
        take(m, steps, row->ratio, row->count);
        if (row->never >= 0)
            m->never = nearest(row->never, row->count, steps);
    } else {
        ZC_TRY(read_numbers(m, env));
    }
done:
    return st;
}

static bool magcache_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    struct magcache *m = state;

    (void)seen;
    if (step->index < m->start || step->index == 0 || step->index == m->never)
        return true;
    m->product *= (double)m->ratio[step->index];
    m->error += fabs(1 - m->product);
    m->predicted++;
    return !(m->error <= (double)m->threshold && m->predicted <= m->run);
}

static void magcache_computed(void *state, const zc_step *step)
{
    struct magcache *m = state;

    (void)step;
    m->product = 1;
    m->error = 0;
    m->predicted = 0;
}

const zc_cache_method zc_cache_magcache = {
    .name = "magcache",
    .summary = "repeats what the blocks added while its calibrated size hardly changes",
    .opts = magcache_opts,
    .options_size = offsetof(struct magcache, ratio),
    .state_size = sizeof(struct magcache),
    .running = offsetof(struct magcache, product),
    .keeps = ZC_KEEPS_FULL,
    .base = ZC_CACHE_EMBED,
    .open = magcache_open,
    .computes = magcache_computes,
    .computed = magcache_computed,
    .mix = zc_cache_repeat,
};
