/* Opens what is to be read, one file after another. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/file.h"
#include "core/base/format.h"
#include "core/base/sort.h"
#include "core/base/str.h"
#include "core/sink/bytes.h"
#include "core/sink/plug.h"
#include "core/sink/reader.h"
#include "core/sink/rows.h"
#include "core/sink/sequence.h"

struct numbered {
    char   *path;
    int64_t number;               /* of a pattern; in a folder, the place */
};

struct zc_reader {
    zc_log *log;
    char   *modules;              /* or NULL */
    struct numbered *files;
    size_t  count, room, next;    /* next: the file to be opened */
    zc_film_info info;            /* of the first */
    const zc_sink_row *row;       /* of the file that is open */
    zc_plug plug;
    zc_channel channel;
    void   *state;                /* NULL: none is open */
};

/* How files of each kind begin, and whose they are; FFmpeg's is the rest. */
static const struct {
    const char *head;
    size_t      bytes;
    const zc_sink_row *row;
} kinds[] = {
    { "YUV4MPEG2", 9, &zc_sink_y4m },
    { "\x89PNG\r\n\x1a\n", 8, &zc_sink_png },
    { "\x76\x2f\x31\x01", 4, &zc_sink_exr },
};

static zc_status add_file(zc_reader *r, const char *folder, const char *name, int64_t number)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    zc_str path = { 0 };

    zc_str_add_format(&path, "%s%s", folder, name);
    ZC_CHECK(zc_grow(&r->files, &r->room, r->count + 1, sizeof(*r->files)), ZC_E_NOMEM,
             "out of memory");
    r->files[r->count] = (struct numbered){ zc_str_release(&path), number };
    ZC_CHECK(r->files[r->count].path, ZC_E_NOMEM, "out of memory");
    r->count++;
done:
    zc_str_fini(&path);
    return st;
}

static int by_number(const void *a, const void *b, const void *context)
{
    const struct numbered *x = a, *y = b;

    (void)context;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Files of `folder` ("" or with a slash at its end) that match, or all of them. */
static zc_status list(zc_reader *r, const char *folder, const char *pattern)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    zc_dir *dir = NULL;
    int64_t number = 0;

    ZC_TRY(zc_dir_open(&dir, log, *folder ? folder : "."));
    for (const char *name; (name = zc_dir_next(dir));) {
        if (pattern ? zc_sequence_match(pattern, name, &number) : *name != '.')
            ZC_TRY(add_file(r, folder, name, pattern ? number : number++));
    }
    if (r->count)
        zc_sort(r->files, r->count, sizeof(*r->files), by_number, NULL);
    ZC_CHECK(r->count > 0, ZC_E_NOT_FOUND, "'%s%s': there is no such file",
             zc_quote_path(pattern ? pattern : folder).text, pattern ? "" : "*");
done:
    zc_dir_close(&dir);
    return st;
}

static zc_status find_files(zc_reader *r, const char *path)
{
    zc_log *log = r->log;
    const char *slash = strrchr(path, '/');
    zc_status st = ZC_OK;
    zc_file_info info;
    zc_str folder = { 0 };

    if (zc_path_info(&info, path)) {
        if (info.kind != ZC_FILE_FOLDER)
            return add_file(r, "", path, 0);
        zc_str_add_format(&folder, "%s/", path);
        ZC_CHECK(!folder.failed, ZC_E_NOMEM, "out of memory");
        ZC_TRY(list(r, zc_str_get(&folder), NULL));
    } else if (zc_sequence_is(path)) {
        zc_str_add_bytes(&folder, path, slash ? (size_t)(slash - path) + 1 : 0);
        ZC_CHECK(!folder.failed, ZC_E_NOMEM, "out of memory");
        ZC_TRY(list(r, zc_str_get(&folder), path));
    } else {
        ZC_CHECK(false, ZC_E_NOT_FOUND, "'%s': there is no such file or folder",
                 zc_quote_path(path).text);
    }
done:
    zc_str_fini(&folder);
    return st;
}

static const zc_sink_row *row_of(const char *head, size_t got)
{
    for (size_t i = 0; i < ZC_COUNT(kinds); i++) {
        if (got >= kinds[i].bytes && memcmp(head, kinds[i].head, kinds[i].bytes) == 0)
            return kinds[i].row;
    }
    return &zc_sink_ffmpeg;
}

static void close_file(zc_reader *r)
{
    if (r->plug.coder)
        r->plug.coder->read_close(&r->state);
    zc_channel_close(&r->channel);
}

/* The coder of a row stays open for the next file that wants it. */
static zc_status take_row(zc_reader *r, const zc_sink_row *row)
{
    zc_status st = ZC_OK;

    if (r->row == row)
        return ZC_OK;
    zc_plug_close(&r->plug);
    r->row = NULL;
    if (row->module)
        ZC_TRY(zc_plug_open(&r->plug, r->log, r->modules, row->module, row->library));
    else
        zc_plug_init(&r->plug, r->log, row->coder);
    r->row = row;
done:
    return st;
}

static zc_status open_file(zc_reader *r, zc_film_info *info)
{
    zc_log *log = r->log;
    const char *path = r->files[r->next].path;
    zc_status st = ZC_OK;
    char head[16];
    size_t got = 0;

    close_file(r);
    ZC_TRY(zc_channel_open(&r->channel, log, path));
    ZC_TRY(r->channel.bytes.read(&r->channel, 0, head, sizeof(head), &got));
    ZC_CHECK(got > 0, ZC_E_TRUNCATED, "'%s' is empty", r->channel.name.text);
    ZC_TRY(take_row(r, row_of(head, got)));
    ZC_TRY(r->plug.coder->read_open(&r->state, &(zc_coder_desc){
        .host = &r->plug.host, .bytes = &r->channel.bytes, .format = "" }, info));
    r->next++;
done:
    return st;
}

zc_status zc_reader_open(zc_reader **out, zc_log *log, const char *path, const char *modules)
{
    zc_status st = ZC_OK;
    zc_reader *r = zc_new(zc_reader);

    *out = NULL;
    ZC_CHECK(r, ZC_E_NOMEM, "out of memory");
    r->log = log;
    r->channel.fd = -1;
    if (modules)
        ZC_CHECK(r->modules = zc_copy_text(modules, strlen(modules)), ZC_E_NOMEM,
                 "out of memory");
    ZC_TRY(find_files(r, path));
    ZC_TRY(open_file(r, &r->info));
    if (r->count > 1)
        r->info.frames = (int64_t)r->count;
    *out = r;
    r = NULL;
done:
    zc_reader_close(&r);
    return st;
}

void zc_reader_close(zc_reader **reader)
{
    zc_reader *r = *reader;

    *reader = NULL;
    if (!r)
        return;
    close_file(r);
    zc_plug_close(&r->plug);
    for (size_t i = 0; i < r->count; i++)
        zc_free(r->files[i].path);
    zc_free(r->files);
    zc_free(r->modules);
    zc_free(r);
}

const zc_film_info *zc_reader_info(const zc_reader *reader)
{
    return &reader->info;
}

zc_status zc_reader_next(zc_reader *r, float *rgb, bool *more)
{
    zc_log *log = r->log;
    zc_status st = ZC_OK;
    zc_film_info info;

    for (;;) {
        ZC_TRY(r->plug.coder->read_next(r->state, rgb, more));
        if (*more || r->next == r->count)
            goto done;
        ZC_TRY(open_file(r, &info));
        ZC_CHECK(info.width == r->info.width && info.height == r->info.height, ZC_E_SHAPE,
                 "'%s' is of %d by %d, expected %d by %d as '%s'", r->channel.name.text,
                 (int)info.width, (int)info.height, (int)r->info.width, (int)r->info.height,
                 zc_quote_path(r->files[0].path).text);
    }
done:
    return st;
}
