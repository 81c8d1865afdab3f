"""The encoder of the VAE in closed form.

A latent of 4 x 8 x 8 pixels is their projection on 16 principal components, found level by level as the encoder's
strided convolutions reach them: 2 x 2 pixels to 8 numbers, 2 x 2 x 2 of these to 16, and again to 16. So a film is
encoded by one product of matrices, and the transformer can be trained while the decoder still is. `encoder` writes the
same map as weights of the published encoder: residual branches of zero, and for each number x two channels x and -x,
as silu(x) - silu(-x) = x. Channels of a large constant hold the last GroupNorm's deviation still.

    python3 basis.py [narrow|full]      writes FOLDER/basis.pt and says what is lost
"""

import os
import sys

import numpy as np
import torch

import world
from common import RUN, psnr, save_state
from recipe import SEED

KEPT = (8, 16, 16)
SPREAD = 0.25               # component i is divided by its variance to this power
CONSTANT = 512.0


def fold(x, time):
    """[T, H, W, C] to [T', H/2, W/2, C * 4 or 8], each pair of frames ending at an even one."""
    t, h, w, c = x.shape
    if time:
        x = np.concatenate([x[:1], x])
        x = x.reshape(-1, 2, h, w, c)
    else:
        x = x[:, None]
    n, k = x.shape[:2]
    x = x.reshape(n, k, h // 2, 2, w // 2, 2, c).transpose(0, 2, 4, 1, 3, 5, 6)
    return x.reshape(n, h // 2, w // 2, -1)


def rounded(x):
    return torch.from_numpy(np.ascontiguousarray(x)).bfloat16().double().numpy()


def principal(rows, keep):
    """Centred covariance's first vectors, their variances, and the mean."""
    rows = np.concatenate([r.reshape(-1, r.shape[-1]) for r in rows]).astype(np.float64)
    mean = rows.mean(0)
    w, v = np.linalg.eigh(rows.T @ rows / len(rows) - np.outer(mean, mean))
    v = v[:, ::-1][:, :keep].T
    v = v * np.sign(v.sum(1, keepdims=True) + 1e-12)
    return rounded(v), w[::-1][:keep], mean


def drawn(which, count, kind="train", seed=2):
    for i in range(count):
        rng = np.random.default_rng((SEED, seed, i))
        yield world.paint(world.draw(rng, which, kind)) / 127.5 - 1


def make(which, count=120):
    films, levels = list(drawn(which, count)), []
    for keep, time in zip(KEPT, (False, True, True)):
        films = [fold(f, time) for f in films]
        p, variance, mean = principal(films, keep)
        levels.append(p)
        films = [f @ p.T for f in films]
    scale = rounded(variance ** -SPREAD / np.sqrt((variance ** (1 - 2 * SPREAD)).mean()))
    # The three maps as one: basis vectors of the last level, taken back to pixels.
    whole = np.eye(16)
    size = (1, 1, 1)
    for p, time in zip(levels[::-1], (2, 2, 1)):
        n = whole.shape[0]
        a = (whole.reshape(n, -1, p.shape[0]) @ p).reshape(n, *size, time, 2, 2, -1)
        a = a.transpose(0, 1, 4, 2, 5, 3, 6, 7)
        size = tuple(s * k for s, k in zip(size, (time, 2, 2)))
        whole = a.reshape(n, *size, -1).reshape(n, np.prod(size), -1)
    whole = whole.reshape(16, 4, 8, 8, 3)
    shift = -scale * (levels[2] @ mean)
    return {**{f"level{i}": torch.from_numpy(p) for i, p in enumerate(levels)}, "scale": torch.from_numpy(scale),
            "shift": torch.from_numpy(shift), "whole": torch.from_numpy(whole.reshape(16, -1) * scale[:, None])}


class Basis:
    """Encodes films between -1 and 1."""

    def __init__(self, path=None):
        b = torch.load(path or os.path.join(RUN, "basis.pt"), weights_only=True)
        self.parts = b
        self.whole, self.shift = b["whole"].float(), b["shift"].float().numpy()

    def __call__(self, film):
        """[T, H, W, 3] to [16, (T - 1) / 4 + 1, H / 8, W / 8]."""
        x = np.concatenate([film[:1]] * 3 + [film]).astype(np.float32)
        t, h, w, _ = x.shape
        x = x.reshape(t // 4, 4, h // 8, 8, w // 8, 8, 3).transpose(0, 2, 4, 1, 3, 5, 6).reshape(-1, 768)
        # Of torch, which keeps to the threads of this process.
        z = (torch.from_numpy(x) @ self.whole.T).numpy() + self.shift
        return np.ascontiguousarray(z.reshape(t // 4, h // 8, w // 8, 16).transpose(3, 0, 1, 2))

    def back(self, z):
        """The best film that is linear in the latent."""
        w = self.whole.numpy()
        x = (z.transpose(1, 2, 3, 0) - self.shift) @ np.linalg.pinv(w).T
        t, h, wd = x.shape[:3]
        x = x.reshape(t, h, wd, 4, 8, 8, 3).transpose(0, 3, 1, 4, 2, 5, 6).reshape(4 * t, 8 * h, 8 * wd, 3)
        return x[3:]


@torch.no_grad()
def encoder(vae, parts):
    """Sets the weights of a net.Vae's encoder."""
    e = vae.encoder
    for name, p in [*e.named_parameters(), *vae.quant_conv.named_parameters()]:
        # Branches of next to nothing, rather than of zeros, which look like a broken file.
        if "conv2.conv.weight" in name or "to_out.0.weight" in name:
            p.mul_(1e-6)
        elif name.endswith("bias") or "conv1" not in name and "norm" not in name and "to_" not in name:
            p.zero_()
    last = e.conv_norm_out.num_channels
    e.conv_in.conv.weight[:3, :, 2, 1, 1] = torch.eye(3)
    for i in range(3):
        p = parts[f"level{i}"].float()
        short = e.down_blocks[i].resnets[0].conv_shortcut
        if short is not None:
            k = min(short.conv.weight.shape[:2])
            short.conv.weight[:k, :k, 0, 0, 0] = torch.eye(k)
        w = e.down_blocks[i].downsamplers[0].conv.conv.weight
        n = p.shape[1] // (4 if i == 0 else 8)
        p = p.reshape(p.shape[0], -1, 2, 2, n).permute(0, 4, 1, 2, 3)
        w[:p.shape[0], :n, 3 - p.shape[2]:, 1:, 1:] = p
    # Each group of the last norm: some x, as many -x, and constants that cancel.
    c = e.down_blocks[3].resnets[0].conv_shortcut.conv
    out, groups = e.conv_out.conv, e.conv_norm_out.num_groups
    size, held = last // groups, 16 // groups
    gain = CONSTANT * ((size - 2 * held) / size) ** 0.5
    for g in range(groups):
        for i in range(held):
            at, x = g * size + i, g * held + i
            c.weight[at, x], c.weight[at + held, x] = 1, -1
            s = parts["scale"][x].float()
            out.weight[x, at, 2, 1, 1], out.weight[x, at + held, 2, 1, 1] = s, -s
        rest = torch.arange(g * size + 2 * held, (g + 1) * size)
        c.bias[rest[::2]], c.bias[rest[1::2]] = CONSTANT, -CONSTANT
    e.conv_norm_out.weight.fill_(gain)
    out.bias[:16] = parts["shift"].float()
    out.bias[16:] = -12
    vae.quant_conv.weight[:, :, 0, 0, 0] = torch.eye(32)


def main():
    which = sys.argv[1] if len(sys.argv) > 1 else "narrow"
    os.makedirs(RUN, exist_ok=True)
    save_state(os.path.join(RUN, "basis.pt"), **make(which))
    b, loss, z = Basis(), [], []
    for x in drawn(which, 20, "held out"):
        z.append(b(x))
        loss.append(psnr(torch.from_numpy(b.back(z[-1])), torch.from_numpy(x)))
    z = np.stack(z)
    print(f"{np.mean(loss):.2f} dB by a linear decoder; deviation of the latent's channels:",
          *(f"{s:.2f}" for s in z.std((0, 2, 3, 4))))


if __name__ == "__main__":
    main()
