/* From a partial file to a final name. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/batch/folder.h"

#define CHUNK ((size_t)1 << 20)

zc_status zc_stored_of(zc_stored *out, zc_log *log, const char *path)
{
    zc_status st = ZC_OK;
    zc_file *f = NULL;
    uint8_t *chunk = NULL;
    zc_sha256 h;

    *out = (zc_stored){ .size = 0 };
    ZC_CHECK(chunk = zc_alloc(CHUNK), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_file_open(&f, log, path));
    zc_sha256_init(&h);
    for (uint64_t at = 0; at < zc_file_size(f); at += CHUNK) {
        const uint64_t left = zc_file_size(f) - at;
        const size_t bytes = left < CHUNK ? (size_t)left : CHUNK;

        ZC_TRY(zc_file_read_at(f, log, at, chunk, bytes));
        zc_sha256_add(&h, chunk, bytes);
    }
    ZC_TRY(zc_file_unchanged(f, log));
    zc_sha256_finish(&h, out->digest);
    out->size = zc_file_size(f);
    out->mtime_ns = zc_file_info_get(f)->mtime_ns;
    out->is_there = true;
done:
    zc_file_close(&f);
    zc_free(chunk);
    return st;
}

static bool same(const zc_stored *a, const zc_stored *b)
{
    return a->size == b->size && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

bool zc_stored_holds(const zc_stored *s, const char *path)
{
    zc_file_info info;
    zc_stored now;

    if (!zc_path_info(&info, path) || info.kind != ZC_FILE_REGULAR || info.size != s->size)
        return false;
    return info.mtime_ns == s->mtime_ns ||
           (zc_stored_of(&now, NULL, path) == ZC_OK && same(s, &now));
}

zc_status zc_publish(zc_stored *out, zc_log *log, const char *partial, const char *target,
                     enum zc_existing existing)
{
    zc_status st = ZC_OK;
    zc_own *file = NULL;
    zc_file_info info;
    zc_stored there;

    ZC_TRY(zc_own_open(&file, log, partial));
    ZC_TRY(zc_own_sync(file, log));
    ZC_TRY(zc_stored_of(out, log, partial));
    ZC_CHECK(out->size > 0, ZC_E_IO, "'%s' is empty", zc_quote_path(partial).text);
    if (zc_path_info(&info, target)) {
        ZC_CHECK(info.kind == ZC_FILE_REGULAR, ZC_E_UNSAFE, "'%s' is not a file",
                 zc_quote_path(target).text);
        ZC_TRY(zc_stored_of(&there, log, target));
        if (same(&there, out)) {
            *out = there;
            ZC_TRY(zc_path_unlink(log, partial));
            goto done;
        }
        ZC_CHECK(existing == ZC_EXISTING_REPLACE, ZC_E_CREATE,
                 "'%s' exists already, and this job did not make it", zc_quote_path(target).text);
        ZC_TRY(zc_path_rename(log, partial, target));
    } else {
        ZC_TRY(zc_path_rename_new(log, partial, target));
    }
    ZC_TRY(zc_path_sync(log, target));
done:
    zc_own_close(&file);
    return st;
}
