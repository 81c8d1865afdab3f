/* Denoising that can go on in another process: what is known between two steps, as
 * pieces of memory, and when to keep them.
 *
 * Pieces are the latent, and of each lane's cache the remembered features and
 * the state of its decisions. With them the steps that follow have the same bits as
 * if there had been no interruption.
 *
 * Thread safety: one thread at a time. */
#ifndef ZC_KEEPING_H
#define ZC_KEEPING_H

#include "core/cache/cache.h"
#include "core/model/model.h"

#define ZC_PIECES_MAX (1 + ZC_LANES * (1 + ZC_CACHE_TENSORS))

typedef struct zc_piece {
    char   name[24];
    void  *data;
    size_t bytes;
} zc_piece;

/* Whoever keeps them. */
typedef struct zc_keeping {
    void *user;
    /* Fills all pieces with what was kept last, and returns how many steps were done then; 0, and
     * nothing filled, if there is nothing that has just these pieces. */
    int       (*resume)(void *user, zc_piece *pieces, int count, int steps);
    /* Whether to keep them now. */
    bool      (*due)(void *user);
    zc_status (*keep)(void *user, const zc_piece *pieces, int count, int done);
} zc_keeping;

/* Steps that were done already: what they left is in the latent and the caches. */
int  zc_keeping_resume(const zc_keeping *k, zc_run *r, zk_tensor latent,
                       zc_cache *const caches[ZC_LANES], int steps);

/* Between two steps. */
void zc_keeping_step(const zc_keeping *k, zc_run *r, zk_tensor latent,
                     zc_cache *const caches[ZC_LANES], int done);

#endif
