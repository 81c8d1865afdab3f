/* Checkpoints as files of blocks: "checkpoint.0" and ".1" in turn, and "latent". */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/batch/blocks.h"
#include "core/batch/bookmark.h"

#define SLOTS 2
#define MOST_SECONDS 60.0             /* between two, however long they take */
#define LEAST_SHARE 100.0             /* of the time between two that is not spent on one */
#define FIRST_COST 0.05               /* seconds, before one has been written */

_Static_assert(ZC_PIECES_MAX < ZC_BLOCKS_MAX, "a checkpoint fits in a file");

struct zc_bookmark {
    zc_log    *log;
    char      *path[SLOTS], *latent;
    char       owner[65];
    double     seconds, cost;
    int64_t    last_ns;
    int        next;                  /* slot to be written next */
    zc_keeping keeping;
};

/* The steps that a file of a checkpoint has behind it; 0: it is none. */
static int steps_of(const zc_bookmark *b, int slot, zc_blocks **file)
{
    zc_file_info info;
    int32_t done = 0;

    if (!zc_path_info(&info, b->path[slot]))
        return 0;
    if (zc_blocks_open(file, b->log, b->path[slot], b->owner) != ZC_OK) {
        zc_warning(b->log, "'%s' is not used", zc_quote_path(b->path[slot]).text);
        return 0;
    }
    return zc_blocks_copy(*file, "done", &done, sizeof(done)) && done > 0 ? done : 0;
}

static bool has_pieces(const zc_blocks *file, const zc_piece *pieces, int count)
{
    uint64_t bytes;

    for (int i = 0; i < count; i++) {
        if (!zc_blocks_get(file, pieces[i].name, &bytes) || bytes != pieces[i].bytes)
            return false;
    }
    return true;
}

static int resume(void *user, zc_piece *pieces, int count, int steps)
{
    zc_bookmark *b = user;
    zc_blocks *file[SLOTS] = { NULL };
    int done[SLOTS], best = -1;

    for (int i = 0; i < SLOTS; i++) {
        done[i] = steps_of(b, i, &file[i]);
        if (done[i] > 0 && done[i] < steps && has_pieces(file[i], pieces, count) &&
            (best < 0 || done[i] > done[best]))
            best = i;
    }
    for (int i = 0; best >= 0 && i < count; i++)
        (void)zc_blocks_copy(file[best], pieces[i].name, pieces[i].data, pieces[i].bytes);
    b->next = best == 0;
    b->last_ns = zc_clock_ns();
    if (best >= 0)
        zc_info(b->log, "going on behind step %d of %d", done[best], steps);
    for (int i = 0; i < SLOTS; i++)
        zc_blocks_close(&file[i]);
    return best >= 0 ? done[best] : 0;
}

static bool due(void *user)
{
    const zc_bookmark *b = user;
    const double passed = (double)(zc_clock_ns() - b->last_ns) * 1e-9;

    if (b->seconds >= 0)
        return passed >= b->seconds;
    return passed >= MOST_SECONDS || passed >= LEAST_SHARE * b->cost;
}

static zc_status keep(void *user, const zc_piece *pieces, int count, int done)
{
    zc_bookmark *b = user;
    const int64_t start = zc_clock_ns();
    const int32_t steps = done;
    zc_block blocks[ZC_PIECES_MAX + 1];

    for (int i = 0; i < count; i++)
        blocks[i] = (zc_block){ pieces[i].name, pieces[i].data, pieces[i].bytes };
    blocks[count] = (zc_block){ "done", &steps, sizeof(steps) };
    const zc_status st = zc_blocks_write(b->log, b->path[b->next], b->owner, blocks, count + 1);
    b->next = 1 - b->next;
    b->last_ns = zc_clock_ns();
    b->cost = (double)(b->last_ns - start) * 1e-9;
    return st;
}

static char *path_in(const char *folder, const char *name)
{
    zc_str path = { 0 };

    zc_str_add_format(&path, "%s/%s", folder, name);
    return zc_str_release(&path);
}

zc_status zc_bookmark_open(zc_bookmark **out, zc_log *log, const char *folder, const char *owner,
                           double seconds)
{
    zc_status st = ZC_OK;
    zc_bookmark *b = zc_new(zc_bookmark);

    *out = NULL;
    ZC_CHECK(b, ZC_E_NOMEM, "out of memory");
    b->log = log;
    b->seconds = seconds;
    b->cost = FIRST_COST;
    b->keeping = (zc_keeping){ .user = b, .resume = resume, .due = due, .keep = keep };
    zc_format(b->owner, sizeof(b->owner), "%s", owner);
    b->path[0] = path_in(folder, "checkpoint.0");
    b->path[1] = path_in(folder, "checkpoint.1");
    b->latent = path_in(folder, "latent");
    ZC_CHECK(b->path[0] && b->path[1] && b->latent, ZC_E_NOMEM, "out of memory");
    *out = b;
    b = NULL;
done:
    zc_bookmark_close(&b);
    return st;
}

void zc_bookmark_close(zc_bookmark **out)
{
    zc_bookmark *b = *out;

    *out = NULL;
    if (!b)
        return;
    for (int i = 0; i < SLOTS; i++)
        zc_free(b->path[i]);
    zc_free(b->latent);
    zc_free(b);
}

const zc_keeping *zc_bookmark_keeping(const zc_bookmark *b)
{
    return &b->keeping;
}

bool zc_bookmark_finished(zc_bookmark *b, float *latent, size_t count, zc_str *result)
{
    zc_blocks *file = NULL;
    zc_file_info info;
    uint64_t bytes = 0;
    bool ok = false;

    if (!zc_path_info(&info, b->latent) ||
        zc_blocks_open(&file, b->log, b->latent, b->owner) != ZC_OK)
        return false;
    ok = zc_blocks_copy(file, "latent", latent, count * sizeof(latent[0]));
    const char *text = ok ? zc_blocks_get(file, "result", &bytes) : NULL;
    if (text)
        zc_str_add_bytes(result, text, (size_t)bytes);
    zc_blocks_close(&file);
    if (ok)
        zc_info(b->log, "all steps are done already");
    return ok;
}

zc_status zc_bookmark_finish(zc_bookmark *b, const float *latent, size_t count,
                             const char *result)
{
    const zc_block blocks[] = {
        { "latent", latent, count * sizeof(latent[0]) },
        { "result", result, strlen(result) },
    };

    return zc_blocks_write(b->log, b->latent, b->owner, blocks, ZC_COUNT(blocks));
}
