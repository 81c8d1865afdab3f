/* Writing safetensors files, for fixtures, predictors and checkpoints.
 *
 * The names, types and shapes of all tensors are given first; then their bytes, in
 * any order of tensors. The file takes its name when it is complete. The same input
 * gives the same bytes: tensors lie in the order of falling size of element, then
 * of names, and metadata in the order of keys, whatever the order of the input.
 *
 * Thread safety: a writer belongs to one thread at a time. */
#ifndef ZC_SAFETENSORS_H
#define ZC_SAFETENSORS_H

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/io/limits.h"
#include "kernels/dtype.h"

typedef struct zc_tensor_desc {
    const char *name;
    zk_dtype    type;                     /* one that safetensors has: no blocks */
    int         rank;
    int64_t     dim[ZC_LIMIT_RANK];       /* outermost first */
} zc_tensor_desc;

typedef struct zc_note {
    const char *key, *text;               /* metadata */
} zc_note;

typedef struct zc_safetensors_desc {
    const zc_tensor_desc *tensors;
    size_t                count;
    const zc_note        *notes;
    size_t                note_count;
} zc_safetensors_desc;

typedef struct zc_safetensors zc_safetensors;

/* Everything in desc is copied. */
zc_status zc_safetensors_create(zc_safetensors **out, zc_log *log, const char *path,
                                zc_out_policy policy, const zc_safetensors_desc *desc);

/* The next bytes of tensor number `tensor` of desc. More than it has is ZC_E_ARGUMENT. */
zc_status zc_safetensors_write(zc_safetensors *s, zc_log *log, size_t tensor, const void *src,
                               uint64_t bytes);

/* ZC_E_ARGUMENT if a tensor lacks bytes. On failure nothing is left. *s is closed either way. */
zc_status zc_safetensors_commit(zc_safetensors **s, zc_log *log);
void zc_safetensors_abort(zc_safetensors **s);        /* leaves no file; accepts NULL */

#endif
