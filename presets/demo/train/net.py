"""HunyuanVideo's networks in plain PyTorch, with the tensor names of diffusers and transformers.

Only what training needs; `check_upstream.py` compares them with the published code. Sizes come from the JSON
configurations that ship beside the weights, so that a bigger model is a change of numbers in `recipe.py`.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


# ---- VAE ------------------------------------------------------------------------------------------------------------

class Conv(nn.Module):
    """A 3D convolution that repeats its border in space and the first frame in time."""

    def __init__(self, cin, cout, kernel=3, stride=1):
        super().__init__()
        self.pad = (kernel // 2,) * 4 + (kernel - 1, 0)
        self.conv = nn.Conv3d(cin, cout, kernel, stride)

    def forward(self, x):
        if self.pad[0]:
            x = F.pad(x, self.pad, mode="replicate")
        return self.conv(x)


class Resnet(nn.Module):
    def __init__(self, cin, cout, groups):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin, eps=1e-6)
        self.conv1 = Conv(cin, cout)
        self.norm2 = nn.GroupNorm(groups, cout, eps=1e-6)
        self.conv2 = Conv(cout, cout)
        self.conv_shortcut = Conv(cin, cout, 1) if cin != cout else None

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (self.conv_shortcut(x) if self.conv_shortcut else x)


class FrameAttention(nn.Module):
    """One head over all positions of this frame and those before it."""

    def __init__(self, channels, groups):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        b, c, t, h, w = x.shape
        y = self.group_norm(x).permute(0, 2, 3, 4, 1).flatten(1, 3)
        frame = torch.arange(t, device=x.device).repeat_interleave(h * w)
        mask = frame[:, None] >= frame[None]
        y = F.scaled_dot_product_attention(*(f(y)[:, None] for f in (self.to_q, self.to_k, self.to_v)),
                                           attn_mask=mask)[:, 0]
        y = self.to_out[0](y).unflatten(1, (t, h, w)).permute(0, 4, 1, 2, 3)
        return x + y


class Middle(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.attentions = nn.ModuleList([FrameAttention(channels, groups)])
        self.resnets = nn.ModuleList([Resnet(channels, channels, groups) for _ in range(2)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Up(nn.Module):
    def __init__(self, channels, factor):
        super().__init__()
        self.factor = factor
        self.conv = Conv(channels, channels)

    def forward(self, x):
        ft, fs = self.factor
        x = x.repeat_interleave(fs, 3).repeat_interleave(fs, 4)
        if ft > 1:
            x = torch.cat([x[:, :, :1], x[:, :, 1:].repeat_interleave(ft, 2)], 2)
        return self.conv(x)


class Level(nn.Module):
    """Resnets, and what changes the size behind them."""

    def __init__(self, cin, cout, layers, groups, down=None, up=None):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(cin if i == 0 else cout, cout, groups) for i in range(layers)])
        self.down = self.up = None
        if down:
            conv = nn.Module()
            conv.conv = Conv(cout, cout, 3, down)
            self.downsamplers = nn.ModuleList([conv])
            self.down = True
        if up:
            self.upsamplers = nn.ModuleList([Up(cout, up)])
            self.up = True

    def forward(self, x):
        for r in self.resnets:
            x = r(x)
        if self.down:
            x = self.downsamplers[0].conv(x)
        return self.upsamplers[0](x) if self.up else x


class Half(nn.Module):
    """Encoder and decoder: the levels of one come before its middle, those of the other behind it."""

    def __init__(self, cin, cout, widths, levels_name, levels, middle, groups):
        super().__init__()
        first, last = (widths[-1], widths[0]) if levels_name == "up_blocks" else (widths[0], widths[-1])
        self.conv_in = Conv(cin, first)
        self.mid_block = Middle(middle, groups)
        setattr(self, levels_name, nn.ModuleList(levels))
        self.conv_norm_out = nn.GroupNorm(groups, last, eps=1e-6)
        self.conv_out = Conv(last, cout)
        self.middle_first = levels_name == "up_blocks"
        self.levels = levels_name

    def forward(self, x):
        x = self.conv_in(x)
        if self.middle_first:
            x = self.mid_block(x)
        for level in getattr(self, self.levels):
            x = level(x)
        if not self.middle_first:
            x = self.mid_block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Vae(nn.Module):
    """Four levels: space is halved by the first three, time by the second and third."""

    def __init__(self, block_out_channels, latent_channels, layers_per_block, norm_num_groups, **_):
        super().__init__()
        w, n, g, z = list(block_out_channels), layers_per_block, norm_num_groups, latent_channels
        strides = [(1, 2, 2), (2, 2, 2), (2, 2, 2), None]
        down = [Level(w[max(i - 1, 0)], w[i], n, g, down=strides[i]) for i in range(4)]
        r = w[::-1]
        factors = [(1, 2), (2, 2), (2, 2), None]
        up = [Level(r[max(i - 1, 0)], r[i], n + 1, g, up=factors[i]) for i in range(4)]
        self.encoder = Half(3, 2 * z, w, "down_blocks", down, w[-1], g)
        self.decoder = Half(z, 3, w, "up_blocks", up, w[-1], g)
        self.quant_conv = nn.Conv3d(2 * z, 2 * z, 1)
        self.post_quant_conv = nn.Conv3d(z, z, 1)

    def encode(self, video):
        """Mean and logarithm of the variance."""
        mean, logvar = self.quant_conv(self.encoder(video)).chunk(2, 1)
        return mean, logvar.clamp(-30, 20)

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))


def vae_config(channels, layers, groups, scaling):
    return {"_class_name": "AutoencoderKLHunyuanVideo", "act_fn": "silu", "block_out_channels": list(channels),
            "down_block_types": ["HunyuanVideoDownBlock3D"] * 4, "in_channels": 3, "latent_channels": 16,
            "layers_per_block": layers, "mid_block_add_attention": True, "norm_num_groups": groups, "out_channels": 3,
            "scaling_factor": scaling, "spatial_compression_ratio": 8, "temporal_compression_ratio": 4,
            "up_block_types": ["HunyuanVideoUpBlock3D"] * 4}


# ---- text encoders --------------------------------------------------------------------------------------------------

class LlamaLayer(nn.Module):
    def __init__(self, width, heads, groups, head, ffn):
        super().__init__()
        self.heads, self.groups, self.head = heads, groups, head
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        for name, cin, cout in (("q_proj", width, heads * head), ("k_proj", width, groups * head),
                                ("v_proj", width, groups * head), ("o_proj", heads * head, width)):
            setattr(self.self_attn, name, nn.Linear(cin, cout, bias=False))
        for name, cin, cout in (("gate_proj", width, ffn), ("up_proj", width, ffn), ("down_proj", ffn, width)):
            setattr(self.mlp, name, nn.Linear(cin, cout, bias=False))
        self.input_layernorm = nn.RMSNorm(width, eps=1e-5)
        self.post_attention_layernorm = nn.RMSNorm(width, eps=1e-5)

    def forward(self, x, cos, sin):
        a, m = self.self_attn, self.mlp
        y = self.input_layernorm(x)
        q, k, v = (f(y).unflatten(2, (-1, self.head)).transpose(1, 2) for f in (a.q_proj, a.k_proj, a.v_proj))

        def turn(t):
            first, second = t.chunk(2, -1)
            return t * cos + torch.cat([-second, first], -1) * sin

        k, v = (t.repeat_interleave(self.heads // self.groups, 1) for t in (turn(k), v))
        y = F.scaled_dot_product_attention(turn(q), k, v, is_causal=True)
        x = x + a.o_proj(y.transpose(1, 2).flatten(2))
        y = self.post_attention_layernorm(x)
        return x + m.down_proj(F.silu(m.gate_proj(y)) * m.up_proj(y))


class Llama(nn.Module):
    """The pipeline reads what comes out two layers before the last: these two are kept, and never run."""

    def __init__(self, vocab_size, hidden_size, num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim,
                 intermediate_size, theta=10000.0, **_):
        super().__init__()
        self.head, self.theta = head_dim, theta
        self.embed_tokens = nn.Embedding(vocab_size, hidden_size)
        self.layers = nn.ModuleList([LlamaLayer(hidden_size, num_attention_heads, num_key_value_heads, head_dim,
                                                intermediate_size) for _ in range(num_hidden_layers)])
        self.norm = nn.RMSNorm(hidden_size, eps=1e-5)

    def forward(self, ids, crop):
        """Rows behind the template; all prompts have equally many tokens."""
        x = self.embed_tokens(ids)
        f = self.theta ** (-torch.arange(0, self.head, 2, device=x.device) / self.head)
        angle = torch.arange(ids.shape[1], device=x.device)[:, None] * f
        angle = torch.cat([angle, angle], -1)
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        for layer in self.layers[:-2]:
            x = layer(x, cos, sin)
        return x[:, crop:]


class ClipLayer(nn.Module):
    def __init__(self, width, heads, ffn):
        super().__init__()
        self.heads = heads
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self.self_attn, name, nn.Linear(width, width))
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, ffn), nn.Linear(ffn, width)

    def forward(self, x):
        a = self.self_attn
        y = self.layer_norm1(x)
        q, k, v = (f(y).unflatten(2, (self.heads, -1)).transpose(1, 2) for f in (a.q_proj, a.k_proj, a.v_proj))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + a.out_proj(y.transpose(1, 2).flatten(2))
        y = self.mlp.fc1(self.layer_norm2(x))
        return x + self.mlp.fc2(y * torch.sigmoid(1.702 * y))


class Clip(nn.Module):
    def __init__(self, vocab_size, hidden_size, num_hidden_layers, num_attention_heads, intermediate_size,
                 max_position_embeddings=77, **_):
        super().__init__()
        self.text_model = t = nn.Module()
        t.embeddings, t.encoder = nn.Module(), nn.Module()
        t.embeddings.token_embedding = nn.Embedding(vocab_size, hidden_size)
        t.embeddings.position_embedding = nn.Embedding(max_position_embeddings, hidden_size)
        t.encoder.layers = nn.ModuleList([ClipLayer(hidden_size, num_attention_heads, intermediate_size)
                                          for _ in range(num_hidden_layers)])
        t.final_layer_norm = nn.LayerNorm(hidden_size)

    def forward(self, ids, last):
        """The state of the token at `last`, one index a row."""
        t = self.text_model
        x = t.embeddings.token_embedding(ids) + t.embeddings.position_embedding.weight[:ids.shape[1]]
        for layer in t.encoder.layers:
            x = layer(x)
        return t.final_layer_norm(x[torch.arange(len(ids), device=ids.device), last])


# ---- transformer ----------------------------------------------------------------------------------------------------

def waves(v):
    """256 cosines and sines of a number."""
    f = torch.exp(-math.log(10000) * torch.arange(128, device=v.device) / 128)
    return torch.cat([(v[:, None] * f).cos(), (v[:, None] * f).sin()], 1)


class TwoLinears(nn.Module):
    def __init__(self, cin, width):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(cin, width), nn.Linear(width, width)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class Attention(nn.Module):
    """The projections of one attention; q and k are normalized a head where `norm` asks for it."""

    def __init__(self, width, head, norm=True, out=True, added=False):
        super().__init__()
        self.head = head
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        if norm:
            self.norm_q, self.norm_k = nn.RMSNorm(head, eps=1e-6), nn.RMSNorm(head, eps=1e-6)
        if out:
            self.to_out = nn.ModuleList([nn.Linear(width, width)])
        if added:
            self.add_q_proj, self.add_k_proj, self.add_v_proj = (nn.Linear(width, width) for _ in range(3))
            self.norm_added_q, self.norm_added_k = nn.RMSNorm(head, eps=1e-6), nn.RMSNorm(head, eps=1e-6)
            self.to_add_out = nn.Linear(width, width)

    def split(self, x):
        return x.unflatten(2, (-1, self.head))

    def qkv(self, x):
        return (self.norm_q(self.split(self.to_q(x))), self.norm_k(self.split(self.to_k(x))), self.split(self.to_v(x)))

    def added_qkv(self, x):
        return (self.norm_added_q(self.split(self.add_q_proj(x))), self.norm_added_k(self.split(self.add_k_proj(x))),
                self.split(self.add_v_proj(x)))


def attend(q, k, v):
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    if q.is_cuda:
        out = F.scaled_dot_product_attention(q, k, v)
    else:
        # Two products are more than twice as fast on a processor.
        out = (q * q.shape[-1] ** -0.5 @ k.transpose(2, 3)).softmax(-1) @ v
    return out.transpose(1, 2).flatten(2)


def feed_forward(width, ratio):
    ff = nn.Module()
    proj = nn.Module()
    proj.proj = nn.Linear(width, int(ratio * width))
    ff.net = nn.ModuleList([proj, nn.Identity(), nn.Linear(int(ratio * width), width)])
    return ff


def feed(ff, x, act):
    return ff.net[2](act(ff.net[0].proj(x)))


def gelu(x):
    return F.gelu(x, approximate="tanh")


def normal(x):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def modulate(x, shift, scale):
    return normal(x) * (1 + scale[:, None]) + shift[:, None]


def modulation(width, parts):
    m = nn.Module()
    m.linear = nn.Linear(width, parts * width)
    return m


def turn(x, cos, sin):
    """Rotates adjacent pairs of the first rows, as many as there are angles."""
    n = cos.shape[1]
    y = x[:, :n]
    # (a, b) to (-b, a), as a product of matrices.
    quarter = torch.kron(torch.eye(y.shape[-1] // 2), torch.tensor([[0, 1], [-1, 0]])).to(y)
    y = y * cos.unsqueeze(2) + (y.flatten(0, 2) @ quarter).view(y.shape) * sin.unsqueeze(2)
    return torch.cat([y, x[:, n:]], 1) if n < x.shape[1] else y


class Refiner(nn.Module):
    def __init__(self, width, head, ratio):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, head, norm=False)
        self.ff = feed_forward(width, ratio)
        self.norm_out = modulation(width, 2)

    def forward(self, x, c):
        gate_a, gate_m = self.norm_out.linear(F.silu(c)).chunk(2, 1)
        a, y = self.attn, self.norm1(x)
        y = attend(*(a.split(f(y)) for f in (a.to_q, a.to_k, a.to_v)))
        x = x + gate_a[:, None] * a.to_out[0](y)
        return x + gate_m[:, None] * feed(self.ff, self.norm2(x), F.silu)


class Double(nn.Module):
    def __init__(self, width, head, ratio):
        super().__init__()
        self.norm1, self.norm1_context = modulation(width, 6), modulation(width, 6)
        self.attn = Attention(width, head, added=True)
        self.ff, self.ff_context = feed_forward(width, ratio), feed_forward(width, ratio)

    def forward(self, x, y, vec, cos, sin):
        a, n = self.attn, x.shape[1]
        mx = self.norm1.linear(F.silu(vec)).chunk(6, 1)
        my = self.norm1_context.linear(F.silu(vec)).chunk(6, 1)
        q, k, v = a.qkv(modulate(x, mx[0], mx[1]))
        parts = a.added_qkv(modulate(y, my[0], my[1]))
        q, k = turn(q, cos, sin), turn(k, cos, sin)
        out = attend(*(torch.cat(pair, 1) for pair in zip((q, k, v), parts)))
        x = x + mx[2][:, None] * a.to_out[0](out[:, :n])
        y = y + my[2][:, None] * a.to_add_out(out[:, n:])
        x = x + mx[5][:, None] * feed(self.ff, modulate(x, mx[3], mx[4]), gelu)
        y = y + my[5][:, None] * feed(self.ff_context, modulate(y, my[3], my[4]), gelu)
        return x, y


class Single(nn.Module):
    def __init__(self, width, head, ratio):
        super().__init__()
        self.norm = modulation(width, 3)
        self.attn = Attention(width, head, out=False)
        self.proj_mlp = nn.Linear(width, int(ratio * width))
        self.proj_out = nn.Linear(width + int(ratio * width), width)

    def forward(self, x, vec, cos, sin):
        shift, scale, gate = self.norm.linear(F.silu(vec)).chunk(3, 1)
        y = modulate(x, shift, scale)
        q, k, v = self.attn.qkv(y)
        out = attend(turn(q, cos, sin), turn(k, cos, sin), v)
        return x + gate[:, None] * self.proj_out(torch.cat([out, gelu(self.proj_mlp(y))], 2))


class Transformer(nn.Module):
    def __init__(self, num_attention_heads, attention_head_dim, num_layers, num_single_layers, num_refiner_layers,
                 text_embed_dim, pooled_projection_dim, in_channels, mlp_ratio, rope_axes_dim, rope_theta, **_):
        super().__init__()
        w, head, r = num_attention_heads * attention_head_dim, attention_head_dim, mlp_ratio
        self.axes, self.theta, self.channels = rope_axes_dim, rope_theta, in_channels
        self.x_embedder = nn.Module()
        self.x_embedder.proj = nn.Conv3d(in_channels, w, (1, 2, 2), (1, 2, 2))
        self.context_embedder = c = nn.Module()
        c.time_text_embed = nn.Module()
        c.time_text_embed.timestep_embedder = TwoLinears(256, w)
        c.time_text_embed.text_embedder = TwoLinears(text_embed_dim, w)
        c.proj_in = nn.Linear(text_embed_dim, w)
        c.token_refiner = nn.Module()
        c.token_refiner.refiner_blocks = nn.ModuleList([Refiner(w, head, r) for _ in range(num_refiner_layers)])
        self.time_text_embed = t = nn.Module()
        t.timestep_embedder, t.guidance_embedder = TwoLinears(256, w), TwoLinears(256, w)
        t.text_embedder = TwoLinears(pooled_projection_dim, w)
        self.transformer_blocks = nn.ModuleList([Double(w, head, r) for _ in range(num_layers)])
        self.single_transformer_blocks = nn.ModuleList([Single(w, head, r) for _ in range(num_single_layers)])
        self.norm_out = modulation(w, 2)
        self.proj_out = nn.Linear(w, 4 * in_channels)

    def angles(self, sizes, stride, start, device):
        """Cosines and sines, [films or 1, tokens, elements of a head]."""
        grid = torch.meshgrid(*(torch.arange(n, device=device) * s + (s - 1) / 2 for n, s in zip(sizes, stride)),
                              indexing="ij")
        start = torch.zeros((1, 3), device=device) if start is None else start
        parts = [(g.reshape(1, -1, 1) + start[:, i, None, None]) *
                 self.theta ** (-torch.arange(0, d, 2, device=device) / d)
                 for i, (g, d) in enumerate(zip(grid, self.axes))]
        angle = torch.cat(parts, 2).repeat_interleave(2, 2)
        return angle.cos().to(self.proj_out.weight.dtype), angle.sin().to(self.proj_out.weight.dtype)

    def forward(self, latent, time, text, pooled, guidance, stride=(1, 1, 1), start=None):
        """Velocity; `time` and `guidance` are a thousand times the noise level and the factor. Small films and parts
        of films are trained at the places of a whole one: `stride` is the distance of their tokens, and `start` where
        the first is, [films, 3]."""
        t, h, w = latent.shape[2], latent.shape[3] // 2, latent.shape[4] // 2
        e, c = self.time_text_embed, self.context_embedder
        time, guidance = waves(time).to(text.dtype), waves(guidance).to(text.dtype)
        vec = e.timestep_embedder(time) + e.text_embedder(pooled) + e.guidance_embedder(guidance)
        ct = c.time_text_embed.timestep_embedder(time) + c.time_text_embed.text_embedder(text.mean(1))
        y = c.proj_in(text)
        for block in c.token_refiner.refiner_blocks:
            y = block(y, ct)
        # The patch convolution as a product of matrices.
        x = latent.to(text.dtype).unflatten(3, (h, 2)).unflatten(5, (w, 2))
        x = x.permute(0, 2, 3, 5, 1, 4, 6).flatten(4).flatten(1, 3)
        x = F.linear(x, self.x_embedder.proj.weight.flatten(1), self.x_embedder.proj.bias)
        cos, sin = self.angles((t, h, w), stride, start, latent.device)
        n = x.shape[1]
        for block in self.transformer_blocks:
            x, y = block(x, y, vec, cos, sin)
        z = torch.cat([x, y], 1)
        for block in self.single_transformer_blocks:
            z = block(z, vec, cos, sin)
        scale, shift = self.norm_out.linear(F.silu(vec)).chunk(2, 1)
        z = self.proj_out(modulate(z[:, :n], shift, scale))
        return z.unflatten(1, (t, h, w)).unflatten(4, (-1, 2, 2)).permute(0, 4, 1, 2, 5, 3, 6).flatten(5).flatten(3, 4)


def transformer_config(heads, double, single, refiner, text, pooled):
    return {"_class_name": "HunyuanVideoTransformer3DModel", "attention_head_dim": 128, "guidance_embeds": True,
            "in_channels": 16, "mlp_ratio": 4.0, "num_attention_heads": heads, "num_layers": double,
            "num_refiner_layers": refiner, "num_single_layers": single, "out_channels": 16, "patch_size": 2,
            "patch_size_t": 1, "pooled_projection_dim": pooled, "qk_norm": "rms_norm", "rope_axes_dim": [16, 56, 56],
            "rope_theta": 256.0, "text_embed_dim": text}


def llama_config(vocab, width, layers, heads, groups, ffn):
    return {"architectures": ["LlamaModel"], "attention_bias": False, "hidden_act": "silu", "head_dim": 64,
            "hidden_size": width, "intermediate_size": ffn, "max_position_embeddings": 1024, "mlp_bias": False,
            "model_type": "llama", "num_attention_heads": heads, "num_hidden_layers": layers + 2,
            "num_key_value_heads": groups, "rms_norm_eps": 1e-5, "bos_token_id": None, "eos_token_id": None,
            "pad_token_id": None, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
            "tie_word_embeddings": False, "vocab_size": vocab}


def clip_config(vocab, width, layers, heads, ffn):
    return {"architectures": ["CLIPTextModel"], "bos_token_id": vocab - 2, "eos_token_id": vocab - 1,
            "hidden_act": "quick_gelu", "hidden_size": width, "intermediate_size": ffn, "layer_norm_eps": 1e-5,
            "max_position_embeddings": 77, "model_type": "clip_text_model", "num_attention_heads": heads,
            "num_hidden_layers": layers, "pad_token_id": vocab - 1, "projection_dim": width, "vocab_size": vocab}


class Film(nn.Module):
    """Text encoders and transformer, which are trained together."""

    def __init__(self, configs, crop):
        super().__init__()
        self.text_encoder = Llama(**configs["text_encoder"])
        self.text_encoder_2 = Clip(**configs["text_encoder_2"])
        self.transformer = Transformer(**configs["transformer"])
        self.crop = crop

    def forward(self, latent, time, llama, clip, last, guidance, stride=(1, 1, 1), start=None):
        return self.transformer(latent, time, self.text_encoder(llama, self.crop), self.text_encoder_2(clip, last),
                                guidance, stride, start)
