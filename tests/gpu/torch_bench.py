#!/usr/bin/env python3
"""What tests/gpu/bench.c times, in PyTorch on the same machine: torch_bench.py [FRAMES HEIGHT WIDTH].
Prints CSV: what, tokens, milliseconds, TFLOP/s, GB/s."""
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

D, HEADS, TEXT, DOUBLE, SINGLE = 3072, 24, 256, 20, 40
BF16 = torch.bfloat16


def time_of(fn, enough=0.3):
    """Seconds of one call: the best of three rounds."""
    def seconds(times):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(times):
            fn()
        torch.cuda.synchronize()
        return (time.perf_counter() - begin) / times
    seconds(1)
    once = seconds(1)
    times = 1 if once > enough else int(enough / (once + 1e-6)) + 1
    return min(seconds(times) for _ in range(3))


def report(what, tokens, fn, flops=0.0, size=0.0):
    try:
        seconds = time_of(fn)
    except Exception as e:      # a backend that is not there is no reason to stop
        print(f"{what} ({type(e).__name__}),{tokens},nan,nan,nan", flush=True)
        return float("nan")
    print(f"{what},{tokens},{seconds * 1e3:.4f},{flops / seconds * 1e-12:.1f},"
          f"{size / seconds * 1e-9:.1f}", flush=True)
    return seconds


def rand(*shape, size=1.0):
    return torch.randn(*shape, device="cuda", dtype=BF16) * size


def norm_mod(x, shift, scale):
    return F.layer_norm(x, (D,), eps=1e-6) * (1 + scale) + shift


def heads(x):
    return x.view(1, -1, HEADS, D // HEADS).transpose(1, 2)


def rope(x, cos, sin):
    a, b = x[..., 0::2].float(), x[..., 1::2].float()
    return torch.stack((a * cos - b * sin, b * cos + a * sin), -1).flatten(-2).to(BF16)


def positions(qkv, w, cos, sin, image):
    q, k, v = (heads(t) for t in qkv.split(D, -1))
    q, k = (F.rms_norm(t, (D // HEADS,), w, 1e-6) for t in (q, k))
    q, k = (torch.cat((rope(t[:, :, :image], cos, sin), t[:, :, image:]), 2) for t in (q, k))
    return q, k, v


def main():
    frames, height, width = map(int, sys.argv[1:4]) if len(sys.argv) > 3 else (65, 480, 640)
    image = ((frames - 1) // 4 + 1) * (height // 16) * (width // 16)
    n = image + TEXT
    torch.manual_seed(1)
    x, w = rand(n, D), {}
    for name, rows, cols in (("qkv", 3 * D, D), ("out", D, D), ("in", 4 * D, D), ("down", D, 4 * D),
                             ("all", D, 5 * D)):
        w[name] = rand(rows, cols, size=0.02), rand(rows, size=0.1)
    vector, norm = rand(D, size=0.1), rand(D // HEADS, size=0.1)
    cos, sin = (torch.randn(image, D // HEADS // 2, device="cuda") for _ in range(2))
    wide, qkv = rand(n, 4 * D), rand(n, 3 * D)
    attention, products = 4.0 * n * n * D, 2.0 * n * 12 * D * D

    def attend(q, k, v):
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, D)

    def double_block():
        parts = [F.linear(norm_mod(s, vector, vector), *w["qkv"]) for s in (x[:image], x[image:])]
        o = attend(*positions(torch.cat(parts), norm, cos, sin, image))
        for s, a in ((x[:image], o[:image]), (x[image:], o[image:])):
            y = s + vector * F.linear(a, *w["out"])
            h = F.gelu(F.linear(norm_mod(y, vector, vector), *w["in"]), approximate="tanh")
            y = y + vector * F.linear(h, *w["down"])
        return y

    def single_block():
        y = norm_mod(x, vector, vector)
        h = F.gelu(F.linear(y, *w["in"]), approximate="tanh")
        o = attend(*positions(F.linear(y, *w["qkv"]), norm, cos, sin, image))
        return x + vector * F.linear(torch.cat((o, h), -1), *w["all"])

    print("what,tokens,ms,tflops,gbs")
    with torch.inference_mode():
        big = rand(8192, 8192)
        report("peak 8192x8192x8192", 8192, lambda: big @ big, 2.0 * 8192 ** 3)
        report("linear 3D from D", n, lambda: F.linear(x, *w["qkv"]), 2.0 * n * 3 * D * D)
        report("linear 4D from D gelu", n,
               lambda: F.gelu(F.linear(x, *w["in"]), approximate="tanh"), 2.0 * n * 4 * D * D)
        report("linear 4D from D", n, lambda: F.linear(x, *w["in"]), 2.0 * n * 4 * D * D)
        report("linear D from 4D", n, lambda: F.linear(wide, *w["down"]), 2.0 * n * 4 * D * D)
        q, k, v = (heads(t).contiguous() for t in qkv.split(D, -1))
        for name, backend in (("flash", SDPBackend.FLASH_ATTENTION),
                              ("cudnn", SDPBackend.CUDNN_ATTENTION)):
            with sdpa_kernel(backend):
                report(f"attend {name}", n, lambda: attend(q, k, v), attention)
        for name, backend in (("flash", SDPBackend.FLASH_ATTENTION),
                              ("cudnn", SDPBackend.CUDNN_ATTENTION)):
            for kind, wrap in (("eager", lambda f: f), ("compiled", torch.compile)):
                with sdpa_kernel(backend):
                    two = report(f"double block {name} {kind}", n, wrap(double_block),
                                 products + attention)
                    one = report(f"single block {name} {kind}", n, wrap(single_block),
                                 products + attention)
                step = DOUBLE * two + SINGLE * one
                print(f"step {name} {kind},{n},{step * 1e3:.2f},"
                      f"{60 * (products + attention) / step * 1e-12:.1f},0", flush=True)


if __name__ == "__main__":
    main()
