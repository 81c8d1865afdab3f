/* Panels of weights: 48 outputs laid out as linear.h says, from rows of any type.
 * Private to kernels/cpu.
 *
 * Thread safety: pure functions of their arguments. */
#ifndef ZK_CPU_QUANT_H
#define ZK_CPU_QUANT_H

#include "kernels/cpu/linear.h"

/* A packed weight's `packing`. Its panels follow each other without a gap. */
enum zk_panel_form {
    ZK_PANEL_NONE,                    /* rows as they are */
    ZK_PANEL_F32,
    ZK_PANEL_BF16,
    ZK_PANEL_Q8,
    ZK_PANEL_FORMS
};

/* Stretches of k begin at multiples of this: whole blocks of every type. */
#define ZK_PANEL_CHUNK 256

/* A stretch of a panel. */
struct zk_panel {
    const void     *data;
    const uint16_t *scale;            /* ZK_PANEL_Q8 only */
};

/* Whether weights of a type, held as `from`, may be multiplied as `to`: without
 * loss, or with one that is small beside that of the type. (F32 always may.) */
bool zk_panel_can(zk_dtype type, enum zk_panel_form from, enum zk_panel_form to);

/* Whether weights of a type are best packed in this form: it is not larger. */
bool zk_panel_keeps(zk_dtype type, enum zk_panel_form form);

/* Of one panel with this k; a multiple of 64. */
size_t zk_panel_bytes(enum zk_panel_form form, int32_t k);

/* A packed panel of a weight with so many k, from element `from` on. */
struct zk_panel zk_panel_at(const void *packed, enum zk_panel_form form, int32_t k, int32_t panel,
                            int32_t from);

/* Elements [from, from + k) of a panel's outputs. The weight is held as rows or as
 * ZK_PANEL_Q8, `from` is a multiple of ZK_PANEL_CHUNK, dst 64-byte aligned and of
 * zk_panel_bytes(form, k). Behind the weight's k and its outputs there are zeros. */
struct zk_panel zk_panel_make(const struct zk_cpu_linear *l, const zk_tensor *weight,
                              enum zk_panel_form form, int32_t panel, int32_t from, int32_t k,
                              void *dst);

#endif
