/* Benchmarks: the best of several runs, between measurements of the peak that
 * limits them, so that both meet the same clock and the same neighbours. */

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "tests/checkkernels/peak.h"
#include "tests/checkkernels/private.h"

#define ENOUGH_NS 500000000           /* a benchmark ends when it took so long ... */
#define ROUNDS 4                      /* ... and was run so often */
#define BATCH_NS 3000000              /* a run repeats short calls until it took so long */

struct timed {
    const struct ck_target *t;
    zk_queue *q;
    zk_op op;
    union ck_args *args;              /* one per copy of the weight */
    int copies;
    void *mem[CK_REGIONS + 64];       /* device memory, to be given back */
    int mems;
};

static void *device_memory(struct timed *b, size_t bytes)
{
    void *mem = NULL;

    if (bytes > 0 && (b->mems == CK_COUNT(b->mem) ||
                      b->t->be->alloc(b->q, bytes, &mem) != ZK_OK)) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(2);
    }
    if (mem)
        b->mem[b->mems++] = mem;
    return mem;
}

/* One copy of the weight as the target likes it. */
static void place_weight(struct ck *ck, struct timed *b, const void *args, zk_tensor *weight,
                         bool packed)
{
    const struct zk_pack p = ck_pack_of(ck, b->op, args);
    const size_t bytes = packed ? b->t->be->packed_size(b->q, &p) : 0;
    const struct ck_region *r = ck_region_of(ck, p.weight.data);

    if (bytes > 0) {
        if (b->t->be->pack(b->q, &p, device_memory(b, bytes), weight) != ZK_OK)
            *weight = (zk_tensor){ 0 };
        return;
    }
    *weight = p.weight;
    weight->data = device_memory(b, r->bytes);
    b->t->be->upload(b->q, weight->data, r->before, r->bytes);
}

static void place(struct ck *ck, struct timed *b, const void *args, bool packed)
{
    const struct ck_layout *l = &ck_layouts[b->op];
    union ck_args a;

    memcpy(&a, args, ck_args_size(b->op));
    for (int i = 0; i < l->tensors; i++) {
        zk_tensor *t = ck_tensor_at(&a, l->tensor[i]);
        struct ck_region *r = zk_present(*t) ? ck_region_of(ck, t->data) : NULL;
        if (!r || (l->weight && l->tensor[i] == l->weight))
            continue;
        if (!r->dev) {
            r->dev = device_memory(b, r->bytes);
            b->t->be->upload(b->q, r->dev, r->before, r->bytes);
        }
        t->data = (uint8_t *)r->dev + ((uint8_t *)t->data - r->before);
    }
    if (b->op == ZK_OP_pixels) {
        const struct ck_region *r = ck_region_of(ck, a.pixels.dst);
        a.pixels.dst = device_memory(b, r->bytes);
    }
    for (int i = 0; i < b->copies; i++) {
        b->args[i] = a;
        if (l->weight)
            place_weight(ck, b, args, ck_tensor_at(&b->args[i], l->weight), packed);
    }
    if (l->work) {
        void *work = device_memory(b, b->t->be->work(b->q, b->op, &b->args[0]));
        for (int i = 0; i < b->copies; i++)
            memcpy((char *)&b->args[i] + l->work, &work, sizeof(work));
    }
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (!r->on_host) {
            free(r->before);
            r->before = NULL;
        }
        r->dev = NULL;
    }
}

/* Seconds of one call, the mean of `calls`. */
static double time_calls(const struct ck *ck, struct timed *b, int calls, int *next, zk_status *st)
{
    const int64_t begin = ck_meter_clock(ck->meter);

    for (int i = 0; i < calls; i++) {
        const zk_status one = ck_call(b->t->be, b->q, b->op, &b->args[*next]);
        if (one != ZK_OK)
            *st = one;
        *next = (*next + 1) % b->copies;
    }
    b->t->be->finish(b->q);
    return (double)(ck_meter_clock(ck->meter) - begin) * 1e-9 / calls;
}

/* How much a second: the best of all readings, and of their sums. */
struct rate {
    double best, done, seconds;
};

static void add_time(struct rate *r, double done, double seconds)
{
    r->done += done;
    r->seconds += seconds;
    if (seconds > 0 && done / seconds > r->best)
        r->best = done / seconds;
}

static void add_reading(struct rate *r, struct ck *ck, ck_peak peak)
{
    /* Together they span many ticks; those of memory take longer. */
    const int readings = ck->clock == CK_CLOCK_WALL ? 1 : peak < CK_PEAK_READ ? 12 : 3;
    double seconds;

    for (int i = 0; i < readings; i++) {
        const double done = ck_meter_read(ck->meter, peak, &seconds);
        add_time(r, done, seconds);
    }
}

static double rate_of(const struct ck *ck, const struct rate *r)
{
    return ck->clock == CK_CLOCK_CPU ? r->done / r->seconds : r->best;
}

static void report(struct ck *ck, const char *target, const struct ck_load *load, double seconds,
                   double peak)
{
    const bool memory = load->peak == CK_PEAK_READ || load->peak == CK_PEAK_TRIAD;
    const double share = (memory ? load->bytes : load->flops) / seconds / peak;
    struct ck_figure *f = &ck->figure[ck->figures];

    printf("%-40s %10.4f %9.1f %8.2f  %-5s %9.1f  %5.2f\n", ck->name, seconds * 1e3,
           load->flops / seconds * 1e-9, load->bytes / seconds * 1e-9, ck_peak_name(load->peak),
           peak * 1e-9, share);
    fflush(stdout);
    if (ck->csv)
        fprintf(ck->csv, "\"%s\",\"%s\",%s,%d,%.6f,%.2f,%.3f,%s,%.2f,%.4f\n", ck->cpu, ck->name,
                target, ck->threads[0], seconds * 1e3, load->flops / seconds * 1e-9,
                load->bytes / seconds * 1e-9, ck_peak_name(load->peak), peak * 1e-9, share);
    if (ck->figures < CK_FIGURES) {
        snprintf(f->group, sizeof(f->group), "%s", ck->name);
        char *last = strrchr(f->group, ' ');
        if (last)
            *last = 0;
        f->share = share;
        f->peak = load->peak;
        ck->figures++;
    }
    if (peak > ck->peak[load->peak])
        ck->peak[load->peak] = peak;
}

static void bench_target(struct ck *ck, struct ck_target *t, zk_op op, const void *args,
                         const struct ck_load *load, bool packed)
{
    const int copies = load->copies > 0 ? load->copies : 1;
    struct timed b = { .t = t, .q = t->queue[0], .op = op, .copies = copies };
    zk_status st = ZK_OK;
    struct rate peak = { 0 }, op_time = { 0 };
    int next = 0;

    t->ran[op]++;
    if (ck_is_reference(t->be, op)) {
        printf("%-40s %10s (the reference serves this op)\n", ck->name, "-");
        return;
    }
    b.args = ck_need((size_t)copies * sizeof(*b.args));
    place(ck, &b, args, packed);

    const double once = time_calls(ck, &b, 1, &next, &st);
    const int calls = once * 1e9 > BATCH_NS ? 1 : (int)(BATCH_NS / (once * 1e9 + 1000)) + 1;
    const int64_t begin = zc_clock_ns();
    for (int i = 0; i < ROUNDS || zc_clock_ns() - begin < ENOUGH_NS; i++) {
        add_reading(&peak, ck, load->peak);
        add_time(&op_time, 1, time_calls(ck, &b, calls, &next, &st));
        add_reading(&peak, ck, load->peak);
    }
    if (st != ZK_OK)
        ck_fail(ck, t->name, op, NULL, "answers %d", st);
    else
        report(ck, t->name, load, 1 / rate_of(ck, &op_time), rate_of(ck, &peak));
    while (b.mems > 0)
        t->be->free(t->queue[0], b.mem[--b.mems]);
    free(b.args);
}

static void bench(struct ck *ck, zk_op op, const void *args, const struct ck_load *load,
                  bool packed)
{
    bench_target(ck, &ck->target[0], op, args, load, packed);
    ck->failures += ck->failed;
    ck->failed = false;
    ck_case_end(ck);
}

void ck_bench(struct ck *ck, zk_op op, const void *args, const struct ck_load *load)
{
    bench(ck, op, args, load, false);
}

void ck_bench_weight(struct ck *ck, zk_op op, const void *args, const struct ck_load *load)
{
    bench(ck, op, args, load, true);
}

void ck_bench_head(struct ck *ck)
{
    printf("%s; %s; %d threads\n", ck->cpu, ck->target[0].name, ck->threads[0]);
    printf("%-40s %10s %9s %8s  %-5s %9s  %5s\n", "", "ms", "GFLOP/s", "GB/s", "peak", "G/s",
           "share");
    if (ck->csv)
        fprintf(ck->csv, "cpu,case,path,threads,ms,gflops,gbs,peak,peak_g,share\n");
}

static int by_share(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* The median of each group's shares, groups in the order of their first case. */
void ck_bench_tail(struct ck *ck)
{
    double share[CK_FIGURES];

    printf("\nmedian shares\n");
    for (int i = 0; i < ck->figures; i++) {
        int n = 0, earlier = 0;
        for (int j = 0; j < ck->figures; j++) {
            if (strcmp(ck->figure[i].group, ck->figure[j].group) != 0)
                continue;
            earlier += j < i;
            share[n++] = ck->figure[j].share;
        }
        if (earlier)
            continue;
        qsort(share, (size_t)n, sizeof(share[0]), by_share);
        printf("%-40s %5.2f of %s, %d shapes\n", ck->figure[i].group,
               n % 2 ? share[n / 2] : (share[n / 2 - 1] + share[n / 2]) / 2,
               ck_peak_name(ck->figure[i].peak), n);
    }
    printf("\npeaks:");
    for (int i = 0; i < CK_PEAKS; i++) {
        if (ck->peak[i] > 0)
            printf(" %s %.1f", ck_peak_name(i), ck->peak[i] * 1e-9);
    }
    printf(" (G a second, best of all)\n");
}
