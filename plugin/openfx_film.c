/* Finds films, starts them, and lets go of them. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/openfx_film.h"
#include "plugin/user_folder.h"

struct fx_film {
    fx_film *next;
    char    *key;                 /* everything that decides what the film is */
    zt_job  *job;
    int      wanted;              /* by so many instances */
    int      held;                /* by so many calls */
    bool     gone;                /* not to be found any more */
};

/* The state that all instances share; the mutex guards it. */
static struct {
    pthread_mutex_t mutex;
    fx_film        *first;        /* the one used last is first */
    zt_engine      *engine;
    pid_t           pid;          /* of the process that opened the engine */
    int             instances;
    bool            unloaded;
} shared = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Where an error goes that the engine tells during a call of this thread. */
static _Thread_local struct { char *text; size_t size; } reason;

static void hear(void *user, int32_t level, const char *text)
{
    (void)user;
    if (level == ZT_LEVEL_ERROR && reason.text)
        snprintf(reason.text, reason.size, "%s", text);
}

const zt_api *fx_api(void)
{
    return zt_get_api(ZT_ABI);
}

static void lock(void)
{
    pthread_mutex_lock(&shared.mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&shared.mutex);
}

static bool is_forked(void)
{
    return shared.engine && shared.pid != getpid();
}

static bool is_done(fx_film *f)
{
    return fx_film_info(f).phase == ZT_PHASE_DONE;
}

/* Frees what nobody uses. `keep` the last one used, and that while it is being made
 * only if no other film waits for its end. */
static void trim(bool keep, bool keep_running)
{
    fx_film **at = &shared.first;

    while (*at) {
        fx_film *f = *at;
        const bool unused = f->wanted == 0 && f->held == 0;
        if (unused && !f->gone && keep && (keep_running || is_done(f))) {
            keep = false;
        } else if (unused) {
            *at = f->next;
            fx_api()->job_close(&f->job);
            free(f->key);
            free(f);
            continue;
        }
        at = &f->next;
    }
}

static void close_engine(void)
{
    if (shared.unloaded && shared.instances == 0 && shared.engine && !is_forked()) {
        trim(false, false);
        if (!shared.first)
            fx_api()->engine_close(&shared.engine);
    }
}

void fx_films_load(void)
{
    lock();
    shared.unloaded = false;
    unlock();
}

void fx_films_unload(void)
{
    lock();
    shared.unloaded = true;
    close_engine();
    unlock();
}

void fx_films_purge(void)
{
    lock();
    if (!is_forked())
        trim(false, false);
    unlock();
}

void fx_films_enter(void)
{
    lock();
    shared.instances++;
    unlock();
}

void fx_films_leave(void)
{
    lock();
    shared.instances--;
    close_engine();
    unlock();
}

/* The description as text, whose parts cannot run into each other. A preset that is
 * a file is another one once it was written anew. */
static char *key_of(const fx_desc *d)
{
    const size_t size = strlen(d->preset) + strlen(d->prompt) + strlen(d->options) + 160;
    struct stat file;
    char *key = malloc(size);

    if (!key)
        return NULL;
    if (stat(d->preset, &file) != 0)
        memset(&file, 0, sizeof(file));
    snprintf(key, size, "%zu %zu %lld %lld %ld\n%s\n%s\n%s", strlen(d->preset),
             strlen(d->options), (long long)file.st_size, (long long)file.st_mtim.tv_sec,
             file.st_mtim.tv_nsec, d->preset, d->options, d->prompt);
    return key;
}

/* The film with this key, moved to the front; or NULL. */
static fx_film *find(const char *key)
{
    for (fx_film **at = &shared.first; *at; at = &(*at)->next) {
        fx_film *f = *at;
        if (!f->gone && strcmp(f->key, key) == 0) {
            *at = f->next;
            f->next = shared.first;
            shared.first = f;
            return f;
        }
    }
    return NULL;
}

/* One instance less wants it; `cancel` it if that was the last. */
static void unwant(fx_film **slot, bool cancel)
{
    fx_film *f = *slot;

    *slot = NULL;
    if (f && --f->wanted == 0 && cancel && !is_done(f)) {
        f->gone = true;
        fx_api()->job_cancel(f->job);
    }
}

static bool open_engine(int threads)
{
    char presets[1024];
    const zt_engine_desc desc = { .size = sizeof(desc), .threads = threads, .log = hear,
                                  .log_level = ZT_LEVEL_WARNING,
                                  .presets = user_presets(presets, sizeof(presets)) };
    const zt_api *zt = fx_api();

    if (is_forked()) {
        snprintf(reason.text, reason.size, "forked from a process whose engine was running");
        return false;
    }
    if (!zt) {
        snprintf(reason.text, reason.size, "libzoetrope.so.0 does not speak version %d", ZT_ABI);
        return false;
    }
    if (shared.engine)
        return true;
    const int32_t st = zt->engine_open(&shared.engine, &desc);
    if (st != ZT_OK && !*reason.text)
        snprintf(reason.text, reason.size, "no engine: %s", zt->status_name(st));
    shared.pid = getpid();
    return st == ZT_OK;
}

static zt_job_desc job_desc(const fx_desc *d)
{
    return (zt_job_desc){
        .size = sizeof(zt_job_desc),
        .preset = *d->preset ? d->preset : NULL,
        .prompt = *d->prompt ? d->prompt : NULL,
        .options = d->options,
    };
}

static fx_film *start(const fx_desc *d)
{
    const zt_job_desc desc = job_desc(d);
    fx_film *f = calloc(1, sizeof(*f));

    if (!f) {
        snprintf(reason.text, reason.size, "out of memory");
        return NULL;
    }
    const int32_t st = fx_api()->job_start(shared.engine, &f->job, &desc);
    if (st != ZT_OK) {
        if (!*reason.text)
            snprintf(reason.text, reason.size, "no film: %s", fx_api()->status_name(st));
        free(f);
        return NULL;
    }
    f->next = shared.first;
    shared.first = f;
    return f;
}

fx_film *fx_slot_use(fx_film **slot, const fx_desc *desc, int threads, char *error, size_t size)
{
    char *key = key_of(desc);

    *error = '\0';
    if (!key) {
        snprintf(error, size, "out of memory");
        return NULL;
    }
    lock();
    reason.text = error;
    reason.size = size;
    fx_film *f = open_engine(threads) ? find(key) : NULL;
    if (f) {
        f->wanted++;                  /* before the slot lets go: it may be this one */
        f->held++;
        unwant(slot, f != *slot);
        *slot = f;
    } else if (!*error) {
        unwant(slot, true);
        trim(true, false);
        f = start(desc);
        if (f) {
            f->key = key;
            key = NULL;
            f->wanted = f->held = 1;
        }
        *slot = f;
    }
    reason.text = NULL;
    unlock();
    free(key);
    return f;
}

void fx_slot_update(fx_film **slot, const fx_desc *desc)
{
    char *key = key_of(desc);

    lock();
    if (*slot && !is_forked() && (!key || strcmp((*slot)->key, key) != 0)) {
        unwant(slot, true);
        trim(true, false);
    }
    unlock();
    free(key);
}

void fx_slot_clear(fx_film **slot)
{
    lock();
    if (!is_forked()) {
        unwant(slot, false);
        trim(true, true);
    }
    unlock();
}

fx_film *fx_slot_hold(fx_film **slot)
{
    lock();
    fx_film *f = is_forked() ? NULL : *slot;
    if (f)
        f->held++;
    unlock();
    return f;
}

void fx_film_let(fx_film **film)
{
    if (!*film)
        return;
    lock();
    (*film)->held--;
    trim(true, true);
    close_engine();
    unlock();
    *film = NULL;
}

void fx_film_forget(fx_film *film)
{
    lock();
    if (!is_done(film) || fx_film_info(film).status != ZT_OK) {
        film->gone = true;
        fx_api()->job_cancel(film->job);
    }
    unlock();
}

int32_t fx_films_plan(const fx_desc *desc, int threads)
{
    const zt_job_desc d = job_desc(desc);
    zt_plan plan = { .size = sizeof(plan) };
    char error[64] = "";

    lock();
    reason.text = error;
    reason.size = sizeof(error);
    const bool ok = open_engine(threads) &&
                    fx_api()->plan(shared.engine, &d, &plan, NULL, NULL) == ZT_OK;
    reason.text = NULL;
    unlock();
    return ok ? plan.frames : 0;
}

int32_t fx_film_wait(fx_film *film, int32_t frame, int32_t timeout_ms)
{
    return fx_api()->job_wait(film->job, frame, timeout_ms);
}

zt_job_info fx_film_info(fx_film *film)
{
    zt_job_info info = { .size = sizeof(info) };

    fx_api()->job_info(film->job, &info);
    return info;
}

int32_t fx_film_frame(fx_film *film, int32_t frame, const zt_frame *into)
{
    return fx_api()->job_frame(film->job, frame, into);
}

const char *fx_film_error(fx_film *film)
{
    return fx_api()->job_error(film->job);
}
