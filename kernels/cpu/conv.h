/* The inner kernels of convolution besides those of product.h. Private to
 * kernels/cpu.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_CONV_H
#define ZK_CPU_CONV_H

#include "kernels/kernels.h"

/* What `packing` of a packed weight says: panels of product.h over
 * k = [time][height][width][in], in being even in bf16. */
enum zk_conv_packing {
    ZK_CPU_CONV_F32 = 0x40,
    ZK_CPU_CONV_BF16,
};

/* dst = act(c * scale + bias), of type F32, BF16 or F16 */
struct zk_conv_finish {
    void        *dst;     /* [rows, cols] */
    const float *c;       /* [rows, cols] */
    const float *bias;    /* [cols], or NULL */
    int64_t      dst_step, c_step;
    int32_t      rows, cols;
    zk_dtype     type;
    zk_act       act;
    float        scale;
};

struct zk_cpu_conv {
    void (*finish)(const struct zk_conv_finish *f);
    const char *chosen;   /* for the log */
};

void zk_cpu_conv_init(struct zk_cpu_conv *d, unsigned flags);
void zk_cpu_conv_c(struct zk_cpu_conv *d);
void zk_cpu_conv_avx2(struct zk_cpu_conv *d);
void zk_cpu_conv_avx512(struct zk_cpu_conv *d);
void zk_cpu_conv_neon(struct zk_cpu_conv *d);

/* Entries of the backend's table. */
bool      zk_cpu_conv_takes(const zk_dtype *types, int count);
size_t    zk_cpu_conv_work(const zk_queue *q, const void *args);
size_t    zk_cpu_conv_packed_size(const zk_queue *q, const struct zk_pack *p);
zk_status zk_cpu_conv_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed);
zk_status zk_cpu_conv(zk_queue *q, const struct zk_conv *a);

#endif
