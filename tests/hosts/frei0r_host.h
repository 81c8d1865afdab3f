/* What tests that play a frei0r host share: a module's functions, and what may not
 * change in a process.
 *
 * Thread safety: no state. */
#ifndef FREI0R_HOST_H
#define FREI0R_HOST_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "host-abi/frei0r.h"
#include "tests/hosts/guest.h"

typedef struct module {
    void *library;
    bool  filter;
    int   (*init)(void);
    void  (*deinit)(void);
    void  (*plugin_info)(f0r_plugin_info_t *);
    void  (*param_info)(f0r_param_info_t *, int);
    f0r_instance_t (*construct)(unsigned int, unsigned int);
    void  (*destruct)(f0r_instance_t);
    void  (*set)(f0r_instance_t, f0r_param_t, int);
    void  (*get)(f0r_instance_t, f0r_param_t, int);
    void  (*update)(f0r_instance_t, double, const uint32_t *, uint32_t *);
} module;

static inline void *symbol_of(void *library, const char *name)
{
    void *symbol = dlsym(library, name);

    if (!symbol) {
        printf("FAIL no %s: %s\n", name, dlerror());
        exit(1);
    }
    return symbol;
}

static inline module module_open(const char *path)
{
    module m = { .library = dlopen(path, RTLD_NOW | RTLD_LOCAL) };
    f0r_plugin_info_t info;

    if (!m.library) {
        printf("FAIL %s\n", dlerror());
        exit(1);
    }
    *(void **)&m.init = symbol_of(m.library, "f0r_init");
    *(void **)&m.deinit = symbol_of(m.library, "f0r_deinit");
    *(void **)&m.plugin_info = symbol_of(m.library, "f0r_get_plugin_info");
    *(void **)&m.param_info = symbol_of(m.library, "f0r_get_param_info");
    *(void **)&m.construct = symbol_of(m.library, "f0r_construct");
    *(void **)&m.destruct = symbol_of(m.library, "f0r_destruct");
    *(void **)&m.set = symbol_of(m.library, "f0r_set_param_value");
    *(void **)&m.get = symbol_of(m.library, "f0r_get_param_value");
    *(void **)&m.update = symbol_of(m.library, "f0r_update");
    m.init();
    m.plugin_info(&info);
    m.filter = info.plugin_type == F0R_PLUGIN_TYPE_FILTER;
    return m;
}

static inline void module_close(module *m)
{
    m->deinit();
    dlclose(m->library);
}

#endif
