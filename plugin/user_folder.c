/* Where users keep presets of their own. */

#include <stdio.h>
#include <stdlib.h>

#include "plugin/user_folder.h"

const char *user_presets(char *path, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = 0;

    path[0] = '\0';
    if (config && *config == '/')
        n = snprintf(path, size, "%s/zoetrope/presets", config);
    else if (home && *home == '/')
        n = snprintf(path, size, "%s/.config/zoetrope/presets", home);
    if (n < 0 || (size_t)n >= size)
        path[0] = '\0';
    return path;
}
