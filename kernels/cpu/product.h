/* Products of rows, wherever they lie, with packed panels: what attention and
 * convolution are made of. Private to kernels/cpu.
 *
 * A panel is 16 columns of a matrix, the columns innermost: [k][16]. In bf16 two
 * neighbours along k stay together: [k / 2][16][2]. Sums are f32 in any case.
 *
 * Thread safety: the kernels are pure functions of their arguments. */
#ifndef ZK_CPU_PRODUCT_H
#define ZK_CPU_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#define ZK_PANEL 16

/* c = a b, or c += a b. Steps count elements, of a and b all of one type. In
 * bf16, k is even. Rows of c are fastest in sixes, panels in fours. */
struct zk_product {
    float         *c;     /* [rows, 16 * panels] */
    const void    *a;     /* [rows, k] */
    const void    *b;     /* [panels] of [k][16] */
    const int32_t *at;    /* [rows]: where in a each row begins; NULL: a_step apart */
    int64_t        c_step, a_step;    /* from row to row */
    int64_t        b_step;            /* from panel to panel */
    int32_t        rows, k, panels;
    bool           add;
};

struct zk_cpu_product {
    void (*f32)(const struct zk_product *g);
    void (*bf16)(const struct zk_product *g);     /* NULL without bf16 dot products */
    const char *chosen;                           /* for the log */
};

void zk_cpu_product_init(struct zk_cpu_product *d, unsigned flags);

#endif
