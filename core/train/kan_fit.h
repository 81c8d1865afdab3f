/* fit = kan: LESA's own training.
 *
 * Three experts share the steps by noise level; each has a few weights over the
 * newest 4, 8 and 8 features and a spline network that scales them for the step:
 *
 *     z = bias + sum over k of weight[k] * feature[k]          (oldest first)
 *     prediction = newest + network(time offsets) * z
 *
 * Each predicted step of a trajectory is one update: mean absolute error, gradient
 * clipped to length 1, AdamW on the expert in charge. Nothing flows back through
 * the features. In the first phase windows are true features; in the second the
 * caller runs the model with what has been learned so far.
 *
 * Memory: 12 bytes a parameter and lane (29 MB at 50 steps), 4 bytes a parameter of one expert, two
 * trajectories.
 *
 * Thread safety: a fit belongs to one thread at a time. */
#ifndef ZC_KAN_FIT_H
#define ZC_KAN_FIT_H

#include "core/base/opt.h"
#include "core/train/train.h"

#define ZC_KAN_EXPERTS 3
#define ZC_KAN_WINDOW  8

typedef struct zc_kan_options {
    int32_t interval, first;          /* of the schedule, as in lesa */
    char    full[ZC_CACHE_LIST];      /* explicit steps; "": by interval */
    int32_t guided, closed;           /* times through the prompts, phase one and two */
    float   guided_rate, closed_rate; /* first learning rate of each; falls to a hundredth */
    float   network;                  /* share of the rate that the spline networks learn with */
    float   decay;                    /* of weights */
    float   early, late;              /* noise levels above which experts 0 and 1 are in charge */
    bool    faithful;                 /* rates, start and first numbers as published */
    int64_t seed;
    bool    whole;                    /* the networks go into the predictor, too */
} zc_kan_options;

extern const zc_opt zc_kan_opts[];

typedef struct zc_kan_fit zc_kan_fit;

/* Everything in the options is copied, as is the job; what it points to is borrowed. */
zc_status zc_kan_fit_open(zc_kan_fit **out, const zc_train_job *job, const zc_kan_options *o,
                          int prompts);
void      zc_kan_fit_close(zc_kan_fit **fit);

bool zc_kan_fit_done(const zc_kan_fit *fit);
int  zc_kan_fit_total(const zc_kan_fit *fit);     /* calls of next until then */
int  zc_kan_fit_at(const zc_kan_fit *fit);        /* of those, done */
bool zc_kan_fit_again(const zc_kan_fit *fit, int prompt);     /* its truth is asked for again */
size_t zc_kan_fit_bytes(const zc_kan_fit *fit);   /* of memory */

/* Learns from one more prompt; *loss, if not NULL, is its mean absolute error over the predicted
 * steps, before their updates. The state is as before if it fails or is cancelled between prompts;
 * after a failure inside a closed-loop prompt it is to be loaded again. */
zc_status zc_kan_fit_next(zc_kan_fit *fit, const zc_train_source *source, double *loss);

/* The state, to go on after an interruption with the same result to the bit. Loading refuses
 * a state of other options or another job. */
zc_status zc_kan_fit_save(const zc_kan_fit *fit, const char *path);
zc_status zc_kan_fit_load(zc_kan_fit *fit, const char *path);

/* The predictor as it is now: rows of all steps, and the network. */
zc_status zc_kan_fit_predictor(const zc_kan_fit *fit, zc_predictor **out);

/* The network of a predictor evaluated for one step, newest first and then the constant, as a row
 * of ZC_KAN_WINDOW + 1 numbers; returns how many features it weighs. 0 without memory. */
int zc_kan_row(const zc_predictor *p, int lane, int step, float *row);

#endif
