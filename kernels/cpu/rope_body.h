/* Row kernels of rotary position embedding, for any vec_<isa>.h that was
 * included before. */

#include "kernels/cpu/line.h"

/* x c + other s, where s has the sign of the element's place in the pair. */
ZK_INLINE void turn_at(int64_t i, int n, struct line head, const float *c, const float *s)
{
    const vf x = get(head, i, n);

    put(head, i, n, v_fma(x, get_f32(c, i, n), v_mul(v_swap(x), get_f32(s, i, n))));
}

ZK_INLINE void turn_heads(struct line head, int32_t heads, int64_t d, const float *c,
                          const float *s)
{
    for (int32_t h = 0; h < heads; h++) {
        EACH(d, turn_at, head, c, s);
        head.p = (char *)head.p + d * zk_fast_bytes((zk_dtype)head.type);
    }
}

static void turn_row(const zk_tensor *t, int64_t row, int32_t heads, int64_t d, const float *c,
                     const float *s)
{
    struct line head = line_at(t, row);

    BY_TYPE(head, turn_heads(head, heads, d, c, s));
}

/* The tables of a row are spread over pairs once, for all of its heads. */
static void adjacent(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                     void *scratch)
{
    const struct zk_rope *a = args;
    const int64_t half = a->cos.dim[3];
    float *c = scratch, *s = c + 2 * half;

    (void)rows;
    for (int64_t r = begin; r < end; r++) {
        const float *cos = zk_row_at(&a->cos, r), *sin = zk_row_at(&a->sin, r);
        for (int64_t j = 0; j < half; j++) {
            c[2 * j] = c[2 * j + 1] = cos[j];
            s[2 * j] = -sin[j];
            s[2 * j + 1] = sin[j];
        }
        turn_row(&a->q, r, a->heads, 2 * half, c, s);
        if (zk_present(a->k))
            turn_row(&a->k, r, a->kv_heads, 2 * half, c, s);
    }
}

ZK_INLINE void turn_half_at(int64_t i, int n, struct line head, int64_t half, const float *cos,
                            const float *sin)
{
    const vf a = get(head, i, n), b = get(head, i + half, n);
    const vf c = get_f32(cos, i, n), s = get_f32(sin, i, n);

    put(head, i, n, v_sub(v_mul(a, c), v_mul(b, s)));
    put(head, i + half, n, v_fma(b, c, v_mul(a, s)));
}

ZK_INLINE void turn_halves(struct line head, int32_t heads, int64_t half, const float *cos,
                           const float *sin)
{
    for (int32_t h = 0; h < heads; h++) {
        EACH(half, turn_half_at, head, half, cos, sin);
        head.p = (char *)head.p + 2 * half * zk_fast_bytes((zk_dtype)head.type);
    }
}

static void halves_row(const zk_tensor *t, int64_t row, int32_t heads, int64_t half,
                       const float *cos, const float *sin)
{
    struct line head = line_at(t, row);

    BY_TYPE(head, turn_halves(head, heads, half, cos, sin));
}

static void halves(const void *args, const struct zk_rows *rows, int64_t begin, int64_t end,
                   void *scratch)
{
    const struct zk_rope *a = args;
    const int64_t half = a->cos.dim[3];

    (void)rows;
    (void)scratch;
    for (int64_t r = begin; r < end; r++) {
        const float *cos = zk_row_at(&a->cos, r), *sin = zk_row_at(&a->sin, r);
        halves_row(&a->q, r, a->heads, half, cos, sin);
        if (zk_present(a->k))
            halves_row(&a->k, r, a->kv_heads, half, cos, sin);
    }
}

void V_ISA(zk_cpu_rope)(struct zk_cpu_rope *d)
{
    *d = (struct zk_cpu_rope){ .adjacent = adjacent, .halves = halves };
}
