/* A journal: records that are on the disk once they are added, in the order they
 * were.
 *
 * Each record has its length and a CRC-32C of length and bytes before it. What a
 * kill or a lost power line leaves of the last one is recognised and cut when the
 * journal is opened; so is everything behind a record that does not hold.
 *
 * Thread safety: one thread at a time; one writer at a time, which the lock sees to. */
#ifndef ZC_BATCH_JOURNAL_H
#define ZC_BATCH_JOURNAL_H

#include "core/base/file.h"

#define ZC_JOURNAL_RECORD 65536               /* bytes of a record, at most */
#define ZC_JOURNAL_FILE ((uint64_t)1 << 30)   /* bytes of all of it, at most */

typedef struct zc_journal zc_journal;

/* Called for every record that was there. `bytes` is borrowed for the call; a failure ends
 * opening with it. */
typedef zc_status (*zc_journal_fn)(void *user, zc_log *log, const char *bytes, size_t count);

/* Opens, or makes an empty one. ZC_E_NOT_OURS if the file is none. */
zc_status zc_journal_open(zc_journal **out, zc_log *log, const char *path, zc_journal_fn fn,
                          void *user);
void      zc_journal_close(zc_journal **journal);

/* 1 to ZC_JOURNAL_RECORD bytes, synced. After a failure nothing can be added any more: what
 * reached the disk is found out by opening it again. */
zc_status zc_journal_add(zc_journal *journal, zc_log *log, const void *bytes, size_t count);

#endif
