/* Pieces to and from the backend's memory. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/keeping.h"

/* All pieces in one block of host memory, and the tensors that some of them are copies of. */
typedef struct pieces {
    int       count;
    zc_piece  at[ZC_PIECES_MAX];
    zk_tensor of[ZC_PIECES_MAX];      /* ZK_NONE: the state of a cache */
    zc_cache *cache[ZC_PIECES_MAX];
    uint8_t  *memory;
} pieces;

static size_t bytes_of(zk_tensor t)
{
    uint64_t bytes = 0;

    (void)zk_dtype_size(t.type, (uint64_t)t.dim[0] * (uint64_t)t.dim[1] * (uint64_t)t.dim[2] *
                        (uint64_t)t.dim[3], &bytes);
    return (size_t)bytes;
}

static void add(pieces *p, const char *name, int lane, int index, zk_tensor t, zc_cache *cache,
                size_t bytes)
{
    zc_piece *piece = &p->at[p->count];

    zc_format(piece->name, sizeof(piece->name), "%s.%d.%d", name, lane, index);
    piece->bytes = bytes;
    p->of[p->count] = t;
    p->cache[p->count] = cache;
    p->count++;
}

/* False, and the run has failed, without memory. */
static bool open_pieces(pieces *p, zc_run *r, zk_tensor latent, zc_cache *const caches[ZC_LANES])
{
    const zk_tensor none = { .type = ZK_NONE };
    size_t bytes = 0;

    memset(p, 0, sizeof(*p));
    add(p, "latent", 0, 0, latent, NULL, bytes_of(latent));
    for (int lane = 0; lane < ZC_LANES; lane++) {
        zk_tensor tensors[ZC_CACHE_TENSORS];
        const int count = caches[lane] ? zc_cache_tensors(caches[lane], tensors) : 0;

        if (caches[lane])
            add(p, "state", lane, 0, none, caches[lane], zc_cache_state_bytes(caches[lane]));
        for (int i = 0; i < count; i++)
            add(p, "feature", lane, i, tensors[i], NULL, bytes_of(tensors[i]));
    }
    for (int i = 0; i < p->count; i++)
        bytes += (p->at[i].bytes + ZC_ALIGN - 1) / ZC_ALIGN * ZC_ALIGN;
    p->memory = zc_alloc_zeroed(bytes, 1);
    if (!p->memory) {
        zc_run_fail(r, ZC_E_NOMEM, "no memory for a checkpoint of %zu bytes", bytes);
        return false;
    }
    bytes = 0;
    for (int i = 0; i < p->count; i++) {
        p->at[i].data = p->memory + bytes;
        bytes += (p->at[i].bytes + ZC_ALIGN - 1) / ZC_ALIGN * ZC_ALIGN;
    }
    return true;
}

int zc_keeping_resume(const zc_keeping *k, zc_run *r, zk_tensor latent,
                      zc_cache *const caches[ZC_LANES], int steps)
{
    pieces p;
    int done = 0;

    if (!open_pieces(&p, r, latent, caches))
        return 0;
    done = k->resume(k->user, p.at, p.count, steps);
    for (int i = 0; done > 0 && i < p.count; i++) {
        if (p.cache[i] && !zc_cache_state_set(p.cache[i], p.at[i].data, done))
            zc_run_fail(r, ZC_E_MISMATCH, "the checkpoint does not fit the caching method");
        else if (!p.cache[i])
            zc_upload(r, p.of[i], p.at[i].data);
    }
    zc_free(p.memory);
    return done;
}

void zc_keeping_step(const zc_keeping *k, zc_run *r, zk_tensor latent,
                     zc_cache *const caches[ZC_LANES], int done)
{
    pieces p;

    if (r->status != ZC_OK || !k->due(k->user) || !open_pieces(&p, r, latent, caches))
        return;
    for (int i = 0; i < p.count; i++) {
        if (p.cache[i])
            zc_cache_state_get(p.cache[i], p.at[i].data);
        else
            zc_download(r, p.at[i].data, p.of[i]);
    }
    if (r->status == ZC_OK) {
        const zc_status st = k->keep(k->user, p.at, p.count, done);
        if (st != ZC_OK)
            zc_run_fail(r, st, "the checkpoint of step %d could not be written", done);
    }
    zc_free(p.memory);
}
