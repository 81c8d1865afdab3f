/* What a caching method is: a row of functions that decide which steps are
 * computed, and return coefficients for those that are not.
 *
 * A method never sees a tensor. cache.c owns the features that are remembered,
 * measures what the row asks for, and runs the mix; a prediction is
 *
 *     bias + sum over k of coef[k] * past[k]      (+ base, where only residuals are remembered)
 *
 * Thread safety: rows are constant; a state belongs to one cache. */
#ifndef ZC_CACHE_METHOD_H
#define ZC_CACHE_METHOD_H

#include "core/base/log.h"
#include "core/base/opt.h"
#include "core/base/status.h"
#include "core/sample/schedule.h"

#define ZC_CACHE_DEPTH  64      /* features a method may remember */
#define ZC_CACHE_LIST   512     /* bytes of an explicit list of steps */
#define ZC_CACHE_PATH   1024    /* bytes of the path of a predictor */
#define ZC_CACHE_FAMILY 32      /* bytes of the name of a model family */

/* Where features are taken from the model. */
typedef enum zc_tap {
    ZC_TAP_TRUNK,         /* after the last block */
    ZC_TAP_NORM,          /* after the final modulated norm */
    ZC_TAP_OUTPUT,        /* the velocity */
    ZC_TAP_COUNT
} zc_tap;

/* "trunk", "norm", "output"; find gives ZC_TAP_COUNT for other names. */
const char *zc_tap_name(zc_tap tap);
zc_tap      zc_tap_find(const char *name);

/* Another tensor of the same step that a method needs. */
typedef enum zc_cache_input {
    ZC_CACHE_NOTHING,
    ZC_CACHE_LATENT,      /* what enters the model; of the output's shape */
    ZC_CACHE_EMBED,       /* what enters the first block; of the trunk's shape */
    ZC_CACHE_MODULATED,   /* the same after the first block's first modulated norm; ZC_CACHE_EMBED
                           * stands in where a model can't tell it */
} zc_cache_input;

/* The first member of every method's options. */
typedef struct zc_cache_common {
    char    full[ZC_CACHE_LIST];  /* "0 1 2 9": exactly these are computed; "": the method says */
    float   max_error;            /* of a forecast, relative; 0: not checked */
    int32_t tap;                  /* 0: as the predictor or the model says; else 1 + zc_tap */
    int32_t type;                 /* of what is remembered: index in zc_cache_types */
} zc_cache_common;

extern const char *const zc_cache_taps[];         /* "default", then the names of taps */
extern const char *const zc_cache_types[];        /* "auto", "f32", "bf16", "f16", "f8_e4m3" */

/* Rows of an option table for a struct that begins with `zc_cache_common common`. */
#define ZC_CACHE_OPTS(options)                                                                     \
    { "full", ZC_OPT_KIND_STR, ZC_OPT_FIELD(options, common.full), 0, 0, 0, 0, 0, 0, "", NULL,     \
      "steps to compute, such as 0 1 2 9; empty: the method decides" },                            \
    { "max_error", ZC_OPT_KIND_FLOAT, ZC_OPT_FIELD(options, common.max_error), 0, 0, 0, 0, 0, 1e9, \
      NULL, NULL, "relative error of a forecast above which more steps are computed; 0: any" },    \
    { "tap", ZC_OPT_KIND_ENUM, ZC_OPT_FIELD(options, common.tap), 0, 0, 0, 0, 0, 0, NULL,          \
      zc_cache_taps, "where in the model features are taken" },                                    \
    { "type", ZC_OPT_KIND_ENUM, ZC_OPT_FIELD(options, common.type), 0, 0, 0, 0, 0, 0, NULL,        \
      zc_cache_types, "of remembered features; auto: f32 at the output, bf16 elsewhere" }

typedef struct zc_predictor zc_predictor;

/* The job that a method is opened for. All is borrowed for as long as the state is used. */
typedef struct zc_cache_env {
    zc_log             *log;
    const zc_schedule  *schedule;
    const zc_predictor *predictor;    /* if the row asks for one: it fits, see predictor.h */
    const char         *family;       /* of the model: "hunyuan-video" */
    int                 lane;
} zc_cache_env;

/* What is remembered, newest first. */
typedef struct zc_cache_past {
    int count;
    int step[ZC_CACHE_DEPTH];     /* of each */
} zc_cache_past;

/* What was measured before deciding; 0 in what the row does not ask for. x is the
 * row's probe, h the feature; means are over all elements. */
typedef struct zc_cache_seen {
    float drift;      /* mean |x - x'| / mean |x'|, x' of the step before */
    float travel;     /* mean |x - x'| / mean |h'|, h' of the step before, predicted or not */
    float gain;       /* mean |h - h"| / mean |x - x"|, both of the last two computed steps */
} zc_cache_seen;

enum zc_cache_sees { ZC_SEES_NOTHING, ZC_SEES_DRIFT, ZC_SEES_TRAVEL };

enum zc_cache_keeps {
    ZC_KEEPS_FULL,        /* remembers computed features */
    ZC_KEEPS_ALL,         /* predicted ones as well */
};

typedef struct zc_cache_method {
    const char *name, *summary;
    const zc_opt *opts;               /* into the first bytes of the state */
    size_t options_size, state_size;
    enum zc_cache_keeps keeps;
    enum zc_cache_sees  sees;
    zc_cache_input base;              /* remembered is the feature minus this */
    zc_cache_input probe;             /* what is measured */
    bool predictor;                   /* needs one */
    size_t running;                   /* where in the state begins what changes from step to step,
                                       * up to its end; 0: nothing does */

    /* Fills per-step tables from the options, which stand in the state already, and
     * says in *depth how many features are to be remembered. */
    zc_status (*open)(void *state, const zc_cache_env *env, int *depth);

    /* Whether this step is to be computed; called once for each step in order,
     * unless the user has listed the steps. The first step is, whatever this says. */
    bool (*computes)(void *state, const zc_step *step, const zc_cache_seen *seen);

    /* Told of every computed step, also of those that were not its own idea; may be NULL. */
    void (*computed)(void *state, const zc_step *step);

    /* Coefficients of the prediction of this step, newest first, at most past->count and
     * ZC_CACHE_DEPTH of them. Returns how many; 0: no prediction is possible, compute. */
    int (*mix)(const void *state, const zc_step *step, const zc_cache_past *past, float *coef,
               float *bias);
} zc_cache_method;

extern const zc_cache_method *const zc_cache_methods[];           /* ends in NULL */
const zc_cache_method *zc_cache_method_find(const char *name);    /* NULL if there is none */

#endif
