/* The process's checkpoints: found by key, counted, and freed by the last who leaves. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/shared.h"

typedef struct part {
    zc_loaded loaded;
    int       takers;
    bool      loading;            /* by one who has left the mutex */
} part;

struct zc_shared {
    zc_shared_key  key;
    zc_shared     *next;
    int            users;
    bool           opening;
    zc_cond        changed;
    zc_checkpoint *checkpoint;
    part           part[ZC_COMPONENTS];
};

static zc_mutex mutex = ZC_MUTEX_INIT;            /* around all of them and the list */
static zc_shared *first;

/* ---- Keys ---- */

/* What a checkpoint is made of; other files may come and go in its folder. */
static bool belongs(const char *name)
{
    static const char *const ends[] = { ".safetensors", ".gguf", ".json", ".txt", ".model" };

    for (size_t i = 0; i < ZC_COUNT(ends); i++) {
        if (zc_str_ends(name, ends[i]))
            return true;
    }
    return false;
}

/* Which file or folder it is; of a folder also the files in it, two levels deep. */
static void add_path(zc_sha256 *h, const char *path, int levels)
{
    enum { PATH_BYTES = 2048 };
    char below[PATH_BYTES];
    zc_file_info info = { .size = 0 };
    zc_dir *dir = NULL;

    if (!zc_path_info(&info, path)) {
        zc_sha256_add(h, path, strlen(path) + 1);
        return;
    }
    zc_sha256_add(h, &info.device, sizeof(info.device));
    zc_sha256_add(h, &info.inode, sizeof(info.inode));
    if (info.kind != ZC_FILE_FOLDER) {
        zc_sha256_add(h, &info.size, sizeof(info.size));
        zc_sha256_add(h, &info.mtime_ns, sizeof(info.mtime_ns));
        return;
    }
    if (levels == 0 || zc_dir_open(&dir, NULL, path) != ZC_OK)
        return;
    for (const char *name; (name = zc_dir_next(dir));) {
        const bool inside = zc_format(below, sizeof(below), "%s/%s", path, name) < sizeof(below);
        if (!inside || !zc_path_info(&info, below) ||
            (info.kind != ZC_FILE_FOLDER && !belongs(name)))
            continue;
        zc_sha256_add(h, name, strlen(name) + 1);
        add_path(h, below, levels - 1);
    }
    zc_dir_close(&dir);
}

zc_shared_key zc_shared_key_of(const zc_request *q, const zk_backend *be, uint64_t budget)
{
    const char *const paths[] = { q->model, q->transformer, q->text_encoder, q->clip, q->vae,
                                  q->tokenizer, q->clip_tokenizer };
    zc_shared_key key = { "" };
    zc_sha256 h;
    uint8_t digest[32];

    zc_sha256_init(&h);
    for (size_t i = 0; i < ZC_COUNT(paths); i++)
        add_path(&h, paths[i], 2);
    zc_sha256_add(&h, be->name, strlen(be->name) + 1);
    zc_sha256_add(&h, &q->precision, sizeof(q->precision));
    zc_sha256_add(&h, &budget, sizeof(budget));
    zc_sha256_finish(&h, digest);
    zc_sha256_text(key.text, digest);
    return key;
}

/* ---- The list; with the mutex held ---- */

static zc_shared *find(const zc_shared_key *key)
{
    for (zc_shared *s = first; s; s = s->next) {
        if (zc_shared_is(s, key))
            return s;
    }
    return NULL;
}

static zc_shared *add(const zc_shared_key *key)
{
    zc_shared *s = zc_new(zc_shared);

    if (!s || zc_cond_init(&s->changed) != ZC_OK) {
        zc_free(s);
        return NULL;
    }
    s->key = *key;
    s->next = first;
    first = s;
    return s;
}

static void remove_it(const zc_shared *s)
{
    zc_shared **at = &first;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
}

/* Until something has changed, or for a moment; false if the caller's job is cancelled. */
static bool wait_a_moment(zc_shared *s, zc_cancel *cancel)
{
    if (cancel && zc_cancel_requested(cancel))
        return false;
    zc_cond_wait_until(&s->changed, &mutex, zc_clock_ns() + 20 * 1000 * 1000);
    return true;
}

/* One who works without the mutex: what was done is seen by the others. */
static zc_status open_checkpoint(zc_shared *s, zc_log *log, const zc_request *q)
{
    zc_checkpoint *checkpoint = NULL;

    s->opening = true;
    zc_mutex_unlock(&mutex);
    const zc_status st = zc_checkpoint_open(&checkpoint, log, q);
    zc_mutex_lock(&mutex);
    s->opening = false;
    s->checkpoint = checkpoint;
    zc_cond_broadcast(&s->changed);
    return st;
}

static zc_status load_part(zc_shared *s, const zc_loaded_desc *desc, enum zc_component_kind kind)
{
    zc_log *log = desc->log;
    zc_status st = ZC_OK;
    zc_loaded loaded = { .store = NULL };
    zc_weights_plan plan = { .tensors = 0 };
    zc_loaded_desc d = *desc;

    d.source = zc_checkpoint_source(s->checkpoint->part[kind]);
    s->part[kind].loading = true;
    zc_mutex_unlock(&mutex);
    ZC_TRY(zc_loaded_open(&loaded, &d, kind, &s->checkpoint->configs, &plan));
    ZC_TRY(zc_checkpoint_complete(s->checkpoint->part[kind], log));
    zc_weights_attach(loaded.store, desc->queue, NULL);
    zc_info(log, "%s: %d tensors, %.2f GB, of which %.2f GB stay in memory",
            zc_component_names[kind], plan.tensors, (double)plan.bytes * 1e-9,
            (double)plan.resident * 1e-9);
done:
    if (st != ZC_OK)
        zc_loaded_close(&loaded);
    zc_mutex_lock(&mutex);
    s->part[kind].loaded = loaded;
    s->part[kind].loading = false;
    zc_cond_broadcast(&s->changed);
    return st;
}

/* ---- Open and close, take and give ---- */

static void free_all(zc_shared *s, zk_queue *queue)
{
    for (int i = 0; i < ZC_COMPONENTS; i++) {
        zc_weights_attach(s->part[i].loaded.store, queue, NULL);
        zc_loaded_close(&s->part[i].loaded);
    }
    zc_checkpoint_close(&s->checkpoint);
    zc_cond_fini(&s->changed);
    zc_free(s);
}

zc_status zc_shared_open(zc_shared **out, zc_log *log, const zc_shared_key *key,
                         const zc_request *q, zc_cancel *cancel)
{
    zc_status st = ZC_OK;

    *out = NULL;
    zc_mutex_lock(&mutex);
    zc_shared *s = find(key);
    if (!s)
        s = add(key);
    ZC_CHECK(s, ZC_E_NOMEM, "checkpoint: out of memory");
    s->users++;
    while (!s->checkpoint) {
        if (!s->opening)
            ZC_TRY(open_checkpoint(s, log, q));
        else
            ZC_CHECK(wait_a_moment(s, cancel), ZC_E_CANCELLED, "cancelled");
    }
    *out = s;
    s = NULL;
done:
    zc_mutex_unlock(&mutex);
    zc_shared_close(&s, NULL);            /* it has no parts: no queue is needed */
    return st;
}

void zc_shared_close(zc_shared **shared, zk_queue *queue)
{
    zc_shared *s = *shared;

    if (!s)
        return;
    zc_mutex_lock(&mutex);
    const bool last = --s->users == 0;
    if (last)
        remove_it(s);
    zc_mutex_unlock(&mutex);
    if (last)
        free_all(s, queue);
    *shared = NULL;
}

bool zc_shared_is(const zc_shared *s, const zc_shared_key *key)
{
    return strcmp(s->key.text, key->text) == 0;
}

const zc_checkpoint *zc_shared_checkpoint(const zc_shared *s)
{
    return s->checkpoint;
}

zc_status zc_shared_take(zc_shared *s, const zc_loaded_desc *desc, enum zc_component_kind kind,
                         zc_loaded *out)
{
    zc_log *log = desc->log;
    zc_status st = ZC_OK;
    part *p = &s->part[kind];

    zc_mutex_lock(&mutex);
    for (;;) {
        const bool alone = p->loaded.bound && zc_weights_streams(p->loaded.store);
        if (p->loading || (alone && p->takers > 0)) {
            ZC_CHECK(wait_a_moment(s, desc->cancel), ZC_E_CANCELLED, "cancelled");
            continue;
        }
        if (alone)
            zc_weights_attach(p->loaded.store, desc->queue, log);
        if (p->loaded.bound)
            break;
        ZC_TRY(load_part(s, desc, kind));
    }
    p->takers++;
    *out = p->loaded;
done:
    zc_mutex_unlock(&mutex);
    return st;
}

void zc_shared_give(zc_shared *s, enum zc_component_kind kind, zc_loaded *loaded,
                    zk_queue *queue, enum zc_keep keep)
{
    zc_loaded dead = { .store = NULL };

    if (!loaded->bound)           /* nor is there an s, maybe */
        return;
    part *p = &s->part[kind];
    *loaded = dead;
    zc_mutex_lock(&mutex);
    p->takers--;
    if (zc_weights_streams(p->loaded.store))
        zc_weights_attach(p->loaded.store, queue, NULL);
    if (p->takers == 0 && keep == ZC_FORGET) {
        dead = p->loaded;
        p->loaded = *loaded;
    }
    zc_cond_broadcast(&s->changed);
    zc_mutex_unlock(&mutex);
    zc_weights_attach(dead.store, queue, NULL);
    zc_loaded_close(&dead);
}

int zc_shared_count(void)
{
    int count = 0;

    zc_mutex_lock(&mutex);
    for (const zc_shared *s = first; s; s = s->next)
        count++;
    zc_mutex_unlock(&mutex);
    return count;
}
