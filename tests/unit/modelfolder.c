/* Model folders: what a path holds is told by the names of its tensors. */

#include <errno.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/io/modelfolder.h"
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

static void a_pipeline_has_its_parts(void)
{
    static const struct { const char *kind; size_t files; } expected[] = {
        { "hunyuan.dit", 3 }, { "llama", 2 }, { "clip", 1 }, { "hunyuan.vae", 1 },
    };
    zc_modelfolder *f = NULL;

    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, FIXTURES "pipe"), ZC_OK);
    REQUIRE_INT(zc_modelfolder_count(f), 4);
    for (size_t i = 0; i < ZC_COUNT(expected); i++) {
        const zc_component *c = NULL;
        zc_names *n = NULL;
        int64_t number = 0;

        REQUIRE_INT(zc_modelfolder_find(f, &test_log, expected[i].kind, &c), ZC_OK);
        REQUIRE(c && c->config && zc_container_files(c->tensors) == expected[i].files);
        REQUIRE(c && c->bytes > 1000 && c->type == ZK_F32);
        REQUIRE_STR(c->type_name, "F32");
        if (i == 1)
            REQUIRE_INT(zc_json_need_i64(c->config, &test_log, zc_json_root(c->config),
                                         "num_hidden_layers", 1, 100, &number), ZC_OK);
        REQUIRE_INT(zc_modelfolder_names(f, &test_log, expected[i].kind, &n), ZC_OK);
        REQUIRE(n && zc_names_count(n) > 10);
        zc_names_close(&n);
    }
    zc_modelfolder_close(&f);
}

static void every_fixture_is_recognised(void)
{
    static const struct { const char *path, *kind, *what; zk_dtype type; } expected[] = {
        { "dit_names/original.safetensors", "hunyuan.dit", "original", ZK_F32 },
        { "dit_names/comfy.safetensors", "hunyuan.dit", "ComfyUI", ZK_F32 },
        { "dit_names/diffusers", "hunyuan.dit", "diffusers", ZK_F32 },
        { "dit_names/diffusers/diffusion_pytorch_model.safetensors", "hunyuan.dit", "diffusers",
          ZK_F32 },
        { "dit_odd/original.safetensors", "hunyuan.dit", "original", ZK_F32 },
        { "dit_head128/original_fp8.safetensors", "hunyuan.dit", "original", ZK_F8_E4M3 },
        { "pipe/text_encoder", "llama", "LLaMA", ZK_F32 },
        { "pipe/text_encoder_2", "clip", "CLIP", ZK_F32 },
        { "pipe/vae", "hunyuan.vae", "original", ZK_F32 },
        { "vae_comfy/comfy.safetensors", "hunyuan.vae", "ComfyUI", ZK_F32 },
        { "text_fp8/comfy_fp8_scaled.safetensors", "llama", "LLaMA", ZK_NONE },
        { "clip_whole/model.safetensors", "clip", "CLIP", ZK_NONE },
    };

    for (size_t i = 0; i < ZC_COUNT(expected); i++) {
        zc_modelfolder *f = NULL;
        const zc_component *c = NULL;
        char path[200];

        snprintf(path, sizeof(path), FIXTURES "%s", expected[i].path);
        REQUIRE_INT(zc_modelfolder_open(&f, &test_log, path), ZC_OK);
        REQUIRE_INT(zc_modelfolder_find(f, &test_log, expected[i].kind, &c), ZC_OK);
        REQUIRE(c && zc_str_contains(c->layout->what, expected[i].what));
        if (expected[i].type != ZK_NONE)
            REQUIRE_INT(c->type, expected[i].type);
        zc_modelfolder_close(&f);
    }
}

/* ---- Made-up folders ---- */

static blob vae, llama, scales, weights, nothing, broken;

static void add_marks(blob *b, const char *const *names, const char *type, int bytes)
{
    blob header = { 0 };
    char text[300];

    blob_text(&header, "{");
    for (int i = 0; names[i]; i++) {
        snprintf(text, sizeof(text), "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[1],"
                 "\"data_offsets\":[%d,%d]}", i ? "," : "", names[i], type, i * bytes,
                 (i + 1) * bytes);
        blob_text(&header, text);
    }
    blob_text(&header, "}");
    blob_int(b, header.count, 8);
    blob_add(b, header.bytes, header.count);
    for (int i = 0; names[i]; i++) {
        if (bytes == 4)
            blob_int(b, 0x40400000, 4);           /* 3 */
        else
            blob_fill(b, 0, (size_t)bytes);
    }
    blob_fini(&header);
}

static void make_files(void)
{
    static const char *const vae_names[] = {
        "decoder.up_blocks.0.resnets.0.conv1.conv.weight",
        "decoder.mid_block.attentions.0.to_q.weight", NULL
    };
    static const char *const llama_names[] = {
        "model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.input_layernorm.weight", "model.layers.0.mlp.gate_proj.weight", NULL
    };
    static const char *const weight_names[] = {
        "double_blocks.0.img_attn_qkv.weight", "single_blocks.0.linear1.weight",
        "txt_in.individual_token_refiner.blocks.0.self_attn_qkv.weight", NULL
    };
    static const char *const scale_names[] = {
        "double_blocks.0.img_attn_qkv", "single_blocks.0.linear1", NULL
    };
    static const char *const other_names[] = { "something.else", NULL };

    add_marks(&vae, vae_names, "F32", 4);
    add_marks(&llama, llama_names, "BF16", 2);
    add_marks(&weights, weight_names, "F8_E4M3", 1);
    add_marks(&scales, scale_names, "F32", 4);
    add_marks(&nothing, other_names, "F32", 4);
    blob_text(&broken, "\x80\x04\x95 a pickle, or looks like one");
}

static void put(const char *path, const blob *b)
{
    memfile_put(path, b->bytes, b->count);
}

static void a_folder_of_files_is_told_apart(void)
{
    zc_modelfolder *f = NULL;
    const zc_component *c;

    memfiles_clear();
    put("models/a.safetensors", &vae);
    put("models/README.md", &broken);
    put("models/z.safetensors", &llama);
    put("models/sub/more.safetensors", &vae);
    put("models/old.ckpt", &broken);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "models"), ZC_OK);
    REQUIRE_INT(zc_modelfolder_count(f), 2);
    REQUIRE_INT(zc_modelfolder_find(f, &test_log, "llama", &c), ZC_OK);
    REQUIRE_STR(c->name, "z.safetensors");
    REQUIRE(c->type == ZK_BF16 && c->bytes == 8 && !c->config);
    REQUIRE_STR(c->prefix, "model.");
    REQUIRE_INT(zc_modelfolder_find(f, &test_log, "clip", &c), ZC_E_MISSING);
    REQUIRE_STR(error(), "'models' has no clip: 'a.safetensors' is HunyuanVideo VAE, original "
                "names, 'z.safetensors' is LLaMA text encoder");
    zc_modelfolder_close(&f);
}

static void subfolders_are_looked_at_if_there_is_nothing_above(void)
{
    zc_modelfolder *f = NULL;
    const zc_component *c;

    memfiles_clear();
    put("models/vae/x.safetensors", &vae);
    put("models/text_encoders/y.safetensors", &llama);
    put("models/text_encoders/deep/z.safetensors", &vae);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "models"), ZC_OK);
    REQUIRE_INT(zc_modelfolder_find(f, &test_log, "hunyuan.vae", &c), ZC_E_MISSING);
    zc_modelfolder_close(&f);
    put("models/text_encoders/y.safetensors", &nothing);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "models/vae"), ZC_OK);
    REQUIRE_INT(zc_modelfolder_find(f, &test_log, "hunyuan.vae", &c), ZC_OK);
    zc_modelfolder_close(&f);
}

static void two_of_a_kind_are_a_choice_for_the_user(void)
{
    zc_modelfolder *f = NULL;
    const zc_component *c;

    memfiles_clear();
    put("m/one.safetensors", &vae);
    put("m/two.safetensors", &vae);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "m/"), ZC_OK);
    REQUIRE_INT(zc_modelfolder_find(f, &test_log, "hunyuan.vae", &c), ZC_E_MISMATCH);
    REQUIRE_STR(error(), "'m/' has two of hunyuan.vae, 'one.safetensors' and 'two.safetensors': "
                "name one of the files");
    zc_modelfolder_close(&f);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "m/two.safetensors"), ZC_OK);
    REQUIRE_INT(zc_modelfolder_find(f, &test_log, "hunyuan.vae", &c), ZC_OK);
    REQUIRE_STR(c->name, "");
    REQUIRE_INT(zc_modelfolder_find(f, &test_log, "llama", &c), ZC_E_MISSING);
    REQUIRE_STR(error(), "'m/two.safetensors' has no llama: 'm/two.safetensors' is HunyuanVideo "
                "VAE, original names");
    zc_modelfolder_close(&f);
}

static void scales_in_a_file_of_their_own_find_their_weights(void)
{
    zc_modelfolder *f = NULL;
    zc_names *n = NULL;

    memfiles_clear();
    put("m/fp8.safetensors", &weights);
    put("m/fp8_map.safetensors", &scales);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "m"), ZC_OK);
    REQUIRE_INT(zc_modelfolder_names(f, &test_log, "hunyuan.dit", &n), ZC_OK);
    const zc_named *t = zc_names_find(n, "single_blocks.0.linear1.weight");
    REQUIRE(t && t->scale == 3 && t->type == ZK_F8_E4M3);
    zc_names_close(&n);
    zc_modelfolder_close(&f);
}

static void a_folder_without_models_says_so(void)
{
    zc_modelfolder *f = NULL;

    memfiles_clear();
    put("m/README.md", &broken);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "m"), ZC_E_MISSING);
    REQUIRE_STR(error(), "'m' has no safetensors or GGUF files");
    put("m/model.ckpt", &broken);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "m"), ZC_E_UNSAFE);
    REQUIRE_STR(error(), "'m/model.ckpt' is a Python pickle, not a model file: Python would run "
                "it as a program, so it is never opened: convert it to safetensors");
    put("m/model.ckpt", &vae);                    /* named like a pickle, but none */
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "m"), ZC_OK);
    zc_modelfolder_close(&f);
    REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "nowhere"), ZC_E_NOT_FOUND);
    REQUIRE_STR(error(), "cannot open 'nowhere': there is no such file or folder");
}

static void pipelines_are_checked(void)
{
    static const struct { const char *json; zc_status st; const char *why; } cases[] = {
        { "{\"_class_name\":\"P\",\"vae\":[\"diffusers\",\"V\"],\"x\":[null,null]}", ZC_OK, NULL },
        { "{\"vae\":[\"d\",\"V\"],\"unet\":[\"d\",\"U\"]}", ZC_E_MISSING,
          "'m/model_index.json': the folder 'unet' is missing" },
        { "{\"../vae\":[\"d\",\"V\"]}", ZC_E_UNSAFE,
          "'m/model_index.json': '../vae' is not a plain folder name" },
        { "[]", ZC_E_FORMAT, "'m/model_index.json' is an array, expected an object" },
        { "{\"vae\":", ZC_E_TRUNCATED,
          "m/model_index.json: byte 7: expected a value, but the text ends" },
        { "{}", ZC_E_MISSING, "'m' has no safetensors or GGUF files" },
    };

    for (size_t i = 0; i < ZC_COUNT(cases); i++) {
        zc_modelfolder *f = NULL;

        memfiles_clear();
        put("m/vae/x.safetensors", &vae);
        memfile_put("m/model_index.json", cases[i].json, strlen(cases[i].json));
        REQUIRE_INT(zc_modelfolder_open(&f, &test_log, "m"), cases[i].st);
        if (cases[i].why)
            REQUIRE_STR(error(), cases[i].why);
        else
            zc_modelfolder_close(&f);
    }
}

static zc_status open_pipeline(void)
{
    zc_modelfolder *f = NULL;
    zc_names *n = NULL;
    zc_status st = zc_modelfolder_open(&f, &test_log, "m");

    if (st == ZC_OK)
        st = zc_modelfolder_names(f, &test_log, "hunyuan.dit", &n);
    zc_names_close(&n);
    if (f)
        zc_modelfolder_close(&f);
    return st;
}

static void every_allocation_and_call_may_fail(void)
{
    static const char index[] = "{\"transformer\":[\"d\",\"V\"],\"vae\":[\"d\",\"V\"]}";
    static const char config[] = "{\"a\":1}";

    memfiles_clear();
    memfile_put("m/model_index.json", index, sizeof(index) - 1);
    put("m/vae/x.safetensors", &vae);
    memfile_put("m/vae/config.json", config, sizeof(config) - 1);
    put("m/transformer/a.safetensors", &weights);
    put("m/transformer/map.safetensors", &scales);
    for (int mode = FAULT_ONCE; mode <= FAULT_ONWARDS; mode++) {
        for (int n = 1, calls = n; calls >= n; n++) {
            faults_alloc(n, (enum fault_mode)mode);
            const zc_status st = open_pipeline();
            calls = faults_alloc_end();
            REQUIRE_INT(st, calls >= n ? ZC_E_NOMEM : ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
        for (int n = 1, calls = n; calls >= n; n++) {
            faults_alloc(0, FAULT_ONCE);
            memfiles_fail(n, (enum fault_mode)mode, EIO);
            const zc_status st = open_pipeline();
            calls = memfiles_calls();
            memfiles_fail(0, FAULT_ONCE, 0);
            (void)faults_alloc_end();
            /* Asking whether something is there is no failure: the answer is no. */
            REQUIRE(st == ZC_E_IO || st == ZC_E_MISSING || st == ZC_E_UNSAFE || st == ZC_OK);
            REQUIRE(mode == FAULT_ONCE || calls < n || st != ZC_OK);
            REQUIRE_INT(faults_live_blocks(), 0);
            REQUIRE_INT(memfiles_open(), 0);
        }
    }
    REQUIRE_INT(open_pipeline(), ZC_OK);
}

int main(void)
{
    if (zc_log_init(&test_log, ZC_LEVEL_ERROR, NULL, NULL) != ZC_OK)
        return 1;
    TEST(a_pipeline_has_its_parts);
    TEST(every_fixture_is_recognised);
    make_files();
    memfiles_begin();
    TEST(a_folder_of_files_is_told_apart);
    TEST(subfolders_are_looked_at_if_there_is_nothing_above);
    TEST(two_of_a_kind_are_a_choice_for_the_user);
    TEST(scales_in_a_file_of_their_own_find_their_weights);
    TEST(a_folder_without_models_says_so);
    TEST(pipelines_are_checked);
    TEST(every_allocation_and_call_may_fail);
    memfiles_end();
    blob_fini(&vae);
    blob_fini(&llama);
    blob_fini(&scales);
    blob_fini(&weights);
    blob_fini(&nothing);
    blob_fini(&broken);
    zc_log_fini(&test_log);
    return test_end();
}
