/* One job of a batch: from what its folder says is missing to files under their
 * final names.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_BATCH_MAKE_H
#define ZC_BATCH_MAKE_H

#include "core/batch/batch.h"

typedef struct zc_make_desc {
    zc_log     *log;
    zc_engine  *engine;
    const zc_batch_desc *batch;
    const zc_request *q;
    const char *output;               /* a path: a film's, or a pattern of stills */
    size_t      folder;               /* bytes at the head of it that must be there already */
    zc_cancel  *cancel;
    /* The job at work from here on, NULL behind it; and frames that are on the disk. */
    void      (*job)(void *user, zc_job *job);
    void      (*written)(void *user, int frames);
    void       *user;
} zc_make_desc;

/* *skipped: everything was there. */
zc_status zc_make(const zc_make_desc *d, bool *skipped);

/* The sink that a request asks for. */
zc_status zc_make_sink(zc_sink **out, zc_log *log, const zc_request *q, const char *output, int fd);

/* What is to be made, as canonical JSON. */
zc_status zc_manifest_of(zc_str *to, const zc_make_desc *d, int frames_per_segment);

#endif
