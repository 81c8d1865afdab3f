/* Rotary position embedding on the CPU: rows over the threads. */

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/vec_c.h"
#include "kernels/ref/ref.h"

#include "kernels/cpu/rope_body.h"

void zk_cpu_rope_init(struct zk_cpu_rope *d, unsigned flags)
{
    zk_cpu_rope_c(d);
    d->chosen = "c";
    ZK_CPU_CHOOSE(zk_cpu_rope, d, flags);
}

zk_status zk_cpu_rope(zk_queue *q, const struct zk_rope *a)
{
    const struct zk_cpu_rope *d = &zk_cpu_of(q)->dsp.rope;
    const struct zk_rows rows = zk_rows_of(&a->q);
    const zk_status st = zk_check_rope(a);

    if (st != ZK_OK)
        return st;
    if (!zk_fast_out(&a->q) || (zk_present(a->k) && !zk_fast_out(&a->k)) ||
        (size_t)a->cos.dim[3] * 4 * sizeof(float) > ZK_CPU_SCRATCH)
        return zk_ref_rope(q, a);
    zk_cpu_rows(q, a->pairs == ZK_ROPE_ADJACENT ? d->adjacent : d->halves, a, &rows);
    return ZK_OK;
}
