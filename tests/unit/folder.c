/* Job folders: one holder at a time, what is done stays done, and what was not made
 * here is not touched. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/batch/folder.h"
#include "core/batch/journal.h"
#include "core/batch/lease.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static zc_status open_folder(zc_folder **f, const char *manifest)
{
    return zc_folder_open(f, &test_log, &(zc_folder_desc){ .root = in("jobs"),
                                                           .manifest = manifest, .beat_ms = 50 });
}

static void what_is_done_stays_done(void)
{
    zc_folder *f = NULL;
    zc_stored s;

    REQUIRE_INT(open_folder(&f, "a job\n"), ZC_OK);
    REQUIRE(zc_folder_is_new(f) && !zc_folder_is_done(f));
    REQUIRE_INT(zc_folder_begin(f, &test_log), ZC_OK);
    put("frame.partial", "pixels");
    REQUIRE_INT(zc_publish(&s, &test_log, in("frame.partial"), in("frame"), ZC_EXISTING_RESUME),
                ZC_OK);
    REQUIRE_STR(held("frame"), "pixels");
    REQUIRE_STR(held("frame.partial"), "(none)");
    REQUIRE_INT(zc_folder_add(f, &test_log, ZC_STORED_FRAME, 7, &s), ZC_OK);
    REQUIRE_INT(zc_folder_fail(f, &test_log, ZC_E_IO), ZC_OK);
    zc_folder_close(&f);

    REQUIRE_INT(open_folder(&f, "a job\n"), ZC_OK);
    REQUIRE(!zc_folder_is_new(f) && !zc_folder_is_done(f));
    const zc_stored *kept = zc_folder_stored(f, ZC_STORED_FRAME, 7);
    REQUIRE(kept && zc_stored_holds(kept, in("frame")));
    REQUIRE(!zc_folder_stored(f, ZC_STORED_FRAME, 6));
    REQUIRE(!zc_folder_stored(f, ZC_STORED_SEGMENT, 7));
    /* Another time is looked into; another content is noticed. */
    REQUIRE_INT(utimensat(AT_FDCWD, in("frame"), (struct timespec[2]){ { 9, 0 }, { 9, 0 } }, 0), 0);
    REQUIRE(zc_stored_holds(kept, in("frame")));
    put("frame", "pixelS");
    REQUIRE(!zc_stored_holds(kept, in("frame")));
    REQUIRE_INT(zc_folder_lose(f, &test_log, ZC_STORED_FRAME, 7), ZC_OK);
    REQUIRE(!zc_folder_stored(f, ZC_STORED_FRAME, 7));
    REQUIRE_INT(zc_folder_finish(f, &test_log), ZC_OK);
    zc_folder_close(&f);
    REQUIRE_INT(open_folder(&f, "a job\n"), ZC_OK);
    REQUIRE(zc_folder_is_done(f));
    zc_folder_close(&f);
    unlink(in("frame"));
}

static void foreign_targets_are_left_alone(void)
{
    zc_stored s;

    put("target", "theirs");
    put("p", "ours");
    REQUIRE_INT(zc_publish(&s, &test_log, in("p"), in("target"), ZC_EXISTING_RESUME), ZC_E_CREATE);
    REQUIRE_HAS(error(), "target' exists already, and this job did not make it");
    REQUIRE_STR(held("target"), "theirs");
    REQUIRE_STR(held("p"), "ours");
    REQUIRE_INT(zc_publish(&s, &test_log, in("p"), in("target"), ZC_EXISTING_REPLACE), ZC_OK);
    REQUIRE_STR(held("target"), "ours");
    /* What is equal is ours, from a run that was killed before it could say so. */
    put("p", "ours");
    REQUIRE_INT(zc_publish(&s, &test_log, in("p"), in("target"), ZC_EXISTING_FAIL), ZC_OK);
    REQUIRE_STR(held("p"), "(none)");
    REQUIRE_INT(s.size, 4);
    put("p", "");
    REQUIRE_INT(zc_publish(&s, &test_log, in("p"), in("empty"), ZC_EXISTING_FAIL), ZC_E_IO);
    REQUIRE_STR(held("empty"), "(none)");
}

static void a_changed_manifest_is_noticed(void)
{
    zc_folder *f = NULL;
    zc_str path = { 0 };

    REQUIRE_INT(open_folder(&f, "another job\n"), ZC_OK);
    zc_folder_path(f, &path, "manifest");
    zc_folder_close(&f);
    FILE *m = fopen(zc_str_get(&path), "a");
    REQUIRE(m && fputs("steps = 3\n", m) > 0 && fclose(m) == 0);
    REQUIRE_INT(open_folder(&f, "another job\n"), ZC_E_MISMATCH);
    REQUIRE(!f);
    zc_str_fini(&path);
}

static zc_status ignore(void *user, zc_log *log, const char *bytes, size_t count)
{
    (void)user;
    (void)log;
    (void)bytes;
    (void)count;
    return ZC_OK;
}

static void bad_records_are_named(void)
{
    static const char *const bad[] = { "begin 00", "frame 1 2 3", "frame 99999999 1 1 ", "boo" };
    zc_folder *f = NULL;
    zc_str path = { 0 };

    REQUIRE_INT(open_folder(&f, "third\n"), ZC_OK);
    zc_folder_path(f, &path, "journal");
    zc_folder_close(&f);
    for (size_t i = 0; i < ZC_COUNT(bad); i++) {
        zc_journal *j = NULL;

        REQUIRE_INT(zc_journal_open(&j, &test_log, zc_str_get(&path), ignore, NULL), ZC_OK);
        REQUIRE_INT(zc_journal_add(j, &test_log, bad[i], strlen(bad[i])), ZC_OK);
        zc_journal_close(&j);
        REQUIRE_INT(open_folder(&f, "third\n"), ZC_E_FORMAT);
        REQUIRE_HAS(error(), bad[i]);
        REQUIRE_INT(truncate(zc_str_get(&path), 8), 0);
    }
    zc_str_fini(&path);
}

static void one_renderer_at_a_time(void)
{
    zc_folder *a = NULL, *b = NULL;
    char pid[24];
    int ends[2], status = 0;

    REQUIRE_INT(open_folder(&a, "shared\n"), ZC_OK);
    REQUIRE_INT(open_folder(&b, "shared\n"), ZC_E_BUSY);
    snprintf(pid, sizeof(pid), "process %d", (int)getpid());
    REQUIRE_HAS(error(), pid);
    REQUIRE_INT(zc_folder_beat(a, &test_log), ZC_OK);
    zc_folder_close(&a);

    /* A holder that was killed leaves nothing to wait for. */
    REQUIRE_INT(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)!write(ends[1], open_folder(&b, "shared\n") == ZC_OK ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    char c = 0;
    REQUIRE(read(ends[0], &c, 1) == 1 && c == 'y');
    REQUIRE_INT(open_folder(&a, "shared\n"), ZC_E_BUSY);
    kill(child, SIGKILL);
    REQUIRE_INT(waitpid(child, &status, 0), child);
    REQUIRE_INT(open_folder(&a, "shared\n"), ZC_OK);
    zc_folder_close(&a);
    close(ends[0]);
    close(ends[1]);
}

/* A lease of another machine, whose locks do not reach here; written in its place, as beats are. */
static void put_lease(const char *name, int beat)
{
    const int fd = open(in(name), O_WRONLY | O_CREAT, 0600);
    char line[300];

    snprintf(line, sizeof(line), "zoetrope-lease 1 elsewhere some-boot 77 1 %-213d\n", beat);
    REQUIRE_INT(strlen(line), 256);
    REQUIRE_INT(pwrite(fd, line, 256, 0), 256);
    REQUIRE_INT(close(fd), 0);
}

/* The lease is emptied between two looks at it, after its size was taken. */
static int64_t read_emptied(void *user, int fd, void *dst, size_t bytes, uint64_t offset)
{
    static int reads;

    if (bytes == 256 && ++reads == 2)
        put("lease", "");
    return zc_file_system.read_at(user, fd, dst, bytes, offset);
}

static void a_lease_that_is_emptied_is_alive(void)
{
    zc_file_table table = zc_file_system;
    zc_lease *l = NULL;

    table.read_at = read_emptied;
    put_lease("lease", 3);
    zc_file_use(&table);
    REQUIRE_INT(zc_lease_take(&l, &test_log, in("lease"), 400, NULL), ZC_E_BUSY);
    zc_file_use(NULL);
    REQUIRE_HAS(error(), "process 77 on elsewhere");
}

static void a_lease_from_elsewhere_is_watched(void)
{
    zc_lease *l = NULL, *old = NULL;

    put_lease("lease", 3);
    const int64_t start = zc_clock_ns();
    REQUIRE_INT(zc_lease_take(&l, &test_log, in("lease"), 40, NULL), ZC_OK);
    REQUIRE(zc_clock_ns() - start >= 3 * 40000000);
    zc_lease_release(&l);
    REQUIRE_STR(held("lease"), "(none)");

    put_lease("lease", 3);
    const pid_t child = fork();
    if (child == 0) {
        usleep(100000);
        put_lease("lease", 4);
        _exit(0);
    }
    REQUIRE_INT(zc_lease_take(&l, &test_log, in("lease"), 400, NULL), ZC_E_BUSY);
    REQUIRE_HAS(error(), "process 77 on elsewhere");
    REQUIRE_INT(waitpid(child, NULL, 0), child);

    zc_cancel cancel = { false };
    zc_cancel_request(&cancel);
    REQUIRE_INT(zc_lease_take(&l, &test_log, in("lease"), 400, &cancel), ZC_E_CANCELLED);
    put("lease", "torn");
    REQUIRE_INT(zc_lease_take(&old, &test_log, in("lease"), 1, NULL), ZC_OK);
    /* Somebody took it over while this one was stopped. */
    put_lease("lease.new", 1);
    REQUIRE_INT(rename(in("lease.new"), in("lease")), 0);
    usleep(2000);
    REQUIRE_INT(zc_lease_beat(old, &test_log), ZC_E_BUSY);
    zc_lease_release(&old);
    REQUIRE_HAS(held("lease"), "elsewhere");
}

int main(void)
{
    if (!scratch_begin("/tmp/zc-folder-XXXXXX"))
        return 1;
    TEST(what_is_done_stays_done);
    TEST(foreign_targets_are_left_alone);
    TEST(a_changed_manifest_is_noticed);
    TEST(bad_records_are_named);
    TEST(one_renderer_at_a_time);
    TEST(a_lease_from_elsewhere_is_watched);
    TEST(a_lease_that_is_emptied_is_alive);
    scratch_end();
    return test_end();
}
