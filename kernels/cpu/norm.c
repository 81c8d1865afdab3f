/* Normalisations on the CPU: rows over the threads; for groups, partial sums of
 * chunks of rows, joined in order. */

#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/vec_c.h"
#include "kernels/ref/ref.h"

#include "kernels/cpu/norm_body.h"

/* Elements of a chunk: it stays in the second cache between the passes. */
#define CHUNK 131072

void zk_cpu_norm_init(struct zk_cpu_norm *d, unsigned flags)
{
    zk_cpu_norm_c(d);
    d->chosen = "c";
    ZK_CPU_CHOOSE(zk_cpu_norm, d, flags);
    ZK_CPU_CHOOSE_BF16(zk_cpu_norm, d, flags);
}

static int64_t chunk_rows(const struct zk_norm *a)
{
    return 1 + CHUNK / (a->src.dim[3] + 1);
}

static int64_t chunk_count(const struct zk_norm *a)
{
    return (a->src.dim[2] + chunk_rows(a) - 1) / chunk_rows(a);
}

static size_t partial_bytes(const struct zk_norm *a)
{
    return (size_t)chunk_count(a) * (size_t)a->groups * 2 * sizeof(double);
}

size_t zk_cpu_norm_work(const zk_queue *q, const void *args)
{
    const struct zk_norm *a = args;

    (void)q;
    if (a->kind != ZK_NORM_GROUP || a->groups < 1)
        return 0;
    return partial_bytes(a) + (size_t)a->src.dim[3] * 3 * sizeof(float);
}

/* Joins the chunks' sums of one group; false if f32 could not hold them. */
static bool join(const struct zk_group_norm *g, int32_t group, double *mean, double *factor)
{
    const struct zk_norm *a = g->op;
    const int32_t width = a->src.dim[3] / a->groups;
    double n = 0, square = 0;

    *mean = 0;
    for (int64_t i = 0; i < chunk_count(a); i++) {
        const double *part = g->partial + (i * a->groups + group) * 2;
        const int64_t left = a->src.dim[2] - i * g->chunk;
        const double m = (double)(left < g->chunk ? left : g->chunk) * width;
        const double apart = part[0] - *mean;
        *mean += apart * m / (n + m);
        square += part[1] + apart * apart * n * m / (n + m);
        n += m;
    }
    *factor = 1 / sqrt(square / n + a->eps);
    return square > 1e-30 && square < 1e37;
}

static float column(const zk_tensor *vector, int32_t c, float absent)
{
    return zk_present(*vector) ? ((const float *)vector->data)[c] : absent;
}

static zk_status norm_groups(zk_queue *q, const struct zk_norm *a)
{
    const struct zk_rows rows = zk_rows_of(&a->src);
    const int32_t width = a->src.dim[3] / a->groups;
    float *columns = (float *)((char *)a->work + partial_bytes(a));
    const struct zk_group_norm g = {
        .op = a,
        .chunk = chunk_rows(a),
        .partial = a->work,
        .mean = columns,
        .factor = columns + rows.cols,
        .rest = columns + 2 * rows.cols,
    };
    const struct zk_rows chunks = { chunk_count(a), g.chunk * rows.cols, g.chunk * rows.cols };

    zk_cpu_rows(q, zk_cpu_of(q)->dsp.norm.group_sums, &g, &chunks);
    for (int32_t k = 0; k < a->groups; k++) {
        double mean, factor;
        if (!join(&g, k, &mean, &factor))
            return zk_ref_norm(q, a);
        for (int32_t c = k * width; c < (k + 1) * width; c++) {
            g.mean[c] = (float)mean;
            g.factor[c] = (float)factor * column(&a->weight, c, 1);
            g.rest[c] = column(&a->bias, c, 0) - (float)(mean - (double)g.mean[c]) * g.factor[c];
        }
    }
    zk_cpu_rows(q, zk_cpu_of(q)->dsp.norm.group_apply, &g, &rows);
    return ZK_OK;
}

zk_status zk_cpu_norm(zk_queue *q, const struct zk_norm *a)
{
    const zk_status st = zk_check_norm(a);

    if (st != ZK_OK || !zk_fast_out(&a->dst) || !zk_fast_in(&a->src))
        return st != ZK_OK ? st : zk_ref_norm(q, a);
    const struct zk_rows rows = zk_rows_of(&a->dst);
    if (a->kind != ZK_NORM_GROUP) {
        zk_cpu_rows(q, zk_cpu_of(q)->dsp.norm.norm, a, &rows);
        return ZK_OK;
    }
    if (rows.count == 0 || rows.cols == 0)
        return ZK_OK;
    if ((size_t)rows.cols * 3 * sizeof(float) > ZK_CPU_SCRATCH)
        return zk_ref_norm(q, a);
    return norm_groups(q, a);
}

zk_status zk_cpu_norm_mod(zk_queue *q, const struct zk_norm_mod *a)
{
    const zk_status st = zk_check_norm_mod(a);

    if (st != ZK_OK || !zk_fast_out(&a->dst) || !zk_fast_in(&a->src))
        return st != ZK_OK ? st : zk_ref_norm_mod(q, a);
    const struct zk_rows rows = zk_rows_of(&a->dst);
    zk_cpu_rows(q, zk_cpu_of(q)->dsp.norm.norm_mod, a, &rows);
    return ZK_OK;
}

zk_status zk_cpu_qk_norm(zk_queue *q, const struct zk_qk_norm *a)
{
    const zk_status st = zk_check_qk_norm(a);

    if (st != ZK_OK || !zk_fast_out(&a->q) || !zk_fast_out(&a->k) ||
        (size_t)a->q.dim[3] * 16 > ZK_CPU_SCRATCH || (size_t)a->k.dim[3] * 16 > ZK_CPU_SCRATCH)
        return st != ZK_OK ? st : zk_ref_qk_norm(q, a);
    const struct zk_rows rows = zk_rows_of(&a->q);
    if (a->q_weight.dim[3] > 0)
        zk_cpu_rows(q, zk_cpu_of(q)->dsp.norm.qk_norm, a, &rows);
    return ZK_OK;
}
