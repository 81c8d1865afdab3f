/* Any bytes, as a file that somebody calls a predictor: what is loaded can be used
 * for every step, and saved again as the same. */

#include <math.h>
#include <string.h>

#include "core/cache/predictor.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/memfile.h"

/* What is remembered at a step, newest first. */
static zc_cache_past past_at(const zc_predictor *p, int step)
{
    zc_cache_past past = { .count = 0 };

    for (int i = step - 1; i >= 0 && past.count < ZC_CACHE_DEPTH; i--) {
        if (p->full[i] || !p->computed)
            past.step[past.count++] = i;
    }
    return past;
}

static void use(const zc_predictor *p)
{
    float coef[ZC_CACHE_DEPTH], bias = 0;

    for (int lane = 0; lane < p->lanes; lane++) {
        for (int i = 0; i < p->steps; i++) {
            const zc_cache_past past = past_at(p, i);
            const int n = zc_predictor_mix(p, lane, i, &past, coef, &bias);

            FUZZ_REQUIRE(n >= 0 && n <= p->depth && n <= past.count);
            FUZZ_REQUIRE(p->full[i] || n > 0);
            for (int k = 0; k < n; k++)
                FUZZ_REQUIRE(isfinite(coef[k]));
            FUZZ_REQUIRE(n == 0 || isfinite(bias));
        }
    }
}

static void save(const zc_predictor *p, zc_log *log)
{
    zc_predictor *q = NULL;

    FUZZ_REQUIRE(zc_predictor_save(p, log, "again") == ZC_OK);
    FUZZ_REQUIRE(zc_predictor_load(&q, log, "again") == ZC_OK);
    FUZZ_REQUIRE(q->steps == p->steps && q->lanes == p->lanes && q->depth == p->depth);
    FUZZ_REQUIRE(strcmp(q->model, p->model) == 0 && q->tap == p->tap);
    zc_predictor_destroy(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zc_log *log = fuzz_begin();
    zc_predictor *p = NULL;
    zc_status st;

    memfile_put("model", data, size);
    st = zc_predictor_load(&p, log, "model");
    if (st == ZC_OK) {
        use(p);
        if (zc_predictor_load_network(p, log, "model") == ZC_OK)
            FUZZ_REQUIRE(p->network && p->network_size > 0);
        save(p, log);
    }
    zc_predictor_destroy(&p);
    fuzz_end(st);
    return 0;
}
