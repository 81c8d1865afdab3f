/* Names of the status codes. */

#include "core/base/status.h"

const char *zc_status_name(zc_status st)
{
    static const char *const names[] = {
        "ok",     "nomem",    "shape",     "missing", "format",   "unsupported", "cancelled", "io",
        "device", "argument", "truncated", "limit",   "mismatch", "unsafe",      "not ours",
        "timeout", "not found", "create", "busy",
    };

    if (st > 0 || (int)st <= -(int)ZC_COUNT(names))
        return "unknown";
    return names[-(int)st];
}
