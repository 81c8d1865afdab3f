/* A library in place of libzoetrope.so.0 that fails as the environment says: ZT_STUB
 * is the status of every inspection, or "none" for a library that does not speak our
 * version. */
#include <stdlib.h>
#include <string.h>

#include "host-abi/zoetrope.h"

static const char *version(void)
{
    return "0";
}

static const char *status_name(int32_t status)
{
    return status ? "failed" : "ok";
}

static int32_t engine_open(zt_engine **engine, const zt_engine_desc *desc)
{
    static int there;

    (void)desc;
    *engine = (zt_engine *)(void *)&there;
    return ZT_OK;
}

static void engine_close(zt_engine **engine)
{
    *engine = NULL;
}

static int32_t inspect(zt_engine *engine, const char *path, zt_text_fn text, void *user)
{
    (void)engine;
    (void)path;
    (void)text;
    (void)user;
    return (int32_t)atoi(getenv("ZT_STUB"));
}

const zt_api *zt_get_api(uint32_t abi)
{
    static const zt_api api = {
        .size = sizeof(api), .abi = ZT_ABI, .version = version, .status_name = status_name,
        .engine_open = engine_open, .engine_close = engine_close, .inspect = inspect,
    };

    return abi == ZT_ABI && strcmp(getenv("ZT_STUB"), "none") != 0 ? &api : NULL;
}
