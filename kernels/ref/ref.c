/* The reference backend: its table, and what its kernels share. */

#include "kernels/queue.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/view.h"

zk_status zk_want_type(const zk_tensor *t, enum zk_role role)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);

    if (!info)
        return ZK_E_UNSUPPORTED;
    if (role == ZK_AS_VECTOR || role == ZK_AS_OPTIONAL_VECTOR)
        return t->type == ZK_F32 && !t->packing ? ZK_OK : ZK_E_UNSUPPORTED;
    if (role == ZK_AS_OUT ? !info->from_f32 : !info->to_f32)
        return ZK_E_UNSUPPORTED;
    if (role != ZK_AS_ROWS && (info->block != 1 || t->packing))
        return ZK_E_UNSUPPORTED;
    if (t->packing == 0 && (t->dim[3] % info->block != 0 || t->step[2] % info->block != 0))
        return ZK_E_SHAPE;
    return ZK_OK;
}

zk_status zk_want_data(const zk_tensor *t)
{
    for (int i = 0; i < 4; i++) {
        if (t->dim[i] < 0)
            return ZK_E_SHAPE;
        if (t->dim[i] == 0)
            return ZK_OK;
    }
    return t->data ? ZK_OK : ZK_E_ARGUMENT;
}

zk_status zk_want_all(const struct zk_want *want)
{
    for (const struct zk_want *w = want; w->t; w++) {
        const zk_tensor *t = w->t;
        if (w->role == ZK_AS_OPTIONAL_VECTOR && !zk_present(*t))
            continue;
        if (t->dim[0] != 1 || t->dim[1] != 1 || t->dim[2] != w->rows || t->dim[3] != w->cols ||
            w->rows < 0 || w->cols < 0 || t->step[3] != 1)
            return ZK_E_SHAPE;
        zk_status st = zk_want_type(t, w->role);
        if (st == ZK_OK)
            st = zk_want_data(t);
        if (st != ZK_OK)
            return st;
    }
    return ZK_OK;
}

bool zk_is_dense(const zk_tensor *t)
{
    int64_t step = 1;

    for (int i = 3; i >= 0; i--) {
        if (t->dim[i] != 1 && t->step[i] != step)
            return false;
        step *= t->dim[i];
    }
    return true;
}

void zk_row_f32(float *dst, const zk_tensor *t, int64_t row, int64_t col, int n)
{
    zk_dtype_get(t->type)->to_f32(dst, zk_address(t, row * t->step[2] + col), (size_t)n);
}

static zk_status ref_open(zk_queue **queue, const zk_device_desc *desc)
{
    return zk_queue_open(queue, &desc->host, 0);
}

static bool ref_takes(const zk_queue *q, zk_op op, const zk_dtype *types, int count)
{
    (void)q;
    (void)op;
    (void)types;
    (void)count;
    return true;
}

static size_t ref_work(const zk_queue *q, zk_op op, const void *args)
{
    (void)q;
    (void)op;
    (void)args;
    return 0;
}

static size_t ref_packed_size(const zk_queue *q, const struct zk_pack *p)
{
    (void)q;
    (void)p;
    return 0;
}

static zk_status ref_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    (void)q;
    (void)p;
    (void)dst;
    (void)packed;
    return ZK_E_UNSUPPORTED;
}

const zk_backend zk_backend_ref = {
    .name = "ref",
    .summary = "the specification, slow on purpose",
    .open = ref_open,
    .close = zk_queue_close,
    .takes = ref_takes,
    .work = ref_work,
    .packed_size = ref_packed_size,
    .pack = ref_pack,
    .alloc = zk_queue_alloc,
    .free = zk_queue_free,
    .upload = zk_queue_copy,
    .download = zk_queue_copy,
    .finish = zk_queue_finish,
    .memory = zk_queue_memory,
    .aside = zk_queue_aside,
    .record = zk_queue_record,
    .replay = zk_queue_replay,
#define ZK_REF_ENTRY(slot, args) .slot = zk_ref_##slot,
    ZK_OPS(ZK_REF_ENTRY)
#undef ZK_REF_ENTRY
};
