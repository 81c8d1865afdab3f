/* What a picture was made with, in the forms that others read. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/num.h"
#include "core/sink/provenance.h"

/* IPTC's word for media made by a model trained on samples. */
#define SOURCE_TYPE "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

static bool is_known(const char *text)
{
    return text && *text;
}

/* ---- Parameters ---- */

static void add_pair(zc_str *to, const char *key, const char *value)
{
    if (is_known(value))
        zc_str_add_format(to, ", %s: %s", key, value);
}

static void add_float(zc_str *to, const char *key, float value)
{
    char text[ZC_NUM_TEXT];

    zc_num_write_f32(text, value);
    add_pair(to, key, text);
}

/* Ten digits, as others show them. */
static void add_hash(zc_str *to, const char *key, const char *fingerprint)
{
    if (is_known(fingerprint))
        zc_str_add_format(to, ", %s: %.10s", key, fingerprint);
}

void zc_provenance_parameters(const zc_provenance *p, zc_str *to)
{
    if (is_known(p->prompt))
        zc_str_add_format(to, "%s\n", p->prompt);
    if (is_known(p->negative))
        zc_str_add_format(to, "Negative prompt: %s\n", p->negative);
    zc_str_add_format(to, "Steps: %d", p->steps);
    add_pair(to, "Sampler", p->sampler);
    add_float(to, "CFG scale", p->cfg);
    zc_str_add_format(to, ", Seed: %lld, Size: %dx%d, Frames: %d", (long long)p->seed, p->width,
                      p->height, p->frames);
    add_hash(to, "Model hash", p->model_fingerprint);
    add_pair(to, "Model", p->model);
    add_float(to, "Guidance", p->guidance);
    add_float(to, "Shift", p->shift);
    add_pair(to, "Cache", p->cache);
    add_hash(to, "Predictor hash", p->predictor_fingerprint);
    if (p->computed && p->computed < p->steps)
        zc_str_add_format(to, ", Computed steps: %d", p->computed);
    add_pair(to, "Preset", p->preset);
    add_pair(to, "Version", p->program);
}

/* ---- JSON ---- */

static void text_field(zc_json_writer *w, const char *key, const char *text)
{
    if (!is_known(text))
        return;
    zc_json_add_key(w, key);
    zc_json_add_string(w, text);
}

static void int_field(zc_json_writer *w, const char *key, int64_t value)
{
    zc_json_add_key(w, key);
    zc_json_add_i64(w, value);
}

/* With the digits of a float, not those of its double. */
static void float_field(zc_json_writer *w, const char *key, float value)
{
    char text[ZC_NUM_TEXT];

    zc_num_write_f32(text, value);
    zc_json_add_key(w, key);
    zc_json_add_json(w, text);
}

void zc_provenance_json(const zc_provenance *p, zc_json_writer *w)
{
    const int computed = p->computed ? p->computed : p->steps;

    zc_json_begin_object(w);
    text_field(w, "program", p->program);
    text_field(w, "preset", p->preset);
    text_field(w, "model", p->model);
    text_field(w, "model_fingerprint", p->model_fingerprint);
    text_field(w, "prompt", p->prompt);
    text_field(w, "negative", p->negative);
    int_field(w, "seed", p->seed);
    int_field(w, "width", p->width);
    int_field(w, "height", p->height);
    int_field(w, "frames", p->frames);
    int_field(w, "steps", p->steps);
    int_field(w, "steps_computed", computed);
    int_field(w, "steps_predicted", p->steps - computed);
    text_field(w, "sampler", p->sampler);
    text_field(w, "cache", p->cache);
    text_field(w, "predictor_fingerprint", p->predictor_fingerprint);
    if (is_known(p->cache_trace)) {
        zc_json_add_key(w, "cache_trace");
        zc_json_add_json(w, p->cache_trace);
    }
    float_field(w, "guidance", p->guidance);
    float_field(w, "cfg", p->cfg);
    float_field(w, "shift", p->shift);
    zc_json_end_object(w);
}

/* ---- XMP ---- */

/* Text between tags. Control bytes, which XML can't hold, become blanks. */
static void add_escaped(zc_str *to, const char *text)
{
    for (; *text; text++) {
        const char c = *text;
        if (c == '&')
            zc_str_add(to, "&amp;");
        else if (c == '<')
            zc_str_add(to, "&lt;");
        else if (c == '>')
            zc_str_add(to, "&gt;");
        else if ((uint8_t)c < 32 && c != '\n' && c != '\t')
            zc_str_add(to, " ");
        else
            zc_str_add_bytes(to, &c, 1);
    }
}

static void add_element(zc_str *to, const char *name, const char *text)
{
    if (!is_known(text))
        return;
    zc_str_add_format(to, "   <%s>", name);
    add_escaped(to, text);
    zc_str_add_format(to, "</%s>\n", name);
}

void zc_provenance_xmp(const zc_provenance *p, zc_str *to)
{
    zc_str_add(to,
               "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
               "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
               " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
               "  <rdf:Description rdf:about=\"\"\n"
               "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
               "    xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">\n");
    add_element(to, "Iptc4xmpExt:DigitalSourceType", SOURCE_TYPE);
    add_element(to, "xmp:CreatorTool", p->program);
    add_element(to, "Iptc4xmpExt:AISystemUsed", p->model);
    add_element(to, "Iptc4xmpExt:AIPromptInformation", p->prompt);
    zc_str_add(to, "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>");
}

/* ---- Notes ---- */

struct zc_notes {
    zc_note list[7];
    char   *values[7];            /* owned */
    int     count;
};

/* What of `text` is UTF-8; NULL without memory. Takes the text's memory. */
static char *valid(zc_str *text)
{
    zc_str good = { 0 };
    const char *at = zc_str_get(text), *end = at + text->length;
    const bool failed = text->failed;

    while (at < end) {
        const size_t n = zc_utf8_valid(at, (size_t)(end - at));
        zc_str_add_bytes(&good, at, n);
        at += n + (at + n < end);
    }
    zc_str_fini(text);
    good.failed |= failed;
    return zc_str_release(&good);
}

static zc_status add_note(zc_notes *n, zc_log *log, const char *key, zc_str *text)
{
    zc_status st = ZC_OK;
    char *value = valid(text);

    ZC_CHECK(value, ZC_E_NOMEM, "out of memory");
    if (*value) {
        n->values[n->count] = value;
        n->list[n->count++] = (zc_note){ key, value };
    } else {
        zc_free(value);
    }
done:
    return st;
}

zc_status zc_notes_create(zc_notes **out, zc_log *log, const zc_provenance *p)
{
    zc_status st = ZC_OK;
    zc_notes *n = zc_new(zc_notes);
    zc_str text = { 0 };

    *out = NULL;
    ZC_CHECK(n, ZC_E_NOMEM, "out of memory");
    zc_str_add(&text, is_known(p->program) ? p->program : "");
    ZC_TRY(add_note(n, log, "software", &text));
    if (is_known(p->prompt))
        zc_str_add_bytes(&text, p->prompt, strcspn(p->prompt, "\r\n"));
    ZC_TRY(add_note(n, log, "title", &text));
    zc_provenance_parameters(p, &text);
    ZC_TRY(add_note(n, log, "comment", &text));
    zc_provenance_json(p, &(zc_json_writer){ .to = &text });
    ZC_TRY(add_note(n, log, "zoetrope", &text));
    zc_str_add(&text, SOURCE_TYPE);
    ZC_TRY(add_note(n, log, "digitalsourcetype", &text));
    zc_provenance_xmp(p, &text);
    ZC_TRY(add_note(n, log, "xmp", &text));
    *out = n;
    n = NULL;
done:
    zc_str_fini(&text);
    zc_notes_destroy(&n);
    return st;
}

const zc_note *zc_notes_get(const zc_notes *notes)
{
    return notes ? notes->list : NULL;
}

void zc_notes_destroy(zc_notes **notes)
{
    zc_notes *n = *notes;

    *notes = NULL;
    for (int i = 0; n && i < n->count; i++)
        zc_free(n->values[i]);
    zc_free(n);
}
