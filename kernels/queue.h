/* What queues of backends in host memory have in common. Private to kernels.
 *
 * Thread safety: as a queue's, one thread at a time. */
#ifndef ZK_QUEUE_H
#define ZK_QUEUE_H

#include "kernels/kernels.h"

struct zk_queue {
    zk_host host;         /* copied from the description */
    void   *state;        /* the backend's own, from host.alloc; may be NULL */
};

/* A queue with `bytes` of zeroed state. ZK_E_NOMEM leaves *queue NULL. */
zk_status zk_queue_open(zk_queue **queue, const zk_host *host, size_t bytes);
void      zk_queue_close(zk_queue **queue);

/* Table entries of every backend whose memory is the host's. */
zk_status zk_queue_alloc(zk_queue *q, size_t bytes, void **mem);
void      zk_queue_free(zk_queue *q, void *mem);
zk_status zk_queue_copy(zk_queue *q, void *dst, const void *src, size_t bytes);
zk_status zk_queue_finish(zk_queue *q);
zk_status zk_queue_memory(zk_queue *q, size_t *left, size_t *all);
zk_status zk_queue_aside(zk_queue *q, bool on);
zk_status zk_queue_record(zk_queue *q, int which, bool on);
zk_status zk_queue_replay(zk_queue *q, int which);

#endif
