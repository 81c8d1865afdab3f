/* Generates films, and keeps them for as long as somebody uses them. */

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-abi/zoetrope.h"
#include "plugin/frei0r_film.h"
#include "plugin/user_folder.h"

typedef struct entry {
    fr_film       film;           /* first, so that a film is its entry */
    struct entry *next;
    char         *key;            /* everything that decides what the film is */
    int           users;
    bool          ready;
} entry;

/* The state that all instances share; the mutex guards the rest. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t  changed;      /* some film is ready */
    entry          *first;        /* the one taken last is first */
    const zt_api   *zt;
    zt_engine      *engine;
    pid_t           pid;          /* of the process that opened the engine */
    int             instances;
} shared = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* Where errors go that the engine tells during a call of this thread. */
static _Thread_local char *reason;

void fr_say(const char *kind, const char *text)
{
    fprintf(stderr, "zoetrope: %s%s\n", kind, text);
}

static void hear(void *user, int32_t level, const char *text)
{
    (void)user;
    if (level == ZT_LEVEL_ERROR && reason)
        snprintf(reason, sizeof(((fr_film *)0)->error), "%s", text);
    else if (level == ZT_LEVEL_WARNING)
        fr_say("warning: ", text);
}

/* Opens the engine if there is none. NULL, with the reason, if that is impossible. */
static zt_engine *engine_of(char *error, size_t size)
{
    char presets[1024];
    const zt_engine_desc desc = { .size = sizeof(desc), .log = hear,
                                  .log_level = ZT_LEVEL_WARNING,
                                  .presets = user_presets(presets, sizeof(presets)) };

    if (shared.engine && shared.pid != getpid()) {
        snprintf(error, size, "this process was forked from one whose engine was running");
        return NULL;
    }
    if (!shared.zt)
        shared.zt = zt_get_api(ZT_ABI);
    if (!shared.zt) {
        snprintf(error, size, "libzoetrope.so.0 does not speak version %d", ZT_ABI);
        return NULL;
    }
    if (!shared.engine) {
        const int32_t st = shared.zt->engine_open(&shared.engine, &desc);
        if (st != ZT_OK && !*error)
            snprintf(error, size, "no engine: %s", shared.zt->status_name(st));
        shared.pid = getpid();
    }
    return shared.engine;
}

static int32_t copy_frames(const zt_api *zt, zt_job *job, const zt_job_info *info, fr_film *film)
{
    const size_t row = (size_t)info->width * 4, bytes = row * (size_t)info->height;
    zt_frame frame = { .size = sizeof(frame), .format = ZT_RGBA8, .pitch = (int64_t)row };
    int32_t st = ZT_OK;

    film->pixels = malloc(bytes * (size_t)info->frames);
    if (!film->pixels)
        return ZT_E_NOMEM;
    for (int32_t i = 0; st == ZT_OK && i < info->frames; i++) {
        frame.data = film->pixels + bytes * (size_t)i;
        st = zt->job_frame(job, i, &frame);
    }
    return st;
}

/* Without the mutex: the one long thing that happens here. */
static void generate(const zt_api *zt, zt_engine *engine, const fr_film_desc *desc, fr_film *film)
{
    const zt_job_desc jd = { .size = sizeof(jd), .preset = desc->preset, .prompt = desc->prompt,
                             .options = desc->options };
    zt_job_info info = { .size = sizeof(info) };
    zt_job *job = NULL;

    reason = film->error;
    int32_t st = zt->job_start(engine, &job, &jd);
    reason = NULL;
    if (st == ZT_OK)
        st = zt->job_info(job, &info);
    if (st == ZT_OK)
        st = zt->job_wait(job, info.frames - 1, -1);
    if (st == ZT_OK)
        st = copy_frames(zt, job, &info, film);
    if (st == ZT_OK) {
        film->width = info.width;
        film->height = info.height;
        film->frames = info.frames;
        film->error[0] = '\0';
    } else if (job && *zt->job_error(job)) {
        snprintf(film->error, sizeof(film->error), "%s", zt->job_error(job));
    } else if (!*film->error) {
        snprintf(film->error, sizeof(film->error), "no film: %s", zt->status_name(st));
    }
    zt->job_close(&job);
}

static void free_entry(entry *e)
{
    free(e->film.pixels);
    free(e->key);
    free(e);
}

/* Frees what nobody uses, but the film that was taken last. */
static void forget(void)
{
    entry **at = shared.first ? &shared.first->next : &shared.first;

    while (*at) {
        entry *e = *at;
        if (e->users == 0) {
            *at = e->next;
            free_entry(e);
        } else {
            at = &e->next;
        }
    }
    /* What failed is tried again the next time. */
    if (shared.first && shared.first->users == 0 && shared.first->film.frames == 0) {
        entry *e = shared.first;
        shared.first = e->next;
        free_entry(e);
    }
}

void fr_films_enter(void)
{
    pthread_mutex_lock(&shared.mutex);
    shared.instances++;
    pthread_mutex_unlock(&shared.mutex);
}

void fr_films_leave(void)
{
    pthread_mutex_lock(&shared.mutex);
    if (--shared.instances == 0) {
        forget();
        if (shared.engine && shared.pid == getpid())
            shared.zt->engine_close(&shared.engine);
    }
    pthread_mutex_unlock(&shared.mutex);
}

/* The description as text. A preset that is a file is another one once it was
 * written anew. */
static char *key_of(const fr_film_desc *desc)
{
    const char *preset = desc->preset ? desc->preset : "";
    const char *prompt = desc->prompt ? desc->prompt : "";
    const char *options = desc->options ? desc->options : "";
    const size_t size = strlen(preset) + strlen(prompt) + strlen(options) + 128;
    struct stat file = { 0 };
    char *key = malloc(size);

    if (key) {
        if (stat(preset, &file) != 0)
            memset(&file, 0, sizeof(file));
        snprintf(key, size, "%s\n%s\n%zu %zu\n%lld %lld %ld", preset, options, strlen(preset),
                 strlen(options), (long long)file.st_size, (long long)file.st_mtim.tv_sec,
                 file.st_mtim.tv_nsec);
        const size_t n = strlen(key);
        snprintf(key + n, size - n, "\n%s", prompt);
    }
    return key;
}

/* The entry with this key, moved to the front. NULL if there is none. */
static entry *find(const char *key)
{
    for (entry **at = &shared.first; *at; at = &(*at)->next) {
        entry *e = *at;
        if (strcmp(e->key, key) == 0) {
            *at = e->next;
            e->next = shared.first;
            shared.first = e;
            return e;
        }
    }
    return NULL;
}

const fr_film *fr_film_take(const fr_film_desc *desc)
{
    char *key = key_of(desc);

    if (!key)
        return NULL;
    pthread_mutex_lock(&shared.mutex);
    entry *e = find(key);
    if (e) {
        free(key);
        e->users++;
        while (!e->ready)
            pthread_cond_wait(&shared.changed, &shared.mutex);
    } else if ((e = calloc(1, sizeof(*e)))) {
        *e = (entry){ .next = shared.first, .key = key, .users = 1 };
        shared.first = e;
        forget();
        zt_engine *engine = engine_of(e->film.error, sizeof(e->film.error));
        pthread_mutex_unlock(&shared.mutex);
        if (engine)
            generate(shared.zt, engine, desc, &e->film);
        if (e->film.frames == 0)
            fr_say("", e->film.error);
        pthread_mutex_lock(&shared.mutex);
        e->ready = true;
        pthread_cond_broadcast(&shared.changed);
    } else {
        free(key);
    }
    pthread_mutex_unlock(&shared.mutex);
    return e ? &e->film : NULL;
}

void fr_film_drop(const fr_film **film)
{
    if (!*film)
        return;
    pthread_mutex_lock(&shared.mutex);
    ((entry *)(uintptr_t)*film)->users--;
    forget();
    pthread_mutex_unlock(&shared.mutex);
    *film = NULL;
}
