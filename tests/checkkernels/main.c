/* checkkernels: does every backend compute what the reference computes?
 *
 *   checkkernels [--backend NAME] [--module FILE] [--mask LIST] [--only TEXT] [--seed N]
 *                [--threads N] [--list]
 *   checkkernels --bench [--csv FILE] [--cpu-time] [...]
 *
 * What is promised, for every op, on every target (a backend; for `cpu`, each
 * level of instruction sets in turn, all below it included):
 *  - the result is the reference's, within a tolerance that says why;
 *  - with 1, 2, 3, 8 and 16 threads it is the same to the bit;
 *  - nothing but the elements of the outputs is written, nothing beyond the end
 *    of an input is read (a page without access follows), scratch memory and
 *    packed weights keep to the size that was asked for;
 *  - `measure` wants the same scratch memory and packing, and needs no memory;
 *  - arguments that don't fit are refused, with the code that kernels.h names.
 * An op without a single comparison on a target is a failure.
 *
 * A family file has one check function per op. A case begins with ck_case, whose
 * name must say every number that is not the shape or type of a tensor; it fills
 * the op's struct, and ends in ck_check. Random numbers depend on the seed and
 * the case's name only, so a failure is repeated by
 * `--seed N --only 'NAME' --mask LEVEL`. Sizes should have odd tails, types should
 * mix, and every distribution of ck.h that the op defines a result for should occur.
 *
 * Levels for --mask: c, avx2, avx512, vnni, bf16, neon, comma-separated; those this
 * machine lacks are left out, and said so. --only takes the cases that contain the
 * text. --bench times the highest level (or the last of --mask) in place of checking;
 * `share` is that of a peak measured with a bare loop before and after each run.
 * --module checks the backend in a module of its own.
 * --cpu-time counts processor time in place of the wall's, for machines that are busy. */

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "kernels/cpu/cpu.h"
#include "tests/checkkernels/peak.h"
#include "tests/checkkernels/private.h"

static const struct ck_family *const families[] = {
    &ck_linear, &ck_attention, &ck_norm, &ck_rope, &ck_elementwise, &ck_conv, &ck_quant, &ck_pixel,
};

/* From plain C to all there is: what each level adds. */
static const struct level {
    const char *name;
    uint32_t flag;
} levels[] = {
    { "c", ZK_CPU_NONE },
    { "avx2", ZK_CPU_AVX2 },
    { "avx512", ZK_CPU_AVX512 },
    { "vnni", ZK_CPU_AVX512_VNNI },
    { "bf16", ZK_CPU_AVX512_BF16 },
    { "neon", ZK_CPU_NEON },
};

static struct ck state;               /* large, and read by the signal handler */

static void add_target(struct ck *ck, const zk_backend *be, const char *level, uint32_t mask)
{
    struct ck_target *t = &ck->target[ck->targets++];

    *t = (struct ck_target){ .be = be, .mask = mask };
    snprintf(t->name, sizeof(t->name), "%s%s%s", be->name, level ? " " : "", level ? level : "");
}

static bool listed(const char *list, const char *name)
{
    const size_t n = strlen(name);

    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, name, n) == 0 && (p[n] == 0 || p[n] == ','))
            return true;
    }
    return false;
}

/* False if a level of the list is unknown. */
static bool known_levels(const char *list)
{
    char name[16];

    for (const char *p = list; p && *p;) {
        const size_t n = strcspn(p, ",");
        bool known = false;
        snprintf(name, sizeof(name), "%.*s", (int)n, p);
        for (int i = 0; i < CK_COUNT(levels); i++)
            known |= strcmp(levels[i].name, name) == 0;
        if (!known) {
            fprintf(stderr, "there is no level %s; c, avx2, avx512, vnni, bf16, neon\n", name);
            return false;
        }
        p += n + (p[n] == ',');
    }
    return true;
}

/* One target per level of the CPU, one for any other backend. */
static void choose_targets(struct ck *ck, const zk_backend *be, const char *mask)
{
    uint32_t all = 0;

    if (strcmp(be->name, "cpu") != 0) {
        add_target(ck, be, NULL, 0);
        return;
    }
    for (int i = 0; i < CK_COUNT(levels); i++) {
        const struct level *l = &levels[i];
        if (l->flag != ZK_CPU_NONE && !(zk_cpu_flags() & l->flag)) {
            if (mask && listed(mask, l->name))
                printf("this machine has no %s\n", l->name);
            continue;
        }
        all |= l->flag;
        if (!mask || listed(mask, l->name))
            add_target(ck, be, l->name, all);
    }
}

static void *alloc_heap(void *user, size_t bytes)
{
    (void)user;
    return zc_alloc_aligned(bytes);
}

static void free_heap(void *user, void *mem)
{
    (void)user;
    zc_free_aligned(mem);
}

static bool open_targets(struct ck *ck)
{
    for (int i = 0; i < ck->thread_counts; i++) {
        if (zc_pool_open(&ck->pool[i], ck->threads[i], "ck") != ZC_OK) {
            fprintf(stderr, "no pool of %d threads\n", ck->threads[i]);
            return false;
        }
    }
    for (int i = 0; i < ck->targets; i++) {
        struct ck_target *t = &ck->target[i];
        char why[200] = "no reason is given";
        zk_device_desc desc = { .cpu_mask = t->mask, .plan_for = t->be, .why = why,
                                .why_size = sizeof(why) };
        for (int n = 0; n < ck->thread_counts; n++) {
            desc.host = ck_host(ck, n);
            if (ck->bench) {
                desc.host.alloc = alloc_heap;
                desc.host.free = free_heap;
            }
            if (t->be->open(&t->queue[n], &desc) != ZK_OK) {
                fprintf(stderr, "%s can't be opened: %s\n", t->name, why);
                return false;
            }
        }
        desc.host = ck_host(ck, 0);
        if (!ck->bench && zk_backend_find("measure")->open(&t->measure, &desc) != ZK_OK) {
            fprintf(stderr, "measure can't be opened for %s\n", t->name);
            return false;
        }
    }
    return true;
}

static void close_targets(struct ck *ck)
{
    for (int i = 0; i < ck->targets; i++) {
        for (int n = 0; n < ck->thread_counts; n++)
            ck->target[i].be->close(&ck->target[i].queue[n]);
        zk_backend_find("measure")->close(&ck->target[i].measure);
    }
    for (int i = 0; i < ck->thread_counts; i++)
        zc_pool_close(&ck->pool[i]);
}

static void on_crash(int number)
{
    const char *what = number == SIGSEGV || number == SIGBUS ? "CRASH (memory) in " : "CRASH in ";
    ssize_t n = write(1, what, strlen(what));

    n += write(1, state.name, strlen(state.name));
    n += write(1, "\n", 1);
    _exit(n > 0 ? 3 : 4);
}

static void name_cpu(struct ck *ck)
{
    char line[200];
    FILE *f = fopen("/proc/cpuinfo", "r");

    snprintf(ck->cpu, sizeof(ck->cpu), "unknown processor");
    while (f && fgets(line, sizeof(line), f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            snprintf(ck->cpu, sizeof(ck->cpu), "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (f)
        fclose(f);
}

static int run_bench(struct ck *ck, const char *csv)
{
    /* The highest level is the one that is used. */
    ck->target[0] = ck->target[ck->targets - 1];
    ck->targets = 1;
    name_cpu(ck);
    if (csv && !(ck->csv = fopen(csv, "w"))) {
        perror(csv);
        return 2;
    }
    if (!open_targets(ck))
        return 2;
    ck->meter = ck_meter_open(ck->pool[0], zk_cpu_flags(), ck->clock);
    if (!ck->meter)
        return 2;
    ck_bench_head(ck);
    for (int i = 0; i < CK_COUNT(families); i++)
        families[i]->bench(ck);
    ck_bench_tail(ck);
    ck_meter_close(&ck->meter);
    close_targets(ck);
    if (ck->csv && fclose(ck->csv) != 0) {
        perror(csv);
        return 2;
    }
    return ck->failures > 0;
}

static int run_checks(struct ck *ck)
{
    if (!ck->list && !open_targets(ck))
        return 2;
    for (int i = 0; i < CK_COUNT(families); i++)
        families[i]->check(ck);
    ck_case_end(ck);
    if (ck->list)
        return 0;
    for (int op = 0; op < ZK_OP_COUNT; op++) {
        int ran = 0;
        for (int i = 0; i < ck->targets; i++) {
            ran += ck->target[i].ran[op];
            if (ck->target[i].ran[op] == 0 && !ck->only) {
                printf("FAIL %s has no case on %s\n", zk_op_name(op), ck->target[i].name);
                ck->failures++;
            }
        }
        if (ran > 0)
            printf("%-10s %5d comparisons, worst error %.2f of what is allowed\n",
                   zk_op_name(op), ran, ck->worst[op]);
    }
    close_targets(ck);
    printf("%d passed, %d failed\n", ck->passed, ck->failures);
    return ck->failures > 0;
}

/* The backend of a module, which stays open. */
static const zk_backend *module_backend(const char *file)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    const zk_module *module = handle ? dlsym(handle, ZK_MODULE_SYMBOL) : NULL;

    if (!module)
        fprintf(stderr, "%s\n", dlerror());
    if (!module || module->version != ZK_MODULE_VERSION || module->size != sizeof(zk_backend))
        return NULL;
    return module->backend;
}

static int usage(void)
{
    fputs("checkkernels [--backend NAME] [--module FILE] [--mask LIST] [--only TEXT] [--seed N]\n"
          "             [--threads N] [--list] [--bench [--csv FILE] [--cpu-time]]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const int all_threads[CK_THREADS] = { 1, 2, 3, 8, 16 };
    struct ck *ck = &state;
    const char *backend = "cpu", *mask = NULL, *csv = NULL, *threads = NULL, *module = NULL;

    ck->seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--list") == 0) {
            ck->list = true;
            continue;
        }
        if (strcmp(argv[i], "--bench") == 0) {
            ck->bench = true;
            continue;
        }
        if (strcmp(argv[i], "--cpu-time") == 0) {
            ck->clock = CK_CLOCK_CPU;
            continue;
        }
        if (!value)
            return usage();
        i++;
        if (strcmp(argv[i - 1], "--backend") == 0)
            backend = value;
        else if (strcmp(argv[i - 1], "--module") == 0)
            module = value;
        else if (strcmp(argv[i - 1], "--mask") == 0)
            mask = value;
        else if (strcmp(argv[i - 1], "--only") == 0)
            ck->only = value;
        else if (strcmp(argv[i - 1], "--seed") == 0)
            ck->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i - 1], "--threads") == 0)
            threads = value;
        else if (strcmp(argv[i - 1], "--csv") == 0)
            csv = value;
        else
            return usage();
    }

    const zk_backend *be = module ? module_backend(module) : zk_backend_find(backend);
    if (!be || strcmp(backend, "measure") == 0) {
        fprintf(stderr, "there is no backend %s to check\n", backend);
        return 2;
    }
    if (mask && strcmp(mask, "all") == 0)
        mask = NULL;
    if (!known_levels(mask))
        return 2;
    choose_targets(ck, be, mask);
    if (ck->targets == 0)
        return 77;

    memcpy(ck->threads, all_threads, sizeof(all_threads));
    ck->thread_counts = CK_THREADS;
    if (threads || ck->bench) {
        ck->threads[0] = threads ? atoi(threads) : zc_thread_limit();
        ck->thread_counts = 1;
    }
    if (ck->threads[0] < 1 || ck->threads[0] > ZC_POOL_MAX)
        return usage();

    const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    for (int i = 0; i < CK_COUNT(crashes); i++)
        signal(crashes[i], on_crash);
    return ck->bench ? run_bench(ck, csv) : run_checks(ck);
}
