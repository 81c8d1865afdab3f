/* The vocabulary of operations: memory is measured to the byte, failures stick and
 * say what met what, and marks balance whatever happens. */

#include <math.h>

#include "core/base/alloc.h"
#include "core/op.h"
#include "core/sample/sample.h"
#include "tests/unit/host.h"
#include "tests/unit/test.h"

enum { N = 5, D = 16, HEADS = 2 };

typedef struct toy {
    zc_lin qkv, out, fc1, fc2;
} toy;

/* A block of a transformer, in place. */
static void block(zc_run *r, const toy *w, zk_tensor x)
{
    const zc_attention a = { .heads = HEADS };
    const size_t mark = zc_arena_mark(r->scratch);
    const zk_tensor qkv = zc_linear(r, zc_layer_norm(r, x, NULL, 1e-6f), &w->qkv, ZK_ACT_NONE);
    const zk_tensor o = zc_attend(r, zc_cols(qkv, 0, D), zc_cols(qkv, D, D), zc_cols(qkv, 2 * D, D),
                                  &a);

    zc_add_gated(r, x, zc_linear(r, o, &w->out, ZK_ACT_NONE), (zk_tensor){ .type = ZK_NONE });
    zk_tensor h = zc_linear(r, zc_layer_norm(r, x, NULL, 1e-6f), &w->fc1, ZK_ACT_GELU_TANH);
    zc_add_gated(r, x, zc_linear(r, h, &w->fc2, ZK_ACT_NONE), (zk_tensor){ .type = ZK_NONE });
    zc_arena_release(r->scratch, mark);
}

static float numbers[8 * D * D];

static zc_lin lin(int out, int in)
{
    return (zc_lin){ .w = zk_dense(numbers, ZK_F32, out, in),
                     .b = zk_dense(numbers, ZK_F32, 1, out) };
}

static const toy *weights(void)
{
    static toy w;

    for (size_t i = 0; i < ZC_COUNT(numbers); i++)
        numbers[i] = (float)((int)(i * 7919 % 31) - 15) / 40.0f;
    w = (toy){ .qkv = lin(3 * D, D), .out = lin(D, D), .fc1 = lin(4 * D, D), .fc2 = lin(D, 4 * D) };
    return &w;
}

/* A run on a backend, with an arena of `bytes`; SIZE_MAX measures. */
typedef struct place {
    zk_queue *queue;
    zc_arena  arena;
    void     *memory;
    zc_run    run;
} place;

static void place_open(place *p, const char *backend, size_t bytes)
{
    const zk_backend *be = zk_backend_find(backend);
    const zk_device_desc desc = { .host = test_host, .plan_for = zk_backend_find("cpu") };

    *p = (place){ .queue = NULL };
    REQUIRE(be->open(&p->queue, &desc) == ZK_OK);
    if (bytes == SIZE_MAX) {
        zc_arena_init_measuring(&p->arena);
    } else {
        p->memory = zc_alloc_aligned(bytes);
        zc_arena_init(&p->arena, p->memory, bytes);
    }
    p->run = (zc_run){ .be = be, .queue = p->queue, .scratch = &p->arena, .act = ZK_BF16 };
}

static void place_close(place *p)
{
    p->run.be->close(&p->queue);
    zc_free_aligned(p->memory);
}

static size_t measured(void)
{
    place p;

    place_open(&p, "measure", SIZE_MAX);
    block(&p.run, weights(), zc_tmp_type(&p.run, ZK_F32, N, D));
    REQUIRE_INT(p.run.status, ZC_OK);
    const size_t peak = p.arena.peak;
    place_close(&p);
    return peak;
}

static void measured_memory_is_the_memory_needed(void)
{
    const size_t need = measured();
    place p;

    REQUIRE(need > N * D * sizeof(float));
    place_open(&p, "cpu", need);
    const zk_tensor x = zc_floats(&p.run, numbers, N, D);
    const size_t before = p.arena.used;
    block(&p.run, weights(), x);
    REQUIRE_INT(p.run.status, ZC_OK);
    REQUIRE(p.arena.peak == need);
    REQUIRE(p.arena.used == before);
    place_close(&p);
}

static void one_byte_less_is_a_clean_failure(void)
{
    place p;

    place_open(&p, "cpu", measured() - 1);
    const zk_tensor x = zc_floats(&p.run, numbers, N, D);
    const size_t before = p.arena.used;
    block(&p.run, weights(), x);
    REQUIRE_INT(p.run.status, ZC_E_NOMEM);
    REQUIRE(strstr(p.run.why, "bytes wanted"));
    REQUIRE(p.arena.used == before);
    place_close(&p);
}

static void measuring_computes_nothing_but_counts_the_work(void)
{
    place p;

    place_open(&p, "measure", SIZE_MAX);
    block(&p.run, weights(), zc_tmp_type(&p.run, ZK_F32, N, D));
    REQUIRE(p.run.flops == 2.0 * N * D * D * (3 + 1 + 4 + 4) + 4.0 * N * N * D);
    place_close(&p);
}

static void first_failure_sticks_and_names_both_shapes(void)
{
    place p;

    place_open(&p, "cpu", 1 << 20);
    const zc_lin wide = lin(D, 2 * D);
    const zk_tensor x = zc_floats(&p.run, numbers, N, D);
    zc_linear(&p.run, x, &wide, ZK_ACT_NONE);
    REQUIRE_INT(p.run.status, ZC_E_SHAPE);
    REQUIRE_STR(p.run.why, "linear: src is [1, 1, 5, 16], expected [1, 1, 5, 32]");
    zc_embed(&p.run, x, (const int32_t[1]){ 99 }, 1);
    REQUIRE_STR(p.run.why, "linear: src is [1, 1, 5, 16], expected [1, 1, 5, 32]");
    place_close(&p);
}

static void ids_outside_the_table_are_refused(void)
{
    place p;

    place_open(&p, "cpu", 1 << 20);
    const zk_tensor table = zc_floats(&p.run, numbers, N, D);
    zc_embed(&p.run, table, (const int32_t[3]){ 0, 4, 5 }, 3);
    REQUIRE_INT(p.run.status, ZC_E_ARGUMENT);
    REQUIRE_STR(p.run.why, "embed: id 5 at place 2, the table has 5 rows");
    place_close(&p);
}

static void patches_and_back_are_the_same(void)
{
    place p;
    float back[2 * 4 * 6 * 3];

    place_open(&p, "cpu", 1 << 20);
    const zk_tensor flat = zc_floats(&p.run, numbers, 2 * 4 * 6, 3);
    const zk_tensor x = zc_grid(flat, 2, 4, 6);
    const zk_tensor tokens = zc_patch(&p.run, x, 2);
    REQUIRE_INT(zk_rows(tokens), 2 * 2 * 3);
    REQUIRE_INT(zk_cols(tokens), 3 * 4);
    /* Token 4 is (t 0, y 1, x 1); its feature 7 is channel 1, row 1, column 1. */
    REQUIRE(((const float *)tokens.data)[4 * 12 + 7] == numbers[((0 * 4 + 3) * 6 + 3) * 3 + 1]);
    const zk_tensor again = zc_unpatch(&p.run, tokens, (const int32_t[3]){ 2, 2, 3 }, 2);
    zc_download(&p.run, back, again);
    REQUIRE_INT(p.run.status, ZC_OK);
    REQUIRE(memcmp(back, numbers, sizeof(back)) == 0);
    place_close(&p);
}

static void cancelling_is_a_status(void)
{
    place p;
    zc_cancel cancel = { 0 };

    place_open(&p, "cpu", 1 << 20);
    p.run.cancel = &cancel;
    zc_run_poll(&p.run);
    REQUIRE_INT(p.run.status, ZC_OK);
    zc_cancel_request(&cancel);
    zc_run_poll(&p.run);
    REQUIRE_INT(p.run.status, ZC_E_CANCELLED);
    place_close(&p);
}

static void flow_schedule_is_the_published_one(void)
{
    static const float head[] = { 1.0f, 0.997093f, 0.994083f, 0.990964f, 0.987730f, 0.984375f };
    static const float tail[] = { 0.4375f, 0.378378f, 0.308824f, 0.225806f, 0.125f, 0.0f };
    zc_schedule s;

    REQUIRE_INT(zc_schedule_flow(&s, NULL, 50, 7.0f), ZC_OK);
    for (int i = 0; i < 6; i++) {
        REQUIRE(fabsf(s.sigma[i] - head[i]) < 1e-6f);
        REQUIRE(fabsf(s.sigma[45 + i] - tail[i]) < 1e-6f);
    }
    REQUIRE(zc_schedule_at(&s, 49).next == 0.0f);
    REQUIRE_INT(zc_schedule_flow(&s, NULL, 0, 7.0f), ZC_E_ARGUMENT);
    REQUIRE_INT(zc_schedule_flow(&s, NULL, ZC_STEPS_MAX + 1, 7.0f), ZC_E_ARGUMENT);
    REQUIRE_INT(zc_schedule_flow(&s, NULL, 50, -1.0f), ZC_E_ARGUMENT);
}

static void euler_steps_along_the_velocity(void)
{
    place p;
    zc_schedule s;
    float latent[4] = { 1, 2, 3, 4 };
    const float velocity[4] = { 8, 0, -8, 16 };

    REQUIRE_INT(zc_schedule_flow(&s, NULL, 4, 1.0f), ZC_OK);
    place_open(&p, "cpu", 1 << 20);
    const zk_tensor x = zc_floats(&p.run, latent, 1, 4);
    zc_sampler_advance(&p.run, zc_sampler_find("flow-euler"), &s, 1, x,
                       zc_floats(&p.run, velocity, 1, 4));
    zc_download(&p.run, latent, x);
    REQUIRE(latent[0] == -1 && latent[1] == 2 && latent[2] == 5 && latent[3] == 0);
    REQUIRE(zc_sampler_find("euler") == NULL);
    place_close(&p);
}

int main(void)
{
    TEST(measured_memory_is_the_memory_needed);
    TEST(one_byte_less_is_a_clean_failure);
    TEST(measuring_computes_nothing_but_counts_the_work);
    TEST(first_failure_sticks_and_names_both_shapes);
    TEST(ids_outside_the_table_are_refused);
    TEST(patches_and_back_are_the_same);
    TEST(cancelling_is_a_status);
    TEST(flow_schedule_is_the_published_one);
    TEST(euler_steps_along_the_velocity);
    return test_end();
}
