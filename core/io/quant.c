/* Scales of 8-bit weights: where files keep them, and which ways of quantising
 * we know. A layer "x" has its weight in x.weight, and beside it
 *     x.scale_weight or x.weight_scale    one value, or one for each row
 *     x.comfy_quant                       JSON that names the format
 *     x.scale_input, x.input_scale        for activations; not needed here */

#include <string.h>

#include "core/base/alloc.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/io/layouts.h"

#define WEIGHT ".weight"
#define METADATA "_quantization_metadata"      /* the same for all layers at once */

static const char *const scales[] = { ".scale_weight", ".weight_scale" };
static const char *const others[] = { ".scale_input", ".input_scale", ".comfy_quant" };
/* Formats that are a type of ours and a scale. */
static const char *const known[] = { "float8_e4m3fn", "float8_e5m2", "int8_tensorwise" };

static bool ends_in(const char *name, const char *const *ends, size_t count, size_t *of)
{
    for (size_t i = 0; i < count; i++) {
        if (zc_str_ends(name, ends[i])) {
            *of = strlen(name) - strlen(ends[i]);
            return true;
        }
    }
    return false;
}

bool zc_quant_is_note(const char *name, size_t *of)
{
    *of = 0;
    if (zc_str_equal(name, "scaled_fp8") || zc_str_ends(name, ".scaled_fp8"))
        return true;
    return ends_in(name, scales, ZC_COUNT(scales), of) ||
           ends_in(name, others, ZC_COUNT(others), of);
}

/* The tensor beside a weight; NULL if there is none. The scratch text is reused. */
static const zc_entry *beside(const zc_container *c, const zc_entry *weight, const char *end,
                              zc_str *scratch)
{
    zc_str_clear(scratch);
    zc_str_add_bytes(scratch, weight->name, strlen(weight->name) - strlen(WEIGHT));
    zc_str_add(scratch, end);
    return scratch->failed ? NULL : zc_container_find(c, zc_str_get(scratch));
}

/* What describes one quantised layer names a format that we know. */
static zc_status check_described(zc_log *log, const zc_json *json, const zc_json_value *layer)
{
    const zc_json_value *format, *rotated;
    zc_status st = ZC_OK;

    ZC_TRY(zc_json_need(json, log, layer, "format", ZC_JSON_STRING, &format));
    rotated = zc_json_find(json, layer, "convrot");
    ZC_CHECK(!rotated || rotated->kind == ZC_JSON_FALSE, ZC_E_UNSUPPORTED,
             "%s: the rows of a layer are rotated, which we can't undo", zc_json_name(json));
    for (size_t i = 0; i < ZC_COUNT(known); i++) {
        if (zc_str_equal(format->text, known[i]))
            goto done;
    }
    ZC_CHECK(false, ZC_E_UNSUPPORTED, "%s: unknown way of quantising '%s'", zc_json_name(json),
             zc_quote(format->text, format->bytes).text);
done:
    return st;
}

static zc_status check_layer(zc_log *log, const zc_container *c, const zc_entry *e)
{
    char text[ZC_LIMIT_QUANT], where[2 * sizeof(zc_quoted)];
    zc_json *json = NULL;
    zc_status st = ZC_OK;

    zc_format(where, sizeof(where), "'%s': tensor '%s'",
              zc_quote_path(zc_container_file_path(c, e->file)).text, zc_quote_text(e->name).text);
    ZC_CHECK(e->type == ZK_U8 && e->bytes <= sizeof(text), ZC_E_UNSUPPORTED,
             "%s has %llu bytes of type %s, expected at most %d of type U8", where,
             (unsigned long long)e->bytes, e->type_name, ZC_LIMIT_QUANT);
    ZC_TRY(zc_entry_read(c, log, e, text));
    const zc_json_source source = { .text = text, .bytes = (size_t)e->bytes,
                                    .limit = sizeof(text), .name = where };
    ZC_TRY(zc_json_open(&json, log, &source));
    ZC_TRY(check_described(log, json, zc_json_root(json)));
done:
    zc_json_close(&json);
    return st;
}

zc_status zc_quant_check_metadata(zc_log *log, const zc_container *c)
{
    char where[2 * sizeof(zc_quoted)];
    const zc_json_value *layers;
    zc_json *json = NULL;
    zc_status st = ZC_OK;
    const char *text;
    char *copy = NULL;
    size_t bytes;

    if (!zc_container_text(c, METADATA, &text, &bytes))
        goto done;
    zc_format(where, sizeof(where), "'%s': metadata '" METADATA "'",
              zc_quote_path(zc_container_path(c)).text);
    ZC_CHECK(copy = zc_copy_text(text, bytes), ZC_E_NOMEM, "%s: out of memory", where);
    const zc_json_source source = { .text = copy, .bytes = bytes, .limit = ZC_LIMIT_HEADER,
                                    .name = where };
    ZC_TRY(zc_json_open(&json, log, &source));
    ZC_TRY(zc_json_need(json, log, zc_json_root(json), "layers", ZC_JSON_OBJECT, &layers));
    for (const zc_json_value *v = zc_json_first(layers); v; v = zc_json_after(layers, v))
        ZC_TRY(check_described(log, json, v));
done:
    zc_json_close(&json);
    zc_free(copy);
    return st;
}

static zc_status read_scale(zc_piece *piece, zc_log *log, const zc_container *c,
                            const zc_entry *e)
{
    const uint64_t n = zc_entry_elements(e);
    const int64_t rows = piece->entry->rank > 0 ? piece->entry->dim[0] : 1;
    const zk_dtype_info *info = zk_dtype_get(e->type);
    zc_status st = ZC_OK;
    uint8_t *raw = NULL;
    float *values = NULL;

    ZC_CHECK(n == 1 || n == (uint64_t)rows, ZC_E_UNSUPPORTED,
             "'%s': tensor '%s' is %s, expected one value or one for each of %lld rows",
             zc_quote_path(zc_container_file_path(c, e->file)).text, zc_quote_text(e->name).text,
             zc_shape(e->dim, e->rank).text, (long long)rows);
    ZC_CHECK(e->type == ZK_F32 || e->type == ZK_F16 || e->type == ZK_BF16, ZC_E_UNSUPPORTED,
             "'%s': tensor '%s' is of type %s, expected F32, F16 or BF16",
             zc_quote_path(zc_container_file_path(c, e->file)).text, zc_quote_text(e->name).text,
             e->type_name);
    ZC_CHECK(raw = zc_alloc((size_t)e->bytes), ZC_E_NOMEM, "out of memory");
    ZC_CHECK(values = zc_new_array(float, (size_t)n), ZC_E_NOMEM, "out of memory");
    ZC_TRY(zc_entry_read(c, log, e, raw));
    info->to_f32(values, raw, (size_t)n);
    if (n == 1) {
        piece->scale = values[0];
    } else {
        piece->row_scale = values;
        values = NULL;
    }
done:
    zc_free(raw);
    zc_free(values);
    return st;
}

zc_status zc_quant_find(zc_piece *piece, zc_log *log, const zc_container *c)
{
    const zc_entry *weight = piece->entry, *found[ZC_COUNT(scales)] = { NULL }, *format;
    zc_status st = ZC_OK;
    zc_str scratch = { 0 };

    if (!zc_str_ends(weight->name, WEIGHT))
        goto done;
    for (size_t i = 0; i < ZC_COUNT(scales); i++)
        found[i] = beside(c, weight, scales[i], &scratch);
    format = beside(c, weight, ".comfy_quant", &scratch);
    ZC_CHECK(!scratch.failed, ZC_E_NOMEM, "out of memory");
    if (format)
        ZC_TRY(check_layer(log, c, format));
    if (found[0] || found[1])
        ZC_TRY(read_scale(piece, log, c, found[0] ? found[0] : found[1]));
done:
    zc_str_fini(&scratch);
    return st;
}
