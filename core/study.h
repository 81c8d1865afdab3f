/* What trainings and benchmarks of caching share: a list of prompts, a folder that
 * keeps what was made of them, and runs of the denoiser over each.
 *
 * The folder makes work resumable: everything in it is written in one go and says
 * what it was made from, so that what another request left there is refused. It is locked
 * while a study is open. Memory: one prompt's conditioning, one latent.
 *
 * Thread safety: on the engine's worker only. */
#ifndef ZC_STUDY_H
#define ZC_STUDY_H

#include "core/base/file.h"
#include "core/pieces.h"
#include "core/task.h"

#define ZC_STUDY_PROMPTS 100000

typedef struct zc_study {
    zc_job           *job;
    zc_engine        *engine;
    const zc_request *q;
    zc_phase          phase;
    char             *folder;
    zc_own           *lock;
    char             *text;           /* of the prompts' file; lines end in NUL */
    char            **prompt;
    int               prompts;
    zc_schedule       schedule;
    int32_t           size[3];        /* of latents */
    int               lanes;
    char              fingerprint[65];        /* of the transformer */
    char              recipe[65];     /* hash of all that runs depend on, but the prompt */
    zc_states         states[ZC_LANES];       /* of `loaded` and of the negative prompt */
    int               loaded;         /* -1: none */
} zc_study;

/* Reads the prompts, one a line, blank ones left out; encodes those that the folder does not have
 * yet; loads the transformer. Prompt i has the request's seed plus i. *s may be closed after any
 * failure. */
zc_status zc_study_open(zc_study *s, zc_job *job, const char *prompts, const char *folder);
void      zc_study_close(zc_study *s);

/* The path of a file in the folder, "run-0007.safetensors"; without a number if `number` is below
 * 0. Yours to free; NULL without memory. */
char *zc_study_path(const zc_study *s, const char *kind, int number);

/* What a prompt's runs were made from: 64 hex digits, `also` included. */
void zc_study_key(const zc_study *s, int prompt, const char *also, char key[65]);

/* Runs prompt number `prompt` with what d has set: caches, feature, flops, and a schedule if it is
 * not the request's. The rest of d is filled here. latent, if not NULL, gets the result, yours to
 * free with zc_free. */
zc_status zc_study_run(zc_study *s, int prompt, zc_denoising *d, float **latent);

/* Removes the folder with all that studies keep there. */
zc_status zc_study_discard(zc_study *s);

#endif
