/* Describes parameters to a host, and makes a film's description of their values. */

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/openfx_params.h"

/* ---- The tables ---- */

enum group { SCENE, FILM, PLACE, MODEL, MORE, GROUPS };

static const struct {
    const char *name, *page, *label;
} groups[GROUPS] = {
    [SCENE] = { "groupScene", "pageScene", "Scene" },
    [FILM] = { "groupFilm", "pageFilm", "Film" },
    [PLACE] = { "groupPlace", "pagePlace", "Time and place" },
    [MODEL] = { "groupModel", "pageModel", "Model" },
    [MORE] = { "groupMore", "pageMore", "More" },
};

/* How parameters of zoetrope.h are shown; those that are not here, under "More". */
static const struct look {
    const char *key;
    enum group  group;
    const char *mode;             /* of a text */
} looks[] = {
    { "prompt", SCENE, OFX_MULTI_LINE },
    { "negative", SCENE, OFX_MULTI_LINE },
    { "seed", SCENE, NULL },
    { "guidance", SCENE, NULL },
    { "cfg", SCENE, NULL },
    { "width", FILM, NULL },
    { "height", FILM, NULL },
    { "frames", FILM, NULL },
    { "steps", FILM, NULL },
    { "shift", FILM, NULL },
    { "sampler", FILM, OFX_SINGLE_LINE },
    { "cache", FILM, OFX_SINGLE_LINE },
    { "model", MODEL, OFX_FOLDER_PATH },
    { "transformer", MODEL, OFX_FILE_PATH },
    { "text_encoder", MODEL, OFX_FILE_PATH },
    { "clip", MODEL, OFX_FILE_PATH },
    { "vae", MODEL, OFX_FILE_PATH },
    { "tokenizer", MODEL, OFX_FILE_PATH },
    { "clip_tokenizer", MODEL, OFX_FILE_PATH },
    { "noise", MORE, OFX_FILE_PATH },
};
static const struct look other = { "", MORE, OFX_SINGLE_LINE };

static const char *const ends[] = { "hold", "loop", "transparent", NULL };
static const char *const fits[] = { "inside", "fill", "stretch", "none", NULL };
/* What is installed is known when this is built: a host that scans waits for no file. */
static const char *const presets[] = { "(the file)", FX_PRESETS, NULL };
static const char *const transfers[] = { "auto", "sRGB", "linear", NULL };

/* Parameters of this front door. */
enum own { PRESET, INSTALLED, OVERRIDES, GENERATE, START, RATE, END, FIT, TRANSFER, OWN };

static const struct own_param {
    const char *name, *type, *label, *hint;
    enum group  group;
    const char *mode;
    double      value, least, most;
    const char *const *choices;
} own[OWN] = {
    [PRESET] = { "preset", OFX_STRING, "Preset", "A preset's file. Parameters that are at their "
                 "defaults take its values.", SCENE, OFX_FILE_PATH, 0, 0, 0, NULL },
    [INSTALLED] = { "installed", OFX_CHOICE, "Installed preset", "A preset that came along; the "
                    "first choice takes the file above.", SCENE, NULL, 0, 0, 0, presets },
    [OVERRIDES] = { "overrides", OFX_STRING, "Overrides", "Lines \"key = value\", which count "
                    "more than everything else.", MORE, OFX_MULTI_LINE, 0, 0, 0, NULL },
    [GENERATE] = { FX_PARAM_GENERATE, OFX_PUSH_BUTTON, "Generate", "Starts the film before it is "
                   "looked at, and starts anew one that has failed.", SCENE, NULL, 0, 0, 0, NULL },
    [START] = { "start", OFX_INTEGER, "First frame at", "The time of the film's first frame.",
                PLACE, NULL, 0, -1000000, 1000000, NULL },
    [RATE] = { "rate", OFX_DOUBLE, "Frame rate", "Frames of the film a second; 0 shows one in "
               "each of the project.", PLACE, NULL, 0, 0, 1000, NULL },
    [END] = { "end", OFX_CHOICE, "Outside", "What is before the first frame and behind the last.",
              PLACE, NULL, FX_END_HOLD, 0, 0, ends },
    [FIT] = { "fit", OFX_CHOICE, "Fit", "How a film of another size fills the picture.", PLACE,
              NULL, FX_FIT_INSIDE, 0, 0, fits },
    [TRANSFER] = { "transfer", OFX_CHOICE, "Transfer", "What is written: values as of sRGB, or "
                   "linear light. Automatic: what this program works with.", PLACE, NULL,
                   FX_TRANSFER_AUTO, 0, 0, transfers },
};

const char *const fx_preference_params[] = { "end", "fit", NULL };

static const struct look *look_of(const char *key)
{
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        if (strcmp(looks[i].key, key) == 0)
            return &looks[i];
    }
    return &other;
}

/* Parameter `index` of zoetrope.h; false behind the last. */
static bool param_at(int32_t index, zt_param *p)
{
    *p = (zt_param){ .size = sizeof(*p) };
    return fx_api() && fx_api()->param(index, p) == ZT_OK;
}

/* Integers of OpenFX have 32 bits. Numbers of bytes need more, seeds do not. */
static bool is_wide(const zt_param *p)
{
    return p->kind == ZT_PARAM_INT && p->least >= 0 && p->most > INT_MAX;
}

static int narrow(double v)
{
    return v < INT_MIN ? INT_MIN : v > INT_MAX ? INT_MAX : (int)v;
}

/* ---- Describing ---- */

static ofx_props define(const fx_suites *s, ofx_params set, const char *type, const char *name,
                        const char *label, const char *hint)
{
    ofx_props p = NULL;

    if (s->param->define(set, type, name, &p) != OFX_OK || !p)
        return NULL;
    s->prop->set_string(p, OFX_P_LABEL, 0, label);
    if (hint)
        s->prop->set_string(p, OFX_P_HINT, 0, hint);
    return p;
}

static void define_range(const fx_suites *s, ofx_props p, const char *type, double value,
                         double least, double most)
{
    const char *const names[] = { OFX_P_DEFAULT, OFX_P_MIN, OFX_P_MAX, OFX_P_DISPLAY_MIN,
                                  OFX_P_DISPLAY_MAX };
    const double values[] = { value, least, most, least, most };

    for (int i = 0; i < 5; i++) {
        if (strcmp(type, OFX_INTEGER) == 0)
            s->prop->set_int(p, names[i], 0, narrow(values[i]));
        else
            s->prop->set_double(p, names[i], 0, values[i]);
    }
}

static void define_choices(const fx_suites *s, ofx_props p, const char *const *names, int value)
{
    for (int i = 0; names[i]; i++)
        s->prop->set_string(p, OFX_P_CHOICES, i, names[i]);
    s->prop->set_int(p, OFX_P_DEFAULT, 0, value);
}

static void define_text(const fx_suites *s, ofx_props p, const char *value, const char *mode)
{
    s->prop->set_string(p, OFX_P_DEFAULT, 0, value ? value : "");
    s->prop->set_string(p, OFX_P_STRING_MODE, 0, mode ? mode : OFX_SINGLE_LINE);
    if (mode && (strcmp(mode, OFX_FILE_PATH) == 0 || strcmp(mode, OFX_FOLDER_PATH) == 0))
        s->prop->set_int(p, OFX_P_PATH_EXISTS, 0, 1);
}

static ofx_props define_own(const fx_suites *s, ofx_params set, const struct own_param *o,
                            double value)
{
    ofx_props p = define(s, set, o->type, o->name, o->label, o->hint);

    if (!p || strcmp(o->type, OFX_PUSH_BUTTON) == 0)
        return p;
    if (strcmp(o->type, OFX_STRING) == 0)
        define_text(s, p, "", o->mode);
    else if (o->choices)
        define_choices(s, p, o->choices, (int)value);
    else
        define_range(s, p, o->type, value, o->least, o->most);
    return p;
}

/* "vae_tile" is shown as "Vae tile". */
static void label_of(char *label, size_t size, const char *key)
{
    snprintf(label, size, "%s", key);
    for (char *c = label; *c; c++)
        *c = *c == '_' || *c == '.' ? ' ' : *c;
    if (label[0] >= 'a' && label[0] <= 'z')
        label[0] = (char)(label[0] - 'a' + 'A');
}

static ofx_props define_engine(const fx_suites *s, ofx_params set, const zt_param *z)
{
    static const char *const types[] = {
        [ZT_PARAM_INT] = OFX_INTEGER, [ZT_PARAM_FLOAT] = OFX_DOUBLE,
        [ZT_PARAM_BOOL] = OFX_BOOLEAN, [ZT_PARAM_TEXT] = OFX_STRING,
        [ZT_PARAM_CHOICE] = OFX_CHOICE,
    };
    const char *type = is_wide(z) ? OFX_DOUBLE : types[z->kind];
    char label[64];

    label_of(label, sizeof(label), z->key);
    ofx_props p = define(s, set, type, z->key, label, z->help);
    if (!p)
        return NULL;
    if (z->kind == ZT_PARAM_TEXT)
        define_text(s, p, z->text, look_of(z->key)->mode);
    else if (z->kind == ZT_PARAM_CHOICE)
        define_choices(s, p, z->choices, (int)z->value);
    else if (z->kind == ZT_PARAM_BOOL)
        s->prop->set_int(p, OFX_P_DEFAULT, 0, z->value != 0);
    else
        define_range(s, p, type, z->value, z->least, z->most);
    if (is_wide(z))
        s->prop->set_int(p, OFX_P_DIGITS, 0, 0);
    return p;
}

/* Puts a parameter into its group and on its page. */
static void file_under(const fx_suites *s, ofx_props p, const char *name, enum group group,
                       const ofx_props *pages, int *counts)
{
    if (!p)
        return;
    s->prop->set_string(p, OFX_P_PARENT, 0, groups[group].name);
    s->prop->set_int(p, OFX_P_ANIMATES, 0, 0);
    if (pages[group])
        s->prop->set_string(pages[group], OFX_P_PAGE_CHILD, counts[group]++, name);
}

void fx_params_define(const fx_suites *s, ofx_params set, int start)
{
    ofx_props pages[GROUPS];
    int counts[GROUPS] = { 0 };
    zt_param z;

    for (int i = 0; i < GROUPS; i++) {
        ofx_props g = define(s, set, OFX_GROUP, groups[i].name, groups[i].label, NULL);
        if (g)
            s->prop->set_int(g, OFX_P_GROUP_OPEN, 0, i <= PLACE);
        pages[i] = define(s, set, OFX_PAGE, groups[i].page, groups[i].label, NULL);
    }
    for (int i = PRESET; i <= INSTALLED; i++)
        file_under(s, define_own(s, set, &own[i], 0), own[i].name, own[i].group, pages, counts);
    for (int32_t i = 0; param_at(i, &z); i++)
        file_under(s, define_engine(s, set, &z), z.key, look_of(z.key)->group, pages, counts);
    for (int i = INSTALLED + 1; i < OWN; i++) {
        const double value = i == START ? start : own[i].value;
        file_under(s, define_own(s, set, &own[i], value), own[i].name, own[i].group, pages,
                   counts);
    }
}

/* ---- Values ---- */

struct fx_handles {
    ofx_param  own[OWN];
    int32_t    count;
    ofx_param *engine;            /* of each parameter of zoetrope.h */
};

static ofx_param handle_of(const fx_suites *s, ofx_params set, const char *name)
{
    ofx_param param = NULL;

    return s->param->handle(set, name, &param, NULL) == OFX_OK ? param : NULL;
}

fx_handles *fx_handles_get(const fx_suites *s, ofx_params set)
{
    fx_handles *h = calloc(1, sizeof(*h));
    zt_param z;

    if (!h)
        return NULL;
    for (int i = 0; i < OWN; i++)
        h->own[i] = handle_of(s, set, own[i].name);
    while (param_at(h->count, &z))
        h->count++;
    h->engine = calloc((size_t)h->count + 1, sizeof(ofx_param));
    if (!h->engine) {
        free(h);
        return NULL;
    }
    for (int32_t i = 0; param_at(i, &z) && i < h->count; i++)
        h->engine[i] = handle_of(s, set, z.key);
    return h;
}

void fx_handles_free(fx_handles *h)
{
    if (h)
        free(h->engine);
    free(h);
}

/* Text that grows; NULL once memory was lacking. */
static void add(char **text, const char *format, ...)
{
    const size_t old = *text ? strlen(*text) : 0;
    va_list ap;

    va_start(ap, format);
    const int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    char *longer = *text && n >= 0 ? realloc(*text, old + (size_t)n + 1) : NULL;
    if (!longer) {
        free(*text);
        *text = NULL;
        return;
    }
    va_start(ap, format);
    vsnprintf(longer + old, (size_t)n + 1, format, ap);
    va_end(ap);
    *text = longer;
}

static int read_int(const fx_suites *s, ofx_param param, int value)
{
    int found = value;

    return param && s->param->value(param, &found) == OFX_OK ? found : value;
}

static double read_double(const fx_suites *s, ofx_param param, double value)
{
    double found = value;

    if (!param || s->param->value(param, &found) != OFX_OK || !isfinite(found))
        return value;
    return found;
}

static int read_choice(const fx_suites *s, ofx_param param, const char *const *names, int value)
{
    const int found = read_int(s, param, value);
    int n = 0;

    while (names[n])
        n++;
    return found >= 0 && found < n ? found : value;
}

/* Yours; NULL without memory. */
static char *read_text(const fx_suites *s, ofx_param param, const char *value)
{
    char *found = NULL;

    if (!param || s->param->value(param, &found) != OFX_OK || !found)
        return strdup(value ? value : "");
    return strdup(found);
}

/* A line of options; without the locale, which may want a comma. */
static void add_number(char **to, const char *key, double v)
{
    const double size = fabs(v);
    const long long whole = size < 9e15 ? (long long)size : 9000000000000000LL;
    const int part = size < 9e9 ? (int)((size - (double)whole) * 1e6 + 0.5) : 0;
    const long long carried = whole + part / 1000000;

    add(to, "%s = %s%lld", key, v < 0 ? "-" : "", carried);
    if (part % 1000000)
        add(to, ".%06d", part % 1000000);
    add(to, "\n");
}

static void add_text(char **to, const char *key, char *value, const char *usual)
{
    if (!value) {
        free(*to);
        *to = NULL;
        return;
    }
    for (char *c = value; *c; c++)
        *c = *c == '\n' || *c == '\r' ? ' ' : *c;
    if (strcmp(value, usual ? usual : "") != 0)
        add(to, "%s = %s\n", key, value);
}

/* The line of one parameter, unless it is at its default. */
static void add_value(const fx_suites *s, char **to, const zt_param *z, ofx_param param)
{
    if (z->kind == ZT_PARAM_TEXT) {
        char *text = read_text(s, param, z->text);
        add_text(to, z->key, text, z->text);
        free(text);
    } else if (z->kind == ZT_PARAM_CHOICE) {
        const int i = read_choice(s, param, z->choices, (int)z->value);
        if (i != (int)z->value)
            add(to, "%s = %s\n", z->key, z->choices[i]);
    } else if (z->kind == ZT_PARAM_FLOAT || is_wide(z)) {
        const double v = read_double(s, param, z->value);
        if (v != z->value)
            add_number(to, z->key, v);
    } else {
        const int usual = narrow(z->value), v = read_int(s, param, usual);
        if (v != usual)
            add(to, "%s = %d\n", z->key, v);
    }
}

/* The chosen preset's name, or the file; yours. */
static char *read_preset(const fx_suites *s, const fx_handles *h)
{
    const int chosen = read_choice(s, h->own[INSTALLED], presets, 0);

    return chosen > 0 ? strdup(presets[chosen]) : read_text(s, h->own[PRESET], "");
}

bool fx_values_get(const fx_suites *s, const fx_handles *h, fx_values *v)
{
    char *options = calloc(1, 1), *prompt = NULL;
    zt_param z;

    *v = (fx_values){ .desc = { .preset = read_preset(s, h) } };
    for (int32_t i = 0; i < h->count && param_at(i, &z); i++) {
        if (strcmp(z.key, "prompt") == 0)
            prompt = read_text(s, h->engine[i], "");
        else
            add_value(s, &options, &z, h->engine[i]);
        if (strcmp(z.key, "frames") == 0)
            v->frames = read_int(s, h->engine[i], narrow(z.value));
    }
    char *more = read_text(s, h->own[OVERRIDES], "");
    add(&options, "%s", more ? more : "");
    v->desc.prompt = prompt;
    v->desc.options = options;
    v->start = read_int(s, h->own[START], (int)own[START].value);
    v->rate = read_double(s, h->own[RATE], own[RATE].value);
    v->end = (enum fx_end)read_choice(s, h->own[END], ends, FX_END_HOLD);
    v->fit = (enum fx_fit)read_choice(s, h->own[FIT], fits, FX_FIT_INSIDE);
    v->transfer = (enum fx_transfer)read_choice(s, h->own[TRANSFER], transfers,
                                                FX_TRANSFER_AUTO);
    const bool ok = v->desc.preset && prompt && options && more;
    free(more);
    return ok;
}

void fx_values_fini(fx_values *v)
{
    free((char *)(uintptr_t)v->desc.preset);
    free((char *)(uintptr_t)v->desc.prompt);
    free((char *)(uintptr_t)v->desc.options);
    *v = (fx_values){ 0 };
}
