/* Least squares on Gram matrices: the arithmetic behind fit = gram.
 *
 * Of a run only the inner products of its features are kept, in double. From them
 * follow, for any set of computed steps, the best coefficients of each prediction
 * and the error that they leave, even where predictions are made from predictions:
 * every feature that is remembered is a known combination of computed ones.
 *
 * A matrix has 2 S + 1 rows for S steps: the features that were visited, the true
 * ones, and the constant 1. It is the sum over runs, each divided by the mean
 * square of its true features, so that all count alike. 8 (2 S + 1)^2 bytes a lane.
 *
 * Thread safety: a matrix belongs to one thread at a time. */
#ifndef ZC_GRAM_H
#define ZC_GRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

typedef struct zc_gram {
    int     steps, size;      /* size = 2 steps + 1 */
    double *sum;              /* [size][size] */
} zc_gram;

zc_status zc_gram_init(zc_gram *g, zc_log *log, int steps);
void      zc_gram_fini(zc_gram *g);

/* Adds one run: features [steps][count], the true ones and those that were visited with
 * some predictor, which is NULL where these are the same. */
void zc_gram_add(zc_gram *g, const float *truth, const float *visited, size_t count);

enum zc_gram_history {
    ZC_GRAM_CLOSED,           /* predictions are made from what is remembered then */
    ZC_GRAM_TEACHER,          /* from true features */
};

typedef struct zc_gram_problem {
    const float   *sigma;         /* [steps + 1] */
    const uint8_t *full;          /* [steps] */
    int            window;        /* features of a prediction */
    bool           computed;      /* computed ones alone; otherwise predicted ones as well */
    double         ridge;         /* of each feature's size; pulls towards repeating the newest */
    bool           velocity;      /* features are what the latent moves by */
    double         path;          /* 0 .. 1: how much of the error that the latent has already taken
                                   * in, a prediction should make up for; with velocity only */
    enum zc_gram_history history;

    /* How a computed step answers to the latent's error: its feature is the true one plus so many
     * times that error. [steps]; NULL: as it was visited. With velocity only. */
    const double  *response;
} zc_gram_problem;

/* Solves all steps but the first, computed ones included (for checks of forecasts).
 * Rows are [steps][window + 1], newest first, then the constant, counts [steps]; both
 * may be NULL. *cost is the mean square error of what is remembered, each step's weighted by the
 * square of the way that the sampler goes in it; and, with velocity, that of the latent at the
 * end, which is all there is with a response; both relative to the features. */
zc_status zc_gram_solve(const zc_gram *g, zc_log *log, const zc_gram_problem *p, float *rows,
                        int32_t *counts, double *cost);

/* What these rows cost on other runs than they were solved for. */
zc_status zc_gram_cost(const zc_gram *g, zc_log *log, const zc_gram_problem *p, const float *rows,
                       double *cost);

/* to += from. */
void zc_gram_join(zc_gram *to, const zc_gram *from);

/* The best set of `count` computed steps, written to full: dynamic programming over
 * pairs of neighbours, with predictions from two computed features, then single
 * steps moved as long as the cost of zc_gram_solve falls. p->full is ignored. All lanes
 * together; at most ZC_GRAM_SEARCH steps. Matrices must not have other runs than
 * those without visited features. */
#define ZC_GRAM_SEARCH 128
zc_status zc_gram_search(const zc_gram *lanes, int lane_count, zc_log *log,
                         const zc_gram_problem *p, int count, uint8_t *full);

#endif
