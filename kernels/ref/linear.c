/* Products with weights: linear layers, and the table of an embedding. */

#include <string.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

zk_status zk_check_linear(const struct zk_linear *a)
{
    const int32_t m = a->dst.dim[2], n = a->dst.dim[3], k = a->src.dim[3];

    if (!zk_act_known(a->act))
        return ZK_E_ARGUMENT;
    return ZK_WANT({ &a->dst, m, n, ZK_AS_OUT },
                   { &a->src, m, k, ZK_AS_IN },
                   { &a->weight, n, k, ZK_AS_ROWS },
                   { &a->bias, 1, n, ZK_AS_OPTIONAL_VECTOR });
}

/* sum over k of x[i][k] * w[o][k] */
static float dot(const zk_tensor *x, int32_t i, const zk_tensor *w, int32_t o)
{
    float xs[ZK_REF_CHUNK], ws[ZK_REF_CHUNK], sum = 0;

    for (int32_t k = 0; k < x->dim[3]; k += ZK_REF_CHUNK) {
        const int n = x->dim[3] - k < ZK_REF_CHUNK ? x->dim[3] - k : ZK_REF_CHUNK;
        zk_row_f32(xs, x, i, k, n);
        zk_row_f32(ws, w, o, k, n);
        for (int j = 0; j < n; j++)
            sum += xs[j] * ws[j];
    }
    return sum;
}

/* dst[i][o] = act(dot(src[i], weight[o]) * scale + bias[o]) */
zk_status zk_ref_linear(zk_queue *q, const struct zk_linear *a)
{
    const zk_status st = zk_check_linear(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    if (a->weight.packing)
        return ZK_E_UNSUPPORTED;
    for (int32_t i = 0; i < a->dst.dim[2]; i++) {
        for (int32_t o = 0; o < a->dst.dim[3]; o++) {
            float x = dot(&a->src, i, &a->weight, o) * zk_scale_of(&a->weight);
            if (zk_present(a->bias))
                x += zk_get(&a->bias, 0, o);
            zk_put(&a->dst, i, o, zk_act_f32(a->act, x));
        }
    }
    return ZK_OK;
}

zk_status zk_check_embed(const struct zk_embed *a)
{
    const int32_t n = a->dst.dim[2], cols = a->dst.dim[3];
    const zk_tensor *ids = &a->ids;

    if (a->table.packing || ids->type != ZK_I32)
        return ZK_E_UNSUPPORTED;
    if (ids->dim[0] != 1 || ids->dim[1] != 1 || ids->dim[2] != 1 || ids->dim[3] != n ||
        ids->step[3] != 1)
        return ZK_E_SHAPE;
    const zk_status st = zk_want_data(ids);
    if (st != ZK_OK)
        return st;
    return ZK_WANT({ &a->dst, n, cols, ZK_AS_OUT },
                   { &a->table, a->table.dim[2], cols, ZK_AS_ROWS });
}

/* dst[i] = table[ids[i]] * scale */
zk_status zk_ref_embed(zk_queue *q, const struct zk_embed *a)
{
    const zk_status st = zk_check_embed(a);
    const int32_t *ids = a->ids.data;
    float row[ZK_REF_CHUNK];

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t i = 0; i < a->dst.dim[2]; i++) {
        if (ids[i] < 0 || ids[i] >= a->table.dim[2])
            return ZK_E_ARGUMENT;
    }
    for (int32_t i = 0; i < a->dst.dim[2]; i++) {
        for (int32_t c = 0; c < a->dst.dim[3]; c += ZK_REF_CHUNK) {
            const int left = a->dst.dim[3] - c, n = left < ZK_REF_CHUNK ? left : ZK_REF_CHUNK;
            zk_row_f32(row, &a->table, ids[i], c, n);
            for (int j = 0; j < n; j++)
                zk_put(&a->dst, i, c + j, row[j] * zk_scale_of(&a->table));
        }
    }
    return ZK_OK;
}
