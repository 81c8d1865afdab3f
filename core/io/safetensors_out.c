/* Writing safetensors: the header is known before the first byte of data, so every
 * tensor has its place from the start. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/size.h"
#include "core/base/sort.h"
#include "core/base/str.h"
#include "core/io/part.h"
#include "core/io/safetensors.h"

#define ALIGN 8           /* of the data in the file */

struct place {
    uint64_t offset, bytes, written;
    char    *name;                /* for messages */
};

struct zc_safetensors {
    zc_out       *file;
    char         *path;
    struct place *places;         /* in the caller's order */
    size_t        count;
};

/* Context of sorting: what the numbers are of. */
static int compare_tensors(const void *a, const void *b, const void *context)
{
    const zc_tensor_desc *all = context;
    const zc_tensor_desc *x = &all[*(const size_t *)a], *y = &all[*(const size_t *)b];
    const int32_t m = zk_dtype_get(x->type)->bytes, n = zk_dtype_get(y->type)->bytes;

    if (m != n)
        return m > n ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_notes(const void *a, const void *b, const void *context)
{
    const zc_note *all = context;

    return strcmp(all[*(const size_t *)a].key, all[*(const size_t *)b].key);
}

static int compare_names(const void *a, const void *b, const void *context)
{
    const zc_tensor_desc *all = context;

    return strcmp(all[*(const size_t *)a].name, all[*(const size_t *)b].name);
}

/* The numbers 0 to count - 1, sorted; NULL without memory. */
static size_t *sorted(size_t count, zc_compare compare, const void *context)
{
    size_t *order = zc_new_array(size_t, count);

    for (size_t i = 0; order && i < count; i++)
        order[i] = i;
    if (order)
        zc_sort(order, count, sizeof(order[0]), compare, context);
    return order;
}

static zc_status check_name(zc_log *log, const char *path, const char *what, const char *name)
{
    zc_status st = ZC_OK, code;
    const char *fault = zc_name_fault(&code, name, strlen(name));

    ZC_CHECK(!fault, ZC_E_ARGUMENT, "'%s': the %s '%s' %s", zc_quote_path(path).text, what,
             zc_quote_text(name).text, fault);
done:
    return st;
}

/* Type, shape and name are such as a reader accepts. */
static zc_status check_tensor(zc_log *log, const char *path, const zc_tensor_desc *t,
                              struct place *place)
{
    const char *type = zc_stored_name(t->type);
    const zk_dtype_info *info = zk_dtype_get(t->type);
    zc_status st = ZC_OK;
    const char *fault;
    uint64_t elements;
    zc_entry e = { 0 };

    ZC_TRY(check_name(log, path, "tensor name", t->name));
    ZC_CHECK(strcmp(t->name, "__metadata__") != 0, ZC_E_ARGUMENT,
             "'%s': no tensor can be named __metadata__", zc_quote_path(path).text);
    ZC_CHECK(type, ZC_E_UNSUPPORTED, "'%s': tensor '%s': safetensors has no type %s",
             zc_quote_path(path).text, zc_quote_text(t->name).text,
             info ? info->name : "of that number");
    ZC_CHECK(t->rank >= 0 && t->rank <= ZC_LIMIT_RANK, ZC_E_ARGUMENT,
             "'%s': tensor '%s' has %d axes, 0 to %d are allowed", zc_quote_path(path).text,
             zc_quote_text(t->name).text, t->rank, ZC_LIMIT_RANK);
    e.rank = (uint16_t)t->rank;
    for (int i = 0; i < t->rank; i++) {
        ZC_CHECK(t->dim[i] >= 0, ZC_E_ARGUMENT, "'%s': tensor '%s' is %s",
                 zc_quote_path(path).text, zc_quote_text(t->name).text,
                 zc_shape(t->dim, t->rank).text);
        e.dim[i] = t->dim[i];
    }
    fault = zc_entry_fault(&e, zc_stored_safetensors(type), &elements);
    ZC_CHECK(!fault, ZC_E_ARGUMENT, "'%s': tensor '%s' of %s %s %s", zc_quote_path(path).text,
             zc_quote_text(t->name).text, type, zc_shape(t->dim, t->rank).text, fault);
    place->bytes = e.bytes;
    ZC_CHECK(place->name = zc_copy_text(t->name, strlen(t->name)), ZC_E_NOMEM, "out of memory");
done:
    return st;
}

static void add_notes(zc_json_writer *w, const zc_safetensors_desc *desc, const size_t *order)
{
    zc_json_add_key(w, "__metadata__");
    zc_json_begin_object(w);
    for (size_t i = 0; i < desc->note_count; i++) {
        zc_json_add_key(w, desc->notes[order[i]].key);
        zc_json_add_string(w, desc->notes[order[i]].text);
    }
    zc_json_end_object(w);
}

static void add_tensor(zc_json_writer *w, const zc_tensor_desc *t, const struct place *place)
{
    zc_json_add_key(w, t->name);
    zc_json_begin_object(w);
    zc_json_add_key(w, "dtype");
    zc_json_add_string(w, zc_stored_name(t->type));
    zc_json_add_key(w, "shape");
    zc_json_begin_array(w);
    for (int i = 0; i < t->rank; i++)
        zc_json_add_i64(w, t->dim[i]);
    zc_json_end_array(w);
    zc_json_add_key(w, "data_offsets");
    zc_json_begin_array(w);
    zc_json_add_u64(w, place->offset);
    zc_json_add_u64(w, place->offset + place->bytes);
    zc_json_end_array(w);
    zc_json_end_object(w);
}

/* No two names and no two keys are the same. */
static zc_status check_twins(zc_log *log, const char *path, const zc_safetensors_desc *desc,
                             const size_t *notes)
{
    size_t *names = NULL;
    zc_status st = ZC_OK;

    ZC_CHECK(names = sorted(desc->count, compare_names, desc->tensors), ZC_E_NOMEM,
             "out of memory");
    for (size_t i = 1; i < desc->count; i++)
        ZC_CHECK(compare_names(&names[i - 1], &names[i], desc->tensors) != 0, ZC_E_ARGUMENT,
                 "'%s': there are two tensors named '%s'", zc_quote_path(path).text,
                 zc_quote_text(desc->tensors[names[i]].name).text);
    for (size_t i = 1; i < desc->note_count; i++)
        ZC_CHECK(compare_notes(&notes[i - 1], &notes[i], desc->notes) != 0, ZC_E_ARGUMENT,
                 "'%s': metadata '%s' is there twice", zc_quote_path(path).text,
                 zc_quote_text(desc->notes[notes[i]].key).text);
done:
    zc_free(names);
    return st;
}

/* Gives every tensor its place, relative to the data, and writes the header's text. */
static zc_status make_header(zc_safetensors *s, zc_log *log, const zc_safetensors_desc *desc,
                             zc_str *text)
{
    zc_json_writer w = { .to = text };
    size_t *order = NULL, *notes = NULL;
    zc_status st = ZC_OK;
    uint64_t end = 0;

    ZC_CHECK(notes = sorted(desc->note_count, compare_notes, desc->notes), ZC_E_NOMEM,
             "out of memory");
    ZC_CHECK(order = sorted(desc->count, compare_tensors, desc->tensors), ZC_E_NOMEM,
             "out of memory");
    ZC_TRY(check_twins(log, s->path, desc, notes));
    zc_json_begin_object(&w);
    if (desc->note_count > 0)
        add_notes(&w, desc, notes);
    for (size_t i = 0; i < desc->count; i++) {
        struct place *p = &s->places[order[i]];

        p->offset = end;
        ZC_CHECK(zc_u64_add(&end, end, p->bytes) && end <= INT64_MAX, ZC_E_ARGUMENT,
                 "'%s': the tensors are too large together", zc_quote_path(s->path).text);
        add_tensor(&w, &desc->tensors[order[i]], p);
    }
    zc_json_end_object(&w);
    while (text->length % ALIGN != 0 && !text->failed)
        zc_str_add(text, " ");
    ZC_CHECK(!text->failed, ZC_E_NOMEM, "out of memory");
    ZC_CHECK(text->length <= ZC_LIMIT_HEADER, ZC_E_LIMIT,
             "'%s': the header has %zu bytes, at most %d are allowed", zc_quote_path(s->path).text,
             text->length, ZC_LIMIT_HEADER);
done:
    zc_free(order);
    zc_free(notes);
    return st;
}

static zc_status write_header(zc_safetensors *s, zc_log *log, const zc_str *text)
{
    uint8_t length[8];
    zc_status st = ZC_OK;

    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)text->length >> (8 * i));
    ZC_TRY(zc_out_write(s->file, log, length, sizeof(length)));
    ZC_TRY(zc_out_write(s->file, log, text->text, text->length));
    for (size_t i = 0; i < s->count; i++)
        s->places[i].offset += sizeof(length) + text->length;
done:
    return st;
}

zc_status zc_safetensors_create(zc_safetensors **out, zc_log *log, const char *path,
                                zc_out_policy policy, const zc_safetensors_desc *desc)
{
    zc_status st = ZC_OK;
    zc_safetensors *s = NULL;
    zc_str text = { 0 };

    ZC_CHECK(desc->count <= ZC_LIMIT_TENSORS && desc->note_count <= ZC_LIMIT_NOTES, ZC_E_LIMIT,
             "'%s': %zu tensors and %zu keys of metadata, at most %d and %d are allowed",
             zc_quote_path(path).text, desc->count, desc->note_count, ZC_LIMIT_TENSORS,
             ZC_LIMIT_NOTES);
    ZC_CHECK(s = zc_new(zc_safetensors), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(s->path = zc_copy_text(path, strlen(path)), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(s->places = zc_new_array(struct place, desc->count), ZC_E_NOMEM, "out of memory");
    for (; s->count < desc->count; s->count++)
        ZC_TRY(check_tensor(log, path, &desc->tensors[s->count], &s->places[s->count]));
    for (size_t i = 0; i < desc->note_count; i++)
        ZC_TRY(check_name(log, path, "metadata key", desc->notes[i].key));
    ZC_TRY(make_header(s, log, desc, &text));
    ZC_TRY(zc_out_create(&s->file, log, path, policy));
    ZC_TRY(write_header(s, log, &text));
    *out = s;
    s = NULL;
done:
    zc_str_fini(&text);
    zc_safetensors_abort(&s);
    return st;
}

zc_status zc_safetensors_write(zc_safetensors *s, zc_log *log, size_t tensor, const void *src,
                               uint64_t bytes)
{
    struct place *p = &s->places[tensor];
    zc_status st = ZC_OK;

    ZC_CHECK(zc_u64_within(p->written, bytes, p->bytes), ZC_E_ARGUMENT,
             "'%s': tensor '%s' has %llu bytes and %llu of them already, %llu more are too many",
             zc_quote_path(s->path).text, zc_quote_text(p->name).text,
             (unsigned long long)p->bytes, (unsigned long long)p->written,
             (unsigned long long)bytes);
    ZC_TRY(zc_out_write_at(s->file, log, p->offset + p->written, src, (size_t)bytes));
    p->written += bytes;
done:
    return st;
}

zc_status zc_safetensors_commit(zc_safetensors **writer, zc_log *log)
{
    zc_safetensors *s = *writer;
    zc_status st = ZC_OK;

    for (size_t i = 0; i < s->count; i++) {
        const struct place *p = &s->places[i];

        ZC_CHECK(p->written == p->bytes, ZC_E_ARGUMENT,
                 "'%s': tensor '%s' has %llu of its %llu bytes", zc_quote_path(s->path).text,
                 zc_quote_text(p->name).text, (unsigned long long)p->written,
                 (unsigned long long)p->bytes);
    }
    ZC_TRY(zc_out_commit(&s->file, log));
done:
    zc_safetensors_abort(writer);
    return st;
}

void zc_safetensors_abort(zc_safetensors **writer)
{
    zc_safetensors *s = *writer;

    *writer = NULL;
    if (!s)
        return;
    zc_out_abort(&s->file);
    for (size_t i = 0; s->places && i < s->count; i++)
        zc_free(s->places[i].name);
    zc_free(s->places);
    zc_free(s->path);
    zc_free(s);
}
