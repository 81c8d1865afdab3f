/* Reading a shard index: { "weight_map": { tensor: file } } and what else is there.
 *
 * Only plain file names pass, and what the shards really hold is compared later. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/io/part.h"

struct parse {
    zc_index       *index;
    zc_log         *log;
    zc_json_reader *json;
    uint64_t        hashes[ZC_LIMIT_SHARDS];      /* of the shards' names */
};

/* The number of a shard, which is added if it is new. */
static zc_status find_shard(struct parse *p, const zc_json_event *name, uint32_t *number)
{
    const uint64_t hash = zc_hash64(name->text, name->bytes);
    zc_index *x = p->index;
    zc_log *log = p->log;
    zc_status st = ZC_OK;

    for (size_t i = x->shard_count; i-- > 0;) {
        if (p->hashes[i] == hash && strcmp(x->shards[i], name->text) == 0) {
            *number = (uint32_t)i;
            return ZC_OK;
        }
    }
    ZC_CHECK(zc_path_plain(name->text), ZC_E_UNSAFE,
             "%s: byte %llu: '%s' is not a plain file name", x->where,
             (unsigned long long)name->offset, zc_quote(name->text, name->bytes).text);
    ZC_CHECK(x->shard_count < ZC_LIMIT_SHARDS, ZC_E_LIMIT, "%s: byte %llu: more than %d files",
             x->where, (unsigned long long)name->offset, ZC_LIMIT_SHARDS);
    ZC_CHECK(zc_grow(&x->shards, &x->shard_capacity, x->shard_count + 1, sizeof(x->shards[0])),
             ZC_E_NOMEM, "%s: out of memory", x->where);
    *number = (uint32_t)x->shard_count;
    p->hashes[x->shard_count] = hash;
    x->shards[x->shard_count++] = name->text;
done:
    return st;
}

static zc_status read_map(struct parse *p)
{
    zc_index *x = p->index;
    zc_log *log = p->log;
    zc_status st = ZC_OK, code;
    zc_json_event event;
    const char *fault;

    ZC_TRY(zc_json_reader_next(p->json, log, &event));
    ZC_CHECK(event.kind == ZC_JSON_OBJECT, ZC_E_FORMAT,
             "%s: byte %llu: weight_map is %s, expected an object", x->where,
             (unsigned long long)event.offset, zc_json_kind_name(event.kind));
    for (;;) {
        ZC_TRY(zc_json_reader_next(p->json, log, &event));
        if (event.kind == ZC_JSON_OBJECT_END)
            break;
        fault = zc_name_fault(&code, event.text, event.bytes);
        ZC_CHECK(!fault, code, "%s: byte %llu: the name '%s' %s", x->where,
                 (unsigned long long)event.offset, zc_quote(event.text, event.bytes).text, fault);
        ZC_CHECK(x->row_count < ZC_LIMIT_TENSORS, ZC_E_LIMIT,
                 "%s: byte %llu: more than %d tensors", x->where,
                 (unsigned long long)event.offset, ZC_LIMIT_TENSORS);
        ZC_CHECK(zc_grow(&x->rows, &x->row_capacity, x->row_count + 1, sizeof(x->rows[0])),
                 ZC_E_NOMEM, "%s: out of memory", x->where);
        zc_index_row *row = &x->rows[x->row_count];
        *row = (zc_index_row){ .name = event.text, .at = event.offset };
        ZC_TRY(zc_json_reader_next(p->json, log, &event));
        ZC_CHECK(event.kind == ZC_JSON_STRING, ZC_E_FORMAT,
                 "%s: byte %llu: the file of tensor '%s' is %s, expected a string", x->where,
                 (unsigned long long)event.offset, zc_quote_text(row->name).text,
                 zc_json_kind_name(event.kind));
        ZC_TRY(find_shard(p, &event, &row->shard));
        x->row_count++;
    }
done:
    return st;
}

static zc_status read_index(struct parse *p)
{
    zc_index *x = p->index;
    zc_log *log = p->log;
    zc_status st = ZC_OK;
    zc_json_event event;

    ZC_TRY(zc_json_reader_next(p->json, log, &event));
    for (;;) {
        ZC_TRY(zc_json_reader_next(p->json, log, &event));
        if (event.kind == ZC_JSON_OBJECT_END)
            break;
        if (strcmp(event.text, "weight_map") == 0) {
            ZC_TRY(read_map(p));
        } else {
            ZC_TRY(zc_json_reader_next(p->json, log, &event));
            ZC_TRY(zc_json_reader_skip(p->json, log, &event));
        }
    }
    ZC_TRY(zc_json_reader_next(p->json, log, &event));      /* nothing may follow */
    ZC_CHECK(x->row_count > 0, ZC_E_NOT_OURS,
             "%s is JSON text, but no shard index: it has no weight_map with tensors", x->where);
done:
    return st;
}

/* The text of the file, which is closed. */
static zc_status load_text(zc_index *x, zc_log *log, zc_file *file, size_t *bytes)
{
    const uint64_t size = zc_file_size(file);
    zc_status st = ZC_OK;

    ZC_CHECK(size <= ZC_LIMIT_INDEX, ZC_E_LIMIT,
             "%s has %llu bytes, a shard index has at most %d", x->where,
             (unsigned long long)size, ZC_LIMIT_INDEX);
    *bytes = (size_t)size;
    ZC_CHECK(x->text = zc_alloc(*bytes), ZC_E_NOMEM, "%s: out of memory for %zu bytes", x->where,
             *bytes);
    ZC_TRY(zc_file_read_at(file, log, 0, x->text, *bytes));
done:
    zc_file_close(&file);
    return st;
}

zc_status zc_index_parse(zc_index *index, zc_log *log, zc_file *file)
{
    struct parse p = { .index = index, .log = log };
    zc_status st = ZC_OK;
    size_t bytes;

    *index = (zc_index){ 0 };
    zc_format(index->where, sizeof(index->where), "'%s'",
              zc_quote_path(zc_file_path(file)).text);
    ZC_TRY(load_text(index, log, file, &bytes));
    const zc_json_source source = { .text = index->text, .bytes = bytes, .limit = ZC_LIMIT_INDEX,
                                    .name = index->where };
    ZC_TRY(zc_json_reader_open(&p.json, log, &source));
    ZC_TRY(read_index(&p));
done:
    zc_json_reader_close(&p.json);
    return st;
}

void zc_index_fini(zc_index *index)
{
    zc_free(index->text);
    zc_free(index->rows);
    zc_free(index->shards);
    *index = (zc_index){ 0 };
}
