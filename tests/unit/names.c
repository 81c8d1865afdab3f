/* Names: every layout of one model is the same tensors to us, parts are joined,
 * scales are found, and what is missing, left over or misshapen is said. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/io/names.h"
#include "tests/unit/blob.h"
#include "tests/unit/memfile.h"
#include "tests/unit/test.h"

#define FIXTURES "tests/parity/fixtures/"

static zc_log test_log;

static const char *error(void)
{
    static char text[ZC_LOG_TEXT];

    zc_log_last_error(&test_log, text, sizeof(text));
    return text;
}

struct opened {
    zc_container *c;
    const zc_layout *layout;
    zc_names *n;
};

static struct opened open_names(const char *path, const char *kind)
{
    struct opened o = { 0 };
    const char *prefix;

    REQUIRE_INT(zc_container_open(&o.c, &test_log, path), ZC_OK);
    o.layout = o.c ? zc_layout_find(o.c, kind, &prefix) : NULL;
    REQUIRE(o.layout);
    if (o.layout)
        REQUIRE_INT(zc_names_open(&o.n, &test_log, o.c, o.layout, prefix), ZC_OK);
    return o;
}

static void close_names(struct opened *o)
{
    zc_names_close(&o->n);
    if (o->c)
        zc_container_close(&o->c);
}

/* Everything of a tensor, as f32; free it. */
static float *values(const zc_names *n, const zc_named *t, int64_t *count)
{
    const zk_dtype_info *info = zk_dtype_get(t->type);
    uint8_t *raw;
    float *f;

    *count = 1;
    for (int i = 0; i < t->rank; i++)
        *count *= t->dim[i];
    f = malloc((size_t)*count * sizeof(float));
    raw = malloc((size_t)(*count / info->block) * (size_t)info->bytes);
    REQUIRE_INT(zc_names_read(n, &test_log, t, 0, *count, raw, NULL), ZC_OK);
    info->to_f32(f, raw, (size_t)*count);
    for (int64_t i = 0; i < *count; i++)
        f[i] *= t->scale;
    free(raw);
    return f;
}

/* Every tensor of `a` is in `b`, with the same values; both have as many. */
static void require_same(const struct opened *a, struct opened *b)
{
    REQUIRE_INT(zc_names_count(a->n), zc_names_count(b->n));
    for (size_t i = 0; i < zc_names_count(a->n); i++) {
        const zc_named *t = zc_names_at(a->n, i), *u = zc_names_find(b->n, t->name);
        int64_t m, n;

        if (!u) {
            REQUIRE_STR(t->name, "(in both)");
            continue;
        }
        float *x = values(a->n, t, &m), *y = values(b->n, u, &n);
        REQUIRE_INT(m, n);
        if (m != n || memcmp(x, y, (size_t)n * sizeof(float)) != 0)
            REQUIRE_STR(t->name, "(equal in both)");
        free(x);
        free(y);
    }
    REQUIRE_INT(zc_names_left_over(b->n, &test_log), ZC_OK);
}

static void all_layouts_of_the_transformer_are_the_same(void)
{
    struct opened o = open_names(FIXTURES "dit_names/original.safetensors", "hunyuan.dit");
    struct opened c = open_names(FIXTURES "dit_names/comfy.safetensors", "hunyuan.dit");
    struct opened d = open_names(FIXTURES "dit_names/diffusers/diffusion_pytorch_model.safetensors",
                                 "hunyuan.dit");

    REQUIRE_STR(o.layout->what, "HunyuanVideo transformer, original names");
    REQUIRE_STR(c.layout->what, "HunyuanVideo transformer, ComfyUI names");
    REQUIRE_STR(d.layout->what, "HunyuanVideo transformer, diffusers names");
    require_same(&o, &c);
    require_same(&o, &d);
    const zc_named *t = zc_names_find(d.n, "single_blocks.0.linear1.weight");
    REQUIRE(t && t->pieces == 4);
    close_names(&o);
    close_names(&c);
    close_names(&d);
}

static void shards_are_one_model(void)
{
    struct opened d = open_names(FIXTURES "pipe/transformer/"
                                 "diffusion_pytorch_model.safetensors.index.json", NULL);
    struct opened l = open_names(FIXTURES "pipe/text_encoder/model.safetensors.index.json", NULL);

    REQUIRE_STR(d.layout->kind, "hunyuan.dit");
    REQUIRE(zc_names_find(d.n, "final_layer.adaLN_modulation.1.bias"));
    REQUIRE_STR(l.layout->kind, "llama");
    REQUIRE(zc_names_find(l.n, "layers.0.self_attn.q_proj.weight"));
    close_names(&d);
    close_names(&l);
}

static void both_layouts_of_the_vae_have_our_names(void)
{
    static const char *const names[] = {
        "encoder.conv_in.conv.weight", "encoder.mid_block.resnets.1.norm1.weight",
        "encoder.mid_block.attentions.0.to_out.0.bias", "encoder.conv_norm_out.weight",
        "encoder.down_blocks.0.resnets.0.conv1.conv.weight",
        "encoder.down_blocks.0.downsamplers.0.conv.conv.weight",
        "decoder.up_blocks.0.resnets.0.conv2.conv.bias",
        "decoder.up_blocks.0.upsamplers.0.conv.conv.weight",
        "decoder.mid_block.attentions.0.group_norm.weight",
        "decoder.mid_block.attentions.0.to_q.weight", "quant_conv.weight", "post_quant_conv.bias",
        "decoder.conv_norm_out.bias", "decoder.conv_out.conv.weight",
    };
    static const char *const files[] = {
        FIXTURES "pipe/vae/diffusion_pytorch_model.safetensors",
        FIXTURES "vae_comfy/comfy.safetensors",
    };

    for (size_t f = 0; f < ZC_COUNT(files); f++) {
        struct opened v = open_names(files[f], "hunyuan.vae");

        for (size_t i = 0; i < ZC_COUNT(names); i++) {
            if (!zc_names_find(v.n, names[i]))
                REQUIRE_STR(names[i], files[f]);
        }
        for (size_t i = 0; i < zc_names_count(v.n); i++) {
            const char *name = zc_names_at(v.n, i)->name;

            REQUIRE(!zc_str_contains(name, ".mid.") && !zc_str_contains(name, ".up.") &&
                    !zc_str_contains(name, ".down.") && !zc_str_contains(name, "nin_"));
        }
        close_names(&v);
    }
}

/* ComfyUI counts the decoder's blocks from the other end. */
static void blocks_are_counted_from_the_other_end(void)
{
    struct opened v = open_names(FIXTURES "vae_comfy/comfy.safetensors", "hunyuan.vae");
    char theirs[80], ours[80];
    int highest = 0;

    for (int i = 0; i < 10; i++) {
        snprintf(theirs, sizeof(theirs), "decoder.up.%d.block.0.norm1.weight", i);
        highest = zc_container_find(v.c, theirs) ? i : highest;
    }
    REQUIRE(highest > 0);
    for (int i = 0; i <= highest; i++) {
        snprintf(theirs, sizeof(theirs), "decoder.up.%d.block.0.norm1.weight", i);
        snprintf(ours, sizeof(ours), "decoder.up_blocks.%d.resnets.0.norm1.weight", highest - i);
        const zc_named *t = zc_names_find(v.n, ours);
        REQUIRE(t && zc_names_piece(v.n, t, 0)->entry == zc_container_find(v.c, theirs));
    }
    close_names(&v);
}

static void text_encoders_are_found_under_their_prefixes(void)
{
    struct opened w = open_names(FIXTURES "clip_whole/model.safetensors", NULL);
    struct opened b = open_names(FIXTURES "clip_whole/bare.safetensors", NULL);
    struct opened f = open_names(FIXTURES "text_fp8/comfy_fp8_scaled.safetensors", NULL);

    REQUIRE_STR(w.layout->kind, "clip");
    require_same(&w, &b);
    REQUIRE_STR(f.layout->kind, "llama");
    const zc_named *t = zc_names_find(f.n, "layers.1.mlp.up_proj.weight");
    const zc_entry *scale = zc_container_find(f.c, "model.layers.1.mlp.up_proj.scale_weight");
    float value = 0;
    REQUIRE(t && t->type == ZK_F8_E4M3 && scale && scale->bytes == 4);
    REQUIRE_INT(zc_entry_read(f.c, &test_log, scale, &value), ZC_OK);
    REQUIRE_F64(t->scale, value);
    REQUIRE(value != 1);
    t = zc_names_find(f.n, "embed_tokens.weight");
    REQUIRE(t && t->scale == 1);
    REQUIRE(!zc_names_find(f.n, "tokenizer") && !zc_names_find(f.n, "lm_head.weight"));
    close_names(&w);
    close_names(&b);
    close_names(&f);
}

static void a_part_of_a_tensor_reads_like_the_whole(void)
{
    struct opened d = open_names(FIXTURES "dit_names/diffusers/diffusion_pytorch_model.safetensors",
                                 "hunyuan.dit");
    const zc_named *t = zc_names_find(d.n, "single_blocks.0.linear1.weight");
    int64_t n;
    float *all = values(d.n, t, &n), *part = malloc((size_t)n * sizeof(float));

    REQUIRE_INT(t->type, ZK_F32);
    for (int64_t from = 0; from < n; from += n / 7) {
        for (int64_t count = 1; count <= n - from; count = count * 5 + 3) {
            REQUIRE_INT(zc_names_read(d.n, &test_log, t, from, count, part, NULL), ZC_OK);
            REQUIRE(memcmp(part, all + from, (size_t)count * sizeof(float)) == 0);
        }
    }
    REQUIRE_INT(zc_names_read(d.n, &test_log, t, n - 1, 2, part, NULL), ZC_E_ARGUMENT);
    REQUIRE_INT(zc_names_read(d.n, &test_log, t, -1, 1, part, NULL), ZC_E_ARGUMENT);
    free(all);
    free(part);
    close_names(&d);
}

/* ---- Made-up files ---- */

struct made {
    const char *name, *type;
    int rows, columns;            /* columns 0: a vector */
};

static int bytes_of(const char *type)
{
    return strcmp(type, "F32") == 0 ? 4 : strcmp(type, "BF16") == 0 ? 2 : 1;
}

/* A file of these tensors; its data are bytes counting up, or floats 1, 2, 3... */
static void make_file(blob *b, const char *path, const struct made *m, size_t count)
{
    blob header = { 0 };
    size_t at = 0;
    char text[300];

    blob_fini(b);
    blob_text(&header, "{");
    for (size_t i = 0; i < count; i++) {
        const int n = m[i].rows * (m[i].columns ? m[i].columns : 1) * bytes_of(m[i].type);

        char shape[40];

        snprintf(shape, sizeof(shape), m[i].columns ? "%d,%d" : "%d", m[i].rows, m[i].columns);
        snprintf(text, sizeof(text),
                 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                 i ? "," : "", m[i].name, m[i].type, shape, at, at + (size_t)n);
        blob_text(&header, text);
        at += (size_t)n;
    }
    blob_text(&header, "}");
    blob_int(b, header.count, 8);
    blob_add(b, header.bytes, header.count);
    blob_fini(&header);
    for (size_t i = 0; i < count; i++) {
        const int n = m[i].rows * (m[i].columns ? m[i].columns : 1);

        for (int k = 0; k < n; k++) {
            const float f = (float)(k + 1);
            uint32_t u;

            memcpy(&u, &f, 4);
            if (bytes_of(m[i].type) == 4)
                blob_int(b, u, 4);
            else if (bytes_of(m[i].type) == 2)
                blob_int(b, u >> 16, 2);
            else
                blob_int(b, (uint64_t)k, 1);
        }
    }
    memfile_put(path, b->bytes, b->count);
}

static const zc_name_rule test_rules[] = {
    { "b.%d.q.*", "b.%d.qkv.*", 0, 3, ZC_NAME_SAME, NULL },
    { "b.%d.k.*", "b.%d.qkv.*", 1, 3, ZC_NAME_SAME, NULL },
    { "b.%d.v.*", "b.%d.qkv.*", 2, 3, ZC_NAME_SAME, NULL },
    { "turned.%d.%d", "t.%r.%d", 0, 0, ZC_NAME_SAME, NULL },
    { "halves", "h", 0, 0, ZC_NAME_SWAP, NULL },
    { "woven", "w", 0, 0, ZC_NAME_UNWEAVE, "heads" },
    { "other.name", "same", 0, 0, ZC_NAME_SAME, NULL },
    { "useless.*", NULL, 0, 0, ZC_NAME_SAME, NULL },
    { NULL, NULL, 0, 0, 0, NULL },
};
static const zc_layout test_layout = { "test", "test model", NULL, NULL, NULL, test_rules };

/* Opens a made-up file; the status of opening its names. */
static zc_status open_made(struct opened *o, blob *b, const struct made *m, size_t count)
{
    *o = (struct opened){ 0 };
    make_file(b, "m", m, count);
    REQUIRE_INT(zc_container_open(&o->c, &test_log, "m"), ZC_OK);
    return zc_names_open(&o->n, &test_log, o->c, &test_layout, "");
}

static void parts_of_different_types_are_converted(void)
{
    static const struct made m[] = {
        { "b.3.q.weight", "F32", 1, 2 }, { "b.3.k.weight", "BF16", 2, 2 },
        { "b.3.v.weight", "F32", 1, 2 },
    };
    static const float expected[] = { 1, 2, 1, 2, 3, 4, 1, 2 };
    struct opened o;
    blob b = { 0 };
    float got[8];

    REQUIRE_INT(open_made(&o, &b, m, 3), ZC_OK);
    const zc_named *t = zc_names_find(o.n, "b.3.qkv.weight");
    REQUIRE(t && t->type == ZK_F32 && t->rank == 2 && t->dim[0] == 4 && t->dim[1] == 2);
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 0, 8, got, NULL), ZC_OK);
    REQUIRE(memcmp(got, expected, sizeof(got)) == 0);
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 3, 4, got, NULL), ZC_OK);
    REQUIRE(memcmp(got, expected + 3, 4 * sizeof(float)) == 0);
    close_names(&o);
    blob_fini(&b);
}

static void scales_of_rows_and_of_parts_are_applied(void)
{
    static const struct made m[] = {
        { "a.weight", "F8_E4M3", 2, 3 }, { "a.weight_scale", "F32", 2, 1 },
        { "b.0.q.weight", "BF16", 1, 2 }, { "b.0.q.scale_weight", "F32", 1, 0 },
        { "b.0.k.weight", "BF16", 1, 2 }, { "b.0.v.weight", "BF16", 1, 2 },
        { "c.weight", "I8", 2, 2 }, { "c.scale_weight", "BF16", 1, 0 },
        { "c.input_scale", "F32", 1, 0 }, { "scaled_fp8", "F8_E4M3", 2, 0 },
    };
    struct opened o;
    blob b = { 0 };
    float got[6];
    int8_t bytes[4];

    REQUIRE_INT(open_made(&o, &b, m, ZC_COUNT(m)), ZC_OK);
    REQUIRE_INT(zc_names_count(o.n), 3);
    const zc_named *t = zc_names_find(o.n, "a.weight");
    REQUIRE(t && t->type == ZK_F32 && t->scale == 1);
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 0, 6, got, NULL), ZC_OK);
    for (int i = 0; i < 6; i++) {         /* codes 0 to 5 are multiples of 2^-9; rows times 1, 2 */
        REQUIRE_F64(got[i], i / 512.0 * (i < 3 ? 1 : 2));
    }
    t = zc_names_find(o.n, "b.0.qkv.weight");
    REQUIRE(t && t->type == ZK_BF16 && t->scale == 1);
    t = zc_names_find(o.n, "c.weight");
    REQUIRE(t && t->type == ZK_I8);
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 0, 4, bytes, NULL), ZC_OK);
    REQUIRE(bytes[0] == 0 && bytes[3] == 3);
    REQUIRE_INT(zc_names_left_over(o.n, &test_log), ZC_OK);
    close_names(&o);
    blob_fini(&b);
}

static void scales_may_come_from_another_file(void)
{
    static const struct made m[] = { { "x.weight", "F8_E4M3", 2, 3 }, { "x.bias", "F32", 2, 0 } };
    static const struct made s[] = { { "x", "F32", 1, 0 } }, bad[] = { { "y", "F32", 1, 0 } },
        wide[] = { { "x", "F32", 2, 0 } };
    zc_container *scales = NULL;
    blob b = { 0 }, c = { 0 };
    struct opened o;

    REQUIRE_INT(open_made(&o, &b, m, 2), ZC_OK);
    make_file(&c, "s", s, 1);
    REQUIRE_INT(zc_container_open(&scales, &test_log, "s"), ZC_OK);
    REQUIRE_INT(zc_names_add_scales(o.n, &test_log, scales), ZC_OK);
    REQUIRE_F64(zc_names_find(o.n, "x.weight")->scale, 1);
    zc_container_close(&scales);
    make_file(&c, "s", bad, 1);
    REQUIRE_INT(zc_container_open(&scales, &test_log, "s"), ZC_OK);
    REQUIRE_INT(zc_names_add_scales(o.n, &test_log, scales), ZC_E_MISMATCH);
    REQUIRE_STR(error(), "'s': tensor 'y' is the scale of 'y.weight', which is not in 'm'");
    zc_container_close(&scales);
    make_file(&c, "s", wide, 1);
    REQUIRE_INT(zc_container_open(&scales, &test_log, "s"), ZC_OK);
    REQUIRE_INT(zc_names_add_scales(o.n, &test_log, scales), ZC_E_UNSUPPORTED);
    REQUIRE_STR(error(), "'s': tensor 'x' of F32 is [2], expected one value of F32");
    zc_container_close(&scales);
    close_names(&o);
    blob_fini(&b);
    blob_fini(&c);
}

static void halves_change_places_and_numbers_turn(void)
{
    static const struct made m[] = {
        { "halves", "F32", 4, 2 }, { "turned.0.5", "F32", 1, 0 }, { "turned.12.6", "F32", 1, 0 },
        { "useless.thing", "F32", 1, 0 }, { "turned.007.1", "F32", 1, 0 },
    };
    static const float expected[] = { 5, 6, 7, 8, 1, 2, 3, 4 };
    struct opened o;
    blob b = { 0 };
    float got[8];

    REQUIRE_INT(open_made(&o, &b, m, ZC_COUNT(m)), ZC_OK);
    const zc_named *t = zc_names_find(o.n, "h");
    REQUIRE(t && t->rank == 2 && t->dim[0] == 4 && t->pieces == 2);
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 0, 8, got, NULL), ZC_OK);
    REQUIRE(memcmp(got, expected, sizeof(got)) == 0);
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 3, 2, got, NULL), ZC_OK);
    REQUIRE(got[0] == 8 && got[1] == 1);
    REQUIRE(zc_names_find(o.n, "t.12.5") && zc_names_find(o.n, "t.0.6"));
    REQUIRE(!zc_names_find(o.n, "useless.thing"));
    REQUIRE_INT(zc_names_left_over(o.n, &test_log), ZC_E_MISMATCH);
    REQUIRE_STR(error(), "'m': 1 tensors are no part of a test model: 'turned.007.1'");
    close_names(&o);
    blob_fini(&b);
}

static void what_is_wrong_with_names_is_said(void)
{
    static const struct {
        struct made m[4];
        size_t count;
        zc_status st;
        const char *why;
    } cases[] = {
        { { { "b.7.q.bias", "F32", 2, 0 }, { "b.7.v.bias", "F32", 2, 0 } }, 2, ZC_E_MISSING,
          "'m': tensor 'b.7.k.bias' is missing, but 'b.7.v.bias' is there" },
        { { { "b.7.q.bias", "F32", 2, 0 }, { "b.7.k.bias", "F32", 2, 0 } }, 2, ZC_E_MISSING,
          "'m': tensor 'b.7.v.bias' is missing, but 'b.7.q.bias' is there" },
        { { { "b.7.k.bias", "F32", 2, 0 }, { "b.7.v.bias", "F32", 2, 0 } }, 2, ZC_E_MISSING,
          "'m': tensor 'b.7.q.bias' is missing, but 'b.7.k.bias' is there" },
        { { { "b.7.q.weight", "F32", 2, 4 }, { "b.7.k.weight", "F32", 2, 4 },
            { "b.7.v.weight", "F32", 2, 5 } }, 3, ZC_E_SHAPE,
          "'m': tensor 'b.7.v.weight' is [2, 5], which doesn't fit below 'b.7.q.weight', "
          "which is [2, 4]" },
        { { { "same", "F32", 1, 0 }, { "other.name", "F32", 1, 0 } }, 2, ZC_E_FORMAT,
          "'m': tensors 'other.name' and 'same' are the same to us" },
        { { { "halves", "F32", 3, 0 } }, 1, ZC_E_SHAPE,
          "'m': tensor 'halves' has 3 rows, which are no two halves" },
        { { { "woven", "F32", 4, 2 } }, 1, ZC_E_MISSING, "'m': the metadata has no 'heads'" },
        { { { "x.weight", "F8_E4M3", 4, 2 }, { "x.weight_scale", "F32", 3, 0 } }, 2,
          ZC_E_UNSUPPORTED, "'m': tensor 'x.weight_scale' is [3], expected one value or one for "
          "each of 4 rows" },
        { { { "x.weight", "F8_E4M3", 4, 2 }, { "x.weight_scale", "F8_E4M3", 4, 1 } }, 2,
          ZC_E_UNSUPPORTED, "'m': tensor 'x.weight_scale' is of type F8_E4M3, expected F32, F16 "
          "or BF16" },
        { { { "x.scale_weight", "F32", 1, 0 } }, 1, ZC_E_MISSING,
          "'m': tensor 'x.scale_weight' is there, but 'x.weight' is missing" },
        { { { "x.weight", "F8_E4M3", 4, 2 }, { "x.comfy_quant", "F32", 1, 0 } }, 2,
          ZC_E_UNSUPPORTED, "'m': tensor 'x.comfy_quant' has 4 bytes of type F32, expected at most "
          "4096 of type U8" },
        { { { "x.weight", "F8_E4M3", 4, 2 }, { "x.comfy_quant", "U8", 5, 0 } }, 2, ZC_E_FORMAT,
          "'m': tensor 'x.comfy_quant': byte 0: expected a value, found '\\x00'" },
    };

    for (size_t i = 0; i < ZC_COUNT(cases); i++) {
        struct opened o;
        blob b = { 0 };

        REQUIRE_INT(open_made(&o, &b, cases[i].m, cases[i].count), cases[i].st);
        REQUIRE_STR(error(), cases[i].why);
        REQUIRE(!o.n);
        close_names(&o);
        blob_fini(&b);
    }
}

static void left_over_tensors_are_counted_and_named(void)
{
    static const struct made m[] = {
        { "d", "F32", 1, 0 }, { "b", "F32", 1, 0 }, { "a", "F32", 1, 0 }, { "c", "F32", 1, 0 },
        { "layer.1", "F32", 1, 0 },
    };
    struct opened o;
    blob b = { 0 };

    REQUIRE_INT(open_made(&o, &b, m, ZC_COUNT(m)), ZC_OK);
    zc_names_forgo(o.n, "layer.");
    REQUIRE_INT(zc_names_left_over(o.n, &test_log), ZC_E_MISMATCH);
    REQUIRE_STR(error(), "'m': 4 tensors are no part of a test model: 'a', 'b', 'c'");
    REQUIRE(zc_names_find(o.n, "a") && zc_names_find(o.n, "b"));
    REQUIRE_INT(zc_names_left_over(o.n, &test_log), ZC_E_MISMATCH);
    REQUIRE_STR(error(), "'m': 2 tensors are no part of a test model: 'c', 'd'");
    REQUIRE(zc_names_find(o.n, "c") && zc_names_find(o.n, "d"));
    REQUIRE_INT(zc_names_left_over(o.n, &test_log), ZC_OK);
    close_names(&o);
    blob_fini(&b);
}

/* ---- Ways of quantising ---- */

static void known_ways_of_quantising_are_told_apart(void)
{
    static const struct { const char *json; zc_status st; const char *why; } cases[] = {
        { "{\"format\":\"float8_e4m3fn\"}", ZC_OK, NULL },
        { "{\"format\":\"int8_tensorwise\",\"convrot\":false}", ZC_OK, NULL },
        { "{\"format\":\"int8_tensorwise\",\"convrot\":true}", ZC_E_UNSUPPORTED,
          "'m': tensor 'x.comfy_quant': the rows of a layer are rotated, which we can't undo" },
        { "{\"format\":\"nvfp4\"}", ZC_E_UNSUPPORTED,
          "'m': tensor 'x.comfy_quant': unknown way of quantising 'nvfp4'" },
        { "{}", ZC_E_MISSING, NULL },
    };

    for (size_t i = 0; i < ZC_COUNT(cases); i++) {
        const size_t n = strlen(cases[i].json);
        struct opened o = { 0 };
        blob b = { 0 };
        char header[300];

        snprintf(header, sizeof(header),
                 "{\"x.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[2,2],\"data_offsets\":[0,4]},"
                 "\"x.comfy_quant\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[4,%zu]}}",
                 n, n + 4);
        blob_safetensors(&b, header, 4);
        blob_text(&b, cases[i].json);
        memfile_put("m", b.bytes, b.count);
        REQUIRE_INT(zc_container_open(&o.c, &test_log, "m"), ZC_OK);
        REQUIRE_INT(zc_names_open(&o.n, &test_log, o.c, &test_layout, ""), cases[i].st);
        if (cases[i].why)
            REQUIRE_STR(error(), cases[i].why);
        close_names(&o);
        blob_fini(&b);
    }
}

static void metadata_may_describe_all_layers(void)
{
    static const char *const formats[] = { "float8_e5m2", "mxfp8" };

    for (int i = 0; i < 2; i++) {
        struct opened o = { 0 };
        blob b = { 0 };
        char header[300];

        snprintf(header, sizeof(header), "{\"__metadata__\":{\"_quantization_metadata\":"
                 "\"{\\\"layers\\\":{\\\"x\\\":{\\\"format\\\":\\\"%s\\\"}}}\"}}", formats[i]);
        blob_safetensors(&b, header, 0);
        memfile_put("m", b.bytes, b.count);
        REQUIRE_INT(zc_container_open(&o.c, &test_log, "m"), ZC_OK);
        REQUIRE_INT(zc_names_open(&o.n, &test_log, o.c, &test_layout, ""),
                    i ? ZC_E_UNSUPPORTED : ZC_OK);
        close_names(&o);
        blob_fini(&b);
    }
    REQUIRE_STR(error(), "'m': metadata '_quantization_metadata': unknown way of quantising "
                "'mxfp8'");
}

/* ---- llama.cpp ---- */

static void woven_heads_are_put_in_order(void)
{
    static const uint64_t dim[] = { 32, 16 };
    struct opened o = { 0 };
    uint8_t all[16 * 34], part[16 * 34];
    blob b = { 0 };

    blob_gguf(&b, 3, 1, 1);
    blob_key_u32(&b, "heads", 2);                 /* of 8 rows each */
    blob_tensor(&b, "woven", 2, dim, 8, 0);
    blob_pad(&b, 32);
    for (int row = 0; row < 16; row++)
        blob_fill(&b, row, 34);
    memfile_put("m", b.bytes, b.count);
    REQUIRE_INT(zc_container_open(&o.c, &test_log, "m"), ZC_OK);
    REQUIRE_INT(zc_names_open(&o.n, &test_log, o.c, &test_layout, ""), ZC_OK);
    const zc_named *t = zc_names_find(o.n, "w");
    REQUIRE(t && t->type == ZK_Q8_0);
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 0, 16 * 32, all, NULL), ZC_OK);
    for (int row = 0; row < 16; row++) {
        /* Row h * 8 + j * 4 + i of ours is row h * 8 + i * 2 + j of theirs. */
        const int h = row / 8, j = row % 8 / 4, i = row % 4;

        REQUIRE_INT(all[row * 34], h * 8 + i * 2 + j);
        REQUIRE_INT(all[row * 34 + 33], h * 8 + i * 2 + j);
    }
    for (int from = 0; from < 16; from++) {
        for (int count = 1; count <= 16 - from; count++) {
            REQUIRE_INT(zc_names_read(o.n, &test_log, t, from * 32, count * 32, part, NULL), ZC_OK);
            REQUIRE(memcmp(part, all + from * 34, (size_t)count * 34) == 0);
        }
    }
    REQUIRE_INT(zc_names_read(o.n, &test_log, t, 1, 32, part, NULL), ZC_E_ARGUMENT);
    close_names(&o);
    blob_fini(&b);
}

/* ---- The tables themselves ---- */

static int signs(const char *pattern)
{
    int n = 0;

    for (; *pattern; pattern++)
        n += *pattern == '%';
    return n;
}

static void rules_are_well_formed(void)
{
    for (int k = 0; zc_layout_tables[k]; k++) {
        for (const zc_layout *l = zc_layout_tables[k]; l->kind; l++) {
            for (const zc_name_rule *r = l->rules; r->theirs; r++) {
                if (!r->ours)
                    continue;
                REQUIRE_INT(signs(r->theirs), signs(r->ours));
                REQUIRE_INT(strchr(r->theirs, '*') != NULL, strchr(r->ours, '*') != NULL);
                REQUIRE(!strstr(r->theirs, "%r") && r->part < (r->parts ? r->parts : 1));
                REQUIRE((r->how == ZC_NAME_UNWEAVE) == (r->heads != NULL));
            }
            REQUIRE(l->marks[0] && l->prefixes[0] && l->what);
        }
    }
}

/* ---- What can fail ---- */

static zc_status open_and_read(const char *path)
{
    const zc_layout *layout;
    zc_container *c = NULL;
    zc_names *n = NULL;
    const char *prefix;
    zc_status st = zc_container_open(&c, &test_log, path);
    static float dst[1 << 16];

    if (st == ZC_OK) {
        layout = zc_layout_find(c, NULL, &prefix);
        st = zc_names_open(&n, &test_log, c, layout ? layout : &test_layout, layout ? prefix : "");
    }
    for (size_t i = 0; st == ZC_OK && i < zc_names_count(n); i++) {
        const zc_named *t = zc_names_at(n, i);
        int64_t count = 1;

        for (int k = 0; k < t->rank; k++)
            count *= t->dim[k];
        if (count <= (int64_t)ZC_COUNT(dst))
            st = zc_names_read(n, &test_log, t, 0, count, dst, NULL);
    }
    zc_names_close(&n);
    zc_container_close(&c);
    return st;
}

static void every_allocation_and_call_may_fail(void)
{
    static const struct made m[] = {
        { "a.weight", "F8_E4M3", 2, 3 }, { "a.weight_scale", "F32", 2, 1 },
        { "b.0.q.weight", "F32", 1, 2 }, { "b.0.k.weight", "BF16", 1, 2 },
        { "b.0.v.weight", "BF16", 1, 2 }, { "halves", "F32", 4, 2 },
    };
    blob b = { 0 };

    make_file(&b, "m", m, ZC_COUNT(m));
    for (int mode = FAULT_ONCE; mode <= FAULT_ONWARDS; mode++) {
        for (int n = 1, calls = n; calls >= n; n++) {
            faults_alloc(n, (enum fault_mode)mode);
            const zc_status st = open_and_read("m");
            calls = faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
        for (int n = 1, calls = n; calls >= n; n++) {
            faults_alloc(0, FAULT_ONCE);
            memfiles_fail(n, (enum fault_mode)mode, EIO);
            const zc_status st = open_and_read("m");
            calls = memfiles_calls();
            memfiles_fail(0, FAULT_ONCE, 0);
            (void)faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_IO : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
    }
    blob_fini(&b);
}

int main(void)
{
    if (zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL) != ZC_OK)
        return 1;
    TEST(all_layouts_of_the_transformer_are_the_same);
    TEST(shards_are_one_model);
    TEST(both_layouts_of_the_vae_have_our_names);
    TEST(blocks_are_counted_from_the_other_end);
    TEST(text_encoders_are_found_under_their_prefixes);
    TEST(a_part_of_a_tensor_reads_like_the_whole);
    TEST(rules_are_well_formed);
    memfiles_begin();
    TEST(parts_of_different_types_are_converted);
    TEST(scales_of_rows_and_of_parts_are_applied);
    TEST(scales_may_come_from_another_file);
    TEST(halves_change_places_and_numbers_turn);
    TEST(what_is_wrong_with_names_is_said);
    TEST(left_over_tensors_are_counted_and_named);
    TEST(known_ways_of_quantising_are_told_apart);
    TEST(metadata_may_describe_all_layers);
    TEST(woven_heads_are_put_in_order);
    TEST(every_allocation_and_call_may_fail);
    memfiles_end();
    zc_log_fini(&test_log);
    return test_end();
}
