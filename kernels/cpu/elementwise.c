/* What goes element by element on the CPU: rows over the threads, and what is
 * dense as one long row. */

#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/vec_c.h"
#include "kernels/ref/ref.h"

#include "kernels/cpu/elementwise_body.h"

void zk_cpu_elementwise_init(struct zk_cpu_elementwise *d, unsigned flags)
{
    zk_cpu_elementwise_c(d);
    d->chosen = "c";
    ZK_CPU_CHOOSE(zk_cpu_elementwise, d, flags);
    ZK_CPU_CHOOSE_BF16(zk_cpu_elementwise_act, d, flags);
}

static const struct zk_cpu_elementwise *kernels(zk_queue *q)
{
    return &zk_cpu_of(q)->dsp.elementwise;
}

zk_status zk_cpu_add_gated(zk_queue *q, const struct zk_add_gated *a)
{
    const zk_status st = zk_check_add_gated(a);
    struct zk_add_gated op = *a;
    struct zk_rows rows = zk_rows_of(&a->dst);

    if (st != ZK_OK || !zk_fast_out(&a->dst) || !zk_fast_in(&a->src))
        return st != ZK_OK ? st : zk_ref_add_gated(q, a);
    if (!zk_present(a->gate))
        rows = zk_rows_flat(rows, (zk_tensor *[]){ &op.dst, &op.src }, 2);
    zk_cpu_rows(q, kernels(q)->add_gated, &op, &rows);
    return ZK_OK;
}

static bool fast_binary(const struct zk_binary *a)
{
    return zk_fast_out(&a->dst) && zk_fast_in(&a->a) && zk_fast_in(&a->b);
}

static zk_status binary(zk_queue *q, zk_row_fn *fn, const struct zk_binary *a)
{
    struct zk_binary op = *a;
    struct zk_rows rows = zk_rows_of(&a->dst);

    if (a->b.dim[2] == 1 && rows.count != 1)
        op.b.step[2] = 0;
    else
        rows = zk_rows_flat(rows, (zk_tensor *[]){ &op.dst, &op.a, &op.b }, 3);
    zk_cpu_rows(q, fn, &op, &rows);
    return ZK_OK;
}

zk_status zk_cpu_add(zk_queue *q, const struct zk_binary *a)
{
    const zk_status st = zk_check_add(a);

    if (st != ZK_OK)
        return st;
    return fast_binary(a) ? binary(q, kernels(q)->add, a) : zk_ref_add(q, a);
}

zk_status zk_cpu_mul(zk_queue *q, const struct zk_binary *a)
{
    const zk_status st = zk_check_mul(a);

    if (st != ZK_OK)
        return st;
    return fast_binary(a) ? binary(q, kernels(q)->mul, a) : zk_ref_mul(q, a);
}

zk_status zk_cpu_act(zk_queue *q, const struct zk_unary *a)
{
    const zk_status st = zk_check_act(a);
    struct zk_unary op = *a;

    if (st != ZK_OK || !zk_fast_out(&a->dst) || !zk_fast_in(&a->src))
        return st != ZK_OK ? st : zk_ref_act(q, a);
    const struct zk_rows rows =
        zk_rows_flat(zk_rows_of(&a->dst), (zk_tensor *[]){ &op.dst, &op.src }, 2);
    zk_cpu_rows(q, kernels(q)->act, &op, &rows);
    return ZK_OK;
}

zk_status zk_cpu_glu(zk_queue *q, const struct zk_glu *a)
{
    const zk_status st = zk_check_glu(a);
    struct zk_glu op = *a;

    if (st != ZK_OK || !zk_fast_out(&a->dst) || !zk_fast_in(&a->gate) || !zk_fast_in(&a->up))
        return st != ZK_OK ? st : zk_ref_glu(q, a);
    const struct zk_rows rows =
        zk_rows_flat(zk_rows_of(&a->dst), (zk_tensor *[]){ &op.dst, &op.gate, &op.up }, 3);
    zk_cpu_rows(q, kernels(q)->glu, &op, &rows);
    return ZK_OK;
}

zk_status zk_cpu_mean(zk_queue *q, const struct zk_mean *a)
{
    const zk_status st = zk_check_mean(a);
    const int64_t cols = a->dst.dim[3], parts = (cols + ZK_MEAN_COLS - 1) / ZK_MEAN_COLS;
    const int64_t work = ZK_MEAN_COLS * (int64_t)a->src.dim[2];
    const struct zk_rows rows = { parts, work, work };

    if (st != ZK_OK || !zk_fast_out(&a->dst) || !zk_fast_in(&a->src))
        return st != ZK_OK ? st : zk_ref_mean(q, a);
    zk_cpu_rows(q, kernels(q)->mean, a, &rows);
    return ZK_OK;
}

zk_status zk_cpu_mix(zk_queue *q, const struct zk_mix *a)
{
    const zk_status st = zk_check_mix(a);
    struct zk_mix op = *a;
    zk_tensor *tensors[1 + ZK_MIX_MAX] = { &op.dst };

    if (st != ZK_OK)
        return st;
    bool fast = zk_fast_out(&a->dst);
    for (int32_t n = 0; n < a->count; n++) {
        fast &= zk_fast_in(&a->src[n]);
        tensors[1 + n] = &op.src[n];
    }
    if (!fast)
        return zk_ref_mix(q, a);
    const struct zk_rows rows = zk_rows_flat(zk_rows_of(&a->dst), tensors, 1 + a->count);
    zk_cpu_rows(q, kernels(q)->mix, &op, &rows);
    return ZK_OK;
}

/* How the sums of a drift are cut up, which does not depend on the threads. */
static struct zk_rows drift_rows(const struct zk_drift *a, struct zk_drift_sums *s)
{
    *s = (struct zk_drift_sums){ .a = a->a, .b = a->b, .out = a->work };
    return zk_rows_flat(zk_rows_of(&a->a), (zk_tensor *[]){ &s->a, &s->b }, 2);
}

size_t zk_cpu_drift_work(const zk_queue *q, const void *args)
{
    struct zk_drift_sums s;

    (void)q;
    return (size_t)drift_rows(args, &s).count * sizeof(*s.out);
}

zk_status zk_cpu_drift(zk_queue *q, const struct zk_drift *a)
{
    const zk_status st = zk_check_drift(a);
    struct zk_drift_sums s;
    double change = 0, size = 0;

    if (st != ZK_OK || !zk_fast_in(&a->a) || !zk_fast_in(&a->b))
        return st != ZK_OK ? st : zk_ref_drift(q, a);
    const struct zk_rows rows = drift_rows(a, &s);
    zk_cpu_rows(q, kernels(q)->drift, &s, &rows);
    for (int64_t r = 0; r < rows.count && rows.cols > 0; r++) {
        change += s.out[r][0];
        size += s.out[r][1];
    }
    if (!isfinite(change) || !isfinite(size))
        return zk_ref_drift(q, a);
    *a->result = change == 0 ? 0 : (float)(change / size);
    return ZK_OK;
}

zk_status zk_cpu_guide(zk_queue *q, const struct zk_guide *a)
{
    const zk_status st = zk_check_guide(a);
    struct zk_guide op = *a;
    struct zk_rows rows = zk_rows_of(&a->dst);

    if (st != ZK_OK || !zk_fast_out(&a->dst) || !zk_fast_in(&a->cond) || !zk_fast_in(&a->uncond))
        return st != ZK_OK ? st : zk_ref_guide(q, a);
    if (!a->keep_norm)
        rows = zk_rows_flat(rows, (zk_tensor *[]){ &op.dst, &op.cond, &op.uncond }, 3);
    zk_cpu_rows(q, kernels(q)->guide, &op, &rows);
    return ZK_OK;
}
