/* A JSON document as one array of values, with a sorted table of keys for every
 * object that is not small. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/sort.h"

#define FEW_MEMBERS 16        /* looked through one by one */

struct slot {
    uint64_t hash;
    uint32_t value;
};

struct zc_json {
    const char    *name;
    const char    *text;
    uint64_t       origin;
    zc_json_value *values;
    size_t         count, capacity;
    struct slot   *slots;
    size_t         slot_count, slot_capacity;
};

/* What open needs while it reads. */
struct builder {
    zc_json       *doc;
    uint32_t       open[ZC_JSON_DEPTH];       /* containers, outermost first */
    int            depth;
    zc_json_event  key;                       /* of the next value; no text: none */
    uint32_t       max_values;
};

/* An order in which only equal keys are equal. The context is the document. */
static int compare_slots(const void *a, const void *b, const void *context)
{
    const struct slot *x = a, *y = b;
    const zc_json *doc = context;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return strcmp(doc->values[x->value].key, doc->values[y->value].key);
}

static bool make_slots(zc_json *doc, uint32_t object)
{
    zc_json_value *o = &doc->values[object];
    const zc_json_value *v;
    struct slot *first;

    if (!zc_grow(&doc->slots, &doc->slot_capacity, doc->slot_count + o->count,
                 sizeof(doc->slots[0])))
        return false;
    o->index = (uint32_t)doc->slot_count;
    for (v = zc_json_first(o); v; v = zc_json_after(o, v))
        doc->slots[doc->slot_count++] = (struct slot){ zc_hash64(v->key, v->key_bytes),
                                                       (uint32_t)(v - doc->values) };
    first = doc->slots + o->index;
    zc_sort(first, o->count, sizeof(*first), compare_slots, doc);
    return true;
}

/* The container that was opened last has ended. */
static zc_status close_container(struct builder *b, zc_log *log)
{
    zc_json *doc = b->doc;
    const uint32_t at = b->open[--b->depth];
    zc_status st = ZC_OK;

    doc->values[at].span = (uint32_t)doc->count - at;
    if (doc->values[at].kind == ZC_JSON_OBJECT && doc->values[at].count > FEW_MEMBERS)
        ZC_CHECK(make_slots(doc, at), ZC_E_NOMEM, "%s: out of memory", doc->name);
done:
    return st;
}

static zc_status add_value(struct builder *b, zc_log *log, const zc_json_event *e)
{
    zc_json *doc = b->doc;
    zc_status st = ZC_OK;

    ZC_CHECK(b->max_values == 0 || doc->count < b->max_values, ZC_E_LIMIT,
             "%s: byte %llu: more than %u values", doc->name, (unsigned long long)e->offset,
             b->max_values);
    ZC_CHECK(zc_grow(&doc->values, &doc->capacity, doc->count + 1, sizeof(doc->values[0])),
             ZC_E_NOMEM, "%s: out of memory", doc->name);
    if (b->depth > 0)
        doc->values[b->open[b->depth - 1]].count++;
    if (e->kind == ZC_JSON_ARRAY || e->kind == ZC_JSON_OBJECT)
        b->open[b->depth++] = (uint32_t)doc->count;
    doc->values[doc->count++] = (zc_json_value){
        .kind = e->kind,
        .key = b->key.text,
        .key_bytes = (uint32_t)b->key.bytes,
        .text = e->text,
        .bytes = (uint32_t)e->bytes,
        .offset = (uint32_t)(e->offset - doc->origin),
        .span = 1,
    };
    b->key = (zc_json_event){ 0 };
done:
    return st;
}

zc_status zc_json_open(zc_json **out, zc_log *log, const zc_json_source *source)
{
    zc_status st = ZC_OK;
    zc_json_reader *r = NULL;
    struct builder b = { .max_values = source->max_values };
    zc_json_event e;

    ZC_TRY(zc_json_reader_open(&r, log, source));
    ZC_CHECK(b.doc = zc_new(zc_json), ZC_E_NOMEM, "%s: out of memory", source->name);
    b.doc->name = source->name;
    b.doc->text = source->text;
    b.doc->origin = source->origin;
    for (;;) {
        ZC_TRY(zc_json_reader_next(r, log, &e));
        if (e.kind == ZC_JSON_END)
            break;
        if (e.kind == ZC_JSON_KEY)
            b.key = e;
        else if (e.kind == ZC_JSON_ARRAY_END || e.kind == ZC_JSON_OBJECT_END)
            ZC_TRY(close_container(&b, log));
        else
            ZC_TRY(add_value(&b, log, &e));
    }
    *out = b.doc;
    b.doc = NULL;
done:
    zc_json_close(&b.doc);
    zc_json_reader_close(&r);
    return st;
}

void zc_json_close(zc_json **doc)
{
    if (*doc) {
        zc_free((*doc)->values);
        zc_free((*doc)->slots);
    }
    zc_free(*doc);
    *doc = NULL;
}

const zc_json_value *zc_json_root(const zc_json *doc)
{
    return doc->values;
}

const char *zc_json_name(const zc_json *doc)
{
    return doc->name;
}

uint64_t zc_json_offset(const zc_json *doc, const zc_json_value *v)
{
    return doc->origin + v->offset;
}

const zc_json_value *zc_json_first(const zc_json_value *container)
{
    return container->count > 0 ? container + 1 : NULL;
}

const zc_json_value *zc_json_after(const zc_json_value *container, const zc_json_value *v)
{
    const zc_json_value *next = v + v->span;

    return next < container + container->span ? next : NULL;
}

const zc_json_value *zc_json_find_bytes(const zc_json *doc, const zc_json_value *object,
                                        const char *key, size_t bytes)
{
    const zc_json_value *v;
    const struct slot *slots;
    uint64_t hash;
    size_t low = 0, high;

    if (object->kind != ZC_JSON_OBJECT)
        return NULL;
    if (object->count <= FEW_MEMBERS) {
        for (v = zc_json_first(object); v; v = zc_json_after(object, v)) {
            if (v->key_bytes == bytes && memcmp(v->key, key, bytes) == 0)
                return v;
        }
        return NULL;
    }
    hash = zc_hash64(key, bytes);
    slots = doc->slots + object->index;
    high = object->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        int c;

        v = &doc->values[slots[middle].value];
        if (slots[middle].hash != hash)
            c = slots[middle].hash < hash ? -1 : 1;
        else if ((c = strncmp(v->key, key, bytes)) == 0 && v->key_bytes > bytes)
            c = 1;
        if (c == 0)
            return v;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const zc_json_value *zc_json_find(const zc_json *doc, const zc_json_value *object,
                                  const char *key)
{
    return zc_json_find_bytes(doc, object, key, strlen(key));
}

bool zc_json_u64(const zc_json_value *v, uint64_t *out)
{
    return v->kind == ZC_JSON_NUMBER && !zc_num_read_u64(out, v->text, v->bytes);
}

bool zc_json_i64(const zc_json_value *v, int64_t *out)
{
    return v->kind == ZC_JSON_NUMBER && !zc_num_read_i64(out, v->text, v->bytes);
}

bool zc_json_f64(const zc_json_value *v, double *out)
{
    return v->kind == ZC_JSON_NUMBER && !zc_num_read_f64(out, v->text, v->bytes);
}

zc_status zc_json_need(const zc_json *doc, zc_log *log, const zc_json_value *object,
                       const char *key, zc_json_kind kind, const zc_json_value **out)
{
    const zc_json_value *v = zc_json_find(doc, object, key);
    zc_status st = ZC_OK;

    ZC_CHECK(object->kind == ZC_JSON_OBJECT, ZC_E_FORMAT,
             "%s: byte %llu: expected an object with '%s', found %s", doc->name,
             (unsigned long long)zc_json_offset(doc, object), zc_quote_text(key).text,
             zc_json_kind_name(object->kind));
    ZC_CHECK(v, ZC_E_MISSING, "%s: the object at byte %llu has no '%s'", doc->name,
             (unsigned long long)zc_json_offset(doc, object), zc_quote_text(key).text);
    ZC_CHECK(v->kind == kind, ZC_E_FORMAT, "%s: byte %llu: '%s' is %s, expected %s", doc->name,
             (unsigned long long)zc_json_offset(doc, v), zc_quote_text(key).text,
             zc_json_kind_name(v->kind), zc_json_kind_name(kind));
    *out = v;
done:
    return st;
}

zc_status zc_json_need_i64(const zc_json *doc, zc_log *log, const zc_json_value *object,
                           const char *key, int64_t min, int64_t max, int64_t *out)
{
    const zc_json_value *v;
    const char *why;
    zc_status st = ZC_OK;
    int64_t i = 0;

    ZC_TRY(zc_json_need(doc, log, object, key, ZC_JSON_NUMBER, &v));
    why = zc_num_read_i64(&i, v->text, v->bytes);
    if (!why && (i < min || i > max))
        why = "is out of range";
    ZC_CHECK(!why, ZC_E_FORMAT, "%s: byte %llu: '%s' is %s, which %s; expected %lld to %lld",
             doc->name, (unsigned long long)zc_json_offset(doc, v), zc_quote_text(key).text,
             zc_quote(v->text, v->bytes).text, why, (long long)min, (long long)max);
    *out = i;
done:
    return st;
}

zc_status zc_json_need_f64(const zc_json *doc, zc_log *log, const zc_json_value *object,
                           const char *key, double *out)
{
    const zc_json_value *v;
    const char *why;
    zc_status st = ZC_OK;

    ZC_TRY(zc_json_need(doc, log, object, key, ZC_JSON_NUMBER, &v));
    why = zc_num_read_f64(out, v->text, v->bytes);
    ZC_CHECK(!why, ZC_E_FORMAT, "%s: byte %llu: '%s' is %s, which %s", doc->name,
             (unsigned long long)zc_json_offset(doc, v), zc_quote_text(key).text,
             zc_quote(v->text, v->bytes).text, why);
done:
    return st;
}
