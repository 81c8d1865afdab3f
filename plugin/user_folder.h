/* Where users keep presets of their own.
 *
 * Thread safety: reads the environment, which must not change meanwhile. */
#ifndef ZOETROPE_USER_FOLDER_H
#define ZOETROPE_USER_FOLDER_H

#include <stddef.h>

/* "$XDG_CONFIG_HOME/zoetrope/presets", or below ~/.config; "" if no home is known, or
 * if it does not fit. Returns `path`. */
const char *user_presets(char *path, size_t size);

#endif
