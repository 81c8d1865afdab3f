/* What every fit of a predictor has in common. */

#include <string.h>

#include "core/base/format.h"
#include "core/train/train.h"

zc_status zc_train_predictor(zc_predictor **out, const zc_train_job *job, const char *method,
                             const char *fit, int depth, int prompts)
{
    zc_log *log = job->log;
    zc_status st = ZC_OK;
    zc_predictor *p = NULL;

    ZC_TRY(zc_predictor_create(&p, log, job->schedule->steps, job->lanes, depth));
    ZC_CHECK(strlen(job->model) < sizeof(p->model), ZC_E_LIMIT,
             "the model's fingerprint has %zu bytes, %zu are possible", strlen(job->model),
             sizeof(p->model) - 1);
    ZC_CHECK(strlen(job->licence) < sizeof(p->licence), ZC_E_LIMIT,
             "the licence note has %zu bytes, %zu are possible", strlen(job->licence),
             sizeof(p->licence) - 1);
    zc_format(p->method, sizeof(p->method), "%s", method);
    zc_format(p->fit, sizeof(p->fit), "%s", fit);
    zc_format(p->model, sizeof(p->model), "%s", job->model);
    zc_format(p->licence, sizeof(p->licence), "%s", job->licence);
    p->tap = job->tap;
    p->prompts = prompts;
    memcpy(p->sigma, job->schedule->sigma, ((size_t)p->steps + 1) * sizeof(float));
    *out = p;
    p = NULL;
done:
    zc_predictor_destroy(&p);
    return st;
}
