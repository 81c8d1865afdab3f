/* The frames of a job, waitable. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/size.h"
#include "core/reel.h"

struct zc_reel {
    zc_mutex  mutex;
    zc_cond   changed;
    float    *pixels;             /* written only behind `count` */
    size_t    values;             /* of a frame */
    int       frames, count;
    bool      ended;
    zc_status end;
};

zc_status zc_reel_open(zc_reel **out, zc_log *log, int width, int height, int frames)
{
    zc_status st = ZC_OK;
    zc_reel *r = zc_new(zc_reel);
    bool has_mutex = false;

    *out = NULL;
    ZC_CHECK(r, ZC_E_NOMEM, "reel: out of memory");
    r->values = (size_t)width * (size_t)height * 3;
    r->frames = frames;
    r->pixels = zc_alloc_zeroed((size_t)frames, r->values * sizeof(float));
    ZC_CHECK(r->pixels, ZC_E_NOMEM, "no memory for %d frames of %d by %d", frames, width, height);
    ZC_TRY(zc_mutex_init(&r->mutex));
    has_mutex = true;
    ZC_TRY(zc_cond_init(&r->changed));
    *out = r;
    return ZC_OK;
done:
    if (has_mutex)
        zc_mutex_fini(&r->mutex);
    if (r)
        zc_free(r->pixels);
    zc_free(r);
    return st;
}

void zc_reel_close(zc_reel **out)
{
    zc_reel *r = *out;

    if (!r)
        return;
    zc_cond_fini(&r->changed);
    zc_mutex_fini(&r->mutex);
    zc_free(r->pixels);
    zc_free(r);
    *out = NULL;
}

void zc_reel_add(zc_reel *r, const float *pixels)
{
    /* Nobody reads behind `count`, so the copy needs no lock. */
    memcpy(r->pixels + (size_t)r->count * r->values, pixels, r->values * sizeof(float));
    zc_mutex_lock(&r->mutex);
    r->count++;
    zc_cond_broadcast(&r->changed);
    zc_mutex_unlock(&r->mutex);
}

void zc_reel_end(zc_reel *r, zc_status st)
{
    zc_mutex_lock(&r->mutex);
    r->ended = true;
    r->end = st;
    zc_cond_broadcast(&r->changed);
    zc_mutex_unlock(&r->mutex);
}

int zc_reel_count(zc_reel *r)
{
    zc_mutex_lock(&r->mutex);
    const int count = r->count;
    zc_mutex_unlock(&r->mutex);
    return count;
}

int zc_reel_wait(zc_reel *r, int frame, int timeout_ms)
{
    const int64_t until = timeout_ms < 0 ? 0 : zc_clock_ns() + (int64_t)timeout_ms * 1000000;
    int answer = ZC_REEL_LATE;

    zc_mutex_lock(&r->mutex);
    for (;;) {
        if (frame < r->count)
            answer = ZC_OK;
        else if (r->ended)
            answer = r->end != ZC_OK || !r->frames ? (int)r->end : (int)ZC_E_ARGUMENT;
        if (answer != ZC_REEL_LATE)
            break;
        if (timeout_ms < 0)
            zc_cond_wait(&r->changed, &r->mutex);
        else if (!zc_cond_wait_until(&r->changed, &r->mutex, until))
            break;
    }
    zc_mutex_unlock(&r->mutex);
    return answer;
}

const float *zc_reel_frame(zc_reel *r, int frame)
{
    return frame >= 0 && frame < zc_reel_count(r) ? r->pixels + (size_t)frame * r->values : NULL;
}
