/* The caching that a request asks for: its method's row, options and predictor, and
 * one history for each lane of guidance.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_CACHING_H
#define ZC_CACHING_H

#include "core/cache/cache.h"
#include "core/model/model.h"
#include "core/request.h"

typedef struct zc_caching {
    const zc_cache_method *method;    /* NULL: every step is computed */
    void         *options;
    zc_predictor *predictor;
    zc_cache     *lane[ZC_LANES];
} zc_caching;

/* Only what needs no schedule: does the method exist, and do its options hold? */
zc_status zc_caching_check(const zc_request *q, zc_log *log);

/* The schedule and the fingerprint of the model, NULL if it is not known, are borrowed. On
 * failure *c is empty. */
zc_status zc_caching_open(zc_caching *c, zc_log *log, const zc_request *q,
                          const zc_schedule *schedule, const char *fingerprint);
void      zc_caching_close(zc_caching *c);

/* Bytes that the histories take, for features of so many tokens. */
uint64_t zc_caching_bytes(const zc_caching *c, const zc_model *model, const int32_t *dims,
                          int tokens);

#endif
