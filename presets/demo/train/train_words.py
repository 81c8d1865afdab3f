"""Teaches the CLIP-style encoder what captions say, before there are films: attributes from its pooled state.

    DEMO_RUN=FOLDER python3 train_words.py [cpu|gpu|try]

Writes FOLDER/words.pt, from where train_film.py takes the encoder when it starts. Left to films alone it learns
nothing: what it would say, the tokens of the other encoder say too, and are heard sooner.
"""

import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

import world
from common import MODEL, RUN, device, save_state
from net import Clip, clip_config
from recipe import CLIP, RECIPES, SEED
from words import Words

BATCH, RATE = 64, 2e-3
ASKED = {"shape": list(world.SHAPES), "colour": list(world.COLOURS), "motion": list(world.MOTIONS),
         "size": list(world.SIZES), "surface": list(world.SURFACES), "ground": list(world.GROUNDS),
         "place": list(world.PLACES), "light": list(world.LIGHTS), "camera": list(world.CAMERAS)}


def answers(scene):
    both = {**scene, **scene["things"][0]}
    return [names.index(both[k]) for k, names in ASKED.items()]


def captions(words, rng, which, kind):
    """Padded ids, where each ends, and what is asked."""
    scenes = [world.draw(rng, which, kind) for _ in range(BATCH)]
    found = [words(world.caption(s, rng))[1] for s in scenes]
    ids = torch.zeros((BATCH, max(map(len, found))), dtype=torch.long)
    for row, f in zip(ids, found):
        row[:len(f)] = torch.tensor(f)
    last = torch.tensor([len(f) - 1 for f in found])
    return ids.to(device()), last.to(device()), torch.tensor([answers(s) for s in scenes]).T.to(device())


def main():
    recipe = RECIPES[sys.argv[1] if len(sys.argv) > 1 else "cpu"]
    which, steps = recipe["world"], recipe["words"]["steps"]
    words, rng = Words(MODEL), np.random.default_rng((SEED, 5))
    torch.manual_seed(SEED)
    clip = Clip(**clip_config(words.sizes[1], **CLIP)).to(device())
    for e in (clip.text_model.embeddings.token_embedding, clip.text_model.embeddings.position_embedding):
        e.weight.data.mul_(0.02)
    heads = torch.nn.ModuleList([torch.nn.Linear(CLIP["width"], len(n)) for n in ASKED.values()]).to(device())
    opt = torch.optim.AdamW([*clip.parameters(), *heads.parameters()], RATE, weight_decay=0.01)
    for step in range(steps):
        ids, last, asked = captions(words, rng, which, "train")
        pooled = clip(ids, last)
        loss = sum(F.cross_entropy(h(pooled), a) for h, a in zip(heads, asked))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
        for group in opt.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 100) * min(1, (steps - step) / (0.4 * steps))
        opt.step()
        opt.zero_grad()
        if (step + 1) % 200 == 0:
            print(f"{step + 1} of {steps}: loss {loss.item():.3f}", flush=True)
    right = np.zeros(len(ASKED))
    with torch.no_grad():
        for _ in range(8):
            ids, last, asked = captions(words, rng, which, "held out")
            pooled = clip(ids, last)
            right += [(h(pooled).argmax(1) == a).float().mean().item() / 8 for h, a in zip(heads, asked)]
    print(", ".join(f"{k} {100 * r:.1f} %" for k, r in zip(ASKED, right)))
    save_state(os.path.join(RUN, "words.pt"), clip=clip.state_dict())


if __name__ == "__main__":
    main()
