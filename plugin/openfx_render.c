/* One frame for a host: waits for the film's, and puts it into the host's image. */

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "plugin/openfx.h"

#define POLL_MS 40                /* between two questions whether to go on */

static bool get_rect(const fx_call *c, ofx_props p, const char *name, ofx_rect_i *r)
{
    int v[4] = { 0 };

    for (int i = 0; i < 4; i++) {
        if (c->host->s.prop->get_int(p, name, i, &v[i]) != OFX_OK)
            return false;
    }
    *r = (ofx_rect_i){ v[0], v[1], v[2], v[3] };
    return true;
}

static void stop_complaining(const fx_call *c)
{
    const ofx_message_suite *p = c->host->persistent;

    if (atomic_exchange(&c->self->complained, false) && p && p->clear_persistent)
        p->clear_persistent(c->effect);
}

/* ---- Progress ---- */

typedef struct progress {
    bool   shown;
    double best;                  /* it never goes back */
} progress;

static double done_of(const zt_job_info *info)
{
    /* Of the whole, at the beginning of each phase. */
    static const double from[] = { 0, 0, 0.04, 0.08, 0.85, 1, 1 };
    const int phase = info->phase >= 0 && info->phase <= ZT_PHASE_DONE ? info->phase : 0;
    const double part = info->steps > 0 ? (double)info->step / info->steps : 0;

    return from[phase] + (from[phase + 1] - from[phase]) * part;
}

static void begin(const fx_call *c, progress *p)
{
    static const char label[] = "Zoetrope: generating a film";

    if (c->host->progress_2)
        p->shown = c->host->progress_2->start(c->effect, label, "") == OFX_OK;
    else if (c->host->progress)
        p->shown = c->host->progress->start(c->effect, label) == OFX_OK;
}

/* False if the user wants no more of it. */
static bool update(const fx_call *c, progress *p, double done)
{
    p->best = done > p->best ? done : p->best;
    if (!p->shown)
        return true;
    const ofx_status st = c->host->progress_2 ? c->host->progress_2->update(c->effect, p->best)
                                              : c->host->progress->update(c->effect, p->best);
    return st != OFX_REPLY_NO;
}

static void end(const fx_call *c, const progress *p)
{
    if (p->shown && c->host->progress_2)
        c->host->progress_2->end(c->effect);
    else if (p->shown)
        c->host->progress->end(c->effect);
}

/* ZT_OK: the frame is there. ZT_E_TIMEOUT: the host gave up. Else the film's failure. */
static int32_t wait(const fx_call *c, fx_film *film, int32_t index)
{
    progress p = { 0 };
    int32_t st = fx_film_wait(film, index, 0);

    if (st != ZT_E_TIMEOUT)
        return st;
    begin(c, &p);
    while (st == ZT_E_TIMEOUT && !c->host->effect->abort(c->effect)) {
        const zt_job_info info = fx_film_info(film);
        if (!update(c, &p, done_of(&info))) {
            fx_film_forget(film);
            break;
        }
        st = fx_film_wait(film, index, POLL_MS);
    }
    end(c, &p);
    return st;
}

/* ---- Pictures ---- */

/* False if it is none that we can write. */
static bool image_of(const fx_call *c, ofx_props p, fx_image *image)
{
    static const char *const depths[] = { [ZT_RGBA8] = OFX_BYTE, [ZT_RGBA16] = OFX_SHORT,
                                          [ZT_RGBAH] = OFX_HALF, [ZT_RGBAF] = OFX_FLOAT };
    const ofx_property_suite *s = c->host->s.prop;
    char *depth = NULL, *components = NULL;
    void *data = NULL;
    int pitch = 0;

    if (s->get_pointer(p, OFX_P_DATA, 0, &data) != OFX_OK || !data ||
        s->get_int(p, OFX_P_ROW_BYTES, 0, &pitch) != OFX_OK ||
        s->get_string(p, OFX_P_DEPTH, 0, &depth) != OFX_OK || !depth ||
        s->get_string(p, OFX_P_COMPONENTS, 0, &components) != OFX_OK || !components ||
        !get_rect(c, p, OFX_P_BOUNDS, &image->bounds))
        return false;
    image->data = data;
    image->pitch = pitch;
    image->format = -1;
    for (int i = 0; i <= ZT_RGBAF; i++) {
        if (strcmp(depth, depths[i]) == 0)
            image->format = i;
    }
    image->channels = strcmp(components, OFX_RGBA) == 0 ? 4
                    : strcmp(components, OFX_RGB) == 0  ? 3 : 0;
    return image->format >= 0 && image->channels > 0;
}

static double scale_of(const fx_call *c, int axis)
{
    const double s = fx_double(c, c->in, OFX_P_RENDER_SCALE, axis, 1);

    return s > 0 && s < 1000 ? s : 1;
}

/* Where the film is to be, in pixels of the image. Hosts agree most on the region
 * that the image itself tells. */
static ofx_rect_d place_of(const fx_call *c, ofx_props p, const fx_image *image,
                           const zt_job_info *film, enum fx_fit fit)
{
    const double par = fx_double(c, p, OFX_P_IMAGE_ASPECT, 0, 1), aspect = par > 0 ? par : 1;
    const double sx = scale_of(c, 0), sy = scale_of(c, 1);
    ofx_rect_i r;
    ofx_rect_d frame;

    if (get_rect(c, p, OFX_P_IMAGE_REGION, &r) && r.x2 > r.x1 && r.y2 > r.y1 &&
        (int64_t)r.x2 - r.x1 < 100000 && (int64_t)r.y2 - r.y1 < 100000) {
        frame = (ofx_rect_d){ r.x1, r.y1, r.x2, r.y2 };
    } else if (fx_project(c, &frame)) {
        frame = (ofx_rect_d){ frame.x1 * sx / aspect, frame.y1 * sy, frame.x2 * sx / aspect,
                              frame.y2 * sy };
    } else {
        r = image->bounds;
        frame = (ofx_rect_d){ r.x1, r.y1, r.x2, r.y2 };
    }
    return fx_place(&frame, film->width, film->height, aspect * sy / sx, sy, fit);
}

/* The film's frame at the host's time; -1: none. */
static int32_t index_of(const fx_call *c, const fx_values *v, int32_t frames)
{
    const double t = fx_double(c, c->in, OFX_P_TIME, 0, v->start) - v->start;
    const double at = floor(t * fx_speed(c, v) + 1e-6);

    if (at >= 0 && at < frames)
        return (int32_t)at;
    if (v->end == FX_END_TRANSPARENT)
        return -1;
    if (v->end == FX_END_LOOP && fabs(at) < 1e15)
        return (int32_t)(at - floor(at / frames) * frames);
    return at < 0 ? 0 : frames - 1;
}

static ofx_status copy(const fx_call *c, fx_film *film, int32_t index, const fx_values *v)
{
    const zt_job_info info = fx_film_info(film);
    const ofx_image_effect_suite *e = c->host->effect;
    const double time = fx_double(c, c->in, OFX_P_TIME, 0, v->start);
    ofx_clip clip = NULL;
    ofx_props p = NULL;
    ofx_rect_i window;
    fx_image image;
    int32_t st = ZT_OK;

    if (!get_rect(c, c->in, OFX_P_RENDER_WINDOW, &window))
        return OFX_FAILED;
    if (e->clip_handle(c->effect, OFX_CLIP_OUTPUT, &clip, NULL) != OFX_OK || !clip ||
        e->clip_image(clip, time, NULL, &p) != OFX_OK || !p)
        return OFX_FAILED;
    if (!image_of(c, p, &image)) {
        e->clip_release(p);
        return fx_complain(c, "the host's image is neither RGBA nor RGB of byte, short, half or "
                              "float");
    }
    const bool is_light = v->transfer == FX_TRANSFER_LINEAR ||
                          (v->transfer == FX_TRANSFER_AUTO && c->host->habit.linear &&
                           image.format >= ZT_RGBAH);
    const ofx_rect_d place = place_of(c, p, &image, &info, v->fit);
    if (index < 0)
        fx_clear(&image, &window);
    else
        st = fx_draw(&image, &window, film, index, &place, is_light);
    e->clip_release(p);
    if (st != ZT_OK)
        return fx_complain(c, st == ZT_E_NOMEM ? "out of memory" : fx_film_error(film));
    stop_complaining(c);
    return OFX_OK;
}

ofx_status fx_render(const fx_call *c)
{
    fx_values v;
    fx_film *film = NULL;
    char error[512] = "out of memory";
    ofx_status st;

    if (fx_values_get(&c->host->s, c->self->params, &v))
        film = fx_slot_use(&c->self->film, &v.desc, c->host->threads, error, sizeof(error));
    if (!film) {
        st = fx_complain(c, error);
    } else {
        const int32_t index = index_of(c, &v, fx_film_info(film).frames);
        const int32_t got = index < 0 ? ZT_OK : wait(c, film, index);
        if (got == ZT_OK)
            st = copy(c, film, index, &v);
        else if (got == ZT_E_TIMEOUT || got == ZT_E_CANCELLED)
            st = OFX_FAILED;
        else
            st = fx_complain(c, fx_film_error(film));
    }
    fx_film_let(&film);
    fx_values_fini(&v);
    return st;
}
