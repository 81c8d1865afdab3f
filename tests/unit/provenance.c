/* What files say about themselves: nothing is lost, nothing breaks its format, and what
 * is private or unknown is not there. */

#include "core/base/alloc.h"
#include "core/sink/provenance.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

static zc_log test_log;

static const zc_provenance full = {
    .program = "zoetrope 1.2.3", .preset = "a.preset", .model = "big",
    .prompt = "one\ntwo <b> & \"three\"", .negative = "none",
    .model_fingerprint = "0123456789abcdef", .predictor_fingerprint = "fedcba9876543210",
    .sampler = "flow-euler", .cache = "lesa", .seed = -5, .steps = 50, .computed = 10,
    .guidance = 6, .cfg = 1.1f, .shift = 7, .width = 640, .height = 480, .frames = 65,
};

static const char *note(const zc_notes *n, const char *key)
{
    for (const zc_note *at = zc_notes_get(n); at && at->key; at++) {
        if (strcmp(at->key, key) == 0)
            return at->value;
    }
    return NULL;
}

static void parameters_are_as_others_read_them(void)
{
    zc_str s = { 0 };

    zc_provenance_parameters(&full, &s);
    REQUIRE_STR(zc_str_get(&s),
                "one\ntwo <b> & \"three\"\nNegative prompt: none\n"
                "Steps: 50, Sampler: flow-euler, CFG scale: 1.1, Seed: -5, Size: 640x480, "
                "Frames: 65, Model hash: 0123456789, Model: big, Guidance: 6, Shift: 7, "
                "Cache: lesa, Predictor hash: fedcba9876, Computed steps: 10, Preset: a.preset, "
                "Version: zoetrope 1.2.3");
    zc_str_fini(&s);
}

static void json_has_every_field(void)
{
    zc_str s = { 0 };
    zc_json *doc = NULL;

    zc_provenance_json(&full, &(zc_json_writer){ .to = &s });
    REQUIRE_INT(zc_json_open(&doc, &test_log, &(zc_json_source){
        .text = s.text, .bytes = s.length, .limit = 4096, .name = "json" }), ZC_OK);
    const zc_json_value *root = zc_json_root(doc);
    REQUIRE_STR(zc_json_find(doc, root, "prompt")->text, full.prompt);
    REQUIRE_STR(zc_json_find(doc, root, "model_fingerprint")->text, full.model_fingerprint);
    int64_t v = 0;
    REQUIRE(zc_json_i64(zc_json_find(doc, root, "steps_predicted"), &v));
    REQUIRE_INT(v, 40);
    REQUIRE(zc_json_i64(zc_json_find(doc, root, "seed"), &v));
    REQUIRE_INT(v, -5);
    zc_json_close(&doc);
    zc_str_fini(&s);
}

static void xmp_marks_what_a_model_made(void)
{
    zc_str s = { 0 };

    zc_provenance_xmp(&full, &s);
    REQUIRE_HAS(zc_str_get(&s), "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/"
                                "digitalsourcetype/trainedAlgorithmicMedia<");
    REQUIRE_HAS(zc_str_get(&s), "two &lt;b&gt; &amp; \"three\"<");
    REQUIRE_HAS(zc_str_get(&s), "<xmp:CreatorTool>zoetrope 1.2.3<");
    zc_str_fini(&s);
}

static void what_is_private_is_nowhere(void)
{
    zc_provenance p = full;
    zc_notes *n = NULL;

    p.prompt = NULL;
    p.negative = "";
    REQUIRE_INT(zc_notes_create(&n, &test_log, &p), ZC_OK);
    REQUIRE(!note(n, "title"));
    for (const zc_note *at = zc_notes_get(n); at->key; at++) {
        REQUIRE(!strstr(at->value, "three") && !strstr(at->value, "none"));
        REQUIRE(*at->value);
    }
    zc_notes_destroy(&n);
    REQUIRE(zc_notes_get(NULL) == NULL);
}

static void bad_bytes_are_left_out(void)
{
    zc_provenance p = full;
    zc_notes *n = NULL;

    p.prompt = "a\xff" "b\xc3\xa9\xc3" "c\x01";
    REQUIRE_INT(zc_notes_create(&n, &test_log, &p), ZC_OK);
    REQUIRE_STR(note(n, "title"), "ab\xc3\xa9" "c\x01");
    for (const zc_note *at = zc_notes_get(n); at->key; at++)
        REQUIRE_INT(zc_utf8_valid(at->value, strlen(at->value)), strlen(at->value));
    REQUIRE(!strchr(note(n, "xmp"), '\x01'));
    zc_notes_destroy(&n);
}

static void every_request_for_memory_may_fail(void)
{
    for (int i = 1, calls = i; calls >= i - 1; i++) {
        zc_notes *n = NULL;
        faults_alloc(i, FAULT_ONCE);
        const zc_status st = zc_notes_create(&n, &test_log, &full);
        zc_notes_destroy(&n);
        calls = faults_alloc_end();
        REQUIRE_INT(st, calls >= i ? ZC_E_NOMEM : ZC_OK);
        REQUIRE_INT(faults_live_blocks(), 0);
    }
}

int main(void)
{
    if (zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL) != ZC_OK)
        return 1;
    TEST(parameters_are_as_others_read_them);
    TEST(json_has_every_field);
    TEST(xmp_marks_what_a_model_made);
    TEST(what_is_private_is_nowhere);
    TEST(bad_bytes_are_left_out);
    TEST(every_request_for_memory_may_fail);
    zc_log_fini(&test_log);
    return test_end();
}
