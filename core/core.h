/* Everything that plugin/ may see of the core: engines that run jobs, and what a
 * job would take.
 *
 * Thread safety: as host-abi/zoetrope.h says of its functions, which are these in
 * other words. */
#ifndef ZC_CORE_H
#define ZC_CORE_H

#include "core/input.h"
#include "core/preset.h"
#include "core/reel.h"
#include "core/request.h"

typedef struct zc_engine zc_engine;
typedef struct zc_job    zc_job;

typedef struct zc_engine_desc {
    int         threads;          /* 0: one for each processor */
    uint64_t    max_memory;       /* bytes that weights may stay in; 0: no limit */
    const char *device;           /* name of a backend; NULL: the best that opens */
    void      (*log)(void *user, int32_t level, const char *text);    /* may be NULL */
    void       *log_user;
    zc_level    level;
    const char *presets;          /* folders that are searched for them, ":" between; copied */
} zc_engine_desc;

zc_status zc_engine_open(zc_engine **out, const zc_engine_desc *desc);
void      zc_engine_close(zc_engine **engine);
zc_log   *zc_engine_log(zc_engine *engine);            /* borrowed */
const char *zc_engine_presets(const zc_engine *engine);        /* the folders; borrowed */

/* Sampler or backend number `index`: its name, and a line about it; NULL behind the last. */
const char *zc_list_samplers(int index, const char **summary);
const char *zc_list_backends(int index, const char **summary);
const char *zc_list_models(int index, const char **summary);
const char *zc_list_caches(int index, const char **summary);
const char *zc_list_sinks(int index, const char **summary);

typedef enum zc_phase_kind {
    ZC_PHASE_WAITING,
    ZC_PHASE_LOADING,
    ZC_PHASE_TEXT,
    ZC_PHASE_DENOISE,
    ZC_PHASE_DECODE,
    ZC_PHASE_DONE,
    ZC_PHASE_FIT,                 /* of a training: steps of all runs that it may need */
    ZC_PHASE_MEASURE,             /* of a benchmark: runs */
} zc_phase_kind;

typedef struct zc_job_info {
    int           width, height, frames;
    zc_phase_kind phase;
    int           step, steps;    /* done and in all, of this phase; steps 0: not known */
    int           frames_done;
    zc_status     status;         /* ZC_OK while nothing has failed */
    float         seconds;        /* since work began */
    float         seconds_left;   /* below 0: not known yet */
} zc_job_info;

/* What of a job outlives the process; borrowed until the job is closed. */
typedef struct zc_lasting {
    struct zc_bookmark *bookmark;     /* where its generation stands; NULL: that is not kept */
    const char *texts;                /* a folder of encoded prompts; NULL: there is none */
    uint64_t    texts_bytes;          /* that it may hold */
} zc_lasting;

/* What can be said of a request without reading anything. */
zc_status   zc_job_check(zc_log *log, const zc_request *q);

zc_status   zc_job_start_kept(zc_engine *engine, zc_job **out, const zc_request *q,
                              const zc_lasting *keep);

/* The request is checked and copied; failures are told to the engine's log. */
zc_status   zc_job_start(zc_engine *engine, zc_job **out, const zc_request *q);
/* The same, with frames that the job keeps; input NULL: none. */
zc_status   zc_job_start_from(zc_engine *engine, zc_job **out, const zc_request *q,
                              const zc_input_desc *input);
const zc_input *zc_job_input(const zc_job *job);       /* borrowed from the job; NULL: none */
void        zc_job_info_get(zc_job *job, zc_job_info *info);
zc_reel    *zc_job_reel(zc_job *job);                  /* borrowed from the job */
void        zc_job_cancel(zc_job *job);
const char *zc_job_error(zc_job *job);                 /* borrowed from the job */
/* What the cache did, as JSON, "" without one; NULL before the first frame. Borrowed likewise. */
const char *zc_job_trace(zc_job *job);
const char *zc_job_report(zc_job *job);                /* likewise; "" before the end */
void        zc_job_close(zc_job **job);

typedef struct zc_plan {
    int      width, height, frames, steps;
    int      image_tokens, text_tokens;
    double   flops_text, flops_step, flops_decode, flops;
    uint64_t weights[4];          /* text encoder, CLIP, transformer, autoencoder */
    uint64_t resident;            /* of the transformer's: what stays, buffers included */
    uint64_t every_step, once;    /* what is read from disk in each step, and before the first */
    uint64_t scratch_text, scratch_denoise, scratch_decode;
    uint64_t cache;               /* of remembered features, part of the scratch of denoising */
    uint64_t frames_bytes;        /* of the finished frames */
    uint64_t peak;                /* of all that is in memory at once */
    uint64_t limit;               /* of weights: asked for, or of a small device; 0: none */
} zc_plan;

zc_status zc_plan_make(zc_engine *engine, const zc_request *q, zc_plan *plan);
void      zc_plan_words(const zc_plan *plan, zc_str *to);
void      zc_plan_json(const zc_plan *plan, zc_str *to);

/* What a file or folder is, in words and as JSON. */
zc_status zc_inspect(zc_log *log, const char *path, zc_str *words, zc_str *json);

/* How far two films, pictures or files of tensors are apart; see compare.h. */
zc_status zc_compare_films(zc_log *log, const char *a, const char *b, zc_str *words, zc_str *json);

/* Work over a file of prompts that is queued like a job: see training.h and bench/bench.h. All is
 * copied. */
typedef struct zc_task_desc {
    const zc_request *request;
    const char       *prompts;        /* path of a text file, a prompt in each line */
    const char       *output;         /* path */
    const char       *options;        /* "key = value" lines; NULL: the defaults */
} zc_task_desc;

zc_status zc_training_start(zc_engine *engine, zc_job **out, const zc_task_desc *desc);
zc_status zc_bench_start(zc_engine *engine, zc_job **out, const zc_task_desc *desc);

/* The options of the tasks "train" and "bench", of one of the fits, "train.gram", or of a row that
 * a request names, "cache.fora"; NULL if there is none of that name. */
const zc_opt *zc_task_options(const char *table);

/* Frame `index` of a reel as pixels; ZC_E_ARGUMENT if it is not there. */
typedef struct zc_picture {
    void    *data;                /* the top row */
    int64_t  pitch;               /* bytes from a row to the one below */
    int      format;              /* 0 to 3: RGBA of 8 bit, 16 bit, half, float */
} zc_picture;

zc_status zc_job_frame(zc_job *job, int index, const zc_picture *into);

#endif
