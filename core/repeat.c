/* See repeat.h. */

#include "core/repeat.h"

/* False if the backend would not: then nothing was done. */
static bool note(zc_repeat *p, zc_run *r, int which, zc_work_fn fn, void *user)
{
    const double flops = r->flops;

    if (r->be->record(r->queue, which, true) != ZK_OK)
        return false;
    fn(r, user);
    const zk_status st = r->be->record(r->queue, which, false);
    p->flops = r->flops - flops;
    r->flops = flops;
    if (r->status == ZC_E_CANCELLED)
        return true;
    if (st == ZK_OK && r->status == ZC_OK)
        return true;
    /* Whatever it was, it comes again when the work is run as it is. */
    r->status = ZC_OK;
    return false;
}

void zc_repeat_run(zc_repeat *p, zc_run *r, int which, const zk_tensor io[2], zc_work_fn fn,
                   void *user)
{
    const void *in = io[0].data, *out = io[1].data;
    const size_t at = zc_arena_mark(r->scratch);

    if (!r->be->records || r->status != ZC_OK || p->refused) {
        fn(r, user);
        return;
    }
    if (p->times == 0 || p->at != at || p->in != in || p->out != out) {
        *p = (zc_repeat){ .times = 1, .at = at, .in = in, .out = out };
        fn(r, user);
        return;
    }
    if (p->times == 1) {
        p->refused = !note(p, r, which, fn, user);
        if (p->refused) {
            fn(r, user);
            return;
        }
    }
    p->times++;
    zc_run_poll(r);
    if (r->status != ZC_OK)
        return;
    if (r->be->replay(r->queue, which) != ZK_OK)
        zc_run_fail(r, ZC_E_DEVICE, "a step that was noted can't be done again on %s",
                    r->be->name);
    r->flops += p->flops;
}
