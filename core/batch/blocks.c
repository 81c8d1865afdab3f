/* Bytes 0 to 7 "ZTBLOCK1", then the number of pieces and the CRC of the header behind
 * it, 32 bits each; the owner, 64 bytes; for each piece its name, 24 bytes, its
 * size, 64 bits, its CRC and where it begins over 64. Numbers have the low byte first.
 * Pieces begin at multiples of 64 bytes. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/size.h"
#include "core/batch/blocks.h"

#define OWNER 64
#define FRONT (16 + OWNER)
#define ENTRY (ZC_BLOCKS_NAME + 16)
#define ALIGN 64
#define LIMIT ((size_t)1 << 40)       /* bytes of a file */

static const char magic[] = "ZTBLOCK1";

struct zc_blocks {
    char    *all;                     /* the file */
    int      count;
    char     name[ZC_BLOCKS_MAX][ZC_BLOCKS_NAME];
    size_t   from[ZC_BLOCKS_MAX];
    uint64_t bytes[ZC_BLOCKS_MAX];
};

static void put(uint8_t *to, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

static uint64_t get(const uint8_t *from, int bytes)
{
    uint64_t x = 0;

    for (int i = 0; i < bytes; i++)
        x |= (uint64_t)from[i] << 8 * i;
    return x;
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

zc_status zc_blocks_write(zc_log *log, const char *path, const char *owner,
                          const zc_block *blocks, int count)
{
    static const uint8_t zeros[ALIGN];
    const size_t head = FRONT + (size_t)count * ENTRY;
    uint64_t at = padded(head);
    zc_status st = ZC_OK;
    zc_out *out = NULL;
    uint8_t *h = NULL;

    ZC_CHECK(count > 0 && count <= ZC_BLOCKS_MAX && strlen(owner) <= OWNER, ZC_E_ARGUMENT,
             "'%s': %d pieces for '%s'", zc_quote_path(path).text, count,
             zc_quote_text(owner).text);
    ZC_CHECK(h = zc_alloc_zeroed(head, 1), ZC_E_NOMEM, "out of memory");
    memcpy(h, magic, 8);
    put(h + 8, (uint64_t)count, 4);
    memcpy(h + 16, owner, strlen(owner));
    for (int i = 0; i < count; i++) {
        uint8_t *e = h + FRONT + (size_t)i * ENTRY;

        ZC_CHECK(strlen(blocks[i].name) < ZC_BLOCKS_NAME, ZC_E_ARGUMENT, "a piece called '%s'",
                 zc_quote_text(blocks[i].name).text);
        memcpy(e, blocks[i].name, strlen(blocks[i].name));
        put(e + ZC_BLOCKS_NAME, blocks[i].bytes, 8);
        put(e + ZC_BLOCKS_NAME + 8, zc_crc32c(0, blocks[i].data, (size_t)blocks[i].bytes), 4);
        put(e + ZC_BLOCKS_NAME + 12, at / ALIGN, 4);
        at += padded(blocks[i].bytes);
    }
    put(h + 12, zc_crc32c(zc_crc32c(0, h, 12), h + 16, head - 16), 4);
    ZC_TRY(zc_out_create(&out, log, path, ZC_OUT_REPLACE));
    ZC_TRY(zc_out_write(out, log, h, head));
    ZC_TRY(zc_out_write(out, log, zeros, (size_t)(padded(head) - head)));
    for (int i = 0; i < count; i++) {
        ZC_TRY(zc_out_write(out, log, blocks[i].data, (size_t)blocks[i].bytes));
        ZC_TRY(zc_out_write(out, log, zeros,
                            (size_t)(padded(blocks[i].bytes) - blocks[i].bytes)));
    }
    ZC_TRY(zc_out_commit(&out, log));
done:
    zc_out_abort(&out);
    zc_free(h);
    return st;
}

/* Entry `i` of a header that holds; *end is where the piece before ends. */
static zc_status take_entry(zc_blocks *b, zc_log *log, const char *path, int i, uint64_t *end,
                            uint64_t size)
{
    const uint8_t *all = (const uint8_t *)b->all, *e = all + FRONT + (size_t)i * ENTRY;
    const uint64_t bytes = get(e + ZC_BLOCKS_NAME, 8);
    const uint64_t from = get(e + ZC_BLOCKS_NAME + 12, 4) * ALIGN;
    zc_status st = ZC_OK;

    memcpy(b->name[i], e, ZC_BLOCKS_NAME);
    ZC_CHECK(b->name[i][0] && !b->name[i][ZC_BLOCKS_NAME - 1], ZC_E_FORMAT,
             "'%s': piece %d has no name", zc_quote_path(path).text, i);
    ZC_CHECK(from == *end && zc_u64_within(from, bytes, size) && padded(bytes) >= bytes &&
                 zc_u64_within(from, padded(bytes), size),
             ZC_E_TRUNCATED,
             "'%s': piece '%s' has %llu bytes at %llu, but the file ends at %llu",
             zc_quote_path(path).text, zc_quote_text(b->name[i]).text, (unsigned long long)bytes,
             (unsigned long long)from, (unsigned long long)size);
    ZC_CHECK(zc_crc32c(0, all + from, (size_t)bytes) == get(e + ZC_BLOCKS_NAME + 8, 4),
             ZC_E_FORMAT, "'%s': piece '%s' is damaged", zc_quote_path(path).text,
             zc_quote_text(b->name[i]).text);
    b->from[i] = (size_t)from;
    b->bytes[i] = bytes;
    *end = from + padded(bytes);
done:
    return st;
}

zc_status zc_blocks_open(zc_blocks **out, zc_log *log, const char *path, const char *owner)
{
    zc_status st = ZC_OK;
    zc_blocks *b = zc_new(zc_blocks);
    char name[OWNER + 1] = "";
    size_t size = 0;

    *out = NULL;
    ZC_CHECK(b, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_file_load(&b->all, &size, log, path, LIMIT));
    const uint8_t *h = (const uint8_t *)b->all;
    ZC_CHECK(size >= FRONT, ZC_E_TRUNCATED, "'%s' has %zu bytes, at least %d are needed",
             zc_quote_path(path).text, size, FRONT);
    ZC_CHECK(memcmp(h, magic, 8) == 0, ZC_E_NOT_OURS, "'%s' begins with '%s', expected '%s'",
             zc_quote_path(path).text, zc_quote(b->all, 8).text, magic);
    const uint64_t count = get(h + 8, 4);
    ZC_CHECK(count > 0 && count <= ZC_BLOCKS_MAX, ZC_E_LIMIT,
             "'%s' has %llu pieces, expected 1 to %d", zc_quote_path(path).text,
             (unsigned long long)count, ZC_BLOCKS_MAX);
    const size_t head = FRONT + (size_t)count * ENTRY;
    ZC_CHECK(head <= size, ZC_E_TRUNCATED, "'%s' has %zu bytes, its header alone %zu",
             zc_quote_path(path).text, size, head);
    ZC_CHECK(zc_crc32c(zc_crc32c(0, h, 12), h + 16, head - 16) == get(h + 12, 4), ZC_E_FORMAT,
             "'%s': the header is damaged", zc_quote_path(path).text);
    memcpy(name, h + 16, OWNER);
    ZC_CHECK(strcmp(name, owner) == 0, ZC_E_MISMATCH, "'%s' belongs to '%s', expected '%s'",
             zc_quote_path(path).text, zc_quote_text(name).text, zc_quote_text(owner).text);
    uint64_t end = padded(head);
    b->count = (int)count;
    for (int i = 0; i < b->count; i++)
        ZC_TRY(take_entry(b, log, path, i, &end, size));
    *out = b;
    b = NULL;
done:
    zc_blocks_close(&b);
    return st;
}

void zc_blocks_close(zc_blocks **blocks)
{
    zc_blocks *b = *blocks;

    *blocks = NULL;
    if (!b)
        return;
    zc_free(b->all);
    zc_free(b);
}

const void *zc_blocks_get(const zc_blocks *b, const char *name, uint64_t *bytes)
{
    for (int i = 0; i < b->count; i++) {
        if (strcmp(b->name[i], name) == 0) {
            *bytes = b->bytes[i];
            return b->all + b->from[i];
        }
    }
    return NULL;
}

bool zc_blocks_copy(const zc_blocks *b, const char *name, void *to, uint64_t bytes)
{
    uint64_t there = 0;
    const void *data = zc_blocks_get(b, name, &there);

    if (!data || there != bytes)
        return false;
    memcpy(to, data, (size_t)bytes);
    return true;
}
