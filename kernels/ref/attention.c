/* Attention with streaming softmax: the sums are kept relative to the largest
 * score so far, and shrink when a larger one comes, so no score is stored. */

#include <math.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

zk_status zk_check_attend(const struct zk_attend *a)
{
    const int32_t queries = a->q.dim[2], keys = a->k.dim[2];

    if (a->heads < 1 || a->kv_heads < 1 || a->heads % a->kv_heads != 0)
        return ZK_E_ARGUMENT;
    if ((unsigned)a->mask > ZK_MASK_BLOCKS || (a->mask == ZK_MASK_BLOCKS && a->block < 1))
        return ZK_E_ARGUMENT;
    if (a->q.dim[3] % a->heads != 0)
        return ZK_E_SHAPE;
    const int32_t cols = a->q.dim[3], kv_cols = cols / (a->heads / a->kv_heads);
    return ZK_WANT({ &a->dst, queries, cols, ZK_AS_OUT },
                   { &a->q, queries, cols, ZK_AS_IN },
                   { &a->k, keys, kv_cols, ZK_AS_IN },
                   { &a->v, keys, kv_cols, ZK_AS_IN });
}

static bool sees(const struct zk_attend *a, int32_t i, int32_t j)
{
    switch (a->mask) {
    case ZK_MASK_CAUSAL:
        return j <= i + ((int64_t)a->k.dim[2] - a->q.dim[2]);
    case ZK_MASK_BLOCKS:
        return j / a->block <= i / a->block;
    default:
        return true;
    }
}

/* q[i] . k[j] * scale, both from the column of their head on */
static float score(const struct zk_attend *a, int32_t i, int32_t q_col, int32_t j, int32_t k_col)
{
    const int32_t d = a->q.dim[3] / a->heads;
    float sum = 0;

    for (int32_t c = 0; c < d; c++)
        sum += zk_get(&a->q, i, q_col + c) * zk_get(&a->k, j, k_col + c);
    return sum * a->scale;
}

/* n columns of the result for query i of head h, from column c of the head on:
 * sum over j of exp(s[j] - top) v[j], divided by the sum of exp(s[j] - top) */
static void attend_columns(const struct zk_attend *a, int32_t h, int32_t i, int32_t c, int n)
{
    const int32_t d = a->q.dim[3] / a->heads;
    const int32_t q_col = h * d, k_col = h / (a->heads / a->kv_heads) * d;
    float sums[ZK_REF_CHUNK] = { 0 }, total = 0, top = -INFINITY;

    for (int32_t j = 0; j < a->k.dim[2]; j++) {
        if (!sees(a, i, j))
            continue;
        const float s = score(a, i, q_col, j, k_col);
        if (s > top) {
            const float shrink = expf(top - s);
            for (int x = 0; x < n; x++)
                sums[x] *= shrink;
            total *= shrink;
            top = s;
        }
        const float e = expf(s - top);
        for (int x = 0; x < n; x++)
            sums[x] += e * zk_get(&a->v, j, k_col + c + x);
        total += e;
    }
    for (int x = 0; x < n; x++)
        zk_put(&a->dst, i, q_col + c + x, total != 0 ? sums[x] / total : 0);
}

zk_status zk_ref_attend(zk_queue *q, const struct zk_attend *a)
{
    const zk_status st = zk_check_attend(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    const int32_t d = a->q.dim[3] / a->heads;
    for (int32_t h = 0; h < a->heads; h++) {
        for (int32_t i = 0; i < a->q.dim[2]; i++) {
            for (int32_t c = 0; c < d; c += ZK_REF_CHUNK)
                attend_columns(a, h, i, c, d - c < ZK_REF_CHUNK ? d - c : ZK_REF_CHUNK);
        }
    }
    return ZK_OK;
}
