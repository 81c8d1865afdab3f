/* Engines and jobs: order, waiting, cancelling from other threads, failures that
 * leave everything usable. Works on the small model of the parity fixtures. */

#include "core/engine.h"
#include "tests/e2e/small.h"

static void jobs_run_in_order_and_repeat(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *q = small_request(2);
    zc_job *jobs[4];

    for (int i = 0; i < 4; i++)
        REQUIRE_INT(zc_job_start(e, &jobs[i], q), ZC_OK);
    REQUIRE_INT(zc_reel_wait(zc_job_reel(jobs[3]), 4, -1), ZC_OK);
    for (int i = 0; i < 4; i++) {
        REQUIRE_INT(zc_reel_wait(zc_job_reel(jobs[i]), 0, 0), ZC_OK);
        REQUIRE(sum_of(jobs[i]) == sum_of(jobs[0]));
    }
    REQUIRE(strstr(zc_job_report(jobs[0]), "\"status\":\"ok\"") != NULL);
    for (int i = 0; i < 4; i++)
        zc_job_close(&jobs[i]);
    zc_engine_close(&e);
    zc_request_free(q);
}

static void waiting_ends_when_it_should(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *q = small_request(50);
    zc_job *first = NULL, *second = NULL;
    zc_job_info info;

    REQUIRE_INT(zc_job_start(e, &first, q), ZC_OK);
    REQUIRE_INT(zc_job_start(e, &second, q), ZC_OK);
    REQUIRE_INT(zc_reel_wait(zc_job_reel(second), 0, 0), ZC_REEL_LATE);
    zc_job_cancel(second);
    REQUIRE_INT(zc_reel_wait(zc_job_reel(second), 0, 0), ZC_E_CANCELLED);
    REQUIRE_STR(zc_job_error(second), "cancelled");
    zc_job_info_get(second, &info);
    REQUIRE(info.phase == ZC_PHASE_DONE && info.status == ZC_E_CANCELLED && info.seconds == 0);
    zc_job_cancel(second);
    REQUIRE_INT(zc_reel_wait(zc_job_reel(first), 99, -1), ZC_E_ARGUMENT);
    zc_job_close(&second);
    zc_job_close(&first);
    zc_engine_close(&e);
    zc_request_free(q);
}

typedef struct canceller {
    zc_job *job;
    int     wait_us;
} canceller;

static void cancel_later(void *arg)
{
    const canceller *c = arg;
    const int64_t until = zc_clock_ns() + c->wait_us * 1000;

    while (zc_clock_ns() < until)
        ;
    zc_job_cancel(c->job);
}

static void cancelling_at_any_moment_leaves_the_engine_usable(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    const double expected = film(e, 3);
    int cancelled = 0;

    for (int i = 0; i < 60; i++) {
        zc_request *q = small_request(3);
        zc_thread thread;
        canceller c = { .wait_us = i * 400 };

        REQUIRE_INT(zc_job_start(e, &c.job, q), ZC_OK);
        REQUIRE_INT(zc_thread_start(&thread, "cancel", cancel_later, &c), ZC_OK);
        const int st = zc_reel_wait(zc_job_reel(c.job), 4, -1);
        REQUIRE(st == ZC_OK || st == ZC_E_CANCELLED);
        cancelled += st == ZC_E_CANCELLED;
        zc_thread_join(&thread);
        zc_job_close(&c.job);
        zc_request_free(q);
    }
    REQUIRE(cancelled > 0);
    REQUIRE(film(e, 3) == expected);
    zc_engine_close(&e);
}

static void closing_cancels_what_waits(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *q = small_request(1000);
    zc_job *a = NULL, *b = NULL;

    REQUIRE_INT(zc_job_start(e, &a, q), ZC_OK);
    REQUIRE_INT(zc_job_start(e, &b, q), ZC_OK);
    zc_job_close(&b);             /* it never ran */
    zc_job_close(&a);             /* it was running */
    REQUIRE(!a && !b);
    zc_engine_close(&e);
    zc_request_free(q);
}

static void bad_requests_fail_at_once_by_name(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *q = small_request(2);
    zc_job *job = NULL;

    q->frames = 6;
    REQUIRE_INT(zc_job_start(e, &job, q), ZC_E_ARGUMENT);
    REQUIRE_STR(m.text, "frames = 6 is not of the form 4n + 1; the nearest are 5 and 9");
    q->frames = 5;
    strcpy(q->sampler, "magic");
    REQUIRE_INT(zc_job_start(e, &job, q), ZC_E_MISSING);
    REQUIRE(strstr(m.text, "magic") && strstr(m.text, "flow-euler"));
    zc_request_free(q);
    q = small_request(2);
    q->model[0] = '\0';
    REQUIRE_INT(zc_job_start(e, &job, q), ZC_E_MISSING);
    REQUIRE(!job);
    zc_request_free(q);
    zc_engine_close(&e);
}

static void a_failing_job_says_why_and_the_next_one_runs(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *q = small_request(2);
    zc_job *job = NULL;

    snprintf(q->vae, sizeof(q->vae), "%s/transformer", model_path);
    REQUIRE_INT(zc_job_start(e, &job, q), ZC_OK);
    const int st = zc_reel_wait(zc_job_reel(job), 0, -1);
    REQUIRE(st < 0);
    REQUIRE(strstr(zc_job_error(job), "hunyuan.vae") != NULL);
    REQUIRE(strstr(zc_job_report(job), zc_status_name((zc_status)st)) != NULL);
    zc_job_close(&job);
    zc_request_free(q);
    REQUIRE(film(e, 2) != 0);
    zc_engine_close(&e);
}

static void what_others_do_wrong_is_not_the_jobs_error(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *bad = small_request(2), *worse = small_request(2);
    zc_plan plan;

    snprintf(bad->vae, sizeof(bad->vae), "%s/transformer", model_path);
    worse->frames = 6;
    for (int i = 0; i < 10; i++) {
        zc_job *job = NULL, *none = NULL;
        REQUIRE_INT(zc_job_start(e, &job, bad), ZC_OK);
        while (zc_reel_wait(zc_job_reel(job), 0, 0) == ZC_REEL_LATE) {
            REQUIRE_INT(zc_job_start(e, &none, worse), ZC_E_ARGUMENT);
            REQUIRE_INT(zc_plan_make(e, worse, &plan), ZC_E_ARGUMENT);
        }
        REQUIRE(strstr(zc_job_error(job), "hunyuan.vae") != NULL);
        zc_job_close(&job);
    }
    zc_request_free(bad);
    zc_request_free(worse);
    zc_engine_close(&e);
}

static void plans_agree_with_what_is_taken(void)
{
    mailbox m = { "" };
    zc_engine *e = open_engine(&m);
    zc_request *q = small_request(2);
    zc_plan plan, limited;

    REQUIRE_INT(zc_plan_make(e, q, &plan), ZC_OK);
    REQUIRE_INT(plan.image_tokens, 2 * 2 * 2);
    REQUIRE(plan.resident == plan.weights[2] && plan.every_step == 0);
    q->max_memory = (int64_t)plan.weights[2] * 2 / 3;
    REQUIRE_INT(zc_plan_make(e, q, &limited), ZC_OK);
    REQUIRE(limited.resident <= plan.weights[2] * 2 / 3 && limited.every_step > 0);
    q->max_memory = 1000;
    REQUIRE_INT(zc_plan_make(e, q, &limited), ZC_E_NOMEM);
    REQUIRE(strstr(m.text, "the limit is 1000") != NULL);
    /* On a device of its own, with room for all but a third of the transformer. */
    q->max_memory = 0;
    e->dev->memory = (size_t)(plan.peak - plan.weights[2] / 3);
    REQUIRE_INT(zc_plan_make(e, q, &limited), ZC_OK);
    REQUIRE(limited.limit > 0 && limited.peak <= e->dev->memory);
    e->dev->memory = (size_t)plan.peak * 2;
    REQUIRE_INT(zc_plan_make(e, q, &limited), ZC_OK);
    REQUIRE(limited.limit == 0 && limited.peak == plan.peak);
    e->dev->memory = 0;
    zc_request_free(q);
    zc_engine_close(&e);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: unit_engine MODEL\n");
        return 64;
    }
    model_path = argv[1];
    TEST(jobs_run_in_order_and_repeat);
    TEST(waiting_ends_when_it_should);
    TEST(cancelling_at_any_moment_leaves_the_engine_usable);
    TEST(closing_cancels_what_waits);
    TEST(bad_requests_fail_at_once_by_name);
    TEST(a_failing_job_says_why_and_the_next_one_runs);
    TEST(what_others_do_wrong_is_not_the_jobs_error);
    TEST(plans_agree_with_what_is_taken);
    return test_end();
}
