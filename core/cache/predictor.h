/* A predictor: what training leaves behind. For each step, the coefficients of its
 * prediction from the features before it; and what it was made for.
 *
 * On disk it is one safetensors file:
 *     rows      F32 [lanes, steps, depth + 1]   coefficients, newest first, then the constant
 *     counts    I32 [steps]                     coefficients that are used; 0: no prediction
 *     full      U8  [steps]                     1: to be computed
 *     sigma     F32 [steps + 1]                 the time grid
 *     network   F32 [lanes, n]                  only of a spline network: its parameters, in the
 *                                               order of core/train/kan.h
 * and metadata as text: format (zoetrope-predictor-1), method, fit, tap, model (the
 * fingerprint), prompts, early and late (only with a network: where its experts change), licence,
 * and past, which is "computed" where coefficients belong to computed features alone.
 *
 * Thread safety: constant once it is made. */
#ifndef ZC_PREDICTOR_H
#define ZC_PREDICTOR_H

#include "core/cache/method.h"

#define ZC_PREDICTOR_LANES 2

struct zc_predictor {
    int     steps, lanes, depth;      /* depth: features of the longest window */
    bool    computed;                 /* the window has computed features alone, those of `full` */
    zc_tap  tap;
    float  *rows;                     /* [lanes][steps][depth + 1] */
    int32_t *counts;                  /* [steps] */
    uint8_t *full;                    /* [steps] */
    float  *sigma;                    /* [steps + 1] */
    float  *network;                  /* [lanes][network_size], or NULL */
    size_t  network_size;
    float   early, late;              /* experts change where sigma falls to these */
    char    method[16];               /* "lesa", "l2p": which one it serves */
    char    fit[16];                  /* "kan", "gram" */
    char    model[96];                /* fingerprint */
    char    licence[256];
    int     prompts;                  /* it was trained on */
};

/* All numbers zero, no network. steps is 1 .. ZC_STEPS_MAX, lanes 1 .. ZC_PREDICTOR_LANES, depth 1
 * .. ZC_CACHE_DEPTH. */
zc_status zc_predictor_create(zc_predictor **out, zc_log *log, int steps, int lanes, int depth);
void      zc_predictor_destroy(zc_predictor **p);

/* Writes it, the network too if there is one. The same predictor gives the same bytes. */
zc_status zc_predictor_save(const zc_predictor *p, zc_log *log, const char *path);

/* Reads everything but the network. Numbers that are not finite, counts beyond the window and
 * whatever else can't be used are refused by name. */
zc_status zc_predictor_load(zc_predictor **out, zc_log *log, const char *path);

/* Reads the network of the same file into p; ZC_E_MISSING if it has none. */
zc_status zc_predictor_load_network(zc_predictor *p, zc_log *log, const char *path);

/* The row of a step: depth + 1 numbers, borrowed. A predictor of one lane serves all. */
float *zc_predictor_row(const zc_predictor *p, int lane, int step);

/* The coefficients of a step, with those features there; 0 if they don't suffice. */
int zc_predictor_mix(const zc_predictor *p, int lane, int step, const zc_cache_past *past,
                     float *coef, float *bias);

/* A job that a predictor is offered to. */
typedef struct zc_predictor_use {
    const char        *method;        /* "lesa" */
    const char        *model;         /* fingerprint; NULL: not checked */
    const zc_schedule *schedule;
    zc_tap             tap;
    int                lanes;
} zc_predictor_use;

/* ZC_E_MISMATCH, and a message with both values, if it was not made for that. */
zc_status zc_predictor_check(const zc_predictor *p, zc_log *log, const zc_predictor_use *use);

#endif
