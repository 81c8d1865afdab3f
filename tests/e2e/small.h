/* What tests of engines share: the small model of the parity fixtures, films of
 * five small frames, and the last error of an engine. */
#ifndef TESTS_E2E_SMALL_H
#define TESTS_E2E_SMALL_H

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/core.h"
#include "tests/unit/test.h"

static const char *model_path;

typedef struct mailbox {
    char text[ZC_LOG_TEXT];       /* the last error */
} mailbox;

static inline void take_error(void *user, int32_t level, const char *text)
{
    mailbox *m = user;

    if (level == ZC_LEVEL_ERROR)
        snprintf(m->text, sizeof(m->text), "%s", text);
}

static inline zc_engine *open_engine(mailbox *m)
{
    zc_engine *e = NULL;

    REQUIRE_INT(zc_engine_open(&e, &(zc_engine_desc){ .threads = 2, .log = take_error,
                                                      .log_user = m,
                                                      .level = ZC_LEVEL_WARNING }), ZC_OK);
    return e;
}

static inline zc_request *small_request(int steps)
{
    zc_request *q = zc_request_new();
    char text[512];

    snprintf(text, sizeof(text), "model = %s\nprompt = a ball\nwidth = 32\nheight = 32\n"
             "frames = 5\nsteps = %d\n", model_path, steps);
    zc_preset *p = NULL;
    REQUIRE_INT(zc_preset_open(&p, NULL, &(zc_preset_desc){ .preset = text }, q), ZC_OK);
    zc_preset_close(&p);
    return q;
}

/* A digest of all frames, for comparing. */
static inline double sum_of(zc_job *job)
{
    double sum = 0;
    zc_job_info info;

    zc_job_info_get(job, &info);
    for (int i = 0; i < info.frames; i++) {
        const float *p = zc_reel_frame(zc_job_reel(job), i);
        for (int k = 0; p && k < info.width * info.height * 3; k++)
            sum = sum * 1.0000001 + (double)p[k];
    }
    return sum;
}

static inline double film(zc_engine *e, int steps)
{
    zc_request *q = small_request(steps);
    zc_job *job = NULL;
    double sum = 0;

    REQUIRE_INT(zc_job_start(e, &job, q), ZC_OK);
    REQUIRE_INT(zc_reel_wait(zc_job_reel(job), 4, -1), ZC_OK);
    sum = sum_of(job);
    zc_job_close(&job);
    zc_request_free(q);
    return sum;
}

#endif
