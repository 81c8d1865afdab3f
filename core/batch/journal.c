/* Records behind each other in one file: "ZTJRNL1\n", then for each record its
 * length and its CRC, 32 bits each with the low byte first, and its bytes. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/batch/journal.h"

#define HEAD 8

static const char magic[] = "ZTJRNL1\n";

struct zc_journal {
    zc_own  *file;
    char    *path;
    uint64_t size;
    bool     failed;
};

static void put32(uint8_t *to, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

/* Bytes of the record at the head of [at, at + left), or 0 if none holds. */
static size_t record_at(const uint8_t *at, size_t left)
{
    if (left < HEAD)
        return 0;
    const uint32_t count = get32(at);
    if (count == 0 || count > ZC_JOURNAL_RECORD || count > left - HEAD)
        return 0;
    const uint32_t crc = zc_crc32c(zc_crc32c(0, at, 4), at + HEAD, count);
    return crc == get32(at + 4) ? count : 0;
}

/* All that holds; *size is where it ends. */
static zc_status replay(zc_journal *j, zc_log *log, zc_journal_fn fn, void *user)
{
    zc_status st = ZC_OK;
    const uint64_t total = zc_own_size(j->file);
    uint8_t *all = NULL;
    size_t at = HEAD;

    ZC_CHECK(total <= ZC_JOURNAL_FILE, ZC_E_LIMIT, "'%s' has %llu bytes, a journal at most %llu",
             zc_quote_path(j->path).text, (unsigned long long)total,
             (unsigned long long)ZC_JOURNAL_FILE);
    ZC_CHECK(all = zc_alloc((size_t)total + 1), ZC_E_NOMEM,
             "out of memory: a journal of %llu bytes", (unsigned long long)total);
    ZC_TRY(zc_own_read(j->file, log, 0, all, (size_t)total));
    ZC_CHECK(memcmp(all, magic, total < HEAD ? (size_t)total : HEAD) == 0, ZC_E_NOT_OURS,
             "'%s' is no journal: it begins with '%s'", zc_quote_path(j->path).text,
             zc_quote((char *)all, total < HEAD ? (size_t)total : HEAD).text);
    while (at < total) {
        const size_t count = record_at(all + at, (size_t)total - at);
        if (count == 0)
            break;
        ZC_TRY(fn(user, log, (const char *)all + at + HEAD, count));
        at += HEAD + count;
    }
    j->size = total < HEAD ? 0 : at;
done:
    zc_free(all);
    return st;
}

zc_status zc_journal_open(zc_journal **out, zc_log *log, const char *path, zc_journal_fn fn,
                          void *user)
{
    zc_status st = ZC_OK;
    zc_journal *j = zc_new(zc_journal);

    *out = NULL;
    ZC_CHECK(j && (j->path = zc_copy_text(path, strlen(path))), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_own_open(&j->file, log, path));
    ZC_TRY(replay(j, log, fn, user));
    const uint64_t torn = zc_own_size(j->file) - j->size;
    if (torn) {
        zc_warning(log, "'%s': %llu bytes of an unfinished record are cut",
                   zc_quote_path(path).text, (unsigned long long)torn);
        ZC_TRY(zc_own_cut(j->file, log, j->size));
    }
    if (j->size == 0) {
        ZC_TRY(zc_own_write(j->file, log, 0, magic, HEAD));
        j->size = HEAD;
    }
    ZC_TRY(zc_own_sync(j->file, log));
    ZC_TRY(zc_path_sync(log, path));
    *out = j;
    j = NULL;
done:
    zc_journal_close(&j);
    return st;
}

void zc_journal_close(zc_journal **journal)
{
    zc_journal *j = *journal;

    *journal = NULL;
    if (!j)
        return;
    zc_own_close(&j->file);
    zc_free(j->path);
    zc_free(j);
}

zc_status zc_journal_add(zc_journal *j, zc_log *log, const void *bytes, size_t count)
{
    zc_status st = ZC_OK;
    uint8_t *record = NULL;

    ZC_CHECK(count > 0 && count <= ZC_JOURNAL_RECORD, ZC_E_ARGUMENT,
             "a record of %zu bytes for '%s', expected 1 to %d", count,
             zc_quote_path(j->path).text, ZC_JOURNAL_RECORD);
    ZC_CHECK(j->size + HEAD + count <= ZC_JOURNAL_FILE, ZC_E_LIMIT, "'%s' is full at %llu bytes",
             zc_quote_path(j->path).text, (unsigned long long)j->size);
    ZC_CHECK(!j->failed, ZC_E_IO, "'%s' stays as it is, because a write had failed",
             zc_quote_path(j->path).text);
    ZC_CHECK(record = zc_alloc(HEAD + count), ZC_E_NOMEM, "out of memory");
    put32(record, (uint32_t)count);
    memcpy(record + HEAD, bytes, count);
    put32(record + 4, zc_crc32c(zc_crc32c(0, record, 4), bytes, count));
    j->failed = true;
    ZC_TRY(zc_own_still(j->file, log));
    ZC_TRY(zc_own_write(j->file, log, j->size, record, HEAD + count));
    ZC_TRY(zc_own_sync(j->file, log));
    j->failed = false;
    j->size += HEAD + count;
done:
    zc_free(record);
    return st;
}
