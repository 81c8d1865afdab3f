/* The link between core/io, which knows files, and the weights of models. */

#include <string.h>

#include "core/base/format.h"
#include "core/source.h"

static zc_status find(void *user, zc_log *log, const char *name, zc_source_tensor *out)
{
    zc_names *names = user;
    const zc_named *t = zc_names_find(names, name);
    zc_status st = ZC_OK;

    if (!t)
        return ZC_E_MISSING;
    for (uint32_t i = 0; i < t->pieces; i++) {
        const zc_entry *e = zc_names_piece(names, t, i)->entry;

        ZC_CHECK(e->type != ZK_NONE && zk_dtype_get(e->type)->to_f32, ZC_E_UNSUPPORTED,
                 "tensor '%s' is of type %s, which cannot be computed with",
                 zc_quote_text(e->name).text, e->type_name);
    }
    *out = (zc_source_tensor){ .handle = t, .type = t->type, .scale = t->scale, .rank = t->rank };
    memcpy(out->dim, t->dim, sizeof(out->dim));
done:
    return st;
}

static zc_status read_elements(void *user, zc_log *log, const zc_source_tensor *t, int64_t from,
                               int64_t count, void *dst, zc_pool *pool)
{
    return zc_names_read(user, log, t->handle, from, count, dst, pool);
}

zc_source zc_source_of_names(zc_names *names)
{
    return (zc_source){ .user = names, .name = zc_names_path(names), .find = find,
                        .read = read_elements };
}
