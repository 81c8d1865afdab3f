/* How a frei0r module behaves as a guest.
 *
 * frei0r_manners SOURCE.so PRESET CYCLES
 *
 * A scan is quick and small and starts nothing; cycles of load, film, unload leave
 * nothing; locale, floating-point state and closed descriptors change no picture; and
 * what belongs to the host is as it was. */
#define GUEST_OPENS
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/hosts/frei0r_host.h"
#include "tests/unit/test.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE };

static const char *path, *preset;
static int cycles;
static uint32_t reference[PIXELS];

/* One picture, from loading to unloading. */
static void picture(uint32_t *out, const char *seed, double time)
{
    module m = module_open(path);
    f0r_instance_t instance = m.construct(SIDE, SIDE);
    const char *rate = "23.976";

    m.set(instance, &preset, 0);
    m.set(instance, &seed, 3);
    m.set(instance, &rate, 7);
    m.update(instance, time, NULL, out);
    m.destruct(instance);
    module_close(&m);
}

static bool is_reference(const char *seed)
{
    uint32_t out[PIXELS];

    picture(out, seed, 0.084);
    return memcmp(out, reference, sizeof(out)) == 0;
}

static void a_scan_is_quick_and_starts_nothing(void)
{
    const int threads = entries_of("/proc/self/task"), files = entries_of("/proc/self/fd");
    const size_t memory = mallinfo2().uordblks;
    const double begin = guest_work();
    const int opens = guest_files.opens;
    module m = module_open(path);
    f0r_instance_t instance = m.construct(720, 576);
    f0r_plugin_info_t info;
    f0r_param_info_t param;

    m.plugin_info(&info);
    for (int i = 0; i < info.num_params; i++) {
        const char *text = NULL;
        double value = 0.0;
        m.param_info(&param, i);
        REQUIRE(param.name && *param.name && param.explanation && *param.explanation);
        m.get(instance, param.type == F0R_PARAM_DOUBLE ? (void *)&value : (void *)&text, i);
        REQUIRE(param.type == F0R_PARAM_DOUBLE ? value == 1.0 : text != NULL);
    }
    REQUIRE_INT(info.num_params, 11);
    REQUIRE_INT(entries_of("/proc/self/task"), threads);
    REQUIRE_INT(entries_of("/proc/self/fd"), files);
    m.destruct(instance);
    module_close(&m);
    const double took = guest_work() - begin;
    printf("scan: %.2f ms, %zu bytes\n", took * 1e3, mallinfo2().uordblks - memory);
    REQUIRE(took < 0.020);
    REQUIRE_INT(guest_files.opens, opens);
    REQUIRE(mallinfo2().uordblks - memory < 4u << 20);
    REQUIRE_INT(entries_of("/proc/self/fd"), files);
}

/* In a child, for it has no engine yet; its answer is its exit status. */
static void closed_descriptors_change_nothing(void)
{
    int answer = 0;
    const pid_t child = fork();

    if (child == 0) {
        uint32_t out[PIXELS];
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        picture(out, "1", 0.084);
        uint32_t sum = 0;
        for (int i = 0; i < PIXELS; i++)
            sum = sum * 31 + out[i];
        _exit((int)(sum % 251));
    }
    REQUIRE(waitpid(child, &answer, 0) == child && WIFEXITED(answer));
    uint32_t sum = 0;
    picture(reference, "1", 0.084);
    for (int i = 0; i < PIXELS; i++)
        sum = sum * 31 + reference[i];
    REQUIRE_INT(WEXITSTATUS(answer), sum % 251);
}

static void cycles_leave_nothing(void)
{
    char seed[16];
    uint32_t out[PIXELS];
    int threads = 0, files = 0, maps = 0;
    size_t memory = 0;
    pthread_key_t key;

    for (int i = 0; i < cycles; i++) {
        if (i == cycles / 10) {               /* what is kept for good is there by now */
            threads = entries_of("/proc/self/task");
            files = entries_of("/proc/self/fd");
            maps = lines_of("/proc/self/maps");
            memory = mallinfo2().uordblks;
        }
        snprintf(seed, sizeof(seed), "%d", i % 5 + 2);
        picture(out, seed, 0.0);
    }
    const long long grown = (long long)mallinfo2().uordblks - (long long)memory;
    printf("%d cycles: %lld bytes, %d mappings\n", cycles, grown,
           lines_of("/proc/self/maps") - maps);
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
        picture((uint32_t[PIXELS]){ 0 }, "9", 0.0);           /* so that it is made anew */
        const bool same = is_reference("1");
        guest_look(&after);
        guest_fpu(0);
        REQUIRE(same);
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
        picture((uint32_t[PIXELS]){ 0 }, "9", 0.0);
        REQUIRE(is_reference("1"));
        REQUIRE_STR(setlocale(LC_ALL, NULL), names[i]);
    }
}

static void what_is_the_hosts_stays(void)
{
    guest_host before, after;

    guest_look(&before);
    picture((uint32_t[PIXELS]){ 0 }, "8", 0.0);
    guest_look(&after);
    const char *change = guest_change(&before, &after);
    REQUIRE_STR(change ? change : "nothing", "nothing");
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        printf("usage: frei0r_manners SOURCE.so PRESET CYCLES\n");
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
