/* Parameters as hosts of OpenFX show them: those of zoetrope.h, and what placing a
 * film in a host's time and picture needs.
 *
 * A parameter of zoetrope.h at its default says nothing: the preset's value counts.
 *
 * Thread safety: descriptions have no state; values are read on any thread. */
#ifndef OPENFX_PARAMS_H
#define OPENFX_PARAMS_H

#include <stdbool.h>

#include "host-abi/openfx.h"
#include "plugin/openfx_film.h"
#include "plugin/openfx_picture.h"

/* What a host's time before the film's first frame and behind its last shows. */
enum fx_end { FX_END_HOLD, FX_END_LOOP, FX_END_TRANSPARENT };

/* What values of pixels mean. */
enum fx_transfer { FX_TRANSFER_AUTO, FX_TRANSFER_SRGB, FX_TRANSFER_LINEAR };

typedef struct fx_values {
    fx_desc  desc;                /* its texts are owned by this struct */
    int      frames;              /* of the parameter, which a preset may overrule */
    int      start;               /* the host's time of the first frame */
    double   rate;                /* frames of the film a second; 0: one for each of the host's */
    enum fx_end      end;
    enum fx_fit      fit;
    enum fx_transfer transfer;
} fx_values;

/* The suites that values and descriptions need. */
typedef struct fx_suites {
    const ofx_property_suite  *prop;
    const ofx_parameter_suite *param;
} fx_suites;

/* Defines everything. start: default of the first frame's time. */
void fx_params_define(const fx_suites *s, ofx_params set, int start);

/* Handles of an instance; NULL without memory. Those that the host does not have
 * stay at their defaults. */
typedef struct fx_handles fx_handles;
fx_handles *fx_handles_get(const fx_suites *s, ofx_params set);
void        fx_handles_free(fx_handles *h);

/* False without memory; v is to be given to fx_values_fini in any case. */
bool fx_values_get(const fx_suites *s, const fx_handles *h, fx_values *v);
void fx_values_fini(fx_values *v);

#define FX_PARAM_GENERATE "generate"

/* Those that clip preferences depend on; ends in NULL. */
extern const char *const fx_preference_params[];

#endif
