/* Inside of benchmarks of caching: which methods are run, what was measured, and
 * how that is kept and told.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_BENCH_PART_H
#define ZC_BENCH_PART_H

#include "core/base/opt.h"
#include "core/study.h"

#define ZC_BENCH_METHODS 32
#define ZC_BENCH_COUNTS  16

/* A method with options, some of which may still be open: "?" stands for the value
 * that gives the wanted number of computed steps. */
typedef struct zc_bench_method {
    char name[48];                /* in tables and plots */
    char method[32];              /* of caching; "steps": fewer steps of the sampler */
    char options[2048];           /* "key = value" lines; {full} stands for the number */
} zc_bench_method;

/* One method at one number of computed steps: a line of the table. */
typedef struct zc_bench_case {
    const zc_bench_method *method;
    int      full;                /* wanted */
    char     options[2048];       /* complete */
    uint64_t key;                 /* of all that its runs depend on */
    uint64_t bytes;               /* of remembered features */
} zc_bench_case;

/* One run against the uncached one. */
typedef struct zc_bench_run {
    uint64_t key;
    int32_t  prompt, reserved;
    double   computed, flops, flops_whole;    /* steps; of it, and of the uncached run */
    double   seconds, seconds_whole, work, work_whole;
    double   predicted;           /* time of a predicted step over that of a computed one */
    double   psnr, psnr_u8wrap, psnr_f32, ssim;     /* mean of the frames */
    double   psnr_latent;         /* peak: the range of the uncached latent */
} zc_bench_run;

/* The lines of a file; NULL or "": the methods that need no predictor. */
zc_status zc_bench_methods_read(zc_bench_method list[ZC_BENCH_METHODS], int *count, zc_log *log,
                                const char *path);

/* Which option is open, or NULL. */
const zc_opt *zc_bench_open_option(const zc_bench_method *m);

/* options = those of m with {full} and "?" filled in. */
zc_status zc_bench_fill(char *options, size_t room, zc_log *log, const zc_bench_method *m, int full,
                        const char *value);

/* The whole number nearest to `full` computed steps, without running anything. */
zc_status zc_bench_fit_interval(char value[32], zc_log *log, const zc_bench_method *m, int full,
                                const zc_schedule *schedule, zc_request *q);

/* Runs that are kept in a file from one start to the next. */
typedef struct zc_bench_journal {
    zc_own       *file;
    zc_bench_run *runs;
    size_t        count, room;
} zc_bench_journal;

zc_status zc_bench_journal_open(zc_bench_journal *j, zc_log *log, const char *path);
void      zc_bench_journal_close(zc_bench_journal *j);
const zc_bench_run *zc_bench_journal_find(const zc_bench_journal *j, uint64_t key, int prompt);
zc_status zc_bench_journal_add(zc_bench_journal *j, zc_log *log, const zc_bench_run *run);

/* Means of all runs of a case. runs 0: there is none. */
typedef struct zc_bench_row {
    const zc_bench_case *of;
    int    runs;
    double full, flops, flops_gain, seconds_gain, work_gain, predicted;
    double psnr, psnr_u8wrap, psnr_f32, ssim, psnr_latent;
} zc_bench_row;

void zc_bench_row_make(zc_bench_row *row, const zc_bench_journal *j, const zc_bench_case *c,
                       int prompts);

zc_status zc_bench_write_csv(const zc_bench_row *rows, int count, zc_log *log, const char *path);

/* PSNR against the gain in FLOPs, one line a method, as SVG. */
zc_status zc_bench_write_plot(const zc_bench_row *rows, int count, zc_log *log, const char *path);

#endif
