"""The model that ships renders what is asked for, by each of its presets: the colours of thing and ground are in the
film.

    shipped.py ZOETROPE
"""

import os
import subprocess
import sys
import tempfile

# Preset, prompt, and what the film's middle and border are, as red, green, blue between 0 and 255.
ASKED = [("demo", "A big red circle rests on a white background", (222, 38, 38), (236, 236, 232)),
         ("demo-fast", "a big yellow square stands still on navy", (250, 222, 48), (24, 32, 84)),
         ("demo-lesa", "A big blue heart that does not move on light green", (42, 82, 222), (170, 226, 168))]
NEAR = 60
SIDE, FRAMES = 128, 33


def colours(path):
    """Function of frame, row and column that gives a pixel of a film without subsampling."""
    with open(path, "rb") as f:
        data = f.read()
    start = data.index(b"\n") + 1
    frame = len(b"FRAME\n") + 3 * SIDE * SIDE
    if len(data) != start + FRAMES * frame:
        sys.exit(f"{path} has {len(data)} bytes, expected {start + FRAMES * frame}")

    def at(n, row, column):
        first = start + n * frame + len(b"FRAME\n") + row * SIDE + column
        y, b, r = (data[first + k * SIDE * SIDE] for k in range(3))
        y, b, r = (y - 16) / 219, (b - 128) / 112 * 0.9278, (r - 128) / 112 * 0.7874
        return tuple(255 * v for v in (y + r, y - (0.2126 * r + 0.0722 * b) / 0.7152, y + b))
    return at


def middle_of(values):
    return tuple(sorted(v[i] for v in values)[len(values) // 2] for i in range(3))


def main():
    zoetrope = sys.argv[1]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "film.y4m")
        for preset, prompt, thing, ground in ASKED:
            subprocess.run([zoetrope, "render", preset, "-p", prompt, "--existing", "replace", "-o", path], check=True,
                           stdout=subprocess.DEVNULL)
            at = colours(path)
            seen = [middle_of([at(n, r, c) for n in range(0, FRAMES, 4) for r in rows for c in columns])
                    for rows, columns in (((58, 64, 70), (58, 64, 70)), ((6, 121), (6, 64, 121)))]
            for what, got, want in zip(("thing", "ground"), seen, (thing, ground)):
                if max(abs(g - w) for g, w in zip(got, want)) > NEAR:
                    print(f"{preset}: {prompt}: the {what} is {[round(g) for g in got]}, expected about {want}")
                    failed += 1
    print(f"{2 * len(ASKED) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
