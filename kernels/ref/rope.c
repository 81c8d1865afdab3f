/* Rotary position embedding: each pair of a head is turned by its angle. */

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

static zk_status check_turned(const zk_tensor *t, int32_t rows, int32_t heads, int32_t half)
{
    const int64_t cols = (int64_t)heads * half * 2;

    if (heads < 1)
        return ZK_E_ARGUMENT;
    if (half < 0 || cols > INT32_MAX)
        return ZK_E_SHAPE;
    const zk_status st = zk_want_type(t, ZK_AS_OUT);
    return st != ZK_OK ? st : ZK_WANT({ t, rows, (int32_t)cols, ZK_AS_IN });
}

zk_status zk_check_rope(const struct zk_rope *a)
{
    const int32_t rows = a->q.dim[2], half = a->cos.dim[3];

    if ((unsigned)a->pairs > ZK_ROPE_HALVES)
        return ZK_E_ARGUMENT;
    zk_status st = check_turned(&a->q, rows, a->heads, half);
    if (st == ZK_OK && zk_present(a->k))
        st = check_turned(&a->k, rows, a->kv_heads, half);
    if (st != ZK_OK)
        return st;
    return ZK_WANT({ &a->cos, rows, half, ZK_AS_VECTOR }, { &a->sin, rows, half, ZK_AS_VECTOR });
}

/* (a, b) becomes (a cos - b sin, b cos + a sin) */
static void turn(const zk_tensor *t, int32_t heads, const struct zk_rope *r)
{
    const int32_t half = r->cos.dim[3];

    for (int32_t i = 0; i < t->dim[2]; i++) {
        for (int32_t h = 0; h < heads; h++) {
            for (int32_t j = 0; j < half; j++) {
                const int32_t head = h * half * 2;
                const int32_t ca = head + (r->pairs == ZK_ROPE_ADJACENT ? 2 * j : j);
                const int32_t cb = ca + (r->pairs == ZK_ROPE_ADJACENT ? 1 : half);
                const float a = zk_get(t, i, ca), b = zk_get(t, i, cb);
                const float c = zk_get(&r->cos, i, j), s = zk_get(&r->sin, i, j);
                zk_put(t, i, ca, a * c - b * s);
                zk_put(t, i, cb, b * c + a * s);
            }
        }
    }
}

zk_status zk_ref_rope(zk_queue *q, const struct zk_rope *a)
{
    const zk_status st = zk_check_rope(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    turn(&a->q, a->heads, a);
    if (zk_present(a->k))
        turn(&a->k, a->kv_heads, a);
    return ZK_OK;
}
