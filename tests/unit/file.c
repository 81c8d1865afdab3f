/* Files: what can't be read says so, what can't be written leaves nothing, and
 * names from inside files stay inside. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/str.h"
#include "core/base/thread.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static bool exists(const char *name)
{
    return access(in(name), F_OK) == 0;
}

static void files_are_read_by_position(void)
{
    char text[8] = "";
    zc_file *f = NULL;
    size_t got;

    put("digits", "0123456789");
    REQUIRE_INT(zc_file_open(&f, &test_log, in("digits")), ZC_OK);
    REQUIRE_INT(zc_file_size(f), 10);
    REQUIRE_STR(zc_file_path(f), in("digits"));
    REQUIRE_INT(zc_file_info_get(f)->kind, ZC_FILE_REGULAR);
    REQUIRE_INT(zc_file_read_at(f, &test_log, 3, text, 4), ZC_OK);
    REQUIRE(memcmp(text, "3456", 4) == 0);
    REQUIRE_INT(zc_file_read_at(f, &test_log, 10, text, 0), ZC_OK);

    REQUIRE_INT(zc_file_read_at(f, &test_log, 7, text, 4), ZC_E_TRUNCATED);
    REQUIRE_HAS(error(), "digits' has no more than 3 of the 4 bytes expected at byte 7");
    REQUIRE_INT(zc_file_read_some(f, &test_log, 7, text, 4, &got), ZC_OK);
    REQUIRE_INT(got, 3);
    REQUIRE_INT(zc_file_read_some(f, &test_log, 100, text, 4, &got), ZC_OK);
    REQUIRE_INT(got, 0);
    REQUIRE_INT(zc_file_read_at(f, &test_log, UINT64_MAX, text, 4), ZC_E_IO);
    REQUIRE_INT(zc_file_read_at(f, &test_log, INT64_MAX, text, 4), ZC_E_IO);
    zc_file_close(&f);
    REQUIRE(!f);
    zc_file_close(&f);
}

static void interrupted_and_short_reads_go_on(void)
{
    char text[11] = "";
    zc_file *f = NULL;

    put("digits", "0123456789");
    for (size_t most = 1; most < 5; most++) {
        memset(text, 0, sizeof(text));
        faults_file(0, FAULT_ONCE, EIO);
        faults_file_stutter(most);
        REQUIRE_INT(zc_file_open(&f, &test_log, in("digits")), ZC_OK);
        REQUIRE_INT(zc_file_read_at(f, &test_log, 0, text, 10), ZC_OK);
        REQUIRE_STR(text, "0123456789");
        zc_file_close(&f);
        faults_file_end();
        REQUIRE_INT(faults_open_files(), 0);
    }
}

static void only_regular_files_open(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    zc_file *f = NULL;
    int s;

    REQUIRE_INT(zc_file_open(&f, &test_log, in("nothing")), ZC_E_NOT_FOUND);
    REQUIRE_HAS(error(), "nothing': there is no such file or folder");
    REQUIRE_INT(zc_file_open(&f, &test_log, ""), ZC_E_NOT_FOUND);
    put("plain", "x");
    REQUIRE_INT(zc_file_open(&f, &test_log, in("plain/below")), ZC_E_NOT_FOUND);
    REQUIRE_INT(zc_file_open(&f, &test_log, folder), ZC_E_UNSAFE);
    REQUIRE_HAS(error(), "' is a folder, not a file");

    REQUIRE_INT(mkfifo(in("pipe"), 0600), 0);
    REQUIRE_INT(zc_file_open(&f, &test_log, in("pipe")), ZC_E_UNSAFE);
    REQUIRE_HAS(error(), "pipe' is a pipe, socket or device, not a file");
    REQUIRE_INT(zc_file_open(&f, &test_log, "/dev/null"), ZC_E_UNSAFE);

    s = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    REQUIRE_INT(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
    REQUIRE_INT(zc_file_open(&f, &test_log, in("socket")), ZC_E_UNSAFE);
    close(s);

    REQUIRE_INT(symlink("plain", in("link")), 0);
    REQUIRE_INT(zc_file_open(&f, &test_log, in("link")), ZC_OK);      /* the user's own choice */
    zc_file_close(&f);
    REQUIRE(!f);
}

static void names_from_files_stay_inside(void)
{
    static const char *const outside[] = {
        "", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "\\\\server\\x", "C:x", "a\nb",
        "a\x1b[2J", "\x7f", "sub/", "./plain",
    };
    char name[300], target[300];
    zc_dir *dir = NULL, *sub = NULL;
    zc_file *f = NULL;

    put("plain", "x");
    REQUIRE_INT(mkdir(in("sub"), 0700), 0);
    put("sub/inner", "y");
    REQUIRE_INT(symlink("/etc/passwd", in("escape")), 0);
    REQUIRE_INT(symlink("sub", in("sublink")), 0);
    REQUIRE_INT(zc_dir_open(&dir, &test_log, folder), ZC_OK);
    for (size_t i = 0; i < ZC_COUNT(outside); i++) {
        REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, outside[i]), ZC_E_UNSAFE);
        REQUIRE_HAS(error(), "is not a plain file name in '");
        REQUIRE_INT(zc_dir_open_in(&sub, &test_log, dir, outside[i]), ZC_E_UNSAFE);
        REQUIRE(!zc_path_plain(outside[i]));
    }
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, name), ZC_E_UNSAFE);
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "escape"), ZC_E_UNSAFE);
    REQUIRE_HAS(error(), "escape': it is a symbolic link");
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "pipe"), ZC_E_UNSAFE);
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "sub"), ZC_E_UNSAFE);
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "gone"), ZC_E_NOT_FOUND);
    REQUIRE_INT(zc_dir_open_in(&sub, &test_log, dir, "sublink"), ZC_E_UNSAFE);
    REQUIRE_INT(zc_dir_open_in(&sub, &test_log, dir, "plain"), ZC_E_UNSAFE);
    REQUIRE(!f && !sub);

    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "plain"), ZC_OK);
    snprintf(target, sizeof(target), "%s/plain", folder);
    REQUIRE_STR(zc_file_path(f), target);
    zc_file_close(&f);
    REQUIRE_INT(zc_dir_open_in(&sub, &test_log, dir, "sub"), ZC_OK);
    REQUIRE_INT(zc_file_open_in(&f, &test_log, sub, "inner"), ZC_OK);
    zc_file_close(&f);
    zc_dir_close(&sub);
    zc_dir_close(&dir);
}

/* As a download cache lays them: snapshots/REVISION/FILE leads to blobs/HASH. */
static void links_to_blobs_are_followed(void)
{
#define HASH "0123456789abcdef0123456789abcdef01234567"
    static const char *const refused[] = {
        "../blobs/" HASH, "../../blobs/../plain", "../../blobs/0123", "../../blobs/" HASH "x",
        "../../other/" HASH, "/blobs/" HASH, "../../blobs/" HASH "/x", "../../blobs/link" HASH,
    };
    zc_dir *dir = NULL;
    zc_file *f = NULL;

    REQUIRE_INT(mkdir(in("blobs"), 0700), 0);
    REQUIRE_INT(mkdir(in("snapshots"), 0700), 0);
    REQUIRE_INT(mkdir(in("snapshots/main"), 0700), 0);
    put("blobs/" HASH, "content");
    REQUIRE_INT(symlink("../../blobs/" HASH, in("snapshots/main/good")), 0);
    REQUIRE_INT(symlink("../../blobs/1" HASH, in("snapshots/main/gone")), 0);
    REQUIRE_INT(symlink("/etc/passwd", in("blobs/2" HASH)), 0);
    REQUIRE_INT(symlink("../../blobs/2" HASH, in("snapshots/main/twice")), 0);
    REQUIRE_INT(zc_dir_open(&dir, &test_log, in("snapshots/main")), ZC_OK);
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "good"), ZC_OK);
    REQUIRE_INT(zc_file_size(f), 7);
    zc_file_close(&f);
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "gone"), ZC_E_NOT_FOUND);
    REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "twice"), ZC_E_UNSAFE);
    for (size_t i = 0; i < ZC_COUNT(refused); i++) {
        REQUIRE_INT(symlink(refused[i], in("snapshots/main/bad")), 0);
        REQUIRE_INT(zc_file_open_in(&f, &test_log, dir, "bad"), ZC_E_UNSAFE);
        REQUIRE_HAS(error(), "bad': it is a symbolic link");
        REQUIRE_INT(unlink(in("snapshots/main/bad")), 0);
    }
    zc_dir_close(&dir);
#undef HASH
}

static void folders_are_listed_in_order(void)
{
    static const char *const expected[] = { "A", "a", "a.b", "b", "c" };
    zc_dir *dir = NULL;

    REQUIRE_INT(mkdir(in("list"), 0700), 0);
    put("list/b", "");
    put("list/a.b", "");
    put("list/c", "");
    put("list/A", "");
    put("list/a", "");
    REQUIRE_INT(zc_dir_open(&dir, &test_log, in("list")), ZC_OK);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < ZC_COUNT(expected); i++)
            REQUIRE_STR(zc_dir_next(dir), expected[i]);
        REQUIRE_STR(zc_dir_next(dir), NULL);
        zc_dir_rewind(dir);
    }
    for (size_t i = 0; i < ZC_COUNT(expected); i++)
        REQUIRE(zc_dir_has(dir, expected[i]));
    REQUIRE(!zc_dir_has(dir, "") && !zc_dir_has(dir, "aa") && !zc_dir_has(dir, "z"));
    REQUIRE_STR(zc_dir_path(dir), in("list"));
    zc_dir_close(&dir);
    zc_dir_close(&dir);
    REQUIRE_INT(zc_dir_open(&dir, &test_log, in("none")), ZC_E_NOT_FOUND);
    REQUIRE_INT(zc_dir_open(&dir, &test_log, in("list/a")), ZC_E_NOT_FOUND);
    REQUIRE_HAS(error(), "part of the path is not a folder");
}

static void whole_files_are_loaded_within_limits(void)
{
    zc_dir *dir = NULL;
    char *text = NULL;
    size_t bytes = 0;

    put("digits", "0123456789");
    REQUIRE_INT(zc_file_load(&text, &bytes, &test_log, in("digits"), 10), ZC_OK);
    REQUIRE_STR(text, "0123456789");
    REQUIRE_INT(bytes, 10);
    zc_free(text);
    text = NULL;
    REQUIRE_INT(zc_file_load(&text, &bytes, &test_log, in("digits"), 9), ZC_E_LIMIT);
    REQUIRE_HAS(error(), "digits' has 10 bytes, at most 9 are allowed");
    REQUIRE_INT(zc_file_load(&text, &bytes, &test_log, in("none"), 9), ZC_E_NOT_FOUND);
    REQUIRE(!text);
    REQUIRE_INT(zc_dir_open(&dir, &test_log, folder), ZC_OK);
    REQUIRE_INT(zc_file_load_in(&text, &bytes, &test_log, dir, "digits", 100), ZC_OK);
    REQUIRE_STR(text, "0123456789");
    zc_free(text);
    REQUIRE_INT(zc_file_load_in(&text, &bytes, &test_log, dir, "../x", 100), ZC_E_UNSAFE);
    zc_dir_close(&dir);
}

static void changes_while_reading_are_noticed(void)
{
    struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };
    zc_file *f = NULL;
    char text[10];

    put("digits", "0123456789");
    REQUIRE_INT(zc_file_open(&f, &test_log, in("digits")), ZC_OK);
    REQUIRE_INT(zc_file_unchanged(f, &test_log), ZC_OK);
    REQUIRE_INT(truncate(in("digits"), 4), 0);
    REQUIRE_INT(zc_file_unchanged(f, &test_log), ZC_E_IO);
    REQUIRE_HAS(error(), "changed while it was read: it had 10 bytes and has 4 now");
    REQUIRE_INT(zc_file_read_at(f, &test_log, 0, text, 10), ZC_E_TRUNCATED);
    REQUIRE_INT(truncate(in("digits"), 10), 0);
    REQUIRE_INT(utimensat(AT_FDCWD, in("digits"), times, 0), 0);
    REQUIRE_INT(zc_file_unchanged(f, &test_log), ZC_E_IO);
    REQUIRE_HAS(error(), "was written to while it was read");
    zc_file_close(&f);
}

static void written_files_appear_whole(void)
{
    zc_out *out = NULL;
    zc_file_info info;

    REQUIRE_INT(zc_out_create(&out, &test_log, in("new"), ZC_OUT_NEW), ZC_OK);
    REQUIRE_INT(zc_out_write(out, &test_log, "____", 4), ZC_OK);
    REQUIRE_INT(zc_out_write(out, &test_log, "tail", 4), ZC_OK);
    REQUIRE_INT(zc_out_write_at(out, &test_log, 0, "head", 4), ZC_OK);
    REQUIRE_INT(zc_out_size(out), 8);
    REQUIRE(!exists("new") && exists("new.partial"));
    REQUIRE_INT(zc_out_commit(&out, &test_log), ZC_OK);
    REQUIRE(!out && !exists("new.partial"));
    REQUIRE_STR(held("new"), "headtail");
    REQUIRE(zc_path_info(&info, in("new")) && info.size == 8 && info.kind == ZC_FILE_REGULAR);
    REQUIRE(!zc_path_info(&info, in("newer")));

    REQUIRE_INT(zc_out_create(&out, &test_log, in("new"), ZC_OUT_NEW), ZC_E_ARGUMENT);
    REQUIRE_HAS(error(), "new' exists already");
    REQUIRE_INT(zc_out_create(&out, &test_log, in("new"), ZC_OUT_REPLACE), ZC_OK);
    REQUIRE_INT(zc_out_write(out, &test_log, "other", 5), ZC_OK);
    REQUIRE_STR(held("new"), "headtail");
    zc_out_abort(&out);
    REQUIRE(!out && !exists("new.partial"));
    REQUIRE_STR(held("new"), "headtail");
    zc_out_abort(&out);

    REQUIRE_INT(zc_out_create(&out, &test_log, in("new"), ZC_OUT_REPLACE), ZC_OK);
    REQUIRE_INT(zc_out_write(out, &test_log, "other", 5), ZC_OK);
    REQUIRE_INT(zc_out_commit(&out, &test_log), ZC_OK);
    REQUIRE_STR(held("new"), "other");
}

static void what_must_not_be_replaced_is_not(void)
{
    zc_out *out = NULL;

    REQUIRE_INT(zc_out_create(&out, &test_log, in("late"), ZC_OUT_NEW), ZC_OK);
    put("late", "somebody else's");
    REQUIRE_INT(zc_out_commit(&out, &test_log), ZC_E_ARGUMENT);
    REQUIRE_HAS(error(), "late': it exists already");
    REQUIRE(!out && !exists("late.partial"));
    REQUIRE_STR(held("late"), "somebody else's");

    REQUIRE_INT(mkdir(in("dir"), 0700), 0);
    REQUIRE_INT(zc_out_create(&out, &test_log, in("dir"), ZC_OUT_REPLACE), ZC_E_UNSAFE);
    REQUIRE_INT(zc_out_create(&out, &test_log, in("none/x"), ZC_OUT_REPLACE), ZC_E_CREATE);
    REQUIRE_INT(symlink("victim", in("trap.partial")), 0);
    put("victim", "untouched");
    REQUIRE_INT(zc_out_create(&out, &test_log, in("trap"), ZC_OUT_REPLACE), ZC_E_UNSAFE);
    REQUIRE_STR(held("victim"), "untouched");
    REQUIRE(!out);
}

static void partial_files_belong_to_one_writer(void)
{
    zc_out *one = NULL, *two = NULL;

    put("shared.partial", "left behind by a process that was killed");
    REQUIRE_INT(zc_out_create(&one, &test_log, in("shared"), ZC_OUT_REPLACE), ZC_OK);
    REQUIRE_INT(zc_out_create(&two, &test_log, in("shared"), ZC_OUT_REPLACE), ZC_E_BUSY);
    REQUIRE_HAS(error(), "shared.partial': another writer is at work on it");
    REQUIRE(!two && exists("shared.partial"));
    REQUIRE_INT(zc_out_write(one, &test_log, "one", 3), ZC_OK);
    REQUIRE_INT(zc_out_commit(&one, &test_log), ZC_OK);
    REQUIRE_STR(held("shared"), "one");
    REQUIRE_INT(zc_out_create(&two, &test_log, in("shared"), ZC_OUT_REPLACE), ZC_OK);
    REQUIRE_INT(zc_out_commit(&two, &test_log), ZC_OK);
    REQUIRE_STR(held("shared"), "");
}

enum { WRITERS = 3, ROUNDS = 60 };

static atomic_int commits, strange;

/* Writes a file of equal letters, again and again, against the others. */
static void write_letters(void *arg)
{
    char text[64], path[100];
    zc_out *out = NULL;

    memset(text, *(const char *)arg, sizeof(text));
    snprintf(path, sizeof(path), "%s/race", folder);
    for (int i = 0; i < ROUNDS; i++) {
        if (zc_out_create(&out, NULL, path, ZC_OUT_REPLACE) != ZC_OK)
            continue;
        for (int k = 0; k < 64; k++)
            zc_out_write(out, NULL, text + k, 1);
        if (zc_out_commit(&out, NULL) == ZC_OK)
            atomic_fetch_add(&commits, 1);
        else
            atomic_fetch_add(&strange, 1);
    }
}

static void racing_writers_never_mix(void)
{
    static char letters[WRITERS] = { 'a', 'b', 'c' };
    zc_thread threads[WRITERS];
    const char *text;

    for (int i = 0; i < WRITERS; i++)
        REQUIRE_INT(zc_thread_start(&threads[i], "writer", write_letters, &letters[i]), ZC_OK);
    for (int i = 0; i < WRITERS; i++)
        zc_thread_join(&threads[i]);
    REQUIRE(atomic_load(&commits) > 0);
    REQUIRE_INT(atomic_load(&strange), 0);
    text = held("race");
    REQUIRE_INT(strlen(text), 64);
    REQUIRE_INT(strspn(text, (char[2]){ text[0], '\0' }), 64);
    REQUIRE(!exists("race.partial"));
}

static void own_files_grow_and_are_locked(void)
{
    zc_own *a = NULL, *b = NULL;
    char text[4] = "";

    REQUIRE_INT(zc_own_open(&a, &test_log, in("own")), ZC_OK);
    REQUIRE_INT(zc_own_open(&b, &test_log, in("own")), ZC_E_BUSY);
    REQUIRE(!b);
    REQUIRE_INT(zc_own_write(a, &test_log, 0, "0123456", 7), ZC_OK);
    REQUIRE_INT(zc_own_size(a), 7);
    REQUIRE_INT(zc_own_cut(a, &test_log, 5), ZC_OK);
    REQUIRE_INT(zc_own_sync(a, &test_log), ZC_OK);
    REQUIRE_INT(zc_own_still(a, &test_log), ZC_OK);
    zc_own_close(&a);
    REQUIRE_STR(held("own"), "01234");
    REQUIRE_INT(zc_own_open(&a, &test_log, in("own")), ZC_OK);
    REQUIRE_INT(zc_own_size(a), 5);
    REQUIRE_INT(zc_own_read(a, &test_log, 2, text, 3), ZC_OK);
    REQUIRE_STR(text, "234");
    REQUIRE_INT(zc_own_read(a, &test_log, 2, text, 4), ZC_E_TRUNCATED);
    REQUIRE_INT(zc_path_rename(&test_log, in("own"), in("other")), ZC_OK);
    REQUIRE_INT(zc_path_sync(&test_log, in("other")), ZC_OK);
    REQUIRE_INT(zc_own_still(a, &test_log), ZC_E_BUSY);
    zc_own_close(&a);
    zc_own_close(&a);
}

static void folders_are_made_and_files_removed(void)
{
    put("plain", "x");
    REQUIRE_INT(zc_path_mkdir(&test_log, in("made")), ZC_OK);
    REQUIRE_INT(zc_path_mkdir(&test_log, in("made")), ZC_OK);
    REQUIRE_INT(zc_path_mkdir(&test_log, in("plain")), ZC_E_CREATE);
    REQUIRE_INT(zc_path_mkdir(&test_log, in("no/where")), ZC_E_CREATE);
    REQUIRE_INT(zc_path_unlink(&test_log, in("plain")), ZC_OK);
    REQUIRE_INT(zc_path_unlink(&test_log, in("plain")), ZC_OK);
    REQUIRE(!exists("plain"));
    REQUIRE(zc_path_unlink(&test_log, in("made")) != ZC_OK);
    REQUIRE_INT(zc_path_rmdir(&test_log, in("made")), ZC_OK);
    REQUIRE_INT(zc_path_rmdir(&test_log, in("made")), ZC_OK);
}

static void low_descriptors_are_never_used(void)
{
    int saved[3], taken[3] = { 0, 0, 0 };
    zc_file *f = NULL;
    zc_out *out = NULL;
    zc_dir *dir = NULL;
    zc_status st[3];

    put("digits", "0123456789");
    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD, 10);
        close(i);
    }
    st[0] = zc_file_open(&f, NULL, in("digits"));
    st[1] = zc_out_create(&out, NULL, in("low"), ZC_OUT_REPLACE);
    st[2] = zc_dir_open(&dir, NULL, folder);
    for (int i = 0; i < 3; i++)
        taken[i] = fcntl(i, F_GETFD) != -1;
    zc_file_close(&f);
    zc_out_abort(&out);
    zc_dir_close(&dir);
    for (int i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    for (int i = 0; i < 3; i++) {
        REQUIRE_INT(st[i], ZC_OK);
        REQUIRE_INT(taken[i], 0);
    }
}

/* Everything that a reader does. */
static zc_status read_all(void)
{
    zc_status st = ZC_OK;
    zc_dir *dir = NULL;
    zc_file *f = NULL;
    char *text = NULL, byte;
    size_t bytes;

    ZC_TRY(zc_dir_open(&dir, &test_log, in("list")));
    ZC_TRY(zc_file_open_in(&f, &test_log, dir, "full"));
    ZC_TRY(zc_file_read_at(f, &test_log, 1, &byte, 1));
    ZC_TRY(zc_file_unchanged(f, &test_log));
    ZC_TRY(zc_file_load_in(&text, &bytes, &test_log, dir, "full", 100));
done:
    zc_free(text);
    zc_file_close(&f);
    zc_dir_close(&dir);
    return st;
}

static zc_status write_all(zc_out_policy policy)
{
    zc_status st = ZC_OK;
    zc_out *out = NULL;

    ZC_TRY(zc_out_create(&out, &test_log, in("list/out"), policy));
    ZC_TRY(zc_out_write(out, &test_log, "0123456789", 10));
    ZC_TRY(zc_out_write_at(out, &test_log, 2, "ab", 2));
    ZC_TRY(zc_out_commit(&out, &test_log));
done:
    zc_out_abort(&out);
    return st;
}

static void every_call_of_a_reader_may_fail(void)
{
    zc_status st;

    put("list/full", "0123456789");
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        faults_alloc(0, FAULT_ONCE);
        faults_file(n, FAULT_ONCE, EIO);
        st = read_all();
        calls = faults_file_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_IO : ZC_OK);
        REQUIRE(st == ZC_OK || zc_str_ends(error(), ": input or output error"));
        REQUIRE_INT(faults_open_files(), 0);
        REQUIRE_INT(faults_live_blocks(), 0);
        faults_alloc_end();
    }
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        faults_alloc(n, FAULT_ONCE);
        faults_file(0, FAULT_ONCE, EIO);
        st = read_all();
        faults_file_end();
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_open_files(), 0);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

static void every_call_of_a_writer_may_fail(void)
{
    zc_status st;
    const char *text;

    /* Five errors, to replace a file or make a new one. */
    static const int errors[] = { EIO, ENOSPC, EDQUOT, EACCES, 9999 };

    for (size_t k = 0; k < 2 * ZC_COUNT(errors); k++) {
        const zc_out_policy policy = k % 2 ? ZC_OUT_NEW : ZC_OUT_REPLACE;

        for (int n = 1, calls = n; calls >= n - 1; n++) {
            unlink(in("list/out"));
            if (policy == ZC_OUT_REPLACE)
                put("list/out", "old");
            faults_alloc(0, FAULT_ONCE);
            faults_file(n, n % 2 ? FAULT_ONCE : FAULT_ONWARDS, errors[k / 2]);
            st = write_all(policy);
            calls = faults_file_end();
            REQUIRE_INT(faults_open_files(), 0);
            REQUIRE_INT(faults_live_blocks(), 0);
            faults_alloc_end();

            /* The first call only asks whether the target is there. */
            REQUIRE(st == ZC_E_IO || st == ZC_E_CREATE || (st == ZC_OK && (calls < n || n == 1)));
            text = held("list/out");
            REQUIRE(zc_str_equal(text, "01ab456789") ||
                    (st != ZC_OK && zc_str_equal(text, policy == ZC_OUT_NEW ? "(none)" : "old")));
            /* While it is locked and compared, calls 3 and 5, it isn't known to be ours
             * and stays. */
            if (n % 2 && n > 5)
                REQUIRE(!exists("list/out.partial"));
            unlink(in("list/out.partial"));
        }
    }
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        faults_file(0, FAULT_ONCE, EIO);
        faults_alloc(n, FAULT_ONCE);
        st = write_all(ZC_OUT_REPLACE);
        calls = faults_alloc_end();
        faults_file_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_open_files(), 0);
        REQUIRE_INT(faults_live_blocks(), 0);
        REQUIRE(!exists("list/out.partial"));
    }
}

static void interrupted_and_short_writes_go_on(void)
{
    for (size_t most = 1; most < 4; most++) {
        faults_file(0, FAULT_ONCE, EIO);
        faults_file_stutter(most);
        REQUIRE_INT(write_all(ZC_OUT_REPLACE), ZC_OK);
        faults_file_end();
        REQUIRE_STR(held("list/out"), "01ab456789");
    }
}

static void nothing_is_committed_after_a_failed_write(void)
{
    zc_out *out = NULL;

    /* Before the write come a handful of calls that create the partial file. */
    for (int n = 1; n < 20; n++) {
        faults_file(n, FAULT_ONCE, ENOSPC);
        if (zc_out_create(&out, &test_log, in("full disk"), ZC_OUT_REPLACE) != ZC_OK)
            continue;
        if (zc_out_write(out, &test_log, "x", 1) != ZC_OK) {
            REQUIRE_HAS(error(), "full disk.partial': the disk is full");
            REQUIRE_INT(zc_out_commit(&out, &test_log), ZC_E_IO);
            REQUIRE_HAS(error(), "full disk' stays unwritten, because a write had failed");
            REQUIRE(!exists("full disk") && !exists("full disk.partial"));
            faults_file_end();
            return;
        }
        zc_out_abort(&out);
    }
    faults_file_end();
    REQUIRE(!"the write failed");
}

int main(void)
{
    if (!scratch_begin("unit_file_XXXXXX"))
        return 1;
    TEST(files_are_read_by_position);
    TEST(interrupted_and_short_reads_go_on);
    TEST(only_regular_files_open);
    TEST(names_from_files_stay_inside);
    TEST(links_to_blobs_are_followed);
    TEST(folders_are_listed_in_order);
    TEST(whole_files_are_loaded_within_limits);
    TEST(changes_while_reading_are_noticed);
    TEST(written_files_appear_whole);
    TEST(what_must_not_be_replaced_is_not);
    TEST(partial_files_belong_to_one_writer);
    TEST(racing_writers_never_mix);
    TEST(own_files_grow_and_are_locked);
    TEST(folders_are_made_and_files_removed);
    TEST(low_descriptors_are_never_used);
    TEST(every_call_of_a_reader_may_fail);
    TEST(every_call_of_a_writer_may_fail);
    TEST(interrupted_and_short_writes_go_on);
    TEST(nothing_is_committed_after_a_failed_write);
    scratch_end();
    return test_end();
}
