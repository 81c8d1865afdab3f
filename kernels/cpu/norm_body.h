/* Row kernels of normalisations, for any vec_<isa>.h that was included before.
 *
 * A row is read from memory once: sums in a first pass, which leaves it in the
 * innermost cache, and the result in a last. Sums are taken in f32 over many
 * lanes, and about the mean; rows whose squares leave the range of f32 are done
 * again in double. */

#include <math.h>
#include <string.h>

#include "kernels/cpu/line.h"

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
ZK_INLINE void sums_of(struct line row, int64_t n, float mean, float sums[2])
{
    const vf m = v_set(mean), zero = v_set(0);
    vf s[4] = { zero, zero, zero, zero }, q[4] = { zero, zero, zero, zero };
    int64_t i = 0;

    for (; i + 4 * V_LANES <= n; i += 4 * V_LANES) {
        ZK_UNROLL
        for (int u = 0; u < 4; u++) {
            const vf x = v_sub(get(row, i + u * V_LANES, V_LANES), m);
            s[u] = v_add(s[u], x);
            q[u] = v_fma(x, x, q[u]);
        }
    }
    for (; i < n; i += V_LANES) {
        const int left = n - i < V_LANES ? (int)(n - i) : V_LANES;
        const vf x = v_keep(v_sub(get(row, i, left), m), left);
        s[0] = v_add(s[0], x);
        q[0] = v_fma(x, x, q[0]);
    }
    sums[0] = v_sum(v_add(v_add(s[0], s[1]), v_add(s[2], s[3])));
    sums[1] = v_sum(v_add(v_add(q[0], q[1]), v_add(q[2], q[3])));
}

/* The mean of a row is needed to sum squares about it; but where it is small
 * beside the deviation, the squares themselves serve, and spare a pass. */
ZK_INLINE struct stats stats_of(zk_norm_kind kind, struct line row, int64_t n, float eps)
{
    const float by = 1 / (float)n;
    struct stats s = { 0 };
    float sums[2], off = 0;

    sums_of(row, n, 0, sums);
    if (kind == ZK_NORM_LAYER) {
        off = sums[0] * by;
        if (!(off * sums[0] < 0.5f * sums[1])) {
            s.mean = off;
            sums_of(row, n, s.mean, sums);
            off = sums[0] * by;
        }
        sums[1] -= off * sums[0];
    }
    s.good = sums[1] > 1e-30f && sums[1] < 1e37f;
    if (kind == ZK_NORM_L2)
        s.factor = sqrtf((float)n) / fmaxf(sqrtf(sums[1]), eps);
    else
        s.factor = 1 / sqrtf(sums[1] * by + eps);
    s.rest = -off * s.factor;
    return s;
}

/* Meanwhile the row after this one is fetched, which the sums are then read from. */
ZK_INLINE void apply_at(int64_t i, int n, struct line d, struct line row, const struct stats *s,
                        const struct affine *f, const char *next)
{
    vf x = v_sub(get(row, i, n), v_set(s->mean));

    ZK_FETCH(next + i * zk_fast_bytes((zk_dtype)row.type));
    x = v_fma(x, v_set(s->factor), v_set(s->rest));
    if (f->weight)
        x = v_mul(x, v_add(get_f32(f->weight, i, n), v_set(f->plus)));
    if (f->bias)
        x = v_add(x, get_f32(f->bias, i, n));
    if (f->act != ZK_ACT_NONE)
        x = v_act(x, f->act);
    put(d, i, n, x);
}

static double get_one(struct line row, int64_t i)
{
    return (double)v_sum(get(row, i, 1));
}

/* One row in double, as the reference does it. */
static void norm_row_slow(zk_norm_kind kind, struct line d, struct line row, int64_t n, float eps,
                          const struct affine *f)
{
    double mean = 0, square = 0, factor;

    for (int64_t i = 0; i < n && kind == ZK_NORM_LAYER; i++)
        mean += get_one(row, i);
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++)
        square += (get_one(row, i) - mean) * (get_one(row, i) - mean);
    if (kind == ZK_NORM_L2)
        factor = sqrt((double)n) / fmax(sqrt(square), eps);
    else
        factor = 1 / sqrt(square / (double)n + eps);

    for (int64_t i = 0; i < n; i++) {
        float x = (float)((get_one(row, i) - mean) * factor);
        if (f->weight)
            x *= f->weight[i] + f->plus;
        if (f->bias)
            x += f->bias[i];
        put(d, i, 1, v_act(v_set(x), f->act));
    }
}

ZK_INLINE void norm_with(const struct stats *s, zk_norm_kind kind, struct line d, struct line row,
                         int64_t n, float eps, const struct affine *f, const char *next)
{
    if (s->good)
        EACH(n, apply_at, d, row, s, f, next);
    else
        norm_row_slow(kind, d, row, n, eps, f);
}

ZK_INLINE void norm_row(zk_norm_kind kind, struct line d, struct line row, int64_t n, float eps,
                        const struct affine *f, const char *next)
{
    const struct stats s = stats_of(kind, row, n, eps);

    norm_with(&s, kind, d, row, n, eps, f, next);
}

ZK_INLINE void norm_rows(zk_norm_kind kind, const zk_tensor *dst, const zk_tensor *src, float eps,
                         struct affine f, const struct zk_rows *rows, int64_t begin, int64_t end,
                         zk_act act)
{
    const unsigned stream = stream_of(dst, rows, src, 1);

    f.act = act;
    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(dst, r), row = line_at(src, r);
        const char *next = zk_row_at(src, r + 1 < end ? r + 1 : r);
        d.type |= stream;
        BY_TYPES(d, row, norm_row(kind, d, row, rows->cols, eps, &f, next));
    }
    v_fence();
}

static void norm(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                 void *scratch)
{
    const struct zk_norm *a = args;
    const struct affine f = {
        .weight = zk_present(a->weight) ? a->weight.data : NULL,
        .bias = zk_present(a->bias) ? a->bias.data : NULL,
    };

    (void)scratch;
    BY_NORM_ACT(norm_rows, a->act, a->kind, &a->dst, &a->src, a->eps, f, rows, begin, end);
}

static void norm_mod(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                     void *scratch)
{
    const struct zk_norm_mod *a = args;
    const struct affine f = { .weight = a->scale.data, .bias = a->shift.data, .plus = 1 };

    (void)scratch;
    norm_rows(ZK_NORM_LAYER, &a->dst, &a->src, a->eps, f, rows, begin, end, ZK_ACT_NONE);
}

/* The sums of all heads of a row come first, so that none waits for the root of
 * its own. */
ZK_INLINE void norm_heads(struct line row, int32_t heads, const zk_tensor *weight, float eps,
                          struct stats *stats, const char *next)
{
    const struct affine f = { .weight = weight->data };
    const int64_t d = weight->dim[3], bytes = d * zk_fast_bytes((zk_dtype)row.type);
    struct line head = row;

    for (int32_t h = 0; h < heads; h++, head.p = (char *)head.p + bytes)
        stats[h] = stats_of(ZK_NORM_RMS, head, d, eps);
    head = row;
    for (int32_t h = 0; h < heads; h++, head.p = (char *)head.p + bytes, next += bytes) {
        const struct stats s = stats[h];
        norm_with(&s, ZK_NORM_RMS, head, head, d, eps, &f, next);
    }
}

static void norm_heads_rows(const zk_tensor *t, int32_t heads, const zk_tensor *weight, float eps,
                            int64_t begin, int64_t end, struct stats *stats)
{
    for (int64_t r = begin; r < end; r++) {
        struct line row = line_at(t, r);
        const char *next = zk_row_at(t, r + 1 < end ? r + 1 : r);
        BY_TYPE(row, norm_heads(row, heads, weight, eps, stats, next));
    }
}

static void qk_norm(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                    void *scratch)
{
    const struct zk_qk_norm *a = args;

    (void)rows;
    norm_heads_rows(&a->q, a->heads, &a->q_weight, a->eps, begin, end, scratch);
    norm_heads_rows(&a->k, a->kv_heads, &a->k_weight, a->eps, begin, end, scratch);
}

/* off[c] += x - mean[c] and square[c] += (x - mean[c])^2 for n columns of up to 4 rows. */
ZK_INLINE void columns_at(int64_t i, int n, struct line first, int64_t pitch, int64_t rows,
                          const float *mean, float *off, float *square)
{
    const vf m = get_f32(mean, i, n);
    vf o = get_f32(off, i, n), s = get_f32(square, i, n);

    ZK_UNROLL
    for (int u = 0; u < 4; u++) {
        if (u < rows) {
            const struct line row = { (char *)first.p + u * pitch, first.type };
            const vf x = v_sub(get(row, i, n), m);
            if (u + 4 < rows)
                ZK_FETCH((char *)row.p + 4 * pitch + i * zk_fast_bytes((zk_dtype)row.type));
            o = v_add(o, x);
            s = v_fma(x, x, s);
        }
    }
    v_store(ZK_F32, off, i, n, o);
    v_store(ZK_F32, square, i, n, s);
}

static void column_sums(const zk_tensor *t, int64_t begin, int64_t end, const float *mean,
                        float *off, float *square)
{
    const int64_t pitch = t->step[2] * zk_fast_bytes(t->type), cols = t->dim[3];

    memset(off, 0, (size_t)cols * sizeof(*off));
    memset(square, 0, (size_t)cols * sizeof(*square));
    for (int64_t r = begin; r < end; r += 4) {
        struct line row = line_at(t, r);
        BY_TYPE(row, EACH(cols, columns_at, row, pitch, end - r, mean, off, square));
    }
}

static double column_total(const float *column, int64_t width)
{
    double total[4] = { 0 };
    int64_t c = 0;

    for (; c + 4 <= width; c += 4) {
        for (int u = 0; u < 4; u++)
            total[u] += (double)column[c + u];
    }
    for (; c < width; c++)
        total[0] += (double)column[c];
    return (total[0] + total[1]) + (total[2] + total[3]);
}

/* Sums of a chunk, from those about `mean`; whether they would be as good about zero. */
static bool chunk_sums(const struct zk_group_norm *g, double n, const float *mean, const float *off,
                       const float *square, double *out)
{
    const int32_t groups = g->op->groups, width = g->op->src.dim[3] / groups;
    bool good = true;

    for (int32_t k = 0; k < groups; k++, off += width, square += width, mean += width) {
        const double rest = column_total(off, width) / n, sum = column_total(square, width);
        out[2 * k] = (double)mean[0] + rest;
        out[2 * k + 1] = sum - n * rest * rest;
        good &= n * rest * rest < 0.5 * sum;
    }
    return good;
}

/* About zero, and if some mean is not small beside the deviation, again about the
 * means. columns: 3 * cols. */
static void group_chunk(const struct zk_group_norm *g, int64_t begin, int64_t end, double *out,
                        float *columns)
{
    const zk_tensor *src = &g->op->src;
    const int32_t cols = src->dim[3], width = cols / g->op->groups;
    const double n = (double)(end - begin) * width;
    float *mean = columns, *off = mean + cols, *square = off + cols;

    memset(mean, 0, (size_t)cols * sizeof(*mean));
    column_sums(src, begin, end, mean, off, square);
    if (chunk_sums(g, n, mean, off, square, out))
        return;
    for (int32_t c = 0; c < cols; c++)
        mean[c] = (float)out[c / width * 2];
    column_sums(src, begin, end, mean, off, square);
    chunk_sums(g, n, mean, off, square, out);
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

ZK_INLINE void group_at(int64_t i, int n, struct line d, struct line row,
                        const struct zk_group_norm *g, zk_act act)
{
    const vf x = v_sub(get(row, i, n), get_f32(g->mean, i, n));

    put(d, i, n, v_act(v_fma(x, get_f32(g->factor, i, n), get_f32(g->rest, i, n)), act));
}

ZK_INLINE void group_rows(const struct zk_group_norm *g, const struct zk_rows *rows,
                          int64_t begin, int64_t end, zk_act act)
{
    const struct zk_group_norm local = *g;
    const unsigned stream = stream_of(&g->op->dst, rows, &g->op->src, 1);

    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(&g->op->dst, r), row = line_at(&g->op->src, r);
        d.type |= stream;
        BY_TYPES(d, row, EACH(rows->cols, group_at, d, row, &local, act));
    }
    v_fence();
}

static void group_apply(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                        void *scratch)
{
    const struct zk_group_norm *g = args;

    (void)scratch;
    BY_NORM_ACT(group_rows, g->op->act, g, rows, begin, end);
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
