"""Trains text encoders and transformer together, by flow matching, on films drawn as they are needed.

    DEMO_RUN=FOLDER python3 train_film.py [cpu|gpu|try] [MINUTES OF THIS RUN]

Goes on where an earlier run stopped: from FOLDER/film.pt, or from the averaged weights FOLDER/film_ema.pt alone. Needs
FOLDER/basis.pt, the tokenizers of the model folder, and FOLDER/words.pt, or CLIP's kind learns nothing. The last stage
learns from the model of the stage before it what guidance does, so that one pass with a factor does the work of two.
"""

import os
import queue
import sys
import threading
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

import world
from basis import Basis
from common import MODEL, RUN, Average, Clock, Log, Optimizer, Team, Twins, device, load_state, save_state, workers
from net import Film, clip_config, llama_config, transformer_config
from recipe import CLIP, LLAMA, RECIPES, SEED, TRANSFORMER
from words import Words

DROPPED = 0.1               # share of films that are shown without a caption
CHUNK, LONGEST = 16, 192
PLAIN = 1000.0              # what the guidance embedding reads for a factor of one


def configs(words):
    return {"text_encoder": llama_config(words.sizes[0], **LLAMA),
            "text_encoder_2": clip_config(words.sizes[1], **CLIP),
            "transformer": transformer_config(**TRANSFORMER, text=LLAMA["width"], pooled=CLIP["width"])}


def whereabouts(scene):
    """Place of the thing in each latent frame: row and column of tokens."""
    u = np.clip((4 * np.arange((world.FRAMES - 1) // 4 + 1) - 1.5) / (world.FRAMES - 1), 0, 1)
    x, y, _, _ = world.path(scene["things"][0], scene["place"], u)
    return torch.from_numpy(np.stack([y, x], 1) * 0.5 + 0.5) * (world.SIZE / 16)


class Films(IterableDataset):
    """Endless chunks: latents, ids of LLaMA's and CLIP's kind, padded, how many, and places of things."""

    def __init__(self, which, size, seed):
        self.which, self.size, self.seed = which, size, seed

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((SEED, 3, self.seed, info.id if info else 0))
        basis, words = Basis(), Words(MODEL)
        while True:
            latents, places, ids = [], [], torch.zeros((2, CHUNK, LONGEST), dtype=torch.int16)
            counts = torch.zeros((2, CHUNK), dtype=torch.int64)
            for i in range(CHUNK):
                scene = world.draw(rng, self.which)
                text = world.caption(scene, rng) if rng.uniform() >= DROPPED else ""
                latents.append(torch.from_numpy(basis(world.paint(scene, self.size) / 127.5 - 1)).bfloat16())
                places.append(whereabouts(scene))
                for k, found in enumerate(words(text)):
                    ids[k, i] = found[-1]
                    ids[k, i, :len(found)] = torch.tensor(found)
                    counts[k, i] = len(found)
            yield torch.stack(latents), ids, counts, torch.stack(places).float()


class Ring:
    """The newest films, by the number of tokens of their captions; a batch has one number, so nothing is padded."""

    def __init__(self, films, capacity, fresh):
        self.capacity, self.fresh, self.owed = capacity, fresh, 0.0
        self.used, self.at, self.by_length, self.length = 0, 0, {}, {}
        self.latents = self.queue = None
        if workers():
            # They draw as fast as they can; a thread takes what they have drawn.
            loader = DataLoader(films, batch_size=None, num_workers=workers(), prefetch_factor=4)
            self.queue = queue.Queue(64)
            self.thread = threading.Thread(target=self.fetch, args=(iter(loader),), daemon=True)
            self.thread.start()
        else:
            self.source = iter(films)

    def fetch(self, source):
        while self.queue:
            self.queue.put(next(source))

    def close(self):
        """Ends the thread and with it the processes."""
        ending, self.queue = self.queue, None
        while ending and self.thread.is_alive():
            while not ending.empty():
                ending.get()
            self.thread.join(0.1)

    def put(self, chunk):
        latents, ids, counts, places = (t.to(device()) for t in chunk)
        if self.latents is None:
            self.latents = torch.empty((self.capacity, *latents.shape[1:]), dtype=latents.dtype, device=device())
            self.ids = torch.empty((2, self.capacity, LONGEST), dtype=ids.dtype, device=device())
            self.counts = torch.empty((2, self.capacity), dtype=counts.dtype, device=device())
            self.places = torch.empty((self.capacity, *places.shape[1:]), device=device())
        at = slice(self.at, self.at + CHUNK)
        self.latents[at], self.ids[:, at], self.counts[:, at], self.places[at] = latents, ids, counts, places
        for i, n in zip(range(self.at, self.at + CHUNK), chunk[2][0].tolist()):
            if i in self.length:
                self.by_length[self.length[i]].remove(i)
            self.length[i] = n
            self.by_length.setdefault(n, set()).add(i)
        self.at = (self.at + CHUNK) % self.capacity
        self.used = min(self.used + CHUNK, self.capacity)

    def fill(self, count):
        while self.used < count:
            self.put(self.queue.get() if self.queue else next(self.source))

    def batch(self, rng, count):
        if self.queue:
            for _ in range(min(16, self.queue.qsize())):
                self.put(self.queue.get())
        else:
            self.owed += self.fresh * count
            while self.owed >= CHUNK:
                self.put(next(self.source))
                self.owed -= CHUNK
        lengths = [n for n in self.by_length if self.by_length[n]]
        share = np.array([len(self.by_length[n]) for n in lengths], float)
        n = lengths[rng.choice(len(lengths), p=share / share.sum())]
        among = np.array(sorted(self.by_length[n]))
        rows = torch.from_numpy(rng.choice(among, count, replace=len(among) < count)).to(device())
        clips = self.counts[1, rows]
        return (self.latents[rows].float(), self.ids[0, rows, :n].long(), self.ids[1, rows, :int(clips.max())].long(),
                clips - 1, self.places[rows])


def times(count, shift):
    t = torch.sigmoid(torch.randn(count, device=device()))
    t = torch.where(torch.rand_like(t) < 0.1, torch.rand_like(t), t)
    return (shift * t / (1 + (shift - 1) * t)).clamp(1e-3, 1)


def stage_of(stages, done):
    at = 0.0
    for i, s in enumerate(stages):
        at += s["share"]
        if done < at:
            break
    return i, s


def stride(size):
    return (1, world.SIZE // size, world.SIZE // size)


def plain(name):
    """What Adam takes: embeddings, and matrices that see one row a film."""
    return any(k in name for k in ("embed", "norm", "proj_out.", "x_embedder")) and "transformer_blocks" not in name \
        or "norm" in name


def part_around(z, places, first, frames, side):
    """Some latent frames of films, `side` tokens around the thing; and where they start."""
    room = z.shape[3] // 2 - side
    corners = (places[:, first + frames // 2] - side / 2).round().clamp(0, room).long()
    parts = [film[:, first:first + frames, 2 * r:2 * (r + side), 2 * c:2 * (c + side)]
             for film, (r, c) in zip(z, corners.tolist())]
    return torch.stack(parts), torch.cat([torch.full_like(corners[:, :1], first), corners], 1)


def noisy(batch, s, window):
    """Films at random noise levels, with what is asked for: all that is drawn by chance. `window`: first and number of
    the latent frames that are looked at, and tokens a side; all if absent."""
    z, llama, clip, last, places = batch
    z, start = part_around(z, places, *window) if window else (z, None)
    t, noise = times(len(z), s["shift"]), torch.randn_like(z)
    factor = 1 + 6 * torch.rand(len(z), device=device())
    return z + t[:, None, None, None, None] * (noise - z), noise - z, t, factor, llama, clip, last, start


def loss_of(model, teacher, part, s, nothing):
    x, target, t, factor, llama, clip, last, start = part
    n, steps = len(x), stride(s["size"])
    guidance = torch.full((n,), PLAIN, device=device())
    if teacher:
        with torch.no_grad():
            yes = teacher(x, 1000 * t, llama, clip, last, guidance, steps, start).float()
            no = teacher(x, 1000 * t, *(e.expand(n, *e.shape[1:]) for e in nothing), guidance, steps, start).float()
        target, guidance = no + factor[:, None, None, None, None] * (yes - no), 1000 * factor
    v = model(x, 1000 * t, llama, clip, last, guidance, steps, start)
    return (v.float() - target).square().mean()


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    recipe = RECIPES[name]
    r = recipe["film"]
    limit = 60 * float(sys.argv[2]) if len(sys.argv) > 2 else 1e9
    words = Words(MODEL)
    torch.manual_seed(SEED)
    model = Film(configs(words), words.crop).to(device())
    for n, p in model.named_parameters():
        if "norm" in n and "linear" in n or n.startswith("transformer.proj_out") or "token_embedding" in n:
            p.data.mul_(0.02 if "embedding" in n else 0)
    told = load_state(os.path.join(RUN, "words.pt"))
    if told:
        model.text_encoder_2.load_state_dict(told["clip"])
    learned = [(n, p) for n, p in model.named_parameters()
               if not any(n.startswith(f"text_encoder.layers.{i}.") for i in (LLAMA["layers"], LLAMA["layers"] + 1))]
    opt = Optimizer(learned, r["lr"], r["adam"], plain, decay=0.02)
    ema, teacher = Average(model, r["average"]), None
    path, step, before, taught = os.path.join(RUN, "film.pt"), 0, 0.0, None
    small = os.path.join(RUN, "film_ema.pt")
    state = load_state(path) or load_state(small)
    if state:
        ema.weights, ema.count = {n: p.float() for n, p in state["ema"].items()}, state["ema_count"]
        model.load_state_dict(state.get("model", ema.weights))
        if "opt" in state:
            opt.load_state_dict(state["opt"])
        step, before, taught = state["step"], state["seconds"], state["teacher"]
    team = Team()
    twins = Twins(model, team.size)
    clock, started = Clock(before), time.time()
    log = Log(os.path.join(RUN, "film.csv"), ("step", "seconds", "stage", "tokens", "loss"))
    rng = np.random.default_rng((SEED, 4, step))
    torch.manual_seed(SEED + step)
    llama, clip = words("")
    nothing = tuple(torch.tensor(i, device=device())[None] for i in (llama, clip)) + \
        (torch.tensor([len(clip) - 1], device=device()),)
    now, ring, sums, saved = None, None, [], time.time()

    def keep():
        shared = {"ema_count": ema.count, "step": step, "seconds": clock(), "configs": configs(words)}
        half = {n: p.bfloat16() for n, p in ema.weights.items()}
        save_state(small, ema=half, teacher=taught and {n: p.bfloat16() for n, p in taught.items()}, **shared)
        save_state(path, model=model.state_dict(), ema=ema.weights, opt=opt.state_dict(), teacher=taught, **shared)

    while time.time() - started < limit:
        done = clock() / (60 * r["minutes"])
        if done >= 1:
            break
        index, s = stage_of(r["stages"], done)
        if index != now:
            now = index
            if ring:
                ring.close()
            ring = Ring(Films(recipe["world"], s["size"], step), r["capacity"], r["fresh"])
            ring.fill(r["fill"])
            if s.get("distil"):
                if taught is None:
                    taught = {n: p.clone() for n, p in ema.weights.items()}
                    model.load_state_dict(taught)
                    twins.follow()
                    ema.count = 0           # the average is of what follows alone
                teacher = Film(configs(words), words.crop).to(device())
                teacher.load_state_dict({n: p.float() for n, p in taught.items()})
                teacher.bfloat16().requires_grad_(False)
        # Every other step looks closely at the things of more films: shapes are little of a picture.
        count, window = s["batch"], None
        if "window" in s and step % 2:
            count, frames, side = s["window"]
            window = int(rng.integers((world.FRAMES - 1) // 4 + 2 - frames)), frames, side
        whole = noisy(ring.batch(rng, count), s, window)

        def learn(i):
            part = [e if e is None else e[i::team.size] for e in whole]
            loss = loss_of(twins.twins[i], teacher, part, s, nothing) * (len(part[0]) / count)
            loss.backward()
            return loss.item()

        loss = sum(team.map(learn, range(min(team.size, count))))
        twins.gradients()
        torch.nn.utils.clip_grad_norm_([p for _, p in learned], 1.0)
        opt.step(min(1, (step + 1) / 100) * min(1.0, 0.05 + (1 - done) / 0.3), team)
        twins.follow()
        ema.update(model)
        step += 1
        sums.append(loss)
        if step % 20 == 0:
            log.row(step, clock(), index, s["size"], float(np.mean(sums)))
            sums = []
        if time.time() - saved > 60:
            keep()
            saved = time.time()
    keep()
    ring.close()


if __name__ == "__main__":
    main()
