/* One op on every target, compared with the reference. */

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ref/ref.h"
#include "tests/checkkernels/private.h"

extern const zk_backend zk_backend_ref;

const struct ck_tol ck_exact = { .why = "elements are moved or rounded once" };
const struct ck_tol ck_rounding = { .why = "a few roundings in f32, none of them amplified",
                                    .of_result = 0x1p-21 };

/* The distance between neighbours of a type: relative, and among subnormals. */
static const struct {
    double relative, fixed;
} steps[ZK_DTYPE_COUNT] = {
    [ZK_F32] = { 0x1p-23, 0x1p-149 },
    [ZK_F16] = { 0x1p-10, 0x1p-24 },
    [ZK_BF16] = { 0x1p-7, 0x1p-133 },
    [ZK_F8_E4M3] = { 0x1p-3, 0x1p-9 },
    [ZK_F8_E5M2] = { 0x1p-2, 0x1p-16 },
    [ZK_U8] = { 0, 1 },
    [ZK_U16] = { 0, 1 },
};

static void *alloc_pages(void *user, size_t bytes)
{
    (void)user;
    return ck_pages(bytes);
}

static void free_pages(void *user, void *mem)
{
    (void)user;
    ck_pages_free(mem);
}

static void run_parallel(void *user, int parts, void (*fn)(void *arg, int part, int worker),
                         void *arg)
{
    if (zc_pool_run(user, parts, fn, arg) != ZC_OK) {
        fprintf(stderr, "the pool refuses a run: a kernel runs parallel inside of parallel\n");
        exit(2);
    }
}

zk_host ck_host(struct ck *ck, int thread_index)
{
    return (zk_host){
        .user = ck->pool[thread_index],
        .alloc = alloc_pages,
        .free = free_pages,
        .threads = ck->threads[thread_index],
        .parallel = run_parallel,
    };
}

static void print_arguments(zk_op op, const void *args)
{
    const struct ck_layout *l = &ck_layouts[op];

    for (int i = 0; i < l->tensors; i++) {
        zk_tensor t;
        memcpy(&t, (const char *)args + l->tensor[i], sizeof(t));
        const zk_dtype_info *info = zk_dtype_get(t.type);
        if (!zk_present(t) || !info)
            continue;
        printf("    tensor %d: %s [%d, %d, %d, %d], steps %lld %lld %lld, scale %g\n", i,
               info->name, t.dim[0], t.dim[1], t.dim[2], t.dim[3], (long long)t.step[0],
               (long long)t.step[1], (long long)t.step[2], (double)t.scale);
    }
}

void ck_fail(struct ck *ck, const char *target, zk_op op, const void *args, const char *format, ...)
{
    va_list list;

    printf("FAIL %s: %s on %s, --seed %llu\n    ", ck->name, zk_op_name(op), target,
           (unsigned long long)ck->seed);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    if (args)
        print_arguments(op, args);
    ck->failed = true;
}

static void count(struct ck *ck)
{
    if (ck->failed)
        ck->failures++;
    else
        ck->passed++;
    ck->failed = false;
}

void ck_expect(struct ck *ck, bool good, const char *format, ...)
{
    va_list list;

    if (!good) {
        printf("FAIL %s, --seed %llu\n    ", ck->name, (unsigned long long)ck->seed);
        va_start(list, format);
        vprintf(format, list);
        va_end(list);
        putchar('\n');
        ck->failed = true;
    }
    count(ck);
}

/* Which copy of the regions a pointer is to lead to. */
enum copy { BEFORE, WANT, GOT, DEVICE };

static uint8_t *copy_of(const struct ck_region *r, enum copy copy)
{
    if (copy == DEVICE && r->on_host)
        return r->got;
    return copy == WANT ? r->want : copy == GOT ? r->got : copy == DEVICE ? r->dev : r->before;
}

static void move_pointer(struct ck *ck, void **pointer, enum copy copy)
{
    const struct ck_region *r = *pointer ? ck_region_of(ck, *pointer) : NULL;

    if (r)
        *pointer = copy_of(r, copy) + ((uint8_t *)*pointer - r->before);
}

/* The same arguments, in another copy of the regions. */
static void move_args(struct ck *ck, zk_op op, void *args, enum copy copy)
{
    const struct ck_layout *l = &ck_layouts[op];

    for (int i = 0; i < l->tensors; i++)
        move_pointer(ck, &ck_tensor_at(args, l->tensor[i])->data, copy);
    if (l->pointer)
        move_pointer(ck, (void **)((char *)args + l->pointer), copy);
}

/* Bytes from the data of a tensor to its row number `row`, of those of all axes. */
static int64_t row_at(const zk_tensor *t, int64_t row)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);
    const int64_t i2 = row % t->dim[2], i1 = row / t->dim[2] % t->dim[1];
    const int64_t i0 = row / t->dim[2] / t->dim[1];

    return (i0 * t->step[0] + i1 * t->step[1] + i2 * t->step[2]) / info->block * info->bytes;
}

static int64_t rows_of(const zk_tensor *t)
{
    return (int64_t)t->dim[0] * t->dim[1] * t->dim[2];
}

static size_t row_bytes(const zk_tensor *t)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);

    return (size_t)(t->dim[3] / info->block) * (size_t)info->bytes;
}

/* The first byte that was written and does not belong to an element of an output,
 * or -1. `copy` is where the op wrote. */
static long long stray_byte(struct ck *ck, const zk_tensor *out, int outs,
                            const struct ck_region *r, enum copy copy)
{
    const uint8_t *now = copy_of(r, copy);
    uint8_t *expect = ck_need(r->bytes);
    long long found = -1;

    memcpy(expect, r->before, r->bytes);
    for (int o = 0; o < outs; o++) {
        const zk_tensor *t = &out[o];
        const int64_t start = (uint8_t *)t->data - r->before;
        if (ck_region_of(ck, t->data) != r)
            continue;
        for (int64_t row = 0; row < rows_of(t); row++)
            memcpy(expect + start + row_at(t, row), now + start + row_at(t, row), row_bytes(t));
    }
    if (memcmp(expect, now, r->bytes) != 0) {
        for (found = 0; expect[found] == now[found];)
            found++;
    }
    free(expect);
    return found;
}

static void check_stray(struct ck *ck, zk_op op, const void *args, enum copy copy,
                        const char *target)
{
    zk_tensor out[2];
    const int outs = ck_outputs(op, args, out);

    for (int i = 0; i < ck->regions; i++) {
        const long long at = stray_byte(ck, out, outs, &ck->region[i], copy);
        if (at >= 0) {
            ck_fail(ck, target, op, args, "byte %lld of the memory of tensor %d was overwritten",
                    at, i);
            return;
        }
    }
}

/* True if x is near enough to what is wanted. */
static bool close_enough(zk_dtype type, const struct ck_tol *tol, double each, double x,
                         double want, double *allowed)
{
    *allowed = 0;
    if (x == want || (isnan(x) && isnan(want)))
        return true;
    if (tol == &ck_exact || !isfinite(x) || !isfinite(want))
        return false;
    *allowed = (tol->of_result + steps[type].relative) * fabs(want) + tol->fixed +
               steps[type].fixed + each;
    return fabs(x - want) <= *allowed;
}

static void compare_output(struct ck *ck, zk_op op, const void *args, const zk_tensor *out,
                           const double *each, const struct ck_tol *tol, const char *target)
{
    const int64_t cols = out->dim[3];
    zk_tensor got = *out, want = *out;
    double error = 0, size = 0, allowed;

    move_pointer(ck, &got.data, GOT);
    move_pointer(ck, &want.data, WANT);
    for (int64_t r = 0; r < rows_of(out); r++) {
        zk_tensor g = got, w_row = want;
        g.data = (char *)got.data + row_at(out, r);
        w_row.data = (char *)want.data + row_at(out, r);
        if (tol->rms == 0 && memcmp(g.data, w_row.data, row_bytes(out)) == 0)
            continue;
        for (int64_t c = 0; c < cols; c++) {
            const double x = ck_get(&g, c), w = ck_get(&w_row, c);
            if (!close_enough(out->type, tol, each ? each[r * cols + c] : 0, x, w, &allowed)) {
                ck_fail(ck, target, op, args,
                        "element [%lld, %lld] is %.9g, expected %.9g +- %.3g (%s)", (long long)r,
                        (long long)c, x, w, allowed, tol->why);
                return;
            }
            if (allowed > 0 && fabs(x - w) / allowed > ck->worst[op])
                ck->worst[op] = fabs(x - w) / allowed;
            if (isfinite(x) && isfinite(w)) {
                error += (x - w) * (x - w);
                size += w * w;
            }
        }
    }
    const double step = steps[out->type].relative;
    if (tol->rms > 0 && sqrt(error) > (tol->rms + step) * sqrt(size))
        ck_fail(ck, target, op, args, "the RMS of the error is %.3g of that of the result, "
                "allowed are %.3g (%s)", sqrt(error / size), tol->rms + step, tol->why);
}

static void make_copies(struct ck *ck)
{
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (!r->want) {
            r->want = ck_need(r->bytes);
            r->got = ck_need(r->bytes);
            r->first = ck_need(r->bytes);
        }
        memcpy(r->want, r->before, r->bytes);
    }
}

/* The reference, in a copy of the regions. */
static void run_reference(struct ck *ck, zk_op op, const void *args)
{
    union ck_args a;

    make_copies(ck);
    memcpy(&a, args, ck_args_size(op));
    move_args(ck, op, &a, WANT);
    const zk_status st = ck_call(&zk_backend_ref, NULL, op, &a);
    if (st != ZK_OK)
        ck_fail(ck, "ref", op, args, "the reference answers %d", st);
    check_stray(ck, op, args, WANT, "ref");
}

void ck_reference(struct ck *ck, zk_op op, const void *args)
{
    const zk_status st = ck_call(&zk_backend_ref, NULL, op, args);

    if (st != ZK_OK)
        ck_fail(ck, "ref", op, args, "the reference answers %d", st);
}

static void to_device(struct ck *ck, const struct ck_target *t, zk_queue *q)
{
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (r->on_host)
            memcpy(r->got, r->before, r->bytes);
        else
            t->be->upload(q, r->dev, r->before, r->bytes);
    }
}

static void from_device(struct ck *ck, const struct ck_target *t, zk_queue *q)
{
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (!r->on_host)
            t->be->download(q, r->got, r->dev, r->bytes);
    }
    t->be->finish(q);
}

static bool device_alloc(struct ck *ck, const struct ck_target *t)
{
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (!r->on_host && t->be->alloc(t->queue[0], r->bytes, &r->dev) != ZK_OK)
            return false;
    }
    return true;
}

static void device_free(struct ck *ck, const struct ck_target *t)
{
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (r->dev)
            t->be->free(t->queue[0], r->dev);
        r->dev = NULL;
    }
}

/* True if two descriptions of a packed weight are the same. */
static bool same_packing(const zk_tensor *a, const zk_tensor *b)
{
    return a->type == b->type && a->packing == b->packing && a->scale == b->scale &&
           memcmp(a->dim, b->dim, sizeof(a->dim)) == 0 &&
           memcmp(a->step, b->step, sizeof(a->step)) == 0;
}

/* Packs the weight of args into *mem and puts it into its place. False, and no
 * failure, if the backend takes the rows as they are. */
static bool pack_weight(struct ck *ck, const struct ck_target *t, zk_queue *q, zk_op op,
                        const void *args, void *device_args, void **mem)
{
    const struct zk_pack p = ck_pack_of(ck, op, args);
    const size_t bytes = t->be->packed_size(q, &p);
    zk_tensor packed = { 0 }, described = { 0 };

    if (bytes == 0)
        return false;
    if (t->be->alloc(q, bytes, mem) != ZK_OK) {
        ck_fail(ck, t->name, op, args, "no memory for %zu packed bytes", bytes);
        return false;
    }
    struct zk_pack unseen = p;
    unseen.weight.data = NULL;
    const zk_status described_as = t->be->pack(q, &unseen, NULL, &described);
    const zk_status st = t->be->pack(q, &p, *mem, &packed);
    if (st != ZK_OK || described_as != ZK_OK)
        ck_fail(ck, t->name, op, args, "pack answers %d, and %d without memory", st, described_as);
    else if (packed.data != *mem || packed.packing == 0 || described.data ||
             memcmp(packed.dim, p.weight.dim, sizeof(packed.dim)) != 0 ||
             packed.scale != p.weight.scale || !same_packing(&packed, &described))
        ck_fail(ck, t->name, op, args, "pack describes another weight than it was given");
    *ck_tensor_at(device_args, ck_layouts[op].weight) = packed;
    return true;
}

/* Runs the op with one number of threads; what it leaves is in `got`. */
static bool run_once(struct ck *ck, const struct ck_target *t, zk_queue *q, zk_op op,
                     const void *args, bool packed)
{
    const struct ck_layout *l = &ck_layouts[op];
    union ck_args a;
    void *pack = NULL, *work = NULL;
    bool ran = true;

    memcpy(&a, args, ck_args_size(op));
    move_args(ck, op, &a, DEVICE);
    to_device(ck, t, q);
    if (packed)
        ran = pack_weight(ck, t, q, op, args, &a, &pack);
    const size_t bytes = ran ? t->be->work(q, op, &a) : 0;
    if (bytes > 0) {
        if (!l->work || t->be->alloc(q, bytes, &work) != ZK_OK)
            ck_fail(ck, t->name, op, args, "wants %zu bytes that it can't get", bytes);
        else
            memcpy((char *)&a + l->work, &work, sizeof(work));
    }
    if (ran && !ck->failed) {
        const zk_status st = ck_call(t->be, q, op, &a);
        if (st != ZK_OK)
            ck_fail(ck, t->name, op, args, "answers %d", st);
        from_device(ck, t, q);
    }
    if (work)
        t->be->free(q, work);
    if (pack)
        t->be->free(q, pack);
    return ran;
}

/* What measuring promises: the same needs as the backend's, without any memory. */
static void check_measure(struct ck *ck, const struct ck_target *t, zk_op op, const void *args)
{
    const zk_backend *m = zk_backend_find("measure");
    const struct ck_layout *l = &ck_layouts[op];
    zk_tensor packed = { 0 }, other = { 0 };
    union ck_args a;
    float result = -1;

    memcpy(&a, args, ck_args_size(op));
    for (int i = 0; i < l->tensors; i++)
        ck_tensor_at(&a, l->tensor[i])->data = NULL;
    if (op == ZK_OP_drift)
        a.drift.result = &result;
    if (ck_has_weight(op)) {
        struct zk_pack p = ck_pack_of(ck, op, args);
        p.weight.data = NULL;
        const size_t bytes = t->be->packed_size(t->queue[0], &p);
        if (m->packed_size(t->measure, &p) != bytes)
            ck_fail(ck, t->name, op, args, "measure packs to another size than %zu", bytes);
        if (bytes > 0 && (m->pack(t->measure, &p, NULL, &packed) != ZK_OK ||
                          t->be->pack(t->queue[0], &p, NULL, &other) != ZK_OK ||
                          !same_packing(&packed, &other)))
            ck_fail(ck, t->name, op, args, "measure describes another packing");
        if (bytes > 0)
            *ck_tensor_at(&a, l->weight) = packed;
    }
    const size_t work = t->be->work(t->queue[0], op, &a);
    if (m->work(t->measure, op, &a) != work)
        ck_fail(ck, t->name, op, args, "measure wants other scratch memory than %zu", work);
    if (ck_call(m, t->measure, op, &a) != ZK_OK || result == (op == ZK_OP_drift ? -1 : 0))
        ck_fail(ck, t->name, op, args, "measure does not answer");
}

static void run_target(struct ck *ck, struct ck_target *t, zk_op op, const void *args,
                       const struct ck_tol *tol, bool packed)
{
    char name[80];
    zk_tensor out[2];
    zk_dtype types[CK_TENSORS];
    const int outs = ck_outputs(op, args, out);

    if (!t->be->takes(t->queue[0], op, types, ck_types(op, args, types)))
        return;
    if (!device_alloc(ck, t)) {
        ck_fail(ck, t->name, op, args, "no memory");
        count(ck);
        return;
    }
    /* The reference has one thread, whatever it is offered. */
    const int thread_counts = ck_is_reference(t->be, op) ? 1 : ck->thread_counts;
    bool ran = true;
    for (int i = 0; i < thread_counts && ran && !ck->failed; i++) {
        snprintf(name, sizeof(name), "%s%s, %d threads", t->name, packed ? ", packed" : "",
                 ck->threads[i]);
        ran = run_once(ck, t, t->queue[i], op, args, packed);
        if (!ran || ck->failed)
            break;
        if (i == 0) {
            check_stray(ck, op, args, GOT, name);
            for (int o = 0; o < outs; o++)
                compare_output(ck, op, args, &out[o], tol->each[o], tol, name);
        }
        for (int r = 0; r < ck->regions; r++) {
            struct ck_region *region = &ck->region[r];
            if (i == 0)
                memcpy(region->first, region->got, region->bytes);
            else if (memcmp(region->first, region->got, region->bytes) != 0)
                ck_fail(ck, name, op, args, "differs from the result with %d threads",
                        ck->threads[0]);
        }
    }
    if (ran && !packed && t->measure && !ck->failed)
        check_measure(ck, t, op, args);
    device_free(ck, t);
    if (ran || ck->failed) {
        t->ran[op]++;
        count(ck);
    }
}

static void check_all(struct ck *ck, zk_op op, const void *args, const struct ck_tol *tol,
                      bool packed)
{
    ck->f8 = tol->f8;
    run_reference(ck, op, args);
    if (ck->failed) {
        count(ck);
        return;
    }
    for (int i = 0; i < ck->targets; i++) {
        run_target(ck, &ck->target[i], op, args, tol, false);
        if (packed)
            run_target(ck, &ck->target[i], op, args, tol, true);
    }
}

void ck_check(struct ck *ck, zk_op op, const void *args, const struct ck_tol *tol)
{
    check_all(ck, op, args, tol, false);
}

void ck_check_weight(struct ck *ck, zk_op op, const void *args, const struct ck_tol *tol)
{
    check_all(ck, op, args, tol, true);
}

/* The regions must be as before; `copy` is where the op might have written. */
static void check_untouched(struct ck *ck, zk_op op, const void *args, const char *name,
                            enum copy copy)
{
    for (int i = 0; i < ck->regions; i++) {
        struct ck_region *r = &ck->region[i];
        if (memcmp(copy_of(r, copy), r->before, r->bytes) != 0)
            ck_fail(ck, name, op, args, "wrote although it refused");
    }
    count(ck);
}

static void refuse(struct ck *ck, const struct ck_target *t, zk_op op, const void *args,
                   zk_status wanted)
{
    const char *name = t ? t->name : "ref";
    union ck_args a;
    zk_status st;

    make_copies(ck);
    memcpy(&a, args, ck_args_size(op));
    if (t && !device_alloc(ck, t)) {
        ck_fail(ck, name, op, args, "no memory");
        count(ck);
        return;
    }
    if (t) {
        move_args(ck, op, &a, DEVICE);
        to_device(ck, t, t->queue[0]);
        st = ck_call(t->be, t->queue[0], op, &a);
        from_device(ck, t, t->queue[0]);
        device_free(ck, t);
    } else {
        move_args(ck, op, &a, WANT);
        st = ck_call(&zk_backend_ref, NULL, op, &a);
    }
    if (st != wanted)
        ck_fail(ck, name, op, args, "answers %d, expected %d", st, wanted);
    check_untouched(ck, op, args, name, t ? GOT : WANT);
}

void ck_refuses(struct ck *ck, zk_op op, const void *args, zk_status status)
{
    refuse(ck, NULL, op, args, status);
    for (int i = 0; i < ck->targets; i++)
        refuse(ck, &ck->target[i], op, args, status);
}
