/* Queues whose memory is the host's: allocation through the host, copies by
 * memcpy, and nothing ever left to wait for. */

#include <string.h>

#include "kernels/queue.h"

zk_status zk_queue_open(zk_queue **queue, const zk_host *host, size_t bytes)
{
    zk_queue *q = host->alloc(host->user, sizeof(*q));

    *queue = NULL;
    if (!q)
        return ZK_E_NOMEM;
    *q = (zk_queue){ .host = *host };
    if (bytes > 0) {
        q->state = host->alloc(host->user, bytes);
        if (!q->state) {
            host->free(host->user, q);
            return ZK_E_NOMEM;
        }
        memset(q->state, 0, bytes);
    }
    *queue = q;
    return ZK_OK;
}

void zk_queue_close(zk_queue **queue)
{
    zk_queue *q = *queue;

    if (!q)
        return;
    const zk_host host = q->host;
    host.free(host.user, q->state);
    host.free(host.user, q);
    *queue = NULL;
}

zk_status zk_queue_alloc(zk_queue *q, size_t bytes, void **mem)
{
    *mem = q->host.alloc(q->host.user, bytes);
    return *mem ? ZK_OK : ZK_E_NOMEM;
}

void zk_queue_free(zk_queue *q, void *mem)
{
    q->host.free(q->host.user, mem);
}

zk_status zk_queue_copy(zk_queue *q, void *dst, const void *src, size_t bytes)
{
    (void)q;
    if (bytes > 0)
        memmove(dst, src, bytes);
    return ZK_OK;
}

zk_status zk_queue_finish(zk_queue *q)
{
    (void)q;
    return ZK_OK;
}

zk_status zk_queue_memory(zk_queue *q, size_t *left, size_t *all)
{
    (void)q;
    *left = *all = 0;
    return ZK_OK;
}

zk_status zk_queue_aside(zk_queue *q, bool on)
{
    (void)q;
    (void)on;
    return ZK_OK;
}

zk_status zk_queue_record(zk_queue *q, int which, bool on)
{
    (void)q;
    (void)which;
    (void)on;
    return ZK_E_UNSUPPORTED;
}

zk_status zk_queue_replay(zk_queue *q, int which)
{
    (void)q;
    (void)which;
    return ZK_E_UNSUPPORTED;
}
