/* Messages: levels, the last error, many threads. */

#include <stdint.h>

#include "core/base/log.h"
#include "core/base/thread.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

struct seen {
    int count;
    zc_level level;
    char text[ZC_LOG_TEXT];
};

static void keep(void *user, zc_level level, const char *text)
{
    struct seen *s = user;

    s->count++;
    s->level = level;
    memcpy(s->text, text, strlen(text) + 1);
}

static void levels_are_filtered(void)
{
    struct seen s = { 0 };
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_INFO, keep, &s), ZC_OK);
    zc_debug(&log, "no");
    zc_trace(&log, "no");
    REQUIRE_INT(s.count, 0);
    zc_info(&log, "step %d", 3);
    REQUIRE_INT(s.level, ZC_LEVEL_INFO);
    REQUIRE_STR(s.text, "step 3");
    zc_warning(&log, "careful");
    REQUIRE_INT(s.level, ZC_LEVEL_WARNING);
    zc_error(&log, "broken");
    REQUIRE_INT(s.level, ZC_LEVEL_ERROR);
    REQUIRE_INT(s.count, 3);

    REQUIRE(zc_log_wants(&log, ZC_LEVEL_INFO) && !zc_log_wants(&log, ZC_LEVEL_DEBUG));
    zc_log_set_level(&log, ZC_LEVEL_TRACE);
    REQUIRE(zc_log_wants(&log, ZC_LEVEL_TRACE));
    zc_trace(&log, "yes");
    REQUIRE_INT(s.count, 4);
    zc_log_fini(&log);
}

static void the_last_error_stays(void)
{
    char text[ZC_LOG_TEXT], small[4];
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    zc_log_last_error(&log, text, sizeof(text));
    REQUIRE_STR(text, "");
    zc_error(&log, "%s: byte %d", "a.gguf", 7);
    zc_warning(&log, "not this one");
    zc_log_last_error(&log, text, sizeof(text));
    REQUIRE_STR(text, "a.gguf: byte 7");
    zc_log_last_error(&log, small, sizeof(small));
    REQUIRE_STR(small, "a.g");
    zc_log_last_error(&log, NULL, 0);
    zc_error(&log, "second");
    zc_log_last_error(&log, text, sizeof(text));
    REQUIRE_STR(text, "second");
    zc_log_fini(&log);
}

static void long_messages_are_cut_at_400_bytes(void)
{
    struct seen s = { 0 };
    char big[1000];
    zc_log log;

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, keep, &s), ZC_OK);
    zc_error(&log, "%s", big);
    REQUIRE_INT(strlen(s.text), 400);
    zc_log_fini(&log);
}

static void no_log_swallows_everything(void)
{
    char text[8] = "old";

    zc_error(NULL, "nobody hears");
    REQUIRE(!zc_log_wants(NULL, ZC_LEVEL_ERROR));
    zc_log_last_error(NULL, text, sizeof(text));
    REQUIRE_STR(text, "");
}

static void lack_of_a_mutex_is_reported(void)
{
    zc_log log;

    faults_thread(1, FAULT_ONCE);
    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_INFO, NULL, NULL), ZC_E_NOMEM);
    REQUIRE_INT(faults_thread_end(), 1);
}

enum { THREADS = 4, MESSAGES = 500 };

struct talker {
    zc_log *log;
    int id;
};

static void talk(void *arg)
{
    const struct talker *t = arg;
    char text[ZC_LOG_TEXT];

    for (int i = 0; i < MESSAGES; i++) {
        if (i % 2)
            zc_error(t->log, "%d%d%d%d", t->id, t->id, t->id, t->id);
        else
            zc_info(t->log, "%d%d%d%d", t->id, t->id, t->id, t->id);
        zc_log_last_error(t->log, text, sizeof(text));
    }
}

/* Counts messages that are not four times the same digit. */
static void judge(void *user, zc_level level, const char *text)
{
    int *counts = user;

    (void)level;
    counts[0]++;
    counts[1] += strlen(text) != 4 || text[0] != text[1] || text[0] != text[3];
}

static void many_threads_may_write(void)
{
    struct talker talkers[THREADS];
    zc_thread threads[THREADS];
    int counts[2] = { 0 };
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_INFO, judge, counts), ZC_OK);
    for (int i = 0; i < THREADS; i++) {
        talkers[i] = (struct talker){ &log, i };
        REQUIRE_INT(zc_thread_start(&threads[i], "talker", talk, &talkers[i]), ZC_OK);
    }
    for (int i = 0; i < THREADS; i++)
        zc_thread_join(&threads[i]);
    REQUIRE_INT(counts[0], THREADS * MESSAGES);
    REQUIRE_INT(counts[1], 0);
    zc_log_fini(&log);
}

int main(void)
{
    TEST(levels_are_filtered);
    TEST(the_last_error_stays);
    TEST(long_messages_are_cut_at_400_bytes);
    TEST(no_log_swallows_everything);
    TEST(lack_of_a_mutex_is_reported);
    TEST(many_threads_may_write);
    return test_end();
}
