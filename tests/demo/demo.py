"""The world of presets/demo: what is drawn is the same every time, is found again in the film, and can be said in
tokens. Skipped where numpy is missing, which nothing else needs.

    demo.py
"""

import os
import sys

try:
    import numpy as np
except ImportError:
    print("numpy is missing")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
DEMO = os.path.join(HERE, "..", "..", "presets", "demo")
sys.path.insert(0, os.path.join(DEMO, "train"))

import measure      # noqa: E402
import shapes       # noqa: E402
import words        # noqa: E402
import world        # noqa: E402


def check(what, ok):
    if not ok:
        sys.exit(f"failed: {what}")


def scenes(count, which, kind="train"):
    rng = np.random.default_rng(3)
    return [(s, world.caption(s, rng)) for s in (world.draw(rng, which, kind) for _ in range(count))]


def main():
    first, again = scenes(300, "full"), scenes(300, "full")
    check("a seed gives the same scenes and captions", first == again)
    check("captions differ", len({c for _, c in first}) > 290)
    check("nothing held out is trained on", not any(world.held_out(s) for s, _ in first))
    check("what is held out is", all(world.held_out(s) for s, _ in scenes(20, "narrow", "held out")))

    # Every name is painted, also at parts of a film, which are parts of the whole film.
    rng = np.random.default_rng(4)
    for shape in shapes.SHAPES:
        scene = {"ground": "white", "place": "middle", "light": "even", "camera": "fixed", "phase": 0.5, "things": [
            {"shape": shape, "colour": "black", "surface": "plain", "size": "big", "motion": "still", "dx": 0.0,
             "dy": 0.0}]}
        film = world.paint(scene, 64, [0])
        share = (film.sum(-1) < 380).mean()
        check(f"{shape} covers {share:.3f} of the frame", 0.03 < share < 0.25)
    for scene, _ in first[:12]:
        whole, part = world.paint(scene, 32), world.paint(scene, 32, [5, 6])
        check("frames do not depend on one another", np.abs(whole[5:7] - part).max() < 0.01)
        check("colours are in range", np.isfinite(whole).all() and whole.min() > -1 and whole.max() < 256)

    tokens = words.Words(os.path.join(DEMO, "model"))
    check(f"the template has {tokens.crop} tokens, the published one 95", tokens.crop == 95)
    for _, caption in first:
        llama, clip = tokens(caption)
        spelt = len(words.LLAMA.findall(caption)) + tokens.crop + 1
        check(f"every word of {caption!r} is a token", len(llama) == spelt)
        check(f"{caption!r} fits both encoders", len(clip) < 77 and len(llama) < tokens.crop + 256)

    # A film through Y4M: the thing is still found.
    path = "demo_test.y4m"
    for scene, caption in measure.scenes(4):
        measure.y4m.write(path, world.paint(scene))
        seen, thing = measure.look(measure.y4m.colours(measure.y4m.read(path))), scene["things"][0]
        asked = [thing["colour"], thing["motion"], thing["shape"], scene["ground"]]
        found = [seen["colour"], seen["motion"], seen["shape"], seen["ground"]]
        check(f"{caption!r}: asked for {asked}, seen {found}", asked == found)
    os.remove(path)
    print("ok")


if __name__ == "__main__":
    main()
