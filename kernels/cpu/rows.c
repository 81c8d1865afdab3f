/* Runs row kernels over the threads of a queue. */

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/rows.h"

/* Elements that are worth handing to another thread. */
#define GRAIN 16384

struct job {
    zk_queue *q;
    zk_row_fn *fn;
    const void *args;
    const struct zk_rows *rows;
};

static void run(void *arg, int64_t begin, int64_t end, int worker)
{
    const struct job *j = arg;

    j->fn(j->args, j->rows, begin, end, zk_cpu_scratch(j->q, worker));
}

void zk_cpu_rows(zk_queue *q, zk_row_fn *fn, const void *args, const struct zk_rows *rows)
{
    struct job job = { .q = q, .fn = fn, .args = args, .rows = rows };

    if (rows->cols > 0)
        zk_cpu_split(q, rows->count, 1 + (GRAIN - 1) / rows->cols, run, &job);
}

struct zk_rows zk_rows_flat(struct zk_rows rows, zk_tensor *const *tensors, int count)
{
    const int64_t total = rows.count * rows.cols;

    for (int i = 0; i < count; i++) {
        if (rows.count > 1 && tensors[i]->step[2] != rows.cols)
            return rows;
    }
    if (total == 0)
        return rows;
    for (int i = 0; i < count; i++)
        tensors[i]->step[2] = ZK_CPU_FLAT;
    const int64_t n = (total + ZK_CPU_FLAT - 1) / ZK_CPU_FLAT;
    return (struct zk_rows){ n, ZK_CPU_FLAT, total - (n - 1) * ZK_CPU_FLAT };
}
