/* Opens modules, and gives coders what they may use. */

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/module.h"
#include "core/base/str.h"
#include "core/sink/plug.h"

static void say(void *user, int level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    zc_log_vwrite(user, level < (int)ZC_LEVEL_ERROR ? ZC_LEVEL_ERROR
                      : level > (int)ZC_LEVEL_TRACE ? ZC_LEVEL_TRACE : (zc_level)level,
                  format, args);
    va_end(args);
}

static void *alloc(size_t bytes)
{
    return zc_alloc_zeroed(1, bytes);
}

void zc_plug_init(zc_plug *plug, zc_log *log, const zc_coder *coder)
{
    *plug = (zc_plug){
        .coder = coder, .log = log,
        .host = { .user = log, .say = say, .alloc = alloc, .free = zc_free },
    };
}

void zc_plug_log(zc_plug *plug, zc_log *log)
{
    plug->log = log;
    plug->host.user = log;
}

/* Is a library of such a name in the process already? */
struct search {
    const char *part;
    bool        found;
};

static int look(struct dl_phdr_info *info, size_t size, void *user)
{
    struct search *s = user;

    (void)size;
    s->found = info->dlpi_name && zc_str_contains(info->dlpi_name, s->part);
    return s->found;
}

zc_status zc_plug_open(zc_plug *plug, zc_log *log, const char *folder, const char *file,
                       const char *library)
{
    struct search before = { library, false }, own = { file, false };
    zc_status st = ZC_OK;
    char *path = NULL;

    zc_plug_init(plug, log, NULL);
    ZC_TRY(zc_module_path(&path, log, folder, file));
    dl_iterate_phdr(look, &before);
    dl_iterate_phdr(look, &own);
    plug->host.library_is_shared = before.found && !own.found;
    plug->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plug->handle) {
        const char *why = dlerror();
        ZC_CHECK(false, ZC_E_UNSUPPORTED, "the module %s can't be used: %s", file,
                 why ? why : "no reason is given");
    }
    const zc_coder *coder = dlsym(plug->handle, ZC_MODULE_SYMBOL);
    ZC_CHECK(coder, ZC_E_UNSUPPORTED, "the module '%s' has no symbol " ZC_MODULE_SYMBOL,
             zc_quote_path(path).text);
    ZC_CHECK(coder->version == ZC_CODER_VERSION && coder->size == sizeof(*coder), ZC_E_UNSUPPORTED,
             "the module '%s' is of version %u with %u bytes, expected %d with %zu",
             zc_quote_path(path).text, (unsigned)coder->version, (unsigned)coder->size,
             ZC_CODER_VERSION, sizeof(*coder));
    plug->coder = coder;
done:
    zc_free(path);
    if (st != ZC_OK)
        zc_plug_close(plug);
    return st;
}

void zc_plug_close(zc_plug *plug)
{
    if (plug->handle)
        dlclose(plug->handle);
    *plug = (zc_plug){ .handle = NULL };
}
