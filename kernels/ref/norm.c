/* Normalisations. Sums are taken in double, so that neither many elements nor a
 * large mean cost digits. */

#include <math.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

/* A rectangle of src: rows [r0, r1), columns [c0, c1). */
struct part {
    int32_t r0, r1, c0, c1;
};

/* Normalised x is (x - mean) * factor. */
struct stats {
    double mean, factor;
};

static struct stats layer_stats(const zk_tensor *t, struct part p, float eps)
{
    const double n = (double)(p.r1 - p.r0) * (p.c1 - p.c0);
    double sum = 0, square = 0;

    for (int32_t r = p.r0; r < p.r1; r++) {
        for (int32_t c = p.c0; c < p.c1; c++)
            sum += zk_get(t, r, c);
    }
    const double mean = sum / n;
    for (int32_t r = p.r0; r < p.r1; r++) {
        for (int32_t c = p.c0; c < p.c1; c++)
            square += (zk_get(t, r, c) - mean) * (zk_get(t, r, c) - mean);
    }
    return (struct stats){ mean, 1 / sqrt(square / n + eps) };
}

static double square_sum(const zk_tensor *t, int32_t row, int32_t c0, int32_t c1)
{
    double sum = 0;

    for (int32_t c = c0; c < c1; c++)
        sum += (double)zk_get(t, row, c) * zk_get(t, row, c);
    return sum;
}

/* x / sqrt(mean(x^2) + eps) */
static double rms_factor(const zk_tensor *t, int32_t row, int32_t c0, int32_t c1, float eps)
{
    return 1 / sqrt(square_sum(t, row, c0, c1) / (c1 - c0) + eps);
}

/* x / max(|x|, eps) * sqrt(cols) */
static double l2_factor(const zk_tensor *t, int32_t row, int32_t cols, float eps)
{
    return sqrt(cols) / fmax(sqrt(square_sum(t, row, 0, cols)), eps);
}

zk_status zk_check_norm(const struct zk_norm *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];

    if (!zk_act_known(a->act) || (unsigned)a->kind > ZK_NORM_GROUP || !(a->eps >= 0))
        return ZK_E_ARGUMENT;
    if (a->kind == ZK_NORM_GROUP && a->groups < 1)
        return ZK_E_ARGUMENT;
    if (a->kind == ZK_NORM_GROUP && cols % a->groups != 0)
        return ZK_E_SHAPE;
    return ZK_WANT({ &a->dst, rows, cols, ZK_AS_OUT },
                   { &a->src, rows, cols, ZK_AS_IN },
                   { &a->weight, 1, cols, ZK_AS_OPTIONAL_VECTOR },
                   { &a->bias, 1, cols, ZK_AS_OPTIONAL_VECTOR });
}

/* dst = act((src - mean) * factor * weight + bias) */
static void norm_part(const struct zk_norm *a, struct part p, struct stats s)
{
    for (int32_t r = p.r0; r < p.r1; r++) {
        for (int32_t c = p.c0; c < p.c1; c++) {
            float x = (float)((zk_get(&a->src, r, c) - s.mean) * s.factor);
            if (zk_present(a->weight))
                x *= zk_get(&a->weight, 0, c);
            if (zk_present(a->bias))
                x += zk_get(&a->bias, 0, c);
            zk_put(&a->dst, r, c, zk_act_f32(a->act, x));
        }
    }
}

zk_status zk_ref_norm(zk_queue *q, const struct zk_norm *a)
{
    const zk_status st = zk_check_norm(a);
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];

    (void)q;
    if (st != ZK_OK)
        return st;
    if (a->kind == ZK_NORM_GROUP) {
        const int32_t width = cols / a->groups;
        for (int32_t g = 0; g < a->groups && rows > 0 && width > 0; g++) {
            const struct part p = { 0, rows, g * width, (g + 1) * width };
            norm_part(a, p, layer_stats(&a->src, p, a->eps));
        }
        return ZK_OK;
    }
    for (int32_t r = 0; r < rows && cols > 0; r++) {
        const struct part p = { r, r + 1, 0, cols };
        struct stats s = { 0, 0 };
        if (a->kind == ZK_NORM_LAYER)
            s = layer_stats(&a->src, p, a->eps);
        else if (a->kind == ZK_NORM_RMS)
            s.factor = rms_factor(&a->src, r, 0, cols, a->eps);
        else
            s.factor = l2_factor(&a->src, r, cols, a->eps);
        norm_part(a, p, s);
    }
    return ZK_OK;
}

zk_status zk_check_norm_mod(const struct zk_norm_mod *a)
{
    const int32_t rows = a->dst.dim[2], cols = a->dst.dim[3];

    if (!(a->eps >= 0))
        return ZK_E_ARGUMENT;
    return ZK_WANT({ &a->dst, rows, cols, ZK_AS_OUT },
                   { &a->src, rows, cols, ZK_AS_IN },
                   { &a->shift, 1, cols, ZK_AS_VECTOR },
                   { &a->scale, 1, cols, ZK_AS_VECTOR });
}

/* dst = (src - mean) / sqrt(var + eps) * (1 + scale) + shift */
zk_status zk_ref_norm_mod(zk_queue *q, const struct zk_norm_mod *a)
{
    const zk_status st = zk_check_norm_mod(a);
    const int32_t cols = a->dst.dim[3];

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t r = 0; r < a->dst.dim[2] && cols > 0; r++) {
        const struct stats s = layer_stats(&a->src, (struct part){ r, r + 1, 0, cols }, a->eps);
        for (int32_t c = 0; c < cols; c++) {
            const float x = (float)((zk_get(&a->src, r, c) - s.mean) * s.factor);
            zk_put(&a->dst, r, c, x * (1 + zk_get(&a->scale, 0, c)) + zk_get(&a->shift, 0, c));
        }
    }
    return ZK_OK;
}

zk_status zk_check_qk_norm(const struct zk_qk_norm *a)
{
    const int32_t rows = a->q.dim[2], d = a->q_weight.dim[3];
    const int64_t q_cols = (int64_t)a->heads * d, k_cols = (int64_t)a->kv_heads * d;

    if (a->heads < 1 || a->kv_heads < 1 || !(a->eps >= 0))
        return ZK_E_ARGUMENT;
    if (q_cols > INT32_MAX || k_cols > INT32_MAX)
        return ZK_E_SHAPE;
    zk_status st = zk_want_type(&a->q, ZK_AS_OUT);
    if (st == ZK_OK)
        st = zk_want_type(&a->k, ZK_AS_OUT);
    if (st != ZK_OK)
        return st;
    return ZK_WANT({ &a->q, rows, (int32_t)q_cols, ZK_AS_IN },
                   { &a->k, rows, (int32_t)k_cols, ZK_AS_IN },
                   { &a->q_weight, 1, d, ZK_AS_VECTOR },
                   { &a->k_weight, 1, d, ZK_AS_VECTOR });
}

static void norm_heads(const zk_tensor *t, int32_t heads, const zk_tensor *weight, float eps)
{
    const int32_t d = weight->dim[3];

    for (int32_t r = 0; r < t->dim[2] && d > 0; r++) {
        for (int32_t h = 0; h < heads; h++) {
            const double factor = rms_factor(t, r, h * d, (h + 1) * d, eps);
            for (int32_t c = 0; c < d; c++) {
                const float x = (float)(zk_get(t, r, h * d + c) * factor);
                zk_put(t, r, h * d + c, x * zk_get(weight, 0, c));
            }
        }
    }
}

zk_status zk_ref_qk_norm(zk_queue *q, const struct zk_qk_norm *a)
{
    const zk_status st = zk_check_qk_norm(a);

    (void)q;
    if (st != ZK_OK)
        return st;
    norm_heads(&a->q, a->heads, &a->q_weight, a->eps);
    norm_heads(&a->k, a->kv_heads, &a->k_weight, a->eps);
    return ZK_OK;
}
