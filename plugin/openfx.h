/* Inside of the OpenFX front door: what a call knows of its host and instance.
 *
 * Thread safety: as OpenFX has it; an instance renders one frame at a time. */
#ifndef ZOETROPE_PLUGIN_OPENFX_H
#define ZOETROPE_PLUGIN_OPENFX_H

#include <stdatomic.h>

#include "host-abi/openfx.h"
#include "plugin/openfx_film.h"
#include "plugin/openfx_params.h"
#include "plugin/openfx_picture.h"

/* How programs differ in what no property tells. */
struct fx_habit {
    const char *host;             /* its name begins so */
    int         first;            /* time of a project's first frame */
    bool        linear;           /* pixels of float are light */
};

/* A host, as far as we know it. Copied, since hosts set it again at any time. */
typedef struct fx_host {
    fx_suites                     s;
    const ofx_image_effect_suite *effect;
    const ofx_message_suite      *message, *persistent;       /* versions 1 and 2 */
    const ofx_progress_suite_1   *progress;
    const ofx_progress_suite_2   *progress_2;
    int                           threads;        /* that it grants; 0: not said */
    struct fx_habit               habit;
} fx_host;

typedef struct fx_instance {
    fx_host     host;
    fx_handles *params;
    fx_film    *film;             /* of the values that were seen last; the films' lock guards it */
    atomic_bool complained;
} fx_instance;

/* One call of the main entry. */
typedef struct fx_call {
    const fx_host *host;
    ofx_effect     effect;
    fx_instance   *self;
    ofx_props      in, out;
} fx_call;

/* The effect's properties, or NULL. */
ofx_props fx_props(const fx_call *c);
/* value, if the host has none. */
double fx_double(const fx_call *c, ofx_props p, const char *name, int index, double value);

/* Tells an error, until the next success where the host can. Returns OFX_FAILED. */
ofx_status fx_complain(const fx_call *c, const char *text);

/* The project's rectangle in canonical coordinates; false if the host has none. */
bool fx_project(const fx_call *c, ofx_rect_d *r);

/* Frames of the film for one of the host. */
double fx_speed(const fx_call *c, const fx_values *v);

/* The render action. */
ofx_status fx_render(const fx_call *c);

#endif
