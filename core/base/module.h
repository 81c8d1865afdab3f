/* Where modules are: files of our own that are opened when something first asks for
 * them, from the folder of the library or program that this code is in.
 *
 * Thread safety: any thread. */
#ifndef ZC_BASE_MODULE_H
#define ZC_BASE_MODULE_H

#include "core/base/log.h"

/* The path of a module in a folder, or with NULL in our own. *path is the caller's, to be
 * given to zc_free. */
zc_status zc_module_path(char **path, zc_log *log, const char *folder, const char *file);

#endif
