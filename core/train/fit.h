/* The table of fits: ways from trajectories to a predictor, behind one set of
 * functions. What they promise stands in gram_fit.h and kan_fit.h.
 *
 * Thread safety: rows are constant; a fit belongs to one thread at a time. */
#ifndef ZC_FIT_H
#define ZC_FIT_H

#include "core/base/opt.h"
#include "core/train/train.h"

typedef struct zc_fit_kind {
    const char   *name, *summary;
    const zc_opt *opts;
    size_t        options_size;

    zc_status (*open)(void **fit, const zc_train_job *job, const void *options, int prompts);
    void      (*close)(void **fit);
    int       (*total)(const void *fit);              /* calls of next, in all */
    int       (*at)(const void *fit);                 /* of those, done */
    bool      (*again)(const void *fit, int prompt);  /* its truth is asked for more than once */
    size_t    (*bytes)(const void *fit);              /* of memory, trajectories included */
    zc_status (*next)(void *fit, const zc_train_source *source, double *loss);
    zc_status (*save)(void *fit, const char *path);
    zc_status (*load)(void *fit, const char *path);
    zc_status (*predictor)(const void *fit, zc_predictor **out);
} zc_fit_kind;

extern const char *const zc_fit_names[];              /* in the order of the next; ends in NULL */
extern const zc_fit_kind zc_fit_kinds[];

#endif
