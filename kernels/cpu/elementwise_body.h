/* Row kernels of what goes element by element, for any vec_<isa>.h that was
 * included before. */

#include <math.h>
#include <string.h>

#include "kernels/cpu/elementwise_act_body.h"
#include "kernels/cpu/line.h"

ZK_INLINE void add_gated_at(int64_t i, int n, struct line d, struct line s, const float *gate)
{
    const vf g = gate ? get_f32(gate, i, n) : v_set(1);

    put(d, i, n, v_fma(g, get(s, i, n), get(d, i, n)));
}

static void add_gated(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                      void *scratch)
{
    const struct zk_add_gated *a = args;
    const float *gate = zk_present(a->gate) ? a->gate.data : NULL;

    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(&a->dst, r), s = line_at(&a->src, r);
        BY_TYPES(d, s, EACH(zk_row_length(rows, r), add_gated_at, d, s, gate));
    }
}

ZK_INLINE void add_at(int64_t i, int n, struct line d, struct line a, struct line b)
{
    put(d, i, n, v_add(get(a, i, n), get(b, i, n)));
}

ZK_INLINE void mul_at(int64_t i, int n, struct line d, struct line a, struct line b)
{
    put(d, i, n, v_mul(get(a, i, n), get(b, i, n)));
}

/* One row of b serves all rows of a by having no step. */
#define BINARY(name)                                                                               \
    static void name(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,     \
                     void *scratch)                                                                \
    {                                                                                              \
        const struct zk_binary *o = args;                                                          \
        const unsigned stream = stream_of(&o->dst, rows, &o->a, 1);                                \
                                                                                                   \
        (void)scratch;                                                                             \
        for (int64_t r = begin; r < end; r++) {                                                    \
            struct line d = line_at(&o->dst, r), a = line_at(&o->a, r), b = line_at(&o->b, r);     \
            d.type |= stream;                                                                      \
            BY_SAME_TYPES(d, a, b, EACH(zk_row_length(rows, r), name##_at, d, a, b));              \
        }                                                                                          \
        v_fence();                                                                                 \
    }

BINARY(add)
BINARY(mul)

ZK_INLINE void scaled_at(int64_t i, int n, struct line d, struct line s, vf by)
{
    put(d, i, n, v_mul(get(s, i, n), by));
}

static void cast(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                 void *scratch)
{
    const struct zk_cast *a = args;
    const unsigned stream = stream_of(&a->dst, rows, &a->src, 1);
    const vf scale = v_set(a->src.scale != 0 ? a->src.scale : 1);

    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(&a->dst, r), s = line_at(&a->src, r);
        d.type |= stream;
        BY_TYPES(d, s, EACH(zk_row_length(rows, r), scaled_at, d, s, scale));
    }
    v_fence();
}

ZK_INLINE void copy_at(int64_t i, int n, struct line d, struct line s)
{
    put(d, i, n, get(s, i, n));
}

static void copy(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                 void *scratch)
{
    const struct zk_cast *a = args;
    const unsigned stream = stream_of(&a->dst, rows, &a->src, 1);

    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(&a->dst, r), s = line_at(&a->src, r);
        d.type |= stream;
        EACH(zk_row_length(rows, r), copy_at, d, s);
    }
    v_fence();
}

/* One type for all sources, which the compiler may know, or 0. */
ZK_INLINE void mix_at(int64_t i, int n, struct line d, const struct line *s, unsigned type,
                      const vf *coef, vf bias, int count)
{
    vf sum = bias;

    for (int k = 0; k < count; k++)
        sum = v_fma(coef[k], get((struct line){ s[k].p, type ? type : s[k].type }, i, n), sum);
    put(d, i, n, sum);
}

static void mix(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                void *scratch)
{
    const struct zk_mix *a = args;
    const unsigned stream = stream_of(&a->dst, rows, a->src, a->count);
    const vf bias = v_set(a->bias);
    vf coef[ZK_MIX_MAX];

    (void)scratch;
    for (int k = 0; k < a->count; k++)
        coef[k] = v_set(a->coef[k]);
    for (int64_t r = begin; r < end; r++) {
        struct line d = line_at(&a->dst, r), s[ZK_MIX_MAX], all = { 0 };
        d.type |= stream;
        for (int k = 0; k < a->count; k++) {
            s[k] = line_at(&a->src[k], r);
            all.type = k == 0 || all.type == s[k].type ? s[k].type : 0;
        }
        BY_TYPES(d, all, EACH(zk_row_length(rows, r), mix_at, d, s, all.type, coef, bias,
                              a->count));
    }
    v_fence();
}

ZK_INLINE vf guided(int64_t i, int n, struct line c, struct line u, vf strength)
{
    const vf uncond = get(u, i, n);

    return v_fma(strength, v_sub(get(c, i, n), uncond), uncond);
}

ZK_INLINE void guide_at(int64_t i, int n, struct line d, struct line c, struct line u,
                        vf strength, vf factor)
{
    put(d, i, n, v_mul(guided(i, n, c, u, strength), factor));
}

/* A stretch of a row, so short that its sums may be taken in f32. */
ZK_INLINE struct line part_of(struct line l, int64_t at)
{
    l.p = (char *)l.p + at * zk_fast_bytes((zk_dtype)l.type);
    return l;
}

ZK_INLINE int64_t part_length(int64_t cols, int64_t at)
{
    return cols - at < ZK_CPU_FLAT ? cols - at : ZK_CPU_FLAT;
}

ZK_INLINE void squares_at(int64_t i, int n, struct line c, struct line u, vf strength, vf *want,
                          vf *have)
{
    const vf x = get(c, i, n), y = guided(i, n, c, u, strength);

    *want = v_fma(x, x, *want);
    *have = v_fma(y, y, *have);
}

/* |cond| / |guided| of a row, 1 if there is nothing to stretch. If the squares leave
 * the range of f32, everything in double. */
static float stretch(struct line cond, struct line uncond, float strength, int64_t cols)
{
    const vf by = v_set(strength);
    double want = 0, have = 0;

    for (int64_t at = 0; at < cols; at += ZK_CPU_FLAT) {
        struct line c = part_of(cond, at), u = part_of(uncond, at);
        vf w = v_set(0), h = v_set(0);
        BY_TYPES(c, u, EACH(part_length(cols, at), squares_at, c, u, by, &w, &h));
        want += (double)v_sum(w);
        have += (double)v_sum(h);
    }
    if (want > 1e-30 && want < 1e37 && have > 1e-30 && have < 1e37)
        return (float)sqrt(want / have);
    want = have = 0;
    for (int64_t i = 0; i < cols; i++) {
        const double x = v_sum(get(cond, i, 1)), y = v_sum(guided(i, 1, cond, uncond, by));
        want += x * x;
        have += y * y;
    }
    return have > 0 ? (float)sqrt(want / have) : 1;
}

static void guide(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                  void *scratch)
{
    const struct zk_guide *a = args;
    const unsigned stream =
        stream_of(&a->dst, rows, &a->cond, 1) & stream_of(&a->dst, rows, &a->uncond, 1);
    const vf strength = v_set(a->strength);

    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        const int64_t cols = zk_row_length(rows, r);
        struct line d = line_at(&a->dst, r), c = line_at(&a->cond, r), u = line_at(&a->uncond, r);
        d.type |= stream;
        const vf factor = v_set(a->keep_norm ? stretch(c, u, a->strength, cols) : 1);
        BY_SAME_TYPES(d, c, u, EACH(cols, guide_at, d, c, u, strength, factor));
    }
    v_fence();
}

ZK_INLINE void drift_at(int64_t i, int n, struct line a, struct line b, vf *change, vf *size)
{
    const vf y = get(b, i, n);

    *change = v_add(*change, v_abs(v_sub(get(a, i, n), y)));
    *size = v_add(*size, v_abs(y));
}

static void drift(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                  void *scratch)
{
    const struct zk_drift_sums *o = args;

    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        const int64_t cols = zk_row_length(rows, r);
        double change = 0, size = 0;
        for (int64_t at = 0; at < cols; at += ZK_CPU_FLAT) {
            struct line a = part_of(line_at(&o->a, r), at), b = part_of(line_at(&o->b, r), at);
            vf c = v_set(0), s = v_set(0);
            BY_TYPES(a, b, EACH(part_length(cols, at), drift_at, a, b, &c, &s));
            change += (double)v_sum(c);
            size += (double)v_sum(s);
        }
        o->out[r][0] = change;
        o->out[r][1] = size;
    }
}

/* sum += x; the columns of a row of zk_mean. */
ZK_INLINE void sum_at(int64_t i, int n, struct line sum, struct line s)
{
    put(sum, i, n, v_add(get(sum, i, n), get(s, i, n)));
}

/* total += sum; sum = 0 */
ZK_INLINE void gather_at(int64_t i, int n, struct line total, struct line sum)
{
    sum_at(i, n, total, sum);
    put(sum, i, n, v_set(0));
}

/* Sums of 256 rows are gathered in a second sum, lest many rows cost digits. */
static void mean(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                 void *scratch)
{
    const struct zk_mean *a = args;
    const int64_t count = a->src.dim[2], all = a->src.dim[3];
    const struct line sum = { scratch, ZK_F32 };
    const struct line total = { (float *)scratch + ZK_MEAN_COLS, ZK_F32 };

    (void)rows;
    for (int64_t part = begin; part < end; part++) {
        const int64_t at = part * ZK_MEAN_COLS;
        const int64_t cols = all - at < ZK_MEAN_COLS ? all - at : ZK_MEAN_COLS;
        memset(scratch, 0, 2 * ZK_MEAN_COLS * sizeof(float));
        for (int64_t r = 0; r < count; r++) {
            struct line s = part_of(line_at(&a->src, r), at);
            BY_TYPE(s, EACH(cols, sum_at, sum, s));
            if (r % 256 == 255 || r == count - 1)
                EACH(cols, gather_at, total, sum);
        }
        EACH(cols, scaled_at, part_of(line_at(&a->dst, 0), at), total, v_set(1 / (float)count));
    }
}

void V_ISA(zk_cpu_elementwise)(struct zk_cpu_elementwise *d)
{
    *d = (struct zk_cpu_elementwise){
        .add_gated = add_gated,
        .add = add,
        .mul = mul,
        .cast = cast,
        .copy = copy,
        .mix = mix,
        .guide = guide,
        .drift = drift,
        .mean = mean,
    };
    V_ISA(zk_cpu_elementwise_act)(d);
}
