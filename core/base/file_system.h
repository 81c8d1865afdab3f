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

#endif
