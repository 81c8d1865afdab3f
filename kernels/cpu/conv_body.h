/* The end of a convolution, for any vec_<isa>.h that was included before. */

ZK_INLINE void finish_at(const struct zk_conv_finish *f, void *dst, const float *c, int32_t j,
                         int n)
{
    const vf bias = f->bias ? v_load(ZK_F32, f->bias, j, n) : v_set(0);

    v_store(f->type, dst, j, n, v_act(v_fma(v_load(ZK_F32, c, j, n), v_set(f->scale), bias),
                                      f->act));
}

static void finish(const struct zk_conv_finish *f)
{
    for (int32_t i = 0; i < f->rows; i++) {
        char *dst = (char *)f->dst + i * f->dst_step * (f->type == ZK_F32 ? 4 : 2);
        const float *c = f->c + i * f->c_step;
        int32_t j = 0;

        for (; j + V_LANES <= f->cols; j += V_LANES)
            finish_at(f, dst, c, j, V_LANES);
        if (j < f->cols)
            finish_at(f, dst, c, j, f->cols - j);
    }
}

void V_ISA(zk_cpu_conv)(struct zk_cpu_conv *d)
{
    *d = (struct zk_cpu_conv){ .finish = finish };
}
