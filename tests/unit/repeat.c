/* Work that is the same in every step: run, noted, done again, and run anew when it is
 * not the same after all. */

#include <string.h>

#include "core/repeat.h"
#include "tests/unit/host.h"
#include "tests/unit/test.h"

static zk_backend device;             /* the reference backend, as one that takes notes */
static const zk_backend *ref;
static zk_queue *queue;
static bool noting, refuses, fails;
static int runs, notes, replays;

static zk_status record(zk_queue *q, int which, bool on)
{
    (void)q;
    (void)which;
    if (on && refuses)
        return ZK_E_UNSUPPORTED;
    noting = on;
    notes += on;
    return ZK_OK;
}

static zk_status replay(zk_queue *q, int which)
{
    (void)q;
    (void)which;
    replays++;
    return ZK_OK;
}

static void work(zc_run *r, void *user)
{
    (void)user;
    runs++;
    r->flops += 10;
    if (fails && noting)
        zc_run_fail(r, ZC_E_DEVICE, "not while notes are taken");
}

struct counts {
    int runs, notes, replays;
};

static void require(const struct counts *c)
{
    REQUIRE_INT(runs, c->runs);
    REQUIRE_INT(notes, c->notes);
    REQUIRE_INT(replays, c->replays);
}

/* Four steps; the tensors of the third may be others. */
static double steps(bool moves, int count)
{
    static char memory[256];
    char a[8] = "", b[8] = "";
    zc_arena arena;
    zc_repeat p = { .times = 0 };
    zc_run run = { .be = &device, .queue = queue, .scratch = &arena, .act = ZK_F32 };

    device = *ref;
    device.records = true;
    device.record = record;
    device.replay = replay;
    runs = notes = replays = 0;
    noting = false;
    zc_arena_init(&arena, memory, sizeof(memory));
    for (int i = 0; i < count; i++) {
        const zk_tensor io[2] = { { .data = a }, { .data = moves && i == 2 ? a : b } };
        zc_repeat_run(&p, &run, 0, io, work, NULL);
        REQUIRE_INT(run.status, ZC_OK);
    }
    return run.flops;
}

static void the_second_time_is_noted(void)
{
    REQUIRE(steps(false, 4) == 40);
    require(&(struct counts){ .runs = 2, .notes = 1, .replays = 3 });
    REQUIRE(steps(false, 1) == 10);
    require(&(struct counts){ .runs = 1 });
}

static void other_tensors_are_other_work(void)
{
    REQUIRE(steps(true, 6) == 60);
    require(&(struct counts){ .runs = 5, .notes = 2, .replays = 3 });
}

static void who_takes_no_notes_runs_everything(void)
{
    refuses = true;
    REQUIRE(steps(false, 4) == 40);
    require(&(struct counts){ .runs = 4 });
    refuses = false;
}

static void what_fails_while_it_is_noted_is_run(void)
{
    fails = true;
    REQUIRE(steps(false, 4) == 40);
    require(&(struct counts){ .runs = 5, .notes = 1 });
    fails = false;
}

int main(void)
{
    const zk_device_desc desc = { .host = test_host };

    ref = zk_backend_find("ref");
    REQUIRE(ref && ref->open(&queue, &desc) == ZK_OK);
    TEST(the_second_time_is_noted);
    TEST(other_tensors_are_other_work);
    TEST(who_takes_no_notes_runs_everything);
    TEST(what_fails_while_it_is_noted_is_run);
    ref->close(&queue);
    return test_end();
}
