/* Builders of model files. */

#include <stdlib.h>
#include <string.h>

#include "tests/unit/blob.h"

void blob_fini(blob *b)
{
    free(b->bytes);
    *b = (blob){ 0 };
}

static uint8_t *room(blob *b, size_t count)
{
    if (b->count + count > b->capacity) {
        b->capacity = 2 * (b->count + count) + 64;
        b->bytes = realloc(b->bytes, b->capacity);
        if (!b->bytes)
            abort();
    }
    b->count += count;
    return b->bytes + b->count - count;
}

void blob_add(blob *b, const void *bytes, size_t count)
{
    if (count > 0)
        memcpy(room(b, count), bytes, count);
}

void blob_fill(blob *b, int value, size_t count)
{
    memset(room(b, count), value, count);
}

void blob_text(blob *b, const char *text)
{
    blob_add(b, text, strlen(text));
}

void blob_int(blob *b, uint64_t value, int bytes)
{
    uint8_t *to = room(b, (size_t)bytes);

    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

void blob_safetensors(blob *b, const char *header, size_t data)
{
    blob_int(b, strlen(header), 8);
    blob_text(b, header);
    for (size_t i = 0; i < data; i++)
        blob_int(b, i, 1);
}

void blob_gguf(blob *b, uint32_t version, uint64_t tensors, uint64_t keys)
{
    blob_text(b, "GGUF");
    blob_int(b, version, 4);
    blob_int(b, tensors, 8);
    blob_int(b, keys, 8);
}

void blob_string(blob *b, const char *text)
{
    blob_int(b, strlen(text), 8);
    blob_text(b, text);
}

void blob_key(blob *b, const char *name, uint32_t type)
{
    blob_string(b, name);
    blob_int(b, type, 4);
}

void blob_key_u32(blob *b, const char *name, uint32_t value)
{
    blob_key(b, name, 4);
    blob_int(b, value, 4);
}

void blob_key_text(blob *b, const char *name, const char *value)
{
    blob_key(b, name, 8);
    blob_string(b, value);
}

void blob_tensor(blob *b, const char *name, int rank, const uint64_t *dim, uint32_t type,
                 uint64_t offset)
{
    blob_string(b, name);
    blob_int(b, (uint64_t)rank, 4);
    for (int i = 0; i < rank; i++)
        blob_int(b, dim[i], 8);
    blob_int(b, type, 4);
    blob_int(b, offset, 8);
}

void blob_pad(blob *b, size_t align)
{
    while (b->count % align != 0)
        blob_int(b, 0, 1);
}
