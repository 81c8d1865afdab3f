/* The layouts of HunyuanVideo's transformer and VAE, and of the text encoders
 * that it needs.
 *
 * Our names are those of the original release for the transformer, of diffusers
 * for the VAE (the original release has the same), and of the text encoders' own
 * classes, LlamaModel and CLIPTextModel. */

#include <stddef.h>

#include "core/io/layouts.h"

#define SAME(theirs, ours) { theirs, ours, 0, 0, ZC_NAME_SAME, NULL }
#define PART(theirs, ours, part, parts) { theirs, ours, part, parts, ZC_NAME_SAME, NULL }
#define SWAP(theirs, ours) { theirs, ours, 0, 0, ZC_NAME_SWAP, NULL }
#define UNWEAVE(theirs, ours, heads) { theirs, ours, 0, 0, ZC_NAME_UNWEAVE, heads }
#define IGNORE(theirs) { theirs, NULL, 0, 0, ZC_NAME_SAME, NULL }
#define END { NULL, NULL, 0, 0, 0, NULL }

#define REFINER "txt_in.individual_token_refiner.blocks.%d."

static const char *const none[] = { NULL };

/* ---- Transformer ---- */

static const char *const dit_prefixes[] = {
    "", "model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.", "module.",
    "model.", NULL
};

static const char *const original_marks[] = {
    "double_blocks.0.img_attn_qkv.weight",
    "txt_in.individual_token_refiner.blocks.0.self_attn_qkv.weight", NULL
};

static const zc_name_rule original_rules[] = { END };

static const char *const comfy_marks[] = {
    "double_blocks.0.img_attn.qkv.weight",
    "txt_in.individual_token_refiner.blocks.0.self_attn.qkv.weight", NULL
};

#define STREAM(s)                                                                             \
    SAME("double_blocks.%d." s "_mod.lin.*", "double_blocks.%d." s "_mod.linear.*"),          \
    SAME("double_blocks.%d." s "_attn.qkv.*", "double_blocks.%d." s "_attn_qkv.*"),           \
    SAME("double_blocks.%d." s "_attn.norm.query_norm.scale",                                 \
         "double_blocks.%d." s "_attn_q_norm.weight"),                                        \
    SAME("double_blocks.%d." s "_attn.norm.key_norm.scale",                                   \
         "double_blocks.%d." s "_attn_k_norm.weight"),                                        \
    SAME("double_blocks.%d." s "_attn.proj.*", "double_blocks.%d." s "_attn_proj.*"),         \
    SAME("double_blocks.%d." s "_mlp.0.*", "double_blocks.%d." s "_mlp.fc1.*"),               \
    SAME("double_blocks.%d." s "_mlp.2.*", "double_blocks.%d." s "_mlp.fc2.*")

static const zc_name_rule comfy_rules[] = {
    SAME("txt_in.t_embedder.in_layer.*",  "txt_in.t_embedder.mlp.0.*"),
    SAME("txt_in.t_embedder.out_layer.*", "txt_in.t_embedder.mlp.2.*"),
    SAME("txt_in.c_embedder.in_layer.*",  "txt_in.c_embedder.linear_1.*"),
    SAME("txt_in.c_embedder.out_layer.*", "txt_in.c_embedder.linear_2.*"),
    SAME(REFINER "self_attn.qkv.*",  REFINER "self_attn_qkv.*"),
    SAME(REFINER "self_attn.proj.*", REFINER "self_attn_proj.*"),
    SAME(REFINER "mlp.0.*", REFINER "mlp.fc1.*"),
    SAME(REFINER "mlp.2.*", REFINER "mlp.fc2.*"),
    SAME("time_in.in_layer.*",      "time_in.mlp.0.*"),
    SAME("time_in.out_layer.*",     "time_in.mlp.2.*"),
    SAME("guidance_in.in_layer.*",  "guidance_in.mlp.0.*"),
    SAME("guidance_in.out_layer.*", "guidance_in.mlp.2.*"),
    STREAM("img"),
    STREAM("txt"),
    SAME("single_blocks.%d.norm.query_norm.scale", "single_blocks.%d.q_norm.weight"),
    SAME("single_blocks.%d.norm.key_norm.scale",   "single_blocks.%d.k_norm.weight"),
    SAME("single_blocks.%d.modulation.lin.*",      "single_blocks.%d.modulation.linear.*"),
    END
};

static const char *const diffusers_marks[] = {
    "context_embedder.token_refiner.refiner_blocks.0.norm1.weight",
    "transformer_blocks.0.attn.add_q_proj.weight",
    "single_transformer_blocks.0.proj_mlp.weight", NULL
};
/* FramePack has the same blocks and more around them. */
static const char *const diffusers_bars[] = { "clean_x_embedder.proj.weight", NULL };

#define EMBED  "context_embedder.time_text_embed."
#define REFINE "context_embedder.token_refiner.refiner_blocks.%d."
#define DOUBLE "transformer_blocks.%d."
#define SINGLE "single_transformer_blocks.%d."

static const zc_name_rule diffusers_rules[] = {
    SAME("x_embedder.proj.*", "img_in.proj.*"),
    SAME("context_embedder.proj_in.*", "txt_in.input_embedder.*"),
    SAME(EMBED "timestep_embedder.linear_1.*", "txt_in.t_embedder.mlp.0.*"),
    SAME(EMBED "timestep_embedder.linear_2.*", "txt_in.t_embedder.mlp.2.*"),
    SAME(EMBED "text_embedder.linear_1.*", "txt_in.c_embedder.linear_1.*"),
    SAME(EMBED "text_embedder.linear_2.*", "txt_in.c_embedder.linear_2.*"),
    SAME(REFINE "norm1.*", REFINER "norm1.*"),
    SAME(REFINE "norm2.*", REFINER "norm2.*"),
    PART(REFINE "attn.to_q.*", REFINER "self_attn_qkv.*", 0, 3),
    PART(REFINE "attn.to_k.*", REFINER "self_attn_qkv.*", 1, 3),
    PART(REFINE "attn.to_v.*", REFINER "self_attn_qkv.*", 2, 3),
    SAME(REFINE "attn.to_out.0.*", REFINER "self_attn_proj.*"),
    SAME(REFINE "ff.net.0.proj.*", REFINER "mlp.fc1.*"),
    SAME(REFINE "ff.net.2.*", REFINER "mlp.fc2.*"),
    SAME(REFINE "norm_out.linear.*", REFINER "adaLN_modulation.1.*"),
    SAME("time_text_embed.timestep_embedder.linear_1.*", "time_in.mlp.0.*"),
    SAME("time_text_embed.timestep_embedder.linear_2.*", "time_in.mlp.2.*"),
    SAME("time_text_embed.guidance_embedder.linear_1.*", "guidance_in.mlp.0.*"),
    SAME("time_text_embed.guidance_embedder.linear_2.*", "guidance_in.mlp.2.*"),
    SAME("time_text_embed.text_embedder.linear_1.*", "vector_in.in_layer.*"),
    SAME("time_text_embed.text_embedder.linear_2.*", "vector_in.out_layer.*"),
    SAME(DOUBLE "norm1.linear.*", "double_blocks.%d.img_mod.linear.*"),
    PART(DOUBLE "attn.to_q.*", "double_blocks.%d.img_attn_qkv.*", 0, 3),
    PART(DOUBLE "attn.to_k.*", "double_blocks.%d.img_attn_qkv.*", 1, 3),
    PART(DOUBLE "attn.to_v.*", "double_blocks.%d.img_attn_qkv.*", 2, 3),
    SAME(DOUBLE "attn.norm_q.*", "double_blocks.%d.img_attn_q_norm.*"),
    SAME(DOUBLE "attn.norm_k.*", "double_blocks.%d.img_attn_k_norm.*"),
    SAME(DOUBLE "attn.to_out.0.*", "double_blocks.%d.img_attn_proj.*"),
    SAME(DOUBLE "ff.net.0.proj.*", "double_blocks.%d.img_mlp.fc1.*"),
    SAME(DOUBLE "ff.net.2.*", "double_blocks.%d.img_mlp.fc2.*"),
    SAME(DOUBLE "norm1_context.linear.*", "double_blocks.%d.txt_mod.linear.*"),
    PART(DOUBLE "attn.add_q_proj.*", "double_blocks.%d.txt_attn_qkv.*", 0, 3),
    PART(DOUBLE "attn.add_k_proj.*", "double_blocks.%d.txt_attn_qkv.*", 1, 3),
    PART(DOUBLE "attn.add_v_proj.*", "double_blocks.%d.txt_attn_qkv.*", 2, 3),
    SAME(DOUBLE "attn.norm_added_q.*", "double_blocks.%d.txt_attn_q_norm.*"),
    SAME(DOUBLE "attn.norm_added_k.*", "double_blocks.%d.txt_attn_k_norm.*"),
    SAME(DOUBLE "attn.to_add_out.*", "double_blocks.%d.txt_attn_proj.*"),
    SAME(DOUBLE "ff_context.net.0.proj.*", "double_blocks.%d.txt_mlp.fc1.*"),
    SAME(DOUBLE "ff_context.net.2.*", "double_blocks.%d.txt_mlp.fc2.*"),
    PART(SINGLE "attn.to_q.*", "single_blocks.%d.linear1.*", 0, 4),
    PART(SINGLE "attn.to_k.*", "single_blocks.%d.linear1.*", 1, 4),
    PART(SINGLE "attn.to_v.*", "single_blocks.%d.linear1.*", 2, 4),
    PART(SINGLE "proj_mlp.*", "single_blocks.%d.linear1.*", 3, 4),
    SAME(SINGLE "proj_out.*", "single_blocks.%d.linear2.*"),
    SAME(SINGLE "attn.norm_q.*", "single_blocks.%d.q_norm.*"),
    SAME(SINGLE "attn.norm_k.*", "single_blocks.%d.k_norm.*"),
    SAME(SINGLE "norm.linear.*", "single_blocks.%d.modulation.linear.*"),
    SAME("proj_out.*", "final_layer.linear.*"),
    SWAP("norm_out.linear.*", "final_layer.adaLN_modulation.1.*"),     /* theirs: scale, shift */
    END
};

/* A file that has nothing but the scales of an 8-bit transformer. */
static const char *const scales_marks[] = {
    "double_blocks.0.img_attn_qkv", "single_blocks.0.linear1", NULL
};

/* ---- VAE ---- */

static const char *const vae_prefixes[] = {
    "", "vae.", "first_stage_model.", "state_dict.", NULL
};
static const char *const vae_marks[] = {
    "decoder.up_blocks.0.resnets.0.conv1.conv.weight",
    "decoder.mid_block.attentions.0.to_q.weight", NULL
};
static const char *const vae_comfy_marks[] = {
    "decoder.up.0.block.0.conv1.conv.weight", "decoder.mid.attn_1.q.weight", NULL
};

#define MIDDLE(side)                                                                          \
    SAME(side ".mid.block_1.*", side ".mid_block.resnets.0.*"),                               \
    SAME(side ".mid.block_2.*", side ".mid_block.resnets.1.*"),                               \
    SAME(side ".mid.attn_1.norm.*", side ".mid_block.attentions.0.group_norm.*"),             \
    SAME(side ".mid.attn_1.q.*", side ".mid_block.attentions.0.to_q.*"),                      \
    SAME(side ".mid.attn_1.k.*", side ".mid_block.attentions.0.to_k.*"),                      \
    SAME(side ".mid.attn_1.v.*", side ".mid_block.attentions.0.to_v.*"),                      \
    SAME(side ".mid.attn_1.proj_out.*", side ".mid_block.attentions.0.to_out.0.*"),           \
    SAME(side ".norm_out.*", side ".conv_norm_out.*")

static const zc_name_rule vae_comfy_rules[] = {
    SAME("encoder.down.%d.block.%d.nin_shortcut.*",
         "encoder.down_blocks.%d.resnets.%d.conv_shortcut.*"),
    SAME("encoder.down.%d.block.%d.*", "encoder.down_blocks.%d.resnets.%d.*"),
    SAME("encoder.down.%d.downsample.*", "encoder.down_blocks.%d.downsamplers.0.*"),
    SAME("decoder.up.%d.block.%d.nin_shortcut.*",
         "decoder.up_blocks.%r.resnets.%d.conv_shortcut.*"),
    SAME("decoder.up.%d.block.%d.*", "decoder.up_blocks.%r.resnets.%d.*"),
    SAME("decoder.up.%d.upsample.*", "decoder.up_blocks.%r.upsamplers.0.*"),
    MIDDLE("encoder"),
    MIDDLE("decoder"),
    END
};

/* ---- Text encoders ---- */

static const char *const llama_prefixes[] = {
    "", "model.", "language_model.model.", "model.language_model.", "language_model.",
    "text_encoder.", NULL
};
static const char *const llama_marks[] = {
    "embed_tokens.weight", "layers.0.self_attn.q_proj.weight", "layers.0.input_layernorm.weight",
    "layers.0.mlp.gate_proj.weight", NULL
};
/* Qwen has biases there. */
static const char *const llama_bars[] = { "layers.0.self_attn.q_proj.bias", NULL };

static const zc_name_rule llama_rules[] = {
    IGNORE("lm_head.*"),
    IGNORE("tokenizer"),
    IGNORE("layers.%d.self_attn.rotary_emb.inv_freq"),
    IGNORE("rotary_emb.inv_freq"),
    END
};

static const char *const llama_gguf_marks[] = {
    "token_embd.weight", "blk.0.attn_q.weight", "blk.0.ffn_gate.weight", NULL
};
static const char *const llama_gguf_bars[] = { "blk.0.attn_q.bias", NULL };

static const zc_name_rule llama_gguf_rules[] = {
    SAME("token_embd.weight", "embed_tokens.weight"),
    SAME("output_norm.weight", "norm.weight"),
    SAME("blk.%d.attn_norm.weight", "layers.%d.input_layernorm.weight"),
    SAME("blk.%d.ffn_norm.weight", "layers.%d.post_attention_layernorm.weight"),
    UNWEAVE("blk.%d.attn_q.weight", "layers.%d.self_attn.q_proj.weight",
            "llama.attention.head_count"),
    UNWEAVE("blk.%d.attn_k.weight", "layers.%d.self_attn.k_proj.weight",
            "llama.attention.head_count_kv"),
    SAME("blk.%d.attn_v.weight", "layers.%d.self_attn.v_proj.weight"),
    SAME("blk.%d.attn_output.weight", "layers.%d.self_attn.o_proj.weight"),
    SAME("blk.%d.ffn_gate.weight", "layers.%d.mlp.gate_proj.weight"),
    SAME("blk.%d.ffn_up.weight", "layers.%d.mlp.up_proj.weight"),
    SAME("blk.%d.ffn_down.weight", "layers.%d.mlp.down_proj.weight"),
    IGNORE("output.weight"),
    IGNORE("rope_freqs.weight"),
    END
};

static const char *const clip_prefixes[] = {
    "text_model.", "", "transformer.text_model.", "cond_stage_model.transformer.text_model.",
    "text_encoders.clip_l.transformer.text_model.", NULL
};
static const char *const clip_marks[] = {
    "embeddings.token_embedding.weight", "embeddings.position_embedding.weight",
    "encoder.layers.0.self_attn.q_proj.weight", "final_layer_norm.weight", NULL
};

static const zc_name_rule clip_rules[] = {
    IGNORE("embeddings.position_ids"),
    IGNORE("text_projection.*"),
    IGNORE("logit_scale"),
    SAME("embeddings.*", "text_model.embeddings.*"),
    SAME("encoder.*", "text_model.encoder.*"),
    SAME("final_layer_norm.*", "text_model.final_layer_norm.*"),
    END
};

const zc_layout zc_layouts_hunyuan[] = {
    { "hunyuan.dit", "HunyuanVideo transformer, original names", dit_prefixes, original_marks,
      none, original_rules },
    { "hunyuan.dit", "HunyuanVideo transformer, ComfyUI names", dit_prefixes, comfy_marks, none,
      comfy_rules },
    { "hunyuan.dit", "HunyuanVideo transformer, diffusers names", dit_prefixes, diffusers_marks,
      diffusers_bars, diffusers_rules },
    { "hunyuan.dit.scales", "scales of a HunyuanVideo transformer", dit_prefixes, scales_marks,
      none, original_rules },
    { "hunyuan.vae", "HunyuanVideo VAE, original names", vae_prefixes, vae_marks, none,
      original_rules },
    { "hunyuan.vae", "HunyuanVideo VAE, ComfyUI names", vae_prefixes, vae_comfy_marks, none,
      vae_comfy_rules },
    { "llama", "LLaMA text encoder", llama_prefixes, llama_marks, llama_bars, llama_rules },
    { "llama", "LLaMA text encoder, llama.cpp names", llama_prefixes, llama_gguf_marks,
      llama_gguf_bars, llama_gguf_rules },
    { "clip", "CLIP text encoder", clip_prefixes, clip_marks, none, clip_rules },
    { NULL, NULL, NULL, NULL, NULL, NULL },
};
