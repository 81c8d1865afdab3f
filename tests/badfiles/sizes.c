/* Inputs that are long, deep or many, and files that change while they are read. */

#include <stdio.h>
#include <string.h>

#include "tests/badfiles/cases.h"
#include "tests/unit/memfile.h"

#define FILE_NAME "m/file"
#define ONE_TENSOR "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"

/* A safetensors file of a header that is in `header`, which is used up. */
static void finish(blob *b, blob *header, size_t data)
{
    blob_int(b, header->count, 8);
    blob_add(b, header->bytes, header->count);
    blob_fill(b, 1, data);
    blob_fini(header);
}

static void long_name(blob *b, int bytes)
{
    blob header = { 0 };

    blob_text(&header, "{\"");
    blob_fill(&header, 'n', (size_t)bytes);
    blob_text(&header, "\":" ONE_TENSOR "}");
    finish(b, &header, 1);
}

static void name_of_1024(blob *b) { long_name(b, 1024); }
static void name_of_1025(blob *b) { long_name(b, 1025); }
static void name_of_1_mib(blob *b) { long_name(b, 1 << 20); }

static void deep_metadata(blob *b)
{
    blob header = { 0 };

    blob_text(&header, "{\"__metadata__\":");
    blob_fill(&header, '[', 100000);
    finish(b, &header, 0);
}

static void deep_shape(blob *b)
{
    blob header = { 0 };

    blob_text(&header, "{\"t\":{\"shape\":");
    for (int i = 0; i < 100000; i++)
        blob_text(&header, "{\"a\":");
    finish(b, &header, 0);
}

static void long_number(blob *b)
{
    blob header = { 0 };

    blob_text(&header, "{\"t\":{\"shape\":[");
    blob_fill(&header, '9', 1000000);
    blob_text(&header, "]}}");
    finish(b, &header, 0);
}

static void many_on_one_span(blob *b)
{
    blob header = { 0 };
    char text[100];

    blob_text(&header, "{");
    for (int i = 0; i < 100000; i++) {
        snprintf(text, sizeof(text), "%s\"%d\":" ONE_TENSOR, i ? "," : "", i);
        blob_text(&header, text);
    }
    blob_text(&header, "}");
    finish(b, &header, 1);
}

static void many_axes(blob *b)
{
    blob header = { 0 };

    blob_text(&header, "{\"t\":{\"shape\":[");
    for (int i = 0; i < 1000000; i++)
        blob_text(&header, "1,");
    finish(b, &header, 0);
}

static void many_notes(blob *b, int count)
{
    blob header = { 0 };
    char text[40];

    blob_text(&header, "{\"__metadata__\":{");
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%s\"%d\":\"\"", i ? "," : "", i);
        blob_text(&header, text);
    }
    blob_text(&header, "}}");
    finish(b, &header, 0);
}

static void notes_1024(blob *b) { many_notes(b, 1024); }
static void notes_1025(blob *b) { many_notes(b, 1025); }

static void braces_in_a_name(blob *b)
{
    blob header = { 0 };

    blob_text(&header, "{\"__metadata__\":{\"a\":\"");
    blob_fill(&header, '{', 1000000);
    blob_text(&header, "\"}}");
    finish(b, &header, 0);
}

static void gguf_keys(blob *b, int count, int same)
{
    char name[40];

    blob_gguf(b, 3, 0, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%x", same && i == count - 1 ? 0 : i);
        blob_key(b, name, 0);
        blob_int(b, 1, 1);
    }
}

static void gguf_200000_keys(blob *b) { gguf_keys(b, 200000, 0); }
static void gguf_200000_keys_two_the_same(blob *b) { gguf_keys(b, 200000, 1); }

static void gguf_200000_tensors_two_the_same(blob *b)
{
    static const uint64_t one[] = { 0 };
    char name[40];

    blob_gguf(b, 3, 200000, 0);
    for (int i = 0; i < 200000; i++) {
        snprintf(name, sizeof(name), "%x", i == 199999 ? 7 : i);
        blob_tensor(b, name, 1, one, 0, 0);
    }
    blob_pad(b, 32);
}

static void gguf_deep_arrays(blob *b)
{
    blob_gguf(b, 3, 0, 1);
    blob_key(b, "k", 9);
    for (int i = 0; i < 10000; i++) {
        blob_int(b, 9, 4);
        blob_int(b, 1, 8);
    }
}

static void gguf_long_name(blob *b, int bytes)
{
    blob_gguf(b, 3, 0, 1);
    blob_int(b, (uint64_t)bytes, 8);
    blob_fill(b, 'k', (size_t)bytes);
    blob_int(b, 0, 4);
    blob_int(b, 1, 1);
}

static void gguf_name_of_1024(blob *b) { gguf_long_name(b, 1024); }
static void gguf_name_of_1025(blob *b) { gguf_long_name(b, 1025); }
static void gguf_name_of_1_mib(blob *b) { gguf_long_name(b, 1 << 20); }

static void gguf_empty_strings(blob *b)
{
    blob_gguf(b, 3, 0, 1);
    blob_key(b, "k", 9);
    blob_int(b, 8, 4);
    blob_int(b, 500000, 8);
    blob_fill(b, 0, 500000 * 8);
}

static void index_of_shards(blob *b, int count)
{
    char text[60];

    blob_text(b, "{\"weight_map\":{");
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%s\"t%d\":\"s%d\"", i ? "," : "", i, i);
        blob_text(b, text);
    }
    blob_text(b, "}}");
}

static void index_of_1024(blob *b) { index_of_shards(b, 1024); }
static void index_of_1025(blob *b) { index_of_shards(b, 1025); }

static void index_deep(blob *b)
{
    blob_text(b, "{\"weight_map\":");
    blob_fill(b, '[', 100000);
}

/* ---- Changes while reading ---- */

static void tensor_of_100(blob *b)
{
    blob_safetensors(b, "{\"t\":{\"dtype\":\"U8\",\"shape\":[100],\"data_offsets\":[0,100]}}", 100);
}

static void gguf_tensor(blob *b)
{
    script_add(b, "v3 n1 n0 s:t w1 n4 w0 n0 p32 z16");
}

static void shrinks_by_1(blob *b) { memfile_shrink_after(FILE_NAME, 0, b->count - 1); }

static void shrinks_to_0(blob *b)
{
    (void)b;
    memfile_shrink_after(FILE_NAME, 0, 0);
}

static void grows(blob *b)
{
    blob_int(b, 1, 1);
    memfile_put(FILE_NAME, b->bytes, b->count);
}

static void is_written_to(blob *b) { memfile_put(FILE_NAME, b->bytes, b->count); }

static void goes_away(blob *b)
{
    (void)b;
    memfiles_fail(1, FAULT_ONWARDS, 116 /* ESTALE */);
}

static void cannot_be_read(blob *b)
{
    (void)b;
    memfiles_fail(1, FAULT_ONWARDS, 5 /* EIO */);
}

#define MAKE(name, code, make) { "size/" name, code, CASE_MAKE, NULL, 0, make, NULL }
#define READ(name, code, make, change) { "change/" name, code, CASE_READ, NULL, 0, make, change }

const struct bad_case size_cases[] = {
    MAKE("name-of-1024", ZC_OK, name_of_1024),
    MAKE("name-of-1025", ZC_E_LIMIT, name_of_1025),
    MAKE("name-of-1-mib", ZC_E_LIMIT, name_of_1_mib),
    MAKE("metadata-100000-deep", ZC_E_FORMAT, deep_metadata),
    MAKE("shape-100000-deep", ZC_E_FORMAT, deep_shape),
    MAKE("number-of-a-million-digits", ZC_E_FORMAT, long_number),
    MAKE("a-million-axes", ZC_E_LIMIT, many_axes),
    MAKE("100000-tensors-on-one-span", ZC_E_FORMAT, many_on_one_span),
    MAKE("metadata-keys-1024", ZC_OK, notes_1024),
    MAKE("metadata-keys-1025", ZC_E_LIMIT, notes_1025),
    MAKE("a-million-braces", ZC_OK, braces_in_a_name),
    MAKE("gguf-200000-keys", ZC_OK, gguf_200000_keys),
    MAKE("gguf-200000-keys-two-the-same", ZC_E_FORMAT, gguf_200000_keys_two_the_same),
    MAKE("gguf-200000-tensors-two-the-same", ZC_E_FORMAT, gguf_200000_tensors_two_the_same),
    MAKE("gguf-10000-arrays-in-each-other", ZC_E_UNSUPPORTED, gguf_deep_arrays),
    MAKE("gguf-name-of-1024", ZC_OK, gguf_name_of_1024),
    MAKE("gguf-name-of-1025", ZC_E_LIMIT, gguf_name_of_1025),
    MAKE("gguf-name-of-1-mib", ZC_E_LIMIT, gguf_name_of_1_mib),
    MAKE("gguf-500000-empty-strings", ZC_OK, gguf_empty_strings),
    MAKE("index-1024-shards", ZC_E_NOT_FOUND, index_of_1024),
    MAKE("index-1025-shards", ZC_E_LIMIT, index_of_1025),
    MAKE("index-100000-deep", ZC_E_FORMAT, index_deep),
    READ("nothing", ZC_OK, tensor_of_100, NULL),
    READ("shrinks-by-1", ZC_E_IO, tensor_of_100, shrinks_by_1),
    READ("shrinks-to-0", ZC_E_IO, tensor_of_100, shrinks_to_0),
    READ("grows", ZC_E_IO, tensor_of_100, grows),
    READ("is-written-to", ZC_E_IO, tensor_of_100, is_written_to),
    READ("goes-away", ZC_E_IO, tensor_of_100, goes_away),
    READ("cannot-be-read", ZC_E_IO, tensor_of_100, cannot_be_read),
    READ("gguf-shrinks-by-1", ZC_E_IO, gguf_tensor, shrinks_by_1),
    READ("gguf-grows", ZC_E_IO, gguf_tensor, grows),
    READ("gguf-goes-away", ZC_E_IO, gguf_tensor, goes_away),
    { 0 }
};
