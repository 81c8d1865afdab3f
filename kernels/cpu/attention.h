/* The inner kernels of attention. Private to kernels/cpu.
 *
 * There are two kinds: f32, which takes every type after conversion, and bf16.
 * Both are made of the same parts, and so attention.c is written once. Panels are
 * those of product.h.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_ATTENTION_H
#define ZK_CPU_ATTENTION_H

#include "kernels/cpu/product.h"
#include "kernels/kernels.h"

/* One step of the streaming softmax: the scores of a tile of keys become
 * weights relative to the largest score so far, and what was gathered from
 * earlier tiles is scaled down where a larger one has come. Weights from seen[i]
 * up to cols are zero. */
struct zk_attend_soften {
    const float   *s;     /* [rows, cols] scores */
    void          *p;     /* [rows, cols] weights, in the kind's type */
    float         *o;     /* [rows, d] gathered values */
    float         *max;   /* [rows]; -infinity before the first tile */
    float         *sum;   /* [rows, 16]: the 16 add up to the sum of weights so far */
    const int32_t *seen;  /* [rows]: how many keys of the tile the row sees, 0 to cols */
    int64_t        s_step, p_step, o_step;
    int32_t        rows, cols, d;     /* cols a multiple of 32, d of 16 */
    float          scale;             /* of scores, times log2(e); not negative */
};

struct zk_attend_kind {
    int32_t bytes;        /* of an element; 0: this processor has no such kernels */
    void  (*soften)(const struct zk_attend_soften *);

    /* 16 rows become one panel of keys: dst [d][16], src [16, d]. d is a multiple of 16. */
    void  (*pack_keys)(void *dst, const void *src, int32_t d);

    /* 16 rows become 16 rows of every panel of values: dst [d / 16] of [16][16],
     * step elements apart; src [16, d]. */
    void  (*pack_values)(void *dst, int64_t step, const void *src, int32_t d);

    /* dst = o * by, rounded to nearest even */
    void  (*finish)(uint16_t *dst, const float *o, float by, int32_t d);
};

struct zk_cpu_attention {
    const char *chosen;               /* for the log */
    struct zk_attend_kind f32, bf16;
};

void zk_cpu_attention_init(struct zk_cpu_attention *d, unsigned flags);

/* Entries of the backend's table. */
size_t    zk_cpu_attend_work(const zk_queue *q, const void *args);
zk_status zk_cpu_attend(zk_queue *q, const struct zk_attend *a);

#endif
