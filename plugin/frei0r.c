/* The frei0r plugins, compiled twice: zoetrope.so is a source of a film's frames, and
 * with FREI0R_FILTER zoetrope_fx.so lays them over the host's pictures.
 *
 * Hosts make instances while they scan, one for each thread, and as often as sizes
 * change, and they ask for any frame any number of times. So an instance is only
 * settings: it opens nothing before its first update, and films belong to the process.
 * What follows from a time and the parameters does not depend on earlier calls. */

#include <dlfcn.h>
#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host-abi/frei0r.h"
#include "plugin/frei0r_film.h"
#include "plugin/frei0r_picture.h"
#include "plugin/frei0r_text.h"

#ifdef FREI0R_FILTER
#define NAME "zoetrope_fx"
#define KIND F0R_PLUGIN_TYPE_FILTER
#define SUMMARY "Lays a film made by a diffusion transformer over the picture"
#else
#define NAME "zoetrope"
#define KIND F0R_PLUGIN_TYPE_SOURCE
#define SUMMARY "A film made by a diffusion transformer"
#endif

/* In the order that hosts know them by: append only. */
enum {
    PRESET, PROMPT, OVERRIDES, SEED, MIX, MODE, END, RATE, SIZE, FIT, ON_ERROR, PARAMS
};

enum { END_LOOP, END_HOLD, END_TRANSPARENT };
static const char *const ends[] = { "loop", "hold", "transparent", NULL };
static const char *const sizes[] = { "preset", "host", NULL };
static const char *const on_errors[] = { "slate", "stop", NULL };

typedef struct param_row {
    const char *name;
    int         type;
    const char *text;             /* default of a text */
    const char *const *names;     /* that a text may be; NULL: any text */
    const char *help;
} param_row;

static const param_row params[PARAMS] = {
    [PRESET] = { "preset", F0R_PARAM_STRING, "", NULL,
                 "a preset: its name, its path, or its text: key value; key value" },
    [PROMPT] = { "prompt", F0R_PARAM_STRING, "", NULL,
                 "what is to be seen; empty: the preset's" },
    [OVERRIDES] = { "overrides", F0R_PARAM_STRING, "", NULL,
                    "over the preset: key value; key value. %3D stands for =, and so on" },
    [SEED] = { "seed", F0R_PARAM_STRING, "", NULL, "a whole number; empty: the preset's" },
    [MIX] = { "mix", F0R_PARAM_DOUBLE, NULL, NULL, "how much of the film there is, 0 to 1" },
    [MODE] = { "mode", F0R_PARAM_STRING, "alpha", fr_modes,
               "how the filter lays the film: alpha, screen, multiply, difference or mix" },
    [END] = { "end", F0R_PARAM_STRING, "loop", ends,
              "what follows the last frame: loop, hold or transparent" },
    [RATE] = { "rate", F0R_PARAM_STRING, "24", NULL,
               "the film's frames a second, such as 24, 23.976 or 24000/1001" },
    [SIZE] = { "size", F0R_PARAM_STRING, "preset", sizes,
               "whose width and height the film has: preset or host" },
    [FIT] = { "fit", F0R_PARAM_STRING, "fill", fr_fits,
              "how another size goes into the picture: fill, inside or stretch" },
    [ON_ERROR] = { "on-error", F0R_PARAM_STRING, "slate", on_errors,
                   "what an error does: slate shows it, stop ends ffmpeg too" },
};

enum host { HOST_OTHER, HOST_FFMPEG, HOST_MLT, HOST_GSTREAMER };

typedef struct instance {
    int      width, height;
    char    *text[PARAMS];        /* owned; NULL: the default */
    bool     told[PARAMS];        /* it was set before */
    double   mix;
    bool     changed;             /* parameters, since they were last looked at */
    bool     begun;

    const fr_film *film;
    uint8_t *scaled;              /* a film's frame in the host's size */
    int      choice[PARAMS];      /* of those with names */
    double   rate;
    char     error[600];          /* "" unless there is nothing to show */

    enum host host;
    int64_t  calls;
    double   last_time;
    bool     milliseconds;        /* told by two times, where the host does not tell */
} instance;

int f0r_init(void)
{
    return 1;
}

void f0r_deinit(void)
{
}

void f0r_get_plugin_info(f0r_plugin_info_t *info)
{
    if (!info)
        return;
    *info = (f0r_plugin_info_t){
        .name = NAME, .author = "the authors of Zoetrope", .plugin_type = KIND,
        .color_model = F0R_COLOR_MODEL_RGBA8888, .frei0r_version = FREI0R_MAJOR_VERSION,
        .major_version = 0, .minor_version = 1, .num_params = PARAMS, .explanation = SUMMARY,
    };
}

void f0r_get_param_info(f0r_param_info_t *info, int index)
{
    if (info && index >= 0 && index < PARAMS)
        *info = (f0r_param_info_t){ params[index].name, params[index].type, params[index].help };
}

/* By what the process has loaded. With MLT or GStreamer that may be FFmpeg's filters too. */
static enum host host_of_process(void)
{
    static const struct { const char *symbol; enum host host; } signs[] = {
        { "mlt_factory_init", HOST_MLT },
        { "gst_init", HOST_GSTREAMER },
        { "avfilter_version", HOST_FFMPEG },
    };

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (dlsym(RTLD_DEFAULT, signs[i].symbol))
            return signs[i].host;
    }
    return HOST_OTHER;
}

f0r_instance_t f0r_construct(unsigned int width, unsigned int height)
{
    instance *in = calloc(1, sizeof(*in));

    if (!in)
        return NULL;
    /* Beyond this there is no picture, and update leaves its output alone. */
    if (width <= 65536 && height <= 65536) {
        in->width = (int)width;
        in->height = (int)height;
    }
    in->mix = 1.0;
    in->changed = true;
    in->last_time = NAN;
    in->host = host_of_process();
    fr_films_enter();
    return in;
}

void f0r_destruct(f0r_instance_t handle)
{
    instance *in = handle;

    if (!in)
        return;
    fr_film_drop(&in->film);
    fr_films_leave();
    for (int i = 0; i < PARAMS; i++)
        free(in->text[i]);
    free(in->scaled);
    free(in);
}

/* An empty text stands for the default, for hosts that cannot leave out one of several. */
static const char *text_of(const instance *in, int index)
{
    return in->text[index] && *in->text[index] ? in->text[index] : params[index].text;
}

/* A text is behind a pointer; but GStreamer hands the text itself when a property
 * changes after it has set all once. */
static const char *text_given(const instance *in, const void *value, int index)
{
    if (in->host == HOST_GSTREAMER && in->told[index] && fr_is_text(value))
        return value;
    return *(const char *const *)value;
}

void f0r_set_param_value(f0r_instance_t handle, f0r_param_t value, int index)
{
    instance *in = handle;

    if (!in || !value || index < 0 || index >= PARAMS)
        return;
    if (index == MIX) {
        const double mix = *(const double *)value;
        if (mix == mix)                       /* a host's nonsense changes nothing */
            in->mix = mix < 0.0 ? 0.0 : mix > 1.0 ? 1.0 : mix;
        return;
    }
    const char *text = text_given(in, value, index);
    in->told[index] = true;
    if (!text || strcmp(text, text_of(in, index)) == 0)       /* some set all, every time */
        return;
    char *copy = strdup(text);
    if (!copy)
        return;
    free(in->text[index]);
    in->text[index] = copy;
    in->changed = true;
}

void f0r_get_param_value(f0r_instance_t handle, f0r_param_t value, int index)
{
    const instance *in = handle;

    if (!in || !value || index < 0 || index >= PARAMS)
        return;
    if (index == MIX)
        *(double *)value = in->mix;
    else
        *(const char **)value = text_of(in, index);
}

static void begin(instance *in)
{
    in->begun = true;
    if (in->host == HOST_FFMPEG && in->width % 16 != 0) {
        char text[200];
        snprintf(text, sizeof(text), "a width of %d is not a multiple of 16: versions of FFmpeg "
                 "that pad rows shear it; use %d and crop", in->width,
                 (in->width + 15) / 16 * 16);
        fr_say("warning: ", text);
    }
}

static void refuse(instance *in, int index)
{
    snprintf(in->error, sizeof(in->error), "%s is '%.40s'; it is %s", params[index].name,
             text_of(in, index), params[index].help);
}

/* The parameters that are names and numbers. False, with in->error, if one is neither. */
static bool read_choices(instance *in)
{
    for (int i = 0; i < PARAMS; i++) {
        if (!params[i].names)
            continue;
        in->choice[i] = fr_index(params[i].names, text_of(in, i));
        if (in->choice[i] < 0) {
            refuse(in, i);
            in->choice[i] = 0;
        }
    }
    if (!fr_rate_read(&in->rate, text_of(in, RATE)))
        refuse(in, RATE);
    return !*in->error;
}

static const char *unless_empty(const char *text)
{
    return *text ? text : NULL;
}

/* Takes the film of these parameters; generates it if nobody has. */
static void take_film(instance *in)
{
    char *preset = fr_preset(text_of(in, PRESET)), *prompt = fr_decode(text_of(in, PROMPT));
    char *overrides = fr_options(text_of(in, OVERRIDES)), *seed = fr_decode(text_of(in, SEED));
    char *options = NULL;
    const fr_film *film = NULL;

    if (preset && prompt && overrides && seed) {
        const size_t size = strlen(overrides) + strlen(seed) + 100;
        options = malloc(size);
        size_t n = 0;
        if (options) {
            options[0] = '\0';
            if (in->choice[SIZE] == 1)
                n += (size_t)snprintf(options, size, "width = %d\nheight = %d\n",
                                      (in->width + 15) / 16 * 16, (in->height + 15) / 16 * 16);
            if (*seed)
                n += (size_t)snprintf(options + n, size - n, "seed = %s\n", seed);
            snprintf(options + n, size - n, "%s", overrides);
            film = fr_film_take(&(fr_film_desc){ unless_empty(preset), unless_empty(prompt),
                                                 unless_empty(options) });
        }
    }
    fr_film_drop(&in->film);
    in->film = film;
    snprintf(in->error, sizeof(in->error), "%s", film ? film->error : "out of memory");
    free(options);
    free(seed);
    free(overrides);
    free(prompt);
    free(preset);
}

/* Brings the instance up to date with its parameters. */
static void settle(instance *in)
{
    in->changed = false;
    in->error[0] = '\0';
    if (read_choices(in))
        take_film(in);
    else
        fr_say("", in->error);
    if (*in->error && in->choice[ON_ERROR] == 1 && in->host == HOST_FFMPEG)
        kill(getpid(), SIGINT);               /* it finishes the file and ends */
}

/* The film's frame at a time, -1 for none. Hosts count in seconds or in milliseconds,
 * and some pass nonsense now and then: then calls are counted instead. */
static int64_t frame_at(instance *in, double time)
{
    const int64_t frames = in->film->frames;
    int64_t at = in->calls++;

    if (time >= 0.0 && time < 1e12) {
        const double step = fabs(time - in->last_time);       /* NaN at first */
        if (in->host == HOST_OTHER && step > 0.0)
            in->milliseconds = step >= 1.0;
        in->last_time = time;
        if (in->host == HOST_FFMPEG || in->milliseconds)
            time /= 1000.0;
        /* A frame begins up to half a millisecond early, for times come rounded. */
        at = (int64_t)((time + 0.0005) * in->rate + 1e-6);
    }
    if (at < frames)
        return at;
    switch (in->choice[END]) {
    case END_LOOP:
        return at % frames;
    case END_HOLD:
        return frames - 1;
    default:
        return -1;
    }
}

/* A frame in the host's size; borrowed. NULL without memory. */
static const uint8_t *layer_of(instance *in, int64_t index)
{
    const fr_film *f = in->film;
    const uint8_t *frame = f->pixels + (size_t)index * (size_t)f->width * (size_t)f->height * 4;
    const enum fr_fit fit = in->choice[SIZE] == 1 ? FR_FIT_CROP : (enum fr_fit)in->choice[FIT];

    if (f->width == in->width && f->height == in->height)
        return frame;
    if (!in->scaled)
        in->scaled = malloc((size_t)in->width * (size_t)in->height * 4);
    if (!in->scaled || !fr_fit(in->scaled, in->width, in->height, frame, f->width, f->height, fit))
        return NULL;
    return in->scaled;
}

static void compose(instance *in, double time, const uint8_t *under, uint8_t *out)
{
    const int64_t pixels = (int64_t)in->width * in->height;
    const int amount = (int)(in->mix * 255.0 + 0.5);
    const int64_t index = *in->error ? -1 : frame_at(in, time);
    const uint8_t *layer = index >= 0 ? layer_of(in, index) : NULL;

    if (*in->error) {
        fr_slate(out, in->width, in->height, in->error);
    } else if (KIND == F0R_PLUGIN_TYPE_FILTER && layer) {
        fr_lay(out, under, layer, pixels, (enum fr_mode)in->choice[MODE], amount);
    } else if (KIND == F0R_PLUGIN_TYPE_FILTER) {
        memmove(out, under, (size_t)pixels * 4);
    } else if (layer) {
        memcpy(out, layer, (size_t)pixels * 4);
        for (int64_t i = 0; amount < 255 && i < pixels; i++)
            out[i * 4 + 3] = (uint8_t)((out[i * 4 + 3] * amount + 127) / 255);
    } else {
        memset(out, 0, (size_t)pixels * 4);
    }
}

void f0r_update(f0r_instance_t handle, double time, const uint32_t *under, uint32_t *out)
{
    instance *in = handle;
    fenv_t host_env;

    if (!in || !out || in->width == 0 || in->height == 0 ||
        (KIND == F0R_PLUGIN_TYPE_FILTER && !under))
        return;
    fegetenv(&host_env);
    fesetenv(FE_DFL_ENV);
    if (!in->begun)
        begin(in);
    if (in->changed)
        settle(in);
    compose(in, time, (const uint8_t *)under, (uint8_t *)out);
    fesetenv(&host_env);
}
