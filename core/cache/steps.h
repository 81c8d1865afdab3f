/* Sets of steps that are computed in full: one byte for each step, 1 for those.
 *
 * Thread safety: pure functions. */
#ifndef ZC_CACHE_STEPS_H
#define ZC_CACHE_STEPS_H

#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

/* The first `first` steps, then every interval-th: a step is computed if it is among
 * the first or interval - 1 predictions have passed since. `forced` is one more
 * that does not start the count anew; -1: none. */
void zc_steps_periodic(uint8_t *full, int steps, int first, int interval, int forced);

/* Numbers with blanks or commas between them; 0 must be among them. */
zc_status zc_steps_parse(uint8_t *full, int steps, zc_log *log, const char *text);

/* The steps in `list`, which ends with a negative number; those beyond `steps` are left out. */
void zc_steps_listed(uint8_t *full, int steps, const int16_t *list);

/* LESA's: periodic, and step 3 outside the count. */
void zc_steps_lesa(uint8_t *full, int steps, int first, int interval);

/* L2P's hand-picked ones. False if there is none of that interval and that many steps. */
#define ZC_STEPS_L2P 50
bool zc_steps_l2p(uint8_t *full, int steps, int interval);

int zc_steps_count(const uint8_t *full, int steps);

#endif
