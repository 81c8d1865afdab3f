/* A file of blocks for each prompt: KEY.text. */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/sort.h"
#include "core/batch/blocks.h"
#include "core/batch/texts.h"

#define SUFFIX ".text"

static char *path_of(const char *folder, const char *name, const char *suffix)
{
    zc_str path = { 0 };

    zc_str_add_format(&path, "%s/%s%s", folder, name, suffix);
    return zc_str_release(&path);
}

bool zc_texts_find(zc_log *log, const char *folder, const char *key, zc_states *s, int text_cols,
                   int pooled_cols)
{
    char *path = path_of(folder, key, SUFFIX);
    const size_t row = (size_t)text_cols * sizeof(float);
    zc_states found = { .rows = 0 };
    zc_blocks *file = NULL;
    zc_file_info info;
    uint64_t bytes = 0, cut = 0;
    bool ok = path && zc_path_info(&info, path) &&
              zc_blocks_open(&file, log, path, key) == ZC_OK &&
              zc_blocks_get(file, "text", &bytes) && bytes > 0 && bytes % row == 0 &&
              bytes / row < INT32_MAX;

    if (ok) {
        found.rows = (int)(bytes / row);
        found.text = zc_alloc((size_t)bytes);
        found.pooled = zc_new_array(float, (size_t)pooled_cols);
        ok = found.text && found.pooled && zc_blocks_copy(file, "text", found.text, bytes) &&
             zc_blocks_copy(file, "pooled", found.pooled, (uint64_t)pooled_cols * sizeof(float)) &&
             zc_blocks_copy(file, "cut", &cut, sizeof(cut));
        found.cut = (size_t)cut;
    }
    if (ok)
        *s = found;
    else
        zc_states_fini(&found);
    zc_blocks_close(&file);
    zc_free(path);
    return ok;
}

typedef struct kept_file {
    char    *path;
    uint64_t bytes;
    int64_t  mtime_ns;
} kept_file;

static int compare_age(const void *a, const void *b, const void *context)
{
    const kept_file *x = a, *y = b;

    (void)context;
    return x->mtime_ns < y->mtime_ns ? -1 : x->mtime_ns > y->mtime_ns;
}

/* Removes the oldest files until there is room. */
static void make_room(zc_log *log, const char *folder, uint64_t most)
{
    zc_dir *dir = NULL;
    kept_file *files = NULL;
    size_t count = 0, capacity = 0;
    uint64_t total = 0;
    zc_file_info info;
    const char *name;

    if (zc_dir_open(&dir, log, folder) != ZC_OK)
        return;
    while ((name = zc_dir_next(dir))) {
        if (!zc_str_ends(name, SUFFIX) || !zc_grow(&files, &capacity, count + 1, sizeof(*files)))
            continue;
        files[count].path = path_of(folder, name, "");
        if (files[count].path && zc_path_info(&info, files[count].path)) {
            files[count].bytes = info.size;
            files[count].mtime_ns = info.mtime_ns;
            total += info.size;
            count++;
        } else {
            zc_free(files[count].path);
        }
    }
    if (count > 0)
        zc_sort(files, count, sizeof(*files), compare_age, NULL);
    for (size_t i = 0; i < count; i++) {
        if (total > most) {
            (void)zc_path_unlink(log, files[i].path);
            total -= files[i].bytes;
        }
        zc_free(files[i].path);
    }
    zc_free(files);
    zc_dir_close(&dir);
}

void zc_texts_add(zc_log *log, const char *folder, uint64_t most, const char *key,
                  const zc_states *s, int text_cols, int pooled_cols)
{
    const uint64_t cut = s->cut;
    const zc_block blocks[] = {
        { "text", s->text, (uint64_t)s->rows * (uint64_t)text_cols * sizeof(float) },
        { "pooled", s->pooled, (uint64_t)pooled_cols * sizeof(float) },
        { "cut", &cut, sizeof(cut) },
    };
    char *path = path_of(folder, key, SUFFIX);

    if (path && blocks[0].bytes <= most) {
        make_room(log, folder, most - blocks[0].bytes);
        if (zc_blocks_write(NULL, path, key, blocks, ZC_COUNT(blocks)) != ZC_OK)
            zc_info(log, "the encoded prompt is not kept in '%s'", zc_quote_path(folder).text);
    }
    zc_free(path);
}
