/* What a diffusion transformer is to the rest of the core: a row that names its
 * weights and runs any stretch of itself.
 *
 * Tokens are rows. A latent enters and a velocity leaves as patches [tokens,
 * channels * patch * patch], which is where sampling happens too.
 *
 * Thread safety: rows are constant; a zc_dit belongs to one run at a time. */
#ifndef ZC_MODEL_H
#define ZC_MODEL_H

#include "core/sample/schedule.h"
#include "core/weights.h"

/* Places in a transformer, in order. Features of caching methods are tapped at one. */
typedef enum zc_stage {
    ZC_AT_INPUT,          /* patches of the latent */
    ZC_AT_EMBED,          /* after the input projection */
    ZC_AT_TRUNK,          /* after the last block, image tokens only */
    ZC_AT_NORM,           /* after the final modulated norm */
    ZC_AT_OUTPUT,         /* patches of the velocity */
} zc_stage;

#define ZC_LANES 2        /* with a prompt, and without or against one */

/* What a lane is conditioned on. */
typedef struct zc_condition {
    zk_tensor text;       /* [tokens, text features], without padding */
    zk_tensor pooled;     /* [1, pooled features], absent if the model has none */
    float     guidance;   /* as the model expects it, 6000 say; used if it embeds guidance */
} zc_condition;

typedef struct zc_model zc_model;

/* One transformer in one job. */
typedef struct zc_dit {
    const zc_model *model;
    const void     *weights;          /* the model's struct, bound */
    zc_weights     *store;            /* NULL if everything is resident */
    const int32_t  *dims;             /* the model's symbols */
    const int32_t  *rope_axes;        /* head elements turned by time, height and width */
    float           rope_theta;
    int32_t         grid[3];          /* tokens in time, height and width */
    zc_condition         cond[ZC_LANES];
    zc_rope         rope;             /* filled by prepare, as are these */
    zk_tensor       modulation[ZC_LANES];     /* [steps, numbers]; absent: made in each step */
    zk_tensor       now[ZC_LANES];            /* this step's row of it, always in one place */
} zc_dit;

struct zc_model {
    const char *name, *summary;
    size_t weights_size;              /* of the struct that bind fills */
    void (*bind)(zc_weights *w, const int32_t *dims, void *weights);

    /* Columns of a feature at a stage. */
    int (*cols)(const int32_t *dims, zc_stage stage);

    /* Once per job, after grid and cond are set: position tables, in the run's
     * scratch below the caller's mark. */
    void (*prepare)(zc_run *r, zc_dit *dit);

    /* Fills dit->modulation with all that depends on the step, in the run's scratch, so that
     * the weights behind it are needed no more, and makes room for dit->now, which the
     * caller fills before each step. Without it each step computes its own. */
    void (*modulate)(zc_run *r, zc_dit *dit, const zc_schedule *schedule);

    /* What the first block makes of the embedded input before anything else: its
     * modulated norm, by which some caching methods judge a step. */
    void (*modulated)(zc_run *r, zc_dit *dit, const zc_step *step, int lane, zk_tensor embed,
                      zk_tensor out);

    /* From one stage to a later one. in and out have the shapes of those stages. */
    void (*stages)(zc_run *r, zc_dit *dit, const zc_step *step, int lane, zc_stage from,
                   zc_stage to, zk_tensor in, zk_tensor out);
};

#endif
