/* Scanline files to frames: channels R, G and B, or Y alone, put on sRGB's curve. */

#include <string.h>

#include "core/sink/exr/exr.h"

#define SIDE 65536                /* pixels a side may have */

struct reader {
    const zc_coder_host *host;
    zc_exr_stream stream;
    exr_context_t file;
    exr_attr_box2i_t window;
    int32_t  width, height;
    bool     grey, delivered;
};

#define TRY_EXR(call)                                                       \
    do {                                                                    \
        const exr_result_t result = (call);                                 \
        if (result != EXR_ERR_SUCCESS) {                                    \
            st = zc_exr_failed(&r->stream, "it can't be read", result);     \
            goto done;                                                      \
        }                                                                   \
    } while (0)

static const exr_attr_chlist_entry_t *find_channel(const exr_attr_chlist_t *list, const char *name)
{
    for (int i = 0; i < list->num_channels; i++) {
        if (strcmp(list->entries[i].name.str, name) == 0)
            return &list->entries[i];
    }
    return NULL;
}

static zc_status look(struct reader *r, zc_film_info *info)
{
    const zc_coder_host *host = r->host;
    const exr_attr_chlist_t *channels = NULL;
    const exr_attr_box2i_t *w = &r->window;
    exr_storage_t storage;
    exr_attr_rational_t rate;
    zc_status st = ZC_OK;

    TRY_EXR(exr_get_storage(r->file, 0, &storage));
    ZC_CODER_CHECK(storage == EXR_STORAGE_SCANLINE, ZC_E_UNSUPPORTED,
                   "'%s' is of tiles or deep, expected rows", r->stream.bytes->name);
    TRY_EXR(exr_get_data_window(r->file, 0, &r->window));
    const int64_t width = (int64_t)w->max.x - w->min.x + 1;
    const int64_t height = (int64_t)w->max.y - w->min.y + 1;
    ZC_CODER_CHECK(width > 0 && height > 0 && width <= SIDE && height <= SIDE, ZC_E_LIMIT,
                   "'%s' is of %lld by %lld pixels, expected 1 to %d", r->stream.bytes->name,
                   (long long)width, (long long)height, SIDE);
    r->width = (int32_t)width;
    r->height = (int32_t)height;
    TRY_EXR(exr_get_channels(r->file, 0, &channels));
    const exr_attr_chlist_entry_t *first = find_channel(channels, "R");
    r->grey = !first;
    if (r->grey)
        first = find_channel(channels, "Y");
    ZC_CODER_CHECK(first && (r->grey || (find_channel(channels, "G") &&
                                         find_channel(channels, "B"))),
                   ZC_E_MISSING, "'%s' has no channels R, G and B, and no Y",
                   r->stream.bytes->name);
    *info = (zc_film_info){ .width = r->width, .height = r->height, .frames = 1, .rate = { 0, 1 },
                            .depth = first->pixel_type == EXR_PIXEL_HALF ? 16 : 32,
                            .linear = true };
    if (exr_attr_get_rational(r->file, 0, "framesPerSecond", &rate) == EXR_ERR_SUCCESS &&
        rate.num > 0 && rate.denom > 0 && rate.denom <= INT32_MAX)
        info->rate = (zc_rate){ rate.num, (int32_t)rate.denom };
done:
    return st;
}

zc_status zc_exr_read_open(void **state, const zc_coder_desc *desc, zc_film_info *info)
{
    const zc_coder_host *host = desc->host;
    struct reader *r = host->alloc(sizeof(*r));
    zc_status st = ZC_OK;

    *state = r;
    ZC_CODER_CHECK(r, ZC_E_NOMEM, "out of memory");
    r->host = host;
    r->stream = (zc_exr_stream){ .host = host, .bytes = desc->bytes };
    const exr_context_initializer_t init = zc_exr_initializer(&r->stream);
    TRY_EXR(exr_start_read(&r->file, desc->bytes->name, &init));
    ZC_TRY(look(r, info));
done:
    return st;
}

void zc_exr_read_close(void **state)
{
    struct reader *r = *state;

    *state = NULL;
    if (!r)
        return;
    if (r->file)
        exr_finish(&r->file);
    r->host->free(r);
}

/* Where the decoder puts each channel of the rows from y on; those not wanted go nowhere. */
static void aim(struct reader *r, exr_decode_pipeline_t *p, float *rgb, int y)
{
    static const char *const names[] = { "R", "G", "B" };
    const size_t row = 3 * (size_t)r->width;

    for (int i = 0; i < p->channel_count; i++) {
        exr_coding_channel_info_t *c = &p->channels[i];
        int at = r->grey && strcmp(c->channel_name, "Y") == 0 ? 0 : -1;
        for (int k = 0; k < 3 && !r->grey; k++)
            at = strcmp(c->channel_name, names[k]) == 0 ? k : at;
        c->decode_to_ptr = at < 0 ? NULL : (uint8_t *)(rgb + (size_t)y * row + (size_t)at);
        c->user_pixel_stride = 3 * (int)sizeof(float);
        c->user_line_stride = (int32_t)(row * sizeof(float));
        c->user_bytes_per_element = sizeof(float);
        c->user_data_type = EXR_PIXEL_FLOAT;
    }
}

static zc_status read_rows(struct reader *r, float *rgb)
{
    exr_decode_pipeline_t p = EXR_DECODE_PIPELINE_INITIALIZER;
    zc_status st = ZC_OK;
    bool begun = false;
    int32_t rows = 0;

    TRY_EXR(exr_get_scanlines_per_chunk(r->file, 0, &rows));
    for (int y = 0; y < r->height; y += rows) {
        exr_chunk_info_t chunk;
        TRY_EXR(exr_read_scanline_chunk_info(r->file, 0, r->window.min.y + y, &chunk));
        if (begun)
            TRY_EXR(exr_decoding_update(r->file, 0, &chunk, &p));
        else
            TRY_EXR(exr_decoding_initialize(r->file, 0, &chunk, &p));
        aim(r, &p, rgb, y);
        if (!begun)
            TRY_EXR(exr_decoding_choose_default_routines(r->file, 0, &p));
        begun = true;
        TRY_EXR(exr_decoding_run(r->file, 0, &p));
    }
done:
    if (begun)
        exr_decoding_destroy(r->file, &p);
    return st;
}

zc_status zc_exr_read_next(void *state, float *rgb, bool *more)
{
    struct reader *r = state;
    const size_t values = 3 * (size_t)r->width * (size_t)r->height;
    zc_status st = ZC_OK;

    *more = !r->delivered;
    if (r->delivered)
        return ZC_OK;
    r->delivered = true;
    ZC_TRY(read_rows(r, rgb));
    for (size_t i = 0; i < values; i++) {
        if (r->grey && i % 3)
            rgb[i] = rgb[i - 1];
        else
            rgb[i] = zc_exr_display(rgb[i]);
    }
done:
    return st;
}
