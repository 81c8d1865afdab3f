/* Reading GGUF, versions 2 and 3: counts, metadata, descriptions of tensors, and
 * after padding the payloads.
 *
 * The header has no length of its own. So it is walked twice: first to find its
 * end, with the buffer growing as it goes and every length compared with the bytes
 * that are left; then, with all of it in memory, to make entries of it. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/size.h"
#include "core/base/str.h"
#include "core/io/part.h"

#define START 16384               /* bytes of the first read */
#define HEAD 24                   /* magic, version and two counts */
#define SMALLEST_KEY 14           /* bytes: a name of one letter, a type, one byte of value */
#define SMALLEST_TENSOR 33        /* bytes: a name of one letter, one axis */
#define ALIGNMENT 32              /* unless the file says otherwise */
#define ORIG_SHAPE "comfy.gguf.orig_shape."

/* Types of metadata values, as the file numbers them. */
enum {
    TYPE_STRING = 8,
    TYPE_ARRAY = 9,
};

static const struct value_type {
    uint8_t bytes;                /* 0: has its length in front */
    uint8_t kind;                 /* zc_meta_kind */
} value_types[] = {
    { 1, ZC_META_U64 }, { 1, ZC_META_I64 }, { 2, ZC_META_U64 }, { 2, ZC_META_I64 },
    { 4, ZC_META_U64 }, { 4, ZC_META_I64 }, { 4, ZC_META_F64 }, { 1, ZC_META_BOOL },
    { 0, ZC_META_TEXT }, { 0, ZC_META_TEXT /* unused: an array */ },
    { 8, ZC_META_U64 }, { 8, ZC_META_I64 }, { 8, ZC_META_F64 },
};

struct parse {
    zc_part    *part;
    zc_log     *log;
    char        where[sizeof(zc_quoted) + 4];     /* the path in quotes */
    uint8_t    *text;             /* the header as far as it was read; the part's */
    size_t      have, at;         /* bytes read; the cursor */
    uint64_t    end;              /* of the file, later of the header */
    const char *kind;             /* of what is being read, for messages; */
    uint64_t    number;           /* its number, */
    size_t      name, name_bytes; /* and its name, once that is known */
    uint64_t    keys, tensors;
    uint64_t    alignment;
};

static uint64_t little_endian(const uint8_t *p, int bytes)
{
    uint64_t u = 0;

    for (int i = bytes; i-- > 0;)
        u = u << 8 | p[i];
    return u;
}

/* What is being read: "tensor 'x'", or "the name of tensor 7" before that is known. */
struct described {
    char text[sizeof(zc_quoted) + 40];
};

static struct described described(const struct parse *p)
{
    struct described d = { "" };

    if (p->name_bytes > 0)
        zc_format(d.text, sizeof(d.text), "%s '%s'", p->kind,
                  zc_quote((const char *)p->text + p->name, p->name_bytes).text);
    else
        zc_format(d.text, sizeof(d.text), "the name of %s %llu", p->kind,
                  (unsigned long long)p->number);
    return d;
}

/* Makes sure that `bytes` bytes at the cursor are in memory. */
static zc_status need(struct parse *p, uint64_t bytes)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    uint64_t upto, size;
    uint8_t *text;

    if (zc_u64_within(p->at, bytes, p->have))
        return ZC_OK;
    ZC_CHECK(zc_u64_within(p->at, bytes, p->end), ZC_E_TRUNCATED,
             "%s: byte %llu: %s needs %llu bytes, but only %llu are left", p->where,
             (unsigned long long)p->at, described(p).text, (unsigned long long)bytes,
             (unsigned long long)(p->end - p->at));
    upto = p->at + bytes;
    ZC_CHECK(upto <= ZC_LIMIT_HEADER, ZC_E_LIMIT,
             "%s: byte %llu: %s ends at byte %llu, at most %d bytes of header are allowed",
             p->where, (unsigned long long)p->at, described(p).text, (unsigned long long)upto,
             ZC_LIMIT_HEADER);
    size = p->have + p->have / 2;
    size = size < START ? START : size;
    size = size < upto ? upto : size;
    size = size > p->end ? p->end : size;
    ZC_CHECK(text = zc_resize(p->text, (size_t)size), ZC_E_NOMEM,
             "%s: out of memory for a header of %llu bytes", p->where, (unsigned long long)size);
    p->text = text;
    p->part->text = (char *)text;
    ZC_TRY(zc_file_read_at(p->part->file, log, p->have, text + p->have,
                           (size_t)size - p->have));
    p->have = (size_t)size;
done:
    return st;
}

static zc_status read_int(struct parse *p, int bytes, uint64_t *out)
{
    const zc_status st = need(p, (uint64_t)bytes);

    if (st == ZC_OK) {
        *out = little_endian(p->text + p->at, bytes);
        p->at += (size_t)bytes;
    }
    return st;
}

/* A length, and as many bytes: where they begin, and how many. */
static zc_status read_string(struct parse *p, size_t *start, uint64_t *bytes)
{
    zc_status st = ZC_OK;

    ZC_TRY(read_int(p, 8, bytes));
    ZC_TRY(need(p, *bytes));
    *start = p->at;
    p->at += (size_t)*bytes;
done:
    return st;
}

/* A name, and what it is a name of, for messages. */
static zc_status read_name(struct parse *p, const char *kind, uint64_t number, size_t *start,
                           uint64_t *bytes)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK, code;
    const char *fault;
    uint64_t at = p->at;

    p->kind = kind;
    p->number = number;
    p->name_bytes = 0;
    ZC_TRY(read_int(p, 8, bytes));
    ZC_CHECK(*bytes <= ZC_LIMIT_NAME || !zc_u64_within(p->at, *bytes, p->end), ZC_E_LIMIT,
             "%s: byte %llu: %s has %llu bytes, at most %d are allowed", p->where,
             (unsigned long long)at, described(p).text, (unsigned long long)*bytes, ZC_LIMIT_NAME);
    ZC_TRY(need(p, *bytes));
    *start = p->at;
    p->at += (size_t)*bytes;
    const char *name = (const char *)p->text + *start;
    fault = zc_name_fault(&code, name, (size_t)*bytes);
    ZC_CHECK(!fault, code, "%s: byte %llu: %s, '%s', %s", p->where, (unsigned long long)at,
             described(p).text, zc_quote(name, (size_t)*bytes).text, fault);
    p->name = *start;
    p->name_bytes = (size_t)*bytes;
done:
    return st;
}

static zc_status check_bools(const struct parse *p, const uint8_t *data, uint64_t count)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;

    for (uint64_t i = 0; i < count; i++)
        ZC_CHECK(data[i] <= 1, ZC_E_FORMAT, "%s: byte %llu: %s is a boolean of %d, expected 0 or 1",
                 p->where, (unsigned long long)((uint64_t)(data - p->text) + i), described(p).text,
                 data[i]);
done:
    return st;
}

/* Steps over `count` values of a type. Sets what m knows of them. */
static zc_status read_values(struct parse *p, uint64_t type, uint64_t count, zc_meta *m)
{
    const struct value_type *t = &value_types[type];
    zc_status st = ZC_OK;
    uint64_t bytes = 0;
    size_t start;

    m->kind = (zc_meta_kind)t->kind;
    m->count = count;
    m->width = t->bytes;
    start = p->at;
    if (t->bytes == 0) {
        for (uint64_t i = 0; i < count; i++) {
            size_t at;

            ZC_TRY(read_string(p, &at, &bytes));
        }
    } else {
        /* Whoever calls has compared the count with the bytes left. */
        ZC_TRY(need(p, count * t->bytes));
        p->at += (size_t)(count * t->bytes);
        if (t->kind == ZC_META_BOOL)
            ZC_TRY(check_bools(p, p->text + start, count));
    }
    m->data = p->text + start;
done:
    return st;
}

static zc_status read_array(struct parse *p, zc_meta *m)
{
    zc_log *log = p->log;
    const size_t at = p->at;
    zc_status st = ZC_OK;
    uint64_t type, count, smallest;

    ZC_TRY(read_int(p, 4, &type));
    ZC_CHECK(type != TYPE_ARRAY, ZC_E_UNSUPPORTED, "%s: byte %llu: %s is an array of arrays",
             p->where, (unsigned long long)at, described(p).text);
    ZC_CHECK(type < ZC_COUNT(value_types), ZC_E_UNSUPPORTED,
             "%s: byte %llu: %s is an array of the unknown type %llu", p->where,
             (unsigned long long)at, described(p).text, (unsigned long long)type);
    ZC_TRY(read_int(p, 8, &count));
    smallest = value_types[type].bytes ? value_types[type].bytes : 8;
    ZC_CHECK(count <= (p->end - p->at) / smallest, ZC_E_TRUNCATED,
             "%s: byte %llu: %s has %llu values of at least %llu bytes, but only %llu are left",
             p->where, (unsigned long long)at, described(p).text, (unsigned long long)count,
             (unsigned long long)smallest, (unsigned long long)(p->end - p->at));
    m->is_array = true;
    ZC_TRY(read_values(p, type, count, m));
done:
    return st;
}

/* One key with its value. */
static zc_status read_key(struct parse *p, uint64_t number, zc_meta *m, size_t *name_end)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    uint64_t type, bytes;
    size_t start, at;

    *m = (zc_meta){ 0 };
    ZC_TRY(read_name(p, "metadata", number, &start, &bytes));
    *name_end = start + (size_t)bytes;
    at = p->at;
    ZC_TRY(read_int(p, 4, &type));
    ZC_CHECK(type < ZC_COUNT(value_types), ZC_E_UNSUPPORTED,
             "%s: byte %llu: %s has the unknown type %llu", p->where, (unsigned long long)at,
             described(p).text, (unsigned long long)type);
    ZC_TRY(type == TYPE_ARRAY ? read_array(p, m) : read_values(p, type, 1, m));
    m->key = (const char *)p->text + start;
done:
    return st;
}

/* One tensor's description. Its offset stays relative to the data. */
static zc_status read_tensor(struct parse *p, uint64_t number, zc_entry *e, size_t *name_end)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    const zc_stored *stored;
    uint64_t bytes, rank, n, elements, record;
    const char *fault;
    size_t start;

    *e = (zc_entry){ 0 };
    record = p->at;
    ZC_TRY(read_name(p, "tensor", number, &start, &bytes));
    *name_end = start + (size_t)bytes;
    ZC_TRY(read_int(p, 4, &rank));
    ZC_CHECK(rank >= 1 && rank <= ZC_LIMIT_RANK, rank == 0 ? ZC_E_FORMAT : ZC_E_LIMIT,
             "%s: byte %llu: %s has %llu axes, expected 1 to %d", p->where,
             (unsigned long long)record, described(p).text, (unsigned long long)rank,
             ZC_LIMIT_RANK);
    e->rank = (uint16_t)rank;
    for (uint64_t i = rank; i-- > 0;) {           /* the innermost axis comes first */
        ZC_TRY(read_int(p, 8, &n));
        ZC_CHECK(zc_i64_narrow(&e->dim[i], n), ZC_E_FORMAT,
                 "%s: byte %llu: %s has an axis of %lld elements", p->where,
                 (unsigned long long)record, described(p).text, (long long)n);
    }
    ZC_TRY(read_int(p, 4, &n));
    stored = n <= UINT32_MAX ? zc_stored_gguf((uint32_t)n) : NULL;
    ZC_CHECK(stored, ZC_E_UNSUPPORTED, "%s: byte %llu: %s has the unknown or retired type %d",
             p->where, (unsigned long long)record, described(p).text, (int)(uint32_t)n);
    ZC_TRY(read_int(p, 8, &e->offset));
    fault = zc_entry_fault(e, stored, &elements);
    ZC_CHECK(!fault, ZC_E_FORMAT, "%s: byte %llu: %s of %s %s %s", p->where,
             (unsigned long long)record, described(p).text, stored->name,
             zc_shape(e->dim, e->rank).text, fault);
    e->name = (const char *)p->text + start;
done:
    return st;
}

static zc_status read_counts(struct parse *p)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    uint64_t version, left;

    ZC_CHECK(p->end >= HEAD, ZC_E_TRUNCATED,
             "%s has %llu bytes, a GGUF file has at least %d", p->where,
             (unsigned long long)p->end, HEAD);
    ZC_TRY(need(p, HEAD));
    p->at = 4;                    /* the magic is known */
    ZC_TRY(read_int(p, 4, &version));
    ZC_CHECK((version & 0xffff) != 0 || version == 0, ZC_E_UNSUPPORTED,
             "%s: byte 4: a GGUF file of version %llu for machines with the other byte order",
             p->where, (unsigned long long)(version >> 24));
    ZC_CHECK(version == 2 || version == 3, ZC_E_UNSUPPORTED,
             "%s: byte 4: GGUF version %llu, expected 2 or 3", p->where,
             (unsigned long long)version);
    ZC_TRY(read_int(p, 8, &p->tensors));
    ZC_TRY(read_int(p, 8, &p->keys));
    ZC_CHECK(p->tensors <= ZC_LIMIT_TENSORS, ZC_E_LIMIT,
             "%s: byte 8: %lld tensors, 0 to %d are allowed", p->where, (long long)p->tensors,
             ZC_LIMIT_TENSORS);
    ZC_CHECK(p->keys <= ZC_LIMIT_KEYS, ZC_E_LIMIT,
             "%s: byte 16: %lld metadata keys, 0 to %d are allowed", p->where,
             (long long)p->keys, ZC_LIMIT_KEYS);
    left = p->end - HEAD;
    ZC_CHECK(p->keys <= left / SMALLEST_KEY && p->tensors <= left / SMALLEST_TENSOR,
             ZC_E_TRUNCATED,
             "%s: byte 8: %llu tensors and %llu metadata keys don't fit the %llu bytes that follow",
             p->where, (unsigned long long)p->tensors, (unsigned long long)p->keys,
             (unsigned long long)left);
done:
    return st;
}

/* The first walk: finds the end of the header. */
static zc_status walk(struct parse *p)
{
    zc_status st = ZC_OK;
    zc_meta meta;
    zc_entry entry;
    size_t end;

    for (uint64_t i = 0; i < p->keys; i++)
        ZC_TRY(read_key(p, i, &meta, &end));
    for (uint64_t i = 0; i < p->tensors; i++)
        ZC_TRY(read_tensor(p, i, &entry, &end));
done:
    return st;
}

/* The second walk: makes entries of what is in memory. A NUL goes behind each
 * name, onto a byte that has been read by then. */
static zc_status collect(struct parse *p)
{
    zc_log *log = p->log;
    zc_part *part = p->part;
    zc_status st = ZC_OK;
    const zc_meta *twin;
    size_t end;

    p->at = HEAD;
    ZC_CHECK(part->meta = zc_new_array(zc_meta, (size_t)p->keys), ZC_E_NOMEM,
             "%s: out of memory for %llu metadata keys", p->where, (unsigned long long)p->keys);
    ZC_CHECK(part->entries = zc_new_array(zc_entry, (size_t)p->tensors), ZC_E_NOMEM,
             "%s: out of memory for %llu tensors", p->where, (unsigned long long)p->tensors);
    for (; part->meta_count < p->keys; part->meta_count++) {
        ZC_TRY(read_key(p, part->meta_count, &part->meta[part->meta_count], &end));
        p->text[end] = '\0';
    }
    for (; part->count < p->tensors; part->count++) {
        ZC_TRY(read_tensor(p, part->count, &part->entries[part->count], &end));
        p->text[end] = '\0';
    }
    ZC_CHECK(zc_meta_sort(part->meta, part->meta_count, &twin), ZC_E_FORMAT,
             "%s: bytes %llu and %llu: there are two metadata keys '%s'", p->where,
             zc_part_byte(part, twin[twin[-1].key < twin->key ? -1 : 0].key),
             zc_part_byte(part, twin[twin[-1].key < twin->key ? 0 : -1].key),
             zc_quote_text(twin->key).text);
done:
    return st;
}

static zc_status find_alignment(struct parse *p)
{
    zc_log *log = p->log;
    const zc_meta *m = zc_meta_find(p->part->meta, p->part->meta_count, "general.alignment");
    zc_meta_walk walk = { .meta = m };
    zc_status st = ZC_OK;
    zc_meta_value v;

    p->alignment = ALIGNMENT;
    if (!m)
        goto done;
    ZC_CHECK(m->kind == ZC_META_U64 && m->width == 4 && !m->is_array && zc_meta_next(&walk, &v),
             ZC_E_FORMAT,
             "%s: byte %llu: general.alignment is not a 32-bit number without a sign", p->where,
             zc_part_byte(p->part, m->key));
    ZC_CHECK(v.u > 0 && (v.u & (v.u - 1)) == 0, ZC_E_FORMAT,
             "%s: byte %llu: general.alignment is %llu, expected a power of two", p->where,
             zc_part_byte(p->part, m->key), (unsigned long long)v.u);
    ZC_CHECK(v.u <= ZC_LIMIT_ALIGN, ZC_E_LIMIT,
             "%s: byte %llu: general.alignment is %llu, at most %d is allowed", p->where,
             zc_part_byte(p->part, m->key), (unsigned long long)v.u, ZC_LIMIT_ALIGN);
    p->alignment = v.u;
done:
    return st;
}

/* Each tensor begins where the one before it ends, padded. */
static zc_status check_spans(struct parse *p)
{
    zc_log *log = p->log;
    zc_part *part = p->part;
    zc_status st = ZC_OK;
    uint64_t data, end, next, size = zc_file_size(part->file);

    ZC_CHECK(zc_u64_align_up(&data, p->end, p->alignment), ZC_E_LIMIT, "%s: too large", p->where);
    end = p->end;
    next = 0;
    for (size_t i = 0; i < part->count; i++) {
        zc_entry *e = &part->entries[i];

        ZC_CHECK(e->offset == next, ZC_E_FORMAT,
                 "%s: byte %llu: tensor '%s' begins at byte %llu of the data, expected %llu",
                 p->where, zc_part_byte(part, e->name), zc_quote_text(e->name).text,
                 (unsigned long long)e->offset,
                 (unsigned long long)next);
        ZC_CHECK(zc_u64_add(&end, data, next) && zc_u64_within(end, e->bytes, size),
                 ZC_E_TRUNCATED,
                 "%s: byte %llu: tensor '%s' of %s %s has %llu bytes at byte %llu, but the file "
                 "ends at %llu", p->where, zc_part_byte(part, e->name), zc_quote_text(e->name).text,
                 e->type_name,
                 zc_shape(e->dim, e->rank).text, (unsigned long long)e->bytes,
                 (unsigned long long)end, (unsigned long long)size);
        e->offset = end;
        end += e->bytes;
        ZC_CHECK(zc_u64_align_up(&next, end - data, p->alignment), ZC_E_LIMIT,
                 "%s: too large", p->where);
    }
    ZC_CHECK(zc_u64_align_up(&next, end, p->alignment) && size <= next, ZC_E_FORMAT,
             "%s: %llu bytes follow the %s, which ends at byte %llu", p->where,
             (unsigned long long)(size - end), part->count > 0 ? "last tensor" : "header",
             (unsigned long long)end);
done:
    return st;
}

/* Tensors whose shape the format could not hold have it in the metadata. */
static zc_status restore_shape(struct parse *p, zc_entry *e)
{
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    const zc_meta *m;
    zc_meta_value v;
    zc_str key = { 0 };
    uint64_t n = 1;
    int64_t dim[ZC_LIMIT_RANK];
    int rank = 0;

    zc_str_add(&key, ORIG_SHAPE);
    zc_str_add(&key, e->name);
    ZC_CHECK(!key.failed, ZC_E_NOMEM, "%s: out of memory", p->where);
    m = zc_meta_find(p->part->meta, p->part->meta_count, zc_str_get(&key));
    if (!m)
        goto done;
    ZC_CHECK(m->is_array && m->count >= 1 && m->count <= ZC_LIMIT_RANK &&
             (m->kind == ZC_META_I64 || m->kind == ZC_META_U64), ZC_E_FORMAT,
             "%s: byte %llu: metadata '%s' is not an array of 1 to %d whole numbers", p->where,
             zc_part_byte(p->part, m->key), zc_quote_text(m->key).text, ZC_LIMIT_RANK);
    for (zc_meta_walk walk = { .meta = m }; zc_meta_next(&walk, &v); rank++) {
        const uint64_t d = m->kind == ZC_META_I64 ? (uint64_t)v.i : v.u;

        ZC_CHECK(zc_i64_narrow(&dim[rank], d), ZC_E_FORMAT,
                 "%s: byte %llu: metadata '%s' has an axis of %lld elements", p->where,
                 zc_part_byte(p->part, m->key), zc_quote_text(m->key).text, (long long)d);
        ZC_CHECK(zc_u64_mul(&n, n, d), ZC_E_FORMAT,
                 "%s: byte %llu: metadata '%s' has more elements than fit 64 bits", p->where,
                 zc_part_byte(p->part, m->key), zc_quote_text(m->key).text);
    }
    ZC_CHECK(n == zc_entry_elements(e), ZC_E_FORMAT,
             "%s: byte %llu: metadata '%s' is %s, but the tensor is %s", p->where,
             zc_part_byte(p->part, m->key), zc_quote_text(m->key).text, zc_shape(dim, rank).text,
             zc_shape(e->dim, e->rank).text);
    e->rank = (uint16_t)rank;
    for (int i = 0; i < ZC_LIMIT_RANK; i++)
        e->dim[i] = i < rank ? dim[i] : 1;
done:
    zc_str_fini(&key);
    return st;
}

static bool has_shapes(const zc_part *part)
{
    for (size_t i = 0; i < part->meta_count; i++) {
        if (zc_str_starts(part->meta[i].key, ORIG_SHAPE))
            return true;
    }
    return false;
}

zc_status zc_gguf_parse(zc_part *part, zc_log *log)
{
    struct parse p = { .part = part, .log = log, .end = zc_file_size(part->file) };
    zc_status st = ZC_OK;
    char *text;

    zc_format(p.where, sizeof(p.where), "'%s'", ZC_PART_PATH(part));
    part->format = "GGUF";
    part->front = 8;
    ZC_TRY(read_counts(&p));
    ZC_TRY(walk(&p));
    p.end = p.have = p.at;
    ZC_CHECK(text = zc_resize(part->text, p.have), ZC_E_NOMEM, "%s: out of memory", p.where);
    part->text = text;
    p.text = (uint8_t *)text;
    ZC_TRY(collect(&p));
    ZC_TRY(find_alignment(&p));
    ZC_TRY(check_spans(&p));
    if (has_shapes(part)) {
        for (size_t i = 0; i < part->count; i++)
            ZC_TRY(restore_shape(&p, &part->entries[i]));
    }
done:
    return st;
}
