/* Opens what a request says about caching. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/caching.h"
#include "core/core.h"
#include "core/generate.h"

/* The method's row and its options; method NULL for "none". */
static zc_status options_of(zc_caching *c, zc_log *log, const zc_request *q)
{
    zc_status st = ZC_OK;
    zc_nearest near;

    if (strcmp(q->cache, "none") == 0)
        return ZC_OK;
    c->method = zc_cache_method_find(q->cache);
    zc_nearest_init(&near, q->cache);
    for (int i = 0; zc_cache_methods[i]; i++)
        zc_nearest_offer(&near, zc_cache_methods[i]->name);
    ZC_CHECK(c->method, ZC_E_MISSING, "there is no caching method '%s'%s%s",
             zc_quote_text(q->cache).text, near.best ? "; did you mean " : "",
             near.best ? near.best : "");
    ZC_CHECK(c->options = zc_alloc_zeroed(1, c->method->options_size), ZC_E_NOMEM,
             "out of memory");
    zc_opt_defaults(c->method->opts, c->options);
    ZC_TRY(zc_request_row_options(q->cache_options, "cache.", log, c->method->opts,
                                  c->options));
done:
    return st;
}

zc_status zc_caching_check(const zc_request *q, zc_log *log)
{
    zc_caching c = { .method = NULL };
    const zc_status st = options_of(&c, log, q);

    zc_caching_close(&c);
    return st;
}

zc_status zc_caching_open(zc_caching *c, zc_log *log, const zc_request *q,
                          const zc_schedule *schedule, const char *fingerprint)
{
    const int lanes = q->cfg != 1.0f ? 2 : 1;
    zc_status st = ZC_OK;

    *c = (zc_caching){ .method = NULL };
    ZC_TRY(options_of(c, log, q));
    if (!c->method)
        return ZC_OK;
    const char *path = zc_cache_predictor_path(c->method, c->options);
    if (path && *path)
        ZC_TRY(zc_predictor_load(&c->predictor, log, path));
    for (int i = 0; i < lanes; i++)
        ZC_TRY(zc_cache_open(&c->lane[i], &(zc_cache_desc){
            .log = log, .method = c->method, .options = c->options, .schedule = schedule,
            .predictor = c->predictor, .family = "hunyuan-video", .model = fingerprint,
            .tap = ZC_TAP_OUTPUT, .lane = i, .lanes = lanes, .lead = i ? c->lane[0] : NULL }));
done:
    if (st != ZC_OK)
        zc_caching_close(c);
    return st;
}

void zc_caching_close(zc_caching *c)
{
    for (int i = ZC_LANES - 1; i >= 0; i--)
        zc_cache_close(&c->lane[i]);
    zc_predictor_destroy(&c->predictor);
    zc_free(c->options);
    *c = (zc_caching){ .method = NULL };
}

uint64_t zc_caching_bytes(const zc_caching *c, const zc_model *model, const int32_t *dims,
                          int tokens)
{
    uint64_t bytes = 0;

    for (int i = 0; i < ZC_LANES; i++) {
        if (c->lane[i])
            bytes += zc_cache_bytes(c->lane[i], tokens,
                                    model->cols(dims, zc_stage_of(zc_cache_tap(c->lane[i]))),
                                    ZK_F32);
    }
    return bytes;
}

const char *zc_list_caches(int index, const char **summary)
{
    for (int i = 0; i <= index; i++) {
        if (!zc_cache_methods[i])
            return NULL;
    }
    *summary = zc_cache_methods[index]->summary;
    return zc_cache_methods[index]->name;
}
