/* The suites of the test host, and its actions. */

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hosts/ofx_host.h"
#include "tests/hosts/ofx_props.h"

/* The interface's layouts. */
static_assert(sizeof(ofx_host) == 2 * sizeof(void *), "host");
static_assert(sizeof(ofx_plugin) == 48 && offsetof(ofx_plugin, main_entry) == 40, "plugin");
static_assert(sizeof(ofx_property_suite) == 18 * sizeof(void *), "properties");
static_assert(offsetof(ofx_parameter_suite, value_at) == 5 * sizeof(void *), "parameters");
static_assert(sizeof(ofx_image_effect_suite) == 13 * sizeof(void *), "image effects");
static_assert(sizeof(ofx_multi_thread_suite) == 9 * sizeof(void *), "threads");

host_traits host_is = { .name = "org.zoetrope.test" };
ofx_plugin *host_plugin;

static void *library;
static atomic_int jobs;

/* ---- The engine behind the plugin, with a count ---- */

static const zt_api *real;
static zt_api counting;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int32_t job_start(zt_engine *engine, zt_job **job, const zt_job_desc *desc)
{
    const int32_t st = real->job_start(engine, job, desc);

    jobs += st == ZT_OK;
    return st;
}

static void begin(void)
{
    const zt_api *(*get)(uint32_t) = NULL;
    void *engine = dlopen("libzoetrope.so.0", RTLD_NOW | RTLD_LOCAL);

    if (!engine) {
        printf("FAIL %s\n", dlerror());
        exit(1);
    }
    *(void **)&get = dlsym(engine, "zt_get_api");
    real = get(ZT_ABI);
    counting = *real;
    counting.job_start = job_start;
}

/* A program's own function comes before a library's. */
ZT_EXPORT const zt_api *zt_get_api(uint32_t abi)
{
    pthread_once(&once, begin);
    return abi == ZT_ABI ? &counting : NULL;
}

const zt_api *host_engine(void)
{
    pthread_once(&once, begin);
    return real;
}

/* ---- Parameters and effects ---- */

enum { MOST_PARAMS = 128 };

struct ofx_param_ {
    char               name[64], type[64];
    struct ofx_props_  props;
    char              *s;
    double             d;
    int                i;
};

struct ofx_params_ {
    int               count;
    struct ofx_param_ param[MOST_PARAMS];
};

struct ofx_clip_ {
    struct ofx_props_ props;
    ofx_effect        effect;
};

struct ofx_effect_ {
    bool               instance;
    struct ofx_props_  props, image;
    struct ofx_params_ params;
    struct ofx_clip_   output, source;
    int                clips, images;         /* defined, and held */
    host_events        events;
    int                abort_after, cancel_after;
    void             (*on_abort)(ofx_effect effect);
};

static struct ofx_effect_ described;          /* in the context of host_describe */
static struct ofx_effect_ description;
static struct ofx_props_ host_props;

static ofx_param find(ofx_params set, const char *name)
{
    for (int i = 0; i < set->count; i++) {
        if (strcmp(set->param[i].name, name) == 0)
            return &set->param[i];
    }
    return NULL;
}

static ofx_status param_define(ofx_params set, const char *type, const char *name, ofx_props *p)
{
    if (host_fails())
        return OFX_FAILED;
    if (!set || set->count == MOST_PARAMS || !type || !name || !*name || find(set, name)) {
        host_wrong("defines a parameter twice, or too many", name);
        return OFX_ERR_BAD_HANDLE;
    }
    ofx_param param = &set->param[set->count++];
    snprintf(param->name, sizeof(param->name), "%s", name);
    snprintf(param->type, sizeof(param->type), "%s", type);
    *p = &param->props;
    return OFX_OK;
}

static ofx_status param_handle(ofx_params set, const char *name, ofx_param *param, ofx_props *p)
{
    ofx_param found = set && !host_fails() ? find(set, name) : NULL;

    if (!found)
        return OFX_ERR_UNKNOWN;
    *param = found;
    if (p)
        *p = &found->props;
    return OFX_OK;
}

static ofx_status param_value(ofx_param param, ...)
{
    va_list ap;

    if (!param || host_fails())
        return OFX_FAILED;
    va_start(ap, param);
    if (strcmp(param->type, OFX_STRING) == 0)
        *va_arg(ap, char **) = param->s;
    else if (strcmp(param->type, OFX_DOUBLE) == 0)
        *va_arg(ap, double *) = param->d;
    else
        *va_arg(ap, int *) = param->i;
    va_end(ap);
    return OFX_OK;
}

static const ofx_parameter_suite parameter_suite = {
    .define = param_define, .handle = param_handle, .value = param_value,
};

static ofx_status effect_props(ofx_effect e, ofx_props *p)
{
    if (!e || host_fails())
        return OFX_ERR_BAD_HANDLE;
    *p = &e->props;
    return OFX_OK;
}

static ofx_status effect_params(ofx_effect e, ofx_params *set)
{
    if (!e || host_fails())
        return OFX_ERR_BAD_HANDLE;
    *set = &e->params;
    return OFX_OK;
}

static ofx_clip clip_of(ofx_effect e, const char *name)
{
    return strcmp(name, OFX_CLIP_OUTPUT) == 0   ? &e->output
           : strcmp(name, OFX_CLIP_SOURCE) == 0 ? &e->source : NULL;
}

static ofx_status clip_define(ofx_effect e, const char *name, ofx_props *p)
{
    ofx_clip clip = e && !host_fails() ? clip_of(e, name) : NULL;

    if (!clip)
        return OFX_FAILED;
    e->clips++;
    *p = &clip->props;
    return OFX_OK;
}

static ofx_status clip_handle(ofx_effect e, const char *name, ofx_clip *clip, ofx_props *p)
{
    ofx_clip found = e && !host_fails() ? clip_of(e, name) : NULL;

    if (!found)
        return OFX_ERR_BAD_HANDLE;
    found->effect = e;
    *clip = found;
    if (p)
        *p = &found->props;
    return OFX_OK;
}

static ofx_status clip_image(ofx_clip clip, ofx_time time, const ofx_rect_d *region, ofx_props *p)
{
    (void)time, (void)region;
    if (!clip || host_fails())
        return OFX_FAILED;
    clip->effect->images++;
    *p = &clip->effect->image;
    return OFX_OK;
}

static ofx_status clip_release(ofx_props image)
{
    ofx_effect e = (ofx_effect)(void *)((char *)image - offsetof(struct ofx_effect_, image));

    if (e->images-- != 1)
        host_wrong("releases an image that it does not hold", "");
    return OFX_OK;
}

static int effect_abort(ofx_effect e)
{
    e->events.aborts++;
    if (e->on_abort)
        e->on_abort(e);
    return e->abort_after > 0 && e->events.aborts >= e->abort_after;
}

static const ofx_image_effect_suite image_effect_suite = {
    .props = effect_props, .params = effect_params, .clip_define = clip_define,
    .clip_handle = clip_handle, .clip_image = clip_image, .clip_release = clip_release,
    .abort = effect_abort,
};

/* ---- The small suites ---- */

static ofx_status cpus(unsigned *count)
{
    *count = 2;
    return OFX_OK;
}

static ofx_status alloc(void *handle, size_t bytes, void **data)
{
    (void)handle;
    *data = malloc(bytes);
    return *data ? OFX_OK : OFX_ERR_MEMORY;
}

static ofx_status give_back(void *data)
{
    free(data);
    return OFX_OK;
}

static ofx_status message(void *handle, const char *type, const char *id, const char *format, ...)
{
    ofx_effect e = handle;
    va_list ap;

    (void)id;
    if (strcmp(type, OFX_MESSAGE_ERROR) != 0)
        host_wrong("says a strange thing", type);
    va_start(ap, format);
    vsnprintf(e->events.message, sizeof(e->events.message), format, ap);
    va_end(ap);
    e->events.messages++;
    return OFX_OK;
}

static ofx_status clear(void *handle)
{
    ((ofx_effect)handle)->events.clears++;
    return OFX_OK;
}

static ofx_status progress_start_2(void *handle, const char *text, const char *id)
{
    host_events *v = &((ofx_effect)handle)->events;

    if (!text || !id || v->starts != v->ends)
        host_wrong("starts progress badly", text);
    if (host_fails())
        return OFX_FAILED;
    v->starts++;
    v->last = 0;
    return OFX_OK;
}

static ofx_status progress_start(void *handle, const char *text)
{
    return progress_start_2(handle, text, "");
}

static ofx_status progress_update(void *handle, double done)
{
    ofx_effect e = handle;
    host_events *v = &e->events;

    v->updates++;
    if (v->starts == v->ends || !(done >= v->last && done <= 1))
        host_wrong("makes strange progress", "");
    v->last = done;
    return e->cancel_after > 0 && v->updates >= e->cancel_after ? OFX_REPLY_NO : OFX_OK;
}

static ofx_status progress_end(void *handle)
{
    host_events *v = &((ofx_effect)handle)->events;

    if (++v->ends != v->starts)
        host_wrong("ends progress twice", "");
    return OFX_OK;
}

static ofx_status timeline_time(void *handle, double *time)
{
    (void)handle;
    *time = 0;
    return OFX_OK;
}

static const void *fetch_suite(ofx_props host, const char *name, int version)
{
    static const ofx_memory_suite memory = { alloc, give_back };
    static const ofx_multi_thread_suite threads = { .cpus = cpus };
    static const ofx_message_suite messages = { message, message, clear };
    static const ofx_progress_suite_1 progress_1 = { progress_start, progress_update,
                                                     progress_end };
    static const ofx_progress_suite_2 progress_2 = { progress_start_2, progress_update,
                                                     progress_end };
    static const ofx_timeline_suite timeline = { .time = timeline_time };
    const struct {
        const char *name;
        int         version;
        const void *suite;
    } suites[] = {
        { OFX_PROPERTY_SUITE, 1, &props_suite },
        { OFX_PARAMETER_SUITE, 1, &parameter_suite },
        { OFX_IMAGE_EFFECT_SUITE, 1, &image_effect_suite },
        { OFX_MEMORY_SUITE, 1, &memory },
        { OFX_MULTI_THREAD_SUITE, 1, host_is.no_threads ? NULL : &threads },
        { OFX_MESSAGE_SUITE, 1, host_is.no_messages ? NULL : &messages },
        { OFX_MESSAGE_SUITE, 2, host_is.no_persistent ? NULL : &messages },
        { OFX_PROGRESS_SUITE, 1, host_is.no_progress ? NULL : &progress_1 },
        { OFX_PROGRESS_SUITE, 2, host_is.no_progress_2 ? NULL : &progress_2 },
        { OFX_TIMELINE_SUITE, 1, &timeline },
    };

    if (host != &host_props)
        host_wrong("asks another host for", name);
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (strcmp(suites[i].name, name) == 0 && suites[i].version == version)
            return suites[i].suite;
    }
    return NULL;
}

/* ---- The plugin's life ---- */

void host_open(const char *path)
{
    ofx_plugin *(*plugin)(int) = NULL;
    int (*count)(void) = NULL;

    library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        printf("FAIL %s\n", dlerror());
        exit(1);
    }
    *(void **)&count = dlsym(library, "OfxGetNumberOfPlugins");
    *(void **)&plugin = dlsym(library, "OfxGetPlugin");
    host_plugin = count && plugin && count() == 1 ? plugin(0) : NULL;
    if (!host_plugin || plugin(1) || plugin(-1) || host_plugin->api_version != 1 ||
        strcmp(host_plugin->api, OFX_API) != 0) {
        printf("FAIL %s is not a plugin as it should be\n", path);
        exit(1);
    }
}

void host_close(void)
{
    host_plugin = NULL;
    dlclose(library);
}

static ofx_status act(ofx_effect e, const char *action, ofx_props in, ofx_props out)
{
    const ofx_status st = host_plugin->main_entry(action, e, in, out);

    if (st == 2)
        host_wrong("answers what ends a host", action);
    return st;
}

static void effect_fini(ofx_effect e)
{
    for (int i = 0; i < e->params.count; i++) {
        props_fini(&e->params.param[i].props);
        free(e->params.param[i].s);
    }
    props_fini(&e->props);
    props_fini(&e->image);
    props_fini(&e->output.props);
    props_fini(&e->source.props);
    memset(e, 0, sizeof(*e));
}

ofx_status host_load(void)
{
    static ofx_host host;

    host = (ofx_host){ &host_props, fetch_suite };
    props_fini(&host_props);
    props_put_text(&host_props, OFX_P_NAME, 0, host_is.name);
    host_plugin->set_host(&host);
    effect_fini(&description);
    const ofx_status st = act(NULL, OFX_ACTION_LOAD, NULL, NULL);
    return st == OFX_OK ? act(&description, OFX_ACTION_DESCRIBE, NULL, NULL) : st;
}

ofx_status host_unload(void)
{
    const ofx_status st = act(NULL, OFX_ACTION_UNLOAD, NULL, NULL);

    effect_fini(&description);
    effect_fini(&described);
    props_fini(&host_props);
    return st;
}

ofx_status host_describe(const char *context)
{
    struct ofx_props_ in = { 0 };

    effect_fini(&described);
    props_put_text(&in, OFX_P_CONTEXT, 0, context);
    const ofx_status st = act(&described, OFX_ACTION_DESCRIBE_IN, &in, NULL);
    props_fini(&in);
    return st;
}

ofx_effect host_create(void)
{
    ofx_effect e = calloc(1, sizeof(*e));

    e->instance = true;
    e->params.count = described.params.count;
    for (int i = 0; i < e->params.count; i++) {
        ofx_param to = &e->params.param[i], from = &described.params.param[i];
        const prop_value *v = props_find(&from->props, OFX_P_DEFAULT, 0);
        memcpy(to->name, from->name, sizeof(to->name));
        memcpy(to->type, from->type, sizeof(to->type));
        to->i = v ? v->i : 0;
        to->d = v ? v->d : 0;
        to->s = strdup(v && v->s ? v->s : "");
    }
    const ofx_status st = act(e, OFX_ACTION_CREATE_INSTANCE, NULL, NULL);
    if (st != OFX_OK) {
        effect_fini(e);
        free(e);
        return NULL;
    }
    return e;
}

void host_destroy(ofx_effect *effect)
{
    if (act(*effect, OFX_ACTION_DESTROY_INSTANCE, NULL, NULL) != OFX_OK && !host_is_failing())
        host_wrong("cannot be destroyed", "");
    if ((*effect)->images != 0 || (*effect)->events.starts != (*effect)->events.ends)
        host_wrong("keeps an image or a progress", "");
    effect_fini(*effect);
    free(*effect);
    *effect = NULL;
}

void host_project(ofx_effect e, double width, double height, double rate)
{
    props_put(&e->props, OFX_P_PROJECT_SIZE, 0, &(prop_value){ .kind = 'd', .d = width });
    props_put(&e->props, OFX_P_PROJECT_SIZE, 1, &(prop_value){ .kind = 'd', .d = height });
    props_put(&e->props, OFX_P_FRAME_RATE, 0, &(prop_value){ .kind = 'd', .d = rate });
}

ofx_status host_action(ofx_effect e, const char *action)
{
    return act(e, action, NULL, NULL);
}

static void changed(ofx_effect e, const char *param)
{
    struct ofx_props_ in = { 0 };

    props_put_text(&in, OFX_P_NAME, 0, param);
    props_put_text(&in, OFX_P_TYPE, 0, "OfxTypeParameter");
    props_put_text(&in, OFX_P_CHANGE_REASON, 0, "OfxChangeUserEdited");
    act(e, OFX_ACTION_BEGIN_CHANGED, &in, NULL);
    act(e, OFX_ACTION_INSTANCE_CHANGED, &in, NULL);
    act(e, OFX_ACTION_END_CHANGED, &in, NULL);
    props_fini(&in);
}

static ofx_param known(ofx_effect e, const char *param)
{
    ofx_param p = find(&e->params, param);

    if (!p) {
        printf("FAIL there is no parameter %s\n", param);
        exit(1);
    }
    return p;
}

void host_set_text(ofx_effect e, const char *param, const char *text)
{
    ofx_param p = known(e, param);

    free(p->s);
    p->s = strdup(text);
    changed(e, param);
}

void host_set_int(ofx_effect e, const char *param, int i)
{
    known(e, param)->i = i;
    changed(e, param);
}

void host_set_double(ofx_effect e, const char *param, double d)
{
    known(e, param)->d = d;
    changed(e, param);
}

void host_push(ofx_effect e, const char *button)
{
    known(e, button);
    changed(e, button);
}

/* ---- Answers ---- */

bool host_time_domain(ofx_effect e, double *first, double *last)
{
    struct ofx_props_ out = { 0 };
    const bool ok = act(e, OFX_ACTION_TIME_DOMAIN, NULL, &out) == OFX_OK &&
                    props_suite.get_double(&out, OFX_P_FRAME_RANGE, 0, first) == OFX_OK &&
                    props_suite.get_double(&out, OFX_P_FRAME_RANGE, 1, last) == OFX_OK;

    props_fini(&out);
    return ok;
}

bool host_region(ofx_effect e, ofx_rect_d *r)
{
    struct ofx_props_ out = { 0 };
    double v[4] = { 0 };
    bool ok = act(e, OFX_ACTION_REGION, NULL, &out) == OFX_OK;

    for (int i = 0; i < 4; i++)
        ok = ok && props_suite.get_double(&out, OFX_P_REGION, i, &v[i]) == OFX_OK;
    *r = (ofx_rect_d){ v[0], v[1], v[2], v[3] };
    props_fini(&out);
    return ok;
}

bool host_preferences(ofx_effect e, int *varying, char premultiplied[64])
{
    struct ofx_props_ out = { 0 };
    const bool ok = act(e, OFX_ACTION_PREFERENCES, NULL, &out) == OFX_OK &&
                    props_suite.get_int(&out, OFX_P_FRAME_VARYING, 0, varying) == OFX_OK;

    snprintf(premultiplied, 64, "%s", props_text(&out, OFX_P_PREMULTIPLIED, 0));
    props_fini(&out);
    return ok;
}

int host_count(void)
{
    return described.params.count;
}

const char *host_param_type(const char *param)
{
    ofx_param p = find(&described.params, param);

    return p ? p->type : "";
}

const char *host_param_text(const char *param, const char *property)
{
    ofx_param p = find(&described.params, param);

    return p ? props_text(&p->props, property, 0) : "";
}

double host_param_number(const char *param, const char *property)
{
    ofx_param p = find(&described.params, param);
    const prop_value *v = p ? props_find(&p->props, property, 0) : NULL;

    return !v ? -1 : v->kind == 'i' ? v->i : v->d;
}

const char *host_effect_text(const char *property, int index)
{
    return props_text(&description.props, property, index);
}

/* ---- Rendering ---- */

enum { GUARD = 0xa5 };

typedef struct memory {
    uint8_t *data;
    size_t   bytes, row, pixel;
} memory;

static void put_rect(ofx_props p, const char *name, const ofx_rect_i *r)
{
    const int v[] = { r->x1, r->y1, r->x2, r->y2 };

    for (int i = 0; i < 4; i++)
        props_put(p, name, i, &(prop_value){ .kind = 'i', .i = v[i] });
}

static memory memory_for(const host_frame *f)
{
    const size_t channel = strcmp(f->depth, OFX_BYTE) == 0 ? 1
                           : strcmp(f->depth, OFX_FLOAT) == 0 ? 4 : 2;
    memory m = { .pixel = channel * (strcmp(f->components, OFX_RGBA) == 0 ? 4 : 3) };

    m.row = m.pixel * (size_t)(f->bounds.x2 - f->bounds.x1) + (size_t)f->padding;
    m.bytes = m.row * (size_t)(f->bounds.y2 - f->bounds.y1);
    m.data = malloc(m.bytes + 1);
    memset(m.data, GUARD, m.bytes);
    return m;
}

/* Where the row of that y begins. */
static uint8_t *row_at(const host_frame *f, const memory *m, int y)
{
    const size_t line = (size_t)(f->downwards ? f->bounds.y2 - 1 - y : y - f->bounds.y1);

    return m->data + line * m->row;
}

static void check_outside(const host_frame *f, const memory *m)
{
    for (int y = f->bounds.y1; y < f->bounds.y2; y++) {
        const uint8_t *row = row_at(f, m, y);
        const bool in_rows = y >= f->window.y1 && y < f->window.y2;
        const size_t from = m->pixel * (size_t)(f->window.x1 - f->bounds.x1);
        const size_t to = m->pixel * (size_t)(f->window.x2 - f->bounds.x1);
        for (size_t i = 0; i < m->row; i++) {
            if ((!in_rows || i < from || i >= to) && row[i] != GUARD) {
                host_wrong("writes outside of the window", "");
                return;
            }
        }
    }
}

static void describe_image(ofx_props p, const host_frame *f, const memory *m)
{
    const int pitch = (int)m->row;

    props_fini(p);
    props_put(p, OFX_P_DATA, 0, &(prop_value){ .kind = 'p', .p = row_at(f, m, f->bounds.y1) });
    props_put(p, OFX_P_ROW_BYTES, 0,
              &(prop_value){ .kind = 'i', .i = f->downwards ? -pitch : pitch });
    props_put_text(p, OFX_P_DEPTH, 0, f->depth);
    props_put_text(p, OFX_P_COMPONENTS, 0, f->components);
    props_put(p, OFX_P_IMAGE_ASPECT, 0, &(prop_value){ .kind = 'd', .d = 1 });
    put_rect(p, OFX_P_BOUNDS, &f->bounds);
    if (f->region.x1 != f->region.x2)
        put_rect(p, OFX_P_IMAGE_REGION, &f->region);
}

ofx_status host_render(ofx_effect e, host_frame *f)
{
    struct ofx_props_ in = { 0 };

    if (f->window.x1 == f->window.x2)
        f->window = f->bounds;
    if (f->scale == 0)
        f->scale = 1;
    memory m = memory_for(f);
    describe_image(&e->image, f, &m);
    props_put(&in, OFX_P_TIME, 0, &(prop_value){ .kind = 'd', .d = f->time });
    props_put(&in, OFX_P_RENDER_SCALE, 0, &(prop_value){ .kind = 'd', .d = f->scale });
    props_put(&in, OFX_P_RENDER_SCALE, 1, &(prop_value){ .kind = 'd', .d = f->scale });
    put_rect(&in, OFX_P_RENDER_WINDOW, &f->window);
    const ofx_status st = act(e, OFX_ACTION_RENDER, &in, NULL);
    check_outside(f, &m);
    props_fini(&in);

    const size_t line = m.row - (size_t)f->padding;
    f->pixels = malloc(line * (size_t)(f->bounds.y2 - f->bounds.y1) + 1);
    for (int y = f->bounds.y1; y < f->bounds.y2; y++)
        memcpy(f->pixels + (size_t)(f->bounds.y2 - 1 - y) * line, row_at(f, &m, y), line);
    free(m.data);
    return st;
}

host_events *host_events_of(ofx_effect e)
{
    return &e->events;
}

void host_abort_after(ofx_effect e, int n)
{
    e->abort_after = n > 0 ? e->events.aborts + n : 0;
}

void host_cancel_after(ofx_effect e, int n)
{
    e->cancel_after = n > 0 ? e->events.updates + n : 0;
}

void host_on_abort(ofx_effect e, void (*hook)(ofx_effect effect))
{
    e->on_abort = hook;
}

int host_jobs(void)
{
    return jobs;
}
