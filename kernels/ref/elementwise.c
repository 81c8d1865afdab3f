/* What goes element by element, and the few sums that go with it. */

#include <math.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

bool zk_act_known(zk_act act)
{
    return (unsigned)act < ZK_ACT_COUNT;
}

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

float zk_act_f32(zk_act act, float x)
{
    switch (act) {
    case ZK_ACT_SILU:
        return x * sigmoid(x);
    case ZK_ACT_GELU_TANH:
        return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
    case ZK_ACT_GELU_ERF:
        return 0.5f * x * (1 + erff(x * 0.7071067812f));
    case ZK_ACT_QUICK_GELU:
        return x * sigmoid(1.702f * x);
    default:
        return x;
    }
}

zk_status zk_check_add_gated(const struct zk_add_gated *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];
    const zk_status st = zk_want_type(&a->dst, ZK_AS_OUT);

    if (st != ZK_OK)
        return st;
    return ZK_WANT({ &a->dst, rows, cols, ZK_AS_IN },
                   { &a->src, rows, cols, ZK_AS_IN },
                   { &a->gate, 1, cols, ZK_AS_OPTIONAL_VECTOR });
}

/* dst += gate * src */
zk_status zk_ref_add_gated(zk_queue *q, const struct zk_add_gated *a)
{
    const zk_status st = zk_check_add_gated(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2]; r++) {
        for (int32_t c = 0; c < a->dst.dim[3]; c++) {
            const float gate = zk_present(a->gate) ? zk_get(&a->gate, 0, c) : 1;
            zk_put(&a->dst, r, c, zk_get(&a->dst, r, c) + gate * zk_get(&a->src, r, c));
        }
    }
    return ZK_OK;
}

static zk_status check_binary(const struct zk_binary *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];
    const int32_t b_rows = a->b.dim[2] == 1 ? 1 : rows;

    return ZK_WANT({ &a->dst, rows, cols, ZK_AS_OUT },
                   { &a->a, rows, cols, ZK_AS_IN },
                   { &a->b, b_rows, cols, ZK_AS_IN });
}

zk_status zk_check_add(const struct zk_binary *a)
{
    return check_binary(a);
}

zk_status zk_check_mul(const struct zk_binary *a)
{
    return check_binary(a);
}

zk_status zk_ref_add(zk_queue *q, const struct zk_binary *a)
{
    const zk_status st = zk_check_add(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2]; r++) {
        const int32_t b_row = a->b.dim[2] == 1 ? 0 : r;
        for (int32_t c = 0; c < a->dst.dim[3]; c++)
            zk_put(&a->dst, r, c, zk_get(&a->a, r, c) + zk_get(&a->b, b_row, c));
    }
    return ZK_OK;
}

zk_status zk_ref_mul(zk_queue *q, const struct zk_binary *a)
{
    const zk_status st = zk_check_mul(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2]; r++) {
        const int32_t b_row = a->b.dim[2] == 1 ? 0 : r;
        for (int32_t c = 0; c < a->dst.dim[3]; c++)
            zk_put(&a->dst, r, c, zk_get(&a->a, r, c) * zk_get(&a->b, b_row, c));
    }
    return ZK_OK;
}

zk_status zk_check_act(const struct zk_unary *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];

    if (!zk_act_known(a->act))
        return ZK_E_ARGUMENT;
    return ZK_WANT({ &a->dst, rows, cols, ZK_AS_OUT }, { &a->src, rows, cols, ZK_AS_IN });
}

zk_status zk_ref_act(zk_queue *q, const struct zk_unary *a)
{
    const zk_status st = zk_check_act(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2]; r++) {
        for (int32_t c = 0; c < a->dst.dim[3]; c++)
            zk_put(&a->dst, r, c, zk_act_f32(a->act, zk_get(&a->src, r, c)));
    }
    return ZK_OK;
}

zk_status zk_check_glu(const struct zk_glu *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];

    if (!zk_act_known(a->act))
        return ZK_E_ARGUMENT;
    return ZK_WANT({ &a->dst, rows, cols, ZK_AS_OUT },
                   { &a->gate, rows, cols, ZK_AS_IN },
                   { &a->up, rows, cols, ZK_AS_IN });
}

/* dst = act(gate) * up */
zk_status zk_ref_glu(zk_queue *q, const struct zk_glu *a)
{
    const zk_status st = zk_check_glu(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2]; r++) {
        for (int32_t c = 0; c < a->dst.dim[3]; c++) {
            const float gate = zk_act_f32(a->act, zk_get(&a->gate, r, c));
            zk_put(&a->dst, r, c, gate * zk_get(&a->up, r, c));
        }
    }
    return ZK_OK;
}

zk_status zk_check_mean(const struct zk_mean *a)
{
    const int32_t rows = a->src.dim[2], cols = a->src.dim[3];

    if (rows < 1)
        return ZK_E_SHAPE;
    return ZK_WANT({ &a->dst, 1, cols, ZK_AS_OUT }, { &a->src, rows, cols, ZK_AS_IN });
}

zk_status zk_ref_mean(zk_queue *q, const struct zk_mean *a)
{
    const zk_status st = zk_check_mean(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t c = 0; c < a->dst.dim[3]; c++) {
        double sum = 0;
        for (int32_t r = 0; r < a->src.dim[2]; r++)
            sum += zk_get(&a->src, r, c);
        zk_put(&a->dst, 0, c, (float)(sum / a->src.dim[2]));
    }
    return ZK_OK;
}

zk_status zk_check_mix(const struct zk_mix *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];
    zk_status st = ZK_WANT({ &a->dst, rows, cols, ZK_AS_OUT });

    if (a->count < 1 || a->count > ZK_MIX_MAX)
        return ZK_E_ARGUMENT;
    for (int32_t n = 0; n < a->count && st == ZK_OK; n++)
        st = ZK_WANT({ &a->src[n], rows, cols, ZK_AS_IN });
    return st;
}

/* dst = bias + coef[0] * src[0] + coef[1] * src[1] + ... */
zk_status zk_ref_mix(zk_queue *q, const struct zk_mix *a)
{
    const zk_status st = zk_check_mix(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2]; r++) {
        for (int32_t c = 0; c < a->dst.dim[3]; c++) {
            float sum = a->bias;
            for (int32_t n = 0; n < a->count; n++)
                sum += a->coef[n] * zk_get(&a->src[n], r, c);
            zk_put(&a->dst, r, c, sum);
        }
    }
    return ZK_OK;
}

zk_status zk_check_drift(const struct zk_drift *a)
{
    const int32_t rows = a->a.dim[2], cols = a->a.dim[3];

    if (!a->result)
        return ZK_E_ARGUMENT;
    return ZK_WANT({ &a->a, rows, cols, ZK_AS_IN }, { &a->b, rows, cols, ZK_AS_IN });
}

/* sum |a - b| / sum |b| */
zk_status zk_ref_drift(zk_queue *q, const struct zk_drift *a)
{
    const zk_status st = zk_check_drift(a);
    double change = 0, size = 0;

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->a.dim[2]; r++) {
        for (int32_t c = 0; c < a->a.dim[3]; c++) {
            const double x = zk_get(&a->a, r, c), y = zk_get(&a->b, r, c);
            change += fabs(x - y);
            size += fabs(y);
        }
    }
    *a->result = change == 0 ? 0 : (float)(change / size);
    return ZK_OK;
}

zk_status zk_check_guide(const struct zk_guide *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];

    if (a->keep_norm != 0 && a->keep_norm != 1)
        return ZK_E_ARGUMENT;
    return ZK_WANT({ &a->dst, rows, cols, ZK_AS_OUT },
                   { &a->cond, rows, cols, ZK_AS_IN },
                   { &a->uncond, rows, cols, ZK_AS_IN });
}

static float guided(const struct zk_guide *a, int32_t r, int32_t c)
{
    const float uncond = zk_get(&a->uncond, r, c);

    return uncond + a->strength * (zk_get(&a->cond, r, c) - uncond);
}

/* |cond| / |guided|, 1 if there is nothing to stretch */
static float stretch(const struct zk_guide *a, int32_t r)
{
    double want = 0, have = 0;

    for (int32_t c = 0; c < a->dst.dim[3]; c++) {
        want += (double)zk_get(&a->cond, r, c) * zk_get(&a->cond, r, c);
        have += (double)guided(a, r, c) * guided(a, r, c);
    }
    return have > 0 ? (float)sqrt(want / have) : 1;
}

zk_status zk_ref_guide(zk_queue *q, const struct zk_guide *a)
{
    const zk_status st = zk_check_guide(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2]; r++) {
        const float factor = a->keep_norm ? stretch(a, r) : 1;
        for (int32_t c = 0; c < a->dst.dim[3]; c++)
            zk_put(&a->dst, r, c, guided(a, r, c) * factor);
    }
    return ZK_OK;
}
