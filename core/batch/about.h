/* What a job's files say about how they were made.
 *
 * Thread safety: pure functions. */
#ifndef ZC_BATCH_ABOUT_H
#define ZC_BATCH_ABOUT_H

#include "core/batch/make.h"
#include "core/sink/provenance.h"

/* The notes of a job with that manifest, and with that report of its cache, "" if there was none. A
 * private job's prompts are left out. */
zc_status zc_about_notes(zc_notes **out, zc_log *log, const zc_make_desc *d, const char *manifest,
                         const char *trace);

#endif
