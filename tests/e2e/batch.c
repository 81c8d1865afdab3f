/* Batches that are killed, or whose files fail, at every call in turn: what is
 * under a final name is complete, and going on gives the same bytes.
 *
 *     e2e_batch FIXTURES [EVERY]
 *
 * kills and fails at every EVERY-th call, 1 unless said. Each run is a process of its own. */

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/batch/batch.h"
#include "tests/unit/test.h"

enum harm { NONE, KILL, KILL_STEP, FAIL_ONCE, FAIL_ONWARDS };

typedef struct scene {
    const char *output;               /* pattern */
    const char *seeds;
    const char *options;
    int         steps;
} scene;

static const char *model_path;
static char folder[64];

/* ---- A file table that harms ---- */

static atomic_int calls;
static enum harm harm;
static int harm_at, harm_errno;

/* 0, or the errno to fail with. */
static int harmed(void)
{
    const int call = atomic_fetch_add(&calls, 1) + 1;

    if (harm == KILL && call == harm_at)
        kill(getpid(), SIGKILL);
    if ((harm == FAIL_ONCE && call == harm_at) || (harm == FAIL_ONWARDS && call >= harm_at))
        return harm_errno;
    return 0;
}

#define SYSTEM (&zc_file_system)
#define HARM                       \
    do {                           \
        const int err = harmed();  \
        if (err)                   \
            return -err;           \
    } while (0)

static int table_open(void *user, int dir, const char *name, zc_file_mode mode)
{
    if (mode == ZC_FILE_WRITE)
        HARM;
    return SYSTEM->open(user, dir, name, mode);
}

/* A descriptor is gone whatever close says. */
static int table_close(void *user, int fd)
{
    const int r = SYSTEM->close(user, fd);

    if (harm == KILL)
        HARM;
    return r;
}

static int64_t table_write_at(void *user, int fd, const void *src, size_t bytes, uint64_t offset)
{
    HARM;
    return SYSTEM->write_at(user, fd, src, bytes, offset);
}

static int table_truncate(void *user, int fd, uint64_t size)
{
    HARM;
    return SYSTEM->truncate(user, fd, size);
}

static int table_sync(void *user, int fd)
{
    HARM;
    return SYSTEM->sync(user, fd);
}

static int table_rename(void *user, const char *from, const char *to)
{
    static int checkpoints;

    HARM;
    const int r = SYSTEM->rename(user, from, to);
    if (harm == KILL_STEP && strstr(to, "/checkpoint.") && ++checkpoints == harm_at)
        kill(getpid(), SIGKILL);
    return r;
}

static int table_rename_new(void *user, const char *from, const char *to)
{
    HARM;
    return SYSTEM->rename_new(user, from, to);
}

static int table_unlink(void *user, const char *name)
{
    HARM;
    return SYSTEM->unlink(user, name);
}

static int table_mkdir(void *user, const char *name)
{
    HARM;
    return SYSTEM->mkdir(user, name);
}

static void use_table(enum harm what, int at, int err)
{
    static zc_file_table table;

    table = *SYSTEM;
    table.open = table_open;
    table.close = table_close;
    table.write_at = table_write_at;
    table.truncate = table_truncate;
    table.sync = table_sync;
    table.rename = table_rename;
    table.rename_new = table_rename_new;
    table.unlink = table_unlink;
    table.mkdir = table_mkdir;
    harm = what;
    harm_at = at;
    harm_errno = err;
    zc_file_use(&table);
}

/* ---- One run in a process of its own ---- */

static int went_on;                   /* behind this step */

static void say(void *user, int32_t level, const char *text)
{
    const char *words = "going on behind step ";

    (void)user;
    (void)level;
    if (strncmp(text, words, strlen(words)) == 0)
        went_on = atoi(text + strlen(words));
    if (getenv("ZC_TEST_LOUD"))
        fprintf(stderr, "  %s\n", text);
}

static int render(const scene *s)
{
    zc_engine *e = NULL;
    zc_batch *b = NULL;
    char options[1200], output[200];

    snprintf(options, sizeof(options), "model = %s\nprompt = a ball\nwidth = 16\nheight = 16\n"
             "frames = 5\nsteps = %d\nprecision = f32\n%s", model_path, s->steps, s->options);
    snprintf(output, sizeof(output), "%s/%s", folder, s->output);
    zc_status st = zc_engine_open(&e, &(zc_engine_desc){ .threads = 1, .log = say,
                                                         .level = ZC_LEVEL_INFO });
    if (st == ZC_OK)
        st = zc_batch_start(e, &b, &(zc_batch_desc){
            .options = options, .seeds = s->seeds, .output = output, .task = -1, .version = "test",
            .checkpoint_seconds = 0 });
    if (st == ZC_OK)
        st = zc_batch_wait(b, -1);
    zc_batch_close(&b);
    zc_engine_close(&e);
    return -(int)st;
}

typedef struct ending {
    bool killed;
    int  status;                      /* ZC_OK, or negative */
    int  calls;                       /* of the table; -1: not known */
    int  went_on;                     /* behind this step; 0: from the start */
} ending;

static ending run(const scene *s, enum harm what, int at, int err)
{
    ending end = { .calls = -1 };
    int ends[2], status = 0, told[2] = { -1, 0 };

    REQUIRE_INT(pipe(ends), 0);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        use_table(what, at, err);
        const int code = render(s);
        told[0] = atomic_load(&calls);
        told[1] = went_on;
        (void)!write(ends[1], told, sizeof(told));
        exit(code);                       /* sanitizers look for leaks here */
    }
    close(ends[1]);
    (void)!read(ends[0], told, sizeof(told));
    end.calls = told[0];
    end.went_on = told[1];
    close(ends[0]);
    REQUIRE_INT(waitpid(child, &status, 0), child);
    end.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    REQUIRE(end.killed || WIFEXITED(status));
    end.status = WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
    return end;
}

/* ---- What is in the folder ---- */

enum { FILES = 64 };

typedef struct snapshot {
    int  count;
    char path[FILES][160];
    zc_stored stored[FILES];
} snapshot;

static snapshot *filled;
static size_t root_length;

static int add_file(const char *path, const struct stat *info, int flag, struct FTW *where)
{
    (void)info;
    (void)where;
    if (flag != FTW_F || filled->count == FILES)
        return 0;
    snprintf(filled->path[filled->count], sizeof(filled->path[0]), "%s", path + root_length + 1);
    REQUIRE_INT(zc_stored_of(&filled->stored[filled->count], NULL, path), ZC_OK);
    filled->count++;
    return 0;
}

static void look(snapshot *s)
{
    filled = s;
    s->count = 0;
    root_length = strlen(folder);
    nftw(folder, add_file, 16, FTW_PHYS);
}

static int find(const snapshot *s, const char *path)
{
    for (int i = 0; i < s->count; i++) {
        if (strcmp(s->path[i], path) == 0)
            return i;
    }
    return -1;
}

static bool is_private(const char *path)
{
    return strstr(path, ".zoetrope/") != NULL;
}

/* Journals and reports have times in them. */
static bool has_times(const char *path)
{
    const size_t n = strlen(path);

    return (n > 5 && strcmp(path + n - 5, ".json") == 0) ||
           (n > 7 && strcmp(path + n - 7, "journal") == 0);
}

static void require_complete(const snapshot *now, const snapshot *good, int at)
{
    for (int i = 0; i < now->count; i++) {
        const int k = find(good, now->path[i]);

        if (is_private(now->path[i]) || strstr(now->path[i], ".json"))
            continue;
        if (k < 0 || memcmp(now->stored[i].digest, good->stored[k].digest, 32) != 0) {
            printf("after call %d, %s: ", at, now->path[i]);
            REQUIRE(!"complete");
        }
    }
}

static void require_equal(const snapshot *now, const snapshot *good, int at)
{
    for (int i = 0; i < now->count; i++) {
        if (find(good, now->path[i]) < 0) {
            printf("after call %d, %s: ", at, now->path[i]);
            REQUIRE(!"no stray file");
        }
    }
    for (int i = 0; i < good->count; i++) {
        const int k = find(now, good->path[i]);

        if (k < 0 || (!has_times(good->path[i]) &&
                      memcmp(now->stored[k].digest, good->stored[i].digest, 32) != 0)) {
            printf("after call %d, %s: ", at, good->path[i]);
            REQUIRE(!"as without interruption");
        }
    }
}

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *where)
{
    (void)s;
    (void)flag;
    return where->level > 0 ? remove(path) : 0;
}

static void sweep(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- Promises ---- */

static snapshot good, now;

static int reference(const scene *s)
{
    sweep();
    const ending end = run(s, NONE, 0, 0);
    REQUIRE_INT(end.status, ZC_OK);
    look(&good);
    REQUIRE(good.count >= 4);
    /* Done is done. */
    const ending again = run(s, NONE, 0, 0);
    REQUIRE_INT(again.status, ZC_OK);
    look(&now);
    require_equal(&now, &good, 0);
    return end.calls;
}

static void go_on(const scene *s, int at)
{
    look(&now);
    require_complete(&now, &good, at);
    REQUIRE_INT(run(s, NONE, 0, 0).status, ZC_OK);
    look(&now);
    require_equal(&now, &good, at);
}

static void killed_at_every_call(const scene *s, int every)
{
    const int count = reference(s);
    int kills = 0;

    for (int n = 1; n <= count; n += every) {
        sweep();
        const ending end = run(s, KILL, n, 0);
        kills += end.killed;
        /* Every third one is killed once more while it goes on. */
        if (n % 3 == 0)
            run(s, KILL, 1 + n * 7 % 40, 0);
        go_on(s, n);
    }
    REQUIRE(kills * every > 50);
    printf("%s: %d kills\n", s->output, kills);
}

/* Whatever the method has in memory at a step is there again. */
static void killed_at_every_step(const char *options)
{
    const scene s = { "film.y4m", NULL, options, 9 };

    reference(&s);
    for (int n = 1; n < s.steps; n++) {
        sweep();
        REQUIRE(run(&s, KILL_STEP, n, 0).killed);
        const ending end = run(&s, NONE, 0, 0);
        REQUIRE_INT(end.status, ZC_OK);
        REQUIRE_INT(end.went_on, n);
        look(&now);
        require_equal(&now, &good, n);
    }
}

static void failing_at_every_call(const scene *s, int every)
{
    static const int errors[] = { ENOSPC, EIO, EDQUOT };
    const int count = reference(s);
    int failures = 0;

    for (int n = 1; n <= count; n += every) {
        const int err = errors[n % 3];
        sweep();
        const ending end = run(s, n % 2 ? FAIL_ONWARDS : FAIL_ONCE, n, err);
        REQUIRE(!end.killed);
        if (end.status != ZC_OK) {
            failures++;
            if (end.status != (err == EIO ? ZC_E_IO : ZC_E_CREATE) &&
                !(err == EIO && end.status == ZC_E_CREATE)) {
                printf("call %d: ", n);
                REQUIRE_INT(end.status, err == EIO ? ZC_E_IO : ZC_E_CREATE);
            }
        }
        go_on(s, n);
    }
    REQUIRE(failures * every > 50);
    printf("%s: %d failures\n", s->output, failures);
}

int main(int argc, char **argv)
{
    static const scene film = { "{name}_{seed}.y4m", "1-2", "", 2 };
    static const scene stills = { "{seed}/frame.####.png", NULL, "", 1 };
    const int every = argc > 2 ? atoi(argv[2]) : 1;

    if (argc < 2)
        return 64;
    model_path = argv[1];
    /* In memory if that can be had: no call is left out, and syncing costs nothing. */
    snprintf(folder, sizeof(folder), "%s/zc-batch-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        return 1;
    test_name = "killed_at_every_call";
    killed_at_every_call(&film, every);
    killed_at_every_call(&stills, every);
    static const char *const methods[] = {
        "", "cfg = 2\n", "cache = fora\ncache.interval = 3\n",
        "cache = taylorseer\ncache.interval = 3\ncache.first = 2\ncfg = 2\n",
        "cache = hicache\ncache.interval = 3\ncache.type = f8_e4m3\n",
        "cache = teacache\ncache.threshold = 0.4\n",
        "cache = magcache\ncache.threshold = 0.5\ncfg = 2\n",
        "cache = easycache\ncache.threshold = 0.5\ncache.first = 3\n",
        "cache = taylorseer\ncache.max_error = 0.05\n",
    };
    for (size_t i = 0; i < ZC_COUNT(methods); i++) {
        test_name = *methods[i] ? methods[i] : "killed_at_every_step";
        killed_at_every_step(methods[i]);
    }
    test_name = "failing_at_every_call";
    failing_at_every_call(&film, every);
    failing_at_every_call(&stills, every);
    sweep();
    rmdir(folder);
    return test_end();
}
