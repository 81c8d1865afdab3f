/* Finds the folder that this code is in. */

#include <dlfcn.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/module.h"
#include "core/base/str.h"

zc_status zc_module_path(char **out, zc_log *log, const char *folder, const char *file)
{
    static const char here;
    zc_status st = ZC_OK;
    zc_str path = { 0 };
    Dl_info info;

    if (folder) {
        zc_str_add_format(&path, "%s/%s", folder, file);
    } else {
        ZC_CHECK(dladdr(&here, &info) && info.dli_fname, ZC_E_UNSUPPORTED,
                 "%s: the folder of this library is not known", file);
        const char *slash = strrchr(info.dli_fname, '/');
        if (slash)
            zc_str_add_bytes(&path, info.dli_fname, (size_t)(slash - info.dli_fname) + 1);
        else
            zc_str_add(&path, "./");          /* or the system's folders would be searched */
        zc_str_add(&path, file);
    }
    *out = zc_str_release(&path);
    ZC_CHECK(*out, ZC_E_NOMEM, "out of memory");
done:
    return st;
}
