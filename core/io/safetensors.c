/* Reading safetensors: a length, a JSON object of that length, and the payloads.
 *
 * The spans of the tensors must cover the data exactly: no hole, no overlap, no
 * tail. So what passes needs no more memory than the file has bytes, and hides
 * nothing. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/size.h"
#include "core/base/sort.h"
#include "core/io/part.h"

#define LENGTH 8          /* bytes of the header's length */
#define SMALLEST 50       /* bytes that a tensor takes in the header at least */

struct parse {
    zc_part        *part;
    zc_log         *log;
    zc_json_reader *json;
    char            where[sizeof(zc_quoted) + 4];     /* the path in quotes */
    uint64_t        data_bytes;
    size_t          capacity;                         /* of the entries */
};

/* One tensor as the header describes it. */
struct described {
    zc_entry         *entry;
    const zc_stored  *stored;
    uint64_t          at;             /* byte of its name */
    uint64_t          begin, end;
    bool              has_shape, has_offsets;
};

static uint64_t little_endian(const uint8_t *p)
{
    uint64_t u = 0;

    for (int i = LENGTH; i-- > 0;)
        u = u << 8 | p[i];
    return u;
}

static zc_status next(struct parse *p, zc_json_event *event)
{
    const zc_status st = zc_json_reader_next(p->json, p->log, event);

    /* The file goes on where the header's text ends too early. */
    return st == ZC_E_TRUNCATED ? ZC_E_FORMAT : st;
}

/* The next event must be of that kind. */
static zc_status next_is(struct parse *p, zc_json_event *event, zc_json_kind kind,
                         const struct described *d, const char *what)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;

    ZC_TRY(next(p, event));
    ZC_CHECK(event->kind == kind, ZC_E_FORMAT, "%s: byte %llu: tensor '%s': %s is %s, expected %s",
             p->where, (unsigned long long)event->offset, zc_quote_text(d->entry->name).text, what,
             zc_json_kind_name(event->kind), zc_json_kind_name(kind));
done:
    return st;
}

/* A whole number, or the end of the array that it stands in. */
static zc_status next_number(struct parse *p, const struct described *d, const char *what,
                             uint64_t *number, bool *is_end)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    zc_json_event event;
    const char *fault;

    ZC_TRY(next(p, &event));
    *is_end = event.kind == ZC_JSON_ARRAY_END;
    if (*is_end)
        goto done;
    ZC_CHECK(event.kind == ZC_JSON_NUMBER, ZC_E_FORMAT,
             "%s: byte %llu: tensor '%s': %s holds %s, expected whole numbers", p->where,
             (unsigned long long)event.offset, zc_quote_text(d->entry->name).text, what,
             zc_json_kind_name(event.kind));
    fault = zc_json_event_u64(&event, number);
    ZC_CHECK(!fault, ZC_E_FORMAT, "%s: byte %llu: tensor '%s': %s: %s %s", p->where,
             (unsigned long long)event.offset, zc_quote_text(d->entry->name).text, what,
             zc_quote(event.text, event.bytes).text, fault);
done:
    return st;
}

static zc_status read_shape(struct parse *p, struct described *d)
{
    zc_log *log = p->log;
    zc_entry *e = d->entry;
    zc_status st = ZC_OK;
    zc_json_event event;
    uint64_t n;
    bool is_end;

    ZC_TRY(next_is(p, &event, ZC_JSON_ARRAY, d, "shape"));
    for (;;) {
        ZC_TRY(next_number(p, d, "shape", &n, &is_end));
        if (is_end)
            break;
        ZC_CHECK(e->rank < ZC_LIMIT_RANK, ZC_E_LIMIT,
                 "%s: byte %llu: tensor '%s' has more than %d axes", p->where,
                 (unsigned long long)d->at, zc_quote_text(e->name).text, ZC_LIMIT_RANK);
        ZC_CHECK(zc_i64_narrow(&e->dim[e->rank], n), ZC_E_FORMAT,
                 "%s: byte %llu: tensor '%s': an axis of %llu elements is too long", p->where,
                 (unsigned long long)d->at, zc_quote_text(e->name).text, (unsigned long long)n);
        e->rank++;
    }
    d->has_shape = true;
done:
    return st;
}

static zc_status read_offsets(struct parse *p, struct described *d)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    zc_json_event event;
    uint64_t number[3];
    int count = 0;
    bool is_end;

    ZC_TRY(next_is(p, &event, ZC_JSON_ARRAY, d, "data_offsets"));
    for (;;) {
        ZC_TRY(next_number(p, d, "data_offsets", &number[count], &is_end));
        if (is_end)
            break;
        count++;
        ZC_CHECK(count <= 2, ZC_E_FORMAT,
                 "%s: byte %llu: tensor '%s': data_offsets has more than two numbers", p->where,
                 (unsigned long long)event.offset, zc_quote_text(d->entry->name).text);
    }
    ZC_CHECK(count == 2, ZC_E_FORMAT,
             "%s: byte %llu: tensor '%s': data_offsets has %d numbers, expected two", p->where,
             (unsigned long long)event.offset, zc_quote_text(d->entry->name).text, count);
    d->begin = number[0];
    d->end = number[1];
    ZC_CHECK(d->begin <= d->end, ZC_E_FORMAT,
             "%s: byte %llu: tensor '%s': data_offsets end at %llu before they begin at %llu",
             p->where, (unsigned long long)event.offset, zc_quote_text(d->entry->name).text,
             (unsigned long long)d->end, (unsigned long long)d->begin);
    d->has_offsets = true;
done:
    return st;
}

static zc_status read_dtype(struct parse *p, struct described *d)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    zc_json_event event;

    ZC_TRY(next_is(p, &event, ZC_JSON_STRING, d, "dtype"));
    d->stored = strlen(event.text) == event.bytes ? zc_stored_safetensors(event.text) : NULL;
    ZC_CHECK(d->stored, ZC_E_UNSUPPORTED, "%s: byte %llu: tensor '%s': unknown dtype '%s'",
             p->where, (unsigned long long)event.offset, zc_quote_text(d->entry->name).text,
             zc_quote(event.text, event.bytes).text);
done:
    return st;
}

/* What the three parts say of each other. */
static zc_status check_described(struct parse *p, struct described *d)
{
    zc_log *log = p->log;
    zc_entry *e = d->entry;
    const char *lacks = !d->stored ? "dtype" : !d->has_shape ? "shape"
                      : !d->has_offsets ? "data_offsets" : NULL;
    const zc_quoted name = zc_quote_text(e->name);
    zc_status st = ZC_OK;
    const char *fault;
    uint64_t elements;

    ZC_CHECK(!lacks, ZC_E_FORMAT, "%s: byte %llu: tensor '%s' has no %s", p->where,
             (unsigned long long)d->at, name.text, lacks);
    fault = zc_entry_fault(e, d->stored, &elements);
    ZC_CHECK(!fault, d->stored->bits % 8 ? ZC_E_UNSUPPORTED : ZC_E_FORMAT,
             "%s: byte %llu: tensor '%s' of %s %s %s", p->where, (unsigned long long)d->at,
             name.text, d->stored->name, zc_shape(e->dim, e->rank).text, fault);
    ZC_CHECK(e->bytes == d->end - d->begin, ZC_E_FORMAT,
             "%s: byte %llu: tensor '%s' of %s %s needs %llu bytes, its data_offsets hold %llu",
             p->where, (unsigned long long)d->at, name.text, d->stored->name,
             zc_shape(e->dim, e->rank).text, (unsigned long long)e->bytes,
             (unsigned long long)(d->end - d->begin));
    e->offset = d->begin;         /* of the data; made absolute when it is known to fit */
done:
    return st;
}

static zc_status read_tensor(struct parse *p, const zc_json_event *key)
{
    zc_log *log = p->log;
    zc_part *part = p->part;
    zc_status st = ZC_OK;
    zc_json_event event;
    const char *fault;
    zc_status code;

    fault = zc_name_fault(&code, key->text, key->bytes);
    ZC_CHECK(!fault, code, "%s: byte %llu: the name '%s' %s", p->where,
             (unsigned long long)key->offset, zc_quote(key->text, key->bytes).text, fault);
    /* What is complete takes SMALLEST bytes, so the entries only run out at the limit. */
    ZC_CHECK(part->count < p->capacity, ZC_E_LIMIT, "%s: byte %llu: more than %d tensors",
             p->where, (unsigned long long)key->offset, ZC_LIMIT_TENSORS);
    struct described d = { .entry = &part->entries[part->count], .at = key->offset };
    d.entry->name = key->text;
    ZC_TRY(next_is(p, &event, ZC_JSON_OBJECT, &d, "its description"));
    for (;;) {
        ZC_TRY(next(p, &event));
        if (event.kind == ZC_JSON_OBJECT_END)
            break;
        if (strcmp(event.text, "dtype") == 0)
            ZC_TRY(read_dtype(p, &d));
        else if (strcmp(event.text, "shape") == 0 && !d.has_shape)
            ZC_TRY(read_shape(p, &d));
        else if (strcmp(event.text, "data_offsets") == 0 && !d.has_offsets)
            ZC_TRY(read_offsets(p, &d));
        else
            ZC_CHECK(false, ZC_E_FORMAT, "%s: byte %llu: tensor '%s': unexpected key '%s'",
                     p->where, (unsigned long long)event.offset,
                     zc_quote_text(d.entry->name).text, zc_quote(event.text, event.bytes).text);
    }
    ZC_TRY(check_described(p, &d));
    part->count++;
done:
    return st;
}

static zc_status read_metadata(struct parse *p)
{
    zc_log *log = p->log;
    zc_part *part = p->part;
    size_t capacity = 0;
    zc_status st = ZC_OK, code;
    zc_json_event event;
    const zc_meta *twin;
    const char *fault;

    ZC_TRY(next(p, &event));
    ZC_CHECK(event.kind == ZC_JSON_OBJECT, ZC_E_FORMAT,
             "%s: byte %llu: __metadata__ is %s, expected an object", p->where,
             (unsigned long long)event.offset, zc_json_kind_name(event.kind));
    for (;;) {
        ZC_TRY(next(p, &event));
        if (event.kind == ZC_JSON_OBJECT_END)
            break;
        fault = zc_name_fault(&code, event.text, event.bytes);
        ZC_CHECK(!fault, code, "%s: byte %llu: the metadata key '%s' %s", p->where,
                 (unsigned long long)event.offset, zc_quote(event.text, event.bytes).text, fault);
        ZC_CHECK(part->meta_count < ZC_LIMIT_NOTES, ZC_E_LIMIT,
                 "%s: byte %llu: more than %d metadata keys", p->where,
                 (unsigned long long)event.offset, ZC_LIMIT_NOTES);
        ZC_CHECK(zc_grow(&part->meta, &capacity, part->meta_count + 1, sizeof(part->meta[0])),
                 ZC_E_NOMEM, "%s: out of memory", p->where);
        zc_meta *m = &part->meta[part->meta_count++];
        *m = (zc_meta){ .key = event.text, .kind = ZC_META_TEXT, .count = 1 };
        ZC_TRY(next(p, &event));
        ZC_CHECK(event.kind == ZC_JSON_STRING, ZC_E_FORMAT,
                 "%s: byte %llu: metadata '%s' is %s, expected a string", p->where,
                 (unsigned long long)event.offset, zc_quote_text(m->key).text,
                 zc_json_kind_name(event.kind));
        m->data = (const uint8_t *)event.text;
        m->width = (uint32_t)event.bytes + 1;
    }
    (void)zc_meta_sort(part->meta, part->meta_count, &twin);      /* JSON has no twins */
done:
    return st;
}

/* Reads the header's object to its end. */
static zc_status read_object(struct parse *p)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    zc_json_event event;

    ZC_TRY(next(p, &event));      /* a brace: the caller has looked */
    for (;;) {
        ZC_TRY(next(p, &event));
        if (event.kind == ZC_JSON_OBJECT_END)
            break;
        if (event.bytes == strlen("__metadata__") && strcmp(event.text, "__metadata__") == 0) {
            ZC_CHECK(!p->part->meta, ZC_E_FORMAT, "%s: byte %llu: __metadata__ is there twice",
                     p->where, (unsigned long long)event.offset);
            ZC_TRY(read_metadata(p));
        } else {
            ZC_TRY(read_tensor(p, &event));
        }
    }
    ZC_TRY(next(p, &event));      /* nothing but blanks may follow */
done:
    return st;
}

static int compare_spans(const void *a, const void *b, const void *context)
{
    const zc_entry *entries = context;
    const zc_entry *x = &entries[*(const uint32_t *)a], *y = &entries[*(const uint32_t *)b];

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Two spans in ascending order that should touch. */
static zc_status check_seam(const struct parse *p, const zc_entry *before, const zc_entry *e,
                            uint64_t end)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    const zc_quoted name = zc_quote_text(e->name);
    const unsigned long long at = zc_part_byte(p->part, e->name);

    ZC_CHECK(before || e->offset == 0, ZC_E_FORMAT,
             "%s: byte %llu: tensor '%s' is the first of the data but begins at its byte %llu, "
             "expected 0", p->where, at, name.text, (unsigned long long)e->offset);
    ZC_CHECK(e->offset <= end, ZC_E_FORMAT,
             "%s: byte %llu: %llu bytes of the data, from its byte %llu, lie between tensors "
             "'%s' and '%s'", p->where, at, (unsigned long long)(e->offset - end),
             (unsigned long long)end,
             zc_quote_text(before->name).text, name.text);
    ZC_CHECK(e->offset == end, ZC_E_FORMAT,
             "%s: byte %llu: tensor '%s' begins at byte %llu of the data, within '%s', which ends "
             "at %llu", p->where, at, name.text, (unsigned long long)e->offset,
             zc_quote_text(before->name).text, (unsigned long long)end);
done:
    return st;
}

/* The spans cover the data exactly. `order` is scratch for all entries. */
static zc_status check_spans(struct parse *p, uint32_t *order)
{
    zc_log *log = p->log;
    zc_part *part = p->part;
    const zc_entry *before = NULL;
    zc_status st = ZC_OK;
    uint64_t end = 0;

    for (size_t i = 0; i < part->count; i++)
        order[i] = (uint32_t)i;
    zc_sort(order, part->count, sizeof(order[0]), compare_spans, part->entries);
    for (size_t i = 0; i < part->count; i++) {
        const zc_entry *e = &part->entries[order[i]];

        ZC_TRY(check_seam(p, before, e, end));
        ZC_CHECK(zc_u64_add(&end, e->offset, e->bytes), ZC_E_FORMAT,
                 "%s: byte %llu: tensor '%s' ends past 64 bits", p->where,
                 zc_part_byte(part, e->name), zc_quote_text(e->name).text);
        before = e;
    }
    for (size_t i = 0; i < part->count && end > p->data_bytes; i++) {
        const zc_entry *e = &part->entries[order[i]];

        ZC_CHECK(zc_u64_within(e->offset, e->bytes, p->data_bytes), ZC_E_TRUNCATED,
                 "%s: byte %llu: tensor '%s' ends at byte %llu of the data, of which there are "
                 "%llu: %llu bytes of the file are missing", p->where,
                 zc_part_byte(part, e->name), zc_quote_text(e->name).text,
                 (unsigned long long)(e->offset + e->bytes), (unsigned long long)p->data_bytes,
                 (unsigned long long)(end - p->data_bytes));
    }
    ZC_CHECK(before || p->data_bytes == 0, ZC_E_FORMAT,
             "%s: %llu bytes of data follow the header, but there are no tensors", p->where,
             (unsigned long long)p->data_bytes);
    ZC_CHECK(end == p->data_bytes, ZC_E_FORMAT,
             "%s: %llu bytes follow the last tensor, which ends at byte %llu of the data",
             p->where, (unsigned long long)(p->data_bytes - end), (unsigned long long)end);
done:
    return st;
}

/* Reads the header's text, and makes room for as many tensors as it can hold. */
static zc_status load_header(struct parse *p, uint64_t *header_bytes)
{
    zc_log *log = p->log;
    zc_part *part = p->part;
    const uint64_t size = zc_file_size(part->file);
    zc_status st = ZC_OK;
    uint8_t length[LENGTH];
    size_t n, braces = 0;

    ZC_CHECK(size >= LENGTH, ZC_E_TRUNCATED,
             "%s has %llu bytes, a safetensors file has at least %d", p->where,
             (unsigned long long)size, LENGTH);
    ZC_TRY(zc_file_read_at(part->file, log, 0, length, LENGTH));
    *header_bytes = little_endian(length);
    ZC_CHECK(*header_bytes <= ZC_LIMIT_HEADER, ZC_E_LIMIT,
             "%s: byte 0: the header has %llu bytes, at most %d are allowed: is this a "
             "safetensors file?", p->where, (unsigned long long)*header_bytes, ZC_LIMIT_HEADER);
    ZC_CHECK(*header_bytes > 0, ZC_E_FORMAT,
             "%s: byte 0: the header has 0 bytes, expected at least 2", p->where);
    ZC_CHECK(zc_u64_within(LENGTH, *header_bytes, size), ZC_E_TRUNCATED,
             "%s: byte 0: the header has %llu bytes, but only %llu follow", p->where,
             (unsigned long long)*header_bytes, (unsigned long long)(size - LENGTH));
    n = (size_t)*header_bytes;
    p->data_bytes = size - LENGTH - n;
    ZC_CHECK(part->text = zc_alloc(n + 1), ZC_E_NOMEM,
             "%s: out of memory for a header of %zu bytes", p->where, n);
    ZC_TRY(zc_file_read_at(part->file, log, LENGTH, part->text, n));
    ZC_CHECK(part->text[0] == '{', ZC_E_FORMAT,
             "%s: byte 8: a header of %zu bytes begins with '%s', expected '{'", p->where, n,
             zc_quote(part->text, 1).text);
    part->text[n] = '\0';
    for (const char *at = part->text; (at = memchr(at, '{', (size_t)(part->text + n - at)));
         at++)
        braces++;
    p->capacity = braces < n / SMALLEST + 1 ? braces : n / SMALLEST + 1;
    if (p->capacity > ZC_LIMIT_TENSORS)
        p->capacity = ZC_LIMIT_TENSORS;
    ZC_CHECK(part->entries = zc_new_array(zc_entry, p->capacity), ZC_E_NOMEM,
             "%s: out of memory for %zu tensors", p->where, p->capacity);
done:
    return st;
}

zc_status zc_safetensors_parse(zc_part *part, zc_log *log)
{
    struct parse p = { .part = part, .log = log };
    zc_status st = ZC_OK;
    uint32_t *order = NULL;
    uint64_t header_bytes;

    zc_format(p.where, sizeof(p.where), "'%s'", ZC_PART_PATH(part));
    part->format = "safetensors";
    part->text_at = LENGTH;
    part->front = 1;
    ZC_TRY(load_header(&p, &header_bytes));
    const zc_json_source source = {
        .text = part->text, .bytes = (size_t)header_bytes, .limit = ZC_LIMIT_HEADER,
        .name = p.where, .origin = LENGTH,
    };
    ZC_TRY(zc_json_reader_open(&p.json, log, &source));
    ZC_TRY(read_object(&p));
    zc_json_reader_close(&p.json);
    ZC_CHECK(order = zc_new_array(uint32_t, part->count), ZC_E_NOMEM,
             "%s: out of memory for %zu tensors", p.where, part->count);
    ZC_TRY(check_spans(&p, order));
    for (size_t i = 0; i < part->count; i++)
        part->entries[i].offset += LENGTH + header_bytes;
done:
    zc_free(order);
    zc_json_reader_close(&p.json);
    return st;
}
