/* What fits learn from: the features of all steps of one run, of a fixed choice of
 * their elements.
 *
 * A feature may have tens of millions of elements, and a fit needs a few hundred
 * numbers; so one element of each of `count` equal stretches is picked, the same
 * ones in every step and run. Memory is lanes * steps * count * 4 bytes.
 *
 * Thread safety: as plain data. */
#ifndef ZC_TRAJECTORY_H
#define ZC_TRAJECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

/* Which elements: ascending. */
typedef struct zc_picks {
    size_t  total, count;
    size_t *index;
} zc_picks;

/* All elements if there are at most `most`, else that many, chosen by the seed. */
zc_status zc_picks_init(zc_picks *p, zc_log *log, size_t total, size_t most, uint64_t seed);
void      zc_picks_fini(zc_picks *p);
void      zc_picks_gather(const zc_picks *p, float *dst, const float *feature);

/* The same piece by piece: `part` is the next `count` elements of a feature, from element `from`
 * on, and `at` picks were made before. Returns how many are made then. */
size_t    zc_picks_gather_part(const zc_picks *p, float *dst, size_t at, const float *part,
                               size_t from, size_t count);

typedef struct zc_trajectory {
    int    lanes, steps;
    size_t count;             /* elements */
    float *value;             /* [lanes][steps][count] */
} zc_trajectory;

zc_status zc_trajectory_init(zc_trajectory *t, zc_log *log, int lanes, int steps, size_t count);
void      zc_trajectory_fini(zc_trajectory *t);
float    *zc_trajectory_at(const zc_trajectory *t, int lane, int step);

/* One safetensors file. `key` says what it was made from, in the caller's words; loading into t,
 * which has its sizes already, refuses a file of another key (ZC_E_MISMATCH), so that a run
 * that was interrupted never goes on with somebody else's data. */
zc_status zc_trajectory_save(const zc_trajectory *t, zc_log *log, const char *path,
                             const char *key);
zc_status zc_trajectory_load(zc_trajectory *t, zc_log *log, const char *path, const char *key);

#endif
