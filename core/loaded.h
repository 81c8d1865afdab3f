/* The components of a checkpoint as a table, and one of them in memory.
 *
 * Thread safety: rows are constant; the rest one thread at a time. */
#ifndef ZC_LOADED_H
#define ZC_LOADED_H

#include "core/checkpoint.h"
#include "core/device.h"

typedef struct zc_component_row {
    const size_t *weights_size;   /* of the struct that bind fills */
    void (*bind)(zc_weights *w, const zc_configs *c, void *weights);
    bool streams;                 /* can do with less than all of its weights in memory */
} zc_component_row;

extern const zc_component_row zc_component_rows[ZC_COMPONENTS];

/* Weights of one component. Starts as { 0 }. */
typedef struct zc_loaded {
    zc_weights *store;
    void       *bound;            /* the component's struct; NULL: nothing is loaded */
} zc_loaded;

typedef struct zc_loaded_desc {
    zc_log           *log;
    const zk_backend *be;
    zk_queue         *queue;
    zk_dtype          act;
    bool              f8;         /* the transformer's products may be of F8 */
    const zc_source  *source;     /* NULL: there is none, for plans */
    zk_dtype          assume;     /* type of matrices where there is no source */
    uint64_t          budget;     /* bytes that may stay in memory, if it streams; 0: no limit */
    zc_pool          *pool;       /* to load with; NULL: finds and checks, but loads nothing */
    zc_cancel        *cancel;
} zc_loaded_desc;

/* Finds, checks and loads; the plan says what is in memory. */
zc_status zc_loaded_open(zc_loaded *l, const zc_loaded_desc *desc, enum zc_component_kind kind,
                         const zc_configs *configs, zc_weights_plan *plan);
void      zc_loaded_close(zc_loaded *l);

#endif
