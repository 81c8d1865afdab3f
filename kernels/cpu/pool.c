/* Splits a range of outputs over the threads that the host lends. */

#include "kernels/cpu/cpu.h"

struct split {
    void (*fn)(void *arg, int64_t begin, int64_t end, int worker);
    void *arg;
    int64_t items;
    int parts;
};

static void split_part(void *arg, int part, int worker)
{
    const struct split *s = arg;
    const int64_t whole = s->items / s->parts, rest = s->items % s->parts;
    const int64_t begin = part * whole + (part < rest ? part : rest);

    s->fn(s->arg, begin, begin + whole + (part < rest), worker);
}

void zk_cpu_split(zk_queue *q, int64_t items, int64_t grain,
                  void (*fn)(void *arg, int64_t begin, int64_t end, int worker), void *arg)
{
    /* Four pieces a thread let a late one be caught up with. */
    const int64_t most = q->host.threads > 1 ? 4 * (int64_t)q->host.threads : 1;
    int64_t parts = grain > 1 ? items / grain : items;

    if (items <= 0)
        return;
    if (parts > most)
        parts = most;
    if (parts <= 1) {
        fn(arg, 0, items, 0);
        return;
    }
    struct split s = { .fn = fn, .arg = arg, .items = items, .parts = (int)parts };
    q->host.parallel(q->host.user, s.parts, split_part, &s);
}
