/* What the parts of file.h share: the table in use, and how a refusal is told.
 *
 * Thread safety: as file.h. */
#ifndef ZC_FILE_SYSTEM_H
#define ZC_FILE_SYSTEM_H

#include "core/base/file.h"

const zc_file_table *zc_file_table_now(void);

/* Says "cannot VERB 'path': why" for a negative errno, and returns its code. */
zc_status zc_file_refused(zc_log *log, const char *verb, const char *path, int64_t err);

/* open of the table, repeated while interrupted. */
int zc_file_descriptor(int dir, const char *name, zc_file_mode mode);
void zc_file_release(int fd);                     /* closes; a negative fd is none */

/* Opens, locks and, if asked to, empties a file that is to be written. Returns a descriptor,
 * -EAGAIN if somebody else is writing it, or another negative errno. */
int zc_file_claim(const char *path, bool empty);

/* Each returns 0 or a negative errno; the second makes a name in that folder last. */
int zc_file_sync_now(int fd);
int zc_file_sync_folder_of(const char *path);

bool zc_file_same(const zc_file_info *a, const zc_file_info *b);

#endif
