/* No caching: every step is computed. */

#include "core/cache/method.h"
#include "core/cache/parts.h"

struct none {
    zc_cache_common common;
};

static const zc_opt none_opts[] = {
    ZC_CACHE_OPTS(struct none),
    { 0 }
};

static zc_status none_open(void *state, const zc_cache_env *env, int *depth)
{
    (void)state;
    (void)env;
    *depth = 1;
    return ZC_OK;
}

static bool none_computes(void *state, const zc_step *step, const zc_cache_seen *seen)
{
    (void)state;
    (void)step;
    (void)seen;
    return true;
}

const zc_cache_method zc_cache_none = {
    .name = "none",
    .summary = "computes every step",
    .opts = none_opts,
    .options_size = sizeof(struct none),
    .state_size = sizeof(struct none),
    .keeps = ZC_KEEPS_FULL,
    .open = none_open,
    .computes = none_computes,
    .mix = zc_cache_repeat,
};
