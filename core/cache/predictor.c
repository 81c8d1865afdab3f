/* Predictors in memory, and what they agree to be used for. */

#include <math.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/cache/predictor.h"

#define SIGMA_TOLERANCE 1e-4f     /* of the time grid: less than any two shifts differ by */

zc_status zc_predictor_create(zc_predictor **out, zc_log *log, int steps, int lanes, int depth)
{
    zc_status st = ZC_OK;
    zc_predictor *p = NULL;

    *out = NULL;
    ZC_CHECK(steps >= 1 && steps <= ZC_STEPS_MAX, ZC_E_LIMIT, "predictor: %d steps, 1 to %d are "
             "possible", steps, ZC_STEPS_MAX);
    ZC_CHECK(lanes >= 1 && lanes <= ZC_PREDICTOR_LANES, ZC_E_LIMIT, "predictor: %d lanes, 1 to %d "
             "are possible", lanes, ZC_PREDICTOR_LANES);
    ZC_CHECK(depth >= 1 && depth <= ZC_CACHE_DEPTH, ZC_E_LIMIT, "predictor: a window of %d, 1 to "
             "%d are possible", depth, ZC_CACHE_DEPTH);
    p = zc_new(zc_predictor);
    ZC_CHECK(p, ZC_E_NOMEM, "predictor: out of memory");
    p->steps = steps;
    p->lanes = lanes;
    p->depth = depth;
    p->rows = zc_new_array(float, (size_t)lanes * (size_t)steps * (size_t)(depth + 1));
    p->counts = zc_new_array(int32_t, (size_t)steps);
    p->full = zc_new_array(uint8_t, (size_t)steps);
    p->sigma = zc_new_array(float, (size_t)steps + 1);
    ZC_CHECK(p->rows && p->counts && p->full && p->sigma, ZC_E_NOMEM, "predictor: out of memory");
    *out = p;
    p = NULL;
done:
    zc_predictor_destroy(&p);
    return st;
}

void zc_predictor_destroy(zc_predictor **out)
{
    zc_predictor *p = *out;

    if (!p)
        return;
    zc_free(p->rows);
    zc_free(p->counts);
    zc_free(p->full);
    zc_free(p->sigma);
    zc_free(p->network);
    zc_free(p);
    *out = NULL;
}

float *zc_predictor_row(const zc_predictor *p, int lane, int step)
{
    const size_t row = (size_t)(p->lanes == 1 ? 0 : lane) * (size_t)p->steps + (size_t)step;

    return p->rows + row * (size_t)(p->depth + 1);
}

/* Where the feature of a step is in what is remembered; -1 if it is not. */
static int place_of(const zc_cache_past *past, int step)
{
    for (int i = 0; i < past->count; i++) {
        if (past->step[i] == step)
            return i;
    }
    return -1;
}

/* Steps that were computed besides, for checks, lie between those that are meant. */
static int computed_mix(const zc_predictor *p, const float *row, int step,
                        const zc_cache_past *past, float *coef)
{
    int most = 0, k = 0;

    memset(coef, 0, (size_t)past->count * sizeof(*coef));
    for (int i = step - 1; i >= 0 && k < p->counts[step]; i--) {
        const int at = p->full[i] ? place_of(past, i) : -1;

        if (p->full[i] && at < 0)
            return 0;
        if (p->full[i])
            coef[at] = row[k++];
        most = at >= most ? at + 1 : most;
    }
    return k == p->counts[step] ? most : 0;
}

int zc_predictor_mix(const zc_predictor *p, int lane, int step, const zc_cache_past *past,
                     float *coef, float *bias)
{
    const float *row = zc_predictor_row(p, lane, step);
    const int count = p->counts[step];

    *bias = row[p->depth];
    if (p->computed)
        return computed_mix(p, row, step, past, coef);
    if (count > past->count)
        return 0;
    memcpy(coef, row, (size_t)count * sizeof(*coef));
    return count;
}

zc_status zc_predictor_check(const zc_predictor *p, zc_log *log, const zc_predictor_use *use)
{
    zc_status st = ZC_OK;

    ZC_CHECK(zc_str_equal(p->method, use->method), ZC_E_MISMATCH,
             "the predictor is for the method %s, the job uses %s", zc_quote_text(p->method).text,
             use->method);
    ZC_CHECK(!use->model || zc_str_equal(p->model, use->model), ZC_E_MISMATCH,
             "the predictor was trained on the model %s, the job runs %s",
             zc_quote_text(p->model).text, zc_quote_text(use->model).text);
    ZC_CHECK(p->steps == use->schedule->steps, ZC_E_MISMATCH,
             "the predictor was trained for %d steps, the job has %d", p->steps,
             use->schedule->steps);
    ZC_CHECK(p->tap == use->tap, ZC_E_MISMATCH,
             "the predictor was trained on features of the tap %s, the job takes %s",
             zc_tap_name(p->tap), zc_tap_name(use->tap));
    ZC_CHECK(p->lanes == 1 || p->lanes == use->lanes, ZC_E_MISMATCH,
             "the predictor was trained for %d lanes of guidance, the job has %d", p->lanes,
             use->lanes);
    for (int i = 0; i <= p->steps; i++)
        ZC_CHECK(fabsf(p->sigma[i] - use->schedule->sigma[i]) <= SIGMA_TOLERANCE, ZC_E_MISMATCH,
                 "the predictor was trained with noise level %g at step %d, the job has %g",
                 (double)p->sigma[i], i, (double)use->schedule->sigma[i]);
done:
    return st;
}
