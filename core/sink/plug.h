/* Modules: coders in files of their own, which are opened when a sink first asks.
 *
 * Thread safety: any thread. */
#ifndef ZC_PLUG_H
#define ZC_PLUG_H

#include "core/base/log.h"
#include "core/sink/module.h"

typedef struct zc_plug {
    void           *handle;       /* of the open module; NULL: a built-in coder */
    const zc_coder *coder;
    zc_coder_host   host;         /* what coders are given; its user is the log */
    zc_log         *log;
} zc_plug;

/* Opens `file` in `folder` (NULL: the folder of the library or program that this code is in);
 * `library` is part of the name of what it brings along. ZC_E_UNSUPPORTED, naming file and reason,
 * if it can't be had. The log is borrowed until close. */
zc_status zc_plug_open(zc_plug *plug, zc_log *log, const char *folder, const char *file,
                       const char *library);

/* The same for a coder that is built in. */
void zc_plug_init(zc_plug *plug, zc_log *log, const zc_coder *coder);
void zc_plug_close(zc_plug *plug);

/* From here on messages go to that log. */
void zc_plug_log(zc_plug *plug, zc_log *log);

#endif
