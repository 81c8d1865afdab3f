/* Bytes of files that tests make up, right ones and wrong ones. Running out of
 * memory ends the test program. */
#ifndef ZC_BLOB_H
#define ZC_BLOB_H

#include <stddef.h>
#include <stdint.h>

typedef struct blob {
    uint8_t *bytes;
    size_t   count, capacity;
} blob;

void blob_fini(blob *b);
void blob_add(blob *b, const void *bytes, size_t count);
void blob_fill(blob *b, int value, size_t count);
void blob_text(blob *b, const char *text);            /* without its NUL */
void blob_int(blob *b, uint64_t value, int bytes);    /* little endian */

/* safetensors: the length, the header's text, and `data` bytes counting up from 0. */
void blob_safetensors(blob *b, const char *header, size_t data);

/* GGUF, piece by piece. */
void blob_gguf(blob *b, uint32_t version, uint64_t tensors, uint64_t keys);
void blob_string(blob *b, const char *text);
void blob_key(blob *b, const char *name, uint32_t type);
void blob_key_u32(blob *b, const char *name, uint32_t value);
void blob_key_text(blob *b, const char *name, const char *value);
/* dim as in the file, innermost first. */
void blob_tensor(blob *b, const char *name, int rank, const uint64_t *dim, uint32_t type,
                 uint64_t offset);
void blob_pad(blob *b, size_t align);

#endif
