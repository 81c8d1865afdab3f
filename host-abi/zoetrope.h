/* zoetrope.h: the binary interface of libzoetrope.so.0
 *
 * Video and images from diffusion transformers, inside any program. The library
 * exports one function, zt_get_api, which returns a table of functions.
 *
 * A host that renders a clip (compiled and run by our tests as it stands here):
 *
 *     #include <stdio.h>
 *     #include <stdlib.h>
 *     #include "host-abi/zoetrope.h"
 *
 *     static void say(void *user, int32_t level, const char *text)
 *     {
 *         if (level <= ZT_LEVEL_WARNING)
 *             fprintf(user, "%s\n", text);
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         const zt_api *zt = zt_get_api(ZT_ABI);
 *         zt_engine_desc ed = { .size = sizeof(ed), .log = say, .log_user = stderr };
 *         zt_engine *engine = NULL;
 *         zt_job *job = NULL;
 *
 *         if (argc < 3 || !zt || zt->engine_open(&engine, &ed) != ZT_OK)
 *             return 1;
 *         zt_job_desc jd = { .size = sizeof(jd), .preset = argv[1], .prompt = argv[2],
 *                            .options = argc > 3 ? argv[3] : NULL };
 *         int32_t st = zt->job_start(engine, &job, &jd);
 *         zt_job_info info = { .size = sizeof(info) };
 *         if (st == ZT_OK)
 *             st = zt->job_info(job, &info);
 *         for (int32_t i = 0; st == ZT_OK && i < info.frames; i++) {
 *             zt_frame frame = { .size = sizeof(frame), .format = ZT_RGBA8,
 *                                .pitch = info.width * 4 };
 *             frame.data = malloc((size_t)info.width * 4 * (size_t)info.height);
 *             st = zt->job_wait(job, i, -1);
 *             if (st == ZT_OK)
 *                 st = zt->job_frame(job, i, &frame);
 *             if (st == ZT_OK)
 *                 fwrite(frame.data, 4, (size_t)info.width * (size_t)info.height, stdout);
 *             free(frame.data);
 *         }
 *         zt->job_close(&job);
 *         zt->engine_close(&engine);
 *         return st == ZT_OK ? 0 : 2;
 *     }
 *
 * Rules. Integers have fixed widths, text is UTF-8, statuses are zero or
 * negative. Every struct begins with `size`, which the caller sets to what it
 * knows the struct's size to be; zero in any other field means its default, so
 * older callers need no special case. A larger struct from a newer caller is
 * accepted as long as what we don't know is zero. Structs and the table only ever
 * grow at their ends. What a pointer's owner is stands beside it: *copied* during
 * the call, *borrowed* until something happens, or *yours*.
 *
 * Environment. The library prints nothing, installs nothing, and leaves the
 * process's locale, signals, rounding modes, folders and variables alone. It
 * starts threads when an engine is opened and joins them when it is closed. Engines of
 * one process that use the same files in the same way share the weights.
 *
 * Thread safety: zt_get_api, and calls on different engines, may run at the same
 * time. Calls on one job may come from any thread at any time, job_close apart,
 * which must be the last. Callbacks arrive on the engine's own thread, or on the one
 * whose call they are about; they must return soon and must not call back into the
 * same engine. */
#ifndef ZOETROPE_H
#define ZOETROPE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ZT_EXPORT __attribute__((visibility("default")))
#else
#define ZT_EXPORT
#endif

#define ZT_ABI 1

/* Statuses. */
#define ZT_OK              0
#define ZT_E_NOMEM       (-1)      /* no memory, or more than the budget */
#define ZT_E_SHAPE       (-2)      /* tensors that don't fit each other */
#define ZT_E_MISSING     (-3)      /* a tensor, a key or a name that must be there */
#define ZT_E_FORMAT      (-4)      /* content that breaks the rules of its kind */
#define ZT_E_UNSUPPORTED (-5)      /* valid, but not something we can do */
#define ZT_E_CANCELLED   (-6)
#define ZT_E_IO          (-7)      /* the system refused to read or write */
#define ZT_E_DEVICE      (-8)
#define ZT_E_ARGUMENT    (-9)      /* a value that the caller may not pass */
#define ZT_E_TRUNCATED   (-10)     /* a file ends too early */
#define ZT_E_LIMIT       (-11)     /* beyond one of our own limits */
#define ZT_E_MISMATCH    (-12)     /* two good things that don't belong together */
#define ZT_E_UNSAFE      (-13)     /* refused on purpose: a path that leads out, a pickle */
#define ZT_E_NOT_OURS    (-14)     /* a file of another kind */
#define ZT_E_TIMEOUT     (-15)     /* job_wait: not there yet */
#define ZT_E_NOT_FOUND   (-16)     /* a file or folder that is not there */
#define ZT_E_CREATE      (-17)     /* an output that cannot be created, or no room for it */
#define ZT_E_BUSY        (-18)     /* somebody else is at work on it: try again later */

/* Levels of messages. */
#define ZT_LEVEL_ERROR   0
#define ZT_LEVEL_WARNING 1
#define ZT_LEVEL_INFO    2
#define ZT_LEVEL_DEBUG   3
#define ZT_LEVEL_TRACE   4

typedef struct zt_engine zt_engine;
typedef struct zt_job    zt_job;

/* text is borrowed until the callback returns; it never ends in a newline. */
typedef void (*zt_text_fn)(void *user, const char *text);
typedef void (*zt_log_fn)(void *user, int32_t level, const char *text);

typedef struct zt_engine_desc {
    uint32_t    size;
    int32_t     threads;          /* that compute; default: one for each processor */
    uint64_t    max_memory;       /* bytes that weights may stay in; default: no limit */
    const char *device;           /* "auto", "cpu" or "cuda"; copied */
    zt_log_fn   log;              /* default: messages are dropped */
    void       *log_user;
    int32_t     log_level;        /* least important that is wanted; default: ZT_LEVEL_INFO */
    uint32_t    reserved;
    const char *presets;          /* folders with presets, ":" between, searched before the
                                   * installed ones; copied */
} zt_engine_desc;

/* What can be listed by name. */
#define ZT_LIST_MODELS   0
#define ZT_LIST_SAMPLERS 1
#define ZT_LIST_BACKENDS 2
#define ZT_LIST_CACHES   3
#define ZT_LIST_PRESETS  4        /* the installed ones: reads their folder, and nothing else */
#define ZT_LIST_SINKS    5

typedef struct zt_item {
    uint32_t    size;
    uint32_t    reserved;
    const char *name, *summary;   /* borrowed for as long as the library is loaded; of presets, they
                                   * are in `text` */
    char        text[320];        /* yours */
} zt_item;

/* Kinds of parameters. */
#define ZT_PARAM_INT    0
#define ZT_PARAM_FLOAT  1
#define ZT_PARAM_BOOL   2
#define ZT_PARAM_TEXT   3
#define ZT_PARAM_CHOICE 4

typedef struct zt_param {
    uint32_t    size;
    int32_t     kind;
    const char *key;              /* as in presets and options; borrowed for ever, as are all */
    const char *help;             /* one line */
    const char *text;             /* default of a text */
    const char *const *choices;   /* names of a choice, ending in NULL */
    double      value;            /* default of a number, a bool, or a choice's index */
    double      least, most;      /* range of a number */
} zt_param;

/* Frames to start from, for models that make video of an image or of a video. Others
 * keep them without looking. */
typedef struct zt_input {
    uint32_t size;
    int32_t  width, height;       /* those of the job; default: they are */
    int32_t  frames;              /* 1 for an image; at most the job's */
    int32_t  format;              /* ZT_RGBA8 ...; alpha is not looked at */
    uint32_t reserved;
    int64_t  pitch;               /* bytes from a row to the one below; negative: upwards */
    const void *const *data;      /* the top row of each frame; copied */
} zt_input;

typedef struct zt_job_desc {
    uint32_t    size;
    int32_t     width, height;    /* default: the preset's */
    int32_t     frames;
    uint64_t    seed;             /* default: the preset's */
    const char *preset;           /* a file's path, the name of a preset, or its text; copied */
    const char *prompt;           /* copied */
    /* "key = value" lines over the preset, later ones over earlier; copied. What the preset has as
     * ${NAME} is the value of NAME, or of $NAME if that is an option too. */
    const char *options;
    const zt_input *input;        /* default: none; copied */
} zt_job_desc;

/* Work over a file of prompts, queued like a job and watched by the same calls. It has no
 * frames: job_wait for frame 0 waits for its end, and job_report says what came of it. */
typedef struct zt_task_desc {
    uint32_t           size;
    uint32_t           reserved;
    const zt_job_desc *job;       /* model, size, steps, and the first prompt's seed; copied */
    const char        *prompts;   /* path of a text file, a prompt in each line; copied */
    const char        *output;    /* path of what it writes; copied */
    const char        *options;   /* "key = value" lines, see task_param; copied */
} zt_task_desc;

/* Phases of a job. */
#define ZT_PHASE_WAITING 0        /* for jobs before it */
#define ZT_PHASE_LOADING 1
#define ZT_PHASE_TEXT    2
#define ZT_PHASE_DENOISE 3
#define ZT_PHASE_DECODE  4
#define ZT_PHASE_DONE    5        /* all frames are there, or the job has failed */
#define ZT_PHASE_FIT     6        /* of train_start: runs, and what is learned of them */
#define ZT_PHASE_MEASURE 7        /* of bench_start: runs */

typedef struct zt_job_info {
    uint32_t size;
    int32_t  width, height, frames;
    int32_t  phase;
    int32_t  step, steps;         /* done and in all, of this phase; steps 0: not known */
    int32_t  frames_done;
    int32_t  status;              /* ZT_OK while nothing has failed */
    float    seconds;             /* since the job began to work */
    float    seconds_left;        /* an estimate; below 0: none yet */
} zt_job_info;

/* Formats of pixels. Values are not premultiplied; alpha is 1. */
#define ZT_RGBA8  0               /* uint8_t */
#define ZT_RGBA16 1               /* uint16_t, of this machine's byte order */
#define ZT_RGBAH  2               /* IEEE half; what is outside 0 .. 1 stays */
#define ZT_RGBAF  3               /* float; likewise */

typedef struct zt_frame {
    uint32_t size;
    int32_t  format;
    int64_t  pitch;               /* bytes from a row to the one below; negative: upwards */
    void    *data;                /* the top row; yours: job_frame writes width x height pixels */
} zt_frame;

/* A plan: what a job would take. */
typedef struct zt_plan {
    uint32_t size;
    int32_t  width, height, frames, steps;
    int32_t  image_tokens, text_tokens;
    uint32_t reserved;
    double   flops_step, flops;   /* of one denoising step, and of all phases */
    uint64_t weights, resident;   /* bytes of all, and of what stays in memory at once */
    uint64_t scratch, cache;      /* bytes at the peak, and of stored features */
} zt_plan;

/* What becomes of outputs that are there before a batch begins. Those that a batch of the
 * same description has made stay in any case, and are not made again. */
#define ZT_EXISTING_RESUME  0     /* other ones are refused */
#define ZT_EXISTING_FAIL    1     /* any are refused */
#define ZT_EXISTING_REPLACE 2     /* other ones are replaced */

typedef struct zt_batch zt_batch;

/* Jobs that become files. All texts are copied. */
typedef struct zt_batch_desc {
    uint32_t    size;
    int32_t     existing;
    const zt_job_desc *job;       /* of every job, but for what its row says */
    const char *output;           /* a path, in which {name}, {seed} and other keys in braces stand
                                   * for a job's, and #### for a frame's number; "-": fd */
    const char *rows;             /* a file: a prompt a line, or CSV or JSON lines with options as
                                   * columns; default: one job */
    const char *seeds;            /* "1-100x2": each row with each of them */
    const char *jobs;             /* folder of job folders; default: ".zoetrope" beside outputs */
    const char *texts;            /* folder of encoded prompts; default: none are kept */
    uint64_t    texts_bytes;      /* at most; default: 1 GiB */
    const char *shard;            /* "2/8": the second of eight shares; default: everything */
    int32_t     task;             /* one job alone, counted from 1; default: all */
    int32_t     fd;               /* of output "-"; default: standard output */
    double      checkpoint_seconds;   /* between two of a job; below 0: after each step; default:
                                       * a minute, or as often as it takes below 1 % of the time */
    const char *sheet;            /* a PNG of each job's first, middle and last frame */
    int32_t     listing;          /* 1: only makes and checks the list; batch_info has its length */
    uint32_t    reserved;
} zt_batch_desc;

#define ZT_BATCH_NAME 96

typedef struct zt_batch_info {
    uint32_t size;
    int32_t  jobs, done;          /* of this share: in all, and finished */
    int32_t  skipped, busy;       /* finished before; in the hands of others, and passed over */
    int32_t  current;             /* index of the job at work; below 0: none */
    int32_t  frames, written;     /* of it: in all, and on the disk */
    int32_t  phase, step, steps;  /* of it, as in zt_job_info */
    int32_t  ended;               /* 1 once it has */
    int32_t  status;              /* ZT_OK while nothing has failed */
    float    seconds, seconds_left;   /* of the batch; below 0: no estimate yet */
    char     name[ZT_BATCH_NAME]; /* of the job at work */
    int32_t  failed;              /* jobs, by what they are made of; the others go on */
    uint32_t reserved;
} zt_batch_info;

typedef struct zt_api {
    uint32_t size;                /* bytes of this table that are valid */
    uint32_t abi;

    const char *(*version)(void);                     /* "0.1.0"; borrowed for ever */
    const char *(*status_name)(int32_t status);       /* "missing"; borrowed for ever */

    /* *engine is yours, to be closed. Reads no model. */
    int32_t (*engine_open)(zt_engine **engine, const zt_engine_desc *desc);
    /* Cancels all jobs, waits for them and joins all threads. Jobs must be closed
     * before. Sets *engine to NULL, which it also accepts. */
    void    (*engine_close)(zt_engine **engine);

    /* Item `index` of a list, or ZT_E_MISSING behind its end. */
    int32_t (*list)(int32_t list, int32_t index, zt_item *item);
    /* Parameter `index`, or ZT_E_MISSING behind the last. */
    int32_t (*param)(int32_t index, zt_param *param);

    /* Checks every option, then queues the job: *job is yours, to be closed. Jobs of
     * an engine run one after another. On failure *job is NULL and the reason has
     * gone to the log. */
    int32_t (*job_start)(zt_engine *engine, zt_job **job, const zt_job_desc *desc);
    int32_t (*job_info)(zt_job *job, zt_job_info *info);
    /* Until that frame is there: ZT_OK; the job's failure; or ZT_E_TIMEOUT after so
     * many milliseconds, negative meaning never. */
    int32_t (*job_wait)(zt_job *job, int32_t frame, int32_t timeout_ms);
    /* Copies a frame that is there; ZT_E_TIMEOUT if it is not yet. */
    int32_t (*job_frame)(zt_job *job, int32_t frame, const zt_frame *into);
    void    (*job_cancel)(zt_job *job);               /* returns at once */
    /* Why it failed; "" if it has not. Borrowed until the job is closed. */
    const char *(*job_error)(zt_job *job);
    /* What was done, as JSON; "" before ZT_PHASE_DONE, which comes a moment after the last
     * frame. Borrowed until the job is closed. */
    const char *(*job_report)(zt_job *job);
    /* Cancels, waits, frees. Sets *job to NULL, which it also accepts. */
    void    (*job_close)(zt_job **job);

    /* What such a job would take. Weights need not be there: without a `model`, the
     * released HunyuanVideo is planned. text, if not NULL, gets the plan in words, then as JSON. */
    int32_t (*plan)(zt_engine *engine, const zt_job_desc *desc, zt_plan *plan, zt_text_fn text,
                    void *user);
    /* What a checkpoint, file or folder, is: in words, then as JSON. ZT_OK also if
     * something is missing from it or left over, which the words say. */
    int32_t (*inspect)(zt_engine *engine, const char *path, zt_text_fn text, void *user);

    /* Trains a predictor for cache = lesa on the prompts; `output` is its file. Started again after
     * an interruption with the same arguments, it goes on where it was. */
    int32_t (*train_start)(zt_engine *engine, zt_job **job, const zt_task_desc *desc);
    /* Measures methods of caching against uncached runs; `output` is a CSV. Goes on likewise. */
    int32_t (*bench_start)(zt_engine *engine, zt_job **job, const zt_task_desc *desc);
    /* How far two results are apart, films, pictures, folders of pictures, or safetensors files
     * with latents: as a table in words, then as JSON. */
    int32_t (*compare)(zt_engine *engine, const char *a, const char *b, zt_text_fn text,
                       void *user);
    /* Parameter `index` of a table of options, or ZT_E_MISSING behind the last: "train", "bench";
     * "train.gram" and "train.kan", whose keys are written fit.KEY; "cache.NAME" and "sink.NAME",
     * for options of a job that are written cache.KEY and sink.KEY. */
    int32_t (*task_param)(const char *table, int32_t index, zt_param *param);
    /* Reads a preset as job_start does. text, if not NULL, gets all options with where each value
     * came from: first as a preset that says the same in one file, then as JSON. */
    int32_t (*preset)(zt_engine *engine, const zt_job_desc *desc, zt_text_fn text, void *user);
    /* All presets that can be found by name: in words, then as JSON. */
    int32_t (*presets)(zt_engine *engine, zt_text_fn text, void *user);

    /* Jobs into files, on a thread of its own. Each job has a folder that says what is done, so
     * that a batch that was stopped in any way goes on where it was when it is started again, and
     * one that is done does nothing. *batch is yours, to be closed before the engine. */
    int32_t (*batch_start)(zt_engine *engine, zt_batch **batch, const zt_batch_desc *desc);
    int32_t (*batch_info)(zt_batch *batch, zt_batch_info *info);
    /* Until the end: ZT_OK; the failure, ZT_E_BUSY if others are at work on some of it; or
     * ZT_E_TIMEOUT after so many milliseconds, negative meaning never. */
    int32_t (*batch_wait)(zt_batch *batch, int32_t timeout_ms);
    void    (*batch_cancel)(zt_batch *batch);         /* returns at once */
    /* Why it failed, and what was done as JSON; "" before the end. Borrowed until close. */
    const char *(*batch_error)(zt_batch *batch);
    const char *(*batch_report)(zt_batch *batch);
    /* Cancels, waits, frees. Sets *batch to NULL, which it also accepts. */
    void    (*batch_close)(zt_batch **batch);

    /* New entries go below this line, never between. */
} zt_api;

/* NULL if this library cannot speak that version. Borrowed for as long as the
 * library is loaded. */
ZT_EXPORT const zt_api *zt_get_api(uint32_t abi);

#ifdef __cplusplus
}
#endif

#endif
