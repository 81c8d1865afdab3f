/* Frames to scanline files of light, with what they were made of as attributes. */

#include <string.h>

#include "core/sink/exr/exr.h"

struct writer {
    const zc_coder_host *host;
    zc_exr_stream stream;
    const struct zc_exr_options *options;
    const zc_note *notes;
    int32_t  width, height;
    zc_rate  rate;
    exr_context_t file;
    float   *light;               /* RGBA, or RGB without alpha */
    bool     written;
};

#define TRY_EXR(what, call)                                     \
    do {                                                        \
        const exr_result_t result = (call);                     \
        if (result != EXR_ERR_SUCCESS) {                        \
            st = zc_exr_failed(&w->stream, what, result);       \
            goto done;                                          \
        }                                                       \
    } while (0)

static int channels_of(const struct writer *w)
{
    return w->options->alpha ? 4 : 3;
}

static zc_status add_attributes(struct writer *w)
{
    static const exr_attr_chromaticities_t bt709 = {
        0.64f, 0.33f, 0.30f, 0.60f, 0.15f, 0.06f, 0.3127f, 0.3290f,
    };
    static const struct { const char *from, *to; } names[] = {
        { "software", "software" }, { "title", "comments" }, { "comment", "parameters" },
    };
    const exr_attr_rational_t rate = { w->rate.num, (uint32_t)w->rate.den };
    zc_status st = ZC_OK;

    TRY_EXR("chromaticities", exr_attr_set_chromaticities(w->file, 0, "chromaticities", &bt709));
    TRY_EXR("framesPerSecond", exr_attr_set_rational(w->file, 0, "framesPerSecond", &rate));
    /* What the light is called: by the colour interop forum, and by OpenImageIO. */
    TRY_EXR("colorInteropID", exr_attr_set_string(w->file, 0, "colorInteropID",
                                                  "lin_rec709_scene"));
    TRY_EXR("oiio:ColorSpace", exr_attr_set_string(w->file, 0, "oiio:ColorSpace", "lin_rec709"));
    for (const zc_note *n = w->notes; n && n->key; n++) {
        const char *key = n->key;
        for (size_t i = 0; i < ZC_COUNT(names); i++) {
            if (strcmp(names[i].from, n->key) == 0)
                key = names[i].to;
        }
        TRY_EXR(key, exr_attr_set_string(w->file, 0, key, n->value));
    }
done:
    return st;
}

static zc_status write_header(struct writer *w)
{
    static const char *const names[] = { "R", "G", "B", "A" };
    const exr_pixel_type_t type = w->options->type == ZC_EXR_FLOAT ? EXR_PIXEL_FLOAT
                                                                   : EXR_PIXEL_HALF;
    zc_status st = ZC_OK;
    int part = 0;

    TRY_EXR("its part", exr_add_part(w->file, NULL, EXR_STORAGE_SCANLINE, &part));
    TRY_EXR("its size", exr_initialize_required_attr_simple(
                            w->file, part, w->width, w->height,
                            (exr_compression_t)w->options->compression));
    for (int i = 0; i < channels_of(w); i++)
        TRY_EXR("a channel", exr_add_channel(w->file, part, names[i], type,
                                             EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1));
    ZC_TRY(add_attributes(w));
    TRY_EXR("its header", exr_write_header(w->file));
done:
    return st;
}

static void fill_light(struct writer *w, const float *rgb)
{
    const size_t pixels = (size_t)w->width * (size_t)w->height;
    const int channels = channels_of(w);
    float *to = w->light;

    for (size_t i = 0; i < pixels; i++, rgb += 3, to += channels) {
        for (int c = 0; c < 3; c++)
            to[c] = zc_exr_light(rgb[c]);
        if (channels == 4)
            to[3] = 1;
    }
}

/* Where the encoder finds each channel of the rows from y on. */
static void aim(struct writer *w, exr_encode_pipeline_t *p, int y)
{
    static const char names[] = "RGBA";
    const int channels = channels_of(w);
    const size_t row = (size_t)w->width * (size_t)channels;

    for (int i = 0; i < p->channel_count; i++) {
        exr_coding_channel_info_t *c = &p->channels[i];
        const char *at = strchr(names, c->channel_name[0]);
        c->encode_from_ptr = (const uint8_t *)(w->light + (size_t)y * row +
                                               (at ? at - names : 0));
        c->user_pixel_stride = channels * (int)sizeof(float);
        c->user_line_stride = (int32_t)(row * sizeof(float));
        c->user_bytes_per_element = sizeof(float);
        c->user_data_type = EXR_PIXEL_FLOAT;
    }
}

static zc_status write_rows(struct writer *w)
{
    exr_encode_pipeline_t p = EXR_ENCODE_PIPELINE_INITIALIZER;
    zc_status st = ZC_OK;
    bool begun = false;
    int32_t rows = 0;

    TRY_EXR("its rows", exr_get_scanlines_per_chunk(w->file, 0, &rows));
    for (int y = 0; y < w->height; y += rows) {
        exr_chunk_info_t chunk;
        TRY_EXR("its rows", exr_write_scanline_chunk_info(w->file, 0, y, &chunk));
        if (begun)
            TRY_EXR("its rows", exr_encoding_update(w->file, 0, &chunk, &p));
        else
            TRY_EXR("its rows", exr_encoding_initialize(w->file, 0, &chunk, &p));
        aim(w, &p, y);
        if (!begun)
            TRY_EXR("its rows", exr_encoding_choose_default_routines(w->file, 0, &p));
        begun = true;
        TRY_EXR("its rows", exr_encoding_run(w->file, 0, &p));
    }
done:
    if (begun)
        exr_encoding_destroy(w->file, &p);
    return st;
}

static zc_status open_state(struct writer **out, const zc_coder_desc *desc, const zc_bytes *bytes)
{
    const zc_coder_host *host = desc->host;
    struct writer *w = host->alloc(sizeof(*w));
    zc_status st = ZC_OK;

    *out = w;
    ZC_CODER_CHECK(w, ZC_E_NOMEM, "out of memory");
    w->host = host;
    w->stream = (zc_exr_stream){ .host = host, .bytes = bytes };
    w->options = desc->options;
    w->notes = desc->notes;
    w->width = desc->width;
    w->height = desc->height;
    w->rate = desc->rate;
    ZC_CODER_CHECK((int64_t)w->width * channels_of(w) <= INT32_MAX / 4, ZC_E_LIMIT,
                   "an EXR picture of %d by %d is too large", w->width, w->height);
    w->light = host->alloc((size_t)w->width * (size_t)w->height * (size_t)channels_of(w) *
                           sizeof(float));
    ZC_CODER_CHECK(w->light, ZC_E_NOMEM, "no memory for a frame of %d by %d", w->width, w->height);
    const exr_context_initializer_t init = zc_exr_initializer(&w->stream);
    TRY_EXR("it can't be begun", exr_start_write(&w->file, bytes->name, EXR_WRITE_FILE_DIRECTLY,
                                                 &init));
    ZC_TRY(write_header(w));
done:
    return st;
}

zc_status zc_exr_open(void **state, const zc_coder_desc *desc)
{
    struct writer *w = NULL;
    const zc_status st = open_state(&w, desc, desc->bytes);

    *state = w;
    return st;
}

zc_status zc_exr_write(void *state, const float *rgb)
{
    struct writer *w = state;
    const zc_coder_host *host = w->host;
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(!w->written, ZC_E_ARGUMENT, "'%s': an EXR file has one frame here",
                   w->stream.bytes->name);
    w->written = true;
    fill_light(w, rgb);
    ZC_TRY(write_rows(w));
done:
    return st;
}

zc_status zc_exr_finish(void *state)
{
    struct writer *w = state;
    const zc_coder_host *host = w->host;
    zc_status st = ZC_OK;

    ZC_CODER_CHECK(w->written, ZC_E_ARGUMENT, "'%s': an EXR file has one frame, not none",
                   w->stream.bytes->name);
    TRY_EXR("it can't be finished", exr_finish(&w->file));
    st = w->stream.st;
done:
    return st;
}

void zc_exr_close(void **state)
{
    struct writer *w = *state;

    *state = NULL;
    if (!w)
        return;
    if (w->file)
        exr_finish(&w->file);
    w->host->free(w->light);
    w->host->free(w);
}

/* ---- Trying ---- */

static zc_status write_nowhere(void *user, uint64_t offset, const void *src, size_t bytes)
{
    (void)user;
    (void)offset;
    (void)src;
    (void)bytes;
    return ZC_OK;
}

static uint64_t size_nowhere(void *user)
{
    (void)user;
    return 0;
}

/* Not every version of the library has every compression: a small picture tells. */
zc_status zc_exr_kind(const zc_coder_desc *desc, zc_sink_kind *kind)
{
    static const char *const compressions[] = { "none", "rle", "zips", "zip", "piz", "pxr24", "b44",
                                                "b44a", "dwaa", "dwab" };
    static const float black[3 * 16 * 16];
    const struct zc_exr_options *o = desc->options;
    const zc_coder_host *host = desc->host;
    const zc_bytes nowhere = { .write = write_nowhere, .size = size_nowhere, .name = "exr" };
    zc_coder_desc small = *desc;
    struct writer *w = NULL;
    zc_status st = ZC_OK;

    small.width = small.height = 16;
    *kind = ZC_SINK_FRAMES;
    st = open_state(&w, &small, &nowhere);
    if (st == ZC_OK)
        st = zc_exr_write(w, black);
    if (st == ZC_OK)
        st = zc_exr_finish(w);
    ZC_CODER_CHECK(st == ZC_OK, st, "sink.compression = %s can't be written by this OpenEXR",
                   compressions[o->compression]);
done:
    zc_exr_close((void **)&w);
    return st;
}
