/* Trainings and benchmarks whose memory and files fail at any moment: they end with
 * a status, leave nothing in memory, and started again they end as if nothing had
 * happened. Arguments: the small model, and a folder for files. */

#include <errno.h>
#include <sys/stat.h>

#include "tests/e2e/small.h"
#include "tests/unit/faults.h"

#define POINTS 12             /* at which something fails, spread over all calls */

static const char *scratch;

/* A path in the scratch folder; good until the fourth call from here. */
static const char *in(const char *name)
{
    static char path[4][1200];
    static int next;

    next = (next + 1) % 4;
    snprintf(path[next], sizeof(path[next]), "%s/%s", scratch, name);
    return path[next];
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(in(name), "wb");

    REQUIRE(f && fputs(text, f) >= 0);
    if (f)
        fclose(f);
}

/* A digest of a file; 0 if it is not there. */
static uint64_t digest(const char *name)
{
    FILE *f = fopen(in(name), "rb");
    uint64_t sum = 1469598103934665603u;

    if (!f)
        return 0;
    for (int c; (c = getc(f)) != EOF;)
        sum = (sum ^ (uint64_t)c) * 1099511628211u;
    fclose(f);
    return sum;
}

typedef struct task {
    zc_status (*start)(zc_engine *, zc_job **, const zc_task_desc *);
    const char *output;
    char        options[1400];
} task;

/* All of it, with an engine of its own. */
static zc_status run(const task *t, const zc_request *q)
{
    const zc_engine_desc desc = { .threads = 1 };
    zc_engine *e = NULL;
    zc_job *job = NULL;
    zc_status st = zc_engine_open(&e, &desc);

    if (st == ZC_OK)
        st = t->start(e, &job, &(zc_task_desc){ .request = q, .prompts = in("prompts"),
                                                .output = in(t->output), .options = t->options });
    if (st == ZC_OK)
        st = (zc_status)zc_reel_wait(zc_job_reel(job), 0, -1);
    zc_job_close(&job);
    zc_engine_close(&e);
    return st;
}

/* Then once more, unharmed: the result must be there, and if `same` is not 0, be that. */
static void require_recovery(const task *t, const zc_request *q, uint64_t same)
{
    REQUIRE_INT(run(t, q), ZC_OK);
    REQUIRE(digest(t->output) != 0);
    if (same)
        REQUIRE(digest(t->output) == same);
    remove(in(t->output));
}

static void survives(const task *t, const zc_request *q, uint64_t same)
{
    int calls;

    faults_alloc(0, FAULT_ONCE);
    REQUIRE_INT(run(t, q), ZC_OK);
    calls = faults_alloc_end();
    REQUIRE_INT(faults_live_blocks(), 0);
    for (int i = 0; i < POINTS; i++) {
        remove(in(t->output));
        faults_alloc(1 + (int)((int64_t)calls * i / POINTS), FAULT_ONCE);
        run(t, q);
        faults_alloc_end();
        REQUIRE_INT(faults_live_blocks(), 0);
        require_recovery(t, q, same);
    }
    faults_file(0, FAULT_ONCE, 0);
    REQUIRE_INT(run(t, q), ZC_OK);
    calls = faults_file_end();
    for (int i = 0; i < POINTS; i++) {
        remove(in(t->output));
        faults_file(1 + (int)((int64_t)calls * i / POINTS), FAULT_ONWARDS, i % 2 ? EIO : ENOSPC);
        REQUIRE(run(t, q) != ZC_OK);
        faults_file_end();
        REQUIRE_INT(faults_open_files(), 0);
        require_recovery(t, q, same);
    }
}

static void trainings_survive(void)
{
    static const task t = { zc_training_start, "p.safetensors",
                            "fit.budget = 4\nfit.rounds = 2\nelements = 256\n" };
    zc_request *q = small_request(8);

    REQUIRE_INT(run(&t, q), ZC_OK);
    survives(&t, q, digest(t.output));
    zc_request_free(q);
}

static void benchmarks_survive(void)
{
    static task t = { zc_bench_start, "b.csv", "" };
    zc_request *q = small_request(8);

    snprintf(t.options, sizeof(t.options), "counts = 4\nmethods = %s\nplot = %s\n", in("methods"),
             in("b.svg"));
    survives(&t, q, 0);
    zc_request_free(q);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 77;
    model_path = argv[1];
    scratch = argv[2];
    mkdir(scratch, 0755);
    put("prompts", "a ball\na cube in the snow\n");
    put("methods", "fora = fora interval=?\nfewer = steps\n");
    TEST(trainings_survive);
    TEST(benchmarks_survive);
    return test_end();
}
