/* Containers: one file or the shards of an index, with one table to find tensors in. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/size.h"
#include "core/base/sort.h"
#include "core/base/str.h"
#include "core/io/part.h"
#include "core/io/sniff.h"

/* A place in the table of names. */
struct slot {
    uint64_t hash;
    uint32_t part, index;
};

struct zc_container {
    char        *path;
    const char  *format;
    zc_part     *parts;
    size_t       part_count;
    struct slot *slots;           /* sorted by hash */
    size_t       count;
};

const char *zc_name_fault(zc_status *code, const char *name, size_t bytes)
{
    size_t n;
    uint32_t c;

    *code = ZC_E_LIMIT;
    if (bytes > ZC_LIMIT_NAME)
        return "is longer than 1024 bytes";
    *code = ZC_E_FORMAT;
    if (bytes == 0)
        return "is empty";
    for (size_t i = 0; i < bytes; i += n) {
        n = zc_utf8_decode(&c, name + i, bytes - i);
        if (n == 0)
            return "is not valid UTF-8";
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            return "has a control character";
        if (c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
            (c >= 0x2066 && c <= 0x2069))
            return "has a mark that changes the direction of text";
    }
    return NULL;
}

const char *zc_entry_fault(zc_entry *e, const zc_stored *stored, uint64_t *elements)
{
    uint64_t n = 1;

    e->type = stored->type;
    e->type_name = stored->name;
    for (int i = e->rank; i < ZC_LIMIT_RANK; i++)
        e->dim[i] = 1;
    /* A zero makes the tensor empty, but must not hide a product that is too large. */
    for (int i = 0; i < e->rank; i++) {
        if (e->dim[i] > 0 && !zc_u64_mul(&n, n, (uint64_t)e->dim[i]))
            return "has more elements than fit 64 bits";
    }
    for (int i = 0; i < e->rank; i++) {
        if (e->dim[i] == 0)
            n = 0;
    }
    *elements = n;
    if (n % stored->block != 0 ||
        (e->rank > 0 && (uint64_t)e->dim[e->rank - 1] % stored->block != 0))
        return "does not fill whole blocks of its type";
    if (!zc_stored_bytes(stored, n, &e->bytes))
        return stored->bits % 8 != 0 ? "does not fill whole bytes"
                                     : "has more bytes than fit 64 bits";
    if (e->bytes > ZC_LIMIT_BYTES)
        return "has more bytes than any file";
    return NULL;
}

zc_shape_text zc_shape(const int64_t *dim, int rank)
{
    zc_shape_text t = { "[" };
    size_t n = 1;

    for (int i = 0; i < rank && n < sizeof(t.text); i++)
        n += zc_format(t.text + n, sizeof(t.text) - n, i ? ", %lld" : "%lld", (long long)dim[i]);
    if (n + 1 < sizeof(t.text))
        zc_format(t.text + n, sizeof(t.text) - n, "]");
    return t;
}

uint64_t zc_entry_elements(const zc_entry *e)
{
    uint64_t n = 1;

    for (int i = 0; i < e->rank; i++)
        n *= (uint64_t)e->dim[i];
    return n;
}

/* ---- Opening ---- */

static zc_status refuse_foreign(zc_log *log, const char *path, const zc_foreign *f)
{
    zc_error(log, "'%s' is %s, not a model file: %s", zc_quote_path(path).text, f->what, f->advice);
    return f->code;
}

/* Reads the head of a file to see what it is. */
static zc_status sniff(zc_sniffed *is, zc_log *log, const zc_file *file)
{
    zc_status st = ZC_OK;
    zc_foreign foreign;
    char *head = NULL;
    size_t got;

    ZC_CHECK(head = zc_alloc(ZC_LIMIT_SNIFF), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_file_read_some(file, log, 0, head, ZC_LIMIT_SNIFF, &got));
    *is = zc_sniff(head, got, &foreign);
    if (*is == ZC_SNIFF_FOREIGN)
        st = refuse_foreign(log, zc_file_path(file), &foreign);
done:
    zc_free(head);
    return st;
}

void zc_part_fini(zc_part *part)
{
    zc_file_close(&part->file);
    zc_free(part->text);
    zc_free(part->entries);
    zc_free(part->meta);
    *part = (zc_part){ 0 };
}

static zc_status parse_as(zc_part *part, zc_log *log, zc_sniffed is)
{
    if (is == ZC_SNIFF_GGUF)
        return zc_gguf_parse(part, log);
    return zc_safetensors_parse(part, log);
}

zc_status zc_part_open(zc_part *part, zc_log *log, const zc_dir *dir, const char *name)
{
    zc_status st = ZC_OK;
    zc_sniffed is;

    *part = (zc_part){ 0 };
    ZC_TRY(dir ? zc_file_open_in(&part->file, log, dir, name)
               : zc_file_open(&part->file, log, name));
    ZC_TRY(sniff(&is, log, part->file));
    ZC_CHECK(is != ZC_SNIFF_JSON, ZC_E_NOT_OURS, "'%s' is JSON text, not a file with tensors",
             ZC_PART_PATH(part));
    ZC_TRY(parse_as(part, log, is));
done:
    if (st != ZC_OK)
        zc_part_fini(part);
    return st;
}

/* ---- The table of names ---- */

static const char *slot_name(const zc_part *parts, const struct slot *s)
{
    return parts[s->part].entries[s->index].name;
}

static int compare_slots(const void *a, const void *b, const void *context)
{
    const struct slot *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return strcmp(slot_name(context, x), slot_name(context, y));
}

static zc_status refuse_twins(const zc_container *c, zc_log *log, const struct slot *a,
                              const struct slot *b)
{
    const zc_quoted name = zc_quote_text(slot_name(c->parts, a));
    const uint32_t first = a->part < b->part ? a->part : b->part;
    const uint32_t second = a->part < b->part ? b->part : a->part;

    if (first == second)
        zc_error(log, "'%s': bytes %llu and %llu: there are two tensors named '%s'",
                 ZC_PART_PATH(&c->parts[first]),
                 zc_part_byte(&c->parts[first], slot_name(c->parts, a->index < b->index ? a : b)),
                 zc_part_byte(&c->parts[first], slot_name(c->parts, a->index < b->index ? b : a)),
                 name.text);
    else
        zc_error(log, "'%s': tensor '%s' is in '%s' too", ZC_PART_PATH(&c->parts[second]),
                 name.text, ZC_PART_PATH(&c->parts[first]));
    return ZC_E_FORMAT;
}

/* Fills the table, and finds out whether all names differ. */
static zc_status make_slots(zc_container *c, zc_log *log)
{
    zc_status st = ZC_OK;
    size_t n = 0;

    for (size_t p = 0; p < c->part_count; p++)
        ZC_CHECK(zc_size_add(&c->count, c->count, c->parts[p].count), ZC_E_LIMIT,
                 "'%s': too many tensors", zc_quote_path(c->path).text);
    ZC_CHECK(c->slots = zc_new_array(struct slot, c->count), ZC_E_NOMEM,
             "'%s': out of memory for %zu tensors", zc_quote_path(c->path).text, c->count);
    for (size_t p = 0; p < c->part_count; p++) {
        for (size_t i = 0; i < c->parts[p].count; i++) {
            zc_entry *e = &c->parts[p].entries[i];

            e->file = (uint16_t)p;
            c->slots[n++] = (struct slot){ zc_hash64(e->name, strlen(e->name)), (uint32_t)p,
                                           (uint32_t)i };
        }
    }
    zc_sort(c->slots, n, sizeof(c->slots[0]), compare_slots, c->parts);
    for (size_t i = 1; i < n; i++) {
        if (compare_slots(&c->slots[i - 1], &c->slots[i], c->parts) == 0) {
            st = refuse_twins(c, log, &c->slots[i - 1], &c->slots[i]);
            goto done;
        }
    }
done:
    return st;
}

/* The folder that a path lies in. */
static zc_status open_folder_of(zc_dir **dir, zc_log *log, const char *path)
{
    const char *slash = strrchr(path, '/');
    zc_status st = ZC_OK;
    char *folder = NULL;

    ZC_CHECK(folder = slash ? zc_copy_text(path, (size_t)(slash - path) + 1) : zc_copy_text(".", 1),
             ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_dir_open(dir, log, folder));
done:
    zc_free(folder);
    return st;
}

/* A tensor that is in a shard but not in the index. */
static zc_status refuse_left_over(const zc_container *c, zc_log *log, const zc_index *index)
{
    size_t left = c->count - index->row_count, place = 0;
    const zc_entry *e = zc_container_next(c, NULL);
    zc_status st = ZC_OK;
    uint8_t *seen = NULL;
    size_t *base = NULL;

    ZC_CHECK(seen = zc_alloc_zeroed(c->count, 1), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(base = zc_new_array(size_t, c->part_count), ZC_E_NOMEM, "out of memory");
    for (size_t i = 1; i < c->part_count; i++)
        base[i] = base[i - 1] + c->parts[i - 1].count;
    for (size_t i = 0; i < index->row_count; i++) {
        const zc_entry *f = zc_container_find(c, index->rows[i].name);

        seen[base[f->file] + (size_t)(f - c->parts[f->file].entries)] = 1;
    }
    for (; seen[place]; place++)
        e = zc_container_next(c, e);
    ZC_CHECK(false, ZC_E_MISMATCH, "%s: %zu tensors are in its files but not in the index, "
             "the first is '%s' in '%s'", index->where, left, zc_quote_text(e->name).text,
             ZC_PART_PATH(&c->parts[e->file]));
done:
    zc_free(seen);
    zc_free(base);
    return st;
}

/* The shards hold what the index says, and nothing else. */
static zc_status check_index(const zc_container *c, zc_log *log, const zc_index *index)
{
    zc_status st = ZC_OK;

    for (size_t i = 0; i < index->row_count; i++) {
        const zc_index_row *row = &index->rows[i];
        const zc_entry *e = zc_container_find(c, row->name);

        ZC_CHECK(e, ZC_E_MISSING, "%s: byte %llu: tensor '%s' is not in '%s'", index->where,
                 (unsigned long long)row->at, zc_quote_text(row->name).text,
                 zc_quote_text(index->shards[row->shard]).text);
        ZC_CHECK(e->file == row->shard, ZC_E_FORMAT,
                 "%s: byte %llu: tensor '%s' should be in '%s' but is in '%s'", index->where,
                 (unsigned long long)row->at, zc_quote_text(row->name).text,
                 zc_quote_text(index->shards[row->shard]).text,
                 zc_quote_text(index->shards[e->file]).text);
    }
    if (c->count > index->row_count)
        st = refuse_left_over(c, log, index);
done:
    return st;
}

/* The file turned out to be JSON: opens its shards, which are in `dir`, or beside
 * it if that is NULL. Takes the file. */
static zc_status open_shards(zc_container *c, zc_log *log, const zc_dir *dir, zc_file *file)
{
    zc_index index = { 0 };
    zc_status st = ZC_OK;
    zc_dir *own = NULL;

    c->format = "index";
    ZC_TRY(zc_index_parse(&index, log, file));
    if (!dir) {
        ZC_TRY(open_folder_of(&own, log, c->path));
        dir = own;
    }
    ZC_CHECK(c->parts = zc_new_array(zc_part, index.shard_count), ZC_E_NOMEM, "out of memory");
    for (; c->part_count < index.shard_count; c->part_count++)
        ZC_TRY(zc_part_open(&c->parts[c->part_count], log, dir, index.shards[c->part_count]));
    ZC_TRY(make_slots(c, log));
    ZC_TRY(check_index(c, log, &index));
done:
    zc_index_fini(&index);
    zc_dir_close(&own);
    return st;
}

/* Any other file. Takes it. */
static zc_status open_single(zc_container *c, zc_log *log, zc_file *file, zc_sniffed is)
{
    zc_status st = ZC_OK;

    c->parts = zc_new(zc_part);
    if (!c->parts)
        zc_file_close(&file);
    ZC_CHECK(c->parts, ZC_E_NOMEM, "out of memory");
    c->parts->file = file;
    c->part_count = 1;
    ZC_TRY(parse_as(c->parts, log, is));
    c->format = c->parts->format;
    ZC_TRY(make_slots(c, log));
done:
    return st;
}

static zc_status open_container(zc_container **out, zc_log *log, const zc_dir *dir,
                                const char *name)
{
    zc_status st = ZC_OK;
    zc_container *c = NULL;
    zc_file *file = NULL, *taken;
    zc_sniffed is;

    ZC_CHECK(c = zc_new(zc_container), ZC_E_NOMEM, "out of memory");
    ZC_TRY(dir ? zc_file_open_in(&file, log, dir, name) : zc_file_open(&file, log, name));
    ZC_CHECK(c->path = zc_copy_text(zc_file_path(file), strlen(zc_file_path(file))), ZC_E_NOMEM,
             "out of memory");
    ZC_TRY(sniff(&is, log, file));
    taken = file;
    file = NULL;
    ZC_TRY(is == ZC_SNIFF_JSON ? open_shards(c, log, dir, taken)
                               : open_single(c, log, taken, is));
    *out = c;
    c = NULL;
done:
    zc_file_close(&file);
    zc_container_close(&c);
    return st;
}

zc_status zc_container_open(zc_container **out, zc_log *log, const char *path)
{
    return open_container(out, log, NULL, path);
}

zc_status zc_container_open_in(zc_container **out, zc_log *log, const zc_dir *dir, const char *name)
{
    return open_container(out, log, dir, name);
}

void zc_container_close(zc_container **container)
{
    zc_container *c = *container;

    *container = NULL;
    if (!c)
        return;
    for (size_t i = 0; i < c->part_count; i++)
        zc_part_fini(&c->parts[i]);
    zc_free(c->parts);
    zc_free(c->slots);
    zc_free(c->path);
    zc_free(c);
}

/* ---- Asking ---- */

const char *zc_container_path(const zc_container *c)
{
    return c->path;
}

const char *zc_container_format(const zc_container *c)
{
    return c->format;
}

size_t zc_container_files(const zc_container *c)
{
    return c->part_count;
}

const char *zc_container_file_path(const zc_container *c, size_t file)
{
    return zc_file_path(c->parts[file].file);
}

const zc_file_info *zc_container_file_info(const zc_container *c, size_t file)
{
    return zc_file_info_get(c->parts[file].file);
}

const zc_file *zc_container_file(const zc_container *c, size_t file)
{
    return c->parts[file].file;
}

size_t zc_container_count(const zc_container *c)
{
    return c->count;
}

const zc_entry *zc_container_next(const zc_container *c, const zc_entry *after)
{
    size_t p = 0;

    if (after) {
        p = after->file;
        if (after + 1 < c->parts[p].entries + c->parts[p].count)
            return after + 1;
        p++;
    }
    while (p < c->part_count && c->parts[p].count == 0)
        p++;
    return p < c->part_count ? c->parts[p].entries : NULL;
}

const zc_entry *zc_container_find(const zc_container *c, const char *name)
{
    const uint64_t hash = zc_hash64(name, strlen(name));
    size_t low = 0, high = c->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct slot *s = &c->slots[middle];
        int order = hash < s->hash ? -1 : hash > s->hash;

        if (order == 0)
            order = strcmp(name, slot_name(c->parts, s));
        if (order == 0)
            return &c->parts[s->part].entries[s->index];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t zc_container_meta_count(const zc_container *c)
{
    return c->part_count > 0 ? c->parts[0].meta_count : 0;
}

const zc_meta *zc_container_meta_at(const zc_container *c, size_t i)
{
    return &c->parts[0].meta[i];
}

const zc_meta *zc_container_meta(const zc_container *c, const char *key)
{
    return c->part_count > 0 ? zc_meta_find(c->parts[0].meta, c->parts[0].meta_count, key) : NULL;
}
