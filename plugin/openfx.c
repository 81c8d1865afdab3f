/* The OpenFX front door: verbs of a host into films.
 *
 * Rendering never generates: it finds or starts the film of the parameters' values,
 * waits for one frame of it while the host may say stop, and copies that. A host that
 * gives up on a frame does not stop the film; one whose user cancels it does. */

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/openfx.h"

static const struct fx_habit habits[] = {
    { "fr.inria.Natron", 1, true },
    { "uk.co.thefoundry.nuke", 1, true },
};

static struct {
    pthread_mutex_t mutex;
    ofx_host       *given;
    fx_host         host;
} guest = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void set_host(ofx_host *host)
{
    pthread_mutex_lock(&guest.mutex);
    guest.given = host;
    pthread_mutex_unlock(&guest.mutex);
}

ofx_props fx_props(const fx_call *c)
{
    ofx_props p = NULL;

    return c->host->effect->props(c->effect, &p) == OFX_OK ? p : NULL;
}

double fx_double(const fx_call *c, ofx_props p, const char *name, int index, double value)
{
    double found = value;

    if (!p || c->host->s.prop->get_double(p, name, index, &found) != OFX_OK || !isfinite(found))
        return value;
    return found;
}

ofx_status fx_complain(const fx_call *c, const char *text)
{
    const ofx_message_suite *p = c->host->persistent, *m = c->host->message;

    atomic_store(&c->self->complained, true);
    if (p && p->set_persistent)
        p->set_persistent(c->effect, OFX_MESSAGE_ERROR, "", "%s", text);
    else if (m && m->message)
        m->message(c->effect, OFX_MESSAGE_ERROR, "", "%s", text);
    else
        fprintf(stderr, "zoetrope: %s\n", text);
    return OFX_FAILED;
}

/* ---- Loading and describing ---- */

static fx_host know(ofx_host *given)
{
    fx_host h = { 0 };
    char *name = NULL;
    unsigned cpus = 0;

    h.s.prop = given->fetch_suite(given->props, OFX_PROPERTY_SUITE, 1);
    h.s.param = given->fetch_suite(given->props, OFX_PARAMETER_SUITE, 1);
    h.effect = given->fetch_suite(given->props, OFX_IMAGE_EFFECT_SUITE, 1);
    h.message = given->fetch_suite(given->props, OFX_MESSAGE_SUITE, 1);
    h.persistent = given->fetch_suite(given->props, OFX_MESSAGE_SUITE, 2);
    h.progress = given->fetch_suite(given->props, OFX_PROGRESS_SUITE, 1);
    h.progress_2 = given->fetch_suite(given->props, OFX_PROGRESS_SUITE, 2);
    const ofx_multi_thread_suite *t =
        given->fetch_suite(given->props, OFX_MULTI_THREAD_SUITE, 1);
    if (t && t->cpus(&cpus) == OFX_OK && cpus <= 256)
        h.threads = (int)cpus;
    if (!h.s.prop || !given->props ||
        h.s.prop->get_string(given->props, OFX_P_NAME, 0, &name) != OFX_OK || !name)
        name = "";
    for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
        if (strncmp(name, habits[i].host, strlen(habits[i].host)) == 0)
            h.habit = habits[i];
    }
    return h;
}

static ofx_status load(const fx_call *c)
{
    (void)c;
    pthread_mutex_lock(&guest.mutex);
    ofx_host *given = guest.given;
    pthread_mutex_unlock(&guest.mutex);
    if (!given || !given->fetch_suite)
        return OFX_ERR_MISSING_FEATURE;
    const fx_host host = know(given);
    if (!host.s.prop || !host.s.param || !host.effect)
        return OFX_ERR_MISSING_FEATURE;
    pthread_mutex_lock(&guest.mutex);
    guest.host = host;
    pthread_mutex_unlock(&guest.mutex);
    fx_films_load();
    return OFX_OK;
}

static ofx_status unload(const fx_call *c)
{
    (void)c;
    fx_films_unload();
    return OFX_OK;
}

static void set_strings(const fx_call *c, ofx_props p, const char *name, const char *const *values)
{
    for (int i = 0; values[i]; i++)
        c->host->s.prop->set_string(p, name, i, values[i]);
}

static ofx_status describe(const fx_call *c)
{
    static const char *const contexts[] = { OFX_CONTEXT_GENERATOR, OFX_CONTEXT_GENERAL,
                                            OFX_CONTEXT_FILTER, NULL };
    static const char *const depths[] = { OFX_FLOAT, OFX_HALF, OFX_SHORT, OFX_BYTE, NULL };
    const ofx_property_suite *s = c->host->s.prop;
    ofx_props p = fx_props(c);

    if (!p)
        return OFX_ERR_BAD_HANDLE;
    s->set_string(p, OFX_P_LABEL, 0, "Zoetrope");
    s->set_string(p, OFX_P_GROUPING, 0, "Zoetrope");
    s->set_string(p, OFX_P_DESCRIPTION, 0, "Films and images generated from a text.");
    set_strings(c, p, OFX_P_CONTEXTS, contexts);
    set_strings(c, p, OFX_P_DEPTHS, depths);
    s->set_string(p, OFX_P_THREAD_SAFETY, 0, OFX_INSTANCE_SAFE);
    s->set_int(p, OFX_P_FRAME_THREADING, 0, 0);
    s->set_int(p, OFX_P_TILES, 0, 0);
    s->set_int(p, OFX_P_MULTI_RESOLUTION, 0, 0);
    s->set_int(p, OFX_P_TEMPORAL, 0, 0);
    s->set_int(p, OFX_P_SINGLE_INSTANCE, 0, 0);
    s->set_int(p, OFX_P_SEQUENTIAL, 0, 2);
    s->set_int(p, OFX_P_MULTIPLE_DEPTHS, 0, 0);
    set_strings(c, p, OFX_P_SLAVE_PARAM, fx_preference_params);
    return OFX_OK;
}

static ofx_status describe_in_context(const fx_call *c)
{
    static const char *const components[] = { OFX_RGBA, OFX_RGB, NULL };
    const fx_host *h = c->host;
    ofx_props clip = NULL;
    ofx_params set = NULL;
    char *context = NULL;

    if (h->s.prop->get_string(c->in, OFX_P_CONTEXT, 0, &context) != OFX_OK || !context)
        return OFX_FAILED;
    if (h->effect->clip_define(c->effect, OFX_CLIP_OUTPUT, &clip) != OFX_OK || !clip)
        return OFX_FAILED;
    set_strings(c, clip, OFX_P_COMPONENTS_OF, components);
    /* For hosts that know no generators: the film takes the picture's place. */
    clip = NULL;
    if (strcmp(context, OFX_CONTEXT_FILTER) == 0 &&
        h->effect->clip_define(c->effect, OFX_CLIP_SOURCE, &clip) == OFX_OK && clip)
        set_strings(c, clip, OFX_P_COMPONENTS_OF, components);
    if (h->effect->params(c->effect, &set) != OFX_OK || !set)
        return OFX_FAILED;
    fx_params_define(&h->s, set, h->habit.first);
    return OFX_OK;
}

/* ---- Instances ---- */

static ofx_status create_instance(const fx_call *c)
{
    ofx_props p = fx_props(c);
    ofx_params set = NULL;

    if (!p || c->host->effect->params(c->effect, &set) != OFX_OK || !set)
        return OFX_ERR_BAD_HANDLE;
    fx_instance *self = calloc(1, sizeof(*self));
    fx_handles *params = fx_handles_get(&c->host->s, set);
    ofx_status st = OFX_ERR_MEMORY;
    if (self && params) {
        self->host = *c->host;
        self->params = params;
        st = c->host->s.prop->set_pointer(p, OFX_P_INSTANCE_DATA, 0, self) == OFX_OK ? OFX_OK
                                                                                    : OFX_FAILED;
    }
    if (st == OFX_OK) {
        fx_films_enter();
    } else {
        fx_handles_free(params);
        free(self);
    }
    return st;
}

static ofx_status destroy_instance(const fx_call *c)
{
    ofx_props p = fx_props(c);

    if (p)
        c->host->s.prop->set_pointer(p, OFX_P_INSTANCE_DATA, 0, NULL);
    fx_slot_clear(&c->self->film);
    fx_handles_free(c->self->params);
    free(c->self);
    fx_films_leave();
    return OFX_OK;
}

static ofx_status instance_changed(const fx_call *c)
{
    fx_values v;
    char *name = NULL, *reason = NULL, error[512];

    c->host->s.prop->get_string(c->in, OFX_P_NAME, 0, &name);
    const bool generate = name && strcmp(name, FX_PARAM_GENERATE) == 0;
    c->host->s.prop->get_string(c->in, OFX_P_CHANGE_REASON, 0, &reason);
    if (reason && strcmp(reason, "OfxChangeTime") == 0)
        return OFX_OK;
    const bool ok = fx_values_get(&c->host->s, c->self->params, &v);
    fx_film *film = NULL;
    if (ok)
        fx_slot_update(&c->self->film, &v.desc);
    if (ok && generate) {
        film = fx_slot_hold(&c->self->film);
        if (film && fx_film_info(film).status != ZT_OK)
            fx_film_forget(film);
        fx_film_let(&film);
        film = fx_slot_use(&c->self->film, &v.desc, c->host->threads, error, sizeof(error));
    }
    fx_values_fini(&v);
    if (generate && ok && !film)
        fx_complain(c, error);
    fx_film_let(&film);
    return ok ? OFX_OK : OFX_ERR_MEMORY;
}

static ofx_status purge(const fx_call *c)
{
    (void)c;
    fx_films_purge();
    return OFX_OK;
}

bool fx_project(const fx_call *c, ofx_rect_d *r)
{
    ofx_props p = fx_props(c);
    const double w = fx_double(c, p, OFX_P_PROJECT_SIZE, 0, 0);
    const double h = fx_double(c, p, OFX_P_PROJECT_SIZE, 1, 0);
    const double x = fx_double(c, p, OFX_P_PROJECT_OFFSET, 0, 0);
    const double y = fx_double(c, p, OFX_P_PROJECT_OFFSET, 1, 0);

    *r = (ofx_rect_d){ x, y, x + w, y + h };
    return w > 0 && h > 0;
}

static ofx_status region(const fx_call *c)
{
    ofx_rect_d r;

    if (!fx_project(c, &r))
        return OFX_REPLY_DEFAULT;
    const double v[] = { r.x1, r.y1, r.x2, r.y2 };
    for (int i = 0; i < 4; i++)
        c->host->s.prop->set_double(c->out, OFX_P_REGION, i, v[i]);
    return OFX_OK;
}

double fx_speed(const fx_call *c, const fx_values *v)
{
    const double rate = fx_double(c, fx_props(c), OFX_P_FRAME_RATE, 0, 0);

    return v->rate > 0 && rate > 0 ? v->rate / rate : 1;
}

static ofx_status time_domain(const fx_call *c)
{
    fx_values v;

    if (!fx_values_get(&c->host->s, c->self->params, &v)) {
        fx_values_fini(&v);
        return OFX_ERR_MEMORY;
    }
    fx_slot_update(&c->self->film, &v.desc);
    fx_film *film = fx_slot_hold(&c->self->film);
    int32_t frames = film ? fx_film_info(film).frames : 0;
    fx_film_let(&film);
    if (frames <= 0 && (*v.desc.preset || *v.desc.options))
        frames = fx_films_plan(&v.desc, c->host->threads);
    if (frames <= 0)
        frames = v.frames;
    const double first = v.start, last = first + ceil(frames / fx_speed(c, &v) - 1e-6) - 1;
    fx_values_fini(&v);
    c->host->s.prop->set_double(c->out, OFX_P_FRAME_RANGE, 0, first);
    c->host->s.prop->set_double(c->out, OFX_P_FRAME_RANGE, 1, last);
    return OFX_OK;
}

static ofx_status preferences(const fx_call *c)
{
    const ofx_property_suite *s = c->host->s.prop;
    fx_values v;

    const bool ok = fx_values_get(&c->host->s, c->self->params, &v);
    const bool opaque = v.end != FX_END_TRANSPARENT &&
                        (v.fit == FX_FIT_FILL || v.fit == FX_FIT_STRETCH);
    fx_values_fini(&v);
    if (!ok)
        return OFX_ERR_MEMORY;
    s->set_int(c->out, OFX_P_FRAME_VARYING, 0, 1);
    s->set_int(c->out, OFX_P_CONTINUOUS, 0, 0);
    s->set_string(c->out, OFX_P_FIELD_ORDER, 0, OFX_FIELD_NONE);
    s->set_string(c->out, OFX_P_PREMULTIPLIED, 0, opaque ? OFX_OPAQUE : OFX_PREMULTIPLIED);
    return OFX_OK;
}

/* ---- The entry ---- */

enum need { NO_HANDLE = 1, INSTANCE = 2, IN = 4, OUT = 8 };

static const struct action {
    const char *name;
    unsigned    needs;
    ofx_status (*run)(const fx_call *c);
} actions[] = {
    { OFX_ACTION_LOAD, NO_HANDLE, load },
    { OFX_ACTION_UNLOAD, NO_HANDLE, unload },
    { OFX_ACTION_DESCRIBE, 0, describe },
    { OFX_ACTION_DESCRIBE_IN, IN, describe_in_context },
    { OFX_ACTION_CREATE_INSTANCE, 0, create_instance },
    { OFX_ACTION_DESTROY_INSTANCE, INSTANCE, destroy_instance },
    { OFX_ACTION_INSTANCE_CHANGED, INSTANCE | IN, instance_changed },
    { OFX_ACTION_PURGE_CACHES, INSTANCE, purge },
    { OFX_ACTION_REGION, INSTANCE | OUT, region },
    { OFX_ACTION_TIME_DOMAIN, INSTANCE | OUT, time_domain },
    { OFX_ACTION_PREFERENCES, INSTANCE | OUT, preferences },
    { OFX_ACTION_RENDER, INSTANCE | IN, fx_render },
};

static ofx_status run(const struct action *a, const void *handle, ofx_props in, ofx_props out)
{
    fx_call c = { .effect = (ofx_effect)(uintptr_t)handle, .in = in, .out = out };
    void *self = NULL;

    if (a->needs & NO_HANDLE)
        return a->run(&c);
    if (!handle || ((a->needs & IN) && !in) || ((a->needs & OUT) && !out))
        return OFX_ERR_BAD_HANDLE;
    pthread_mutex_lock(&guest.mutex);
    const fx_host host = guest.host;
    pthread_mutex_unlock(&guest.mutex);
    c.host = &host;
    if (!host.effect)
        return OFX_ERR_MISSING_FEATURE;
    if (a->needs & INSTANCE) {
        ofx_props p = fx_props(&c);
        if (!p || host.s.prop->get_pointer(p, OFX_P_INSTANCE_DATA, 0, &self) != OFX_OK || !self)
            return OFX_ERR_BAD_HANDLE;
        c.self = self;
        c.host = &c.self->host;
    }
    return a->run(&c);
}

static ofx_status main_entry(const char *action, const void *handle, ofx_props in, ofx_props out)
{
    for (size_t i = 0; action && i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(action, actions[i].name) == 0)
            return run(&actions[i], handle, in, out);
    }
    return OFX_REPLY_DEFAULT;
}

int OfxGetNumberOfPlugins(void)
{
    return 1;
}

ofx_plugin *OfxGetPlugin(int n)
{
    static ofx_plugin plugin = {
        .api = OFX_API,
        .api_version = 1,
        .identifier = "org.zoetrope.Zoetrope",
        .major = 1,
        .minor = 1,           /* rises with parameters: some hosts keep descriptions */
        .set_host = set_host,
        .main_entry = main_entry,
    };

    return n == 0 ? &plugin : NULL;
}
