"""What every training script needs: optimizer, averaged weights, files that survive a kill, and the log of losses."""

import copy
import csv
import json
import os
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

RUN = os.environ.get("DEMO_RUN", "build-train")
MODEL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "model")


def device():
    return "cuda" if torch.cuda.is_available() else "cpu"


def workers():
    """Processes that draw films; none where the processor is needed for training itself."""
    return max(2, os.cpu_count() // 2) if torch.cuda.is_available() else 0


def autocast():
    return torch.autocast(device(), torch.bfloat16)


class Log:
    """Rows of a CSV file; a run that is resumed goes on in the same file."""

    def __init__(self, path, fields):
        new = not os.path.exists(path)
        self.file = open(path, "a", newline="")
        self.writer = csv.writer(self.file)
        if new:
            self.writer.writerow(fields)

    def row(self, *values):
        self.writer.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in values])
        self.file.flush()


def save_state(path, **state):
    """A checkpoint that is there as a whole or not at all."""
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def load_state(path):
    return torch.load(path, map_location=device(), weights_only=True) if os.path.exists(path) else None


class Clock:
    """Seconds of training, those of earlier runs included."""

    def __init__(self, before=0.0):
        self.before, self.start = before, time.time()

    def __call__(self):
        return self.before + time.time() - self.start


def orthogonal(g):
    """The nearest matrix with equal singular values, by five Newton-Schulz steps (as Muon does)."""
    x = g.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = (x.T if tall else x) / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.T if tall else x).to(g.dtype)


def map_all(work, items):
    return list(map(work, items))


class Optimizer:
    """Muon for matrices and filters, Adam for everything else; `plain(name)` picks what Adam takes besides."""

    def __init__(self, named, lr_muon, lr_adam, plain=lambda name: False, decay=0.0):
        self.named = list(named)
        self.muon = [(n, p) for n, p in self.named if p.dim() >= 2 and not plain(n)]
        chosen = {n for n, _ in self.muon}
        self.adam = [(n, p) for n, p in self.named if n not in chosen]
        self.lr_muon, self.lr_adam, self.decay = lr_muon, lr_adam, decay
        self.state = {n: torch.zeros_like(p) for n, p in self.muon}
        self.state.update({f"{n}.{k}": torch.zeros_like(p) for n, p in self.adam for k in ("m", "v")})
        self.count = 0

    @torch.no_grad()
    def muon_step(self, n, p, scale):
        m = self.state[n].mul_(0.95).add_(p.grad, alpha=0.05)
        g = p.grad.lerp(m, 0.95).flatten(1)
        o = orthogonal(g).view_as(p) * max(1.0, g.shape[0] / g.shape[1]) ** 0.5
        p.mul_(1 - self.decay * scale * self.lr_muon).add_(o, alpha=-scale * self.lr_muon)

    @torch.no_grad()
    def step(self, scale=1.0, team=None):
        self.count += 1
        (team.map if team else map_all)(lambda np: self.muon_step(*np, scale),
                                        [(n, p) for n, p in self.muon if p.grad is not None])
        c1, c2 = 1 - 0.9 ** self.count, 1 - 0.98 ** self.count
        for n, p in self.adam:
            if p.grad is None:
                continue
            m = self.state[n + ".m"].lerp_(p.grad, 0.1)
            v = self.state[n + ".v"].lerp_(p.grad.square(), 0.02)
            p.sub_(scale * self.lr_adam * (m / c1) / ((v / c2).sqrt() + 1e-8))
        for _, p in self.named:
            p.grad = None

    def state_dict(self):
        return {"state": self.state, "count": self.count}

    def load_state_dict(self, d):
        for n, t in d["state"].items():
            self.state[n].copy_(t)
        self.count = d["count"]


class Average:
    """An exponential average of the weights that forgets its beginning: its length grows with the steps."""

    def __init__(self, model, longest):
        self.longest, self.count = longest, 0
        self.weights = {n: p.detach().clone() for n, p in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model):
        self.count += 1
        k = max(1 / self.longest, 1 / (1 + 0.2 * self.count))
        for n, p in model.state_dict().items():
            self.weights[n].lerp_(p, k)


class Team:
    """Threads that work side by side, each with one of the processor's: more is done so than by all of them in turn
    at each of many small operations. One on a GPU."""

    def __init__(self):
        self.size = 1 if torch.cuda.is_available() else int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))
        self.pool = ThreadPoolExecutor(self.size)
        if not torch.cuda.is_available():
            torch.set_num_threads(1)

    def map(self, work, items):
        return list(self.pool.map(work, items) if self.size > 1 else map(work, items))


class Twins:
    """Copies in bf16 that are run in a model's place, one for each of a team; their gradients are the model's."""

    def __init__(self, model, count):
        self.model, self.twins = model, [copy.deepcopy(model).bfloat16() for _ in range(count)]

    def gradients(self):
        for p, *twins in zip(self.model.parameters(), *(t.parameters() for t in self.twins)):
            grads = [t.grad.float() for t in twins if t.grad is not None]
            p.grad = sum(grads) if grads else None
            for t in twins:
                t.grad = None

    @torch.no_grad()
    def follow(self):
        for p, *twins in zip(self.model.parameters(), *(t.parameters() for t in self.twins)):
            for t in twins:
                t.copy_(p)


def psnr(a, b, peak=2.0):
    return float(10 * np.log10(peak * peak / max(1e-12, float((a - b).square().mean()))))


def save_tensors(path, tensors):
    """A safetensors file."""
    kinds = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float8_e4m3fn: "F8_E4M3"}
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        blob = t.reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": kinds[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load_tensors(path):
    """All of a safetensors file, as f32."""
    kinds = {"F32": torch.float32, "BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn}
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = bytearray(f.read())
    header.pop("__metadata__", None)
    return {n: torch.frombuffer(data, dtype=kinds[e["dtype"]], offset=e["data_offsets"][0],
                                count=int(np.prod(e["shape"]))).reshape(e["shape"]).float() for n, e in header.items()}


def save_json(path, value):
    with open(path, "w", encoding="ascii", newline="\n") as f:
        json.dump(value, f, indent=1)
        f.write("\n")
