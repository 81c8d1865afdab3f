/* Both fits as rows of one table. */

#include "core/train/fit.h"
#include "core/train/gram_fit.h"
#include "core/train/kan_fit.h"

const char *const zc_fit_names[] = { "gram", "kan", NULL };

static zc_status gram_open(void **out, const zc_train_job *job, const void *options, int prompts)
{
    zc_gram_fit *fit = NULL;
    const zc_status st = zc_gram_fit_open(&fit, job, options, prompts);

    *out = fit;
    return st;
}

static void gram_close(void **fit)
{
    zc_gram_fit *f = *fit;

    zc_gram_fit_close(&f);
    *fit = NULL;
}

static int gram_total(const void *fit) { return zc_gram_fit_total(fit); }
static int gram_at(const void *fit) { return zc_gram_fit_at(fit); }
static bool gram_again(const void *fit, int prompt) { return zc_gram_fit_again(fit, prompt); }
static size_t gram_bytes(const void *fit) { return zc_gram_fit_bytes(fit); }
static zc_status gram_save(void *fit, const char *path) { return zc_gram_fit_save(fit, path); }
static zc_status gram_load(void *fit, const char *path) { return zc_gram_fit_load(fit, path); }

static zc_status gram_next(void *fit, const zc_train_source *source, double *loss)
{
    return zc_gram_fit_next(fit, source, loss);
}

static zc_status gram_predictor(const void *fit, zc_predictor **out)
{
    return zc_gram_fit_predictor(fit, out);
}

static zc_status kan_open(void **out, const zc_train_job *job, const void *options, int prompts)
{
    zc_kan_fit *fit = NULL;
    const zc_status st = zc_kan_fit_open(&fit, job, options, prompts);

    *out = fit;
    return st;
}

static void kan_close(void **fit)
{
    zc_kan_fit *f = *fit;

    zc_kan_fit_close(&f);
    *fit = NULL;
}

static int kan_total(const void *fit) { return zc_kan_fit_total(fit); }
static int kan_at(const void *fit) { return zc_kan_fit_at(fit); }
static bool kan_again(const void *fit, int prompt) { return zc_kan_fit_again(fit, prompt); }
static size_t kan_bytes(const void *fit) { return zc_kan_fit_bytes(fit); }
static zc_status kan_save(void *fit, const char *path) { return zc_kan_fit_save(fit, path); }
static zc_status kan_load(void *fit, const char *path) { return zc_kan_fit_load(fit, path); }

static zc_status kan_next(void *fit, const zc_train_source *source, double *loss)
{
    return zc_kan_fit_next(fit, source, loss);
}

static zc_status kan_predictor(const void *fit, zc_predictor **out)
{
    return zc_kan_fit_predictor(fit, out);
}

const zc_fit_kind zc_fit_kinds[] = {
    { "gram", "least squares on the inner products of features", zc_gram_opts,
      sizeof(zc_gram_options), gram_open, gram_close, gram_total, gram_at, gram_again, gram_bytes,
      gram_next, gram_save, gram_load, gram_predictor },
    { "kan", "LESA's three experts with spline networks", zc_kan_opts, sizeof(zc_kan_options),
      kan_open, kan_close, kan_total, kan_at, kan_again, kan_bytes, kan_next, kan_save, kan_load,
      kan_predictor },
};
