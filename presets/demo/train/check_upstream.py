"""Renders prompts from the same noise with zoetrope and with diffusers' HunyuanVideoPipeline, and compares.

    python3 check_upstream.py MODEL ZOETROPE

Needs diffusers, transformers and accelerate. Both compute in f32; the films are compared as bytes of Y'CbCr.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from diffusers import HunyuanVideoPipeline

import y4m
from common import save_tensors

PROMPTS = ("A red circle bounces on a white background", "here is a big blue star that gets smaller at sunset.",
           "An unheard of Zebra, 17 of them!")
FRAMES, SIZE, STEPS, GUIDANCE, SHIFT = 33, 128, 8, 4.0, 5.0
WANTED = 50.0


def main():
    model, program = sys.argv[1:3]
    torch.set_num_threads(2)
    pipe = HunyuanVideoPipeline.from_pretrained(model, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    # The tiles of the published code: a film of 33 frames is one, where diffusers would make tiles of 16 frames.
    pipe.vae.enable_tiling(256, 256, 64, 192, 192, 48)
    worst = float("inf")
    for i, prompt in enumerate(PROMPTS):
        noise = torch.randn(16, 9, 16, 16, generator=torch.Generator().manual_seed(i))
        with torch.no_grad():
            theirs = pipe(prompt=prompt, height=SIZE, width=SIZE, num_frames=FRAMES, latents=noise[None],
                          num_inference_steps=STEPS, guidance_scale=GUIDANCE, output_type="np").frames[0]
        theirs = y4m.planes(theirs * 255).astype(float)
        with tempfile.TemporaryDirectory() as folder:
            paths = os.path.join(folder, "noise.safetensors"), os.path.join(folder, "film.y4m")
            save_tensors(paths[0], {"noise": noise})
            subprocess.run([program, "render", "-m", model, "-p", prompt, "-W", str(SIZE), "-H", str(SIZE), "--frames",
                            str(FRAMES), "--steps", str(STEPS), "--guidance", str(GUIDANCE), "--flow-shift", str(SHIFT),
                            "--noise", paths[0], "--set", "precision=f32", "--set", "guidance_rounding=exact",
                            "-o", paths[1]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ours = y4m.read(paths[1]).astype(float)
        error = ((ours - theirs) ** 2).mean()
        got = 10 * np.log10(255 ** 2 / max(error, 1e-9))
        print(f"{got:6.2f} dB, at most {int(abs(ours - theirs).max())} of 255 apart, deviation {theirs.std():.1f}: "
              f"{prompt}")
        worst = min(worst, got)
    if worst < WANTED:
        sys.exit(f"{worst:.2f} dB, {WANTED} wanted")


if __name__ == "__main__":
    main()
