/* tokenizer.json: vocabulary and merges are read as a stream, straight into
 * their lists; the small sections around them, whose keys may come in any order,
 * are copied out and read as trees. */

#include "core/text/bpe_parts.h"

#include <string.h>

#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/num.h"

#define SECTION_BYTES (1u << 20)

/* One document on its way through the reader. */
struct stream {
    zc_bpe_parts *p;
    zc_log *log;
    zc_json_reader *reader;
    zc_json_event e;              /* the current event */
};

static zc_status next(struct stream *s)
{
    return zc_json_reader_next(s->reader, s->log, &s->e);
}

static zc_status skip(struct stream *s)
{
    return zc_json_reader_skip(s->reader, s->log, &s->e);
}

static zc_status expect(struct stream *s, zc_json_kind kind, const char *what)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;

    ZC_CHECK(s->e.kind == kind, ZC_E_FORMAT, "%s: %s at byte %llu is %s, expected %s", s->p->name,
             what, (unsigned long long)s->e.offset, zc_json_kind_name(s->e.kind),
             zc_json_kind_name(kind));
done:
    return st;
}

static zc_status next_is(struct stream *s, zc_json_kind kind, const char *what)
{
    const zc_status st = next(s);

    return st ? st : expect(s, kind, what);
}

/* ---- Vocabulary, merges, added tokens ---- */

static zc_status read_id(struct stream *s, const char *what, uint64_t *id)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    const char *wrong;

    ZC_TRY(next_is(s, ZC_JSON_NUMBER, what));
    wrong = zc_json_event_u64(&s->e, id);
    ZC_CHECK(!wrong, ZC_E_FORMAT, "%s: %s at byte %llu: %s %s", s->p->name, what,
             (unsigned long long)s->e.offset, zc_quote(s->e.text, s->e.bytes).text, wrong);
done:
    return st;
}

static zc_status read_vocab(struct stream *s)
{
    zc_status st = ZC_OK;
    uint64_t id = 0;

    ZC_TRY(expect(s, ZC_JSON_OBJECT, "the vocabulary"));
    for (;;) {
        ZC_TRY(next(s));
        if (s->e.kind == ZC_JSON_OBJECT_END)
            break;
        const char *text = s->e.text;
        const size_t bytes = s->e.bytes;
        ZC_TRY(read_id(s, "a token's id", &id));
        ZC_TRY(zc_bpe_add_token(s->p, s->log, text, bytes, id));
    }
done:
    return st;
}

static zc_status read_merge(struct stream *s)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    const char *left = s->e.text, *right = NULL;
    size_t left_bytes = 0, right_bytes = 0;

    if (s->e.kind == ZC_JSON_ARRAY) {
        ZC_TRY(next_is(s, ZC_JSON_STRING, "a merge's left half"));
        left = s->e.text;
        left_bytes = s->e.bytes;
        ZC_TRY(next_is(s, ZC_JSON_STRING, "a merge's right half"));
        right = s->e.text;
        right_bytes = s->e.bytes;
        ZC_TRY(next_is(s, ZC_JSON_ARRAY_END, "what follows a merge's two halves"));
    } else {
        ZC_TRY(expect(s, ZC_JSON_STRING, "a merge"));
        const char *blank = memchr(left, ' ', s->e.bytes);
        ZC_CHECK(blank && !strchr(blank + 1, ' '), ZC_E_FORMAT, "%s: merge %zu is \"%s\", expected "
                 "two tokens with a blank between", s->p->name, s->p->merges,
                 zc_quote(left, s->e.bytes).text);
        right = blank + 1;
        left_bytes = (size_t)(blank - left);
        right_bytes = s->e.bytes - left_bytes - 1;
    }
    st = zc_bpe_add_merge(s->p, log, left, left_bytes, right, right_bytes);
done:
    return st;
}

static zc_status read_merges(struct stream *s)
{
    zc_status st = ZC_OK;

    ZC_TRY(expect(s, ZC_JSON_ARRAY, "model.merges"));
    for (;;) {
        ZC_TRY(next(s));
        if (s->e.kind == ZC_JSON_ARRAY_END)
            break;
        ZC_TRY(read_merge(s));
    }
done:
    return st;
}

/* The bool behind a key. */
static zc_status read_flag(struct stream *s, const char *what, bool *flag)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;

    ZC_TRY(next(s));
    ZC_CHECK(s->e.kind == ZC_JSON_TRUE || s->e.kind == ZC_JSON_FALSE, ZC_E_FORMAT,
             "%s: %s at byte %llu is %s, expected true or false", s->p->name, what,
             (unsigned long long)s->e.offset, zc_json_kind_name(s->e.kind));
    *flag = s->e.kind == ZC_JSON_TRUE;
done:
    return st;
}

static zc_status read_added_token(struct stream *s)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    zc_bpe_added a = { .normalized = true };
    bool stray = false, has_id = false;
    uint64_t id = 0;
    const struct {
        const char *key;
        bool *flag;
        bool refused;             /* if true */
    } flags[] = {
        { "special", &a.special, false },     { "normalized", &a.normalized, false },
        { "single_word", &stray, true },      { "lstrip", &stray, true },
        { "rstrip", &stray, true },
    };

    ZC_TRY(expect(s, ZC_JSON_OBJECT, "an added token"));
    for (;;) {
        ZC_TRY(next(s));
        if (s->e.kind == ZC_JSON_OBJECT_END)
            break;
        const char *key = s->e.text;
        size_t k = 0;
        while (k < ZC_COUNT(flags) && strcmp(key, flags[k].key) != 0)
            k++;
        if (k < ZC_COUNT(flags)) {
            ZC_TRY(read_flag(s, key, flags[k].flag));
            ZC_CHECK(!flags[k].refused || !*flags[k].flag, ZC_E_UNSUPPORTED, "%s: added token %zu "
                     "has %s, which isn't supported", s->p->name, s->p->addeds, key);
        } else if (strcmp(key, "id") == 0) {
            ZC_TRY(read_id(s, "an added token's id", &id));
            has_id = true;
        } else if (strcmp(key, "content") == 0) {
            ZC_TRY(next_is(s, ZC_JSON_STRING, "an added token's content"));
            a.text = s->e.text;
            a.bytes = s->e.bytes;
        } else {
            ZC_TRY(next(s));
            ZC_TRY(skip(s));
        }
    }
    ZC_CHECK(has_id && a.text, ZC_E_MISSING, "%s: added token %zu has no %s", s->p->name,
             s->p->addeds, a.text ? "id" : "content");
    ZC_CHECK(id < ZC_VOCAB_ID, ZC_E_LIMIT, "%s: the added token \"%s\" has id %llu, ids must be "
             "below %d", s->p->name, zc_quote(a.text, a.bytes).text, (unsigned long long)id,
             ZC_VOCAB_ID);
    a.id = (int32_t)id;
    st = zc_bpe_add_added(s->p, log, &a);
done:
    return st;
}

static zc_status read_added(struct stream *s)
{
    zc_status st = ZC_OK;

    ZC_TRY(expect(s, ZC_JSON_ARRAY, "added_tokens"));
    for (;;) {
        ZC_TRY(next(s));
        if (s->e.kind == ZC_JSON_ARRAY_END)
            break;
        ZC_TRY(read_added_token(s));
    }
done:
    return st;
}

/* ---- The model ---- */

/* A string or null behind a key; the empty string is as good as null. */
static zc_status read_text(struct stream *s, const char *what, const char **text)
{
    zc_status st = ZC_OK;

    ZC_TRY(next(s));
    if (s->e.kind == ZC_JSON_NULL) {
        *text = NULL;
        return ZC_OK;
    }
    ZC_TRY(expect(s, ZC_JSON_STRING, what));
    *text = s->e.bytes ? s->e.text : NULL;
done:
    return st;
}

static zc_status read_model_key(struct stream *s, const char *key)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    bool refused = false;
    const char *text = NULL;
    double number = 0;

    if (strcmp(key, "vocab") == 0) {
        ZC_TRY(next(s));
        ZC_TRY(read_vocab(s));
    } else if (strcmp(key, "merges") == 0) {
        ZC_TRY(next(s));
        ZC_TRY(read_merges(s));
    } else if (strcmp(key, "ignore_merges") == 0) {
        ZC_TRY(read_flag(s, key, &s->p->whole));
    } else if (strcmp(key, "unk_token") == 0) {
        ZC_TRY(read_text(s, key, &s->p->unk));
    } else if (strcmp(key, "end_of_word_suffix") == 0) {
        ZC_TRY(read_text(s, key, &s->p->suffix));
    } else if (strcmp(key, "continuing_subword_prefix") == 0) {
        ZC_TRY(read_text(s, key, &text));
        ZC_CHECK(!text, ZC_E_UNSUPPORTED, "%s: model.%s is \"%s\", which isn't supported",
                 s->p->name, key, zc_quote_text(text).text);
    } else if (strcmp(key, "fuse_unk") == 0 || strcmp(key, "byte_fallback") == 0) {
        ZC_TRY(read_flag(s, key, &refused));
        ZC_CHECK(!refused, ZC_E_UNSUPPORTED, "%s: model.%s is true, which isn't supported",
                 s->p->name, key);
    } else if (strcmp(key, "type") == 0) {
        ZC_TRY(read_text(s, key, &text));
        ZC_CHECK(text && strcmp(text, "BPE") == 0, ZC_E_UNSUPPORTED, "%s: model.type is \"%s\", "
                 "expected \"BPE\"", s->p->name, zc_quote_text(text ? text : "").text);
    } else if (strcmp(key, "dropout") == 0) {
        ZC_TRY(next(s));
        const bool zero = s->e.kind == ZC_JSON_NUMBER &&
                          !zc_num_read_f64(&number, s->e.text, s->e.bytes) && number == 0;
        ZC_CHECK(s->e.kind == ZC_JSON_NULL || zero, ZC_E_UNSUPPORTED, "%s: model.dropout must be "
                 "null or 0", s->p->name);
    } else {
        ZC_TRY(next(s));
        ZC_TRY(skip(s));
    }
done:
    return st;
}

static zc_status read_model(struct stream *s)
{
    zc_status st = ZC_OK;

    ZC_TRY(expect(s, ZC_JSON_OBJECT, "model"));
    for (;;) {
        ZC_TRY(next(s));
        if (s->e.kind == ZC_JSON_OBJECT_END)
            break;
        ZC_TRY(read_model_key(s, s->e.text));
    }
done:
    return st;
}

/* ---- Small sections as trees ---- */

struct section {
    zc_bpe_parts *p;
    zc_log *log;
    const zc_json *doc;
};

static const zc_json_value *member(const struct section *s, const zc_json_value *object,
                                   const char *key)
{
    return object ? zc_json_find(s->doc, object, key) : NULL;
}

static const char *text_of(const struct section *s, const zc_json_value *object, const char *key)
{
    const zc_json_value *v = member(s, object, key);

    return v && v->kind == ZC_JSON_STRING ? v->text : NULL;
}

static bool flag_of(const struct section *s, const zc_json_value *object, const char *key,
                    bool absent)
{
    const zc_json_value *v = member(s, object, key);

    return v && v->kind != ZC_JSON_NULL ? v->kind == ZC_JSON_TRUE : absent;
}

static zc_status need_type(const struct section *s, const zc_json_value *v, const char **type)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    const zc_json_value *found = NULL;

    ZC_CHECK(v->kind == ZC_JSON_OBJECT, ZC_E_FORMAT, "%s: it holds %s, expected an object",
             zc_json_name(s->doc), zc_json_kind_name(v->kind));
    ZC_TRY(zc_json_need(s->doc, log, v, "type", ZC_JSON_STRING, &found));
    *type = found->text;
done:
    return st;
}

static zc_status unsupported(const struct section *s, const char *type, const char *known)
{
    zc_error(s->log, "%s: \"%s\", with these options, isn't supported; supported: %s",
             zc_json_name(s->doc), zc_quote_text(type).text, known);
    return ZC_E_UNSUPPORTED;
}

typedef zc_status (*section_fn)(const struct section *s, const zc_json_value *v);

/* Reads the members of a "Sequence", or the value itself if it is none. */
static zc_status each_step(const struct section *s, const zc_json_value *v, const char *list,
                           section_fn read)
{
    zc_status st = ZC_OK;
    const char *type = NULL;
    const zc_json_value *steps = NULL;

    ZC_TRY(need_type(s, v, &type));
    if (strcmp(type, "Sequence") != 0)
        return read(s, v);
    ZC_TRY(zc_json_need(s->doc, s->log, v, list, ZC_JSON_ARRAY, &steps));
    for (const zc_json_value *i = zc_json_first(steps); i; i = zc_json_after(steps, i))
        ZC_TRY(read(s, i));
done:
    return st;
}

static zc_status norm_step(const struct section *s, const zc_json_value *v)
{
    static const struct {
        const char *type;
        zc_norm norm;
    } known[] = { { "NFC", ZC_NORM_NFC }, { "Lowercase", ZC_NORM_LOWER },
                  { "Replace", ZC_NORM_SPACES } };
    static const char list[] = "NFC, Lowercase, Replace of \\s+ by one blank";
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    const char *type = NULL;

    ZC_TRY(need_type(s, v, &type));
    if (strcmp(type, "Replace") == 0) {
        const char *regex = text_of(s, member(s, v, "pattern"), "Regex");
        const char *content = text_of(s, v, "content");
        if (!regex || !content || strcmp(regex, "\\s+") != 0 || strcmp(content, " ") != 0)
            return unsupported(s, type, list);
    }
    for (size_t i = 0; i < ZC_COUNT(known); i++) {
        if (strcmp(type, known[i].type) != 0)
            continue;
        ZC_CHECK(s->p->norms < ZC_BPE_NORMS, ZC_E_LIMIT, "%s: more than %d steps",
                 zc_json_name(s->doc), ZC_BPE_NORMS);
        s->p->norm[s->p->norms++] = known[i].norm;
        return ZC_OK;
    }
    st = unsupported(s, type, list);
done:
    return st;
}

static zc_status read_norms(const struct section *s, const zc_json_value *v)
{
    return v->kind == ZC_JSON_NULL ? ZC_OK : each_step(s, v, "normalizers", norm_step);
}

/* The split, if any, and then the byte level: nothing else, and in that order. */
static zc_status read_cuts(const struct section *s, const zc_json_value *v)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    const char *type = NULL, *regex = NULL, *behavior = NULL;
    const zc_json_value *split = NULL, *level = v, *steps = NULL;
    bool matches_only = false;
    zc_str names = { 0 };

    ZC_TRY(need_type(s, v, &type));
    if (strcmp(type, "Sequence") == 0) {
        ZC_TRY(zc_json_need(s->doc, log, v, "pretokenizers", ZC_JSON_ARRAY, &steps));
        ZC_CHECK(steps->count == 2, ZC_E_UNSUPPORTED, "%s: a Sequence of %u steps, expected Split "
                 "and ByteLevel", zc_json_name(s->doc), (unsigned)steps->count);
        split = zc_json_first(steps);
        level = zc_json_after(steps, split);
        ZC_TRY(need_type(s, split, &type));
        behavior = text_of(s, split, "behavior");
        regex = text_of(s, member(s, split, "pattern"), "Regex");
        const bool invert = flag_of(s, split, "invert", false);
        matches_only = invert && behavior && strcmp(behavior, "Removed") == 0;
        const bool isolated = !invert && behavior && strcmp(behavior, "Isolated") == 0;
        if (strcmp(type, "Split") != 0 || !regex || !(matches_only || isolated)) {
            st = unsupported(s, type, "Split at a Regex, Isolated, or Removed with invert");
            goto done;
        }
    }
    ZC_TRY(need_type(s, level, &type));
    if (strcmp(type, "ByteLevel") != 0 || flag_of(s, level, "add_prefix_space", true)) {
        st = unsupported(s, type, "ByteLevel without add_prefix_space");
        goto done;
    }
    s->p->pattern = zc_pattern_match(regex, matches_only, flag_of(s, level, "use_regex", true));
    if (!s->p->pattern) {
        zc_pattern_list(&names);
        ZC_CHECK(false, ZC_E_UNSUPPORTED, "%s: the expression \"%s\" with these options is none of "
                 "those known (%s)", zc_json_name(s->doc), zc_quote_text(regex ? regex : "").text,
                 zc_str_get(&names));
    }
done:
    zc_str_fini(&names);
    return st;
}

static zc_status add_frame(const struct section *s, int32_t *list, int *count,
                           const zc_json_value *id)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    uint64_t number = 0;

    ZC_CHECK(id && zc_json_u64(id, &number) && number < ZC_VOCAB_ID, ZC_E_FORMAT,
             "%s: a token around the text has no id below %d", zc_json_name(s->doc), ZC_VOCAB_ID);
    ZC_CHECK(*count < ZC_BPE_FRAME, ZC_E_LIMIT, "%s: more than %d tokens on one side of the text",
             zc_json_name(s->doc), ZC_BPE_FRAME);
    list[(*count)++] = (int32_t)number;
done:
    return st;
}

static zc_status frame_template(const struct section *s, const zc_json_value *v)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    zc_bpe_parts *p = s->p;
    const zc_json_value *single = NULL;
    bool behind = false;

    ZC_TRY(zc_json_need(s->doc, log, v, "single", ZC_JSON_ARRAY, &single));
    for (const zc_json_value *i = zc_json_first(single); i; i = zc_json_after(single, i)) {
        const char *name = text_of(s, member(s, i, "SpecialToken"), "id");
        if (!name) {
            ZC_CHECK(member(s, i, "Sequence") && !behind, ZC_E_FORMAT, "%s: \"single\" "
                     "must hold special tokens and one Sequence", zc_json_name(s->doc));
            behind = true;
            continue;
        }
        const zc_json_value *ids = member(s, member(s, member(s, v, "special_tokens"), name),
                                          "ids");
        ZC_CHECK(ids && ids->kind == ZC_JSON_ARRAY, ZC_E_MISSING, "%s: special_tokens has no ids "
                 "for \"%s\"", zc_json_name(s->doc), zc_quote_text(name).text);
        for (const zc_json_value *k = zc_json_first(ids); k; k = zc_json_after(ids, k))
            ZC_TRY(add_frame(s, behind ? p->tail : p->head, behind ? &p->tails : &p->heads, k));
    }
    ZC_CHECK(behind, ZC_E_FORMAT, "%s: \"single\" has no Sequence", zc_json_name(s->doc));
done:
    return st;
}

/* The id in a pair [text, id]. */
static const zc_json_value *pair_id(const struct section *s, const zc_json_value *v,
                                    const char *key)
{
    const zc_json_value *pair = member(s, v, key);

    if (!pair || pair->kind != ZC_JSON_ARRAY || pair->count != 2)
        return NULL;
    return zc_json_after(pair, zc_json_first(pair));
}

static zc_status frame_step(const struct section *s, const zc_json_value *v)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    zc_bpe_parts *p = s->p;
    const char *type = NULL;

    ZC_TRY(need_type(s, v, &type));
    if (strcmp(type, "ByteLevel") == 0)             /* moves offsets, not ids */
        return ZC_OK;
    ZC_CHECK(p->heads == 0 && p->tails == 0, ZC_E_UNSUPPORTED, "%s: more than one step puts tokens "
             "around the text", zc_json_name(s->doc));
    if (strcmp(type, "TemplateProcessing") == 0)
        return frame_template(s, v);
    if (strcmp(type, "RobertaProcessing") != 0 && strcmp(type, "BertProcessing") != 0)
        return unsupported(s, type, "ByteLevel, TemplateProcessing, RobertaProcessing, "
                           "BertProcessing");
    ZC_TRY(add_frame(s, p->head, &p->heads, pair_id(s, v, "cls")));
    ZC_TRY(add_frame(s, p->tail, &p->tails, pair_id(s, v, "sep")));
done:
    return st;
}

static zc_status read_frame(const struct section *s, const zc_json_value *v)
{
    return v->kind == ZC_JSON_NULL ? ZC_OK : each_step(s, v, "processors", frame_step);
}

/* ---- The document ---- */

/* Writes the current value out again. */
static zc_status copy_value(struct stream *s, zc_str *out)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    zc_json_writer w = { .to = out };
    uint64_t whole = 0;
    double number = 0;

    for (int depth = 0;;) {
        switch (s->e.kind) {
        case ZC_JSON_OBJECT:     zc_json_begin_object(&w); depth++; break;
        case ZC_JSON_OBJECT_END: zc_json_end_object(&w); depth--; break;
        case ZC_JSON_ARRAY:      zc_json_begin_array(&w); depth++; break;
        case ZC_JSON_ARRAY_END:  zc_json_end_array(&w); depth--; break;
        case ZC_JSON_KEY:        zc_json_add_key(&w, s->e.text); break;
        case ZC_JSON_STRING:     zc_json_add_bytes(&w, s->e.text, s->e.bytes); break;
        case ZC_JSON_TRUE:       zc_json_add_bool(&w, true); break;
        case ZC_JSON_FALSE:      zc_json_add_bool(&w, false); break;
        case ZC_JSON_NUMBER:
            if (!zc_json_event_u64(&s->e, &whole))
                zc_json_add_u64(&w, whole);
            else if (!zc_num_read_f64(&number, s->e.text, s->e.bytes))
                zc_json_add_f64(&w, number);
            else
                zc_json_add_null(&w);
            break;
        default:                 zc_json_add_null(&w); break;
        }
        ZC_CHECK(out->length <= SECTION_BYTES, ZC_E_LIMIT, "%s: the section that ends at byte %llu "
                 "has more than %u bytes", s->p->name, (unsigned long long)s->e.offset,
                 SECTION_BYTES);
        if (depth == 0)
            break;
        ZC_TRY(next(s));
    }
    ZC_CHECK(!out->failed, ZC_E_NOMEM, "%s: no memory for a section", s->p->name);
done:
    return st;
}

static zc_status read_section(struct stream *s, const char *key, section_fn read)
{
    zc_status st = ZC_OK;
    zc_log *log = s->log;
    zc_str text = { 0 }, name = { 0 };
    zc_json *doc = NULL;

    zc_str_add_format(&name, "%s: %s", s->p->name, key);
    ZC_TRY(copy_value(s, &text));
    ZC_CHECK(!name.failed, ZC_E_NOMEM, "%s: no memory for a section", s->p->name);
    ZC_TRY(zc_json_open(&doc, log, &(zc_json_source){
        .text = text.text, .bytes = text.length, .limit = text.length, .name = name.text,
    }));
    st = read(&(struct section){ .p = s->p, .log = log, .doc = doc },
              zc_json_root(doc));
done:
    zc_json_close(&doc);
    zc_str_fini(&text);
    zc_str_fini(&name);
    return st;
}

static zc_status read_key(struct stream *s, const char *key)
{
    static const struct {
        const char *key;
        section_fn read;
    } sections[] = {
        { "normalizer", read_norms },
        { "pre_tokenizer", read_cuts },
        { "post_processor", read_frame },
    };
    zc_status st = ZC_OK;

    ZC_TRY(next(s));
    for (size_t i = 0; i < ZC_COUNT(sections); i++) {
        if (strcmp(key, sections[i].key) == 0)
            return read_section(s, key, sections[i].read);
    }
    if (strcmp(key, "added_tokens") == 0)
        st = read_added(s);
    else if (strcmp(key, "model") == 0)
        st = read_model(s);
    else
        st = skip(s);
done:
    return st;
}

static zc_status open_stream(struct stream *s, const zc_bpe_source *source)
{
    return zc_json_reader_open(&s->reader, s->log, &(zc_json_source){
        .text = source->text, .bytes = source->bytes, .limit = ZC_BPE_FILE, .name = source->name,
    });
}

zc_status zc_bpe_read_json(zc_bpe_parts *p, zc_log *log, const zc_bpe_source *json)
{
    zc_status st = ZC_OK;
    struct stream s = { .p = p, .log = log };

    ZC_TRY(open_stream(&s, json));
    ZC_TRY(next_is(&s, ZC_JSON_OBJECT, "the document"));
    for (;;) {
        ZC_TRY(next(&s));
        if (s.e.kind == ZC_JSON_OBJECT_END)
            break;
        ZC_TRY(read_key(&s, s.e.text));
    }
    ZC_TRY(next_is(&s, ZC_JSON_END, "what follows the document"));
    ZC_CHECK(p->tokens > 0, ZC_E_MISSING, "%s: there is no model.vocab, or it is empty", p->name);
    ZC_CHECK(p->pattern, ZC_E_MISSING, "%s: there is no pre_tokenizer", p->name);
done:
    zc_json_reader_close(&s.reader);
    return st;
}

zc_status zc_bpe_read_vocab(zc_bpe_parts *p, zc_log *log, const zc_bpe_source *vocab)
{
    zc_status st = ZC_OK;
    struct stream s = { .p = p, .log = log };

    ZC_TRY(open_stream(&s, vocab));
    ZC_TRY(next(&s));
    ZC_TRY(read_vocab(&s));
    ZC_TRY(next_is(&s, ZC_JSON_END, "what follows the vocabulary"));
done:
    zc_json_reader_close(&s.reader);
    return st;
}
