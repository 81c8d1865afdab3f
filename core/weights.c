/* Finds, checks, loads and streams the weights that models bind by name.
 *
 * Blocks that do not fit the budget share one slot: while a block is worked
 * with, a thread reads the next one from disk into a staging buffer, and the
 * head of that block packs it. On a device that copies beside its work there are
 * two slots, and the device may still be at the block before. */

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/log.h"
#include "core/weights.h"

#define NAME_MAX_BYTES 192
#define PIECE_ALIGN 64
#define SLOTS 2

typedef struct item {
    zk_tensor *dst;
    char       name[NAME_MAX_BYTES];
    zc_source_tensor from;
    int64_t    first, count;          /* elements of the source that are ours */
    zk_op      op;                    /* of a packed weight */
    int32_t    kernel[3];
    enum zc_weight_use use;
    uint64_t   packed;                /* bytes of the packed form, 0 if rows stay */
    uint64_t   raw, bytes;            /* bytes as read, and as kept */
} item;

typedef struct block {
    int      first, count;            /* items */
    uint64_t raw, bytes;
    void    *memory;                  /* NULL if it is streamed, or not loaded yet */
    bool     streamed, early;
} block;

struct zc_weights {
    zc_weights_desc desc;
    zc_status status;                 /* first failure of binding */
    item    *items;
    block   *blocks;
    void   **arrays;
    size_t   item_count, item_room, block_count, block_room, array_count, array_room;

    /* Streaming. The reader owns `staging` from a request to its answer. */
    void    *slot[SLOTS];             /* backend memory of the blocks that are there */
    uint8_t *staging;
    int      in_slot[SLOTS], wanted;  /* block numbers; -1: none */
    int      last;                    /* the slot that was begun with last */
    bool     threaded, answered, quit;
    bool     early;                   /* of blocks that are bound now */
    zc_status answer;
    zc_log    reading;                /* the reader's, with the reason of a bad answer */
    zc_thread reader;
    zc_mutex  mutex;
    zc_cond   changed;
};

zc_status zc_weights_open(zc_weights **out, const zc_weights_desc *desc)
{
    zc_log *log = desc->log;
    zc_status st = ZC_OK;
    zc_weights *w = zc_new(zc_weights);

    *out = NULL;
    ZC_CHECK(w, ZC_E_NOMEM, "weights: out of memory");
    w->desc = *desc;
    w->in_slot[0] = w->in_slot[1] = w->wanted = -1;
    *out = w;
done:
    return st;
}

static void stop_reader(zc_weights *w)
{
    if (!w->threaded)
        return;
    zc_mutex_lock(&w->mutex);
    w->quit = true;
    zc_cond_broadcast(&w->changed);
    zc_mutex_unlock(&w->mutex);
    zc_thread_join(&w->reader);
    zc_cond_fini(&w->changed);
    zc_mutex_fini(&w->mutex);
    zc_log_fini(&w->reading);
}

bool zc_weights_streams(const zc_weights *w)
{
    return w->threaded;
}

void zc_weights_attach(zc_weights *w, zk_queue *queue, zc_log *log)
{
    if (!w)
        return;
    w->desc.queue = queue;
    w->desc.log = log;
}

void zc_weights_close(zc_weights **out)
{
    zc_weights *w = *out;

    if (!w)
        return;
    stop_reader(w);
    for (size_t i = 0; i < w->block_count; i++) {
        if (w->blocks[i].memory)
            w->desc.be->free(w->desc.queue, w->blocks[i].memory);
    }
    for (int i = 0; i < SLOTS; i++) {
        if (w->slot[i])
            w->desc.be->free(w->desc.queue, w->slot[i]);
    }
    zc_free_aligned(w->staging);
    for (size_t i = 0; i < w->array_count; i++)
        zc_free(w->arrays[i]);
    zc_free(w->arrays);
    zc_free(w->blocks);
    zc_free(w->items);
    zc_free(w);
    *out = NULL;
}

void *zc_weights_array(zc_weights *w, int count, size_t size)
{
    void *mem;

    if (w->status != ZC_OK || count <= 0)
        return NULL;
    mem = zc_alloc_zeroed((size_t)count, size);
    if (!mem || !zc_grow(&w->arrays, &w->array_room, w->array_count + 1, sizeof(*w->arrays))) {
        zc_free(mem);
        zc_error(w->desc.log, "weights: no memory for %d blocks of %zu bytes", count, size);
        w->status = ZC_E_NOMEM;
        return NULL;
    }
    w->arrays[w->array_count++] = mem;
    return mem;
}

/* ---- Looking into a source ---- */

zc_status zc_source_need(const zc_source *s, zc_log *log, const char *name, int rank,
                         zc_source_tensor *out)
{
    zc_status st = s->find(s->user, log, name, out);

    ZC_CHECK(st != ZC_E_MISSING, ZC_E_MISSING, "%s: %s is missing", s->name, name);
    ZC_TRY(st);
    ZC_CHECK(out->rank >= rank, ZC_E_SHAPE, "%s: %s has %d axes, expected %d", s->name, name,
             out->rank, rank);
    for (int i = 0; i < out->rank; i++)
        ZC_CHECK(out->dim[i] >= 1 && out->dim[i] <= INT32_MAX / 8, ZC_E_LIMIT,
                 "%s: axis %d of %s is %lld, expected 1 to %d", s->name, i, name,
                 (long long)out->dim[i], INT32_MAX / 8);
done:
    return st;
}

int zc_source_count(const zc_source *s, const char *format)
{
    enum { MOST = 10000 };
    const char *mark = strstr(format, "%d");
    char name[NAME_MAX_BYTES];
    zc_source_tensor t;
    int n = 0;

    for (; n < MOST; n++) {
        zc_format(name, sizeof(name), "%.*s%d%s", (int)(mark - format), format, n, mark + 2);
        if (s->find(s->user, NULL, name, &t) != ZC_OK)
            break;
    }
    return n;
}

/* ---- Binding ---- */

/* "[9216, 3072]" */
static void shape_text(char text[80], const int64_t *dim, int rank)
{
    size_t at = zc_format(text, 80, "[");

    for (int i = 0; i < rank && at < 70; i++)
        at += zc_format(text + at, 80 - at, i ? ", %lld" : "%lld", (long long)dim[i]);
    zc_format(text + at, 80 - at, "]");
}

/* What a plan without a file takes a tensor to be. */
static zc_source_tensor assumed(const zc_weights *w, const zc_weight_row *row, int64_t rows,
                                int64_t cols)
{
    return (zc_source_tensor){
        .type = row->use == ZC_VECTOR ? ZK_F32 : w->desc.assume, .scale = 1.0f,
        .rank = row->use == ZC_VECTOR ? 1 : 2,
        .dim = { row->use == ZC_VECTOR ? cols : rows, cols },
    };
}

/* Is the source's shape [rows, cols], its inner axes taken together? A matrix
 * may be stored as a kernel of one tap, and a kernel as a matrix. */
static bool same_shape(const zc_source_tensor *t, int64_t rows, int64_t cols)
{
    int64_t inner = 1;

    if (t->rank < 1)
        return rows * cols == 1;
    for (int i = 1; i < t->rank; i++) {
        if (t->dim[i] > 0 && inner > INT64_MAX / t->dim[i])
            return false;
        inner *= t->dim[i];
    }
    return rows == 1 ? t->dim[0] == cols && inner == 1 : t->dim[0] == rows && inner == cols;
}

static zc_status bind_row(zc_weights *w, const zc_weight_row *row, const int32_t *dims, void *dst,
                          const char *prefix)
{
    zc_log *log = w->desc.log;
    zc_status st = ZC_OK;
    char found[80], expected[80];
    item it = { .dst = (zk_tensor *)((uint8_t *)dst + row->offset), .use = row->use };
    const int64_t taps = row->use == ZC_KERNEL
                             ? (int64_t)row->kernel[0] * row->kernel[1] * row->kernel[2] : 1;
    const int64_t rows = row->dim[0] ? dims[row->dim[0]] : 1;
    const int64_t cols = (row->dim[1] ? dims[row->dim[1]] : 1) * taps;
    const int64_t first = row->from ? dims[row->from] : 0;
    const int64_t whole = row->whole ? dims[row->whole] : row->use == ZC_VECTOR ? cols : rows;
    /* A vector is divided along its columns, everything else along its rows. */
    const int64_t all_rows = row->use == ZC_VECTOR ? 1 : whole;
    const int64_t all_cols = row->use == ZC_VECTOR ? whole : cols;
    const int64_t unit = row->use == ZC_VECTOR ? 1 : cols;

    *it.dst = (zk_tensor){ .type = ZK_NONE };
    if (row->optional && dims[row->optional] == 0)
        return ZC_OK;
    ZC_CHECK(zc_format(it.name, sizeof(it.name), "%s%s", prefix, row->name) < sizeof(it.name),
             ZC_E_LIMIT, "a tensor's name is longer than %d bytes: %s...", NAME_MAX_BYTES - 1,
             it.name);
    if (w->desc.source) {
        st = w->desc.source->find(w->desc.source->user, log, it.name, &it.from);
        ZC_CHECK(st != ZC_E_MISSING, ZC_E_MISSING, "%s: %s is missing", w->desc.source->name,
                 it.name);
        ZC_TRY(st);
        const int64_t shape[2] = { row->use == ZC_VECTOR ? all_cols : all_rows, all_cols };
        shape_text(found, it.from.dim, it.from.rank);
        shape_text(expected, shape, row->use == ZC_VECTOR ? 1 : 2);
        ZC_CHECK(same_shape(&it.from, all_rows, all_cols), ZC_E_SHAPE, "%s: %s is %s, expected %s",
                 w->desc.source->name, it.name, found, expected);
    } else {
        it.from = assumed(w, row, all_rows, all_cols);
    }
    const zk_dtype_info *info = zk_dtype_get(it.from.type);
    ZC_CHECK(info->to_f32, ZC_E_UNSUPPORTED, "%s: %s is of type %s, which cannot be computed with",
             w->desc.source ? w->desc.source->name : "(assumed)", it.name, info->name);
    it.first = first * unit;
    it.count = rows * cols;
    ZC_CHECK(it.first % info->block == 0 && cols % info->block == 0, ZC_E_SHAPE,
             "%s: rows of %lld elements are no whole number of %s blocks", it.name,
             (long long)cols, info->name);
    ZC_CHECK(zk_dtype_size(it.from.type, (uint64_t)it.count, &it.raw) && rows <= INT32_MAX &&
                 cols <= INT32_MAX,
             ZC_E_LIMIT, "%s: %lld by %lld is too large", it.name, (long long)rows,
             (long long)cols);

    zk_tensor t = zk_dense(NULL, it.from.type, (int32_t)rows, (int32_t)cols);
    t.scale = it.from.scale;
    it.bytes = it.raw;
    if (row->use == ZC_VECTOR) {
        t.type = ZK_F32;
        t.scale = 1.0f;
        it.bytes = (uint64_t)it.count * sizeof(float);
    } else if (row->use != ZC_TABLE) {
        struct zk_pack p = { .weight = t, .op = ZK_OP_linear, .act = w->desc.act,
                             .f8 = w->desc.f8 };
        if (row->use == ZC_KERNEL) {
            p.op = ZK_OP_conv;
            for (int i = 0; i < 3; i++)
                p.kernel[i] = row->kernel[i];
        }
        it.op = p.op;
        memcpy(it.kernel, p.kernel, sizeof(it.kernel));
        it.packed = w->desc.be->packed_size(w->desc.queue, &p);
        if (it.packed)
            it.bytes = it.packed;
    }
    *it.dst = t;
    ZC_CHECK(zc_grow(&w->items, &w->item_room, w->item_count + 1, sizeof(*w->items)), ZC_E_NOMEM,
             "weights: out of memory after %zu tensors", w->item_count);
    w->items[w->item_count++] = it;
done:
    return st;
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + PIECE_ALIGN - 1) / PIECE_ALIGN * PIECE_ALIGN;
}

void zc_weights_bind(zc_weights *w, const zc_weight_row *rows, int count, const int32_t *dims,
                     void *dst, const char *prefix, ...)
{
    char text[NAME_MAX_BYTES];
    block b = { .first = (int)w->item_count, .early = w->early };
    va_list ap;

    if (w->status != ZC_OK)
        return;
    va_start(ap, prefix);
    zc_vformat(text, sizeof(text), prefix, ap);
    va_end(ap);
    for (int i = 0; i < count && w->status == ZC_OK; i++)
        w->status = bind_row(w, &rows[i], dims, dst, text);
    if (w->status != ZC_OK)
        return;
    for (size_t i = (size_t)b.first; i < w->item_count; i++) {
        b.raw += padded(w->items[i].raw);
        b.bytes += padded(w->items[i].bytes);
        b.count++;
    }
    if (!zc_grow(&w->blocks, &w->block_room, w->block_count + 1, sizeof(*w->blocks))) {
        zc_error(w->desc.log, "weights: out of memory after %zu blocks", w->block_count);
        w->status = ZC_E_NOMEM;
        return;
    }
    w->blocks[w->block_count++] = b;
}

void zc_weights_early(zc_weights *w)
{
    w->early = true;
}

/* ---- Planning: which blocks stay ---- */

static int slots_of(const zc_weights *w)
{
    return w->desc.be->copies_aside ? SLOTS : 1;
}

zc_status zc_weights_plan_get(zc_weights *w, zc_weights_plan *plan)
{
    zc_log *log = w->desc.log;
    zc_status st = ZC_OK;
    const uint64_t budget = w->desc.budget ? w->desc.budget : UINT64_MAX;
    uint64_t most = 0, most_raw = 0;

    *plan = (zc_weights_plan){ .tensors = (int)w->item_count, .blocks = (int)w->block_count };
    ZC_TRY(w->status);
    for (size_t i = 0; i < w->item_count; i++)
        plan->parameters += (uint64_t)w->items[i].count;
    for (size_t i = 0; i < w->block_count; i++) {
        block *b = &w->blocks[i];
        plan->bytes += b->bytes;
        b->streamed = false;
        if (i > 0) {
            most = b->bytes > most ? b->bytes : most;
            most_raw = b->raw > most_raw ? b->raw : most_raw;
        }
    }
    plan->resident = plan->bytes;
    if (plan->bytes <= budget)
        return ZC_OK;
    most *= (uint64_t)slots_of(w);
    plan->slot = most;
    plan->staging = most_raw;
    plan->resident = w->blocks[0].bytes;
    ZC_CHECK(plan->resident + most + most_raw <= budget, ZC_E_NOMEM,
             "weights need %" PRIu64 " bytes, and %" PRIu64 " with one block at a time; the limit "
             "is %" PRIu64, plan->bytes, plan->resident + most + most_raw, budget);
    for (size_t i = 1; i < w->block_count; i++) {
        block *b = &w->blocks[i];
        if (!b->early && plan->resident + b->bytes <= budget - most - most_raw) {
            plan->resident += b->bytes;
        } else {
            b->streamed = true;
            plan->streamed++;
            *(b->early ? &plan->once : &plan->every_step) += b->bytes;
        }
    }
done:
    return st;
}

/* ---- Loading ---- */

/* One tensor, as read, to its place in the backend's memory. */
static zc_status place(zc_weights *w, item *it, void *raw, void *memory, float *floats)
{
    const zk_backend *be = w->desc.be;
    zk_status st = ZK_OK;

    if (it->packed) {
        struct zk_pack p = { .weight = *it->dst, .op = it->op, .act = w->desc.act,
                             .f8 = w->desc.f8 };
        memcpy(p.kernel, it->kernel, sizeof(p.kernel));
        p.weight = zk_dense(raw, it->from.type, it->dst->dim[2], it->dst->dim[3]);
        p.weight.scale = it->from.scale;
        st = be->pack(w->desc.queue, &p, memory, it->dst);
    } else if (it->use == ZC_VECTOR) {
        zk_dtype_get(it->from.type)->to_f32(floats, raw, (size_t)it->count);
        for (int64_t i = 0; i < it->count && it->from.scale != 1.0f; i++)
            floats[i] *= it->from.scale;
        st = be->upload(w->desc.queue, memory, floats, (size_t)it->bytes);
        it->dst->data = memory;
    } else {
        st = be->upload(w->desc.queue, memory, raw, (size_t)it->bytes);
        it->dst->data = memory;
    }
    if (st != ZK_OK)
        zc_error(w->desc.log, "%s: %s", it->name, zc_status_name((zc_status)st));
    return (zc_status)st;
}

static zc_status read_item(const zc_weights *w, zc_log *log, const item *it, void *raw,
                           zc_pool *pool)
{
    const zc_source *s = w->desc.source;

    return s->read(s->user, log, &it->from, it->first, it->count, raw, pool);
}

/* Room for the largest vector of all, which is converted on the way. */
static float *vector_room(const zc_weights *w)
{
    uint64_t most = sizeof(float);

    for (size_t i = 0; i < w->item_count; i++) {
        if (w->items[i].use == ZC_VECTOR && w->items[i].bytes > most)
            most = w->items[i].bytes;
    }
    return zc_alloc((size_t)most);
}

static zc_status load_block(zc_weights *w, block *b, uint8_t *raw, float *floats, zc_pool *pool)
{
    zc_log *log = w->desc.log;
    zc_status st = ZC_OK;
    uint64_t at = 0;

    ZC_CHECK(w->desc.be->alloc(w->desc.queue, (size_t)b->bytes, &b->memory) == ZK_OK, ZC_E_NOMEM,
             "weights: no memory for %" PRIu64 " bytes on %s", b->bytes, w->desc.be->name);
    for (int i = b->first; i < b->first + b->count; i++) {
        ZC_TRY(read_item(w, log, &w->items[i], raw, pool));
        ZC_TRY(place(w, &w->items[i], raw, (uint8_t *)b->memory + at, floats));
        at += padded(w->items[i].bytes);
    }
done:
    return st;
}

static void reader(void *arg);

static zc_status start_streaming(zc_weights *w, const zc_weights_plan *plan)
{
    zc_log *log = w->desc.log;
    zc_status st = ZC_OK;

    const int slots = slots_of(w);

    w->staging = zc_alloc_aligned((size_t)plan->staging);
    ZC_CHECK(w->staging, ZC_E_NOMEM, "weights: no memory for a block of %" PRIu64 " bytes",
             plan->staging);
    for (int i = 0; i < slots; i++)
        ZC_CHECK(w->desc.be->alloc(w->desc.queue, (size_t)plan->slot / (size_t)slots,
                                   &w->slot[i]) == ZK_OK,
                 ZC_E_NOMEM, "weights: no memory on %s for blocks of %" PRIu64 " bytes",
                 w->desc.be->name, plan->slot);
    ZC_TRY(zc_log_init(&w->reading, ZC_LEVEL_ERROR, NULL, NULL));
    st = zc_mutex_init(&w->mutex);
    if (st == ZC_OK) {
        st = zc_cond_init(&w->changed);
        if (st == ZC_OK) {
            st = zc_thread_start(&w->reader, "zt-weights", reader, w);
            if (st != ZC_OK)
                zc_cond_fini(&w->changed);
        }
        if (st != ZC_OK)
            zc_mutex_fini(&w->mutex);
    }
    if (st != ZC_OK)
        zc_log_fini(&w->reading);
    ZC_CHECK(st == ZC_OK, st, "weights: no thread to read ahead with");
    w->threaded = true;
done:
    return st;
}

zc_status zc_weights_load(zc_weights *w, zc_pool *pool, zc_cancel *cancel)
{
    zc_log *log = w->desc.log;
    zc_status st = ZC_OK;
    zc_weights_plan plan;
    uint64_t raw_bytes = 1;
    uint8_t *raw = NULL;
    float *floats = NULL;

    ZC_TRY(zc_weights_plan_get(w, &plan));
    for (size_t i = 0; i < w->item_count; i++)
        raw_bytes = w->items[i].raw > raw_bytes ? w->items[i].raw : raw_bytes;
    raw = zc_alloc_aligned((size_t)raw_bytes);
    floats = vector_room(w);
    ZC_CHECK(raw && floats, ZC_E_NOMEM, "weights: no memory for a tensor of %" PRIu64 " bytes",
             raw_bytes);
    for (size_t i = 0; i < w->block_count; i++) {
        ZC_CHECK(!cancel || !zc_cancel_requested(cancel), ZC_E_CANCELLED, "cancelled");
        if (!w->blocks[i].streamed)
            ZC_TRY(load_block(w, &w->blocks[i], raw, floats, pool));
    }
    /* Whoever shares them may have another queue. */
    ZC_CHECK(w->desc.be->finish(w->desc.queue) == ZK_OK, ZC_E_DEVICE,
             "weights: copying %" PRIu64 " bytes to %s failed", plan.resident, w->desc.be->name);
    if (plan.streamed)
        ZC_TRY(start_streaming(w, &plan));
done:
    zc_free_aligned(raw);
    zc_free(floats);
    return st;
}

/* ---- Streaming ---- */

/* Reads whatever block is wanted, one after another, until it is told to quit. */
static void reader(void *arg)
{
    zc_weights *w = arg;

    zc_mutex_lock(&w->mutex);
    while (!w->quit) {
        if (w->wanted < 0 || w->answered) {
            zc_cond_wait(&w->changed, &w->mutex);
            continue;
        }
        const block *b = &w->blocks[w->wanted];
        zc_mutex_unlock(&w->mutex);
        zc_status st = ZC_OK;
        uint64_t at = 0;
        for (int i = b->first; i < b->first + b->count && st == ZC_OK; i++) {
            st = read_item(w, &w->reading, &w->items[i], w->staging + at, NULL);
            at += padded(w->items[i].raw);
        }
        zc_mutex_lock(&w->mutex);
        w->answer = st;
        w->answered = true;
        zc_cond_broadcast(&w->changed);
    }
    zc_mutex_unlock(&w->mutex);
}

/* With the mutex held. */
static void want(zc_weights *w, int number)
{
    w->wanted = number;
    w->answered = false;
    zc_cond_broadcast(&w->changed);
}

static zc_status fetch(zc_weights *w, int number)
{
    zc_mutex_lock(&w->mutex);
    if (w->wanted >= 0 && w->wanted != number) {
        while (!w->answered)
            zc_cond_wait(&w->changed, &w->mutex);
    }
    if (w->wanted != number)
        want(w, number);
    while (!w->answered)
        zc_cond_wait(&w->changed, &w->mutex);
    const zc_status st = w->answer;
    w->wanted = -1;
    zc_mutex_unlock(&w->mutex);
    return st;
}

/* What will be wanted after a block: the next of its sort, in a circle; after the
 * last early one, the first of the others. */
static int next_streamed(const zc_weights *w, int number)
{
    const int count = (int)w->block_count;

    for (int i = 1; i <= count; i++) {
        const block *b = &w->blocks[(number + i) % count];
        const bool turned = number + i >= count;
        if (b->streamed && (b->early == w->blocks[number].early || turned))
            return (number + i) % count;
    }
    return number;
}

/* The wanted block from staging to a slot, and the next one under way. */
static zc_status bring(zc_weights *w, int number, int slot)
{
    char why[ZC_LOG_TEXT];
    zc_log *log = w->desc.log;
    zc_status st = ZC_OK;
    const block *b = &w->blocks[number];
    float *floats = vector_room(w);
    uint64_t from = 0, to = 0;

    ZC_CHECK(floats, ZC_E_NOMEM, "weights: out of memory");
    w->in_slot[slot] = -1;
    st = fetch(w, number);
    if (st != ZC_OK) {
        zc_log_last_error(&w->reading, why, sizeof(why));
        zc_error(log, "%s", why);
        goto done;
    }
    for (int i = b->first; i < b->first + b->count; i++) {
        item *it = &w->items[i];
        ZC_TRY(place(w, it, w->staging + from, (uint8_t *)w->slot[slot] + to, floats));
        from += padded(it->raw);
        to += padded(it->bytes);
    }
    w->in_slot[slot] = number;
    zc_mutex_lock(&w->mutex);
    want(w, next_streamed(w, number));
    zc_mutex_unlock(&w->mutex);
done:
    zc_free(floats);
    return st;
}

void zc_block_begin(zc_run *r, zc_weights *w, int number)
{
    zc_run_poll(r);
    if (!w || r->status != ZC_OK || !w->threaded || !w->blocks[number].streamed ||
        r->be != w->desc.be)
        return;
    /* What was begun with last may still be in use: it is the other slot that is filled. */
    int slot = slots_of(w) == 1 ? 0 : 1 - w->last;
    if (w->in_slot[w->last] == number)
        slot = w->last;
    zc_status st = (zc_status)r->be->aside(r->queue, true);
    if (st == ZC_OK && w->in_slot[slot] != number)
        st = bring(w, number, slot);
    const zc_status back = (zc_status)r->be->aside(r->queue, false);
    w->last = slot;
    st = st == ZC_OK ? back : st;
    if (st != ZC_OK)
        zc_run_fail(r, st, "weights of block %d could not be read: %s", number, zc_status_name(st));
}
