/* Which methods are run, and with which options they compute how many steps. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/bench/part.h"
#include "core/cache/method.h"
#include "core/caching.h"
#include "core/lines.h"

#define FILE_BYTES (1u << 20)
#define STEPS      "steps"            /* the name of the method that is none */

static const char usual[] =
    "fewer-steps  = steps\n"
    "fora         = fora interval=?\n"
    "taylorseer-1 = taylorseer order=1 first=1 interval=?\n"
    "taylorseer-2 = taylorseer order=2 first=1 interval=?\n"
    "hicache      = hicache first=1 interval=?\n"
    "teacache     = teacache threshold=?\n"
    "magcache     = magcache threshold=? run=50 retain=0.1\n"
    "easycache    = easycache threshold=?\n";

struct list {
    zc_bench_method *method;
    int    *count;
    zc_log *log;
};

/* "taylorseer order=1 interval=?" behind the name. */
static zc_status add(void *user, const char *where, const char *key, const char *value)
{
    struct list *l = user;
    zc_log *log = l->log;
    zc_status st = ZC_OK;
    zc_bench_method *m = &l->method[*l->count];
    size_t used = 0, length = strcspn(value, " \t");

    ZC_CHECK(*l->count < ZC_BENCH_METHODS, ZC_E_LIMIT, "%smore than %d methods", where,
             ZC_BENCH_METHODS);
    *m = (zc_bench_method){ .name = "" };
    ZC_CHECK(strlen(key) < sizeof(m->name) && length < sizeof(m->method), ZC_E_LIMIT,
             "%sa name of %zu and a method of %zu bytes, expected less than %zu and %zu", where,
             strlen(key), length, sizeof(m->name), sizeof(m->method));
    zc_format(m->name, sizeof(m->name), "%s", key);
    zc_format(m->method, sizeof(m->method), "%.*s", (int)length, value);
    ZC_CHECK(zc_str_equal(m->method, STEPS) || zc_cache_method_find(m->method), ZC_E_MISSING,
             "%sthere is no caching method '%s'", where, zc_quote_text(m->method).text);
    for (const char *at = value + length; *(at += strspn(at, " \t")); at += length) {
        const char *equals;

        length = strcspn(at, " \t");
        equals = memchr(at, '=', length);
        ZC_CHECK(equals, ZC_E_FORMAT, "%sexpected key=value, found '%s'", where,
                 zc_quote(at, length).text);
        used += zc_format(m->options + used, sizeof(m->options) - used, "%.*s = %.*s\n",
                          (int)(equals - at), at, (int)(at + length - equals - 1), equals + 1);
        ZC_CHECK(used < sizeof(m->options), ZC_E_LIMIT, "%smore than %zu bytes of options", where,
                 sizeof(m->options) - 1);
    }
    (*l->count)++;
done:
    return st;
}

zc_status zc_bench_methods_read(zc_bench_method list[ZC_BENCH_METHODS], int *count, zc_log *log,
                                const char *path)
{
    zc_status st = ZC_OK;
    struct list l = { list, count, log };
    char *text = NULL;
    size_t bytes = 0;

    *count = 0;
    if (path && *path)
        ZC_TRY(zc_file_load(&text, &bytes, log, path, FILE_BYTES));
    ZC_TRY(zc_lines_parse(log, path && *path ? path : "methods", text ? text : usual, add, &l));
    ZC_CHECK(*count > 0, ZC_E_FORMAT, "%s names no methods", zc_quote_path(path).text);
done:
    zc_free(text);
    return st;
}

const zc_opt *zc_bench_open_option(const zc_bench_method *m)
{
    const zc_cache_method *row = zc_cache_method_find(m->method);
    const char *at = strstr(m->options, " = ?\n");
    char key[64];

    if (!row || !at)
        return NULL;
    const char *from = at;
    while (from > m->options && from[-1] != '\n')
        from--;
    zc_format(key, sizeof(key), "%.*s", (int)(at - from), from);
    return zc_opt_find(row->opts, key);
}

zc_status zc_bench_fill(char *options, size_t room, zc_log *log, const zc_bench_method *m, int full,
                        const char *value)
{
    static const char mark[] = "{full}";
    zc_status st = ZC_OK;
    size_t used = 0;

    for (const char *at = m->options; *at && used < room; ) {
        if (strncmp(at, mark, sizeof(mark) - 1) == 0) {
            used += zc_format(options + used, room - used, "%d", full);
            at += sizeof(mark) - 1;
        } else if (strncmp(at, "= ?\n", 4) == 0) {
            used += zc_format(options + used, room - used, "= %s\n", value);
            at += 4;
        } else {
            options[used++] = *at++;
        }
    }
    ZC_CHECK(used < room, ZC_E_LIMIT, "%s: more than %zu bytes of options", m->name, room - 1);
    options[used] = '\0';
done:
    return st;
}

/* Steps that a method computes if it sees nothing. */
static zc_status count_steps(int *count, zc_log *log, const zc_request *q,
                             const zc_schedule *schedule)
{
    zc_status st = ZC_OK;
    zc_caching c = { .method = NULL };
    const zc_cache_seen seen = { .drift = 0 };
    const zc_cache_env env = { .log = log, .schedule = schedule, .family = "hunyuan-video" };
    void *state = NULL;
    int depth = 0;

    *count = 0;
    ZC_TRY(zc_caching_open(&c, log, q, schedule, NULL));
    state = zc_alloc_zeroed(1, c.method->state_size);
    ZC_CHECK(state, ZC_E_NOMEM, "out of memory");
    memcpy(state, c.options, c.method->options_size);
    ZC_TRY(c.method->open(state, &env, &depth));
    for (int i = 0; i < schedule->steps; i++) {
        const zc_step step = zc_schedule_at(schedule, i);

        *count += c.method->computes(state, &step, &seen);
    }
done:
    zc_free(state);
    zc_caching_close(&c);
    return st;
}

zc_status zc_bench_fit_interval(char value[32], zc_log *log, const zc_bench_method *m, int full,
                                const zc_schedule *schedule, zc_request *q)
{
    zc_status st = ZC_OK;
    const zc_opt *o = zc_bench_open_option(m);
    int best = schedule->steps + 1;
    char text[32];

    zc_format(q->cache, sizeof(q->cache), "%s", m->method);
    for (int64_t i = o->i_min > 1 ? o->i_min : 1; i <= o->i_max && i <= schedule->steps; i++) {
        int count = 0, off;

        zc_format(text, sizeof(text), "%lld", (long long)i);
        ZC_TRY(zc_bench_fill(q->cache_options, sizeof(q->cache_options), log, m, full, text));
        ZC_TRY(count_steps(&count, log, q, schedule));
        off = count > full ? count - full : full - count;
        if (off < best) {
            best = off;
            memcpy(value, text, sizeof(text));
        }
    }
    if (best)
        zc_warning(log, "%s: no %s gives %d computed steps", m->name, o->key, full);
done:
    return st;
}
