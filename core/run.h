/* What an operation needs around it: a backend, memory, and somewhere to put the
 * first failure.
 *
 * The status sticks: once it is set, operations do nothing, so that forward
 * functions never check and their marks always balance. Whoever called the
 * forward looks once.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_RUN_H
#define ZC_RUN_H

#include "core/arena.h"
#include "core/base/status.h"
#include "core/base/thread.h"
#include "kernels/kernels.h"

typedef struct zc_run zc_run;

struct zc_run {
    const zk_backend *be;
    zk_queue         *queue;
    zc_arena         *scratch;    /* released mark by mark */
    zk_dtype          act;        /* type of new activations; packed weights are packed for it */
    zc_cancel        *cancel;     /* requested by any thread; NULL if nobody will */
    zc_status         status;     /* first failure; later ops do nothing */
    char              why[240];   /* its sentence */
    double            flops;      /* multiplications and additions of products asked for so far */

    /* Shown every named stage of a forward as it comes about, for comparisons;
     * NULL if nobody looks. The tensor is only valid during the call. */
    void (*watch)(void *user, zc_run *r, const char *name, zk_tensor t);
    void  *watch_user;
};

/* Records a failure, unless there is one already. */
void zc_run_fail(zc_run *r, zc_status status, const char *format, ...) ZC_PRINTF(3, 4);

/* Shows a stage, whose name is printf-like, to whoever watches. */
void zc_run_show(zc_run *r, zk_tensor t, const char *name, ...) ZC_PRINTF(3, 4);

/* Sticks ZC_E_CANCELLED if that was requested. Called at the head of each block,
 * step and tile. */
void zc_run_poll(zc_run *r);

/* False while memory is only measured: then nobody reads what is uploaded, and nothing
 * needs to be computed on the host. */
bool zc_run_is_real(const zc_run *r);

#endif
