/* Predictor files: what is written is read back, what can't be used is refused by name. */

#include <math.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/cache/predictor.h"
#include "core/io/safetensors.h"
#include "tests/unit/faults.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

#define STEPS 6
#define DEPTH 3

/* To the bit. */
static bool same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static zc_predictor *sample(void)
{
    zc_predictor *p = NULL;

    REQUIRE_INT(zc_predictor_create(&p, NULL, STEPS, 2, DEPTH), ZC_OK);
    for (int lane = 0; lane < 2; lane++) {
        for (int i = 0; i < STEPS; i++) {
            for (int k = 0; k <= DEPTH; k++)
                zc_predictor_row(p, lane, i)[k] = (float)(lane * 100 + i * 10 + k) / 7;
        }
    }
    for (int i = 0; i < STEPS; i++) {
        p->counts[i] = i < DEPTH ? i : DEPTH;
        p->full[i] = i < 2 || i == 4;
        p->sigma[i] = 1 - (float)i / STEPS;
    }
    p->tap = ZC_TAP_NORM;
    p->prompts = 64;
    snprintf(p->method, sizeof(p->method), "lesa");
    snprintf(p->fit, sizeof(p->fit), "gram");
    snprintf(p->model, sizeof(p->model), "0123abcd");
    snprintf(p->licence, sizeof(p->licence), "as the model's");
    return p;
}

static void what_is_saved_is_loaded(void)
{
    zc_predictor *p = sample(), *q = NULL;
    const void *first, *second;
    size_t bytes, again;

    REQUIRE_INT(zc_predictor_save(p, NULL, "a.safetensors"), ZC_OK);
    REQUIRE_INT(zc_predictor_load(&q, NULL, "a.safetensors"), ZC_OK);
    if (q) {
        REQUIRE_INT(q->steps, STEPS);
        REQUIRE_INT(q->lanes, 2);
        REQUIRE_INT(q->depth, DEPTH);
        REQUIRE_INT(q->tap, ZC_TAP_NORM);
        REQUIRE_INT(q->prompts, 64);
        REQUIRE_STR(q->method, "lesa");
        REQUIRE_STR(q->fit, "gram");
        REQUIRE_STR(q->model, "0123abcd");
        REQUIRE_STR(q->licence, "as the model's");
        REQUIRE(same(q->rows, p->rows, 2 * STEPS * (DEPTH + 1) * sizeof(float)));
        REQUIRE(same(q->counts, p->counts, STEPS * sizeof(int32_t)));
        REQUIRE(same(q->full, p->full, STEPS));
        REQUIRE(same(q->sigma, p->sigma, (STEPS + 1) * sizeof(float)));
        REQUIRE(!q->network);
        REQUIRE_INT(zc_predictor_save(q, NULL, "b.safetensors"), ZC_OK);
        first = memfile_get("a.safetensors", &bytes);
        second = memfile_get("b.safetensors", &again);
        REQUIRE(bytes == again && same(first, second, bytes));
    }
    zc_predictor_destroy(&p);
    zc_predictor_destroy(&q);
}

/* Steps 0, 1 and 4 are computed; row numbers tell which coefficient went where. */
static void computed_features_are_found_by_their_steps(void)
{
    zc_predictor *p = sample(), *q = NULL;
    const zc_cache_past meant = { .count = 3, .step = { 4, 1, 0 } };
    const zc_cache_past more = { .count = 5, .step = { 4, 3, 2, 1, 0 } };
    const zc_cache_past less = { .count = 2, .step = { 4, 1 } };
    const float *row = zc_predictor_row(p, 1, 5);
    float coef[ZC_CACHE_DEPTH], bias = 0;

    p->computed = true;
    p->counts[3] = 2;
    p->counts[5] = 3;
    REQUIRE_INT(zc_predictor_mix(p, 1, 5, &meant, coef, &bias), 3);
    REQUIRE(same(coef, row, 3 * sizeof(*row)) && bias == row[DEPTH]);
    REQUIRE_INT(zc_predictor_mix(p, 1, 5, &more, coef, &bias), 5);
    REQUIRE(coef[0] == row[0] && coef[1] == 0 && coef[2] == 0 && coef[3] == row[1] &&
            coef[4] == row[2]);
    REQUIRE_INT(zc_predictor_mix(p, 1, 5, &less, coef, &bias), 0);

    REQUIRE_INT(zc_predictor_save(p, NULL, "a.safetensors"), ZC_OK);
    REQUIRE_INT(zc_predictor_load(&q, NULL, "a.safetensors"), ZC_OK);
    REQUIRE(q && q->computed);
    zc_predictor_destroy(&q);
    p->counts[3] = 3;                         /* where two have been computed */
    REQUIRE_INT(zc_predictor_save(p, NULL, "a.safetensors"), ZC_OK);
    REQUIRE_INT(zc_predictor_load(&q, NULL, "a.safetensors"), ZC_E_FORMAT);
    zc_predictor_destroy(&p);
}

static void the_network_is_read_on_request(void)
{
    zc_predictor *p = sample(), *q = NULL;

    p->network_size = 11;
    p->network = zc_new_array(float, 22);
    for (int i = 0; i < 22; i++)
        p->network[i] = (float)i / 3;
    p->early = 0.9f;
    p->late = 0.4f;
    REQUIRE_INT(zc_predictor_save(p, NULL, "n.safetensors"), ZC_OK);
    REQUIRE_INT(zc_predictor_load(&q, NULL, "n.safetensors"), ZC_OK);
    REQUIRE(q && !q->network);
    if (q) {
        REQUIRE_INT(zc_predictor_load_network(q, NULL, "n.safetensors"), ZC_OK);
        REQUIRE_INT(q->network_size, 11);
        REQUIRE(same(q->network, p->network, 22 * sizeof(float)));
        REQUIRE(q->early == 0.9f && q->late == 0.4f);
        REQUIRE_INT(zc_predictor_load_network(q, NULL, "a.safetensors"), ZC_E_MISSING);
    }
    zc_predictor_destroy(&p);
    zc_predictor_destroy(&q);
}

static void what_can_not_be_used_is_named(void)
{
    static const char *const messages[] = {
        "counts: step 5 has 4, expected 0 to 3",
        "full: step 0 has 7, expected 0 or 1",
        "step 3 is predicted from 0 features, expected 1 to 3",
        "rows: number 9 is not finite",
        "sigma: number 6 is not finite",
        "step 1 is predicted from 2 features, expected 1 to 1",
    };
    char text[ZC_LOG_TEXT];
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    for (int i = 0; i < (int)ZC_COUNT(messages); i++) {
        zc_predictor *p = sample(), *q = NULL;

        p->counts[5] = i == 0 ? 4 : 3;
        p->full[0] = i == 1 ? 7 : 1;
        p->counts[3] = i == 2 ? 0 : 3;
        p->rows[9] = i == 3 ? NAN : 0;
        p->sigma[STEPS] = i == 4 ? INFINITY : 0;
        p->full[1] = i != 5;
        p->counts[1] = i == 5 ? 2 : 1;
        REQUIRE_INT(zc_predictor_save(p, &log, "bad.safetensors"), ZC_OK);
        REQUIRE_INT(zc_predictor_load(&q, &log, "bad.safetensors"), ZC_E_FORMAT);
        REQUIRE(!q);
        zc_log_last_error(&log, text, sizeof(text));
        REQUIRE_HAS(text, "bad.safetensors: ");
        REQUIRE_HAS(text, messages[i]);
        zc_predictor_destroy(&p);
    }
    zc_log_fini(&log);
}

/* A file with the tensors of a predictor but one, or with other metadata. */
static void other_files_are_refused(void)
{
    static const float numbers[64];
    static const struct {
        zc_tensor_desc tensors[2];
        zc_note note;
        zc_status st;
        const char *message;
    } rows[] = {
        { { { "rows", ZK_F32, 3, { 1, 2, 4 } }, { "x", ZK_F32, 1, { 1 } } },
          { "format", "pt" }, ZC_E_FORMAT,
          "is no predictor: its metadata 'format' is 'pt', expected 'zoetrope-predictor-1'" },
        { { { "rows", ZK_F32, 3, { 1, 2, 4 } }, { "x", ZK_F32, 1, { 1 } } },
          { "format", "zoetrope-predictor-1" }, ZC_E_MISSING, "has no tensor 'counts'" },
        { { { "rows", ZK_F32, 2, { 2, 4 } }, { "x", ZK_F32, 1, { 1 } } },
          { "format", "zoetrope-predictor-1" }, ZC_E_FORMAT, "of rank 2, expected f32 of rank 3" },
    };
    char text[ZC_LOG_TEXT];
    zc_log log;

    REQUIRE_INT(zc_log_init(&log, ZC_LEVEL_ERROR, NULL, NULL), ZC_OK);
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        const zc_safetensors_desc desc = { .tensors = rows[i].tensors, .count = 2,
                                           .notes = &rows[i].note, .note_count = 1 };
        zc_safetensors *s = NULL;
        zc_predictor *p = NULL;

        REQUIRE_INT(zc_safetensors_create(&s, &log, "o.safetensors", ZC_OUT_REPLACE, &desc), ZC_OK);
        REQUIRE_INT(zc_safetensors_write(s, &log, 0, numbers, 32), ZC_OK);
        REQUIRE_INT(zc_safetensors_write(s, &log, 1, numbers, 4), ZC_OK);
        REQUIRE_INT(zc_safetensors_commit(&s, &log), ZC_OK);
        REQUIRE_INT(zc_predictor_load(&p, &log, "o.safetensors"), rows[i].st);
        zc_log_last_error(&log, text, sizeof(text));
        REQUIRE_HAS(text, rows[i].message);
    }
    zc_log_fini(&log);
}

/* Whatever is cut off, loading ends with a status. */
static void a_cut_file_never_loads(void)
{
    size_t bytes = 0;
    const void *whole = memfile_get("a.safetensors", &bytes);

    for (size_t n = 0; n < bytes; n += 7) {
        zc_predictor *p = NULL;

        memfile_put("cut.safetensors", whole, n);
        REQUIRE(zc_predictor_load(&p, NULL, "cut.safetensors") != ZC_OK);
        REQUIRE(!p);
    }
}

/* Whichever request for memory fails, the answer is a status and nothing is kept. */
static void running_out_of_memory_leaves_nothing(void)
{
    for (int n = 1, calls = n; calls >= n - 1; n++) {
        zc_predictor *p = NULL;
        zc_status st;

        faults_alloc(n, FAULT_ONCE);
        st = zc_predictor_load(&p, NULL, "n.safetensors");
        if (st == ZC_OK)
            st = zc_predictor_load_network(p, NULL, "n.safetensors");
        zc_predictor_destroy(&p);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

int main(void)
{
    memfiles_begin();
    TEST(what_is_saved_is_loaded);
    TEST(computed_features_are_found_by_their_steps);
    TEST(the_network_is_read_on_request);
    TEST(what_can_not_be_used_is_named);
    TEST(other_files_are_refused);
    TEST(a_cut_file_never_loads);
    TEST(running_out_of_memory_leaves_nothing);
    memfiles_end();
    return test_end();
}
