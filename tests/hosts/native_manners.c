/* How the engine behaves as a guest of a native host.
 *
 * native_manners LIBRARY PRESET CYCLES
 *
 * A scan is quick and small, starts nothing and opens no file; cycles of load, film,
 * unload leave nothing; locale, floating-point state and closed descriptors change no
 * picture; and what belongs to the host is as it was. */
#define GUEST_OPENS
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/hosts/guest.h"
#include "tests/hosts/native_host.h"
#include "tests/unit/test.h"

static const char *path, *preset;
static int cycles;
static uint64_t reference;

/* From loading to unloading. */
static uint64_t film(const char *options)
{
    native n = native_open(path);
    zt_engine *engine = native_engine(&n, 1, NULL, NULL);
    const uint64_t sum = native_film(&n, engine, preset, options);

    n.zt->engine_close(&engine);
    native_close(&n);
    return sum;
}

static void a_scan_is_quick_and_starts_nothing(void)
{
    const int threads = entries_of("/proc/self/task"), files = entries_of("/proc/self/fd");
    const size_t memory = mallinfo2().uordblks;
    const double begin = guest_work();
    const int opens = guest_files.opens;
    native n = native_open(path);
    zt_item item = { .size = sizeof(item) };
    zt_param param = { .size = sizeof(param) };
    int items = 0, params = 0;

    for (int32_t list = 0; list < ZT_LIST_PRESETS; list++) {
        for (int32_t i = 0; n.zt->list(list, i, &item) == ZT_OK; i++)
            items += item.name && *item.name && item.summary && *item.summary;
    }
    while (n.zt->param(params, &param) == ZT_OK)
        params += param.key && *param.key && param.help && *param.help ? 1 : 1000;
    REQUIRE(items >= 4);
    REQUIRE(params >= 20 && params < 1000);
    REQUIRE_INT(entries_of("/proc/self/task"), threads);
    REQUIRE_INT(entries_of("/proc/self/fd"), files);
    native_close(&n);
    const double took = guest_work() - begin;
    const size_t grown = mallinfo2().uordblks - memory;
    printf("scan: %.2f ms, %zu bytes\n", took * 1e3, grown);
    REQUIRE(took < 0.020);
    REQUIRE(grown < 4u << 20);
    REQUIRE_INT(guest_files.opens, opens);
    REQUIRE_INT(entries_of("/proc/self/fd"), files);
}

/* In a child; its answer is its exit status. */
static void closed_descriptors_change_nothing(void)
{
    int answer = 0;
    const pid_t child = fork();

    if (child == 0) {
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        const uint64_t sum = film(NULL);
        int taken = 0;                        /* by the library, in place of a standard one */
        for (int fd = 0; fd < 3; fd++)
            taken |= fcntl(fd, F_GETFD) >= 0;
        _exit(taken ? 255 : (int)(sum % 251));
    }
    REQUIRE(waitpid(child, &answer, 0) == child && WIFEXITED(answer));
    reference = film(NULL);
    REQUIRE(reference != 0);
    REQUIRE_INT(WEXITSTATUS(answer), reference % 251);
}

static void cycles_leave_nothing(void)
{
    int threads = 0, files = 0, maps = 0, wrong = 0;
    size_t memory = 0;
    pthread_key_t key;

    for (int i = 0; i < cycles; i++) {
        if (i == cycles / 10) {               /* what is kept for good is there by now */
            threads = entries_of("/proc/self/task");
            files = entries_of("/proc/self/fd");
            maps = lines_of("/proc/self/maps");
            memory = mallinfo2().uordblks;
        }
        wrong += film("width = 16\nheight = 16\nframes = 1\nsteps = 1\n") == 0;
    }
    const long long grown = (long long)mallinfo2().uordblks - (long long)memory;
    printf("%d cycles: %lld bytes, %d mappings\n", cycles, grown,
           lines_of("/proc/self/maps") - maps);
    REQUIRE_INT(wrong, 0);
    REQUIRE(guest_files.opens > cycles && guest_files.read > cycles);     /* they are counted */
    REQUIRE_INT(entries_of("/proc/self/task"), threads);
    REQUIRE_INT(entries_of("/proc/self/fd"), files);
    REQUIRE(lines_of("/proc/self/maps") - maps <= 4);         /* the allocator's own */
    REQUIRE(grown < 64 << 10);
    REQUIRE(pthread_key_create(&key, NULL) == 0);
    pthread_key_delete(key);
}

static void floating_point_state_changes_nothing(void)
{
    for (int i = 0; i < GUEST_FPU_STATES; i++) {
        guest_host before, after;

        guest_fpu(i);
        guest_look(&before);
        const uint64_t sum = film(NULL);
        guest_look(&after);
        guest_fpu(0);
        REQUIRE(sum == reference);
        REQUIRE(!guest_change(&before, &after));
    }
}

static void locale_changes_nothing(void)
{
    static const char *const names[] = { "de_DE.UTF-8", "tr_TR.UTF-8", "C" };

    for (int i = 0; i < 3; i++) {
        if (!setlocale(LC_ALL, names[i])) {
            printf("no locale %s here\n", names[i]);
            continue;
        }
        REQUIRE(film("shift = 7.0\n") == reference);
        REQUIRE_STR(setlocale(LC_ALL, NULL), names[i]);
    }
}

static void what_is_the_hosts_stays(void)
{
    guest_host before, after;
    sigset_t some;

    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigprocmask(SIG_BLOCK, &some, NULL);
    signal(SIGUSR2, SIG_IGN);
    guest_look(&before);
    REQUIRE(film(NULL) == reference);
    film("stpes = 1\n");
    film("model = /no/such/folder\n");
    guest_look(&after);
    const char *change = guest_change(&before, &after);
    REQUIRE_STR(change ? change : "nothing", "nothing");
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        printf("usage: native_manners LIBRARY PRESET CYCLES\n");
        return 64;
    }
    path = argv[1];
    preset = argv[2];
    cycles = atoi(argv[3]);
    TEST(a_scan_is_quick_and_starts_nothing);
    TEST(closed_descriptors_change_nothing);
    TEST(cycles_leave_nothing);
    TEST(floating_point_state_changes_nothing);
    TEST(locale_changes_nothing);
    TEST(what_is_the_hosts_stays);
    return test_end();
}
