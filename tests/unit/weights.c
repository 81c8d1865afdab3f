/* Weights that do not fit and are streamed: every block has its own when it begins, and
 * nothing is written where a device that lags behind may still read. */

#include <string.h>

#include "core/weights.h"
#include "tests/unit/host.h"
#include "tests/unit/test.h"

enum { BLOCKS = 6, ROWS = 4, COLS = 8, BYTES = ROWS * COLS * 4 };

static zk_backend device;             /* the reference backend, as one that copies aside */
static const zk_backend *ref;
static zk_queue *queue;
static bool beside;                   /* copies go aside now */
static const void *in_use;            /* by the block before, when copies go aside */
static int uploads, wrong;

static zk_status upload(zk_queue *q, void *dst, const void *src, size_t bytes)
{
    uploads += beside;
    wrong += beside && dst == in_use;
    return ref->upload(q, dst, src, bytes);
}

static zk_status aside(zk_queue *q, bool on)
{
    (void)q;
    wrong += beside == on;
    beside = on;
    return ZK_OK;
}

/* Block n is a table of n + 1 everywhere. */
static zc_status find(void *user, zc_log *log, const char *name, zc_source_tensor *out)
{
    static const int numbers[] = { 0, 1, 2, 3, 4, 5 };

    (void)user;
    (void)log;
    *out = (zc_source_tensor){ .handle = &numbers[name[0] - '0'], .type = ZK_F32, .scale = 1,
                               .rank = 2, .dim = { ROWS, COLS } };
    return ZC_OK;
}

static zc_status read(void *user, zc_log *log, const zc_source_tensor *t, int64_t from,
                      int64_t count, void *dst, zc_pool *pool)
{
    const int *number = t->handle;
    float *to = dst;

    (void)user;
    (void)log;
    (void)from;
    (void)pool;
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)(*number + 1);
    return ZC_OK;
}

struct table {
    zk_tensor w;
};

/* Begins with the blocks in that order, and looks at what is there. `most` is how many may
 * have to be brought. */
static void begin_with(bool copies_aside, uint64_t budget, const char *order, int most)
{
    static const zc_weight_row row = { .name = "", .use = ZC_TABLE, .dim = { 1, 2 } };
    static const int32_t dims[] = { 1, ROWS, COLS };
    const zc_source source = { .name = "test", .find = find, .read = read };
    struct table blocks[BLOCKS];
    zc_weights *w = NULL;
    zc_weights_plan plan;
    zc_log log;
    zc_run run = { .be = &device, .queue = queue, .act = ZK_F32 };

    device = *ref;
    device.upload = upload;
    device.aside = aside;
    device.copies_aside = copies_aside;
    beside = false;
    in_use = NULL;
    uploads = wrong = 0;
    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    const zc_weights_desc desc = { .log = &log, .be = &device, .queue = queue, .act = ZK_F32,
                                   .source = &source, .budget = budget };
    REQUIRE_INT(zc_weights_open(&w, &desc), ZC_OK);
    for (int i = 0; i < BLOCKS; i++)
        zc_weights_bind(w, &row, 1, dims, &blocks[i], "%d", i);
    REQUIRE_INT(zc_weights_plan_get(w, &plan), ZC_OK);
    REQUIRE(plan.resident + plan.slot + plan.staging <= budget && plan.streamed > 0);
    REQUIRE_INT(plan.slot, BYTES * (copies_aside ? 2 : 1));
    REQUIRE_INT(zc_weights_load(w, NULL, NULL), ZC_OK);
    for (const char *c = order; *c; c++) {
        const struct table *b = &blocks[*c - '0'];
        zc_block_begin(&run, w, *c - '0');
        REQUIRE_INT(run.status, ZC_OK);
        REQUIRE(((const float *)b->w.data)[0] == (float)(*c - '0' + 1));
        REQUIRE(((const float *)b->w.data)[ROWS * COLS - 1] == (float)(*c - '0' + 1));
        in_use = copies_aside ? b->w.data : NULL;
    }
    REQUIRE(!beside);
    REQUIRE_INT(wrong, 0);
    REQUIRE(uploads <= most);
    zc_weights_close(&w);
    zc_log_fini(&log);
}

static void one_slot_serves_all_blocks(void)
{
    begin_with(false, 3 * BYTES, "123451234512345", 15);
    begin_with(false, 4 * BYTES, "123451234512345", 12);
    begin_with(false, 3 * BYTES, "11223155", 5);
}

static void two_slots_leave_the_last_block_alone(void)
{
    begin_with(true, 4 * BYTES, "123451234512345", 15);
    begin_with(true, 4 * BYTES, "12312124511552353412", 20);
    begin_with(true, 4 * BYTES, "1111222", 2);
}

static void two_blocks_in_two_slots_are_read_once(void)
{
    begin_with(true, 4 * BYTES, "121212212112", 2);
    begin_with(true, 4 * BYTES, "01201120", 2);
}

int main(void)
{
    const zk_device_desc desc = { .host = test_host };

    ref = zk_backend_find("ref");
    REQUIRE(ref && ref->open(&queue, &desc) == ZK_OK);
    TEST(one_slot_serves_all_blocks);
    TEST(two_slots_leave_the_last_block_alone);
    TEST(two_blocks_in_two_slots_are_read_once);
    ref->close(&queue);
    return test_end();
}
