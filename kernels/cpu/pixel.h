/* The inner kernel of pixel conversion. Private to kernels/cpu.
 *
 * Thread safety: the kernel is a pure function of its arguments. */
#ifndef ZK_CPU_PIXEL_H
#define ZK_CPU_PIXEL_H

#include "kernels/cpu/rows.h"

struct zk_cpu_pixel {
    zk_row_fn *pixels;        /* zk_pixels whose pixels are neighbours */
    const char *chosen;       /* for the log */
};

void zk_cpu_pixel_init(struct zk_cpu_pixel *d, unsigned flags);
void zk_cpu_pixel_c(struct zk_cpu_pixel *d);
void zk_cpu_pixel_avx2(struct zk_cpu_pixel *d);
void zk_cpu_pixel_avx512(struct zk_cpu_pixel *d);
void zk_cpu_pixel_neon(struct zk_cpu_pixel *d);

zk_status zk_cpu_pixels(zk_queue *q, const struct zk_pixels *a);

#endif
