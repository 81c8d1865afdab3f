/* The frames of a job as they come about: one thread adds, others wait and copy.
 *
 * Thread safety: every function from any thread, but open and close. */
#ifndef ZC_REEL_H
#define ZC_REEL_H

#include <stdint.h>

#include "core/base/log.h"

typedef struct zc_reel zc_reel;

/* Room for so many frames of f32 RGB in -1 .. 1, taken at once. */
zc_status zc_reel_open(zc_reel **out, zc_log *log, int width, int height, int frames);
void      zc_reel_close(zc_reel **reel);

/* The next frame, width * height * 3 values, copied. */
void zc_reel_add(zc_reel *reel, const float *pixels);

/* No more frames will come; st says why. */
void zc_reel_end(zc_reel *reel, zc_status st);

int zc_reel_count(zc_reel *reel);

/* ZC_OK once the frame is there; the reel's end if it never will be; or ZC_REEL_LATE. Of a reel
 * without frames any frame is there at its end. */
#define ZC_REEL_LATE 1
int zc_reel_wait(zc_reel *reel, int frame, int timeout_ms);     /* negative: for ever */

/* Values of a frame that is there; borrowed from the reel. NULL if it is not. */
const float *zc_reel_frame(zc_reel *reel, int frame);

#endif
