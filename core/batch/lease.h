/* A lease: the file by which one renderer at a time holds a job folder, on any
 * number of machines.
 *
 * It says who holds it (machine, boot, process, start) and counts beats. On one
 * machine a lock of the open file decides, and a holder that was killed leaves
 * nothing to wait for. Where locks don't reach, the count does: whoever finds the
 * lease of another machine watches it for three beats, and takes it over, by a
 * rename, if it stood still. No clocks are compared.
 *
 * A holder that was stopped and woken finds out at its next beat that the lease is
 * lost, and ends. Until then it can do no harm: equal jobs write equal bytes.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_BATCH_LEASE_H
#define ZC_BATCH_LEASE_H

#include "core/base/file.h"
#include "core/base/thread.h"

#define ZC_LEASE_BEATS 3              /* missed, before it is taken over */

typedef struct zc_lease zc_lease;

/* ZC_E_BUSY, naming the holder, if somebody else is at work; ZC_E_CANCELLED if that is asked for
 * while watching. beat_ms is the time between two beats, the same on all machines. */
zc_status zc_lease_take(zc_lease **out, zc_log *log, const char *path, int beat_ms,
                        zc_cancel *cancel);

/* To be called at least once in beat_ms; writes if it is time to. ZC_E_BUSY if it was lost. */
zc_status zc_lease_beat(zc_lease *lease, zc_log *log);

/* Gives it back: the file is gone. Accepts NULL. */
void zc_lease_release(zc_lease **lease);

#endif
