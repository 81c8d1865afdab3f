"""Cuts the state of a training into files small enough to be carried between machines, and joins them again.

    python3 carry.py out RUN FOLDER        what a later run needs of RUN, in parts
    python3 carry.py in FOLDER RUN         the way back
"""

import glob
import os
import sys

WANTED = ("basis.pt", "words.pt", "vae_ema.pt", "film_ema.pt", "vae.csv", "film.csv")
PART = 15 << 20


def main():
    way, source, target = sys.argv[1:4]
    os.makedirs(target, exist_ok=True)
    if way == "out":
        for name in WANTED:
            if not os.path.exists(os.path.join(source, name)):
                continue
            with open(os.path.join(source, name), "rb") as f:
                for i, part in enumerate(iter(lambda: f.read(PART), b"")):
                    with open(os.path.join(target, f"{name}.{i}"), "wb") as out:
                        out.write(part)
    else:
        for name in WANTED:
            parts = sorted(glob.glob(os.path.join(source, name + ".[0-9]")))
            if parts:
                with open(os.path.join(target, name), "wb") as out:
                    for p in parts:
                        with open(p, "rb") as f:
                            out.write(f.read())


if __name__ == "__main__":
    main()
