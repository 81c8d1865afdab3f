/* Batches: one preset, many jobs, and files that are complete or not there,
 * whatever stops the work.
 *
 * A batch runs on a thread of its own: it takes the list of jobs, or a share of it,
 * and for each one opens the job's folder, lets the engine generate what is
 * missing, and gives files their names. What was done before is not done again; what
 * somebody else is at work on is passed over, and told as ZC_E_BUSY at the end.
 *
 * Thread safety: start and close belong to the owner; the others may be called from
 * any thread in between. */
#ifndef ZC_BATCH_H
#define ZC_BATCH_H

#include "core/batch/folder.h"
#include "core/batch/list.h"
#include "core/core.h"
#include "core/sink/sink.h"

#define ZC_BATCH_NAME 96              /* bytes of a job's name in an info */

typedef struct zc_batch_desc {
    const char *preset, *options, *folders;       /* as in zc_preset_desc */
    const char *prompt;               /* over the preset's and the options'; NULL: theirs */
    const char *rows, *seeds;         /* as in zc_list_desc; NULL: one job */
    const char *output;               /* a path with a pattern, see pattern.h; "-": fd */
    int         fd;                   /* for "-": of the caller */
    enum zc_existing existing;
    const char *jobs;                 /* where job folders are; NULL: ".zoetrope" beside outputs */
    const char *texts;                /* folder of encoded prompts; NULL: they are not kept */
    uint64_t    texts_bytes;          /* at most; 0: 1 GiB */
    const char *shard;                /* "2/8"; NULL: everything */
    int32_t     task;                 /* only that job, counted from 0; below 0: all */
    double      checkpoint_seconds;   /* between two; 0: each step; below 0: as often as it costs
                                       * less than a hundredth of the time, or is a minute ago */
    const char *sheet;                /* a picture of first, middle and last frames; NULL: none */
    bool        listing;              /* only makes and checks the list */
    const char *version;              /* of the tool, for manifests */
    int         beat_ms;              /* of leases; 0: 5000 */
} zc_batch_desc;

typedef struct zc_batch_info {
    int32_t     jobs;                 /* in this share */
    int32_t     done, skipped, busy;  /* finished in all; of those, before; in other hands */
    int32_t     failed;               /* by a fault of their own; the others go on */
    int32_t     current;              /* index in the whole list; below 0: none */
    char        name[ZC_BATCH_NAME];  /* of the current job */
    int32_t     written;              /* frames of the current job that are on the disk */
    zc_job_info job;                  /* the current one's */
    zc_status   status;               /* of what failed first, or ended everything */
    bool        ended;
    float       seconds, seconds_left;            /* of everything; below 0: not known yet */
} zc_batch_info;

typedef struct zc_batch zc_batch;

/* Reads preset and rows, checks them and the sink, and begins. Everything is copied. */
zc_status zc_batch_start(zc_engine *engine, zc_batch **out, const zc_batch_desc *desc);
void      zc_batch_info_get(zc_batch *b, zc_batch_info *info);
/* The batch's end, or ZC_E_TIMEOUT after so many milliseconds; negative: never. */
zc_status zc_batch_wait(zc_batch *b, int timeout_ms);
void      zc_batch_cancel(zc_batch *b);
/* Why it failed, and what was done as JSON; "" before the end. Borrowed until close. */
const char *zc_batch_error(zc_batch *b);
const char *zc_batch_report(zc_batch *b);
void      zc_batch_close(zc_batch **b);           /* cancels, waits, frees */

#endif
