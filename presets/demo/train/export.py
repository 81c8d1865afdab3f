"""Writes what was trained as a model folder in the layout of diffusers.

    DEMO_RUN=FOLDER python3 export.py [MODEL FOLDER]

Weights are the averaged ones in bf16. The tokenizers are in the model folder already: make_tokenizers.py made them.
"""

import json
import os
import sys

import torch

from basis import Basis, encoder
from common import MODEL, RUN, load_tensors, save_json, save_tensors
from net import Film, Vae
from recipe import SEED
from words import Words

LIMIT = 24_000_000

SCHEDULER = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 5.0,
             "use_dynamic_shifting": False}
INDEX = {"_class_name": "HunyuanVideoPipeline",
         "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
         "text_encoder": ["transformers", "LlamaModel"], "text_encoder_2": ["transformers", "CLIPTextModel"],
         "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
         "tokenizer_2": ["transformers", "PreTrainedTokenizerFast"],
         "transformer": ["diffusers", "HunyuanVideoTransformer3DModel"],
         "vae": ["diffusers", "AutoencoderKLHunyuanVideo"]}
FILES = {"text_encoder": "model.safetensors", "text_encoder_2": "model.safetensors",
         "transformer": "diffusion_pytorch_model.safetensors", "vae": "diffusion_pytorch_model.safetensors"}


def film(path=None):
    """The averaged model and its configurations."""
    state = torch.load(path or os.path.join(RUN, "film_ema.pt"), map_location="cpu", weights_only=True)
    model = Film(state["configs"], Words(MODEL).crop)
    model.load_state_dict({n: p.float() for n, p in state["ema"].items()})
    return model.eval(), state["configs"]


def vae():
    state = torch.load(os.path.join(RUN, "vae_ema.pt"), map_location="cpu", weights_only=True)
    model = Vae(**state["config"])
    model.load_state_dict({n: p.float() for n, p in state["ema"].items()})
    torch.manual_seed(SEED)
    for p in model.encoder.parameters():
        if p.dim() > 1:
            torch.nn.init.normal_(p, std=0.02)
        elif p.dim() == 1:
            torch.nn.init.ones_(p)
    encoder(model, Basis().parts)
    return model.eval(), state["config"]


def load_vae(folder):
    """The VAE of a model folder."""
    with open(os.path.join(folder, "vae/config.json")) as f:
        model = Vae(**json.load(f))
    model.load_state_dict(load_tensors(os.path.join(folder, "vae", FILES["vae"])))
    return model.eval()


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else MODEL
    model, configs = film()
    decoder, configs["vae"] = vae()
    parts = {**{k: getattr(model, k) for k in configs if k != "vae"}, "vae": decoder}
    for name, part in parts.items():
        os.makedirs(os.path.join(out, name), exist_ok=True)
        save_tensors(os.path.join(out, name, FILES[name]), {n: p.bfloat16() for n, p in part.state_dict().items()})
        config = {**configs[name], "dtype": "bfloat16"} if name.startswith("text") else configs[name]
        save_json(os.path.join(out, name, "config.json"), config)
    os.makedirs(os.path.join(out, "scheduler"), exist_ok=True)
    save_json(os.path.join(out, "scheduler/scheduler_config.json"), SCHEDULER)
    save_json(os.path.join(out, "model_index.json"), INDEX)
    total = sum(os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(out) for n in names)
    print(f"{out}: {total} bytes")
    if total >= LIMIT:
        sys.exit(f"that is over the limit of {LIMIT} bytes")


if __name__ == "__main__":
    main()
