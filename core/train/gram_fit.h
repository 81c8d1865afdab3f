/* fit = gram: coefficients of each step by least squares.
 *
 * First all prompts' uncached runs are added up as Gram matrices, from which come
 * the schedule, if a number of steps to compute is given, and the rows. Then, in
 * rounds, the model runs some prompts again with these. At the output they tell, for
 * each computed step, how it answers to the error that the latent has by then: one
 * number, by which the error of the last latent follows from the matrices, and
 * schedule and rows are found anew. At other taps what was visited, and what
 * it should have been, is added to the matrices. Of all that a round has tried, what was
 * nearest to the uncached runs is kept; so more rounds never make these prompts worse.
 *
 * How far to trust the features is found by trying rows on prompts that they don't come from.
 *
 * Memory: 8 (2 S + 1)^2 bytes a lane (82 kB at 50 steps) for each part of the prompts and three
 * more, two trajectories, and 8 S^3 bytes for a search.
 *
 * Thread safety: a fit belongs to one thread at a time. */
#ifndef ZC_GRAM_FIT_H
#define ZC_GRAM_FIT_H

#include "core/base/opt.h"
#include "core/train/gram.h"
#include "core/train/train.h"

#define ZC_GRAM_FOLDS 8

typedef struct zc_gram_options {
    int32_t interval, first;          /* of the schedule, as in lesa */
    char    full[ZC_CACHE_LIST];      /* explicit steps; "": by interval or budget */
    int32_t budget;                   /* steps to compute, the best set is searched; 0: no search */
    int32_t window;                   /* features of a prediction; 0: all before it */
    int32_t past;                     /* which features: 0: computed ones, 1: all */
    int32_t rounds, rehearsed;        /* closed loop: how often, and prompts in each; 0: a sixth */
    int32_t folds;                    /* parts of the prompts, on each of which rows from the others
                                       * are tried to find the ridge; below 2: as given */
    float   ridge;                    /* see zc_gram_problem; path acts at the output only */
    float   path;
    int32_t history;                  /* enum zc_gram_history */
    int32_t method;                   /* 0: lesa, 1: l2p */
} zc_gram_options;

extern const zc_opt zc_gram_opts[];

typedef struct zc_gram_fit zc_gram_fit;

/* As in kan_fit.h. */
zc_status zc_gram_fit_open(zc_gram_fit **out, const zc_train_job *job, const zc_gram_options *o,
                           int prompts);
void      zc_gram_fit_close(zc_gram_fit **fit);
bool      zc_gram_fit_done(const zc_gram_fit *fit);
int       zc_gram_fit_total(const zc_gram_fit *fit);
int       zc_gram_fit_at(const zc_gram_fit *fit);
bool      zc_gram_fit_again(const zc_gram_fit *fit, int prompt);
size_t    zc_gram_fit_bytes(const zc_gram_fit *fit);

/* One more prompt; *loss, if not NULL, is the mean absolute error of predicted features in
 * a closed loop, 0 while uncached runs are added. The state is as before if it fails, but after a
 * failure to solve, for want of memory, it is to be loaded again. */
zc_status zc_gram_fit_next(zc_gram_fit *fit, const zc_train_source *source, double *loss);

zc_status zc_gram_fit_save(zc_gram_fit *fit, const char *path);
zc_status zc_gram_fit_load(zc_gram_fit *fit, const char *path);

/* After all uncached runs: the predictor as it is now. ZC_E_ARGUMENT before. */
zc_status zc_gram_fit_predictor(const zc_gram_fit *fit, zc_predictor **out);

/* What the latest rows are expected to cost, see zc_gram_solve; summed over lanes. */
double zc_gram_fit_cost(const zc_gram_fit *fit);

#endif
