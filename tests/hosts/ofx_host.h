/* A host of OpenFX effects, for tests: the suites that a real one has, strict about
 * what effects may do, and able to fail, to say stop and to call back recursively.
 *
 * Thread safety: different effects on different threads; loading on one thread. */
#ifndef OFX_HOST_H
#define OFX_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "host-abi/openfx.h"
#include "host-abi/zoetrope.h"

/* What this host is like; set before host_load. */
typedef struct host_traits {
    const char *name;
    bool        no_persistent, no_progress_2, no_progress, no_threads, no_messages;
} host_traits;
extern host_traits host_is;

extern ofx_plugin *host_plugin;               /* between host_open and host_close */

void host_open(const char *path);             /* ends the process if it cannot */
void host_close(void);
ofx_status host_load(void);                   /* set_host, load, describe */
ofx_status host_unload(void);

/* Describes the effect in that context, and keeps that for host_create. */
ofx_status host_describe(const char *context);
ofx_effect host_create(void);                 /* NULL if the plugin refused */
void       host_destroy(ofx_effect *effect);
void       host_project(ofx_effect effect, double width, double height, double rate);

ofx_status host_action(ofx_effect effect, const char *action);
/* As a user who edits: sets it and tells the effect. */
void host_set_text(ofx_effect effect, const char *param, const char *value);
void host_set_int(ofx_effect effect, const char *param, int value);
void host_set_double(ofx_effect effect, const char *param, double value);
void host_push(ofx_effect effect, const char *button);

/* Answers of actions. */
bool host_time_domain(ofx_effect effect, double *first, double *last);
bool host_region(ofx_effect effect, ofx_rect_d *r);
bool host_preferences(ofx_effect effect, int *varying, char premultiplied[64]);

/* Of a descriptor or instance; of the parameter; -1 or "" if there is none. */
int         host_count(void);                 /* of parameters */
const char *host_param_type(const char *param);
const char *host_param_text(const char *param, const char *property);
double      host_param_number(const char *param, const char *property);
const char *host_effect_text(const char *property, int index);

/* A rendering. The window is in pixels, y upwards; all of bounds if empty. */
typedef struct host_frame {
    double      time, scale;      /* scale 0: 1 */
    const char *depth, *components;
    ofx_rect_i  bounds, window, region;       /* region: of the image; of bounds if empty */
    bool        downwards;        /* the first row in memory is the upper one */
    int         padding;          /* bytes behind each row */
    uint8_t    *pixels;           /* yours, to be freed; rows from above, no padding */
} host_frame;
/* Also checks that nothing outside of the window was written. */
ofx_status host_render(ofx_effect effect, host_frame *f);

/* What has happened to an effect. */
typedef struct host_events {
    int    starts, updates, ends; /* of progress */
    int    messages, clears;
    int    aborts;                /* questions */
    double last;                  /* progress */
    char   message[512];
} host_events;
host_events *host_events_of(ofx_effect effect);

/* From the n-th question on the answer is stop; 0: never. */
void host_abort_after(ofx_effect effect, int n);
void host_cancel_after(ofx_effect effect, int n);
/* Called by every question. */
void host_on_abort(ofx_effect effect, void (*hook)(ofx_effect effect));
/* Of every n-th call of a suite on this thread fails; 0: none. */
void host_fail_every(int n);

int host_errors(void);            /* wrong things that effects did */
int host_jobs(void);              /* films that were started in this process */

/* The engine's table, past the counting. */
const zt_api *host_engine(void);

#endif
