/* Trainings of predictors as tasks: a prompt file in, one predictor file out.
 *
 * The model runs over the prompts without caching; what it has at the tap is looked at
 * by a fit, which may let it run some prompts again in a closed loop. Work that was
 * interrupted goes on where it stopped if the same training is started again: OUTPUT.train
 * keeps what is needed for that, and is removed at the end.
 *
 * Memory beyond that of the model and one latent: the fit's, see core/train/, and a
 * piece of a feature. Both are told in the log and in the report.
 *
 * zc_training_start, in core.h, checks everything that can be checked without a model.
 *
 * Thread safety: as core.h says. */
#ifndef ZC_TRAINING_H
#define ZC_TRAINING_H

#include "core/core.h"
#include "core/train/fit.h"

typedef struct zc_training_options {
    int32_t fit;                      /* index in zc_fit_kinds */
    int32_t tap;                      /* 0: the model's; else 1 + zc_tap */
    int32_t elements;                 /* of each feature that are looked at, at most */
    bool    keep;                     /* the folder, at the end */
    char    licence[256];
} zc_training_options;

extern const zc_opt zc_training_opts[];

#endif
