/* Pixel conversion on the CPU: rows of the picture over the threads. */

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/vec_c.h"
#include "kernels/ref/ref.h"

#include "kernels/cpu/pixel_body.h"

void zk_cpu_pixel_init(struct zk_cpu_pixel *d, unsigned flags)
{
    zk_cpu_pixel_c(d);
    d->chosen = "c";
    ZK_CPU_CHOOSE(zk_cpu_pixel, d, flags);
}

zk_status zk_cpu_pixels(zk_queue *q, const struct zk_pixels *a)
{
    const zk_status st = zk_check_pixels(a);
    const int64_t cols = (int64_t)a->src.dim[2] * 3;
    const struct zk_rows rows = { a->src.dim[1], cols, cols };

    if (st != ZK_OK || !zk_fast_in(&a->src) || a->src.step[2] != 3)
        return st != ZK_OK ? st : zk_ref_pixels(q, a);
    zk_cpu_rows(q, zk_cpu_of(q)->dsp.pixel.pixels, a, &rows);
    return ZK_OK;
}
