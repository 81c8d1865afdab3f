/* Reading payloads: large positional reads, spread over threads in pieces.
 *
 * The piece that fails first in the order of the request is the one that is told,
 * whichever thread met it. */

#include <stdatomic.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/size.h"
#include "core/io/container.h"

#define LARGE 65536       /* bytes of a tensor that is suspicious if all zero */
#define MANY INT32_MAX    /* pieces */

struct piece {
    const zc_read *read;
    uint64_t       from;          /* of the read */
    size_t         bytes;
};

struct job {
    const zc_container *c;
    struct piece *pieces;
    size_t        count;
    atomic_bool  *alive;          /* one for each read: it has bytes other than zero */
    const zc_read *reads;
    atomic_size_t first;          /* piece that failed; count if none */
    zc_mutex      mutex;          /* around changes of first, and what follows */
    zc_status     st;
    char          why[ZC_LOG_TEXT];
};

static void note_failure(struct job *j, size_t piece, zc_status st, const char *why)
{
    zc_mutex_lock(&j->mutex);
    if (piece < atomic_load(&j->first)) {
        atomic_store(&j->first, piece);
        j->st = st == ZC_E_TRUNCATED ? ZC_E_IO : st;
        zc_format(j->why, sizeof(j->why), "%s", why);
    }
    zc_mutex_unlock(&j->mutex);
}

static bool all_zero(const uint8_t *p, size_t bytes)
{
    return bytes == 0 || (p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0);
}

static void read_piece(void *arg, int part, int worker)
{
    struct job *j = arg;
    const struct piece *p = &j->pieces[part];
    const zc_entry *e = p->read->entry;
    uint8_t *dst = (uint8_t *)p->read->dst + p->from;
    zc_log own;
    zc_status st;

    (void)worker;
    if ((size_t)part > atomic_load(&j->first))
        return;
    st = zc_log_init(&own, ZC_LEVEL_ERROR, NULL, NULL);
    if (st != ZC_OK) {
        note_failure(j, (size_t)part, st, "out of memory");
        return;
    }
    st = zc_file_read_at(zc_container_file(j->c, e->file), &own,
                         e->offset + p->read->from + p->from, dst, p->bytes);
    if (st != ZC_OK)
        note_failure(j, (size_t)part, st, own.last);
    else if (!all_zero(dst, p->bytes))
        atomic_store(&j->alive[p->read - j->reads], true);
    zc_log_fini(&own);
}

/* How many pieces there will be. False if that is too many, or a read leaves its tensor. */
static bool count_pieces(const zc_read *reads, size_t count, size_t *pieces)
{
    uint64_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (!zc_u64_within(reads[i].from, reads[i].bytes, reads[i].entry->bytes))
            return false;
        n += reads[i].bytes / ZC_READ_PIECE + (reads[i].bytes % ZC_READ_PIECE != 0);
        if (n > MANY)
            return false;
    }
    *pieces = (size_t)n;
    return true;
}

static void cut_pieces(struct job *j, const zc_read *reads, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        for (uint64_t from = 0; from < reads[i].bytes; from += ZC_READ_PIECE) {
            const uint64_t left = reads[i].bytes - from;

            j->pieces[n++] = (struct piece){
                .read = &reads[i],
                .from = from,
                .bytes = left < ZC_READ_PIECE ? (size_t)left : ZC_READ_PIECE,
            };
        }
    }
}

static zc_status run_pieces(struct job *j, zc_log *log, zc_pool *pool)
{
    zc_status st = ZC_OK;

    if (pool)
        ZC_TRY(zc_pool_run(pool, (int)j->count, read_piece, j));
    else
        for (size_t i = 0; i < j->count; i++)
            read_piece(j, (int)i, 0);
    const size_t first = atomic_load(&j->first);
    ZC_CHECK(first == j->count, j->st, "tensor '%s': %s",
             zc_quote_text(j->pieces[first].read->entry->name).text, j->why);
done:
    return st;
}

/* Every file that was read is still the one whose header was checked. */
static zc_status check_files(const struct job *j, zc_log *log, const zc_read *reads, size_t count)
{
    zc_status st = ZC_OK;

    for (size_t i = 0; i < count; i++) {
        const uint16_t file = reads[i].entry->file;
        size_t k = 0;

        while (k < i && reads[k].entry->file != file)
            k++;
        if (k == i)
            ZC_TRY(zc_file_unchanged(zc_container_file(j->c, file), log));
    }
done:
    return st;
}

static void warn_of_zeros(const struct job *j, zc_log *log, const zc_read *reads, size_t count)
{
    const zc_read *first = NULL;
    size_t empty = 0;

    for (size_t i = 0; i < count; i++) {
        if (reads[i].bytes < LARGE || atomic_load(&j->alive[i]))
            continue;
        first = first ? first : &reads[i];
        empty++;
    }
    if (first)
        zc_warning(log,
                   "'%s': tensor '%s' is all zeros, and %zu more are: is the download complete?",
                   zc_quote_path(zc_container_file_path(j->c, first->entry->file)).text,
                   zc_quote_text(first->entry->name).text, empty - 1);
}

zc_status zc_container_read(const zc_container *c, zc_log *log, zc_pool *pool,
                            const zc_read *reads, size_t count)
{
    struct job j = { .c = c, .reads = reads };
    zc_status st = ZC_OK;
    bool have_mutex = false;

    ZC_CHECK(count_pieces(reads, count, &j.count), ZC_E_ARGUMENT,
             "'%s': a read of %zu tensors leaves them, or is too large",
             zc_quote_path(zc_container_path(c)).text, count);
    atomic_init(&j.first, j.count);
    ZC_CHECK(zc_mutex_init(&j.mutex) == ZC_OK, ZC_E_NOMEM, "out of memory");
    have_mutex = true;
    ZC_CHECK(j.pieces = zc_new_array(struct piece, j.count), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(j.alive = zc_new_array(atomic_bool, count), ZC_E_NOMEM, "out of memory");
    cut_pieces(&j, reads, count);
    ZC_TRY(run_pieces(&j, log, pool));
    ZC_TRY(check_files(&j, log, reads, count));
    warn_of_zeros(&j, log, reads, count);
done:
    if (have_mutex)
        zc_mutex_fini(&j.mutex);
    zc_free(j.pieces);
    zc_free(j.alive);
    return st;
}

zc_status zc_entry_read(const zc_container *c, zc_log *log, const zc_entry *e, void *dst)
{
    const zc_read read = { .entry = e, .bytes = e->bytes, .dst = dst };

    return zc_container_read(c, log, NULL, &read, 1);
}
