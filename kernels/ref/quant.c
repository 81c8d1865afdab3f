/* Copies between element types. */

#include <string.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

static bool is_plain_copy(const struct zk_cast *a)
{
    return a->dst.type == a->src.type && zk_scale_of(&a->src) == 1;
}

zk_status zk_check_cast(const struct zk_cast *a)
{
    const zk_tensor *d = &a->dst, *s = &a->src;
    const zk_dtype_info *to = zk_dtype_get(d->type), *from = zk_dtype_get(s->type);
    zk_status st;

    if (!to || !from || !zk_present(*d) || !zk_present(*s) || d->packing || s->packing)
        return ZK_E_UNSUPPORTED;
    if (!is_plain_copy(a) && (!to->from_f32 || !from->to_f32))
        return ZK_E_UNSUPPORTED;
    if ((st = zk_want_data(d)) || (st = zk_want_data(s)))
        return st;
    if (d->dim[3] % to->block != 0 || s->dim[3] % from->block != 0)
        return ZK_E_SHAPE;
    for (int i = 0; i < 4; i++) {
        if (d->dim[i] != s->dim[i] || (i < 3 && d->step[i] % to->block != 0) ||
            (i < 3 && s->step[i] % from->block != 0))
            return ZK_E_SHAPE;
    }
    return d->step[3] == 1 && s->step[3] == 1 ? ZK_OK : ZK_E_SHAPE;
}

/* One row: through f32 and the scale of src, or byte by byte if there is nothing to convert. */
static void cast_row(const struct zk_cast *a, char *dst, const char *src)
{
    const zk_dtype_info *to = zk_dtype_get(a->dst.type), *from = zk_dtype_get(a->src.type);
    float x[ZK_REF_CHUNK];

    if (is_plain_copy(a)) {
        memmove(dst, src, (size_t)(a->dst.dim[3] / to->block) * (size_t)to->bytes);
        return;
    }
    for (int32_t left = a->dst.dim[3]; left > 0; left -= ZK_REF_CHUNK) {
        const int n = left < ZK_REF_CHUNK ? left : ZK_REF_CHUNK;
        from->to_f32(x, src, (size_t)n);
        for (int i = 0; i < n; i++)
            x[i] *= zk_scale_of(&a->src);
        to->from_f32(dst, x, (size_t)n);
        src += n / from->block * from->bytes;
        dst += n / to->block * to->bytes;
    }
}

zk_status zk_ref_cast(zk_queue *q, const struct zk_cast *a)
{
    const zk_status st = zk_check_cast(a);
    const zk_tensor *d = &a->dst, *s = &a->src;

    (void)q;
    if (st != ZK_OK)
        return st;
    for (int32_t i = 0; i < d->dim[0]; i++) {
        for (int32_t j = 0; j < d->dim[1]; j++) {
            for (int32_t k = 0; k < d->dim[2] && d->dim[3] > 0; k++)
                cast_row(a, zk_address(d, i * d->step[0] + j * d->step[1] + k * d->step[2]),
                         zk_address(s, i * s->step[0] + j * s->step[1] + k * s->step[2]));
        }
    }
    return ZK_OK;
}
