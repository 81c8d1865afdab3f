"""Pictures for the eye: how losses fell, and frames of films in rows.

    python3 picture.py losses OUT.png LOSSES.csv COLUMN     over steps, both axes from their least to their greatest
    python3 picture.py sheet OUT.png FILM.y4m...            six frames of each film in a row
    python3 picture.py drawn OUT.png COUNT [WORLD]          the same of drawn scenes
"""

import csv
import struct
import sys
import zlib

import numpy as np

import world
import y4m

WIDTH, HEIGHT, EDGE = 900, 300, 12


def png(path, rgb):
    """Writes an array [h, w, 3] of bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    h, w, _ = rgb.shape
    rows = b"".join(b"\0" + row.tobytes() for row in rgb)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def losses(path, column):
    with open(path, newline="") as f:
        # What a run repeats that was stopped counts as it was the second time.
        rows = {int(r["step"]): float(r[column]) for r in csv.DictReader(f) if r[column]}
    x = np.array(sorted(rows), float)
    y = np.array([rows[i] for i in x])
    out = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    out[EDGE:-EDGE, EDGE] = out[-EDGE, EDGE:-EDGE] = 120
    px = EDGE + (x - x.min()) / max(1e-9, np.ptp(x)) * (WIDTH - 2 * EDGE - 1)
    py = HEIGHT - EDGE - (y - y.min()) / max(1e-9, np.ptp(y)) * (HEIGHT - 2 * EDGE - 1)
    across = np.arange(int(px[0]), int(px[-1]) + 1)
    down = np.interp(across, px, py).astype(int)
    for a, b, c in zip(across, down, [down[0], *down]):
        out[min(b, c):max(b, c) + 2, a] = (42, 82, 222)
    print(f"{column} from {y[0]:.4g} to {y[-1]:.4g}, between {y.min():.4g} and {y.max():.4g}, over "
          f"{x[-1]:.0f} steps")
    return out


def row(film):
    picked = film[np.linspace(0, len(film) - 1, 6).round().astype(int)]
    return np.clip(np.rint(np.concatenate(list(picked), 1)), 0, 255).astype(np.uint8)


def main():
    kind, out, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    if kind == "losses":
        png(out, losses(*args))
    elif kind == "sheet":
        png(out, np.concatenate([row(y4m.colours(y4m.read(a))) for a in args]))
    else:
        rng = np.random.default_rng(0)
        scenes = [world.draw(rng, *args[1:]) for _ in range(int(args[0]))]
        print("\n".join(world.caption(s, rng) for s in scenes))
        png(out, np.concatenate([row(world.paint(s)) for s in scenes]))


if __name__ == "__main__":
    main()
