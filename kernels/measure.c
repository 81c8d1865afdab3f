/* The backend that does nothing, successfully. It answers the questions about
 * types, scratch memory and packing as the backend that will really run, and
 * drops the calls, so that running a forward function on it measures the memory
 * that the function needs. No address is ever looked at: all may be NULL. The
 * one answer that a host waits for, drift's, is 0. */

#include "kernels/queue.h"

struct measure {
    const zk_backend *be;
    zk_queue *queue;                  /* of the backend that is asked */
};

static const struct measure *measure_of(const zk_queue *q)
{
    return q->state;
}

static zk_status measure_open(zk_queue **queue, const zk_device_desc *desc)
{
    *queue = NULL;
    if (!desc->plan_for || desc->plan_for->open == measure_open)
        return ZK_E_ARGUMENT;
    zk_status st = zk_queue_open(queue, &desc->host, sizeof(struct measure));
    if (st != ZK_OK)
        return st;
    struct measure *m = (*queue)->state;
    m->be = desc->plan_for;
    st = m->be->open(&m->queue, desc);
    if (st != ZK_OK)
        zk_queue_close(queue);
    return st;
}

static void measure_close(zk_queue **queue)
{
    if (*queue) {
        struct measure *m = (*queue)->state;
        m->be->close(&m->queue);
    }
    zk_queue_close(queue);
}

static bool measure_takes(const zk_queue *q, zk_op op, const zk_dtype *types, int count)
{
    return measure_of(q)->be->takes(measure_of(q)->queue, op, types, count);
}

static size_t measure_work(const zk_queue *q, zk_op op, const void *args)
{
    return measure_of(q)->be->work(measure_of(q)->queue, op, args);
}

static size_t measure_packed_size(const zk_queue *q, const struct zk_pack *p)
{
    return measure_of(q)->be->packed_size(measure_of(q)->queue, p);
}

static zk_status measure_pack(zk_queue *q, const struct zk_pack *p, void *dst, zk_tensor *packed)
{
    (void)dst;
    return measure_of(q)->be->pack(measure_of(q)->queue, p, NULL, packed);
}

static zk_status measure_alloc(zk_queue *q, size_t bytes, void **mem)
{
    (void)q;
    (void)bytes;
    *mem = NULL;
    return ZK_OK;
}

static void measure_free(zk_queue *q, void *mem)
{
    (void)q;
    (void)mem;
}

static zk_status measure_copy(zk_queue *q, void *dst, const void *src, size_t bytes)
{
    (void)q;
    (void)dst;
    (void)src;
    (void)bytes;
    return ZK_OK;
}

static void answer_drift(const struct zk_drift *a)
{
    *a->result = 0;
}

static void answer_nothing(const void *a)
{
    (void)a;
}

#define MEASURE_SLOT(slot, args)                                                                   \
    static zk_status measure_##slot(zk_queue *q, const struct args *a)                             \
    {                                                                                              \
        (void)q;                                                                                   \
        _Generic(a, const struct zk_drift *: answer_drift, default: answer_nothing)(a);            \
        return ZK_OK;                                                                              \
    }
ZK_OPS(MEASURE_SLOT)
#undef MEASURE_SLOT

const zk_backend zk_backend_measure = {
    .name = "measure",
    .summary = "runs nothing, to find out how much memory is needed",
    .open = measure_open,
    .close = measure_close,
    .takes = measure_takes,
    .work = measure_work,
    .packed_size = measure_packed_size,
    .pack = measure_pack,
    .alloc = measure_alloc,
    .free = measure_free,
    .upload = measure_copy,
    .download = measure_copy,
    .finish = zk_queue_finish,
    .memory = zk_queue_memory,
    .aside = zk_queue_aside,
    .record = zk_queue_record,
    .replay = zk_queue_replay,
#define MEASURE_ENTRY(slot, args) .slot = measure_##slot,
    ZK_OPS(MEASURE_ENTRY)
#undef MEASURE_ENTRY
};
