"""Makes the files in fixtures/: small random models, their inputs, and what upstream makes of them.

Upstream is diffusers 0.42.1 and transformers 5.23.0 (torch 2.15.0, tokenizers 0.23.3, numpy, accelerate), in f32 on
one CPU thread. Run it with those installed; running it twice gives the same bytes:

    python3 tests/parity/make_fixtures.py

Names and shapes of what is written are in README.md; the list of cases is fixtures/cases.json.
"""

import json
import os
import shutil
import struct
import sys
import zlib

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import torch
from diffusers import (AutoencoderKLHunyuanVideo, FlowMatchEulerDiscreteScheduler, HunyuanVideoPipeline,
                       HunyuanVideoTransformer3DModel)
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE
from transformers import (CLIPTextConfig, CLIPTextModel, LlamaConfig, LlamaModel, PreTrainedTokenizerFast)

import make_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "fixtures")
TYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float8_e4m3fn: "F8_E4M3", torch.int64: "I64",
         torch.uint8: "U8"}
CASES = []


# ---- files ----------------------------------------------------------------------------------------------------------

def save(path, tensors, about=None):
    """A safetensors file whose bytes depend on nothing but its contents."""
    header, blobs, at = {"__metadata__": {"format": "pt", **(about or {})}}, [], 0
    for name in sorted(tensors):
        t = tensors[name].detach().contiguous()
        blob = t.reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": TYPES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    path = os.path.join(OUT, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def save_json(path, value):
    path = os.path.join(OUT, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii", newline="\n") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def case(name, component, checkpoints, inputs, expect, source, **args):
    """One input, one expectation, and every checkpoint that must give it. A checkpoint is a path, or a path and the
    keys that only it needs."""
    about = {"component": component, "source": source}
    save(f"{name}/in.safetensors", inputs, about)
    save(f"{name}/expect.safetensors", expect, about)
    for c in checkpoints:
        path, more = (c, {}) if isinstance(c, str) else c
        CASES.append({"name": name, "component": component, "checkpoint": path, "in": f"{name}/in.safetensors",
                      "expect": f"{name}/expect.safetensors",
                      "args": [f"{k}={v}" for k, v in {**args, **more}.items()]})


# ---- random numbers and weights -------------------------------------------------------------------------------------

def normal(key, *shape):
    """Standard normal numbers that depend on the key alone, so a new tensor changes no other."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def integers(key, low, high, count):
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    return torch.from_numpy(rng.integers(low, high, count))


def fill(model, key):
    """Weights that keep activations near one, with no bias zero and no norm weight one."""
    model.eval().requires_grad_(False)
    for name, p in model.named_parameters():
        x = normal(f"{key}:{name}", *p.shape)
        if name.endswith("bias"):
            x *= 0.1
        elif p.dim() == 1:
            x = 1 + 0.2 * x
        elif "position_embedding" in name:
            x *= 0.3
        elif "token_embedding" not in name and "embed_tokens" not in name:
            x /= np.sqrt(p[0].numel())
        p.copy_(x)
    return model


def hooked(model, stages, call):
    """Runs call() and returns what the modules of stages {name: module} gave."""
    got, handles = {}, []
    for name, module in stages.items():
        def keep(_, __, result, name=name):
            got[name] = result
        handles.append(module.register_forward_hook(keep))
    with torch.no_grad():
        result = call()
    for h in handles:
        h.remove()
    return got, result


# ---- the transformer ------------------------------------------------------------------------------------------------

REFINER = {"norm1": "norm1", "norm2": "norm2", "attn.to_out.0": "self_attn_proj", "ff.net.0.proj": "mlp.fc1",
           "ff.net.2": "mlp.fc2", "norm_out.linear": "adaLN_modulation.1"}
DOUBLE = {"norm1.linear": "img_mod.linear", "norm1_context.linear": "txt_mod.linear",
          "attn.to_out.0": "img_attn_proj", "attn.to_add_out": "txt_attn_proj",
          "attn.norm_q": "img_attn_q_norm", "attn.norm_k": "img_attn_k_norm",
          "attn.norm_added_q": "txt_attn_q_norm", "attn.norm_added_k": "txt_attn_k_norm",
          "ff.net.0.proj": "img_mlp.fc1", "ff.net.2": "img_mlp.fc2",
          "ff_context.net.0.proj": "txt_mlp.fc1", "ff_context.net.2": "txt_mlp.fc2"}
SINGLE = {"norm.linear": "modulation.linear", "attn.norm_q": "q_norm", "attn.norm_k": "k_norm", "proj_out": "linear2"}
TOP = {"x_embedder.proj": "img_in.proj", "proj_out": "final_layer.linear",
       "context_embedder.proj_in": "txt_in.input_embedder",
       "context_embedder.time_text_embed.timestep_embedder.linear_1": "txt_in.t_embedder.mlp.0",
       "context_embedder.time_text_embed.timestep_embedder.linear_2": "txt_in.t_embedder.mlp.2",
       "context_embedder.time_text_embed.text_embedder.linear_1": "txt_in.c_embedder.linear_1",
       "context_embedder.time_text_embed.text_embedder.linear_2": "txt_in.c_embedder.linear_2",
       "time_text_embed.timestep_embedder.linear_1": "time_in.mlp.0",
       "time_text_embed.timestep_embedder.linear_2": "time_in.mlp.2",
       "time_text_embed.guidance_embedder.linear_1": "guidance_in.mlp.0",
       "time_text_embed.guidance_embedder.linear_2": "guidance_in.mlp.2",
       "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
       "time_text_embed.text_embedder.linear_2": "vector_in.out_layer"}
COMFY = [("txt_in.t_embedder.mlp.0", "txt_in.t_embedder.in_layer"),
         ("txt_in.t_embedder.mlp.2", "txt_in.t_embedder.out_layer"),
         ("txt_in.c_embedder.linear_1", "txt_in.c_embedder.in_layer"),
         ("txt_in.c_embedder.linear_2", "txt_in.c_embedder.out_layer"),
         ("time_in.mlp.0", "time_in.in_layer"), ("time_in.mlp.2", "time_in.out_layer"),
         ("guidance_in.mlp.0", "guidance_in.in_layer"), ("guidance_in.mlp.2", "guidance_in.out_layer"),
         ("self_attn_qkv", "self_attn.qkv"), ("self_attn_proj", "self_attn.proj"),
         ("_mod.linear", "_mod.lin"), ("modulation.linear", "modulation.lin"),
         ("_attn_qkv", "_attn.qkv"), ("_attn_proj", "_attn.proj"),
         ("_attn_q_norm.weight", "_attn.norm.query_norm.scale"), ("_attn_k_norm.weight", "_attn.norm.key_norm.scale"),
         (".q_norm.weight", ".norm.query_norm.scale"), (".k_norm.weight", ".norm.key_norm.scale"),
         ("mlp.fc1", "mlp.0"), ("mlp.fc2", "mlp.2")]


def original_names(model):
    """The diffusers weights under the names, and in the fused form, of the original release."""
    src, out = dict(model.state_dict()), {}

    def move(old, new):
        for kind in ("weight", "bias"):
            if f"{old}.{kind}" in src:
                out[f"{new}.{kind}"] = src.pop(f"{old}.{kind}")

    def fuse(olds, new):
        for kind in ("weight", "bias"):
            out[f"{new}.{kind}"] = torch.cat([src.pop(f"{old}.{kind}") for old in olds])

    for old, new in TOP.items():
        move(old, new)
    for i in range(len(model.context_embedder.token_refiner.refiner_blocks)):
        old = f"context_embedder.token_refiner.refiner_blocks.{i}"
        new = f"txt_in.individual_token_refiner.blocks.{i}"
        fuse([f"{old}.attn.to_{x}" for x in "qkv"], f"{new}.self_attn_qkv")
        for a, b in REFINER.items():
            move(f"{old}.{a}", f"{new}.{b}")
    for i in range(len(model.transformer_blocks)):
        old, new = f"transformer_blocks.{i}", f"double_blocks.{i}"
        fuse([f"{old}.attn.to_{x}" for x in "qkv"], f"{new}.img_attn_qkv")
        fuse([f"{old}.attn.add_{x}_proj" for x in "qkv"], f"{new}.txt_attn_qkv")
        for a, b in DOUBLE.items():
            move(f"{old}.{a}", f"{new}.{b}")
    for i in range(len(model.single_transformer_blocks)):
        old, new = f"single_transformer_blocks.{i}", f"single_blocks.{i}"
        fuse([f"{old}.attn.to_{x}" for x in "qkv"] + [f"{old}.proj_mlp"], f"{new}.linear1")
        for a, b in SINGLE.items():
            move(f"{old}.{a}", f"{new}.{b}")
    for kind in ("weight", "bias"):
        scale, shift = src.pop(f"norm_out.linear.{kind}").chunk(2)
        out[f"final_layer.adaLN_modulation.1.{kind}"] = torch.cat([shift, scale])
    assert not src, sorted(src)
    return out


def comfy_names(original, prefix="model.model."):
    out = {}
    for name, t in original.items():
        for old, new in COMFY:
            name = name.replace(old, new)
        out[prefix + name] = t
    assert len(out) == len(original)
    return out


def dit(key, **config):
    return fill(HunyuanVideoTransformer3DModel(**config), key)


def dit_inputs(key, model, frames, height, width, rows, valid, timestep, guidance):
    c = model.config
    x = {"latent": normal(f"{key}:latent", c.in_channels, frames, height, width),
         "timestep": torch.tensor([timestep]),
         "text": normal(f"{key}:text", rows, c.text_embed_dim),
         "clip": normal(f"{key}:clip", c.pooled_projection_dim)}
    if valid < rows:
        x["text_mask"] = (torch.arange(rows) < valid).long()
    if c.guidance_embeds:
        x["guidance"] = torch.tensor([guidance])
    return x


def dit_stages(model, x):
    """Every named stage of one forward pass."""
    refiner = model.context_embedder
    stages = {"vec": model.time_text_embed, "txt_in.c": refiner.time_text_embed, "txt_in.embed": refiner.proj_in,
              "img_in": model.x_embedder, "final_norm": model.norm_out}
    for name, blocks in (("refiner", refiner.token_refiner.refiner_blocks), ("double", model.transformer_blocks),
                         ("single", model.single_transformer_blocks)):
        stages.update({f"{name}.{i}": b for i, b in enumerate(blocks)})
    mask = x.get("text_mask", torch.ones(x["text"].shape[0], dtype=torch.int64))
    n = int(mask.sum())
    got, out = hooked(model, stages, lambda: model(
        hidden_states=x["latent"][None], timestep=x["timestep"], encoder_hidden_states=x["text"][None],
        encoder_attention_mask=mask[None].float(), pooled_projections=x["clip"][None], guidance=x.get("guidance"),
        return_dict=False)[0])

    expect = {"velocity": out[0]}
    for name, t in got.items():
        if name == "vec":
            expect[name] = t[0][0]
        elif name.startswith("double"):
            expect[f"{name}.img"], expect[f"{name}.txt"] = t[0][0], t[1][0, :n]
        elif name.startswith("single"):
            expect[name] = torch.cat([t[0][0], t[1][0, :n]])
        elif name == "txt_in.embed" or name.startswith("refiner"):
            expect[name] = t[0, :n]
        else:
            expect[name] = t[0]
    return expect


def make_dit(pipe_model):
    source = "diffusers HunyuanVideoTransformer3DModel"
    x = dit_inputs("dit_short", pipe_model, 3, 6, 10, 12, 5, 875.25, 6016.0)
    case("dit_short", "hunyuan.dit", ["pipe/transformer"], x, dit_stages(pipe_model, x), source)

    # The smallest one, in every naming.
    m = dit("dit_names", in_channels=4, out_channels=4, num_attention_heads=1, attention_head_dim=16, num_layers=2,
            num_single_layers=2, num_refiner_layers=2, text_embed_dim=20, pooled_projection_dim=12,
            rope_axes_dim=(4, 6, 6))
    m.save_pretrained(os.path.join(OUT, "dit_names/diffusers"))
    original = original_names(m)
    save("dit_names/original.safetensors", original)
    save("dit_names/comfy.safetensors", comfy_names(original))
    x = dit_inputs("dit_names", m, 2, 4, 6, 7, 7, 500.0, 6016.0)
    case("dit_names", "hunyuan.dit", ["dit_names/diffusers", "dit_names/original.safetensors",
                                      "dit_names/comfy.safetensors"], x, dit_stages(m, x), source)

    # Odd counts everywhere, more text than image, one frame, no guidance embedder, rope axes that no rule finds.
    m = dit("dit_odd", in_channels=6, out_channels=6, num_attention_heads=3, attention_head_dim=8, num_layers=3,
            num_single_layers=5, num_refiner_layers=1, text_embed_dim=28, pooled_projection_dim=20, mlp_ratio=3.0,
            rope_axes_dim=(2, 2, 4), guidance_embeds=False)
    save("dit_odd/original.safetensors", original_names(m))
    x = dit_inputs("dit_odd", m, 1, 10, 6, 41, 41, 31.0, None)
    case("dit_odd", "hunyuan.dit", ["dit_odd/original.safetensors"], x, dit_stages(m, x), source,
         rope_axes_dim="2,2,4")

    # The real head size. Weights are 8-bit floats cast without a scale, the rest bf16; upstream computes with
    # exactly those values in f32.
    m = dit("dit_head128", in_channels=4, out_channels=4, num_attention_heads=1, attention_head_dim=128, num_layers=1,
            num_single_layers=1, num_refiner_layers=1, text_embed_dim=16, pooled_projection_dim=12, mlp_ratio=0.5)
    weights = {}
    for name, t in original_names(m).items():
        weights[name] = t.to(torch.float8_e4m3fn if t.dim() == 2 else torch.bfloat16)
    m.load_state_dict({k: v.to(torch.float8_e4m3fn if v.dim() == 2 else torch.bfloat16).float()
                       for k, v in m.state_dict().items()})
    save("dit_head128/original_fp8.safetensors", weights)
    x = dit_inputs("dit_head128", m, 2, 6, 8, 9, 6, 997.0, 1000.0)
    case("dit_head128", "hunyuan.dit", ["dit_head128/original_fp8.safetensors"], x, dit_stages(m, x), source)


# ---- text -----------------------------------------------------------------------------------------------------------

def llama(key, vocab, hidden, heads, kv_heads, head, layers, ffn, theta=500000.0):
    return fill(LlamaModel(LlamaConfig(
        vocab_size=vocab, hidden_size=hidden, num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=head,
        num_hidden_layers=layers, intermediate_size=ffn, rms_norm_eps=1e-5, max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": theta}, bos_token_id=None, eos_token_id=None,
        pad_token_id=None, attn_implementation="sdpa")), key)


def llama_stages(model, ids, crop):
    with torch.no_grad():
        states = model(input_ids=ids[None], output_hidden_states=True).hidden_states
    expect = {"embed": states[0][0], "text": states[-3][0, crop:]}
    for i in range(len(model.layers) - 2):
        expect[f"layer.{i}"] = states[i + 1][0]
    return expect


def clip_stages(model, ids):
    m = ids.tolist().index(model.config.eos_token_id) + 1
    text = getattr(model, "text_model", model)
    stages = {"embed": text.embeddings, "final_norm": text.final_layer_norm}
    stages.update({f"layer.{i}": layer for i, layer in enumerate(text.encoder.layers)})
    got, out = hooked(model, stages, lambda: model(input_ids=ids[None]).pooler_output)
    expect = {"pooled": out[0]}
    for name, t in got.items():
        expect[name] = (t[0] if isinstance(t, tuple) else t)[0, :m]
    return expect


def clip(key, vocab, hidden, heads, layers, ffn, positions=77):
    return fill(CLIPTextModel(CLIPTextConfig(
        vocab_size=vocab, hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=layers,
        intermediate_size=ffn, max_position_embeddings=positions, hidden_act="quick_gelu", layer_norm_eps=1e-5,
        bos_token_id=vocab - 2, eos_token_id=vocab - 1, pad_token_id=vocab - 1)), key)


def clip_ids(key, vocab, count, padding):
    body = integers(key, 0, vocab - 2, count)
    return torch.cat([torch.tensor([vocab - 2]), body, torch.full((1 + padding,), vocab - 1)])


def named(model, prefix):
    """CLIP's weights under a prefix, whatever prefix this version of the library has in memory."""
    return {prefix + k.removeprefix("text_model."): v for k, v in model.state_dict().items()}


def make_text(pipe_llama, pipe_clip):
    source = "transformers LlamaModel, hidden_states[-3]"
    ids = integers("text:ids", 0, 600, 23)
    case("text", "hunyuan.text", ["pipe/text_encoder"], {"ids": ids}, llama_stages(pipe_llama, ids, 4), source, crop=4)

    # As ComfyUI's single file: prefix, 8-bit linears with scales, a marker, lm_head and a stored tokenizer.
    m = llama("text_fp8", 64, 32, 2, 1, 16, 3, 48)
    weights, state = {}, m.state_dict()
    for name, t in state.items():
        if "proj" in name:
            scale = t.abs().max() / 448
            weights[f"model.{name}"] = (t / scale).to(torch.float8_e4m3fn)
            weights["model." + name.replace(".weight", ".scale_weight")] = scale.reshape(())
            state[name] = weights[f"model.{name}"].float() * scale
        else:
            weights[f"model.{name}"] = t.to(torch.bfloat16)
            state[name] = weights[f"model.{name}"].float()
    m.load_state_dict(state)
    weights["lm_head.weight"] = normal("text_fp8:lm_head", 64, 32).to(torch.bfloat16)
    weights["scaled_fp8"] = torch.zeros(0).to(torch.float8_e4m3fn)
    weights["tokenizer"] = torch.arange(64, dtype=torch.uint8)
    save("text_fp8/comfy_fp8_scaled.safetensors", weights)
    ids = integers("text_fp8:ids", 0, 64, 9)
    case("text_fp8", "hunyuan.text", ["text_fp8/comfy_fp8_scaled.safetensors"], {"ids": ids},
         llama_stages(m, ids, 0), source, heads=2)

    source = "transformers CLIPTextModel, pooler_output"
    vocab = pipe_clip.config.vocab_size
    ids = clip_ids("clip:ids", vocab, 11, 64)
    case("clip", "hunyuan.clip", ["pipe/text_encoder_2"], {"ids": ids}, clip_stages(pipe_clip, ids), source)

    # As the whole CLIP checkpoint: the vision half and the projections have to be ignored.
    m = clip("clip_whole", 40, 32, 2, 2, 64, positions=16)
    weights = named(m, "text_model.")
    weights["text_model.embeddings.position_ids"] = torch.arange(16)[None]
    weights["logit_scale"] = torch.tensor(4.6)
    weights["text_projection.weight"] = normal("clip_whole:text_projection", 8, 32)
    weights["visual_projection.weight"] = normal("clip_whole:visual_projection", 8, 8)
    weights["vision_model.pre_layrnorm.weight"] = normal("clip_whole:vision", 8)
    save("clip_whole/model.safetensors", weights)
    save("clip_whole/bare.safetensors", named(m, ""))
    ids = clip_ids("clip_whole:ids", 40, 14, 0)
    case("clip_whole", "hunyuan.clip", ["clip_whole/model.safetensors", "clip_whole/bare.safetensors"], {"ids": ids},
         clip_stages(m, ids), source, heads=2)


# ---- the VAE --------------------------------------------------------------------------------------------------------

def vae(key, channels, latent, groups, layers):
    return fill(AutoencoderKLHunyuanVideo(latent_channels=latent, block_out_channels=channels, norm_num_groups=groups,
                                          layers_per_block=layers), key)


def comfy_vae_names(state, blocks=4):
    out = {}
    for name, t in state.items():
        for side in ("encoder", "decoder"):
            for i in range(2):
                name = name.replace(f"{side}.mid_block.resnets.{i}.", f"{side}.mid.block_{i + 1}.")
            name = name.replace(f"{side}.mid_block.attentions.0.", f"{side}.mid.attn_1.")
        for i in range(blocks):
            for old, new in ((f"encoder.down_blocks.{i}.", f"encoder.down.{i}."),
                             (f"decoder.up_blocks.{i}.", f"decoder.up.{blocks - 1 - i}.")):
                if name.startswith(old):
                    name = name.replace(old, new).replace(".resnets.", ".block.")
        for old, new in (("downsamplers.0", "downsample"), ("upsamplers.0", "upsample"), ("conv_norm_out", "norm_out"),
                         ("conv_shortcut", "nin_shortcut"), ("group_norm", "norm"), ("to_out.0", "proj_out"),
                         ("to_q", "q"), ("to_k", "k"), ("to_v", "v")):
            name = name.replace(old, new)
        if "attn_1" in name and t.dim() == 2:
            t = t[:, :, None, None, None]
        out[name] = t
    assert len(out) == len(state)
    return out


def tile_keys(tile, stride, frames, frames_stride):
    return {"tile": tile, "tile_stride": stride, "tile_frames": frames, "tile_frames_stride": frames_stride}


def set_tiling(model, tile, tile_stride, tile_frames, tile_frames_stride):
    model.enable_tiling(tile, tile, tile_frames, tile_stride, tile_stride, tile_frames_stride)


OFFICIAL = tile_keys(256, 192, 64, 48)


def decode_stages(model, latent, tiling=OFFICIAL):
    set_tiling(model, **tiling)
    d = model.decoder
    stages = {"post_quant": model.post_quant_conv, "conv_in": d.conv_in, "mid": d.mid_block}
    stages.update({f"up.{i}": b for i, b in enumerate(d.up_blocks)})
    z = latent / model.config.scaling_factor
    got, video = hooked(model, stages, lambda: model.decode(z[None], return_dict=False)[0])
    expect = {"video": video[0]}
    if tiling is OFFICIAL:
        expect.update({name: t[0] for name, t in got.items()})
    return expect


def encode_stages(model, video, tiling=OFFICIAL):
    set_tiling(model, **tiling)
    e = model.encoder
    stages = {"conv_in": e.conv_in, "mid": e.mid_block}
    stages.update({f"down.{i}": b for i, b in enumerate(e.down_blocks)})
    got, dist = hooked(model, stages, lambda: model.encode(video[None], return_dict=False)[0])
    expect = {"moments": dist.parameters[0], "latent": dist.mode()[0] * model.config.scaling_factor}
    if tiling is OFFICIAL:
        expect.update({name: t[0] for name, t in got.items()})
    return expect


def make_vae(model):
    source = "diffusers AutoencoderKLHunyuanVideo"
    c = model.config.latent_channels

    def decode(name, shape, tiling=OFFICIAL, model=model, checkpoints=("pipe/vae",)):
        x = normal(f"{name}:latent", *shape)
        args = {} if tiling is OFFICIAL else tiling
        case(name, "hunyuan.vae.decode", checkpoints, {"latent": x}, decode_stages(model, x, tiling), source, **args)

    def encode(name, shape, tiling=OFFICIAL):
        x = normal(f"{name}:video", *shape).mul(0.5).clamp(-1, 1)
        args = {} if tiling is OFFICIAL else tiling
        case(name, "hunyuan.vae.encode", ["pipe/vae"], {"video": x}, encode_stages(model, x, tiling), source, **args)

    decode("vae_decode", (c, 3, 2, 3))
    decode("vae_decode_image", (c, 1, 3, 2))
    # 65 frames at a quarter of the length: 5 latent frames, tiles of 5 and 2.
    decode("vae_decode_time", (c, 5, 2, 2), tile_keys(64, 48, 16, 12))
    # The third tile has one frame, which is dropped.
    decode("vae_decode_time_last", (c, 7, 1, 2), tile_keys(64, 48, 16, 12))
    decode("vae_decode_space", (c, 1, 7, 9), tile_keys(32, 24, 16, 12))
    decode("vae_decode_both", (c, 3, 4, 5), tile_keys(24, 16, 8, 4))
    encode("vae_encode", (3, 5, 16, 24))
    encode("vae_encode_time", (3, 17, 16, 8), tile_keys(64, 48, 16, 12))
    encode("vae_encode_space", (3, 1, 40, 56), tile_keys(32, 24, 16, 12))

    # The published layer count, the other naming, another group count.
    m = vae("vae_comfy", (4, 4, 8, 8), 2, 4, 2)
    save("vae_comfy/comfy.safetensors", comfy_vae_names(m.state_dict()))
    decode("vae_comfy", (2, 2, 2, 2), model=m, checkpoints=[("vae_comfy/comfy.safetensors", {"norm_groups": 4})])


# ---- schedule and the whole chain -----------------------------------------------------------------------------------

def make_schedule():
    out = {}
    for shift, steps in ((7.0, 50), (7.0, 5), (17.0, 6), (1.0, 4)):
        s = FlowMatchEulerDiscreteScheduler(shift=shift)
        s.set_timesteps(sigmas=np.linspace(1.0, 0.0, steps + 1)[:-1])
        name = f"shift_{shift:g}.steps_{steps}"
        out[f"{name}.sigmas"], out[f"{name}.timesteps"] = s.sigmas, s.timesteps
    save("schedule/expect.safetensors", out, {"source": "diffusers FlowMatchEulerDiscreteScheduler"})


def fast_tokenizer(path, **special):
    return PreTrainedTokenizerFast(tokenizer_file=os.path.join(OUT, path, "tokenizer.json"), **special)


def run_pipe(pipe, shape, prompt, negative=None, **args):
    """The pipeline's own loop on given noise; returns the inputs and stages of hunyuan.sample."""
    name = "sample:" + prompt
    c, t, h, w = shape
    noise = normal(f"{name}:noise", *shape)
    template = DEFAULT_PROMPT_TEMPLATE["template"]
    crop = len(pipe.tokenizer(template.split("{}")[0]).input_ids)
    where = {"template": template, "crop_start": crop}
    set_tiling(pipe.vae, **OFFICIAL)

    inputs, expect, latents = {"noise": noise}, {}, []
    for prefix, text in (("", prompt), ("negative_", negative)):
        if text is None:
            continue
        ids = pipe.tokenizer(template.format(text)).input_ids
        assert ids[:crop] == pipe.tokenizer(template.split("{}")[0]).input_ids
        inputs[f"{prefix}text_ids"] = torch.tensor(ids)
        inputs[f"{prefix}clip_ids"] = torch.tensor(pipe.tokenizer_2(text).input_ids)
        states, pooled, mask = pipe.encode_prompt(text, prompt_template=where)
        expect[f"{prefix}text"] = states[0, :int(mask.sum())]
        expect[f"{prefix}clip"] = pooled[0]

    def keep(_, __, ___, values):
        latents.append(values["latents"][0].clone())
        return values

    result = pipe(prompt=prompt, negative_prompt=negative, height=8 * h, width=8 * w, num_frames=4 * (t - 1) + 1,
                  latents=noise[None], prompt_template=where, callback_on_step_end=keep, output_type="pt", **args)
    expect["rgb"] = result.frames[0].permute(1, 0, 2, 3)
    expect["sigmas"] = pipe.scheduler.sigmas
    expect.update({f"latent.{i}": x for i, x in enumerate(latents)})
    return inputs, expect, crop


def make_samples(pipe):
    source = "diffusers HunyuanVideoPipeline"
    prompt = "A cat walks on the grass, realistic style."
    x, y, crop = run_pipe(pipe, (4, 2, 4, 6), prompt, num_inference_steps=4, guidance_scale=6.0)
    case("sample", "hunyuan.sample", ["pipe"], x, y, f"{source}; prompt: {prompt}", steps=4, shift=7, guidance=6,
         guidance_rounding="exact", crop=crop)

    # 6.016 is the guidance that gives in f32 what 6 gives in bf16.
    prompt, negative = "Rain over the city at night", "low quality, deformation"
    x, y, crop = run_pipe(pipe, (4, 1, 4, 4), prompt, negative, num_inference_steps=3, guidance_scale=6.016,
                          true_cfg_scale=3.5)
    case("sample_cfg", "hunyuan.sample", ["pipe"], x, y, f"{source}; prompt: {prompt}; negative: {negative}", steps=3,
         guidance=6, cfg=3.5, crop=crop)


def make_pipe():
    """The model folder that most cases share, and the pipeline over it."""
    folder = os.path.join(OUT, "pipe")
    llama_vocab, clip_vocab = make_tokenizers.make(OUT)
    parts = {
        "transformer": dit("dit_short", in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16,
                           num_layers=2, num_single_layers=2, num_refiner_layers=2, text_embed_dim=48,
                           pooled_projection_dim=32, rope_axes_dim=(4, 6, 6)),
        # Not the published theta, so that it has to be read from the config.
        "text_encoder": llama("text", llama_vocab, 48, 3, 1, 16, 4, 80, theta=10000.0),
        "text_encoder_2": clip("clip", clip_vocab, 32, 2, 2, 64),
        "vae": vae("vae", (4, 8, 12, 12), 4, 2, 1),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
    }
    for name, part in parts.items():
        shards = {"transformer": {"max_shard_size": "300KB"}, "text_encoder": {"max_shard_size": "250KB"}}
        part.save_pretrained(os.path.join(folder, name), **shards.get(name, {}))
    save("pipe/text_encoder_2/model.safetensors", named(parts["text_encoder_2"], "text_model."))
    save_json("pipe/model_index.json", {
        "_class_name": "HunyuanVideoPipeline",
        **{name: [type(part).__module__.split(".")[0], type(part).__name__] for name, part in parts.items()},
        "tokenizer": ["transformers", "LlamaTokenizerFast"], "tokenizer_2": ["transformers", "CLIPTokenizer"]})
    pipe = HunyuanVideoPipeline(
        tokenizer=fast_tokenizer("pipe/tokenizer", pad_token="<pad>", padding_side="right"),
        tokenizer_2=fast_tokenizer("tokenizer/clip", pad_token="<|endoftext|>", padding_side="right"), **parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def main():
    torch.set_num_threads(1)
    for name in os.listdir(OUT):
        if os.path.isdir(os.path.join(OUT, name)):
            shutil.rmtree(os.path.join(OUT, name))

    pipe = make_pipe()
    make_dit(pipe.transformer)
    make_text(pipe.text_encoder, pipe.text_encoder_2)
    make_vae(pipe.vae)
    make_schedule()
    make_samples(pipe)
    save_json("cases.json", CASES)

    total = 0
    for folder, _, names in os.walk(OUT):
        for name in names:
            size = os.path.getsize(os.path.join(folder, name))
            total += size
            if size >= 1 << 20:
                sys.exit(f"{folder}/{name} has {size} bytes, a megabyte is the limit")
    print(f"{len(CASES)} cases, {total} bytes in all")
    if total >= 6000000:
        sys.exit("that is over the limit of 6000000 bytes")


if __name__ == "__main__":
    main()
