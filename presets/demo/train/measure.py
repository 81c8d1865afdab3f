"""Looks for what held-out prompts asked for in the films made of them: a program, not a network.

    python3 measure.py drawn [COUNT]                      films as they are drawn: what this program can see
    python3 measure.py linear [COUNT]                     through the latent and back, linearly
    python3 measure.py vae MODEL [COUNT]                  through a model's decoder
    python3 measure.py model MODEL ZOETROPE [COUNT] [FLAG ...]      rendered by zoetrope with those flags

WORLD=narrow or full in the environment. The ground is the one whose painting most pixels are nearest to; what is not
ground is the thing, its colour the one most of its pixels are nearest to, its motion the path that its centre and size
follow, its shape the outline that covers it best.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

import world
import y4m
from shapes import ROUND, SHAPES

WHICH = os.environ.get("WORLD", "narrow")
SEED, SMALL = 11, 64
U = np.arange(world.FRAMES) / (world.FRAMES - 1)
SEEN = np.arange(0, world.FRAMES, 4)
GRID = (np.arange(SMALL) + 0.5) * 2 / SMALL - 1


def scenes(count):
    """Held-out scenes of one thing in even light before a camera at rest, and captions."""
    rng = np.random.default_rng(SEED)
    out = []
    while len(out) < count:
        s = world.draw(rng, WHICH, "held out")
        if s["light"] == "even" and s["camera"] == "fixed" and len(s["things"]) == 1:
            out.append((s, world.caption(s, rng)))
    return out


def find_ground(film):
    """The ground's name, and its painting of the film's size moved to the film's own colours."""
    best = None
    for name in world.GROUNDS:
        g = world.paint_ground(name, GRID[None, None, :], GRID[None, :, None], np.full((1, 1, 1), 0.5), 0.5)[0]
        d = np.abs(film - g).sum(-1)
        cost = np.sort(d.ravel())[:int(0.7 * d.size)].mean()
        if best is None or cost < best[0]:
            best = cost, name, g
    near = np.abs(film - best[2]).sum(-1) < 90
    shift = np.median((film - best[2])[near], 0) if near.any() else 0
    return best[1], best[2] + shift


def disc(x, y, size):
    """Centre and size of a disc as far as it lies in the frame."""
    a = np.clip(0.5 - (np.hypot(GRID[None, None, :] - x[:, None, None], GRID[None, :, None] - y[:, None, None])
                       - size[:, None, None]) * SMALL / 2, 0, 1)
    return centre(a)


def centre(mask):
    total = mask.sum((1, 2)) + 1e-6
    return ((mask * GRID[None, None, :]).sum((1, 2)) / total, (mask * GRID[None, :, None]).sum((1, 2)) / total,
            np.sqrt(total) / SMALL * 2)


def find_motion(mask):
    x, y, s = centre(mask)
    best = None
    for m in world.MOTIONS:
        if m == "spin":
            continue
        t = {"motion": m, "dx": 0.0, "dy": 0.0, "size": "medium"}
        px, py, ps, _ = world.path(t, "middle", U)
        scale = s.mean() / 1.77 / ps.mean()
        ox = oy = 0.0
        for _ in range(2):
            ex, ey, es = disc(px + ox, py + oy, ps * scale)
            ox, oy = ox + (x - ex).mean(), oy + (y - ey).mean()
        ratio = np.log((s + 1e-3) / (es + 1e-3))
        cost = ((x - ex - (x - ex).mean()) ** 2).mean() + ((y - ey - (y - ey).mean()) ** 2).mean() \
            + 0.2 * ratio.var() + 0.02 * (ox ** 2 + oy ** 2)
        if best is None or cost < best[0]:
            best = cost, m
    return best[1]


def find_shape(mask, motion):
    """The shape, and whether it turns."""
    x, y, s = (v[SEEN] for v in centre(mask))
    whole = [i for i in range(len(SEEN)) if not (mask[SEEN[i]][[0, -1]].max() > 0.5
                                                 or mask[SEEN[i]][:, [0, -1]].max() > 0.5)] or range(len(SEEN))
    if motion == "behind":
        whole = sorted(range(len(SEEN)), key=lambda i: -s[i])[:2]
    best = None
    for name, outline in SHAPES.items():
        one = outline(*np.meshgrid(GRID * 1.3, GRID * 1.3)) < 0
        area = one.mean() * 1.3 ** 2 * 4
        cx, cy = ((one * g).sum() / one.sum() * 1.3 for g in (GRID[None], GRID[:, None]))
        for spins in (False, True):
            if spins and (motion != "still" or name in ROUND):
                continue
            score = 0.0
            for i in whole:
                size = s[i] / np.sqrt(area)
                a = np.pi * U[SEEN[i]] if spins else 0.0
                if motion == "swing":
                    a = -0.7 * np.sin(2 * np.pi * U[SEEN[i]])
                qx, qy = (GRID[None] - x[i]) / size, (GRID[:, None] - y[i]) / size
                q = np.cos(a) * qx + np.sin(a) * qy + cx, np.cos(a) * qy - np.sin(a) * qx + cy
                painted = np.clip(0.5 - outline(*np.broadcast_arrays(*q)) * size * SMALL / 2, 0, 1)
                m = mask[SEEN[i]]
                score += np.minimum(painted, m).sum() / (np.maximum(painted, m).sum() + 1e-6)
            score /= len(whole)
            if best is None or score > best[0]:
                best = score, name, spins
    return best


def find_colour(pixels):
    """The colour that these are nearest to, or to the way from it to the second one of its surfaces."""
    def cost(name):
        c = np.array(world.COLOURS[name], float)
        way = world.second_colour(c) - c
        t = np.clip((pixels - c) @ way / (way @ way), 0, 1)
        return np.median(np.abs(pixels - c - t[:, None] * way).sum(-1) + 20 * t)
    return min(world.COLOURS, key=cost)


def behind_post(film):
    """Whether a post stands in the middle, as wide as it is painted."""
    middle = np.median(film[:, :, np.abs(GRID) < 0.15], (0, 1, 2))
    return np.abs(middle - world.POST).sum() < 60 and film[:, :, np.abs(GRID) < 0.15].std((0, 1, 2)).max() < 30


def look(film):
    """What is seen in a film [n, 128, 128, 3] between 0 and 255."""
    f = film.reshape(len(film), SMALL, 2, SMALL, 2, 3).mean((2, 4))
    ground, painted = find_ground(f)
    apart = np.abs(f - painted).sum(-1)
    post = behind_post(f)
    if post:
        apart[:, :, np.abs(GRID) < 0.24] = 0
    mask = np.clip((apart - 40) / 80, 0, 1)
    sure = apart > np.percentile(apart, 99) * 0.6
    if sure.sum() < 20:
        return {"ground": ground, "colour": "none", "motion": "none", "shape": "none", "cover": 0.0}
    colour = find_colour(f[sure])
    motion = "behind" if post else find_motion(mask)
    cover, shape, spins = find_shape(mask, motion)
    return {"ground": ground, "colour": colour, "motion": "spin" if spins else motion, "shape": shape, "cover": cover}


def rendered(model, program, prompt, seed, flags):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "film.y4m")
        subprocess.run([program, "render", "-m", model, "-p", prompt, "-W", "128", "-H", "128", "--frames", "33", "-s",
                        str(seed), *flags, "-o", path], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return y4m.colours(y4m.read(path))


def through(basis, decode, film):
    return (np.clip(decode(basis(film / 127.5 - 1)), -1, 1) + 1) * 127.5


def decoder(model):
    """The shipped decoder."""
    import torch

    from export import load_vae
    vae = load_vae(model)

    def decode(z):
        with torch.no_grad():
            return vae.decode(torch.from_numpy(z)[None])[0].permute(1, 2, 3, 0).numpy()
    return decode


def main():
    kind, args = sys.argv[1], sys.argv[2:]
    taken = {"vae": 1, "model": 2}.get(kind, 0)
    places, args = args[:taken], args[taken:]
    count, flags = (int(args[0]), args[1:]) if args and args[0].isdigit() else (200, args)
    decode = basis = None
    if kind in ("linear", "vae"):
        from basis import Basis
        basis = Basis()
        decode = basis.back if kind == "linear" else decoder(places[0])
    right, noise = {k: 0 for k in ("colour", "motion", "ground", "shape")}, []
    for i, (scene, prompt) in enumerate(scenes(count)):
        thing = scene["things"][0]
        if kind == "model":
            film = rendered(*places, prompt, i, flags)
        else:
            film = drawn = world.paint(scene)
            if decode:
                film = through(basis, decode, drawn)
                noise.append(10 * np.log10(255 ** 2 / ((film - drawn) ** 2).mean()))
        seen = look(film)
        asked = {**{k: thing[k] for k in ("colour", "motion", "shape")}, "ground": scene["ground"]}
        wrong = [f"{k} {asked[k]} looks like {seen[k]}" for k in right if seen[k] != asked[k]]
        for k in right:
            right[k] += seen[k] == asked[k]
        if wrong:
            print(f"{i}: {prompt}: {', '.join(wrong)}")
    print(f"{count} films:", ", ".join(f"{k} {100 * n / count:.1f} %" for k, n in right.items()),
          f"; {np.mean(noise):.2f} dB" if noise else "")


if __name__ == "__main__":
    main()
