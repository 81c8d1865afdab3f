/* Manifest, journal and lease of a job. Journal records are lines of text:
 *     begin SHA-256-of-the-manifest
 *     frame|segment|film INDEX SIZE MTIME SHA-256
 *     lost KIND INDEX
 *     failed STATUS
 *     done */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/num.h"
#include "core/batch/folder.h"
#include "core/batch/journal.h"
#include "core/batch/lease.h"

#define NAME_DIGITS 16                /* of the manifest's digest, in the folder's name */
#define MAX_FILES 65536               /* of a kind: more than the frames of any job */
#define MAX_MANIFEST ((size_t)1 << 22)

static const char *const kind_names[ZC_STORED_KINDS] = { "frame", "segment", "film" };

typedef struct stored_list {
    zc_stored *at;
    size_t     count, capacity;
} stored_list;

struct zc_folder {
    char       *path;
    char        digest[65];
    zc_lease   *lease;
    zc_journal *journal;
    stored_list files[ZC_STORED_KINDS];
    bool        begun, done;
};

void zc_folder_path(const zc_folder *f, zc_str *to, const char *name)
{
    zc_str_add_format(to, "%s/%s", f->path, name);
}

const char *zc_folder_digest(const zc_folder *f)
{
    return f->digest;
}

/* ---- Reading the journal ---- */

static bool set_stored(zc_folder *f, zc_stored_kind kind, uint64_t index, const zc_stored *s)
{
    stored_list *l = &f->files[kind];

    if (index >= l->count) {
        if (!zc_grow(&l->at, &l->capacity, (size_t)index + 1, sizeof(l->at[0])))
            return false;
        memset(l->at + l->count, 0, ((size_t)index + 1 - l->count) * sizeof(l->at[0]));
        l->count = (size_t)index + 1;
    }
    l->at[index] = *s;
    return true;
}

/* Cuts the next word off a record; NULL when there is none. */
static char *next_word(char **at)
{
    char *word = *at;

    while (*word == ' ')
        word++;
    if (!*word)
        return NULL;
    *at = word + strcspn(word, " ");
    if (**at)
        *(*at)++ = '\0';
    return word;
}

static bool read_number(const char *word, uint64_t *out)
{
    return word && !zc_num_read_u64(out, word, strlen(word));
}

static bool read_digest(const char *word, uint8_t digest[32])
{
    if (!word || strlen(word) != 64)
        return false;
    for (int i = 0; i < 64; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, word[i]);

        if (!at)
            return false;
        digest[i / 2] = (uint8_t)(i % 2 ? digest[i / 2] | (at - digits) : (at - digits) << 4);
    }
    return true;
}

static int kind_of(const char *word)
{
    for (int i = 0; word && i < ZC_STORED_KINDS; i++) {
        if (strcmp(kind_names[i], word) == 0)
            return i;
    }
    return -1;
}

/* False if it is none of our records. */
static bool apply(zc_folder *f, char *text, bool *out_of_memory)
{
    zc_stored s = { .is_there = true };
    uint64_t index = 0, mtime = 0;
    const char *word = next_word(&text);
    int kind = kind_of(word);

    if (!word)
        return false;
    if (strcmp(word, "begin") == 0) {
        word = next_word(&text);
        f->begun = word && strcmp(word, f->digest) == 0;
        return f->begun;
    }
    if (strcmp(word, "failed") == 0)
        return true;
    if (strcmp(word, "done") == 0) {
        f->done = true;
        return true;
    }
    if (strcmp(word, "lost") == 0) {
        s.is_there = f->done = false;
        kind = kind_of(next_word(&text));
        if (kind < 0 || !read_number(next_word(&text), &index))
            return false;
    } else if (kind < 0 || !read_number(next_word(&text), &index) ||
               !read_number(next_word(&text), &s.size) ||
               !read_number(next_word(&text), &mtime) || mtime > INT64_MAX ||
               !read_digest(next_word(&text), s.digest)) {
        return false;
    }
    s.mtime_ns = (int64_t)mtime;
    if (index >= MAX_FILES)
        return false;
    *out_of_memory = !set_stored(f, (zc_stored_kind)kind, index, &s);
    return true;
}

static zc_status take_record(void *user, zc_log *log, const char *bytes, size_t count)
{
    zc_folder *f = user;
    zc_status st = ZC_OK;
    char text[200];
    bool out_of_memory = false;

    zc_format(text, sizeof(text), "%.*s", (int)(count < sizeof(text) ? count : 0), bytes);
    ZC_CHECK(strlen(text) == count && apply(f, text, &out_of_memory), ZC_E_FORMAT,
             "the journal of '%s' has a record '%s'", zc_quote_path(f->path).text,
             zc_quote(bytes, count).text);
    ZC_CHECK(!out_of_memory, ZC_E_NOMEM, "out of memory");
done:
    return st;
}

/* ---- Opening ---- */

/* Written once, and the same for ever. */
static zc_status check_manifest(zc_folder *f, zc_log *log, const char *manifest)
{
    zc_status st = ZC_OK;
    zc_str path = { 0 };
    zc_out *out = NULL;
    zc_file_info info;
    char *text = NULL;
    size_t bytes = 0;

    zc_folder_path(f, &path, "manifest");
    ZC_CHECK(!path.failed, ZC_E_NOMEM, "out of memory");
    if (zc_path_info(&info, zc_str_get(&path))) {
        ZC_TRY(zc_file_load(&text, &bytes, log, zc_str_get(&path), MAX_MANIFEST));
        ZC_CHECK(bytes == strlen(manifest) && memcmp(text, manifest, bytes) == 0, ZC_E_MISMATCH,
                 "'%s' was changed: it is not the manifest of this job",
                 zc_quote_path(zc_str_get(&path)).text);
    } else {
        ZC_TRY(zc_out_create(&out, log, zc_str_get(&path), ZC_OUT_REPLACE));
        ZC_TRY(zc_out_write(out, log, manifest, strlen(manifest)));
        ZC_TRY(zc_out_commit(&out, log));
    }
done:
    zc_out_abort(&out);
    zc_free(text);
    zc_str_fini(&path);
    return st;
}

zc_status zc_folder_open(zc_folder **out, zc_log *log, const zc_folder_desc *d)
{
    zc_status st = ZC_OK;
    zc_folder *f = zc_new(zc_folder);
    zc_str path = { 0 };
    zc_sha256 h;
    uint8_t digest[32];

    *out = NULL;
    ZC_CHECK(f, ZC_E_NOMEM, "out of memory");
    zc_sha256_init(&h);
    zc_sha256_add(&h, d->manifest, strlen(d->manifest));
    zc_sha256_finish(&h, digest);
    zc_sha256_text(f->digest, digest);
    zc_str_add_format(&path, "%s/%.*s", d->root, NAME_DIGITS, f->digest);
    ZC_CHECK(f->path = zc_str_release(&path), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_path_mkdir(log, d->root));
    ZC_TRY(zc_path_mkdir(log, f->path));
    zc_folder_path(f, &path, "lease");
    ZC_CHECK(!path.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_lease_take(&f->lease, log, zc_str_get(&path), d->beat_ms, d->cancel));
    ZC_TRY(check_manifest(f, log, d->manifest));
    zc_str_clear(&path);
    zc_folder_path(f, &path, "journal");
    ZC_CHECK(!path.failed, ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_journal_open(&f->journal, log, zc_str_get(&path), take_record, f));
    *out = f;
    f = NULL;
done:
    zc_str_fini(&path);
    zc_folder_close(&f);
    return st;
}

void zc_folder_close(zc_folder **folder)
{
    zc_folder *f = *folder;

    *folder = NULL;
    if (!f)
        return;
    zc_journal_close(&f->journal);
    zc_lease_release(&f->lease);
    for (int i = 0; i < ZC_STORED_KINDS; i++)
        zc_free(f->files[i].at);
    zc_free(f->path);
    zc_free(f);
}

bool zc_folder_is_new(const zc_folder *f)
{
    return !f->begun;
}

bool zc_folder_is_done(const zc_folder *f)
{
    return f->done;
}

const zc_stored *zc_folder_stored(const zc_folder *f, zc_stored_kind kind, int index)
{
    const stored_list *l = &f->files[kind];

    return index >= 0 && (size_t)index < l->count && l->at[index].is_there ? &l->at[index] : NULL;
}

/* ---- Writing ---- */

/* The lease first: who has lost it writes no more. */
static zc_status add_line(zc_folder *f, zc_log *log, const char *line)
{
    zc_status st = ZC_OK;

    ZC_TRY(zc_lease_beat(f->lease, log));
    ZC_TRY(zc_journal_add(f->journal, log, line, strlen(line)));
done:
    return st;
}

zc_status zc_folder_begin(zc_folder *f, zc_log *log)
{
    char line[80];
    zc_status st;

    zc_format(line, sizeof(line), "begin %s", f->digest);
    st = add_line(f, log, line);
    f->begun = st == ZC_OK;
    return st;
}

zc_status zc_folder_add(zc_folder *f, zc_log *log, zc_stored_kind kind, int index,
                        const zc_stored *s)
{
    zc_status st = ZC_OK;
    char line[200], digest[65];

    ZC_CHECK(set_stored(f, kind, (uint64_t)index, s), ZC_E_NOMEM, "out of memory");
    zc_sha256_text(digest, s->digest);
    zc_format(line, sizeof(line), "%s %d %llu %lld %s", kind_names[kind], index,
              (unsigned long long)s->size, (long long)(s->mtime_ns > 0 ? s->mtime_ns : 0),
              digest);
    ZC_TRY(add_line(f, log, line));
done:
    return st;
}

zc_status zc_folder_lose(zc_folder *f, zc_log *log, zc_stored_kind kind, int index)
{
    zc_status st = ZC_OK;
    char line[80];

    ZC_CHECK(set_stored(f, kind, (uint64_t)index, &(zc_stored){ .size = 0 }), ZC_E_NOMEM,
             "out of memory");
    f->done = false;
    zc_format(line, sizeof(line), "lost %s %d", kind_names[kind], index);
    ZC_TRY(add_line(f, log, line));
done:
    return st;
}

zc_status zc_folder_fail(zc_folder *f, zc_log *log, zc_status why)
{
    char line[80];

    zc_format(line, sizeof(line), "failed %s", zc_status_name(why));
    return add_line(f, log, line);
}

zc_status zc_folder_finish(zc_folder *f, zc_log *log)
{
    const zc_status st = add_line(f, log, "done");

    f->done = st == ZC_OK;
    return st;
}

zc_status zc_folder_beat(zc_folder *f, zc_log *log)
{
    return zc_lease_beat(f->lease, log);
}

zc_status zc_folder_tidy(zc_folder *f, zc_log *log)
{
    static const char *const kept[] = { "manifest", "journal", "lease" };
    zc_status st = ZC_OK;
    zc_dir *dir = NULL;
    zc_str path = { 0 };
    const char *name;

    ZC_TRY(zc_dir_open(&dir, log, f->path));
    while ((name = zc_dir_next(dir))) {
        bool keep = false;

        for (size_t i = 0; i < ZC_COUNT(kept); i++)
            keep = keep || strcmp(kept[i], name) == 0;
        if (keep)
            continue;
        zc_str_clear(&path);
        zc_folder_path(f, &path, name);
        ZC_CHECK(!path.failed, ZC_E_NOMEM, "out of memory");
        ZC_TRY(zc_path_unlink(log, zc_str_get(&path)));
    }
done:
    zc_dir_close(&dir);
    zc_str_fini(&path);
    return st;
}
