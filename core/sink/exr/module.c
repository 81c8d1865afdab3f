/* The module zoetrope-exr.so: pictures as OpenEXR, and what its two halves share. */

#include <math.h>

#include "core/sink/exr/exr.h"

float zc_exr_light(float display)
{
    const double x = fabs((double)display);
    const double y = x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);

    return isnan(display) ? 0 : (float)copysign(y, display);
}

float zc_exr_display(float light)
{
    const double x = fabs((double)light);
    const double y = x <= 0.0031308 ? x * 12.92 : 1.055 * pow(x, 1 / 2.4) - 0.055;

    return isnan(light) ? 0 : (float)copysign(y, light);
}

static zc_exr_stream *stream_of(exr_const_context_t ctxt)
{
    void *user = NULL;

    return ctxt && exr_get_user_data(ctxt, &user) == EXR_ERR_SUCCESS ? user : NULL;
}

static void say(exr_const_context_t ctxt, exr_result_t code, const char *text)
{
    const zc_exr_stream *s = stream_of(ctxt);

    (void)code;
    if (s)
        s->host->say(s->host->user, 2, "OpenEXR: %s", text);
}

static int64_t write_bytes(exr_const_context_t ctxt, void *user, const void *src, uint64_t bytes,
                           uint64_t offset, exr_stream_error_func_ptr_t error)
{
    zc_exr_stream *s = user;
    const zc_status st = s->bytes->write(s->bytes->user, offset, src, (size_t)bytes);

    (void)ctxt;
    (void)error;
    if (st != ZC_OK && s->st == ZC_OK)
        s->st = st;
    return st == ZC_OK ? (int64_t)bytes : -1;
}

static int64_t read_bytes(exr_const_context_t ctxt, void *user, void *dst, uint64_t bytes,
                          uint64_t offset, exr_stream_error_func_ptr_t error)
{
    zc_exr_stream *s = user;
    size_t got = 0;
    const zc_status st = s->bytes->read(s->bytes->user, offset, dst, (size_t)bytes, &got);

    (void)ctxt;
    (void)error;
    if (st != ZC_OK && s->st == ZC_OK)
        s->st = st;
    return st == ZC_OK ? (int64_t)got : -1;
}

static int64_t size_bytes(exr_const_context_t ctxt, void *user)
{
    zc_exr_stream *s = user;

    (void)ctxt;
    return (int64_t)s->bytes->size(s->bytes->user);
}

exr_context_initializer_t zc_exr_initializer(zc_exr_stream *s)
{
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;

    init.user_data = s;
    init.error_handler_fn = say;
    init.read_fn = read_bytes;
    init.write_fn = write_bytes;
    init.size_fn = size_bytes;
    return init;
}

zc_status zc_exr_failed(const zc_exr_stream *s, const char *what, exr_result_t result)
{
    static const struct { exr_result_t result; zc_status st; } known[] = {
        { EXR_ERR_OUT_OF_MEMORY, ZC_E_NOMEM },     { EXR_ERR_READ_IO, ZC_E_TRUNCATED },
        { EXR_ERR_BAD_CHUNK_LEADER, ZC_E_FORMAT }, { EXR_ERR_CORRUPT_CHUNK, ZC_E_FORMAT },
        { EXR_ERR_FILE_BAD_HEADER, ZC_E_FORMAT },  { EXR_ERR_FEATURE_NOT_IMPLEMENTED,
                                                     ZC_E_UNSUPPORTED },
    };

    if (s->st != ZC_OK)
        return s->st;
    s->host->say(s->host->user, 0, "'%s': %s: %s", s->bytes->name, what,
                 exr_get_default_error_message(result));
    for (size_t i = 0; i < ZC_COUNT(known); i++) {
        if (known[i].result == result)
            return known[i].st;
    }
    return ZC_E_FORMAT;
}

extern const zc_coder zc_module;

ZC_MODULE_EXPORT const zc_coder zc_module = {
    .version = ZC_CODER_VERSION,
    .size = sizeof(zc_coder),
    .about = "OpenEXRCore",
    .kind = zc_exr_kind,
    .open = zc_exr_open,
    .write = zc_exr_write,
    .finish = zc_exr_finish,
    .close = zc_exr_close,
    .read_open = zc_exr_read_open,
    .read_next = zc_exr_read_next,
    .read_close = zc_exr_read_close,
};
