/* The module zoetrope-ffmpeg.so: whatever the installed FFmpeg writes and reads. */

#include "core/sink/ffmpeg/ffmpeg.h"

extern const zc_coder zc_module;

ZC_MODULE_EXPORT const zc_coder zc_module = {
    .version = ZC_CODER_VERSION,
    .size = sizeof(zc_coder),
    .about = LIBAVFORMAT_IDENT ", " LIBAVCODEC_IDENT,
    .kind = zc_av_kind,
    .open = zc_av_open,
    .write = zc_av_write,
    .append = zc_av_append,
    .finish = zc_av_finish,
    .close = zc_av_close,
    .read_open = zc_av_read_open,
    .read_next = zc_av_read_next,
    .read_close = zc_av_read_close,
};
