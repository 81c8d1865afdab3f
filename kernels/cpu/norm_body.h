/* Row kernels of normalisations, for any vec_<isa>.h that was included before.
 *
 * A row is read from memory once: sums in a first pass, which leaves it in the
 * innermost cache, and the result in a last. Sums are taken in f32 over many
 * lanes, and about the mean; rows whose squares leave the range of f32 are done
 * again in double. */

#include <math.h>
#include <string.h>

/* What becomes of a normalised row: act(x * (plus + weight) + bias). */
struct affine {
    const float *weight, *bias;       /* each may be NULL: 1, 0 */
    float plus;
    zk_act act;
};

/* Normalised x is (x - mean) * factor + rest. */
struct stats {
    float mean, factor, rest;
    bool good;                        /* false: f32 did not do */
};

/* Sums of x - mean and its square. */
ZK_INLINE void row_sums(zk_dtype type, const void *row, int64_t n, float mean, float sums[2])
{
    const vf m = v_set(mean), zero = v_set(0);
    vf s[4] = { zero, zero, zero, zero }, q[4] = { zero, zero, zero, zero };
    int64_t i = 0;

    for (; i + 4 * V_LANES <= n; i += 4 * V_LANES) {
        ZK_UNROLL
        for (int u = 0; u < 4; u++) {
            const vf x = v_sub(v_load(type, row, i + u * V_LANES, V_LANES), m);
            s[u] = v_add(s[u], x);
            q[u] = v_fma(x, x, q[u]);
        }
    }
    for (; i < n; i += V_LANES) {
        const int left = n - i < V_LANES ? (int)(n - i) : V_LANES;
        const vf x = v_keep(v_sub(v_load(type, row, i, left), m), left);
        s[0] = v_add(s[0], x);
        q[0] = v_fma(x, x, q[0]);
    }
    sums[0] = v_sum(v_add(v_add(s[0], s[1]), v_add(s[2], s[3])));
    sums[1] = v_sum(v_add(v_add(q[0], q[1]), v_add(q[2], q[3])));
}

ZK_INLINE struct stats row_stats(zk_norm_kind kind, zk_dtype type, const void *row, int64_t n,
                                 float eps)
{
    struct stats s = { 0 };
    float sums[2], off = 0;

    row_sums(type, row, n, 0, sums);
    if (kind == ZK_NORM_LAYER) {
        s.mean = sums[0] / (float)n;
        row_sums(type, row, n, s.mean, sums);
        off = sums[0] / (float)n;
        sums[1] -= off * sums[0];
    }
    s.good = sums[1] > 1e-30f && sums[1] < 1e37f;
    if (kind == ZK_NORM_L2)
        s.factor = sqrtf((float)n) / fmaxf(sqrtf(sums[1]), eps);
    else
        s.factor = 1 / sqrtf(sums[1] / (float)n + eps);
    s.rest = -off * s.factor;
    return s;
}

ZK_INLINE void apply_at(unsigned to, void *dst, zk_dtype from, const void *src, int64_t i, int n,
                        const struct stats *s, const struct affine *f)
{
    vf x = v_sub(v_load(from, src, i, n), v_set(s->mean));

    x = v_fma(x, v_set(s->factor), v_set(s->rest));
    if (f->weight)
        x = v_mul(x, v_add(v_load(ZK_F32, f->weight, i, n), v_set(f->plus)));
    if (f->bias)
        x = v_add(x, v_load(ZK_F32, f->bias, i, n));
    if (f->act != ZK_ACT_NONE)
        x = v_act(x, f->act);
    v_store(to, dst, i, n, x);
}

static double get(zk_dtype type, const void *row, int64_t i)
{
    return (double)v_sum(v_load(type, row, i, 1));
}

/* One row in double, as the reference does it. */
static void norm_row_slow(zk_norm_kind kind, unsigned to, void *dst, zk_dtype from, const void *src,
                          int64_t n, float eps, const struct affine *f)
{
    double mean = 0, square = 0, factor;

    for (int64_t i = 0; i < n && kind == ZK_NORM_LAYER; i++)
        mean += get(from, src, i);
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++)
        square += (get(from, src, i) - mean) * (get(from, src, i) - mean);
    if (kind == ZK_NORM_L2)
        factor = sqrt((double)n) / fmax(sqrt(square), eps);
    else
        factor = 1 / sqrt(square / (double)n + eps);

    for (int64_t i = 0; i < n; i++) {
        float x = (float)((get(from, src, i) - mean) * factor);
        if (f->weight)
            x *= f->weight[i] + f->plus;
        if (f->bias)
            x += f->bias[i];
        v_store(to, dst, i, 1, v_act(v_set(x), f->act));
    }
}

ZK_INLINE void norm_row(zk_norm_kind kind, unsigned to, void *dst, zk_dtype from, const void *src,
                        int64_t n, float eps, const struct affine *f)
{
    const struct stats s = row_stats(kind, from, src, n, eps);
    int64_t i = 0;

    if (!s.good) {
        norm_row_slow(kind, to, dst, from, src, n, eps, f);
        return;
    }
    for (; i + V_LANES <= n; i += V_LANES)
        apply_at(to, dst, from, src, i, V_LANES, &s, f);
    if (i < n)
        apply_at(to, dst, from, src, i, (int)(n - i), &s, f);
}

ZK_INLINE void norm_rows_as(zk_norm_kind kind, const zk_tensor *dst, const zk_tensor *src,
                            unsigned stream, float eps, const struct affine *f,
                            const struct zk_rows *rows, int64_t begin, int64_t end,
                            zk_dtype to, zk_dtype from)
{
    for (int64_t r = begin; r < end; r++)
        norm_row(kind, to | stream, zk_row_at(dst, r), from, zk_row_at(src, r), rows->cols,
                 eps, f);
}

static void norm_rows(zk_norm_kind kind, const zk_tensor *dst, const zk_tensor *src, float eps,
                      const struct affine *f, const struct zk_rows *rows, int64_t begin,
                      int64_t end)
{
    const unsigned stream = dst->data != src->data && zk_rows_stream(dst, rows) ? V_STREAM : 0;

    norm_rows_as(kind, dst, src, stream, eps, f, rows, begin, end, dst->type, src->type);
    v_fence();
}

static void norm(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                 void *scratch)
{
    const struct zk_norm *a = args;
    const struct affine f = {
        .weight = zk_present(a->weight) ? a->weight.data : NULL,
        .bias = zk_present(a->bias) ? a->bias.data : NULL,
        .act = a->act,
    };

    (void)scratch;
    norm_rows(a->kind, &a->dst, &a->src, a->eps, &f, rows, begin, end);
}

static void norm_mod(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                     void *scratch)
{
    const struct zk_norm_mod *a = args;
    const struct affine f = { .weight = a->scale.data, .bias = a->shift.data, .plus = 1 };

    (void)scratch;
    norm_rows(ZK_NORM_LAYER, &a->dst, &a->src, a->eps, &f, rows, begin, end);
}

static void norm_heads(const zk_tensor *t, int32_t heads, const zk_tensor *weight, float eps,
                       int64_t begin, int64_t end)
{
    const struct affine f = { .weight = weight->data };
    const int64_t d = weight->dim[3];

    for (int64_t r = begin; r < end; r++) {
        char *row = zk_row_at(t, r);
        for (int32_t h = 0; h < heads; h++, row += d * zk_fast_bytes(t->type))
            norm_row(ZK_NORM_RMS, t->type, row, t->type, row, d, eps, &f);
    }
}

static void qk_norm(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                    void *scratch)
{
    const struct zk_qk_norm *a = args;

    (void)rows;
    (void)scratch;
    norm_heads(&a->q, a->heads, &a->q_weight, a->eps, begin, end);
    norm_heads(&a->k, a->kv_heads, &a->k_weight, a->eps, begin, end);
}

/* off[c] += x - mean[c] and, unless square is NULL, square[c] += (x - mean[c])^2,
 * for each column of a row. */
ZK_INLINE void column_sums(zk_dtype type, const void *row, int64_t cols, const float *mean,
                           float *off, float *square)
{
    for (int64_t i = 0; i < cols; i += V_LANES) {
        const int n = cols - i < V_LANES ? (int)(cols - i) : V_LANES;
        const vf x = v_sub(v_load(type, row, i, n), v_load(ZK_F32, mean, i, n));
        v_store(ZK_F32, off, i, n, v_add(v_load(ZK_F32, off, i, n), x));
        if (square)
            v_store(ZK_F32, square, i, n, v_fma(x, x, v_load(ZK_F32, square, i, n)));
    }
}

static double column_total(const float *column, int32_t width)
{
    double total = 0;

    for (int32_t c = 0; c < width; c++)
        total += column[c];
    return total;
}

/* Once for a mean that is nearly right, and again about it. columns: 3 * cols. */
static void group_chunk(const struct zk_group_norm *g, int64_t begin, int64_t end, double *out,
                        float *columns)
{
    const zk_tensor *src = &g->op->src;
    const int32_t cols = src->dim[3], groups = g->op->groups, width = cols / groups;
    const double n = (double)(end - begin) * width;
    float *mean = columns, *off = mean + cols, *square = off + cols;

    memset(columns, 0, (size_t)cols * 3 * sizeof(*columns));
    for (int64_t r = begin; r < end; r++)
        column_sums(src->type, zk_row_at(src, r), cols, mean, off, NULL);
    for (int32_t c = 0; c < cols; c += width) {
        const float m = (float)(column_total(off + c, width) / n);
        for (int32_t i = 0; i < width; i++)
            mean[c + i] = m;
    }
    memset(off, 0, (size_t)cols * sizeof(*off));
    for (int64_t r = begin; r < end; r++)
        column_sums(src->type, zk_row_at(src, r), cols, mean, off, square);
    for (int32_t k = 0; k < groups; k++) {
        const int32_t c = k * width;
        const double rest = column_total(off + c, width) / n;
        out[2 * k] = mean[c] + rest;
        out[2 * k + 1] = column_total(square + c, width) - n * rest * rest;
    }
}

static void group_sums(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                       void *scratch)
{
    const struct zk_group_norm *g = args;
    const int64_t count = g->op->src.dim[2];

    (void)rows;
    for (int64_t i = begin; i < end; i++) {
        const int64_t last = (i + 1) * g->chunk < count ? (i + 1) * g->chunk : count;
        group_chunk(g, i * g->chunk, last, g->partial + i * g->op->groups * 2, scratch);
    }
}

ZK_INLINE void group_at(const struct zk_group_norm *g, unsigned to, void *dst, const void *src,
                        int64_t i, int n)
{
    vf x = v_sub(v_load(g->op->src.type, src, i, n), v_load(ZK_F32, g->mean, i, n));

    x = v_fma(x, v_load(ZK_F32, g->factor, i, n), v_load(ZK_F32, g->rest, i, n));
    v_store(to, dst, i, n, v_act(x, g->op->act));
}

static void group_apply(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                        void *scratch)
{
    const struct zk_group_norm *g = args;
    const zk_tensor *dst = &g->op->dst, *src = &g->op->src;
    const bool stream = dst->data != src->data && zk_rows_stream(dst, rows);
    const unsigned to = dst->type | (stream ? V_STREAM : 0);

    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        int64_t i = 0;
        for (; i + V_LANES <= rows->cols; i += V_LANES)
            group_at(g, to, zk_row_at(dst, r), zk_row_at(src, r), i, V_LANES);
        if (i < rows->cols)
            group_at(g, to, zk_row_at(dst, r), zk_row_at(src, r), i, (int)(rows->cols - i));
    }
    v_fence();
}

void V_ISA(zk_cpu_norm)(struct zk_cpu_norm *d)
{
    *d = (struct zk_cpu_norm){
        .norm = norm,
        .norm_mod = norm_mod,
        .qk_norm = qk_norm,
        .group_sums = group_sums,
        .group_apply = group_apply,
    };
}
