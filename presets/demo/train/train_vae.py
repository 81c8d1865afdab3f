"""Trains the decoder of the VAE on films drawn as they are needed; basis.py made its encoder.

    DEMO_RUN=FOLDER python3 train_vae.py [cpu|gpu|try] [MINUTES OF THIS RUN]

Goes on where an earlier run stopped: from FOLDER/vae.pt, or from the averaged weights FOLDER/vae_ema.pt alone. Needs
FOLDER/basis.pt. Losses go to FOLDER/vae.csv.
"""

import os
import sys
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch

import world
from basis import Basis, encoder
from common import RUN, Average, Clock, Log, Optimizer, autocast, device, load_state, psnr, save_state, workers
from net import Vae, vae_config
from recipe import RECIPES, SEED, VAE


def film(seed, which, frames, size, kind="train"):
    """A window of a drawn film, [3, frames, size, size] between -1 and 1; at 64 it is the whole view or a part."""
    rng = np.random.default_rng((SEED, 1, seed))
    scene = world.draw(rng, which, kind)
    start = 4 * rng.integers((world.FRAMES - frames) // 4 + 1)
    whole = size == world.SIZE or rng.uniform() < 0.5
    x = world.paint(scene, size if whole else world.SIZE, range(start, start + frames))
    if not whole:
        at = 8 * rng.integers((world.SIZE - size) // 8 + 1, size=2)
        x = x[:, at[0]:at[0] + size, at[1]:at[1] + size]
    if rng.uniform() < 0.5:
        x = x[:, :, ::-1]
    return x.astype(np.float32) / 127.5 - 1


def channels_first(x):
    return np.ascontiguousarray(x.transpose(3, 0, 1, 2))


def batch(seed, which, frames, size, count):
    """Latents and films."""
    films = [film(seed * 1000 + i, which, frames, size) for i in range(count)]
    basis = Basis()
    return np.stack([basis(x) for x in films]), np.stack([channels_first(x) for x in films])


def edges(a, b):
    """How far the differences between neighbours are apart, in space and time."""
    return sum(((a.diff(dim=d) - b.diff(dim=d)).abs().mean()) for d in (2, 3, 4))


def validate(model, which):
    out = []
    for i in range(4):
        z, x = (torch.from_numpy(a).to(device()) for a in batch(10 ** 6 + i, which, world.FRAMES, world.SIZE, 1))
        with torch.no_grad(), autocast():
            out.append(psnr(model.decode(z).float().clamp(-1, 1), x))
    return float(np.mean(out))


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    recipe = RECIPES[name]
    r, which = recipe["vae"], recipe["world"]
    limit = 60 * float(sys.argv[2]) if len(sys.argv) > 2 else 1e9
    os.makedirs(RUN, exist_ok=True)
    torch.manual_seed(SEED)
    c = vae_config(**VAE, scaling=1.0)
    model = Vae(**c)
    for n, p in model.named_parameters():
        if n.endswith("conv2.conv.weight"):
            p.data.mul_(0.1)
    encoder(model, Basis().parts)
    model.to(device(), memory_format=torch.channels_last_3d)
    learned = [(n, p) for n, p in model.named_parameters() if n.startswith(("decoder", "post_quant"))]
    opt = Optimizer(learned, r["lr"], r["adam"], plain=lambda n: "decoder.conv_out" in n)
    ema = Average(model, 200)
    path, step, before = os.path.join(RUN, "vae.pt"), 0, 0.0
    small = os.path.join(RUN, "vae_ema.pt")
    state = load_state(path) or load_state(small)
    if state:
        ema.weights, ema.count = {n: p.float() for n, p in state["ema"].items()}, state["ema_count"]
        model.load_state_dict(state.get("model", ema.weights))
        if "opt" in state:
            opt.load_state_dict(state["opt"])
        step, before = state["step"], state["seconds"]
    clock, started = Clock(before), time.time()
    log = Log(os.path.join(RUN, "vae.csv"), ("step", "seconds", "frames", "size", "l1", "edges", "psnr",
                                             "held_out_psnr"))
    pool = ProcessPoolExecutor(workers(), get_context("spawn")) if workers() else None
    coming, sums, saved, checked = deque(), [], time.time(), clock()

    def films(phase):
        """The next latents and films; with a pool, many are on their way."""
        if not pool:
            return batch(step, which, *phase)
        while coming and coming[0][0] != phase:
            coming.popleft()
        while len(coming) < 24:
            coming.append((phase, pool.submit(batch, step + len(coming), which, *phase)))
        return coming.popleft()[1].result()

    def keep():
        shared = {"ema_count": ema.count, "step": step, "seconds": clock(), "config": c}
        save_state(small, ema={n: p.bfloat16() for n, p in ema.weights.items()}, **shared)
        save_state(path, model=model.state_dict(), ema=ema.weights, opt=opt.state_dict(), **shared)

    while time.time() - started < limit:
        done = max(clock() / (60 * r["minutes"]), step / r["steps"])
        if done >= 1:
            break
        at = 0.0
        for frames, size, count, share in r["phases"]:
            at += share
            if done < at:
                break
        z, x = (torch.from_numpy(a).to(device(), memory_format=torch.channels_last_3d)
                for a in films((frames, size, count)))

        with autocast():
            y = model.decode(z + r["noise"] * torch.randn_like(z)).float()
        l1, sharp, mse = (y - x).abs().mean(), edges(y, x), (y - x).square().mean()
        loss = 0.5 * l1 + 2 * mse + 0.5 * sharp
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for _, p in opt.adam], 1.0)
        opt.step(min(1, (step + 1) / 50) * min(1.0, 0.03 + (1 - done) / 0.5))
        ema.update(model)
        step += 1
        sums.append((l1.item(), sharp.item(), psnr(y.detach(), x)))
        if step % 20 == 0:
            held = ""
            if clock() - checked > 120:
                test = Vae(**c).to(device())
                test.load_state_dict(ema.weights)
                held, checked = validate(test, which), clock()
            log.row(step, clock(), frames, size, *map(float, np.mean(sums, 0)), held)
            sums = []
        if time.time() - saved > 45:
            keep()
            saved = time.time()
    keep()
    if pool:
        pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    main()
