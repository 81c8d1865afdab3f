/* Runs zoetrope-probe on the fixtures and compares every stage with upstream's.
 *
 *     parity PROBE FIXTURES OUT BACKEND PRECISION [THREADS [MODULES [COMPONENT]]]
 *
 * With THREADS, a list as 1,2,3,8, the outputs must be the same bytes for all of
 * them. MODULES is the folder of a backend that is a module, or empty; COMPONENT is
 * how the names of the components begin that are wanted. Says "N passed, N failed"
 * for stages; exit status 1 if any failed. */

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/io/container.h"
#include "tests/parity/tolerance.h"

#define PATHS 2048
#define ARGS 32

extern char **environ;

typedef struct run {
    const char *probe, *fixtures, *out, *backend, *precision, *modules;
    zc_log log;
    int passed, failed;
} run;

static void say(void *user, zc_level level, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "parity: %s\n", text);
}

/* A case's text, or "" if it has none of that key. */
static const char *text_of(const zc_json *doc, const zc_json_value *v, const char *key)
{
    const zc_json_value *found = zc_json_find(doc, v, key);

    return found && found->kind == ZC_JSON_STRING ? found->text : "";
}

static bool run_probe(const run *r, const zc_json *doc, const zc_json_value *c, const char *threads,
                      const char *out)
{
    char checkpoint[PATHS], in[PATHS], backend[64], precision[64], count[64], modules[PATHS];
    char *argv[ARGS] = { (char *)r->probe, (char *)text_of(doc, c, "component"), checkpoint, in,
                         (char *)out, backend, precision, count, modules };
    int argc = 9, status = 0;
    pid_t pid;

    snprintf(checkpoint, sizeof(checkpoint), "%s/%s", r->fixtures, text_of(doc, c, "checkpoint"));
    snprintf(in, sizeof(in), "%s/%s", r->fixtures, text_of(doc, c, "in"));
    snprintf(backend, sizeof(backend), "backend=%s", r->backend);
    snprintf(precision, sizeof(precision), "precision=%s", r->precision);
    snprintf(count, sizeof(count), "threads=%s", threads);
    snprintf(modules, sizeof(modules), "modules=%s", r->modules);
    const zc_json_value *args = zc_json_find(doc, c, "args");
    for (const zc_json_value *a = zc_json_first(args); a && argc < ARGS - 1;
         a = zc_json_after(args, a))
        argv[argc++] = (char *)a->text;
    if (posix_spawn(&pid, r->probe, NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid)
        return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Values of a tensor as floats; NULL if it cannot be read. */
static float *values_of(run *r, const zc_container *c, const zc_entry *e)
{
    const size_t count = (size_t)zc_entry_elements(e);
    float *values = zc_alloc(count * sizeof(float));

    if (values && (e->type != ZK_F32 || zc_entry_read(c, &r->log, e, values) != ZC_OK)) {
        zc_free(values);
        return NULL;
    }
    return values;
}

static double relative_rms(const float *a, const float *b, size_t count)
{
    double error = 0, size = 0;

    for (size_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i];
        error += d * d;
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(error / (size > 0 ? size : 1e-30));
}

/* Every tensor of `expected` must be in `got`, near enough. Returns the worst error. */
static double compare(run *r, const char *name, const tolerance *t, const zc_container *got,
                      const zc_container *expected)
{
    double worst = 0;

    for (const zc_entry *e = zc_container_next(expected, NULL); e;
         e = zc_container_next(expected, e)) {
        const zc_entry *g = zc_container_find(got, e->name);
        if (!g || g->rank != e->rank || memcmp(g->dim, e->dim, sizeof(e->dim)) != 0) {
            printf("FAIL %s: %s is %s, expected %s\n", name, e->name,
                   g ? zc_shape(g->dim, g->rank).text : "missing", zc_shape(e->dim, e->rank).text);
            r->failed++;
            continue;
        }
        float *a = values_of(r, got, g), *b = values_of(r, expected, e);
        const double error = a && b ? relative_rms(a, b, (size_t)zc_entry_elements(e)) : INFINITY;
        if (error <= t->relative_rms) {
            r->passed++;
        } else {
            printf("FAIL %s: %s is off by %.3g, %.3g is allowed\n", name, e->name, error,
                   t->relative_rms);
            r->failed++;
        }
        worst = error > worst ? error : worst;
        zc_free(a);
        zc_free(b);
    }
    return worst;
}

/* The whole chain's frames, by the measure that people quote. */
static double psnr(run *r, const zc_container *got, const zc_container *expected)
{
    const zc_entry *g = zc_container_find(got, "rgb"), *e = zc_container_find(expected, "rgb");

    if (!g || !e)
        return -1;
    float *a = values_of(r, got, g), *b = values_of(r, expected, e);
    const size_t count = (size_t)zc_entry_elements(e);
    double error = 0;
    for (size_t i = 0; a && b && i < count; i++)
        error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    zc_free(a);
    zc_free(b);
    return 10.0 * log10((double)count / (error > 0 ? error : 1e-30));
}

static bool same_bytes(run *r, const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t nx = 0, ny = 0;
    const bool same = zc_file_load(&x, &nx, &r->log, a, 1 << 30) == ZC_OK &&
                      zc_file_load(&y, &ny, &r->log, b, 1 << 30) == ZC_OK && nx == ny &&
                      memcmp(x, y, nx) == 0;

    zc_free(x);
    zc_free(y);
    return same;
}

static void run_case(run *r, const zc_json *doc, const zc_json_value *c, const char *threads)
{
    const char *name = text_of(doc, c, "checkpoint"), *component = text_of(doc, c, "component");
    const tolerance *t = tolerance_find(component, r->precision);
    zc_container *got = NULL, *expected = NULL;
    char path[PATHS], first[PATHS], again[PATHS], list[64], label[PATHS];
    char *rest = NULL;

    snprintf(label, sizeof(label), "%s on %s (%s)", text_of(doc, c, "name"), name, component);
    snprintf(first, sizeof(first), "%s.safetensors", r->out);
    snprintf(again, sizeof(again), "%s.again.safetensors", r->out);
    snprintf(path, sizeof(path), "%s/%s", r->fixtures, text_of(doc, c, "expect"));
    snprintf(list, sizeof(list), "%s", threads);
    const char *n = strtok_r(list, ",", &rest);
    if (!t || !run_probe(r, doc, c, n, first) ||
        zc_container_open(&got, &r->log, first) != ZC_OK ||
        zc_container_open(&expected, &r->log, path) != ZC_OK) {
        printf("FAIL %s: did not run\n", label);
        r->failed++;
    } else {
        const double worst = compare(r, label, t, got, expected), db = psnr(r, got, expected);
        printf("%-60s worst %.2e of %.0e", label, worst, t->relative_rms);
        if (db >= 0) {
            const bool enough = db > (strcmp(r->precision, "f32") == 0 ? 60.0 : 25.0);
            printf(", rgb %.1f dB", db);
            r->passed += enough;
            r->failed += !enough;
        }
        printf("\n");
    }
    while ((n = strtok_r(NULL, ",", &rest))) {
        const bool same = run_probe(r, doc, c, n, again) && same_bytes(r, first, again);
        if (!same)
            printf("FAIL %s: %s threads give other bytes\n", label, n);
        r->passed += same;
        r->failed += !same;
    }
    zc_container_close(&got);
    zc_container_close(&expected);
    remove(first);
    remove(again);
}

int main(int argc, char **argv)
{
    run r = { .passed = 0 };
    zc_json *doc = NULL;
    char *text = NULL;
    size_t bytes = 0;
    char path[PATHS];

    if (argc < 6) {
        fprintf(stderr, "usage: parity PROBE FIXTURES OUT BACKEND PRECISION [THREADS [MODULES "
                        "[COMPONENT]]]\n");
        return 64;
    }
    r.probe = argv[1];
    r.fixtures = argv[2];
    r.out = argv[3];
    r.backend = argv[4];
    r.precision = argv[5];
    r.modules = argc > 7 ? argv[7] : "";
    snprintf(path, sizeof(path), "%s/cases.json", r.fixtures);
    if (zc_log_init(&r.log, ZC_LEVEL_WARNING, say, NULL) != ZC_OK ||
        zc_file_load(&text, &bytes, &r.log, path, 1 << 20) != ZC_OK ||
        zc_json_open(&doc, &r.log, &(zc_json_source){ .text = text, .bytes = bytes,
                                                      .limit = 1 << 20, .name = path }) != ZC_OK)
        return 66;
    const zc_json_value *cases = zc_json_root(doc);
    const char *wanted = argc > 8 ? argv[8] : "hunyuan.";
    for (const zc_json_value *c = zc_json_first(cases); c; c = zc_json_after(cases, c)) {
        if (strncmp(text_of(doc, c, "component"), wanted, strlen(wanted)) == 0)
            run_case(&r, doc, c, argc > 6 ? argv[6] : "2");
    }
    printf("%d passed, %d failed\n", r.passed, r.failed);
    zc_json_close(&doc);
    zc_free(text);
    zc_log_fini(&r.log);
    return r.failed > 0 || r.passed == 0;
}
