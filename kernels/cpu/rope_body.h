/* Row kernels of rotary position embedding, for any vec_<isa>.h that was
 * included before. */

/* x c + other s, where s has the sign of the element's place in the pair. */
ZK_INLINE void turn_at(zk_dtype type, void *head, const float *c, const float *s, int64_t i,
                       int n)
{
    const vf x = v_load(type, head, i, n);

    v_store(type, head, i, n,
            v_fma(x, v_load(ZK_F32, c, i, n), v_mul(v_swap(x), v_load(ZK_F32, s, i, n))));
}

ZK_INLINE void turn_heads(const zk_tensor *t, int64_t row, int32_t heads, int64_t d,
                          const float *c, const float *s)
{
    char *head = zk_row_at(t, row);

    for (int32_t h = 0; h < heads; h++, head += d * zk_fast_bytes(t->type)) {
        int64_t i = 0;
        for (; i + V_LANES <= d; i += V_LANES)
            turn_at(t->type, head, c, s, i, V_LANES);
        if (i < d)
            turn_at(t->type, head, c, s, i, (int)(d - i));
    }
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
        turn_heads(&a->q, r, a->heads, 2 * half, c, s);
        if (zk_present(a->k))
            turn_heads(&a->k, r, a->kv_heads, 2 * half, c, s);
    }
}

ZK_INLINE void turn_half_at(zk_dtype type, void *head, int64_t half, const float *cos,
                            const float *sin, int64_t i, int n)
{
    const vf a = v_load(type, head, i, n), b = v_load(type, head, i + half, n);
    const vf c = v_load(ZK_F32, cos, i, n), s = v_load(ZK_F32, sin, i, n);

    v_store(type, head, i, n, v_sub(v_mul(a, c), v_mul(b, s)));
    v_store(type, head, i + half, n, v_fma(b, c, v_mul(a, s)));
}

ZK_INLINE void turn_halves(const zk_tensor *t, int64_t row, int32_t heads, int64_t half,
                           const float *cos, const float *sin)
{
    char *head = zk_row_at(t, row);

    for (int32_t h = 0; h < heads; h++, head += 2 * half * zk_fast_bytes(t->type)) {
        int64_t i = 0;
        for (; i + V_LANES <= half; i += V_LANES)
            turn_half_at(t->type, head, half, cos, sin, i, V_LANES);
        if (i < half)
            turn_half_at(t->type, head, half, cos, sin, i, (int)(half - i));
    }
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
        turn_halves(&a->q, r, a->heads, half, cos, sin);
        if (zk_present(a->k))
            turn_halves(&a->k, r, a->kv_heads, half, cos, sin);
    }
}

void V_ISA(zk_cpu_rope)(struct zk_cpu_rope *d)
{
    *d = (struct zk_cpu_rope){ .adjacent = adjacent, .halves = halves };
}
