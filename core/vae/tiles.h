/* Work on tiles that overlap: each is made on its own, then blended with its
 * neighbours before it, linearly and in place, and cut to its share.
 *
 * Thread safety: as the run's, one thread at a time. */
#ifndef ZC_TILES_H
#define ZC_TILES_H

#include "core/op.h"

/* One axis: sizes of a tile and distances between two, before and after. */
typedef struct zc_tile_axis {
    int32_t in, in_stride;
    int32_t out, out_stride;
} zc_tile_axis;

/* Makes one tile: dst is dense, and src, a view, is copied if it must be dense. */
typedef void (*zc_tile_fn)(zc_run *r, const void *context, zk_tensor src, zk_tensor dst);

typedef struct zc_tiles {
    zc_tile_axis time, space;         /* in 0: that axis is never divided */
    int32_t      lead;                /* extra elements in front of every tile in time: 1 */
    zc_tile_fn   make;
    const void  *context;
    /* Sizes after from sizes before: (n - 1) * mul / div + 1 in time, n * mul / div in space. */
    int32_t      time_mul, time_div, space_mul, space_div;
} zc_tiles;

/* dst, dense [T', H', W', C'], is filled from src [T, H, W, C]. */
void zc_tiles_run(zc_run *r, const zc_tiles *t, zk_tensor src, zk_tensor dst);

#endif
