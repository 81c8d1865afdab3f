/* Features remembered from step to step, and the loop's three questions: is this
 * step computed, where does its feature go, and what is it predicted to be.
 *
 *     for each step:
 *         inputs = what zc_cache_base and zc_cache_probe ask for
 *         if (zc_cache_computes(cache, r, &step, &inputs))
 *             run the model up to the tap, into zc_cache_slot(cache)
 *         else
 *             zc_cache_predict(cache, r, &step, &inputs)
 *         zc_cache_commit(cache, r, &step, &inputs)
 *         run the model from the tap on, from zc_cache_feature(cache)
 *
 * One cache has the history of one lane of guidance. The second lane's cache
 * follows the first: it never decides on its own.
 *
 * A budget of error (max_error) works with every method: at each computed step
 * the method's own forecast is compared with the truth. If the error, relative
 * to the mean size of the truth, is larger, at most half as many steps as now
 * may be predicted in a row; if it is less than half, twice as many and one.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_CACHE_H
#define ZC_CACHE_H

#include "core/base/json.h"
#include "core/cache/method.h"
#include "core/cache/predictor.h"
#include "core/op.h"

typedef struct zc_cache zc_cache;

typedef struct zc_cache_desc {
    zc_log                *log;
    const zc_cache_method *method;
    const void            *options;   /* method->options_size bytes; copied. NULL: the defaults */
    const zc_schedule     *schedule;  /* borrowed until close */
    const zc_predictor    *predictor; /* borrowed until close; NULL if the method needs none */
    const char            *family;    /* of the model; borrowed until close */
    const char            *model;     /* its fingerprint; NULL: predictors of any are taken */
    zc_tap                 tap;       /* the model's default */
    int                    lane, lanes;
    zc_cache              *lead;      /* of lane 0, for other lanes: open for longer; else NULL */
} zc_cache_desc;

/* The path of the predictor in a method's options, for the caller to load: "" if the user gave
 * none; NULL if the method needs none. */
const char *zc_cache_predictor_path(const zc_cache_method *m, const void *options);

/* Checks everything that can be checked without a model. */
zc_status zc_cache_open(zc_cache **out, const zc_cache_desc *desc);
void      zc_cache_close(zc_cache **cache);

zc_tap         zc_cache_tap(const zc_cache *c);
zc_cache_input zc_cache_base(const zc_cache *c);
zc_cache_input zc_cache_probe(const zc_cache *c);     /* ZC_CACHE_NOTHING in a cache that follows */

/* What zc_cache_base and zc_cache_probe asked for, f32. Calls take NULL if they ask for nothing. */
typedef struct zc_cache_inputs {
    zk_tensor base, probe;
} zc_cache_inputs;

/* Bytes that start takes for features [rows, cols] that the model writes as `type`. */
uint64_t zc_cache_bytes(const zc_cache *c, int rows, int cols, zk_dtype type);

/* Forgets everything, and takes memory from the run's scratch, which must stay until
 * the last step is over. */
void zc_cache_start(zc_cache *c, zc_run *r, int rows, int cols, zk_dtype type);

/* The four calls of a step, in this order; steps come in order, from 0. */
bool      zc_cache_computes(zc_cache *c, zc_run *r, const zc_step *step,
                            const zc_cache_inputs *in);
zk_tensor zc_cache_slot(const zc_cache *c);           /* [rows, cols], to be written or read */
void      zc_cache_predict(zc_cache *c, zc_run *r, const zc_step *step,
                           const zc_cache_inputs *in);
void      zc_cache_commit(zc_cache *c, zc_run *r, const zc_step *step, const zc_cache_inputs *in);

/* The feature of the step that was committed last: valid until the next step's slot is written. */
zk_tensor zc_cache_feature(const zc_cache *c);

/* What is known between two steps, for going on in another process: tensors, which are the
 * run's, at most ZC_CACHE_TENSORS of them; and everything else as bytes, which mean something to
 * this build alone. set returns false if they cannot be of a cache with `steps` committed. */
#define ZC_CACHE_TENSORS (ZC_CACHE_DEPTH + 3)
int    zc_cache_tensors(const zc_cache *c, zk_tensor to[ZC_CACHE_TENSORS]);
size_t zc_cache_state_bytes(const zc_cache *c);
void   zc_cache_state_get(const zc_cache *c, void *bytes);
bool   zc_cache_state_set(zc_cache *c, const void *bytes, int steps);

/* What happened in each step so far. */
typedef enum zc_cache_kind {
    ZC_CACHE_COMPUTED,
    ZC_CACHE_PREDICTED,
    ZC_CACHE_INSERTED,        /* computed because of max_error, or for want of a prediction */
} zc_cache_kind;

typedef struct zc_cache_trace {
    zc_cache_kind kind;
    float error;              /* mean |forecast - truth| / mean |truth|; below 0: not measured */
    float drift;              /* as the method saw it, or 0 */
} zc_cache_trace;

int zc_cache_steps(const zc_cache *c);                /* committed */
const zc_cache_trace *zc_cache_trace_at(const zc_cache *c, int step);
int zc_cache_computed(const zc_cache *c);             /* of those, how many were computed */

/* The trace as an object: method, tap, steps, computed, and an array of steps. */
void zc_cache_report(const zc_cache *c, zc_json_writer *w);

/* One line: "lesa: 10 of 50 steps computed: 0 1 2 3 9 ...", with a "+" behind those that were
 * inserted, and the error of the forecast, where it was measured, in brackets. */
void zc_cache_say(const zc_cache *c, zc_log *log);

#endif
