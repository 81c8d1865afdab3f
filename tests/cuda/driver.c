/* The host's side of the CUDA backend on a driver that fails: whatever call it is, and
 * whatever it says, nothing is left behind, the context is popped as often as pushed,
 * and the status tells what happened. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tests/cuda/fake.h"
#include "tests/unit/host.h"
#include "tests/unit/test.h"

#define LARGE ((size_t)17 << 20)      /* bytes that pass through pinned memory in two pieces */
#define WORK ((size_t)1 << 20)

extern const zk_backend zk_backend_cuda;

static const zk_backend *const be = &zk_backend_cuda;
static char why[200], said[400];

static void host_log(void *user, const char *text)
{
    (void)user;
    snprintf(said, sizeof(said), "%s", text);
}

static zk_status open_queue(zk_queue **q)
{
    zk_device_desc desc = { .host = test_host, .why = why, .why_size = sizeof(why) };

    desc.host.log = host_log;
    why[0] = said[0] = 0;
    return be->open(q, &desc);
}

/* ---- Work that uses everything of the driver ---- */

static zk_status product_of_f8(zk_queue *q, struct zk_linear *a, void *mem)
{
    static const uint8_t weight[32 * 64];
    const struct zk_pack p = { .weight = zk_dense((void *)(uintptr_t)weight, ZK_F8_E4M3, 32, 64),
                               .op = ZK_OP_linear, .act = ZK_BF16, .f8 = true };
    const zk_status st = be->pack(q, &p, mem, &a->weight);

    a->act = ZK_ACT_NONE;
    return st != ZK_OK ? st : be->linear(q, a);
}

static zk_status products(zk_queue *q, char *mem, char *work)
{
    const zk_tensor m = zk_dense(mem, ZK_BF16, 32, 64), n = zk_dense(mem, ZK_BF16, 32, 32);
    const zk_tensor bias = zk_dense(mem, ZK_F32, 1, 32), q8 = zk_dense(mem, ZK_Q8_0, 32, 64);
    struct zk_linear a = { .dst = n, .src = m, .weight = m, .bias = bias,
                           .act = ZK_ACT_GELU_TANH, .work = work };
    const zk_tensor many = zk_dense(mem, ZK_BF16, 64, 64);
    const struct zk_attend attend = { .dst = many, .q = many, .k = many, .v = many, .heads = 1,
                                      .kv_heads = 1, .scale = 1 };
    zk_status st = be->linear(q, &a);

    a.weight = q8;
    a.act = ZK_ACT_NONE;
    if (st == ZK_OK)
        st = be->linear(q, &a);
    a.act = ZK_ACT_SILU;
    if (st == ZK_OK)
        st = be->linear(q, &a);
    if (st == ZK_OK)
        st = product_of_f8(q, &a, mem);
    return st != ZK_OK ? st : be->attend(q, &attend);
}

static zk_status sums(zk_queue *q, char *mem, char *work)
{
    const int32_t ids[] = { 3, 1 };
    const zk_tensor m = zk_dense(mem, ZK_BF16, 32, 64), two = zk_dense(work, ZK_I32, 1, 2);
    const struct zk_norm norm = { .dst = m, .src = m, .kind = ZK_NORM_GROUP, .groups = 4,
                                  .work = work };
    float result = 0;
    zk_status st = be->norm(q, &norm);

    if (st == ZK_OK)
        st = be->upload(q, work, ids, sizeof(ids));
    if (st == ZK_OK)
        st = be->embed(q, &(struct zk_embed){ .dst = zk_dense(mem, ZK_F32, 2, 64),
                                              .table = zk_dense(mem, ZK_F16, 8, 64),
                                              .ids = two });
    if (st == ZK_OK)
        st = be->drift(q, &(struct zk_drift){ .a = m, .b = m, .result = &result, .work = work });
    return st;
}

static zk_status pack(zk_queue *q, char *mem)
{
    static const uint16_t weight[4 * 32];
    struct zk_pack p = { .weight = zk_dense((void *)(uintptr_t)weight, ZK_BF16, 4, 32),
                         .op = ZK_OP_conv, .act = ZK_BF16, .kernel = { 1, 2, 2 } };
    zk_tensor packed;
    const zk_status st = be->pack(q, &p, mem, &packed);

    p.op = ZK_OP_linear;
    return st != ZK_OK ? st : be->pack(q, &p, mem, &packed);
}

static zk_status small_work(zk_queue *q)
{
    static char host[8192];
    void *mem = NULL, *work = NULL;
    zk_status st = be->alloc(q, sizeof(host), &mem);

    if (st == ZK_OK)
        st = be->alloc(q, WORK, &work);
    if (st == ZK_OK)
        st = be->upload(q, mem, host, sizeof(host));
    if (st == ZK_OK)
        st = pack(q, mem);
    if (st == ZK_OK)
        st = products(q, mem, work);
    if (st == ZK_OK)
        st = sums(q, mem, work);
    if (st == ZK_OK)
        st = be->download(q, host, mem, sizeof(host));
    if (st == ZK_OK)
        st = be->finish(q);
    be->free(q, work);
    be->free(q, mem);
    return st;
}

static zk_status large_work(zk_queue *q)
{
    static const char host[LARGE];
    void *mem = NULL;
    zk_status st = be->alloc(q, LARGE, &mem);

    for (int i = 0; i < 2 && st == ZK_OK; i++)
        st = be->upload(q, mem, host, LARGE);
    be->free(q, mem);
    return st;
}

/* Opens, works, closes; what the work or the opening said. */
static zk_status session(zk_status (*work)(zk_queue *))
{
    zk_queue *q = NULL;
    zk_status st = open_queue(&q);

    if (st == ZK_OK)
        st = work(q);
    be->close(&q);
    REQUIRE(q == NULL);
    return st;
}

/* If the context can't be had, what it holds can't be given back: it is gone. */
static void require_balance(void)
{
    const bool gone = fake.failed && strcmp(fake.failed, "context_push") == 0;

    if ((fake_left() != 0 && !gone) || fake.wrong != 0)
        printf("call %d of %d, error %d, last %s\n", fake.fail_at, fake.calls, fake.error,
               fake.last);
    REQUIRE_INT(gone ? fake.contexts + fake.depth : fake_left(), 0);
    REQUIRE_INT(fake.wrong, 0);
    REQUIRE_INT(test_live, 0);
}

/* Two blocks of streamed weights and an operation with each. */
static zk_status streamed_work(zk_queue *q)
{
    static const char host[2][4096];
    void *mem = NULL;
    zk_status st = be->alloc(q, sizeof(host), &mem);

    for (int i = 0; i < 4 && st == ZK_OK; i++) {
        char *slot = (char *)mem + i % 2 * 4096;
        const zk_tensor t = zk_dense(slot, ZK_F32, 4, 8);
        st = be->aside(q, true);
        if (st == ZK_OK)
            st = be->upload(q, slot, host[i % 2], 4096);
        const zk_status back = be->aside(q, false);
        st = st == ZK_OK ? back : st;
        if (st == ZK_OK)
            st = be->cast(q, &(struct zk_cast){ .dst = t, .src = t });
    }
    if (st == ZK_OK)
        st = be->finish(q);
    be->free(q, mem);
    return st;
}

/* ---- Promises ---- */

static void all_goes_well(void)
{
    fake_reset();
    REQUIRE_INT(session(small_work), ZK_OK);
    require_balance();
    REQUIRE_INT(fake.products, 3);
    REQUIRE_INT(fake.attentions, ZK_HAVE_CUDNN);
    REQUIRE(fake.launches >= 10);
    REQUIRE_INT(session(large_work), ZK_OK);
    require_balance();
}

/* True if a failure of that call may go by unnoticed, for what is taken back is gone anyway. */
static bool may_be_ignored(const char *name)
{
    static const char *const names[] = { "memory_free", "pinned_free", "stream_destroy",
                                         "event_destroy", "module_unload", "context_release",
                                         "context_pop", "context_push", "stream_wait",
                                         "memory_alloc", "error_name", "graph_destroy",
                                         "graph_forget" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static zk_status no_work(zk_queue *q)
{
    (void)q;
    return ZK_OK;
}

/* Calls of opening fail with small_work only: it is quicker. */
static void fail_each(zk_status (*work)(zk_queue *), CUresult error, zk_status expected, bool stays)
{
    fake_reset();
    (void)session(no_work);
    const int opening = fake.calls - 10;
    fake_reset();
    (void)session(work);
    const int calls = fake.calls;

    for (int n = work == small_work ? 1 : opening; n <= calls; n++) {
        fake_reset();
        fake.fail_at = n;
        fake.error = error;
        fake.stays = stays;
        const zk_status st = session(work);
        require_balance();
        if (!(st == expected || st == ZK_E_DEVICE || (st == ZK_OK && may_be_ignored(fake.failed))))
            printf("status %d after %s\n", st, fake.failed);
        REQUIRE(st == expected || st == ZK_E_DEVICE ||
                (st == ZK_OK && may_be_ignored(fake.failed)));
    }
}

static void running_out_of_memory_is_recoverable(void)
{
    fail_each(small_work, CUDA_ERROR_OUT_OF_MEMORY, ZK_E_NOMEM, false);
    fail_each(large_work, CUDA_ERROR_OUT_OF_MEMORY, ZK_E_NOMEM, false);

    zk_queue *q = NULL;
    void *mem = NULL;
    fake_reset();
    REQUIRE_INT(open_queue(&q), ZK_OK);
    fake.fail_at = fake.calls + 2;            /* after the push */
    fake.error = CUDA_ERROR_OUT_OF_MEMORY;
    REQUIRE_INT(be->alloc(q, 12345, &mem), ZK_E_NOMEM);
    REQUIRE(mem == NULL);
    REQUIRE_HAS(said, "12345 bytes");
    REQUIRE_HAS(said, "1048576 of 1073741824 are free");
    REQUIRE_INT(be->alloc(q, 12345, &mem), ZK_OK);
    be->free(q, mem);
    be->close(&q);
    require_balance();
}

static void every_call_may_fail(void)
{
    fail_each(small_work, CUDA_ERROR_ILLEGAL_ADDRESS, ZK_E_DEVICE, true);
    fail_each(small_work, CUDA_ERROR_LAUNCH_FAILED, ZK_E_DEVICE, false);
    fail_each(small_work, CUDA_ERROR_INVALID_VALUE, ZK_E_DEVICE, false);
    fail_each(large_work, CUDA_ERROR_ILLEGAL_ADDRESS, ZK_E_DEVICE, true);
}

static void copies_go_beside_the_work(void)
{
    /* Stream 1 works and 5 copies; 2 and 3 are the marks, 4 the end of the copies. */
    static const char *const turn[] = {
        "record 1 2, wait 5 2, copy 5, record 5 4, wait 1 4, launch 1, ",
        "record 1 3, wait 5 2, copy 5, record 5 4, wait 1 4, launch 1, ",
        "record 1 2, wait 5 3, copy 5, record 5 4, wait 1 4, launch 1, ",
        "record 1 3, wait 5 2, copy 5, record 5 4, wait 1 4, launch 1, ",
    };
    char expected[400];

    snprintf(expected, sizeof(expected), "%s%s%s%s", turn[0], turn[1], turn[2], turn[3]);
    fake_reset();
    fake.notes = true;
    REQUIRE_INT(session(streamed_work), ZK_OK);
    REQUIRE_STR(fake.order, expected);
    require_balance();
    fail_each(streamed_work, CUDA_ERROR_OUT_OF_MEMORY, ZK_E_NOMEM, false);
    fail_each(streamed_work, CUDA_ERROR_ILLEGAL_ADDRESS, ZK_E_DEVICE, true);
}

/* An operation that is noted and done twice. */
static zk_status noted_work(zk_queue *q)
{
    void *mem = NULL;
    zk_status st = be->alloc(q, WORK, &mem);
    const zk_tensor t = zk_dense(mem, ZK_BF16, 64, 64);
    const struct zk_linear product = { .dst = t, .src = t, .weight = t, .work = mem };

    if (st == ZK_OK)
        st = be->linear(q, &product);
    if (st == ZK_OK)
        st = be->record(q, 1, true);
    if (st == ZK_OK) {
        st = be->cast(q, &(struct zk_cast){ .dst = t, .src = t });
        if (st == ZK_OK)
            st = be->linear(q, &product);
        const zk_status end = be->record(q, 1, false);
        st = st == ZK_OK ? end : st;
    }
    for (int i = 0; i < 2 && st == ZK_OK; i++)
        st = be->replay(q, 1);
    if (st == ZK_OK)
        st = be->finish(q);
    be->free(q, mem);
    return st;
}

static void what_is_noted_is_done_again(void)
{
    zk_queue *q = NULL;
    float result = 0;

    fake_reset();
    REQUIRE_INT(session(noted_work), ZK_OK);
    REQUIRE_INT(fake.replayed, 2);
    require_balance();
    fail_each(noted_work, CUDA_ERROR_OUT_OF_MEMORY, ZK_E_NOMEM, false);
    fail_each(noted_work, CUDA_ERROR_ILLEGAL_ADDRESS, ZK_E_DEVICE, true);

    /* Neither out of turn, nor what the host would wait for. */
    fake_reset();
    REQUIRE_INT(open_queue(&q), ZK_OK);
    REQUIRE_INT(be->replay(q, 0), ZK_E_ARGUMENT);
    REQUIRE_INT(be->record(q, ZK_RECORDS, true), ZK_E_ARGUMENT);
    REQUIRE_INT(be->record(q, 0, false), ZK_E_ARGUMENT);
    REQUIRE_INT(be->record(q, 0, true), ZK_OK);
    REQUIRE_INT(be->record(q, 1, true), ZK_E_ARGUMENT);
    REQUIRE_INT(be->upload(q, &result, &result, 4), ZK_E_UNSUPPORTED);
    REQUIRE_INT(be->download(q, &result, &result, 4), ZK_E_UNSUPPORTED);
    REQUIRE_INT(be->record(q, 0, false), ZK_OK);
    be->close(&q);
    require_balance();
}

static void a_lost_device_is_left_alone(void)
{
    zk_queue *q = NULL;
    void *mem = NULL, *kept = NULL;

    fake_reset();
    REQUIRE_INT(open_queue(&q), ZK_OK);
    REQUIRE_INT(be->alloc(q, 64, &kept), ZK_OK);
    fake.fail_at = fake.calls + 2;
    fake.error = CUDA_ERROR_ILLEGAL_ADDRESS;
    fake.stays = true;
    REQUIRE_INT(be->finish(q), ZK_E_DEVICE);
    REQUIRE_HAS(said, "the device is lost to this process");
    const int calls = fake.calls;
    REQUIRE_INT(be->finish(q), ZK_E_DEVICE);
    REQUIRE_INT(be->alloc(q, 64, &mem), ZK_E_DEVICE);
    REQUIRE_INT(fake.calls, calls);
    be->free(q, kept);
    be->close(&q);
    require_balance();
}

static void refused(const char *clause)
{
    zk_queue *q = NULL;

    REQUIRE_INT(open_queue(&q), ZK_E_DEVICE);
    REQUIRE(q == NULL);
    REQUIRE_HAS(why, clause);
    require_balance();
}

static void a_machine_without_a_gpu_is_refused(void)
{
    fake_reset();
    fake.no_driver = true;
    refused("there is no NVIDIA driver");
    fake_reset();
    fake.devices = 0;
    refused("finds no GPU");
    fake_reset();
    fake.version = 12040;
    refused("is for CUDA 12.4, needed is 13.0");
    fake_reset();
    fake.capability = 75;
    refused("Fake GPU has compute capability 7.5, needed is 8.0");
    fake_reset();
    fake.fail_at = 1;
    fake.error = CUDA_ERROR_NO_DEVICE;
    refused("does not start: CUDA_ERROR_100");
}

static void work_is_done_without_libraries(void)
{
    fake_reset();
    fake.no_lt = fake.no_dnn = true;
    REQUIRE_INT(session(small_work), ZK_OK);
    REQUIRE_INT(fake.products, 0);
    REQUIRE_INT(fake.attentions, 0);
    require_balance();
}

static void each_failure_of_cudnn_is_survived(void)
{
    fake_reset();
    (void)session(small_work);
    const int calls = fake.dnn_calls, launches = fake.launches;

    for (int n = 1; n <= calls; n++) {
        fake_reset();
        fake.dnn_fail_at = n;
        REQUIRE_INT(session(small_work), ZK_OK);
        REQUIRE_INT(fake.attentions + fake.launches, launches + 1);
        require_balance();
    }
}

static zk_status only_f8(zk_queue *q)
{
    char *mem = NULL, *work = NULL;
    struct zk_linear a = { 0 };
    zk_status st = be->alloc(q, 8192, (void **)&mem);

    if (st == ZK_OK)
        st = be->alloc(q, WORK, (void **)&work);
    a.dst = zk_dense(mem, ZK_BF16, 32, 32);
    a.src = zk_dense(mem + 4096, ZK_BF16, 32, 64);
    a.work = work;
    if (st == ZK_OK)
        st = product_of_f8(q, &a, mem);
    be->free(q, work);
    be->free(q, mem);
    return st;
}

/* Two kernels make the activations F8; where the GPU has no such products, one converts the
 * weight. */
static void products_of_f8_are_for_gpus_that_have_them(void)
{
    static const struct {
        int capability, launches;
    } rows[] = { { 80, 1 }, { 86, 1 }, { 89, 2 }, { 90, 2 }, { 120, 2 } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fake_reset();
        fake.capability = rows[i].capability;
        REQUIRE_INT(session(only_f8), ZK_OK);
        REQUIRE_INT(fake.launches, rows[i].launches);
        REQUIRE_INT(fake.products, 1);
    }
}

static void each_failure_of_cublaslt_is_survived(void)
{
    fake_reset();
    (void)session(small_work);
    const int calls = fake.lt_calls;

    for (int n = 1; n <= calls; n++) {
        fake_reset();
        fake.lt_fail_at = n;
        REQUIRE_INT(session(small_work), ZK_OK);
        require_balance();
    }
}

static void many_shapes_take_turns_in_the_plans(void)
{
    zk_queue *q = NULL;
    void *mem = NULL;

    fake_reset();
    REQUIRE_INT(open_queue(&q), ZK_OK);
    REQUIRE_INT(be->alloc(q, WORK, &mem), ZK_OK);
    for (int turn = 0; turn < 2; turn++) {
        for (int m = 9; m < 109; m++) {
            const struct zk_linear a = { .dst = zk_dense(mem, ZK_F32, m, 8),
                                         .src = zk_dense(mem, ZK_F32, m, 16),
                                         .weight = zk_dense(mem, ZK_F32, 8, 16) };
            REQUIRE_INT(be->linear(q, &a), ZK_OK);
        }
    }
    REQUIRE_INT(fake.products, 200);
    for (int turn = 0; turn < 2 * ZK_HAVE_CUDNN; turn++) {
        for (int n = 64; n < 96; n++) {
            const zk_tensor t = zk_dense(mem, ZK_F16, n, 64);
            const struct zk_attend a = { .dst = t, .q = t, .k = t, .v = t, .heads = 1,
                                         .kv_heads = 1, .scale = 1 };
            REQUIRE_INT(be->attend(q, &a), ZK_OK);
        }
    }
    REQUIRE_INT(fake.attentions, 64 * ZK_HAVE_CUDNN);
    be->free(q, mem);
    be->close(&q);
    require_balance();
}

int main(void)
{
    TEST(all_goes_well);
    TEST(running_out_of_memory_is_recoverable);
    TEST(every_call_may_fail);
    TEST(copies_go_beside_the_work);
    TEST(what_is_noted_is_done_again);
    TEST(a_lost_device_is_left_alone);
    TEST(a_machine_without_a_gpu_is_refused);
    TEST(work_is_done_without_libraries);
    TEST(products_of_f8_are_for_gpus_that_have_them);
    TEST(each_failure_of_cublaslt_is_survived);
    TEST(each_failure_of_cudnn_is_survived);
    TEST(many_shapes_take_turns_in_the_plans);
    fake_reset();
    return test_end();
}
